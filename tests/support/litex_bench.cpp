// A design of LiteX with a port to its bus, driven by the lines of a file: "w address data", "r address" (prints the
// data), "p address mask wanted" (reads until the bits are so). Numbers are hexadecimal, addresses are of bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vlitex_bench.h"
#include "shape.h"

static Vlitex_bench top;

static void cycle() {
    top.sys_clk = 0;
    top.eval();
    top.sys_clk = 1;
    top.eval();
}

static uint32_t access(uint32_t address, bool write, uint32_t data) {
    top.host_adr = address / 4;
    top.host_dat_w = data;
    top.host_sel = 15;
    top.host_we = write;
    top.host_cyc = top.host_stb = 1;
    for (int n = 0; n < 10000; ++n) {
        top.sys_clk = 0;
        top.eval();
        const bool done = top.host_ack, wrong = top.host_err;
        const uint32_t found = top.host_dat_r;
        cycle();
        if (wrong) break;
        if (done) {
            top.host_cyc = top.host_stb = 0;
            cycle();
            return found;
        }
    }
    printf("no answer at %x\n", address);
    exit(3);
}

int main(int, char** arguments) {
    FILE* file = fopen(arguments[1], "r");
    char kind;
    unsigned address, first, second;
    top.sys_rst = 1;
    for (int n = 0; n < 8; ++n) cycle();
    top.sys_rst = 0;
    while (fscanf(file, " %c %x", &kind, &address) == 2) {
        if (kind == 'w') {
            if (fscanf(file, "%x", &first) != 1) return 2;
            access(address, true, first);
        } else if (kind == 'r') {
            printf("%08x\n", access(address, false, 0));
        } else {
            if (fscanf(file, "%x %x", &first, &second) != 2) return 2;
            int n = 0;
            while ((access(address, false, 0) & first) != second)
                if (++n == 100000) {
                    printf("never at %x\n", address);
                    return 3;
                }
        }
    }
    return 0;
}

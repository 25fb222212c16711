// The design behind a serial port as a program: bytes of the line on standard input and output. flow/boards/verilator_models.py builds it
// and writes shape.h. Time stands still while nobody says anything, so a host may take as long as it likes.
#include <cstdint>
#include <poll.h>
#include <unistd.h>

#include "Vserial.h"
#include "shape.h"

static Vserial top;

static void tick() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

// Levels of the line to the board: start bit, eight bits, stop bit.
struct Sender {
    uint8_t buffer[4096];
    ssize_t fill = 0, at = 0;
    int bit = 10, time = 0;
    unsigned shift = 0;
    bool closed = false;

    bool idle() const { return bit == 10 && at == fill; }

    void poll_input(bool wait) {
        pollfd wanted = {0, POLLIN, 0};
        if (closed || poll(&wanted, 1, wait ? -1 : 0) <= 0) return;
        fill = read(0, buffer, sizeof buffer);
        at = 0;
        closed = fill <= 0;
    }

    bool level() {
        if (bit == 10 && at < fill) {
            shift = (buffer[at++] << 1) | 0x200;
            bit = time = 0;
        }
        if (bit == 10) return true;
        const bool now = (shift >> bit) & 1;
        if (++time == CYCLES) {
            time = 0;
            ++bit;
        }
        return now;
    }
};

struct Receiver {
    int time = -1;
    unsigned shift = 0;

    bool take(bool level, uint8_t& byte) {
        if (time < 0) {
            if (!level) time = shift = 0;
            return false;
        }
        ++time;
        if (time % CYCLES == CYCLES / 2 && time > CYCLES) shift |= unsigned(level) << (time / CYCLES - 1);
        if (time < 9 * CYCLES + CYCLES / 2) return false;
        time = -1;
        byte = shift;
        return (shift >> 8) & 1;
    }
};

int main() {
    Sender sender;
    Receiver receiver;
    top.rst = 1;
    top.rx = 1;
    for (int k = 0; k < 8; ++k) tick();
    top.rst = 0;
    uint64_t quiet = 0;
    for (;;) {
        if (sender.idle() && quiet % 256 == 0) sender.poll_input(quiet > QUIET);
        if (sender.closed && quiet > QUIET) return 0;
        quiet = sender.idle() && receiver.time < 0 ? quiet + 1 : 1;
        top.rx = sender.level();
        tick();
        uint8_t byte;
        if (receiver.take(top.tx, byte) && write(1, &byte, 1) != 1) return 0;
    }
}

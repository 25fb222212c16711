// The IP block in Verilator with AXI DMAs as PG021 describes them, behind the two functions by which the C driver reaches
// registers. A program in C, which is linked, does the rest: `application` of driver_app.c. shape.h says what streams the
// block has. Every access takes cycles of the block, in which streams move.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "Vaccelerator_ip.h"
#include "shape.h"

extern "C" {
uint32_t fewbit_read(uintptr_t address);
void fewbit_write(uintptr_t address, uint32_t value);
int application(int scatter_gather, const char* job);
}

static Vaccelerator_ip top;
static bool scatter_gather;
static uint32_t random_state = 2463534242u;

static uint32_t any() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

[[noreturn]] static void fail(const char* what, uintptr_t at) {
    printf("bench: %s, %lx\n", what, static_cast<unsigned long>(at));
    exit(3);
}

enum { CR = 0x00, SR = 0x04, CUR = 0x08, TAIL = 0x10, ADDRESS = 0x18, LENGTH = 0x28 };
enum Fault { NONE, CUT, REFUSE, SWALLOW };  // what the next transfer to a stream does wrong

struct Channel {
    bool to_memory;
    uint32_t reg[12] = {};
    uint8_t* at = nullptr;
    uint32_t size = 0, done = 0, resetting = 0;
    bool active = false, following = false;
    Fault fault = NONE;

    uint32_t& word(int offset) { return reg[offset / 4]; }
    uintptr_t pointer(int offset) { return uintptr_t(word(offset)) | uintptr_t(word(offset + 4)) << 32; }
    void set_pointer(int offset, uintptr_t value) {
        word(offset) = uint32_t(value);
        word(offset + 4) = uint32_t(uint64_t(value) >> 32);
    }
    bool running() { return word(CR) & 1; }

    void clear() {
        const bool direction = to_memory;
        *this = Channel{direction};
        word(SR) = 1u | (scatter_gather ? 8u : 0u);
        word(CR) = 0x00010002u;
    }

    void begin(uintptr_t memory, uint32_t bytes) {
        at = reinterpret_cast<uint8_t*>(memory);
        size = bytes;
        done = 0;
        active = true;
        word(SR) &= ~2u;
        if (fault == REFUSE) raise(0x20);
    }

    void raise(uint32_t bit) {
        word(SR) = (word(SR) | bit | 0x4001u) & ~2u;
        word(CR) &= ~1u;
        active = following = false;
        fault = NONE;
    }

    uint32_t* descriptor() { return reinterpret_cast<uint32_t*>(pointer(CUR)); }

    void fetch() {
        uint32_t* d = descriptor();
        if (pointer(CUR) & 63) return raise(0x100);
        if (d[7] & 0x80000000u) return raise(0x100);  // it was done already
        const uint32_t control = d[6];
        if ((control & 0x0C000000u) != 0x0C000000u && !to_memory) fail("a frame is not one packet", pointer(CUR));
        begin(uintptr_t(d[2]) | uintptr_t(d[3]) << 32, control & 0x03FFFFFFu);
    }

    void complete() {
        active = false;
        fault = NONE;
        word(SR) |= 0x1000u;
        if (!scatter_gather) {
            word(LENGTH) = done;
            word(SR) |= 2u;
            return;
        }
        uint32_t* d = descriptor();
        d[7] = 0x80000000u | (to_memory ? 0x0C000000u : 0u) | done;
        if (pointer(CUR) == pointer(TAIL)) {
            following = false;
            word(SR) |= 2u;
        } else {
            set_pointer(CUR, uintptr_t(d[0]) | uintptr_t(d[1]) << 32);
        }
    }

    uint32_t read(int offset) { return word(offset); }

    void write(int offset, uint32_t value) {
        if (offset == SR) {
            word(SR) &= ~(value & 0x7000u);
        } else if (offset == CR) {
            word(CR) = value;
            word(SR) = running() ? word(SR) & ~1u : word(SR) | 1u;
        } else if (offset == CUR || offset == CUR + 4) {
            if (running()) fail("CURDESC is written while the channel runs", offset);
            word(offset) = value;
        } else if (offset == TAIL || offset == TAIL + 4) {
            word(offset) = value;
            if (offset == TAIL) {
                if (!scatter_gather || !running()) fail("TAILDESC is written to a channel that does not follow", offset);
                following = true;
                word(SR) &= ~2u;
            }
        } else if (offset == LENGTH) {
            if (scatter_gather || !running()) fail("LENGTH is written to a channel that cannot start", offset);
            word(LENGTH) = value;
            begin(pointer(ADDRESS), value);
        } else if (offset == ADDRESS || offset == ADDRESS + 4) {
            word(offset) = value;
        } else {
            fail("there is no such register of a DMA", offset);
        }
    }

    void tick() {
        if (resetting && --resetting == 0) clear();
        if (following && !active && running()) fetch();
    }
};

struct Dma {
    Channel to_stream{false}, to_memory{true};
};
static Dma dma[COUNT_INPUTS];
static const uintptr_t BLOCK = 0x43C00000, DMAS = 0x40400000, KNOBS = 0x50000000;

template <class Port> static void put(Port& port, const uint8_t* bytes, size_t size) {
    memcpy(static_cast<void*>(&port), bytes, size);
}

static void cycle() {
    top.aclk = 0;
    // Sources: what is offered stays; a new beat is offered in three of four cycles.
#define X(N, NAME, BYTES)                                                                  \
    Channel& source_##NAME = dma[N].to_stream;                                             \
    if (!top.NAME##_tvalid && source_##NAME.active && source_##NAME.fault != SWALLOW && any() % 4) { \
        top.NAME##_tvalid = 1;                                                             \
        put(top.NAME##_tdata, source_##NAME.at + source_##NAME.done, BYTES);               \
        top.NAME##_tlast = source_##NAME.done + BYTES >= source_##NAME.size || source_##NAME.fault == CUT; \
    }
    INPUTS(X)
#undef X
    Channel& sink = dma[0].to_memory;
    top.m_axis_tready = sink.active && any() % 4;
    top.eval();
#define X(N, NAME, BYTES) const bool goes_##NAME = top.NAME##_tvalid && top.NAME##_tready;
    INPUTS(X)
#undef X
    const bool comes = top.m_axis_tvalid && top.m_axis_tready, last = top.m_axis_tlast;
    if (comes) {
        if (sink.done + BYTES_OUT > sink.size) sink.raise(0x10);
        else {
            memcpy(sink.at + sink.done, &top.m_axis_tdata, BYTES_OUT);
            sink.done += BYTES_OUT;
            if (last) sink.complete();
        }
    }
    top.aclk = 1;
    top.eval();
#define X(N, NAME, BYTES)                                   \
    if (goes_##NAME) {                                      \
        const bool ends = top.NAME##_tlast;                 \
        top.NAME##_tvalid = 0;                              \
        source_##NAME.done += BYTES;                        \
        if (ends && source_##NAME.active) source_##NAME.complete(); \
    }                                                       \
    if (!source_##NAME.active && source_##NAME.resetting) top.NAME##_tvalid = 0;
    INPUTS(X)
#undef X
    for (Dma& one : dma) {
        one.to_stream.tick();
        one.to_memory.tick();
    }
}

static uint32_t bus_read(uint32_t address) {
    top.s_axi_control_araddr = address;
    top.s_axi_control_arvalid = 1;
    top.s_axi_control_rready = 1;
    for (int n = 0; n < 1000; ++n) {
        top.aclk = 0;
        top.eval();
        const bool taken = top.s_axi_control_arvalid && top.s_axi_control_arready, given = top.s_axi_control_rvalid;
        const uint32_t data = top.s_axi_control_rdata, response = top.s_axi_control_rresp;
        cycle();
        if (taken) top.s_axi_control_arvalid = 0;
        if (given) {
            top.s_axi_control_rready = 0;
            if (response) fail("an error at a read of the block", address);
            return data;
        }
    }
    fail("no answer to a read of the block", address);
}

static void bus_write(uint32_t address, uint32_t value) {
    top.s_axi_control_awaddr = address;
    top.s_axi_control_wdata = value;
    top.s_axi_control_wstrb = 15;
    top.s_axi_control_awvalid = top.s_axi_control_wvalid = top.s_axi_control_bready = 1;
    for (int n = 0; n < 1000; ++n) {
        top.aclk = 0;
        top.eval();
        const bool address_taken = top.s_axi_control_awvalid && top.s_axi_control_awready;
        const bool data_taken = top.s_axi_control_wvalid && top.s_axi_control_wready, given = top.s_axi_control_bvalid;
        const uint32_t response = top.s_axi_control_bresp;
        cycle();
        if (address_taken) top.s_axi_control_awvalid = 0;
        if (data_taken) top.s_axi_control_wvalid = 0;
        if (given) {
            top.s_axi_control_bready = 0;
            if (response) fail("an error at a write to the block", address);
            return;
        }
    }
    fail("no answer to a write to the block", address);
}

static Channel& channel_of(uintptr_t address, int& offset) {
    const uintptr_t at = address - DMAS, number = at / 0x10000;
    if (number >= COUNT_INPUTS || at % 0x10000 >= 0x60) fail("there is nothing at that address", address);
    offset = int(at % 0x10000);
    Channel& found = offset < 0x30 ? dma[number].to_stream : dma[number].to_memory;
    offset %= 0x30;
    return found;
}

uint32_t fewbit_read(uintptr_t address) {
    if (address - BLOCK < 0x1000) return bus_read(uint32_t(address - BLOCK));
    if (address == KNOBS) return top.__SYM__interrupt;  // which Verilator takes for a word of C++
    int offset;
    Channel& channel = channel_of(address, offset);
    cycle();
    return channel.read(offset);
}

void fewbit_write(uintptr_t address, uint32_t value) {
    if (address - BLOCK < 0x1000) return bus_write(uint32_t(address - BLOCK), value);
    if (address == KNOBS) {  // what the next transfer to the first stream does wrong
        dma[0].to_stream.fault = Fault(value);
        return;
    }
    int offset;
    Channel& channel = channel_of(address, offset);
    cycle();
    if (offset == CR && value & 4) {  // resets both directions
        const uintptr_t number = (address - DMAS) / 0x10000;
        for (Channel* one : {&dma[number].to_stream, &dma[number].to_memory}) {
            one->active = one->following = false;
            one->word(CR) |= 4;
            one->resetting = 5;
        }
        return;
    }
    channel.write(offset, value);
}

int main(int, char** arguments) {
    scatter_gather = !strcmp(arguments[1], "sg");
    for (Dma& one : dma) {
        one.to_stream.clear();
        one.to_memory.clear();
    }
    top.aresetn = 0;
    for (int n = 0; n < 8; ++n) cycle();
    top.aresetn = 1;
    const int status = application(scatter_gather, arguments[2]);
    top.final();
    return status;
}

// A generated accelerator as a program: frames on standard input, results on standard output. flow/boards/verilator_models.py builds it
// and writes shape.h. A request is the number of frames (4 bytes) and the frames; its answer the results, each with one
// more byte that is 1 if it was marked as damaged, and the cycles that all of it took (8 bytes). Numbers are
// little-endian, as is the machine. The first thing said is the identity of host/protocol.py.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "Vaccelerator.h"
#include "shape.h"

static Vaccelerator top;
static uint64_t cycle = 0;

static void settle() {
    top.aclk = 0;
    top.eval();
}

static void edge() {
    top.aclk = 1;
    top.eval();
    ++cycle;
}

// Verilator keeps a port as words, lowest first, so its bytes lie in order.
template <class Port> static void put(Port& port, const uint8_t* bytes) { memcpy(static_cast<void*>(&port), bytes, BYTES_IN); }
template <class Port> static void take(const Port& port, uint8_t* bytes) { memcpy(bytes, static_cast<const void*>(&port), BYTES_OUT); }

static void reset() {
    top.aresetn = 0;
    top.s_axis_tvalid = 0;
    top.m_axis_tready = 0;
    for (int k = 0; k < 8; ++k) {
        settle();
        edge();
    }
    top.aresetn = 1;
}

static bool run(const std::vector<uint8_t>& frames, size_t count, std::vector<uint8_t>& results) {
    const size_t beats_in = count * BEATS_IN, beats_out = count * BEATS_OUT;
    size_t sent = 0, received = 0, at = 0;
    uint64_t last = cycle;
    top.m_axis_tready = 1;
    while (received < beats_out) {
        top.s_axis_tvalid = sent < beats_in;
        if (sent < beats_in) put(top.s_axis_tdata, &frames[sent * BYTES_IN]);
        top.s_axis_tlast = sent % BEATS_IN == BEATS_IN - 1;
        settle();
        const bool goes = top.s_axis_tvalid && top.s_axis_tready, comes = top.m_axis_tvalid;
        if (comes) {
            take(top.m_axis_tdata, &results[at]);
            at += BYTES_OUT;
            if (top.m_axis_tlast) results[at++] = top.m_axis_tuser;
        }
        edge();
        sent += goes;
        received += comes;
        if (goes || comes) last = cycle;
        if (cycle - last > PATIENCE) return false;
    }
    top.s_axis_tvalid = 0;
    return true;
}

int main() {
    static const uint8_t identity[] = IDENTITY;
    fwrite(identity, 1, sizeof identity, stdout);
    fflush(stdout);
    reset();
    uint32_t count;
    while (fread(&count, sizeof count, 1, stdin) == 1) {
        std::vector<uint8_t> frames(size_t(count) * BEATS_IN * BYTES_IN), results(size_t(count) * (BEATS_OUT * BYTES_OUT + 1));
        if (fread(frames.data(), 1, frames.size(), stdin) != frames.size()) return 1;
        const uint64_t begun = cycle;
        if (!run(frames, count, results)) {
            fprintf(stderr, "the accelerator stood still for %d cycles\n", PATIENCE);
            return 1;
        }
        const uint64_t took = cycle - begun;
        fwrite(results.data(), 1, results.size(), stdout);
        fwrite(&took, sizeof took, 1, stdout);
        fflush(stdout);
    }
    return 0;
}

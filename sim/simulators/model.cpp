// A generated accelerator as a program: frames on standard input, results on standard output. flow/boards/verilator_models.py builds it
// and writes shape.h. A request is the number of frames (4 bytes) and the frames, each with the beats of one input behind
// those of the other; its answer the results, each with one more byte that is 1 if it was marked as damaged, and the cycles
// that all of it took (8 bytes). A request of 2^32 - 1 frames has weights instead, where they are loadable: the number of words,
// the words, and their checksum, 4 bytes each; its answer is the checksum that the accelerator has of what it holds then. Numbers are little-endian, as is the machine. The first thing said is the identity of
// host/protocol.py.
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
template <class Port> static void put(Port& port, const uint8_t* bytes, size_t size) { memcpy(static_cast<void*>(&port), bytes, size); }
template <class Port> static void take(const Port& port, uint8_t* bytes) { memcpy(bytes, static_cast<const void*>(&port), BYTES_OUT); }

// The stream of an input: of each frame it has BEATS beats of BYTES bytes, from `at` on.
struct Source {
    size_t beats, bytes, at, sent = 0;

    const uint8_t* beat(const std::vector<uint8_t>& frames) const {
        return &frames[sent / beats * FRAME + at + sent % beats * bytes];
    }

    template <class Data, class Bit> void offer(Data& data, Bit& valid, Bit& last, const std::vector<uint8_t>& frames, size_t count) const {
        valid = sent < count * beats;
        if (valid) put(data, beat(frames), bytes);
        last = sent % beats == beats - 1;
    }
};

static void reset() {
    top.aresetn = 0;
#define INPUT(NAME, BEATS, BYTES) top.NAME##_tvalid = 0;
    INPUTS
#undef INPUT
    top.m_axis_tready = 0;
    for (int k = 0; k < 8; ++k) {
        settle();
        edge();
    }
    top.aresetn = 1;
}

static bool run(const std::vector<uint8_t>& frames, size_t count, std::vector<uint8_t>& results) {
    const size_t beats_out = count * BEATS_OUT;
    size_t received = 0, at = 0, start = 0;
#define INPUT(NAME, BEATS, BYTES)       \
    Source NAME{BEATS, BYTES, start};   \
    start += size_t(BEATS) * BYTES;
    INPUTS
#undef INPUT
    uint64_t last = cycle;
    top.m_axis_tready = 1;
    while (received < beats_out) {
#define INPUT(NAME, BEATS, BYTES) NAME.offer(top.NAME##_tdata, top.NAME##_tvalid, top.NAME##_tlast, frames, count);
        INPUTS
#undef INPUT
        settle();
        const bool comes = top.m_axis_tvalid;
        bool moves = comes;
#define INPUT(NAME, BEATS, BYTES)                                  \
    const bool NAME##_goes = top.NAME##_tvalid && top.NAME##_tready; \
    moves = moves || NAME##_goes;
        INPUTS
#undef INPUT
        if (comes) {
            take(top.m_axis_tdata, &results[at]);
            at += BYTES_OUT;
            if (top.m_axis_tlast) results[at++] = top.m_axis_tuser;
        }
        edge();
#define INPUT(NAME, BEATS, BYTES) NAME.sent += NAME##_goes;
        INPUTS
#undef INPUT
        received += comes;
        if (moves) last = cycle;
        if (cycle - last > PATIENCE) return false;
    }
#define INPUT(NAME, BEATS, BYTES) top.NAME##_tvalid = 0;
    INPUTS
#undef INPUT
    return true;
}

#ifdef LOADABLE
// Offer all words, the last one as their checksum. The accelerator is empty, as results of all frames have left.
static bool load(const std::vector<uint32_t>& words) {
    uint64_t last = cycle;
    for (size_t sent = 0; sent < words.size();) {
        top.s_axis_weights_tdata = words[sent];
        top.s_axis_weights_tlast = sent == words.size() - 1;
        top.s_axis_weights_tvalid = 1;
        settle();
        const bool taken = top.s_axis_weights_tready;
        edge();
        sent += taken;
        if (taken) last = cycle;
        if (cycle - last > PATIENCE) return false;
    }
    top.s_axis_weights_tvalid = 0;
    for (int k = 0; k < 16; ++k) {
        settle();
        edge();
    }
    settle();
    return true;
}
#endif

int main() {
    static const uint8_t identity[] = IDENTITY;
    fwrite(identity, 1, sizeof identity, stdout);
    fflush(stdout);
    reset();
    uint32_t count;
    while (fread(&count, sizeof count, 1, stdin) == 1) {
#ifdef LOADABLE
        if (count == UINT32_MAX) {
            if (fread(&count, sizeof count, 1, stdin) != 1) return 1;
            std::vector<uint32_t> words(size_t(count) + 1);
            if (fread(words.data(), 4, words.size(), stdin) != words.size()) return 1;
            if (!load(words)) {
                fprintf(stderr, "the accelerator stood still for %d cycles\n", PATIENCE);
                return 1;
            }
            const uint32_t held = top.weights_failed ? 0 : top.weights_loaded;
            fwrite(&held, sizeof held, 1, stdout);
            fflush(stdout);
            continue;
        }
#endif
        std::vector<uint8_t> frames(size_t(count) * FRAME), results(size_t(count) * (BEATS_OUT * BYTES_OUT + 1));
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

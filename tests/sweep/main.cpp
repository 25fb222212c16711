// Units side by side, each with its own streams: job.bin says what each source sends and when each may go, found.bin
// what moved. bundle.py writes the one and shape.h, and reads the other. All are words of 32 bits, as the ports are.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vsweep.h"
#include "shape.h"

static Vsweep top;
static FILE* job;

static std::vector<uint32_t> words(size_t count) {
    std::vector<uint32_t> read(count);
    if (fread(read.data(), 4, count, job) != count) exit(3);
    return read;
}

static uint32_t word() { return words(1)[0]; }

struct Source {
    uint32_t at, size, beats;
    std::vector<uint32_t> data;
    uint32_t sent = 0;
    bool offers = false;
};

struct Sink {
    uint32_t at, size;
};

static bool bit(const uint32_t* words, uint32_t n) { return words[n / 32] >> n % 32 & 1; }
template <class Port> static bool get(const Port& port, uint32_t n) { return port[n / 32] >> n % 32 & 1; }
template <class Port> static void set(Port& port, uint32_t n, bool value) {
    port[n / 32] = (port[n / 32] & ~(1u << n % 32)) | uint32_t(value) << n % 32;
}

static uint32_t noise() {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

static void tick() {
    top.clk = 1;
    top.eval();
    top.clk = 0;
}

int main(int, char** names) {
    job = fopen(names[1], "rb");
    FILE* found = fopen(names[2], "wb");
    if (!job || !found) return 2;
    const uint32_t cycles = word(), period = word();
    std::vector<Source> sources;
    for (int n = 0; n < SOURCES; ++n) {
        const uint32_t at = word(), size = word(), beats = word();
        sources.push_back({at, size, beats, words(size_t(size) * beats)});
    }
    std::vector<Sink> sinks;
    for (int n = 0; n < SINKS; ++n) {
        const uint32_t at = word();
        sinks.push_back({at, word()});
    }
    const size_t offer_words = (SOURCES + 31) / 32, take_words = (SINKS + 31) / 32;
    const auto offers = words(period * offer_words), takes = words(period * take_words);

    top.clk = 0;
    top.rst = 1;
    for (int k = 0; k < 4; ++k) {
        top.eval();
        tick();
    }
    top.rst = 0;
    for (uint32_t cycle = 0; cycle < cycles; ++cycle) {
        const uint32_t* offer = &offers[cycle % period * offer_words];
        for (int n = 0; n < SOURCES; ++n) {
            Source& s = sources[n];
            s.offers = s.sent < s.beats && (s.offers || bit(offer, n));
            for (uint32_t k = 0; k < s.size; ++k) top.x[s.at + k] = s.offers ? s.data[size_t(s.sent) * s.size + k] : noise();
            set(top.x_valid, n, s.offers);
        }
        for (int n = 0; n < SINKS; ++n) set(top.y_ready, n, bit(&takes[cycle % period * take_words], n));
        top.eval();
        for (int n = 0; n < SOURCES; ++n) {
            Source& s = sources[n];
            if (!s.offers || !get(top.x_ready, n)) continue;
            const uint32_t moved[] = {uint32_t(n), cycle};
            fwrite(moved, 4, 2, found);
            ++s.sent;
            s.offers = false;
        }
        for (int n = 0; n < SINKS; ++n) {
            if (!get(top.y_valid, n) || !get(top.y_ready, n)) continue;
            const uint32_t moved[] = {uint32_t(SOURCES + n), cycle};
            fwrite(moved, 4, 2, found);
            for (uint32_t k = 0; k < sinks[n].size; ++k) {
                const uint32_t value = top.y[sinks[n].at + k];
                fwrite(&value, 4, 1, found);
            }
        }
        tick();
    }
    top.final();
    return fclose(found) ? 4 : 0;
}

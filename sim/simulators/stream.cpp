// Streams frames through an accelerator, phase by phase, and writes what comes out and when: the counterpart of
// streamed.py, which writes the job and reads the results. All numbers are little-endian.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>
#include "Vaccelerator.h"
#include "shape.h"  // DESIGN, COUNT_INPUTS, INPUTS(X) with X(number, name, bytes of a beat), BYTES_OUT

namespace {

struct Reader {
  FILE *file;
  template <typename T> T number() {
    T value{};
    if (std::fread(&value, sizeof value, 1, file) != 1) throw std::string("the job ends too early");
    return value;
  }
  std::vector<uint8_t> bytes(size_t count) {
    std::vector<uint8_t> found(count);
    if (std::fread(found.data(), 1, count, file) != count) throw std::string("the job ends too early");
    return found;
  }
};

template <typename T> void put(FILE *file, T value) { std::fwrite(&value, sizeof value, 1, file); }

struct Source {  // of one input: each beat is its bytes, and one that says whether it is the last of a frame
  std::vector<uint8_t> beats;
  size_t size = 1, at = 0;
  bool offers = false;
  bool left() const { return at * size < beats.size(); }
  const uint8_t *beat() const { return &beats[at * size]; }
};

struct Bench {
  Vaccelerator top;
  Source sources[COUNT_INPUTS];
  std::vector<uint8_t> frame;  // the beats of the result that is coming, each with its mark behind it
  uint64_t cycle = 0, random, first = ~uint64_t(0);
  uint32_t results = 0;
  FILE *out;

  bool chance(double probability) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return double(random >> 11) * 0x1p-53 < probability;
  }

  void reset() {
    top.aresetn = 0;
    for (int k = 0; k < 10; ++k) {
      if (k == 8) top.aresetn = 1;
      step(0, false);
    }
  }

  // One clock cycle: inputs offer beats, and the output is taken if `takes`, but for stalls.
  void step(double stall, bool takes) {
    for (Source &source : sources)
      if (!source.offers && source.left() && top.aresetn) source.offers = !(stall > 0 && chance(stall));
#define DRIVE(number, name, bytes)                                                     \
  {                                                                                    \
    Source &source = sources[number];                                                  \
    top.name##_tvalid = source.offers;                                                 \
    if (source.offers) {                                                               \
      std::memcpy((void *)&top.name##_tdata, source.beat(), bytes);                    \
      top.name##_tlast = source.beat()[bytes];                                         \
      if (first == ~uint64_t(0)) first = cycle;                                        \
    }                                                                                  \
  }
    INPUTS(DRIVE)
    top.m_axis_tready = takes && !(stall > 0 && chance(stall));
    top.aclk = 0;
    top.eval();
#define TAKE(number, name, bytes)                                                      \
  if (sources[number].offers && top.name##_tready) ++sources[number].at, sources[number].offers = false;
    INPUTS(TAKE)
    const bool given = top.m_axis_tvalid && top.m_axis_tready, last = top.m_axis_tlast;
    if (given) {
      const uint8_t *data = (const uint8_t *)&top.m_axis_tdata;
      frame.insert(frame.end(), data, data + BYTES_OUT);
      frame.push_back(top.m_axis_tuser);
    }
    if (given && last) {
      put<uint64_t>(out, cycle - first);
      put<uint32_t>(out, frame.size() / (BYTES_OUT + 1));
      std::fwrite(frame.data(), 1, frame.size(), out);
      frame.clear();
      if (++results % 4 == 1) tell();
    }
    top.aclk = 1;
    top.eval();
    ++cycle;
  }

  void tell() const {
    if (FILE *file = std::fopen("progress", "w")) std::fprintf(file, "%u", results), std::fclose(file);
  }

  void phase(Reader &job, uint64_t patience) {
    const double stall = job.number<double>();
    const uint32_t wanted = results + job.number<uint32_t>();
#define FILL(at_, name, bytes_)                                                        \
  sources[at_].size = bytes_ + 1, sources[at_].at = 0;                                 \
  sources[at_].beats = job.bytes(job.number<uint32_t>() * size_t(bytes_ + 1));
    INPUTS(FILL)
    uint64_t since = cycle;
    for (uint32_t before = results; results < wanted;) {
      step(stall, true);
      if (results != before) before = results, since = cycle;
      if (cycle - since > patience)
        throw "no result within " + std::to_string(patience) + " cycles: the accelerator stands still";
    }
  }

  void run(Reader &job) {
    random = job.number<uint64_t>() * 0x9E3779B97F4A7C15u | 1;
    const uint64_t patience = job.number<uint64_t>();
    reset();
    for (uint32_t phases = job.number<uint32_t>(); phases; --phases) phase(job, patience);
    put<uint64_t>(out, ~uint64_t(0));  // what follows is left over
    const uint32_t whole = results;
    for (uint64_t k = 0; k < patience / 16; ++k) step(0, true);
    put<uint64_t>(out, ~uint64_t(0));
    uint32_t over = results - whole + !frame.empty();
    for (const Source &source : sources) over += source.left();
    put<uint32_t>(out, over);
    put<uint32_t>(out, top.frames);
    put<uint32_t>(out, top.bad_frames);
    put<uint64_t>(out, cycle);
    std::fwrite(DESIGN, 1, 64, out);
  }
};

}  // namespace

int main(int, char **argv) {
  Bench bench;
  Reader job{std::fopen(argv[1], "rb")};
  bench.out = std::fopen(argv[2], "wb");
  if (!job.file || !bench.out) return 2;
  try {
    bench.run(job);
  } catch (const std::string &reason) {
    std::fprintf(stderr, "Error: %s\n", reason.c_str());
    return 1;
  }
  return std::fclose(bench.out) ? 2 : 0;
}

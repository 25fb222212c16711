// Streams frames through an accelerator, phase by phase, and writes what comes out and when: the counterpart of
// streamed.py, which writes the job and reads the results. All numbers are little-endian.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
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

#ifdef WEIGHT_BYTES
// Memory that weights are read from: sim/benches/read_memory.py says what it does, and when.
struct Memory {
  struct Burst {
    uint64_t due, at, left;  // first beat; byte of the image; beats to come
  };
  uint64_t base = 0, latency = 1, stalled = 0, idle = 0, wrong = 0, cycle = 0;
  double stall = 0;
  std::vector<uint8_t> image;
  std::deque<Burst> bursts;
  bool ready = false, offered = false, late = false;

  // Before the clock's edge: what happened in this cycle.
  void observe(Vaccelerator &top) {
    const bool asked = top.m_axi_weights_arvalid && top.aresetn;
    if (!top.aresetn) bursts.clear(), offered = false;
    stalled += late || (asked && !ready);
    if (offered && top.m_axi_weights_rready) {
      bursts.front().at += WEIGHT_BYTES;
      if (!--bursts.front().left) bursts.pop_front();
      offered = false;
    }
    if (asked && ready) {
      const uint64_t address = top.m_axi_weights_araddr, beats = uint64_t(top.m_axi_weights_arlen) + 1;
      const uint64_t size = beats * WEIGHT_BYTES;
      const bool inside = address >= base && address - base + size <= image.size() && address % WEIGHT_BYTES == 0;
      if (!inside || address / 4096 != (address + size - 1) / 4096) ++wrong;
      bursts.push_back({cycle + latency, inside ? address - base : 0, beats});
    }
    idle = asked || !bursts.empty() ? 0 : idle + 1;
    ++cycle;
  }
  // What it offers in the next cycle.
  template <typename F>
  void drive(Vaccelerator &top, F chance) {
    const bool due = !bursts.empty() && bursts.front().due <= cycle;
    late = due && !offered && stall > 0 && chance(stall);
    offered = offered || (due && !late);
    ready = !(stall > 0 && chance(stall));
    top.m_axi_weights_arready = ready;
    top.m_axi_weights_rvalid = offered;
    if (!offered) return;
    std::memcpy((void *)&top.m_axi_weights_rdata, &image[bursts.front().at], WEIGHT_BYTES);
    top.m_axi_weights_rlast = bursts.front().left == 1;
  }
};
#endif

struct Bench {
  Vaccelerator top;
#ifdef WEIGHT_BYTES
  Memory memory;
  std::vector<uint64_t> stalls;  // until each result
  uint64_t before = 0;
#endif
  Source sources[COUNT_INPUTS];
  std::vector<uint8_t> frame;  // the beats of the result that is coming, each with its mark behind it
  uint64_t cycle = 0, random, first = ~uint64_t(0);
  uint32_t results = 0;
  FILE *out;

#ifdef WEIGHT_BYTES
  void begin() { before = memory.stalled; }
#else
  void begin() {}
#endif

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
#ifdef WEIGHT_BYTES
    while (memory.idle < memory.latency + 64) step(0, false);
#endif
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
      if (first == ~uint64_t(0)) first = cycle, begin();                               \
    }                                                                                  \
  }
    INPUTS(DRIVE)
    top.m_axis_tready = takes && !(stall > 0 && chance(stall));
#ifdef WEIGHT_BYTES
    memory.drive(top, [this](double probability) { return chance(probability); });
#endif
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
#ifdef WEIGHT_BYTES
      stalls.push_back(memory.stalled - before);
#endif
      if (++results % 4 == 1) tell();
    }
#ifdef WEIGHT_BYTES
    memory.observe(top);
#endif
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
#ifdef WEIGHT_BYTES
    memory.base = job.number<uint64_t>(), memory.latency = job.number<uint64_t>();
    memory.stall = job.number<double>();
    memory.image = job.bytes(job.number<uint64_t>());
    top.weights_image_base = memory.base, top.weights_image_valid = 1;
#endif
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
#ifdef WEIGHT_BYTES
    FILE *file = std::fopen("stalled", "wb");
    if (!file) throw std::string("stalled cannot be written");
    put<uint64_t>(file, memory.wrong);
    for (uint64_t count : stalls) put<uint64_t>(file, count);
    std::fclose(file);
#endif
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

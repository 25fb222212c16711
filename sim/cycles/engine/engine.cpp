// The compiled cycle model: frames through a pipeline, as `Run` of sim/cycles/run.py has them.
//
// sim/cycles/engine/compiled.py calls the functions at the end. A pipeline comes as numbers: streams, inputs, which
// stream leaves, beats of a frame at each input (a list) and of a result, machines; and of each machine its kind, its
// streams in and out (lists), and its own numbers.
#include <algorithm>
#include <unordered_map>

#include "credited.h"
#include "pipeline.h"
#include "routing.h"
#include "weights.h"
#include "windows.h"

namespace {

template <typename T>
std::unique_ptr<Machine> make(Numbers &numbers) {
  return std::unique_ptr<Machine>(new T(numbers));
}
struct Kind {
  const char *name;
  std::unique_ptr<Machine> (*make)(Numbers &);
};
// As `compiled` beside each Python machine names them.
constexpr Kind kKinds[] = {
    {"argmax", make<ArgMax>},   {"columns", make<Columns>},     {"concat", make<Concat>},
    {"fork", make<Fork>},       {"gearbox", make<Gearbox>},     {"join", make<Join>},
    {"largest", make<Largest>}, {"layer", make<Layer>},         {"pointwise", make<Pointwise>},
    {"queue", make<Queue>},     {"register", make<Register>},   {"reorder", make<Reorder>},
    {"repeat", make<Repeat>},   {"sliding", make<Sliding>},     {"upsample", make<Upsample>},
    {"external", make<External>}, {"tile", make<TileRepeat>},   {"weights", make<WeightPort>},
};

enum Status : Int { kRunning, kDone, kStandstill, kLate, kFailed };

class Run {
  Int beats_out_ = 0;
  std::vector<Int> beats_;  // of a frame at each input

 public:
  std::vector<Int> entered, left;
  Int now = 0, repeated_frames = 0, repeated_cycles = 0;
  Pipeline pipeline;  // behind what is read with it

  // ``period``: beats are offered spread over so many cycles a frame; at once where it is 0. ``latest`` has, of each
  // frame, when it must have left; none if it is null.
  Run(Numbers numbers, Int frames, Int period, const Int *latest)
      : pipeline(read(numbers)), frames_(frames), period_(period), sent_(beats_.size(), 0), offers_(beats_.size(), 0) {
    if (latest) latest_.assign(latest, latest + frames);
  }

  // Go on for so many steps of machines, or to the end.
  Status advance(Int steps) {
    for (const Int end = pipeline.steps + steps; pipeline.steps < end;) {
      if (static_cast<Int>(left.size()) >= frames_) return late() ? kLate : kDone;
      if (begins_ && repeats()) return late() ? kLate : kDone;
      if (!tick()) return kStandstill;
      if (!latest_.empty() && static_cast<Int>(left.size()) < frames_ && now > latest_[left.size()] + 1) return kLate;
    }
    return kRunning;
  }

 private:
  struct Seen {
    Int frame, now, gone;
  };
  const Int frames_, period_;
  std::vector<Int> sent_, latest_;
  Flags offers_;
  Int got_ = 0, whole_ = 0;
  bool begins_ = true;  // the first input has sent a whole frame since the state was last looked at
  std::unordered_map<std::string, Seen> seen_;

  Pipeline read(Numbers &numbers) {
    const Int streams = numbers.next(), inputs = numbers.next(), exit = numbers.next();
    beats_ = numbers.list();
    beats_out_ = numbers.next();
    std::vector<std::unique_ptr<Machine>> machines(numbers.next());
    Int count = 0;
    for (auto &machine : machines) {
      const Int kind = numbers.next();
      const std::vector<Int> ins = numbers.list(), outs = numbers.list();
      machine = kKinds[kind].make(numbers);
      machine->ins = ins;
      machine->outs = outs;
      machine->number = count++;
    }
    join_external(machines);
    return Pipeline(std::move(machines), streams, inputs, exit);
  }

  // When the next beat of an input may be offered.
  Int due(std::size_t k) const {
    return sent_[k] / beats_[k] * period_ + sent_[k] % beats_[k] * period_ / beats_[k];
  }
  bool more(std::size_t k) const { return sent_[k] < frames_ * beats_[k]; }

  // Do a cycle, and the idle ones after it; false if no beat will ever move again.
  bool tick() {
    const bool takes = got_ % beats_out_ != beats_out_ - 1 || static_cast<Int>(left.size()) < whole_;
    for (std::size_t k = 0; k < sent_.size(); ++k) offers_[k] = more(k) && due(k) <= now;
    pipeline.step(offers_, takes);
    enter();
    if (pipeline.left() && ++got_ % beats_out_ == 0) left.push_back(now);
    ++now;
    Int idle = pipeline.idle();
    for (std::size_t k = 0; k < sent_.size(); ++k)
      if (idle > 0 && more(k) && due(k) >= now) idle = std::min(idle, due(k) - now);
    if (idle >= kEver) return static_cast<Int>(left.size()) >= frames_;
    pipeline.skip(idle);
    now += idle;
    return true;
  }

  void enter() {
    bool any = false;
    for (std::size_t k = 0; k < sent_.size(); ++k) {
      if (!pipeline.entered(k)) continue;
      if (sent_[k] == static_cast<Int>(entered.size()) * beats_[k]) entered.push_back(now);
      ++sent_[k];
      any = true;
      if (k == 0 && sent_[0] % beats_[0] == 0) begins_ = true;
    }
    if (!any) return;
    whole_ = sent_[0] / beats_[0];
    for (std::size_t k = 1; k < sent_.size(); ++k) whole_ = std::min(whole_, sent_[k] / beats_[k]);
  }

  // Say whether everything is as it was when an earlier frame entered; the rest of the times follows then.
  bool repeats() {
    for (std::size_t k = 0; k < sent_.size(); ++k)
      if (!more(k)) return false;
    begins_ = false;
    const Int frame = entered.size(), gone = left.size(), at = sent_[0] / beats_[0];
    State state;
    pipeline.state(state);
    state.add(got_ % beats_out_, at - gone, period_ ? now - at * period_ : 0);
    for (std::size_t k = 0; k < sent_.size(); ++k) state.add(sent_[k] - at * beats_[k]);
    const auto found = seen_.emplace(std::move(state.bytes), Seen{frame, now, gone});
    if (found.second) return false;
    const Seen &then = found.first->second;
    repeated_frames = frame - then.frame;
    repeated_cycles = now - then.now;
    for (Int k = frame; k < frames_; ++k) entered.push_back(entered[k - repeated_frames] + repeated_cycles);
    for (Int k = gone; k < frames_; ++k) left.push_back(left[k - repeated_frames] + repeated_cycles);
    return true;
  }

  bool late() const {
    for (std::size_t k = 0; k < latest_.size(); ++k)
      if (left[k] > latest_[k]) return true;
    return false;
  }
};

}  // namespace

extern "C" {

// The name of a kind of machine; null behind the last.
const char *cycles_kind(Int number) {
  return number < static_cast<Int>(sizeof kKinds / sizeof *kKinds) ? kKinds[number].name : nullptr;
}

// Begin a run; null if there is no memory for it.
void *cycles_begin(const Int *description, Int frames, Int period, const Int *latest) {
  try {
    return new Run(Numbers(description), frames, period, latest);
  } catch (...) {
    return nullptr;
  }
}

Int cycles_advance(void *run, Int steps) {
  try {
    return static_cast<Run *>(run)->advance(steps);
  } catch (...) {
    return kFailed;
  }
}

// Write the times of the frames; the depth that each queue needs, nothing for other stages; and how many frames have
// entered and left, cycles, machine steps, and after how many frames and cycles everything repeated.
void cycles_results(void *run, Int *entered, Int *left, Int *needs, Int *figures) {
  const Run &r = *static_cast<Run *>(run);
  std::copy(r.entered.begin(), r.entered.end(), entered);
  std::copy(r.left.begin(), r.left.end(), left);
  for (const auto &machine : r.pipeline.machines) needs[machine->number] = machine->need();
  const Int all[] = {static_cast<Int>(r.entered.size()), static_cast<Int>(r.left.size()), r.now, r.pipeline.steps,
                     r.repeated_frames, r.repeated_cycles};
  std::copy(std::begin(all), std::end(all), figures);
}

void cycles_end(void *run) { delete static_cast<Run *>(run); }
}

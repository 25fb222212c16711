// A pipeline of machines, stepped a clock cycle at a time: sim/cycles/pipeline.py.
#pragma once
#include <functional>
#include <memory>
#include <queue>
#include <utility>

#include "machine.h"

// A set of machines by number, of which the lowest and the highest are found quickly.
class Set {
 public:
  explicit Set(std::size_t count) : words_((count + 63) / 64, 0) {}
  void add(std::size_t n) { words_[n >> 6] |= bit(n); }
  void remove(std::size_t n) { words_[n >> 6] &= ~bit(n); }
  void clear() { words_.assign(words_.size(), 0); }
  bool empty() const {
    for (std::uint64_t word : words_)
      if (word) return false;
    return true;
  }
  // Call ``visit`` with each, in order; it may add ones that are to come.
  template <typename F>
  void upwards(F visit) {
    for (std::size_t k = 0; k < words_.size(); ++k)
      for (std::uint64_t left = words_[k], n; left; left = words_[k] & above(n)) {
        n = __builtin_ctzll(left);
        visit(64 * k + n);
      }
  }
  template <typename F>
  void downwards(F visit) {
    for (std::size_t k = words_.size(); k-- > 0;)
      for (std::uint64_t left = words_[k], n; left; left = words_[k] & (bit(n) - 1)) {
        n = 63 - __builtin_clzll(left);
        visit(64 * k + n);
      }
  }

 private:
  std::vector<std::uint64_t> words_;
  static std::uint64_t bit(std::size_t n) { return std::uint64_t{1} << (n & 63); }
  static std::uint64_t above(std::size_t n) { return ~((bit(n) - 1) | bit(n)); }
};

class Pipeline {
 public:
  std::vector<std::unique_ptr<Machine>> machines;
  Int steps = 0;  // of single machines

  Pipeline(std::vector<std::unique_ptr<Machine>> given, Int streams, Int inputs, Int exit)
      : machines(std::move(given)), inputs_(inputs), exit_(exit), valid_(streams, 0), ready_(streams, 0),
        before_(streams, 0), reader_(streams, kNone), source_(streams, kNone), done_(machines.size(), 0),
        pending_(machines.size()), awake_(machines.size()), stay_(machines.size()) {
    for (std::size_t n = 0; n < machines.size(); ++n) {
      for (Int i : machines[n]->ins) reader_[i] = n;
      for (Int o : machines[n]->outs) source_[o] = n;
      stay_.add(n);
    }
  }

  // Do a cycle; `entered` and `left` say what moves in it.
  void step(const Flags &offers, bool takes) {
    pending_ = stay_;
    for (; !timers_.empty() && timers_.top().first <= now_; timers_.pop()) pending_.add(timers_.top().second);
    for (Int k = 0; k < inputs_; ++k) see(valid_, k, offers[k], reader_);
    see(ready_, exit_, takes, source_);
    awake_ = pending_;
    forward();
    pending_ = awake_;
    backward();
    move();
    ++now_;
  }
  bool entered(Int input) const { return valid_[input] && ready_[input]; }
  bool left() const { return valid_[exit_] && ready_[exit_]; }

  // For how many cycles no beat will move, if source and sink stay as they are.
  Int idle() const {
    if (busy_) return 0;
    if (timers_.empty()) return kEver;
    return timers_.top().first > now_ ? timers_.top().first - now_ : 0;
  }
  void skip(Int cycles) { now_ += cycles; }

  void state(State &to) {
    for (std::size_t n = 0; n < machines.size(); ++n) {
      catch_up(n);
      machines[n]->state(to);
    }
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  using Timer = std::pair<Int, std::size_t>;  // when to wake, and which machine
  const Int inputs_, exit_;
  Flags valid_, ready_, before_;
  std::vector<std::size_t> reader_, source_;  // of each stream
  std::vector<Int> done_;                     // cycles that each machine has been stepped
  Set pending_, awake_, stay_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<Timer>> timers_;
  Int now_ = 0;
  bool busy_ = true;

  void see(Flags &flags, Int stream, bool value, const std::vector<std::size_t> &machine_of) {
    if (static_cast<bool>(flags[stream]) == value) return;
    flags[stream] = value;
    if (machine_of[stream] != kNone) pending_.add(machine_of[stream]);
  }
  void catch_up(std::size_t n) {
    if (done_[n] == now_) return;
    machines[n]->skip(now_ - done_[n]);
    done_[n] = now_;
  }

  // Call ``tell`` and wake the machines at the other end of the streams whose flags it changed.
  template <typename F>
  void telling(const std::vector<Int> &streams, const Flags &flags, const std::vector<std::size_t> &machine_of,
               F tell) {
    const std::size_t count = streams.size();
    for (std::size_t k = 0; k < count; ++k) before_[k] = flags[streams[k]];
    tell();
    for (std::size_t k = 0; k < count; ++k)
      if (flags[streams[k]] != before_[k] && machine_of[streams[k]] != kNone) pending_.add(machine_of[streams[k]]);
  }
  void forward() {
    pending_.upwards([this](std::size_t n) {
      awake_.add(n);
      catch_up(n);
      Machine &machine = *machines[n];
      telling(machine.outs, valid_, reader_, [&] { machine.forward(valid_); });
    });
  }
  void backward() {
    pending_.downwards([this](std::size_t n) {
      awake_.add(n);
      catch_up(n);
      Machine &machine = *machines[n];
      telling(machine.ins, ready_, source_, [&] { machine.backward(valid_, ready_); });
    });
  }
  void move() {
    stay_.clear();
    busy_ = false;
    awake_.upwards([this](std::size_t n) {
      Machine &machine = *machines[n];
      const Int rest = moves(machine.ins) || moves(machine.outs) ? 0 : machine.rest();
      machine.step(valid_, ready_);
      done_[n] = now_ + 1;
      ++steps;
      if (rest == 0) {
        stay_.add(n);
        busy_ = true;
      } else if (rest < kEver) {
        timers_.push({now_ + rest, n});
      }
    });
  }
  bool moves(const std::vector<Int> &streams) const {
    for (Int s : streams)
      if (valid_[s] && ready_[s]) return true;
    return false;
  }
};

// Machines of stages that move beats, put them into another order, give them several times or keep the largest:
// sim/cycles/machines/routing.py, reorder.py, upsample.py and largest.py.
#pragma once
#include <algorithm>

#include "machine.h"

class Gearbox final : public Single<Gearbox> {
 public:
  explicit Gearbox(Numbers &numbers)
      : a_(numbers.next()), b_(numbers.next()), last_(numbers.next()), beats_in_(numbers.next()),
        capacity_(numbers.next()) {}
  bool valid() const { return fill_ >= b_; }
  bool ready(bool gives) const { return fill_ - (gives ? b_ : 0) + more() <= capacity_; }
  void move(bool takes, bool gives) {
    if (gives) fill_ -= b_;
    if (!takes) return;
    fill_ += more();
    beat_ = beat_ == beats_in_ - 1 ? 0 : beat_ + 1;
  }
  void state(State &to) const override { to.add(fill_, beat_); }

 private:
  const Int a_, b_, last_, beats_in_, capacity_;
  Int fill_ = 0, beat_ = 0;
  Int more() const { return beat_ == beats_in_ - 1 ? last_ : a_; }
};

class Queue final : public Single<Queue> {
 public:
  explicit Queue(Numbers &numbers) : depth_(numbers.next()) {}
  bool valid() const { return full_; }
  bool ready(bool) const { return inner_ < depth_ - 1; }
  void move(bool takes, bool gives) {
    if (takes) need_ = std::max(need_, inner_ + 2);
    const bool reads = inner_ > 0 && (gives || !full_);
    full_ = reads || (full_ && !gives);
    inner_ += static_cast<Int>(takes) - static_cast<Int>(reads);
  }
  Int rest() override { return inner_ > 0 && !full_ ? 0 : kEver; }
  void state(State &to) const override { to.add(inner_, full_); }
  Int need() const override { return need_; }

 private:
  const Int depth_;
  Int inner_ = 0, need_ = 0;
  bool full_ = false;
};

class Fork final : public Machine {
 public:
  explicit Fork(Numbers &numbers) : done_(numbers.next(), 0) {}
  void forward(Flags &valid) const override {
    for (std::size_t k = 0; k < outs.size(); ++k) valid[outs[k]] = valid[ins[0]] && !done_[k];
  }
  void backward(const Flags &, Flags &ready) const override {
    bool all = true;
    for (std::size_t k = 0; k < outs.size(); ++k) all = all && (done_[k] || ready[outs[k]]);
    ready[ins[0]] = all;
  }
  void step(const Flags &valid, const Flags &ready) override {
    if (!valid[ins[0]]) return;
    for (std::size_t k = 0; k < outs.size(); ++k) done_[k] = (done_[k] || ready[outs[k]]) && !ready[ins[0]];
  }
  void state(State &to) const override {
    for (bool done : done_) to.add(done);
  }

 private:
  Flags done_;
};

class Concat final : public Machine {
 public:
  explicit Concat(Numbers &numbers) : whole_(numbers.next()) {
    const std::vector<Int> turns = numbers.list();
    for (std::size_t k = 0; k < turns.size(); ++k) turn_.insert(turn_.end(), turns[k], k);
  }
  void forward(Flags &valid) const override {
    bool all = true;
    if (whole_)
      for (Int i : ins) all = all && valid[i];
    else
      all = valid[ins[turn_[beat_]]];
    valid[outs[0]] = all;
  }
  void backward(const Flags &valid, Flags &ready) const override {
    const bool gives = valid[outs[0]] && ready[outs[0]];
    for (Int i : ins) ready[i] = whole_ && gives;
    if (!whole_) ready[ins[turn_[beat_]]] = gives;
  }
  void step(const Flags &valid, const Flags &ready) override {
    if (valid[outs[0]] && ready[outs[0]]) beat_ = (beat_ + 1) % turn_.size();
  }
  void state(State &to) const override { to.add(beat_); }

 private:
  const bool whole_;
  std::vector<std::size_t> turn_;  // which of the inputs gives each beat of a pixel
  std::size_t beat_ = 0;
};

class Repeat final : public Machine {
 public:
  explicit Repeat(Numbers &numbers) : beats_(numbers.next()) {}
  void forward(Flags &valid) const override { valid[outs[0]] = valid[ins[0]]; }
  void backward(const Flags &, Flags &ready) const override { ready[ins[0]] = ready[outs[0]] && copy_ == beats_ - 1; }
  void step(const Flags &valid, const Flags &ready) override {
    if (valid[outs[0]] && ready[outs[0]]) copy_ = (copy_ + 1) % beats_;
  }
  void state(State &to) const override { to.add(copy_); }

 private:
  const Int beats_;
  Int copy_ = 0;
};

class Reorder final : public Single<Reorder> {
 public:
  explicit Reorder(Numbers &numbers) : words_(numbers.next()), beats_out_(numbers.next()) {}
  bool valid() const { return full_; }
  bool ready(bool) const { return halves_ != 2; }
  void move(bool takes, bool gives) {
    const bool issues = halves_ > 0 && (gives || !full_);
    full_ = issues || (full_ && !gives);
    word_ += takes;
    beat_ += issues;
    if (beat_ == beats_out_) {
      beat_ = 0;
      --halves_;
    }
    if (word_ == words_) {
      word_ = 0;
      ++halves_;
    }
  }
  Int rest() override { return full_ || halves_ == 0 ? kEver : 0; }
  void state(State &to) const override { to.add(halves_, word_, beat_, full_); }

 private:
  const Int words_, beats_out_;
  Int halves_ = 0, word_ = 0, beat_ = 0;
  bool full_ = false;
};

class Upsample final : public Single<Upsample> {
 public:
  explicit Upsample(Numbers &numbers)
      : row_beats_(numbers.next()), width_(numbers.next()), chunks_(numbers.next()), rows_(numbers.next()),
        columns_(numbers.next()), depth_(numbers.next()), total_(row_beats_ * columns_ * rows_) {}
  bool valid() const { return full_; }
  bool ready(bool) const { return used_ != depth_; }
  void move(bool takes, bool gives) {
    const Next next = following();
    const bool issues = next.there && (gives || !full_);
    if (issues && ++at_ == total_) at_ = 0;
    full_ = issues || (full_ && !gives);
    used_ += static_cast<Int>(takes) - static_cast<Int>(issues && next.last_use);
  }
  Int rest() override { return full_ || !following().there ? kEver : 0; }
  void state(State &to) const override { to.add(used_, full_, at_); }

 private:
  const Int row_beats_, width_, chunks_, rows_, columns_, depth_, total_;
  Int used_ = 0, at_ = 0;
  bool full_ = false;
  struct Next {
    bool there, last_use;
  };
  Next following() const {
    const Int chunk = at_ % chunks_, copy = at_ / chunks_ % columns_, pixels = at_ / chunks_ / columns_;
    const Int row = pixels / width_, pixel = pixels % width_;
    const bool last_copy = copy == columns_ - 1;
    const Int need = rows_ > 1 ? pixel * chunks_ + chunk : last_copy ? 0 : chunk;
    return {row > 0 || used_ > need, last_copy && row == rows_ - 1};
  }
};

// The index of the largest of all values of a frame, or the largest value of a window, which is taken while the one
// before is still there.
template <bool kOverlaps>
class LargestOf final : public Single<LargestOf<kOverlaps>> {
 public:
  explicit LargestOf(Numbers &numbers) : count_(numbers.next()) {}
  bool valid() const { return full_; }
  bool ready(bool gives) const { return !full_ || gives || (kOverlaps && beat_ != count_ - 1); }
  void move(bool takes, bool gives) {
    if (gives) full_ = false;
    if (takes && ++beat_ == count_) {
      beat_ = 0;
      full_ = true;
    }
  }
  void state(State &to) const override { to.add(beat_, full_); }

 private:
  const Int count_;
  Int beat_ = 0;
  bool full_ = false;
};
using ArgMax = LargestOf<false>;
using Largest = LargestOf<true>;

// Machines of stages that run freely behind credit: sim/cycles/machines/credited.py.
#pragma once
#include <algorithm>

#include "machine.h"

// Cycles to come, first in, first out.
class Due {
 public:
  Due() : ring_(16) {}
  bool empty() const { return count_ == 0; }
  Int front() const { return ring_[head_]; }
  void pop() {
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
  }
  void push(Int cycle) {
    if (count_ == ring_.size()) grow();
    ring_[(head_ + count_++) & (ring_.size() - 1)] = cycle;
  }
  void state(State &to, Int now) const {
    to.add(count_);
    for (std::size_t k = 0; k < count_; ++k) to.add(ring_[(head_ + k) & (ring_.size() - 1)] - now);
  }

 private:
  std::vector<Int> ring_;  // its size is a power of two
  std::size_t head_ = 0, count_ = 0;
  void grow() {
    std::vector<Int> larger(2 * ring_.size());
    for (std::size_t k = 0; k < count_; ++k) larger[k] = ring_[(head_ + k) & (ring_.size() - 1)];
    ring_.swap(larger);
    head_ = 0;
  }
};

// Made of a `Single`, or of a `Machine` of other streams.
template <typename Base>
class Credited : public Base {
 public:
  explicit Credited(Int depth) : credit_(depth) {}
  bool valid() const { return level_ > 0; }
  Int rest() override {
    if (back_) return 0;
    return due_.empty() ? kEver : due_.front() - now_;
  }
  void skip(Int cycles) override { now_ += cycles; }
  void state(State &to) const override {
    to.add(level_, credit_, back_);
    due_.state(to, now_);
  }

 protected:
  Int now_ = 0, level_ = 0, credit_;
  bool back_ = false;
  Due due_;
  void deliver(bool gives) {
    level_ -= gives;
    credit_ += back_;
    back_ = gives;
    for (; !due_.empty() && due_.front() == now_; due_.pop()) ++level_;
    ++now_;
  }
};

// A function of single codes, or a join of two branches, which takes a beat of both in the same cycle.
template <bool kJoins>
class Function final : public Credited<Single<Function<kJoins>>> {
 public:
  explicit Function(Numbers &numbers) : Credited<Single<Function>>(numbers.next()), latency_(numbers.next()) {}
  bool ready(bool) const { return this->credit_ > 0; }
  void backward(const Flags &valid, Flags &ready) const override {
    bool takes = this->credit_ > 0;
    if (kJoins) takes = takes && valid[this->ins[0]] && valid[this->ins[1]];
    for (Int i : this->ins) ready[i] = takes;
  }
  void move(bool takes, bool gives) {
    if (takes) {
      this->due_.push(this->now_ + latency_);
      --this->credit_;
    }
    this->deliver(gives);
  }

 private:
  const Int latency_;
};
using Pointwise = Function<false>;
using Join = Function<true>;

class Layer final : public Credited<Single<Layer>> {
 public:
  explicit Layer(Numbers &numbers)
      : Credited(numbers.next()), steps_(numbers.next()), rows_(numbers.next()), whole_(numbers.next()),
        row_beats_(numbers.next()), last_row_beats_(numbers.next()), latency_(numbers.next()),
        direct_(rows_ == 1 && !(whole_ && steps_ > 1)) {}

  bool ready(bool) const { return direct_ ? may_issue() : used_ != 2 * steps_; }

  void move(bool takes, bool gives) {
    const bool issues = direct_ ? takes : may_issue() && there(), last_row = row_ == rows_ - 1;
    if (!direct_) used_ += static_cast<Int>(takes) - static_cast<Int>(issues && last_row);
    if (issues) {
      const Int beats = last_row ? last_row_beats_ : row_beats_;
      if (place_ == 0) credit_ -= beats;
      if (++place_ == steps_) {
        place_ = 0;
        row_ = last_row ? 0 : row_ + 1;
        for (Int k = 0; k < beats; ++k) due_.push(now_ + latency_ + k);
      }
    }
    deliver(gives);
  }

  Int rest() override {
    Int steps = kEver;
    issuing_ = !direct_ && may_issue() && there();
    if (issuing_) {
      // The first and the last step of a row do more than count, and so does the one that makes room again.
      const Int last = row_ > 0 || whole_ ? steps_ - 1 : std::min(steps_ - 1, used_);
      steps = last - place_;
      if (place_ == 0 || steps <= 0 || (row_ == rows_ - 1 && used_ == 2 * steps_)) return 0;
    }
    return std::min(steps, Credited::rest());
  }

  void skip(Int cycles) override {
    Credited::skip(cycles);
    if (!issuing_) return;
    place_ += cycles;
    if (row_ == rows_ - 1) used_ -= cycles;
  }

  void state(State &to) const override {
    to.add(used_, row_, place_);
    Credited::state(to);
  }

 private:
  const Int steps_, rows_, whole_, row_beats_, last_row_beats_, latency_;
  const bool direct_;
  Int used_ = 0, row_ = 0, place_ = 0;
  bool issuing_ = false;

  bool may_issue() const { return place_ > 0 || credit_ >= row_beats_; }
  bool there() const {
    if (row_ > 0 || (whole_ && rows_ == 1 && place_ > 0)) return true;
    return used_ > (whole_ ? steps_ - 1 : place_);
  }
};

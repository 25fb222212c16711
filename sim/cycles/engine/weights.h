// Machines of external weights: sim/cycles/machines/weights.py.
#pragma once
#include <deque>

#include "credited.h"

class WeightPort final : public Machine {
 public:
  explicit WeightPort(Numbers &numbers) : latency_(numbers.next()), slots_(numbers.next()) {
    const std::vector<Int> all = numbers.list();
    for (std::size_t k = 0; k < all.size(); k += Ring::kNumbers) rings_.emplace_back(&all[k]);
    last_ = static_cast<Int>(rings_.size()) - 1;
    gives_.assign(rings_.size(), 0);
    while (!still()) cycle();
    free_ -= now_;
    now_ = 0;
  }
  void forward(Flags &valid) const override {
    for (std::size_t k = 0; k < rings_.size(); ++k) valid[outs[k]] = rings_[k].full;
  }
  void backward(const Flags &, Flags &) const override {}
  void step(const Flags &valid, const Flags &ready) override {
    for (std::size_t k = 0; k < rings_.size(); ++k) gives_[k] = valid[outs[k]] && ready[outs[k]];
    cycle();
  }
  Int rest() override {
    for (const Ring &ring : rings_)
      if ((slots_ && ring.asks()) || !ring.quiet()) return 0;
    if (under_way_.empty()) return kEver;
    return std::max<Int>(0, under_way_.front().at - now_ - kFromBus);
  }
  void skip(Int cycles) override { now_ += cycles; }
  void state(State &to) const override {
    to.add(slots_, last_, std::max<Int>(0, free_ - now_ - kToBus - latency_), under_way_.size());
    for (const Burst &burst : under_way_) to.add(burst.ring, burst.at - now_, burst.left);
    for (const Ring &ring : rings_) ring.state(to);
  }

 private:
  static constexpr Int kToBus = 2, kFromBus = 1;
  struct Ring {
    static constexpr Int kNumbers = 9;
    Int words, beats, steps, rows, tile, depth, burst_beats, bursts, last_burst;
    Int room, ahead = 0, burst = 0, step = 0, vector = 0, word = 0;
    bool held = false, full = false;
    explicit Ring(const Int *n)
        : words(n[0]), beats(n[1]), steps(n[2]), rows(n[3]), tile(n[4]), depth(n[5]), burst_beats(n[6]), bursts(n[7]),
          last_burst(n[8]), room(depth * beats) {}
    bool asks() const { return room >= burst_beats; }
    bool issues() const { return vector > 0 || ahead >= beats; }
    bool quiet() const { return full && held ? true : !(issues() || held); }
    Int grant() {
      const bool last = burst == bursts - 1;
      burst = last ? 0 : burst + 1;
      const Int count = last ? last_burst : burst_beats;
      room -= count;
      return count;
    }
    void move(bool gives, bool comes) {
      const bool moves = held && (gives || !full), issue = issues() && (moves || !held);
      full = moves || (full && !gives);
      held = issue || (held && !moves);
      ahead += comes;
      if (!issue) return;
      const bool row_ends = step == steps - 1;
      if (row_ends || ++word == words) {
        word = 0;
        if (vector == 0) ahead -= beats;
        if (vector == tile - 1) room += beats;
      }
      step = row_ends ? 0 : step + 1;
      if (row_ends) vector = vector == tile - 1 ? 0 : vector + 1;
    }
    void state(State &to) const { to.add(room, ahead, burst, step, vector, held, full); }
  };
  struct Burst {
    Int ring, at, left;
  };
  const Int latency_;
  Int now_ = 0, slots_, last_ = 0, free_ = 0;
  std::vector<Ring> rings_;
  std::deque<Burst> under_way_;
  Flags gives_;

  bool still() const {
    if (!under_way_.empty()) return false;
    for (const Ring &ring : rings_)
      if (ring.asks() || !ring.quiet()) return false;
    return true;
  }
  void cycle() {
    Int comes = -1, granted = -1;
    if (!under_way_.empty() && under_way_.front().at == now_) {
      Burst &burst = under_way_.front();
      comes = burst.ring;
      ++burst.at;
      if (--burst.left == 0) under_way_.pop_front();
    }
    // Bursts come one after the other: the last beat on the bus is of one of the first two.
    bool done = false;
    for (std::size_t k = 0; k < under_way_.size() && k < 2; ++k)
      done = done || under_way_[k].at + under_way_[k].left - 1 == now_ + kFromBus;
    const Int count = rings_.size();
    if (slots_)
      for (Int k = 1; k <= count && granted < 0; ++k)
        if (rings_[(last_ + k) % count].asks()) granted = (last_ + k) % count;
    if (granted >= 0) {
      last_ = granted;
      const Int beats = rings_[granted].grant(), first = std::max(now_ + kToBus + latency_, free_);
      free_ = first + beats;
      under_way_.push_back({granted, first + kFromBus, beats});
    }
    for (Int k = 0; k < count; ++k) rings_[k].move(gives_[k], k == comes);
    slots_ += static_cast<Int>(done) - static_cast<Int>(granted >= 0);
    ++now_;
  }
};

class TileRepeat final : public Single<TileRepeat> {
 public:
  explicit TileRepeat(Numbers &numbers) : beats_(numbers.next()), rows_(numbers.next()) {}
  bool valid() const { return full_; }
  bool ready(bool) const { return used_ != 2 * beats_; }
  void move(bool takes, bool gives) {
    const bool moves = held_ && (gives || !full_), issue = there() && (moves || !held_), last_row = row_ == rows_ - 1;
    full_ = moves || (full_ && !gives);
    held_ = issue || (held_ && !moves);
    used_ += static_cast<Int>(takes) - static_cast<Int>(issue && last_row);
    if (issue && ++place_ == beats_) {
      place_ = 0;
      row_ = last_row ? 0 : row_ + 1;
    }
  }
  Int rest() override { return (full_ && held_) || !(there() || held_) ? kEver : 0; }
  void state(State &to) const override { to.add(used_, row_, place_, held_, full_); }

 private:
  const Int beats_, rows_;
  Int used_ = 0, row_ = 0, place_ = 0;
  bool held_ = false, full_ = false;
  bool there() const { return row_ > 0 || used_ > (rows_ > 1 ? place_ : 0); }
};

// A layer that takes codes and weights in the same cycle.
class External final : public Credited<External> {
 public:
  explicit External(Numbers &numbers)
      : Credited(numbers.next()), steps_(numbers.next()), rows_(numbers.next()), tile_(numbers.next()),
        row_beats_(numbers.next()), last_row_beats_(numbers.next()), latency_(numbers.next()) {}
  bool ready(bool) const { return place_ > 0 || credit_ >= row_beats_; }
  void backward(const Flags &valid, Flags &ready) const override {
    ready[ins[0]] = ready[ins[1]] = this->ready(false) && valid[ins[0]] && valid[ins[1]];
  }
  void move(bool takes, bool gives) {
    if (takes) {
      const bool last_row = row_ == rows_ - 1;
      const Int beats = last_row ? last_row_beats_ : row_beats_;
      if (place_ == 0) credit_ -= beats;
      if (++place_ == steps_) {
        place_ = 0;
        for (Int k = 0; k < beats; ++k) due_.push(now_ + latency_ + k);
        if (++vector_ == tile_) {
          vector_ = 0;
          row_ = last_row ? 0 : row_ + 1;
        }
      }
    }
    deliver(gives);
  }
  void state(State &to) const override {
    to.add(row_, vector_, place_);
    Credited::state(to);
  }

 private:
  const Int steps_, rows_, tile_, row_beats_, last_row_beats_, latency_;
  Int row_ = 0, vector_ = 0, place_ = 0;
};

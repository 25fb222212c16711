// Machines of external weights: sim/cycles/machines/weights.py.
//
// There a tile, a ring and a layer are machines between which a beat moves in almost every cycle. Here the three are
// one machine, which is left alone from one step that does more than count to the next; and the port, which stands
// behind all layers here, sees bursts alone: `join_external` puts them together.
#pragma once
#include <algorithm>
#include <deque>

#include "credited.h"

// A memory of two tiles in front of a layer: its numbers, until it is a part of the layer's machine.
class TileRepeat final : public Machine {
 public:
  explicit TileRepeat(Numbers &numbers) : beats(numbers.next()), rows(numbers.next()) {}
  const Int beats, rows;
  void forward(Flags &) const override {}
  void backward(const Flags &, Flags &) const override {}
  void step(const Flags &, const Flags &) override {}
  void state(State &) const override {}
};

// What a `TileRepeat` does; there is none of 0 beats.
struct Tiles {
  Int beats = 0, rows = 1, used = 0, row = 0, place = 0;
  bool held = false, full = false;
  bool room() const { return used != 2 * beats; }
  bool there() const { return row > 0 || used > (rows > 1 ? place : 0); }
  bool last_row() const { return row == rows - 1; }
  bool quiet() const { return (full && held) || !(there() || held); }
  void move(bool takes, bool gives) {
    const bool moves = held && (gives || !full), issue = there() && (moves || !held);
    full = moves || (full && !gives);
    held = issue || (held && !moves);
    used += static_cast<Int>(takes) - static_cast<Int>(issue && last_row());
    if (issue && ++place == beats) {
      const bool last = last_row();
      place = 0;
      row = last ? 0 : row + 1;
    }
  }
  // For how many cycles a beat moves in each, and nothing else changes that others see.
  Int steady() const {
    if (!held || (last_row() && !room())) return 0;
    return std::min(beats - 1 - place, row > 0 ? kEver : used - place);
  }
  void skip(Int cycles) {
    place += cycles;
    if (last_row()) used -= cycles;
  }
  void state(State &to) const { to.add(used, row, place, held, full); }
};

struct Burst {
  Int at, left;  // when its next beat is written, and how many are to come
};

// The ring of a layer's weights.
struct Ring {
  static constexpr Int kNumbers = 9;
  Int words = 1, beats = 1, steps = 1, rows = 1, tile = 1, depth = 0, burst_beats = 1, bursts = 1, last_burst = 1;
  Int room = 0, ahead = 0, burst = 0, step = 0, vector = 0, word = 0;
  bool held = false, full = false;
  std::deque<Burst> under_way;  // to it
  Ring() = default;
  explicit Ring(const Int *n)
      : words(n[0]), beats(n[1]), steps(n[2]), rows(n[3]), tile(n[4]), depth(n[5]), burst_beats(n[6]), bursts(n[7]),
        last_burst(n[8]), room(depth * beats) {}
  bool asks() const { return room >= burst_beats; }
  bool issues() const { return vector > 0 || ahead >= beats; }
  bool quiet() const { return (full && held) || !(issues() || held); }
  Int grant() {
    const bool last = burst == bursts - 1;
    burst = last ? 0 : burst + 1;
    const Int count = last ? last_burst : burst_beats;
    room -= count;
    return count;
  }
  // Write the beats that come before cycle ``end``.
  void write(Int end) {
    while (!under_way.empty() && under_way.front().at < end) {
      Burst &next = under_way.front();
      const Int come = std::min(next.left, end - next.at);
      ahead += come;
      next.at += come;
      next.left -= come;
      if (next.left == 0) under_way.pop_front();
    }
  }
  void move(bool gives) {
    const bool moves = held && (gives || !full), issue = issues() && (moves || !held);
    full = moves || (full && !gives);
    held = issue || (held && !moves);
    if (!issue) return;
    const bool row_ends = step == steps - 1;
    if (row_ends || word == words - 1) lines(1);
    word = row_ends || word == words - 1 ? 0 : word + 1;
    step = row_ends ? 0 : step + 1;
    if (row_ends) vector = vector == tile - 1 ? 0 : vector + 1;
  }
  // For how many cycles a word moves in each, and nothing else changes that others see.
  Int steady() const {
    if (!held) return 0;
    Int cycles = steps - 1 - step;
    if (vector == 0) cycles = std::min(cycles, ahead / beats * words - word);
    if (vector == tile - 1 && !asks())
      cycles = std::min(cycles, (burst_beats - room + beats - 1) / beats * words - word);
    return cycles;
  }
  void skip(Int cycles) {
    step += cycles;
    word += cycles;
    lines(word / words);
    word %= words;
  }
  // From which cycle on a word can be read, were there a place for it, by what is under way.
  Int readable() const {
    Int wanted = beats - ahead;
    for (const Burst &next : under_way) {
      if (wanted <= next.left) return next.at + wanted;
      wanted -= next.left;
    }
    return kEver;
  }
  void state(State &to, Int now) const {
    to.add(room, ahead, burst, step, vector, held, full, under_way.size());
    for (const Burst &next : under_way) to.add(next.at - now, next.left);
  }

 private:
  // So many lines are read to their ends.
  void lines(Int count) {
    if (vector == 0) ahead -= beats * count;
    if (vector == tile - 1) room += beats * count;
  }
};

class WeightPort;

// A layer that takes codes and weights in the same cycle, with the tiles in front of it and the ring of its weights.
// Its second stream out asks the port for bursts.
class External final : public Credited<Machine> {
 public:
  Tiles tiles;
  Ring ring;
  WeightPort *port = nullptr;

  explicit External(Numbers &numbers)
      : Credited(numbers.next()), steps_(numbers.next()), rows_(numbers.next()), tile_(numbers.next()),
        row_beats_(numbers.next()), last_row_beats_(numbers.next()), latency_(numbers.next()) {}

  void forward(Flags &valid) const override {
    valid[outs[0]] = this->valid();
    valid[outs[1]] = ring.asks();
  }
  void backward(const Flags &valid, Flags &ready) const override {
    ready[ins[0]] = tiled() ? tiles.room() : may() && valid[ins[0]] && ring.full;
  }
  void step(const Flags &valid, const Flags &ready) override {
    cycle(valid[ins[0]] && ready[ins[0]], valid[outs[1]] && ready[outs[1]], valid[outs[0]] && ready[outs[0]]);
  }
  void cycle(bool enters, bool granted, bool gives);

  Int rest() override {
    const Int cycles = Credited::rest();
    issuing_ = tiled() && may() && tiles.full && ring.full;
    if (!issuing_) {
      if ((tiled() && !tiles.quiet()) || !ring.quiet()) return 0;
      return ring.full && ring.held ? cycles : std::min(cycles, ring.readable() - now_);
    }
    // The first and the last step of a vector do more than count.
    if (place_ == 0) return 0;
    return std::max<Int>(0, std::min({cycles, steps_ - 1 - place_, tiles.steady(), ring.steady()}));
  }
  void skip(Int cycles) override {
    ring.write(now_ + cycles);
    Credited::skip(cycles);
    if (!issuing_) return;
    tiles.skip(cycles);
    ring.skip(cycles);
    place_ += cycles;
  }
  void begin() { now_ = 0; }
  void state(State &to) const override {
    to.add(row_, vector_, place_);
    Credited::state(to);
    tiles.state(to);
    ring.state(to, now_);
  }

 private:
  const Int steps_, rows_, tile_, row_beats_, last_row_beats_, latency_;
  Int row_ = 0, vector_ = 0, place_ = 0;
  bool issuing_ = false;
  bool tiled() const { return tiles.beats > 0; }
  bool may() const { return place_ > 0 || credit_ >= row_beats_; }
};

// The port, and a memory that never stalls: streams in ask for bursts, of which one is granted at a time.
class WeightPort final : public Machine {
 public:
  std::vector<Ring> rings;

  explicit WeightPort(Numbers &numbers) : latency_(numbers.next()), outstanding_(numbers.next()) {
    const std::vector<Int> all = numbers.list();
    for (std::size_t k = 0; k < all.size(); k += Ring::kNumbers) rings.emplace_back(&all[k]);
    last_ = static_cast<Int>(rings.size()) - 1;
  }
  void forward(Flags &) const override {}
  void backward(const Flags &valid, Flags &ready) const override {
    const Int next = choice([&](Int k) { return valid[ins[k]]; });
    for (Int k = 0; k < static_cast<Int>(ins.size()); ++k) ready[ins[k]] = k == next;
  }
  void step(const Flags &valid, const Flags &ready) override {
    for (std::size_t k = 0; k < ins.size(); ++k)
      if (valid[ins[k]] && ready[ins[k]]) last_ = k;
    skip(1);
  }
  // Grant a burst in this cycle, and return when its first beat is written.
  Int grant(Int beats) {
    const Int first = std::max(now_ + kToBus + latency_, free_);
    free_ = first + beats;
    ends_.push_back(free_);
    return first + kFromBus;
  }
  Int rest() override { return slots() > 0 ? kEver : ends_.front() - now_; }
  void skip(Int cycles) override {
    now_ += cycles;
    while (!ends_.empty() && ends_.front() <= now_) ends_.pop_front();
  }
  void state(State &to) const override {
    to.add(last_, std::max<Int>(0, free_ - now_ - kToBus - latency_), ends_.size());
    for (Int end : ends_) to.add(end - now_);
  }

  // Fill all rings before the first cycle.
  void fill(const std::vector<External *> &layers) {
    for (;;) {
      const Int next = choice([&](Int k) { return layers[k]->ring.asks(); });
      Int idle = next >= 0 ? 1 : rest();
      for (External *layer : layers) idle = std::min(idle, std::max<Int>(1, layer->rest()));
      if (idle >= kEver) {
        if (now_ > free_) break;
        idle = free_ + kFromBus - now_;
      }
      for (Int k = 0; k < static_cast<Int>(layers.size()); ++k) {
        layers[k]->cycle(false, k == next, false);
        layers[k]->skip(idle - 1);
      }
      if (next >= 0) last_ = next;
      skip(idle);
    }
    now_ = free_ = 0;
    for (External *layer : layers) layer->begin();
  }

 private:
  static constexpr Int kToBus = 2, kFromBus = 1;
  const Int latency_, outstanding_;
  Int last_, now_ = 0, free_ = 0;
  std::deque<Int> ends_;  // when each burst that is under way makes room for another

  Int slots() const { return outstanding_ - static_cast<Int>(ends_.size()); }
  // The next of those that ask, behind the one that was served last; -1 if there is none, or no room for a burst.
  template <typename F>
  Int choice(F asks) const {
    const Int count = rings.size();
    if (slots() > 0)
      for (Int k = 1; k <= count; ++k)
        if (asks((last_ + k) % count)) return (last_ + k) % count;
    return -1;
  }
};

inline void External::cycle(bool enters, bool granted, bool gives) {
  const bool takes = tiled() ? may() && tiles.full && ring.full : enters;
  if (tiled()) tiles.move(enters, takes);
  if (granted) {
    const Int beats = ring.grant();
    ring.under_way.push_back({port->grant(beats), beats});
  }
  ring.move(takes);
  ring.write(now_ + 1);
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

// Make each layer with external weights one machine with its tiles and its ring, and put the port behind all of them:
// what was the stream of a layer's weights is now that in which it asks for bursts.
inline void join_external(std::vector<std::unique_ptr<Machine>> &machines) {
  const auto is_port = [](const std::unique_ptr<Machine> &m) { return dynamic_cast<WeightPort *>(m.get()) != nullptr; };
  const auto at = std::find_if(machines.begin(), machines.end(), is_port);
  if (at == machines.end()) return;
  std::rotate(at, at + 1, machines.end());
  WeightPort &port = static_cast<WeightPort &>(*machines.back());
  port.ins.swap(port.outs);
  std::vector<External *> layers(port.ins.size());
  for (auto &machine : machines)
    if (External *layer = dynamic_cast<External *>(machine.get())) {
      const Int weights = layer->ins.back();
      const std::size_t k = std::find(port.ins.begin(), port.ins.end(), weights) - port.ins.begin();
      layers[k] = layer;
      layer->ring = port.rings[k];
      layer->port = &port;
      layer->ins.pop_back();
      layer->outs.push_back(weights);
      for (auto &other : machines)
        if (TileRepeat *front = dynamic_cast<TileRepeat *>(other.get()))
          if (front->outs[0] == layer->ins[0]) {
            layer->tiles.beats = front->beats;
            layer->tiles.rows = front->rows;
            layer->ins = front->ins;
            other.reset();
            break;
          }
    }
  machines.erase(std::remove(machines.begin(), machines.end(), nullptr), machines.end());
  port.fill(layers);
}

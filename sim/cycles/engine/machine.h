// What the machines of the compiled cycle model share. Each is the twin of a Python machine of sim/cycles/machines,
// which says what it means; names are the same.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using Int = std::int64_t;
using Flags = std::vector<std::uint8_t>;  // of all streams of a pipeline: valid, or ready

constexpr Int kEver = INT64_MAX / 4;  // cycles

// The numbers that describe a pipeline, read one after the other.
class Numbers {
 public:
  explicit Numbers(const Int *at) : at_(at) {}
  Int next() { return *at_++; }
  // A list has its length in front.
  std::vector<Int> list() {
    const Int count = next();
    std::vector<Int> items(at_, at_ + count);
    at_ += count;
    return items;
  }

 private:
  const Int *at_;
};

// Everything that the future depends on, as bytes.
struct State {
  std::string bytes;
  template <typename... T>
  void add(T... numbers) {
    const Int all[] = {static_cast<Int>(numbers)...};
    bytes.append(reinterpret_cast<const char *>(all), sizeof all);
  }
};

class Machine {
 public:
  std::vector<Int> ins, outs;  // numbers of its streams
  Int number = 0;              // of its stage, among those that are described
  virtual ~Machine() = default;
  virtual void forward(Flags &valid) const = 0;
  virtual void backward(const Flags &valid, Flags &ready) const = 0;
  virtual void step(const Flags &valid, const Flags &ready) = 0;
  virtual Int rest() { return kEver; }
  virtual void skip(Int) {}
  virtual void state(State &to) const = 0;
  virtual Int need() const { return 0; }  // the depth that a queue needs
};

// A machine of one stream in and one out, by the functions `valid`, `ready` and `move` of its class T.
template <typename T>
class Single : public Machine {
 public:
  void forward(Flags &valid) const final { valid[outs[0]] = self().valid(); }
  void backward(const Flags &valid, Flags &ready) const override {
    ready[ins[0]] = self().ready(valid[outs[0]] && ready[outs[0]]);
  }
  void step(const Flags &valid, const Flags &ready) final {
    static_cast<T *>(this)->move(valid[ins[0]] && ready[ins[0]], valid[outs[0]] && ready[outs[0]]);
  }

 private:
  const T &self() const { return *static_cast<const T *>(this); }
};

// A register of one beat.
class Register final : public Single<Register> {
 public:
  explicit Register(Numbers &) {}
  bool valid() const { return full_; }
  bool ready(bool gives) const { return !full_ || gives; }
  void move(bool takes, bool gives) { full_ = takes || (full_ && !gives); }
  void state(State &to) const override { to.add(full_); }

 private:
  bool full_ = false;
};

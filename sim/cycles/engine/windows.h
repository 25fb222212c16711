// Machines of line buffers: sim/cycles/machines/windows.py.
#pragma once
#include "machine.h"

// A memory of ``depth`` words: ``room_`` is for so many more, and so many of a frame it is known to ``have_``.
template <typename T>
class WordRing : public Single<T> {
 public:
  explicit WordRing(Int depth) : room_(depth) {}
  bool valid() const { return full_; }
  bool ready(bool) const { return room_ > 0; }
  void move(bool takes, bool gives) {
    static_cast<T *>(this)->issue(gives);
    have_ += takes;
    room_ -= takes;
  }

 protected:
  Int have_ = 0, room_;
  bool held_ = false, full_ = false;  // something in front of the output register, and in it
};

class Sliding final : public WordRing<Sliding> {
 public:
  explicit Sliding(Numbers &numbers)
      : WordRing(numbers.next()), beats_pixel_(numbers.next()), words_frame_(numbers.next()) {
    const std::vector<Int> need_row = numbers.list(), need_column = numbers.list(), free_row = numbers.list(),
                           advances = numbers.list(), free_column = numbers.list();
    for (std::size_t y = 0; y < need_row.size(); ++y)
      for (std::size_t x = 0; x < need_column.size(); ++x) {
        needs_.push_back(need_row[y] + need_column[x]);
        frees_.push_back(x + 1 == need_column.size() ? free_row[y] : advances[y] * free_column[x]);
      }
  }
  void issue(bool gives) {
    const bool moves = held_ && (gives || !full_);
    full_ = moves || (full_ && !gives);
    const bool issues = there() && (moves || !held_);
    held_ = issues || (held_ && !moves);
    if (!issues || ++beat_ != beats_pixel_) return;
    beat_ = 0;
    room_ += frees_[pixel_];
    if (++pixel_ == needs_.size()) {
      pixel_ = 0;
      have_ -= words_frame_;
    }
  }
  Int rest() override {
    if (held_) return full_ ? kEver : 0;
    return there() ? 0 : kEver;
  }
  void state(State &to) const override { to.add(have_, room_, held_, full_, beat_, pixel_); }

 private:
  const Int beats_pixel_, words_frame_;
  std::vector<Int> needs_, frees_;  // words that each output pixel needs, and frees
  Int beat_ = 0;
  std::size_t pixel_ = 0;
  bool there() const { return beat_ > 0 || have_ >= needs_[pixel_]; }
};

class Columns final : public WordRing<Columns> {
 public:
  explicit Columns(Numbers &numbers)
      : WordRing(numbers.next()), whole_(numbers.next()), words_frame_(numbers.next()), need_row_(numbers.list()),
        column_need_(numbers.list()), emits_(numbers.list()), frees_(numbers.list()), advances_(numbers.list()),
        free_end_(numbers.list()) {}
  void issue(bool gives) {
    bool moves = gives;
    if (whole_) {
      moves = held_ && (gives || !full_);
      full_ = moves ? emit_held_ : full_ && !gives;
    }
    const bool onward = read_ && (moves || !held_);
    const bool issues = there() && (onward || !read_);
    held_ = onward || (held_ && !moves);
    read_ = issues || (read_ && !onward);
    if (onward) emit_held_ = emit_read_;
    if (issues) next_column();
    if (!whole_) full_ = held_;
  }
  Int rest() override {
    const bool onward = (held_ && whole_ && !full_) || (read_ && !held_);
    return onward || (!read_ && there()) ? 0 : kEver;
  }
  void state(State &to) const override {
    to.add(have_, room_, full_, column_, row_, read_, held_, emit_read_, emit_held_);
  }

 private:
  const bool whole_;
  const Int words_frame_;
  const std::vector<Int> need_row_, column_need_, emits_, frees_, advances_, free_end_;
  std::size_t column_ = 0, row_ = 0;
  // A column at the memories' outputs; and whether it, and the one behind their registers, complete a window.
  bool read_ = false, emit_read_ = false, emit_held_ = false;

  bool there() const { return have_ >= need_row_[row_] + column_need_[column_]; }
  void next_column() {
    emit_read_ = emits_[column_];
    const bool last = column_ + 1 == column_need_.size();
    room_ += last ? free_end_[row_] : advances_[row_] * frees_[column_];
    column_ = last ? 0 : column_ + 1;
    if (last && ++row_ == need_row_.size()) {
      row_ = 0;
      have_ -= words_frame_;
    }
  }
};

// The highest of the numbers recorded in the last `size` slots, O(1) amortised: what scale-down delays are made of.
// Source of the idea: the ascending minima algorithm; Knative keeps its scale-down-delay so.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {

class SlidingMax {
 public:
  // `size` >= 1 slots.
  explicit SlidingMax(std::int64_t size) : size_(size) { BERTH_CHECK(size >= 1); }

  // Slots never go back; several numbers in one slot count all. Returns the highest of slots slot - size + 1 … slot.
  std::int32_t record(std::int64_t slot, std::int32_t value) {
    while (!falling_.empty() && falling_.back().second <= value) falling_.pop_back();
    falling_.emplace_back(slot, value);
    while (falling_.front().first <= slot - size_) falling_.pop_front();
    return falling_.front().second;
  }

 private:
  std::int64_t size_;
  std::deque<std::pair<std::int64_t, std::int32_t>> falling_;  // Slot, number; numbers strictly falling.
};

}  // namespace berth

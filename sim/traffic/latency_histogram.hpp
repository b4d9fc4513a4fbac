// Quantiles of latencies in log-linear buckets: each power of two is cut into 64, and a bucket answers with its middle,
// so a quantile is off by at most 1/128 (0.8 %) of itself. At most 30 KB; merging is adding.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

class LatencyHistogram {
 public:
  // `value` >= 0. O(1); allocates when a value passes every power of two seen so far.
  void record(Duration value, std::uint64_t times = 1) {
    BERTH_CHECK(value.ns >= 0);
    const std::size_t b = bucket(static_cast<std::uint64_t>(value.ns));
    if (b >= counts_.size()) [[unlikely]]
      counts_.resize((b / kPerOctave + 1) * kPerOctave);
    counts_[b] += times;
    count_ += times;
    sum_ += static_cast<__int128>(value.ns) * static_cast<__int128>(times);
  }
  void merge(const LatencyHistogram& other);

  std::uint64_t count() const { return count_; }
  double mean_seconds() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) * 1e-9 / static_cast<double>(count_);
  }
  __int128 sum_ns() const { return sum_; }
  // Nearest rank, 0 <= q <= 1; 0 if empty. O(buckets).
  Duration quantile(double q) const;
  // How many were longer: `value` is taken for the middle of its bucket, so for up to 1/128 less or more. O(buckets).
  std::uint64_t count_above(Duration value) const;

  friend bool operator==(const LatencyHistogram&, const LatencyHistogram&) = default;

 private:
  static constexpr std::uint64_t kPerOctave = 64;
  static constexpr std::size_t bucket(std::uint64_t value) {
    if (value < kPerOctave) return value;
    const int shift = std::bit_width(value) - 7;
    return static_cast<std::size_t>(shift) * kPerOctave + (value >> shift);
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  __int128 sum_ = 0;
};

}  // namespace berth

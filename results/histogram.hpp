// Quantiles of 10^8 waits in at most 58 KB: counts in logarithmic buckets, like HdrHistogram [Tene]. Values below 256
// have a bucket each; above, each power of two is cut into 128 buckets, and a bucket answers with its middle, which is
// off by at most half a bucket: 1/256 of the value. Count, mean, minimum and maximum are exact.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth {

// Of non-negative 64-bit integers, usually nanoseconds. Copyable; equal if they hold the same counts.
class Histogram {
 public:
  // Adds `value` >= 0 (BERTH_CHECK) `count` times. O(1); allocates only when a value exceeds every power of two seen
  // so far, at most 57 times in a histogram's life.
  void record(std::int64_t value, std::uint64_t count = 1) {
    BERTH_CHECK(value >= 0);
    if (count == 0) return;
    const std::size_t b = bucket(static_cast<std::uint64_t>(value));
    if (b >= counts_.size()) grow(b);
    counts_[b] += count;
    count_ += count;
    sum_ += static_cast<__int128>(value) * count;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }

  // As if all of other's values had been recorded here: any order and grouping of merges gives the same histogram.
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  double mean() const;                                         // From the exact sum; NaN if empty.
  std::int64_t min() const { return count_ == 0 ? 0 : min_; }  // 0 if empty.
  std::int64_t max() const { return max_; }                    // 0 if empty.

  // The nearest-rank quantile, 0 <= q <= 1: the smallest recorded value v such that at least q * count() values are
  // <= v, within v/256 of it and never outside [min(), max()]; exact below 256, for q = 0 and for q = 1. 0 if empty.
  // O(buckets).
  std::int64_t quantile(double q) const;

  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  static constexpr int kBits = 7;  // 2^7 buckets for each power of two.
  static constexpr std::uint64_t kPerOctave = std::uint64_t{1} << kBits;

  // [0, 128) are themselves; then octave by octave, from 2^7: the 7 bits behind the leading one.
  static constexpr std::size_t bucket(std::uint64_t value) {
    if (value < kPerOctave) return value;
    const int shift = std::bit_width(value) - 1 - kBits;
    return (static_cast<std::size_t>(shift) << kBits) + (value >> shift);
  }
  static std::int64_t middle(std::size_t bucket);
  void grow(std::size_t bucket);

  std::vector<std::uint64_t> counts_;  // Whole octaves up to that of max_: a function of the values alone.
  std::uint64_t count_ = 0;
  __int128 sum_ = 0;
  std::int64_t min_ = INT64_MAX;
  std::int64_t max_ = 0;
};

}  // namespace berth

#include "results/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace berth {

void Histogram::grow(std::size_t bucket) {
  counts_.resize((bucket / kPerOctave + 1) * kPerOctave);
}

void Histogram::merge(const Histogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t b = 0; b < other.counts_.size(); ++b) counts_[b] += other.counts_[b];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double Histogram::mean() const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  // Whole part and remainder apart: each fits a double far better than a 100-bit sum does.
  const __int128 whole = sum_ / count_;
  const __int128 rest = sum_ % count_;
  return static_cast<double>(whole) + static_cast<double>(rest) / static_cast<double>(count_);
}

std::int64_t Histogram::middle(std::size_t bucket) {
  if (bucket < 2 * kPerOctave) return static_cast<std::int64_t>(bucket);
  const int shift = static_cast<int>(bucket / kPerOctave) - 1;
  const std::uint64_t low = (kPerOctave + bucket % kPerOctave) << shift;
  const std::uint64_t width = std::uint64_t{1} << shift;
  return static_cast<std::int64_t>(low + (width - 1) / 2);
}

std::int64_t Histogram::quantile(double q) const {
  BERTH_CHECK(q >= 0 && q <= 1);
  if (count_ == 0) return 0;
  // 0.07 * 100 is 7.000000000000001 in binary, and the next rank would be wrong: hence two ulps of slack.
  const double exact = q * static_cast<double>(count_);
  const double wanted = std::ceil(exact * (1 - 0x1p-51));
  if (wanted <= 1) return min_;
  if (wanted >= static_cast<double>(count_)) return max_;
  const auto rank = static_cast<std::uint64_t>(wanted);
  std::uint64_t seen = 0;
  for (std::size_t b = 0; b < counts_.size(); ++b) {
    seen += counts_[b];
    if (seen >= rank) return std::clamp(middle(b), min_, max_);
  }
  BERTH_CHECK(!"the counts add up to count_");
  return max_;
}

}  // namespace berth

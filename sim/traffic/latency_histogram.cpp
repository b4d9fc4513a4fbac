#include "sim/traffic/latency_histogram.hpp"

#include <algorithm>
#include <cmath>

namespace berth {

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

std::uint64_t LatencyHistogram::count_above(Duration value) const {
  BERTH_CHECK(value.ns >= 0);
  std::uint64_t above = 0;
  for (std::size_t b = bucket(static_cast<std::uint64_t>(value.ns)) + 1; b < counts_.size(); ++b) above += counts_[b];
  return above;
}

Duration LatencyHistogram::quantile(double q) const {
  BERTH_CHECK(q >= 0 && q <= 1);
  if (count_ == 0) return {};
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  std::size_t b = 0;
  while ((seen += counts_[b]) < rank) ++b;
  if (b < 2 * kPerOctave) return {static_cast<std::int64_t>(b)};
  const std::uint64_t shift = b / kPerOctave - 1;
  const std::uint64_t low = (b - shift * kPerOctave) << shift;
  return {static_cast<std::int64_t>(low + (std::uint64_t{1} << shift) / 2)};
}

}  // namespace berth

#include "results/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

// Spread over all magnitudes, as waits are: 1 ns to 292 years.
std::int64_t any_magnitude(Rng& rng) {
  return static_cast<std::int64_t>(rng.u64() >> (1 + rng.below(63)));
}

// Nearest rank in whole numbers: q = percent / 100.
std::int64_t exact_quantile(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  const std::size_t rank = std::max<std::size_t>(1, (percent * sorted.size() + 99) / 100);
  return sorted[rank - 1];
}

TEST(Histogram, QuantilesWithinOneIn256OfTheSortedValues) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    const std::size_t n = 1 + rng.below(700);
    std::vector<std::int64_t> values(n);
    Histogram histogram;
    __int128 sum = 0;
    for (std::int64_t& v : values) {
      v = any_magnitude(rng);
      sum += v;
      histogram.record(v);
    }
    std::ranges::sort(values);
    EXPECT_EQ(histogram.count(), n);
    EXPECT_EQ(histogram.min(), values.front());
    EXPECT_EQ(histogram.max(), values.back());
    const double mean = static_cast<double>(sum) / static_cast<double>(n);
    EXPECT_NEAR(histogram.mean(), mean, 1e-15 * mean);
    EXPECT_EQ(histogram.quantile(0), values.front());
    EXPECT_EQ(histogram.quantile(1), values.back());
    for (std::size_t percent = 0; percent <= 100; ++percent) {
      const std::int64_t expected = exact_quantile(values, percent);
      const std::int64_t got = histogram.quantile(static_cast<double>(percent) / 100);
      EXPECT_LE(std::abs(got - expected), expected / 256) << percent << " % is " << expected << ", got " << got;
    }
  }
}

// Every bucket's edges: around each power of two, and at the 128ths between them.
TEST(Histogram, ErrorBoundHoldsAtBucketEdges) {
  const auto answer = [](std::int64_t value) {  // Between two others, so that the bucket answers, not min or max.
    Histogram h;
    h.record(0);
    h.record(value);
    h.record(INT64_MAX);
    return h.quantile(0.5);
  };
  for (std::int64_t v = 0; v < 256; ++v) EXPECT_EQ(answer(v), v);
  std::int64_t worst_numerator = 0;
  for (int power = 8; power < 63; ++power) {
    const std::int64_t octave = std::int64_t{1} << power;
    for (std::int64_t part = 128; part < 256; ++part) {
      for (const std::int64_t off : {-1, 0, 1}) {
        const std::int64_t v = (octave >> 7) * part + off;
        if (v < 256) continue;
        const std::int64_t error = std::abs(answer(v) - v);
        ASSERT_LE(error, v / 256) << v;
        if (power == 40) worst_numerator = std::max(worst_numerator, error);
      }
    }
  }
  // The bound is no idle promise: near 2^40 some value is off by more than 1/300 of the octave.
  EXPECT_GT(worst_numerator, (std::int64_t{1} << 40) / 300);
}

TEST(Histogram, MergeInAnyOrderAndGrouping) {
  Rng rng(7, 0, 0, Purpose::kTest);
  std::vector<Histogram> parts(5);
  Histogram all;
  for (int i = 0; i < 3000; ++i) {
    const std::int64_t v = any_magnitude(rng) >> (i % 5 * 8);  // Parts of different reach.
    parts[static_cast<std::size_t>(i % 5)].record(v);
    all.record(v);
  }
  parts.emplace_back();  // And an empty one.
  Histogram left;
  for (const Histogram& part : parts) left.merge(part);
  EXPECT_EQ(left, all);
  Histogram right;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    Histogram grouped = *part;
    grouped.merge(right);
    right = grouped;
  }
  EXPECT_EQ(right, all);
  Histogram other = all;
  other.record(5);
  EXPECT_FALSE(other == all);
}

TEST(Histogram, MeanIsExactBeyond64Bits) {
  Histogram h;
  h.record(INT64_MAX, 1'000'000'000);
  h.record(INT64_MAX - 2'000'000'000'000, 1'000'000'000);  // Mean: INT64_MAX - 10^12.
  EXPECT_EQ(h.mean(), static_cast<double>(INT64_MAX - 1'000'000'000'000));
  EXPECT_EQ(h.count(), 2'000'000'000U);
}

TEST(Histogram, EmptyAndCounted) {
  Histogram h;
  EXPECT_EQ(h.quantile(0.5), 0);
  EXPECT_EQ(h.min(), 0);
  EXPECT_EQ(h.max(), 0);
  EXPECT_TRUE(std::isnan(h.mean()));
  h.record(9, 0);
  EXPECT_EQ(h, Histogram());
  h.record(10, 7);
  h.record(20, 93);
  EXPECT_EQ(h.quantile(0.07), 10);  // 0.07 * 100 is above 7 in binary.
  EXPECT_EQ(h.quantile(0.071), 20);
}

TEST(HistogramDeathTest, NegativeIsOurMistake) {
  Histogram h;
  EXPECT_DEATH(h.record(-1), "value >= 0");
}

}  // namespace
}  // namespace berth

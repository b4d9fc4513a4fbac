#include "results/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

double normal(Rng& rng) {  // Box and Muller.
  return std::sqrt(-2 * std::log(rng.uniform_open())) * std::cos(2 * std::numbers::pi * rng.uniform());
}

struct Quantile {
  double probability;
  std::size_t degrees;
  double expected;
};

// Published tables of Student's t, four decimals.
TEST(StudentT, QuantilesMatchTables) {
  for (const auto& [probability, degrees, expected] : {Quantile{0.975, 1, 12.7062},
                                                       {0.975, 2, 4.3027},
                                                       {0.975, 4, 2.7764},
                                                       {0.975, 9, 2.2622},
                                                       {0.975, 29, 2.0452},
                                                       {0.975, 120, 1.9799},
                                                       {0.95, 10, 1.8125},
                                                       {0.995, 5, 4.0321},
                                                       {0.5, 7, 0.0},
                                                       {0.025, 9, -2.2622}}) {
    EXPECT_NEAR(student_t_quantile(probability, degrees), expected, 5.1e-5) << probability << " " << degrees;
  }
}

// Closed forms: 1 - 2 atan(t) / pi with one degree of freedom, 1 - t / sqrt(2 + t^2) with two.
TEST(StudentT, TailsMatchClosedForms) {
  for (const double t : {0.0, 0.5, 1.0, 3.5, 40.0, 1e6}) {
    EXPECT_NEAR(student_t_two_sided(t, 1), 1 - 2 * std::atan(t) / std::numbers::pi, 1e-12) << t;
    EXPECT_NEAR(student_t_two_sided(-t, 2), 1 - t / std::sqrt(2 + t * t), 1e-12) << t;
  }
  EXPECT_EQ(student_t_two_sided(INFINITY, 3), 0);
  EXPECT_TRUE(std::isnan(student_t_two_sided(NAN, 3)));
}

// NIST Statistical Reference Datasets, univariate: certified values, chosen to break careless summation.
TEST(Statistics, NistNumAcc) {
  const std::vector<double> one{10000001, 10000003, 10000002};
  EXPECT_EQ(mean(one), 10000002);
  EXPECT_EQ(sample_sd(one), 1);
  for (const double offset : {1'000'000.2, 10'000'000.2}) {  // NumAcc3 and NumAcc4: 1001 values, sd 0.1.
    std::vector<double> values{offset};
    for (int i = 0; i < 500; ++i) {
      values.push_back(offset - 0.1);
      values.push_back(offset + 0.1);
    }
    EXPECT_NEAR(mean(values), offset, 1e-8 * 0.2);
    EXPECT_NEAR(sample_sd(values), 0.1, 1e-9);  // 10000000.1 itself is off by 9e-10 in binary.
  }
}

TEST(Statistics, SumIsCompensated) {
  EXPECT_EQ(sum(std::vector<double>{1, 1e100, 1, -1e100}), 2);
  EXPECT_EQ(sum(std::vector<double>{INFINITY, 1}), INFINITY);
  EXPECT_TRUE(std::isnan(sum(std::vector<double>{INFINITY, -INFINITY})));
}

TEST(Statistics, FewOrStrangeValues) {
  EXPECT_TRUE(std::isnan(estimate({}).mean));
  const Estimate one = estimate(std::vector<double>{7});
  EXPECT_EQ(one.mean, 7);
  EXPECT_EQ(one.n, 1U);
  EXPECT_FALSE(one.has_interval());
  EXPECT_TRUE(std::isnan(one.sd));
  for (std::size_t n = 2; n < 60; ++n) {  // 0.1 added n times and divided by n is not always 0.1.
    const Estimate same = estimate(std::vector<double>(n, 0.1));
    EXPECT_EQ(same.mean, 0.1);
    EXPECT_EQ(same.sd, 0);
    EXPECT_EQ(same.half_width, 0);
  }
  const Estimate hole = estimate(std::vector<double>{1, NAN, 3});
  EXPECT_TRUE(std::isnan(hole.mean));
  EXPECT_FALSE(hole.has_interval());
}

// Student's own example (Biometrika 6, 1908): hours of sleep gained by ten patients on two drugs. t = 4.0621 with 9
// degrees of freedom, p = 0.002833, 95 % interval 0.7001142 to 2.4598858, as every textbook since has it.
TEST(Paired, StudentsSleepData) {
  const std::vector<double> first{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  const std::vector<double> second{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  const PairedEstimate gain = paired(first, second);
  EXPECT_NEAR(gain.difference.mean, 1.58, 1e-12);
  EXPECT_NEAR(gain.difference.mean - gain.difference.half_width, 0.7001142, 5e-8);
  EXPECT_NEAR(gain.difference.mean + gain.difference.half_width, 2.4598858, 5e-8);
  EXPECT_NEAR(gain.p_value, 0.002833, 5e-7);
  EXPECT_NEAR(gain.difference.mean / (gain.difference.sd / std::sqrt(10.0)), 4.0621, 5e-5);
  EXPECT_TRUE(gain.excludes_zero());
  const PairedEstimate loss = paired(second, first);
  EXPECT_EQ(loss.difference.mean, -gain.difference.mean);
  EXPECT_EQ(loss.p_value, gain.p_value);
}

TEST(Paired, WithoutSpread) {
  EXPECT_EQ(paired(std::vector<double>{1, 2}, std::vector<double>{1, 2}).p_value, 1);
  EXPECT_FALSE(paired(std::vector<double>{1, 2}, std::vector<double>{1, 2}).excludes_zero());
  EXPECT_EQ(paired(std::vector<double>{1, 2}, std::vector<double>{4, 5}).p_value, 0);
  EXPECT_TRUE(paired(std::vector<double>{1, 2}, std::vector<double>{4, 5}).excludes_zero());
  const PairedEstimate single = paired(std::vector<double>{1}, std::vector<double>{9});
  EXPECT_EQ(single.difference.mean, 8);
  EXPECT_TRUE(std::isnan(single.p_value));
  EXPECT_FALSE(single.excludes_zero());
}

// By hand: sorted 0.005 0.01 0.03 0.04, times 4 3 2 1: 0.02 0.03 0.06 0.04, which may not fall: 0.06.
TEST(Holm, StepsDown) {
  const auto adjusted = holm_adjusted(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected{0.03, 0.06, 0.06, 0.02};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-15);
  EXPECT_EQ(holm_adjusted(std::vector<double>{0.7, 0.6}), (std::vector<double>{1, 1}));
  const auto gaps = holm_adjusted(std::vector<double>{NAN, 0.25, NAN, 0.125});
  EXPECT_TRUE(std::isnan(gaps[0]));
  EXPECT_EQ(gaps[1], 0.25);
  EXPECT_EQ(gaps[3], 0.25);
  EXPECT_TRUE(holm_adjusted({}).empty());
}

// Of 10,000 intervals from five normal values each, 95 % must cover the mean: within 4 standard errors, 0.0022 each.
// A normal quantile in place of Student's would cover 87.8 %.
TEST(Coverage, StudentIntervalOfFive) {
  constexpr int kTrials = 10'000;
  Rng rng(2, 0, 0, Purpose::kTest);
  int covered = 0;
  int rejected = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> base(5);
    std::vector<double> other(5);
    for (std::size_t i = 0; i < 5; ++i) {
      const double luck = 10 * normal(rng);  // Shared by the pair, as a seed is.
      base[i] = luck;
      other[i] = luck + 3 + normal(rng);
    }
    const PairedEstimate p = paired(base, other);
    covered += std::abs(p.difference.mean - 3) <= p.difference.half_width ? 1 : 0;
    std::vector<double> shifted = other;
    for (double& v : shifted) v -= 3;
    rejected += paired(base, shifted).p_value < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(covered / double{kTrials}, 0.95, 4 * 0.0022);
  EXPECT_NEAR(rejected / double{kTrials}, 0.05, 4 * 0.0022);
}

// With no true difference among six policies, Holm keeps "at least one is different" to 5 %; without it, it would be
// 1 - 0.95^6 = 26 %.
TEST(Coverage, HolmKeepsTheFamily) {
  constexpr int kTrials = 4'000;
  Rng rng(3, 0, 0, Purpose::kTest);
  int raw = 0;
  int corrected = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> p;
    for (int policy = 0; policy < 6; ++policy) {
      std::vector<double> differences(8);
      for (double& v : differences) v = normal(rng);
      p.push_back(paired(std::vector<double>(8, 0.0), differences).p_value);
    }
    const auto any = [](const std::vector<double>& values) {
      return *std::min_element(values.begin(), values.end()) < 0.05 ? 1 : 0;
    };
    raw += any(p);
    corrected += any(holm_adjusted(p));
  }
  EXPECT_NEAR(raw / double{kTrials}, 0.2649, 4 * 0.0070);
  EXPECT_NEAR(corrected / double{kTrials}, 0.0491, 4 * 0.0034);  // 1 - (1 - 0.05/6)^6: independent tests.
}

}  // namespace
}  // namespace berth

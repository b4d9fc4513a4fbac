// Variates against their closed forms: mean, variance and the whole distribution. Forms come from Boost.Math or are
// worked out beside the case. Seeds are fixed; each bound has a significance of 1e-4 (one seed in 10,000 of a sound
// sampler would exceed it), and the same sample ten percent off, or a neighbouring parameter, must be rejected.
#include "sim/engine/distribution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/exponential.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/lognormal.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/pareto.hpp>
#include <boost/math/distributions/poisson.hpp>
#include <boost/math/distributions/uniform.hpp>
#include <boost/math/distributions/weibull.hpp>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace berth {
namespace {

namespace bm = boost::math;

constexpr std::size_t kDraws = 100'000;
constexpr double kZ = 3.89;                  // Two-sided 1e-4 of a normal variate.
constexpr double kKolmogorovLimit = 2.2253;  // sqrt(-ln(1e-4 / 2) / 2): sqrt(n) D exceeds it with probability 1e-4.

using Sampler = std::function<double(Rng&)>;
using Cdf = std::function<double(double)>;

// A distribution as the textbook has it. `fourth` is the fourth central moment.
struct Truth {
  Cdf cdf;
  double mean;
  double variance;
  double fourth;
};

std::vector<double> draw(const Sampler& sampler, std::uint64_t seed) {
  Rng rng(seed, 0, 0, Purpose::kTest);
  std::vector<double> sample(kDraws);
  for (double& x : sample) x = sampler(rng);
  return sample;
}

double kolmogorov(std::vector<double> sample, const Cdf& cdf) {
  std::ranges::sort(sample);
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]);
    distance = std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return std::sqrt(n) * distance;
}

void expect_follows(const Truth& truth, const Sampler& sampler, std::uint64_t seed) {
  std::vector<double> sample = draw(sampler, seed);
  const auto n = static_cast<double>(sample.size());
  double mean = 0;
  for (const double x : sample) mean += x / n;
  double variance = 0;
  for (const double x : sample) variance += (x - mean) * (x - mean) / (n - 1);
  EXPECT_LT(std::abs(mean - truth.mean), kZ * std::sqrt(truth.variance / n)) << mean << " for " << truth.mean;
  EXPECT_LT(std::abs(variance - truth.variance), kZ * std::sqrt((truth.fourth - truth.variance * truth.variance) / n))
      << variance << " for " << truth.variance;
  EXPECT_LT(kolmogorov(sample, truth.cdf), kKolmogorovLimit);
  for (double& x : sample) x *= 1.1;
  EXPECT_GT(kolmogorov(sample, truth.cdf), kKolmogorovLimit) << "the test would not see a scale 10% off";
}

template <class Boost>
Truth from_boost(const Boost& d) {
  const double variance = bm::variance(d);
  return {[d](double x) { return bm::cdf(d, x); }, bm::mean(d), variance,
          (bm::kurtosis_excess(d) + 3) * variance * variance};
}

// Variance and fourth central moment from E[X^k], k = 1 … 4.
Truth from_moments(Cdf cdf, double m1, double m2, double m3, double m4) {
  return {std::move(cdf), m1, m2 - m1 * m1, m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * m1 * m1 * m1 * m1};
}

// Pareto of the second kind is the first kind less its minimum.
Truth lomax_truth(double alpha, double scale) {
  Truth truth = from_boost(bm::pareto(scale, alpha));
  truth.mean -= scale;
  truth.cdf = [=](double x) { return 1 - std::pow(1 + x / scale, -alpha); };
  return truth;
}

// Density alpha L^alpha x^(-alpha-1) / (1 - (L/H)^alpha) on [L, H], integrated against x^k.
Truth bounded_pareto_truth(double alpha, double low, double high) {
  const double mass = 1 - std::pow(low / high, alpha);
  const auto moment = [=](double k) {
    return alpha * std::pow(low, alpha) / mass * (std::pow(high, k - alpha) - std::pow(low, k - alpha)) / (k - alpha);
  };
  return from_moments([=](double x) { return (1 - std::pow(low / x, alpha)) / mass; }, moment(1), moment(2), moment(3),
                      moment(4));
}

// E[X^k] = k! (p a^k + (1-p) b^k).
Truth two_phase_truth(double p, double a, double b) {
  const auto moment = [=](double k) { return std::tgamma(k + 1) * (p * std::pow(a, k) + (1 - p) * std::pow(b, k)); };
  return from_moments([=](double x) { return 1 - p * std::exp(-x / a) - (1 - p) * std::exp(-x / b); }, moment(1),
                      moment(2), moment(3), moment(4));
}

// Normal given X >= 0. By parts, with h = density(0) / P(X >= 0): E[X] = mu + sd^2 h, and from k = 2 on the boundary
// term is 0: E[X^k] = mu E[X^(k-1)] + (k-1) sd^2 E[X^(k-2)].
Truth truncated_normal_truth(double mu, double sd) {
  const bm::normal whole(mu, sd);
  const double above = bm::cdf(bm::complement(whole, 0));
  const double m1 = mu + sd * sd * bm::pdf(whole, 0) / above;
  const double m2 = mu * m1 + sd * sd;
  const double m3 = mu * m2 + 2 * sd * sd * m1;
  const double m4 = mu * m3 + 3 * sd * sd * m2;
  return from_moments([=](double x) { return 1 - bm::cdf(bm::complement(whole, x)) / above; }, m1, m2, m3, m4);
}

struct Case {
  const char* name;
  const char* text;
  Truth truth;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.text;
}

std::vector<Case> continuous_cases() {
  // lognormal of mean 600 and cv 0.5: sigma^2 = ln(1 + 0.25), mu = ln 600 - sigma^2 / 2.
  const double sigma2 = std::log(1.25);
  // Balanced means with mean 10 and cv 3: p = (1 + sqrt((9 - 1) / (9 + 1))) / 2, p a = (1-p) b = 5.
  const double p = (1 + std::sqrt(0.8)) / 2;
  return {
      {"Uniform", "uniform(min=2, max=10)", from_boost(bm::uniform(2, 10))},
      {"ExponentialMean", "exponential(mean=300)", from_boost(bm::exponential(1.0 / 300))},
      {"ExponentialRate", "exponential(rate=0.25)", from_boost(bm::exponential(0.25))},
      {"NormalFarFromZero", "normal(mean=100, sd=20)", truncated_normal_truth(100, 20)},
      {"NormalCutAtZero", "normal(mean=1, sd=2)", truncated_normal_truth(1, 2)},
      {"NormalHalf", "normal(mean=0, sd=3)", truncated_normal_truth(0, 3)},
      {"LognormalCv", "lognormal(mean=600, cv=0.5)",
       from_boost(bm::lognormal(std::log(600) - sigma2 / 2, std::sqrt(sigma2)))},
      {"LognormalMedian", "lognormal(median=10, sigma=0.4)", from_boost(bm::lognormal(std::log(10), 0.4))},
      {"Lomax", "lomax(alpha=9, scale=4)", lomax_truth(9, 4)},
      {"Pareto", "pareto(alpha=9, min=4)", from_boost(bm::pareto(4, 9))},
      {"BoundedPareto", "bounded-pareto(alpha=1.1, min=1, max=50)", bounded_pareto_truth(1.1, 1, 50)},
      {"BoundedParetoNarrow", "bounded-pareto(alpha=2.5, min=30, max=60)", bounded_pareto_truth(2.5, 30, 60)},
      {"WeibullBelowOne", "weibull(shape=0.7, scale=20)", from_boost(bm::weibull(0.7, 20))},
      // Gamma(1 + 1/2) = sqrt(pi) / 2, so a mean of 3 is a scale of 6 / sqrt(pi).
      {"WeibullMean", "weibull(shape=2, mean=3)", from_boost(bm::weibull(2, 6 / std::sqrt(std::numbers::pi)))},
      {"Gamma", "gamma(shape=2.5, scale=4)", from_boost(bm::gamma_distribution<>(2.5, 4))},
      {"GammaOne", "gamma(shape=1, scale=4)", from_boost(bm::gamma_distribution<>(1, 4))},
      {"GammaBelowOne", "gamma(shape=0.3, scale=4)", from_boost(bm::gamma_distribution<>(0.3, 4))},
      {"GammaLarge", "gamma(shape=60, scale=0.1)", from_boost(bm::gamma_distribution<>(60, 0.1))},
      {"GammaCv", "gamma(mean=10, cv=0.5)", from_boost(bm::gamma_distribution<>(4, 2.5))},
      {"Hyperexponential", "hyperexponential(p=0.3, mean1=1, mean2=5)", two_phase_truth(0.3, 1, 5)},
      {"HyperexponentialCv", "hyperexponential(mean=10, cv=3)", two_phase_truth(p, 5 / p, 5 / (1 - p))},
  };
}

class ContinuousTest : public testing::TestWithParam<Case> {};

TEST_P(ContinuousTest, SampleFollowsClosedForm) {
  const Distribution d = Distribution::parse(GetParam().text, "test");
  expect_follows(
      GetParam().truth, [&](Rng& rng) { return d.sample(rng); }, 1);
}

TEST_P(ContinuousTest, MomentsAreClosedForm) {
  const Distribution d = Distribution::parse(GetParam().text, "test");
  EXPECT_NEAR(d.mean(), GetParam().truth.mean, 1e-12 * GetParam().truth.mean);
  // Looser: the narrow cases' truth is itself a difference of moments.
  EXPECT_NEAR(d.variance(), GetParam().truth.variance, 1e-10 * GetParam().truth.variance);
}

INSTANTIATE_TEST_SUITE_P(Table, ContinuousTest, testing::ValuesIn(continuous_cases()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// Those that no Distribution reaches, or not by the same path.
TEST(Variates, FreeFunctionsFollowClosedForms) {
  {
    SCOPED_TRACE("normal");
    expect_follows(
        from_boost(bm::normal(-3, 2)), [](Rng& rng) { return normal(rng, -3, 2); }, 2);
  }
  {
    SCOPED_TRACE("erlang: three stages of mean 4");
    expect_follows(
        from_boost(bm::gamma_distribution<>(3, 4)), [](Rng& rng) { return erlang(rng, 3, 12); }, 3);
  }
  {
    SCOPED_TRACE("bounded_pareto");
    expect_follows(
        bounded_pareto_truth(1.5, 2, 20), [](Rng& rng) { return bounded_pareto(rng, 1.5, 2, 20); }, 4);
  }
  {
    SCOPED_TRACE("hyperexponential of three phases, two alike: 0.3 at 1, 0.7 at 5");
    const std::vector<ServiceBranch> phases{{0.2, 5}, {0.3, 1}, {0.5, 5}};
    expect_follows(
        two_phase_truth(0.3, 1, 5), [&](Rng& rng) { return hyperexponential(rng, phases); }, 5);
  }
  {
    SCOPED_TRACE("exponential_ziggurat");
    expect_follows(
        from_boost(bm::exponential(0.5)), [](Rng& rng) { return exponential_ziggurat(rng, 2); }, 8);
  }
  {
    SCOPED_TRACE("uniform and uniform_open");
    expect_follows(
        from_boost(bm::uniform(0, 1)), [](Rng& rng) { return rng.uniform(); }, 6);
    expect_follows(
        from_boost(bm::uniform(0, 1)), [](Rng& rng) { return rng.uniform_open(); }, 7);
  }
}

// The tail behind the ziggurat's last edge, which 10^5 draws reach 45 times: P(X > r) = exp(-r), and X - r given X > r
// is exponential again. Both within 4.5 standard errors: a right sampler fails once in 10^5.
TEST(Variates, ZigguratTailIsExponential) {
  constexpr double kEdge = 7.69711747013104972;
  constexpr int kMany = 4'000'000;
  Rng rng(11, 0, 0, Purpose::kTest);
  double sum = 0;
  int beyond = 0;
  for (int i = 0; i < kMany; ++i) {
    const double x = exponential_ziggurat(rng, 1);
    if (x <= kEdge) continue;
    ++beyond;
    sum += x - kEdge;
  }
  const double expected = kMany * std::exp(-kEdge);
  EXPECT_NEAR(beyond, expected, 4.5 * std::sqrt(expected));
  EXPECT_NEAR(sum / beyond, 1, 4.5 / std::sqrt(static_cast<double>(beyond)));
}

// Heavy tails have no variance to test, but they have a distribution.
TEST(Variates, HeavyTailsFollowClosedForms) {
  EXPECT_LT(kolmogorov(draw([](Rng& rng) { return pareto(rng, 0.8, 3); }, 8),
                       [](double x) { return 1 - std::pow(3 / x, 0.8); }),
            kKolmogorovLimit);
  EXPECT_LT(kolmogorov(draw([](Rng& rng) { return lomax(rng, 1.1, 3); }, 9),
                       [](double x) { return 1 - std::pow(1 + x / 3, -1.1); }),
            kKolmogorovLimit);
  // Near alpha = 0 the bounded Pareto is log-uniform: F(x) = ln(x/L) / ln(H/L).
  EXPECT_LT(kolmogorov(draw([](Rng& rng) { return bounded_pareto(rng, 1e-12, 1, 1000); }, 10),
                       [](double x) { return std::log(x) / std::log(1000); }),
            kKolmogorovLimit);
}

TEST(Variates, NormalQuantileMatchesBoostAndTables) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-15 * 2);  // The textbook 1.96.
  EXPECT_EQ(normal_quantile(0.5), 0);
  const bm::normal_distribution<long double> exact;
  for (double p = 0x1p-53; p < 1; p = p < 0.01 ? p * 1.3 : p + 0.0037) {
    const auto expected = static_cast<double>(bm::quantile(exact, static_cast<long double>(p)));
    ASSERT_NEAR(normal_quantile(p), expected, 2e-15 * std::abs(expected)) << p;
  }
}

// The first published vector of Philox is 0xe169c58d6627e8d5. Its top 53 bits plus one over 2^53: u =
// 0.88052019788614353, and -2 ln u. Its top 52 bits and a half over 2^52: p = 0.88052019788614242, and the normal
// quantile of that, by Newton's method on the power series of the error function in 50 digits.
TEST(Variates, InversionTakesOneWideDraw) {
  const Rng zero(0, 0, 0, static_cast<Purpose>(0));
  Rng rng = zero;
  EXPECT_DOUBLE_EQ(exponential(rng, 2), 0.25448482439281530411);
  EXPECT_EQ(rng.u32(), 0xbc57ac4cU);
  rng = zero;
  EXPECT_NEAR(standard_normal(rng), 1.17759123905427294872, 1e-14);
  EXPECT_EQ(rng.u32(), 0xbc57ac4cU);
}

// Chi-square of counts of 0, 1, 2 … against kDraws * pmf(k), cells joined until each expects 20 or more, and the limit
// that it passes with probability 1e-4. Positive = rejected.
double chi_square_excess(const std::function<std::uint64_t(Rng&)>& sampler, const std::function<double(double)>& pmf,
                         std::uint64_t first, std::uint64_t last, std::uint64_t seed) {
  std::vector<double> counts(last - first + 1);
  Rng rng(seed, 0, 0, Purpose::kTest);
  for (std::size_t i = 0; i < kDraws; ++i) {
    const std::uint64_t k = sampler(rng);
    if (k < first || k > last) return 1e9;  // `first` and `last` leave nothing worth a draw outside.
    ++counts[k - first];
  }
  double statistic = 0;
  std::size_t cells = 0;
  double seen = 0;
  double expected = 0;
  double rest = kDraws;
  for (std::uint64_t k = first; k <= last; ++k) {
    seen += counts[k - first];
    const double share = kDraws * pmf(static_cast<double>(k));
    expected += share;
    rest -= share;
    if (expected >= 20 && rest >= 20) {
      statistic += (seen - expected) * (seen - expected) / expected;
      ++cells;
      seen = expected = 0;
    }
  }
  expected += std::max(rest, 0.0);
  statistic += (seen - expected) * (seen - expected) / expected;
  ++cells;
  return statistic - bm::quantile(bm::complement(bm::chi_squared(static_cast<double>(cells - 1)), 1e-4));
}

TEST(Discrete, PoissonFollowsItsProbabilities) {
  for (const double mean : {0.05, 0.7, 3.0, 9.99, 10.0, 10.5, 14.0, 31.0, 200.0, 5000.0, 2e5}) {
    SCOPED_TRACE(mean);
    const double reach = 8 * std::sqrt(mean) + 15;
    const auto first = static_cast<std::uint64_t>(std::max(0.0, mean - reach));
    const auto last = static_cast<std::uint64_t>(mean + reach);
    const auto sampler = [=](Rng& rng) { return poisson(rng, mean); };
    const auto against = [&](double other) {
      const bm::poisson exact(other);
      return chi_square_excess(
          sampler, [&](double k) { return bm::pdf(exact, k); }, first, last, 11);
    };
    EXPECT_LT(against(mean), 0);
    EXPECT_GT(against(mean + 0.1 * std::sqrt(mean)), 0);  // A tenth of a standard deviation off is seen.
  }
  Rng rng(12, 0, 0, Purpose::kTest);
  EXPECT_EQ(poisson(rng, 0), 0U);
}

// Too many values to count: mean and variance are both 1e12, and (X - mean) / sd is normal to 1e-6.
TEST(Discrete, HugePoisson) {
  Truth standard = from_boost(bm::normal(0, 1));
  expect_follows(
      standard, [](Rng& rng) { return (static_cast<double>(poisson(rng, 1e12)) - 1e12) / 1e6; }, 13);
}

TEST(Discrete, GeometricFollowsItsProbabilities) {
  for (const double p : {0.02, 0.3, 0.9}) {
    SCOPED_TRACE(p);
    const auto sampler = [=](Rng& rng) { return geometric(rng, p); };
    const auto against = [&](double q) {
      return chi_square_excess(
          sampler, [=](double k) { return q * std::pow(1 - q, k); }, 0, 2000, 14);
    };
    EXPECT_LT(against(p), 0);
    EXPECT_GT(against(p * 0.95), 0);
  }
  Rng rng(15, 0, 0, Purpose::kTest);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(geometric(rng, 1), 0U);
}

TEST(Discrete, BernoulliHasItsProbability) {
  Rng rng(16, 0, 0, Purpose::kTest);
  for (const double p : {0.0, 0.01, 0.5, 0.8, 1.0}) {
    double hits = 0;
    for (std::size_t i = 0; i < kDraws; ++i) hits += bernoulli(rng, p) ? 1 : 0;
    EXPECT_LE(std::abs(hits - p * kDraws), kZ * std::sqrt(kDraws * p * (1 - p))) << p;
  }
}

TEST(Discrete, AliasTableFollowsItsWeights) {
  const std::vector<std::vector<double>> tables{
      {5}, {1, 1}, {1, 2, 3, 4}, {0, 3, 0, 1, 0}, {1e-3, 1e3, 1, 1, 1}, std::vector<double>(100, 0.1)};
  for (const std::vector<double>& weights : tables) {
    SCOPED_TRACE(testing::PrintToString(weights));
    const AliasTable table(weights);
    double sum = 0;
    for (const double weight : weights) sum += weight;
    std::vector<double> counts(weights.size());
    Rng rng(17, 0, 0, Purpose::kTest);
    for (std::size_t i = 0; i < kDraws; ++i) ++counts[table.sample(rng)];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double p = weights[i] / sum;
      // Up to 117 cells in all: 1e-4 / 117, two-sided, is z = 5.0. Half a count: few are expected at 1e-6.
      EXPECT_LE(std::abs(counts[i] - kDraws * p), 5.0 * std::sqrt(kDraws * p * (1 - p)) + (p > 0 ? 0.5 : 0)) << i;
    }
  }
}

// A linear ramp with its chi-square, and the same draws against another ramp.
TEST(Discrete, AliasTableOfARamp) {
  std::vector<double> weights(200);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<double>(i);
  const AliasTable table(weights);
  const auto sampler = [&](Rng& rng) { return std::uint64_t{table.sample(rng)}; };
  // 0 + 1 + … + 199 = 19900; with ten more each, 21900.
  EXPECT_LT(chi_square_excess(
                sampler, [](double k) { return k / 19900; }, 0, 199, 18),
            0);
  EXPECT_GT(chi_square_excess(
                sampler, [](double k) { return (k + 10) / 21900; }, 0, 199, 18),
            0);
}

TEST(Discrete, ZipfFollowsItsProbabilities) {
  for (const std::uint64_t n : {1ULL, 2ULL, 50ULL, 3000ULL}) {
    for (const double s : {0.0, 0.5, 1.0, 1.1, 3.0}) {
      SCOPED_TRACE(testing::Message() << n << " ranks, exponent " << s);
      const Zipf zipf(n, s);
      const auto against = [&](double exponent) {
        double sum = 0;
        for (std::uint64_t k = n; k >= 1; --k) sum += std::pow(static_cast<double>(k), -exponent);
        return chi_square_excess([&](Rng& rng) { return zipf.sample(rng); },
                                 [=](double k) { return std::pow(k, -exponent) / sum; }, 1, n, 19);
      };
      if (n == 1) {
        Rng rng(19, 0, 0, Purpose::kTest);
        EXPECT_EQ(zipf.sample(rng), 1U);
        continue;
      }
      EXPECT_LT(against(s), 0);
      EXPECT_GT(against(s + 0.1), 0);
    }
  }
}

// With 10^12 ranks and exponent 2, the sum is pi^2/6 to 1e-12: rank 1 has 6/pi^2 = 0.6079, rank 2 a quarter of it.
TEST(Discrete, ZipfOfManyRanks) {
  const Zipf zipf(1'000'000'000'000, 2);
  Rng rng(20, 0, 0, Purpose::kTest);
  std::array<double, 3> counts{};
  for (std::size_t i = 0; i < kDraws; ++i) ++counts[std::min<std::uint64_t>(zipf.sample(rng), 3) - 1];
  const double p = 6 / (std::numbers::pi * std::numbers::pi);
  EXPECT_LT(std::abs(counts[0] - kDraws * p), kZ * std::sqrt(kDraws * p * (1 - p)));
  EXPECT_LT(std::abs(counts[1] - kDraws * p / 4), kZ * std::sqrt(kDraws * p / 4 * (1 - p / 4)));
}

TEST(Distribution, DefaultIsZero) {
  const Distribution d;
  EXPECT_EQ(d, Distribution::constant(0));
  EXPECT_EQ(d.to_string(), "0");
}

TEST(Distribution, InfiniteMoments) {
  const auto of = [](const char* text) { return Distribution::parse(text, "test"); };
  EXPECT_TRUE(std::isinf(of("pareto(alpha=1, min=2)").mean()));
  EXPECT_TRUE(std::isinf(of("lomax(alpha=0.5, scale=2)").mean()));
  EXPECT_TRUE(std::isinf(of("pareto(alpha=2, min=2)").variance()));
  EXPECT_DOUBLE_EQ(of("pareto(alpha=2, min=2)").mean(), 4);                // alpha min / (alpha - 1).
  EXPECT_DOUBLE_EQ(of("lomax(alpha=2, scale=3)").mean(), 3);               // scale / (alpha - 1).
  EXPECT_TRUE(std::isinf(of("weibull(shape=0.01, scale=1)").variance()));  // 200! is no double; never NaN.
  // At alpha = 1 the mean's integral is a logarithm: ln(H/L) / (1/L - 1/H) with L = 1, H = e: 1 / (1 - 1/e).
  EXPECT_NEAR(of("bounded-pareto(alpha=1, min=1, max=2.718281828459045)").mean(), 1 / (1 - std::exp(-1)), 1e-14);
}

TEST(Distribution, SamplesStayInRange) {
  const Distribution bounded = Distribution::parse("bounded-pareto(alpha=0.1, min=3, max=7)", "test");
  const Distribution flat = Distribution::parse("uniform(min=3, max=7)", "test");
  const Distribution cut = Distribution::parse("normal(mean=0.1, sd=5)", "test");
  Rng rng(21, 0, 0, Purpose::kTest);
  for (std::size_t i = 0; i < kDraws; ++i) {
    const double x = bounded.sample(rng);
    ASSERT_TRUE(x >= 3 && x <= 7) << x;
    const double y = flat.sample(rng);
    ASSERT_TRUE(y >= 3 && y < 7) << y;
    ASSERT_GE(cut.sample(rng), 0);
  }
}

struct Spelling {
  const char* text;
  const char* printed;
  double mean;
};
constexpr Spelling kSpellings[] = {
    {"42", "42", 42},
    {" 1e3 ", "1000", 1000},
    {"0", "0", 0},
    {"-0", "0", 0},
    {"5m", "300", 300},
    {"1h30m", "5400", 5400},
    {"250ms", "0.25", 0.25},
    {"1.5us", "1.5e-06", 1.5e-6},
    {"constant(value=2h)", "7200", 7200},
    {"exponential( mean = 5m )", "exponential(mean=300)", 300},
    {"exponential(rate=0.5)", "exponential(rate=0.5)", 2},
    {"lognormal(cv=2, mean=10m)", "lognormal(mean=600, cv=2)", 600},
    {"uniform(max=3, min=1)", "uniform(min=1, max=3)", 2},
    {"bounded-pareto(alpha=1.1, min=1, max=1e5)", "bounded-pareto(alpha=1.1, min=1, max=1e+05)",
     11 * (1 - 0.31622776601683794) / (1 - 3.1622776601683795e-06)},  // a/(a-1) (1 - H^(1-a)) / (1 - H^-a), H = 1e5.
    {"gamma(mean=0.1, cv=0.3)", "gamma(mean=0.1, cv=0.3)", 0.1},
    {"hyperexponential(mean=7, cv=1)", "hyperexponential(mean=7, cv=1)", 7},
    {"hyperexponential(p=0, mean1=3, mean2=4)", "hyperexponential(p=0, mean1=3, mean2=4)", 4},
};

TEST(Distribution, ReadsAndPrints) {
  for (const Spelling& s : kSpellings) {
    SCOPED_TRACE(s.text);
    const Distribution d = Distribution::parse(s.text, "test");
    EXPECT_EQ(d.to_string(), s.printed);
    EXPECT_NEAR(d.mean(), s.mean, 1e-13 * s.mean);
    EXPECT_EQ(Distribution::parse(d.to_string(), "test"), d);
  }
  // cv is the standard deviation over the mean: (7 * 1000)^2.
  EXPECT_NEAR(Distribution::parse("hyperexponential(mean=7, cv=1000)", "test").variance(), 49e6, 1e-6);
}

// Parameters with no short decimal form come back to the last bit.
TEST(Distribution, RoundTripsRandomParameters) {
  Rng rng(22, 0, 0, Purpose::kTest);
  for (const Case& c : continuous_cases()) {
    const std::string text = c.text;
    for (int i = 0; i < 50; ++i) {
      // Each number grows by up to a tenth of the gap to the next case's validity: p stays below 1, max above min.
      std::string changed;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t digit = text.find('=', at);
        changed += text.substr(at, digit == std::string::npos ? digit : digit + 1 - at);
        if (digit == std::string::npos) break;
        std::size_t used = 0;
        char printed[40];
        std::snprintf(printed, sizeof printed, "%.17g",
                      std::stod(text.substr(digit + 1), &used) * (1 + 0.1 * rng.uniform()));
        changed += printed;
        at = digit + 1 + used;
      }
      SCOPED_TRACE(changed);
      const Distribution d = Distribution::parse(changed, "test");
      ASSERT_EQ(Distribution::parse(d.to_string(), "test"), d);
    }
  }
}

constexpr const char* kNumberOrSo =
    "; expected a number, a duration such as \"90s\" or \"1h30m\", or a distribution "
    "such as \"exponential(mean=300)\"";

TEST(Distribution, NamesMistakes) {
  const std::string kinds =
      "; expected a number or one of constant, uniform, exponential, normal, lognormal, lomax, "
      "pareto, bounded-pareto, weibull, gamma, hyperexponential";
  const std::vector<std::pair<std::string, std::string>> mistakes{
      {"", std::string("\"\"") + kNumberOrSo},
      {"12 apples", std::string("\"12 apples\"") + kNumberOrSo},
      {"1h30", std::string("\"1h30\"") + kNumberOrSo},
      {"5d", std::string("\"5d\"") + kNumberOrSo},
      {"1e999", std::string("\"1e999\"") + kNumberOrSo},
      {"-3", "\"-3\"; expected a value of at least 0"},
      {"nan", "\"nan\", with an unknown distribution \"nan\"" + kinds},
      {"exponental(mean=3)", "\"exponental(mean=3)\", with an unknown distribution \"exponental\"" + kinds +
                                 "; did you mean \"exponential\"?"},
      {"exponential", "\"exponential\", without parameters; expected exponential(mean=…) or exponential(rate=…)"},
      {"weibull(shape=2, scale=1",
       "\"weibull(shape=2, scale=1\", which does not end with its one \")\"; expected "
       "weibull(shape=…, scale=…) or weibull(shape=…, mean=…)"},
      {"lomax(alpha=2, scale=1) s",
       "\"lomax(alpha=2, scale=1) s\", which does not end with its one \")\"; expected "
       "lomax(alpha=…, scale=…)"},
      {"exponential(300)",
       "\"exponential(300)\", with no name for \"300\"; expected exponential(mean=…) or "
       "exponential(rate=…)"},
      {"normal(mean=1, sd=1,)", "\"normal(mean=1, sd=1,)\", with a comma too many; expected normal(mean=…, sd=…)"},
      {"gamma(shap=1, scale=2)",
       "\"gamma(shap=1, scale=2)\", with an unknown parameter \"shap\"; expected "
       "gamma(shape=…, scale=…) or gamma(mean=…, cv=…); did you mean \"shape\"?"},
      {"uniform(min=1, min=2)", "\"uniform(min=1, min=2)\", which gives min twice; expected uniform(min=…, max=…)"},
      {"lognormal(mean=600)",
       "\"lognormal(mean=600)\", whose parameters do not go together; expected "
       "lognormal(mean=…, cv=…) or lognormal(median=…, sigma=…)"},
      {"lognormal(mean=6, sigma=1)",
       "\"lognormal(mean=6, sigma=1)\", whose parameters do not go together; expected "
       "lognormal(mean=…, cv=…) or lognormal(median=…, sigma=…)"},
      {"uniform()", "\"uniform()\", whose parameters do not go together; expected uniform(min=…, max=…)"},
      {"exponential(mean=x)",
       "\"exponential(mean=x)\", whose mean is \"x\"; expected a number or a duration such as "
       "\"90s\" or \"1h30m\""},
      {"exponential(mean=inf)",
       "\"exponential(mean=inf)\", whose mean is \"inf\"; expected a number or a duration "
       "such as \"90s\" or \"1h30m\""},
      {"exponential(mean=0)", "\"exponential(mean=0)\", whose mean is \"0\"; expected a value above 0"},
      {"gamma(mean=3s, cv=2s)", "\"gamma(mean=3s, cv=2s)\", whose cv is \"2s\"; expected a number without a unit"},
      {"gamma(mean=3s, cv=x)", "\"gamma(mean=3s, cv=x)\", whose cv is \"x\"; expected a number"},
      {"hyperexponential(mean=1, cv=0.5)",
       "\"hyperexponential(mean=1, cv=0.5)\", whose cv is \"0.5\"; expected a "
       "value of at least 1"},
      {"hyperexponential(p=2, mean1=1, mean2=1)",
       "\"hyperexponential(p=2, mean1=1, mean2=1)\", whose p is \"2\"; "
       "expected a probability, 0 to 1"},
      {"normal(mean=-1, sd=1)", "\"normal(mean=-1, sd=1)\", whose mean is \"-1\"; expected a value of at least 0"},
      {"uniform(min=5, max=5)", "\"uniform(min=5, max=5)\"; expected max above min"},
      {"bounded-pareto(alpha=1, min=9, max=5)", "\"bounded-pareto(alpha=1, min=9, max=5)\"; expected max above min"},
      {"gamma(mean=1, cv=1e-200)", "\"gamma(mean=1, cv=1e-200)\"; expected less extreme parameters"},
      {"hyperexponential(mean=1, cv=1e200)",
       "\"hyperexponential(mean=1, cv=1e200)\"; expected less extreme parameters"},
      {"bounded-pareto(alpha=1e-320, min=1, max=1.0001)",
       "\"bounded-pareto(alpha=1e-320, min=1, max=1.0001)\"; expected less extreme parameters"},
      {"two\nlines", "\"two lines\", with an unknown distribution \"two lines\"" + kinds},
  };
  for (const auto& [text, message] : mistakes) {
    SCOPED_TRACE(text);
    try {
      const Distribution d = Distribution::parse(text, "a.yaml:3:10: run_time");
      ADD_FAILURE() << "read as " << d.to_string();
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()), "a.yaml:3:10: run_time is " + message);
    }
  }
}

// However long the input, the message is a line of bounded length that cuts no UTF-8 character.
TEST(Distribution, LongInputIsQuotedShort) {
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "é";
  try {
    Distribution::parse(text, "here");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_LT(std::string(error.what()).size(), 500U);
    EXPECT_THAT(error.what(), testing::HasSubstr("é…\""));
  }
}

}  // namespace
}  // namespace berth

// Random variates by textbook methods over our own streams. The standard library's distributions differ between
// implementations; these take the same draws and the same roundings in every build (no fast-math, no fused
// multiply-add), as far as std::log, exp and pow agree: on one libm and one kind of processor (glibc 2.36 rounds a few
// of their results differently where there is no FMA unit).
// All free functions take the stream first; wrong parameters are BERTH_CHECK failures. What a user writes goes through
// Distribution::parse.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {

// 1 with probability `p`, 0 <= p <= 1. One u64.
inline bool bernoulli(Rng& rng, double p) {
  return rng.uniform() < p;
}

// By inversion, so one u64 a draw: two runs under one seed keep their draws in step whatever their means. mean > 0.
inline double exponential(Rng& rng, double mean) {
  BERTH_CHECK(mean > 0);
  return -mean * std::log(rng.uniform_open());
}

// Tables of the ziggurat for exp(-x): 256 layers of equal area, layer 0 with the tail.
// Source: Marsaglia, Tsang, "The ziggurat method for generating random variables", J. Statistical Software 5(8), 2000.
struct ExponentialZiggurat {
  std::array<double, 256> width;          // Right edge of layer i, times 2^-53.
  std::array<std::uint64_t, 256> inside;  // Draws below this are under the curve without looking.
  std::array<double, 257> height;         // exp(-right edge), from the tail up.
  ExponentialZiggurat();
};
extern const ExponentialZiggurat kExponentialZiggurat;

// The same law as exponential(), in about half the time: no logarithm in 98.9 % of draws. Takes one u64 or more, so two
// streams do not stay in step; for queue models with a stream per purpose.
inline double exponential_ziggurat(Rng& rng, double mean) {
  const ExponentialZiggurat& z = kExponentialZiggurat;
  for (;;) {
    const std::uint64_t word = rng.u64();
    const std::size_t layer = word & 255;
    const std::uint64_t draw = word >> 11;
    const double x = static_cast<double>(static_cast<std::int64_t>(draw)) * z.width[layer];
    if (draw < z.inside[layer]) [[likely]]
      return mean * x;
    // Layer 0: beyond its edge the tail is the same law again, moved.
    if (layer == 0) return mean * (7.69711747013104972 - std::log(rng.uniform_open()));
    if (z.height[layer] + rng.uniform() * (z.height[layer + 1] - z.height[layer]) < std::exp(-x)) return mean * x;
  }
}

// z with P(Z < z) = p for a standard normal Z, 0 < p < 1; relative error about 1e-15.
// Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37, 1988.
double normal_quantile(double p);

// Mean 0, variance 1; within ±8.3. By inversion: one u64, growing with it, so draws of two runs stay in step (and it
// takes half the time of Box and Muller). The half step keeps the uniform off 0 and 1 and both tails alike.
inline double standard_normal(Rng& rng) {
  const std::uint64_t cell = rng.u64() >> 12;
  return normal_quantile((static_cast<double>(static_cast<std::int64_t>(cell)) + 0.5) * 0x1p-52);
}

// `sd` >= 0 is the standard deviation.
inline double normal(Rng& rng, double mean, double sd) {
  return mean + sd * standard_normal(rng);
}

// A normal variate given that it is not negative. mean >= 0, so that at least every second draw is taken.
inline double nonnegative_normal(Rng& rng, double mean, double sd) {
  BERTH_CHECK(mean >= 0);
  double x = normal(rng, mean, sd);
  while (x < 0) x = normal(rng, mean, sd);
  return x;
}

// exp of a normal variate with mean ln(median) and standard deviation `sigma` >= 0. median > 0.
inline double lognormal(Rng& rng, double median, double sigma) {
  return median * std::exp(sigma * standard_normal(rng));
}

// Pareto of the second kind: P(X > x) = (1 + x/scale)^-alpha, x >= 0. alpha, scale > 0. One u64.
inline double lomax(Rng& rng, double alpha, double scale) {
  BERTH_CHECK(alpha > 0 && scale > 0);
  return scale * std::expm1(-std::log(rng.uniform_open()) / alpha);  // expm1: small values keep their digits.
}

// Pareto of the first kind: P(X > x) = (min/x)^alpha, x >= min. alpha, min > 0. One u64.
inline double pareto(Rng& rng, double alpha, double min) {
  return min + lomax(rng, alpha, min);
}

// (min/max)^alpha - 1: minus the share of a Pareto variate that lies below `max`. What bounded_pareto needs each time.
inline double bounded_pareto_share(double alpha, double min, double max) {
  return std::expm1(alpha * std::log(min / max));
}

// Pareto given that it is at most `max`: P(X > x) = ((min/x)^alpha - (min/max)^alpha) / (1 - (min/max)^alpha).
// alpha > 0, 0 < min < max. One u64. `share` = bounded_pareto_share(alpha, min, max).
inline double bounded_pareto(Rng& rng, double alpha, double min, double max, double share) {
  BERTH_CHECK(alpha > 0 && 0 < min && min < max);
  return std::min(max, min * std::exp(-std::log1p(rng.uniform() * share) / alpha));
}
inline double bounded_pareto(Rng& rng, double alpha, double min, double max) {
  return bounded_pareto(rng, alpha, min, max, bounded_pareto_share(alpha, min, max));
}

// P(X > x) = exp(-(x/scale)^shape). shape, scale > 0. One u64.
inline double weibull(Rng& rng, double shape, double scale) {
  BERTH_CHECK(shape > 0 && scale > 0);
  return scale * std::pow(-std::log(rng.uniform_open()), 1 / shape);
}

// Mean shape * scale, variance shape * scale^2; shape, scale > 0. Rejection, about 2.1 u64 a draw, 3.1 where shape < 1.
// Source: Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000.
inline double gamma(Rng& rng, double shape, double scale) {
  BERTH_CHECK(shape > 0 && scale > 0);
  if (shape < 1) {
    const double larger = gamma(rng, shape + 1, scale);
    return larger * std::pow(rng.uniform_open(), 1 / shape);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = standard_normal(rng);
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double u = rng.uniform_open();
    if (u < 1 - 0.0331 * (x * x) * (x * x)) return scale * d * v;
    if (std::log(u) < 0.5 * x * x + d * (1 - v + std::log(v))) return scale * d * v;
  }
}

// Sum of `stages` >= 1 exponential variates, with the given mean in total.
inline double erlang(Rng& rng, std::uint32_t stages, double mean) {
  return gamma(rng, stages, mean / stages);
}

// One way an item may be served: chosen with `probability`, exponential with `mean` > 0.
struct ServiceBranch {
  double probability = 0;
  double mean = 0;
};

// Exponential with the mean of a phase chosen at random. At least one phase; probabilities sum to 1 (the last phase
// takes what rounding leaves). Two u64.
inline double hyperexponential(Rng& rng, std::span<const ServiceBranch> phases) {
  BERTH_CHECK(!phases.empty());
  double rest = rng.uniform();
  std::size_t i = 0;
  while (i + 1 < phases.size() && rest >= phases[i].probability) rest -= phases[i++].probability;
  return exponential(rng, phases[i].mean);
}

// Failures before the first success: P(k) = (1-p)^k p. 1e-17 <= p <= 1. One u64.
inline std::uint64_t geometric(Rng& rng, double p) {
  BERTH_CHECK(p >= 1e-17 && p <= 1);
  return static_cast<std::uint64_t>(std::log(rng.uniform_open()) / std::log1p(-p));
}

// P(k) = e^-mean mean^k / k!, 0 <= mean <= 1e15; no normal approximation at any size. Below 10 by counting
// exponential gaps, mean + 1 u64 on average; from 10 on by rejection, about 2.3 u64.
// Source: Hoermann, "The transformed rejection method for generating Poisson random variables", 1993 (PTRS).
std::uint64_t poisson(Rng& rng, double mean);

// 0 .. n-1 with probability proportional to the weight. Build O(n), sample O(1): three words. Immutable, so one table
// serves any number of threads.
// Source: Vose, "A linear algorithm for generating random numbers with a given distribution", IEEE TSE 17(9), 1991.
class AliasTable {
 public:
  // 1 .. 2^32-1 weights, finite, >= 0, with a finite sum > 0. A weight of 0 is never drawn.
  explicit AliasTable(std::span<const double> weights);

  std::uint32_t sample(Rng& rng) const {
    const Column& column = columns_[rng.below(static_cast<std::uint32_t>(columns_.size()))];
    const std::uint32_t own = static_cast<std::uint32_t>(&column - columns_.data());
    return rng.uniform() < column.keep ? own : column.alias;
  }
  std::size_t size() const { return columns_.size(); }

 private:
  struct Column {
    double keep = 0;  // Probability of staying in this column.
    std::uint32_t alias = 0;
  };
  std::vector<Column> columns_;
};

// Ranks 1 .. n with P(k) proportional to k^-exponent, for instance image popularity. O(1) memory and time whatever n.
// 1 <= n <= 2^53, exponent >= 0 (0 = uniform).
// Source: Hoermann and Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions",
// ACM TOMACS 6(3), 1996.
class Zipf {
 public:
  Zipf(std::uint64_t n, double exponent);
  std::uint64_t sample(Rng& rng) const;

 private:
  double area(double x) const;          // Integral of t^-exponent from 1 to x.
  double inverse_area(double a) const;  // x with area(x) = a.

  double n_;
  double exponent_;
  double lowest_;   // area(1.5) - 1: rank 1 as a full bar.
  double highest_;  // area(n + 0.5).
  double squeeze_;  // A rank this close above x is taken unseen.
};

// A distribution of a non-negative quantity as a scenario file spells it. Durations are seconds. A value of 64 bytes;
// the default is constant 0.
class Distribution {
 public:
  enum class Kind : std::uint8_t {
    kConstant,
    kUniform,
    kExponential,
    kNormal,
    kLognormal,
    kLomax,
    kPareto,
    kBoundedPareto,
    kWeibull,
    kGamma,
    kHyperexponential,
  };

  Distribution() = default;
  static Distribution constant(double value);  // Finite, >= 0.

  // A number, or one of (parameters in any order, by name):
  //   constant(value)            uniform(min, max)             exponential(mean)          exponential(rate)
  //   lognormal(mean, cv)        lognormal(median, sigma)      gamma(mean, cv)            gamma(shape, scale)
  //   weibull(shape, scale)      weibull(shape, mean)          lomax(alpha, scale)        pareto(alpha, min)
  //   bounded-pareto(alpha, min, max)   hyperexponential(mean, cv)   hyperexponential(p, mean1, mean2)
  //   normal(mean, sd)
  // normal is that variate given that it is >= 0, so mean() is above the parameter. cv is the standard deviation over
  // the mean; the hyperexponential of a cv has balanced means (p * mean1 = (1-p) * mean2). A value that is a time may
  // carry units: "300", "1e3", "5m", "1h30m", "250ms". Throws InputError, beginning with `what` ("a.yaml:3:10: wait").
  static Distribution parse(std::string_view text, std::string_view what);

  double sample(Rng& rng) const;  // >= 0. May be infinite only where a parameter is extreme (sigma in the hundreds).
  double mean() const;            // Infinite where it is: pareto and lomax with alpha <= 1.
  double variance() const;        // Infinite where it is: pareto and lomax with alpha <= 2.

  // In the parameters that it was given in, durations as seconds: "lognormal(mean=600, cv=2)"; a constant is its
  // number. parse(to_string()) gives an equal value, to the last bit.
  std::string to_string() const;

  Kind kind() const { return kind_; }
  friend bool operator==(const Distribution&, const Distribution&) = default;

 private:
  Kind kind_ = Kind::kConstant;
  std::uint8_t form_ = 0;            // Row of the table of spellings in distribution.cpp.
  std::array<double, 3> given_{};    // As spelled, in that row's order.
  std::array<double, 4> working_{};  // As the free function of this kind takes them.
};
static_assert(std::is_trivially_copyable_v<Distribution>);

}  // namespace berth

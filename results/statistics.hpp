// What may be said about a policy from a handful of independent runs: means with Student-t intervals, differences
// paired by seed (policies meet equal luck, so pairing removes most of the noise), and Holm's correction for looking
// at many differences at once. Sources: Student 1908; Holm 1979, Scandinavian Journal of Statistics 6; quantiles and
// tails from Boost.Math. All sums run in index order with Neumaier's compensation: same input, same bits.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace berth {

inline constexpr double kConfidence = 0.95;
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// A mean over n independent runs. A NaN among the values makes mean, sd and half_width NaN: no run is left out quietly.
struct Estimate {
  double mean = kUndefined;        // NaN if n is 0.
  double half_width = kUndefined;  // mean ± half_width is the two-sided t-interval; NaN if n < 2: one run has no ±.
  std::size_t n = 0;
  double sd = kUndefined;  // Sample standard deviation, n - 1 below; NaN if n < 2.

  bool has_interval() const { return half_width == half_width; }
};

// O(n), no throw. mean of nothing is NaN; sample_sd of fewer than two values is NaN, of equal values exactly 0.
double sum(std::span<const double> values);
double mean(std::span<const double> values);
double sample_sd(std::span<const double> values);

// Quantile of Student's t with `degrees` >= 1 degrees of freedom at 0 < probability < 1.
double student_t_quantile(double probability, std::size_t degrees);

// Two-sided p-value of |t|: P(|T| >= |t|). NaN for NaN.
double student_t_two_sided(double t, std::size_t degrees);

// O(n). 0 < confidence < 1.
Estimate estimate(std::span<const double> values, double confidence = kConfidence);

// `other` minus `baseline` over the same seeds, element by element.
struct PairedEstimate {
  Estimate difference;
  // Two-sided, of "the mean difference is 0" (paired t-test); NaN if n < 2. Where every difference is the same, there
  // is no spread to test against: 1 if that difference is 0, else 0.
  double p_value = kUndefined;

  // Whether the interval leaves 0 out; false without an interval.
  bool excludes_zero() const;
};

// Sizes must be equal (BERTH_CHECK). O(n).
PairedEstimate paired(std::span<const double> baseline, std::span<const double> other, double confidence = kConfidence);

// Holm's step-down adjusted p-values in the order given: rejecting those <= alpha keeps the chance of any false
// rejection in the family <= alpha, however the tests depend on each other. NaN stays NaN and counts for no test.
// O(n log n); ties keep their order.
std::vector<double> holm_adjusted(std::span<const double> p_values);

}  // namespace berth

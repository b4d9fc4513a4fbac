#include "results/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

// Without promotion to long double, whose width differs between platforms.
using Policy = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
using StudentT = boost::math::students_t_distribution<double, Policy>;

bool all_equal(std::span<const double> values) {
  return std::ranges::all_of(values, [first = values.front()](double v) { return v == first; });
}

bool all_finite(std::span<const double> values) {
  return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
}

}  // namespace

double sum(std::span<const double> values) {
  if (!all_finite(values)) return std::accumulate(values.begin(), values.end(), 0.0);  // ±inf or NaN as IEEE has it.
  double total = 0;
  double lost = 0;
  for (const double v : values) {
    const double next = total + v;
    lost += std::abs(total) >= std::abs(v) ? (total - next) + v : (v - next) + total;
    total = next;
  }
  return total + lost;
}

double mean(std::span<const double> values) {
  if (values.empty()) return kUndefined;
  if (all_equal(values)) return values.front();  // n * v / n may round to a neighbour of v, and sd would not be 0.
  return sum(values) / static_cast<double>(values.size());
}

double sample_sd(std::span<const double> values) {
  if (values.size() < 2 || !all_finite(values)) return kUndefined;
  if (all_equal(values)) return 0;
  const double center = mean(values);
  std::vector<double> squares(values.size());
  std::ranges::transform(values, squares.begin(), [center](double v) { return (v - center) * (v - center); });
  return std::sqrt(sum(squares) / static_cast<double>(values.size() - 1));
}

double student_t_quantile(double probability, std::size_t degrees) {
  BERTH_CHECK(degrees >= 1 && probability > 0 && probability < 1);
  return boost::math::quantile(StudentT(static_cast<double>(degrees)), probability);
}

double student_t_two_sided(double t, std::size_t degrees) {
  BERTH_CHECK(degrees >= 1);
  if (std::isnan(t)) return kUndefined;
  if (std::isinf(t)) return 0;
  return 2 * boost::math::cdf(boost::math::complement(StudentT(static_cast<double>(degrees)), std::abs(t)));
}

Estimate estimate(std::span<const double> values, double confidence) {
  BERTH_CHECK(confidence > 0 && confidence < 1);
  Estimate result{mean(values), kUndefined, values.size(), sample_sd(values)};
  if (values.size() >= 2 && std::isfinite(result.sd)) {
    const double t = student_t_quantile(0.5 + confidence / 2, values.size() - 1);
    result.half_width = t * result.sd / std::sqrt(static_cast<double>(values.size()));
  }
  return result;
}

bool PairedEstimate::excludes_zero() const {
  return difference.has_interval() && std::abs(difference.mean) > difference.half_width;
}

PairedEstimate paired(std::span<const double> baseline, std::span<const double> other, double confidence) {
  BERTH_CHECK(baseline.size() == other.size());
  std::vector<double> differences(other.size());
  std::ranges::transform(other, baseline, differences.begin(), [](double a, double b) { return a - b; });
  PairedEstimate result{estimate(differences, confidence), kUndefined};
  const Estimate& d = result.difference;
  if (!d.has_interval()) return result;
  if (d.sd == 0) {
    result.p_value = d.mean == 0 ? 1 : 0;
  } else {
    const double t = d.mean / (d.sd / std::sqrt(static_cast<double>(d.n)));
    result.p_value = student_t_two_sided(t, d.n - 1);
  }
  return result;
}

std::vector<double> holm_adjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    if (!std::isnan(p_values[i])) order.push_back(i);
  }
  std::ranges::stable_sort(order, [p_values](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size(), kUndefined);
  double running = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto remaining = static_cast<double>(order.size() - rank);
    running = std::max(running, std::min(1.0, remaining * p_values[order[rank]]));
    adjusted[order[rank]] = running;
  }
  return adjusted;
}

}  // namespace berth

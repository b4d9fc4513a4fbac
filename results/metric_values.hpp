// How a fold reports: a value for each of its metrics, in their order, and what a histogram of nanoseconds says in
// seconds. NaN: not defined in this run.
#pragma once

#include <array>
#include <cstddef>
#include <limits>

#include "results/histogram.hpp"
#include "results/run_result.hpp"

namespace berth {

// Name and meaning of a metric, for `berth metrics` and the documentation.
struct MetricInfo {
  const char* name;
  const char* help;
};

// As many values as there are names, or it does not compile.
template <std::size_t N>
void add_metrics(RunResult& result, const std::array<MetricInfo, N>& metrics, const double (&values)[N]) {
  for (std::size_t i = 0; i < N; ++i) result.metrics.push_back({metrics[i].name, values[i]});
}

// NaN if empty.
inline double mean_seconds(const Histogram& ns) {
  return ns.mean() * 1e-9;
}
// 0 <= q <= 1, where 1 is the maximum. NaN if empty.
inline double quantile_seconds(const Histogram& ns, double q) {
  return ns.count() == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(ns.quantile(q)) * 1e-9;
}

}  // namespace berth

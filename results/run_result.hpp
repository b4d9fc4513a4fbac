// What one run leaves behind: named numbers and named curves, all folded from its journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth {

// Which run: a cell of the grid scenarios × policies × seeds. `policy` is the full spelling, with parameters.
struct RunKey {
  std::string scenario;
  std::string policy;
  std::uint64_t seed = 0;
  friend bool operator==(const RunKey&, const RunKey&) = default;
};

// A metric's unit ends its name (`pod_wait_seconds_p99`, `nodes_used_mean`, `gpu_allocation_pct_mean`).
struct Metric {
  std::string name;
  double value = 0;
  friend bool operator==(const Metric&, const Metric&) = default;
};

// A curve: y over x. All runs of a scenario use the same x for the same name, so that curves can be averaged.
struct Series {
  std::string name;    // Of y, with its unit: `gpu_allocation_pct`.
  std::string x_name;  // `time_seconds` or `load_pct`.
  std::vector<double> x;
  std::vector<double> y;
  friend bool operator==(const Series&, const Series&) = default;
};

struct RunResult {
  RunKey key;
  std::vector<Metric> metrics;  // In a fixed order, the same for every run of a study.
  std::vector<Series> series;
  friend bool operator==(const RunResult&, const RunResult&) = default;
};

}  // namespace berth

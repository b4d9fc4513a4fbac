// From the runs of a study to what may be said about its policies: a mean with its 95 % interval for every scenario,
// policy and metric, and the difference to a baseline policy, paired by seed. Everything follows the grid's order of
// first sight, so equal runs give equal bytes.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "results/run_result.hpp"
#include "results/statistics.hpp"

namespace berth {

// One scenario, policy and metric over its seeds.
struct SummaryRow {
  std::string scenario;
  std::string policy;
  std::string metric;
  Estimate estimate;
  double min = kUndefined;
  double max = kUndefined;
  // This policy minus the baseline over the seeds that both have. difference.n is 0 for the baseline itself, where
  // the scenario has no run of the baseline, and without a baseline.
  PairedEstimate against_baseline;
  // Holm's correction within the family of this scenario's policies on this metric; NaN where p_value is.
  double p_holm = kUndefined;
};

struct Summary {
  std::string baseline;          // Empty: none.
  std::vector<SummaryRow> rows;  // Scenario by scenario, policy by policy, metric by metric.
};

// Runs in grid order; `baseline` is a policy as RunKey spells it, or empty. O(metrics in all runs * log). Throws
// InputError if no run has that policy (with the nearest one that is there), or if a scenario and policy has a seed
// twice: the same run again is no independent run.
Summary summarize(std::span<const RunResult> runs, std::string_view baseline);

// `scenario,policy,metric,n,mean,half_width_95,sd,min,max,baseline,diff_n,diff_mean,diff_half_width_95,diff_p,
// diff_p_holm`, one line a row. A cell that is not defined (± of one run, a NaN) is empty; doubles in shortest form.
std::string summary_csv(const Summary& summary);

// The same numbers: {"confidence", "baseline", "rows": [{…, "difference": {…} or null}]}; null where not defined.
std::string summary_json(const Summary& summary);

// For a terminal, at most 120 columns where names allow: for each scenario the means, then the differences to the
// baseline. `metrics` chooses and orders; empty means all. Throws InputError for a metric that no row has.
std::string summary_table(const Summary& summary, std::span<const std::string> metrics);

// "1.23 ± 0.31": ± with two significant digits, the mean to the same place; "1.234 ± –" without an interval, "–" for
// NaN. `sign` puts + before a positive mean.
std::string format_estimate(const Estimate& estimate, bool sign = false);

// All series of all runs in grid order, streamed to `path`: `scenario,policy,seed,series,x_name,x,y`; an empty cell for
// NaN. O(points). Throws InputError as AtomicFile does.
void write_series_csv(const std::filesystem::path& path, std::span<const RunResult> runs);

}  // namespace berth

// A rate that changes in steps, as traces have it: counts per minute, per five minutes; with holes where the source
// has.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/engine/time.hpp"
#include "workloads/workload.hpp"

namespace berth {

struct RateSeries {
  struct Step {
    Time from;
    Duration length;   // > 0.
    double count = 0;  // Requests expected in it, >= 0.
  };
  std::vector<Step> steps;  // By time, not overlapping; nothing comes between them.
  Time end{};               // Not before the last step's.

  double count() const;  // Of all steps.
  double mean_rate() const { return end.ns == 0 ? 0 : count() / end.seconds(); }
  RateSeries& scale(double factor);        // Finite, >= 0.
  RateSeries& scale_to_mean(double rate);  // Requests per second over [0, end). InputError if there are none.
  RateSeries& shift(Duration by);          // To the left is cut off at 0.
};

struct RateCsvOptions {
  std::string time = "time";
  std::string value = "value";
  std::string filter;  // A column: only rows where it has `keep` are used.
  std::string keep;
  bool per_second = false;  // The value is a rate, else a count per step.
  Duration time_unit =
      seconds(1);     // Of times that are numbers; dates ("1995-07-01 00:00:00") count from the first row.
  Duration step{};    // 0: the most frequent distance of two rows, of equally frequent ones the least.
  Duration length{};  // 0: to the end of the last row's step.
};

// A row's step begins at its time and ends with the next one's, or after `step`. Rows without a count, and rows that do
// not come after the one before, are skipped and reported; holes are noted. Throws InputError for what CsvReader
// rejects, times that are neither numbers nor dates, and a series without any row. O(rows).
RateSeries import_rate_csv(const std::filesystem::path& path, const RateCsvOptions& options, ImportReport& report);

// Exact arrivals, a row each, in any order: sorted. Times count from 0 as in the file.
std::vector<Time> import_arrival_csv(const std::filesystem::path& path, const std::string& time_column,
                                     Duration time_unit, ImportReport& report);

}  // namespace berth

// Many runs: the grid scenarios × policies × seeds on a TBB arena, one run per task. Results go to a store run by run,
// so a study that was killed goes on where it stopped; whatever the number of threads, they come out in grid order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "results/run_result.hpp"
#include "sim/run.hpp"
#include "workloads/scenario.hpp"

namespace berth {

struct StudySpec {
  std::vector<std::shared_ptr<const Scenario>> scenarios;  // Names unique.
  std::vector<PolicySet> policies;                         // Spellings unique.
  std::vector<std::uint64_t> seeds;                        // Unique.
  std::string baseline;                                    // A policy's spelling; empty: the first.
  std::filesystem::path order_dir;                         // ScenarioInputs.
  // Shown on the terminal and in forest plots; empty: a choice. Those of single Services ("front:availability_pct",
  // service_metric()) are in the results only if they are named here.
  std::vector<std::string> table_metrics;
};

struct StudyOptions {
  std::filesystem::path out;
  unsigned jobs = 0;  // 0: all cores.
  bool resume = false;
  bool placements = false;             // out/placements/<scenario>_<policy>_<seed>.csv, fill protocol only.
  bool journals = false;               // out/journals/<scenario>_<policy>_<seed>.jsonl.zst
  std::vector<std::string> arguments;  // For the manifest.
  // Called after each run, from any thread but one at a time; may be empty.
  std::function<void(std::size_t done, std::size_t all)> progress;
};

struct StudyReport {
  std::size_t runs = 0;      // In the grid.
  std::size_t resumed = 0;   // Of them found finished.
  std::uint64_t events = 0;  // In the runs simulated now.
  std::vector<std::string> notes;
  std::string table;  // For the terminal.
};

// Runs what is missing and writes study.sqlite, summary.csv, summary.json, series.csv, manifest.json, pictures/*.svg
// and index.html below `out`. Throws InputError in one line; what was finished by then is kept and can be resumed.
StudyReport run_study(const StudySpec& spec, const StudyOptions& options);

// `42..51`, `1,2,5..7`. Throws InputError naming `what`; at most 100,000 seeds.
std::vector<std::uint64_t> parse_seeds(std::string_view text, std::string_view what);

}  // namespace berth

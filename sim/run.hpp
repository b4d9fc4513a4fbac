// One run of a scenario under one policy and seed, from inputs to metrics. One thread, no globals.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "policies/params.hpp"
#include "results/run_result.hpp"
#include "sim/inputs.hpp"

namespace berth {

// Which policy of each kind. Spelt "scheduler=fgd"; a bare "fgd" names a scheduler.
struct PolicySet {
  PolicySpec scheduler{"least-allocated", {}};

  // Throws InputError on an unknown kind, an unknown policy, or bad parameters.
  static PolicySet parse(std::string_view text, std::string_view what);
  std::string to_string() const { return scheduler.to_string(); }
  void check() const;  // Throws InputError unless the policies exist and take their parameters.
};

struct RunFiles {
  std::filesystem::path journal;     // Empty: none. JSON lines; zstd-compressed if the name ends in .zst.
  std::filesystem::path placements;  // Empty: none. Fill protocol only.
};

struct RunOutcome {
  RunResult result;
  std::uint64_t events = 0;
};

// `window`: time averages and curves are over 0 … window in the replay protocol (results/metrics.hpp).
RunOutcome run_once(ScenarioInputs& inputs, const PolicySet& policies, std::uint64_t seed, Time window,
                    const RunFiles& files, std::atomic<std::uint64_t>* pods_seen = nullptr);

// The window that all runs of a scenario share: the last arrival under its first seed, at least a second.
Time window_of(ScenarioInputs& inputs, std::uint64_t first_seed);

}  // namespace berth

// One run of a scenario under one policy and seed, from inputs to metrics. One thread, no globals.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "results/pod_table.hpp"
#include "results/pod_timeline.hpp"
#include "results/run_result.hpp"
#include "results/service_table.hpp"
#include "sim/inputs.hpp"
#include "sim/policy_set.hpp"

namespace berth {

struct RunFiles {
  std::filesystem::path journal;     // Empty: none. JSON lines; zstd-compressed if the name ends in .zst.
  std::filesystem::path placements;  // Empty: none. Fill protocol only.
  // Null: none. With either of them the journal says why pods wait.
  PodTimelineFold* timeline = nullptr;
  PodTableFold* pods = nullptr;
};

struct RunOutcome {
  RunResult result;
  std::uint64_t events = 0;
  std::vector<ServiceRow> services;  // Empty without traffic.
};

// `window`: time averages and curves are over 0 … window in the replay protocol (results/metrics.hpp).
RunOutcome run_once(ScenarioInputs& inputs, const PolicySet& policies, std::uint64_t seed, Time window,
                    const RunFiles& files, std::atomic<std::uint64_t>* pods_seen = nullptr);

// The window that all runs of a scenario share: the last arrival under its first seed, at least a second.
Time window_of(ScenarioInputs& inputs, std::uint64_t first_seed);

}  // namespace berth

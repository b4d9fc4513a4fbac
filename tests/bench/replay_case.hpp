// The container cluster that several benchmarks replay: nodes of 64 cores and 256 GiB; pods of 1, 2 or 4 cores with
// probability .5, .3, .2 and 1, 2, 4 or 8 GiB alike; run time Exp(300 s); Poisson arrivals of 6.7 a second from t = 10
// s; scheduling cycles every 10 s.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "results/run_result.hpp"
#include "sim/engine/time.hpp"
#include "tests/bench/scan_baseline.hpp"
#include "workloads/workload.hpp"

namespace berth::bench {

inline constexpr Resources kReplayNode{64'000, std::int64_t{256} << 30, 0};
inline constexpr Duration kReplayPeriod = seconds(10);

// The pods, drawn once and held in memory. `gpus`: 3/5 of each template's pods without, .15 and .1 with a share of 250
// and 500 milli, .12 and .03 with one and two whole GPUs; on nodes with eight, two thirds of 100 nodes' GPUs are taken.
std::shared_ptr<const MemoryWorkload> replay_workload(std::uint64_t pods, bool gpus, std::uint64_t seed = 1);
std::vector<NodeSpec> replay_nodes(std::size_t nodes, bool gpus, const MemoryWorkload& workload);

struct ReplayOptions {
  std::string policy = "least-allocated";
  Duration decision_per_node{};
  bool metrics = true;   // MetricsFold attached.
  bool outcome = false;  // Collect Outcome's placements and finishes; costs time.
};
struct ReplayRun {
  Outcome outcome;
  RunResult result;
};
// One Simulation from its construction to its metrics. No journal file is written.
ReplayRun replay(const MemoryWorkload& workload, const Survey& survey, const std::vector<NodeSpec>& nodes,
                 const ReplayOptions& options);

}  // namespace berth::bench

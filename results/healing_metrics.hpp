// How long faults of nodes go unnoticed, and how long until what they took away is there again, folded from the
// journal. docs/faults.md, "What is measured", has the definitions in words.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "results/histogram.hpp"
#include "results/metrics.hpp"
#include "results/ready_pods.hpp"
#include "results/run_result.hpp"

namespace berth {

std::span<const MetricInfo> healing_metrics();

// Each fault of each node is measured by itself, from when it struck.
// Detected: the node is shown as NotReady, for the first time since. That counts while the fault lasts and 20 s beyond
// (a lease is up to 10.4 s old, and looked at every 5 s). What strikes a node that is NotReady has nothing to detect.
// Repaired: each workload whose pods the fault put out of use has as many ready ones again as just before the strike,
// or as many as it wants by now, whichever is less; whatever pods these are. A fault that took nothing is not repaired.
// A strike costs O(pods on the node), anything else O(log(faults not repaired)) per ready pod that comes or goes.
class HealingMetrics final : public ReadyListener {
 public:
  void begin(const ReadyPods& pods) override;
  void ready_changed(Time at, std::uint32_t workload, NodeId node, int change, bool by_node) override;
  void wanted_changed(Time at, std::uint32_t workload, std::int64_t before) override;
  void node_record(const Record& record) override;
  void finish(Time) override {}

  // After the run. Appends what healing_metrics() names.
  void add_to(RunResult& result) const;

 private:
  static constexpr Duration kAftermath = seconds(20);
  struct Before {
    std::uint32_t workload;
    std::int64_t ready;
    bool taken = false;  // Pods of it are out of use by the fault.
  };
  struct Fault {
    Time struck;
    Time ended = kNever;
    std::uint32_t strike = 0;
    bool hidden = false;  // The node was NotReady already.
    bool detected = false;
    bool repaired = false;
    std::uint32_t missing = 0;   // Workloads that are not back yet.
    std::vector<Before> before;  // Of workloads with ready pods on the node.
  };
  using Goal = std::pair<std::int64_t, std::uint32_t>;  // Ready pods, and the fault that waits for them.

  void struck(const Record& record);
  void check(Time at, std::uint32_t workload);
  std::vector<std::uint32_t>& open_on(NodeId node);

  const ReadyPods* pods_ = nullptr;
  std::vector<Fault> faults_;
  std::vector<std::vector<std::uint32_t>> open_;  // By node: faults that may still be detected, or take more.
  std::vector<std::vector<Goal>> goals_;          // By workload; heaps, the lowest on top.
  Histogram detect_, repair_;
};

}  // namespace berth

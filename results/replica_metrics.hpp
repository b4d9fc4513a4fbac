// Ready pods against wanted ones over time, of workloads that want a number: Deployments, StatefulSets, ReplicaSets.
// What "ready" is: ready_pods.hpp. Wanted: as the manifests say, and then as autoscalers set it.
#pragma once

#include <cstdint>
#include <span>

#include "results/metrics.hpp"
#include "results/ready_pods.hpp"
#include "results/run_result.hpp"
#include "results/time_curves.hpp"

namespace berth {

std::span<const MetricInfo> replica_metrics();

// O(1) per change.
class ReplicaMetrics final : public ReadyListener {
 public:
  // Averages and curves are over 0 … `window` > 0, as those of MetricsFold.
  explicit ReplicaMetrics(Time window, std::size_t points = 240) : curves_(window, points) {}
  void begin(const ReadyPods& pods) override;
  void ready_changed(Time at, std::uint32_t workload, NodeId node, int change, bool by_node) override;
  void wanted_changed(Time at, std::uint32_t workload, std::int64_t before) override;
  void finish(Time end) override;

  // After finish(). Appends what replica_metrics() names, and curves. Not defined where nothing wants replicas.
  void add_to(RunResult& result) const;

 private:
  enum Curve : std::size_t { kReady, kWanted, kServing, kCurves };
  std::array<double, kCurves> levels() const;

  const ReadyPods* pods_ = nullptr;
  // Over all workloads; serving: of each, no more than it wants.
  std::int64_t ready_ = 0, wanted_ = 0, serving_ = 0;
  TimeCurves<kCurves> curves_;
};

}  // namespace berth

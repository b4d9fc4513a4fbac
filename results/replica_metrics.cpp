#include "results/replica_metrics.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace berth {
namespace {

constexpr std::array kMetrics{
    MetricInfo{
        "replicas_wanted_mean",
        "pods that Deployments, StatefulSets and ReplicaSets want (as kube_deployment_spec_replicas); time average"},
    MetricInfo{"replicas_ready_mean",
               "their pods that are Ready, on nodes that are reachable and not shown as NotReady; time average"},
    MetricInfo{"replicas_ready_pct_mean", "of each workload no more than it wants, of all wanted; time average"},
    MetricInfo{"replica_seconds_missing", "wanted replicas that were not ready, over time"},
};

}  // namespace

std::span<const MetricInfo> replica_metrics() {
  return kMetrics;
}

void ReplicaMetrics::begin(const ReadyPods& pods) {
  pods_ = &pods;
  for (std::uint32_t w = 0; w < pods.workloads(); ++w) wanted_ += pods.wanted(w);
}

std::array<double, ReplicaMetrics::kCurves> ReplicaMetrics::levels() const {
  return {static_cast<double>(ready_), static_cast<double>(wanted_), static_cast<double>(serving_)};
}

void ReplicaMetrics::ready_changed(Time at, std::uint32_t workload, NodeId, int change, bool) {
  curves_.advance(at.ns, levels());
  const std::int64_t now = pods_->ready(workload);
  const std::int64_t wanted = pods_->wanted(workload);
  ready_ += change;
  serving_ += std::min(now, wanted) - std::min(now - change, wanted);
}

void ReplicaMetrics::wanted_changed(Time at, std::uint32_t workload, std::int64_t before) {
  curves_.advance(at.ns, levels());
  const std::int64_t wanted = pods_->wanted(workload);
  const std::int64_t ready = pods_->ready(workload);
  wanted_ += wanted - before;
  serving_ += std::min(ready, wanted) - std::min(ready, before);
}

void ReplicaMetrics::finish(Time end) {
  curves_.finish(end, levels());
}

void ReplicaMetrics::add_to(RunResult& result) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const bool any = pods_ != nullptr && pods_->workloads() > 0;
  const double wanted = curves_.total(kWanted);
  const double serving = curves_.total(kServing);
  const double values[] = {
      any ? wanted / curves_.window_seconds() : kNone,
      any ? curves_.total(kReady) / curves_.window_seconds() : kNone,
      wanted > 0 ? 100 * serving / wanted : kNone,
      any ? wanted - serving : kNone,
  };
  add_metrics(result, kMetrics, values);
  if (!any) return;
  result.series.push_back(curves_.curve("replicas_wanted", kWanted, 1));
  result.series.push_back(curves_.curve("replicas_ready", kReady, 1));
  result.series.push_back(curves_.share("replicas_ready_pct", kServing, kWanted));
}

}  // namespace berth

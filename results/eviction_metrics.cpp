#include "results/eviction_metrics.hpp"

#include <array>

namespace berth {
namespace {

constexpr std::array kMetrics{
    MetricInfo{"evictions_preemption",
               "pods that kube-scheduler took off their node for others (scheduler_preemption_victims)"},
    MetricInfo{"evictions_taint",
               "pods deleted for a NoExecute taint, as of a lost node (taint_eviction_controller_pod_deletions_total)"},
    MetricInfo{"evictions_node_pressure", "pods that a kubelet failed for want of memory or disk (kubelet_evictions)"},
    MetricInfo{"evictions_drain", "pods that left a node to be removed, by the Eviction API"},
    MetricInfo{"evictions_descheduler", "pods that the healer moved, by the Eviction API"},
    MetricInfo{
        "evictions_pod_gc",
        "pods of nodes that are gone, which nobody else had told to go (pod_gc_collector_force_delete_pods_total)"},
};

}  // namespace

std::span<const MetricInfo> eviction_metrics() {
  return kMetrics;
}

void EvictionMetrics::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    if (r.kind == RecordKind::kPodDisrupted) {
      switch (static_cast<DisruptReason>(r.reason)) {
        case DisruptReason::kPreemption:
          ++preempted_;
          break;
        case DisruptReason::kEvictionApi:
          ++by_api_;
          break;
        case DisruptReason::kTaintManager:
          ++taints_;
          break;
        case DisruptReason::kPodGc:
          ++collected_;
          break;
      }
    } else if (r.kind == RecordKind::kPodEvicted) {  // Of a trace.
      ++(static_cast<EvictReason>(r.reason) == EvictReason::kPreempted ? preempted_ : drained_);
    } else if (r.kind == RecordKind::kPodDescheduled) {
      ++descheduled_;
    } else if (r.kind == RecordKind::kPodFailed && static_cast<FailReason>(r.reason) == FailReason::kEvicted) {
      ++pressure_;
    }
  }
}

void EvictionMetrics::add_to(RunResult& result) const {
  const double values[] = {
      static_cast<double>(preempted_),   static_cast<double>(taints_),
      static_cast<double>(pressure_),    static_cast<double>(drained_ + by_api_ - descheduled_),
      static_cast<double>(descheduled_), static_cast<double>(collected_),
  };
  add_metrics(result, kMetrics, values);
}

}  // namespace berth

// Cluster Autoscaler: nodes come when pods find no room, and go when their pods would fit elsewhere.
// Source: cluster-autoscaler core/static_autoscaler.go and core/scaleup/orchestrator, release 1.37. Not modelled:
// balancing similar groups, limits on cores and memory, node auto-provisioning, the gRPC expander, time limits of the
// computation.
#pragma once

#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/node_autoscalers/cluster_autoscaler_flags.hpp"
#include "policies/node_autoscalers/expanders.hpp"
#include "policies/node_autoscalers/fit_snapshot.hpp"
#include "policies/node_autoscalers/group_registry.hpp"
#include "policies/node_autoscalers/scale_down_planner.hpp"

namespace berth {

class ClusterAutoscaler final : public NodeAutoscaler {
 public:
  explicit ClusterAutoscaler(const Params& params);

  // A loop in which nothing waits and nothing changed costs O(unneeded nodes); one with waiting pods or changes
  // O(nodes) and what the tries cost (FitSnapshot, estimate(), ScaleDownPlanner).
  void observe(const NodeAutoscalerObservation& o, Rng& rng, NodeAutoscalerDecision& out) override;
  // Loops are scan_interval apart, counted from the last one that ran.
  Time loop_after(Time now) const override;
  bool wakes_for_unschedulable_pods() const override { return true; }
  void scale_up_failed(std::uint32_t group, Time now) override;
  void scale_down_failed(std::uint32_t node, Time now) override;
  DrainTiming drain_timing() const override;

  const ScaleDownPlanner& planner() const { return planner_; }
  const GroupRegistry& registry() const { return registry_; }

 private:
  enum class Waiting : std::uint8_t { kNone, kTooNew, kNeedNodes };

  void remove_lost(const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) const;
  void add_upcoming(const NodeAutoscalerObservation& o);
  Waiting filter_waiting(const NodeAutoscalerObservation& o);
  bool scale_up(const NodeAutoscalerObservation& o, Rng& rng, NodeAutoscalerDecision& out);
  bool cooled_down(Time now) const;
  Time cooled_down_at() const;
  Time grid(Time at) const;

  ClusterAutoscalerFlags flags_;
  Expanders expanders_;
  GroupRegistry registry_;
  ScaleDownPlanner planner_;
  FitSnapshot snapshot_;

  Time last_loop_ = kNever;
  Time last_scale_up_ = kNever;  // kNever: not yet.
  Time last_delete_ = kNever;
  Time last_failure_ = kNever;
  std::uint64_t seen_changes_ = 0;
  bool replan_ = false;  // The plan of the last loop does not outlive it: pods waited, or there was none.

  // Of the present loop.
  std::vector<FitSnapshot::Row> open_rows_;  // Where a waiting pod may be thought to go.
  std::vector<const AutoscaledPod*> waiting_;
  ScaleDownPlanner::Guests guests_;
};

}  // namespace berth

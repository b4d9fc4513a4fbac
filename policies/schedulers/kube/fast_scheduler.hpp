// The decisions of scheduler.hpp, from what is kept instead of from a look at everything. Per class of pods there is a
// view: what each node answers that depends on this node alone (repaired for nodes that changed), and pods counted by
// topology domain (updated as pods come and go). A decision combines the two per group of nodes, not per node.
// Same results as the naive twin; what the fast pass cannot keep (pods with claims, plugins of scope kCluster) is
// handed to it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "policies/schedulers/kube/class_view.hpp"
#include "policies/schedulers/kube/scheduler.hpp"
#include "policies/schedulers/kube/topology.hpp"

namespace berth::kube {

// What a caller needs to act on. Nodes by index; kNoValue: none.
struct Choice {
  Decision::Result result = Decision::Result::kUnschedulable;
  Decision::Via via = Decision::Via::kNone;
  std::uint32_t node = kNoValue;
  std::size_t feasible = 0;  // Nodes found feasible.
  std::int64_t total = 0;    // The chosen node's score, of kScore.
  // When unschedulable: the plugins that refused a node or left it out, a bit per place among the profile's filters;
  // and what preemption would do.
  std::uint32_t refused_by = 0;
  std::uint32_t preempt_on = kNoValue;
  std::vector<PodRef> victims;        // Most important first.
  bool keeps_nomination = false;      // It may not preempt (victims on its nominated node are still going, or never).
  std::vector<ClaimBinding> volumes;  // To bind with the pod.
};

class FastScheduler final : private PodListener {
 public:
  // The cluster and the PodInfos of all pods that come to it must outlive this. Throws InputError for a profile that
  // cannot be resolved. O(nodes · labels + pods).
  FastScheduler(ClusterState& cluster, const SchedulerConfig& config, const Profile& profile, TieRule ties,
                std::uint64_t seed);
  ~FastScheduler();
  FastScheduler(const FastScheduler&) = delete;
  FastScheduler& operator=(const FastScheduler&) = delete;

  // As Scheduler::decide(). The cluster must be settled(). After a change of layout() all views are made anew as they
  // are asked for. Cost otherwise: nodes changed since the class was last decided, plus O(log nodes · groups of nodes
  // that topology tells apart) with all nodes scored, or the nodes sampled; O(nodes) when nothing is feasible.
  Choice decide(const PodRef& pod, std::string_view nominated_node);

  // A queueing hint of the plugins of scope kTopology: may a pod of `waiting`'s class fit when one of `moved`'s comes
  // to a node or leaves one?
  // The cluster must be settled().
  bool concerns(const PodInfo& waiting, const PodInfo& moved);

  // Why the pod is not bound: the naive pass's Decision::message(), as of now; "" if it would be. Leaves no trace.
  std::string explain(const PodRef& pod, std::string_view nominated_node);

  // For reports: how many decisions the naive pass made.
  std::uint64_t naive_decisions() const { return naive_decisions_; }
  const Runtime& runtime() const { return twin_.runtime(); }
  std::size_t memory_bytes() const;

 private:
  void pod_moved(const PodRef& pod, std::uint32_t node, int sign) override;
  void renew();
  ClassView& view_of(const PodInfo& pod);
  void know(const PodInfo& pod);
  Choice naive(const PodRef& pod, std::string_view nominated_node);
  bool apply_nominations(const PodRef& pod, ClassView& view);
  // With the tree over the nodes; and by a walk that ends when enough are found.
  void choose_by_tree(ClassView& view, std::span<const std::int32_t> admitted, Choice& out);
  void choose_one_by_one(ClassView& view, std::span<const std::int32_t> admitted, Choice& out);
  void preempt_for(const PodRef& pod, ClassView& view, std::string_view nominated_node, Choice& out);

  ClusterState& cluster_;
  Scheduler twin_;
  Topology topology_;
  std::uint64_t layout_;  // Of the cluster, when the topology was made.
  DomainRules rules_;
  std::vector<std::unique_ptr<ClassView>> views_;  // By pod class.
  std::vector<const PodInfo*> known_;              // By pod class: a pod of it; null if none was on a node yet.
  struct Effect {
    std::uint32_t pod_class;  // Whose view it concerns.
    std::uint32_t slot;
    std::int64_t by;
  };
  std::vector<std::vector<Effect>> effects_;  // By class of the pod that comes or goes.
  std::vector<std::uint32_t> counting_;       // Classes whose views count pods of some selector or term.
  std::size_t plain_views_ = 0;               // Others; the least recently used are dropped when memory is short.
  std::uint64_t clock_ = 0;
  std::uint64_t naive_decisions_ = 0;

  RankingQuery query_;
  std::vector<std::uint32_t> overruled_;  // Nodes whose answer is not the view's own, during a decision.
  NodeInfo hypothetical_;                 // Scratch.
  std::vector<std::int64_t> add_;         // Scratch, by group.
  std::vector<std::uint32_t> window_;     // Scratch: nodes sampled.
  std::vector<std::int64_t> totals_;
  std::vector<std::size_t> present_;
};

}  // namespace berth::kube

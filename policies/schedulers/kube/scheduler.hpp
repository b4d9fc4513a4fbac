// One pod at a time, as kube-scheduler decides it: PreFilter, the nominated node first, filters over the nodes in their
// rotating order, scores, the best node; or else preemption. Looks only: applying a decision is the caller's.
// Source: pkg/scheduler/schedule_one.go, v1.37. This is the exact, naive twin: every cycle looks at everything anew;
// fast_scheduler.hpp makes the same decisions from what it keeps.
// Not modelled: queue order and back-off, extenders, dynamic resource allocation, pod groups, opportunistic batching.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policies/schedulers/kube/config.hpp"
#include "policies/schedulers/kube/default_preemption.hpp"
#include "policies/schedulers/kube/runtime.hpp"
#include "policies/schedulers/kube/volume_binding.hpp"
#include "sim/engine/rng.hpp"

namespace berth::kube {

// kFirst: what one filter worker would get (kube-scheduler's choice depends on the order in which 16 workers finish).
// kRandom: uniform among the best, from the seed.
enum class TieRule : std::uint8_t { kFirst, kRandom };

struct Decision {
  enum class Result : std::uint8_t { kBound, kUnschedulable, kGated };
  enum class Via : std::uint8_t { kNone, kScore, kOnly, kNominated };

  Result result = Result::kUnschedulable;
  Via via = Via::kNone;
  const NodeInfo* node = nullptr;         // Chosen, or null.
  std::vector<const NodeInfo*> feasible;  // In the order found.
  // By node index: what each node answered. Success also for nodes that were not looked at (sampling, kNominated).
  std::vector<Status> statuses;
  std::span<const NodeInfo> nodes;   // The cluster's, for these indexes.
  std::vector<PluginScores> scores;  // Aligned with `feasible`; empty unless kScore.
  std::vector<std::int64_t> totals;
  std::vector<const NodeInfo*> ties;   // The nodes with the greatest total.
  std::string pre_filter_message;      // Why PreFilter refused the pod for all nodes, if it did.
  std::vector<std::string> narrowers;  // Plugins whose PreFilter left only some nodes.
  // Claims to be bound with the pod, for each of `feasible`; empty if the profile binds no volumes.
  std::vector<std::vector<ClaimBinding>> volumes;
  std::optional<Preemption> preemption;            // When unschedulable and the profile preempts.
  const PreemptionCandidate* preempted = nullptr;  // The candidate taken; null if none. Into `preemption`.

  Decision() = default;
  Decision(const Decision&) = delete;
  Decision(Decision&&) = default;
  Decision& operator=(Decision&&) = default;

  // "0/24 nodes are available: 3 Insufficient cpu, …", as in the pod's events.
  std::string fit_error() const;
  // The same with what preemption said: the message of the pod's condition PodScheduled. "" if it was bound.
  std::string message() const;
};

class Scheduler {
 public:
  // `profile` is one of the configuration's. Throws InputError for one that cannot be resolved.
  Scheduler(const SchedulerConfig& config, const Profile& profile, TieRule ties, std::uint64_t seed);

  // `nominated_node`: the pod's status.nominatedNodeName, or empty. Deterministic in the calls so far and the seed.
  // O(nodes · (plugins + pods per node)). The decision points into the cluster: apply it before the next change. The
  // cluster must be settled().
  Decision decide(const ClusterState& cluster, const PodRef& pod, std::string_view nominated_node);

  // For the fast pass, which shares the plugins and the state that goes from pod to pod.
  const Runtime& runtime() const { return runtime_; }
  const PluginArgs& args() const { return args_; }
  TieRule tie_rule() const { return tie_rule_; }
  // One of n alternatives that no rule tells apart: 0, or a draw.
  std::size_t pick(std::size_t n);
  // How many feasible nodes end the search among this many.
  std::size_t feasible_wanted(std::size_t nodes) const;
  std::size_t next_start() const { return next_start_; }
  void looked_at(std::size_t count, std::size_t nodes) {
    if (nodes > 0) next_start_ = (next_start_ + count) % nodes;
  }
  // What goes from pod to pod: for a look that must leave no trace.
  struct Memory {
    std::size_t next_start;
    Rng rng;
  };
  Memory memory() const { return {next_start_, rng_}; }
  void remember(const Memory& memory) {
    next_start_ = memory.next_start;
    rng_ = memory.rng;
  }

 private:
  void find_feasible(const Cycle& cycle, CycleState& state, const std::optional<NodeNames>& narrowed, Decision& out);

  Runtime runtime_;
  PluginArgs args_;
  std::int64_t percentage_;
  TieRule tie_rule_;
  Rng rng_;
  std::size_t next_start_ = 0;
};

// Which element stands at the root once Go's heap.Init has made a max-heap of the list: what kube-scheduler takes.
std::size_t heap_root(const std::vector<std::int64_t>& totals);

}  // namespace berth::kube

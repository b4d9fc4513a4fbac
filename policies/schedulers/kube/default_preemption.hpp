// DefaultPreemption: which pods would have to go, on which node, for a pod that fits nowhere.
// Source: pkg/scheduler/framework/plugins/defaultpreemption and pkg/scheduler/framework/preemption, v1.37.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "policies/schedulers/kube/runtime.hpp"

namespace berth::kube {

struct PreemptionCandidate {
  const NodeInfo* node = nullptr;
  std::vector<PodRef> victims;  // Most important first; never empty.
  std::int64_t pdb_violations = 0;
};
struct Preemption {
  bool eligible = true;
  std::string message;  // Why not.
  std::vector<PreemptionCandidate> candidates;
  std::vector<std::size_t> ties;  // Candidates that no rule tells apart from the best; empty without candidates.
  // Without candidates: why, by number of nodes that were tried.
  std::map<std::string, std::size_t> refusals;

  // What a pod's events say of it behind the refusals of the nodes, of which there are so many: "preemption: 0/24 nodes
  // are available: 24 No preemption victims found for incoming pod."; "" if it found candidates.
  std::string text(std::size_t nodes) const;
};
// "0/24 nodes are available: 3 Insufficient cpu, …."
std::string none_available(std::size_t nodes, const std::map<std::string, std::size_t>& reasons);

// `codes`: what each node (by its index) answered to the pod. `offset`: where among the nodes that may help the
// search begins (upstream draws it); it ends early once max(10 %, 100) candidates are found, one of them without PDB
// violation. `nominated_node`: where the pod is nominated already, or empty. `state` is the cycle's, after PreFilter.
Preemption preempt(const Runtime& runtime, const PluginArgs& args, const Cycle& cycle, const CycleState& state,
                   std::span<const Code> codes, std::string_view nominated_node, std::uint64_t offset);

// Higher priority, then earlier start, then (upstream leaves it open) by name and handle.
bool more_important(const PodRef& a, const PodRef& b);

}  // namespace berth::kube

// The rules of PodTopologySpread that do not depend on how pods are counted: which constraints a pod has, which nodes
// count, how counts become scores. Shared by the naive plugin and by the fast pass, which count in different ways.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/schedulers/kube/config.hpp"

namespace berth::kube {

// The constraints of pods that give none.
struct SpreadDefaults {
  explicit SpreadDefaults(const PluginArgs& args);
  bool system;  // Hosts and zones, as built in; a node without zone is no hindrance then.
  std::vector<TopologySpreadConstraint> constraints;
};

// The pod's DoNotSchedule or ScheduleAnyway constraints, or the defaults with what selects the pod. O(services).
std::vector<TopologySpreadConstraint> spread_constraints_of(const SpreadDefaults& defaults, const Cycle& cycle,
                                                            bool schedule_anyway);
// Does a node that lacks a key stay out of scoring?
bool spread_needs_all_keys(const SpreadDefaults& defaults, const Pod& pod);
bool has_all_keys(const NodeInfo& node, const std::vector<TopologySpreadConstraint>& constraints);
// Do the constraint's inclusion policies count this node?
bool spread_counts(const TopologySpreadConstraint& c, const Pod& pod, const Node& node);

double spread_weight(std::size_t domains);
// One constraint's part of a node's raw score, which is the rounded sum in the constraints' order.
double spread_term(const TopologySpreadConstraint& c, std::int64_t count, double weight);
std::int64_t spread_score(double sum);
// 0 for the ignored; others 0..100, fewer pods better.
void normalize_spread(std::span<std::int64_t> scores, const std::vector<bool>& ignored);

}  // namespace berth::kube

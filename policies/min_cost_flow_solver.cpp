#include "policies/min_cost_flow_solver.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "sim/engine/error.hpp"

namespace berth {

void MinCostFlowSolver::begin(std::size_t nodes) {
  for (const NodeId node : used_) nodes_[index(node)].owner = kNone;
  used_.clear();
  if (nodes_.size() < nodes) nodes_.resize(nodes);
  group_count_ = 0;
}

MinCostFlowSolver::Group MinCostFlowSolver::add_group() {
  if (group_count_ == groups_.size()) groups_.emplace_back();
  GroupState& group = groups_[group_count_];
  group.arcs.clear();
  group.free = 0;
  group.potential = 0;
  group.exhausted = false;
  group.lost = false;
  return static_cast<Group>(group_count_++);
}

const MinCostFlowSolver::Arc* MinCostFlowSolver::first_free(Group group, ArcSource& source) {
  GroupState& g = groups_[group];
  for (;; ++g.free) {  // Once used, a node stays in use.
    if (g.free == g.arcs.size()) {
      Arc arc;
      g.exhausted = g.exhausted || !source.next(group, arc);
      if (g.exhausted) return nullptr;
      BERTH_CHECK(arc.cost >= (g.arcs.empty() ? 0 : g.arcs.back().cost));
      g.arcs.push_back(arc);
    }
    if (nodes_[index(g.arcs[g.free].node)].owner == kNone) return &g.arcs[g.free];
  }
}

void MinCostFlowSolver::reach(Group group, std::int64_t distance, Group parent, const Arc& via) {
  GroupState& g = groups_[group];
  if (g.reached != searches_) {
    g.reached = searches_;
    g.settled = false;
    reached_.push_back(group);
  } else if (g.settled || distance >= g.distance) {
    return;
  }
  g.distance = distance;
  g.parent = parent;
  g.via = via;
  heap_.emplace_back(distance, group);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

bool MinCostFlowSolver::add_pod(Group group, ArcSource& source) {
  BERTH_CHECK(group < group_count_);
  lost_.clear();
  if (groups_[group].lost) return false;
  ++searches_;
  heap_.clear();
  reached_.clear();
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
  std::int64_t nearest = kFar;  // The shortest way to a free node so far, and the group from which it goes there.
  Group last = kNone;
  Arc target;

  reach(group, 0, kNone, {});
  while (!heap_.empty() && heap_.front().first < nearest) {
    const auto [distance, id] = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    GroupState& g = groups_[id];
    if (g.settled) continue;
    g.settled = true;
    const std::int64_t from = distance + g.potential;
    if (const Arc* arc = first_free(id, source); arc != nullptr && from + arc->cost < nearest) {
      nearest = from + arc->cost;
      last = id;
      target = *arc;
    }
    if (nearest == distance) break;  // No way is shorter than 0 more.
    for (std::size_t i = 0; i < g.free; ++i) {
      const Node& node = nodes_[index(g.arcs[i].node)];
      const GroupState& other = groups_[node.owner];
      if (node.owner == id || other.lost) continue;
      const std::int64_t there = from + g.arcs[i].cost - (node.cost + other.potential);
      if (there < nearest) reach(node.owner, there, id, g.arcs[i]);
    }
  }

  if (last == kNone) {  // Every node that these groups can have is theirs already, and no later pod changes that.
    for (const Group lost : reached_) groups_[lost].lost = true;
    lost_ = reached_;
    return false;
  }
  for (const Group id : reached_) {
    GroupState& g = groups_[id];
    if (g.distance < nearest) g.potential += g.distance - nearest;
  }
  used_.push_back(target.node);
  for (Group id = last; id != kNone; id = groups_[id].parent) {
    nodes_[index(target.node)] = {id, target.cost};
    target = groups_[id].via;
  }
  return true;
}

std::int64_t MinCostFlowSolver::total_cost() const {
  std::int64_t sum = 0;
  for (const NodeId node : used_) sum += cost(node);
  return sum;
}

}  // namespace berth

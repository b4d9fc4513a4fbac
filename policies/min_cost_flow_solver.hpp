// The least-cost way to give pods one node each: a flow from groups of like pods (Quincy's aggregators, one per
// template) over arcs with costs to nodes of capacity one, or to "unscheduled". Exact.
//
// Pods come one by one, first in the queue first. What "unscheduled" costs is not a number here but a rule: more than
// any placement saves, and more for a pod than for all behind it together with their placements. (Quincy and Firmament
// let that cost grow with waiting time. Linear growth keeps the difference between two pods as it was when the later
// one came; this is the limit of steep growth, and it honours priorities, which come first in the queue's order.) The
// sets of pods that can have nodes at once are the independent sets of a transversal matroid (Edmonds, Fulkerson 1965),
// where taking pods greedily in order is optimal, and whoever has a node keeps one. So each pod either finds an
// augmenting path and is in for good, or stays unscheduled for good, and each path is the shortest one: successive
// shortest paths with potentials (Ahuja, Magnanti, Orlin, "Network Flows", 1993, section 9.7).
//
// A node that a pod has leads nowhere but back to the group it belongs to, so the search runs on groups alone. With
// potentials p(g), 0 at the sink, and reduced length c(g,n) + p(g) - (c(h,n) + p(h)) from g over a node n of h:
//   (A) c(g,f) + p(g) >= 0 for every free f      (the arc to the sink, by way of f, is not negative)
//   (B) c(h,n) + p(h) <= 0 for every node n of h  (nor is the one back from it)
// An arc to a taken node n that costs no less than g's cheapest free node f then has length >= c(g,f) + p(g), which is
// what f itself offers: it cannot shorten anything. A group therefore needs its arcs only up to the first free node, in
// ascending order, and they are asked for one at a time. With P pods that is at most P arcs a group, whatever the
// number of nodes; for a single pod it is one.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sim/cluster/catalog.hpp"

namespace berth {

class MinCostFlowSolver {
 public:
  using Group = std::uint32_t;  // Counts from 0 in order of add_group().
  struct Arc {
    NodeId node = kNoNode;
    std::int64_t cost = 0;
  };
  class ArcSource {
   public:
    virtual ~ArcSource() = default;
    // The group's next arc, in ascending order of (cost, node), costs in 0 .. 2^40; false after the last.
    virtual bool next(Group group, Arc& out) = 0;
  };

  // Forgets all pods and groups. `nodes`: above every NodeId that a source names. O(what was touched since).
  void begin(std::size_t nodes);
  Group add_group();

  // One more pod of `group`, behind all pods before it. True if it has a node now; others may have changed theirs, and
  // the total cost is the least for the pods that have one. False if it stays unscheduled, as then does every later pod
  // of the groups in lost(). Deterministic: of groups equally
  // near the one added first goes on, of equal arcs the first. O(arcs known to the groups that compete with it) plus
  // the arcs asked for; O(1) for the first pod of all.
  bool add_pod(Group group, ArcSource& source);
  // The groups found, in the last add_pod() if it was false, to have no way to any free node.
  std::span<const Group> lost() const { return lost_; }

  // The group's arcs asked for so far, ascending.
  std::span<const Arc> arcs(Group group) const { return groups_[group].arcs; }
  // Nodes in use, in order of first use; whose each is, and what its arc costs.
  std::span<const NodeId> used() const { return used_; }
  Group owner(NodeId node) const { return nodes_[index(node)].owner; }
  std::int64_t cost(NodeId node) const { return nodes_[index(node)].cost; }
  std::int64_t total_cost() const;

 private:
  static constexpr Group kNone = 0xFFFF'FFFF;
  struct Node {
    Group owner = kNone;
    std::int64_t cost = 0;  // Of the owner's arc.
  };
  struct GroupState {
    std::vector<Arc> arcs;
    std::size_t free = 0;  // All arcs before it lead to used nodes.
    std::int64_t potential = 0;
    bool exhausted = false;  // The source has no more arcs.
    bool lost = false;
    // Of the search under way, if `reached` is its number.
    std::uint64_t reached = 0;
    bool settled = false;
    std::int64_t distance = 0;
    Group parent = kNone;
    Arc via;  // The arc of `parent` that led here.
  };

  const Arc* first_free(Group group, ArcSource& source);
  void reach(Group group, std::int64_t distance, Group parent, const Arc& via);

  std::vector<Node> nodes_;
  std::vector<NodeId> used_;
  std::vector<GroupState> groups_;  // The first group_count_ are in use; the others keep their buffers.
  std::size_t group_count_ = 0;
  std::uint64_t searches_ = 0;
  std::vector<std::pair<std::int64_t, Group>> heap_;
  std::vector<Group> reached_;
  std::vector<Group> lost_;
};

}  // namespace berth

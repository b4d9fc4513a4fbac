// The healer in a run: asks it every so often, shows it what the API server shows, and does what it says. Machines are
// repaired here; pods go by the Eviction API, so disruption budgets are kept.
//
// What a repair mends. A reboot brings back a node that crashed or whose kubelet hangs, with its disk, and nothing that
// lies outside of it: while its zone is out, or once a spot machine was reclaimed, it stays off; a partition lasts. A
// replacement deletes machine and node object at once, and a machine of the same shape and labels joins under a new
// name when it has booted (or its zone is back). Pods of the old node go by pod garbage collection, those of DaemonSets
// too.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "policies/healer.hpp"
#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/control_plane.hpp"
#include "sim/engine/engine.hpp"
#include "sim/nodes.hpp"
#include "workloads/faults/fault_draw.hpp"

namespace berth {

struct HealingOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  std::span<const FaultEvent> strikes;  // Of the run: what keeps a machine off. Must outlive the run.
};

// What the healer changes of the control plane, which must be made with node_failures.
void apply_settings(const HealerSettings& settings, ControlPlaneOptions& options);

class Healing final : private HealDecision {
 public:
  // All must outlive this. Schedules the first call, if the healer wants any.
  Healing(Engine<Event>& engine, Journal& journal, const Cluster& cluster, Nodes& nodes, ControlPlane& control_plane,
          Healer& healer, const HealingOptions& options);

  // Of kHealingEvent. A call of the healer costs O(nodes + pods on nodes) besides its own work. What it does to pods
  // takes effect when the control plane settles, at the end of the instant.
  void handle(const Event& event);

 private:
  enum Detail : std::uint16_t { kHeal, kRebooted, kReplaced };
  struct Repair {
    Time ordered;
    bool under_way = false;
    std::uint32_t orders = 0;  // So far: each has draws of its own.
  };
  struct Name {
    std::string base;  // Of the first machine in this place.
    std::uint32_t replacements = 0;
  };
  struct PodRef {
    PodId object;  // In the store.
    std::uint64_t uid;
    PodId pod;  // Its row in the cluster.
  };

  bool reboot(NodeId node) override;
  bool replace(NodeId node) override;
  void cordon(NodeId node, bool cordoned) override;
  bool evict(std::uint32_t pod) override;

  void heal();
  void observe();
  void observe_pods(NodeId node);
  // Draws how long it takes and writes it down; kForever: the node is being repaired.
  Duration order(NodeId node, bool replace);
  void rebooted(NodeId node);
  void join_instead_of(NodeId node);
  // When the outage of the node's zone ends; now if there is none.
  Time zone_is_back(NodeId node) const;
  bool kept_off(NodeId node, Time ordered) const;

  Engine<Event>& engine_;
  Journal& journal_;
  const Cluster& cluster_;
  Nodes& nodes_;
  ControlPlane& control_plane_;
  Healer& healer_;
  HealingOptions options_;
  RepairTimes times_;
  std::map<NodeId, Repair> repairs_;
  std::map<NodeId, Name> names_;    // Of nodes that took another one's place.
  std::uint32_t replacements_ = 0;  // Ordered, not joined.
  // During one call.
  std::vector<HealedNode> seen_nodes_;
  std::vector<HealedPod> seen_pods_;
  std::vector<PodRef> refs_;                                // By handle.
  std::vector<std::pair<std::uint64_t, PodId>> rows_here_;  // Of one node: uid and row, sorted.
};

}  // namespace berth

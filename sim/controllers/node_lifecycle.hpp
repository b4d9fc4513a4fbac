// Node life cycle: finds nodes that no longer renew their leases, says so in their conditions, and taints them: at once
// NoSchedule, and NoExecute zone by zone at a limited rate, less or none when much of a zone is down.
// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go (Kubernetes v1.37).
// Not modelled: label reconciliation; retries of failed writes; the order in which nodes of one zone that fail in the
// same pass are tainted is that of their numbers (upstream: chance).
#pragma once

#include <optional>
#include <vector>

#include "sim/controllers/controller.hpp"
#include "sim/controllers/zone_tainter.hpp"

namespace berth::controllers {

// Flags of kube-controller-manager, with its defaults.
struct NodeLifecycleOptions {
  Duration monitor_period = seconds(5);
  Duration monitor_grace_period = seconds(50);
  Duration startup_grace_period = seconds(60);
  float eviction_rate = 0.1F;  // Nodes per second and zone.
  float secondary_eviction_rate = 0.01F;
  std::int32_t large_cluster_threshold = 50;  // Nodes of a zone.
  float unhealthy_zone_threshold = 0.55F;
  Duration tainting_period = milliseconds(100);  // Passes are at its multiples.
  Duration first_monitor;                        // When the first monitor pass is.
};

class NodeLifecycleController final : public Controller {
 public:
  using Options = NodeLifecycleOptions;
  NodeLifecycleController(Store& store, WorkQueue& work, const Options& options = {});

  // The NoSchedule taints of one node, by its conditions. O(taints).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  enum class ZoneState : std::uint8_t { kAbsent, kInitial, kNormal, kFullDisruption, kPartialDisruption };
  struct Health {  // What the last passes saw of a node.
    bool known = false;
    bool has_ready = false;
    NodeCondition ready;  // As saved, if has_ready.
    Time probed;          // When a sign of life was last noticed.
    Time lease = kNever;  // The renewal that was noticed last.
  };
  struct Zone {
    ZoneState state = ZoneState::kAbsent;
    std::optional<ZoneTainter> tainter;
    std::int32_t ready = 0;  // In the current pass.
    std::int32_t not_ready = 0;
  };

  void monitor();                                           // A pass over all nodes: O(nodes).
  void look_at(ObjectId id);                                // One node in a pass.
  NodeCondition update_health(Node& node, Health& health);  // The Ready condition after it.
  void mark_unknown(Node& node, Health& health, const NodeCondition& observed);
  void process_taints(const Node& node, ConditionStatus ready);
  void mark_reachable(const Node& node);
  void mark_pods_not_ready(NodeId node);
  void handle_disruption();
  ZoneState state_of(const Zone& zone) const;
  void set_rate(Zone& zone, ZoneState state);
  void taint_pass();
  void plan_taint_pass();
  bool taint_no_execute(NodeId node);
  void mark_new_pod(KeyQueue::Key pod);
  Zone& zone(std::uint32_t id);
  Health& health(ObjectId id);

  Options options_;
  KeyQueue monitor_;
  KeyQueue tainting_;
  KeyQueue pods_;
  std::vector<Health> health_;
  std::vector<bool> known_;
  std::vector<Zone> zones_;
};

}  // namespace berth::controllers

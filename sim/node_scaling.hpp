// A node autoscaler at work in a run: shows it the cluster, and does what it says. Machines that it asks for boot, join
// and become Ready (sim/nodes.hpp); nodes that it gives up are tainted, cordoned, drained through the Eviction API and
// deleted. What it sees of a node or pod is worked out again only when that has changed.
// Source: cluster-autoscaler core/scaledown/actuation (release 1.37). Machines are deleted, and their Node objects with
// them, at the moment of the call. Where pods come from a trace there is nobody to make them anew: what is drained
// waits again. Not known here: which node a waiting pod is nominated for by preemption.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "results/node_metrics.hpp"
#include "sim/control_plane.hpp"
#include "sim/nodes.hpp"
#include "workloads/node_groups.hpp"

namespace berth {

struct NodeScalingOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  Duration scheduling_period{};  // SimulationOptions::scheduling_period.
};

class NodeScaling final : private controllers::Watcher {
 public:
  // All must outlive this; nodes of the groups that are there already have the label kNodeGroupLabel. `control_plane`
  // may be null. A group's machines take `boot_time` until they register, drawn by their number in the run.
  NodeScaling(Cluster& cluster, Engine<Event>& engine, Journal& journal, Actions& actions, Nodes& nodes,
              ControlPlane* control_plane, NodeAutoscaler& policy, std::span<const NodeGroupSpec> groups,
              const NodeScalingOptions& options);

  // Of kNodeScalingEvent.
  void handle(const Event& event);
  // The cloud took this machine back. Its group keeps its size, so another one is asked for at once (as by an AWS Auto
  // Scaling group or a managed instance group); the Node object goes once the control plane finds it not Ready and the
  // cloud-controller-manager asks whether there is a machine, which it does every 5 s. Nothing for a node of no group.
  // Source: k8s.io/cloud-provider controllers/nodelifecycle/node_lifecycle_controller.go, MonitorNodes.
  void machine_lost(NodeId node);
  // At the end of each instant, once controllers and scheduler have nothing left to do. What follows from it at the
  // same instant comes as further events of this instant. O(what changed), plus a loop's cost when one is due.
  void settle();

  std::int32_t target_size(std::size_t group) const { return seen_groups_[group].target_size; }
  std::size_t instances() const { return instances_.size(); }  // Asked for, and not there yet.
  std::uint64_t loops() const { return loops_; }
  // Rebuilds what the policy is shown from nothing and compares; "" if it agrees. O(nodes + pods). For tests.
  std::string verify() const;

 private:
  enum Detail : std::uint16_t { kLoop, kApplied, kBooted, kAct, kRetry, kPoll, kCheckMachine };

  // What pods of one template and owner have in common.
  struct PodKind {
    std::unique_ptr<kube::PodInfo> info;
    Duration grace;
    SafeToEvict safe_to_evict = SafeToEvict::kNotSaid;
    bool local_storage = false;
    bool daemon = false;
  };
  struct Entry {  // By NodeId.
    bool known = false;
    bool there = false;
    bool dirty = false;
    bool lost = false;          // No machine behind it any more.
    bool was_cordoned = false;  // Before its removal began.
    std::uint32_t group = kNoNodeGroup;
    std::uint32_t generation = 0;  // Of its removal: events of one that came to nothing are stale.
    AutoscaledNode::Removal removal = AutoscaledNode::Removal::kStays;
    Time registered;
    Time since;  // Of a drain: the first try, then the last eviction.
    Duration limit;
    std::uint64_t version = 0;
    bool ready = true;
    std::unique_ptr<kube::Node> node;
    std::vector<AutoscaledPod> pods;
  };

  void pod_changed(const controllers::Pod& pod, const controllers::Pod& before, controllers::Change change) override;
  void object_changed(controllers::ObjectKind kind, controllers::ObjectId id, controllers::Change change) override;

  // ---- what the policy is shown: node_scaling_view.cpp
  void find_daemon_pods();
  bool take_in_changes();
  bool take_in_waiting();
  void mark(NodeId node);
  Entry& entry(NodeId node);
  void refresh();
  void refresh(NodeId node);
  void look_at(NodeId node, Entry& out) const;
  void list_waiting();
  PodKind& kind_of(TemplateId t, controllers::Owner owner) const;
  std::optional<AutoscaledPod> seen(const controllers::Pod& pod) const;
  AutoscaledPod seen_of_trace(PodId pod) const;
  const std::vector<std::uint32_t>& budgets_of(TemplateId of_store) const;
  std::vector<std::int32_t> allowed_now() const;

  // ---- what it decides
  void plan_loop(Time at);
  void loop();
  void launch(std::uint32_t group);
  void booted(std::uint32_t machine);
  void begin_removal(const NodeAutoscalerDecision::Removal& removal);
  void set_taint(NodeId node, bool tainted);
  void drain(NodeId node);
  void poll(NodeId node);
  bool holds_pods(NodeId node) const;
  void delete_machine(NodeId node);
  void fail_removal(NodeId node);
  void check_machine(NodeId node);
  void schedule(Time at, std::uint32_t subject, std::uint32_t generation, Detail detail) {
    engine_.schedule(at, kPhaseChange, {subject, generation, EventKind::kNodeScalingEvent, detail});
  }

  Cluster& cluster_;
  Engine<Event>& engine_;
  Journal& journal_;
  Actions& actions_;
  Nodes& nodes_;
  ControlPlane* control_plane_;
  NodeAutoscaler& policy_;
  std::span<const NodeGroupSpec> groups_;
  NodeScalingOptions options_;
  Rng rng_;

  std::vector<NodeGroup> seen_groups_;
  std::vector<std::uint32_t> next_number_;  // Of a group's next node.
  std::map<std::string, std::uint32_t> group_of_;
  std::deque<Entry> entries_;
  std::vector<NodeId> dirty_;
  std::vector<AutoscaledNode> view_;
  std::vector<std::uint32_t> row_of_;  // In view_, by NodeId.
  bool members_changed_ = false;
  std::vector<AutoscaledPod> waiting_;
  std::vector<PodId> in_order_;
  std::vector<PendingInstance> instances_;
  std::vector<Duration> ready_after_;  // Beside instances_.
  std::uint32_t machines_ = 0;         // So far, with those of the beginning.
  mutable kube::PodClasses classes_;
  mutable std::map<std::tuple<TemplateId, controllers::ObjectKind, controllers::ObjectId>, PodKind> kinds_;
  mutable std::vector<std::optional<std::vector<std::uint32_t>>> budgets_of_;  // By template of the store.
  std::deque<kube::PodInfo> daemon_infos_;
  bool started_ = false;
  bool budgets_dirty_ = true;
  std::vector<std::int32_t> allowed_;
  std::vector<std::pair<std::uint32_t, Time>> born_;  // Without control plane: pods from this ordinal on came then.
  ChangeLog::Cursor cursor_ = 0;
  std::size_t created_ = 0;  // Pods, when the scheduler last had its turn.
  std::size_t was_waiting_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t loops_ = 0;
  bool loop_due_ = false;
  std::optional<EventHandle> loop_event_;
  Time loop_at_ = kNever;
  NodeAutoscalerDecision decision_;
};

// What NodeMetricsFold needs to know of the groups.
std::vector<NodePrice> node_prices(std::span<const NodeGroupSpec> groups);

}  // namespace berth

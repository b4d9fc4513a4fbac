// What a node autoscaler is: something that looks at the cluster every so often and says which node groups get machines
// and which nodes go. It sees what the real ones see through the API server and the cloud's API, as plain values, and
// changes nothing itself: renting, tainting, draining and deleting are the caller's part. One object per run, with its
// own memory of what it asked for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policies/policy.hpp"
#include "policies/schedulers/kube/pod_info.hpp"
#include "sim/cluster/kube_objects.hpp"
#include "sim/engine/rng.hpp"
#include "sim/engine/time.hpp"

namespace berth {

inline constexpr std::uint32_t kNoNodeGroup = 0xFFFF'FFFF;
inline constexpr std::uint32_t kNotNominated = 0xFFFF'FFFF;

// The annotation cluster-autoscaler.kubernetes.io/safe-to-evict.
enum class SafeToEvict : std::uint8_t { kNotSaid, kYes, kNo };

// A pod, on a node or waiting. `info` outlives the observation; all come from one PodClasses table.
struct AutoscaledPod {
  const kube::PodInfo* info = nullptr;
  std::uint32_t handle = 0;  // The caller's number, unique among the pods of the cluster, below 2^31.
  Time created;
  Duration grace = seconds(30);      // terminationGracePeriodSeconds.
  Time deletion_timestamp = kNever;  // When its grace ends; kNever: nobody deleted it.
  SafeToEvict safe_to_evict = SafeToEvict::kNotSaid;
  bool local_storage = false;                    // Has a hostPath volume, or an emptyDir that is not in memory.
  bool mirror = false;                           // Stands for a static pod of the node.
  bool finished = false;                         // Succeeded or Failed.
  std::span<const std::uint32_t> budgets;        // Disruption budgets that select it.
  std::uint32_t nominated_node = kNotNominated;  // Waiting: the node that preemption makes room on, by id.
};

// Equal machines that a cloud adds and removes one by one.
struct NodeGroup {
  std::string name;
  kube::Node node_template;                       // As a new node looks; its name and hostname label are replaced.
  std::vector<const kube::PodInfo*> daemon_pods;  // What DaemonSets put on it at once.
  std::int64_t capacity_cpu_milli = 0;            // status.capacity; 0: as allocatable.
  std::int64_t capacity_memory_bytes = 0;
  std::int32_t min_size = 0;
  std::int32_t max_size = 0;
  std::int32_t target_size = 0;  // What the cloud was asked for: nodes and instances, less those being deleted.
  double usd_per_hour = 0;
};

// A node that has registered with the API server.
struct AutoscaledNode {
  enum class Removal : std::uint8_t { kStays, kEmpty, kDrain };  // kEmpty, kDrain: told to go, and still there.
  std::uint32_t id = 0;                                          // The caller's number; not used again.
  std::uint32_t group = kNoNodeGroup;                            // Index of its group; kNoNodeGroup: not autoscaled.
  const kube::Node* node = nullptr;
  Time registered;
  bool ready = true;
  bool scale_down_disabled = false;  // Annotation cluster-autoscaler.kubernetes.io/scale-down-disabled.
  Removal removal = Removal::kStays;
  std::span<const AutoscaledPod> pods;
  std::uint64_t version = 0;  // Another one whenever anything above or in a pod of it is another.
};

// A machine that was asked for and has not registered.
struct PendingInstance {
  std::uint32_t id = 0;
  std::uint32_t group = 0;
  Time requested;
};

struct NodeAutoscalerObservation {
  Time now;
  std::span<const NodeGroup> groups;  // The same ones in the same order all along.
  std::span<const AutoscaledNode> nodes;
  std::span<const PendingInstance> instances;
  std::span<const AutoscaledPod> unschedulable;       // Marked so by the scheduler; no DaemonSet's.
  std::span<const std::int32_t> disruptions_allowed;  // By budget.
  // Namespaces, services, volumes and so on for pods that need them to be placed; its nodes are not looked at. May be
  // null.
  const kube::Objects* objects = nullptr;
  // Another number whenever groups, nodes, instances or budgets are others: what did not change is not looked at again.
  std::uint64_t changes = 0;
};

struct NodeAutoscalerDecision {
  struct ScaleUp {
    std::uint32_t group = 0;
    std::int32_t delta = 0;  // > 0; the target size grows by so much.
    friend bool operator==(const ScaleUp&, const ScaleUp&) = default;
  };
  // Taint the node with kToBeDeletedTaint now and cordon it; at `act_at` evict its pods (drain) or delete the machine
  // (empty). How a drain goes on: NodeAutoscaler::drain_timing().
  struct Removal {
    std::uint32_t node = 0;
    bool drain = false;
    Time act_at;
    friend bool operator==(const Removal&, const Removal&) = default;
  };
  std::vector<ScaleUp> scale_ups;
  std::vector<Removal> removals;
  std::vector<std::uint32_t> lost_instances;  // Never registered: delete them.
  // The next loop, if nothing changes: now = at once, kNever = when something changes (see loop_after()).
  Time next_loop = kNever;
};

inline constexpr const char* kToBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";  // NoSchedule.

// How the caller drains a node. Evictions begin at Removal::act_at, all at once; what a disruption budget refuses is
// tried again every `eviction_retry` until `eviction_timeout` has passed since the first try. Then the pods have the
// longest of their grace periods, each at most `max_grace`, and `headroom`; looked at every `poll`. Whatever is still
// there then means that the removal failed: scale_down_failed(), and the node stays.
struct DrainTiming {
  Duration eviction_retry = seconds(10);
  Duration eviction_timeout = seconds(120);
  Duration max_grace = seconds(600);
  Duration headroom = seconds(30);
  Duration poll = seconds(5);
};

class NodeAutoscaler : public Policy {
 public:
  static constexpr const char* kKind = "node autoscaler";

  // One loop. The caller applies the decision at once: target sizes and Removal states are in the next observation.
  // `out` is cleared first. `o.now` never goes back. `rng`: this policy's own stream.
  virtual void observe(const NodeAutoscalerObservation& o, Rng& rng, NodeAutoscalerDecision& out) = 0;
  // When the loop runs next if `changes` or the waiting pods became others at `now`; kNever: not because of that.
  virtual Time loop_after(Time now) const = 0;
  // A pod became unschedulable: true if that runs a loop at once.
  virtual bool wakes_for_unschedulable_pods() const { return false; }

  // The cloud refused or failed to bring machines, or a removal came to nothing.
  virtual void scale_up_failed(std::uint32_t /*group*/, Time /*now*/) {}
  virtual void scale_down_failed(std::uint32_t /*node*/, Time /*now*/) {}
  virtual DrainTiming drain_timing() const { return {}; }
};

}  // namespace berth

// What a healer is: something that decides how a cluster gets over failures. It has two hands. settings() turns the
// knobs of the control plane (how soon a silent node counts as lost, how long pods bear that), which then heals by
// itself; heal() is called every so often, sees what the API server shows, and has machines repaired or pods moved.
// What it sees is what real ones see: that a node is silent, never why. One object per run, with its own memory.
#pragma once

#include <cstdint>
#include <span>

#include "policies/policy.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Flags of kube-controller-manager and kube-apiserver, with the defaults of Kubernetes v1.37.
struct HealerSettings {
  bool node_lifecycle = true;  // Silent nodes become NotReady and tainted.
  bool taint_eviction = true;  // NoExecute taints evict pods.
  bool pod_gc = true;          // Pods of deleted nodes are deleted.
  Duration monitor_period = seconds(5);
  Duration monitor_grace = seconds(50);   // Silence until NotReady.
  std::int64_t toleration_seconds = 300;  // That pods get for not-ready and unreachable; >= 0.
  float eviction_rate = 0.1F;             // Nodes tainted NoExecute per second and zone.
  float secondary_eviction_rate = 0.01F;  // … in a large zone that is mostly down; in a small one none.
  std::int32_t large_cluster_threshold = 50;
  float unhealthy_zone_threshold = 0.55F;
};

// How long machines take, in seconds.
struct RepairTimes {
  Distribution reboot;  // From the order until the kubelet starts.
  Distribution boot;    // Of a new machine, likewise.
};

// A pod on a node, neither Succeeded nor Failed.
struct HealedPod {
  std::uint32_t handle = 0;  // For HealDecision, during this call.
  TemplateId pod_template = kNoTemplate;
  std::uint64_t owner = 0;  // Number of its controller (a ReplicaSet, not the Deployment); 0: none.
  bool daemon = false;      // That is a DaemonSet.
  bool terminating = false;
  bool ready = false;
  Time created;
};

// A node object that is there. Its labels, taints and cordon: Cluster::node_object(); what it has to give: node_spec().
struct HealedNode {
  NodeId id{};
  bool ready = true;                // Condition Ready is True; else False or Unknown.
  Time since;                       // Last transition of that condition, in whole seconds.
  bool being_repaired = false;      // A reboot that was ordered is under way.
  std::span<const HealedPod> pods;  // In order of binding.
};

struct HealObservation {
  Time now;
  const Cluster& cluster;             // Templates, node objects, and what would fit where.
  std::span<const HealedNode> nodes;  // By number.
  std::uint32_t replacements = 0;     // Machines that were ordered and are not nodes yet.
};

// What a healer may do. Everything takes effect at once in the API server, and is not in this call's observation.
class HealDecision {
 public:
  // Off and on again, with its disk. False: it is being repaired.
  virtual bool reboot(NodeId node) = 0;
  // Machine and node object go now, and a machine of the same kind joins under a new name. False: it is being repaired.
  virtual bool replace(NodeId node) = 0;
  // spec.unschedulable.
  virtual void cordon(NodeId node, bool cordoned) = 0;
  // Through the Eviction API: false if a PodDisruptionBudget refuses (or two select the pod).
  virtual bool evict(std::uint32_t pod) = 0;

 protected:
  ~HealDecision() = default;
};

class Healer : public Policy {
 public:
  static constexpr const char* kKind = "healer";

  // Asked once, before the run.
  virtual HealerSettings settings() const { return {}; }
  virtual RepairTimes repair_times() const { return {}; }
  // Time from one call of heal() to the next, > 0; the first is one period after the start. kForever: never.
  virtual Duration period() const { return kForever; }
  virtual void heal(const HealObservation&, HealDecision&) {}
};

}  // namespace berth

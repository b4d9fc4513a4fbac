// A node as the controllers see it: labels, taints, conditions, and when its lease was last renewed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/controllers/objects.hpp"

namespace berth::controllers {

namespace taints {
inline constexpr const char* kNotReady = "node.kubernetes.io/not-ready";
inline constexpr const char* kUnreachable = "node.kubernetes.io/unreachable";
inline constexpr const char* kUnschedulable = "node.kubernetes.io/unschedulable";
inline constexpr const char* kMemoryPressure = "node.kubernetes.io/memory-pressure";
inline constexpr const char* kDiskPressure = "node.kubernetes.io/disk-pressure";
inline constexpr const char* kPidPressure = "node.kubernetes.io/pid-pressure";
inline constexpr const char* kNetworkUnavailable = "node.kubernetes.io/network-unavailable";
inline constexpr const char* kOutOfService = "node.kubernetes.io/out-of-service";
}  // namespace taints

struct NodeTaint {
  kube::Taint taint;
  std::optional<Time> added;  // timeAdded: NoExecute taints of the controllers alone. Whole seconds.
  friend bool operator==(const NodeTaint& a, const NodeTaint& b) {
    return a.taint.key == b.taint.key && a.taint.value == b.taint.value && a.taint.effect == b.taint.effect &&
           a.added == b.added;
  }
};

enum class NodeConditionType : std::uint8_t {
  kReady,
  kMemoryPressure,
  kDiskPressure,
  kPidPressure,
  kNetworkUnavailable,
};
inline constexpr std::size_t kNodeConditionTypes = 5;

enum class NodeReason : std::uint8_t {
  kOther,
  kKubeletReady,
  kKubeletNotReady,
  kNodeStatusUnknown,
  kNodeStatusNeverUpdated,
};
const char* to_string(NodeReason reason);

struct NodeCondition {
  bool posted = false;  // False: the node has no such condition.
  ConditionStatus status = ConditionStatus::kUnknown;
  NodeReason reason = NodeReason::kOther;
  Time last_heartbeat;   // Whole seconds.
  Time last_transition;  // Whole seconds.
  friend bool operator==(const NodeCondition&, const NodeCondition&) = default;
};

// Its ObjectId is its NodeId.
struct Node {
  static constexpr ObjectKind kKind = ObjectKind::kNode;
  struct Spec {  // meta.generation counts its changes: those of labels too, unlike upstream.
    kube::StringMap labels;
    std::vector<NodeTaint> taints;
    bool unschedulable = false;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::array<NodeCondition, kNodeConditionTypes> conditions;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  std::string name;
  std::uint32_t zone = 0;  // Number of its region and zone; nodes of equal number fail together.
  Spec spec;
  Annotations annotations;
  Status status;

  NodeId node_id() const { return NodeId{meta.id}; }
  const NodeCondition& condition(NodeConditionType type) const {
    return status.conditions[static_cast<std::size_t>(type)];
  }
  NodeCondition& condition(NodeConditionType type) { return status.conditions[static_cast<std::size_t>(type)]; }
};

}  // namespace berth::controllers

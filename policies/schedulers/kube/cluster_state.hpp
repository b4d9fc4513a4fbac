// What the scheduler knows of the cluster while it decides: nodes with the pods on them, volumes and claims by name,
// and who is nominated where. Pods enter (assume) and leave (forget) one at a time; sums are kept, not recounted.
// Source: kube-scheduler's cache, snapshot and NodeInfo (pkg/scheduler/backend/cache, framework/types.go), v1.37.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "policies/schedulers/kube/pod_info.hpp"
#include "sim/cluster/change_log.hpp"
#include "sim/cluster/kube_objects.hpp"

namespace berth::kube {

struct ImageState {
  std::int64_t size_bytes = 0;
  std::int64_t nodes = 0;  // How many nodes hold it.
};
using ImageStates = std::map<std::string, ImageState, std::less<>>;  // By image name, tags and digests as given.

// A node and the pods on it. A value: preemption tries on a copy.
struct NodeInfo {
  std::uint32_t index = 0;  // In ClusterState::nodes().
  const Node* node = nullptr;
  const CsiNode* csi_node = nullptr;
  const ImageStates* images = nullptr;  // Of this node alone.
  Resource allocatable;
  Resource requested;
  std::int64_t non_zero_milli_cpu = 0;
  std::int64_t non_zero_memory = 0;
  std::vector<PodRef> pods;
  // Protocol, port, address. A set, as upstream: when one of two pods with the same port leaves, the port is free.
  std::set<std::tuple<std::string, std::int32_t, std::string>> used_ports;

  void add(const PodRef& pod);
  bool remove(std::uint32_t handle);  // False if it is not here.
  const std::string& name() const { return node->name; }
  // The value of a label, or null.
  const std::string* label(std::string_view key) const { return node->labels.find(key); }
};

class PodListener {
 public:
  virtual void pod_moved(const PodRef& pod, std::uint32_t node, int sign) = 0;

 protected:
  ~PodListener() = default;
};

inline constexpr std::int64_t kNoPriority = std::numeric_limits<std::int64_t>::max();

class ClusterState {
 public:
  // Pods that are bound already are not in `objects`: add them. Throws InputError if two nodes, claims or
  // volumes share a name.
  explicit ClusterState(Objects objects);
  ClusterState(const ClusterState&) = delete;
  ClusterState& operator=(const ClusterState&) = delete;

  // In the order in which the scheduler walks them: one node of each zone in turn, zones by first appearance.
  std::span<const NodeInfo> nodes() const { return nodes_; }
  const NodeInfo* find_node(std::string_view name) const;
  const Objects& objects() const { return objects_; }

  void assume(const PodRef& pod, std::uint32_t node);  // The pod is on the node from now on.
  void forget(const PodRef& pod, std::uint32_t node);
  void touch(std::uint32_t node) { changes_.touch(static_cast<NodeId>(node)); }  // It changed in another way.

  // A waiting pod counts as a nominated pod on the node until it is withdrawn; again: moves it. In order of nomination.
  void nominate(const PodRef& pod, std::uint32_t node);
  void withdraw_nomination(std::uint32_t handle);
  std::span<const PodRef> nominated(std::uint32_t node) const;
  // Nodes with nominated pods, ascending.
  std::span<const std::uint32_t> nodes_with_nominated() const { return nominated_nodes_; }

  // Nodes by their last change, by index: a reader that keeps a cursor meets each changed node once.
  const ChangeLog& changes() const { return changes_; }
  // Hears of every pod that comes to (+1) or leaves (-1) a node, after the change, until it is removed.
  void add_listener(PodListener* listener) { listeners_.push_back(listener); }
  void remove_listener(PodListener* listener) { std::erase(listeners_, listener); }
  // The lowest priority of a pod on any node; kNoPriority without pods.
  std::int64_t lowest_priority() const { return priorities_.empty() ? kNoPriority : priorities_.begin()->first; }

  const StringMap* namespace_labels(std::string_view name) const;  // Null if unknown.
  const PersistentVolumeClaim* find_claim(std::string_view namespace_name, std::string_view name) const;
  const PersistentVolume* find_volume(std::string_view name) const;
  const StorageClass* find_storage_class(std::string_view name) const;
  const CsiDriver* find_csi_driver(std::string_view name) const;
  std::span<const PersistentVolume* const> volumes_of_class(std::string_view storage_class) const;
  bool claim_in_use(const std::string& claim_key) const;  // By any pod on a node.

  // The claim is bound to the volume from now on. The volume exists, or is a new one of `provisioned`.
  void bind_claim(const std::string& claim_key, const std::string& volume);
  void provision(PersistentVolume volume);

 private:
  void count_claims(const Pod& pod, int sign);

  Objects objects_;
  std::vector<NodeInfo> nodes_;
  std::vector<ImageStates> images_;
  std::map<std::string, std::uint32_t, std::less<>> node_by_name_;
  std::map<std::string, const Namespace*, std::less<>> namespaces_;
  std::map<std::string, std::unique_ptr<PersistentVolumeClaim>, std::less<>> claims_;  // By "namespace/name".
  std::map<std::string, std::unique_ptr<PersistentVolume>, std::less<>> volumes_;
  std::map<std::string, std::vector<const PersistentVolume*>, std::less<>> volumes_by_class_;
  std::map<std::string, const StorageClass*, std::less<>> storage_classes_;
  std::map<std::string, const CsiDriver*, std::less<>> csi_drivers_;
  std::map<std::string, int, std::less<>> claim_users_;
  std::map<std::uint32_t, std::vector<PodRef>> nominated_;  // By node.
  std::vector<std::uint32_t> nominated_nodes_;
  std::map<std::int32_t, std::size_t> priorities_;  // Pods on nodes, by priority.
  ChangeLog changes_;
  std::vector<PodListener*> listeners_;
};

// "name" → "name:latest" where neither tag nor digest is given.
std::string normalized_image_name(const std::string& image);

}  // namespace berth::kube

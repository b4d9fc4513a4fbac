// What the scheduler knows of the cluster while it decides: nodes with the pods on them, volumes and claims by name,
// and who is nominated where. Pods enter (assume) and leave (forget) one at a time; sums are kept, not recounted.
// Source: kube-scheduler's cache, snapshot and NodeInfo (pkg/scheduler/backend/cache, framework/types.go), v1.37.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sim/cluster/kube_objects.hpp"

namespace berth::kube {

// A pod (anti-)affinity term as it is matched: namespaces resolved to names and a selector for the rest.
struct AffinityTerm {
  std::vector<std::string> namespaces;
  LabelSelector namespace_selector;  // nothing: `namespaces` alone.
  LabelSelector selector;
  std::string topology_key;
  std::int32_t weight = 0;  // Of preferred terms.

  // `namespace_labels`: of the pod's namespace; null counts as no labels.
  bool matches(const Pod& pod, const StringMap* namespace_labels) const;
};

// A pod with what is derived from its spec alone; immutable, shared by everyone who refers to the pod. Deriving is the
// static half of the work: pods made from one template could share it.
struct PodInfo {
  explicit PodInfo(Pod source);

  Pod pod;
  Resource requests;                    // What it takes of a node.
  std::int64_t non_zero_milli_cpu = 0;  // The same for scoring, with defaults for containers that ask for nothing.
  std::int64_t non_zero_memory = 0;
  std::vector<AffinityTerm> required_affinity;
  std::vector<AffinityTerm> required_anti_affinity;
  std::vector<AffinityTerm> preferred_affinity;
  std::vector<AffinityTerm> preferred_anti_affinity;
  std::vector<ContainerPort> host_ports;  // Of containers and sidecars.

  bool has_affinity() const {
    return !required_affinity.empty() || !required_anti_affinity.empty() || !preferred_affinity.empty() ||
           !preferred_anti_affinity.empty();
  }
};
using PodInfoPtr = std::shared_ptr<const PodInfo>;

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
  std::vector<PodInfoPtr> pods;
  // Protocol, port, address. A set, as upstream: when one of two pods with the same port leaves, the port is free.
  std::set<std::tuple<std::string, std::int32_t, std::string>> used_ports;

  void add(const PodInfoPtr& pod);
  void remove(const Pod& pod);  // By uid; no-op if it is not here.
  const std::string& name() const { return node->name; }
  // The value of a label, or null.
  const std::string* label(std::string_view key) const { return node->labels.find(key); }
};

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

  void assume(const PodInfoPtr& pod, std::uint32_t node);  // The pod is on the node from now on.
  void forget(const Pod& pod, std::uint32_t node);

  // A waiting pod counts as a nominated pod on the node until it is withdrawn; again: moves it. In order of nomination.
  void nominate(const PodInfoPtr& pod, const std::string& node);
  void withdraw_nomination(const Pod& pod);
  std::span<const PodInfoPtr> nominated(std::string_view node) const;

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
  std::map<std::string, std::vector<PodInfoPtr>, std::less<>> nominated_;
};

// "name" → "name:latest" where neither tag nor digest is given.
std::string normalized_image_name(const std::string& image);

}  // namespace berth::kube

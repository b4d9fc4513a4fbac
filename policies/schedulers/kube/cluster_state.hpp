// What the scheduler knows of the cluster while it decides: nodes with the pods on them, volumes and claims by name,
// and who is nominated where. Pods enter (assume) and leave (forget) one at a time; sums are kept, not recounted. Nodes
// come and go, too: the list of them is made anew by settle(), at the beginning of a cycle, as upstream's snapshot is.
// Source: kube-scheduler's cache, snapshot and NodeInfo (pkg/scheduler/backend/cache, framework/types.go), v1.37.
#pragma once

#include <cstdint>
#include <deque>
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
#include "sim/cluster/catalog.hpp"
#include "sim/cluster/change_log.hpp"
#include "sim/cluster/kube_objects.hpp"

namespace berth::kube {

struct ImageState {
  std::int64_t size_bytes = 0;  // What the first of the nodes that hold it said.
  std::int64_t nodes = 0;       // How many nodes hold it.
};

// A node and the pods on it. A value: preemption tries on a copy.
struct NodeInfo {
  std::uint32_t index = 0;  // In ClusterState::nodes().
  std::uint32_t id = 0;     // Counts nodes as they joined, never used again.
  const Node* node = nullptr;
  const CsiNode* csi_node = nullptr;
  const std::vector<std::uint32_t>* images = nullptr;  // On this node, ascending: ClusterState::image().
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

  // ---- nodes come, go and change
  // Joins: behind the others of its zone, once settled. Returns its index until then: it is there already, at the end.
  // Throws InputError if a node has its name.
  std::uint32_t add_node(Node node);
  // It must hold no pods; nominations to it are void. Until settle() its place in nodes() stays and means nothing.
  void remove_node(std::uint32_t node);
  // Its labels, taints, cordon or allocatable are others now. Name and images stay. Its place in the list stays until
  // the list is made anew, even if its zone is another one (as upstream).
  void set_node(std::uint32_t node, Node object);
  // The node lists the image from now on, or no longer. `image` by image_id(). O(images of the node).
  void set_image(std::uint32_t node, std::uint32_t image, std::int64_t size_bytes, bool present);
  // Takes joined and left nodes into the list: indexes are others then, and true is returned. Nobody may decide before.
  // O(nodes) if nodes joined or left.
  bool settle();
  bool settled() const { return !unsettled_; }
  // As if a node had joined: for a look between cycles, which must not fix the list that the next cycle finds.
  void unsettle() { unsettled_ = true; }
  // Moves on whenever what was worked out from nodes' objects or from objects() is void; not for images.
  std::uint64_t layout() const { return layout_; }

  // Image names, tags and digests as given, by number in order of first sight.
  std::uint32_t image_id(std::string_view name) { return image_names_.intern(name); }
  const Names& image_names() const { return image_names_; }
  // Of a number that may be new.
  ImageState image(std::uint32_t id) const { return id < images_.size() ? images_[id] : ImageState{}; }

  // Everything but nodes, claims and volumes is replaced.
  void set_objects(Objects objects);
  void set_budgets(std::vector<PodDisruptionBudget> budgets) { objects_.budgets = std::move(budgets); }
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

  // The claim is bound to the volume from now on, whatever was kept for it. Both exist.
  void bind_claim(const std::string& claim_key, const std::string& volume);
  void provision(PersistentVolume volume);
  // Claims by "namespace/name". One that is there already is replaced.
  void add_claim(PersistentVolumeClaim claim);
  void remove_claim(const std::string& claim_key);  // No-op for an unknown one.
  void remove_volume(const std::string& name);      // Likewise.
  // The volume is kept for the claim, which is not bound to it yet; or the claim waits for one to be made on the node.
  void assume_volume(const std::string& claim_key, const std::string& volume);
  void select_node(const std::string& claim_key, std::uint32_t node);

 private:
  // What a node is, at a place that stays.
  struct Row {
    Node node;
    std::vector<std::uint32_t> images;
    std::uint32_t index = 0;
  };
  struct Zone {
    std::string key;
    std::vector<std::uint32_t> ids;
  };
  void count_claims(const Pod& pod, int sign);
  void enter_zone(std::uint32_t id);
  void leave_zone(std::uint32_t id);
  void drop_image(std::uint32_t image);
  void index_objects();

  Objects objects_;
  std::vector<NodeInfo> nodes_;
  std::deque<Row> rows_;     // By id.
  std::vector<Zone> zones_;  // By first appearance; never empty ones.
  bool unsettled_ = false;
  std::uint64_t layout_ = 0;
  Names image_names_;
  std::vector<ImageState> images_;                                // By number.
  std::map<std::string, std::uint32_t, std::less<>> id_by_name_;  // Of nodes.
  std::map<std::string, const CsiNode*, std::less<>> csi_nodes_;
  std::map<std::string, const Namespace*, std::less<>> namespaces_;
  std::map<std::string, std::unique_ptr<PersistentVolumeClaim>, std::less<>> claims_;  // By "namespace/name".
  std::map<std::string, std::unique_ptr<PersistentVolume>, std::less<>> volumes_;
  std::map<std::string, std::vector<const PersistentVolume*>, std::less<>> volumes_by_class_;
  std::map<std::string, const StorageClass*, std::less<>> storage_classes_;
  std::map<std::string, const CsiDriver*, std::less<>> csi_drivers_;
  std::map<std::string, int, std::less<>> claim_users_;
  std::map<std::string, std::string, std::less<>> assumed_;  // Claims to the volumes that are kept for them.
  std::map<std::uint32_t, std::vector<PodRef>> nominated_;   // By node.
  std::vector<std::uint32_t> nominated_nodes_;
  std::map<std::int32_t, std::size_t> priorities_;  // Pods on nodes, by priority.
  ChangeLog changes_;
  std::vector<PodListener*> listeners_;
};

// "name" → "name:latest" where neither tag nor digest is given.
std::string normalized_image_name(const std::string& image);

}  // namespace berth::kube

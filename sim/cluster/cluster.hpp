// The state of the cluster: nodes and pods as columns, with indexes that each change keeps up to date. Everybody may
// read it; only Actions and the simulation's event handlers change it, through the few verbs at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/change_log.hpp"
#include "sim/cluster/pending_queue.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

namespace kube {
struct Objects;
struct PersistentVolume;
struct PersistentVolumeClaim;
struct PodDisruptionBudget;
}  // namespace kube

// A bit per GPU of one node.
using GpuMask = std::uint16_t;
static_assert(kMaxGpusPerNode <= 16);

enum class PodPhase : std::uint8_t {
  kFree,       // The row holds no pod.
  kPending,    // Waits in the queue.
  kBinding,    // Its room is assumed; the scheduler's decision time runs.
  kScheduled,  // Bound; its start delay runs.
  kRunning,
};

// One value per node, indexed by NodeId. Free = allocatable minus what bound pods request.
struct NodeColumns {
  std::vector<std::int64_t> cpu_free_milli, cpu_capacity_milli;
  std::vector<std::int64_t> memory_free_bytes, memory_capacity_bytes;
  std::vector<std::int64_t> storage_free_bytes, storage_capacity_bytes;  // Ephemeral storage.
  std::vector<std::int32_t> pods_free, pods_capacity;
  std::vector<std::uint8_t> schedulable;  // 0 = cordoned.
  std::vector<std::uint8_t> gpu_count;
  std::vector<GpuModelId> gpu_model;
  std::vector<std::int32_t> gpu_free_milli;      // Sum over the node's GPUs.
  std::vector<std::uint8_t> gpu_idle;            // GPUs that are wholly free.
  std::vector<std::uint16_t> gpu_largest_milli;  // Free share of the emptiest GPU; what decides whether a share fits.
  std::vector<std::uint16_t> gpu_device_milli;   // Free share of GPU i at [node * kMaxGpusPerNode + i].
  std::vector<std::int64_t> extended_free, extended_capacity;  // At [node * extended_stride + resource].
  std::size_t extended_stride = 0;
  std::size_t size() const { return cpu_free_milli.size(); }
};

// One value per pod row, indexed by PodId. Rows of pods that are gone are used again.
struct PodColumns {
  std::vector<TemplateId> pod_template;
  std::vector<NodeId> node;  // kNoNode while pending.
  std::vector<PodPhase> phase;
  std::vector<GpuMask> gpus;
  std::vector<std::uint8_t> terminating;  // Told to go; holds its node until its kubelet is done.
  std::vector<std::uint32_t> generation;  // Moves on when the pod is evicted or gone: events of before are stale.
  std::vector<std::uint32_t> ordinal;     // The journal's number: counts pods by creation, never used again.
  std::vector<std::uint32_t> row;         // In the source.
  std::vector<Duration> run_time;
  std::vector<Duration> start_delay;
  std::vector<PodId> next_on_node, previous_on_node;
  std::size_t size() const { return phase.size(); }
};

// An image that a node's status lists, by one of its names.
struct HeldImage {
  std::uint32_t image = 0;  // Cluster::image_name().
  std::int64_t size_bytes = 0;
};

// Told of changes as they happen, before whoever caused them goes on. For policies that keep a picture of their own.
class ClusterListener {
 public:
  virtual void pod_waits(PodId pod) = 0;  // Created, or evicted.
  virtual void pod_assumed(PodId pod, NodeId node) = 0;
  virtual void pod_left(PodId pod, NodeId node) = 0;  // Gone or evicted; `node` is kNoNode if it was waiting.
  virtual void node_changed(NodeId node) = 0;         // Cordoned or uncordoned.

  virtual void pod_terminates(PodId) {}  // Told to go, and still on its node.
  virtual void node_joined(NodeId) {}
  virtual void node_left(NodeId) {}            // Its row is a tombstone already.
  virtual void node_object_changed(NodeId) {}  // Its labels, taints or cordon: Cluster::node_object().
  virtual void node_image_changed(NodeId, const HeldImage&, bool /*present*/) {}
  virtual void objects_changed() {}
  virtual void budgets_changed(const std::vector<kube::PodDisruptionBudget>&) {}
  virtual void claim_added(const kube::PersistentVolumeClaim&) {}
  virtual void claim_removed(const std::string& /*key*/) {}
  virtual void claim_bound(const std::string& /*key*/, const std::string& /*volume*/) {}
  virtual void volume_added(const kube::PersistentVolume&) {}
  virtual void volume_removed(const std::string& /*name*/) {}

 protected:
  ~ClusterListener() = default;
};

class Cluster {
 public:
  // Takes a copy of the catalog: streams intern further templates as they read.
  explicit Cluster(Catalog catalog) : catalog_(std::move(catalog)) {}

  Catalog& catalog() { return catalog_; }
  const Catalog& catalog() const { return catalog_; }
  const NodeColumns& nodes() const { return nodes_; }
  const PodColumns& pods() const { return pods_; }
  const PendingQueue& pending() const { return pending_; }
  const ChangeLog& changes() const { return changes_; }
  const NodeSpec& node_spec(NodeId node) const { return specs_[index(node)]; }
  std::span<const NodeSpec> node_specs() const { return specs_; }
  // False for a node that was removed. Its row stays and fits nothing; its number is never used again.
  bool node_exists(NodeId node) const { return index(node) < exists_.size() && exists_[index(node)] != 0; }
  std::size_t nodes_existing() const { return existing_; }
  // The node as the API server has it: NodeSpec::node, or else one with the spec's name and labels. `unschedulable` is
  // in step with the cordon. Never null. O(1) once made.
  const std::shared_ptr<const kube::Node>& node_object(NodeId node) const;
  // The images that the node's status lists, by number. Names are as reported: "docker.io/library/nginx:1.27".
  std::span<const HeldImage> node_images(NodeId node) const { return images_[index(node)]; }
  const std::string& image_name(std::uint32_t image) const { return image_names_[image]; }
  // What there is besides nodes and pods; null: nothing. Claims and volumes as they were when it was set.
  const std::shared_ptr<const kube::Objects>& objects() const { return objects_; }

  const PodTemplate& pod_template(PodId pod) const { return catalog_[pods_.pod_template[index(pod)]]; }
  const Resources& request(PodId pod) const { return pod_template(pod).request; }
  // Free milli of each GPU of the node.
  std::span<const std::uint16_t> gpus(NodeId node) const {
    return {nodes_.gpu_device_milli.data() + index(node) * kMaxGpusPerNode, nodes_.gpu_count[index(node)]};
  }
  PodId first_on_node(NodeId node) const { return first_on_node_[index(node)]; }
  std::size_t pods_created() const { return created_; }
  std::size_t pods_bound() const { return bound_; }

  // Whether a pod of template `t` would fit on the node now: admits(), resources and GPUs. O(1) plus extended resources
  // and, for templates with a whole pod, its selectors.
  bool fits(const PodTemplate& t, NodeId node) const {
    const std::size_t n = index(node);
    if (nodes_.cpu_free_milli[n] < t.request.cpu_milli || nodes_.memory_free_bytes[n] < t.request.memory_bytes ||
        nodes_.pods_free[n] < 1 || nodes_.storage_free_bytes[n] < t.request.ephemeral_storage_bytes) {
      return false;
    }
    return admits(t, node) && (t.gpu.count == 0 || gpu_fits(t.gpu, n)) && (t.extended.empty() || extended_fits(t, n));
  }
  // Whether the node takes such pods at all, whatever is on it: no cordon and no NoSchedule or NoExecute taint that the
  // pod does not tolerate, the pod's nodeSelector, required node affinity and nodeName; and no gate holds the pod.
  bool admits(const PodTemplate& t, NodeId node) const {
    return (restricted_[index(node)] == 0 && t.pod == nullptr) || object_refusal(t, index(node)) == nullptr;
  }
  // Why a pod of the template does not fit on the node, in kube-scheduler's words; empty if it does.
  std::vector<std::string> refusals(const PodTemplate& t, NodeId node) const;

  // The GPUs that the rule takes if the policy names none: the lowest free ones for whole GPUs, for a share the GPU
  // with the least free that still fits, lowest index on ties. 0 if the pod wants none. The node must fit.
  GpuMask default_gpus(const GpuRequest& want, NodeId node) const;
  // Whether `gpus` of the node hold exactly what `want` asks for, and have it free.
  bool gpus_fit(const GpuRequest& want, NodeId node, GpuMask gpus) const;

  // Null: nobody. It must outlive the cluster's use.
  void set_listener(ClusterListener* listener) { listener_ = listener; }

  // ---- verbs, for Actions and event handlers only ------------------------------------------------------------------
  // At any time. Throws InputError on a bad spec (negative amounts, GPUs without a model).
  NodeId add_node(const NodeSpec& spec);
  // No pod may be on it.
  void remove_node(NodeId node);
  // Labels, taints, cordon of the node changed; name and allocatable must stay. NodeSpec::labels follow.
  void set_node_object(NodeId node, std::shared_ptr<const kube::Node> object);
  // The node's status lists the image from now on, or no longer. `image` is intern_image() of one of its names.
  // O(images of the node).
  void set_node_image(NodeId node, HeldImage image, bool present);
  std::uint32_t intern_image(std::string_view name) { return image_names_.intern(name); }
  // Namespaces, services, workloads, budgets, classes, CSI objects; in the first call, before Policy::prepare(), also
  // claims and volumes. Later these go by the verbs below alone.
  void set_objects(std::shared_ptr<const kube::Objects> objects);
  // Disruption budgets alone, whose status changes often. Only the listener keeps them.
  void set_budgets(const std::vector<kube::PodDisruptionBudget>& budgets);
  // Claims ("namespace/name") and volumes come, go and are bound: told to the listener, and not kept here.
  void claim_added(const kube::PersistentVolumeClaim& claim);
  void claim_removed(const std::string& key);
  void claim_bound(const std::string& key, const std::string& volume);
  void volume_added(const kube::PersistentVolume& volume);
  void volume_removed(const std::string& name);
  PodId create_pod(TemplateId t, Duration run_time, Duration start_delay, std::uint32_t row);
  // Pending → Binding: takes the room. The node must fit and `gpus` must pass gpus_fit().
  void assume(PodId pod, NodeId node, GpuMask gpus);
  void set_phase(PodId pod, PodPhase phase);  // Binding → Scheduled → Running.
  void requeue(PodId pod);          // Gives the room back; the pod waits again, behind the others of its priority.
  void remove(PodId pod);           // Gives room or place in the queue back and frees the row.
  void set_terminating(PodId pod);  // A bound pod is told to go: deletionTimestamp. Until requeue() or remove().
  void set_schedulable(NodeId node, bool schedulable);

  // Recounts every index from the pods alone; "" if all agree, else the first difference. O(nodes + pods). For tests.
  std::string verify() const;

 private:
  bool gpu_fits(const GpuRequest& gpu, std::size_t n) const {
    return (gpu.models == 0 ? nodes_.gpu_count[n] > 0 : ((gpu.models >> model_bit(n)) & 1) != 0) &&
           (gpu.milli == kMilliPerGpu ? nodes_.gpu_idle[n] >= gpu.count : nodes_.gpu_largest_milli[n] >= gpu.milli);
  }
  // Nodes without GPUs have model 0xFF: bit 63 is asked, and then gpu_idle and gpu_largest_milli are 0 anyway.
  unsigned model_bit(std::size_t n) const { return static_cast<unsigned>(nodes_.gpu_model[n]) & 63; }
  bool extended_fits(const PodTemplate& t, std::size_t n) const;
  const char* object_refusal(const PodTemplate& t, std::size_t n) const;  // Null: admitted.
  void object_changed(std::size_t n);
  void take(PodId pod, NodeId node, GpuMask gpus);
  void give_back(PodId pod);
  void refresh_gpus(std::size_t n);

  Catalog catalog_;
  NodeColumns nodes_;
  PodColumns pods_;
  std::vector<NodeSpec> specs_;
  std::vector<std::uint8_t> exists_;
  std::vector<std::uint8_t> restricted_;  // Not every pod may go there: cordoned, tainted or gone.
  mutable std::vector<std::shared_ptr<const kube::Node>> made_objects_;  // Of nodes without NodeSpec::node, once asked.
  std::vector<std::vector<HeldImage>> images_;                           // Sorted by image.
  Names image_names_;
  std::shared_ptr<const kube::Objects> objects_;
  std::size_t existing_ = 0;
  std::vector<PodId> first_on_node_;
  std::vector<PodId> free_rows_;
  PendingQueue pending_;
  ChangeLog changes_;
  std::uint32_t created_ = 0;
  std::size_t bound_ = 0;  // Pods that hold room on a node.
  ClusterListener* listener_ = nullptr;
};

}  // namespace berth

// The API objects that kube-scheduler looks at, as plain typed values: what decides where a pod may go, and nothing
// else. No JSON here (workloads/kube_json.hpp) and no scheduling (policies/schedulers/kube). Names are the API's own.
// Source: the core/v1, policy/v1, storage.k8s.io/v1 and scheduling.k8s.io/v1 types of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::kube {

// Labels, annotations, nodeSelector: sorted by key, keys unique. Lookups are binary searches.
class StringMap {
 public:
  StringMap() = default;
  // Sorts; of equal keys the last one counts, as in a JSON object.
  explicit StringMap(std::vector<std::pair<std::string, std::string>> items);

  const std::string* find(std::string_view key) const;  // Null if absent; valid while the map is unchanged.
  void set(std::string_view key, std::string_view value);
  bool has_all(const StringMap& wanted) const;  // As nodeSelectors and Services' selectors match; `{}` matches all.
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  friend bool operator==(const StringMap&, const StringMap&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// --- Quantities -----------------------------------------------------------------------------------------------------

// Sums and products as Go has them: wrapping, so that absurd amounts ("8Ei" twice) come out as they do in
// kube-scheduler.
constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_sub(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_mul(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

// An exact amount in thousand-millionths (the finest that resource.Quantity keeps), so that sums over containers are
// rounded once, at the end, as in Kubernetes.
struct Quantity {
  __extension__ typedef __int128 Nano;
  Nano nano = 0;

  std::int64_t value() const;        // Rounded up to a whole number; saturates at ±(2^63-1).
  std::int64_t milli_value() const;  // Rounded up to thousandths.
  friend Quantity operator+(Quantity a, Quantity b) { return {a.nano + b.nano}; }
  friend bool operator==(Quantity a, Quantity b) { return a.nano == b.nano; }
  friend bool operator<(Quantity a, Quantity b) { return a.nano < b.nano; }
};

// Throws InputError naming `what` if `text` is no quantity, is negative or does not fit; `resource` picks the wording.
// Exact below 9e9; a larger value keeps at least the precision of its own thousandth (below 9e15) or whole number.
Quantity parse_resource_quantity(std::string_view text, std::string_view resource, std::string_view what);

// Requests, limits, capacity, overhead: by resource name, sorted, unique.
class ResourceList {
 public:
  const Quantity* find(std::string_view name) const;  // Null if absent: an explicit 0 is not the same.
  void set(std::string_view name, Quantity amount);
  void add(const ResourceList& other);       // Sum per name.
  void raise_to(const ResourceList& other);  // Maximum per name.
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<std::pair<std::string, Quantity>> items_;
};

// What the scheduler counts: whole millicores, bytes and counts. `scalar` holds extended resources, huge pages and
// attachable volumes, sorted by name; other names (such as "storage") do not count.
struct Resource {
  std::int64_t milli_cpu = 0;
  std::int64_t memory = 0;
  std::int64_t ephemeral_storage = 0;
  std::int64_t allowed_pods = 0;
  std::vector<std::pair<std::string, std::int64_t>> scalar;

  const std::int64_t* find_scalar(std::string_view name) const;
  std::int64_t scalar_or_zero(std::string_view name) const;
  // sign +1 or -1. A name stays once it has been seen, at 0 if need be.
  void add(const Resource& other, int sign);
};
Resource to_resource(const ResourceList& list);  // Each amount rounded up.

bool is_extended_resource_name(std::string_view name);  // "nvidia.com/gpu": a domain that is not kubernetes.io.
bool is_scalar_resource_name(std::string_view name);    // Extended, huge pages, kubernetes.io/…, attachable volumes.

// --- Selectors ------------------------------------------------------------------------------------------------------

enum class SelectorOperator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist, kGt, kLt };

struct Requirement {
  std::string key;
  SelectorOperator op = SelectorOperator::kIn;
  std::vector<std::string> values;
};
// Kubernetes' labels.Requirement: NotIn and DoesNotExist hold for a missing key; Gt and Lt compare whole numbers.
bool matches(const Requirement& requirement, const StringMap& labels);

// All requirements hold. `nothing` stands for an absent selector, which matches nothing; empty() (`{}`) matches all.
struct LabelSelector {
  bool nothing = true;
  std::vector<Requirement> requirements;  // matchLabels first, as In with one value.

  bool empty() const { return !nothing && requirements.empty(); }
  bool matches(const StringMap& labels) const;
  static LabelSelector everything() { return {.nothing = false, .requirements = {}}; }
};

struct NodeSelectorTerm {
  std::vector<Requirement> match_expressions;
  std::vector<Requirement> match_fields;  // metadata.name alone.
  bool empty() const { return match_expressions.empty() && match_fields.empty(); }
};
struct PreferredSchedulingTerm {
  std::int32_t weight = 0;
  NodeSelectorTerm preference;
};
// All of the term's expressions and fields hold; an empty term matches nothing. `name` is the node's, empty if unknown.
bool matches(const NodeSelectorTerm& term, const StringMap& labels, std::string_view name);
// Any term does. No terms: matches nothing.
bool matches(const std::vector<NodeSelectorTerm>& terms, const StringMap& labels, std::string_view name);

// --- Taints ---------------------------------------------------------------------------------------------------------

enum class TaintEffect : std::uint8_t { kAny, kNoSchedule, kPreferNoSchedule, kNoExecute };  // kAny: tolerations only.
struct Taint {
  std::string key;
  std::string value;
  TaintEffect effect = TaintEffect::kNoSchedule;
};
struct Toleration {
  enum class Operator : std::uint8_t { kEqual, kExists, kLt, kGt };
  std::string key;  // Empty: every key.
  Operator op = Operator::kEqual;
  std::string value;
  TaintEffect effect = TaintEffect::kAny;
  std::optional<std::int64_t> seconds = std::nullopt;  // tolerationSeconds: how long a NoExecute taint is borne.
};
bool tolerates(const Toleration& toleration, const Taint& taint);
bool tolerated(const std::vector<Toleration>& tolerations, const Taint& taint);
// No NoSchedule or NoExecute taint is left untolerated.
bool tolerates_scheduling(const std::vector<Toleration>& tolerations, const std::vector<Taint>& taints);

// --- Pods -----------------------------------------------------------------------------------------------------------

struct ContainerPort {
  std::int32_t host_port = 0;  // 0: none.
  std::string host_ip;         // Empty: every address.
  std::string protocol;        // TCP, UDP, SCTP.
};
struct Container {
  std::string name;
  std::string image;
  ResourceList requests;  // With the defaults from limits.
  ResourceList limits;
  std::vector<ContainerPort> ports;
  bool restart_always = false;  // An init container that keeps running: a sidecar.
};

struct PodAffinityTerm {
  LabelSelector selector;  // (mis)matchLabelKeys merged in.
  std::vector<std::string> namespaces;
  std::optional<LabelSelector> namespace_selector;
  std::string topology_key;
};
struct WeightedPodAffinityTerm {
  std::int32_t weight = 0;
  PodAffinityTerm term;
};

struct TopologySpreadConstraint {
  std::int32_t max_skew = 1;
  std::string topology_key;
  bool schedule_anyway = false;  // whenUnsatisfiable.
  LabelSelector selector;        // matchLabelKeys merged in.
  std::int32_t min_domains = 1;
  bool honor_node_affinity = true;
  bool honor_node_taints = false;
};

struct Volume {
  enum class Kind : std::uint8_t {
    kOther,
    kClaim,
    kEphemeral,
    kGcePersistentDisk,
    kAwsElasticBlockStore,
    kIscsi,
    kRbd,
    kImage
  };
  Kind kind = Kind::kOther;
  std::string name;
  std::string source;  // Claim, disk name, volume id, IQN, "pool/image" or image reference, as `kind` says.
  std::vector<std::string> monitors;  // RBD.
  bool read_only = false;
};

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
};

struct Pod {
  std::string namespace_name;
  std::string name;
  std::string uid;  // "namespace/name" where the source has none.
  StringMap labels;
  std::optional<OwnerReference> controller;
  bool deleting = false;                 // deletionTimestamp is set.
  bool disrupted_by_preemption = false;  // Condition DisruptionTarget, reason PreemptionByScheduler.

  std::string node_name;  // Empty: to be scheduled.
  StringMap node_selector;
  bool has_node_affinity_terms = false;  // requiredDuringSchedulingIgnoredDuringExecution is there, even if empty.
  std::vector<NodeSelectorTerm> required_node_terms;
  std::vector<PreferredSchedulingTerm> preferred_node_terms;
  std::vector<PodAffinityTerm> required_affinity;
  std::vector<PodAffinityTerm> required_anti_affinity;
  std::vector<WeightedPodAffinityTerm> preferred_affinity;
  std::vector<WeightedPodAffinityTerm> preferred_anti_affinity;
  std::vector<Toleration> tolerations;
  std::vector<TopologySpreadConstraint> spread_constraints;
  std::vector<Container> containers;
  std::vector<Container> init_containers;
  ResourceList overhead;
  ResourceList pod_requests;  // spec.resources.requests, limits already put in.
  bool has_pod_requests = false;
  std::vector<Volume> volumes;
  std::vector<std::string> scheduling_gates;
  std::string scheduler_name = "default-scheduler";
  std::string priority_class_name;
  std::optional<std::int32_t> given_priority;  // spec.priority as submitted.
  std::int32_t priority = 0;                   // Resolved: resolve_priority().
  bool never_preempts = false;                 // preemptionPolicy Never.
  bool has_preemption_policy = false;

  std::string phase;
  std::string nominated_node_name;
  std::optional<std::int64_t> start_time_s;  // Seconds since 1970-01-01T00:00:00Z.

  std::string key() const { return namespace_name + "/" + name; }
};

// Which claim a volume refers to: its own for kClaim, "<pod>-<volume>" for a generic ephemeral one, else empty.
std::string claim_name(const Pod& pod, const Volume& volume);

// How a request is counted. Source: component-helpers/resource, PodRequests.
struct RequestOptions {
  bool pod_level = true;  // spec.resources.requests of cpu, memory and huge pages replace the containers' total.
  const ResourceList* fill = nullptr;  // Put in for each container that lacks the resource; an explicit 0 stays 0.
};
// max(containers + sidecars, each init container + the sidecars before it), pod-level requests, overhead. Exact.
ResourceList pod_requests(const Pod& pod, const RequestOptions& options);
// 100m cpu and 200 MiB memory: what scoring puts in for containers that ask for nothing.
const ResourceList& default_requests();

// --- Everything else ------------------------------------------------------------------------------------------------

struct NodeImage {
  std::vector<std::string> names;
  std::int64_t size_bytes = 0;
};
struct Node {
  std::string name;
  StringMap labels;
  bool unschedulable = false;
  std::vector<Taint> taints;
  ResourceList allocatable;
  std::vector<NodeImage> images;
};
// Pod's nodeSelector and required node affinity. Source: component-helpers/scheduling/corev1/nodeaffinity.
bool matches_required_node_affinity(const Pod& pod, const Node& node);
struct Namespace {
  std::string name;
  StringMap labels;
};
struct PriorityClass {
  std::string name;
  std::int32_t value = 0;
  bool global_default = false;
  bool never_preempts = false;
};
struct PodDisruptionBudget {
  std::string namespace_name;
  std::string name;
  LabelSelector selector;
  std::int32_t disruptions_allowed = 0;
  std::vector<std::string> disrupted_pods;  // Names.
};
struct Service {
  std::string namespace_name;
  std::string name;
  bool has_selector = false;
  StringMap selector;
};
// ReplicationController, ReplicaSet or StatefulSet: only what spreads their pods.
struct Workload {
  enum class Kind : std::uint8_t { kReplicationController, kReplicaSet, kStatefulSet };
  Kind kind = Kind::kReplicaSet;
  std::string namespace_name;
  std::string name;
  LabelSelector selector;
};
struct ClaimRef {
  std::string namespace_name;
  std::string name;
  std::string uid;  // Empty: any.
};
struct PersistentVolume {
  std::string name;
  StringMap labels;
  Quantity capacity;
  std::vector<std::string> access_modes;
  std::optional<ClaimRef> claim_ref;
  std::string csi_driver;  // Empty: no CSI volume.
  std::string csi_handle;
  std::string storage_class;
  std::string volume_mode = "Filesystem";
  bool has_node_affinity = false;
  std::vector<NodeSelectorTerm> node_affinity;
  bool available = false;  // status.phase Available.
  bool deleting = false;
};
struct PersistentVolumeClaim {
  std::string namespace_name;
  std::string name;
  std::string uid;
  std::string storage_class;
  std::string volume_name;
  std::string volume_mode = "Filesystem";
  std::vector<std::string> access_modes;
  std::optional<Quantity> request;  // Of storage.
  std::optional<LabelSelector> selector;
  std::string selected_node;  // Annotation volume.kubernetes.io/selected-node.
  bool bind_completed = false;
  bool lost = false;
  bool deleting = false;
  std::string key() const { return namespace_name + "/" + name; }
};
struct TopologySelectorTerm {
  std::vector<Requirement> match_label_expressions;  // All In.
};
struct StorageClass {
  std::string name;
  std::string provisioner;
  bool wait_for_first_consumer = false;
  std::vector<TopologySelectorTerm> allowed_topologies;
};
struct CsiNode {
  struct Driver {
    std::string name;
    std::optional<std::int64_t> count;  // allocatable.count
  };
  std::string name;
  std::vector<Driver> drivers;
};
struct CsiDriver {
  std::string name;
  bool storage_capacity = false;
  bool prevent_scheduling_if_missing = false;
};
struct CsiStorageCapacity {
  std::string storage_class;
  LabelSelector node_topology;
  std::optional<Quantity> capacity;
  std::optional<Quantity> maximum_volume_size;
};

// What is in a cluster besides its pods; constant during a replay but for volumes and claims.
struct Objects {
  std::vector<Node> nodes;
  std::vector<Namespace> namespaces;
  std::vector<PriorityClass> priority_classes;
  std::vector<PodDisruptionBudget> budgets;
  std::vector<Service> services;
  std::vector<Workload> workloads;
  std::vector<PersistentVolume> volumes;
  std::vector<PersistentVolumeClaim> claims;
  std::vector<StorageClass> storage_classes;
  std::vector<CsiNode> csi_nodes;
  std::vector<CsiDriver> csi_drivers;
  std::vector<CsiStorageCapacity> csi_capacities;
};

// The API server's priority admission: the named class (absent: the one with globalDefault, else 0) gives the priority
// and, unless the pod has its own, the preemption policy. A pod whose priority is already there keeps it. False if the
// named class does not exist; then nothing changes. The two system classes are always known.
bool resolve_priority(Pod& pod, const std::vector<PriorityClass>& classes);

}  // namespace berth::kube

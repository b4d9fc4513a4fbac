// What nodes and pods are made of, by name and by number: GPU models, extended resources, namespaces and pod
// templates. Each is interned once per run, so that the hot path compares integers and scores are cached per template.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace berth {

namespace kube {
struct Node;
namespace api {
struct Pod;
}
}  // namespace kube

enum class TemplateId : std::uint32_t {};
enum class NodeId : std::uint32_t {};
enum class PodId : std::uint32_t {};
enum class NamespaceId : std::uint32_t {};
enum class GpuModelId : std::uint8_t {};
enum class ExtendedId : std::uint16_t {};

inline constexpr NodeId kNoNode{0xFFFF'FFFF};
inline constexpr PodId kNoPod{0xFFFF'FFFF};
inline constexpr TemplateId kNoTemplate{0xFFFF'FFFF};
inline constexpr GpuModelId kNoGpuModel{0xFF};

template <class Id>
constexpr std::size_t index(Id id) {
  return static_cast<std::size_t>(id);
}

// Labels that kubelets and cloud providers put on nodes. Source: k8s.io/api/core/v1/well_known_labels.go.
inline constexpr const char* kHostnameLabel = "kubernetes.io/hostname";
inline constexpr const char* kZoneLabel = "topology.kubernetes.io/zone";

inline constexpr std::size_t kMaxGpusPerNode = 16;
inline constexpr std::size_t kMaxGpuModels = 64;
inline constexpr std::int64_t kMilliPerGpu = 1000;

// Node-level resources, as in `resources.requests` and `status.allocatable`. All >= 0.
struct Resources {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t ephemeral_storage_bytes = 0;
  friend bool operator==(const Resources&, const Resources&) = default;
};

// `count` GPUs of one node with `milli` thousandths of each. count 0: none. count 1 with milli < 1000 shares a GPU;
// otherwise milli is 1000 and whole free GPUs are taken. `models` is a bit set over GpuModelId; 0 = any model.
struct GpuRequest {
  std::uint16_t count = 0;
  std::uint16_t milli = 0;
  std::uint64_t models = 0;
  std::int64_t total_milli() const { return std::int64_t{count} * milli; }
  bool shares() const { return count == 1 && milli < kMilliPerGpu; }
  friend bool operator==(const GpuRequest&, const GpuRequest&) = default;
};

struct ExtendedAmount {
  ExtendedId resource{};
  std::int64_t amount = 0;
  friend bool operator==(const ExtendedAmount&, const ExtendedAmount&) = default;
};

struct Label {
  std::string key;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
};

// The scheduling-relevant part of a pod. Pods that agree in all of it share one TemplateId.
struct PodTemplate {
  Resources request;
  GpuRequest gpu;
  std::string gpu_spec;  // `gpu.models` as the source spells it ("T4|P100"); fgd's target mix tells spellings apart.
  std::vector<ExtendedAmount> extended;  // Sorted by resource, amounts > 0.
  std::int32_t priority = 0;
  NamespaceId namespace_id{};
  std::vector<Label> labels;  // Sorted by key; keys unique. QoS class, user and so on of a trace go here.
  // The whole pod, where there is one: what a manifest says, or a trace's pods with images. Compared by identity.
  std::shared_ptr<const kube::api::Pod> pod;
  friend bool operator==(const PodTemplate&, const PodTemplate&) = default;
};

// How often a template occurs in a workload.
struct TemplateCount {
  TemplateId pod_template{};
  std::uint64_t count = 0;
};

// What a node is when it joins. `gpu_count` <= kMaxGpusPerNode; `gpu_model` is kNoGpuModel if and only if it is 0.
struct NodeSpec {
  std::string name;
  Resources allocatable;
  std::int64_t pods = 110;  // Kubernetes' default `maxPods`.
  std::uint16_t gpu_count = 0;
  GpuModelId gpu_model = kNoGpuModel;
  std::vector<ExtendedAmount> extended;
  std::vector<Label> labels;
  std::shared_ptr<const kube::Node> node;  // The whole object, where a manifest gives one: taints, images.
};

// The value of the node's label `key`; empty if it has none. Valid while the labels are unchanged. O(labels).
std::string_view label_of(const NodeSpec& node, std::string_view key);

// Strings to dense numbers in order of first sight, and back. O(1) expected each way; names stay where they are.
class Names {
 public:
  std::uint32_t intern(std::string_view name);
  std::optional<std::uint32_t> find(std::string_view name) const;
  const std::string& operator[](std::uint32_t id) const { return names_[id]; }
  std::size_t size() const { return names_.size(); }
  Names() = default;
  Names(const Names& other) { *this = other; }
  Names& operator=(const Names& other);

 private:
  std::deque<std::string> names_;                            // Deque: the views below stay valid.
  std::unordered_map<std::string_view, std::uint32_t> ids_;  // Never iterated.
};

// Copyable: a workload that is read once hands a copy to each run.
class Catalog {
 public:
  Catalog();  // Knows the namespace "default" as number 0.

  // Throws InputError beyond kMaxGpuModels models.
  GpuModelId gpu_model(std::string_view name);
  const std::string& gpu_model_name(GpuModelId id) const { return gpu_models_[static_cast<std::uint32_t>(id)]; }
  std::size_t gpu_models() const { return gpu_models_.size(); }

  ExtendedId extended(std::string_view name) { return static_cast<ExtendedId>(extended_.intern(name)); }
  const std::string& extended_name(ExtendedId id) const { return extended_[static_cast<std::uint32_t>(id)]; }
  std::size_t extended_resources() const { return extended_.size(); }

  NamespaceId namespace_id(std::string_view name) { return static_cast<NamespaceId>(namespaces_.intern(name)); }
  const std::string& namespace_name(NamespaceId id) const { return namespaces_[static_cast<std::uint32_t>(id)]; }
  std::size_t namespaces() const { return namespaces_.size(); }

  // The number of this template, new or known. O(1) expected.
  TemplateId intern(const PodTemplate& pod_template);
  const PodTemplate& operator[](TemplateId id) const { return templates_[index(id)]; }
  std::size_t templates() const { return templates_.size(); }

 private:
  Names gpu_models_;
  Names extended_;
  Names namespaces_;
  std::deque<PodTemplate> templates_;  // Deque: references stay valid while a stream brings more.
  std::unordered_multimap<std::uint64_t, TemplateId> by_hash_;  // Never iterated in an order that matters.
};

}  // namespace berth

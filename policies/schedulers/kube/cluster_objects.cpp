#include "policies/schedulers/kube/cluster_objects.hpp"

#include <string>

#include "sim/cluster/pod_spec.hpp"

namespace berth::kube {
namespace {

constexpr const char* kGpuResource = "berth.dev/gpu-milli";

Quantity whole(std::int64_t amount) {
  return {Quantity::Nano{amount} * 1'000'000'000};
}
Quantity milli(std::int64_t amount) {
  return {Quantity::Nano{amount} * 1'000'000};
}

StringMap labels_of(const std::vector<Label>& labels) {
  std::vector<std::pair<std::string, std::string>> items;
  for (const Label& label : labels) items.emplace_back(label.key, label.value);
  return StringMap(std::move(items));
}

void set_resources(ResourceList& out, const Resources& r, const std::vector<ExtendedAmount>& extended,
                   std::int64_t gpu_milli, const Catalog& catalog) {
  out.set("cpu", milli(r.cpu_milli));
  out.set("memory", whole(r.memory_bytes));
  out.set("ephemeral-storage", whole(r.ephemeral_storage_bytes));
  for (const ExtendedAmount& e : extended) out.set(catalog.extended_name(e.resource), whole(e.amount));
  if (gpu_milli > 0) out.set(kGpuResource, whole(gpu_milli));
}

class DeviceFit final : public Plugin {
 public:
  DeviceFit(const Cluster& cluster, const std::vector<NodeId>& nodes, const std::vector<TemplateId>& templates)
      : Plugin("DeviceFit"), cluster_(cluster), nodes_(nodes), templates_(templates) {}
  Scope scope() const override { return Scope::kNode; }

  Status filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const override {
    if (admits(cycle, state, node) == Code::kSuccess) return {};
    return unschedulable("node(s) had no GPU that fits");
  }
  Code admits(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    const NodeId id = nodes_[node.index];
    const PodTemplate& t = cluster_.catalog()[templates_[static_cast<std::size_t>(cycle.pod.class_id)]];
    const bool fits = t.gpu.count == 0 ? cluster_.admits(t, id) : cluster_.fits(t, id);
    return fits ? Code::kSuccess : Code::kUnschedulable;
  }

 private:
  const Cluster& cluster_;
  const std::vector<NodeId>& nodes_;
  const std::vector<TemplateId>& templates_;
};

}  // namespace

Node node_of(const Cluster& cluster, NodeId id) {
  const NodeSpec& spec = cluster.node_spec(id);
  Node node;
  if (spec.node != nullptr) {
    node = *spec.node;
  } else {
    node.name = spec.name;
    node.labels = labels_of(spec.labels);
    if (node.labels.find(kHostnameLabel) == nullptr) node.labels.set(kHostnameLabel, spec.name);
    node.unschedulable = cluster.nodes().schedulable[index(id)] == 0;
  }
  set_resources(node.allocatable, spec.allocatable, spec.extended, std::int64_t{spec.gpu_count} * kMilliPerGpu,
                cluster.catalog());
  node.allocatable.set("pods", whole(spec.pods));
  node.images.clear();
  for (const HeldImage& held : cluster.node_images(id)) {
    node.images.push_back({{cluster.image_name(held.image)}, held.size_bytes});
  }
  return node;
}

Pod pod_of(const Catalog& catalog, TemplateId id) {
  const PodTemplate& source = catalog[id];
  const std::string name = "template-" + std::to_string(index(id));
  Pod made;
  if (source.pod != nullptr) {
    made = source.pod->scheduling;
    if (source.gpu.count > 0 && !made.containers.empty()) {
      made.containers.front().requests.set(kGpuResource, whole(source.gpu.total_milli()));
    }
  } else {
    made.labels = labels_of(source.labels);
    Container& container = made.containers.emplace_back();
    container.name = "main";
    set_resources(container.requests, source.request, source.extended, source.gpu.total_milli(), catalog);
  }
  if (source.pod == nullptr || source.gpu.count > 0) made.labels.set("berth.dev/template", name);
  if (made.namespace_name.empty()) made.namespace_name = catalog.namespace_name(source.namespace_id);
  if (made.name.empty()) made.name = name;
  if (made.uid.empty()) made.uid = made.name;
  made.priority = source.priority;
  return made;
}

std::unique_ptr<Plugin> make_device_fit(const Cluster& cluster, const std::vector<NodeId>& nodes,
                                        const std::vector<TemplateId>& templates) {
  return std::make_unique<DeviceFit>(cluster, nodes, templates);
}

}  // namespace berth::kube

#include "sim/manifest_cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/manifest/admission.hpp"

namespace berth {

namespace api = kube::api;

namespace {

constexpr std::string_view kOwn[] = {"cpu", "memory", "ephemeral-storage", "pods"};

Resources resources_of(const kube::ResourceList& list) {
  Resources out;
  if (const kube::Quantity* q = list.find("cpu")) out.cpu_milli = q->milli_value();
  if (const kube::Quantity* q = list.find("memory")) out.memory_bytes = q->value();
  if (const kube::Quantity* q = list.find("ephemeral-storage")) out.ephemeral_storage_bytes = q->value();
  return out;
}

std::vector<ExtendedAmount> extended_of(const kube::ResourceList& list, Catalog& catalog) {
  std::vector<ExtendedAmount> out;
  for (const auto& [name, amount] : list) {
    if (std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn)) continue;
    if (amount.value() > 0) out.push_back({catalog.extended(name), amount.value()});
  }
  std::ranges::sort(out, {}, &ExtendedAmount::resource);
  return out;
}

std::vector<Label> labels_of(const kube::StringMap& labels) {
  std::vector<Label> out;
  for (const auto& [key, value] : labels) out.push_back({key, value});
  return out;
}

}  // namespace

NodeSpec node_spec(const api::Node& node, Catalog& catalog) {
  auto object = std::make_shared<kube::Node>(node.scheduling);
  if (object->allocatable.empty()) object->allocatable = node.capacity;
  NodeSpec spec;
  spec.name = object->name;
  spec.allocatable = resources_of(object->allocatable);
  if (const kube::Quantity* pods = object->allocatable.find("pods")) spec.pods = pods->value();
  spec.extended = extended_of(object->allocatable, catalog);
  spec.labels = labels_of(object->labels);
  spec.node = std::move(object);
  return spec;
}

std::vector<NodeSpec> node_specs(const manifest::Manifests& manifests, Catalog& catalog) {
  std::vector<NodeSpec> out;
  manifests.each<api::Node>([&](const api::Node& node, const auto&) { out.push_back(node_spec(node, catalog)); });
  return out;
}

std::vector<NodeSpec> default_nodes(std::size_t count) {
  std::vector<NodeSpec> out;
  for (std::size_t i = 0; i < count; ++i) {
    NodeSpec& spec = out.emplace_back();
    spec.name = fmt::format("node-{}", i + 1);
    spec.allocatable = {4'000, std::int64_t{16} << 30, std::int64_t{100} << 30};
    spec.labels = {{"beta.kubernetes.io/arch", "amd64"},  // Kubelets set the older spellings still.
                   {"beta.kubernetes.io/os", "linux"},
                   {"kubernetes.io/arch", "amd64"},
                   {"kubernetes.io/hostname", spec.name},
                   {"kubernetes.io/os", "linux"},
                   {"topology.kubernetes.io/zone", std::string(1, static_cast<char>('a' + i % 3))}};
  }
  return out;
}

PodTemplate pod_template(std::shared_ptr<const api::Pod> pod, Catalog& catalog) {
  const kube::Pod& seen = pod->scheduling;
  const kube::ResourceList requests = kube::pod_requests(seen, {});
  PodTemplate out;
  out.request = resources_of(requests);
  out.extended = extended_of(requests, catalog);
  out.priority = seen.priority;
  out.namespace_id = catalog.namespace_id(seen.namespace_name);
  out.labels = labels_of(seen.labels);
  out.pod = std::move(pod);
  return out;
}

kube::Objects scheduling_objects(const manifest::Manifests& manifests) {
  kube::Objects out;
  const manifest::Admission admission(manifests);
  for (const manifest::ManifestObject& o : manifests.objects) {
    if (const auto* n = std::get_if<api::Namespace>(&o.object)) {
      out.namespaces.push_back({n->meta.name, n->meta.labels});
    } else if (const auto* s = std::get_if<api::Service>(&o.object)) {
      out.services.push_back({s->meta.namespace_name, s->meta.name, s->has_selector, s->selector});
    } else if (const auto* r = std::get_if<api::ReplicaSet>(&o.object)) {
      using Kind = kube::Workload::Kind;
      out.workloads.push_back({r->replication_controller ? Kind::kReplicationController : Kind::kReplicaSet,
                               r->meta.namespace_name, r->meta.name, r->selector});
    } else if (const auto* st = std::get_if<api::StatefulSet>(&o.object)) {
      out.workloads.push_back(
          {kube::Workload::Kind::kStatefulSet, st->meta.namespace_name, st->meta.name, st->selector});
    } else if (const auto* b = std::get_if<api::PodDisruptionBudget>(&o.object)) {
      out.budgets.push_back(
          {b->meta.namespace_name, b->meta.name, b->selector, b->disruptions_allowed, b->disrupted_pods});
    } else if (const auto* c = std::get_if<api::PriorityClass>(&o.object)) {
      out.priority_classes.push_back(c->scheduling);
    } else if (const auto* v = std::get_if<api::PersistentVolume>(&o.object)) {
      out.volumes.push_back(v->scheduling);
    } else if (const auto* p = std::get_if<api::PersistentVolumeClaim>(&o.object)) {
      api::PersistentVolumeClaim admitted = *p;
      (void)admission.admit(admitted);  // The default class; what it refuses `berth validate` tells.
      out.claims.push_back(std::move(admitted.scheduling));
    } else if (const auto* sc = std::get_if<api::StorageClass>(&o.object)) {
      out.storage_classes.push_back(sc->scheduling);
    } else if (const auto* cn = std::get_if<api::CsiNode>(&o.object)) {
      out.csi_nodes.push_back(cn->scheduling);
    } else if (const auto* cd = std::get_if<api::CsiDriver>(&o.object)) {
      out.csi_drivers.push_back(cd->scheduling);
    } else if (const auto* cc = std::get_if<api::CsiStorageCapacity>(&o.object)) {
      out.csi_capacities.push_back(cc->scheduling);
    }
  }
  return out;
}

}  // namespace berth

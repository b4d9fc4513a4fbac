#include "policies/schedulers/kube/cluster_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

template <class Map>
auto find_or_null(const Map& map, std::string_view key) -> decltype(&*map.begin()->second) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &*it->second;
}

AffinityTerm resolved(const PodAffinityTerm& term, const Pod& pod, std::int32_t weight) {
  AffinityTerm out{.namespaces = term.namespaces,
                   .namespace_selector = term.namespace_selector.value_or(LabelSelector{}),
                   .selector = term.selector,
                   .topology_key = term.topology_key,
                   .weight = weight};
  if (term.namespaces.empty() && !term.namespace_selector) out.namespaces.push_back(pod.namespace_name);
  return out;
}

std::string zone_key(const Node& node) {
  const auto label = [&node](const char* beta, const char* stable) -> std::string {
    const std::string* value = node.labels.find(beta);
    if (value == nullptr) value = node.labels.find(stable);
    return value == nullptr ? std::string() : *value;
  };
  const std::string region = label("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region");
  const std::string zone = label("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone");
  return region.empty() && zone.empty() ? std::string() : region + '\0' + zone;
}

// One node of each zone in turn. Source: nodeTree.list (pkg/scheduler/backend/cache/node_tree.go).
std::vector<const Node*> interleaved(const std::vector<Node>& nodes) {
  std::vector<std::vector<const Node*>> zones;
  std::map<std::string, std::size_t> zone_number;
  for (const Node& node : nodes) {
    const auto [it, fresh] = zone_number.emplace(zone_key(node), zones.size());
    if (fresh) zones.emplace_back();
    zones[it->second].push_back(&node);
  }
  std::vector<const Node*> order;
  for (std::size_t round = 0; order.size() < nodes.size(); ++round) {
    for (const auto& zone : zones) {
      if (round < zone.size()) order.push_back(zone[round]);
    }
  }
  return order;
}

}  // namespace

bool AffinityTerm::matches(const Pod& pod, const StringMap* namespace_labels) const {
  static const StringMap kNoLabels;
  const bool covers = std::find(namespaces.begin(), namespaces.end(), pod.namespace_name) != namespaces.end() ||
                      namespace_selector.matches(namespace_labels == nullptr ? kNoLabels : *namespace_labels);
  return covers && selector.matches(pod.labels);
}

PodInfo::PodInfo(Pod source) : pod(std::move(source)) {
  const ResourceList exact = pod_requests(pod, {});
  requests = to_resource(exact);
  // Pod-level requests: the defaults go in only for what the whole pod leaves out.
  ResourceList fill;
  for (const auto& [name, amount] : default_requests()) {
    const Quantity* given = exact.find(name);
    if (!pod.has_pod_requests || given == nullptr || *given == Quantity{}) fill.set(name, amount);
  }
  const Resource non_zero = to_resource(pod_requests(pod, {.fill = &fill}));
  non_zero_milli_cpu = non_zero.milli_cpu;
  non_zero_memory = non_zero.memory;

  for (const PodAffinityTerm& term : pod.required_affinity) required_affinity.push_back(resolved(term, pod, 0));
  for (const PodAffinityTerm& term : pod.required_anti_affinity)
    required_anti_affinity.push_back(resolved(term, pod, 0));
  for (const auto& term : pod.preferred_affinity) preferred_affinity.push_back(resolved(term.term, pod, term.weight));
  for (const auto& term : pod.preferred_anti_affinity)
    preferred_anti_affinity.push_back(resolved(term.term, pod, term.weight));

  const auto take_ports = [this](const Container& container) {
    for (const ContainerPort& port : container.ports) {
      if (port.host_port <= 0) continue;
      host_ports.push_back(port);
      if (port.host_ip.empty()) host_ports.back().host_ip = "0.0.0.0";
    }
  };
  for (const Container& container : pod.containers) take_ports(container);
  for (const Container& container : pod.init_containers) {
    if (container.restart_always) take_ports(container);
  }
}

void NodeInfo::add(const PodInfoPtr& pod) {
  requested.add(pod->requests, +1);
  non_zero_milli_cpu = wrapping_add(non_zero_milli_cpu, pod->non_zero_milli_cpu);
  non_zero_memory = wrapping_add(non_zero_memory, pod->non_zero_memory);
  for (const ContainerPort& port : pod->host_ports) used_ports.emplace(port.protocol, port.host_port, port.host_ip);
  pods.push_back(pod);
}

void NodeInfo::remove(const Pod& pod) {
  const auto it = std::find_if(pods.begin(), pods.end(), [&pod](const PodInfoPtr& p) { return p->pod.uid == pod.uid; });
  if (it == pods.end()) return;
  const PodInfo& gone = **it;
  requested.add(gone.requests, -1);
  non_zero_milli_cpu = wrapping_sub(non_zero_milli_cpu, gone.non_zero_milli_cpu);
  non_zero_memory = wrapping_sub(non_zero_memory, gone.non_zero_memory);
  for (const ContainerPort& port : gone.host_ports) used_ports.erase({port.protocol, port.host_port, port.host_ip});
  pods.erase(it);
}

ClusterState::ClusterState(Objects objects) : objects_(std::move(objects)) {
  std::map<std::string, const CsiNode*, std::less<>> csi_nodes;
  for (const CsiNode& csi_node : objects_.csi_nodes) csi_nodes.emplace(csi_node.name, &csi_node);

  // An image's size is what the first node that reports it says.
  ImageStates known;
  for (const Node& node : objects_.nodes) {
    std::set<std::string> here;
    for (const NodeImage& image : node.images) {
      for (const std::string& name : image.names) {
        ImageState& state = known.try_emplace(name, ImageState{image.size_bytes, 0}).first->second;
        if (here.insert(name).second) ++state.nodes;
      }
    }
  }

  const std::vector<const Node*> order = interleaved(objects_.nodes);
  nodes_.reserve(order.size());
  images_.resize(order.size());
  for (const Node* node : order) {
    const auto index = static_cast<std::uint32_t>(nodes_.size());
    if (!node_by_name_.emplace(node->name, index).second) {
      throw InputError(fmt::format("two nodes are named \"{}\"; expected each name once", node->name));
    }
    for (const NodeImage& image : node->images) {
      for (const std::string& name : image.names) images_[index].emplace(name, known.find(name)->second);
    }
    NodeInfo& info = nodes_.emplace_back();
    info.index = index;
    info.node = node;
    const auto csi = csi_nodes.find(node->name);
    info.csi_node = csi == csi_nodes.end() ? nullptr : csi->second;
    info.images = &images_[index];
    info.allocatable = to_resource(node->allocatable);
  }

  for (const Namespace& item : objects_.namespaces) namespaces_.emplace(item.name, &item);
  for (const StorageClass& item : objects_.storage_classes) storage_classes_.emplace(item.name, &item);
  for (const CsiDriver& item : objects_.csi_drivers) csi_drivers_.emplace(item.name, &item);
  for (PersistentVolumeClaim& item : objects_.claims) {
    std::string key = item.key();
    if (!claims_.emplace(key, std::make_unique<PersistentVolumeClaim>(std::move(item))).second) {
      throw InputError(fmt::format("two claims are named \"{}\"; expected each name once", key));
    }
  }
  for (PersistentVolume& item : objects_.volumes) {
    if (find_volume(item.name) != nullptr) {
      throw InputError(fmt::format("two volumes are named \"{}\"; expected each name once", item.name));
    }
    provision(std::move(item));
  }
  objects_.claims.clear();
  objects_.volumes.clear();
}

const NodeInfo* ClusterState::find_node(std::string_view name) const {
  const auto it = node_by_name_.find(name);
  return it == node_by_name_.end() ? nullptr : &nodes_[it->second];
}

void ClusterState::count_claims(const Pod& pod, int sign) {
  for (const Volume& volume : pod.volumes) {
    const std::string claim = claim_name(pod, volume);
    if (!claim.empty()) claim_users_[pod.namespace_name + "/" + claim] += sign;
  }
}

void ClusterState::assume(const PodInfoPtr& pod, std::uint32_t node) {
  BERTH_CHECK(node < nodes_.size());
  nodes_[node].add(pod);
  count_claims(pod->pod, +1);
}

void ClusterState::forget(const Pod& pod, std::uint32_t node) {
  BERTH_CHECK(node < nodes_.size());
  nodes_[node].remove(pod);
  count_claims(pod, -1);
}

void ClusterState::nominate(const PodInfoPtr& pod, const std::string& node) {
  withdraw_nomination(pod->pod);
  nominated_[node].push_back(pod);
}

void ClusterState::withdraw_nomination(const Pod& pod) {
  for (auto& [node, pods] : nominated_) {
    std::erase_if(pods, [&pod](const PodInfoPtr& p) { return p->pod.uid == pod.uid; });
  }
}

std::span<const PodInfoPtr> ClusterState::nominated(std::string_view node) const {
  const auto it = nominated_.find(node);
  return it == nominated_.end() ? std::span<const PodInfoPtr>() : std::span<const PodInfoPtr>(it->second);
}

const StringMap* ClusterState::namespace_labels(std::string_view name) const {
  const Namespace* found = find_or_null(namespaces_, name);
  return found == nullptr ? nullptr : &found->labels;
}
const PersistentVolumeClaim* ClusterState::find_claim(std::string_view namespace_name, std::string_view name) const {
  return find_or_null(claims_, fmt::format("{}/{}", namespace_name, name));
}
const PersistentVolume* ClusterState::find_volume(std::string_view name) const {
  return find_or_null(volumes_, name);
}
const StorageClass* ClusterState::find_storage_class(std::string_view name) const {
  return find_or_null(storage_classes_, name);
}
const CsiDriver* ClusterState::find_csi_driver(std::string_view name) const {
  return find_or_null(csi_drivers_, name);
}

std::span<const PersistentVolume* const> ClusterState::volumes_of_class(std::string_view storage_class) const {
  const auto it = volumes_by_class_.find(storage_class);
  return it == volumes_by_class_.end() ? std::span<const PersistentVolume* const>()
                                       : std::span<const PersistentVolume* const>(it->second);
}

bool ClusterState::claim_in_use(const std::string& claim_key) const {
  const auto it = claim_users_.find(claim_key);
  return it != claim_users_.end() && it->second > 0;
}

void ClusterState::bind_claim(const std::string& claim_key, const std::string& volume) {
  const auto claim = claims_.find(claim_key);
  const auto found = volumes_.find(volume);
  BERTH_CHECK(claim != claims_.end() && found != volumes_.end());
  claim->second->volume_name = volume;
  claim->second->bind_completed = true;
  found->second->claim_ref = ClaimRef{claim->second->namespace_name, claim->second->name, claim->second->uid};
  found->second->available = false;
}

void ClusterState::provision(PersistentVolume volume) {
  std::string name = volume.name;
  auto owned = std::make_unique<PersistentVolume>(std::move(volume));
  volumes_by_class_[owned->storage_class].push_back(owned.get());
  const bool fresh = volumes_.emplace(std::move(name), std::move(owned)).second;
  BERTH_CHECK(fresh);
}

std::string normalized_image_name(const std::string& image) {
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  const auto at = [](std::string::size_type p) { return p == std::string::npos ? -1 : static_cast<std::int64_t>(p); };
  return at(colon) <= at(slash) ? image + ":latest" : image;
}

}  // namespace berth::kube

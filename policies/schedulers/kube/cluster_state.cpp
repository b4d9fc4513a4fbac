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

void NodeInfo::add(const PodRef& pod) {
  requested.add(pod->requests, +1);
  non_zero_milli_cpu = wrapping_add(non_zero_milli_cpu, pod->non_zero_milli_cpu);
  non_zero_memory = wrapping_add(non_zero_memory, pod->non_zero_memory);
  for (const ContainerPort& port : pod->host_ports) used_ports.emplace(port.protocol, port.host_port, port.host_ip);
  pods.push_back(pod);
}

bool NodeInfo::remove(std::uint32_t handle) {
  const auto it = std::find_if(pods.begin(), pods.end(), [handle](const PodRef& p) { return p.handle == handle; });
  if (it == pods.end()) return false;
  const PodInfo& gone = *it->info;
  requested.add(gone.requests, -1);
  non_zero_milli_cpu = wrapping_sub(non_zero_milli_cpu, gone.non_zero_milli_cpu);
  non_zero_memory = wrapping_sub(non_zero_memory, gone.non_zero_memory);
  for (const ContainerPort& port : gone.host_ports) used_ports.erase({port.protocol, port.host_port, port.host_ip});
  pods.erase(it);
  return true;
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
    changes_.add_node();
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

void ClusterState::assume(const PodRef& pod, std::uint32_t node) {
  BERTH_CHECK(node < nodes_.size());
  nodes_[node].add(pod);
  if (!pod->pod.volumes.empty()) count_claims(pod->pod, +1);
  ++priorities_[pod->pod.priority];
  changes_.touch(static_cast<NodeId>(node));
  for (PodListener* listener : listeners_) listener->pod_moved(pod, node, +1);
}

void ClusterState::forget(const PodRef& pod, std::uint32_t node) {
  BERTH_CHECK(node < nodes_.size());
  const bool was_there = nodes_[node].remove(pod.handle);
  BERTH_CHECK(was_there);
  if (!pod->pod.volumes.empty()) count_claims(pod->pod, -1);
  const auto priority = priorities_.find(pod->pod.priority);
  if (--priority->second == 0) priorities_.erase(priority);
  changes_.touch(static_cast<NodeId>(node));
  for (PodListener* listener : listeners_) listener->pod_moved(pod, node, -1);
}

void ClusterState::nominate(const PodRef& pod, std::uint32_t node) {
  BERTH_CHECK(node < nodes_.size());
  withdraw_nomination(pod.handle);
  nominated_[node].push_back(pod);
  const auto place = std::lower_bound(nominated_nodes_.begin(), nominated_nodes_.end(), node);
  if (place == nominated_nodes_.end() || *place != node) nominated_nodes_.insert(place, node);
}

void ClusterState::withdraw_nomination(std::uint32_t handle) {
  for (auto it = nominated_.begin(); it != nominated_.end(); ++it) {
    if (std::erase_if(it->second, [handle](const PodRef& p) { return p.handle == handle; }) == 0) continue;
    if (it->second.empty()) {
      std::erase(nominated_nodes_, it->first);
      nominated_.erase(it);
    }
    return;
  }
}

std::span<const PodRef> ClusterState::nominated(std::uint32_t node) const {
  if (nominated_.empty()) return {};
  const auto it = nominated_.find(node);
  return it == nominated_.end() ? std::span<const PodRef>() : std::span<const PodRef>(it->second);
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

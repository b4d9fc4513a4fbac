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
  index_objects();
  for (Node& node : objects_.nodes) add_node(std::move(node));
  for (PersistentVolumeClaim& item : objects_.claims) {
    const std::string key = item.key();
    if (claims_.contains(key))
      throw InputError(fmt::format("two claims are named \"{}\"; expected each name once", key));
    add_claim(std::move(item));
  }
  for (PersistentVolume& item : objects_.volumes) {
    if (find_volume(item.name) != nullptr) {
      throw InputError(fmt::format("two volumes are named \"{}\"; expected each name once", item.name));
    }
    provision(std::move(item));
  }
  objects_.nodes.clear();
  objects_.claims.clear();
  objects_.volumes.clear();
  settle();
}

void ClusterState::index_objects() {
  namespaces_.clear();
  storage_classes_.clear();
  csi_drivers_.clear();
  csi_nodes_.clear();
  for (const Namespace& item : objects_.namespaces) namespaces_.emplace(item.name, &item);
  for (const StorageClass& item : objects_.storage_classes) storage_classes_.emplace(item.name, &item);
  for (const CsiDriver& item : objects_.csi_drivers) csi_drivers_.emplace(item.name, &item);
  for (const CsiNode& item : objects_.csi_nodes) csi_nodes_.emplace(item.name, &item);
}

void ClusterState::set_objects(Objects objects) {
  objects_ = std::move(objects);
  objects_.nodes.clear();
  objects_.claims.clear();
  objects_.volumes.clear();
  index_objects();
  for (NodeInfo& node : nodes_) {
    const auto csi = csi_nodes_.find(rows_[node.id].node.name);
    node.csi_node = csi == csi_nodes_.end() ? nullptr : csi->second;
  }
  ++layout_;
}

// ---- Nodes. Source: nodeTree (pkg/scheduler/backend/cache/node_tree.go), Cache.UpdateSnapshot (cache.go).

void ClusterState::enter_zone(std::uint32_t id) {
  const std::string key = zone_key(rows_[id].node);
  const auto zone = std::find_if(zones_.begin(), zones_.end(), [&key](const Zone& z) { return z.key == key; });
  (zone == zones_.end() ? zones_.emplace_back(Zone{key, {}}) : *zone).ids.push_back(id);
}

void ClusterState::leave_zone(std::uint32_t id) {
  const std::string key = zone_key(rows_[id].node);
  const auto zone = std::find_if(zones_.begin(), zones_.end(), [&key](const Zone& z) { return z.key == key; });
  BERTH_CHECK(zone != zones_.end());
  std::erase(zone->ids, id);
  if (zone->ids.empty()) zones_.erase(zone);
}

std::uint32_t ClusterState::add_node(Node node) {
  const auto id = static_cast<std::uint32_t>(rows_.size());
  if (!id_by_name_.emplace(node.name, id).second) {
    throw InputError(fmt::format("two nodes are named \"{}\"; expected each name once", node.name));
  }
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  Row& row = rows_.emplace_back();
  row.node = std::move(node);
  row.index = index;
  enter_zone(id);
  NodeInfo& info = nodes_.emplace_back();
  info.index = index;
  info.id = id;
  info.node = &row.node;
  const auto csi = csi_nodes_.find(row.node.name);
  info.csi_node = csi == csi_nodes_.end() ? nullptr : csi->second;
  info.images = &row.images;
  info.allocatable = to_resource(row.node.allocatable);
  changes_.add_node();
  unsettled_ = true;
  ++layout_;
  for (const NodeImage& image : row.node.images) {
    for (const std::string& name : image.names) set_image(index, image_id(name), image.size_bytes, true);
  }
  return index;
}

void ClusterState::remove_node(std::uint32_t node) {
  NodeInfo& info = nodes_[node];
  BERTH_CHECK(info.pods.empty());
  Row& row = rows_[info.id];
  leave_zone(info.id);
  id_by_name_.erase(row.node.name);
  for (const std::uint32_t image : row.images) drop_image(image);
  row = {};
  if (nominated_.erase(node) > 0) std::erase(nominated_nodes_, node);
  unsettled_ = true;
  ++layout_;
}

void ClusterState::set_node(std::uint32_t node, Node object) {
  NodeInfo& info = nodes_[node];
  Row& row = rows_[info.id];
  BERTH_CHECK(object.name == row.node.name);
  const bool moves = zone_key(object) != zone_key(row.node);
  if (moves) leave_zone(info.id);
  row.node = std::move(object);
  if (moves) enter_zone(info.id);
  info.allocatable = to_resource(row.node.allocatable);
  changes_.touch(static_cast<NodeId>(node));
  ++layout_;
}

bool ClusterState::settle() {
  if (!unsettled_) return false;
  unsettled_ = false;
  ++layout_;
  std::vector<NodeInfo> order;
  order.reserve(id_by_name_.size());
  std::map<std::uint32_t, std::vector<PodRef>> nominated;
  for (std::size_t round = 0; order.size() < id_by_name_.size(); ++round) {
    for (const Zone& zone : zones_) {
      if (round >= zone.ids.size()) continue;
      Row& row = rows_[zone.ids[round]];
      const auto index = static_cast<std::uint32_t>(order.size());
      if (const auto it = nominated_.find(row.index); it != nominated_.end()) {
        nominated.emplace(index, std::move(it->second));
      }
      order.push_back(std::move(nodes_[row.index]));
      order.back().index = row.index = index;
    }
  }
  nodes_ = std::move(order);
  nominated_ = std::move(nominated);
  nominated_nodes_.clear();
  for (const auto& [index, pods] : nominated_) nominated_nodes_.push_back(index);
  changes_ = ChangeLog();
  for (std::size_t i = 0; i < nodes_.size(); ++i) changes_.add_node();
  return true;
}

void ClusterState::set_image(std::uint32_t node, std::uint32_t image, std::int64_t size_bytes, bool present) {
  std::vector<std::uint32_t>& here = rows_[nodes_[node].id].images;
  const auto at = std::lower_bound(here.begin(), here.end(), image);
  const bool is_here = at != here.end() && *at == image;
  if (is_here == present) return;
  if (present) {
    here.insert(at, image);
    if (image >= images_.size()) images_.resize(image + 1);
    if (images_[image].nodes++ == 0) images_[image].size_bytes = size_bytes;
  } else {
    here.erase(at);
    drop_image(image);
  }
  changes_.touch(static_cast<NodeId>(node));
}

void ClusterState::drop_image(std::uint32_t image) {
  --images_[image].nodes;
}

const NodeInfo* ClusterState::find_node(std::string_view name) const {
  const auto it = id_by_name_.find(name);
  return it == id_by_name_.end() ? nullptr : &nodes_[rows_[it->second].index];
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
  if (const auto kept = assumed_.find(claim_key); kept != assumed_.end()) {
    // Whoever binds may have taken another one than was thought: that is free again.
    const auto other = volumes_.find(kept->second);
    if (kept->second != volume && other != volumes_.end()) {
      other->second->claim_ref.reset();
      other->second->available = true;
    }
    assumed_.erase(kept);
  }
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

void ClusterState::add_claim(PersistentVolumeClaim claim) {
  std::string key = claim.key();
  claims_.insert_or_assign(std::move(key), std::make_unique<PersistentVolumeClaim>(std::move(claim)));
}

void ClusterState::remove_claim(const std::string& claim_key) {
  assumed_.erase(claim_key);
  claims_.erase(claim_key);
}

void ClusterState::remove_volume(const std::string& name) {
  const auto it = volumes_.find(name);
  if (it == volumes_.end()) return;
  std::erase(volumes_by_class_[it->second->storage_class], it->second.get());
  volumes_.erase(it);
}

void ClusterState::assume_volume(const std::string& claim_key, const std::string& volume) {
  const auto claim = claims_.find(claim_key);
  const auto found = volumes_.find(volume);
  BERTH_CHECK(claim != claims_.end() && found != volumes_.end());
  found->second->claim_ref = ClaimRef{claim->second->namespace_name, claim->second->name, claim->second->uid};
  found->second->available = false;
  assumed_.insert_or_assign(claim_key, volume);
}

void ClusterState::select_node(const std::string& claim_key, std::uint32_t node) {
  const auto claim = claims_.find(claim_key);
  BERTH_CHECK(claim != claims_.end());
  claim->second->selected_node = nodes_[node].name();
}

std::string normalized_image_name(const std::string& image) {
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  const auto at = [](std::string::size_type p) { return p == std::string::npos ? -1 : static_cast<std::int64_t>(p); };
  return at(colon) <= at(slash) ? image + ":latest" : image;
}

}  // namespace berth::kube

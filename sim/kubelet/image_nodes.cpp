// Registries and nodes as pulls see them: joining, crashing, failing; what lies on a node's disk.
#include <algorithm>

#include "sim/engine/error.hpp"
#include "sim/kubelet/image_puller.hpp"

namespace berth {

// ---- registries

RegistryId ImagePuller::add_registry(const RegistrySpec& spec) {
  registries_.push_back({spec.host, network_->add_link(spec.egress_bytes_per_second), spec.resolve, false});
  return RegistryId{static_cast<std::uint32_t>(registries_.size() - 1)};
}

RegistryId ImagePuller::registry(std::string_view host) {
  for (std::size_t i = 0; i < registries_.size(); ++i) {
    if (registries_[i].host == host) return RegistryId{static_cast<std::uint32_t>(i)};
  }
  RegistrySpec spec = config_.default_registry;
  spec.host = host;
  return add_registry(spec);
}

RegistryId ImagePuller::registry_of(ImageId image) {
  while (registry_of_.size() <= index(image)) {
    const std::string_view name = catalog_->name(ImageId{static_cast<std::uint32_t>(registry_of_.size())});
    registry_of_.push_back(registry(name.substr(0, name.find('/'))));
  }
  return registry_of_[index(image)];
}

void ImagePuller::set_registry_bandwidth(RegistryId id, std::int64_t bytes_per_second) {
  network_->set_capacity(registries_[index(id)].egress, bytes_per_second);
  if (bytes_per_second > 0) return;
  for (std::uint32_t p = 0; p < pulls_.size(); ++p) {
    if (pulls_[p].state != PullState::kFree) watch(p);
  }
}

void ImagePuller::set_registry_down(RegistryId id, bool down) {
  registries_[index(id)].down = down;
  if (!down) {
    resume_paused();
    return;
  }
  for (std::uint32_t f = 0; f < fetches_.size(); ++f) {
    const Fetch& fetch = fetches_[f];
    if (fetch.registry != id || !fetch.routed || fetch.route.length == 0 || !fetch.route.needs_registry) continue;
    if (fetch.state == FetchState::kBackground) {
      pause(f);
    } else if (fetch.state == FetchState::kOpen) {
      fail(fetch.pull);
    }
  }
}

void ImagePuller::set_missing(ImageId image, bool missing) {
  if (missing_.size() <= index(image)) missing_.resize(index(image) + 1);
  missing_[index(image)] = missing;
}

// ---- nodes

void ImagePuller::add_node(NodeId id, const NodeImageSpec& spec) {
  BERTH_CHECK(spec.imagefs_bytes > 0);
  while (nodes_.size() <= index(id)) nodes_.emplace_back();
  Node& node = nodes_[index(id)];
  BERTH_CHECK(!node.exists);
  if (node.free_slots == 0) {  // Never was a node before.
    node.in = network_->add_link(spec.in_bytes_per_second);
    node.out = network_->add_link(spec.out_bytes_per_second);
    node.disk = network_->add_link(spec.unpack_bytes_per_second);
  } else {
    network_->set_capacity(node.in, spec.in_bytes_per_second);
    network_->set_capacity(node.out, spec.out_bytes_per_second);
    network_->set_capacity(node.disk, spec.unpack_bytes_per_second);
  }
  node.free_slots = config_.max_concurrent_downloads;
  node.zone = spec.zone;
  node.store.capacity_bytes = spec.imagefs_bytes;
  node.exists = node.up = true;
  distribution_->node_joined(id);
}

void ImagePuller::node_down(NodeId id) {
  Node& node = nodes_[index(id)];
  BERTH_CHECK(node.up);
  for (const ImageStore::LayerEntry& layer : node.store.layers) {
    if (layer.present && layer.fetch == kNone) distribution_->layer_gone(id, layer.id);
  }
  node.up = false;
  while (!node.pulls.empty()) end(node.pulls.back(), false);
  for (ImageStore::LayerEntry& layer : node.store.layers) {
    if (layer.fetch != kNone && fetches_[layer.fetch].state == FetchState::kBackground) pause(layer.fetch);
  }
  for (ImageStore::ImageEntry& image : node.store.images) {
    image.holds = 0;                            // Containers have ended, and are still there.
    image.detected = ImageStore::kBeforeStart;  // The kubelet's memory is gone, too.
    image.last_used = Time{-1};
  }
  const std::vector<std::uint32_t> uploads = std::move(node.uploads);
  node.uploads.clear();
  for (const std::uint32_t f : uploads) {
    if (!fetches_[f].routed || fetches_[f].route.peer != id) continue;  // A pull of several failed over the first.
    stop_flow(f);
    close_route(f, false);
    open_route(f);  // From elsewhere; none of these can be an upload of the node that is gone.
  }
}

void ImagePuller::node_up(NodeId id, bool keep_disk) {
  Node& node = nodes_[index(id)];
  BERTH_CHECK(node.exists && !node.up);
  if (!keep_disk) {
    for (const ImageStore::LayerEntry& layer : node.store.layers) {
      if (layer.fetch != kNone) free_fetch(layer.fetch);
    }
    node.store.clear();
  }
  node.up = true;
  for (const ImageStore::LayerEntry& layer : node.store.layers) {
    if (layer.present && layer.fetch == kNone) distribution_->layer_present(id, layer.id);
  }
  resume_paused();
  distribution_->node_joined(id);
}

void ImagePuller::remove_node(NodeId id) {
  Node& node = nodes_[index(id)];
  if (node.up) node_down(id);
  for (const ImageStore::LayerEntry& layer : node.store.layers) {
    if (layer.fetch != kNone) free_fetch(layer.fetch);
  }
  node.store.clear();
  node.exists = false;
}

void ImagePuller::set_node_bandwidth(NodeId id, std::int64_t in_bytes_per_second, std::int64_t out_bytes_per_second) {
  const Node& node = nodes_[index(id)];
  network_->set_capacity(node.in, in_bytes_per_second);
  network_->set_capacity(node.out, out_bytes_per_second);
  for (const std::uint32_t p : node.pulls) watch(p);
  for (const std::uint32_t f : node.uploads) {
    if (fetches_[f].pull != kNone) watch(fetches_[f].pull);
  }
}

bool ImagePuller::take(NodeId node, std::int64_t bytes) {
  ImageStore& store = nodes_[index(node)].store;
  if (bytes > store.free_bytes() - listener_->local_bytes(node) || !store.take(bytes)) return false;
  listener_->disk_grew(node);
  return true;
}

// ---- references

void ImagePuller::refer(NodeId node, ImageId image) {
  ImageStore& store = nodes_[index(node)].store;
  for (const LayerId layer : catalog_->layers(image)) ++store.layers.insert(layer).references;
  for (const SnapshotId snapshot : catalog_->snapshots(image)) ++store.snapshots.insert(snapshot).references;
}

void ImagePuller::unrefer(NodeId id, ImageId image) {
  Node& node = nodes_[index(id)];
  ImageStore& store = node.store;
  for (const LayerId layer : catalog_->layers(image)) {
    ImageStore::LayerEntry& entry = store.layers[layer];
    if (--entry.references > 0) continue;
    const bool announced = entry.present && entry.fetch == kNone;
    if (entry.fetch != kNone) drop_fetch(entry.fetch);
    store.give_back(entry.stored);
    store.layers.erase(layer);
    if (announced && node.up) distribution_->layer_gone(id, layer);
  }
  for (const SnapshotId snapshot : catalog_->snapshots(image)) {
    ImageStore::SnapshotEntry& entry = store.snapshots[snapshot];
    if (--entry.references > 0) continue;
    BERTH_CHECK(entry.builder == kNone);
    store.give_back(entry.stored);
    store.snapshots.erase(snapshot);
  }
}

bool ImagePuller::preload(NodeId id, ImageId image) {
  Node& node = nodes_[index(id)];
  BERTH_CHECK(node.up && node.pulls.empty());
  if (node.store.has(image)) return true;
  std::int64_t missing = 0;
  refer(id, image);
  for (ImageStore::LayerEntry& entry : node.store.layers) {
    if (!entry.present) missing += catalog_->compressed_bytes(entry.id);
  }
  for (ImageStore::SnapshotEntry& entry : node.store.snapshots) {
    if (!entry.committed && plan_.unpack) missing += catalog_->unpacked_bytes(catalog_->layer(entry.id));
  }
  if (!take(id, missing)) {
    unrefer(id, image);
    return false;
  }
  for (ImageStore::LayerEntry& entry : node.store.layers) {
    if (entry.present) continue;
    entry.present = true;
    entry.stored = catalog_->compressed_bytes(entry.id);
    distribution_->layer_present(id, entry.id);
  }
  for (ImageStore::SnapshotEntry& entry : node.store.snapshots) {
    if (entry.committed) continue;
    entry.committed = true;
    if (plan_.unpack) entry.stored = catalog_->unpacked_bytes(catalog_->layer(entry.id));
  }
  node.store.images.insert(image).detected = ImageStore::kBeforeStart;
  return true;
}

void ImagePuller::remove_image(NodeId node, ImageId image) {
  BERTH_CHECK(store(node).has(image));
  store(node).images.erase(image);
  unrefer(node, image);
}

}  // namespace berth

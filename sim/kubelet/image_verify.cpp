// Everything that ImagePuller keeps, counted again.
#include <algorithm>

#include "sim/kubelet/image_puller.hpp"

namespace berth {

std::string ImagePuller::verify() const {
  const auto wrong = [](const char* what, std::size_t number) {
    std::string text(what);
    text += ' ';
    text += std::to_string(number);
    return text;
  };
  std::vector<std::uint32_t> uploads(nodes_.size());
  std::vector<std::int64_t> open(nodes_.size());
  std::vector<std::size_t> queued(nodes_.size());
  for (std::uint32_t f = 0; f < fetches_.size(); ++f) {
    const Fetch& fetch = fetches_[f];
    if (fetch.state == FetchState::kFree) continue;
    const Node& node = nodes_[index(fetch.node)];
    const auto* entry = node.store.layers.find(fetch.layer);
    if (entry == nullptr || entry->fetch != f) return wrong("fetch that its node does not know:", f);
    const bool foreground = fetch.state == FetchState::kOpen || fetch.state == FetchState::kWantsSlot;
    if (foreground && (fetch.pull == kNone || pulls_[fetch.pull].state == PullState::kFree))
      return wrong("orphan fetch", f);
    if (foreground == entry->present) return wrong("presence of the layer of fetch", f);
    if (fetch.routed && fetch.route.peer != kNoNode) {
      ++uploads[index(fetch.route.peer)];
      if (!nodes_[index(fetch.route.peer)].up) return wrong("dead peer of fetch", f);
    }
    if (network_->live(fetch.flow) != (fetch.routed && fetch.route.length > 0)) return wrong("flow of fetch", f);
    if (!node.up && fetch.state != FetchState::kPaused) return wrong("fetch of a dead node", f);
    open[index(fetch.node)] += fetch.state == FetchState::kOpen;
    queued[index(fetch.node)] += fetch.state == FetchState::kWantsSlot;
  }
  std::vector<std::uint32_t> layer_uses(catalog_->layers());
  std::vector<std::uint32_t> snapshot_uses(catalog_->snapshots());
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    if (!node.exists) continue;
    std::fill(layer_uses.begin(), layer_uses.end(), 0);
    std::fill(snapshot_uses.begin(), snapshot_uses.end(), 0);
    const auto use = [&](ImageId image) {
      for (const LayerId layer : catalog_->layers(image)) ++layer_uses[index(layer)];
      for (const SnapshotId snapshot : catalog_->snapshots(image)) ++snapshot_uses[index(snapshot)];
    };
    for (const auto& image : node.store.images) {
      use(image.id);
      for (const LayerId layer : catalog_->layers(image.id)) {
        const auto* entry = node.store.layers.find(layer);
        if (entry == nullptr || !entry->present) return wrong("image without its layers on node", n);
      }
      for (const SnapshotId snapshot : catalog_->snapshots(image.id)) {
        const auto* entry = node.store.snapshots.find(snapshot);
        if (entry == nullptr || !entry->committed) return wrong("image without its snapshots on node", n);
      }
    }
    for (const std::uint32_t p : node.pulls) {
      const Pull& pull = pulls_[p];
      if (pull.state == PullState::kFree || pull.state == PullState::kBusy) return wrong("state of pull", p);
      if (pull.refers) use(pull.image);
      if (pull.refers && can_go_on(pull)) return wrong("sleeping pull", p);
      open[n] += pull.state == PullState::kResolving;
      queued[n] += pull.state == PullState::kWantsSlot;
      if (network_->live(pull.unpack) != (pull.state == PullState::kUnpacking)) return wrong("unpack of pull", p);
    }
    std::int64_t used = 0;
    std::size_t layers = 0;
    std::size_t snapshots = 0;
    for (const auto& entry : node.store.layers) {
      if (entry.references != layer_uses[index(entry.id)] || entry.references == 0)
        return wrong("references of layers of node", n);
      if (entry.present && entry.stored != catalog_->compressed_bytes(entry.id))
        return wrong("bytes of layers of node", n);
      if (entry.fetch != kNone &&
          (fetches_[entry.fetch].state == FetchState::kFree || fetches_[entry.fetch].layer != entry.id)) {
        return wrong("fetches of node", n);
      }
      used += entry.stored;
    }
    for (const auto& entry : node.store.snapshots) {
      if (entry.references != snapshot_uses[index(entry.id)] || entry.references == 0)
        return wrong("references of snapshots of node", n);
      if (entry.builder != kNone &&
          std::find(node.pulls.begin(), node.pulls.end(), entry.builder) == node.pulls.end()) {
        return wrong("lock of a pull that is over on node", n);
      }
      if (entry.committed && entry.stored != (plan_.unpack ? catalog_->unpacked_bytes(catalog_->layer(entry.id)) : 0)) {
        return wrong("bytes of snapshots of node", n);
      }
      used += entry.stored;
    }
    for (const std::uint32_t uses : layer_uses) layers += uses > 0;
    for (const std::uint32_t uses : snapshot_uses) snapshots += uses > 0;
    if (layers != node.store.layers.size() || snapshots != node.store.snapshots.size())
      return wrong("entries of node", n);
    if (used != node.store.used_bytes() || used > node.store.capacity_bytes) return wrong("used bytes of node", n);
    if (open[n] + node.free_slots != config_.max_concurrent_downloads) return wrong("slots of node", n);
    if (queued[n] != node.slot_queue.size() || (node.free_slots > 0 && queued[n] > 0))
      return wrong("slot queue of node", n);
    if (uploads[n] != node.uploads.size()) return wrong("uploads of node", n);
    if (!node.up && !node.pulls.empty()) return wrong("pulls of dead node", n);
  }
  return distribution_->verify();
}

}  // namespace berth

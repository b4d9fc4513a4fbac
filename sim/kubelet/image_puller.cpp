// A pull from its start to its end. Slots and downloads: image_fetch.cpp; nodes and registries: image_nodes.cpp.
#include "sim/kubelet/image_puller.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {

ImagePuller::ImagePuller(Engine<Event>& engine, Journal& journal, FlowNetwork& network, const ImageCatalog& catalog,
                         ImageDistribution& distribution, ImagePullListener& listener, const ImagePullConfig& config)
    : engine_(&engine),
      journal_(&journal),
      network_(&network),
      catalog_(&catalog),
      distribution_(&distribution),
      listener_(&listener),
      config_(config) {
  BERTH_CHECK(config.max_concurrent_downloads > 0);
  plan_ = distribution.plan();
  BERTH_CHECK(plan_.start_share > 0 && plan_.start_share <= 1);
  distribution.attach(*this);
}

// ---- a pull

void ImagePuller::record(RecordKind kind, const Pull& pull, std::uint32_t value, std::uint8_t reason) {
  Record record;
  record.at = engine_->now();
  record.pod = pull.owner.pod;
  record.node = pull.node;
  record.value = value;
  record.kind = kind;
  record.reason = reason;
  record.container = pull.owner.container;
  journal_->append(record);
}

PullId ImagePuller::start(NodeId id, ImageId image, PullOwner owner, std::uint32_t tag) {
  Node& node = nodes_[index(id)];
  BERTH_CHECK(node.up);
  const RegistryId from = registry_of(image);
  std::uint32_t p = 0;
  if (free_pulls_.empty()) {
    p = static_cast<std::uint32_t>(pulls_.size());
    pulls_.emplace_back();
  } else {
    p = free_pulls_.back();
    free_pulls_.pop_back();
  }
  Pull& pull = pulls_[p];
  const std::uint32_t generation = pull.generation;
  pull = {};
  pull.generation = generation;
  pull.node = id;
  pull.image = image;
  pull.registry = from;
  pull.owner = owner;
  pull.tag = tag;
  pull.state = PullState::kWantsSlot;
  node.pulls.push_back(p);
  node.slot_queue.push_back({p, true});
  grant(id);
  return {p, generation};
}

void ImagePuller::cancel(PullId id) {
  if (id.slot < pulls_.size() && pulls_[id.slot].generation == id.generation &&
      pulls_[id.slot].state != PullState::kFree) {
    end(id.slot, false);
  }
}

void ImagePuller::resolved(std::uint32_t p) {
  Pull& pull = pulls_[p];
  const NodeId id = pull.node;
  pull.timer = {};
  pull.state = PullState::kBusy;
  ++node_of(pull).free_slots;
  const bool missing = index(pull.image) < missing_.size() && missing_[index(pull.image)];
  if (missing || (registries_[index(pull.registry)].down && !distribution_->resolves_offline(id, pull.image))) {
    fail(p);
    return;
  }
  distribution_->resolved(id, pull.image);
  if (node_of(pull).store.has(pull.image)) {
    const std::uint32_t tag = pull.tag;
    end(p, false);
    listener_->pull_finished(tag, PullOutcome::kUnchanged);
    return;
  }
  refer(id, pull.image);
  pull.refers = true;
  advance(p);
  grant(id);
}

// Up the chain as far as it goes now. The pull may be over afterwards.
void ImagePuller::advance(std::uint32_t p) {
  Pull& pull = pulls_[p];
  ImageStore& store = node_of(pull).store;
  const std::span<const LayerId> layers = catalog_->layers(pull.image);
  const std::span<const SnapshotId> snapshots = catalog_->snapshots(pull.image);
  for (; pull.next < layers.size(); ++pull.next) {
    const LayerId layer = layers[pull.next];
    {
      ImageStore::SnapshotEntry& snapshot = store.snapshots[snapshots[pull.next]];
      if (snapshot.committed) {
        record(RecordKind::kLayerFound, pull, static_cast<std::uint32_t>(layer));
        continue;
      }
      if (snapshot.builder != kNone && snapshot.builder != p) {
        pull.state = PullState::kWaitsForSnapshot;
        return;
      }
      snapshot.builder = p;
    }
    pull.state = PullState::kBusy;
    if (!pull.fetching && !request_layers(p)) return;
    pull.state = PullState::kWaitsForBlob;
    if (!store.layers[layer].present) return;
    const std::int64_t bytes = plan_.unpack ? catalog_->unpacked_bytes(layer) : 0;
    if (!take(pull.node, bytes)) {
      fail(p);
      return;
    }
    ImageStore::SnapshotEntry& snapshot = store.snapshots[snapshots[pull.next]];
    snapshot.stored = bytes;
    if (bytes > 0) {
      pull.state = PullState::kUnpacking;
      pull.unpack = network_->start({&node_of(pull).disk, 1}, bytes, this, p << 1 | 1);
      return;
    }
    snapshot.committed = true;
    snapshot.builder = kNone;
    if (plan_.unpack) record(RecordKind::kLayerUnpacked, pull, static_cast<std::uint32_t>(layer));
  }
  complete(p);
}

// Asks for all blobs from the next layer on; false if the pull has failed over it.
bool ImagePuller::request_layers(std::uint32_t p) {
  Pull& pull = pulls_[p];
  const std::uint32_t generation = pull.generation;
  const NodeId id = pull.node;
  pull.fetching = true;
  for (const LayerId layer : catalog_->layers(pull.image).subspan(pull.next)) {
    ImageStore::LayerEntry& entry = node_of(pull).store.layers[layer];
    if (!entry.present && catalog_->compressed_bytes(layer) == 0) {
      entry.present = true;
      distribution_->layer_present(id, layer);
    }
    if (entry.present) {
      record(RecordKind::kLayerFound, pull, static_cast<std::uint32_t>(layer));
    } else if (entry.fetch == kNone) {
      queue_fetch(p, layer);
    }
  }
  grant(id);
  return pull.generation == generation;
}

void ImagePuller::unpacked(std::uint32_t p) {
  Pull& pull = pulls_[p];
  const NodeId id = pull.node;
  pull.unpack = {};
  ImageStore::SnapshotEntry& snapshot = node_of(pull).store.snapshots[catalog_->snapshots(pull.image)[pull.next]];
  snapshot.committed = true;
  snapshot.builder = kNone;
  record(RecordKind::kLayerUnpacked, pull, static_cast<std::uint32_t>(catalog_->layers(pull.image)[pull.next]));
  ++pull.next;
  pull.state = PullState::kBusy;
  advance(p);  // Before others that wait for the same chain: it has the next lock.
  wake_waiting(id);
  grant(id);
}

void ImagePuller::complete(std::uint32_t p) {
  const Pull& pull = pulls_[p];
  const std::uint32_t tag = pull.tag;
  ImageStore& disk = store(pull.node);
  const bool fresh = !disk.has(pull.image);
  if (fresh) disk.images.insert(pull.image).appeared = engine_->now();
  for (const LayerId layer : catalog_->layers(pull.image)) {
    const std::uint32_t f = disk.layers[layer].fetch;
    if (f != kNone && fetches_[f].state == FetchState::kPaused) background(f);
  }
  end(p, fresh);
  listener_->pull_finished(tag, fresh ? PullOutcome::kPulled : PullOutcome::kUnchanged);
}

void ImagePuller::fail(std::uint32_t p) {
  const std::uint32_t tag = pulls_[p].tag;
  end(p, false);
  listener_->pull_finished(tag, PullOutcome::kFailed);
}

// Takes the pull out; its references go unless an image has them from now on.
void ImagePuller::end(std::uint32_t p, bool keep_references) {
  Pull& pull = pulls_[p];
  const NodeId id = pull.node;
  const ImageId image = pull.image;
  Node& node = nodes_[index(id)];
  engine_->cancel(pull.timer);
  engine_->cancel(pull.watchdog);
  if (pull.state == PullState::kResolving) ++node.free_slots;
  if (pull.state == PullState::kWantsSlot) {
    std::erase_if(node.slot_queue, [&](const SlotAsk& ask) { return ask.resolve && ask.number == p; });
  }
  if (network_->live(pull.unpack)) network_->cancel(pull.unpack);
  pull.unpack = {};  // It may have finished at this very instant: not to be told any more.
  const bool referred = pull.refers;
  const bool fetched_some = pull.fetching;
  if (referred) {
    for (const LayerId layer : catalog_->layers(image)) {
      const std::uint32_t f = node.store.layers[layer].fetch;
      if (f == kNone || fetches_[f].pull != p) continue;
      if (fetches_[f].state == FetchState::kPaused) {
        fetches_[f].pull = kNone;
      } else {
        drop_fetch(f);
      }
    }
    for (const SnapshotId snapshot : catalog_->snapshots(image)) {
      ImageStore::SnapshotEntry& entry = node.store.snapshots[snapshot];
      if (entry.builder != p) continue;
      entry.builder = kNone;
      node.store.give_back(entry.stored);
      entry.stored = 0;
    }
  }
  std::erase(node.pulls, p);
  pull.state = PullState::kFree;
  ++pull.generation;
  free_pulls_.push_back(p);
  if (referred && !keep_references) unrefer(id, image);
  if (!node.up) return;
  if (fetched_some && !keep_references) {
    for (const LayerId layer : catalog_->layers(image)) hand_over(id, layer);
  }
  wake_waiting(id);
  grant(id);
}

// A blob that nobody fetches any more: the first pull that waits for it does.
void ImagePuller::hand_over(NodeId id, LayerId layer) {
  Node& node = nodes_[index(id)];
  const ImageStore::LayerEntry* entry = node.store.layers.find(layer);
  if (entry == nullptr || entry->present || entry->fetch != kNone) return;
  for (const std::uint32_t q : node.pulls) {
    if (!pulls_[q].fetching) continue;
    const auto wanted = catalog_->layers(pulls_[q].image).subspan(pulls_[q].next);
    if (std::find(wanted.begin(), wanted.end(), layer) == wanted.end()) continue;
    queue_fetch(q, layer);
    return;
  }
}

bool ImagePuller::can_go_on(const Pull& pull) const {
  const ImageStore& disk = store(pull.node);
  if (pull.state == PullState::kWaitsForSnapshot) {
    const auto* snapshot = disk.snapshots.find(catalog_->snapshots(pull.image)[pull.next]);
    return snapshot->committed || snapshot->builder == kNone;
  }
  return pull.state == PullState::kWaitsForBlob && disk.layers.find(catalog_->layers(pull.image)[pull.next])->present;
}

// Whoever waits for a blob or a snapshot that is there now, or that nobody works on. A node has a few pulls.
void ImagePuller::wake_waiting(NodeId id) {
  const Node& node = nodes_[index(id)];
  for (std::size_t i = 0; i < node.pulls.size();) {
    if (can_go_on(pulls_[node.pulls[i]])) {
      advance(node.pulls[i]);
      i = 0;
    } else {
      ++i;
    }
  }
}

// ---- no progress

// Bytes of the pull's downloads so far; `open`: requests are open, `moving`: and bytes come.
std::int64_t ImagePuller::progress(std::uint32_t p, bool& open, bool& moving) const {
  const Pull& pull = pulls_[p];
  std::int64_t bytes = pull.bytes;
  open = moving = false;
  if (!pull.fetching) return bytes;
  const ImageStore& disk = store(pull.node);
  for (const LayerId layer : catalog_->layers(pull.image)) {
    const std::uint32_t f = disk.layers.find(layer)->fetch;
    if (f == kNone || fetches_[f].pull != p || fetches_[f].state != FetchState::kOpen) continue;
    open = true;
    if (!network_->live(fetches_[f].flow)) continue;
    bytes += network_->delivered(fetches_[f].flow);
    moving = moving || network_->rate(fetches_[f].flow) > 0;
  }
  return bytes;
}

// Called when a download begins without bytes coming, when one ends and the others may be at a standstill, and when a
// link fails: from the last byte on, the pull has so long to get one more.
void ImagePuller::watch(std::uint32_t p) {
  Pull& pull = pulls_[p];
  bool open = false;
  bool moving = false;
  const std::int64_t bytes = progress(p, open, moving);
  if (!open || moving) return;
  const Event event{p, pull.generation, EventKind::kImageEvent, kNoProgress};
  const Time at = engine_->now() + config_.progress_timeout;
  if (pull.watched && pull.watched_bytes == bytes) return;
  pull.watched = true;
  pull.watched_bytes = bytes;
  if (!engine_->reschedule(pull.watchdog, at, kPhaseChange, event)) {
    pull.watchdog = engine_->schedule_cancellable(at, kPhaseChange, event);
  }
}

// ---- events

void ImagePuller::handle(const Event& event) {
  if (event.detail == kRetry) {
    const Fetch& fetch = fetches_[event.subject];
    const bool asks = fetch.state == FetchState::kOpen || fetch.state == FetchState::kBackground;
    if (fetch.generation == event.generation && asks && fetch.routed && fetch.route.length == 0) {
      close_route(event.subject, false);
      open_route(event.subject);
    }
    return;
  }
  const std::uint32_t p = event.subject;
  BERTH_CHECK(pulls_[p].generation == event.generation);
  if (event.detail == kResolved) {
    resolved(p);
    return;
  }
  Pull& pull = pulls_[p];
  pull.watchdog = {};
  pull.watched = false;
  bool open = false;
  bool moving = false;
  if (progress(p, open, moving) == pull.watched_bytes && open && !moving) {
    fail(p);
  } else {
    watch(p);
  }
}

void ImagePuller::retry(FetchId fetch) {
  engine_->schedule(engine_->now(), kPhaseChange, {fetch.slot, fetch.generation, EventKind::kImageEvent, kRetry});
}

void ImagePuller::flow_finished(FlowId flow, std::uint32_t tag) {
  const std::uint32_t number = tag >> 1;
  if ((tag & 1) != 0) {
    if (pulls_[number].unpack == flow) unpacked(number);
  } else if (fetches_[number].flow == flow) {
    fetched(number);
  }
}

}  // namespace berth

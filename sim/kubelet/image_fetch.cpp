// Download slots, and a blob's way to a node.
#include <algorithm>
#include <cmath>

#include "sim/engine/error.hpp"
#include "sim/kubelet/image_puller.hpp"

namespace berth {

LayerFetch ImagePuller::describe(std::uint32_t f) const {
  const Fetch& fetch = fetches_[f];
  return {{f, fetch.generation}, fetch.node, fetch.layer, fetch.registry};
}

// Gives free slots to whoever has waited longest. What that ends or begins may ask for slots again: the outermost call
// goes on.
void ImagePuller::grant(NodeId id) {
  Node& node = nodes_[index(id)];
  if (node.granting) return;
  node.granting = true;
  while (node.free_slots > 0 && !node.slot_queue.empty()) {
    const SlotAsk ask = node.slot_queue.front();
    node.slot_queue.erase(node.slot_queue.begin());  // A handful.
    if (!ask.resolve) {
      begin_fetch(ask.number);
      continue;
    }
    Pull& pull = pulls_[ask.number];
    --node.free_slots;
    pull.state = PullState::kResolving;
    pull.timer = engine_->schedule_cancellable(engine_->now() + registries_[index(pull.registry)].resolve, kPhaseChange,
                                               {ask.number, pull.generation, EventKind::kImageEvent, kResolved});
  }
  node.granting = false;
}

void ImagePuller::queue_fetch(std::uint32_t p, LayerId layer) {
  const Pull& pull = pulls_[p];
  std::uint32_t f = 0;
  if (free_fetches_.empty()) {
    f = static_cast<std::uint32_t>(fetches_.size());
    fetches_.emplace_back();
  } else {
    f = free_fetches_.back();
    free_fetches_.pop_back();
  }
  Fetch& fetch = fetches_[f];
  const std::uint32_t generation = fetch.generation;
  fetch = {};
  fetch.generation = generation;
  fetch.node = pull.node;
  fetch.layer = layer;
  fetch.registry = pull.registry;
  fetch.pull = p;
  fetch.state = FetchState::kWantsSlot;
  Node& node = nodes_[index(pull.node)];
  node.store.layers[layer].fetch = f;
  node.slot_queue.push_back({f, false});
}

void ImagePuller::begin_fetch(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  Node& node = nodes_[index(fetch.node)];
  --node.free_slots;
  fetch.state = FetchState::kOpen;
  const std::int64_t bytes = catalog_->compressed_bytes(fetch.layer);
  if (!take(fetch.node, bytes)) {
    fail(fetch.pull);
    return;
  }
  node.store.layers[fetch.layer].stored = bytes;
  record(RecordKind::kLayerDownloading, pulls_[fetch.pull], static_cast<std::uint32_t>(fetch.layer));
  const auto start = static_cast<std::int64_t>(std::ceil(plan_.start_share * static_cast<double>(bytes)));
  fetch.left = std::clamp<std::int64_t>(start, 1, bytes);
  fetch.rest = bytes - fetch.left;
  open_route(f);
}

// The pull fails if there is no way.
void ImagePuller::open_route(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  fetch.route = distribution_->route(describe(f));
  fetch.routed = true;
  if (fetch.route.length > 0 && fetch.route.needs_registry && registries_[index(fetch.registry)].down) {
    fetch.route.length = 0;  // It never began.
    if (fetch.state == FetchState::kBackground) {
      pause(f);
    } else {
      fail(fetch.pull);
    }
    return;
  }
  if (fetch.route.length > 0) {
    if (fetch.route.peer != kNoNode) nodes_[index(fetch.route.peer)].uploads.push_back(f);
    fetch.flow = network_->start(std::span(fetch.route.path).first(fetch.route.length), fetch.left, this, f << 1);
  }
  if (fetch.pull != kNone && (fetch.route.length == 0 || network_->rate(fetch.flow) == 0)) watch(fetch.pull);
}

void ImagePuller::close_route(std::uint32_t f, bool complete) {
  Fetch& fetch = fetches_[f];
  if (!fetch.routed) return;
  fetch.routed = false;
  if (fetch.route.peer != kNoNode) std::erase(nodes_[index(fetch.route.peer)].uploads, f);
  distribution_->route_over(describe(f), fetch.route, complete);
}

// Breaks the flow off; what came stays.
void ImagePuller::stop_flow(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  if (fetch.flow == FlowId{}) return;
  // A flow that is not live has finished at this very instant, and we have not been told yet.
  const std::int64_t bytes = network_->live(fetch.flow) ? network_->cancel(fetch.flow) : fetch.left;
  fetch.flow = {};
  fetch.left -= bytes;
  bytes_from_[static_cast<std::size_t>(fetch.route.source)] += bytes;
  if (fetch.pull != kNone) pulls_[fetch.pull].bytes += bytes;
}

void ImagePuller::fetched(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  const NodeId id = fetch.node;
  const LayerId layer = fetch.layer;
  const std::uint32_t p = fetch.pull;
  Node& node = nodes_[index(id)];
  fetch.flow = {};
  bytes_from_[static_cast<std::size_t>(fetch.route.source)] += fetch.left;
  const bool foreground = fetch.state == FetchState::kOpen;
  if (foreground) {
    Pull& pull = pulls_[p];
    pull.bytes += fetch.left;
    node.store.layers[layer].present = true;
    ++node.free_slots;
    record(RecordKind::kLayerDownloaded, pull, static_cast<std::uint32_t>(layer),
           static_cast<std::uint8_t>(fetch.route.source));
  }
  close_route(f, fetch.rest == 0);
  if (fetch.rest > 0) {
    fetch.state = FetchState::kPaused;  // Until the pull is complete.
  } else {
    node.store.layers[layer].fetch = kNone;
    free_fetch(f);
    distribution_->layer_present(id, layer);
  }
  if (!foreground) return;
  watch(p);
  wake_waiting(id);
  grant(id);
}

// The rest of a blob that is usable already; needs no slot.
void ImagePuller::background(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  fetch.pull = kNone;
  if (!nodes_[index(fetch.node)].up || registries_[index(fetch.registry)].down) return;
  fetch.state = FetchState::kBackground;
  fetch.left = fetch.rest;
  fetch.rest = 0;
  open_route(f);
}

void ImagePuller::pause(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  stop_flow(f);
  close_route(f, false);
  fetch.state = FetchState::kPaused;
  fetch.rest = fetch.left;
}

// Everything in the background that can go on; after a registry or a node came back.
void ImagePuller::resume_paused() {
  for (std::uint32_t f = 0; f < fetches_.size(); ++f) {
    if (fetches_[f].state == FetchState::kPaused && fetches_[f].pull == kNone) background(f);
  }
}

// Of a blob that is not usable, or that is about to be freed.
void ImagePuller::drop_fetch(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  Node& node = nodes_[index(fetch.node)];
  stop_flow(f);
  close_route(f, false);
  if (fetch.state == FetchState::kOpen) ++node.free_slots;
  if (fetch.state == FetchState::kWantsSlot) {
    std::erase_if(node.slot_queue, [&](const SlotAsk& ask) { return !ask.resolve && ask.number == f; });
  }
  ImageStore::LayerEntry& entry = node.store.layers[fetch.layer];
  entry.fetch = kNone;
  if (!entry.present) {
    node.store.give_back(entry.stored);
    entry.stored = 0;
  }
  free_fetch(f);
}

void ImagePuller::free_fetch(std::uint32_t f) {
  Fetch& fetch = fetches_[f];
  fetch.state = FetchState::kFree;
  ++fetch.generation;
  free_fetches_.push_back(f);
}

}  // namespace berth

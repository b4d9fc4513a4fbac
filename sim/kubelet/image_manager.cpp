#include "sim/kubelet/image_manager.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {

ImageManager::ImageManager(Engine<Event>& engine, Journal& journal, FlowNetwork& network, const ImageCatalog& catalog,
                           ImageDistribution& distribution, NodeServicesListener& listener,
                           const ImageManagerConfig& config)
    : engine_(&engine),
      journal_(&journal),
      catalog_(&catalog),
      listener_(&listener),
      config_(config),
      puller_(engine, journal, network, catalog, distribution, *this, config.pull) {
  BERTH_CHECK(config.gc.period.ns > 0);
}

// ---- nodes

void ImageManager::add_node(NodeId id, const NodeImageSpec& spec) {
  while (nodes_.size() <= index(id)) nodes_.emplace_back();
  Node& node = nodes_[index(id)];
  node.grid = {engine_->now(), config_.gc.period};
  node.last_scan = Time{-1};
  node.tokens = {};
  node.up = true;
  puller_.add_node(id, spec);
}

void ImageManager::node_down(NodeId id) {
  Node& node = nodes_[index(id)];
  BERTH_CHECK(node.up);
  node.up = false;
  ++node.life;
  node.scan_due = false;  // Its event is of a former life.
  puller_.node_down(id);
  node.queue.clear();
  node.running = 0;
  for (std::uint32_t a = 0; a < asks_.size(); ++a) {
    if (asks_[a].live && asks_[a].what.node == id) drop_ask(a);
  }
}

void ImageManager::node_up(NodeId id, bool keep_disk) {
  Node& node = nodes_[index(id)];
  node.grid.start = engine_->now();
  node.last_scan = Time{-1};
  node.tokens = {};
  node.up = true;
  puller_.node_up(id, keep_disk);
  plan_scan(id);
}

void ImageManager::remove_node(NodeId id) {
  if (nodes_[index(id)].up) node_down(id);
  puller_.remove_node(id);
}

void ImageManager::set_pinned(ImageId image) {
  if (pinned_.size() <= index(image)) pinned_.resize(index(image) + 1);
  pinned_[index(image)] = true;
}

// ---- pods

ImageManager::Pod& ImageManager::pod_of(PodSlot slot) {
  if (pods_.size() <= slot.slot) pods_.resize(slot.slot + 1);
  Pod& pod = pods_[slot.slot];
  if (pod.generation != slot.generation) {  // The slot's former pod went without a word.
    if (pod.ask != kNone) drop_ask(pod.ask);
    release(pod);
    back_offs_.forget(pod.back_offs);
    pod.generation = slot.generation;
  }
  return pod;
}

// An image that a pod was told of is not deleted before the pod has made its container.
void ImageManager::hold(Pod& pod, const ImageAsk& ask) {
  release(pod);
  pod.holds = true;
  pod.held_on = ask.node;
  pod.held = ask.image;
  pod.life = nodes_[index(ask.node)].life;
  ++puller_.store(ask.node).images[ask.image].holds;
}

void ImageManager::release(Pod& pod) {
  if (pod.holds && nodes_[index(pod.held_on)].life == pod.life) --puller_.store(pod.held_on).images[pod.held].holds;
  pod.holds = false;
}

std::optional<ImageResult> ImageManager::ensure(const ImageAsk& ask) {
  using kube::api::PullPolicy;
  BERTH_CHECK(nodes_[index(ask.node)].up);
  Pod& pod = pod_of(ask.pod);
  BERTH_CHECK(pod.ask == kNone);
  release(pod);
  const bool there = present(ask.node, ask.image);
  if (there && ask.policy != PullPolicy::kAlways) {
    record(RecordKind::kImagePresent, ask);
    hold(pod, ask);
    return ImageResult::kPresent;
  }
  if (ask.policy == PullPolicy::kNever) {
    record(RecordKind::kImagePullFailed, ask, static_cast<std::uint8_t>(WaitingReason::kErrImageNeverPull));
    return ImageResult::kErrImageNeverPull;
  }
  if (back_offs_.active(pod.back_offs, ask.image, engine_->now())) {
    record(RecordKind::kImagePullFailed, ask, static_cast<std::uint8_t>(WaitingReason::kImagePullBackOff));
    return ImageResult::kImagePullBackOff;
  }
  record(RecordKind::kImagePulling, ask);
  const std::uint32_t a = new_ask(ask);
  pod.ask = a;
  nodes_[index(ask.node)].queue.push_back(a);
  ensuring_ = a;
  ensured_.reset();
  start_next(ask.node);
  ensuring_ = kNone;
  return ensured_;
}

void ImageManager::forget(PodSlot slot, std::uint32_t, NodeId) {
  if (slot.slot >= pods_.size() || pods_[slot.slot].generation != slot.generation) return;
  Pod& pod = pods_[slot.slot];
  release(pod);
  back_offs_.forget(pod.back_offs);
  const std::uint32_t a = pod.ask;
  if (a == kNone) return;
  const NodeId id = asks_[a].what.node;
  Node& node = nodes_[index(id)];
  if (asks_[a].running) {
    const PullId pull = asks_[a].pull;  // The pod worker's context ends, and the pull with it.
    drop_ask(a);
    --node.running;
    puller_.cancel(pull);
  } else {
    std::erase(node.queue, a);
    drop_ask(a);
  }
  start_next(id);
}

void ImageManager::container_created(NodeId node, ImageId image) {
  ImageStore::ImageEntry& entry = puller_.store(node).images[image];
  if (entry.containers++ == 0) entry.in_use_since = engine_->now();
}

void ImageManager::container_removed(NodeId node, ImageId image) {
  ImageStore::ImageEntry& entry = puller_.store(node).images[image];
  BERTH_CHECK(entry.containers > 0);
  if (--entry.containers == 0) note_unused(entry, nodes_[index(node)].grid, engine_->now());
}

// ---- pulls

std::uint32_t ImageManager::new_ask(const ImageAsk& what) {
  std::uint32_t a = 0;
  if (free_asks_.empty()) {
    a = static_cast<std::uint32_t>(asks_.size());
    asks_.emplace_back();
  } else {
    a = free_asks_.back();
    free_asks_.pop_back();
  }
  asks_[a] = {what, {}, false, false, true};
  return a;
}

void ImageManager::drop_ask(std::uint32_t a) {
  Ask& ask = asks_[a];
  if (!ask.prefetch) pods_[ask.what.pod.slot].ask = kNone;
  ask.live = false;
  free_asks_.push_back(a);
}

void ImageManager::start_next(NodeId id) {
  const std::uint32_t limit = config_.serialize_image_pulls ? 1 : config_.max_parallel_image_pulls;
  Node& node = nodes_[index(id)];
  while (!node.queue.empty() && (limit == 0 || node.running < limit)) {
    const std::uint32_t a = node.queue.front();
    node.queue.erase(node.queue.begin());
    const Ask& ask = asks_[a];
    if (!ask.prefetch && !node.tokens.take(engine_->now(), config_.registry_pull_qps, config_.registry_burst)) {
      answer(a, ImageResult::kErrImagePull);
      continue;
    }
    ++node.running;
    asks_[a].running = true;
    const PullOwner owner{ask.prefetch ? Record{}.pod : ask.what.pod_ordinal, ask.what.container};
    const PullId pull = puller_.start(id, ask.what.image, owner, a);
    asks_[a].pull = pull;
  }
}

void ImageManager::pull_finished(std::uint32_t a, PullOutcome outcome) {
  const NodeId id = asks_[a].what.node;
  --nodes_[index(id)].running;
  switch (outcome) {
    case PullOutcome::kPulled:
      listener_->images_changed(id);
      answer(a, ImageResult::kPulled);
      break;
    case PullOutcome::kUnchanged:
      answer(a, ImageResult::kPresent);
      break;
    case PullOutcome::kFailed:
      answer(a, ImageResult::kErrImagePull);
      break;
  }
  start_next(id);
}

void ImageManager::answer(std::uint32_t a, ImageResult result) {
  const Ask ask = asks_[a];
  drop_ask(a);
  switch (result) {
    case ImageResult::kPulled:
      ++counts_.pulled;
      record(RecordKind::kImagePulled, ask.what);
      break;
    case ImageResult::kPresent:
      ++counts_.unchanged;
      record(RecordKind::kImagePresent, ask.what);
      break;
    default:
      ++counts_.failed;
      record(RecordKind::kImagePullFailed, ask.what, static_cast<std::uint8_t>(WaitingReason::kErrImagePull));
  }
  if (ask.prefetch) return;
  Pod& pod = pods_[ask.what.pod.slot];
  if (result == ImageResult::kErrImagePull) {
    back_offs_.failed(pod.back_offs, ask.what.image, engine_->now());
  } else {
    hold(pod, ask.what);
  }
  if (ensuring_ == a) {
    ensured_ = result;
    ensuring_ = kNone;
  } else {
    listener_->image_ensured(ask.what.pod, result);
  }
}

void ImageManager::prefetch_wanted(NodeId node, ImageId image) {
  if (present(node, image)) return;
  ImageAsk what;
  what.node = node;
  what.image = image;
  what.pod_ordinal = Record{}.pod;
  const std::uint32_t a = new_ask(what);
  asks_[a].prefetch = true;
  record(RecordKind::kImagePulling, what);
  nodes_[index(node)].queue.push_back(a);
  start_next(node);
}

void ImageManager::record(RecordKind kind, const ImageAsk& ask, std::uint8_t reason) {
  Record record;
  record.at = engine_->now();
  record.pod = ask.pod_ordinal;
  record.node = ask.node;
  record.value = static_cast<std::uint32_t>(ask.image);
  record.kind = kind;
  record.reason = reason;
  record.container = ask.container;
  journal_->append(record);
}

// ---- garbage collection

// A scan finds the disk above the threshold only if what was written last before it left it there: so the next scan
// is scheduled then, and none while there is room.
void ImageManager::plan_scan(NodeId id) {
  Node& node = nodes_[index(id)];
  if (node.scan_due || !node.up) return;
  if (usage_percent(puller_.store(id), local_bytes(id)) < config_.gc.high_threshold_percent) return;
  Time at = node.grid.at_or_after(engine_->now());
  if (at == node.last_scan) at = at + config_.gc.period;
  node.scan_due = true;
  engine_->schedule(at, kPhaseChange, {static_cast<std::uint32_t>(id), node.life, EventKind::kImageEvent, kScan});
}

void ImageManager::disk_grew(NodeId id) {
  plan_scan(id);
  listener_->images_grew(id);
}

void ImageManager::scan(NodeId id) {
  Node& node = nodes_[index(id)];
  ImageStore& store = puller_.store(id);
  node.last_scan = engine_->now();
  const std::int64_t local = local_bytes(id);
  if (usage_percent(store, local) >= config_.gc.high_threshold_percent) {
    const std::int64_t wanted = bytes_to_free(store, config_.gc, local);
    scan_images(store, config_.gc, node.grid, engine_->now(), pinned_, candidates_);
    std::int64_t freed = 0;
    for (const ImageId image : candidates_) {
      if (freed >= wanted) break;
      freed += catalog_->compressed_bytes(image);  // What the runtime says its size is, however much is shared.
      delete_image(id, image);
    }
  }
  disk_grew(id);
}

PodImages::Disk ImageManager::disk(NodeId id) const {
  const ImageStore& store = puller_.store(id);
  return {store.capacity_bytes, store.used_bytes(), most_without_scan(store.capacity_bytes, config_.gc)};
}

void ImageManager::delete_image(NodeId id, ImageId image) {
  puller_.remove_image(id, image);
  ++counts_.removed;
  ImageAsk what;
  what.node = id;
  what.image = image;
  what.pod_ordinal = Record{}.pod;
  record(RecordKind::kImageRemoved, what);
  listener_->images_changed(id);
}

std::int64_t ImageManager::remove_unused(NodeId id) {
  ImageStore& store = puller_.store(id);
  const std::int64_t before = store.used_bytes();
  scan_images(store, config_.gc, nodes_[index(id)].grid, engine_->now(), pinned_, candidates_);
  for (const ImageId image : candidates_) delete_image(id, image);
  return before - store.used_bytes();
}

// ---- events

void ImageManager::handle(const Event& event) {
  if (event.detail < ImagePuller::kFirstFree) {
    puller_.handle(event);
    return;
  }
  Node& node = nodes_[event.subject];
  if (node.life != event.generation) return;
  node.scan_due = false;
  scan(NodeId{event.subject});
}

std::string ImageManager::verify() const {
  const auto wrong = [](const char* what, std::size_t number) {
    std::string text(what);
    text += ' ';
    text += std::to_string(number);
    return text;
  };
  std::vector<std::uint32_t> running(nodes_.size()), queued(nodes_.size());
  for (std::uint32_t a = 0; a < asks_.size(); ++a) {
    const Ask& ask = asks_[a];
    if (!ask.live) continue;
    ++(ask.running ? running : queued)[index(ask.what.node)];
    if (!nodes_[index(ask.what.node)].up) return wrong("ask of a dead node", a);
    if (!ask.prefetch && pods_[ask.what.pod.slot].ask != a) return wrong("ask that its pod does not know", a);
  }
  const std::uint32_t limit = config_.serialize_image_pulls ? 1 : config_.max_parallel_image_pulls;
  std::vector<std::uint64_t> holds(nodes_.size());
  for (const Pod& pod : pods_) {
    if (pod.holds && nodes_[index(pod.held_on)].life == pod.life) ++holds[index(pod.held_on)];
  }
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    if (node.running != running[n] || node.queue.size() != queued[n]) return wrong("asks of node", n);
    if (limit > 0 && node.running > limit) return wrong("too many pulls on node", n);
    if ((limit == 0 || node.running < limit) && !node.queue.empty()) return wrong("idle queue of node", n);
    const ImageStore& store = puller_.store(NodeId{static_cast<std::uint32_t>(n)});
    for (const auto& image : store.images) holds[n] -= image.holds;
    if (holds[n] != 0) return wrong("holds of node", n);
    if (node.up && !node.scan_due &&
        usage_percent(store, local_bytes(NodeId{static_cast<std::uint32_t>(n)})) >= config_.gc.high_threshold_percent) {
      return wrong("no scan scheduled for node", n);
    }
  }
  return puller_.verify();
}

}  // namespace berth

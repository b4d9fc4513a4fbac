// What kubelets write to their Node objects, leases, conditions and images, and what controllers wrote there.
#include <algorithm>
#include <utility>

#include "sim/nodes.hpp"

namespace berth {
namespace {

void post(controllers::NodeCondition& condition, bool is_so, Time now) {
  const auto status = is_so ? controllers::ConditionStatus::kTrue : controllers::ConditionStatus::kFalse;
  if (!condition.posted || condition.status != status) condition.last_transition = now;
  condition.posted = true;
  condition.status = status;
}

}  // namespace

// Every 10 s, and up to 4 % later. Source: pkg/kubelet/kubelet.go (nodelease), client-go wait.JitterUntil.
void Nodes::renew_lease(NodeId node) {
  const auto n = static_cast<std::uint32_t>(node);
  if (removed_[n] != 0) return;
  if (down_[n] == 0 && hung_[n] == 0 && cut_[n] == 0) {
    touch_control_plane();
    control_plane_->store().renew_lease(node);
    const controllers::NodeCondition& ready =
        control_plane_->store().get<controllers::Node>(n).condition(controllers::NodeConditionType::kReady);
    // With the status, every 10 s too.
    if (ready.status != controllers::ConditionStatus::kTrue && starting_[n] == 0) post_ready(node);
  }
  const auto turn = static_cast<std::uint32_t>(engine_.now().ns / 10'000'000'000);
  Rng rng(options_.seed, options_.replication, n, Purpose::kNodeLease);
  rng.seek(turn);
  const auto jitter = nanoseconds(static_cast<std::int64_t>(rng.below(400'000'000)));
  engine_.schedule(engine_.now() + seconds(10) + jitter, kPhaseChange, {n, 0, EventKind::kControllersDue, kLease});
}

void Nodes::post_ready(NodeId node) {
  const Time now = controllers::api_time(engine_.now());
  control_plane_->store().edit<controllers::Node>(static_cast<controllers::ObjectId>(node), [&](controllers::Node& n) {
    // A status is written whole: what became Unknown while the node was silent is known again.
    for (const auto& [type, pressure] :
         {std::pair{controllers::NodeConditionType::kMemoryPressure, kubelet_.memory_pressure(node)},
          std::pair{controllers::NodeConditionType::kDiskPressure, kubelet_.disk_pressure(node)}}) {
      if (n.condition(type).posted) post(n.condition(type), pressure, now);
    }
    controllers::NodeCondition& c = n.condition(controllers::NodeConditionType::kReady);
    post(c, true, now);
    c.reason = controllers::NodeReason::kKubeletReady;
    c.last_heartbeat = now;
  });
}

// The node's status is written every 10 s, if anything in it is new.
void Nodes::images_changed(NodeId node) {
  if (status_due_[index(node)] != 0) return;
  status_due_[index(node)] = 1;
  constexpr std::int64_t kPeriod = 10'000'000'000;
  const std::int64_t since = engine_.now().ns - status_phase_[index(node)].ns;
  const std::int64_t next = status_phase_[index(node)].ns + (since < 0 ? 0 : since / kPeriod + 1) * kPeriod;
  engine_.schedule(Time{next}, kPhaseChange,
                   {static_cast<std::uint32_t>(node), 0, EventKind::kControllersDue, kNodeStatus});
}

// The largest 50 (nodeStatusMaxImages), as ImageLocality sees them. Source: pkg/kubelet/nodestatus, Images.
void Nodes::report_images(NodeId node) {
  constexpr std::size_t kMost = 50;
  status_due_[index(node)] = 0;
  if (down_[index(node)] != 0) return;
  std::vector<HeldImage> now;
  for (const ImageStore::ImageEntry& entry : images_.runtime().store(node).images) {
    now.push_back(
        {cluster_.intern_image(run_images_.catalog.name(entry.id)), run_images_.catalog.compressed_bytes(entry.id)});
  }
  std::stable_sort(now.begin(), now.end(),
                   [](const HeldImage& a, const HeldImage& b) { return a.size_bytes > b.size_bytes; });
  if (now.size() > kMost) now.resize(kMost);
  const auto holds = [](std::span<const HeldImage> list, const HeldImage& image) {
    return std::any_of(list.begin(), list.end(), [&](const HeldImage& other) { return other.image == image.image; });
  };
  const std::span<const HeldImage> listed = cluster_.node_images(node);
  const std::vector<HeldImage> before(listed.begin(), listed.end());
  for (const HeldImage& image : before) {
    if (!holds(now, image)) cluster_.set_node_image(node, image, false);
  }
  for (const HeldImage& image : now) {
    if (!holds(before, image)) cluster_.set_node_image(node, image, true);
  }
}

// Labels, taints and cordons that controllers wrote, and readiness, reach the scheduler and the storage.
void Nodes::update_node_objects() {
  for (const NodeId node : control_plane_->take_node_news()) {
    const auto* object = control_plane_->store().find<controllers::Node>(static_cast<controllers::ObjectId>(node));
    if (object == nullptr || !cluster_.node_exists(node)) continue;
    auto seen = std::make_shared<kube::Node>(*cluster_.node_object(node));
    seen->taints.clear();
    for (const controllers::NodeTaint& taint : object->spec.taints) seen->taints.push_back(taint.taint);
    seen->unschedulable = object->spec.unschedulable;
    cluster_.set_node_object(node, std::move(seen));
    const bool ready =
        object->condition(controllers::NodeConditionType::kReady).status == controllers::ConditionStatus::kTrue;
    storage_.node_ready(node, ready);
    if (starting_[index(node)] == 0 && std::exchange(not_ready_[index(node)], ready ? 0 : 1) == (ready ? 1 : 0)) {
      record(ready ? RecordKind::kNodeReadyAgain : RecordKind::kNodeNotReady, node);
    }
    changed_ = true;
  }
}

void Nodes::record(RecordKind kind, NodeId node, NodeTrouble trouble) {
  journal_.append({.at = engine_.now(), .node = node, .kind = kind, .reason = static_cast<std::uint8_t>(trouble)});
}

void Nodes::memory_pressure_changed(NodeId node, bool pressure) {
  post_pressure(node, controllers::NodeConditionType::kMemoryPressure, pressure);
}

void Nodes::disk_pressure_changed(NodeId node, bool pressure) {
  post_pressure(node, controllers::NodeConditionType::kDiskPressure, pressure);
}

void Nodes::post_pressure(NodeId node, controllers::NodeConditionType type, bool pressure) {
  changed_ = true;
  if (control_plane_ == nullptr) return;
  touch_control_plane();
  control_plane_->store().edit<controllers::Node>(static_cast<controllers::ObjectId>(node), [&](controllers::Node& n) {
    post(n.condition(type), pressure, controllers::api_time(engine_.now()));
    if (options_.leases || type != controllers::NodeConditionType::kDiskPressure) return;
    // Without failing nodes there is no node lifecycle controller, whose part this is.
    std::erase_if(n.spec.taints, [](const controllers::NodeTaint& t) {
      return t.taint.key == controllers::taints::kDiskPressure && t.taint.effect == kube::TaintEffect::kNoSchedule;
    });
    if (pressure) {
      n.spec.taints.push_back({{controllers::taints::kDiskPressure, "", kube::TaintEffect::kNoSchedule},
                               controllers::api_time(engine_.now())});
    }
  });
}

}  // namespace berth

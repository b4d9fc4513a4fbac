// What befalls nodes: they join, crash, reboot and leave; their kubelets hang or lose the API server.
#include "sim/kubelet/kubelet.hpp"

namespace berth {

void Kubelet::add_node(NodeId node, const KubeletNode& shape, Time started) {
  if (index(node) >= nodes_.size()) nodes_.resize(index(node) + 1);
  Node& n = nodes_[index(node)];
  BERTH_CHECK((!n.known || (n.removed && n.pods == 0)) && started <= engine_.now());
  const std::uint32_t memory_generation = n.memory_generation;
  const std::uint32_t pressure_generation = n.pressure_generation;
  const std::uint32_t disk_generation = n.disk_generation;
  n = {};
  n.disk_generation = disk_generation + 1;
  n.memory_generation = memory_generation + 1;
  n.pressure_generation = pressure_generation + 1;
  n.known = true;
  n.shape = shape;
  n.started = started;
  look_at_disk(node);
}

void Kubelet::node_down(NodeId id) {
  const Delivery delivery(*this);
  Node& node = nodes_[index(id)];
  BERTH_CHECK(!node.down);
  node.down = true;  // From here on what ends is seen by nobody.
  for (std::uint32_t slot = node.first; slot != kNone; slot = pods_[slot].next) {
    PodRun& pod = pods_[slot];
    if (pod.step == Step::kImage) images_.forget(slot_of(pod), pod.ordinal, pod.node);
    ++pod.step_generation;
    ++pod.sync_generation;
    pod.wake_at = kNever;
    pod.step = Step::kIdle;
    pod.stopping = 0;
    pod.pending = false;
    pod.sandbox = false;
    pod.mounted = false;
    pod.probed = false;
    for (ContainerRun& container : containers_of(pod)) {
      stop_probes(container);
      ++container.stop_generation;
      container.stop = Stop::kNone;
      container.probe_failed = false;
      container.is_waiting = false;
      container.back_off.forget();
      if (container.process == Process::kCreated) remove_created(pod, container);
      // What containerd says of containers that it finds dead after a reboot.
      if (container.process == Process::kRunning) process_ended(pod, container, 255, ExitReason::kError);
    }
  }
  node.hung = false;
  node.held.clear();
  node.evicting = 0;
  ++node.round;
  ++node.disk_generation;
  ++node.memory_generation;
  ++node.pressure_generation;
}

void Kubelet::lose_disk(NodeId id) {
  BERTH_CHECK(nodes_[index(id)].down);
  for (std::uint32_t slot = nodes_[index(id)].first; slot != kNone; slot = pods_[slot].next) {
    for (ContainerRun& container : containers_of(pods_[slot])) remove_instances(pods_[slot], container);
    drop_volumes(pods_[slot]);
  }
}

void Kubelet::node_up(NodeId id) {
  const Delivery delivery(*this);
  Node& node = nodes_[index(id)];
  BERTH_CHECK(node.down && !node.removed);
  node.down = false;
  node.started = engine_.now();
  node.evict_next = Time{};
  node.memory_next = node.disk_next = Time{};
  node.clearing = node.evict_at_once = node.disk_at_once = false;
  if (node.pressure) {
    node.pressure = false;
    listener_.memory_pressure_changed(id, false);
  }
  if (node.disk_pressure) {
    node.disk_pressure = false;
    listener_.disk_pressure_changed(id, false);
  }
  disk_changed(id);
  for (std::uint32_t slot = node.first; slot != kNone;) {
    PodRun& pod = pods_[slot];
    slot = pod.next;
    pod.last_sync = Time{std::numeric_limits<std::int64_t>::min()};
    if (pod.unsent && !node.cut_off) {
      pod.unsent = false;
      changed(pod);
    }
    if (node.cut_off && pod.stage == Stage::kNew) continue;
    if (pod.stage == Stage::kUnmounting) pod.stage = Stage::kStopped;
    if (pod.deleting && !node.cut_off) post(engine_.now(), id_of(pod), pod.generation, kDeleted, kPhaseChange);
    if (pod.stage != Stage::kFinished) wake(pod, engine_.now());
  }
}

void Kubelet::hang(NodeId id) {
  BERTH_CHECK(!nodes_[index(id)].down);
  nodes_[index(id)].hung = true;
}

void Kubelet::resume(NodeId id) {
  Node& node = nodes_[index(id)];
  if (!node.hung) return;
  node.hung = false;
  for (const Event& event : node.held) engine_.schedule(engine_.now(), kPhaseChange, event);
  node.held.clear();
}

void Kubelet::disconnect(NodeId id) {
  nodes_[index(id)].cut_off = true;
}

void Kubelet::reconnect(NodeId id) {
  const Delivery delivery(*this);
  Node& node = nodes_[index(id)];
  if (!node.cut_off) return;
  node.cut_off = false;
  for (std::uint32_t slot = node.first; slot != kNone;) {
    PodRun& pod = pods_[slot];
    slot = pod.next;
    if (pod.unsent) {
      pod.unsent = false;
      changed(pod);
    }
    if (node.down) continue;
    if (pod.stage == Stage::kNew) wake(pod, engine_.now());
    if (pod.deleting) post(engine_.now(), id_of(pod), pod.generation, kDeleted, kPhaseChange);
  }
}

void Kubelet::remove_node(NodeId id) {
  const Delivery delivery(*this);
  Node& node = nodes_[index(id)];
  if (!node.down) node_down(id);
  node.removed = true;
  for (std::uint32_t slot = node.first; slot != kNone;) {
    PodRun& pod = pods_[slot];
    slot = pod.next;
    for (ContainerRun& container : containers_of(pod)) remove_instances(pod, container);
    images_.forget(slot_of(pod), pod.ordinal, pod.node);
    if (pod.orphan) gone(pod);
  }
}

}  // namespace berth

// What comes to the kubelet: events that are due, and answers of images and volumes.
#include "sim/kubelet/kubelet.hpp"

namespace berth {

void Kubelet::handle(const Event& event) {
  BERTH_CHECK(event.kind == EventKind::kKubeletEvent);
  const Delivery delivery(*this);
  const std::uint32_t subject = event.subject;
  if (event.detail >= kNodeMemory) {
    Node& node = nodes_[subject];
    if (event.detail == kNodeMemory && event.generation == node.memory_generation) memory_due(NodeId{subject});
    if (event.detail == kNodeDisk && event.generation == node.disk_generation) disk_due(NodeId{subject});
    if (event.detail == kPressureOver && event.generation == node.pressure_generation) {
      node.pressure = node.clearing = false;
      listener_.memory_pressure_changed(NodeId{subject}, false);
    }
    return;
  }
  if (event.detail == kProcessEnd) {  // Processes end whether or not anyone looks.
    ContainerRun& container = containers_[subject];
    if (event.generation != container.run_generation) return;
    process_ended(pods_[container.pod], container, container.exit_code, container.exit_reason);
    return;
  }

  std::uint32_t slot = subject;
  bool fresh = false;
  switch (event.detail) {
    case kStopStep:
      fresh = event.generation == containers_[subject].stop_generation;
      slot = containers_[subject].pod;
      break;
    case kProbeTick:
    case kProbeResult:
      fresh = event.generation == workers_[subject].generation;
      if (fresh) slot = containers_[workers_[subject].container].pod;
      break;
    case kSync:
      fresh = event.generation == pods_[subject].sync_generation;
      break;
    case kDeadline:
    case kRefused:
    case kDeleted:
      fresh = event.generation == pods_[subject].generation;
      break;
    default:
      fresh = event.generation == pods_[subject].step_generation;
      break;
  }
  if (!fresh) return;
  PodRun& pod = pods_[slot];
  Node& node = node_of(pod);
  // The runtime sends SIGKILL by itself; all else waits until the kubelet goes on.
  const bool by_runtime = event.detail == kStopStep && containers_[subject].stop == Stop::kTerm;
  if (node.hung && !by_runtime) {
    node.held.push_back(event);
    return;
  }
  switch (event.detail) {
    case kSync:
      pod.wake_at = kNever;
      sync_due(pod);
      break;
    case kStep:
      step_over(pod);
      break;
    case kDeadline:
      if (pod.stage == Stage::kActive) wake(pod, engine_.now());
      break;
    case kRefused:
      changed(pod);
      break;
    case kDeleted:
      if (!node.down && !node.cut_off) notice_deletion(pod);
      break;
    case kStopStep:
      stop_step(pod, containers_[subject]);
      break;
    case kProbeTick:
      probe_tick(workers_[subject]);
      break;
    case kProbeResult:
      workers_[subject].busy = false;
      probe_result(workers_[subject], false);
      break;
    default:
      image_answered(pod, static_cast<ImageResult>(event.detail - kImageAnswer));
      break;
  }
}

void Kubelet::image_ensured(PodSlot slot, ImageResult result) {
  if (!live(slot) || pods_[slot.slot].step != Step::kImage) return;
  const Delivery delivery(*this);
  PodRun& pod = pods_[slot.slot];
  if (node_of(pod).hung) {
    const auto detail = static_cast<std::uint16_t>(kImageAnswer + static_cast<std::uint16_t>(result));
    node_of(pod).held.push_back({slot.slot, pod.step_generation, EventKind::kKubeletEvent, detail});
    return;
  }
  image_answered(pod, result);
}

void Kubelet::volumes_mounted(PodSlot slot) {
  if (!live(slot) || pods_[slot.slot].step != Step::kVolumes) return;
  const Delivery delivery(*this);
  PodRun& pod = pods_[slot.slot];
  post(engine_.now(), slot.slot, pod.step_generation, kStep, kPhaseChange);
}

void Kubelet::volumes_unmounted(PodSlot slot) {
  if (!live(slot) || pods_[slot.slot].stage != Stage::kUnmounting || node_of(pods_[slot.slot]).down) return;
  const Delivery delivery(*this);
  post(engine_.now(), slot.slot, pods_[slot.slot].step_generation, kStep, kPhaseChange);
}

}  // namespace berth

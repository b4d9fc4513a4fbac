// Whom the kubelet evicts when its node is short of something, and how. What for: kubelet_memory.cpp, kubelet_disk.cpp.
// Source: Kubernetes v1.37, pkg/kubelet/eviction/ (eviction_manager.go, helpers.go).
#include <algorithm>

#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr Duration kEvictionCleanup = seconds(30);

}  // namespace

// A round: nobody else is evicted while those of it are being cleaned up, for at most 30 s.
void Kubelet::begin_evictions(Node& node) {
  ++node.round;
  node.evicting = 0;
  node.round_began = engine_.now();
  node.evict_next = engine_.now() + kEvictionCleanup;
}

void Kubelet::evict(PodRun& pod) {
  Node& node = node_of(pod);
  pod.evicted = true;
  pod.round = node.round;
  ++node.evicting;
  pod.grace_s = 1;
  pod.final_phase = StatusPhase::kFailed;
  pod.final_reason = PodReason::kEvicted;
  if (pod.step != Step::kIdle) cancel_step(pod);
  pod.stage = Stage::kTerminating;
  if (pod.step == Step::kIdle) wake_after_relist(pod, engine_.now());
}

// All containers of an evicted pod have stopped.
void Kubelet::eviction_over(PodRun& pod) {
  for (ContainerRun& container : containers_of(pod)) drop_layers(pod, container);
  drop_volumes(pod);
  Node& node = node_of(pod);
  if (pod.round != node.round || --node.evicting > 0) return;
  // The next round is at once, for what is still short; who is short later waits for the next look in turn.
  node.evict_at_once = memory_is_short(node);
  node.disk_at_once = true;
  look_at_memory(pod.node);
  disk_changed(pod.node);
}

}  // namespace berth

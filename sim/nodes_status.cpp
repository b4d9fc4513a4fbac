// What kubelets report of pods, to the control plane and the cluster.
#include <algorithm>
#include <utility>

#include "sim/nodes.hpp"

namespace berth {

namespace {

controllers::Phase phase_of(StatusPhase phase) {
  switch (phase) {
    case StatusPhase::kPending:
      return controllers::Phase::kPending;
    case StatusPhase::kRunning:
      return controllers::Phase::kRunning;
    case StatusPhase::kSucceeded:
      return controllers::Phase::kSucceeded;
    case StatusPhase::kFailed:
      return controllers::Phase::kFailed;
  }
  return controllers::Phase::kUnknown;
}

FailReason reason_of(PodReason reason) {
  switch (reason) {
    case PodReason::kAdmission:
      return FailReason::kAdmission;
    case PodReason::kDeadlineExceeded:
      return FailReason::kDeadlineExceeded;
    case PodReason::kEvicted:
      return FailReason::kEvicted;
    case PodReason::kNone:
      break;
  }
  return FailReason::kError;
}

}  // namespace

void Nodes::report(const Placed& placed) {
  const PodStatus& from = kubelet_.status(placed.slot);
  const PodProgram& program = kubelet_.program(*programs_[index(cluster_.pods().pod_template[index(placed.pod)])]);
  controllers::PodStatus status = control_plane_->store().pod(placed.object).status;
  status.phase = phase_of(from.phase);
  status.ready = from.ready;
  status.ready_since = controllers::api_time(from.ready_since == kNever ? engine_.now() : from.ready_since);
  if (from.disruption_target && status.disruption == controllers::Disruption::kNone) {
    status.disruption = controllers::Disruption::kTerminationByKubelet;
    status.disrupted_since = controllers::api_time(engine_.now());
  }
  status.restarts = 0;
  status.sidecar_restarts = 0;
  for (std::uint16_t c = 0; c < program.containers.size(); ++c) {
    const ContainerStatus& s = kubelet_.container_status(placed.slot, c);
    std::int32_t& restarts =
        program.containers[c].kind == ContainerKind::kSidecar ? status.sidecar_restarts : status.restarts;
    restarts = std::max(restarts, static_cast<std::int32_t>(s.restarts));
    if (!controllers::finished(status.phase) || c < program.init_containers || !s.has_ended) continue;
    const bool better = !status.container_ended || (status.exit_code == 0 && s.exit_code != 0);
    if (!better) continue;
    status.container_ended = true;
    status.exit_code = s.exit_code;
    status.exit_container = static_cast<std::uint16_t>(c - program.init_containers);
    status.finished_at = controllers::api_time(s.finished_at);
  }
  control_plane_->store().set_status(placed.object, status);
}

void Nodes::pod_status_changed(PodSlot slot, std::uint32_t owner) {
  Placed& placed = placed_[owner];
  changed_ = true;
  const PodStatus& status = kubelet_.status(slot);
  if (traffic_ != nullptr) traffic_->ready(owner, status.ready);
  const PodId pod = placed.pod;
  if (pod == kNoPod) return;  // It has ended before; what is left is tidying up.
  const PodId object = placed.object;
  if (object != kNoPod) {
    touch_control_plane();
    report(placed);
  }
  if (status.phase != StatusPhase::kPending && cluster_.pods().phase[index(pod)] == PodPhase::kScheduled) {
    actions_.pod_started(pod);
  }
  if (!terminal(status.phase)) return;
  if (placed.evicting || (object != kNoPod && control_plane_->store().pod(object).terminating)) return;
  if (placed.has_volumes) storage_.pod_finished(placed.ordinal);
  placed.pod = kNoPod;
  if (object != kNoPod) objects_[index(object)].pod = kNoPod;
  row(pod) = {};
  if (status.phase == StatusPhase::kSucceeded) {
    actions_.pod_succeeded(pod);
  } else {
    actions_.fail(pod, reason_of(status.reason));
  }
  if (object == kNoPod) kubelet_.delete_pod(slot);  // Nobody keeps the ended pods of a trace.
}

void Nodes::pod_gone(PodSlot, std::uint32_t owner) {
  const Placed placed = std::exchange(placed_[owner], {});
  if (traffic_ != nullptr) traffic_->gone(owner);
  free_placed_.push_back(owner);
  changed_ = true;
  if (placed.pod != kNoPod) row(placed.pod) = {};
  if (placed.has_volumes) storage_.pod_removed(placed.ordinal);
  if (placed.object != kNoPod && objects_[index(placed.object)].placed == owner) {  // Not deleted by force before.
    objects_[index(placed.object)] = {};
    touch_control_plane();
    control_plane_->store().remove_pod(placed.object);
  }
  if (placed.pod == kNoPod) return;
  if (placed.evicting && placed.object == kNoPod) {
    actions_.pod_evicted(placed.pod, *placed.evicting);
  } else {
    actions_.pod_deleted(placed.pod);
  }
}

}  // namespace berth

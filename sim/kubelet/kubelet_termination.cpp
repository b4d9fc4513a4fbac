// Taking containers and pods down: preStop hook, SIGTERM, grace, SIGKILL; sidecars last, in reverse order of their
// start, sharing the grace. Source: Kubernetes v1.37, pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer),
// kuberuntime_termination_order.go, pkg/kubelet/pod_workers.go.
#include <algorithm>

#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr std::int64_t kLeastGraceSeconds = 2;
constexpr std::int32_t kSigkilled = 137;  // 128 + SIGKILL.
constexpr std::int32_t kSigtermed = 143;  // 128 + SIGTERM.
constexpr std::uint32_t kStopDraw = 3;

std::int64_t whole_seconds(Duration d) {
  return d.ns / seconds(1).ns;
}

}  // namespace

void Kubelet::begin_termination(PodRun& pod) {
  pod.stage = Stage::kTerminating;
  // Of a forced deletion the kubelet makes 1 s.
  const std::int64_t grace = std::max<std::int64_t>(pod.grace_s, 1);
  const KillReason reason = pod.evicted                                        ? KillReason::kEvicted
                            : pod.final_reason == PodReason::kDeadlineExceeded ? KillReason::kActiveDeadline
                                                                               : KillReason::kPodDeleted;
  for (ContainerRun& container : containers_of(pod)) {
    if (container.process == Process::kRunning) stop_container(pod, container, reason, grace, true);
  }
  if (pod.stopping == 0) all_stopped(pod);
}

void Kubelet::stop_container(PodRun& pod, ContainerRun& container, KillReason reason, std::int64_t grace_s,
                             bool hooks) {
  BERTH_CHECK(container.process == Process::kRunning && container.stop == Stop::kNone);
  ++pod.stopping;
  container.kill_reason = reason;
  container.stop_grace_s = grace_s;
  container.stop_since = engine_.now();
  record(container, RecordKind::kContainerKilling, static_cast<std::uint8_t>(reason));
  const HookProgram& hook = program_of(container).pre_stop;
  if (hooks && hook.present && grace_s > 0) {
    container.stop = Stop::kPreStop;
    container.kill_at = engine_.now() + std::min(hook.takes, seconds(grace_s));
    post(container.kill_at, id_of(container), ++container.stop_generation, kStopStep, kPhaseChange);
    return;
  }
  container.stop = Stop::kTurn;
  stop_step(pod, container);
}

// What a container that is being stopped was waiting for is over; in kTurn also: may have come.
void Kubelet::stop_step(PodRun& pod, ContainerRun& container) {
  const Time now = engine_.now();
  switch (container.stop) {
    case Stop::kPreStop:
      container.stop_grace_s -= whole_seconds(now - container.stop_since);
      container.stop = Stop::kTurn;
      container.stop_since = now;
      [[fallthrough]];
    case Stop::kTurn: {
      if (container.kill_reason == KillReason::kRestartAllContainers) return send_term(pod, container);
      const Time latest = container.stop_since + seconds(std::max<std::int64_t>(container.stop_grace_s, 0));
      if (now < latest && !its_turn(pod, container)) {
        container.kill_at = latest;
        post(latest, id_of(container), ++container.stop_generation, kStopStep, kPhaseChange);
        return;
      }
      container.stop_grace_s -= whole_seconds(now - container.stop_since);
      return send_term(pod, container);
    }
    case Stop::kTerm:
      process_ended(pod, container, kSigkilled, ExitReason::kError);
      return;
    case Stop::kNone:
      return;
  }
}

// A sidecar goes after all regular containers and all sidecars behind it, where the whole pod goes.
bool Kubelet::its_turn(const PodRun& pod, const ContainerRun& container) const {
  const PodProgram& program = program_of(pod);
  const std::uint16_t number = number_of(container);
  if (program.containers[number].kind != ContainerKind::kSidecar) return true;
  if (container.kill_reason == KillReason::kLivenessProbe || container.kill_reason == KillReason::kStartupProbe ||
      container.kill_reason == KillReason::kPostStartHook) {
    return true;
  }
  for (std::size_t i = number + std::size_t{1}; i < program.containers.size(); ++i) {
    if (program.containers[i].kind == ContainerKind::kInit) continue;
    if (containers_[pod.first + i].process == Process::kRunning) return false;
  }
  return true;
}

// SIGTERM, and SIGKILL when the grace is over. Model: the process ends by itself after the time that its behavior says.
void Kubelet::send_term(PodRun& pod, ContainerRun& container) {
  const Time now = engine_.now();
  container.stop = Stop::kTerm;
  ++container.stop_generation;
  listener_.process_changed(slot_of(pod), pod.owner, number_of(container), KubeletListener::Process::kClosing, kNever);
  container.kill_at = now + seconds(std::max(container.stop_grace_s, kLeastGraceSeconds));
  const std::optional<Distribution>& takes = program_of(container).behavior.stop_time;
  Time end = now;
  if (takes) {
    end = end + from_seconds(draw(*takes, Purpose::kContainerRun, pod.ordinal, number_of(container),
                                  container.instances, kStopDraw));
  }
  if (container.end_at <= end) end = kNever;  // It ends by itself before.
  if (end < container.kill_at) {
    container.end_at = end;
    container.exit_code = kSigtermed;
    container.exit_reason = ExitReason::kError;
    post(end, id_of(container), ++container.run_generation, kProcessEnd, kPhaseLeave);
  } else {
    post(container.kill_at, id_of(container), container.stop_generation, kStopStep, kPhaseLeave);
  }
}

// A shorter grace for a pod that is going already.
void Kubelet::shorten(PodRun& pod, std::int64_t grace_s) {
  const std::int64_t grace = std::max<std::int64_t>(grace_s, 1);
  const Time now = engine_.now();
  for (ContainerRun& container : containers_of(pod)) {
    if (container.stop == Stop::kNone) continue;
    const bool term = container.stop == Stop::kTerm;
    if (!term) {
      container.stop_grace_s = std::min(container.stop_grace_s, whole_seconds(now - container.stop_since) + grace);
    }
    const Time latest = now + seconds(term ? std::max(grace, kLeastGraceSeconds) : grace);
    if (latest >= container.kill_at) continue;
    container.kill_at = latest;
    post(latest, id_of(container), ++container.stop_generation, kStopStep, term ? kPhaseLeave : kPhaseChange);
  }
}

// One of the containers that the present step stops has ended.
void Kubelet::container_stopped(PodRun& pod) {
  BERTH_CHECK(pod.stopping > 0);
  --pod.stopping;
  for (ContainerRun& container : containers_of(pod)) {
    if (container.stop == Stop::kTurn && its_turn(pod, container)) stop_step(pod, container);
  }
  if (pod.stopping > 0) return;
  if (pod.stage == Stage::kTerminating && pod.step == Step::kIdle) {
    all_stopped(pod);
    return;
  }
  if (node_of(pod).hung) {  // The kubelet will see it when it goes on.
    post(engine_.now(), id_of(pod), pod.step_generation, kStep, kPhaseChange);
    return;
  }
  step_over(pod);
}

void Kubelet::all_stopped(PodRun& pod) {
  pod.sandbox = false;
  pod.stage = Stage::kStopped;
  pod.last_sync = engine_.now();
  if (pod.evicted) eviction_over(pod);
  update_status(pod, true);
  if (!terminal(pod.final_phase)) {
    pod.final_phase = pod_phase(program_of(pod), {statuses_.data() + pod.first, program_of(pod).containers.size()},
                                true, pod.main_created);
    if (pod.evicted) {
      pod.final_phase = StatusPhase::kFailed;
      pod.final_reason = PodReason::kEvicted;
    }
  }
  for (const ContainerRun& container : containers_of(pod)) stop_probes(container);
  wake_after_relist(pod, engine_.now());
}

// A relist has seen that nothing runs: volumes go, then the pod's worker is done.
void Kubelet::confirm_stopped(PodRun& pod) {
  pod.stage = Stage::kUnmounting;
  if (pod.mount_asked && !volumes_.unmount(slot_of(pod), pod.ordinal, pod.node)) return;
  finish(pod);
}

void Kubelet::finish(PodRun& pod) {
  pod.stage = Stage::kFinished;
  pod.mounted = pod.mount_asked = false;
  release(pod);
  drop_volumes(pod);
  if (terminal(pod.final_phase) && pod.status.phase != pod.final_phase) {
    pod.status.phase = pod.final_phase;
    pod.status.reason = pod.final_reason;
    pod.status.disruption_target = pod.evicted && !pod.over_limit;
    update_conditions(pod);
    changed(pod);
  }
  if (told_to_go(pod)) gone(pod);
}

}  // namespace berth

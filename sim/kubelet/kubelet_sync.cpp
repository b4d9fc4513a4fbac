// Syncs: when they happen, and what they find is to be done; kubelet_start.cpp does it.
// Source: Kubernetes v1.37, pkg/kubelet/pod_workers.go, kubelet.go (SyncPod), kuberuntime/kuberuntime_manager.go
// (computePodActions, SyncPod, doBackOff).
#include <algorithm>

#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr Duration kRelistPeriod = seconds(1);  // The sync loop's own tick is the same grid.
constexpr Duration kErrorPeriod = seconds(10);
constexpr Duration kResyncPeriod = seconds(60);
constexpr std::uint32_t kSandboxDraws = 1023;  // In place of a container's number.

Duration times(Duration d, double factor) {
  return from_seconds(d.seconds() * factor);
}

}  // namespace

// A sync at `at`, unless an earlier one is due: each sync works out anew when the next one is.
void Kubelet::wake(PodRun& pod, Time at) {
  if (at >= pod.wake_at || node_of(pod).down) return;
  pod.wake_at = at;
  post(at, id_of(pod), ++pod.sync_generation, kSync, kPhaseChange);
}

// The same, but not before a relist that is newer than the last sync (podCache.GetNewerThan).
void Kubelet::wake_after_relist(PodRun& pod, Time at) {
  const Node& node = node_of(pod);
  if (pod.last_sync >= node.started && pod.last_sync >= grid_before(node, at, kRelistPeriod)) {
    at = grid_before(node, pod.last_sync, kRelistPeriod) + kRelistPeriod;
  }
  wake(pod, at);
}

void Kubelet::sync_due(PodRun& pod) {
  const Node& node = node_of(pod);
  if (node.down) return;
  if (pod.stage == Stage::kNew) {
    if (!node.cut_off) first_sight(pod);
    return;
  }
  if (pod.step != Step::kIdle) {
    pod.pending = true;
    return;
  }
  if (pod.last_sync >= node.started && pod.last_sync >= grid_before(node, engine_.now(), kRelistPeriod)) {
    wake_after_relist(pod, engine_.now());
    return;
  }
  switch (pod.stage) {
    case Stage::kActive:
      if (told_to_go(pod)) {
        begin_termination(pod);
      } else {
        sync(pod);
      }
      break;
    case Stage::kTerminating:
      if (pod.stopping == 0) begin_termination(pod);
      break;
    case Stage::kStopped:
      confirm_stopped(pod);
      break;
    case Stage::kNew:
    case Stage::kUnmounting:
    case Stage::kFinished:
      break;
  }
}

void Kubelet::sync(PodRun& pod) {
  pod.acted = pod.failed = pod.restart_all = false;
  pod.back_off = kForever;
  update_status(pod, false);
  const StatusPhase phase = pod_phase(
      program_of(pod), {statuses_.data() + pod.first, program_of(pod).containers.size()}, false, pod.main_created);
  if (engine_.now() >= pod.deadline) {
    pod.final_phase = StatusPhase::kFailed;
    pod.final_reason = PodReason::kDeadlineExceeded;
  } else if (terminal(phase)) {
    pod.final_phase = phase;
  }
  if (terminal(pod.final_phase)) {  // The pod's worker goes on to tear it down at the next tick.
    pod.stage = Stage::kTerminating;
    if (!pod.deleting) pod.grace_s = program_of(pod).grace.ns / seconds(1).ns;
    pod.last_sync = engine_.now();
    wake_after_relist(pod, engine_.now());
    return;
  }
  if (!pod.mounted) {
    pod.mount_asked = true;
    if (!volumes_.mount(slot_of(pod), pod.ordinal, pod.node)) {
      pod.step = Step::kVolumes;
      ++pod.step_generation;
      return;
    }
  }
  go_on_with_volumes(pod);
}

void Kubelet::go_on_with_volumes(PodRun& pod) {
  if (!pod.mounted) {
    pod.mounted = true;
    record(pod, RecordKind::kPodVolumesMounted);
  }
  if (!pod.probed) start_probes(pod);
  if (pod.sandbox) return plan(pod);

  // A sandbox that was lost is made anew for what is still to run: not where nothing may be restarted.
  const PodProgram& program = program_of(pod);
  bool any_ran = false;
  bool any_to_run = false;
  for (const ContainerRun& container : containers_of(pod)) {
    any_ran = any_ran || container.instances > 0;
    if (program_of(container).kind != ContainerKind::kRegular) continue;
    any_to_run = any_to_run || container.process != Process::kExited ||
                 restart_action(program_of(container), container.exit_code) != RestartAction::kNone;
  }
  if ((!program.restarts_on_failure && any_ran) || !any_to_run) return finish_sync(pod);
  const double takes = draw(options_.sandbox_time, Purpose::kStartUp, pod.ordinal, kSandboxDraws, pod.sandboxes, 0);
  do_step(pod, Step::kSandbox, from_seconds(takes));
}

void Kubelet::do_step(PodRun& pod, Step step, Duration takes) {
  pod.step = step;
  post(engine_.now() + takes, id_of(pod), ++pod.step_generation, kStep, kPhaseChange);
}

// True if the last relist has seen the end of the container.
bool Kubelet::seen_exited(const PodRun& pod, const ContainerRun& container) const {
  return container.process == Process::kExited &&
         container.finished_at <= grid_before(node_of(pod), engine_.now(), kRelistPeriod);
}

void Kubelet::plan(PodRun& pod) {
  bool restart_all = false;
  for (ContainerRun& container : containers_of(pod)) {
    container.wanted = container.killed = false;
    restart_all = restart_all ||
                  (seen_exited(pod, container) &&
                   restart_action(program_of(container), container.exit_code) == RestartAction::kRestartAllContainers);
  }
  pod.cursor = 0;
  if (restart_all) {
    // Fast termination: neither hooks nor grace. All are then removed, and the next sync begins with the first one.
    pod.restart_all = true;
    for (ContainerRun& container : containers_of(pod)) {
      if (container.process != Process::kRunning) continue;
      stop_container(pod, container, KillReason::kRestartAllContainers, 0, false);
    }
  } else if (plan_init(pod)) {
    plan_main(pod);
  }
  if (pod.stopping > 0) {
    pod.step = Step::kKill;
    ++pod.step_generation;
    pod.acted = true;
    return;
  }
  kills_done(pod);
}

// Which init containers to start; true if all of them are done and sidecars have started.
bool Kubelet::plan_init(PodRun& pod) {
  const PodProgram& program = program_of(pod);
  const std::span<ContainerRun> containers = containers_of(pod);
  const auto restart = [&](ContainerRun& container) {
    if (seen_exited(pod, container)) {
      container.wanted = true;
    } else if (container.probe_failed) {
      plan_kill(pod, container, true);
    }
  };
  if (pod.main_created) {
    for (std::size_t i = 0; i < program.init_containers; ++i) {
      if (program.containers[i].kind == ContainerKind::kSidecar) restart(containers[i]);
    }
    return true;
  }
  std::size_t last = program.init_containers;  // The last one that has been made in this sandbox.
  while (last > 0 && containers[last - 1].process == Process::kAbsent) --last;
  for (std::size_t i = 0; i < last; ++i) {
    if (program.containers[i].kind == ContainerKind::kSidecar) restart(containers[i]);
  }
  if (last > 0) {
    ContainerRun& container = containers[last - 1];
    if (program.containers[last - 1].kind == ContainerKind::kSidecar) {
      if (container.process != Process::kRunning || !startup_passed(container)) return false;
    } else {
      if (!seen_exited(pod, container)) return false;
      if (container.exit_code != 0) {
        container.wanted = restart_action(program.containers[last - 1], container.exit_code) != RestartAction::kNone;
        return false;
      }
    }
  }
  if (last == program.init_containers) return true;
  containers[last].wanted = true;
  return false;
}

void Kubelet::plan_main(PodRun& pod) {
  const PodProgram& program = program_of(pod);
  const std::span<ContainerRun> containers = containers_of(pod);
  bool any = false;
  for (std::size_t i = program.init_containers; i < containers.size(); ++i) {
    ContainerRun& container = containers[i];
    if (container.process == Process::kAbsent) {
      container.wanted = true;
    } else if (seen_exited(pod, container)) {
      container.wanted = restart_action(program.containers[i], container.exit_code) != RestartAction::kNone;
    } else if (container.probe_failed) {
      // Whatever its exit code will be: what counts here is that the policy restarts on failure.
      plan_kill(pod, container, program.containers[i].restart_policy != kube::api::RestartPolicy::kNever);
    } else {
      any = true;
    }
    any = any || container.wanted;
  }
  if (any) return;
  // Nothing is left to run: sidecars go.
  for (std::size_t i = 0; i < program.init_containers; ++i) containers[i].wanted = false;
  for (std::size_t i = 0; i < program.init_containers; ++i) {
    if (containers[i].process != Process::kRunning || containers[i].stop != Stop::kNone) continue;
    stop_container(pod, containers[i], KillReason::kPodDeleted, program.grace.ns / seconds(1).ns, true);
  }
}

void Kubelet::plan_kill(PodRun& pod, ContainerRun& container, bool start_again) {
  container.wanted = start_again;
  container.probe_failed = false;
  if (container.process != Process::kRunning) return;  // It has ended by itself meanwhile.
  const ProbeKind kind =
      container.kill_reason == KillReason::kStartupProbe ? ProbeKind::kStartup : ProbeKind::kLiveness;
  Duration grace = program_of(pod).grace;
  for (const ProbeProgram& probe : program_of(container).probes) {
    if (probe.kind == kind && probe.grace) grace = *probe.grace;
  }
  container.killed = true;
  stop_container(pod, container, container.kill_reason, grace.ns / seconds(1).ns, true);
}

void Kubelet::kills_done(PodRun& pod) {
  pod.step = Step::kIdle;
  if (pod.restart_all) {
    for (ContainerRun& container : containers_of(pod)) {
      remove_instances(pod, container);
      container.is_waiting = false;
    }
    pod.main_created = false;
    pod.acted = true;
    return finish_sync(pod);
  }
  start_next(pod);
}

void Kubelet::finish_sync(PodRun& pod) {
  const Time now = engine_.now();
  const Node& node = node_of(pod);
  pod.step = Step::kIdle;
  pod.last_sync = now;
  if (pod.back_off != kForever) {
    const Duration rest = std::min(pod.back_off, kResyncPeriod);
    wake(pod, grid_from(node, now + times(rest, jitter(pod)), kRelistPeriod));
  } else if (pod.failed) {
    wake(pod, grid_from(node, now + times(kErrorPeriod, jitter(pod)), kRelistPeriod));
  } else {
    // A sync without need only asks readiness probes to look again.
    for (const ContainerRun& container : containers_of(pod)) {
      const ContainerStatus& status = status_of(container);
      if (!status.started || status.ready || worker_of(container, ProbeKind::kReadiness) == nullptr) continue;
      wake(pod, grid_from(node, now + times(kResyncPeriod, jitter(pod)), kRelistPeriod));
      break;
    }
  }
  if (pod.acted || pod.pending) wake_after_relist(pod, now);
  pod.pending = false;
}

// A sync that is cut short: what it has begun comes to nothing.
void Kubelet::cancel_step(PodRun& pod) {
  ContainerRun& container = containers_[pod.first + pod.cursor];
  switch (pod.step) {
    case Step::kImage:
      images_.forget(slot_of(pod), pod.ordinal, pod.node);
      break;
    case Step::kStart:
      remove_created(pod, container);
      break;
    case Step::kKill:
    case Step::kHookKill:
      return;  // What is being stopped is stopped first.
    default:
      break;
  }
  ++pod.step_generation;
  pod.step = Step::kIdle;
  pod.pending = false;
  pod.last_sync = engine_.now();
}

}  // namespace berth

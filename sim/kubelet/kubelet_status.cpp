// What is reported of a pod. A status is made at the beginning of each sync from what the last relist has seen; results
// of readiness and startup probes are put into it as they come.
// Source: Kubernetes v1.37, pkg/kubelet/kubelet_pods.go (generateAPIPodStatus), status/status_manager.go.
#include "sim/kubelet/kubelet.hpp"

namespace berth {

using State = ContainerStatus::State;

void Kubelet::update_status(PodRun& pod, bool terminating) {
  const PodProgram& program = program_of(pod);
  bool any = false;
  for (ContainerRun& container : containers_of(pod)) {
    const ContainerStatus before = status_of(container);
    update_container(pod, container, status_of(container), terminating);
    any = any || !(before == status_of(container));
  }
  const std::span<const ContainerStatus> statuses(statuses_.data() + pod.first, program.containers.size());
  const bool deciding = terminating || terminal(pod.final_phase);
  const StatusPhase phase = pod_phase(program, statuses, deciding, pod.main_created);
  // A terminal phase is reported only when all is torn down.
  if (!terminal(pod.status.phase) && !terminal(phase) && pod.status.phase != phase) {
    pod.status.phase = phase;
    any = true;
  }
  if (pod.status.ready_to_start_containers != pod.sandbox) {
    pod.status.ready_to_start_containers = pod.sandbox;
    any = true;
  }
  const bool initialized = pod_initialized(program, statuses, pod.main_created);
  if (pod.status.initialized != initialized) {
    pod.status.initialized = initialized;
    if (initialized) record(pod, RecordKind::kPodInitialized);
    any = true;
  }
  if (any) changed(pod);
  update_conditions(pod);
  trigger_readiness(pod);
}

void Kubelet::update_container(PodRun& pod, ContainerRun& container, ContainerStatus& status, bool terminating) {
  const ContainerProgram& program = program_of(container);
  const bool exited = terminating ? container.process == Process::kExited : seen_exited(pod, container);
  const bool running = container.process == Process::kRunning || (container.process == Process::kExited && !exited);
  const std::uint32_t reported = container.reported;
  status.restarts = container.instances > 0 ? container.instances - 1 : 0;
  if (running) {
    status.state = State::kRunning;
    status.started_at = container.started_at;
    container.reported = container.instances;
  } else if (exited) {
    container.reported = container.instances;
    status.has_ended = true;
    status.exit_code = container.exit_code;
    status.exit_reason = container.exit_reason;
    status.finished_at = container.finished_at;
    status.started_at = kNever;
    status.state = State::kTerminated;
    // What will be restarted is waiting for it, once an attempt has failed and left a reason.
    if (container.is_waiting && !terminating && restart_action(program, container.exit_code) != RestartAction::kNone) {
      status.state = State::kWaiting;
      status.reason = container.waiting;
    }
  } else {
    status.state = State::kWaiting;
    status.started_at = kNever;
    status.has_ended = status.has_ended && container.process != Process::kAbsent;
    status.reason = container.is_waiting                  ? container.waiting
                    : program_of(pod).init_containers > 0 ? WaitingReason::kPodInitializing
                                                          : WaitingReason::kContainerCreating;
  }
  const bool started = running && startup_passed(container);
  if (started && (!status.started || reported != container.reported)) record(container, RecordKind::kContainerUp);
  status.started = started;
  if (reported != container.reported && running) instance_reported(container);
  bool ready = started;
  if (program.kind == ContainerKind::kInit) {
    ready = status.state == State::kTerminated && status.exit_code == 0;
    status.ready = ready;  // Of no account for the pod's conditions, and no record.
    return;
  }
  if (const ProbeWorker* worker = worker_of(container, ProbeKind::kReadiness)) {
    ready = ready && worker->instance == container.reported && worker->value == ProbeWorker::Result::kSuccess;
  }
  set_ready(pod, container, status, ready);
}

void Kubelet::set_ready(PodRun& pod, ContainerRun& container, ContainerStatus& status, bool ready) {
  if (status.ready == ready) return;
  status.ready = ready;
  record(container, ready ? RecordKind::kContainerReady : RecordKind::kContainerNotReady);
  changed(pod);
}

// ContainersReady and Ready, from the containers as they are reported.
void Kubelet::update_conditions(PodRun& pod) {
  const PodProgram& program = program_of(pod);
  bool ready = pod.status.phase == StatusPhase::kRunning && !terminal(pod.final_phase);
  for (std::size_t i = 0; i < program.containers.size() && ready; ++i) {
    if (program.containers[i].kind != ContainerKind::kInit) ready = statuses_[pod.first + i].ready;
  }
  if (pod.status.containers_ready != ready) {
    pod.status.containers_ready = ready;
    changed(pod);
  }
  ready = ready && (pod.gates || !program.has_readiness_gates);
  if (pod.status.ready == ready) return;
  pod.status.ready = ready;
  pod.status.ready_since = engine_.now();
  record(pod, ready ? RecordKind::kPodReady : RecordKind::kPodNotReady);
  changed(pod);
}

}  // namespace berth

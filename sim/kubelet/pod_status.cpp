#include "sim/kubelet/pod_status.hpp"

namespace berth {

StatusPhase pod_phase(const PodProgram& program, std::span<const ContainerStatus> statuses, bool terminating,
                      bool initialized) {
  using State = ContainerStatus::State;
  bool init_failed = false;
  bool init_pending = false;
  bool sidecar_pending = false;
  std::uint32_t waiting = 0, running = 0, stopped = 0, restartable = 0, succeeded = 0;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    const ContainerProgram& container = program.containers[i];
    const ContainerStatus& status = statuses[i];
    const bool never_ran = status.state == State::kWaiting && !status.has_ended;
    switch (container.kind) {
      case ContainerKind::kInit:
        if (status.state == State::kRunning || never_ran) {
          init_pending = true;
        } else if (status.exit_code != 0 && restart_action(container, status.exit_code) == RestartAction::kNone) {
          init_failed = true;
        }
        break;
      case ContainerKind::kSidecar:
        // One that has stopped does not count at all.
        if (status.state == State::kRunning) {
          ++running;
          sidecar_pending = sidecar_pending || !status.started;
        } else if (never_ran) {
          ++waiting;
          sidecar_pending = true;
        }
        break;
      case ContainerKind::kRegular:
        if (status.state == State::kRunning) {
          ++running;
        } else if (never_ran) {
          ++waiting;
        } else {
          ++stopped;
          if (restart_action(container, status.exit_code) != RestartAction::kNone) ++restartable;
          if (status.state == State::kTerminated && status.exit_code == 0) ++succeeded;
        }
        break;
    }
  }
  if (init_failed) return StatusPhase::kFailed;
  if (init_pending || (sidecar_pending && !initialized)) return StatusPhase::kPending;
  if (waiting > 0) return StatusPhase::kPending;
  if (running > 0) return StatusPhase::kRunning;
  if (stopped == 0) return StatusPhase::kPending;
  if (restartable > 0 && !terminating) return StatusPhase::kRunning;
  return stopped == succeeded ? StatusPhase::kSucceeded : StatusPhase::kFailed;
}

bool pod_initialized(const PodProgram& program, std::span<const ContainerStatus> statuses, bool initialized) {
  if (initialized) return true;
  for (std::size_t i = 0; i < program.init_containers; ++i) {
    const ContainerStatus& status = statuses[i];
    const bool done = program.containers[i].kind == ContainerKind::kSidecar
                          ? status.started
                          : status.state == ContainerStatus::State::kTerminated && status.exit_code == 0;
    if (!done) return false;
  }
  return true;
}

}  // namespace berth

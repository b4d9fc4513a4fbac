// What a kubelet reports of a pod: the states of its containers, its conditions and the phase that follows from them.
#pragma once

#include <cstdint>
#include <span>

#include "sim/cluster/journal.hpp"
#include "sim/engine/time.hpp"
#include "sim/kubelet/pod_program.hpp"

namespace berth {

enum class StatusPhase : std::uint8_t { kPending, kRunning, kSucceeded, kFailed };
constexpr bool terminal(StatusPhase phase) {
  return phase == StatusPhase::kSucceeded || phase == StatusPhase::kFailed;
}

// One of containerStatuses[].
struct ContainerStatus {
  enum class State : std::uint8_t { kWaiting, kRunning, kTerminated };
  State state = State::kWaiting;
  WaitingReason reason = WaitingReason::kContainerCreating;  // kWaiting.
  bool started = false;
  bool ready = false;
  bool has_ended = false;  // It is Terminated, or Waiting with a lastState.terminated: the four below are valid.
  ExitReason exit_reason{};
  std::int32_t exit_code = 0;
  Time started_at = kNever;   // Of the running instance.
  Time finished_at = kNever;  // Of the one that ended last.
  std::uint32_t restarts = 0;
  friend bool operator==(const ContainerStatus&, const ContainerStatus&) = default;
};

enum class PodReason : std::uint8_t { kNone, kAdmission, kDeadlineExceeded, kEvicted };

struct PodStatus {
  StatusPhase phase = StatusPhase::kPending;
  bool ready_to_start_containers = false;  // Conditions.
  bool initialized = false;
  bool containers_ready = false;
  bool ready = false;
  bool disruption_target = false;  // Evicted for the node's sake.
  PodReason reason = PodReason::kNone;
  Time start_time = kNever;   // The kubelet has seen the pod.
  Time ready_since = kNever;  // Last change of `ready`.
  friend bool operator==(const PodStatus&, const PodStatus&) = default;
};

// status.phase. `statuses` beside `program.containers`. `terminating`: the pod is told to go or has ended, so nothing
// will be restarted. `initialized`: a regular container has been made since the sandbox came up, so a sidecar that is
// restarting does not put the pod back to Pending. A pure function, O(containers).
// Source: Kubernetes v1.37, pkg/kubelet/kubelet_pods.go getPhase.
StatusPhase pod_phase(const PodProgram& program, std::span<const ContainerStatus> statuses, bool terminating,
                      bool initialized);

// Condition Initialized: init containers have ended well and sidecars are started.
bool pod_initialized(const PodProgram& program, std::span<const ContainerStatus> statuses, bool initialized);

}  // namespace berth

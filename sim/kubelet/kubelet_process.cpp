// The process in a container: what it does is the model of ContainerBehavior, not Kubernetes.
#include <algorithm>

#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr std::int32_t kSigkilled = 137;  // 128 + SIGKILL.

}  // namespace

void Kubelet::start_process(PodRun& pod, ContainerRun& container) {
  const ContainerProgram& program = program_of(container);
  const kube::api::ContainerBehavior& behavior = program.behavior;
  const Time now = engine_.now();
  const std::uint16_t number = number_of(container);
  const auto drawn = [&](const Distribution& distribution, Purpose purpose, double factor) {
    return from_seconds(factor * draw(distribution, purpose, pod.ordinal, number, container.instances, 0));
  };
  container.process = Process::kRunning;
  container.stop = Stop::kNone;
  container.probe_failed = container.hung = false;
  container.started_at = now;
  container.up_at = now;
  if (behavior.start_up) container.up_at = now + drawn(*behavior.start_up, Purpose::kContainerUp, program.slow_down);

  // Of all that may end it, the first; at one instant the order of these lines.
  container.end_at = kNever;
  const auto ends = [&](Time at, std::int32_t code, ExitReason reason) {
    if (at >= container.end_at) return;
    container.end_at = at;
    container.exit_code = code;
    container.exit_reason = reason;
  };
  add_leaks(pod, container);
  if (const auto oom = oom_after(container)) ends(now + *oom, kSigkilled, ExitReason::kOomKilled);
  if (behavior.run_time) {
    ends(now + drawn(*behavior.run_time, Purpose::kContainerRun, program.slow_down), behavior.exit_code,
         behavior.exit_code == 0 ? ExitReason::kCompleted : ExitReason::kError);
  }
  if (behavior.crash_hazard_per_second > 0) {
    Rng rng(options_.seed, options_.replication, pod.ordinal, Purpose::kCrashes);
    rng.seek(((std::uint32_t{number} << 16) | (container.instances & 0xFFFF)) << 2);
    ends(now + from_seconds(exponential(rng, 1 / behavior.crash_hazard_per_second)), behavior.crash_exit_code,
         ExitReason::kError);
  }
  if (const KubeletListener::Crash crash = listener_.crash_of(pod.owner, number, container.instances - 1);
      crash.after != kForever) {
    ends(now + crash.after, crash.exit_code, ExitReason::kError);
  }
  ++container.run_generation;
  if (container.end_at != kNever) {
    post(container.end_at, id_of(container), container.run_generation, kProcessEnd, kPhaseLeave);
  }
  record(container, RecordKind::kContainerStarted, 0, container.instances - 1);
  memory_taken(pod, container);
  disk_taken(pod, container);
  listener_.process_changed(slot_of(pod), pod.owner, number, KubeletListener::Process::kStarted, container.up_at);
}

void Kubelet::process_ended(PodRun& pod, ContainerRun& container, std::int32_t code, ExitReason reason) {
  BERTH_CHECK(container.process == Process::kRunning);
  memory_given(pod, container);
  disk_given(pod, container);
  container.ran = container.ran + (engine_.now() - container.started_at);
  ++container.run_generation;
  container.process = Process::kExited;
  container.exit_code = code;
  container.exit_reason = reason;
  container.finished_at = engine_.now();
  container.end_at = kNever;
  record(container, RecordKind::kContainerExited, static_cast<std::uint8_t>(reason), static_cast<std::uint32_t>(code));
  listener_.process_changed(slot_of(pod), pod.owner, number_of(container), KubeletListener::Process::kEnded, kNever);
  if (node_of(pod).down) return;
  const bool stopped = container.stop != Stop::kNone;
  if (stopped) {
    container.stop = Stop::kNone;
    ++container.stop_generation;
    container_stopped(pod);
  } else if (pod.stage == Stage::kActive) {
    wake_after_relist(pod, grid_from(node_of(pod), engine_.now(), seconds(1)));
  }
}

void Kubelet::crash(PodSlot slot, std::uint16_t number, std::int32_t exit_code) {
  if (!live(slot) || !runs(slot, number)) return;
  const Delivery delivery(*this);
  PodRun& pod = pods_[slot.slot];
  process_ended(pod, containers_[pod.first + number], exit_code,
                exit_code == 0 ? ExitReason::kCompleted : ExitReason::kError);
}

bool Kubelet::runs(PodSlot slot, std::uint16_t number) const {
  BERTH_CHECK(live(slot) && number < program_of(pods_[slot.slot]).containers.size());
  return containers_[pods_[slot.slot].first + number].process == Process::kRunning;
}

bool Kubelet::answers(const ContainerRun& container) const {
  return container.process == Process::kRunning && !container.hung && engine_.now() >= container.up_at;
}

}  // namespace berth

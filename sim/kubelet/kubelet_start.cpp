// The steps of a sync that start containers: image, create, start, postStart hook; one container after another.
// Source: Kubernetes v1.37, pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod, doBackOff) and
// kuberuntime_container.go (startContainer).
#include <algorithm>
#include <utility>

#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr Duration kBackOffCollection = seconds(2);

}  // namespace

// The next container, in order, that this sync is to start.
void Kubelet::start_next(PodRun& pod) {
  const std::span<ContainerRun> containers = containers_of(pod);
  const Node& node = node_of(pod);
  for (; pod.cursor < containers.size(); ++pod.cursor) {
    ContainerRun& container = containers[pod.cursor];
    if (!container.wanted) continue;
    container.wanted = false;
    // What this sync knows of the container: after a kill of its own that is an earlier instance, if there is one.
    const bool ended = seen_exited(pod, container) && !container.killed;
    const Time finished = ended ? container.finished_at : container.dead_finished;
    const Time now = engine_.now();
    if ((ended || container.has_dead) && finished != kNever) {
      const Time collected = grid_before(node, now, kBackOffCollection);
      const Duration rest = container.back_off.rest(now, finished, collected);
      if (rest > Duration{}) {
        pod.back_off = std::min(pod.back_off, rest);
        waits(container, WaitingReason::kCrashLoopBackOff, container.back_off.delay());
        if (program_of(container).kind == ContainerKind::kInit) break;
        continue;
      }
      container.back_off.started(now, finished, collected);
    }
    pod.step = Step::kImage;
    ++pod.step_generation;
    const std::optional<ImageResult> result = images_.ensure({.pod = slot_of(pod),
                                                              .pod_ordinal = pod.ordinal,
                                                              .node = pod.node,
                                                              .image = program_of(container).image,
                                                              .container = pod.cursor,
                                                              .policy = program_of(container).pull_policy});
    if (result) image_answered(pod, *result);
    return;
  }
  finish_sync(pod);
}

void Kubelet::image_answered(PodRun& pod, ImageResult result) {
  ContainerRun& container = containers_[pod.first + pod.cursor];
  WaitingReason reason{};
  switch (result) {
    case ImageResult::kPresent:
    case ImageResult::kPulled: {
      const double takes =
          draw(options_.create_time, Purpose::kStartUp, pod.ordinal, pod.cursor, container.instances, 1);
      return do_step(pod, Step::kCreate, from_seconds(takes));
    }
    case ImageResult::kErrImagePull:
      reason = WaitingReason::kErrImagePull;
      break;
    case ImageResult::kImagePullBackOff:
      reason = WaitingReason::kImagePullBackOff;
      break;
    case ImageResult::kErrImageNeverPull:
      reason = WaitingReason::kErrImageNeverPull;
      break;
  }
  pod.failed = true;
  waits(container, reason, {});
  if (program_of(container).kind == ContainerKind::kInit) return finish_sync(pod);
  ++pod.cursor;
  start_next(pod);
}

// An attempt to start it has failed; recorded when it begins to wait or the reason changes.
void Kubelet::waits(ContainerRun& container, WaitingReason reason, Duration back_off) {
  if (!container.is_waiting || container.waiting != reason) {
    record(container, RecordKind::kContainerWaiting, static_cast<std::uint8_t>(reason),
           static_cast<std::uint32_t>(back_off.ns / seconds(1).ns));
  }
  container.is_waiting = true;
  container.waiting = reason;
}

// What the present step was waiting for is over.
void Kubelet::step_over(PodRun& pod) {
  if (pod.stage == Stage::kUnmounting) return finish(pod);
  ContainerRun& container = containers_[pod.first + pod.cursor];
  switch (pod.step) {
    case Step::kVolumes:
      pod.step = Step::kIdle;
      go_on_with_volumes(pod);
      return;
    case Step::kSandbox:
      pod.step = Step::kIdle;
      pod.sandbox = true;
      ++pod.sandboxes;
      pod.acted = true;
      record(pod, RecordKind::kPodSandboxCreated);
      // In a new sandbox all init containers run again.
      pod.main_created = false;
      for (std::size_t i = 0; i < program_of(pod).init_containers; ++i) {
        remove_instances(pod, containers_[pod.first + i]);
      }
      plan(pod);
      return;
    case Step::kCreate: {
      // Of the instances that have ended the kubelet keeps the last one; older ones are collected within a minute,
      // which nothing but the number of containers of an image could tell from now.
      if (container.has_dead) images_.container_removed(pod.node, program_of(container).image);
      container.has_dead = container.process == Process::kExited;
      container.dead_finished = container.has_dead ? container.finished_at : kNever;
      keep_dead_layer(pod, container);
      container.process = Process::kCreated;
      ++container.instances;
      if (program_of(container).kind == ContainerKind::kRegular) pod.main_created = true;
      images_.container_created(pod.node, program_of(container).image);
      record(container, RecordKind::kContainerCreated);
      const double takes =
          draw(options_.start_time, Purpose::kStartUp, pod.ordinal, pod.cursor, container.instances, 2);
      do_step(pod, Step::kStart, from_seconds(takes));
      return;
    }
    case Step::kStart:
      start_process(pod, container);
      pod.acted = true;
      container.is_waiting = false;
      if (program_of(container).post_start.present) {
        do_step(pod, Step::kPostStart, program_of(container).post_start.takes);
        return;
      }
      pod.step = Step::kIdle;
      ++pod.cursor;
      start_next(pod);
      return;
    case Step::kPostStart:
      after_post_start(pod);
      return;
    case Step::kKill:
    case Step::kHookKill:
      if (told_to_go(pod) || pod.stage == Stage::kTerminating) {  // Nothing is started any more.
        pod.step = Step::kIdle;
        pod.pending = false;
        pod.last_sync = engine_.now();
        wake_after_relist(pod, engine_.now());
      } else if (pod.step == Step::kKill) {
        kills_done(pod);
      } else {
        pod.step = Step::kIdle;
        ++pod.cursor;
        start_next(pod);
      }
      return;
    case Step::kIdle:
    case Step::kImage:
      return;
  }
}

void Kubelet::after_post_start(PodRun& pod) {
  ContainerRun& container = containers_[pod.first + pod.cursor];
  if (program_of(container).post_start.needs_answer && container.process == Process::kRunning && !answers(container)) {
    pod.step = Step::kHookKill;
    pod.failed = true;
    stop_container(pod, container, KillReason::kPostStartHook, program_of(pod).grace.ns / seconds(1).ns, true);
    return;
  }
  record(container, RecordKind::kContainerPostStarted);
  pod.step = Step::kIdle;
  ++pod.cursor;
  start_next(pod);
}

// Removes an instance that was made and never started; an earlier one comes to light again.
void Kubelet::remove_created(PodRun& pod, ContainerRun& container) {
  images_.container_removed(pod.node, program_of(container).image);
  container.process = container.has_dead ? Process::kExited : Process::kAbsent;
  container.layer_bytes = std::exchange(container.dead_layer_bytes, 0);
  container.has_dead = false;
  container.dead_finished = kNever;
}

// Removes the container, which does not run, and all that is kept of it.
void Kubelet::remove_instances(PodRun& pod, ContainerRun& container) {
  drop_layers(pod, container);
  const ImageId image = program_of(container).image;
  if (container.process != Process::kAbsent) images_.container_removed(pod.node, image);
  if (container.has_dead) images_.container_removed(pod.node, image);
  container.process = Process::kAbsent;
  container.has_dead = false;
  container.dead_finished = kNever;
}

}  // namespace berth

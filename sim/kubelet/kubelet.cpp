#include "sim/kubelet/kubelet.hpp"

#include <algorithm>

namespace berth {
namespace {

// From a pod's refusal until its owner makes another one: two calls of the control plane (a status, a pod) at its 20 a
// second (kube-controller-manager --kube-api-qps). Without it a pod that is sent to the same node again and again would
// keep the clock from moving.
constexpr Duration kRefusalTold = milliseconds(100);

// A stream of draws per pod; 16 blocks (64 words) for each thing that is drawn, so that no draw moves another.
constexpr std::uint32_t draw_block(std::uint32_t container, std::uint32_t instance, std::uint32_t which) {
  return ((container << 16 | (instance & 0xFFFF)) << 2 | which) << 4;
}

}  // namespace

Kubelet::Kubelet(Engine<Event>& engine, Journal& journal, PodImages& images, PodVolumes& volumes,
                 KubeletListener& listener, const KubeletOptions& options)
    : engine_(engine), journal_(journal), images_(images), volumes_(volumes), listener_(listener), options_(options) {}

ProgramId Kubelet::add_program(PodProgram program) {
  programs_.push_back(std::move(program));
  return static_cast<ProgramId>(programs_.size() - 1);
}

const ContainerProgram& Kubelet::program_of(const ContainerRun& container) const {
  return program_of(pods_[container.pod]).containers[number_of(container)];
}

std::uint16_t Kubelet::number_of(const ContainerRun& container) const {
  return static_cast<std::uint16_t>(id_of(container) - pods_[container.pod].first);
}

std::span<Kubelet::ContainerRun> Kubelet::containers_of(const PodRun& pod) {
  return {containers_.data() + pod.first, program_of(pod).containers.size()};
}

std::uint32_t Kubelet::take_block(std::vector<std::vector<std::uint32_t>>& free, std::size_t size, std::size_t end) {
  if (size < free.size() && !free[size].empty()) {
    const std::uint32_t first = free[size].back();
    free[size].pop_back();
    return first;
  }
  return static_cast<std::uint32_t>(end);
}

void Kubelet::give_block(std::vector<std::vector<std::uint32_t>>& free, std::size_t size, std::uint32_t first) {
  if (size == 0) return;
  if (size >= free.size()) free.resize(size + 1);
  free[size].push_back(first);
}

PodSlot Kubelet::add_pod(NodeId node, ProgramId program, std::uint32_t ordinal, std::uint32_t owner) {
  BERTH_CHECK(index(node) < nodes_.size() && nodes_[index(node)].known && !nodes_[index(node)].removed);
  const Delivery delivery(*this);
  if (free_pods_.empty()) {
    free_pods_.push_back(static_cast<std::uint32_t>(pods_.size()));
    pods_.emplace_back();
  }
  PodRun& pod = pods_[free_pods_.back()];
  free_pods_.pop_back();
  // Generations only grow, so that what is still pending for an earlier pod of this slot stays stale.
  const std::uint32_t sync_generation = pod.sync_generation;
  const std::uint32_t step_generation = pod.step_generation;
  const std::uint32_t generation = pod.generation;
  pod = {};
  pod.generation = generation;
  pod.sync_generation = sync_generation;
  pod.step_generation = step_generation;
  pod.ordinal = ordinal;
  pod.owner = owner;
  pod.node = node;
  pod.program = program;
  const PodProgram& p = program_of(pod);

  const std::size_t count = p.containers.size();
  pod.first = take_block(free_containers_, count, containers_.size());
  if (pod.first == containers_.size()) {
    containers_.resize(containers_.size() + count);
    statuses_.resize(containers_.size());
  }
  std::uint32_t worker = take_block(free_workers_, p.probes, workers_.size());
  if (worker == workers_.size()) workers_.resize(workers_.size() + p.probes);
  for (std::size_t i = 0; i < count; ++i) {
    ContainerRun& container = containers_[pod.first + i];
    const std::uint32_t run_generation = container.run_generation;
    const std::uint32_t stop_generation = container.stop_generation;
    container = {};
    container.run_generation = run_generation;
    container.stop_generation = stop_generation;
    container.pod = id_of(pod);
    container.first_probe = worker;
    ContainerStatus& status = statuses_[pod.first + i];
    status = {};
    if (p.init_containers > 0) status.reason = WaitingReason::kPodInitializing;
    for (std::size_t probe = 0; probe < p.containers[i].probes.size(); ++probe, ++worker) {
      const std::uint32_t worker_generation = workers_[worker].generation;
      workers_[worker] = {};
      workers_[worker].generation = worker_generation + 1;
      workers_[worker].container = id_of(container);
      workers_[worker].probe = static_cast<std::uint8_t>(probe);
    }
  }

  Node& n = node_of(pod);
  const std::uint32_t slot = id_of(pod);
  pod.previous = n.last;
  (n.last == kNone ? n.first : pods_[n.last].next) = slot;
  n.last = slot;
  ++n.pods;
  ++live_pods_;
  const PodSlot result = slot_of(pod);
  if (!n.down && !n.cut_off) wake(pod, engine_.now());
  return result;
}

// Node admission. Source: pkg/kubelet/lifecycle/predicate.go. Extended resources, ports and affinity are left to the
// scheduler that chose the node.
void Kubelet::first_sight(PodRun& pod) {
  Node& node = node_of(pod);
  const PodProgram& program = program_of(pod);
  pod.status.start_time = engine_.now();
  if (node.disk_pressure && !program.critical) return reject(pod, FailReason::kEvicted);
  if (node.pressure && program.qos == QosClass::kBestEffort && !program.critical &&
      !program.tolerates_memory_pressure) {
    return reject(pod, FailReason::kEvicted);
  }
  const auto fits = [](std::int64_t reserved, std::int64_t ask, std::int64_t room) {
    return ask == 0 || reserved + ask <= room;
  };
  const Resources& room = node.shape.allocatable;
  if (node.reserved_pods + 1 > node.shape.pods) return reject(pod, FailReason::kOutOfPods);
  if (!fits(node.reserved.cpu_milli, program.request.cpu_milli, room.cpu_milli)) {
    return reject(pod, FailReason::kOutOfCpu);
  }
  if (!fits(node.reserved.memory_bytes, program.request.memory_bytes, room.memory_bytes)) {
    return reject(pod, FailReason::kOutOfMemory);
  }
  pod.reserved = true;
  node.reserved.cpu_milli += program.request.cpu_milli;
  node.reserved.memory_bytes += program.request.memory_bytes;
  ++node.reserved_pods;
  pod.stage = Stage::kActive;
  record(pod, RecordKind::kPodAdmitted);
  changed(pod);
  if (program.active_deadline) {
    pod.deadline = engine_.now() + *program.active_deadline;
    post(grid_from(node, pod.deadline, seconds(1)), id_of(pod), pod.generation, kDeadline, kPhaseChange);
  }
  sync(pod);
}

void Kubelet::reject(PodRun& pod, FailReason reason) {
  record(pod, RecordKind::kPodRejected, static_cast<std::uint8_t>(reason));
  pod.stage = Stage::kFinished;
  pod.final_phase = pod.status.phase = StatusPhase::kFailed;
  pod.final_reason = pod.status.reason = PodReason::kAdmission;
  post(engine_.now() + kRefusalTold, id_of(pod), pod.generation, kRefused, kPhaseChange);
}

void Kubelet::delete_pod(PodSlot slot, std::optional<std::int64_t> grace_s) {
  if (!live(slot) || pods_[slot.slot].orphan) return;
  const Delivery delivery(*this);
  PodRun& pod = pods_[slot.slot];
  std::int64_t grace = grace_s.value_or(program_of(pod).grace.ns / seconds(1).ns);
  if (terminal(pod.status.phase)) grace = 0;
  const bool first = !pod.deleting;
  if (!first && grace >= pod.grace_s) return;
  if (first) record(pod, RecordKind::kPodTerminating, 0, static_cast<std::uint32_t>(grace));
  pod.deleting = true;
  pod.grace_s = pod.evicted ? std::min(pod.grace_s, grace) : grace;
  const Node& node = node_of(pod);
  if (grace == 0) {
    pod.orphan = true;
    notices_.push_back({slot_of(pod), pod.owner, true});
    if (node.removed) return gone(pod);
  }
  if (!node.down && !node.cut_off) {
    post(engine_.now(), id_of(pod), pod.generation, kDeleted, kPhaseChange);
  }
}

// The kubelet learns that the pod is to go.
void Kubelet::notice_deletion(PodRun& pod) {
  switch (pod.stage) {
    case Stage::kNew:
    case Stage::kFinished:
      gone(pod);
      return;
    case Stage::kActive:
      if (pod.step != Step::kIdle) cancel_step(pod);
      wake_after_relist(pod, engine_.now());
      return;
    case Stage::kTerminating:
      shorten(pod, pod.grace_s);
      return;
    case Stage::kStopped:
    case Stage::kUnmounting:
      return;
  }
}

void Kubelet::set_readiness_gates(PodSlot slot, bool ready) {
  if (!live(slot)) return;
  const Delivery delivery(*this);
  PodRun& pod = pods_[slot.slot];
  pod.gates = ready;
  update_conditions(pod);
}

void Kubelet::set_unhealthy(PodSlot slot, std::uint16_t number, bool unhealthy) {
  if (!live(slot)) return;
  const Delivery delivery(*this);
  PodRun& pod = pods_[slot.slot];
  BERTH_CHECK(number < program_of(pod).containers.size());
  ContainerRun& container = containers_[pod.first + number];
  container.hung = unhealthy;
  for (std::size_t i = 0; i < program_of(container).probes.size(); ++i) {
    ProbeWorker& worker = workers_[container.first_probe + i];
    if (worker.anchor != kNever && !worker.busy) arm(worker, std::max(engine_.now(), worker.began + nanoseconds(1)));
  }
}

const PodStatus& Kubelet::status(PodSlot pod) const {
  BERTH_CHECK(live(pod));
  return pods_[pod.slot].status;
}

const ContainerStatus& Kubelet::container_status(PodSlot pod, std::uint16_t container) const {
  BERTH_CHECK(live(pod) && container < program_of(pods_[pod.slot]).containers.size());
  return statuses_[pods_[pod.slot].first + container];
}

bool Kubelet::answers(PodSlot pod, std::uint16_t container) const {
  return live(pod) && answers(containers_[pods_[pod.slot].first + container]);
}

// The pod no longer counts in the node's sums.
void Kubelet::release(PodRun& pod) {
  if (!pod.reserved) return;
  Node& node = node_of(pod);
  const Resources& request = program_of(pod).request;
  pod.reserved = false;
  node.reserved.cpu_milli -= request.cpu_milli;
  node.reserved.memory_bytes -= request.memory_bytes;
  --node.reserved_pods;
}

void Kubelet::gone(PodRun& pod) {
  record(pod, RecordKind::kPodRemoved);
  for (ContainerRun& container : containers_of(pod)) remove_instances(pod, container);
  drop_volumes(pod);
  if (!node_of(pod).removed) images_.forget(slot_of(pod), pod.ordinal, pod.node);
  if (!pod.orphan) notices_.push_back({slot_of(pod), pod.owner, true});
  free_slot(pod);
}

void Kubelet::free_slot(PodRun& pod) {
  release(pod);
  Node& node = node_of(pod);
  (pod.previous == kNone ? node.first : pods_[pod.previous].next) = pod.next;
  (pod.next == kNone ? node.last : pods_[pod.next].previous) = pod.previous;
  --node.pods;
  --live_pods_;
  const PodProgram& program = program_of(pod);
  for (ContainerRun& container : containers_of(pod)) {
    stop_probes(container);
    ++container.run_generation;
    ++container.stop_generation;
    container.pod = kNone;
  }
  give_block(free_workers_, program.probes, containers_[pod.first].first_probe);
  give_block(free_containers_, program.containers.size(), pod.first);
  ++pod.generation;
  ++pod.sync_generation;
  ++pod.step_generation;
  pod.node = kNoNode;
  free_pods_.push_back(id_of(pod));
}

// A new status for the API server.
void Kubelet::changed(PodRun& pod) {
  if (pod.orphan) return;
  if (node_of(pod).cut_off || node_of(pod).down) {
    pod.unsent = true;
    return;
  }
  notices_.push_back({slot_of(pod), pod.owner, false});
}

void Kubelet::deliver() {
  ++depth_;  // What the listener calls is delivered by this loop.
  for (std::size_t i = 0; i < notices_.size(); ++i) {
    const Notice notice = notices_[i];
    if (notice.gone) {
      listener_.pod_gone(notice.pod, notice.owner);
      continue;
    }
    const bool again = i + 1 < notices_.size() && notices_[i + 1].pod == notice.pod && !notices_[i + 1].gone;
    if (!again && live(notice.pod) && !pods_[notice.pod.slot].orphan) {
      listener_.pod_status_changed(notice.pod, notice.owner);
    }
  }
  notices_.clear();
  --depth_;
}

void Kubelet::record(const PodRun& pod, RecordKind kind, std::uint8_t reason, std::uint32_t value,
                     std::uint16_t container) {
  journal_.append({.at = engine_.now(),
                   .pod = pod.ordinal,
                   .node = pod.node,
                   .value = value,
                   .pod_template = program_of(pod).pod_template,
                   .gpus = 0,
                   .kind = kind,
                   .reason = reason,
                   .container = container});
}

void Kubelet::record(const ContainerRun& container, RecordKind kind, std::uint8_t reason, std::uint32_t value) {
  record(pods_[container.pod], kind, reason, value, number_of(container));
}

void Kubelet::post(Time at, std::uint32_t subject, std::uint32_t generation, std::uint16_t detail, Phase phase) {
  engine_.schedule(at, phase, {subject, generation, EventKind::kKubeletEvent, detail});
}

Time Kubelet::grid_before(const Node& node, Time at, Duration step) const {
  return node.started + step * ((at - node.started).ns / step.ns);
}

Time Kubelet::grid_from(const Node& node, Time at, Duration step) const {
  const Time before = grid_before(node, at, step);
  return before == at ? at : before + step;
}

double Kubelet::draw(const Distribution& distribution, Purpose purpose, std::uint32_t ordinal, std::uint32_t container,
                     std::uint32_t instance, std::uint32_t which) const {
  Rng rng(options_.seed, options_.replication, ordinal, purpose);
  if (distribution.kind() != Distribution::Kind::kConstant) rng.seek(draw_block(container, instance, which));
  return distribution.sample(rng);
}

double Kubelet::jitter(PodRun& pod) {
  Rng rng(options_.seed, options_.replication, pod.ordinal, Purpose::kSyncJitter);
  rng.seek(4 * pod.jitters++);
  return 1 + 0.5 * rng.uniform();
}

}  // namespace berth

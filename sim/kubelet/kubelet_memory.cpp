// The memory of nodes: what their containers use together, the kernel's choice when there is no more, and the kubelet's
// evictions before that. Only containers whose memory changes with time cost events.
// Source: Kubernetes v1.37, pkg/kubelet/eviction/ (memory.available, hard threshold); the kernel's oom_badness.
#include <algorithm>

#include "sim/kubelet/first_above.hpp"
#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr Duration kEvictionPeriod = seconds(10);
constexpr Duration kPressureTransition = seconds(300);
constexpr std::int32_t kSigkilled = 137;

}  // namespace

const kube::api::UseCurve& Kubelet::memory_curve(const ContainerRun& container) const {
  return container.leak == kNone ? program_of(container).behavior.memory : leaks_[container.leak];
}

std::int64_t Kubelet::memory_at(const ContainerRun& container, Time at) const {
  const kube::api::UseCurve& curve = memory_curve(container);
  return curve.empty() ? program_of(container).memory_request : kube::api::bytes_at(curve, at - container.started_at);
}

std::int64_t Kubelet::memory_at(const Node& node, Time at) const {
  std::int64_t sum = node.steady_bytes;
  for (const std::uint32_t id : node.curves) sum += memory_at(containers_[id], at);
  return sum;
}

Kubelet::PodUse Kubelet::use(PodSlot slot) const {
  BERTH_CHECK(live(slot));
  const PodRun& pod = pods_[slot.slot];
  const Time now = engine_.now();
  PodUse out;
  for (std::size_t i = 0; i < program_of(pod).containers.size(); ++i) {
    const ContainerRun& container = containers_[pod.first + i];
    const bool running = container.process == Process::kRunning;
    if (running) out.memory_bytes += memory_at(container, now);
    const std::int64_t milli = program_of(pod).containers[i].cpu_use_milli;
    if (milli == 0) continue;
    const Duration ran = container.ran + (running ? now - container.started_at : Duration{});
    // Whole seconds apart: core-nanoseconds times a thousand may pass 64 bits.
    const std::int64_t rest = ran.ns % seconds(1).ns;
    out.cpu_core_ns =
        std::max<std::int64_t>(out.cpu_core_ns, 0) + ran.ns / seconds(1).ns * milli * 1'000'000 + rest * milli / 1000;
  }
  return out;
}

std::int64_t Kubelet::memory_bytes(NodeId node) const {
  return memory_at(nodes_[index(node)], engine_.now());
}

void Kubelet::memory_taken(const PodRun& pod, ContainerRun& container) {
  Node& node = nodes_[index(pod.node)];
  if (!steady(container)) {
    container.curve = static_cast<std::uint32_t>(node.curves.size());
    node.curves.push_back(id_of(container));
  } else {
    node.steady_bytes += memory_at(container, engine_.now());
  }
  look_at_memory(pod.node);
}

void Kubelet::memory_given(const PodRun& pod, ContainerRun& container) {
  Node& node = nodes_[index(pod.node)];
  if (container.leak != kNone) free_leaks_.push_back(container.leak);
  if (container.curve != kNone) {
    const std::uint32_t last = node.curves.back();
    node.curves[container.curve] = last;
    containers_[last].curve = container.curve;
    node.curves.pop_back();
    container.curve = kNone;
  } else {
    node.steady_bytes -= memory_at(container, engine_.now());
  }
  container.leak = kNone;
  if (!node.down) look_at_memory(pod.node);
}

// The first instant from now on at which the containers use more than `level`; kNever if they will not as they run.
// O(points of all curves * curves).
Time Kubelet::memory_above(const Node& node, std::int64_t level) const {
  return first_above(
      engine_.now(), level, [&](Time at) { return memory_at(node, at); },
      [&](Time from) {
        Time to = kNever;
        for (const std::uint32_t id : node.curves) {
          to = std::min(to, next_point_of(memory_curve(containers_[id]), containers_[id].started_at, from));
        }
        return to;
      });
}

bool Kubelet::memory_is_short(const Node& node) const {
  const std::int64_t capacity = node.shape.memory_capacity;
  return capacity > 0 && options_.eviction_memory_bytes > 0 &&
         memory_at(node, engine_.now()) > capacity - options_.eviction_memory_bytes;
}

// Plans the next look at the node: after each change of what it runs.
void Kubelet::look_at_memory(NodeId id) {
  Node& node = nodes_[index(id)];
  const std::int64_t capacity = node.shape.memory_capacity;
  if (capacity == 0 || node.down) return;
  const std::int64_t threshold = capacity - options_.eviction_memory_bytes;
  if (node.curves.empty() && node.steady_bytes <= threshold) {
    ++node.memory_generation;
    if (node.pressure) signal_over(id);
    return;
  }
  Time next = memory_above(node, capacity);
  if (options_.eviction_memory_bytes > 0) {
    const Time low = memory_above(node, threshold);
    if (low > engine_.now() && node.pressure) signal_over(id);
    if (low != kNever) {
      const Time turn = std::max({low, node.evict_next, node.memory_next});
      next = std::min(next, node.evict_at_once ? low : grid_from(node, turn, kEvictionPeriod));
    }
  }
  ++node.memory_generation;
  if (next != kNever)
    post(next, static_cast<std::uint32_t>(index(id)), node.memory_generation, kNodeMemory, kPhaseChange);
}

void Kubelet::memory_due(NodeId id) {
  Node& node = nodes_[index(id)];
  if (node.down) return;
  const Time now = engine_.now();
  const std::int64_t used = memory_at(node, now);
  if (used > node.shape.memory_capacity) {
    kill_for_memory(id);  // Its end leads to the next look.
    return;
  }
  if (memory_is_short(node) && !node.hung) {
    ++node.pressure_generation;
    node.clearing = false;
    if (node.evict_at_once) node.evict_next = now;
    node.evict_at_once = false;
    if (!node.pressure) {
      node.pressure = true;
      listener_.memory_pressure_changed(id, true);
    }
    if (!evict_over_limits(id)) evict_one(id);
  } else if (node.hung) {
    node.evict_at_once = false;
  }
  node.memory_next = now + nanoseconds(1);
  look_at_memory(id);
}

void Kubelet::signal_over(NodeId id) {
  Node& node = nodes_[index(id)];
  if (!node.pressure || node.clearing) return;
  node.clearing = true;
  post(grid_from(node, engine_.now() + kPressureTransition, kEvictionPeriod), static_cast<std::uint32_t>(index(id)),
       ++node.pressure_generation, kPressureOver, kPhaseChange);
}

// The container with the highest share of the node's memory in thousandths plus oom_score_adj; the first of equals in
// order of arrival.
void Kubelet::kill_for_memory(NodeId id) {
  Node& node = nodes_[index(id)];
  const std::int64_t capacity = node.shape.memory_capacity;
  const Time now = engine_.now();
  ContainerRun* victim = nullptr;
  std::int64_t worst = 0;
  for (std::uint32_t slot = node.first; slot != kNone; slot = pods_[slot].next) {
    PodRun& pod = pods_[slot];
    const PodProgram& program = program_of(pod);
    for (ContainerRun& container : containers_of(pod)) {
      if (container.process != Process::kRunning) continue;
      const ContainerProgram& own = program_of(container);
      std::int32_t adj = oom_score_adj(program.qos, program.node_critical, own.memory_request, capacity);
      if (own.kind == ContainerKind::kSidecar) {  // No worse than the regular container that is best off.
        for (const ContainerProgram& other : program.containers) {
          if (other.kind != ContainerKind::kRegular) continue;
          adj = std::min(adj, oom_score_adj(program.qos, program.node_critical, other.memory_request, capacity));
        }
      }
      __extension__ typedef __int128 Wide;
      const auto share = static_cast<std::int64_t>(Wide{1000} * memory_at(container, now) / capacity);
      if (victim != nullptr && share + adj <= worst) continue;
      victim = &container;
      worst = share + adj;
    }
  }
  BERTH_CHECK(victim != nullptr);
  process_ended(pods_[victim->pod], *victim, kSigkilled, ExitReason::kOomKilled);
}

// One pod a round.
void Kubelet::evict_one(NodeId id) {
  Node& node = nodes_[index(id)];
  const Time now = engine_.now();
  if (now < node.evict_next) return;
  PodRun* victim = first_to_evict(
      node,
      [&](const PodRun& pod) {
        std::int64_t used = 0;
        for (std::size_t i = 0; i < program_of(pod).containers.size(); ++i) {
          const ContainerRun& container = containers_[pod.first + i];
          if (container.process == Process::kRunning) used += memory_at(container, now);
        }
        return used;
      },
      [](const PodProgram& program) { return program.request.memory_bytes; });
  if (victim == nullptr) {
    node.evict_next = now + kEvictionPeriod;
    return;
  }
  begin_evictions(node);
  evict(*victim);
}

}  // namespace berth

// The disk of nodes: what containers write to their layers, logs and emptyDir volumes beside the images, and what the
// kubelet does when it fills up. Looks are every 10 s; on a node without the condition only those happen that have
// something to find. One disk for all: nodefs and imagefs are the same.
// Source: Kubernetes v1.37, pkg/kubelet/eviction/ (nodefs.available, imagefs.available, hard thresholds;
// localStorageEviction), pkg/kubelet/kuberuntime/kuberuntime_gc.go (DeleteAllUnusedContainers).
// Simplified: a look sees what is true at that moment; the bytes of an evicted pod are free when its containers have
// stopped.
#include <algorithm>

#include "sim/kubelet/first_above.hpp"
#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

constexpr Duration kPeriod = seconds(10);
constexpr Duration kTransition = seconds(300);
constexpr std::int64_t kNoLevel = std::numeric_limits<std::int64_t>::max();

std::int64_t at_age(const kube::api::UseCurve& curve, Duration age) {
  return curve.empty() ? 0 : kube::api::bytes_at(curve, age);
}

// As there: a percentage is a 32-bit float.
std::int64_t threshold(std::int64_t capacity, double percent) {
  const float share = static_cast<float>(percent) / 100;
  return static_cast<std::int64_t>(static_cast<double>(capacity) * static_cast<double>(share));
}

}  // namespace

// ---- what is written -----------------------------------------------------------------------------------------------

bool Kubelet::writes(const ContainerRun& container) const {
  const ContainerProgram& program = program_of(container);
  return !program.behavior.disk.empty() || program.empty_dir != kNoVolume;
}

std::int64_t Kubelet::layer_at(const ContainerRun& container, Time at) const {
  if (container.writer == kNone) return container.layer_bytes;
  return at_age(program_of(container).behavior.disk, at - container.started_at);
}

// A process finds what earlier ones left in the volume, and writes over it.
std::int64_t Kubelet::volume_at(const ContainerRun& container, Time at) const {
  if (container.writer == kNone) return container.volume_bytes;
  return std::max(container.volume_bytes, at_age(program_of(container).behavior.empty_dir, at - container.started_at));
}

// As the pod's ephemeral storage is counted: without instances that have ended.
std::int64_t Kubelet::disk_at(const PodRun& pod, Time at) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < program_of(pod).containers.size(); ++i) {
    const ContainerRun& container = containers_[pod.first + i];
    if (container.writer != kNone) sum += layer_at(container, at);
    sum += volume_at(container, at);
  }
  return sum;
}

std::int64_t Kubelet::local_at(const Node& node, Time at) const {
  std::int64_t sum = node.kept_bytes;
  for (const std::uint32_t id : node.writers) sum += layer_at(containers_[id], at) + volume_at(containers_[id], at);
  return sum;
}

std::int64_t Kubelet::local_bytes(NodeId id) const {
  return index(id) < nodes_.size() ? local_at(nodes_[index(id)], engine_.now()) : 0;
}

void Kubelet::disk_taken(PodRun& pod, ContainerRun& container) {
  if (!writes(container)) return;
  Node& node = node_of(pod);
  node.kept_bytes -= container.volume_bytes;  // Counted with the process from here on.
  container.writer = static_cast<std::uint32_t>(node.writers.size());
  node.writers.push_back(id_of(container));
  disk_changed(pod.node);
}

void Kubelet::disk_given(PodRun& pod, ContainerRun& container) {
  if (container.writer == kNone) return;
  Node& node = node_of(pod);
  const std::int64_t layer = layer_at(container, engine_.now());
  container.volume_bytes = volume_at(container, engine_.now());
  container.layer_bytes = layer;
  node.kept_bytes += container.layer_bytes + container.volume_bytes;
  const std::uint32_t last = node.writers.back();
  node.writers[container.writer] = last;
  containers_[last].writer = container.writer;
  node.writers.pop_back();
  container.writer = kNone;
  disk_changed(pod.node);
}

// A new instance is made: the one that has ended last is kept, earlier ones go.
void Kubelet::keep_dead_layer(PodRun& pod, ContainerRun& container) {
  node_of(pod).kept_bytes -= container.dead_layer_bytes;
  container.dead_layer_bytes = container.layer_bytes;
  container.layer_bytes = 0;
}

void Kubelet::drop_layers(PodRun& pod, ContainerRun& container) {
  node_of(pod).kept_bytes -= container.layer_bytes + container.dead_layer_bytes;
  container.layer_bytes = container.dead_layer_bytes = 0;
}

// None of its containers runs.
void Kubelet::drop_volumes(PodRun& pod) {
  for (ContainerRun& container : containers_of(pod)) {
    node_of(pod).kept_bytes -= container.volume_bytes;
    container.volume_bytes = 0;
  }
}

// ---- when to look --------------------------------------------------------------------------------------------------

template <class Value>
Time Kubelet::disk_above(std::span<const std::uint32_t> writers, std::int64_t level, Value&& value) const {
  if (level == kNoLevel) return kNever;
  return first_above(engine_.now(), level, value, [&](Time from) {
    Time to = kNever;
    for (const std::uint32_t id : writers) {
      const kube::api::ContainerBehavior& behavior = program_of(containers_[id]).behavior;
      to = std::min({to, next_point_of(behavior.disk, containers_[id].started_at, from),
                     next_point_of(behavior.empty_dir, containers_[id].started_at, from)});
    }
    return to;
  });
}

// From when on the pod is above one of its limits. Whoever may not be evicted has none.
Time Kubelet::first_over_limit(const PodRun& pod) const {
  const PodProgram& program = program_of(pod);
  if (program.critical || pod.stage != Stage::kActive || pod.evicted) return kNever;
  std::vector<std::uint32_t> writers;
  for (std::uint32_t i = 0; i < program.containers.size(); ++i) {
    if (containers_[pod.first + i].writer != kNone) writers.push_back(pod.first + i);
  }
  Time first = kNever;
  const auto limit = [&](std::int64_t bytes, auto&& value) {
    if (bytes > 0) first = std::min(first, disk_above(writers, bytes, value));
  };
  for (std::uint16_t v = 0; v < program.empty_dirs.size(); ++v) {
    limit(program.empty_dirs[v], [&, v](Time at) {
      std::int64_t sum = 0;
      for (std::uint32_t i = 0; i < program.containers.size(); ++i) {
        if (program.containers[i].empty_dir == v) sum += volume_at(containers_[pod.first + i], at);
      }
      return sum;
    });
  }
  limit(program.disk_limit, [&](Time at) { return disk_at(pod, at); });
  for (const std::uint32_t id : writers) {
    limit(program_of(containers_[id]).disk_limit, [&, id](Time at) { return layer_at(containers_[id], at); });
  }
  return first;
}

// Something begins or ends to write.
void Kubelet::disk_changed(NodeId id) {
  Node& node = nodes_[index(id)];
  if (node.down) return;
  node.limit_at = kNever;
  for (const std::uint32_t writer : node.writers) {
    const PodRun& pod = pods_[containers_[writer].pod];
    if (program_of(pod).has_disk_limits) node.limit_at = std::min(node.limit_at, first_over_limit(pod));
  }
  look_at_disk(id);
}

void Kubelet::images_grew(NodeId id) {
  if (index(id) < nodes_.size()) look_at_disk(id);
}

// The most that may be used without the signal, beside the images; below 0 if these are too much already.
std::int64_t Kubelet::disk_room(NodeId id) const {
  const double percent = std::max(options_.eviction_nodefs_percent, options_.eviction_imagefs_percent);
  const PodImages::Disk disk = images_.disk(id);
  if (disk.capacity == 0 || percent <= 0) return kNoLevel;
  return disk.capacity - threshold(disk.capacity, percent) - disk.image_bytes;
}

// Plans the next look at the node.
void Kubelet::look_at_disk(NodeId id) {
  Node& node = nodes_[index(id)];
  if (!node.known || node.down) return;
  const Time now = engine_.now();
  const auto local = [&](Time at) { return local_at(node, at); };
  const Time over = std::min(disk_above(node.writers, disk_room(id), local), node.limit_at);
  const auto next_round = [&](Time from) {
    return grid_from(node, std::max({from, node.disk_next, node.evicting > 0 ? node.evict_next : from}), kPeriod);
  };
  Time next = kNever;
  if (node.disk_at_once && over <= now) {
    next = now;
  } else if (node.disk_pressure) {
    next = next_round(now);
  } else if (over != kNever) {
    next = next_round(over);
  }
  if (next != now) node.disk_at_once = false;
  if (!node.writers.empty() || node.kept_bytes > 0) {  // Images' own growth the image garbage collection sees itself.
    const PodImages::Disk disk = images_.disk(id);
    if (disk.capacity > 0) {
      const Time collect = disk_above(node.writers, disk.collect_above - disk.image_bytes, local);
      if (collect == now) images_.local_bytes_grew(id);
      if (collect != now) next = std::min(next, collect);
    }
  }
  ++node.disk_generation;
  if (next != kNever) {
    post(next, static_cast<std::uint32_t>(index(id)), node.disk_generation, kNodeDisk, kPhaseChange);
  }
}

// ---- a look --------------------------------------------------------------------------------------------------------

void Kubelet::disk_due(NodeId id) {
  Node& node = nodes_[index(id)];
  if (node.down) return;
  const Time now = engine_.now();
  const bool in_turn = grid_before(node, now, kPeriod) == now && now >= node.disk_next;
  const bool waits = node.evicting > 0 && now < node.evict_next && node.round_began < now;
  if (!node.hung && !waits && (in_turn || node.disk_at_once)) check_disk(id);
  node.disk_at_once = false;
  if (in_turn) node.disk_next = now + nanoseconds(1);
  disk_changed(id);
}

void Kubelet::check_disk(NodeId id) {
  Node& node = nodes_[index(id)];
  const Time now = engine_.now();
  const auto over = [&] { return local_at(node, now) > disk_room(id); };
  const bool signal = over();
  if (signal) node.disk_seen = now;
  const bool pressure = signal || (node.disk_pressure && now - node.disk_seen < kTransition);
  if (pressure != node.disk_pressure) {
    node.disk_pressure = pressure;
    listener_.disk_pressure_changed(id, pressure);
  }
  if (node.evicting > 0 && node.round_began == now) return;  // This round is for memory.
  if (evict_over_limits(id) || !signal) return;
  if (memory_is_short(node)) return;  // Comes first, and its own look does that.
  // What nobody uses goes before anybody who runs.
  for (std::uint32_t slot = node.first; slot != kNone; slot = pods_[slot].next) {
    if (pods_[slot].stage != Stage::kFinished) continue;
    for (ContainerRun& container : containers_of(pods_[slot])) remove_instances(pods_[slot], container);
  }
  images_.remove_unused(id);
  if (!over()) return;
  PodRun* victim = first_to_evict(
      node, [&](const PodRun& pod) { return disk_at(pod, now); },
      [](const PodProgram& program) { return program.request.ephemeral_storage_bytes; });
  if (victim == nullptr) return;
  begin_evictions(node);
  evict(*victim);
}

// All pods that are above a limit go together; true if there were any, and the round is over.
bool Kubelet::evict_over_limits(NodeId id) {
  Node& node = nodes_[index(id)];
  const Time now = engine_.now();
  if (node.limit_at > now) return false;
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = node.first; slot != kNone; slot = pods_[slot].next) {
    const PodRun& pod = pods_[slot];
    if (!program_of(pod).has_disk_limits || told_to_go(pod) || first_over_limit(pod) > now) continue;
    slots.push_back(slot);
  }
  if (slots.empty()) return false;
  begin_evictions(node);
  for (const std::uint32_t slot : slots) {
    pods_[slot].over_limit = true;
    evict(pods_[slot]);
  }
  return true;
}

}  // namespace berth

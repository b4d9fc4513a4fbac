// What a fault plan does to machines and containers.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "sim/nodes.hpp"

namespace berth {

void Nodes::set_fault_plan(const FaultPlan* plan) {
  fault_plan_ = plan;
  leaks_ = plan != nullptr && std::any_of(plan->faults.begin(), plan->faults.end(),
                                          [](const Fault& f) { return f.kind == FaultKind::kMemoryLeak; });
}

// Names in it are those of the pod's template, and stay.
StartedContainer Nodes::started_container(const Placed& placed, std::uint16_t container, std::uint32_t restarts) const {
  const PodTemplate& t = cluster_.catalog()[placed.pod_template];
  const kube::Pod& pod = t.pod->scheduling;
  const std::size_t inits = pod.init_containers.size();
  StartedContainer started;
  started.pod_namespace = pod.namespace_name;
  started.pod_labels = t.labels;
  started.name = container < inits ? pod.init_containers[container].name : pod.containers[container - inits].name;
  started.pod_ordinal = placed.ordinal;
  started.number = container;
  started.restarts = restarts;
  return started;
}

KubeletListener::Crash Nodes::crash_of(std::uint32_t owner, std::uint16_t container, std::uint32_t restarts) {
  if (fault_plan_ == nullptr) return {};
  const ContainerCrash crash = container_crash(*fault_plan_, started_container(placed_[owner], container, restarts),
                                               {options_.seed, options_.replication});
  return {crash.after, crash.exit_code};
}

void Nodes::leaks_of(std::uint32_t owner, std::uint16_t container, std::vector<MemoryLeak>& leaks) {
  if (!leaks_) return;
  const StartedContainer started = started_container(placed_[owner], container, 0);
  for (const Fault& fault : fault_plan_->faults) {
    if (fault.kind != FaultKind::kMemoryLeak) continue;
    if (!fault.pods.matches(started.pod_namespace, started.pod_labels, started.name)) continue;
    leaks.push_back({*fault.at, fault.until, std::llround(fault.bytes_per_second)});
  }
}

void Nodes::crash_containers(const Fault& fault) {
  struct Struck {
    std::uint64_t lot;
    std::uint32_t ordinal;
    std::uint16_t container;
    PodSlot slot;
  };
  std::vector<Struck> struck;
  for (const Placed& placed : placed_) {
    if (!placed.live) continue;
    const std::size_t containers = kubelet_.program(*programs_[index(placed.pod_template)]).containers.size();
    for (std::uint16_t c = 0; c < containers; ++c) {
      if (!kubelet_.runs(placed.slot, c)) continue;
      const StartedContainer started = started_container(placed, c, kubelet_.container_status(placed.slot, c).restarts);
      if (!fault.pods.matches(started.pod_namespace, started.pod_labels, started.name)) continue;
      const std::uint64_t lot =
          fault.pods.count ? container_lot(fault, started, {options_.seed, options_.replication}) : 0;
      struck.push_back({lot, placed.ordinal, c, placed.slot});
    }
  }
  // In order of lots, then of pods' creation, whatever order they were placed in.
  std::ranges::sort(struck, {}, [](const Struck& s) { return std::tuple(s.lot, s.ordinal, s.container); });
  if (fault.pods.count) struck.resize(std::min<std::size_t>(struck.size(), *fault.pods.count));
  for (const Struck& s : struck) kubelet_.crash(s.slot, s.container, fault.exit_code);
  changed_ = true;
}

void Nodes::crash(NodeId node) {
  if (is_down(node)) return;
  down_[index(node)] = 1;
  hung_[index(node)] = 0;  // It will start anew.
  record(RecordKind::kNodeDown, node, NodeTrouble::kOff);
  if (traffic_ != nullptr) traffic_->node_off(node);
  kubelet_.node_down(node);
  images_.node_down(node);
  storage_.node_down(node);
  changed_ = true;
}

void Nodes::restore(NodeId node, bool keep_disk) {
  if (!is_down(node) || removed(node)) return;
  down_[index(node)] = 0;
  record(RecordKind::kNodeUp, node, NodeTrouble::kOff);
  if (traffic_ != nullptr) traffic_->node_on(node);
  if (!keep_disk) kubelet_.lose_disk(node);
  images_.node_up(node, keep_disk);
  storage_.node_up(node);
  kubelet_.node_up(node);
  changed_ = true;
}

void Nodes::hang(NodeId node, bool hangs) {
  if (is_down(node) || hung_[index(node)] == (hangs ? 1 : 0) || removed(node)) return;  // What is off cannot hang.
  hung_[index(node)] = hangs ? 1 : 0;
  record(hangs ? RecordKind::kNodeDown : RecordKind::kNodeUp, node, NodeTrouble::kHung);
  hangs ? kubelet_.hang(node) : kubelet_.resume(node);
  changed_ = true;
}

void Nodes::cut_off(NodeId node, bool cut) {
  if (cut_[index(node)] == (cut ? 1 : 0) || removed(node)) return;
  cut_[index(node)] = cut ? 1 : 0;
  record(cut ? RecordKind::kNodeDown : RecordKind::kNodeUp, node, NodeTrouble::kCutOff);
  if (traffic_ != nullptr) cut ? traffic_->node_off(node) : traffic_->node_on(node);
  cut ? kubelet_.disconnect(node) : kubelet_.reconnect(node);
  changed_ = true;
}

}  // namespace berth

// What the processes of pods do, for the traffic that they serve and for those who measure them.
#include <algorithm>

#include "sim/nodes.hpp"

namespace berth {

void Nodes::process_changed(PodSlot, std::uint32_t owner, std::uint16_t container, Process what, Time up_at) {
  if (traffic_ == nullptr) return;
  const Placed& placed = placed_[owner];
  switch (what) {
    case Process::kStarted:
      traffic_->started(owner, placed.pod_template, placed.node, container, up_at);
      break;
    case Process::kClosing:
      traffic_->closing(owner, container);
      break;
    case Process::kEnded:
      traffic_->ended(owner, container);
      break;
  }
}

const Nodes::Placed* Nodes::placed_of(PodId object) const {
  if (index(object) >= objects_.size() || objects_[index(object)].placed == kNone) return nullptr;
  return &placed_[objects_[index(object)].placed];
}

std::optional<PodReading> Nodes::read(PodId object) {
  const Placed* placed = placed_of(object);
  if (placed == nullptr || !kubelet_.live(placed->slot)) return std::nullopt;
  const std::size_t n = index(placed->node);
  if (down_[n] != 0 || hung_[n] != 0 || cut_[n] != 0) return std::nullopt;
  PodReading out;
  bool runs = false;
  const PodProgram& program = kubelet_.program(*programs_[index(placed->pod_template)]);
  for (std::uint16_t c = program.init_containers; c < program.containers.size(); ++c) {
    const ContainerStatus& status = kubelet_.container_status(placed->slot, c);
    if (status.state != ContainerStatus::State::kRunning) continue;
    out.started = runs ? std::max(out.started, status.started_at) : status.started_at;
    runs = true;
  }
  if (!runs) return std::nullopt;
  const Kubelet::PodUse use = kubelet_.use(placed->slot);
  out.memory_bytes = use.memory_bytes;
  out.cpu_core_ns = use.cpu_core_ns;
  if (traffic_ == nullptr) return out;
  if (const auto usage = traffic_->usage(objects_[index(object)].placed)) {
    out.cpu_core_ns = usage->cpu_core_ns;
    out.concurrency_ns = usage->concurrency_ns;
    out.requests = usage->requests;
  }
  return out;
}

Time Nodes::start_time(PodId object) {
  const Placed* placed = placed_of(object);
  return placed == nullptr || !kubelet_.live(placed->slot) ? kNever : kubelet_.status(placed->slot).start_time;
}

}  // namespace berth

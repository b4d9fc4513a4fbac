#include <fmt/format.h>

#include "sim/kubelet/kubelet.hpp"

namespace berth {

std::string Kubelet::verify() const {
  std::size_t live = 0;
  std::vector<bool> listed(pods_.size());
  std::vector<std::uint8_t> owned(containers_.size());
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    Resources reserved;
    std::int64_t reserved_pods = 0, steady_bytes = 0;
    std::size_t count = 0, curves = 0, writers = 0;
    std::int64_t kept = 0;
    std::uint32_t evicting = 0;
    std::uint32_t previous = kNone;
    for (std::uint32_t slot = node.first; slot != kNone; previous = slot, slot = pods_[slot].next) {
      const PodRun& pod = pods_[slot];
      const auto wrong = [&](std::string_view what) { return fmt::format("node {}: pod {}: {}", n, slot, what); };
      if (listed[slot]) return wrong("is listed twice");
      listed[slot] = true;
      ++count;
      if (index(pod.node) != n || pod.previous != previous) return wrong("is in the wrong list");
      const PodProgram& program = program_of(pod);
      if (pod.reserved) {
        reserved.cpu_milli += program.request.cpu_milli;
        reserved.memory_bytes += program.request.memory_bytes;
        ++reserved_pods;
      }
      if (pod.evicted && pod.round == node.round && pod.stage == Stage::kTerminating) ++evicting;
      std::uint32_t stopping = 0;
      for (std::size_t i = 0; i < program.containers.size(); ++i) {
        const ContainerRun& c = containers_[pod.first + i];
        const ContainerStatus& status = statuses_[pod.first + i];
        if (owned[pod.first + i]++ != 0) return wrong("shares a container");
        if (c.pod != slot) return wrong("has the container of another pod");
        const bool runs = c.process == Process::kRunning;
        if (runs && node.down) return wrong("runs on a node that is down");
        if (runs && pod.stage != Stage::kActive && pod.stage != Stage::kTerminating) return wrong("outlives its pod");
        if (runs && !pod.sandbox) return wrong("runs without a sandbox");
        if (c.stop != Stop::kNone && !runs) return wrong("is being stopped and does not run");
        if (c.stop != Stop::kNone) ++stopping;
        if (c.process != Process::kAbsent && c.instances == 0) return wrong("exists and was never made");
        if (c.reported > c.instances) return wrong("reports an instance that was never made");
        if (status.restarts + 1 > c.instances + (c.instances == 0 ? 1U : 0U)) return wrong("counts too many restarts");
        if (status.ready && program.containers[i].kind != ContainerKind::kInit && !status.started) {
          return wrong("is ready and not started");
        }
        if (c.has_dead != (c.dead_finished != kNever)) return wrong("does not know when its dead instance ended");
        const bool curved = !steady(c);
        if (c.leak != kNone && !runs) return wrong("leaks and does not run");
        if ((c.curve != kNone) != (runs && curved)) return wrong("has a memory curve in the wrong state");
        if (c.curve != kNone && (c.curve >= node.curves.size() || node.curves[c.curve] != pod.first + i)) {
          return wrong("is not in the list of memory curves");
        }
        if (runs && !curved) steady_bytes += memory_at(c, engine_.now());
        if (c.curve != kNone) ++curves;
        if ((c.writer != kNone) != (runs && writes(c))) return wrong("writes to the disk in the wrong state");
        if (c.writer != kNone && (c.writer >= node.writers.size() || node.writers[c.writer] != pod.first + i)) {
          return wrong("is not in the list of writers");
        }
        if (c.process != Process::kExited && c.layer_bytes != 0) return wrong("has an ended layer in the wrong state");
        if (!c.has_dead && c.dead_layer_bytes != 0) return wrong("has a layer of an instance that is not kept");
        kept += c.layer_bytes + c.dead_layer_bytes + (runs ? 0 : c.volume_bytes);
        if (c.writer != kNone) ++writers;
      }
      if (stopping != pod.stopping) return wrong("counts its containers that are being stopped wrongly");
      if (pod.status.ready && !pod.status.containers_ready) return wrong("is Ready and its containers are not");
      if (terminal(pod.status.phase) && pod.stage != Stage::kFinished)
        return wrong("has finished and is not torn down");
    }
    if (node.last != previous) return fmt::format("node {}: its list ends elsewhere", n);
    if (count != node.pods) return fmt::format("node {}: {} pods listed, {} counted", n, count, node.pods);
    if (!(reserved == node.reserved) || reserved_pods != node.reserved_pods) {
      return fmt::format("node {}: the sum of requests is wrong", n);
    }
    if (steady_bytes != node.steady_bytes || curves != node.curves.size()) {
      return fmt::format("node {}: the memory in use is wrong", n);
    }
    if (kept != node.kept_bytes || writers != node.writers.size()) {
      return fmt::format("node {}: the disk in use is wrong", n);
    }
    if (evicting != node.evicting) return fmt::format("node {}: counts its evictions wrongly", n);
    live += count;
  }
  if (live != live_pods_) return fmt::format("{} pods are in lists, {} are counted", live, live_pods_);
  if (live + free_pods_.size() != pods_.size()) return "a slot is neither in use nor free";
  return {};
}

}  // namespace berth

// Memory that leaks: a process whose pod a leak strikes has a memory curve of its own, its program's and what leaks.
// All leaks of a run are known when it starts, so nothing has to happen when one begins or ends.
#include <algorithm>

#include "sim/kubelet/kubelet.hpp"

namespace berth {
namespace {

using kube::api::UseCurve;

constexpr std::int64_t kMostBytes = std::int64_t{1} << 52;  // 4 PiB: a leak ends there at the latest.
constexpr std::int64_t kMostSeconds = 1'000'000'000;

struct Window {  // By age of the process.
  Duration from, to;
  std::int64_t bytes_per_second;

  std::int64_t at(Duration age) const {
    __extension__ typedef __int128 Wide;
    const Duration grows = std::min(age, to) - from;
    return grows.ns <= 0 ? 0 : static_cast<std::int64_t>(Wide{grows.ns} * bytes_per_second / seconds(1).ns);
  }
};

}  // namespace

// Before the process runs, with started_at set.
void Kubelet::add_leaks(const PodRun& pod, ContainerRun& container) {
  found_leaks_.clear();
  listener_.leaks_of(pod.owner, number_of(container), found_leaks_);
  std::vector<Window> windows;
  std::vector<Duration> ages{Duration{}};
  for (const MemoryLeak& leak : found_leaks_) {
    if (leak.to <= container.started_at) continue;
    const Duration from = std::max(leak.from, container.started_at) - container.started_at;
    const Duration longest = seconds(std::clamp<std::int64_t>(kMostBytes / leak.bytes_per_second, 1, kMostSeconds));
    const Duration to = leak.to == kNever ? from + longest : std::min(leak.to - container.started_at, from + longest);
    windows.push_back({from, to, leak.bytes_per_second});
    ages.push_back(from);
    ages.push_back(from + seconds((to - from).ns / seconds(1).ns));  // Up to here without any rounding.
    ages.push_back(to);
  }
  if (windows.empty()) return;
  const ContainerProgram& program = program_of(container);
  for (const kube::api::UsePoint& point : program.behavior.memory) ages.push_back(point.after);
  std::ranges::sort(ages);
  ages.erase(std::unique(ages.begin(), ages.end()), ages.end());

  if (free_leaks_.empty()) {
    free_leaks_.push_back(static_cast<std::uint32_t>(leaks_.size()));
    leaks_.emplace_back();
  }
  container.leak = free_leaks_.back();
  free_leaks_.pop_back();
  UseCurve& curve = leaks_[container.leak];
  curve.clear();
  for (const Duration age : ages) {
    std::int64_t bytes = program.behavior.memory_bytes(age, program.memory_request);
    for (const Window& window : windows) bytes += window.at(age);
    curve.push_back({age, bytes});
  }
}

// The age at which the process is above its limit, if ever.
std::optional<Duration> Kubelet::oom_after(const ContainerRun& container) const {
  const ContainerProgram& program = program_of(container);
  if (container.leak == kNone) return program.oom_after;
  if (program.memory_limit == 0) return std::nullopt;
  return kube::api::first_above(leaks_[container.leak], program.memory_limit);
}

}  // namespace berth

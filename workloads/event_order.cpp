#include "workloads/event_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <string_view>

#include "sim/engine/rng.hpp"
#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kKind, kRow };
constexpr double kMaxOrder = 1e9;  // Pods in an order that is drawn.

struct Task {
  std::uint32_t row;
  std::int64_t gpu_milli;    // Of one GPU.
  std::int64_t total_milli;  // Of all of them.
};

// In file order.
std::vector<Task> tasks_of(const MemoryWorkload& workload) {
  std::vector<Task> tasks;
  tasks.reserve(workload.arrivals().size());
  for (const PodArrival& arrival : workload.arrivals()) {
    const GpuRequest& gpu = workload.catalog()[arrival.pod_template].gpu;
    tasks.push_back({arrival.row, gpu.milli, gpu.total_milli()});
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.row < b.row; });
  return tasks;
}

void append_clones(const std::vector<Task>& tasks, std::int64_t total, std::int64_t target, Rng& rng,
                   std::vector<Task>& order) {
  while (true) {
    const Task& task = tasks[rng.below(static_cast<std::uint32_t>(tasks.size()))];
    if (total + task.gpu_milli > target) return;
    order.push_back(task);
    total += task.total_milli;
  }
}

void delete_surplus(std::int64_t total, std::int64_t target, Rng& rng, std::vector<Task>& order) {
  while (total > target) {
    const std::uint32_t at = rng.below(static_cast<std::uint32_t>(order.size()));
    total -= order[at].total_milli;
    order.erase(order.begin() + at);  // The rest keeps its order.
  }
}

}  // namespace

EventOrder read_event_order(const std::filesystem::path& path, std::size_t nodes, std::size_t pods) {
  CsvReader csv(path, {"kind", "row"}, {});
  EventOrder order;
  std::vector<std::size_t> line_of(nodes, 0);  // By node row; 0 = not seen.
  const std::string kinds[] = {"node", "pod"};
  while (csv.next()) {
    const std::string_view kind = csv.text(kKind);
    const bool is_node = kind == kinds[0];
    if (!is_node && kind != kinds[1]) csv.fail(kKind, "", "\"node\" or \"pod\"" + did_you_mean(kind, kinds));
    const std::size_t rows = is_node ? nodes : pods;
    const std::int64_t row = csv.integer(kRow);
    if (static_cast<std::size_t>(row) >= rows) {
      csv.fail(kRow, "", fmt::format("a 0-based row of the {} file, which has {} rows", kind, rows));
    }
    if (!is_node) {
      order.pods.push_back(static_cast<std::uint32_t>(row));
      continue;
    }
    std::size_t& line = line_of[static_cast<std::size_t>(row)];
    if (line != 0) csv.fail(kRow, fmt::format(", as on line {}", line), "each node row once");
    line = csv.line();
    order.nodes.push_back(static_cast<std::uint32_t>(row));
  }
  if (order.nodes.size() != nodes) {
    const auto missing = std::find(line_of.begin(), line_of.end(), 0U) - line_of.begin();
    throw InputError(fmt::format("{}: {} node rows, without row {}; expected each of the {} nodes once", csv.file(),
                                 order.nodes.size(), missing, nodes));
  }
  return order;
}

EventOrder own_order(const MemoryWorkload& workload, std::size_t nodes, std::int64_t cluster_gpu_milli, double load,
                     std::uint64_t seed) {
  if (nodes == 0) throw InputError("the cluster has no nodes; expected at least one");
  BERTH_CHECK(nodes < 0xFFFF'FFFF && cluster_gpu_milli >= 0);
  const std::vector<Task> tasks = tasks_of(workload);
  const std::int64_t total = std::accumulate(tasks.begin(), tasks.end(), std::int64_t{0},
                                             [](std::int64_t sum, const Task& t) { return sum + t.total_milli; });
  const double target_milli = load * static_cast<double>(cluster_gpu_milli);
  if (!std::isfinite(load) || load <= 0 || target_milli > 1e18) {
    throw InputError(fmt::format("load is {}; expected a share above 0, such as 1.3 for 130 %", load));
  }
  const std::int64_t target = std::llround(target_milli);

  std::vector<Task> order = tasks;
  Rng(seed, 0, 0, Purpose::kPodOrder).shuffle(std::span(order));
  Rng clones(seed, 0, 0, Purpose::kClones);
  if (total < target) {
    if (total == 0) {
      throw InputError(
          fmt::format("no pod asks for GPUs, so a load of {} cannot be reached; expected pods with GPUs", load));
    }
    const double expected = static_cast<double>(tasks.size()) * target_milli / static_cast<double>(total);
    if (expected > kMaxOrder) {
      throw InputError(fmt::format("load is {}, about {:.3g} pods; expected a load of at most {:.0e} pods", load,
                                   expected, kMaxOrder));
    }
    append_clones(tasks, total, target, clones, order);
  } else {
    delete_surplus(total, target, clones, order);
  }

  EventOrder result;
  result.pods.reserve(order.size());
  for (const Task& task : order) result.pods.push_back(task.row);
  result.nodes.resize(nodes);
  std::iota(result.nodes.begin(), result.nodes.end(), 0U);
  Rng(seed, 0, 0, Purpose::kNodeOrder).shuffle(std::span(result.nodes));
  return result;
}

}  // namespace berth

// The numbers and curves of a replay, folded from its journal: how long pods waited, how full the cluster was, how
// fragmented. Time averages are over the window from 0 to `window` (the last arrival): behind it the cluster only
// drains, and policies that finish at different times would be compared over different spans.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "results/histogram.hpp"
#include "results/metric_values.hpp"
#include "results/run_result.hpp"
#include "results/time_curves.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/cluster/fragmentation.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

// What MetricsFold reports, in its order.
std::span<const MetricInfo> replay_metrics();

struct MetricsOptions {
  Time window;                     // > 0
  std::size_t points = 240;        // Of each curve over the window.
  std::vector<TemplateCount> mix;  // For fragmentation (sim/cluster/fragmentation.hpp); empty: not reported.
};

// Cost per record: O(GPUs of the node) plus O(points crossed). Memory: 8 bytes per pod that waits or is near one that
// waits, plus 40 bytes per node.
class MetricsFold final : public JournalSink {
 public:
  explicit MetricsFold(MetricsOptions options);
  void begin(const JournalContext& context) override;
  void write(std::span<const Record> batch) override;
  void finish(Time end) override;

  // After finish(). `key` is left empty.
  RunResult result() const;

 private:
  // What varies over time; integers, so that adding and taking away leaves nothing behind.
  struct Level {
    std::int64_t cpu_milli = 0, memory_bytes = 0, gpu_milli = 0, nodes_used = 0, pending = 0;
    double fragment_milli = 0;
    std::int64_t all_cpu_milli = 0, all_memory_bytes = 0, all_gpu_milli = 0;  // What the nodes have.
  };
  enum Curve : std::size_t {
    kCpu,
    kMemory,
    kGpu,
    kNodesUsed,
    kPending,
    kFragment,
    kAllCpu,
    kAllMemory,
    kAllGpu,
    kCurves
  };
  struct Node {
    std::int64_t cpu_free_milli;
    std::uint32_t pods;
    double fragment_milli;
    bool left = false;
  };

  std::array<double, kCurves> levels() const;
  void joined(std::size_t n);
  void node_left(std::size_t n);
  void fragment(std::size_t n);
  void occupy(const Record& record, int sign);
  void left(const Record& record);
  void created(std::uint32_t pod, std::int64_t at_ns);
  std::int64_t take_created(std::uint32_t pod);

  MetricsOptions options_;
  JournalContext context_;
  std::optional<Fragmentation> fragmentation_;
  std::vector<Node> nodes_;
  std::vector<std::uint16_t> gpu_free_milli_;
  Level level_;
  bool nodes_change_ = false;  // Some have joined or left: capacities are time averages, too.
  TimeCurves<kCurves> curves_;

  // Creation times of pods that wait, in pages that are given back when all of their pods have a node.
  struct Page {
    std::unique_ptr<std::int64_t[]> at;
    std::uint32_t open = 0;
  };
  std::vector<Page> pages_;
  std::unordered_map<std::uint32_t, std::int64_t> evicted_;  // Since when; never iterated.

  Histogram wait_;
  std::uint64_t pods_created_ = 0, pods_scheduled_ = 0, pods_unschedulable_ = 0, pods_succeeded_ = 0, pods_failed_ = 0;
  std::uint64_t evictions_ = 0, waiting_ = 0;
  std::int64_t pending_max_ = 0;
  std::int64_t last_success_ns_ = 0;
};

}  // namespace berth

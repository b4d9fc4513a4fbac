// Stranded room: CPU that is free on a node where no pod of the workload fits for want of memory, and memory likewise.
// The mix is every request that the run's pods have made so far, but for pods that request neither, which fit anywhere.
// Stranded is what lies free although the lack of the other resource alone keeps every pod of the mix away: some of
// them would fit if theirs were the only resource. That is stranded memory as in Li et al., "Pond" (ASPLOS 2023): free
// on a machine whose cores are all rented, with "all" meaning what the mix can still use, as for fragmented GPUs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "results/metrics.hpp"
#include "results/run_result.hpp"
#include "results/time_curves.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

std::span<const MetricInfo> stranding_metrics();

// The least memory that a pod of the mix asks for, by how much CPU there is: a staircase.
class RequestStairs {
 public:
  // True if that changed what fits. O(steps).
  bool add(std::int64_t cpu_milli, std::int64_t memory_bytes);
  struct Stranded {
    bool cpu = false;
    bool memory = false;
  };
  // Of a node with so much free. O(log steps).
  Stranded stranded(std::int64_t cpu_milli, std::int64_t memory_bytes) const;

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> steps_;  // CPU ascending, memory descending.
};

// O(log requests) per bind and per end of a pod, O(nodes) per request that needs less than all before; 24 bytes a node.
class StrandingMetrics final : public JournalSink {
 public:
  // Averages and curves are over 0 … `window` > 0, as those of MetricsFold.
  explicit StrandingMetrics(Time window, std::size_t points = 240) : curves_(window, points) {}
  void begin(const JournalContext& context) override;
  void write(std::span<const Record> batch) override;
  void finish(Time end) override { curves_.finish(end, levels()); }

  // After finish(). Appends what stranding_metrics() names, and curves.
  void add_to(RunResult& result) const;

 private:
  enum Curve : std::size_t { kCpu, kMemory, kAllCpu, kAllMemory, kCurves };
  struct Node {
    std::int64_t cpu_milli = 0, memory_bytes = 0;  // Free.
    RequestStairs::Stranded stranded;
    bool left = false;
  };
  std::array<double, kCurves> levels() const;
  void add(std::size_t n);
  void take(const Record& record, int sign);
  // Takes what is stranded on the node out of the sums, or works it out anew.
  void look(Node& node, bool counts);

  JournalContext context_;
  RequestStairs stairs_;
  std::vector<std::uint8_t> seen_;  // By template.
  std::vector<Node> nodes_;
  std::int64_t cpu_milli_ = 0, memory_bytes_ = 0, all_cpu_milli_ = 0, all_memory_bytes_ = 0;
  TimeCurves<kCurves> curves_;
};

}  // namespace berth

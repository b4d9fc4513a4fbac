// Pods that were told to go by another one than their owner, by whom, folded from the journal of a run with kubelets.
#pragma once

#include <cstdint>
#include <span>

#include "results/metrics.hpp"
#include "results/run_result.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

std::span<const MetricInfo> eviction_metrics();

class EvictionMetrics final : public JournalSink {
 public:
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override;
  void finish(Time) override {}

  // Appends what eviction_metrics() names.
  void add_to(RunResult& result) const;

 private:
  std::uint64_t preempted_ = 0, taints_ = 0, pressure_ = 0, drained_ = 0, descheduled_ = 0, collected_ = 0;
  std::uint64_t by_api_ = 0;  // Descheduled ones too.
};

}  // namespace berth

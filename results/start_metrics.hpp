// How pods start where a start is more than a delay: from the bind to Ready, what pulls moved and took, restarts.
// Folded from the journal of a run with kubelets.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "results/histogram.hpp"
#include "results/metrics.hpp"
#include "results/run_result.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

std::span<const MetricInfo> start_metrics();

// O(1) per record; 24 bytes per pod.
class StartMetricsFold final : public JournalSink {
 public:
  void begin(const JournalContext& context) override { context_ = context; }
  void write(std::span<const Record> batch) override;
  void finish(Time) override {}

  // Appends what start_metrics() names.
  void add_to(RunResult& result) const;

 private:
  struct PodTimes {
    std::int64_t created_ns = -1;
    std::int64_t scheduled_ns = -1;
    std::int64_t pulling_ns = -1;
  };
  PodTimes& times(std::uint32_t pod);

  JournalContext context_;
  std::vector<PodTimes> pods_;  // By ordinal.
  Histogram start_, creation_to_ready_, pull_;
  std::uint64_t ready_ = 0, present_ = 0, pulled_ = 0, pull_failed_ = 0, images_removed_ = 0;
  std::uint64_t restarts_ = 0, oom_killed_ = 0, layers_found_ = 0, layers_downloaded_ = 0;
  std::array<std::int64_t, 3> bytes_{};  // By where layers came from: Record::reason of kLayerDownloaded.
};

}  // namespace berth

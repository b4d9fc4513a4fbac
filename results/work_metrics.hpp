// Work that had to be done again, folded from the journal: of pods that run to completion, the time that they ran in
// vain. A run of such a pod begins when it starts; it is lost when the pod is evicted, deleted or fails, or when one of
// its regular containers exits with an error. That container's restart begins the next one: what the others did
// meanwhile is taken for lost with it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "results/metrics.hpp"
#include "results/pod_owners.hpp"
#include "results/run_result.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

std::span<const MetricInfo> work_metrics();

// O(1) per record; 16 bytes per pod.
class WorkMetrics final : public JournalSink {
 public:
  // Null: pods are those of a trace, and all run to completion; else those of Jobs do. It must outlive this.
  explicit WorkMetrics(const PodOwners* owners) : owners_(owners) {}
  void begin(const JournalContext& context) override { context_ = context; }
  void write(std::span<const Record> batch) override;
  void finish(Time) override {}

  // Appends what work_metrics() names. Not defined where no such pod ever ran.
  void add_to(RunResult& result) const;

 private:
  enum Cause : std::uint8_t { kEviction, kFailure, kNodeFault, kCauses };
  static constexpr std::int64_t kNot = -1;
  static constexpr std::uint32_t kNoJob = 0xFFFF'FFFF;
  struct Pod {
    std::int64_t since_ns = kNot;  // Of the run that is under way.
    std::uint32_t job = kNoJob;
    bool counts = false;
    bool ran = false;      // At least once.
    bool killed = false;   // Told to go.
    bool counted = false;  // As lost, with its Job.
  };

  void created(const Record& record);
  void starts(const Record& record, bool again);
  void ends(const Record& record, Cause cause);
  void lost_for_job(Pod& pod);
  bool regular(const Record& record) const;
  double cores(const Record& record) const;
  bool off(NodeId node) const { return index(node) < off_.size() && off_[index(node)] != 0; }

  const PodOwners* owners_;
  JournalContext context_;
  std::vector<Pod> pods_;                                  // By ordinal.
  std::unordered_map<std::uint32_t, std::uint32_t> owed_;  // By Job: lost pods without a successor. Never walked.
  std::vector<std::uint8_t> off_;                          // By node, as far as they are known.
  std::array<std::int64_t, kCauses> lost_ns_{};
  double lost_core_s_ = 0, done_core_s_ = 0;
  std::int64_t done_ns_ = 0;
  std::uint64_t runs_ = 0, again_ = 0;
};

}  // namespace berth

// What the fill protocol reports: GPU allocation and fragmentation over the load that has arrived, in percent of the
// cluster's GPUs, bucket by bucket.
// Model: Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 5, with its artifact's rounding: each value
// to two decimals (the ratios as percentages, the fragmentation amount as milli-GPU), then the mean over all arrivals
// whose load rounds (half to even) to the bucket.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "results/run_result.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/cluster/fragmentation.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

struct FillOptions {
  std::vector<TemplateCount> mix;  // Of the variant's tasks, clones not counted.
  int last_load_pct = 130;
  std::span<const std::uint32_t> node_rows;  // By NodeId: the node's row in its file. For placements.
  bool placements = false;                   // Keep the text of placements().
};

class FillFold final : public JournalSink {
 public:
  explicit FillFold(FillOptions options) : options_(std::move(options)) {}
  void begin(const JournalContext& context) override;
  void write(std::span<const Record> batch) override;
  void finish(Time) override {}

  // Series `alloc_pct`, `frag_pct_of_cluster`, `frag_ratio_pct` over `load_pct` 0 … last; metrics at 50, 90, 100, 110
  // and 130 % (those within range), and counts. A load that no arrival came near (small clusters) has the value of the
  // load before, NaN if there is none.
  RunResult result() const;
  // CSV, one line per arrival: `event,pod_row,arrived_gpu_milli,node,gpus,frag_milli`; node = row of the node file, -1
  // = failed; gpus joined by "-"; frag_milli with two decimals.
  const std::string& placements() const { return placements_; }

 private:
  struct Bucket {
    std::int64_t alloc = 0, frag = 0, ratio = 0;  // Hundredths of a per cent; frag of a milli-GPU.
    std::int64_t n = 0;
  };
  void arrival_over(const Record& record, bool placed);

  FillOptions options_;
  JournalContext context_;
  std::optional<Fragmentation> fragmentation_;
  struct Node {
    std::int64_t cpu_free_milli;
    double fragment_milli;
  };
  std::vector<Node> nodes_;
  std::vector<std::uint16_t> gpu_free_milli_;
  std::vector<Bucket> buckets_;
  std::int64_t total_milli_ = 0, arrived_milli_ = 0, used_milli_ = 0;
  double fragment_milli_ = 0;
  std::uint64_t arrivals_ = 0, failed_ = 0;
  std::uint32_t row_ = 0;
  std::string placements_;
};

// `scenario,policy,seed,load_pct,alloc_pct,frag_pct_of_cluster,frag_ratio_pct`, two decimals, a row per load.
void write_fill_series_csv(const std::filesystem::path& path, std::span<const RunResult> runs);

}  // namespace berth

// What the machines of a run cost, how many there were and how they came and went, folded from its journal. From the
// start to the end of the run.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "results/histogram.hpp"
#include "results/metrics.hpp"
#include "results/run_result.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

// The rent of nodes with this label. Of several that fit a node the first one counts; none: it costs nothing.
struct NodePrice {
  std::string label;
  std::string value;
  double usd_per_hour = 0;
};

std::span<const MetricInfo> node_metrics();

// What is paid for of a machine that ran for `up`: started seconds, at least 60. 0 for one that never ran.
// Source: Linux billing of EC2 and Compute Engine.
std::int64_t billed_seconds(Duration up);

// A machine is paid for from when it was asked for (an assumption: providers begin some seconds later) until it is
// deleted; one that never joined is not. O(prices) per node that joins, O(1) per other record; 8 bytes per pod.
class NodeMetricsFold final : public JournalSink {
 public:
  explicit NodeMetricsFold(std::vector<NodePrice> prices) : prices_(std::move(prices)) {}
  void begin(const JournalContext& context) override;
  void write(std::span<const Record> batch) override;
  void finish(Time end) override;

  // After finish(). Appends what node_metrics() names.
  void add_to(RunResult& result) const;

 private:
  static constexpr std::int64_t kNot = std::numeric_limits<std::int64_t>::min();
  struct Node {
    std::int64_t requested_ns = 0;
    std::int64_t joined_ns = kNot;  // kNot: there from the beginning.
    std::int64_t ready_ns = kNot;
    double usd_per_hour = 0;
    bool left = false;
  };

  void add(std::size_t n, const Node& node);
  void pay(Node& node, std::int64_t until_ns);
  void advance(std::int64_t to_ns);
  std::int64_t& waits_since(std::uint32_t pod);

  std::vector<NodePrice> prices_;
  JournalContext context_;
  std::vector<Node> nodes_;
  std::vector<std::int64_t> waits_since_;  // By ordinal; kNot: it does not wait.
  Histogram boot_, pending_to_ready_;
  std::int64_t there_ = 0, most_ = 0, last_ns_ = 0;
  std::int64_t billed_s_ = 0;
  double usd_ = 0;
  double node_seconds_ = 0;  // Of registered nodes.
  std::uint64_t requested_ = 0, joined_ = 0, removed_ = 0;
};

}  // namespace berth

#include "results/node_metrics.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace berth {
namespace {

constexpr double kNanosecond = 1e-9;

constexpr std::array kMetrics{
    MetricInfo{"node_hours", "hours of machines that were paid for"},
    MetricInfo{"cost_usd", "rent of all machines: by the second, at least a minute each"},
    MetricInfo{"cost_usd_per_hour_mean", "cost over the length of the run"},
    MetricInfo{"nodes_mean", "registered nodes; time average over the run"},
    MetricInfo{"nodes_max", "most registered nodes at one time"},
    MetricInfo{"nodes_requested", "machines that were asked for after the beginning"},
    MetricInfo{"nodes_joined", "of them, those that registered"},
    MetricInfo{"nodes_removed", "machines that were deleted"},
    MetricInfo{"node_start_seconds_mean", "from asking for a machine to its node being Ready"},
    MetricInfo{"node_start_seconds_max", "the slowest one"},
    MetricInfo{"pending_to_node_ready_seconds_mean",
               "for pods that went to a node that joined while they waited: from creation (or eviction) to its Ready"},
    MetricInfo{"pending_to_node_ready_seconds_p50", "its median, within 1/256 as all quantiles"},
    MetricInfo{"pending_to_node_ready_seconds_max", "the longest"},
};

}  // namespace

std::span<const MetricInfo> node_metrics() {
  return kMetrics;
}

std::int64_t billed_seconds(Duration up) {
  if (up.ns <= 0) return 0;
  return std::max<std::int64_t>((up.ns + 999'999'999) / 1'000'000'000, 60);
}

void NodeMetricsFold::begin(const JournalContext& context) {
  context_ = context;
  for (std::size_t n = 0; n < context.nodes.size(); ++n) add(n, {});
}

void NodeMetricsFold::add(std::size_t n, const Node& node) {
  BERTH_CHECK(n == nodes_.size());
  nodes_.push_back(node);
  for (const NodePrice& price : prices_) {
    const std::vector<Label>& labels = context_.nodes[n].labels;
    if (std::ranges::find(labels, Label{price.label, price.value}) == labels.end()) continue;
    nodes_[n].usd_per_hour = price.usd_per_hour;
    break;
  }
  most_ = std::max(most_, ++there_);
}

void NodeMetricsFold::pay(Node& node, std::int64_t until_ns) {
  const std::int64_t seconds = billed_seconds({until_ns - node.requested_ns});
  billed_s_ += seconds;
  usd_ += node.usd_per_hour * static_cast<double>(seconds) / 3600;
}

void NodeMetricsFold::advance(std::int64_t to_ns) {
  node_seconds_ += static_cast<double>(there_) * static_cast<double>(to_ns - last_ns_) * kNanosecond;
  last_ns_ = to_ns;
}

std::int64_t& NodeMetricsFold::waits_since(std::uint32_t pod) {
  if (pod >= waits_since_.size()) waits_since_.resize(pod + 1, kNot);
  return waits_since_[pod];
}

void NodeMetricsFold::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    switch (r.kind) {
      case RecordKind::kNodeRequested:
        ++requested_;
        break;
      case RecordKind::kNodeJoined:
        advance(r.at.ns);
        ++joined_;
        add(index(r.node), {r.at.ns - std::int64_t{r.value} * 1'000'000, r.at.ns});
        break;
      case RecordKind::kNodeReady: {
        Node& node = nodes_[index(r.node)];
        node.ready_ns = r.at.ns;
        boot_.record(r.at.ns - node.requested_ns);
        break;
      }
      case RecordKind::kNodeLeft:
        advance(r.at.ns);
        ++removed_;
        --there_;
        nodes_[index(r.node)].left = true;
        pay(nodes_[index(r.node)], r.at.ns);
        break;
      case RecordKind::kPodCreated:
      case RecordKind::kPodEvicted:
        waits_since(r.pod) = r.at.ns;
        break;
      case RecordKind::kPodScheduled: {
        const Node& node = nodes_[index(r.node)];
        const std::int64_t since = std::exchange(waits_since(r.pod), kNot);
        if (node.joined_ns != kNot && node.joined_ns > since && node.ready_ns != kNot && since != kNot) {
          pending_to_ready_.record(node.ready_ns - since);
        }
        break;
      }
      default:
        break;
    }
  }
}

void NodeMetricsFold::finish(Time end) {
  advance(end.ns);
  for (Node& node : nodes_) {
    if (!node.left) pay(node, end.ns);
  }
}

void NodeMetricsFold::add_to(RunResult& result) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const double run_s = static_cast<double>(last_ns_) * kNanosecond;
  const double values[] = {
      static_cast<double>(billed_s_) / 3600,
      usd_,
      run_s > 0 ? usd_ / run_s * 3600 : kNone,
      run_s > 0 ? node_seconds_ / run_s : static_cast<double>(there_),
      static_cast<double>(most_),
      static_cast<double>(requested_),
      static_cast<double>(joined_),
      static_cast<double>(removed_),
      mean_seconds(boot_),
      quantile_seconds(boot_, 1),
      mean_seconds(pending_to_ready_),
      quantile_seconds(pending_to_ready_, 0.5),
      quantile_seconds(pending_to_ready_, 1),
  };
  add_metrics(result, kMetrics, values);
}

}  // namespace berth

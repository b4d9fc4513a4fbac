#include "results/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace berth {
namespace {

constexpr std::uint32_t kPageSize = 4096;
constexpr double kNanosecond = 1e-9;

constexpr std::array kMetrics{
    MetricInfo{"pods_created", "pods that arrived"},
    MetricInfo{"pods_scheduled", "times that a pod was bound to a node (an evicted pod counts again)"},
    MetricInfo{"pods_unschedulable", "pods for which no node had room when they were first looked at"},
    MetricInfo{"pods_succeeded", "pods that ran to their end"},
    MetricInfo{"pods_pending_at_end", "pods that never got a node"},
    MetricInfo{"pod_evictions", "times that a bound pod was taken off its node"},
    MetricInfo{"pod_wait_seconds_mean", "from creation (or eviction) to the bind, over all binds"},
    MetricInfo{"pod_wait_seconds_p50", "its median, within 1/256 as all quantiles"},
    MetricInfo{"pod_wait_seconds_p95", "its 95th percentile"},
    MetricInfo{"pod_wait_seconds_p99", "its 99th percentile"},
    MetricInfo{"pod_wait_seconds_max", "the longest wait"},
    MetricInfo{"makespan_seconds", "from the start to the last pod's end"},
    MetricInfo{"cpu_allocation_pct_mean",
               "cpu requested by bound pods, of all nodes' at that time; average over the window"},
    MetricInfo{"memory_allocation_pct_mean", "memory likewise"},
    MetricInfo{"gpu_allocation_pct_mean", "milli-GPU likewise; not defined without GPUs"},
    MetricInfo{"gpu_fragmentation_pct_mean", "free GPU that the workload's mix cannot use, of all GPU; time average"},
    MetricInfo{"nodes_used_mean", "nodes with at least one pod; time average"},
    MetricInfo{"pods_pending_mean", "pods without a node; time average"},
    MetricInfo{"pods_pending_max", "most pods without a node at one time, once the scheduler had its turn"},
};

}  // namespace

std::span<const MetricInfo> replay_metrics() {
  return kMetrics;
}

MetricsFold::MetricsFold(MetricsOptions options)
    : options_(std::move(options)), curves_(options_.window, options_.points) {}

void MetricsFold::begin(const JournalContext& context) {
  context_ = context;
  bool gpus = false;
  for (std::size_t n = 0; n < context.nodes.size(); ++n) gpus = gpus || context.nodes[n].gpu_count > 0;
  if (gpus && !options_.mix.empty()) fragmentation_.emplace(*context.catalog, options_.mix);
  for (std::size_t n = 0; n < context.nodes.size(); ++n) joined(n);
}

void MetricsFold::joined(std::size_t n) {
  BERTH_CHECK(n == nodes_.size());
  const NodeSpec& node = context_.nodes[n];
  level_.all_cpu_milli += node.allocatable.cpu_milli;
  level_.all_memory_bytes += node.allocatable.memory_bytes;
  level_.all_gpu_milli += node.gpu_count * kMilliPerGpu;
  gpu_free_milli_.resize((n + 1) * kMaxGpusPerNode, 0);
  std::fill_n(gpu_free_milli_.begin() + static_cast<std::ptrdiff_t>(n * kMaxGpusPerNode), node.gpu_count,
              static_cast<std::uint16_t>(kMilliPerGpu));
  nodes_.push_back({node.allocatable.cpu_milli, 0, 0});
  fragment(n);
}

// Its pods have given their room back before.
void MetricsFold::node_left(std::size_t n) {
  const NodeSpec& node = context_.nodes[n];
  level_.all_cpu_milli -= node.allocatable.cpu_milli;
  level_.all_memory_bytes -= node.allocatable.memory_bytes;
  level_.all_gpu_milli -= node.gpu_count * kMilliPerGpu;
  nodes_[n].left = true;
  fragment(n);
}

// Brings the node's free GPU that nothing of the mix can use up to date.
void MetricsFold::fragment(std::size_t n) {
  if (!fragmentation_) return;
  const NodeSpec& spec = context_.nodes[n];
  Node& node = nodes_[n];
  const std::span<const std::uint16_t> free(gpu_free_milli_.data() + n * kMaxGpusPerNode, spec.gpu_count);
  const double now =
      node.left ? 0 : fragmentation_->of(fragmentation_->state(node.cpu_free_milli, spec.gpu_model, free));
  level_.fragment_milli += now - node.fragment_milli;
  node.fragment_milli = now;
}

void MetricsFold::write(std::span<const Record> batch) {
  for (const Record& record : batch) {
    if (record.at.ns > curves_.now_ns()) {
      pending_max_ = std::max(pending_max_, level_.pending);
      curves_.advance(record.at.ns, levels());
    }
    switch (record.kind) {
      case RecordKind::kPodCreated:
        ++pods_created_;
        ++level_.pending;
        created(record.pod, record.at.ns);
        break;
      case RecordKind::kPodUnschedulable:
        ++pods_unschedulable_;
        break;
      case RecordKind::kPodScheduled:
        ++pods_scheduled_;
        --level_.pending;
        wait_.record(record.at.ns - take_created(record.pod));
        occupy(record, +1);
        break;
      case RecordKind::kPodStarted:
        break;
      case RecordKind::kPodSucceeded:
        ++pods_succeeded_;
        last_success_ns_ = record.at.ns;
        occupy(record, -1);
        break;
      case RecordKind::kPodFailed:
        ++pods_failed_;
        left(record);
        break;
      case RecordKind::kPodDeleted:
        left(record);
        break;
      case RecordKind::kPodEvicted:
        ++evictions_;
        ++level_.pending;
        evicted_[record.pod] = record.at.ns;
        occupy(record, -1);
        break;
      case RecordKind::kNodeJoined:
        nodes_change_ = true;
        joined(index(record.node));
        break;
      case RecordKind::kNodeLeft:
        nodes_change_ = true;
        node_left(index(record.node));
        break;
      default:  // What happens on nodes: other folds' matter.
        break;
    }
  }
}

// A pod is gone that may have waited still.
void MetricsFold::left(const Record& record) {
  if (record.node != kNoNode) return occupy(record, -1);
  --level_.pending;
  take_created(record.pod);
}

std::array<double, MetricsFold::kCurves> MetricsFold::levels() const {
  return {static_cast<double>(level_.cpu_milli),     static_cast<double>(level_.memory_bytes),
          static_cast<double>(level_.gpu_milli),     static_cast<double>(level_.nodes_used),
          static_cast<double>(level_.pending),       level_.fragment_milli,
          static_cast<double>(level_.all_cpu_milli), static_cast<double>(level_.all_memory_bytes),
          static_cast<double>(level_.all_gpu_milli)};
}

void MetricsFold::occupy(const Record& record, int sign) {
  const PodTemplate& t = (*context_.catalog)[record.pod_template];
  const std::size_t n = index(record.node);
  Node& node = nodes_[n];
  level_.cpu_milli += sign * t.request.cpu_milli;
  level_.memory_bytes += sign * t.request.memory_bytes;
  level_.gpu_milli += sign * t.gpu.total_milli();
  level_.nodes_used += sign > 0 ? (node.pods == 0 ? 1 : 0) : (node.pods == 1 ? -1 : 0);
  node.pods += static_cast<std::uint32_t>(sign);
  node.cpu_free_milli -= sign * t.request.cpu_milli;
  const std::uint16_t gpu_count = context_.nodes[n].gpu_count;
  if (gpu_count == 0) return;
  std::uint16_t* const free = gpu_free_milli_.data() + n * kMaxGpusPerNode;
  for (std::size_t i = 0; i < gpu_count; ++i) {
    if (((record.gpus >> i) & 1) != 0) free[i] = static_cast<std::uint16_t>(free[i] - sign * t.gpu.milli);
  }
  fragment(n);
}

void MetricsFold::created(std::uint32_t pod, std::int64_t at_ns) {
  const std::size_t page = pod / kPageSize;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page].at) pages_[page].at = std::make_unique<std::int64_t[]>(kPageSize);
  pages_[page].at[pod % kPageSize] = at_ns;
  ++pages_[page].open;
}

std::int64_t MetricsFold::take_created(std::uint32_t pod) {
  if (!evicted_.empty()) {
    if (const auto it = evicted_.find(pod); it != evicted_.end()) {
      const std::int64_t since = it->second;
      evicted_.erase(it);
      return since;
    }
  }
  const std::size_t page = pod / kPageSize;
  const std::int64_t at = pages_[page].at[pod % kPageSize];
  // A page whose pods were all created and all have a node will not be asked again.
  if (--pages_[page].open == 0 && pods_created_ >= (page + 1) * std::uint64_t{kPageSize}) pages_[page].at.reset();
  return at;
}

void MetricsFold::finish(Time end) {
  pending_max_ = std::max(pending_max_, level_.pending);
  waiting_ = static_cast<std::uint64_t>(level_.pending);
  curves_.finish(end, levels());
}

RunResult MetricsFold::result() const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const double window = curves_.window_seconds();
  std::array<double, kCurves> total{};
  for (std::size_t c = 0; c < kCurves; ++c) total[c] = curves_.total(c);
  // Of all that there was; what never changed is not averaged, so that it is exact.
  const auto all_of = [&](Curve c, std::int64_t level) {
    return nodes_change_ ? total[c] / window : static_cast<double>(level);
  };
  const double all_cpu = all_of(kAllCpu, level_.all_cpu_milli);
  const double all_memory = all_of(kAllMemory, level_.all_memory_bytes);
  const double all_gpu = all_of(kAllGpu, level_.all_gpu_milli);
  const auto pct = [](double sum, double span, double all) { return all == 0 ? kNone : 100 * sum / span / all; };
  const double values[] = {
      static_cast<double>(pods_created_),
      static_cast<double>(pods_scheduled_),
      static_cast<double>(pods_unschedulable_),
      static_cast<double>(pods_succeeded_),
      static_cast<double>(waiting_ + pods_failed_),
      static_cast<double>(evictions_),
      mean_seconds(wait_),
      quantile_seconds(wait_, 0.5),
      quantile_seconds(wait_, 0.95),
      quantile_seconds(wait_, 0.99),
      quantile_seconds(wait_, 1),
      static_cast<double>(last_success_ns_) * kNanosecond,
      pct(total[kCpu], window, all_cpu),
      pct(total[kMemory], window, all_memory),
      pct(total[kGpu], window, all_gpu),
      fragmentation_ ? pct(total[kFragment], window, all_gpu) : kNone,
      total[kNodesUsed] / window,
      total[kPending] / window,
      static_cast<double>(pending_max_),
  };
  RunResult result;
  add_metrics(result, kMetrics, values);

  const auto curve = [&](const char* name, Curve c, double scale) {
    result.series.push_back(curves_.curve(name, c, scale));
  };
  // In percent of what there was at that time.
  const auto share = [&](const char* name, Curve c, Curve of, double all) {
    if (all == 0) return;
    if (!nodes_change_) return curve(name, c, 100 / all);
    result.series.push_back(curves_.share(name, c, of));
  };
  share("cpu_allocation_pct", kCpu, kAllCpu, all_cpu);
  share("memory_allocation_pct", kMemory, kAllMemory, all_memory);
  share("gpu_allocation_pct", kGpu, kAllGpu, all_gpu);
  if (fragmentation_) share("gpu_fragmentation_pct", kFragment, kAllGpu, all_gpu);
  curve("nodes_used", kNodesUsed, 1);
  curve("pods_pending", kPending, 1);
  return result;
}

}  // namespace berth

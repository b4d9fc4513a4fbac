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
    MetricInfo{"cpu_allocation_pct_mean", "cpu requested by bound pods, of all; time average over the window"},
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

MetricsFold::MetricsFold(MetricsOptions options) : options_(std::move(options)) {
  BERTH_CHECK(options_.window.ns > 0 && options_.points > 0);
  sums_.assign(options_.points * kCurves, 0.0);
}

void MetricsFold::begin(const JournalContext& context) {
  context_ = context;
  gpu_free_milli_.assign(context.nodes.size() * kMaxGpusPerNode, 0);
  for (std::size_t n = 0; n < context.nodes.size(); ++n) {
    const NodeSpec& node = context.nodes[n];
    cpu_total_ += static_cast<double>(node.allocatable.cpu_milli);
    memory_total_ += static_cast<double>(node.allocatable.memory_bytes);
    gpu_total_ += static_cast<double>(node.gpu_count * kMilliPerGpu);
    std::fill_n(gpu_free_milli_.begin() + static_cast<std::ptrdiff_t>(n * kMaxGpusPerNode), node.gpu_count,
                static_cast<std::uint16_t>(kMilliPerGpu));
    nodes_.push_back({node.allocatable.cpu_milli, 0, 0});
  }
  if (gpu_total_ == 0 || options_.mix.empty()) return;
  fragmentation_.emplace(*context.catalog, options_.mix);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const NodeSpec& spec = context.nodes[n];
    const std::span<const std::uint16_t> free(gpu_free_milli_.data() + n * kMaxGpusPerNode, spec.gpu_count);
    nodes_[n].fragment_milli =
        fragmentation_->of(fragmentation_->state(nodes_[n].cpu_free_milli, spec.gpu_model, free));
    level_.fragment_milli += nodes_[n].fragment_milli;
  }
}

void MetricsFold::write(std::span<const Record> batch) {
  for (const Record& record : batch) {
    if (record.at.ns > last_ns_) {
      pending_max_ = std::max(pending_max_, level_.pending);
      advance(record.at.ns);
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
      default:  // Of nodes, and of what happens on them: other folds' matter.
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

// Adds the present level to the curves from last_ns_ to `to_ns`.
void MetricsFold::advance(std::int64_t to_ns) {
  const std::int64_t until = std::min(to_ns, options_.window.ns);
  const double width = static_cast<double>(options_.window.ns) / static_cast<double>(options_.points);
  std::int64_t from = last_ns_;
  while (from < until) {
    const auto point = std::min(options_.points - 1, static_cast<std::size_t>(static_cast<double>(from) / width));
    const auto edge = point + 1 == options_.points
                          ? options_.window.ns
                          : static_cast<std::int64_t>(static_cast<double>(point + 1) * width) + 1;
    const std::int64_t stop = std::min(until, std::max(edge, from + 1));
    const double span = static_cast<double>(stop - from) * kNanosecond;
    double* const sums = sums_.data() + point * kCurves;
    sums[kCpu] += static_cast<double>(level_.cpu_milli) * span;
    sums[kMemory] += static_cast<double>(level_.memory_bytes) * span;
    sums[kGpu] += static_cast<double>(level_.gpu_milli) * span;
    sums[kNodesUsed] += static_cast<double>(level_.nodes_used) * span;
    sums[kPending] += static_cast<double>(level_.pending) * span;
    sums[kFragment] += level_.fragment_milli * span;
    from = stop;
  }
  last_ns_ = to_ns;
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
  if (!fragmentation_) return;
  const double fragment =
      fragmentation_->of(fragmentation_->state(node.cpu_free_milli, context_.nodes[n].gpu_model, {free, gpu_count}));
  level_.fragment_milli += fragment - node.fragment_milli;
  node.fragment_milli = fragment;
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
  advance(std::max(end.ns, options_.window.ns));
}

RunResult MetricsFold::result() const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const double window = static_cast<double>(options_.window.ns) * kNanosecond;
  std::array<double, kCurves> total{};
  for (std::size_t p = 0; p < options_.points; ++p) {
    for (std::size_t c = 0; c < kCurves; ++c) total[c] += sums_[p * kCurves + c];
  }
  const auto pct = [](double sum, double span, double all) { return all == 0 ? kNone : 100 * sum / span / all; };
  const auto wait = [this](std::int64_t ns) {
    return wait_.count() == 0 ? kNone : static_cast<double>(ns) * kNanosecond;
  };
  const double values[] = {
      static_cast<double>(pods_created_),
      static_cast<double>(pods_scheduled_),
      static_cast<double>(pods_unschedulable_),
      static_cast<double>(pods_succeeded_),
      static_cast<double>(waiting_ + pods_failed_),
      static_cast<double>(evictions_),
      wait_.count() == 0 ? kNone : wait_.mean() * kNanosecond,
      wait(wait_.quantile(0.5)),
      wait(wait_.quantile(0.95)),
      wait(wait_.quantile(0.99)),
      wait(wait_.max()),
      static_cast<double>(last_success_ns_) * kNanosecond,
      pct(total[kCpu], window, cpu_total_),
      pct(total[kMemory], window, memory_total_),
      pct(total[kGpu], window, gpu_total_),
      fragmentation_ ? pct(total[kFragment], window, gpu_total_) : kNone,
      total[kNodesUsed] / window,
      total[kPending] / window,
      static_cast<double>(pending_max_),
  };
  static_assert(std::size(values) == kMetrics.size());
  RunResult result;
  for (std::size_t i = 0; i < kMetrics.size(); ++i) result.metrics.push_back({kMetrics[i].name, values[i]});

  const double step = window / static_cast<double>(options_.points);
  std::vector<double> x;
  for (std::size_t p = 0; p < options_.points; ++p) x.push_back((static_cast<double>(p) + 0.5) * step);
  const auto curve = [&](const char* name, Curve c, double scale) {
    Series s{name, "time_seconds", x, {}};
    for (std::size_t p = 0; p < options_.points; ++p) s.y.push_back(sums_[p * kCurves + c] / step * scale);
    result.series.push_back(std::move(s));
  };
  if (cpu_total_ > 0) curve("cpu_allocation_pct", kCpu, 100 / cpu_total_);
  if (memory_total_ > 0) curve("memory_allocation_pct", kMemory, 100 / memory_total_);
  if (gpu_total_ > 0) curve("gpu_allocation_pct", kGpu, 100 / gpu_total_);
  if (fragmentation_) curve("gpu_fragmentation_pct", kFragment, 100 / gpu_total_);
  curve("nodes_used", kNodesUsed, 1);
  curve("pods_pending", kPending, 1);
  return result;
}

}  // namespace berth

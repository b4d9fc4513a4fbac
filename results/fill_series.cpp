#include "results/fill_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "results/files.hpp"

namespace berth {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr int kReported[] = {50, 90, 100, 110, 130};

// Hundredths, half to even (the default rounding mode).
std::int64_t hundredths(double value) {
  return static_cast<std::int64_t>(std::nearbyint(value * 100));
}

}  // namespace

void FillFold::begin(const JournalContext& context) {
  context_ = context;
  BERTH_CHECK(!options_.mix.empty());
  fragmentation_.emplace(*context.catalog, options_.mix);
  gpu_free_milli_.assign(context.nodes.size() * kMaxGpusPerNode, 0);
  for (std::size_t n = 0; n < context.nodes.size(); ++n) {
    const NodeSpec& node = context.nodes[n];
    total_milli_ += node.gpu_count * kMilliPerGpu;
    const std::span<std::uint16_t> free(gpu_free_milli_.data() + n * kMaxGpusPerNode, node.gpu_count);
    std::fill(free.begin(), free.end(), static_cast<std::uint16_t>(kMilliPerGpu));
    const double fragment = fragmentation_->of(fragmentation_->state(node.allocatable.cpu_milli, node.gpu_model, free));
    nodes_.push_back({node.allocatable.cpu_milli, fragment});
    fragment_milli_ += fragment;
  }
  BERTH_CHECK(total_milli_ > 0);
  buckets_.assign(static_cast<std::size_t>(options_.last_load_pct) + 1, {});
  if (options_.placements) placements_ = "event,pod_row,arrived_gpu_milli,node,gpus,frag_milli\n";
}

void FillFold::write(std::span<const Record> batch) {
  for (const Record& record : batch) {
    switch (record.kind) {
      case RecordKind::kPodCreated:
        row_ = record.value;
        break;
      case RecordKind::kPodScheduled:
        arrival_over(record, true);
        break;
      case RecordKind::kPodFailed:
        arrival_over(record, false);
        break;
      default:
        break;
    }
  }
}

void FillFold::arrival_over(const Record& record, bool placed) {
  const PodTemplate& t = (*context_.catalog)[record.pod_template];
  arrived_milli_ += t.gpu.total_milli();
  if (placed) {
    const std::size_t n = index(record.node);
    Node& node = nodes_[n];
    node.cpu_free_milli -= t.request.cpu_milli;
    used_milli_ += t.gpu.total_milli();
    const std::span<std::uint16_t> free(gpu_free_milli_.data() + n * kMaxGpusPerNode, context_.nodes[n].gpu_count);
    for (std::size_t i = 0; i < free.size(); ++i) {
      if (((record.gpus >> i) & 1) != 0) free[i] = static_cast<std::uint16_t>(free[i] - t.gpu.milli);
    }
    const double fragment =
        fragmentation_->of(fragmentation_->state(node.cpu_free_milli, context_.nodes[n].gpu_model, free));
    fragment_milli_ += fragment - node.fragment_milli;
    node.fragment_milli = fragment;
  } else {
    ++failed_;
  }

  const auto total = static_cast<double>(total_milli_);
  const auto bucket = static_cast<std::size_t>(std::nearbyint(static_cast<double>(arrived_milli_) * 100 / total));
  if (bucket < buckets_.size()) {
    const auto idle = static_cast<double>(total_milli_ - used_milli_);
    Bucket& b = buckets_[bucket];
    b.alloc += hundredths(100 * static_cast<double>(used_milli_) / total);
    b.frag += hundredths(fragment_milli_);
    b.ratio += idle > 0 ? hundredths(100 * fragment_milli_ / idle) : 0;
    ++b.n;
  }
  if (options_.placements) {
    auto out = std::back_inserter(placements_);
    fmt::format_to(out, "{},{},{},", arrivals_, row_, arrived_milli_);
    if (placed) {
      fmt::format_to(out, "{},", options_.node_rows[index(record.node)]);
      bool first = true;
      for (unsigned i = 0; i < kMaxGpusPerNode; ++i) {
        if (((record.gpus >> i) & 1) == 0) continue;
        fmt::format_to(out, "{}{}", first ? "" : "-", i);
        first = false;
      }
    } else {
      fmt::format_to(out, "-1,");
    }
    fmt::format_to(out, ",{:.2f}\n", fragment_milli_);
  }
  ++arrivals_;
}

RunResult FillFold::result() const {
  RunResult result;
  Series alloc{"alloc_pct", "load_pct", {}, {}};
  Series frag{"frag_pct_of_cluster", "load_pct", {}, {}};
  Series ratio{"frag_ratio_pct", "load_pct", {}, {}};
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    Bucket sum = buckets_[b];
    if (sum.n == 0) {  // No arrival fell here: its neighbours speak for it.
      for (const std::size_t other : {b - 1, b + 1}) {
        if (other >= buckets_.size()) continue;
        sum.alloc += buckets_[other].alloc;
        sum.frag += buckets_[other].frag;
        sum.ratio += buckets_[other].ratio;
        sum.n += buckets_[other].n;
      }
    }
    const auto mean = [&](std::int64_t value) {
      return sum.n == 0 ? kNone : static_cast<double>(value) / static_cast<double>(sum.n) / 100;
    };
    for (Series* s : {&alloc, &frag, &ratio}) s->x.push_back(static_cast<double>(b));
    if (sum.n == 0 && b > 0) {  // Nor near here: nothing has changed since the load before.
      for (Series* s : {&alloc, &frag, &ratio}) s->y.push_back(s->y.back());
      continue;
    }
    alloc.y.push_back(mean(sum.alloc));
    frag.y.push_back(mean(sum.frag) * 100 / static_cast<double>(total_milli_));
    ratio.y.push_back(mean(sum.ratio));
  }
  for (const Series* s : {&alloc, &frag, &ratio}) {
    for (const int load : kReported) {
      if (static_cast<std::size_t>(load) >= s->y.size()) continue;
      result.metrics.push_back({fmt::format("{}_at_{}", s->name, load), s->y[static_cast<std::size_t>(load)]});
    }
  }
  result.metrics.push_back({"pods_created", static_cast<double>(arrivals_)});
  result.metrics.push_back({"pods_failed", static_cast<double>(failed_)});
  result.metrics.push_back({"gpu_used_milli", static_cast<double>(used_milli_)});
  result.metrics.push_back({"gpu_arrived_milli", static_cast<double>(arrived_milli_)});
  result.series = {alloc, frag, ratio};
  return result;
}

void write_fill_series_csv(const std::filesystem::path& path, std::span<const RunResult> runs) {
  AtomicFile file(path);
  file.write("scenario,policy,seed,load_pct,alloc_pct,frag_pct_of_cluster,frag_ratio_pct\n");
  for (const RunResult& run : runs) {
    if (run.series.size() < 3) continue;
    const std::string head =
        csv_cell(run.key.scenario) + "," + csv_cell(run.key.policy) + "," + std::to_string(run.key.seed);
    for (std::size_t i = 0; i < run.series[0].x.size(); ++i) {
      std::string line = head + fmt::format(",{}", run.series[0].x[i]);
      for (std::size_t s = 0; s < 3; ++s) {
        const double y = run.series[s].y[i];
        line += std::isnan(y) ? std::string(",") : fmt::format(",{:.2f}", static_cast<double>(hundredths(y)) / 100);
      }
      file.write(line + "\n");
    }
  }
  file.commit();
}

}  // namespace berth

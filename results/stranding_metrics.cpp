#include "results/stranding_metrics.hpp"

#include <algorithm>
#include <limits>

namespace berth {
namespace {

constexpr std::array kMetrics{
    MetricInfo{"cpu_stranded_pct_mean",
               "CPU free on nodes whose memory keeps all pods of the run's mix away, of all CPU; time average"},
    MetricInfo{"memory_stranded_pct_mean", "memory free on nodes whose CPU does, of all memory; time average"},
};

}  // namespace

std::span<const MetricInfo> stranding_metrics() {
  return kMetrics;
}

bool RequestStairs::add(std::int64_t cpu_milli, std::int64_t memory_bytes) {
  const auto above = std::upper_bound(steps_.begin(), steps_.end(), cpu_milli,
                                      [](std::int64_t cpu, const auto& step) { return cpu < step.first; });
  if (above != steps_.begin() && std::prev(above)->second <= memory_bytes) return false;
  const auto at = steps_.insert(above, {cpu_milli, memory_bytes});
  // Whoever asks for at least as much of both says nothing new. Of equal CPU the one before is it.
  const auto first = at != steps_.begin() && std::prev(at)->first == cpu_milli ? std::prev(at) : at;
  auto behind = std::next(at);
  while (behind != steps_.end() && behind->second >= memory_bytes) ++behind;
  steps_.erase(std::next(at), behind);
  if (first != at) steps_.erase(first);
  return true;
}

RequestStairs::Stranded RequestStairs::stranded(std::int64_t cpu_milli, std::int64_t memory_bytes) const {
  if (steps_.empty()) return {};
  const auto above = std::upper_bound(steps_.begin(), steps_.end(), cpu_milli,
                                      [](std::int64_t cpu, const auto& step) { return cpu < step.first; });
  const bool by_cpu = above != steps_.begin();
  if (by_cpu && std::prev(above)->second <= memory_bytes) return {};
  return {by_cpu, steps_.back().second <= memory_bytes};
}

void StrandingMetrics::begin(const JournalContext& context) {
  context_ = context;
  for (std::size_t n = 0; n < context.nodes.size(); ++n) add(n);
}

void StrandingMetrics::add(std::size_t n) {
  const Resources& room = context_.nodes[n].allocatable;
  BERTH_CHECK(n == nodes_.size());
  all_cpu_milli_ += room.cpu_milli;
  all_memory_bytes_ += room.memory_bytes;
  nodes_.push_back({room.cpu_milli, room.memory_bytes, {}, false});
  look(nodes_.back(), true);
}

void StrandingMetrics::look(Node& node, bool counts) {
  if (!counts) {
    if (node.stranded.cpu) cpu_milli_ -= node.cpu_milli;
    if (node.stranded.memory) memory_bytes_ -= node.memory_bytes;
    return;
  }
  node.stranded = node.left ? RequestStairs::Stranded{} : stairs_.stranded(node.cpu_milli, node.memory_bytes);
  if (node.stranded.cpu) cpu_milli_ += node.cpu_milli;
  if (node.stranded.memory) memory_bytes_ += node.memory_bytes;
}

std::array<double, StrandingMetrics::kCurves> StrandingMetrics::levels() const {
  return {static_cast<double>(cpu_milli_), static_cast<double>(memory_bytes_), static_cast<double>(all_cpu_milli_),
          static_cast<double>(all_memory_bytes_)};
}

void StrandingMetrics::take(const Record& r, int sign) {
  const Resources& request = (*context_.catalog)[r.pod_template].request;
  Node& node = nodes_[index(r.node)];
  look(node, false);
  node.cpu_milli -= sign * request.cpu_milli;
  node.memory_bytes -= sign * request.memory_bytes;
  look(node, true);
}

void StrandingMetrics::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    switch (r.kind) {
      case RecordKind::kPodCreated: {
        const std::size_t t = index(r.pod_template);
        if (t >= seen_.size()) seen_.resize(t + 1, 0);
        if (std::exchange(seen_[t], std::uint8_t{1}) != 0) break;
        const Resources& request = (*context_.catalog)[r.pod_template].request;
        if (request.cpu_milli == 0 && request.memory_bytes == 0) break;
        curves_.advance(r.at.ns, levels());
        if (!stairs_.add(request.cpu_milli, request.memory_bytes)) break;
        for (Node& node : nodes_) {
          look(node, false);
          look(node, true);
        }
        break;
      }
      case RecordKind::kPodScheduled:
        curves_.advance(r.at.ns, levels());
        take(r, 1);
        break;
      case RecordKind::kPodSucceeded:
      case RecordKind::kPodFailed:
      case RecordKind::kPodDeleted:
      case RecordKind::kPodEvicted:
        if (r.node == kNoNode) break;
        curves_.advance(r.at.ns, levels());
        take(r, -1);
        break;
      case RecordKind::kNodeJoined:
        curves_.advance(r.at.ns, levels());
        add(index(r.node));
        break;
      case RecordKind::kNodeLeft: {
        curves_.advance(r.at.ns, levels());
        Node& node = nodes_[index(r.node)];
        look(node, false);
        node.left = true;
        look(node, true);
        all_cpu_milli_ -= context_.nodes[index(r.node)].allocatable.cpu_milli;
        all_memory_bytes_ -= context_.nodes[index(r.node)].allocatable.memory_bytes;
        break;
      }
      default:
        break;
    }
  }
}

void StrandingMetrics::add_to(RunResult& result) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto pct = [this](Curve c, Curve of) {
    const double all = curves_.total(of);
    return all > 0 ? 100 * curves_.total(c) / all : kNone;
  };
  const double values[] = {pct(kCpu, kAllCpu), pct(kMemory, kAllMemory)};
  add_metrics(result, kMetrics, values);
  result.series.push_back(curves_.share("cpu_stranded_pct", kCpu, kAllCpu));
  result.series.push_back(curves_.share("memory_stranded_pct", kMemory, kAllMemory));
}

}  // namespace berth

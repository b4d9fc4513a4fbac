#include "results/healing_metrics.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace berth {
namespace {

constexpr std::array kMetrics{
    MetricInfo{"faults_struck", "faults of nodes, each node of a zone outage by itself"},
    MetricInfo{"faults_not_detected", "of them, on Ready nodes, those whose node was never shown as NotReady"},
    MetricInfo{"faults_not_repaired", "of them, those that took ready replicas which were not replaced until the end"},
    MetricInfo{"time_to_detect_seconds_mean", "from the strike to the node being shown as NotReady"},
    MetricInfo{"time_to_detect_seconds_max", "the longest"},
    MetricInfo{"time_to_repair_seconds_mean",
               "from the strike until all workloads have the ready replicas back that it took"},
    MetricInfo{"time_to_repair_seconds_max", "the longest"},
};

}  // namespace

std::span<const MetricInfo> healing_metrics() {
  return kMetrics;
}

void HealingMetrics::begin(const ReadyPods& pods) {
  pods_ = &pods;
  goals_.resize(pods.workloads());
}

std::vector<std::uint32_t>& HealingMetrics::open_on(NodeId node) {
  if (index(node) >= open_.size()) open_.resize(index(node) + 1);
  return open_[index(node)];
}

void HealingMetrics::struck(const Record& r) {
  Fault fault;
  fault.struck = r.at;
  fault.strike = r.value;
  fault.hidden = !pods_->node_ready(r.node);
  pods_->each_ready_on(r.node, [&](std::uint32_t workload) {
    const bool known =
        std::any_of(fault.before.begin(), fault.before.end(), [&](const Before& b) { return b.workload == workload; });
    if (!known) fault.before.push_back({workload, pods_->ready(workload)});
  });
  open_on(r.node).push_back(static_cast<std::uint32_t>(faults_.size()));
  faults_.push_back(std::move(fault));
}

void HealingMetrics::node_record(const Record& r) {
  if (r.node == kNoNode) return;  // Of an image or a registry.
  std::vector<std::uint32_t>& open = open_on(r.node);
  std::erase_if(open,
                [&](std::uint32_t f) { return faults_[f].ended != kNever && r.at > faults_[f].ended + kAftermath; });
  switch (r.kind) {
    case RecordKind::kFaultBegan:
      struck(r);
      break;
    case RecordKind::kFaultEnded:
      for (const std::uint32_t f : open) {
        if (faults_[f].strike == r.value) faults_[f].ended = r.at;
      }
      break;
    case RecordKind::kNodeNotReady:
      for (const std::uint32_t f : open) {
        if (faults_[f].hidden || std::exchange(faults_[f].detected, true)) continue;
        detect_.record((r.at - faults_[f].struck).ns);
      }
      break;
    case RecordKind::kNodeLeft:
      open.clear();
      break;
    default:
      break;
  }
}

void HealingMetrics::ready_changed(Time at, std::uint32_t workload, NodeId node, int change, bool by_node) {
  if (change > 0) return check(at, workload);
  if (!by_node) return;
  for (const std::uint32_t f : open_on(node)) {
    Fault& fault = faults_[f];
    // Another one's strike takes nothing for this one.
    if (fault.repaired || (fault.struck != at && pods_->node_ready(node))) continue;
    for (Before& before : fault.before) {
      if (before.workload != workload || std::exchange(before.taken, true)) continue;
      ++fault.missing;
      std::vector<Goal>& goals = goals_[workload];
      goals.emplace_back(before.ready, f);
      std::push_heap(goals.begin(), goals.end(), std::greater<>());
    }
  }
}

void HealingMetrics::wanted_changed(Time at, std::uint32_t workload, std::int64_t) {
  check(at, workload);
}

// What was waited for may be there.
void HealingMetrics::check(Time at, std::uint32_t workload) {
  std::vector<Goal>& goals = goals_[workload];
  while (!goals.empty() && pods_->ready(workload) >= std::min(goals.front().first, pods_->wanted(workload))) {
    Fault& fault = faults_[goals.front().second];
    std::pop_heap(goals.begin(), goals.end(), std::greater<>());
    goals.pop_back();
    if (--fault.missing > 0) continue;
    fault.repaired = true;
    repair_.record((at - fault.struck).ns);
  }
}

void HealingMetrics::add_to(RunResult& result) const {
  const auto count = [this](auto&& is) {
    return static_cast<double>(std::count_if(faults_.begin(), faults_.end(), is));
  };
  const double values[] = {
      static_cast<double>(faults_.size()),
      count([](const Fault& f) { return !f.hidden && !f.detected; }),
      count([](const Fault& f) { return f.missing > 0; }),
      mean_seconds(detect_),
      quantile_seconds(detect_, 1),
      mean_seconds(repair_),
      quantile_seconds(repair_, 1),
  };
  add_metrics(result, kMetrics, values);
}

}  // namespace berth

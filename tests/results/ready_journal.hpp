// Journals written by hand, for folds that count by workload: records, and whose pods they are about.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "results/pod_owners.hpp"
#include "results/run_result.hpp"
#include "sim/cluster/journal.hpp"

namespace berth::test {

inline constexpr std::uint32_t kNoPodHere = 0xFFFF'FFFF;

// Pods are their own rows; number 0 of the autoscalers scales workload 0.
class OwnersByHand final : public PodOwners {
 public:
  OwnersByHand(std::vector<Replicated> replicated, std::map<std::uint32_t, PodOwner> owners)
      : replicated_(std::move(replicated)), owners_(std::move(owners)) {}
  const std::vector<Replicated>& replicated() const override { return replicated_; }
  PodOwner owner(std::uint32_t row) const override {
    const auto at = owners_.find(row);
    return at == owners_.end() ? PodOwner{} : at->second;
  }
  std::uint32_t scaled(std::uint16_t number) const override { return number == 0 ? 0 : kNone; }

 private:
  std::vector<Replicated> replicated_;
  std::map<std::uint32_t, PodOwner> owners_;
};

inline PodOwner of_workload(std::uint32_t number) {
  return {PodOwner::Kind::kReplicated, number};
}
inline PodOwner of_job(std::uint32_t number) {
  return {PodOwner::Kind::kJob, number};
}

// About a pod. Its value is its row, where the kind has one.
inline Record pod_record(double at_s, RecordKind kind, std::uint32_t pod, std::uint32_t node = 0xFFFF'FFFF,
                         TemplateId pod_template = kNoTemplate) {
  Record r;
  r.at = Time{static_cast<std::int64_t>(at_s * 1e9)};
  r.kind = kind;
  r.pod = pod;
  r.node = static_cast<NodeId>(node);
  r.pod_template = pod_template;
  if (kind == RecordKind::kPodCreated) r.value = pod;
  return r;
}
// About a node; `value`: of a fault, the number of the strike.
inline Record node_record(double at_s, RecordKind kind, std::uint32_t node, std::uint32_t value = 0,
                          NodeTrouble trouble = NodeTrouble::kOff) {
  Record r = pod_record(at_s, kind, kNoPodHere, node);
  r.value = value;
  if (kind == RecordKind::kNodeDown || kind == RecordKind::kNodeUp) r.reason = static_cast<std::uint8_t>(trouble);
  return r;
}
// Created, bound and Ready.
inline void add_pod(std::vector<Record>& to, std::uint32_t pod, std::uint32_t node, double created_s, double ready_s) {
  to.push_back(pod_record(created_s, RecordKind::kPodCreated, pod));
  to.push_back(pod_record(created_s, RecordKind::kPodScheduled, pod, node));
  to.push_back(pod_record(ready_s, RecordKind::kPodReady, pod, node));
}

inline double metric_of(const RunResult& result, const std::string& name) {
  for (const Metric& m : result.metrics) {
    if (m.name == name) return m.value;
  }
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

}  // namespace berth::test

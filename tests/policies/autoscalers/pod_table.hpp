// Pods as rows, for tests: an old, ready, running pod unless said otherwise.
#pragma once

#include <vector>

#include "policies/autoscalers/hpa_metrics.hpp"
#include "policies/autoscalers/scaled_pods.hpp"

namespace berth::test {

inline Time at(std::int64_t s) {
  return Time{} + seconds(s);
}

struct PodRow {
  std::int64_t value_milli = kNoSample;
  std::int64_t request_milli = 100;
  ScaledPods::Phase phase = ScaledPods::Phase::kRunning;
  bool deleted = false;
  Time start = at(-10'000);
  ScaledPods::Ready ready = ScaledPods::Ready::kTrue;
  Time ready_transition = at(-9'000);
  Time sample_time = at(0);
  Duration window = seconds(15);
};

class PodTable {
 public:
  PodTable() = default;
  PodTable(std::initializer_list<PodRow> rows) {
    for (const PodRow& row : rows) add(row);
  }
  PodTable(std::size_t n, const PodRow& row) {
    for (std::size_t i = 0; i < n; ++i) add(row);
  }
  PodTable& add(const PodRow& row) {
    phase_.push_back(row.phase);
    deleted_.push_back(row.deleted ? 1 : 0);
    start_.push_back(row.start);
    ready_.push_back(row.ready);
    transition_.push_back(row.ready_transition);
    value_.push_back(row.value_milli);
    time_.push_back(row.sample_time);
    window_.push_back(row.window);
    request_.push_back(row.request_milli);
    return *this;
  }
  ScaledPods pods() const { return {phase_, deleted_, start_, ready_, transition_}; }
  HpaMetricValue value() const { return {{value_, time_, window_, request_}, {}}; }

 private:
  std::vector<ScaledPods::Phase> phase_;
  std::vector<std::uint8_t> deleted_;
  std::vector<Time> start_, transition_, time_;
  std::vector<ScaledPods::Ready> ready_;
  std::vector<std::int64_t> value_, request_;
  std::vector<Duration> window_;
};

}  // namespace berth::test

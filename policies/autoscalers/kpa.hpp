// Kpa: Knative's pod autoscaler. Replicas by requests in flight, averaged over a stable window, and over a short panic
// window while traffic bursts; down to zero once idle, with the activator holding requests meanwhile.
// Source: knative/serving pkg/autoscaler/scaling/autoscaler.go (decider), pkg/reconciler/autoscaling/kpa (scaler and
// the Active condition), defaults of pkg/autoscaler/config. Simplified: the reconciler runs at each tick (2 s) and not
// in between, the activator is in the path as soon as it is wanted there, and the revision is reachable.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "policies/autoscalers/pod_autoscaler.hpp"
#include "policies/autoscalers/sliding_max.hpp"

namespace berth {

class Params;

struct KpaSettings {
  std::uint32_t container_concurrency = 0;  // A hard limit; 0: none.
  double total = 100;  // Requests in flight that a pod can take: containerConcurrency, 100 where that is 0.
  double target = 70;  // Of these, what is aimed at.
  Duration stable_window = seconds(60);
  double panic_window_fraction = 0.1;  // Of the stable window.
  double panic_threshold = 2;          // Panic at this many times the ready pods.
  double max_scale_up_rate = 1000;
  double max_scale_down_rate = 2;
  Duration scale_down_delay;
  double target_burst_capacity = 211;  // -1: activator always in the path; 0: only at zero.
  bool scale_to_zero = true;
  Duration scale_to_zero_grace = seconds(30);
  Duration scale_to_zero_pod_retention;
  Duration progress_deadline = seconds(600);
  std::int32_t min_scale = 0;
  std::int32_t max_scale = 0;  // 0: none.
  std::int32_t initial_scale = 1;
  std::int32_t activation_scale = 1;  // At least so many once there is traffic.
};

// The mean of what was recorded in the last `buckets` seconds; of fewer if there are not as many yet.
class WindowAverage {
 public:
  explicit WindowAverage(std::size_t buckets) : ring_(buckets, 0.0) {}
  // Fills the seconds since the last record with `value`; raises the present one if none has passed.
  void record(Time now, double value);
  double average() const;  // Rounded to six digits after the point, as there. 0 before the first record. O(buckets).

 private:
  std::vector<double> ring_;
  std::int64_t last_ = 0;  // Second.
  std::size_t filled_ = 0;
};

class Kpa final : public PodAutoscaler {
 public:
  explicit Kpa(const Params& params);
  explicit Kpa(const KpaSettings& settings);
  Duration period() const override { return kTick; }
  std::int32_t observe(const ScaleObservation& o) override;
  bool wakes_on_request() const override { return true; }

  // Whether requests go through the activator: at zero, and whenever the pods could not take the burst aimed for.
  bool activator_in_path() const override { return proxy_since_.has_value(); }
  std::uint32_t container_concurrency() const override { return s_.container_concurrency; }
  // Requests in flight that could still be taken beyond the target burst; -1 with target_burst_capacity -1.
  std::int32_t excess_burst_capacity() const { return excess_; }
  bool panicking() const { return panic_since_.has_value(); }

  static constexpr Duration kTick = seconds(2);

 private:
  enum class Status : std::uint8_t { kActivating, kActive, kInactive };

  std::int32_t decide(const ScaleObservation& o);
  // The scale to set, or nothing to leave it as it is; `wanted` becomes what the status is derived from.
  std::optional<std::int32_t> apply(const ScaleObservation& o, std::int32_t& wanted);
  void update_status(const ScaleObservation& o, std::int32_t wanted);

  KpaSettings s_;
  WindowAverage stable_;
  WindowAverage panic_;
  std::optional<SlidingMax> delay_;
  bool begun_ = false;
  std::optional<Time> panic_since_;  // When the threshold was last exceeded.
  std::int32_t max_panic_pods_ = 0;
  std::int32_t excess_ = 0;
  Status status_ = Status::kActivating;
  Time status_since_;
  bool initialized_ = false;  // initial_scale has been reached once.
  std::optional<Time> proxy_since_;
};

}  // namespace berth

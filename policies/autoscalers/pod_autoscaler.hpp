// What a pod autoscaler is: something that looks at one workload every so often and says how many replicas it should
// have. One object per workload, with its own memory; one autoscaler, one file. What an autoscaler sees is what real
// ones see (counts, samples of the past); nothing here tells the future.
#pragma once

#include <cstdint>

#include "policies/autoscalers/scaled_pods.hpp"
#include "sim/engine/time.hpp"

namespace berth {

struct ScaleObservation {
  Time now;
  std::int32_t spec_replicas = 0;    // What the scale asks for.
  std::int32_t status_replicas = 0;  // What is there, ready or not.
  std::int32_t ready_replicas = 0;   // Running, ready, not terminating.
  ScaledPods pods;                   // May be empty for autoscalers that look at no pods: all but hpa.
  PodSamples cpu;                    // Of those pods, with their requests.
  // Requests in flight in all pods together, and those held back for want of a pod: the mean since the last
  // observation. A request that comes while there is no pod may be told at once, by an observation in between with this
  // >= 1.
  double concurrency = 0;
  // For an autoscaler that carries out a HorizontalPodAutoscaler: one for each of its metrics, in its order.
  std::span<const HpaMetricValue> metrics;
};

class PodAutoscaler {
 public:
  static constexpr const char* kKind = "pod autoscaler";
  virtual ~PodAutoscaler() = default;

  // Time from one observation to the next; > 0, and the same all along.
  virtual Duration period() const = 0;
  // The replicas wanted from now on, >= 0; the caller sets the scale to that at once, if it is another number.
  // `o.now` never goes back.
  virtual std::int32_t observe(const ScaleObservation& o) = 0;
  // Whether a request that finds the scale at 0 is told at once, by an observation in between.
  virtual bool wakes_on_request() const { return false; }
  // Of one that wakes, and so has an activator: whether requests go through that even while pods are ready, and how
  // many a pod gets at a time (0: no limit), which its queue-proxy keeps to as well.
  virtual bool activator_in_path() const { return false; }
  virtual std::uint32_t container_concurrency() const { return 0; }
};

}  // namespace berth

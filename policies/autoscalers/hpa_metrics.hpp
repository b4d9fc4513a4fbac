// How many replicas one metric of a HorizontalPodAutoscaler asks for: which pods count, what is assumed of those that
// have no sample or are not ready yet, and the rounding, all as the controller does it, in whole milli-units and
// doubles. A single pass over the pods, nothing allocated.
// Source: Kubernetes v1.37 pkg/controller/podautoscaler/replica_calculator.go and metrics/utilization.go.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "policies/autoscalers/hpa_spec.hpp"
#include "policies/autoscalers/scaled_pods.hpp"

namespace berth {

// A change smaller than this, as a share of the target, is none.
struct HpaTolerance {
  double down = 0.1;
  double up = 0.1;
  bool holds(double usage_ratio) const { return 1.0 - down <= usage_ratio && usage_ratio <= 1.0 + up; }
};
HpaTolerance tolerance_of(const HpaSpec& spec, const HpaSettings& settings);

enum class HpaMetricError : std::uint8_t {
  kNone,
  kNoMetrics,       // The metrics API returned nothing.
  kNoPods,          // Value of an object or external metric: the selector finds no pod to count.
  kNoUsableSample,  // Samples there are, but none of a pod that counts.
  kMissingRequest,  // A container of some pod has no request, so there is no utilization.
  kNoRequests,      // The requests add up to zero.
};

// The current value that the status shows; the target says which of them are there.
struct HpaMetricStatus {
  std::optional<std::int32_t> average_utilization;  // Percent.
  std::optional<std::int64_t> average_value_milli;
  std::optional<std::int64_t> value_milli;
};

struct HpaProposal {
  HpaMetricError error = HpaMetricError::kNone;
  std::int32_t replicas = 0;  // Before limits; may be beyond them, or negative where the arithmetic wraps.
  HpaMetricStatus status;
};

// `spec_replicas` and `status_replicas`: the scale's. O(pods).
HpaProposal propose_replicas(const HpaMetricSpec& metric, const HpaMetricValue& value, const ScaledPods& pods,
                             std::int32_t spec_replicas, std::int32_t status_replicas, const HpaTolerance& tolerance,
                             const HpaSettings& settings, Time now);

// A double as Go turns it into int32 or int64 on x86-64: towards zero; what does not fit, and NaN, is the lowest value.
// Kubernetes leaves it at that in several places, for instance the average over a scale of 0 replicas.
std::int32_t go_int32(double x);
std::int64_t go_int64(double x);

}  // namespace berth

// A HorizontalPodAutoscaler (autoscaling/v2) as kube-controller-manager carries it out: at each sync, proposals of all
// metrics, then windows, rates and limits, then the new scale and what the status says about it.
// Source: Kubernetes v1.37 pkg/controller/podautoscaler/horizontal.go, reconcileAutoscaler. Checked against its
// recorded decisions (`berth conformance`). Not modelled: errors of the API server itself (FailedGetScale,
// FailedUpdateScale).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policies/autoscalers/hpa_behavior.hpp"
#include "policies/autoscalers/hpa_metrics.hpp"
#include "policies/autoscalers/hpa_spec.hpp"
#include "policies/autoscalers/scaled_pods.hpp"
#include "sim/engine/time.hpp"

namespace berth {

enum class HpaConditionType : std::uint8_t { kAbleToScale, kScaledToZero, kScalingActive, kScalingLimited };
inline constexpr std::size_t kHpaConditionTypes = 4;

enum class HpaReason : std::uint8_t {
  kSucceededGetScale,
  kReadyForNewScale,
  kScaleUpStabilized,
  kScaleDownStabilized,
  kSucceededRescale,
  kScaledToZero,
  kNotScaledToZero,
  kValidMetricFound,
  kScalingDisabled,
  kInvalidSelector,
  kAmbiguousSelector,
  kFailedGetResourceMetric,
  kFailedGetContainerResourceMetric,
  kFailedGetPodsMetric,
  kFailedGetObjectMetric,
  kFailedGetExternalMetric,
  kDesiredWithinRange,
  kTooFewReplicas,
  kTooManyReplicas,
  kScaleUpLimit,
  kScaleDownLimit,
};
std::string_view to_string(HpaConditionType type);  // As the API spells it.
std::string_view to_string(HpaReason reason);

struct HpaCondition {
  bool present = false;
  bool status = false;
  HpaReason reason = HpaReason::kSucceededGetScale;
  friend bool operator==(const HpaCondition&, const HpaCondition&) = default;
};
using HpaConditions = std::array<HpaCondition, kHpaConditionTypes>;  // By HpaConditionType.

// The scale's selector: none there, or a pod that another HorizontalPodAutoscaler selects too.
enum class HpaSelector : std::uint8_t { kGood, kMissing, kAmbiguous };

// Everything a sync looks at. The spans must live until it returns.
struct HpaObservation {
  Time now;
  std::int32_t spec_replicas = 0;    // Of the scale subresource: what is asked for …
  std::int32_t status_replicas = 0;  // … and what is there.
  HpaSelector selector = HpaSelector::kGood;
  ScaledPods pods;
  std::span<const HpaMetricValue> metrics;  // One for each of the spec's, in its order.
};

struct HpaDecision {
  std::int32_t desired_replicas = 0;  // Of the scale after the sync.
  bool rescale = false;               // Whether the scale is to be written.
  // One for each metric of the spec, in its order; empty if the metrics were not looked at. Those with an error have no
  // status. Valid until the next sync.
  std::span<const HpaProposal> metrics;
};

class Hpa {
 public:
  // BERTH_CHECKs what the API server's validation would refuse: targets <= 0, target types that do not go with the
  // metric, max < min or < 1, a minimum of 0 without an Object or External metric.
  Hpa(HpaSpec spec, const HpaSettings& settings);
  // The object was edited: from the next sync on this counts. What was remembered and the conditions stay.
  void set_spec(HpaSpec spec);

  // One sync: decide() and, if the scale changes, rescaled(). O(metrics * pods + memory); allocates only while the
  // memory grows.
  HpaDecision sync(const HpaObservation& o);

  // The two halves, for who must apply another decision than this one's (a recording).
  HpaDecision decide(const HpaObservation& o);
  // The scale was changed, `from` != `to`.
  void rescaled(std::int32_t from, std::int32_t to, Time now);

  const HpaConditions& conditions() const { return conditions_; }  // Of the status after the last call.
  const HpaSpec& spec() const { return spec_; }
  const HpaSettings& settings() const { return settings_; }

 private:
  void set(HpaConditionType type, bool status, HpaReason reason) {
    conditions_[static_cast<std::size_t>(type)] = {true, status, reason};
  }
  // The highest proposal, or false if there is none to go by.
  bool propose(const HpaObservation& o, std::int32_t& replicas);

  HpaSpec spec_;
  HpaSettings settings_;
  bool has_outer_metric_ = false;  // Object or External: known without any pod.
  HpaMemory memory_;
  HpaConditions conditions_;
  std::vector<HpaProposal> proposals_;
};

}  // namespace berth

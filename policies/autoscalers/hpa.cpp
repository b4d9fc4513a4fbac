#include "policies/autoscalers/hpa.hpp"

#include <utility>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

using Type = HpaConditionType;

bool is_outer(HpaMetricType type) {
  return type == HpaMetricType::kObject || type == HpaMetricType::kExternal;
}

HpaReason failure(HpaMetricType type) {
  switch (type) {
    case HpaMetricType::kResource:
      return HpaReason::kFailedGetResourceMetric;
    case HpaMetricType::kContainerResource:
      return HpaReason::kFailedGetContainerResourceMetric;
    case HpaMetricType::kPods:
      return HpaReason::kFailedGetPodsMetric;
    case HpaMetricType::kObject:
      return HpaReason::kFailedGetObjectMetric;
    case HpaMetricType::kExternal:
      return HpaReason::kFailedGetExternalMetric;
  }
  BERTH_CHECK(false);
}

HpaReason reason_of(HpaStabilized stabilized) {
  switch (stabilized) {
    case HpaStabilized::kNone:
      return HpaReason::kReadyForNewScale;
    case HpaStabilized::kScaleUp:
      return HpaReason::kScaleUpStabilized;
    case HpaStabilized::kScaleDown:
      return HpaReason::kScaleDownStabilized;
  }
  BERTH_CHECK(false);
}

HpaReason reason_of(HpaLimit limit) {
  switch (limit) {
    case HpaLimit::kNone:
      return HpaReason::kDesiredWithinRange;
    case HpaLimit::kTooFewReplicas:
      return HpaReason::kTooFewReplicas;
    case HpaLimit::kTooManyReplicas:
      return HpaReason::kTooManyReplicas;
    case HpaLimit::kScaleUpLimit:
      return HpaReason::kScaleUpLimit;
    case HpaLimit::kScaleDownLimit:
      return HpaReason::kScaleDownLimit;
  }
  BERTH_CHECK(false);
}

}  // namespace

Hpa::Hpa(HpaSpec spec, const HpaSettings& settings) : settings_(settings) {
  set_spec(std::move(spec));
}

void Hpa::set_spec(HpaSpec spec) {
  spec_ = std::move(spec);
  has_outer_metric_ = false;
  BERTH_CHECK(!spec_.metrics.empty());
  for (const HpaMetricSpec& metric : spec_.metrics) {
    BERTH_CHECK(metric.target_value > 0);
    const bool outer = is_outer(metric.type);
    BERTH_CHECK(metric.target != (outer ? HpaTargetType::kUtilization : HpaTargetType::kValue));
    BERTH_CHECK(metric.type != HpaMetricType::kPods || metric.target == HpaTargetType::kAverageValue);
    has_outer_metric_ |= outer;
  }
  BERTH_CHECK(spec_.max_replicas >= 1 && spec_.max_replicas >= spec_.min_replicas);
  BERTH_CHECK(spec_.min_replicas > 0 || (spec_.min_replicas == 0 && has_outer_metric_));
  proposals_.reserve(spec_.metrics.size());
}

bool Hpa::propose(const HpaObservation& o, std::int32_t& replicas) {
  if (o.selector != HpaSelector::kGood) {
    set(Type::kScalingActive, false,
        o.selector == HpaSelector::kMissing ? HpaReason::kInvalidSelector : HpaReason::kAmbiguousSelector);
    return false;
  }
  BERTH_CHECK(o.metrics.size() == spec_.metrics.size());
  const HpaTolerance tolerance = tolerance_of(spec_, settings_);
  const HpaMetricSpec* first_failed = nullptr;
  std::size_t failed = 0;
  replicas = 0;
  for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
    const HpaMetricSpec& metric = spec_.metrics[i];
    const HpaProposal& proposal = proposals_.emplace_back(propose_replicas(
        metric, o.metrics[i], o.pods, o.spec_replicas, o.status_replicas, tolerance, settings_, o.now));
    if (proposal.error != HpaMetricError::kNone) {
      if (failed++ == 0) first_failed = &metric;
    } else if (replicas == 0 || proposal.replicas > replicas) {
      replicas = proposal.replicas;
    }
  }
  // Without some of the metrics it may only grow: the missing one might have asked for more.
  if (failed == spec_.metrics.size() || (failed > 0 && replicas < o.spec_replicas)) {
    set(Type::kScalingActive, false, failure(first_failed->type));
    return false;
  }
  set(Type::kScalingActive, true, HpaReason::kValidMetricFound);
  return true;
}

HpaDecision Hpa::decide(const HpaObservation& o) {
  const std::int32_t current = o.spec_replicas;
  const bool was_scaled_to_zero = conditions_[static_cast<std::size_t>(Type::kScaledToZero)].status;
  set(Type::kAbleToScale, true, HpaReason::kSucceededGetScale);
  memory_.begin(current, o.now);
  proposals_.clear();

  HpaDecision decision;
  decision.desired_replicas = current;
  if (current == 0) {
    // Zero by somebody else's hand means: leave it alone.
    if (!was_scaled_to_zero || (spec_.min_replicas == 0 && !has_outer_metric_)) {
      set(Type::kScalingActive, false, HpaReason::kScalingDisabled);
      return decision;
    }
  } else if (current > spec_.max_replicas || current < spec_.min_replicas) {
    decision.desired_replicas = current > spec_.max_replicas ? spec_.max_replicas : spec_.min_replicas;
    decision.rescale = true;
    return decision;
  }

  std::int32_t proposal = 0;
  const bool proposed = propose(o, proposal);
  decision.metrics = proposals_;
  if (!proposed) return decision;
  if (proposal < 0) proposal = 0;
  const HpaNormalized normalized = memory_.normalize(spec_, settings_, current, proposal, o.now);
  set(Type::kAbleToScale, true, reason_of(normalized.stabilized));
  set(Type::kScalingLimited, normalized.limit != HpaLimit::kNone, reason_of(normalized.limit));
  decision.desired_replicas = normalized.replicas;
  // From zero the minimum counts even where a window or a rate would say less.
  if (current == 0 && normalized.replicas < spec_.min_replicas) decision.desired_replicas = spec_.min_replicas;
  decision.rescale = decision.desired_replicas != current;
  return decision;
}

void Hpa::rescaled(std::int32_t from, std::int32_t to, Time now) {
  BERTH_CHECK(from != to);
  set(Type::kAbleToScale, true, HpaReason::kSucceededRescale);
  memory_.rescaled(spec_, from, to, now);
  const bool to_zero = from > 0 && to == 0 && spec_.min_replicas == 0 && has_outer_metric_;
  set(Type::kScaledToZero, to_zero, to_zero ? HpaReason::kScaledToZero : HpaReason::kNotScaledToZero);
}

HpaDecision Hpa::sync(const HpaObservation& o) {
  const HpaDecision decision = decide(o);
  if (decision.rescale) rescaled(o.spec_replicas, decision.desired_replicas, o.now);
  return decision;
}

std::string_view to_string(HpaConditionType type) {
  switch (type) {
    case HpaConditionType::kAbleToScale:
      return "AbleToScale";
    case HpaConditionType::kScaledToZero:
      return "ScaledToZero";
    case HpaConditionType::kScalingActive:
      return "ScalingActive";
    case HpaConditionType::kScalingLimited:
      return "ScalingLimited";
  }
  BERTH_CHECK(false);
}

std::string_view to_string(HpaReason reason) {
  switch (reason) {
    case HpaReason::kSucceededGetScale:
      return "SucceededGetScale";
    case HpaReason::kReadyForNewScale:
      return "ReadyForNewScale";
    case HpaReason::kScaleUpStabilized:
      return "ScaleUpStabilized";
    case HpaReason::kScaleDownStabilized:
      return "ScaleDownStabilized";
    case HpaReason::kSucceededRescale:
      return "SucceededRescale";
    case HpaReason::kScaledToZero:
      return "ScaledToZero";
    case HpaReason::kNotScaledToZero:
      return "NotScaledToZero";
    case HpaReason::kValidMetricFound:
      return "ValidMetricFound";
    case HpaReason::kScalingDisabled:
      return "ScalingDisabled";
    case HpaReason::kInvalidSelector:
      return "InvalidSelector";
    case HpaReason::kAmbiguousSelector:
      return "AmbiguousSelector";
    case HpaReason::kFailedGetResourceMetric:
      return "FailedGetResourceMetric";
    case HpaReason::kFailedGetContainerResourceMetric:
      return "FailedGetContainerResourceMetric";
    case HpaReason::kFailedGetPodsMetric:
      return "FailedGetPodsMetric";
    case HpaReason::kFailedGetObjectMetric:
      return "FailedGetObjectMetric";
    case HpaReason::kFailedGetExternalMetric:
      return "FailedGetExternalMetric";
    case HpaReason::kDesiredWithinRange:
      return "DesiredWithinRange";
    case HpaReason::kTooFewReplicas:
      return "TooFewReplicas";
    case HpaReason::kTooManyReplicas:
      return "TooManyReplicas";
    case HpaReason::kScaleUpLimit:
      return "ScaleUpLimit";
    case HpaReason::kScaleDownLimit:
      return "ScaleDownLimit";
  }
  BERTH_CHECK(false);
}

}  // namespace berth

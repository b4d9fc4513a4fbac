// policy/v1: PodDisruptionBudget.
#pragma once

#include <optional>
#include <vector>

#include "sim/controllers/objects.hpp"

namespace berth::controllers {

struct PodDisruptionBudget {
  static constexpr ObjectKind kKind = ObjectKind::kPodDisruptionBudget;
  struct Spec {
    std::optional<IntOrPercent> min_available;
    std::optional<IntOrPercent> max_unavailable;
    bool always_allow_unhealthy = false;  // unhealthyPodEvictionPolicy: AlwaysAllow; otherwise IfHealthyBudget.
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Disrupted {  // Evicted, and not yet seen to go.
    PodId pod = kNoPod;
    std::uint64_t uid = 0;
    Time at;  // Whole seconds.
    friend bool operator==(const Disrupted&, const Disrupted&) = default;
  };
  struct Status {
    std::int64_t observed_generation = 0;
    std::int32_t disruptions_allowed = 0;
    std::int32_t current_healthy = 0;
    std::int32_t desired_healthy = 0;
    std::int32_t expected_pods = 0;
    std::vector<Disrupted> disrupted;  // In the order of eviction.
    Conditions conditions;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  kube::LabelSelector selector;  // Never changed.
  Spec spec;
  Annotations annotations;
  Status status;
};

}  // namespace berth::controllers

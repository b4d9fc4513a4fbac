// What a HorizontalPodAutoscaler (autoscaling/v2) asks for, and the settings of the controller that carries it out.
// Plain values, defaults filled in as the API server does; names of metrics and objects do not matter to the decision
// and are not here.
// Source: Kubernetes v1.37 autoscaling/v2 types and defaults, kube-controller-manager's HPAControllerConfiguration.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth {

enum class HpaMetricType : std::uint8_t { kResource, kContainerResource, kPods, kObject, kExternal };
enum class HpaTargetType : std::uint8_t { kUtilization, kAverageValue, kValue };

// Which targets go with which type: Resource and ContainerResource take Utilization or AverageValue, Pods AverageValue,
// Object and External Value or AverageValue.
struct HpaMetricSpec {
  HpaMetricType type = HpaMetricType::kResource;
  HpaTargetType target = HpaTargetType::kUtilization;
  std::int64_t target_value = 80;  // Percent of the request for Utilization, else milli-units; > 0.
  bool cpu = true;                 // Resource and ContainerResource: of CPU, which knows unready pods.
};

struct HpaScalingPolicy {
  enum class Type : std::uint8_t { kPods, kPercent };
  Type type = Type::kPods;
  std::int32_t value = 0;
  std::int32_t period_seconds = 0;
};

// One direction of spec.behavior.
struct HpaScalingRules {
  enum class Select : std::uint8_t { kMax, kMin, kDisabled };  // selectPolicy: most change, least, none.
  std::optional<std::int32_t> stabilization_window_seconds;    // Down: absent is the controller's own window.
  Select select = Select::kMax;
  std::vector<HpaScalingPolicy> policies;
  std::optional<double> tolerance;  // Absent: the controller's.
};

struct HpaBehavior {
  HpaScalingRules scale_up{0,
                           HpaScalingRules::Select::kMax,
                           {{HpaScalingPolicy::Type::kPods, 4, 15}, {HpaScalingPolicy::Type::kPercent, 100, 15}},
                           {}};
  HpaScalingRules scale_down{{}, HpaScalingRules::Select::kMax, {{HpaScalingPolicy::Type::kPercent, 100, 15}}, {}};
};

struct HpaSpec {
  std::int32_t min_replicas = 1;
  std::int32_t max_replicas = 1;
  std::vector<HpaMetricSpec> metrics{HpaMetricSpec{}};  // The default: 80 % of the CPU request.
  std::optional<HpaBehavior> behavior;                  // Absent is not the same as all defaults: other arithmetic.
};

// kube-controller-manager --horizontal-pod-autoscaler-…; the defaults are its own.
struct HpaSettings {
  Duration sync_period = seconds(15);
  Duration downscale_stabilization = seconds(300);
  double tolerance = 0.1;
  Duration cpu_initialization_period = seconds(300);
  Duration initial_readiness_delay = seconds(30);
};

}  // namespace berth

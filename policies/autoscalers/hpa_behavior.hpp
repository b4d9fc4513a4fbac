// What keeps a HorizontalPodAutoscaler from following every proposal: stabilization windows over past proposals, and
// limits on how fast the scale may change. Without spec.behavior: one window for scaling down and at most a doubling
// (or 4). With it: a window and rate policies for each direction. Source: Kubernetes v1.37
// pkg/controller/podautoscaler/horizontal.go. The memory is kept as there, slot by slot: an old entry is overwritten
// rather than removed, and which one decides what a longer period of the other direction still sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "policies/autoscalers/hpa_spec.hpp"
#include "sim/engine/time.hpp"

namespace berth {

enum class HpaLimit : std::uint8_t { kNone, kTooFewReplicas, kTooManyReplicas, kScaleUpLimit, kScaleDownLimit };
enum class HpaStabilized : std::uint8_t { kNone, kScaleUp, kScaleDown };

struct HpaNormalized {
  std::int32_t replicas = 0;
  HpaStabilized stabilized = HpaStabilized::kNone;
  HpaLimit limit = HpaLimit::kNone;  // What changed the number that came out of the windows.
};

// One per HorizontalPodAutoscaler; its key in the controller's maps. Grows to about a window divided by the sync
// period.
class HpaMemory {
 public:
  // To be called at every sync, first: the scale at first sight counts as a proposal.
  void begin(std::int32_t replicas, Time now);
  // Brings `proposal` within windows, rates, minimum and maximum, and remembers it as it came. O(memory).
  HpaNormalized normalize(const HpaSpec& spec, const HpaSettings& settings, std::int32_t current, std::int32_t proposal,
                          Time now);
  // The scale has been changed. Remembered only if there is a spec.behavior.
  void rescaled(const HpaSpec& spec, std::int32_t from, std::int32_t to, Time now);

 private:
  struct Recommendation {
    std::int32_t replicas;
    Time time;
  };
  struct ScaleEvent {
    std::int32_t change;  // >= 0
    Time time;
    bool outdated;  // Once older than the longest period of its own direction, for good.
  };
  using Events = std::vector<ScaleEvent>;

  static void store(Events& events, const HpaScalingRules& rules, std::int32_t change, Time now);
  static std::int32_t change_within(const Events& events, Duration period, Time now);
  HpaNormalized without_behavior(const HpaSpec& spec, const HpaSettings& settings, std::int32_t current,
                                 std::int32_t proposal, Time now);
  HpaNormalized with_behavior(const HpaSpec& spec, const HpaSettings& settings, std::int32_t current,
                              std::int32_t proposal, Time now);
  std::int32_t stabilize(const HpaBehavior& behavior, const HpaSettings& settings, std::int32_t current,
                         std::int32_t proposal, Time now);
  // What the policies of one direction allow at most (up) or at least (down).
  std::int32_t rate_limit(const HpaScalingRules& rules, bool up, std::int32_t current, Time now) const;
  // Over the last slot that is too old for everything, else at the end.
  void record(std::int32_t proposal, Time now, std::size_t old);

  std::vector<Recommendation> recommendations_;
  Events up_events_;
  Events down_events_;
};

}  // namespace berth

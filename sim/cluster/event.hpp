// What can happen to a cluster as time goes by. Past tense: events are facts; what to do about them is Actions' part.
#pragma once

#include <cstdint>

#include "sim/engine/pending_events.hpp"

namespace berth {

enum class EventKind : std::uint16_t {
  kPodArrived,       // subject: position in the arrival batch of the simulation
  kPodBound,         // subject: PodId; the scheduler's decision time is over
  kPodStarted,       // subject: PodId
  kPodSucceeded,     // subject: PodId
  kSchedulingCycle,  // the scheduler's period is over
  // Subject and detail of these are known to the part that schedules them, and which handles them.
  kFlowEvent,         // sim/network/flow_network
  kImageEvent,        // sim/kubelet/image_manager
  kKubeletEvent,      // sim/kubelet/kubelet
  kStorageEvent,      // sim/storage
  kDockerEvent,       // sim/compose
  kControllersDue,    // a controller of the control plane has something to do
  kFaultEvent,        // sim/fault_injection
  kTrafficEvent,      // sim/traffic
  kScalingEvent,      // sim/pod_scaling
  kHealingEvent,      // sim/healing
  kNodeScalingEvent,  // sim/node_scaling
};

struct Event {
  std::uint32_t subject = 0;
  std::uint32_t generation = 0;  // Behind the subject's own: the subject went another way, and the event is skipped.
  EventKind kind{};
  std::uint16_t detail = 0;
};
static_assert(sizeof(Event) == 12);

// The order of events at one instant: what leaves makes room before what comes looks for it, and the scheduler sees
// both.
inline constexpr Phase kPhaseLeave = 0;
inline constexpr Phase kPhaseChange = 1;
inline constexpr Phase kPhaseArrive = 2;
inline constexpr Phase kPhaseCycle = 3;

}  // namespace berth

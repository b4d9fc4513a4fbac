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
};

struct Event {
  std::uint32_t subject = 0;
  std::uint32_t generation = 0;  // Behind the subject's own: the subject went another way, and the event is skipped.
  EventKind kind{};
};

// The order of events at one instant: what leaves makes room before what comes looks for it, and the scheduler sees
// both.
inline constexpr Phase kPhaseLeave = 0;
inline constexpr Phase kPhaseChange = 1;
inline constexpr Phase kPhaseArrive = 2;
inline constexpr Phase kPhaseCycle = 3;

}  // namespace berth

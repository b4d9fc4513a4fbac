// When a periodic loop of the real thing next looks: the instants of a grid, worked out on demand, so that a loop with
// nothing to do costs nothing.
#pragma once

#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// The first instant >= `at` of the grid phase + k * step. step > 0, at >= 0, 0 <= phase < step. A loop sees what
// happened at its own instant, and a wait of a multiple of the step is over at the loop that many steps later: real
// loops take a little longer than their period (a wait of "more than 500 ms" ends with the fifth loop of 100 ms).
constexpr Time next_on_grid(Time at, Duration step, Duration phase = {}) {
  BERTH_CHECK(step.ns > 0 && phase.ns >= 0 && phase.ns < step.ns);
  if (at <= Time{phase.ns}) return Time{phase.ns};
  const std::int64_t steps = (at.ns - phase.ns + step.ns - 1) / step.ns;
  return Time{phase.ns + steps * step.ns};
}

// Exponential back-off of volume operations: 0.5 s, doubled up to 2 min 2 s. `before`: 0 after a success.
// Source: pkg/util/goroutinemap/exponentialbackoff, v1.37.
constexpr Duration next_back_off(Duration before) {
  constexpr Duration kFirst = milliseconds(500);
  constexpr Duration kLast = seconds(122);
  if (before.ns == 0) return kFirst;
  return before * 2 < kLast ? before * 2 : kLast;
}

}  // namespace berth

// When a sum of curves of use first passes a level.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sim/engine/time.hpp"

namespace berth {

// The first instant from `from` on at which value(t) is above `level`; kNever if it never is. next_point(t) is the next
// time behind t at which a curve bends, kNever if none does; between two of them value() is convex, as a sum of
// straight lines is, and of such that a floor holds up. O(points · value).
template <class Value, class NextPoint>
Time first_above(Time from, std::int64_t level, Value&& value, NextPoint&& next_point) {
  if (value(from) > level) return from;
  while (true) {
    Time to = next_point(from);
    if (to == kNever) return kNever;
    if (value(to) > level) {
      while ((to - from).ns > 1) {
        const Time middle = from + (to - from) / 2;
        (value(middle) > level ? to : from) = middle;
      }
      return to;
    }
    from = to;
  }
}

// The time of the first point of `curve`, which began at `began`, behind `from`; kNever if there is none.
template <class Curve>
Time next_point_of(const Curve& curve, Time began, Time from) {
  for (const auto& point : curve) {
    if (began + point.after > from) return began + point.after;
  }
  return kNever;
}

}  // namespace berth

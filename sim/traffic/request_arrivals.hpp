// When requests come: one source's stream of arrival times, as the traffic models ask for it. Made by
// workloads/traffic.
#pragma once

#include <cstddef>
#include <span>

#include "sim/engine/time.hpp"

namespace berth {

class RequestArrivals {
 public:
  virtual ~RequestArrivals() = default;
  // Fills the front of `out` with the next arrivals, never decreasing; returns how many, 0 = the end. Streams: memory
  // does not grow with the number of arrivals.
  virtual std::size_t fill(std::span<Time> out) = 0;
  // Expected arrivals in [from, to), given what is known before any is drawn: the rate, a trace's counts, the state of
  // a modulating chain (which is of this stream's own draws). Successive calls must not go back in time. For the fluid
  // model; a stream is asked for either this or fill().
  virtual double mean_count(Time from, Time to) = 0;
};

}  // namespace berth

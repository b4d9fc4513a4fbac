// Poisson arrivals whose rate is constant by pieces: the pieces come from a source of segments, so a trace of a month,
// a chain of states drawn as time goes and a constant rate are one thing.
#pragma once

#include <memory>

#include "sim/engine/rng.hpp"
#include "sim/engine/time.hpp"
#include "sim/traffic/request_arrivals.hpp"
#include "workloads/traffic/arrivals.hpp"

namespace berth {

class RateSegments {
 public:
  struct Segment {
    Time from;
    Time until;
    double per_ns = 0;  // >= 0.
  };
  virtual ~RateSegments() = default;
  // The next one, beginning where the last ended (the first at 0); false: there is none, nothing comes any more.
  virtual bool next(Segment& out) = 0;
};

std::unique_ptr<RequestArrivals> segment_arrivals(std::unique_ptr<RateSegments> segments, const Rng& rng,
                                                  ArrivalSpan span);

// InputError unless 0 < rate <= 1e9.
void check_rate(double rate, const char* what);

}  // namespace berth

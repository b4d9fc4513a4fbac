// Poisson arrivals at a rate that is a function of time: candidates at the greatest rate, each kept with the chance
// rate(t) / greatest. Exact for any function. Source: Lewis, Shedler, Naval Research Logistics Quarterly 26, 1979.
#pragma once

#include <memory>

#include "sim/engine/rng.hpp"
#include "sim/traffic/request_arrivals.hpp"
#include "workloads/traffic/arrivals.hpp"

namespace berth {

class RateFunction {
 public:
  virtual ~RateFunction() = default;
  virtual double rate(double t) const = 0;      // Per second, at t seconds; 0 .. greatest().
  virtual double greatest() const = 0;          // > 0.
  virtual double integral(double t) const = 0;  // From 0 to t.
};

// A process that thins; `rate` is shared by its streams.
std::shared_ptr<const ArrivalProcess> thinned_arrivals(std::shared_ptr<const RateFunction> rate, ArrivalSpan span);

}  // namespace berth

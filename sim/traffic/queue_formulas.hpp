// Closed forms for one pod in a steady state, and for sums and maxima of response times. Seconds and requests per
// second.
#pragma once

#include <cstdint>

namespace berth {

struct Moments {
  double mean = 0;
  double variance = 0;
};

// P(wait > 0) in M/M/c with `load` erlangs < servers. Erlang 1917; O(servers).
double erlang_c(double servers, double load);

// Time in the system. All want load = rate * demand.mean < cores (servers); at no rate it is the service itself.

// Egalitarian sharing of `cores` >= 0 cores, none with more than one: the mean holds for every distribution of the
// demand (Cohen, "The multiple phase service network with generalized processor sharing", Acta Informatica 12, 1979).
// The variance is exact for one core and exponential demands (Coffman, Muntz, Trotter, J. ACM 17, 1970:
// Var T = mean^2 (2 + rho) / (2 - rho)) and carries over by the mean slow-down else: an approximation.
// O(cores).
Moments sojourn_processor_sharing(double rate, Moments demand, double cores);

// First come, first served by `servers` of speed 1: exact for exponential services, else the mean wait by Lee and
// Longton (1959), (1 + cv^2) / 2 of M/M/c's, and the wait of those who wait taken as exponential. O(servers).
Moments sojourn_fcfs(double rate, Moments service, std::uint32_t servers);

// The greater of two independent times, as if they were normal. Clark, "The greatest of a finite set of random
// variables", Operations Research 9, 1961.
Moments greater_of(Moments a, Moments b);

// P(shift + X > t) for gamma distributed X of these moments.
double exceeds(Moments x, double shift, double t);

// Quantiles of that X at fixed points, each with its share of the probability; the tail is cut finer. Interpolated from
// a table: relative error below 1 % where cv^2 is between 1/1024 and 16.
struct GammaPoints {
  static constexpr std::size_t kPoints = 160;
  static double share(std::size_t point);
  static double quantile(Moments x, std::size_t point);
};

}  // namespace berth

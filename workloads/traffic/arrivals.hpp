// When requests come: processes made up by rule, rates that a trace gives, and arrivals replayed one by one. A process
// is immutable and shared by all runs; each source of each run opens a stream of its own, keyed by (seed, replication,
// source), so that adding a source moves no other's arrivals. One further process is one further file.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/engine/time.hpp"
#include "sim/traffic/request_arrivals.hpp"
#include "workloads/synthetic.hpp"
#include "workloads/traffic/rate_series.hpp"

namespace berth {

class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;
  // The stream looks into the process, which must outlive it.
  virtual std::unique_ptr<RequestArrivals> open(std::uint64_t seed, std::uint32_t replication,
                                                std::uint32_t source) const = 0;
};

// [from, until): when a process runs. until = kNever: for ever.
struct ArrivalSpan {
  Time from{};
  Time until = kNever;
};

// All rates in requests per second, 0 < rate <= 1e9 unless said otherwise; what makes no sense is InputError
// ("rate is …; expected …").

// Request k at from + k / rate, k from 0, to the nearest nanosecond.
std::shared_ptr<const ArrivalProcess> constant_arrivals(double rate, ArrivalSpan span = {});

// Exponential gaps.
std::shared_ptr<const ArrivalProcess> poisson_arrivals(double rate, ArrivalSpan span = {});

// Poisson at rate * (1 + amplitude * cos(2 pi (t - peak) / period)), 0 <= amplitude <= 1, t from the start of the run.
// By thinning: Lewis, Shedler, Naval Research Logistics Quarterly 26, 1979.
struct DiurnalRate {
  double rate = 0;
  double amplitude = 0;
  Duration period = seconds(86'400);
  Duration peak = seconds(14 * 3'600);
};
std::shared_ptr<const ArrivalProcess> diurnal_arrivals(const DiurnalRate& rate, ArrivalSpan span = {});

// Poisson at `rate`, but from `at` on `factor` times as many: a linear rise over `ramp`, the peak for `hold`, then back
// exponentially with the time constant `decay`. The three phases are those of Ari, Hong, Miller, Brandt, Long,
// "Managing flash crowds on the Internet", MASCOTS 2003. By thinning. factor >= 1.
struct FlashCrowd {
  double rate = 0;
  double factor = 1;
  Time at{};
  Duration ramp{};
  Duration hold{};
  Duration decay{};
};
std::shared_ptr<const ArrivalProcess> flash_crowd_arrivals(const FlashCrowd& crowd, ArrivalSpan span = {});

// Markov-modulated Poisson: states one after another in a circle, begun in equilibrium (as ArrivalSpec::kMmpp has it).
// Its stream's mean_count() knows the path of states: the fluid model sees the bursts that the requests would.
std::shared_ptr<const ArrivalProcess> mmpp_arrivals(std::vector<MmppState> states, ArrivalSpan span = {});

// Poisson within each step of the series, exactly, by change of time: Cinlar, "Introduction to Stochastic Processes",
// 1975. `repeat`: begins anew when the series is over.
std::shared_ptr<const ArrivalProcess> series_arrivals(RateSeries series, bool repeat, ArrivalSpan span = {});

// Each at its own time; `times` never decrease. speed: so many times as fast (the rate is multiplied). repeat: again
// every times.back() + the mean gap.
std::shared_ptr<const ArrivalProcess> replayed_arrivals(std::vector<Time> times, double speed, bool repeat,
                                                        ArrivalSpan span = {});

}  // namespace berth

// FluidModel: what an activator does with the requests of an interval.
#include <algorithm>

#include "sim/traffic/activator.hpp"
#include "sim/traffic/fluid_model.hpp"

namespace berth {

// Time in a pod and in the line before it, where the activator keeps one line for all pods: M/M/c with the places of
// all of them. In work, a request shares its pod's cores with those that are on the CPU while it is: all others that
// the pod may have, each for as much of its stay as it does not wait for calls (`below`, seconds).
Moments FluidModel::sojourn_gated(std::uint32_t s, double rate, double cores, double concurrency, double below) {
  Service& service = services_[s];
  Service::Steady& known = service.steady;
  if (known.rate == rate && known.cores == cores && known.concurrency == concurrency) return known.time;
  known = {rate, cores, concurrency, service.demand};
  const double demand = service.demand.mean;
  double slow = 1;
  for (int i = 0; i < 8; ++i) {
    const double on_cpu = 1 + (concurrency - 1) * demand * slow / (demand * slow + below);
    slow = std::max(1.0, on_cpu / cores);
  }
  // Few are full at a low load, unless the first pod with room is always the next.
  if (work_[s].discipline == Discipline::kProcessorSharing && concurrency > Activator::kFirstAvailable) {
    slow = std::min(slow, sojourn_processor_sharing(rate, service.demand, cores).mean / demand);
  }
  const double pods = static_cast<double>(std::max<std::size_t>(1, service.shares.size()));
  const double places = concurrency * pods;
  const Moments held{demand * slow + below, service.demand.variance * slow * slow + service.below.variance};
  known.time = {demand * slow, service.demand.variance * slow * slow};
  if (rate * pods * held.mean >= places * 0.999) return known.time;
  const Moments all = sojourn_fcfs(rate * pods, held, static_cast<std::uint32_t>(places));
  known.time = {all.mean - below, std::max(0.0, all.variance - service.below.variance)};
  return known.time;
}

// After the pods have taken what they can: the oldest of those held go, and the rest waits on, as long as its callers
// do. `before`: how many were held when the step began.
void FluidModel::hand_on(std::uint32_t s, double before, double seconds) {
  Service& service = services_[s];
  for (const std::uint32_t r : callers_[s]) flows_[r].handed_on = flows_[r].expired = 0;
  const double middle = at_.seconds() + seconds / 2;
  double handed_on = 0;
  double waited = 0;
  const auto hand_on = [&](const HeldBacklog::Lot& lot) {
    flows_[lot.route].handed_on += lot.count;
    handed_on += lot.count;
    waited += lot.count * std::max(0.0, middle - lot.at);
  };
  if (service.returned == 0 && service.entering > 0) {
    service.held.take_all(hand_on);
  } else {
    service.entering = std::max(0.0, service.entering - service.returned);
    service.held.take(service.entering, hand_on);
  }
  service.waited += waited;
  const double end = at_.seconds() + seconds;
  service.held.expire(
      [&](const HeldBacklog::Lot& lot) {
        const Duration timeout = routes_[lot.route].call.timeout;
        return timeout != kForever && end - lot.at > timeout.seconds();
      },
      [&](const HeldBacklog::Lot& lot) {
        flows_[lot.route].expired += lot.count;
        service.counts.timed_out += lot.count;
      });
  held_s_[activator_of_[s]] += (before + service.held.total()) / 2 * seconds;
  // Whoever leaves was held as long as the mean of those it was mixed with.
  const double all = service.completed + service.inside;
  service.held_for = all > 0 ? service.waited / all : 0;
  service.waited -= service.completed * service.held_for;
  service.held_new = 0;
  if (handed_on > 0) {
    service.held_new = waited / handed_on;
  } else if (service.held.total() > 0) {
    service.held_new = end - service.held.oldest();
  }
}

}  // namespace berth

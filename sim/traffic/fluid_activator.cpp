// FluidModel: what an activator does with the requests of an interval.
#include <algorithm>

#include "sim/traffic/fluid_model.hpp"

namespace berth {

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

// FluidModel: an interval for one Service: through its pods, and how its attempts end.
#include <algorithm>
#include <cmath>

#include "sim/traffic/fluid_model.hpp"

namespace berth {
namespace {

constexpr double kNearlyFull = 0.999;  // Above it, no steady state is asked for.
constexpr double kManyPlaces = 1e6;    // So much concurrency limits nobody.

constexpr std::size_t at(RequestFailure reason) {
  return static_cast<std::size_t>(reason);
}

}  // namespace

// What comes to a Service, through its pods, and on to what it calls.
void FluidModel::flow(std::uint32_t s, double seconds) {
  Service& service = services_[s];
  service.entering = service.refused = service.dropped = service.overflow = service.completed = 0;
  service.load = service.cores = service.returned = 0;
  service.steady.rate = -1;
  const bool activated = activator_of_[s] != kNone;
  const double before = service.held.total();
  for (const std::uint32_t r : callers_[s]) {
    RouteState& flow = flows_[r];
    const CallSpec& call = routes_[r].call;
    // Attempts: the first, and retries as the last step's failures have it; as many as the budget allows.
    double retries = 0;
    double chance = 1;
    for (std::uint32_t i = 0; i < call.retries && chance > 1e-9; ++i) retries += chance *= flow.failure;
    flow.attempts = 1 + std::min(retries, call.retry_budget);
    const double attempts = flow.rate * flow.attempts * seconds;
    service.counts.issued += attempts;
    service.counts.retries += flow.rate * (flow.attempts - 1) * seconds;
    service.counts.failed[at(RequestFailure::kDropped)] += attempts * flow.dropped;
    if (activated) {
      service.held.add(r, at_.seconds() + seconds / 2, attempts * (1 - flow.dropped));
      continue;
    }
    service.counts.failed[at(RequestFailure::kNoEndpoints)] += attempts * flow.rejected;
    service.entering += attempts * (1 - flow.rejected - flow.dropped);
  }
  if (activated) {
    service.entering = service.shares.empty() ? 0 : service.held.total();
  } else if (service.shares.empty()) {
    service.counts.failed[at(RequestFailure::kNoEndpoints)] += service.entering;
    service.entering = 0;
  }
  service.local = {};
  for (const Share& share : service.shares) flow_pod(s, share, service.entering * share.share, seconds);
  if (activated) hand_on(s, before, seconds);
  const double worked = service.entering - service.refused - service.dropped;
  if (worked > 0) {
    service.local.mean /= worked;
    service.local.variance = std::max(0.0, service.local.variance / worked - service.local.mean * service.local.mean);
  } else {
    service.local = service.demand;
  }
  service.counts.failed[at(RequestFailure::kRefused)] += service.refused;
  service.counts.failed[at(RequestFailure::kDropped)] += service.dropped;
  service.counts.failed[at(RequestFailure::kOverflow)] += service.overflow;
  const Groups& groups = groups_[s];
  for (std::uint32_t r = groups.begin.front(); r < groups.begin.back(); ++r) {
    flows_[r].rate = service.completed / seconds * routes_[r].call.probability * routes_[r].call.count;
  }
}

// Time in a pod in a steady state, CPU and waiting for it, and the rate at which there is none (capacity).
Moments FluidModel::sojourn(std::uint32_t s, double rate, double cores, double concurrency, double& capacity) {
  const Service& service = services_[s];
  const ServiceWork& work = work_[s];
  const bool fcfs = work.discipline == Discipline::kFcfs || concurrency <= cores;
  const double speed = work.discipline == Discipline::kFcfs ? std::min(1.0, cores / concurrency) : 1;
  const Moments demand{service.demand.mean / speed, service.demand.variance / (speed * speed)};
  capacity = (fcfs ? concurrency : cores) / demand.mean;
  const double below = service.below.mean + service.fixed;
  const bool blocking = work.blocking || activator_of_[s] != kNone;
  const bool holds = blocking && !work.groups.empty() && concurrency < kManyPlaces;
  if (holds) capacity = std::min(capacity, concurrency / (demand.mean * std::max(1.0, 1 / cores) + below));
  if (rate >= capacity * kNearlyFull) return demand;
  if (in_path(activator_of_[s]) && concurrency < kManyPlaces) {
    return sojourn_gated(s, rate, cores, concurrency, holds ? below : 0);
  }
  if (fcfs && !holds) return sojourn_fcfs(rate, demand, static_cast<std::uint32_t>(concurrency));
  const Moments shared = fcfs ? demand : sojourn_processor_sharing(rate, demand, cores);
  if (!holds) return shared;
  // Places are held while calls are out: a queue for places, whose service is all of that.
  const Moments held{shared.mean + below, shared.variance + service.below.variance};
  if (rate * held.mean >= concurrency * kNearlyFull) {
    capacity = std::min(capacity, concurrency / held.mean);
    return shared;
  }
  const Moments all = sojourn_fcfs(rate, held, static_cast<std::uint32_t>(concurrency));
  return {all.mean - below, std::max(0.0, all.variance - service.below.variance)};
}

void FluidModel::flow_pod(std::uint32_t s, const Share& share, double arrivals, double seconds) {
  Service& service = services_[s];
  if (share.pod == kNone) {  // Its slot is another pod's by now.
    service.refused += arrivals;
    return;
  }
  Pod& pod = state_[share.pod];
  const PodInfo& info = pods_[share.pod];
  if (info.generation != share.generation || !pod.alive || pod.closed) {
    const bool gone = info.generation == share.generation && !nodes_[index(info.node)].present;
    (gone ? service.dropped : service.refused) += arrivals;
    return;
  }
  std::size_t k = 0;
  double others = 0;
  for (std::size_t i = 0; i < pod.parts.size(); ++i) {
    if (static_cast<std::uint32_t>(info.services[i]) == s) {
      k = i;
    } else {
      others += pod.parts[i].load;
    }
  }
  Pod::Part& part = pod.parts[k];
  const double cores = std::max(pod.cores - others, 0.05 * pod.cores);
  const double before = part.inside;
  const double most = pod.concurrency + std::min(work_[s].queue_limit, pod.queue_limit);
  const bool gated = in_path(activator_of_[s]) && pod.concurrency < kManyPlaces;
  if (gated && service.demand.mean > 0) {  // The activator keeps what the pod cannot even finish.
    double capacity = 0;
    sojourn(s, 1e300, cores, pod.concurrency, capacity);
    const double room = capacity * seconds + std::max(0.0, pod.concurrency - before);
    service.returned += std::max(0.0, arrivals - room);
    arrivals = std::min(arrivals, room);
  }
  const double rate = arrivals / seconds;
  double after = 0;
  double average = 0;
  double overflow = 0;
  Moments local;
  if (service.demand.mean > 0) {
    double capacity = 0;
    local = sojourn(s, rate, cores, pod.concurrency, capacity);
    // The number inside goes to its steady value, no faster than it can drain, or than chance fills it up.
    const double drift = (rate - capacity) * seconds;
    const double chance = 0.8 * std::sqrt((rate + std::min(capacity, 1e12)) * seconds);
    if (rate >= capacity * kNearlyFull) {
      after = std::max(before + drift, chance);
      average = (before + after) / 2;
    } else {
      const double steady = rate * local.mean;
      after = std::clamp(steady, std::max(0.0, before + drift), before + chance);
      // Chance fills it up as the square root of time, so it lacks a third of the rise while it rises; it drains
      // evenly.
      const double rise = (after - before) / std::max(chance, 1e-300);
      const double part_of_step = after > before ? rise * rise
                                  : drift < 0    ? std::min(1.0, (after - before) / drift)
                                                 : 1;
      average = after - (after - before) * part_of_step * (after > before ? 1.0 / 3 : 0.5);
    }
    after = std::min(after, before + arrivals);
    if (gated) {
      // A line that chance makes stays in the pod's books: it is as long at the activator.
      const double line = std::max(pod.concurrency, chance);
      if (rate >= capacity * kNearlyFull && after > line) {
        const double kept = std::min(after - line, arrivals);
        service.returned += kept;
        arrivals -= kept;
        after -= kept;
        average = std::min(average, std::max(before, line));
      }
    } else if (after > most) {
      overflow = after - most;
      after = most;
    }
    // Little's law for the mean time; its spread from the steady state where there is one.
    // Behind an activator pods get a whole queue at once, and what comes next waits as long as that takes to work off.
    const bool draining = activator_of_[s] != kNone && before > rate * local.mean * 1.5;
    const double through = draining ? capacity : std::min(rate, capacity);
    const double mean = through > 0 ? average / through : local.mean;
    if (rate >= capacity * kNearlyFull) {
      local = {std::max(mean, service.demand.mean), service.demand.variance + mean * service.demand.mean};
    } else if (std::abs(mean - local.mean) > 1e-9 * local.mean && mean > 0) {
      const double ratio = std::max(1.0, mean / local.mean);
      if (before > rate * local.mean * 1.5) {  // Draining: what is before one is known, and varies little.
        local = {local.mean * ratio, local.variance + mean * service.demand.mean};
      } else {
        const double scale = std::max(service.demand.mean, mean) / local.mean;
        local = {local.mean * scale, local.variance * scale * scale};
      }
    }
  }
  part.inside = after;
  service.inside += after - before;
  const double completed = arrivals - overflow - (after - before);
  part.load = completed * service.demand.mean / seconds;
  pod.requests += arrivals;
  pod.cpu_s += completed * service.demand.mean;
  pod.concurrency_s += average * seconds + completed * (service.below.mean + service.fixed);
  service.overflow += overflow;
  service.completed += completed;
  service.load += part.load;
  service.cores += pod.cores;
  service.local.mean += arrivals * local.mean;
  service.local.variance += arrivals * (local.variance + local.mean * local.mean);
}

// How the attempts of a route end, and how long it takes.
void FluidModel::finish_route(std::uint32_t r, double seconds) {
  const CallSpec& call = routes_[r].call;
  RouteState& flow = flows_[r];
  Service& service = services_[index(call.service)];
  const double attempts = flow.rate * flow.attempts * seconds;
  const bool activated = activator_of_[index(call.service)] != kNone;
  const double entering = activated ? flow.handed_on : attempts * (1 - flow.rejected - flow.dropped);
  if (activated) flow.over = attempts * flow.dropped + flow.handed_on + flow.expired;
  const double all = service.entering;
  if (all > 0) flow.part = entering / all;  // Else what leaves now came in the mix of before.

  const Moments random{service.local.mean + service.below.mean, service.local.variance + service.below.variance};
  const bool limited = call.timeout != kForever;
  double fixed = service.fixed + flow.travel;
  double fixed_new = fixed;  // Of those that enter now; the others leave.
  if (activated) {
    const double most = limited ? call.timeout.seconds() : 1e300;
    fixed_new = std::min(fixed + service.held_new, most);
    fixed = std::min(fixed + service.held_for, most);
  }
  const double late = limited ? exceeds(random, fixed, call.timeout.seconds()) : 0;

  const double completed = service.completed * flow.part;
  const double timed_out = completed * late;
  const double failed = (completed - timed_out) * service.dependency;
  const double served = completed - timed_out - failed;
  service.counts.timed_out += timed_out;
  service.counts.failed[at(RequestFailure::kDependency)] += failed;
  service.counts.served += served;
  record(service.latencies, served, fixed, random);

  // Chances for one attempt, as if it were through within the step.
  double found = 1 - flow.rejected - flow.dropped;
  double silence = flow.dropped;
  double expired = 0;
  if (activated) {  // Of those that are over.
    const auto share = [&flow](double count) { return flow.over > 0 ? count / flow.over : 0; };
    found = share(flow.handed_on);
    silence = share(attempts * flow.dropped);
    expired = share(flow.expired);
  }
  const double refused = all > 0 ? found * service.refused / all : 0;
  const double lost = silence + (all > 0 ? found * service.dropped / all : 0);
  const double overflow = all > 0 ? found * service.overflow / all : 0;
  const double worked = std::max(0.0, found - refused - (lost - silence) - overflow);
  const double late_new = activated && limited ? exceeds(random, fixed_new, call.timeout.seconds()) : late;
  flow.why = {};
  flow.why[at(RequestFailure::kNoEndpoints)] = activated ? 0 : flow.rejected;
  flow.why[at(RequestFailure::kRefused)] = refused;
  flow.why[at(RequestFailure::kOverflow)] = overflow;
  flow.why[at(RequestFailure::kDependency)] = worked * (1 - late_new) * service.dependency;
  flow.timed_out = worked * late_new + expired;
  (limited ? flow.timed_out : flow.why[at(RequestFailure::kDropped)]) += lost;
  flow.failure = flow.timed_out;
  for (const double why : flow.why) flow.failure += why;
  flow.failure = std::min(1.0, flow.failure);

  flow.fixed = fixed_new;
  flow.response = random;
  if (late_new > 0) {  // Answers that came in time are earlier than all.
    const double most = std::max(0.0, call.timeout.seconds() - fixed_new);
    if (flow.response.mean > most) {
      flow.response = {most, 0};
    }
  }
  const double again = flow.attempts - 1;
  if (again > 0 && flow.failure > 0) {
    const double waited = flow.timed_out / flow.failure * (limited ? call.timeout.seconds() : 0);
    flow.response.mean += again * (waited + call.backoff.seconds());
  }
}

// What a Service waits for its calls, and how often one that it needs fails. After its routes are finished.
void FluidModel::respond(std::uint32_t s) {
  Service& service = services_[s];
  service.below = {};
  service.fixed = 0;
  double good = 1;
  const Groups& groups = groups_[s];
  for (std::size_t g = 0; g < groups.count(); ++g) {
    Moments slowest;
    bool first = true;
    const bool alone = groups.begin[g + 1] - groups.begin[g] == 1;
    for (std::uint32_t r = groups.begin[g]; r < groups.begin[g + 1]; ++r) {
      const CallSpec& call = routes_[r].call;
      const RouteState& flow = flows_[r];
      if (!call.optional) {
        const double fails = std::max(0.0, 1 - (1 - flow.failure) * flow.attempts);
        good *= std::pow(1 - fails, call.probability * call.count);
      }
      if (alone && call.count == 1 && call.probability == 1) {
        service.fixed += flow.fixed;
        service.below.mean += flow.response.mean;
        service.below.variance += flow.response.variance;
        first = true;
        slowest = {};
        continue;
      }
      // With its travel; made with a chance only: else it takes no time.
      const double mean = flow.response.mean + flow.fixed;
      const double p = call.probability;
      const Moments one{p * mean, p * (flow.response.variance + mean * mean) - p * p * mean * mean};
      for (std::uint32_t i = 0; i < call.count; ++i) {
        slowest = first ? one : greater_of(slowest, one);
        first = false;
      }
    }
    service.below.mean += slowest.mean;
    service.below.variance += slowest.variance;
  }
  service.dependency = 1 - good;
}

}  // namespace berth

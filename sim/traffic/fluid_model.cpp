#include "sim/traffic/fluid_model.hpp"

#include <algorithm>
#include <cmath>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::uint32_t kPlanSteps = 64;  // A plan is made anew so often, for mixes of callers that drift.
constexpr double kNearlyFull = 0.999;     // Above it, no steady state is asked for.
constexpr double kManyPlaces = 1e6;       // So much concurrency limits nobody.

constexpr std::size_t at(RequestFailure reason) {
  return static_cast<std::size_t>(reason);
}

}  // namespace

FluidModel::FluidModel(Engine<Event>& engine, const Topology& topology, const ProxyParams& params,
                       const FluidParams& fluid, std::uint64_t seed, std::uint32_t replication)
    : TrafficModel(engine, topology, params, seed, replication), fluid_(fluid) {
  BERTH_CHECK(fluid.interval.ns > 0 && fluid.change_interval.ns > 0);
}

void FluidModel::on_start() {
  at_ = now();
  flows_.resize(routes_.size());
  source_state_.resize(sources_.size());
  callers_.resize(work_.size());
  services_.resize(work_.size());
  for (std::uint32_t s = 0; s < work_.size(); ++s) {
    services_[s].demand = {work_[s].demand.mean(), work_[s].demand.variance()};
    BERTH_CHECK(std::isfinite(services_[s].demand.mean));
    if (!std::isfinite(services_[s].demand.variance)) services_[s].demand.variance = 1e6;
  }
  for (std::uint32_t r = 0; r < routes_.size(); ++r) callers_[index(routes_[r].call.service)].push_back(r);
  for (std::uint32_t r = 0; r < routes_.size(); ++r) {
    flows_[r].part = 1 / static_cast<double>(callers_[index(routes_[r].call.service)].size());
  }
  from_.resize(topology_.locations());
  to_.resize(topology_.locations());
}

// ---- pods ----------------------------------------------------------------------------------------------------------

void FluidModel::on_pod_added(std::uint32_t slot, const TrafficPod& pod) {
  if (slot >= state_.size()) {
    state_.resize(slot + std::size_t{1});
    of_pod_.resize(slot + std::size_t{1});
  }
  state_[slot] = {};
  state_[slot].alive = true;
  state_[slot].cores = static_cast<double>(pod.cpu_milli) / 1000;
  state_[slot].concurrency = pod.concurrency;
  state_[slot].parts.resize(pod.services.size());
}

void FluidModel::before_change() {
  if (!order_.empty()) advance(now());
}
void FluidModel::after_change() {
  planned_ = 0;
  settled_ = now() + table_.max_lag();
}

void FluidModel::pod_closed(std::uint32_t ref) {
  advance(now());
  state_[slot(ref)].closed = true;
  after_change();
}

void FluidModel::pod_stopped(std::uint32_t ref) {
  advance(now());
  const std::uint32_t p = slot(ref);
  Pod& pod = state_[p];
  if (!pod.alive) return;
  pod.alive = false;
  const RequestFailure why = nodes_[index(pods_[p].node)].present ? RequestFailure::kReset : RequestFailure::kDropped;
  for (std::size_t k = 0; k < pod.parts.size(); ++k) {
    Service& service = services_[index(pods_[p].services[k])];
    service.counts.failed[at(why)] += pod.parts[k].inside;
    service.inside -= pod.parts[k].inside;
    pod.parts[k] = {};
  }
  after_change();
}

void FluidModel::pod_restarted(std::uint32_t ref) {
  advance(now());
  state_[slot(ref)].alive = true;
  state_[slot(ref)].closed = false;
  after_change();
}

void FluidModel::pod_cpu(std::uint32_t ref, std::int64_t cpu_milli) {
  BERTH_CHECK(cpu_milli > 0);
  advance(now());
  state_[slot(ref)].cores = static_cast<double>(cpu_milli) / 1000;
}

// ---- who sends to whom ---------------------------------------------------------------------------------------------

// Where a route's requests come from. Weights sum to 1 (or to 0, where the caller has no pods).
void FluidModel::clients_of(std::uint32_t r, Time at, std::vector<Client>& clients) {
  clients.clear();
  const Route& route = routes_[r];
  if (route.source != kNone) {
    const SourceSpec& source = sources_[route.source];
    std::span<const NodeId> nodes = source.nodes;
    if (source.external && table_.policy(route.call.service).external_local) {
      const std::span<const NodeId> healthy = table_.nodes_with_ready(route.call.service, at);
      if (!healthy.empty()) nodes = healthy;
    }
    for (const NodeId node : nodes) clients.push_back({node, 1 / static_cast<double>(nodes.size())});
    return;
  }
  if (of_node_.size() < nodes_.size()) of_node_.resize(nodes_.size());
  for (const Share& share : services_[route.service].shares) {
    if (share.pod == kNone) continue;
    const NodeId node = pods_[share.pod].node;
    if (of_node_[index(node)] == 0) clients.push_back({node, 0});
    of_node_[index(node)] += share.share;
  }
  for (Client& client : clients) {
    client.weight = of_node_[index(client.node)];
    of_node_[index(client.node)] = 0;
  }
}

// Spreads `weight` of the Service over its pods (of_pod_), and finds the mean travel.
void FluidModel::plan_route(std::uint32_t r, Time at, std::span<const Client> clients, double weight) {
  const Route& route = routes_[r];
  RouteState& flow = flows_[r];
  const bool external = route.source != kNone && sources_[route.source].external;
  flow.rejected = flow.dropped = flow.travel = 0;
  double reached = 0;
  std::span<const Endpoint> list;  // What from_, to_ stand for.
  if (of_node_.size() < nodes_.size()) of_node_.resize(nodes_.size());
  const auto forget = [&] {
    for (const Endpoint& e : list) {
      of_node_[index(e.node)] = 0;
      to_[index(nodes_[index(e.node)].location)] = 0;
    }
  };
  const double connections = 1.0 / route.call.requests_per_connection;
  const auto round_trip = [&](const Hop& hop) {
    return (hop.delay(route.call.request_bytes) + hop.delay(route.call.response_bytes)).seconds() +
           2 * hop.latency.seconds() * connections;
  };
  for (const Client& client : clients) {
    const ServiceTable::Usable usable = table_.usable(route.call.service, client.node, external, at);
    if (usable.endpoints.empty()) {
      (usable.drop ? flow.dropped : flow.rejected) += client.weight;
      continue;
    }
    const auto n = static_cast<double>(usable.endpoints.size());
    if (usable.endpoints.data() != list.data() || usable.endpoints.size() != list.size()) {
      forget();
      list = usable.endpoints;
      for (const Endpoint& e : list) {
        ++of_node_[index(e.node)];
        ++to_[index(nodes_[index(e.node)].location)];
      }
    }
    for (const Endpoint& e : list) {
      (e.generation == pods_[e.pod].generation ? of_pod_[e.pod] : gone_) += weight * client.weight / n;
    }
    const LocationId here = nodes_[index(client.node)].location;
    double mean = 0;
    for (std::size_t l = 0; l < to_.size(); ++l) {
      if (to_[l] > 0) mean += to_[l] / n * round_trip(topology_.hop(here, static_cast<LocationId>(l)));
    }
    const double same = of_node_[index(client.node)] / n;
    mean -= same * round_trip(topology_.hop(here, here));
    if (!external) mean += same * round_trip(topology_.same_host());
    if (external) mean += round_trip(topology_.hop(sources_[route.source].location, here));
    flow.travel += client.weight * mean;
    reached += client.weight;
  }
  forget();
  if (reached > 0) flow.travel /= reached;
  if (clients.empty()) flow.rejected = 1;
}

void FluidModel::plan(Time at) {
  std::vector<Client> clients;
  for (const std::uint32_t s : order_) {
    Service& service = services_[s];
    double all = 0;
    for (const std::uint32_t r : callers_[s]) all += flows_[r].rate * flows_[r].attempts;
    service.shares.clear();
    std::ranges::fill(of_pod_, 0.0);
    gone_ = 0;
    for (const std::uint32_t r : callers_[s]) {
      clients_of(r, at, clients);
      const double weight =
          all > 0 ? flows_[r].rate * flows_[r].attempts / all : 1.0 / static_cast<double>(callers_[s].size());
      // A trickle of weight keeps the endpoints of an idle route known.
      plan_route(r, at, clients, std::max(weight, 1e-12));
    }
    double sum = gone_;
    if (gone_ > 0) service.shares.push_back({kNone, 0, gone_});
    for (std::uint32_t p = 0; p < of_pod_.size(); ++p) {
      if (of_pod_[p] == 0) continue;
      service.shares.push_back({p, pods_[p].generation, of_pod_[p]});
      sum += of_pod_[p];
    }
    for (Share& share : service.shares) share.share /= sum;
  }
}

// ---- a step --------------------------------------------------------------------------------------------------------

void FluidModel::advance(Time to) {
  while (at_ < to) {
    Duration length = at_ < settled_ ? fluid_.change_interval : fluid_.interval;
    length = Duration{length.ns - at_.ns % length.ns};  // Up to the next point of its grid.
    step(std::min(length, to - at_));
  }
}

void FluidModel::step(Duration length) {
  const double seconds = length.seconds();
  if (planned_ == 0 || at_ < settled_ + fluid_.change_interval) {
    plan(at_);
    planned_ = kPlanSteps;
  }
  --planned_;
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    const double count = arrivals_[i]->mean_count(at_, at_ + length);
    flows_[source_route_[i]].rate = count / seconds;
    source_state_[i].counts.issued += count;
  }
  for (const std::uint32_t s : order_) flow(s, seconds);
  for (auto s = order_.rbegin(); s != order_.rend(); ++s) {
    const Groups& groups = groups_[*s];
    for (std::uint32_t r = groups.begin.front(); r < groups.begin.back(); ++r) finish_route(r, seconds);
    respond(*s);
  }
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    const std::uint32_t r = source_route_[i];
    finish_route(r, seconds);
    const RouteState& flow = flows_[r];
    Counts& counts = source_state_[i].counts;
    const double count = flow.rate * seconds;
    // With retries: what share of the failures is left.
    const double left = flow.failure > 0 ? std::max(0.0, 1 - (1 - flow.failure) * flow.attempts) / flow.failure : 0;
    double failed = flow.timed_out * left * count;
    counts.timed_out += failed;
    for (std::size_t why = 0; why < kRequestFailures; ++why) {
      counts.failed[why] += flow.why[why] * left * count;
      failed += flow.why[why] * left * count;
    }
    counts.served += count - failed;
    counts.retries += (flow.attempts - 1) * count;
    record(source_state_[i].latencies, count - failed, flow.fixed, flow.response);
  }
  at_ = at_ + length;
}

// What comes to a Service, through its pods, and on to what it calls.
void FluidModel::flow(std::uint32_t s, double seconds) {
  Service& service = services_[s];
  service.entering = service.refused = service.dropped = service.overflow = service.completed = 0;
  service.load = service.cores = 0;
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
    service.counts.failed[at(RequestFailure::kNoEndpoints)] += attempts * flow.rejected;
    service.counts.failed[at(RequestFailure::kDropped)] += attempts * flow.dropped;
    service.entering += attempts * (1 - flow.rejected - flow.dropped);
  }
  if (service.shares.empty()) {
    service.counts.failed[at(RequestFailure::kNoEndpoints)] += service.entering;
    service.entering = 0;
  }
  service.local = {};
  for (const Share& share : service.shares) flow_pod(s, share, service.entering * share.share, seconds);
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
Moments FluidModel::sojourn(std::uint32_t s, double rate, double cores, double concurrency, double& capacity) const {
  const Service& service = services_[s];
  const ServiceWork& work = work_[s];
  const bool fcfs = work.discipline == Discipline::kFcfs || concurrency <= cores;
  const double speed = work.discipline == Discipline::kFcfs ? std::min(1.0, cores / concurrency) : 1;
  const Moments demand{service.demand.mean / speed, service.demand.variance / (speed * speed)};
  capacity = (fcfs ? concurrency : cores) / demand.mean;
  const double below = service.below.mean + service.fixed;
  const bool holds = work.blocking && !work.groups.empty() && concurrency < kManyPlaces;
  if (holds) capacity = std::min(capacity, concurrency / (demand.mean * std::max(1.0, 1 / cores) + below));
  if (rate >= capacity * kNearlyFull) return demand;
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
  const double rate = arrivals / seconds;
  const double before = part.inside;
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
    const double most = pod.concurrency + work_[s].queue_limit;
    if (after > most) {
      overflow = after - most;
      after = most;
    }
    // Little's law for the mean time; its spread from the steady state where there is one.
    const double through = std::min(rate, capacity);
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
  const double entering = attempts * (1 - flow.rejected - flow.dropped);
  const double all = service.entering;
  if (all > 0) flow.part = entering / all;  // Else what leaves now came in the mix of before.

  const Moments random{service.local.mean + service.below.mean, service.local.variance + service.below.variance};
  const double fixed = service.fixed + flow.travel;
  const bool limited = call.timeout != kForever;
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
  const double found = 1 - flow.rejected - flow.dropped;
  const double refused = all > 0 ? found * service.refused / all : 0;
  const double lost = flow.dropped + (all > 0 ? found * service.dropped / all : 0);
  const double overflow = all > 0 ? found * service.overflow / all : 0;
  const double worked = std::max(0.0, found - refused - (lost - flow.dropped) - overflow);
  flow.why = {};
  flow.why[at(RequestFailure::kNoEndpoints)] = flow.rejected;
  flow.why[at(RequestFailure::kRefused)] = refused;
  flow.why[at(RequestFailure::kOverflow)] = overflow;
  flow.why[at(RequestFailure::kDependency)] = worked * (1 - late) * service.dependency;
  flow.timed_out = worked * late;
  (limited ? flow.timed_out : flow.why[at(RequestFailure::kDropped)]) += lost;
  flow.failure = flow.timed_out;
  for (const double why : flow.why) flow.failure += why;
  flow.failure = std::min(1.0, flow.failure);

  flow.fixed = fixed;
  flow.response = random;
  if (late > 0) {  // Answers that came in time are earlier than all.
    const double most = std::max(0.0, call.timeout.seconds() - fixed);
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

// ---- results -------------------------------------------------------------------------------------------------------

void FluidModel::record(Latencies& latencies, double count, double fixed, Moments moments) {
  if (!(count > 0)) return;
  // Whole requests at the points of the distribution; what is less than one goes on, so that in the long run every
  // point gets its share.
  std::size_t point = latencies.turn;
  for (std::size_t i = 0; i < GammaPoints::kPoints; ++i) {
    latencies.rest += count * GammaPoints::share(point);
    const auto whole = static_cast<std::uint64_t>(latencies.rest);
    if (whole > 0) {
      latencies.rest -= static_cast<double>(whole);
      latencies.histogram.record(from_seconds(fixed + GammaPoints::quantile(moments, point)), whole);
    }
    if (++point == GammaPoints::kPoints) point = 0;
  }
  latencies.turn = (latencies.turn + 37) % GammaPoints::kPoints;
}

PodUsage FluidModel::usage(std::uint32_t ref) {
  advance(now());
  const Pod& pod = state_[slot(ref)];
  return {std::llround(pod.cpu_s * 1e9), std::llround(pod.concurrency_s * 1e9),
          static_cast<std::uint64_t>(std::llround(pod.requests))};
}

TrafficCounts FluidModel::rounded(const Counts& counts, double in_flight) const {
  const auto whole = [](double x) { return static_cast<std::uint64_t>(std::llround(std::max(0.0, x))); };
  TrafficCounts out;
  out.issued = whole(counts.issued);
  for (std::size_t i = 0; i < kRequestFailures; ++i) out.failed[i] = whole(counts.failed[i]);
  out.timed_out = whole(counts.timed_out);
  out.in_flight = whole(in_flight);
  out.retries = whole(counts.retries);
  const std::uint64_t rest = out.all_failed() + out.timed_out + out.in_flight;
  out.served = out.issued > rest ? out.issued - rest : 0;  // It takes the rounding.
  return out;
}

TrafficCounts FluidModel::counts(ServiceId service) {
  advance(now());
  return rounded(services_[index(service)].counts, services_[index(service)].inside);
}
TrafficCounts FluidModel::counts(SourceId source) {
  advance(now());
  return rounded(source_state_[index(source)].counts, 0);
}
const LatencyHistogram& FluidModel::latency(ServiceId service) {
  advance(now());
  return services_[index(service)].latencies.histogram;
}
const LatencyHistogram& FluidModel::latency(SourceId source) {
  advance(now());
  return source_state_[index(source)].latencies.histogram;
}
double FluidModel::utilisation(ServiceId service) {
  advance(now());
  const Service& s = services_[index(service)];
  return s.cores > 0 ? s.load / s.cores : 0;
}
double FluidModel::mean_response(ServiceId service) {
  advance(now());
  const Service& s = services_[index(service)];
  return s.local.mean + s.below.mean + s.fixed;
}

std::string FluidModel::verify() {
  advance(now());
  const auto off = [](const Counts& counts, double in_flight) {
    double sum = counts.served + counts.timed_out + in_flight;
    for (const double failed : counts.failed) sum += failed;
    return std::abs(sum - counts.issued) > 1e-6 * std::max(1.0, counts.issued);
  };
  for (std::size_t s = 0; s < services_.size(); ++s) {
    double inside = 0;
    for (std::size_t p = 0; p < state_.size(); ++p) {
      for (std::size_t k = 0; k < state_[p].parts.size(); ++k) {
        if (index(pods_[p].services[k]) == s) inside += state_[p].parts[k].inside;
      }
    }
    if (std::abs(inside - services_[s].inside) > 1e-6 * std::max(1.0, inside)) {
      return "service " + std::to_string(s) + ": its pods do not hold what it has inside";
    }
    if (off(services_[s].counts, services_[s].inside)) return "service " + std::to_string(s) + ": requests are lost";
  }
  for (std::size_t s = 0; s < source_state_.size(); ++s) {
    if (off(source_state_[s].counts, 0)) return "source " + std::to_string(s) + ": requests are lost";
  }
  return {};
}

}  // namespace berth

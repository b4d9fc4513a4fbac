#include "sim/traffic/fluid_model.hpp"

#include <algorithm>
#include <cmath>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::uint32_t kPlanSteps = 64;  // A plan is made anew so often, for mixes of callers that drift.

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
  state_[slot].queue_limit = pod.queue_limit;
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
    if (service.waited > 0) service.waited *= std::max(0.0, 1 - pod.parts[k].inside / service.inside);
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
    const double issued = flow.rate * seconds;
    double count = issued;
    if (const auto s = index(sources_[i].call.service); activator_of_[s] != kNone) {
      // Of what is not over, as much as of the attempts.
      double& held = source_state_[i].held;
      const double attempts = flow.over + services_[s].held.of(r);
      held += issued;
      count = attempts > 0 ? held * (flow.over / attempts) : 0;
      held -= count;
    }
    // With retries: what share of the failures is left.
    const double left = flow.failure > 0 ? std::max(0.0, 1 - (1 - flow.failure) * flow.attempts) / flow.failure : 0;
    double failed = flow.timed_out * left * count;
    counts.timed_out += failed;
    for (std::size_t why = 0; why < kRequestFailures; ++why) {
      counts.failed[why] += flow.why[why] * left * count;
      failed += flow.why[why] * left * count;
    }
    counts.served += count - failed;
    counts.retries += (flow.attempts - 1) * issued;
    record(source_state_[i].latencies, count - failed, flow.fixed, flow.response);
  }
  at_ = at_ + length;
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
  const Service& s = services_[index(service)];
  return rounded(s.counts, s.inside + s.held.total());
}
TrafficCounts FluidModel::counts(SourceId source) {
  advance(now());
  return rounded(source_state_[index(source)].counts, source_state_[index(source)].held);
}
const LatencyHistogram& FluidModel::latency(ServiceId service) {
  advance(now());
  return services_[index(service)].latencies.histogram;
}
const LatencyHistogram& FluidModel::latency(SourceId source) {
  advance(now());
  return source_state_[index(source)].latencies.histogram;
}
std::int64_t FluidModel::held_ns(ActivatorId activator) {
  advance(now());
  return std::llround(held_s_[index(activator)] * 1e9);
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
    if (off(services_[s].counts, services_[s].inside + services_[s].held.total()))
      return "service " + std::to_string(s) + ": requests are lost";
  }
  for (std::size_t s = 0; s < source_state_.size(); ++s) {
    if (off(source_state_[s].counts, source_state_[s].held))
      return "source " + std::to_string(s) + ": requests are lost";
  }
  return {};
}

}  // namespace berth

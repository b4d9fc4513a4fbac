#include "sim/traffic/request_model.hpp"

namespace berth {
namespace {

constexpr std::size_t kArrivalBatch = 256;

}  // namespace

RequestModel::RequestModel(Engine<Event>& engine, const Topology& topology, const ProxyParams& params,
                           std::uint64_t seed, std::uint32_t replication)
    : TrafficModel(engine, topology, params, seed, replication) {}

void RequestModel::on_start() {
  due_.resize(routes_.size());
  for (std::uint32_t s = 0; s < work_.size(); ++s) {
    services_.push_back({Rng(seed_, replication_, s, Purpose::kRequests), {}, {}, now(), 0, 0});
  }
  for (std::uint32_t s = 0; s < sources_.size(); ++s) {
    source_state_.push_back({Rng(seed_, replication_, s | 0x8000'0000, Purpose::kRequests), {}, 0, 0, 0, {}, {}, {}});
    Source& source = source_state_.back();
    source.batch.resize(kArrivalBatch);
    if (sources_[s].call.requests_per_connection > 1) {
      for (std::size_t i = 0; i < sources_[s].nodes.size(); ++i) {
        source.pools.push_back(static_cast<std::uint32_t>(pools_.size()));
        pools_.push_back(kNone);
      }
    }
    next_arrival(s);
  }
}

// ---- arrivals ------------------------------------------------------------------------------------------------------

void RequestModel::next_arrival(std::uint32_t s) {
  Source& source = source_state_[s];
  if (source.next == source.filled) {
    source.next = 0;
    source.filled = arrivals_[s]->fill(source.batch);
    if (source.filled == 0) return;
  }
  engine_.schedule(source.batch[source.next++], kPhaseArrive, event(s, 0, kArrived));
}

void RequestModel::arrive(std::uint32_t s) {
  Source& source = source_state_[s];
  const SourceSpec& spec = sources_[s];
  ++source.counts.issued;
  ++source.counts.in_flight;
  const std::uint32_t slot = take_call();
  Call& call = calls_[slot];
  call.started = now();
  call.route = source_route_[s];
  std::size_t entry = source.turn;
  if (++source.turn == spec.nodes.size()) source.turn = 0;
  call.client = spec.nodes[entry];
  if (!source.pools.empty()) call.pool = source.pools[entry];
  if (spec.external && table_.policy(spec.call.service).external_local) {
    // The load balancer sends to nodes whose health check finds ready endpoints; to any, if there is none.
    const std::span<const NodeId> healthy = table_.nodes_with_ready(spec.call.service, now());
    if (!healthy.empty()) call.client = healthy[source.rng.below(static_cast<std::uint32_t>(healthy.size()))];
    call.pool = kNone;  // Its connections are each of an entry of their own.
  }
  issue(slot);
  next_arrival(s);
}

// ---- slots ---------------------------------------------------------------------------------------------------------

std::uint32_t RequestModel::take_call() {
  if (free_calls_.empty()) {
    calls_.emplace_back();
    return static_cast<std::uint32_t>(calls_.size() - 1);
  }
  const std::uint32_t slot = free_calls_.back();
  free_calls_.pop_back();
  return slot;
}

void RequestModel::free_call(std::uint32_t slot) {
  const std::uint32_t generation = calls_[slot].generation + 1;
  calls_[slot] = Call{};
  calls_[slot].generation = generation;
  free_calls_.push_back(slot);
}

void RequestModel::handle(const Event& event) {
  switch (static_cast<Detail>(event.detail)) {
    case kArrived:
      return arrive(event.subject);
    case kCpuDone:
      if (running_[event.subject].event == event.generation) cpu_done(event.subject);
      return;
    case kTimeout:
      return time_out(event.subject);
    case kAtPod:
      if (calls_[event.subject].generation == event.generation) reach_pod(event.subject);
      return;
    case kActivatorSees:
      return next_sight();
    case kHandOn:
      return hand_on_held(event.subject);
    case kReplied:
      if (calls_[event.subject].generation == event.generation) replied(event.subject);
      return;
    case kRetry:
      if (calls_[event.subject].generation != event.generation) return;
      {
        const Call& call = calls_[event.subject];
        const bool wanted = call.parent == kNone || (calls_[call.parent].generation == call.parent_generation &&
                                                     calls_[call.parent].state == State::kInPod);
        if (wanted) {
          issue(event.subject);
        } else {
          free_call(event.subject);  // The caller died meanwhile.
        }
      }
      return;
  }
}

PodUsage RequestModel::usage(std::uint32_t ref) {
  const std::uint32_t p = slot(ref);
  Pod& pod = running_[p];
  return {pod.server->cpu(now()).core_ns,
          pod.concurrency_ns + static_cast<std::int64_t>(pod.count) * (now() - pod.at).ns, pod.requests};
}

}  // namespace berth

#include "sim/traffic/request_model.hpp"

#include <algorithm>
#include <cmath>

#include "sim/engine/error.hpp"

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

// ---- from the caller's side ----------------------------------------------------------------------------------------

void RequestModel::count_change(Service& service) {
  service.in_flight_ns += static_cast<std::int64_t>(service.counts.in_flight) * (now() - service.at).ns;
  service.at = now();
}

// Sends a call, new or again, on its way. Never ends it at once: even a rejection comes as an event.
void RequestModel::issue(std::uint32_t slot) {
  Call& call = calls_[slot];
  const CallSpec& spec = routes_[call.route].call;
  Service& service = services_[index(spec.service)];
  count_change(service);
  ++service.counts.issued;
  ++service.counts.in_flight;
  call.issued = now();
  call.outcome = kServed;
  if (call.attempt == 0) {
    due_[call.route].purse = std::min(kPurse, due_[call.route].purse + spec.retry_budget);
  } else {
    ++service.counts.retries;
    if (const std::uint32_t s = routes_[call.route].source; s != kNone) ++source_state_[s].counts.retries;
  }
  if (spec.timeout != kForever) watch(call.route);
  if (spec.timeout != kForever) {
    Due& due = due_[call.route];
    call.due = true;
    call.due_prev = due.tail;
    if (due.tail == kNone) {
      due.head = slot;
    } else {
      calls_[due.tail].due_next = slot;
    }
    due.tail = slot;
  }
  const bool reused = !connect(call);
  if (call.state == State::kHanging) return hang(slot);
  if (!call.connected) {  // Nobody to connect to: the node's own rules say so, at once.
    call.state = State::kReturning;
    call.outcome = static_cast<std::uint8_t>(RequestFailure::kNoEndpoints);
    engine_.schedule(now(), kPhaseChange, event(slot, call.generation, kReplied));
    return;
  }
  call.state = State::kTravelling;
  Duration there = travel(call, spec.request_bytes);
  if (!reused) there += travel(call, 0) * 2;  // SYN, SYN-ACK.
  engine_.schedule(now() + there, kPhaseChange, event(slot, call.generation, kAtPod));
}

// Gives the call an endpoint; false if an idle connection was taken. Leaves it without a connection if there is none,
// and hanging if the packets are dropped.
bool RequestModel::connect(Call& call) {
  const CallSpec& spec = routes_[call.route].call;
  if (call.pool != kNone) {
    std::uint32_t& head = pools_[call.pool];
    while (head != kNone) {
      const std::uint32_t id = head;
      Connection& idle = connections_[id];
      head = idle.next;
      const Pod& pod = running_[idle.endpoint.pod];
      if (pods_[idle.endpoint.pod].generation == idle.endpoint.generation && pod.alive && !pod.closed) {
        call.connection = id;
        call.connected = true;
        call.pod = idle.endpoint.pod;
        call.pod_generation = idle.endpoint.generation;
        return false;
      }
      close(id);  // The other side has closed it.
    }
  }
  const std::uint32_t s = routes_[call.route].source;
  std::uint32_t client = call.parent == kNone ? 0 : calls_[call.parent].pod;  // A pod's address; unlike any source's:
  if (s != kNone) {
    client = 0x8000'0000 | s << 20;
    if (sources_[s].clients > 1) client += source_state_[s].rng.below(sources_[s].clients);
  }
  const auto choice = table_.connect(spec.service, call.client, client, s != kNone && sources_[s].external, now());
  if (choice.result == ServiceTable::Result::kDropped) call.state = State::kHanging;
  if (choice.result != ServiceTable::Result::kChosen) {
    call.pod = kNone;
    return true;
  }
  call.connected = true;
  call.pod = choice.endpoint.pod;
  call.pod_generation = choice.endpoint.generation;
  if (call.pool != kNone) {
    std::uint32_t id = 0;
    if (free_connections_.empty()) {
      id = static_cast<std::uint32_t>(connections_.size());
      connections_.emplace_back();
    } else {
      id = free_connections_.back();
      free_connections_.pop_back();
    }
    connections_[id] = {choice.endpoint, call.client, static_cast<std::uint32_t>(spec.service),
                        spec.requests_per_connection, kNone};
    call.connection = id;
  }
  return true;
}

// One way between the caller and the pod.
Duration RequestModel::travel(const Call& call, std::int64_t bytes) const {
  const NodeId node = pods_[call.pod].node;
  const std::uint32_t s = routes_[call.route].source;
  if (s == kNone || !sources_[s].external) return hop(call.client, node).delay(bytes);
  const Duration in = topology_.hop(sources_[s].location, nodes_[index(call.client)].location).delay(bytes);
  return call.client == node ? in : in + hop(call.client, node).delay(bytes);
}

// Nothing will come back. The caller's timeout ends it, or TCP.
void RequestModel::hang(std::uint32_t slot) {
  Call& call = calls_[slot];
  call.state = State::kHanging;
  call.outcome = static_cast<std::uint8_t>(RequestFailure::kDropped);
  if (call.abandoned) return free_call(slot);
  engine_.schedule(
      call.issued + table_.params().tcp_give_up < now() ? now() : call.issued + table_.params().tcp_give_up,
      kPhaseChange, event(slot, call.generation, kReplied));
}

void RequestModel::close(std::uint32_t id) {
  Connection& connection = connections_[id];
  table_.disconnect(static_cast<ServiceId>(connection.service), connection.client, connection.endpoint);
  free_connections_.push_back(id);
}

// The call needs its connection no more: back to the pool if it is still good, else closed.
void RequestModel::disconnect(Call& call, bool usable) {
  if (!call.connected) return;
  call.connected = false;
  if (call.connection == kNone) {
    const CallSpec& spec = routes_[call.route].call;
    table_.disconnect(spec.service, call.client, {call.pod, call.pod_generation, kNoNode});
    return;
  }
  const std::uint32_t id = call.connection;
  call.connection = kNone;
  Connection& connection = connections_[id];
  const bool caller_lives = call.parent == kNone || (calls_[call.parent].generation == call.parent_generation &&
                                                     calls_[call.parent].state == State::kInPod);
  if (!usable || --connection.uses_left == 0 || !caller_lives) return close(id);
  connection.next = pools_[call.pool];
  pools_[call.pool] = id;
}

void RequestModel::count_end(const Call& call) {
  Service& service = services_[index(routes_[call.route].call.service)];
  count_change(service);
  --service.counts.in_flight;
  service.latencies_ns += (now() - call.issued).ns;
}

void RequestModel::replied(std::uint32_t slot) {
  Call& call = calls_[slot];
  unlink_due(call);
  count_end(call);
  Service& service = services_[index(routes_[call.route].call.service)];
  const bool served = call.outcome == kServed;
  if (served) {
    ++service.counts.served;
    service.latency.record(now() - call.issued);
  } else {
    ++service.counts.failed[call.outcome];
  }
  // A full line and a failed dependency are answers like any other, and leave the connection as it is.
  disconnect(call, served || call.outcome == static_cast<std::uint8_t>(RequestFailure::kOverflow) ||
                       call.outcome == static_cast<std::uint8_t>(RequestFailure::kDependency));
  over(slot, false);
}

void RequestModel::watch(std::uint32_t route) {
  Due& due = due_[route];
  if (due.watched) return;
  due.watched = true;
  engine_.schedule(now() + routes_[route].call.timeout, kPhaseChange, event(route, 0, kTimeout));
}

void RequestModel::unlink_due(Call& call) {
  if (!call.due) return;
  call.due = false;
  Due& due = due_[call.route];
  (call.due_prev == kNone ? due.head : calls_[call.due_prev].due_next) = call.due_next;
  (call.due_next == kNone ? due.tail : calls_[call.due_next].due_prev) = call.due_prev;
  call.due_prev = call.due_next = kNone;
}

void RequestModel::time_out(std::uint32_t route) {
  Due& due = due_[route];
  due.watched = false;
  const Duration timeout = routes_[route].call.timeout;
  while (due.head != kNone && calls_[due.head].issued + timeout <= now()) {
    const std::uint32_t slot = due.head;
    Call& call = calls_[slot];
    unlink_due(call);
    count_end(call);
    ++services_[index(routes_[route].call.service)].counts.timed_out;
    disconnect(call, false);
    over(slot, true);
  }
  if (due.head == kNone || due.watched) return;
  due.watched = true;
  engine_.schedule(calls_[due.head].issued + timeout, kPhaseChange, event(route, 0, kTimeout));
}

bool RequestModel::retry(std::uint32_t route) {
  if (due_[route].purse < 1) return false;
  --due_[route].purse;
  return true;
}

// An attempt is over for its caller: another one, or the caller goes on. The pod may still be at it (timed out).
void RequestModel::over(std::uint32_t slot, bool timed_out) {
  const bool served = !timed_out && calls_[slot].outcome == kServed;
  const std::uint32_t route = calls_[slot].route;
  const CallSpec& spec = routes_[route].call;
  const std::uint32_t parent = calls_[slot].parent;
  const std::uint32_t parent_generation = calls_[slot].parent_generation;
  const bool wanted =
      parent == kNone || (calls_[parent].generation == parent_generation && calls_[parent].state == State::kInPod);
  if (!served && wanted && calls_[slot].attempt < spec.retries && retry(route)) {
    const std::uint32_t again = take_call();
    Call& next = calls_[again];
    const Call& last = calls_[slot];
    next.started = last.started;
    next.route = route;
    next.parent = parent;
    next.parent_generation = parent_generation;
    next.client = last.client;
    next.pool = last.pool;
    next.attempt = static_cast<std::uint16_t>(last.attempt + 1);
    next.state = State::kRetrying;
    const Duration backoff = spec.backoff * (std::int64_t{1} << std::min<int>(last.attempt, 20));
    engine_.schedule(now() + backoff, kPhaseChange, event(again, next.generation, kRetry));
  } else if (parent != kNone) {
    if (wanted) child_over(parent, parent_generation, served, spec.optional);
  } else {
    Source& source = source_state_[routes_[route].source];
    --source.counts.in_flight;
    const Call& call = calls_[slot];
    if (served) {
      ++source.counts.served;
      source.latency.record(now() - call.started);
    } else if (timed_out) {
      ++source.counts.timed_out;
    } else {
      ++source.counts.failed[call.outcome];
    }
    if (listener_ != nullptr) {
      listener_->request_finished({static_cast<SourceId>(routes_[route].source), served, timed_out,
                                   served || timed_out ? RequestFailure{} : static_cast<RequestFailure>(call.outcome),
                                   call.started});
    }
  }
  Call& call = calls_[slot];
  if (timed_out && (call.state == State::kTravelling || call.state == State::kInPod)) {
    call.abandoned = true;  // Nobody tells the pod.
  } else {
    free_call(slot);  // An answer on its way finds nobody; events of its own are stale from now on.
  }
}

// ---- in the pod ----------------------------------------------------------------------------------------------------

void RequestModel::reach_pod(std::uint32_t slot) {
  Call& call = calls_[slot];
  Pod& pod = running_[call.pod];
  const PodInfo& info = pods_[call.pod];
  const bool same = info.generation == call.pod_generation;
  if (same && !nodes_[index(info.node)].present) return hang(slot);
  if (!same || !pod.alive || pod.closed) {
    return answer(slot, static_cast<std::uint8_t>(RequestFailure::kRefused));
  }
  const std::uint32_t s = static_cast<std::uint32_t>(routes_[call.route].call.service);
  ++pod.requests;
  if (pod.server->held() >= pod.concurrency && pod.server->waiting() >= work_[pod.service].queue_limit) {
    return answer(slot, static_cast<std::uint8_t>(RequestFailure::kOverflow));
  }
  pod.concurrency_ns += static_cast<std::int64_t>(pod.count) * (now() - pod.at).ns;
  pod.at = now();
  ++pod.count;
  call.state = State::kInPod;
  call.entered = now();
  call.holds = true;
  call.pod_prev = kNone;
  call.pod_next = pod.head;
  if (pod.head != kNone) calls_[pod.head].pod_prev = slot;
  pod.head = slot;
  pod.server->add(slot, work_[s].demand.sample(services_[s].rng) * 1e9, now());
  plan(call.pod);
}

void RequestModel::plan(std::uint32_t p) {
  Pod& pod = running_[p];
  const Time next = pod.server->next();
  // Later than planned: the event in place looks again when it comes. So slowing down costs nothing.
  if (next >= pod.planned) return;
  pod.planned = std::max(next, now());
  engine_.schedule(pod.planned, kPhaseLeave, event(p, ++pod.event, kCpuDone));
}

void RequestModel::cpu_done(std::uint32_t p) {
  running_[p].planned = kNever;
  while (true) {
    Pod& pod = running_[p];
    const std::uint32_t slot = pod.server->finished(now());
    if (slot == PodServer::kNone) break;
    Call& call = calls_[slot];
    const ServiceWork& work = work_[static_cast<std::size_t>(routes_[call.route].call.service)];
    if (work.groups.empty()) {
      respond(slot, kServed);
      continue;
    }
    if (!work.blocking) {
      call.holds = false;
      pod.server->release(now());
    }
    begin_group(slot);
  }
  plan(p);
}

// Issues the calls of the next group that has any; the response if there is none.
void RequestModel::begin_group(std::uint32_t slot) {
  const auto service = static_cast<std::uint32_t>(routes_[calls_[slot].route].call.service);
  const Groups& groups = groups_[service];
  Rng& rng = services_[service].rng;
  while (calls_[slot].group < groups.count()) {
    const std::size_t group = calls_[slot].group++;
    for (std::uint32_t r = groups.begin[group]; r < groups.begin[group + 1]; ++r) {
      const CallSpec& spec = routes_[r].call;
      for (std::uint32_t i = 0; i < spec.count; ++i) {
        if (spec.probability < 1 && !bernoulli(rng, spec.probability)) continue;
        const std::uint32_t child = take_call();  // May move the table: no references across.
        Call& call = calls_[child];
        call.started = now();
        call.route = r;
        call.parent = slot;
        call.parent_generation = calls_[slot].generation;
        call.client = pods_[calls_[slot].pod].node;
        if (spec.requests_per_connection > 1) {
          auto& pools = running_[calls_[slot].pod].pools;
          auto it = std::ranges::find(pools, r, &std::pair<std::uint32_t, std::uint32_t>::first);
          if (it == pools.end()) {
            pools.emplace_back(r, static_cast<std::uint32_t>(pools_.size()));
            pools_.push_back(kNone);
            it = pools.end() - 1;
          }
          call.pool = it->second;
        }
        ++calls_[slot].open;
        issue(child);
      }
    }
    if (calls_[slot].open > 0) return;
  }
  respond(slot, kServed);
}

void RequestModel::child_over(std::uint32_t parent, std::uint32_t, bool served, bool optional) {
  Call& call = calls_[parent];
  if (!served && !optional) call.failed = true;
  if (--call.open > 0) return;
  const std::uint32_t pod = call.pod;
  if (call.failed) {
    respond(parent, static_cast<std::uint8_t>(RequestFailure::kDependency));
  } else {
    begin_group(parent);
  }
  plan(pod);
}

void RequestModel::leave_pod(Call& call) {
  Pod& pod = running_[call.pod];
  (call.pod_prev == kNone ? pod.head : calls_[call.pod_prev].pod_next) = call.pod_next;
  if (call.pod_next != kNone) calls_[call.pod_next].pod_prev = call.pod_prev;
  pod.concurrency_ns += static_cast<std::int64_t>(pod.count) * (now() - pod.at).ns;
  pod.at = now();
  --pod.count;
  pod.sojourns_ns += (now() - call.entered).ns;
}

// The pod is through with it. Whoever calls this plans the pod's next event.
void RequestModel::respond(std::uint32_t slot, std::uint8_t outcome) {
  Call& call = calls_[slot];
  leave_pod(call);
  if (call.holds) running_[call.pod].server->release(now());
  answer(slot, outcome);
}

void RequestModel::answer(std::uint32_t slot, std::uint8_t outcome) {
  Call& call = calls_[slot];
  if (call.abandoned) return free_call(slot);
  call.state = State::kReturning;
  call.outcome = outcome;
  const Duration back = travel(call, outcome == kServed ? routes_[call.route].call.response_bytes : 0);
  engine_.schedule(now() + back, kPhaseChange, event(slot, call.generation, kReplied));
}

// ---- pods ----------------------------------------------------------------------------------------------------------

void RequestModel::on_pod_added(std::uint32_t slot, const TrafficPod& pod) {
  if (slot >= running_.size()) running_.resize(slot + std::size_t{1});
  Pod& p = running_[slot];
  BERTH_CHECK(p.count == 0 && !pod.services.empty());
  p.service = static_cast<std::uint32_t>(pod.services[0]);
  p.server = make_server(work_[p.service].discipline, pod.concurrency, pod.cpu_milli, now());
  p.concurrency = pod.concurrency;
  p.alive = true;
  p.closed = false;
  p.requests = 0;
  p.at = now();
  p.concurrency_ns = p.sojourns_ns = 0;
  p.planned = kNever;
  ++p.event;
  for (auto& [route, pool] : p.pools) BERTH_CHECK(pools_[pool] == kNone);
}

void RequestModel::pod_closed(std::uint32_t ref) {
  running_[slot(ref)].closed = true;
}

void RequestModel::pod_stopped(std::uint32_t ref) {
  const std::uint32_t p = slot(ref);
  Pod& pod = running_[p];
  if (!pod.alive) return;
  pod.alive = false;
  pod.server->clear(now());
  ++pod.event;
  pod.planned = kNever;
  const bool silent = !nodes_[index(pods_[p].node)].present;
  while (pod.head != kNone) {
    const std::uint32_t slot = pod.head;
    leave_pod(calls_[slot]);
    if (silent) {
      hang(slot);
    } else {
      answer(slot, static_cast<std::uint8_t>(RequestFailure::kReset));
    }
  }
  close_pools(pod);
}

void RequestModel::close_pools(Pod& pod) {
  for (auto& [route, pool] : pod.pools) {
    while (pools_[pool] != kNone) {
      const std::uint32_t id = pools_[pool];
      pools_[pool] = connections_[id].next;
      close(id);
    }
  }
}

void RequestModel::pod_restarted(std::uint32_t ref) {
  Pod& pod = running_[slot(ref)];
  BERTH_CHECK(!pod.alive);
  pod.alive = true;
  pod.closed = false;
}

void RequestModel::pod_cpu(std::uint32_t ref, std::int64_t cpu_milli) {
  running_[slot(ref)].server->set_cpu(cpu_milli, now());
  plan(slot(ref));
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

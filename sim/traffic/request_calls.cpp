// RequestModel: an attempt from its caller's side: connection, way, time-out, answer, and what follows from it.
#include <algorithm>

#include "sim/traffic/request_model.hpp"

namespace berth {

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
  const std::uint32_t activator = activator_of_[index(spec.service)];
  if (in_path(activator)) return ask_activator(slot, activator);
  const bool reused = !connect(call);
  if (call.state == State::kHanging) return hang(slot);
  if (!call.connected && activator != kNone) return ask_activator(slot, activator);
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
  leave_activator(call);
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
    if (call.state == State::kHeld) unhold(slot);
    leave_activator(call);
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

}  // namespace berth

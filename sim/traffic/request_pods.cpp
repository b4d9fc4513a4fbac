// RequestModel: an attempt in its pod, and pods that come and go.
#include <algorithm>

#include "sim/engine/error.hpp"
#include "sim/traffic/request_model.hpp"

namespace berth {

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
  // What an activator hands on finds room: a queue-proxy lets go of those whose callers have given up.
  if (call.place == kNone && pod.server->held() >= pod.concurrency && pod.server->waiting() >= pod.queue_limit) {
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
    if (!work.blocking && pods_[p].activator == kNone) {  // A queue-proxy counts them until they are answered.
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
  p.queue_limit = std::min(work_[p.service].queue_limit, pod.queue_limit);
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

}  // namespace berth

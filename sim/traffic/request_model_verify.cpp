// RequestModel::verify(): every count, list and integral from the slots themselves.
#include <vector>

#include "sim/traffic/request_model.hpp"

namespace berth {

std::string RequestModel::verify_call(std::uint32_t slot, std::vector<std::uint64_t>& in_flight,
                                      std::vector<std::uint64_t>& roots) const {
  const Call& call = calls_[slot];
  if (call.state == State::kFree) return {};
  const Route& route = routes_[call.route];
  const auto service = static_cast<std::uint32_t>(route.call.service);
  if (!call.abandoned && call.state != State::kRetrying) ++in_flight[service];
  if (!call.abandoned && route.source != kNone) ++roots[route.source];
  const bool waits = !call.abandoned && call.state != State::kRetrying && route.call.timeout != kForever;
  if (call.due != waits) return "a call is (not) in the list of deadlines";
  if (call.abandoned && call.connected) return "an abandoned call keeps its connection";
  if (call.state == State::kInPod && call.pod_generation != pods_[call.pod].generation) {
    return "a call is in a pod that is not there";
  }
  return {};
}

std::string RequestModel::verify() {
  const auto at = [](const char* what, std::size_t i) { return std::string(what) + " " + std::to_string(i) + ": "; };
  std::vector<std::uint64_t> in_flight(services_.size());
  std::vector<std::uint64_t> roots(source_state_.size());
  std::vector<std::int64_t> ages(services_.size());
  std::size_t used = 0;
  for (std::uint32_t slot = 0; slot < calls_.size(); ++slot) {
    const Call& call = calls_[slot];
    used += call.state == State::kFree ? 0 : 1;
    if (const std::string wrong = verify_call(slot, in_flight, roots); !wrong.empty()) return at("call", slot) + wrong;
    if (call.state != State::kFree && call.state != State::kRetrying && !call.abandoned) {
      ages[index(routes_[call.route].call.service)] += (now() - call.issued).ns;
    }
  }
  if (used + free_calls_.size() != calls_.size()) return "slots used and free are not all slots";

  for (std::size_t s = 0; s < services_.size(); ++s) {
    const Service& service = services_[s];
    const TrafficCounts& c = service.counts;
    if (c.in_flight != in_flight[s]) return at("service", s) + "in flight is not what the slots say";
    if (c.issued != c.served + c.all_failed() + c.timed_out + c.in_flight)
      return at("service", s) + "requests are lost";
    if (service.latency.count() != c.served) return at("service", s) + "the histogram has not all that was served";
    const std::int64_t integral =
        service.in_flight_ns + static_cast<std::int64_t>(c.in_flight) * (now() - service.at).ns;
    if (integral != service.latencies_ns + ages[s]) return at("service", s) + "Little's law does not hold";
  }
  for (std::size_t s = 0; s < source_state_.size(); ++s) {
    const TrafficCounts& c = source_state_[s].counts;
    if (c.in_flight != roots[s]) return at("source", s) + "in flight is not what the slots say";
    if (c.issued != c.served + c.all_failed() + c.timed_out + c.in_flight) return at("source", s) + "requests are lost";
  }
  for (std::size_t p = 0; p < running_.size(); ++p) {
    const Pod& pod = running_[p];
    std::uint32_t count = 0;
    std::uint32_t holding = 0;
    std::int64_t spent = pod.sojourns_ns;
    for (std::uint32_t slot = pod.head; slot != kNone; slot = calls_[slot].pod_next) {
      const Call& call = calls_[slot];
      if (call.state != State::kInPod || call.pod != p)
        return at("pod", p) + "has a call in its list that is elsewhere";
      ++count;
      holding += call.holds ? 1 : 0;
      spent += (now() - call.entered).ns;
    }
    if (count != pod.count) return at("pod", p) + "counts not what is in its list";
    if (pod.concurrency_ns + static_cast<std::int64_t>(pod.count) * (now() - pod.at).ns != spent) {
      return at("pod", p) + "Little's law does not hold";
    }
    if (pod.server && holding != pod.server->held() + pod.server->waiting()) {
      return at("pod", p) + "places held are not what the server says";
    }
    if (!pod.alive && pod.count > 0) return at("pod", p) + "is gone, with calls in it";
  }
  for (std::uint32_t i = 0; i < held_.size(); ++i) {
    if (const std::string wrong = verify_held(i); !wrong.empty()) return at("activator", i) + wrong;
  }
  for (std::size_t r = 0; r < due_.size(); ++r) {
    Time last{};
    for (std::uint32_t slot = due_[r].head; slot != kNone; slot = calls_[slot].due_next) {
      if (!calls_[slot].due || calls_[slot].route != r || calls_[slot].issued < last) {
        return at("route", r) + "the list of deadlines is wrong";
      }
      last = calls_[slot].issued;
    }
    if (due_[r].head != kNone && !due_[r].watched) return at("route", r) + "nobody watches the deadlines";
  }
  return {};
}

}  // namespace berth

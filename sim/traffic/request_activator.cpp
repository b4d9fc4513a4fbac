// RequestModel: requests that go through an activator. Held ones stand in a list in order of arrival, threaded through
// the calls; while there are any, no pod has room.
#include "sim/engine/error.hpp"
#include "sim/traffic/request_model.hpp"

namespace berth {

namespace {

constexpr std::uint32_t kActivatorStream = 0x4000'0000;  // Apart from Services and nodes.

}  // namespace

void RequestModel::on_activate() {
  const auto id = static_cast<std::uint32_t>(held_.size());
  held_.push_back({Activator(activators_[id].concurrency,
                             Rng(seed_, replication_, id | kActivatorStream, Purpose::kEndpointChoice)),
                   kNone, kNone, 0, now(), 0, 0});
}

void RequestModel::activator_sees(std::uint32_t slot, bool ready) {
  sights_.push({pods_[slot].activator, slot, pods_[slot].generation, ready});
  engine_.schedule(now() + sight_delay(), kPhaseChange, event(0, 0, kActivatorSees));
}

void RequestModel::next_sight() {
  const Sight sight = sights_.pop();
  Activator& activator = held_[sight.activator].activator;
  if (!sight.ready) return activator.gone(sight.pod, sight.generation);
  activator.ready(sight.pod, sight.generation);
  // After the other pods of this instant: one EndpointSlice tells of them together.
  engine_.schedule(now(), kPhaseChange, event(sight.activator, 0, kHandOn));
}

void RequestModel::ask_activator(std::uint32_t slot, std::uint32_t a) {
  Held& held = held_[a];
  if (held.count == 0) {
    if (const std::uint32_t place = held.activator.take(); place != Activator::kNone) return hand_on(slot, a, place);
  }
  Call& call = calls_[slot];
  call.state = State::kHeld;
  call.entered = now();
  count_held(held);
  ++held.count;
  call.pod_prev = held.tail;
  call.pod_next = kNone;
  (held.tail == kNone ? held.head : calls_[held.tail].pod_next) = slot;
  held.tail = slot;
  if (held.count == 1 && !held.activator.any_ready() && activator_listener_ != nullptr) {
    activator_listener_->request_held(static_cast<ActivatorId>(a));
  }
}

// Connections end at the activator, which keeps its own to the pods: they are not the caller's to keep.
void RequestModel::hand_on(std::uint32_t slot, std::uint32_t a, std::uint32_t place) {
  Call& call = calls_[slot];
  const CallSpec& spec = routes_[call.route].call;
  call.place = place;
  call.pod = held_[a].activator.place(place).pod;
  call.pod_generation = held_[a].activator.place(place).generation;
  call.state = State::kTravelling;
  Duration there = travel(call, spec.request_bytes);
  if (spec.requests_per_connection == 1) there += travel(call, 0) * 2;
  engine_.schedule(now() + there, kPhaseChange, event(slot, call.generation, kAtPod));
}

void RequestModel::hand_on_held(std::uint32_t a) {
  Held& held = held_[a];
  while (held.head != kNone) {
    const std::uint32_t place = held.activator.take();
    if (place == Activator::kNone) return;
    const std::uint32_t slot = held.head;
    unhold(slot);
    hand_on(slot, a, place);
  }
}

void RequestModel::unhold(std::uint32_t slot) {
  Call& call = calls_[slot];
  Held& held = held_[activator_of_[index(routes_[call.route].call.service)]];
  count_held(held);
  --held.count;
  held.waits_ns += (now() - call.entered).ns;
  (call.pod_prev == kNone ? held.head : calls_[call.pod_prev].pod_next) = call.pod_next;
  (call.pod_next == kNone ? held.tail : calls_[call.pod_next].pod_prev) = call.pod_prev;
  call.pod_prev = call.pod_next = kNone;
}

void RequestModel::count_held(Held& held) {
  held.held_ns += static_cast<std::int64_t>(held.count) * (now() - held.at).ns;
  held.at = now();
}

// The caller has its answer, or has given up: the next one may go.
void RequestModel::leave_activator(Call& call) {
  if (call.place == kNone) return;
  const std::uint32_t a = activator_of_[index(routes_[call.route].call.service)];
  held_[a].activator.give_back(std::exchange(call.place, kNone));
  hand_on_held(a);
}

std::int64_t RequestModel::held_ns(ActivatorId activator) {
  Held& held = held_[index(activator)];
  count_held(held);
  return held.held_ns;
}

std::string RequestModel::verify_held(std::uint32_t a) const {
  const Held& held = held_[a];
  std::uint64_t handed_on = 0;
  std::uint32_t count = 0;
  for (const Call& call : calls_) {
    if (call.state == State::kFree || activator_of_[index(routes_[call.route].call.service)] != a) continue;
    handed_on += call.place != kNone ? 1 : 0;
    count += call.state == State::kHeld ? 1 : 0;
  }
  std::int64_t spent = held.waits_ns;
  Time last{};
  for (std::uint32_t slot = held.head; slot != kNone; slot = calls_[slot].pod_next) {
    if (calls_[slot].state != State::kHeld || calls_[slot].entered < last) return "its queue is not in order";
    last = calls_[slot].entered;
    spent += (now() - last).ns;
    --count;
  }
  if (count != 0) return "not all that is held is in its queue";
  if (held.count > 0 && held.activator.has_room()) return "requests wait though a pod has room";
  if (held.held_ns + static_cast<std::int64_t>(held.count) * (now() - held.at).ns != spent) {
    return "Little's law does not hold";
  }
  return held.activator.verify(handed_on);
}

}  // namespace berth

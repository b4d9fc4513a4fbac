// Knative's activator before the pods of one workload: which pods are ready as it sees them, how many requests each has
// from it, and who gets the next one. Whoever gets none waits with the traffic model, in order of arrival.
// Source: knative/serving pkg/activator/net/throttler.go and lb_policy.go: without a limit the freer of two pods drawn;
// with a limit up to 3 the first that has room; above it, each in turn. The queue of a revision holds 10,000 requests
// and 2^31 - 1 there, so here it has no bound. Simplified: one activator, with all pods to itself; it knows no node, so
// a request goes from its caller straight to the pod.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/engine/rng.hpp"

namespace berth {

class Activator {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  // Requests beyond containerConcurrency that wait in a pod before its queue-proxy answers 503, for each of the limit.
  // Source: knative/serving pkg/queue/sharedmain, buildBreaker.
  static constexpr std::uint32_t kQueueProxyDepth = 10;
  static constexpr std::uint32_t kFirstAvailable =
      3;  // Up to this limit the first pod with room, above it each in turn.

  // A pod, as long as it is ready or has requests. Numbers of places are used again.
  struct Place {
    std::uint32_t pod = kNone;
    std::uint32_t generation = 0;
    std::uint32_t in_flight = 0;
    bool ready = false;
  };

  // `concurrency`: containerConcurrency, requests that a pod gets at a time; 0: no limit.
  Activator(std::uint32_t concurrency, const Rng& rng) : concurrency_(concurrency), rng_(rng) {}

  // A pod is ready, or is no longer. O(places).
  void ready(std::uint32_t pod, std::uint32_t generation);
  void gone(std::uint32_t pod, std::uint32_t generation);
  bool any_ready() const { return !ready_.empty(); }

  // Room for a request in a ready pod: the number of its place; kNone if there is none. O(1) without a limit, else
  // O(places / 64).
  std::uint32_t take();
  void give_back(std::uint32_t place);
  const Place& place(std::uint32_t number) const { return places_[number]; }
  bool has_room() const { return concurrency_ == 0 ? any_ready() : room_count_ > 0; }
  // Recounts; empty, or what does not add up. `in_flight`: requests that were handed on and are not over.
  std::string verify(std::uint64_t in_flight) const;

 private:
  std::uint32_t find(std::uint32_t pod, std::uint32_t generation) const;
  std::uint32_t next_with_room(std::uint32_t from) const;
  void set_room(std::uint32_t number);
  void free_if_empty(std::uint32_t number);

  std::uint32_t concurrency_;
  Rng rng_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> ready_;  // Places, in the order in which they became ready.
  // With a limit: a bit for each place that has room.
  std::vector<std::uint64_t> room_;
  std::uint32_t room_count_ = 0;
  std::uint32_t turn_ = 0;
};

}  // namespace berth

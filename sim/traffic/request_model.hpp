// Traffic request by request: every attempt travels, waits, is worked on, calls others and is answered, as events.
// About six events a call (there, CPU, back, and what the caller's other calls make of it); nothing is allocated per
// request once the tables have grown to the largest number in flight. Timeouts cost no event of their own: the attempts
// of one route stand in a list in order of their deadlines, and one event watches its head.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine/rng.hpp"
#include "sim/traffic/activator.hpp"
#include "sim/traffic/pod_server.hpp"
#include "sim/traffic/traffic_model.hpp"

namespace berth {

class RequestModel final : public TrafficModel {
 public:
  RequestModel(Engine<Event>& engine, const Topology& topology, const ProxyParams& params, std::uint64_t seed,
               std::uint32_t replication);

  void pod_closed(std::uint32_t ref) override;
  void pod_stopped(std::uint32_t ref) override;
  void pod_restarted(std::uint32_t ref) override;
  void pod_cpu(std::uint32_t ref, std::int64_t cpu_milli) override;
  void handle(const Event& event) override;

  PodUsage usage(std::uint32_t ref) override;
  TrafficCounts counts(ServiceId service) override { return services_[index(service)].counts; }
  TrafficCounts counts(SourceId source) override { return source_state_[index(source)].counts; }
  const LatencyHistogram& latency(ServiceId service) override { return services_[index(service)].latency; }
  const LatencyHistogram& latency(SourceId source) override { return source_state_[index(source)].latency; }
  std::int64_t held_ns(ActivatorId activator) override;
  // Counts of every Service and source, places and lists, and Little's law, exactly: the integral of the number in each
  // pod (in flight to each Service) is the sum of the times spent there. O(slots + pods).
  std::string verify() override;

  std::size_t slots() const { return calls_.size(); }  // The most that were there at once.

 private:
  enum Detail : std::uint16_t { kArrived, kAtPod, kCpuDone, kReplied, kRetry, kTimeout, kActivatorSees, kHandOn };
  enum class State : std::uint8_t { kFree, kRetrying, kHeld, kTravelling, kHanging, kInPod, kReturning };
  static constexpr std::uint8_t kServed = 0xFF;  // Of Call::outcome; else a RequestFailure.
  static constexpr double kPurse = 100;          // Most that a retry budget saves up,
  static constexpr double kPurseAtFirst = 10;

  // One attempt of one call. Links are slots.
  struct Call {
    Time started;  // The first attempt's issue.
    Time issued;
    Time entered;  // The pod.
    std::uint32_t generation = 0;
    std::uint32_t route = 0;
    std::uint32_t parent = kNone;  // kNone: a source's.
    std::uint32_t parent_generation = 0;
    std::uint32_t pod = kNone;
    std::uint32_t pod_generation = 0;
    NodeId client = kNoNode;
    std::uint32_t pool = kNone;        // Where the connection goes back to.
    std::uint32_t connection = kNone;  // kNone: one of its own, or none.
    std::uint32_t place = kNone;       // The activator's, if that one handed it on.
    std::uint32_t pod_prev = kNone;    // In its pod's list, or in its activator's.
    std::uint32_t pod_next = kNone;
    std::uint32_t due_prev = kNone;
    std::uint32_t due_next = kNone;
    std::uint32_t open = 0;  // Calls of the present group that are not over.
    std::uint16_t group = 0;
    std::uint16_t attempt = 0;
    State state = State::kFree;
    std::uint8_t outcome = kServed;
    bool abandoned = false;  // The caller has given up.
    bool failed = false;     // A call that it needs has.
    bool due = false;        // In its route's list.
    bool connected = false;  // Has a connection that must be closed or given back.
    bool holds = false;      // A place of the pod's.
  };
  struct Due {  // Attempts of a route with a timeout, oldest first.
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
    bool watched = false;
    double purse = kPurseAtFirst;
  };
  struct Connection {
    Endpoint endpoint;
    NodeId client = kNoNode;
    std::uint32_t service = 0;
    std::uint32_t uses_left = 0;
    std::uint32_t next = kNone;
  };
  struct Pod {
    std::unique_ptr<PodServer> server;
    std::uint32_t service = kNone;  // Its first: whose discipline and limit it has.
    std::uint32_t event = 0;        // Version of its CPU event; others are stale.
    Time planned = kNever;          // When that one comes.
    std::uint32_t head = kNone;     // Calls in it.
    std::uint32_t count = 0;
    std::uint32_t concurrency = 0;
    std::uint32_t queue_limit = 0;
    bool alive = false;
    bool closed = false;
    std::uint64_t requests = 0;
    Time at;  // Of concurrency_ns.
    std::int64_t concurrency_ns = 0;
    std::int64_t sojourns_ns = 0;                                // Of those that have left.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pools;  // (route, pool), for calls that keep connections.
  };
  struct Service {
    Rng rng;
    TrafficCounts counts;
    LatencyHistogram latency;
    Time at;
    std::int64_t in_flight_ns = 0;
    std::int64_t latencies_ns = 0;  // Of all that are over, however they ended.
  };
  struct Source {
    Rng rng;
    std::vector<Time> batch;
    std::size_t next = 0;
    std::size_t filled = 0;
    std::uint32_t turn = 0;
    std::vector<std::uint32_t> pools;  // By position in SourceSpec::nodes.
    TrafficCounts counts;
    LatencyHistogram latency;
  };

  // Requests held by an activator, oldest first.
  struct Held {
    Activator activator;
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
    std::uint32_t count = 0;
    Time at;  // Of held_ns.
    std::int64_t held_ns = 0;
    std::int64_t waits_ns = 0;  // Of those that are held no more.
  };
  struct Sight {
    std::uint32_t activator = kNone;
    std::uint32_t pod = kNone;
    std::uint32_t generation = 0;
    bool ready = false;
  };

  void on_start() override;
  void on_pod_added(std::uint32_t slot, const TrafficPod& pod) override;

  void on_activate() override;
  void activator_sees(std::uint32_t slot, bool ready) override;

  void arrive(std::uint32_t source);
  void next_arrival(std::uint32_t source);
  std::uint32_t take_call();
  void free_call(std::uint32_t slot);
  void issue(std::uint32_t slot);
  bool connect(Call& call);
  void ask_activator(std::uint32_t slot, std::uint32_t activator);
  void hand_on(std::uint32_t slot, std::uint32_t activator, std::uint32_t place);
  void hand_on_held(std::uint32_t activator);
  void unhold(std::uint32_t slot);
  void count_held(Held& held);
  void leave_activator(Call& call);
  void next_sight();
  void hang(std::uint32_t slot);
  void reach_pod(std::uint32_t slot);
  void cpu_done(std::uint32_t pod);
  void begin_group(std::uint32_t slot);
  void respond(std::uint32_t slot, std::uint8_t outcome);
  void answer(std::uint32_t slot, std::uint8_t outcome);
  void leave_pod(Call& call);
  void replied(std::uint32_t slot);
  void time_out(std::uint32_t route);
  bool retry(std::uint32_t route);
  void over(std::uint32_t slot, bool timed_out);
  void child_over(std::uint32_t parent, std::uint32_t generation, bool served, bool optional);
  void count_end(const Call& call);
  void count_change(Service& service);
  void watch(std::uint32_t route);
  void unlink_due(Call& call);
  void disconnect(Call& call, bool usable);
  void close(std::uint32_t connection);
  void close_pools(Pod& pod);
  void plan(std::uint32_t pod);
  Duration travel(const Call& call, std::int64_t bytes) const;
  Event event(std::uint32_t subject, std::uint32_t generation, Detail detail) const {
    return {subject, generation, EventKind::kTrafficEvent, static_cast<std::uint16_t>(detail)};
  }
  std::string verify_call(std::uint32_t slot, std::vector<std::uint64_t>& in_flight,
                          std::vector<std::uint64_t>& roots) const;
  std::string verify_held(std::uint32_t activator) const;

  std::vector<Call> calls_;
  std::vector<std::uint32_t> free_calls_;
  std::vector<Due> due_;  // By route.
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> free_connections_;
  std::vector<std::uint32_t> pools_;  // Newest idle connection, by pool.
  std::vector<Pod> running_;          // By slot, beside pods_.
  std::vector<Service> services_;
  std::vector<Source> source_state_;
  std::vector<Held> held_;     // By activator.
  WaitingLine<Sight> sights_;  // Under way to activators; all take the same time.
};

}  // namespace berth

// Traffic as rates: per interval, what flows from sources through the call graph to pods, how busy they are, and how
// long answers take by queueing formulas (queue_formulas.hpp). No event, no draw but those of a source's own rate, and
// no cost between two looks: everything is worked out when it is asked for, or before the cluster changes.
//
// What it takes for granted: requests come to a pod as a Poisson process (random choice of many), rates change slowly
// against the time that a queue needs to settle, and waits at different Services are independent. Where that fails,
// docs/traffic.md says so, with numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/traffic/held_backlog.hpp"
#include "sim/traffic/queue_formulas.hpp"
#include "sim/traffic/traffic_model.hpp"

namespace berth {

struct FluidParams {
  Duration interval = seconds(10);
  // As long as a change may be under way to some node's rules.
  Duration change_interval = milliseconds(100);
};

class FluidModel final : public TrafficModel {
 public:
  FluidModel(Engine<Event>& engine, const Topology& topology, const ProxyParams& params, const FluidParams& fluid,
             std::uint64_t seed, std::uint32_t replication);

  void pod_closed(std::uint32_t ref) override;
  void pod_stopped(std::uint32_t ref) override;
  void pod_restarted(std::uint32_t ref) override;
  void pod_cpu(std::uint32_t ref, std::int64_t cpu_milli) override;
  void handle(const Event&) override {}

  // Counts are rounded; in_flight of a Service: what is in its pods or held, of a source: what is held.
  PodUsage usage(std::uint32_t ref) override;
  TrafficCounts counts(ServiceId service) override;
  TrafficCounts counts(SourceId source) override;
  const LatencyHistogram& latency(ServiceId service) override;
  const LatencyHistogram& latency(SourceId source) override;
  std::int64_t held_ns(ActivatorId activator) override;
  // Up to rounding of sums: 1e-6 of what was issued.
  std::string verify() override;

  // Of the last interval: how busy the pods of a Service are (1 = all their CPU), and the mean response time, s.
  double utilisation(ServiceId service);
  double mean_response(ServiceId service);

 private:
  struct Pod {
    bool alive = false;
    bool closed = false;
    double cores = 1;
    double concurrency = 0;
    std::uint32_t queue_limit = 0;
    double cpu_s = 0;
    double concurrency_s = 0;
    double requests = 0;
    struct Part {
      double inside = 0;  // Requests in it, without those that only wait for calls.
      double load = 0;    // Cores, in the last step.
    };
    std::vector<Part> parts;  // By its Services.
  };
  struct Share {
    std::uint32_t pod = 0;  // kNone: one that is no more.
    std::uint32_t generation = 0;
    double share = 0;
  };
  struct Counts {
    double issued = 0;
    double served = 0;
    std::array<double, kRequestFailures> failed{};
    double timed_out = 0;
    double retries = 0;
  };
  struct Latencies {
    LatencyHistogram histogram;
    double rest = 0;  // Of a request, not yet recorded.
    std::size_t turn = 0;
  };
  struct RouteState {
    double rate = 0;      // First attempts per second,
    double attempts = 1;  // and how many each of them becomes.
    double part = 0;      // Of what leaves the Service's pods.
    double rejected = 0;  // Shares of attempts.
    double dropped = 0;
    double travel = 0;     // Mean, there and back, with a new connection's share of its handshake; seconds.
    double failure = 0;    // Of an attempt, for whatever reason; of the last step.
    double timed_out = 0;  // Part of it.
    std::array<double, kRequestFailures> why{};  // The rest of it.
    Moments response;                            // Of the whole call, with retries; beside it, travel:
    double fixed = 0;
    // Behind an activator, attempts of the last step:
    double handed_on = 0;
    double expired = 0;  // Timed out while held.
    double over = 0;     // These, and dropped ones.
  };
  struct Service {
    Moments demand;
    std::vector<Share> shares;  // Of what is not rejected or dropped.
    double inside = 0;
    Counts counts;
    Latencies latencies;
    Moments local;          // In the pod, CPU and waiting.
    Moments below;          // Waiting for calls.
    double fixed = 0;       // Of these, travel: does not vary.
    double dependency = 0;  // Chance that a needed call fails.
    // Of the last step:
    double entering = 0;   // Attempts that found an endpoint,
    double refused = 0;    // of these: nobody listened,
    double dropped = 0;    // the node was gone,
    double overflow = 0;   // the line was full.
    double completed = 0;  // Left their pods.
    double load = 0;       // Cores, used
    double cores = 0;      // and there.
    // Behind an activator:
    HeldBacklog held;
    struct Steady {
      double rate = -1, cores = 0, concurrency = 0;
      Moments time;
    };
    Steady steady;        // The last answer of sojourn_gated(): pods are much alike.
    double returned = 0;  // Pods had no room, in the last step.
    double waited = 0;    // Seconds that those who are in pods now were held, together,
    double held_for = 0;  // each of those who left in the last step, in the mean,
    double held_new = 0;  // and each of those handed on; while nobody is, the longest so far.
  };
  struct Source {
    Counts counts;
    Latencies latencies;
    double held = 0;
  };
  struct Client {
    NodeId node = kNoNode;
    double weight = 0;
  };

  void on_start() override;
  void on_pod_added(std::uint32_t slot, const TrafficPod& pod) override;
  void on_activate() override { held_s_.push_back(0); }
  void before_change() override;
  void after_change() override;

  void advance(Time to);
  void step(Duration length);
  void plan(Time at);
  void plan_route(std::uint32_t route, Time at, std::span<const Client> clients, double weight);
  void clients_of(std::uint32_t route, Time at, std::vector<Client>& clients);
  ServiceTable::Usable usable(const Route& route, NodeId node, bool external, Time at);
  void flow(std::uint32_t service, double seconds);
  void hand_on(std::uint32_t service, double before, double seconds);
  void flow_pod(std::uint32_t service, const Share& share, double arrivals, double seconds);
  Moments sojourn_gated(std::uint32_t service, double rate, double cores, double concurrency, double below);
  Moments sojourn(std::uint32_t service, double rate, double cores, double concurrency, double& capacity);
  void respond(std::uint32_t service);
  void finish_route(std::uint32_t route, double seconds);
  void record(Latencies& latencies, double count, double fixed, Moments moments);
  TrafficCounts rounded(const Counts& counts, double in_flight) const;

  FluidParams fluid_;
  Time at_{};
  Time settled_{};             // No change is under way from then on.
  std::uint32_t planned_ = 0;  // Steps that the plan still serves.
  std::vector<Pod> state_;
  std::vector<RouteState> flows_;  // By route.
  std::vector<Service> services_;
  std::vector<Source> source_state_;
  std::vector<double> held_s_;                       // By activator: requests held, over time.
  std::vector<std::vector<std::uint32_t>> callers_;  // Routes to a Service.
  std::vector<double> of_node_;                      // Scratch, by node: weight of clients.
  std::vector<double> from_, to_;                    // Scratch, by location.
  std::vector<double> of_pod_;                       // Scratch, by pod,
  double gone_ = 0;                                  // and for pods that are no more.
};

}  // namespace berth

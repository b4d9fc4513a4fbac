// Traffic: requests from sources to Services, to pods, to further Services. One interface, two fidelities: every
// request as events (request_model.hpp), or rates and queueing formulas per interval (fluid_model.hpp). The cluster
// tells it by plain calls what becomes of nodes and pods; autoscalers read from it what pods use.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/engine/engine.hpp"
#include "sim/traffic/latency_histogram.hpp"
#include "sim/traffic/request_arrivals.hpp"
#include "sim/traffic/service_table.hpp"
#include "sim/traffic/topology.hpp"
#include "sim/traffic/traffic_spec.hpp"

namespace berth {

enum class SourceId : std::uint32_t {};
enum class ActivatorId : std::uint32_t {};

// Why an attempt got no answer, or 5xx. What took longer than the caller would wait is "timed out", and none of these.
enum class RequestFailure : std::uint8_t {
  kNoEndpoints,  // Nobody ready, nobody to fall back to: rejected by the node's own rules.
  kDropped,      // Policy Local and no endpoint here; or a node that is gone: nothing comes back until TCP gives up.
  kRefused,      // The endpoint was still in the rules, but nobody listens there any more.
  kReset,        // The process went away with the request in it.
  kOverflow,     // The pod's line is full: 503.
  kDependency,   // A call that it needed failed: 5xx.
};
inline constexpr std::size_t kRequestFailures = 6;
std::string_view to_string(RequestFailure reason);

struct TrafficCounts {
  std::uint64_t issued = 0;  // = served + all failed + timed_out + in_flight.
  std::uint64_t served = 0;
  std::array<std::uint64_t, kRequestFailures> failed{};
  std::uint64_t timed_out = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t retries = 0;  // Of a Service: of these issued; of a source: attempts behind the first.
  std::uint64_t all_failed() const;
};

// Integrals since the pod was added: whoever wants a rate over a window takes the difference of two reads.
struct PodUsage {
  std::int64_t cpu_core_ns = 0;
  std::int64_t concurrency_ns = 0;  // Requests in the pod, waiting ones too, over time.
  std::uint64_t requests = 0;       // That reached it.
};

struct TrafficNode {
  NodeId node{};
  LocationId location{};
  std::uint16_t zone = kNoZone;
  std::int64_t cpu_milli = 0;  // Allocatable, for topology-mode Auto.
  bool counts = true;          // For the same: ready, and not of the control plane.
};

struct TrafficPod {
  std::uint32_t ref = 0;  // The cluster's own number for it, small; may be used again once the pod is removed.
  std::span<const ServiceId> services;
  NodeId node{};
  std::int64_t cpu_milli = 1000;  // What it can use: its limit, or what the node leaves it. > 0.
  std::uint32_t concurrency = 0xFFFF'FFFF;
  std::uint32_t queue_limit = 0xFFFF'FFFF;  // Beside its Service's own; the lower one counts.
};

class TrafficListener {
 public:
  // A source's request is over, retries and all. `served`: else the reason of the last attempt, or none if that was
  // timed out.
  struct Finished {
    SourceId source{};
    bool served = false;
    bool timed_out = false;
    RequestFailure reason{};
    Time started{};
  };
  virtual void request_finished(const Finished& finished) = 0;

 protected:
  ~TrafficListener() = default;
};

class ActivatorListener {
 public:
  // A request is held, as the only one, and no pod is ready. Called while the model is at work: only take note.
  virtual void request_held(ActivatorId activator) = 0;

 protected:
  ~ActivatorListener() = default;
};

class TrafficModel {
 public:
  virtual ~TrafficModel() = default;
  TrafficModel(const TrafficModel&) = delete;
  TrafficModel& operator=(const TrafficModel&) = delete;

  // ---- what there is. Services in the order of their numbers; a Service may be called before it is added, but start()
  // wants all of them. Throws InputError if calls go round in a circle.
  ServiceId add_service(const ServicePolicy& policy, const ServiceWork& work);
  SourceId add_source(const SourceSpec& source, std::unique_ptr<RequestArrivals> arrivals);
  void start();
  // Puts an activator (activator.hpp) before these Services, whose pods are those of one workload and take
  // `concurrency` requests at a time (0: no limit). While it is in the path, as it is at first, all requests go through
  // it; else those alone that find no endpoint. After start(), before the first of the pods.
  bool activated(ServiceId service) const { return activator_of_[index(service)] != kNone; }
  ActivatorId activate(std::span<const ServiceId> services, std::uint32_t concurrency);

  // ---- what becomes of it. Each takes effect now; what nodes know of it follows with the delays of ProxyParams.
  void add_node(const TrafficNode& node);
  void remove_node(NodeId node);                      // Off the net: its pods answer nothing, not even a refusal.
  void pod_added(const TrafficPod& pod);              // It has an address: an endpoint, not ready.
  void pod_ready(std::uint32_t ref, bool ready);      // Condition Ready.
  void pod_terminating(std::uint32_t ref);            // deletionTimestamp; the process goes on.
  virtual void pod_closed(std::uint32_t ref) = 0;     // Takes no new requests; finishes those it has.
  virtual void pod_stopped(std::uint32_t ref) = 0;    // The process is gone, and what was in it.
  virtual void pod_restarted(std::uint32_t ref) = 0;  // A new process listens.
  virtual void pod_cpu(std::uint32_t ref, std::int64_t cpu_milli) = 0;  // It can use so much from now on.
  void pod_removed(std::uint32_t ref);                                  // The object is gone. Stops it if need be.
  void set_in_path(ActivatorId activator, bool in_path);
  virtual void handle(const Event& event) = 0;

  // ---- what came of it, up to now
  virtual PodUsage usage(std::uint32_t ref) = 0;
  virtual TrafficCounts counts(ServiceId service) = 0;
  virtual TrafficCounts counts(SourceId source) = 0;
  // Of served attempts, from the caller's point of view; of a source: of served requests, with their retries.
  virtual const LatencyHistogram& latency(ServiceId service) = 0;
  virtual const LatencyHistogram& latency(SourceId source) = 0;
  // Requests held, over time, since the start; they are in flight as others are.
  virtual std::int64_t held_ns(ActivatorId activator) = 0;
  // Recounts everything; empty, or what does not add up.
  virtual std::string verify() = 0;

  std::size_t ready_endpoints(ServiceId service) const { return table_.ready_now(service); }
  void set_listener(TrafficListener* listener) { listener_ = listener; }
  // Of activators. Rates are no requests: the fluid model tells nothing, look at held_ns().
  void set_listener(ActivatorListener* listener) { activator_listener_ = listener; }
  std::size_t services() const { return work_.size(); }

 protected:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  // `topology` must outlive the model and be finished.
  TrafficModel(Engine<Event>& engine, const Topology& topology, const ProxyParams& params, std::uint64_t seed,
               std::uint32_t replication);

  struct PodInfo {
    std::uint32_t generation = 0;
    NodeId node = kNoNode;
    std::uint32_t ref = kNone;
    bool ready = false;
    bool terminating = false;
    bool present = false;
    bool seen_ready = false;          // As told of by activator_sees().
    std::uint32_t activator = kNone;  // Before it.
    std::vector<ServiceId> services;
  };
  struct ActivatorInfo {
    std::uint32_t concurrency = 0;
    bool in_path = true;
  };
  struct NodeInfo {
    LocationId location{};
    bool present = false;
  };
  // A call of the graph, or a source's: numbered through.
  struct Route {
    CallSpec call;
    std::uint32_t service = kNone;  // The caller; or
    std::uint32_t source = kNone;
  };
  struct Groups {
    std::vector<std::uint32_t> begin;  // Routes of group g: begin[g] … begin[g + 1].
    std::size_t count() const { return begin.size() - 1; }
  };

  std::uint32_t slot(std::uint32_t ref) const;
  Time now() const { return engine_.now(); }
  const Hop& hop(NodeId a, NodeId b) const {
    return a == b ? topology_.same_host() : topology_.hop(nodes_[index(a)].location, nodes_[index(b)].location);
  }
  Endpoint endpoint(std::uint32_t slot) const { return {slot, pods_[slot].generation, pods_[slot].node}; }

  virtual void on_start() = 0;
  virtual void on_pod_added(std::uint32_t slot, const TrafficPod& pod) = 0;
  virtual void on_activate() {}  // One more of activators_.
  // A pod behind an activator is ready, or is no longer: so it is written now, and seen after sight_delay().
  virtual void activator_sees(std::uint32_t slot, bool ready) { (void)slot, (void)ready; }
  virtual void before_change() {}  // Endpoints or nodes are about to change.
  virtual void after_change() {}
  // An activator watches EndpointSlices as nodes do, and needs no rules of theirs.
  Duration sight_delay() const { return table_.params().endpoint_slice_delay + table_.params().watch_delay_max; }
  bool in_path(std::uint32_t activator) const { return activator != kNone && activators_[activator].in_path; }

  Engine<Event>& engine_;
  const Topology& topology_;
  ServiceTable table_;
  std::uint64_t seed_;
  std::uint32_t replication_;
  TrafficListener* listener_ = nullptr;
  ActivatorListener* activator_listener_ = nullptr;
  std::vector<ServiceWork> work_;
  std::vector<SourceSpec> sources_;
  std::vector<std::unique_ptr<RequestArrivals>> arrivals_;
  // From start() on.
  std::vector<Route> routes_;
  std::vector<Groups> groups_;               // By service.
  std::vector<std::uint32_t> source_route_;  // By source.
  std::vector<std::uint32_t> order_;         // Services, callers before what they call.
  std::vector<PodInfo> pods_;
  std::vector<NodeInfo> nodes_;
  std::vector<ActivatorInfo> activators_;
  std::vector<std::uint32_t> activator_of_;  // By service; kNone.

 private:
  void update_endpoints(std::uint32_t slot);
  void tell_activator(std::uint32_t slot, bool ready);

  std::vector<std::uint32_t> slot_of_ref_;
  std::vector<std::uint32_t> free_pods_;
  bool started_ = false;
};

}  // namespace berth

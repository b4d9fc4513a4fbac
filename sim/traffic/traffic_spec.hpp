// What the traffic models are told: Services and what a request to one costs, who calls whom, where requests come from.
// Plain data; workloads/traffic reads it from files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"
#include "sim/traffic/topology.hpp"

namespace berth {

enum class ServiceId : std::uint32_t {};

// kube-proxy's way to an endpoint. iptables (1/(n-i) rules) and nftables (a random number modulo n) are both uniform.
enum class ProxyMode : std::uint8_t { kIptables, kNftables, kIpvsRoundRobin, kIpvsLeastConnection };

// How a change of a pod becomes a rule on a node. Source: shared reference, EndpointSlice controller and kube-proxy's
// runner; the delays themselves have no constants in the source ("ms"), the minimum interval has.
struct ProxyParams {
  ProxyMode mode = ProxyMode::kIptables;
  Duration endpoint_slice_delay = milliseconds(20);  // Pod condition → EndpointSlice written.
  Duration watch_delay_min = milliseconds(2);        // EndpointSlice written → seen by a node; drawn once per node.
  Duration watch_delay_max = milliseconds(20);
  Duration sync_time = milliseconds(50);  // Rules being written; the new ones count from its end.
  Duration min_sync_period = seconds(1);  // From the end of one sync to the next; 0 for ipvs.
  Duration dns_ttl = seconds(30);         // kubeadm's CoreDNS; for headless Services.
  Duration tcp_give_up = seconds(127);    // Linux: six SYN retries. Only where the caller has no timeout.
};

// What of a Service concerns traffic. Spelt as in core/v1.
struct ServicePolicy {
  std::string name;
  bool headless = false;
  bool publish_not_ready = false;
  bool internal_local = false;
  bool external_local = false;
  bool client_affinity = false;
  Duration affinity_timeout = seconds(10'800);
  enum class Preference : std::uint8_t { kNone, kSameZone, kSameNode, kAuto };
  Preference distribution = Preference::kNone;  // kAuto: the annotation topology-mode; it wins over the field.
};

// One call to a Service, by a source or by another Service.
struct CallSpec {
  ServiceId service{};
  double probability = 1;       // Of each of `count`.
  std::uint32_t count = 1;      // Made at the same time as the rest of the group.
  bool optional = false;        // Its failure does not fail the caller.
  Duration timeout = kForever;  // Of one attempt.
  std::uint32_t retries = 0;
  // Every first attempt adds so much to a purse of the call's own, of at most 100 (it begins with 10); a retry takes 1
  // from it. Infinite: no budget. Model: Finagle's RetryBudget.
  double retry_budget = 1e300;
  Duration backoff{};                         // Before the first retry; doubles.
  std::uint32_t requests_per_connection = 1;  // 1: a new connection each time. Handshake: one round trip.
  std::int64_t request_bytes = 0;
  std::int64_t response_bytes = 0;
};

enum class Discipline : std::uint8_t {
  // Up to `concurrency` requests at a time share the pod's CPU evenly, none with more than one core; the rest waits in
  // order of arrival.
  kProcessorSharing,
  // `concurrency` workers, each with its fixed share of the CPU, min(1 core, cpu / concurrency).
  kFcfs,
};

// What a request to a Service does once it is in a pod: CPU, then the groups one after another, the calls of a group in
// parallel; then the response. If a call fails for good, the caller fails when its group is over.
struct ServiceWork {
  Distribution demand;  // CPU seconds.
  Discipline discipline = Discipline::kProcessorSharing;
  bool blocking = true;                     // Keeps its place among the `concurrency` while it waits for calls.
  std::uint32_t concurrency = 0xFFFF'FFFF;  // Requests that a pod has in work at a time; FCFS: its workers.
  std::uint32_t queue_limit = 0xFFFF'FFFF;  // Waiting requests a pod takes; beyond it, 503.
  std::vector<std::vector<CallSpec>> groups;
};

class RequestArrivals;

struct SourceSpec {
  std::string name;
  CallSpec call;
  std::vector<NodeId> nodes;  // Where the clients are, or, `external`, where their connections enter; used in turn.
  bool external = false;      // By NodePort or load balancer. With external_local: enters where endpoints are.
  LocationId location{};      // Of the clients, if external.
  std::uint32_t clients = 1;  // Distinct addresses; a new connection is of a client drawn at random.
};

}  // namespace berth

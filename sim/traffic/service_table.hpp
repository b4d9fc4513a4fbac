// Services and the pods behind them, as every node's kube-proxy knows them at a moment: each change makes a version of
// the Service, a node has the newest version that its last sync has taken in (proxy_clock.hpp). Versions are turned
// into lists of usable endpoints when a node first asks, and shared by all nodes. Source: kube-proxy
// pkg/proxy/topology.go (CategorizeEndpoints), k8s.io/endpointslice; networking reference, 1 to 5.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/engine/rng.hpp"
#include "sim/traffic/load_balancer.hpp"
#include "sim/traffic/proxy_clock.hpp"
#include "sim/traffic/topology_hints.hpp"
#include "sim/traffic/traffic_spec.hpp"

namespace berth {

struct EndpointCondition {
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  friend bool operator==(const EndpointCondition&, const EndpointCondition&) = default;
};

// Of one version of a Service. Endpoints in the order in which they came, unless hints or Local sort them.
struct EndpointLists {
  std::vector<Endpoint> ready;
  std::vector<Endpoint> fallback;         // Serving and terminating; only where none is ready.
  std::vector<std::uint32_t> zone_begin;  // With hints: `ready` is in order of hinted zones; zone z is [z], [z + 1).
  bool node_hints = false;
  std::vector<Endpoint> ready_by_node;  // With Local or node hints.
  std::vector<Endpoint> fallback_by_node;
  std::vector<NodeId> nodes_with_ready;  // With Local: what a load balancer's health check finds.
};

class ServiceTable {
 public:
  ServiceTable(const ProxyParams& params, std::uint64_t seed, std::uint32_t replication);

  // ---- the cluster
  // A ready node; `cpu_milli` 0 = not known (or of the control plane: give counts = false). Zones are small numbers.
  void add_node(NodeId node, std::uint16_t zone, std::int64_t cpu_milli, bool counts, Time now);
  void remove_node(NodeId node);
  ServiceId add_service(const ServicePolicy& policy);
  // An endpoint is there, or has changed. O(endpoints). Same condition: nothing happens.
  void set(ServiceId service, const Endpoint& endpoint, EndpointCondition condition, Time now);
  void remove(ServiceId service, const Endpoint& endpoint, Time now);

  // ---- connections
  enum class Result : std::uint8_t { kChosen, kRejected, kDropped };
  struct Choice {
    Result result = Result::kRejected;
    Endpoint endpoint;
  };
  // A new connection of `client` (an address, any number) from `node`. external: by NodePort or load balancer. `now`
  // never goes back. O(1) but for ipvs lc and, with session affinity, a look whether the endpoint is still usable:
  // O(usable).
  Choice connect(ServiceId service, NodeId node, std::uint32_t client, bool external, Time now);
  // A connection chosen on `node` is over.
  void disconnect(ServiceId service, NodeId node, const Endpoint& endpoint) {
    services_[index(service)].balancer->closed(node, endpoint);
  }
  // What connect() would choose from. Valid until the next call of a member.
  struct Usable {
    std::span<const Endpoint> endpoints;
    bool drop = false;  // If there is none: true = dropped, false = rejected.
  };
  Usable usable(ServiceId service, NodeId node, bool external, Time now);
  // Nodes at which a load balancer finds local ready endpoints (external_local). As of what is written at `now`.
  std::span<const NodeId> nodes_with_ready(ServiceId service, Time now);

  // Endpoints that are ready, as of what is written at `now`, whatever nodes know. Valid until the next call of a
  // member.
  std::span<const Endpoint> ready_written(ServiceId service, Time now);

  const ServicePolicy& policy(ServiceId service) const { return services_[index(service)].policy; }
  std::size_t services() const { return services_.size(); }
  std::uint16_t zone(NodeId node) const { return nodes_[index(node)].zone; }
  // When the last change will be in the rules of `node`, if no other comes: for whom wants to look then.
  Duration max_lag() const { return params_.endpoint_slice_delay + clock_.max_lag(); }
  const ProxyParams& params() const { return params_; }
  // ready endpoints as written at `now`, whatever nodes know.
  std::size_t ready_now(ServiceId service) const;

 private:
  struct Member {
    Endpoint endpoint;
    EndpointCondition condition;
    std::uint16_t hint = kNoZone;
  };
  struct Change {
    Member member;
    bool removed = false;
  };
  struct Version {
    std::uint64_t number;  // Of its change, as ProxyClock counts.
    Time at;               // Written.
    std::vector<Change> changes;
    std::unique_ptr<EndpointLists> lists;  // Once asked for.
  };
  struct Resolved {
    Time at{};
    std::uint64_t number = 0;
    bool any = false;
  };
  struct Service {
    ServicePolicy policy;
    std::vector<Member> base;    // Before the first of `versions`.
    std::vector<Member> latest;  // Behind the last.
    std::deque<Version> versions;
    std::unique_ptr<EndpointLists> base_lists;
    std::unique_ptr<LoadBalancer> balancer;
    std::vector<Resolved> resolved;  // Headless: by node.
    Rng rng;
  };
  struct Node {
    std::uint16_t zone = kNoZone;
    std::int64_t cpu_milli = 0;
    bool counts = false;
    bool present = false;
  };
  struct Affinity {
    Endpoint endpoint;
    Time last{};
  };
  struct AffinityKey {
    std::uint64_t node_service;
    std::uint32_t client;
    friend bool operator==(const AffinityKey&, const AffinityKey&) = default;
  };
  struct AffinityHash {
    std::size_t operator()(const AffinityKey& key) const {
      std::uint64_t x = key.node_service * 0x9E37'79B9'7F4A'7C15 + key.client;
      x ^= x >> 32;
      return x * 0xD6E8'FEB8'6659'FD93;
    }
  };

  static void apply(std::vector<Member>& members, const Change& change);
  void change(Service& service, const Change& change, Time now);
  void hint(Service& service);
  const EndpointLists& lists(Service& service, std::uint64_t number);
  std::unique_ptr<EndpointLists> build(const Service& service, std::span<const Member> members) const;
  std::uint64_t known(ServiceId id, Service& service, NodeId node, Time now);
  const EndpointLists& written(Service& service, Time now);

  ProxyParams params_;
  std::uint64_t seed_;
  std::uint32_t replication_;
  ProxyClock clock_;
  std::vector<Service> services_;
  std::vector<Node> nodes_;
  std::vector<std::int64_t> zone_cpu_;                                // Of nodes that count.
  std::uint32_t nodes_unknown_ = 0;                                   // Of these, without zone or CPU.
  std::unordered_map<AffinityKey, Affinity, AffinityHash> affinity_;  // Never iterated.
};

}  // namespace berth

// Which of the usable endpoints gets a new connection. One instance per Service; what is kept per node is kept by it.
// A further one: a class in a file of its own and a line in make_balancer().
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/rng.hpp"
#include "sim/traffic/traffic_spec.hpp"

namespace berth {

// A pod as rules know it: a slot that may have been given to another pod since (generation).
struct Endpoint {
  std::uint32_t pod = 0;
  std::uint32_t generation = 0;
  NodeId node = kNoNode;
};

class LoadBalancer {
 public:
  virtual ~LoadBalancer() = default;
  // The position in `usable`, which is not empty and in a fixed order. `node`: whose rules are asked.
  virtual std::uint32_t pick(NodeId node, std::span<const Endpoint> usable, Rng& rng) = 0;
  // A connection that pick() chose (or session affinity did) is there, and is over.
  virtual void opened(NodeId, const Endpoint&) {}
  virtual void closed(NodeId, const Endpoint&) {}
};

// iptables and nftables: uniform. O(1).
class RandomBalancer final : public LoadBalancer {
 public:
  std::uint32_t pick(NodeId, std::span<const Endpoint> usable, Rng& rng) override {
    return rng.below(static_cast<std::uint32_t>(usable.size()));
  }
};

std::unique_ptr<LoadBalancer> make_round_robin_balancer();
std::unique_ptr<LoadBalancer> make_least_connection_balancer();
std::unique_ptr<LoadBalancer> make_balancer(ProxyMode mode);

}  // namespace berth

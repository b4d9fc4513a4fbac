// ipvs rr: each node goes through the endpoints in turn, from where it was.
// Source: Linux net/netfilter/ipvs/ip_vs_rr.c (the destination behind the last one chosen).
#include <vector>

#include "sim/traffic/load_balancer.hpp"

namespace berth {
namespace {

class RoundRobinBalancer final : public LoadBalancer {
 public:
  std::uint32_t pick(NodeId node, std::span<const Endpoint> usable, Rng&) override {
    if (index(node) >= next_.size()) next_.resize(index(node) + 1);
    std::uint32_t& next = next_[index(node)];
    if (next >= usable.size()) next = 0;
    return next++;
  }

 private:
  std::vector<std::uint32_t> next_;  // By node.
};

}  // namespace

std::unique_ptr<LoadBalancer> make_round_robin_balancer() {
  return std::make_unique<RoundRobinBalancer>();
}

}  // namespace berth

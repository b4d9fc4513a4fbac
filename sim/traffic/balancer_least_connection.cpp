// ipvs lc: the endpoint with the fewest connections that this node has to it; of equal ones the first.
// Source: Linux net/netfilter/ipvs/ip_vs_lc.c. O(endpoints) a connection, as there; closed connections do not linger
// (there they count 1/256 for their time in TIME_WAIT).
#include <algorithm>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/traffic/load_balancer.hpp"

namespace berth {
namespace {

class LeastConnectionBalancer final : public LoadBalancer {
 public:
  std::uint32_t pick(NodeId node, std::span<const Endpoint> usable, Rng&) override {
    std::uint32_t best = 0;
    std::uint32_t fewest = connections(node, usable[0]);
    for (std::uint32_t i = 1; i < usable.size() && fewest > 0; ++i) {
      const std::uint32_t n = connections(node, usable[i]);
      if (n < fewest) {
        best = i;
        fewest = n;
      }
    }
    return best;
  }
  void opened(NodeId node, const Endpoint& endpoint) override {
    Count& count = at(node, endpoint.pod);
    if (count.generation != endpoint.generation) count = {endpoint.generation, 0};
    ++count.connections;
  }
  void closed(NodeId node, const Endpoint& endpoint) override {
    Count& count = at(node, endpoint.pod);
    if (count.generation != endpoint.generation) return;  // Another pod's slot by now.
    BERTH_CHECK(count.connections > 0);
    --count.connections;
  }

 private:
  struct Count {
    std::uint32_t generation = 0;
    std::uint32_t connections = 0;
  };

  Count& at(NodeId node, std::uint32_t pod) {
    if (index(node) >= by_node_.size()) by_node_.resize(index(node) + 1);
    std::vector<Count>& counts = by_node_[index(node)];
    if (pod >= counts.size()) counts.resize(pod + 1);
    return counts[pod];
  }
  std::uint32_t connections(NodeId node, const Endpoint& endpoint) const {
    if (index(node) >= by_node_.size() || endpoint.pod >= by_node_[index(node)].size()) return 0;
    const Count& count = by_node_[index(node)][endpoint.pod];
    return count.generation == endpoint.generation ? count.connections : 0;
  }

  std::vector<std::vector<Count>> by_node_;  // Only nodes that have clients; then by pod's slot.
};

}  // namespace

std::unique_ptr<LoadBalancer> make_least_connection_balancer() {
  return std::make_unique<LeastConnectionBalancer>();
}

}  // namespace berth

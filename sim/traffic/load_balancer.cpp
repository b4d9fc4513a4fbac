#include "sim/traffic/load_balancer.hpp"

#include "sim/engine/error.hpp"

namespace berth {

std::unique_ptr<LoadBalancer> make_balancer(ProxyMode mode) {
  switch (mode) {
    case ProxyMode::kIptables:
    case ProxyMode::kNftables:
      return std::make_unique<RandomBalancer>();
    case ProxyMode::kIpvsRoundRobin:
      return make_round_robin_balancer();
    case ProxyMode::kIpvsLeastConnection:
      return make_least_connection_balancer();
  }
  BERTH_CHECK(false);
}

}  // namespace berth

// balanced: keep each node's requested shares of cpu and memory close to each other. With b = trunc(100 · (1 − standard
// deviation of the two requested fractions)), once with the pod and once without: 50 + trunc((50 + b_with − b_without)
// / 2). Source: kube-scheduler 1.37, NodeResourcesBalancedAllocation, which rates the change that the pod makes.
#include <algorithm>
#include <cmath>

#include "policies/registry.hpp"

namespace berth {
namespace {

class Balanced final : public ScoringScheduler {
 public:
  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const Resources& ask = ctx.cluster.request(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const std::int64_t cpu = n.cpu_capacity_milli[row];
      const std::int64_t memory = n.memory_capacity_bytes[row];
      const std::int64_t cpu_used = cpu - n.cpu_free_milli[row];
      const std::int64_t memory_used = memory - n.memory_free_bytes[row];
      const std::int64_t with = balance(cpu_used + ask.cpu_milli, cpu, memory_used + ask.memory_bytes, memory);
      const std::int64_t without = balance(cpu_used, cpu, memory_used, memory);
      scores[i] = static_cast<float>(50 + (50 + with - without) / 2);
    }
  }

 private:
  // The standard deviation of two numbers is half their difference.
  static std::int64_t balance(std::int64_t cpu_used, std::int64_t cpu, std::int64_t memory_used, std::int64_t memory) {
    if (cpu == 0 || memory == 0) return 100;
    const double c = std::min(1.0, static_cast<double>(cpu_used) / static_cast<double>(cpu));
    const double m = std::min(1.0, static_cast<double>(memory_used) / static_cast<double>(memory));
    return static_cast<std::int64_t>((1 - std::abs((c - m) / 2)) * 100);
  }
};

const Register<Scheduler, Balanced> kRegistered{"balanced", "keep cpu and memory use in step on every node"};

}  // namespace
}  // namespace berth

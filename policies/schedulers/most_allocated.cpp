// most-allocated: fill nodes up. Per resource (used + request) · 100 / allocatable, in integers; the weighted mean of
// cpu and memory, in integers. Source: kube-scheduler 1.37, NodeResourcesFit with scoringStrategy MostAllocated.
#include "policies/kube_shares.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class MostAllocated final : public ScoringScheduler {
 public:
  explicit MostAllocated(const Params& p) : weights_(p) {}

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const Resources& ask = ctx.cluster.request(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const std::int64_t cpu = n.cpu_capacity_milli[row] - n.cpu_free_milli[row] + ask.cpu_milli;
      const std::int64_t memory = n.memory_capacity_bytes[row] - n.memory_free_bytes[row] + ask.memory_bytes;
      scores[i] = static_cast<float>(
          weights_.mean(percent(cpu, n.cpu_capacity_milli[row]), percent(memory, n.memory_capacity_bytes[row])));
    }
  }

 private:
  ResourceWeights weights_;
};

const Register<Scheduler, MostAllocated> kRegistered{"most-allocated", "fill nodes up (Kubernetes' bin packing)"};

}  // namespace
}  // namespace berth

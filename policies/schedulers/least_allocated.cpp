// least-allocated: keep nodes evenly free. Per resource (free − request) · 100 / allocatable, in integers; the weighted
// mean of cpu and memory, in integers.
// Source: kube-scheduler 1.37, NodeResourcesFit with scoringStrategy LeastAllocated.
#include "policies/kube_shares.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class LeastAllocated final : public ScoringScheduler {
 public:
  explicit LeastAllocated(const Params& p) : weights_(p) {}

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const Resources& ask = ctx.cluster.request(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const std::int64_t cpu = percent(n.cpu_free_milli[row] - ask.cpu_milli, n.cpu_capacity_milli[row]);
      const std::int64_t memory = percent(n.memory_free_bytes[row] - ask.memory_bytes, n.memory_capacity_bytes[row]);
      scores[i] = static_cast<float>(weights_.mean(cpu, memory));
    }
  }

 private:
  ResourceWeights weights_;
};

const Register<Scheduler, LeastAllocated> kRegistered{"least-allocated",
                                                      "keep nodes evenly free (Kubernetes' default)"};

}  // namespace
}  // namespace berth

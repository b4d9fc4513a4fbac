// power-of-k: of k nodes drawn uniformly (with replacement) from those that fit, the least loaded; load is the largest
// requested share of cpu, memory and GPU, the pod included. Ties to the one drawn first.
// Source: Ousterhout, Wendell, Zaharia, Stoica, "Sparrow", SOSP 2013 (per-task sampling); Mitzenmacher, "The power of
// two choices in randomized load balancing", 2001. Sparrow probes any worker; here those that cannot take the pod are
// not drawn, since a container cannot wait on a node without room.
#include <algorithm>

#include "policies/registry.hpp"
#include "policies/sampling.hpp"

namespace berth {
namespace {

class PowerOfK final : public ScoringScheduler {
 public:
  explicit PowerOfK(const Params& p)
      : k_(p.integer("k", {.fallback = 2, .min = 1, .max = 1000, .help = "nodes drawn for each pod"})) {}

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    const auto used = [](std::int64_t free, std::int64_t ask, std::int64_t capacity) {
      return capacity == 0 ? 0.0F : static_cast<float>(capacity - free + ask) / static_cast<float>(capacity);
    };
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const float cpu = used(n.cpu_free_milli[row], t.request.cpu_milli, n.cpu_capacity_milli[row]);
      const float memory = used(n.memory_free_bytes[row], t.request.memory_bytes, n.memory_capacity_bytes[row]);
      const float gpu = used(n.gpu_free_milli[row], t.gpu.total_milli(), n.gpu_count[row] * kMilliPerGpu);
      scores[i] = -std::max({cpu, memory, gpu});
    }
  }

  NodeId pick(const Context& ctx, PodId, const ScoreIndex& scores) override {
    NodeId best = sampler_.draw(scores, ctx.rng);
    for (std::int64_t i = 1; i < k_; ++i) {
      const NodeId other = sampler_.draw(scores, ctx.rng);
      if (scores[other] > scores[best]) best = other;
    }
    return best;
  }

 private:
  std::int64_t k_;
  FeasibleSampler sampler_;
};

const Register<Scheduler, PowerOfK> kRegistered{"power-of-k", "the least loaded of k random nodes (Sparrow)"};

}  // namespace
}  // namespace berth

// random: a node drawn uniformly from those that fit; a GPU share goes to a fitting GPU drawn uniformly.
// Source: the Random baseline of Weng et al., "Beware of Fragmentation", USENIX ATC 2023.
#include <algorithm>

#include "policies/registry.hpp"
#include "policies/sampling.hpp"

namespace berth {
namespace {

class Random final : public ScoringScheduler {
 public:
  void score(const Context&, PodId, std::span<const NodeId>, std::span<float> scores) override {
    std::fill(scores.begin(), scores.end(), 0.0F);
  }

  NodeId pick(const Context& ctx, PodId, const ScoreIndex& scores) override { return sampler_.draw(scores, ctx.rng); }

  std::optional<GpuMask> pick_gpus(const Context& ctx, PodId pod, NodeId node) override {
    const GpuRequest& want = ctx.cluster.pod_template(pod).gpu;
    if (!want.shares()) return std::nullopt;
    const std::span<const std::uint16_t> free = ctx.cluster.gpus(node);
    const auto fits = [&](std::uint16_t milli) { return milli >= want.milli; };
    auto nth = ctx.rng.below(static_cast<std::uint32_t>(std::count_if(free.begin(), free.end(), fits)));
    for (std::size_t i = 0;; ++i) {
      if (fits(free[i]) && nth-- == 0) return static_cast<GpuMask>(1U << i);
    }
  }

 private:
  FeasibleSampler sampler_;
};

const Register<Scheduler, Random> kRegistered{"random", "any node that fits, uniformly"};

}  // namespace
}  // namespace berth

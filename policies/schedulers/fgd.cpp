// fgd: fragmentation gradient descent. The pod goes where it makes the least of the cluster's GPU capacity unusable for
// the workload as a whole: with F, F' the node's fragmentation before and after (sim/cluster/fragmentation.hpp),
//   trunc(100 / (1 + exp(−(F − F')/1000))), 50 = unchanged.
// A share is tried on each GPU that fits; the best integer score counts and that GPU is taken, lowest index on ties.
// Source: Weng et al., "Beware of Fragmentation", USENIX ATC 2023.
#include <cmath>
#include <optional>

#include "policies/registry.hpp"
#include "sim/cluster/fragmentation.hpp"

namespace berth {
namespace {

class Fgd final : public ScoringScheduler {
 public:
  bool wants_mix() const override { return true; }
  void prepare(const Cluster& cluster, std::span<const TemplateCount> mix) override {
    fragmentation_.emplace(cluster.catalog(), mix);
  }

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      scores[i] = static_cast<float>(best_gpu(ctx.cluster, t, nodes[i]).score);
  }

  std::optional<GpuMask> pick_gpus(const Context& ctx, PodId pod, NodeId node) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    if (!t.gpu.shares()) return std::nullopt;
    return static_cast<GpuMask>(1U << best_gpu(ctx.cluster, t, node).gpu);
  }

 private:
  struct Choice {
    int score;
    std::size_t gpu;
  };
  struct Known {
    ChangeLog::Cursor at = 0;
    Fragmentation::State state;
    double before = 0;
  };

  static int sigmoid(double gain_milli) { return static_cast<int>(100 * (1 / (1 + std::exp(-gain_milli / 1000)))); }

  // The node's state and F, worked out once after each of its changes.
  const Known& known(const Cluster& cluster, NodeId node) {
    if (index(node) >= known_.size()) known_.resize(cluster.nodes().size());
    Known& known = known_[index(node)];
    const ChangeLog::Cursor changed = cluster.changes().last_change(node);
    if (known.at != changed) {
      const NodeColumns& n = cluster.nodes();
      known.at = changed;
      known.state = fragmentation_->state(n.cpu_free_milli[index(node)], n.gpu_model[index(node)], cluster.gpus(node));
      known.before = fragmentation_->of(known.state);
    }
    return known;
  }

  Choice best_gpu(const Cluster& cluster, const PodTemplate& t, NodeId node) {
    const Known& now = known(cluster, node);
    Fragmentation::State after = now.state;
    after.cpu_rank = fragmentation_->cpu_rank(cluster.nodes().cpu_free_milli[index(node)] - t.request.cpu_milli);
    if (!t.gpu.shares()) {
      unsigned left = t.gpu.count;
      for (std::size_t i = 0; i < now.state.gpus && left > 0; ++i) {
        if (now.state.free_milli[i] != kMilliPerGpu) continue;
        fragmentation_->take(after, i, kMilliPerGpu);
        --left;
      }
      return {sigmoid(now.before - fragmentation_->of(after)), 0};
    }
    Choice best{-1, 0};
    for (std::size_t i = 0; i < now.state.gpus; ++i) {
      const std::uint16_t free = now.state.free_milli[i];
      if (free < t.gpu.milli) continue;
      bool seen = false;  // An equal share scores the same, and the lower index wins.
      for (std::size_t j = 0; j < i && !seen; ++j) seen = now.state.free_milli[j] == free;
      if (seen) continue;
      Fragmentation::State trial = after;
      fragmentation_->take(trial, i, t.gpu.milli);
      const int score = sigmoid(now.before - fragmentation_->of(trial));
      if (score > best.score) best = {score, i};
    }
    return best;
  }

  std::optional<Fragmentation> fragmentation_;
  std::vector<Known> known_;
};

const Register<Scheduler, Fgd> kRegistered{"fgd", "least new GPU fragmentation (fragmentation gradient descent)"};

}  // namespace
}  // namespace berth

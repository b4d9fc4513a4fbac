// gpu-clustering: like with like. A GPU pod's class is sharing, 1 GPU, 2 GPUs …; a node's classes are those of the GPU
// pods on it. With u = 25 · (G − free milli-GPU) / G in integers, G the largest node's:
//   the node has the pod's class and no other → 75 + u; has it among others → 50 + u; has no GPU pod → 25 + u; has
//   other classes only → u. 0 for a pod without GPUs.
// Source: the GpuClustering baseline of Weng et al., "Beware of Fragmentation", USENIX ATC 2023 (after Gandiva).
#include "policies/largest_node.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class GpuClustering final : public ScoringScheduler {
 public:
  void prepare(const Cluster& cluster, std::span<const TemplateCount>) override {
    largest_ = LargestNode(cluster.nodes());
  }

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const GpuRequest& want = ctx.cluster.pod_template(pod).gpu;
    const std::uint32_t own = class_bit(want);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (own == 0) {
        scores[i] = 0;
        continue;
      }
      const std::uint32_t classes = classes_on(ctx.cluster, nodes[i]);
      const std::int64_t used =
          25 * (largest_.gpu_milli - ctx.cluster.nodes().gpu_free_milli[index(nodes[i])]) / largest_.gpu_milli;
      const std::int64_t base = classes == own ? 75 : (classes & own) != 0 ? 50 : classes == 0 ? 25 : 0;
      scores[i] = static_cast<float>(base + used);
    }
  }

 private:
  static std::uint32_t class_bit(const GpuRequest& want) {
    return want.count == 0 ? 0 : want.shares() ? 1U : 1U << want.count;
  }

  // Counted over the node's pods once after each of its changes, whatever the number of templates that ask.
  std::uint32_t classes_on(const Cluster& cluster, NodeId node) {
    if (index(node) >= known_.size()) known_.resize(cluster.nodes().size());
    Known& known = known_[index(node)];
    const ChangeLog::Cursor changed = cluster.changes().last_change(node);
    if (known.at != changed) {
      known = {changed, 0};
      for (PodId p = cluster.first_on_node(node); p != kNoPod; p = cluster.pods().next_on_node[index(p)]) {
        known.classes |= class_bit(cluster.pod_template(p).gpu);
      }
    }
    return known.classes;
  }

  struct Known {
    ChangeLog::Cursor at = 0;
    std::uint32_t classes = 0;
  };
  LargestNode largest_;
  std::vector<Known> known_;
};

const Register<Scheduler, GpuClustering> kRegistered{"gpu-clustering", "GPU pods of one class on the same nodes"};

}  // namespace
}  // namespace berth

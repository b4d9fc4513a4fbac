// best-fit: the node that is left with the least. With c, g the node's free milli-CPU and milli-GPU, q, r the pod's, C,
// G the largest node's: trunc(100 · (1 − (0.5·(c−q)/C + 0.5·(g−r)/G))). Memory counts only for whether the pod fits.
// Source: the BestFit baseline of Weng et al., "Beware of Fragmentation", USENIX ATC 2023, integer scores included.
#include "policies/largest_node.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class BestFit final : public ScoringScheduler {
 public:
  void prepare(const Cluster& cluster, std::span<const TemplateCount>) override {
    largest_ = LargestNode(cluster.nodes());
  }

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    const auto all_cpu = static_cast<double>(largest_.cpu_milli);
    const auto all_gpu = static_cast<double>(largest_.gpu_milli);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const auto cpu = static_cast<double>(n.cpu_free_milli[row] - t.request.cpu_milli);
      const auto gpu = static_cast<double>(n.gpu_free_milli[row] - t.gpu.total_milli());
      scores[i] =
          static_cast<float>(static_cast<std::int64_t>(100 * (1 - (0.5 * cpu / all_cpu + 0.5 * gpu / all_gpu))));
    }
  }

 private:
  LargestNode largest_;
};

const Register<Scheduler, BestFit> kRegistered{"best-fit", "the node left with the least free cpu and GPU"};

}  // namespace
}  // namespace berth

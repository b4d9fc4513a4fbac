// dot-product: by the alignment of what the pod asks with what the node has free. With c, g the node's free milli-CPU
// and milli-GPU (all GPUs summed), q, r the pod's, C, G the largest node's: d = ((c/C)(q/C) + (g/G)(r/G)) / 2.
//   alignment=small (default): trunc(100 · (1 − d)), a small product wins; as the baseline of Weng et al., "Beware of
//     Fragmentation", USENIX ATC 2023, has it.
//   alignment=large: trunc(100 · d), as in Grandl et al., "Multi-resource packing for cluster schedulers" (Tetris),
//     SIGCOMM 2014.
#include "policies/largest_node.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class DotProduct final : public ScoringScheduler {
 public:
  explicit DotProduct(const Params& p)
      : large_(p.choice("alignment",
                        {.fallback = "small", .values = {"small", "large"}, .help = "which product wins"}) == "large") {
  }

  void prepare(const Cluster& cluster, std::span<const TemplateCount>) override {
    largest_ = LargestNode(cluster.nodes());
  }

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    const auto all_cpu = static_cast<double>(largest_.cpu_milli);
    const auto all_gpu = static_cast<double>(largest_.gpu_milli);
    const double cpu_ask = static_cast<double>(t.request.cpu_milli) / all_cpu;
    const double gpu_ask = static_cast<double>(t.gpu.total_milli()) / all_gpu;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const double cpu = static_cast<double>(n.cpu_free_milli[row]) / all_cpu;
      const double gpu = static_cast<double>(n.gpu_free_milli[row]) / all_gpu;
      const double d = (cpu * cpu_ask + gpu * gpu_ask) / 2;
      scores[i] = static_cast<float>(static_cast<std::int64_t>(100 * (large_ ? d : 1 - d)));
    }
  }

 private:
  bool large_;
  LargestNode largest_;
};

const Register<Scheduler, DotProduct> kRegistered{"dot-product", "alignment of request and free resources (Tetris)"};

}  // namespace
}  // namespace berth

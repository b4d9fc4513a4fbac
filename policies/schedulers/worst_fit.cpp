// worst-fit: the node that is left with the most. With the letters of best-fit: 0.5·(c−q)/C + 0.5·(g−r)/G.
// Source: Garey, Graham, Ullman, "Worst-case analysis of memory allocation algorithms", STOC 1972 (the rule).
#include "policies/largest_node.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class WorstFit final : public ScoringScheduler {
 public:
  void prepare(const Cluster& cluster, std::span<const TemplateCount>) override {
    largest_ = LargestNode(cluster.nodes());
  }

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const auto cpu = static_cast<float>(n.cpu_free_milli[row] - t.request.cpu_milli);
      const auto gpu = static_cast<float>(n.gpu_free_milli[row] - t.gpu.total_milli());
      scores[i] =
          0.5F * cpu / static_cast<float>(largest_.cpu_milli) + 0.5F * gpu / static_cast<float>(largest_.gpu_milli);
    }
  }

 private:
  LargestNode largest_;
};

const Register<Scheduler, WorstFit> kRegistered{"worst-fit", "the node left with the most free cpu and GPU"};

}  // namespace
}  // namespace berth

// e-pvm: least marginal cost, where the cost of a node is the sum over its resources of base^(requested share). Spreads
// load exponentially harder the fuller a node is. base = 0 (default): the number of nodes, as in the source.
// Source: Amir, Awerbuch, Barak, Borgstrom, Keren, "An opportunity cost approach for job assignment in a scalable
// computing cluster", IEEE TPDS 11(7), 2000; Borg's first scoring rule (Verma et al., EuroSys 2015, section 3.2).
#include <cmath>

#include "policies/registry.hpp"

namespace berth {
namespace {

class EPvm final : public ScoringScheduler {
 public:
  explicit EPvm(const Params& p)
      : base_(p.number("base",
                       {.fallback = 0, .min = 0, .max = 1e9, .help = "of the exponential; 0 = number of nodes"})) {}

  void prepare(const Cluster& cluster, std::span<const TemplateCount>) override {
    const double base = base_ > 0 ? base_ : static_cast<double>(cluster.nodes().size());
    log_base_ = std::log(std::max(base, 2.0));
  }

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const double cost = marginal(n.cpu_free_milli[row], t.request.cpu_milli, n.cpu_capacity_milli[row]) +
                          marginal(n.memory_free_bytes[row], t.request.memory_bytes, n.memory_capacity_bytes[row]) +
                          marginal(n.gpu_free_milli[row], t.gpu.total_milli(), n.gpu_count[row] * kMilliPerGpu);
      scores[i] = static_cast<float>(-cost);
    }
  }

 private:
  double marginal(std::int64_t free, std::int64_t ask, std::int64_t capacity) const {
    if (capacity == 0 || ask == 0) return 0;
    const auto all = static_cast<double>(capacity);
    const double before = static_cast<double>(capacity - free) / all;
    return std::exp(log_base_ * before) * std::expm1(log_base_ * static_cast<double>(ask) / all);
  }

  double base_;
  double log_base_ = 1;
};

const Register<Scheduler, EPvm> kRegistered{"e-pvm", "least marginal exponential cost (Borg's early score)"};

}  // namespace
}  // namespace berth

// gpu-packing: a GPU in use before an idle GPU, a node in use before an idle node. With f the node's idle GPUs:
//   all its GPUs idle → max(33 − f, f). Otherwise the pod's GPUs are taken from the least free fitting one upwards; j =
//   how many of these are idle. j > 0 → max(50 − j, 33); j = 0 → max(100 − (sum of their free · 100 / 1000) / 10, 50),
//   in integers. 0 for a pod without GPUs.
// Source: the GpuPacking baseline of Weng et al., "Beware of Fragmentation", USENIX ATC 2023.
#include <algorithm>
#include <array>

#include "policies/registry.hpp"

namespace berth {
namespace {

class GpuPacking final : public ScoringScheduler {
 public:
  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const GpuRequest& want = ctx.cluster.pod_template(pod).gpu;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      scores[i] = want.count == 0 ? 0.0F : static_cast<float>(score_of(ctx.cluster, want, nodes[i]));
    }
  }

 private:
  static int score_of(const Cluster& cluster, const GpuRequest& want, NodeId node) {
    const int idle = cluster.nodes().gpu_idle[index(node)];
    if (idle == cluster.nodes().gpu_count[index(node)]) return std::max(33 - idle, idle);
    std::array<std::uint16_t, kMaxGpusPerNode> fitting;
    std::size_t n = 0;
    for (const std::uint16_t milli : cluster.gpus(node)) {
      if (milli >= want.milli) fitting[n++] = milli;
    }
    std::sort(fitting.begin(), fitting.begin() + n);
    int idle_taken = 0;
    int free_percent = 0;
    for (std::size_t i = 0; i < want.count; ++i) {
      idle_taken += fitting[i] == kMilliPerGpu ? 1 : 0;
      free_percent += fitting[i] * 100 / static_cast<int>(kMilliPerGpu);
    }
    return idle_taken > 0 ? std::max(50 - idle_taken, 33) : std::max(100 - free_percent / 10, 50);
  }
};

const Register<Scheduler, GpuPacking> kRegistered{"gpu-packing", "GPUs in use before idle GPUs before idle nodes"};

}  // namespace
}  // namespace berth

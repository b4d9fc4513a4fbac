// round-robin: the next node that fits, counting on from the one that got the last pod, over and over.
#include <algorithm>

#include "policies/registry.hpp"

namespace berth {
namespace {

class RoundRobin final : public ScoringScheduler {
 public:
  void score(const Context&, PodId, std::span<const NodeId>, std::span<float> scores) override {
    std::fill(scores.begin(), scores.end(), 0.0F);
  }

  NodeId pick(const Context&, PodId, const ScoreIndex& scores) override {
    NodeId node = scores.first_feasible(next_);
    if (node == kNoNode) node = scores.first_feasible(NodeId{0});
    next_ = static_cast<NodeId>(index(node) + 1);
    return node;
  }

 private:
  NodeId next_{};
};

const Register<Scheduler, RoundRobin> kRegistered{"round-robin", "each node in turn, those that do not fit left out"};

}  // namespace
}  // namespace berth

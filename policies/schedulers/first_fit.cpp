// first-fit: the node with the lowest number on which the pod fits.
// Source: Garey, Graham, Ullman, "Worst-case analysis of memory allocation algorithms", STOC 1972.
#include <algorithm>

#include "policies/registry.hpp"

namespace berth {
namespace {

class FirstFit final : public ScoringScheduler {
 public:
  void score(const Context&, PodId, std::span<const NodeId>, std::span<float> scores) override {
    std::fill(scores.begin(), scores.end(), 0.0F);  // Ties go to the lowest NodeId.
  }
};

const Register<Scheduler, FirstFit> kRegistered{"first-fit", "the first node in order that fits"};

}  // namespace
}  // namespace berth

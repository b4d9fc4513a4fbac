// fixed: the machines that are there at the beginning. The baseline that every node autoscaler must beat.
#include "policies/node_autoscaler.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class FixedNodes final : public NodeAutoscaler {
 public:
  void observe(const NodeAutoscalerObservation&, Rng&, NodeAutoscalerDecision& out) override { out = {}; }
  Time loop_after(Time) const override { return kNever; }
};

const Register<NodeAutoscaler, FixedNodes> kRegistered{"fixed", "no machine comes or goes"};

}  // namespace
}  // namespace berth

// TaintToleration: no untolerated NoSchedule or NoExecute taint; better fewer untolerated PreferNoSchedule taints.
// Source: pkg/scheduler/framework/plugins/tainttoleration, v1.37.
#include <algorithm>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

class TaintToleration final : public Plugin {
 public:
  TaintToleration() : Plugin("TaintToleration") {}

  Scope scope() const override { return Scope::kNodeObject; }
  bool normalizes() const override { return true; }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    if (tolerates_scheduling(cycle.pod.pod.tolerations, node.node->taints)) return {};
    return unresolvable("node(s) had untolerated taint(s)");
  }

  std::int64_t score(const Cycle& cycle, const CycleState&, const NodeInfo& node) const override {
    const auto& taints = node.node->taints;
    return std::count_if(taints.begin(), taints.end(), [&cycle](const Taint& taint) {
      return taint.effect == TaintEffect::kPreferNoSchedule && !tolerated(cycle.pod.pod.tolerations, taint);
    });
  }

  void normalize(const Cycle&, const CycleState&, std::span<const NodeInfo* const>,
                 std::span<std::int64_t> scores) const override {
    default_normalize(scores, true);
  }
};

}  // namespace

std::unique_ptr<Plugin> make_taint_toleration() {
  return std::make_unique<TaintToleration>();
}

}  // namespace berth::kube

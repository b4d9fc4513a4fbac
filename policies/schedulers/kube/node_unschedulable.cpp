// NodeUnschedulable: a cordoned node takes only pods that tolerate the taint that cordoning stands for.
// Source: pkg/scheduler/framework/plugins/nodeunschedulable, v1.37.
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

class NodeUnschedulable final : public Plugin {
 public:
  NodeUnschedulable() : Plugin("NodeUnschedulable") {}

  Scope scope() const override { return Scope::kNodeObject; }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    static const Taint kCordoned{"node.kubernetes.io/unschedulable", "", TaintEffect::kNoSchedule};
    if (!node.node->unschedulable || tolerated(cycle.pod.pod.tolerations, kCordoned)) return {};
    return unresolvable("node(s) were unschedulable");
  }
};

}  // namespace

std::unique_ptr<Plugin> make_node_unschedulable() {
  return std::make_unique<NodeUnschedulable>();
}

}  // namespace berth::kube

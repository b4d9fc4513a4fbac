// NodeName: a pod that names its node fits that node alone.
// Source: pkg/scheduler/framework/plugins/nodename, v1.37.
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

class NodeName final : public Plugin {
 public:
  NodeName() : Plugin("NodeName") {}

  Scope scope() const override { return Scope::kNodeObject; }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    const std::string& wanted = cycle.pod.pod.node_name;
    if (wanted.empty() || wanted == node.name()) return {};
    return unresolvable("node(s) didn't match the requested node name");
  }
};

}  // namespace

std::unique_ptr<Plugin> make_node_name() {
  return std::make_unique<NodeName>();
}

}  // namespace berth::kube

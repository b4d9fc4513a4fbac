// NodePorts: no two pods of a node on the same host port, protocol and address; 0.0.0.0 is every address.
// Source: pkg/scheduler/framework/plugins/nodeports and HostPortInfo, v1.37.
#include <algorithm>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

constexpr std::string_view kEveryAddress = "0.0.0.0";

class NodePorts final : public Plugin {
 public:
  NodePorts() : Plugin("NodePorts") {}

  Scope scope() const override { return Scope::kNode; }

  Status pre_filter(const Cycle& cycle, CycleState&, std::optional<NodeNames>&) const override {
    return cycle.pod.host_ports.empty() ? skip() : Status{};
  }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    for (const ContainerPort& port : cycle.pod.host_ports) {
      // Sorted by protocol and port, so all addresses of one port stand together.
      auto it = node.used_ports.lower_bound({port.protocol, port.host_port, std::string()});
      for (; it != node.used_ports.end(); ++it) {
        const auto& [protocol, number, address] = *it;
        if (protocol != port.protocol || number != port.host_port) break;
        if (port.host_ip == kEveryAddress || address == kEveryAddress || address == port.host_ip) {
          return unschedulable("node(s) didn't have free ports for the requested pod ports");
        }
      }
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Plugin> make_node_ports() {
  return std::make_unique<NodePorts>();
}

}  // namespace berth::kube

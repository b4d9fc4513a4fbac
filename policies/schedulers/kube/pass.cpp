// DynamicResources and NodeDeclaredFeatures as they meet pods that use neither: every node passes, every score is 0.
// Pods with resource claims and nodes that declare features are not modelled.
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

class Pass final : public Plugin {
 public:
  using Plugin::Plugin;
  Scope scope() const override { return Scope::kNodeObject; }
};

}  // namespace

std::unique_ptr<Plugin> make_pass(const char* name) {
  return std::make_unique<Pass>(name);
}

}  // namespace berth::kube

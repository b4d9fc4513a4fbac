// none: nobody looks after nodes. A silent node stays Ready, its pods stay bound to it, and pods of deleted nodes stay
// for good; what remains is what each kubelet does for its own containers. A baseline.
#include "policies/healer.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class NoHealer final : public Healer {
 public:
  HealerSettings settings() const override {
    HealerSettings s;
    s.node_lifecycle = s.taint_eviction = s.pod_gc = false;
    return s;
  }
};

const Register<Healer, NoHealer> kRegistered{"none", "nothing but the kubelets' own restarts"};

}  // namespace
}  // namespace berth

// kubernetes: what a cluster does by itself, with the defaults of its components. A silent node is NotReady after 50 to
// 60 s, its pods are evicted 300 s later; machines are nobody's business.
// Source: cmd/kube-controller-manager and plugin/pkg/admission/defaulttolerationseconds, Kubernetes v1.37.
#include "policies/healer.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class KubernetesHealer final : public Healer {};

const Register<Healer, KubernetesHealer> kRegistered{"kubernetes", "taints and evictions with Kubernetes' defaults"};

}  // namespace
}  // namespace berth

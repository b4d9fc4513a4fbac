// fast-failover: Kubernetes' own way of healing with shorter patience. The defaults are those of Kubespray's "fast
// update and fast reaction" (kubernetes-reliability.md): nodes looked at every 2 s, lost after 20 s, their pods evicted
// 30 s later. Its kubelets
// post their status every 4 s, too. Here they renew their leases every 10 to 10.4 s whatever the healer, so a `grace`
// below 10.4 s loses healthy nodes now and then; that is not refused, since a run shows what it does.
#include "policies/healer.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class FastFailover final : public Healer {
 public:
  explicit FastFailover(const Params& p) {
    settings_.monitor_grace = seconds(
        p.integer("grace", {.fallback = 20, .min = 1, .max = 3600, .help = "seconds of silence until NotReady"}));
    settings_.monitor_period = seconds(
        p.integer("monitor_period", {.fallback = 2, .min = 1, .max = 3600, .help = "seconds between looks at leases"}));
    settings_.toleration_seconds = p.integer(
        "toleration_seconds", {.fallback = 30, .min = 0, .max = 86'400, .help = "that pods stay on a lost node"});
    settings_.eviction_rate = static_cast<float>(
        p.number("eviction_rate", {.fallback = 0.1, .min = 0, .max = 1000, .help = "nodes per second and zone"}));
  }
  HealerSettings settings() const override { return settings_; }

 private:
  HealerSettings settings_;
};

const Register<Healer, FastFailover> kRegistered{"fast-failover", "Kubernetes' way with shorter patience"};

}  // namespace
}  // namespace berth

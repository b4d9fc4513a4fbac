// node-auto-repair: what managed clusters do beside Kubernetes' own healing. A node that has not been Ready for
// `repair_after` is rebooted; if it is not Ready `reboot_wait` after that, its machine is replaced. Few at a time.
// Source for 10 minutes: Google Kubernetes Engine, "Auto-repair nodes" (NotReady, or no status at all, for
// approximately 10 minutes; it replaces at once: `reboot=no`); Azure Kubernetes Service, "Node auto-repair" (NotReady
// on consecutive checks within 10 minutes; it reboots first, then reimages). Assumptions, as neither says: how often
// nodes are looked at, how long a reboot may take, how many repairs run at a time, and how long machines take.
#include <algorithm>
#include <map>

#include "policies/healer.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class NodeAutoRepair final : public Healer {
 public:
  explicit NodeAutoRepair(const Params& p)
      : repair_after_(time(p, "repair_after", 600, "seconds without Ready until a repair")),
        reboot_wait_(time(p, "reboot_wait", 300, "seconds after a reboot until the machine is replaced")),
        check_period_(time(p, "check_period", 60, "seconds between looks at the nodes")),
        reboots_(p.choice("reboot", {.fallback = "yes", .values = {"yes", "no"}, .help = "before replacing"}) == "yes"),
        at_once_(p.integer("at_once", {.fallback = 1, .min = 1, .max = 1'000'000, .help = "repairs at a time …"})),
        per_nodes_(
            p.integer("per_nodes", {.fallback = 100, .min = 1, .max = 1'000'000, .help = "… per so many nodes"})),
        times_{distribution(p, "reboot_time", "uniform(min=60, max=120)", "seconds that a reboot takes"),
               distribution(p, "boot_time", "uniform(min=60, max=180)", "seconds until a new machine is a node")} {}

  RepairTimes repair_times() const override { return times_; }
  Duration period() const override { return check_period_; }

  void heal(const HealObservation& o, HealDecision& act) override {
    std::erase_if(reboots_at_, [&](const auto& repair) {
      const auto at = std::lower_bound(o.nodes.begin(), o.nodes.end(), repair.first,
                                       [](const HealedNode& node, NodeId id) { return node.id < id; });
      return at == o.nodes.end() || at->id != repair.first || at->ready;
    });
    const auto limit = static_cast<std::size_t>(
        at_once_ * std::max<std::int64_t>(1, static_cast<std::int64_t>(o.nodes.size()) / per_nodes_));
    std::size_t replaced = 0;  // In this call.
    for (const HealedNode& node : o.nodes) {
      if (node.ready || node.being_repaired) continue;
      const auto rebooted = reboots_at_.find(node.id);
      if (rebooted != reboots_at_.end()) {
        if (o.now - rebooted->second < reboot_wait_ || !act.replace(node.id)) continue;
        reboots_at_.erase(rebooted);
        ++replaced;
      } else if (o.now - node.since >= repair_after_ && reboots_at_.size() + o.replacements + replaced < limit) {
        if (!reboots_) {
          replaced += act.replace(node.id) ? 1 : 0;
        } else if (act.reboot(node.id)) {
          reboots_at_[node.id] = o.now;
        }
      }
    }
  }

 private:
  static Duration time(const Params& p, const char* name, std::int64_t fallback, const char* help) {
    return seconds(p.integer(name, {.fallback = fallback, .min = 1, .max = 86'400, .help = help}));
  }
  static Distribution distribution(const Params& p, const char* name, const char* fallback, const char* help) {
    return Distribution::parse(p.text(name, fallback, help), std::string("policy \"node-auto-repair\": ") + name);
  }

  Duration repair_after_, reboot_wait_, check_period_;
  bool reboots_;
  std::int64_t at_once_, per_nodes_;
  RepairTimes times_;
  std::map<NodeId, Time> reboots_at_;  // Of nodes that are not Ready again yet.
};

const Register<Healer, NodeAutoRepair> kRegistered{"node-auto-repair", "reboots and replaces nodes that stay NotReady"};

}  // namespace
}  // namespace berth

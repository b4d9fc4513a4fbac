// descheduler: evicts pods that would be better off elsewhere; the scheduler then finds them a place. Two strategies of
// kubernetes-sigs/descheduler, in this order: RemoveDuplicates (pods of one owner that share a node while others have
// fewer) and LowNodeUtilization (pods of nodes above the target, while there are nodes that are nearly empty).
// Source: sigs.k8s.io/descheduler pkg/framework/plugins/{removeduplicates,nodeutilization,defaultevictor}; thresholds
// as in its README, every 5 minutes as in its Helm chart. Upstream's nodeFit is off unless set, while its example
// policies set it: here it is on. Not modelled: the other strategies, namespaces and selectors, limits on the number of
// evictions. Where upstream goes over a Go map, owners are taken in the order in which they are met.
#include <algorithm>
#include <array>
#include <compare>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "policies/healer.hpp"
#include "policies/registry.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "sim/kubelet/qos.hpp"

namespace berth {
namespace {

constexpr std::int32_t kSystemCritical = 2'000'000'000;
constexpr const char* kEvictAnnotation = "descheduler.alpha.kubernetes.io/evict";

// cpu in millicores, memory in bytes, pods.
struct Usage {
  std::int64_t cpu = 0, memory = 0, pods = 0;
  Usage& operator+=(const Usage& o) {
    cpu += o.cpu;
    memory += o.memory;
    pods += o.pods;
    return *this;
  }
  Usage& operator-=(const Usage& o) {
    cpu -= o.cpu;
    memory -= o.memory;
    pods -= o.pods;
    return *this;
  }
  bool any_above(const Usage& o) const { return cpu > o.cpu || memory > o.memory || pods > o.pods; }
  bool all_positive() const { return cpu > 0 && memory > 0 && pods > 0; }
  std::int64_t sum() const { return cpu + memory + pods; }
};

struct Percentages {
  std::int64_t cpu = 0, memory = 0, pods = 0;
  Usage of(const NodeSpec& node) const {
    return {share(node.allocatable.cpu_milli, cpu), share(node.allocatable.memory_bytes, memory),
            share(node.pods, pods)};
  }
  static std::int64_t share(std::int64_t amount, std::int64_t percent) {  // In upstream's order of roundings.
    return static_cast<std::int64_t>(static_cast<double>(percent) * 0.01 * static_cast<double>(amount));
  }
};

class Descheduler final : public Healer {
 public:
  explicit Descheduler(const Params& p)
      : period_(seconds(p.integer("period", {.fallback = 300, .min = 1, .max = 86'400, .help = "seconds"}))),
        low_(percentages(p, {"low_cpu", "low_memory", "low_pods"}, 20, "percent: below all of them is underused")),
        target_(percentages(p, {"target_cpu", "target_memory", "target_pods"}, 50, "percent: above one is overused")),
        number_of_nodes_(p.integer(
            "number_of_nodes", {.fallback = 0, .min = 0, .max = 1'000'000, .help = "underused ones to be exceeded"})),
        utilization_(on(p, "low_node_utilization", "whether that strategy runs")),
        duplicates_(on(p, "remove_duplicates", "whether that strategy runs")),
        node_fit_(on(p, "node_fit", "only pods that would fit on another node")) {}

  Duration period() const override { return period_; }

  void heal(const HealObservation& o, HealDecision& act) override {
    cluster_ = &o.cluster;
    nodes_.clear();
    for (const HealedNode& node : o.nodes) {
      if (node.ready) nodes_.push_back(&node);
    }
    evicted_.clear();
    if (nodes_.size() < 2) return;  // Upstream: there is nowhere to go.
    if (duplicates_) remove_duplicates(act);
    if (utilization_) balance(act);
  }

 private:
  static bool on(const Params& p, const char* name, const char* help) {
    return p.choice(name, {.fallback = "on", .values = {"on", "off"}, .help = help}) == "on";
  }
  static Percentages percentages(const Params& p, const std::array<const char*, 3>& names, std::int64_t fallback,
                                 const char* help) {
    const auto read = [&](const char* name) {
      return p.integer(name, {.fallback = fallback, .min = 0, .max = 100, .help = help});
    };
    Percentages out;
    out.cpu = read(names[0]);
    out.memory = read(names[1]);
    out.pods = read(names[2]);
    return out;
  }

  const PodTemplate& template_of(const HealedPod& pod) const { return cluster_->catalog()[pod.pod_template]; }
  Usage request(const HealedPod& pod) const {
    const Resources& r = template_of(pod).request;
    return {r.cpu_milli, r.memory_bytes, 1};
  }
  bool evict(const HealedPod& pod, HealDecision& act) {
    if (!act.evict(pod.handle)) return false;
    evicted_.insert(pod.handle);
    return true;
  }

  // ---- DefaultEvictor ----------------------------------------------------------------------------------------------

  bool evictable(const HealedPod& pod) const {
    const PodTemplate& t = template_of(pod);
    if (t.pod != nullptr && t.pod->annotations.find(kEvictAnnotation) != nullptr) return true;
    if (pod.daemon || pod.terminating || pod.owner == 0 || evicted_.contains(pod.handle)) return false;
    if (t.priority >= kSystemCritical) return false;
    if (t.pod == nullptr) return true;
    return std::none_of(t.pod->spec.volumes.begin(), t.pod->spec.volumes.end(),
                        [](const kube::api::VolumeSpec& v) { return v.type == "emptyDir" || v.type == "hostPath"; });
  }

  // Ready nodes alone; what is evicted still has its room there.
  bool fits_elsewhere(const HealedPod& pod, NodeId own) const {
    if (!node_fit_) return true;
    const PodTemplate& t = template_of(pod);
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [&](const HealedNode* node) { return node->id != own && cluster_->fits(t, node->id); });
  }

  // ---- RemoveDuplicates --------------------------------------------------------------------------------------------

  // Pods of one owner with the same images.
  struct Kin {
    std::uint64_t owner = 0;
    std::vector<std::string> images;  // Sorted.
    friend auto operator<=>(const Kin&, const Kin&) = default;
  };
  struct Family {
    std::int64_t pods = 0;
    std::vector<std::vector<const HealedPod*>> duplicates;  // By node: all but the first.
  };

  Kin kin_of(const HealedPod& pod) const {
    Kin kin{pod.owner, {}};
    if (const PodTemplate& t = template_of(pod); t.pod != nullptr) {
      for (const kube::Container& c : t.pod->scheduling.containers) kin.images.push_back(c.image);
    }
    std::ranges::sort(kin.images);
    return kin;
  }

  void remove_duplicates(HealDecision& act) {
    std::map<Kin, std::size_t> numbers;
    std::vector<Family> families;
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      std::set<std::size_t> here;
      for (const HealedPod& pod : nodes_[n]->pods) {
        if (pod.owner == 0 || !evictable(pod) || !fits_elsewhere(pod, nodes_[n]->id)) continue;
        const auto [it, fresh] = numbers.try_emplace(kin_of(pod), families.size());
        if (fresh) families.emplace_back().duplicates.resize(nodes_.size());
        Family& family = families[it->second];
        ++family.pods;
        if (!here.insert(it->second).second) family.duplicates[n].push_back(&pod);
      }
    }
    for (const Family& family : families) {
      const std::int64_t targets = target_nodes(family);
      if (targets < 2) continue;
      const auto most = static_cast<std::size_t>((family.pods + targets - 1) / targets);
      for (const std::vector<const HealedPod*>& duplicates : family.duplicates) {
        for (std::size_t i = most - 1; i < duplicates.size(); ++i) evict(*duplicates[i], act);
      }
    }
  }

  // How many nodes the duplicates may go to by taints, selectors and affinity; 0 if there are none.
  std::int64_t target_nodes(const Family& family) const {
    std::set<TemplateId> looked_at;
    std::vector<bool> target(nodes_.size());
    for (const std::vector<const HealedPod*>& duplicates : family.duplicates) {
      for (const HealedPod* pod : duplicates) {
        if (!looked_at.insert(pod->pod_template).second) continue;
        std::vector<bool> admits(nodes_.size());
        for (std::size_t n = 0; n < nodes_.size(); ++n) admits[n] = cluster_->admits(template_of(*pod), nodes_[n]->id);
        if (std::count(admits.begin(), admits.end(), true) < 2) continue;
        for (std::size_t n = 0; n < nodes_.size(); ++n) target[n] = target[n] || admits[n];
      }
    }
    return std::count(target.begin(), target.end(), true);
  }

  // ---- LowNodeUtilization ------------------------------------------------------------------------------------------

  void balance(HealDecision& act) {
    struct Source {
      const HealedNode* node;
      Usage usage, high;
    };
    std::vector<const HealedNode*> low;
    std::vector<Source> sources;
    Usage room;  // What may be moved: up to the target on all underused nodes.
    for (const HealedNode* node : nodes_) {
      const NodeSpec& spec = cluster_->node_spec(node->id);
      const Usage high = target_.of(spec);
      Usage usage;
      for (const HealedPod& pod : node->pods) usage += request(pod);
      if (!cluster_->node_object(node->id)->unschedulable && !usage.any_above(low_.of(spec))) {
        low.push_back(node);
        room += high;
        room -= usage;
      } else if (usage.any_above(high)) {
        sources.push_back({node, usage, high});
      }
    }
    if (low.empty() || static_cast<std::int64_t>(low.size()) <= number_of_nodes_ || low.size() == nodes_.size()) return;
    std::ranges::stable_sort(sources, std::greater<>{}, [](const Source& s) { return s.usage.sum(); });
    for (Source& source : sources) {
      std::vector<const HealedPod*> pods;
      for (const HealedPod& pod : source.node->pods) {
        if (evictable(pod)) pods.push_back(&pod);
      }
      std::ranges::stable_sort(pods, {}, [this](const HealedPod* pod) { return eviction_rank(*pod); });
      for (const HealedPod* pod : pods) {
        if (!source.usage.any_above(source.high) || !room.all_positive()) break;
        if (!tolerates_one(*pod, low) || !fits_elsewhere(*pod, source.node->id) || !evict(*pod, act)) continue;
        source.usage -= request(*pod);
        room -= request(*pod);
      }
    }
  }

  // Low priorities first; among equals best-effort pods, then burstable, then guaranteed ones.
  std::pair<std::int32_t, int> eviction_rank(const HealedPod& pod) const {
    const PodTemplate& t = template_of(pod);
    const QosClass qos = t.pod == nullptr ? QosClass::kBurstable : qos_class(*t.pod);
    return {t.priority, qos == QosClass::kBestEffort ? 0 : qos == QosClass::kBurstable ? 1 : 2};
  }

  // Upstream asks for as many tolerations as there are taints, too.
  bool tolerates_one(const HealedPod& pod, const std::vector<const HealedNode*>& low) const {
    static const std::vector<kube::Toleration> kNone;
    const PodTemplate& t = template_of(pod);
    const std::vector<kube::Toleration>& tolerations = t.pod == nullptr ? kNone : t.pod->scheduling.tolerations;
    return std::any_of(low.begin(), low.end(), [&](const HealedNode* node) {
      const std::vector<kube::Taint>& taints = cluster_->node_object(node->id)->taints;
      return tolerations.size() >= taints.size() &&
             std::all_of(taints.begin(), taints.end(),
                         [&](const kube::Taint& taint) { return kube::tolerated(tolerations, taint); });
    });
  }

  Duration period_;
  Percentages low_, target_;
  std::int64_t number_of_nodes_;
  bool utilization_, duplicates_, node_fit_;
  // During one call.
  const Cluster* cluster_ = nullptr;
  std::vector<const HealedNode*> nodes_;  // Ready ones.
  std::set<std::uint32_t> evicted_;
};

const Register<Healer, Descheduler> kRegistered{"descheduler", "moves pods off full nodes and off their like"};

}  // namespace
}  // namespace berth

// InterPodAffinity: near the pods that the pod wants, away from those it shuns, and away from those that shun it.
// "Near" is sharing the value of a node label, the term's topologyKey.
// Source: pkg/scheduler/framework/plugins/interpodaffinity, v1.37.
#include "policies/schedulers/kube/inter_pod_affinity.hpp"

#include <algorithm>
#include <map>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {

std::vector<AffinityTerm> with_namespaces(std::vector<AffinityTerm> terms, const ClusterState& cluster) {
  for (AffinityTerm& term : terms) {
    if (term.namespace_selector.empty()) continue;
    for (const Namespace& item : cluster.objects().namespaces) {
      if (term.namespace_selector.matches(item.labels)) term.namespaces.push_back(item.name);
    }
    term.namespace_selector = LabelSelector{};
  }
  return terms;
}

bool matches_all(const std::vector<AffinityTerm>& terms, const Pod& pod) {
  return !terms.empty() && std::all_of(terms.begin(), terms.end(),
                                       [&pod](const AffinityTerm& term) { return term.matches(pod, nullptr); });
}

void normalize_inter_pod_affinity(std::span<std::int64_t> scores) {
  if (scores.empty()) return;
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  const std::int64_t min = *low;
  const std::int64_t range = *high - min;
  for (std::int64_t& score : scores) {
    // In doubles and in this order: 29/100 comes to 28.
    const double share = range == 0 ? 0 : static_cast<double>(score - min) / static_cast<double>(range);
    score = static_cast<std::int64_t>(static_cast<double>(kMaxNodeScore) * share);
  }
}

namespace {

// How many pods, or how much weight, per label key and value. An entry that comes to 0 is dropped: "no pod anywhere
// matches" is told by emptiness.
using Counts = std::map<std::pair<std::string, std::string>, std::int64_t>;

void count(Counts& counts, const NodeInfo& node, const std::string& topology_key, std::int64_t by) {
  const std::string* value = node.label(topology_key);
  if (value == nullptr) return;
  const auto it = counts.try_emplace({topology_key, *value}, 0).first;
  it->second += by;
  if (it->second == 0) counts.erase(it);
}

std::int64_t at(const Counts& counts, const std::string& key, const std::string& value) {
  const auto it = counts.find({key, value});
  return it == counts.end() ? 0 : it->second;
}

struct FilterState : CopiedState<FilterState> {
  std::shared_ptr<const std::vector<AffinityTerm>> affinity;  // The pod's own required terms.
  std::shared_ptr<const std::vector<AffinityTerm>> anti_affinity;
  const StringMap* namespace_labels = nullptr;  // Of the pod's namespace.
  Counts affinity_counts;                       // Pods that match all of `affinity`, per term.
  Counts anti_affinity_counts;                  // Pods that match a term of `anti_affinity`.
  Counts existing_counts;                       // Pods with a required anti-affinity term that matches the pod.

  void add(const Pod& self, const PodInfo& other, const NodeInfo& node, int sign) {
    for (const AffinityTerm& term : other.required_anti_affinity) {
      if (term.matches(self, namespace_labels)) count(existing_counts, node, term.topology_key, sign);
    }
    if (matches_all(*affinity, other.pod)) {
      for (const AffinityTerm& term : *affinity) count(affinity_counts, node, term.topology_key, sign);
    }
    for (const AffinityTerm& term : *anti_affinity) {
      if (term.matches(other.pod, nullptr)) count(anti_affinity_counts, node, term.topology_key, sign);
    }
  }
};

// Weights by key and value; 0 stays, since "some term matched" is told by emptiness.
struct ScoreState : CopiedState<ScoreState> {
  std::map<std::string, std::map<std::string, std::int64_t>> weights;

  void add(const AffinityTerm& term, std::int64_t weight, const Pod& pod, const StringMap* namespace_labels,
           const NodeInfo& node) {
    const std::string* value = node.label(term.topology_key);
    if (value == nullptr || !term.matches(pod, namespace_labels)) return;
    weights[term.topology_key][*value] += weight;
  }
};

class InterPodAffinity final : public Plugin {
 public:
  explicit InterPodAffinity(const PluginArgs& args)
      : Plugin("InterPodAffinity"),
        hard_weight_(args.hard_pod_affinity_weight),
        ignore_existing_(args.ignore_preferred_terms_of_existing_pods) {}

  Scope scope() const override { return Scope::kTopology; }
  bool normalizes() const override { return true; }

  Status pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>&) const override {
    auto own = std::make_unique<FilterState>();
    const PodInfo& pod = cycle.pod;
    own->affinity = std::make_shared<std::vector<AffinityTerm>>(with_namespaces(pod.required_affinity, cycle.cluster));
    own->anti_affinity =
        std::make_shared<std::vector<AffinityTerm>>(with_namespaces(pod.required_anti_affinity, cycle.cluster));
    own->namespace_labels = cycle.cluster.namespace_labels(pod.pod.namespace_name);
    const bool has_terms = !own->affinity->empty() || !own->anti_affinity->empty();
    for (const NodeInfo& node : cycle.cluster.nodes()) {
      for (const PodRef& other : node.pods) {
        if (has_terms || !other->required_anti_affinity.empty()) own->add(pod.pod, *other.info, node, +1);
      }
    }
    const bool nothing = !has_terms && own->existing_counts.empty();
    state.filter[slot()] = std::move(own);
    return nothing ? skip() : Status{};
  }

  Status filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const override {
    const auto& own = filter_state<FilterState>(state);
    if (!near_enough(cycle.pod.pod, own, node)) return unresolvable("node(s) didn't match pod affinity rules");
    for (const AffinityTerm& term : *own.anti_affinity) {
      const std::string* value = node.label(term.topology_key);
      if (value != nullptr && at(own.anti_affinity_counts, term.topology_key, *value) > 0) {
        return unschedulable("node(s) didn't match pod anti-affinity rules");
      }
    }
    for (const auto& [pair, pods] : own.existing_counts) {
      const std::string* value = node.label(pair.first);
      if (pods > 0 && value != nullptr && *value == pair.second) {
        return unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
      }
    }
    return {};
  }

  void update(const Cycle& cycle, CycleState& state, const PodInfo& other, const NodeInfo& node,
              int sign) const override {
    filter_state<FilterState>(state).add(cycle.pod.pod, other, node, sign);
  }

  Status pre_score(const Cycle& cycle, CycleState& state, std::span<const NodeInfo* const>) const override {
    const PodInfo& pod = cycle.pod;
    const bool prefers = !pod.preferred_affinity.empty() || !pod.preferred_anti_affinity.empty();
    if (ignore_existing_ && !prefers) return skip();
    const auto affinity = with_namespaces(pod.preferred_affinity, cycle.cluster);
    const auto anti_affinity = with_namespaces(pod.preferred_anti_affinity, cycle.cluster);
    const StringMap* labels = cycle.cluster.namespace_labels(pod.pod.namespace_name);
    auto own = std::make_unique<ScoreState>();
    for (const NodeInfo& node : cycle.cluster.nodes()) {
      for (const PodRef& other : node.pods) {
        if (!prefers && !other->has_affinity()) continue;
        for (const AffinityTerm& term : affinity) own->add(term, term.weight, other->pod, nullptr, node);
        for (const AffinityTerm& term : anti_affinity) own->add(term, -term.weight, other->pod, nullptr, node);
        if (hard_weight_ > 0) {
          for (const AffinityTerm& term : other->required_affinity) own->add(term, hard_weight_, pod.pod, labels, node);
        }
        for (const AffinityTerm& term : other->preferred_affinity) own->add(term, term.weight, pod.pod, labels, node);
        for (const AffinityTerm& term : other->preferred_anti_affinity)
          own->add(term, -term.weight, pod.pod, labels, node);
      }
    }
    const bool nothing = own->weights.empty();
    state.score[slot()] = std::move(own);
    return nothing ? skip() : Status{};
  }

  std::int64_t score(const Cycle&, const CycleState& state, const NodeInfo& node) const override {
    std::int64_t sum = 0;
    for (const auto& [key, values] : score_state<ScoreState>(state).weights) {
      const std::string* value = node.label(key);
      if (value == nullptr) continue;
      const auto it = values.find(*value);
      if (it != values.end()) sum += it->second;
    }
    return sum;
  }

  void normalize(const Cycle&, const CycleState&, std::span<const NodeInfo* const>,
                 std::span<std::int64_t> scores) const override {
    normalize_inter_pod_affinity(scores);
  }

 private:
  static bool near_enough(const Pod& self, const FilterState& state, const NodeInfo& node) {
    bool found = true;
    for (const AffinityTerm& term : *state.affinity) {
      const std::string* value = node.label(term.topology_key);
      if (value == nullptr) return false;
      if (at(state.affinity_counts, term.topology_key, *value) <= 0) found = false;
    }
    // The first pod of a group that wants to be together: nobody is there yet, and it would match itself.
    return found || (state.affinity_counts.empty() && matches_all(*state.affinity, self));
  }

  std::int64_t hard_weight_;
  bool ignore_existing_;
};

}  // namespace

std::unique_ptr<Plugin> make_inter_pod_affinity(const PluginArgs& args) {
  return std::make_unique<InterPodAffinity>(args);
}

}  // namespace berth::kube

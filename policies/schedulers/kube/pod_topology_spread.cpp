// PodTopologySpread: matching pods evenly over the values of a node label: zones, hosts, racks.
// Source: pkg/scheduler/framework/plugins/podtopologyspread and plugins/helper/spread.go, v1.37.
#include "policies/schedulers/kube/pod_topology_spread.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_set>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {

using Constraints = std::vector<TopologySpreadConstraint>;

namespace {

// What the pod's services and its controller select together; `{}` if nobody selects it.
LabelSelector default_selector(const Cycle& cycle) {
  const Pod& pod = cycle.pod.pod;
  const Objects& objects = cycle.cluster.objects();
  LabelSelector selector = LabelSelector::everything();
  const auto add = [&selector](const std::string& key, const std::string& value) {
    selector.requirements.push_back({key, SelectorOperator::kIn, {value}});
  };
  for (const Service& service : objects.services) {
    if (service.namespace_name != pod.namespace_name || !service.has_selector) continue;
    if (!pod.labels.has_all(service.selector)) continue;
    for (const auto& [key, value] : service.selector) add(key, value);
  }
  if (!pod.controller) return selector;
  const auto kind = [&]() -> std::optional<Workload::Kind> {
    const OwnerReference& owner = *pod.controller;
    if (owner.kind == "ReplicationController" && owner.api_version == "v1")
      return Workload::Kind::kReplicationController;
    if (owner.kind == "ReplicaSet" && owner.api_version == "apps/v1") return Workload::Kind::kReplicaSet;
    if (owner.kind == "StatefulSet" && owner.api_version == "apps/v1") return Workload::Kind::kStatefulSet;
    return std::nullopt;
  }();
  for (const Workload& workload : objects.workloads) {
    if (!kind || workload.kind != *kind || workload.namespace_name != pod.namespace_name ||
        workload.name != pod.controller->name) {
      continue;
    }
    for (const Requirement& r : workload.selector.requirements) selector.requirements.push_back(r);
  }
  return selector;
}

}  // namespace

SpreadDefaults::SpreadDefaults(const PluginArgs& args)
    : system(args.system_defaulting), constraints(args.default_constraints) {
  if (!system) return;
  constraints.clear();
  for (const auto& [key, skew] : {std::pair{kHostnameLabel, 3}, std::pair{kZoneLabel, 5}}) {
    TopologySpreadConstraint& c = constraints.emplace_back();
    c.topology_key = key;
    c.max_skew = skew;
    c.schedule_anyway = true;
  }
}

std::vector<TopologySpreadConstraint> spread_constraints_of(const SpreadDefaults& defaults, const Cycle& cycle,
                                                            bool schedule_anyway) {
  const Pod& pod = cycle.pod.pod;
  Constraints out;
  const bool own = !pod.spread_constraints.empty();
  for (const TopologySpreadConstraint& c : own ? pod.spread_constraints : defaults.constraints) {
    if (c.schedule_anyway == schedule_anyway) out.push_back(c);
  }
  if (own || out.empty()) return out;
  const LabelSelector selector = default_selector(cycle);
  if (selector.empty()) return {};
  for (TopologySpreadConstraint& c : out) c.selector = selector;
  return out;
}

bool spread_needs_all_keys(const SpreadDefaults& defaults, const Pod& pod) {
  return !pod.spread_constraints.empty() || !defaults.system;
}

bool has_all_keys(const NodeInfo& node, const Constraints& constraints) {
  return std::all_of(constraints.begin(), constraints.end(),
                     [&node](const TopologySpreadConstraint& c) { return node.label(c.topology_key) != nullptr; });
}

// Do the constraint's inclusion policies count this node?
bool spread_counts(const TopologySpreadConstraint& c, const Pod& pod, const Node& node) {
  if (c.honor_node_affinity && !matches_required_node_affinity(pod, node)) return false;
  return !c.honor_node_taints || tolerates_scheduling(pod.tolerations, node.taints);
}

double spread_weight(std::size_t domains) {
  return std::log(static_cast<double>(domains + 2));
}

double spread_term(const TopologySpreadConstraint& c, std::int64_t count, double weight) {
  return static_cast<double>(count) * weight + static_cast<double>(c.max_skew - 1);
}

std::int64_t spread_score(double sum) {
  return static_cast<std::int64_t>(std::round(sum));
}

void normalize_spread(std::span<std::int64_t> scores, const std::vector<bool>& ignored) {
  std::int64_t min = std::numeric_limits<std::int64_t>::max();
  std::int64_t max = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (ignored[i]) continue;
    min = std::min(min, scores[i]);
    max = std::max(max, scores[i]);
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (ignored[i]) {
      scores[i] = 0;
    } else {
      scores[i] = max == 0 ? kMaxNodeScore : kMaxNodeScore * (max + min - scores[i]) / max;
    }
  }
}

namespace {

// `{}` counts nobody here, although it matches everybody; terminating pods do not count.
std::int64_t matching_pods(const NodeInfo& node, const LabelSelector& selector, const std::string& namespace_name) {
  if (selector.empty()) return 0;
  return std::count_if(node.pods.begin(), node.pods.end(), [&](const PodRef& p) {
    return !p->pod.deleting && p->pod.namespace_name == namespace_name && selector.matches(p->pod.labels);
  });
}

struct FilterState : CopiedState<FilterState> {
  std::shared_ptr<const Constraints> constraints;
  std::vector<std::map<std::string, std::int64_t>> counts;  // By constraint: matching pods per value.
};

struct ScoreState : CopiedState<ScoreState> {
  Constraints constraints;
  std::vector<std::map<std::string, std::int64_t>> counts;  // Not of host names: those are counted node by node.
  std::vector<double> weights;
  std::unordered_set<std::uint32_t> ignored;  // Nodes that lack a key; never iterated.
};

class PodTopologySpread final : public Plugin {
 public:
  explicit PodTopologySpread(const PluginArgs& args) : Plugin("PodTopologySpread"), defaults_(args) {}

  Scope scope() const override { return Scope::kTopology; }
  bool normalizes() const override { return true; }

  Status pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>&) const override {
    Constraints constraints = spread_constraints_of(defaults_, cycle, false);
    if (constraints.empty()) return skip();
    auto own = std::make_unique<FilterState>();
    own->counts.resize(constraints.size());
    for (const NodeInfo& node : cycle.cluster.nodes()) {
      if (!has_all_keys(node, constraints)) continue;
      for (std::size_t i = 0; i < constraints.size(); ++i) {
        if (!spread_counts(constraints[i], cycle.pod.pod, *node.node)) continue;
        own->counts[i][*node.label(constraints[i].topology_key)] +=
            matching_pods(node, constraints[i].selector, cycle.pod.pod.namespace_name);
      }
    }
    own->constraints = std::make_shared<Constraints>(std::move(constraints));
    state.filter[slot()] = std::move(own);
    return {};
  }

  Status filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const override {
    const auto& own = filter_state<FilterState>(state);
    for (std::size_t i = 0; i < own.constraints->size(); ++i) {
      const TopologySpreadConstraint& c = (*own.constraints)[i];
      const std::string* value = node.label(c.topology_key);
      if (value == nullptr) {
        return unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");
      }
      const auto& counts = own.counts[i];
      std::int64_t min = 0;  // With fewer domains than minDomains the least is taken to be none.
      if (static_cast<std::int64_t>(counts.size()) >= c.min_domains) {
        min = std::min_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
                return a.second < b.second;
              })->second;
      }
      const auto here = counts.find(*value);
      const std::int64_t count = here == counts.end() ? 0 : here->second;
      const std::int64_t self = c.selector.matches(cycle.pod.pod.labels) ? 1 : 0;
      if (count + self - min > c.max_skew) return unschedulable("node(s) didn't match pod topology spread constraints");
    }
    return {};
  }

  void update(const Cycle& cycle, CycleState& state, const PodInfo& other, const NodeInfo& node,
              int sign) const override {
    auto& own = filter_state<FilterState>(state);
    if (other.pod.namespace_name != cycle.pod.pod.namespace_name || !has_all_keys(node, *own.constraints)) return;
    for (std::size_t i = 0; i < own.constraints->size(); ++i) {
      const TopologySpreadConstraint& c = (*own.constraints)[i];
      // Unlike the first count, this one takes `{}` to match (as upstream).
      if (!c.selector.matches(other.pod.labels) || !spread_counts(c, cycle.pod.pod, *node.node)) continue;
      own.counts[i][*node.label(c.topology_key)] += sign;
    }
  }

  Status pre_score(const Cycle& cycle, CycleState& state, std::span<const NodeInfo* const> feasible) const override {
    const Pod& pod = cycle.pod.pod;
    auto own = std::make_unique<ScoreState>();
    own->constraints = spread_constraints_of(defaults_, cycle, true);
    if (own->constraints.empty()) return skip();
    const Constraints& constraints = own->constraints;
    // The built-in defaults do without a label: hosts are spread over even where there are no zones.
    const bool need_all = spread_needs_all_keys(defaults_, pod);
    own->counts.resize(constraints.size());
    for (const NodeInfo* node : feasible) {
      if (need_all && !has_all_keys(*node, constraints)) {
        own->ignored.insert(node->index);
        continue;
      }
      for (std::size_t i = 0; i < constraints.size(); ++i) {
        if (constraints[i].topology_key == kHostnameLabel) continue;
        const std::string* value = node->label(constraints[i].topology_key);
        own->counts[i].try_emplace(value == nullptr ? std::string() : *value, 0);
      }
    }
    for (std::size_t i = 0; i < constraints.size(); ++i) {
      const std::size_t domains =
          constraints[i].topology_key == kHostnameLabel ? feasible.size() - own->ignored.size() : own->counts[i].size();
      own->weights.push_back(spread_weight(domains));
    }
    for (const NodeInfo& node : cycle.cluster.nodes()) {
      if (need_all && !has_all_keys(node, constraints)) continue;
      for (std::size_t i = 0; i < constraints.size(); ++i) {
        const std::string* value = node.label(constraints[i].topology_key);
        const auto domain = own->counts[i].find(value == nullptr ? std::string() : *value);
        if (domain == own->counts[i].end() || !spread_counts(constraints[i], pod, *node.node)) continue;
        domain->second += matching_pods(node, constraints[i].selector, pod.namespace_name);
      }
    }
    state.score[slot()] = std::move(own);
    return {};
  }

  std::int64_t score(const Cycle& cycle, const CycleState& state, const NodeInfo& node) const override {
    const auto& own = score_state<ScoreState>(state);
    if (own.ignored.contains(node.index)) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < own.constraints.size(); ++i) {
      const TopologySpreadConstraint& c = own.constraints[i];
      const std::string* value = node.label(c.topology_key);
      if (value == nullptr) continue;
      const std::int64_t count = c.topology_key == kHostnameLabel
                                     ? matching_pods(node, c.selector, cycle.pod.pod.namespace_name)
                                     : own.counts[i].find(*value)->second;
      sum += spread_term(c, count, own.weights[i]);
    }
    return spread_score(sum);
  }

  void normalize(const Cycle&, const CycleState& state, std::span<const NodeInfo* const> nodes,
                 std::span<std::int64_t> scores) const override {
    const auto& own = score_state<ScoreState>(state);
    std::vector<bool> ignored;
    for (const NodeInfo* node : nodes) ignored.push_back(own.ignored.contains(node->index));
    normalize_spread(scores, ignored);
  }

 private:
  SpreadDefaults defaults_;
};

}  // namespace

std::unique_ptr<Plugin> make_pod_topology_spread(const PluginArgs& args) {
  return std::make_unique<PodTopologySpread>(args);
}

}  // namespace berth::kube

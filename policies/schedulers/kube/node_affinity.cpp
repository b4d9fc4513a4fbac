// NodeAffinity: nodeSelector, required and preferred node affinity, and the profile's addedAffinity.
// Source: pkg/scheduler/framework/plugins/nodeaffinity and component-helpers/scheduling/corev1/nodeaffinity, v1.37.
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

class NodeAffinity final : public Plugin {
 public:
  explicit NodeAffinity(const PluginArgs& args)
      : Plugin("NodeAffinity"),
        has_added_(args.has_added_required_terms),
        added_(args.added_required_terms),
        added_preferred_(args.added_preferred_terms) {}

  Scope scope() const override { return Scope::kNodeObject; }
  bool normalizes() const override { return true; }

  Status pre_filter(const Cycle& cycle, CycleState&, std::optional<NodeNames>& narrowed) const override {
    const Pod& pod = cycle.pod.pod;
    if (!pod.has_node_affinity_terms) return !has_added_ && pod.node_selector.empty() ? skip() : Status{};
    NodeNames names;
    for (const NodeSelectorTerm& term : pod.required_node_terms) {
      // A term without a name leaves all nodes open, since terms are alternatives.
      std::optional<NodeNames> of_term;
      for (const Requirement& field : term.match_fields) {
        if (field.key != "metadata.name" || field.op != SelectorOperator::kIn) continue;
        NodeNames both;
        for (const std::string& value : field.values) {
          if (!of_term || of_term->contains(value)) both.insert(value);
        }
        of_term = std::move(both);
      }
      if (!of_term) return {};
      names.merge(*of_term);
    }
    if (pod.required_node_terms.empty()) return {};
    if (names.empty()) return unresolvable("pod affinity terms conflict");
    narrowed = std::move(names);
    return {};
  }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    if (has_added_ && !matches(added_, node.node->labels, node.name())) {
      return unresolvable("node(s) didn't match scheduler-enforced node affinity");
    }
    if (matches_required_node_affinity(cycle.pod.pod, *node.node)) return {};
    return unresolvable("node(s) didn't match Pod's node affinity/selector");
  }

  Status pre_score(const Cycle& cycle, CycleState&, std::span<const NodeInfo* const>) const override {
    return cycle.pod.pod.preferred_node_terms.empty() && added_preferred_.empty() ? skip() : Status{};
  }

  std::int64_t score(const Cycle& cycle, const CycleState&, const NodeInfo& node) const override {
    std::int64_t sum = 0;
    for (const auto* terms : {&added_preferred_, &cycle.pod.pod.preferred_node_terms}) {
      for (const PreferredSchedulingTerm& term : *terms) {
        if (term.weight != 0 && matches(term.preference, node.node->labels, node.name())) sum += term.weight;
      }
    }
    return sum;
  }

  void normalize(const Cycle&, const CycleState&, std::span<const NodeInfo* const>,
                 std::span<std::int64_t> scores) const override {
    default_normalize(scores, false);
  }

 private:
  bool has_added_;
  std::vector<NodeSelectorTerm> added_;
  std::vector<PreferredSchedulingTerm> added_preferred_;
};

}  // namespace

std::unique_ptr<Plugin> make_node_affinity(const PluginArgs& args) {
  return std::make_unique<NodeAffinity>(args);
}

}  // namespace berth::kube

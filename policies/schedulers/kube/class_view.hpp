// What one class of pods meets in the cluster, kept from decision to decision: each node's own answer, and the pods
// that matter to the class counted by topology domain. See fast_scheduler.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "policies/schedulers/kube/node_ranking.hpp"
#include "policies/schedulers/kube/pod_topology_spread.hpp"
#include "policies/schedulers/kube/runtime.hpp"
#include "policies/schedulers/kube/topology.hpp"

namespace berth::kube {

// What PodTopologySpread and InterPodAffinity need of the profile's arguments.
struct DomainRules {
  explicit DomainRules(const PluginArgs& profile) : args(profile), spread(profile) {}
  const PluginArgs& args;
  SpreadDefaults spread;
};

// A refusal as a number: negative, the greater the earlier the plugin stands among the filters. So of two refusals of
// one node the greater is the one that kube-scheduler reports.
constexpr std::int32_t refusal(std::size_t filter, Code code) {
  return -1 - static_cast<std::int32_t>(filter * 2 + (code == Code::kUnschedulableAndUnresolvable ? 1 : 0));
}
constexpr std::size_t refusing_filter(std::int32_t refusal) {
  return static_cast<std::size_t>(-1 - refusal) / 2;
}
constexpr Code refusal_code(std::int32_t refusal) {
  return static_cast<std::size_t>(-1 - refusal) % 2 == 1 ? Code::kUnschedulableAndUnresolvable : Code::kUnschedulable;
}
inline constexpr std::int32_t kAdmitted = 0;
inline constexpr std::uint32_t kNoHandle = 0xFFFF'FFFF;

class ClassView {
 public:
  // Works out everything but the counts. O(nodes). `pod` stands for its class and must outlive the view.
  ClassView(ClusterState& cluster, Topology& topology, const Runtime& runtime, const DomainRules& rules,
            const PodInfo& pod);

  // False if the fast pass cannot decide for this class; nothing else may be called then.
  bool fast() const { return fast_; }
  // Nodes that PreFilter left, ascending; nothing: all.
  const std::optional<std::vector<std::uint32_t>>& narrowed() const { return narrowed_; }
  std::uint32_t narrowed_by() const { return narrowed_by_; }  // Who did: a bit per place among the filters.
  bool counts() const { return !slots_.empty(); }             // Whether pods by domain matter to it.
  // Whether the class has selectors or terms of its own, so that any class of pods may matter to it.
  bool selects() const { return selects_; }
  bool stale() const { return stale_; }  // catch_up() is due whatever changed.

  // ---- counts
  struct Effect {
    std::uint32_t slot;
    std::int64_t by;
  };
  // What a pod of this kind on a node adds to the counts, as (slot, amount). Makes slots as needed. O(terms).
  std::vector<Effect> effects_of(const PodInfo& other);
  // O(1).
  void count(std::uint32_t slot, std::uint32_t node, std::int64_t by);

  // ---- decisions
  // Looks again at the nodes that changed. O(changed nodes · log nodes).
  void catch_up();
  // As if the node had answered this; until it changes or recheck().
  void overrule(std::uint32_t node, std::int32_t answer);
  void recheck(std::uint32_t node);

  const NodeRanking& ranking() const { return ranking_; }
  std::size_t groups() const { return ranking_.groups(); }
  // By group: kAdmitted, or what topology refuses. O(groups · constraints).
  std::span<const std::int32_t> admit_groups();
  // By group, what a feasible node of it scores beside its own value, or RankingQuery::kOut. `present`: feasible nodes
  // to be compared by group; only groups with any count. O(groups · constraints).
  void score_groups(std::span<const std::size_t> present, std::span<std::int64_t> add);
  // How many nodes refuse with each refusal(), by -1 - refusal. Complete if !counts() and nobody narrowed the nodes.
  std::span<const std::uint32_t> refusals() const { return refusals_; }
  // A node's answer: its score, or the refusal.
  std::int32_t answer(std::uint32_t node) const;

  // The class's PreFilter state without topology: complete if !topology_filters().
  const CycleState& state() const { return state_; }
  bool topology_filters() const;
  // All filters but topology, of a node that may be hypothetical: kAdmitted or the refusal.
  std::int32_t admit_alone(const Cycle& cycle, const NodeInfo& node);
  // Whether this effect is on what filters, not only on what scores.
  bool on_filter(std::uint32_t slot) const {
    return slots_[slot].use != Use::kSpreadScore && slots_[slot].use != Use::kWeight;
  }

  // A constraint with selector `{}`, which counts nobody on the nodes but does count nominated pods (as upstream).
  bool spreads_over_everything() const;
  std::uint64_t used = 0;
  std::size_t memory_bytes() const;

 private:
  enum class Use : std::uint8_t {
    kSpreadFilter,
    kSpreadScore,
    kAffinity,
    kAntiAffinity,
    kExistingAntiAffinity,
    kWeight
  };
  // Pods, or weights, per value of a label key (or per node).
  struct Slot {
    Use use{};
    std::size_t key = 0;         // Place in keys_.
    bool by_node = false;        // cells by node: the domain is the node itself.
    std::size_t node_place = 0;  // Place in node_slots_, if it is there.
    bool of_node = false;        // It is.
    std::vector<bool> counted;   // By node; empty: all.
    std::vector<std::int64_t> cells;
    std::int64_t nonzero = 0;  // Cells that are not 0.
    // Of kSpreadFilter: the least count among the domains.
    std::vector<bool> is_domain;
    std::int64_t domains = 0;
    std::vector<std::uint32_t> domains_with;  // By count.
    std::int64_t least = 0;
  };
  // What a node's object makes of the class.
  struct ObjectAnswer {
    std::int32_t value = 0;  // Score so far, or the refusal.
    std::uint32_t raws = 0;  // Into raw_sets_: raw scores that are normalized.
  };
  // What the nodes of a group have in common.
  struct Group {
    std::vector<std::int64_t> identity;  // Signature, images held, then the values of node-wise slots.
  };
  struct Signature {
    std::vector<std::uint32_t> values;  // By keys_; of keys with one node each: 0 or kNoValue.
    std::uint32_t raws = 0;
  };

  ObjectAnswer look_at_object(const NodeInfo& node);
  std::int32_t own_answer(const NodeInfo& node);
  Cycle cycle() const { return {cluster_, pod_, kNoHandle}; }
  void sort_plugins();
  void prepare_spread();
  void prepare_affinity();
  std::uint32_t add_slot(Use use, const std::string& label, bool by_node);
  std::uint32_t slot_for(std::vector<std::uint32_t>& of_use, Use use, const std::string& label);
  std::size_t key_place(const std::string& label);
  void rebuild();
  void count_refusal(std::int32_t answer, std::uint32_t by);  // 1, or 2^32 - 1 to take one away.
  void prepare_images(ClusterState& cluster);
  std::int64_t images_on(std::uint32_t node) const;  // A bit per image_ids_.
  bool grouped() const { return !signature_of_.empty() || !node_slots_.empty() || !image_ids_.empty(); }
  std::uint32_t group_of(std::uint32_t node);
  std::int64_t cell(const Slot& slot, std::uint32_t group) const;
  std::uint32_t value_at(std::size_t key, std::uint32_t group) const;
  std::int32_t admit_group(std::uint32_t group) const;
  void score_spread(std::span<const std::size_t> present, std::span<const std::uint32_t> listed,
                    std::vector<std::int64_t>& raw, std::vector<bool>& ignored);

  const ClusterState& cluster_;
  Topology& topology_;
  const Runtime& runtime_;
  const DomainRules& rules_;
  const PodInfo& pod_;
  bool fast_ = true;
  bool selects_ = false;
  CycleState state_;
  std::optional<std::vector<std::uint32_t>> narrowed_;
  std::uint32_t narrowed_by_ = 0;

  // Plugins by what they need.
  struct NodeFilter {
    std::size_t order;
    const Plugin* plugin;
  };
  struct Scorer {
    const Plugin* plugin;
    std::int64_t weight;
  };
  std::vector<NodeFilter> node_filters_;
  std::vector<Scorer> object_scores_;
  std::vector<Scorer> node_scores_;
  std::vector<Scorer> normalized_;  // Of scope kNodeObject; raws in this order.
  std::size_t spread_filter_order_ = 0, affinity_filter_order_ = 0;
  bool spread_filters_ = false, affinity_filters_ = false;
  std::optional<Scorer> spread_scores_, affinity_scores_, image_scores_;

  std::vector<ObjectAnswer> objects_;  // By node class, or by node.
  bool objects_by_node_ = false;
  std::vector<std::vector<std::int64_t>> raw_sets_;

  // Constraints and terms.
  std::vector<TopologySpreadConstraint> must_spread_, may_spread_;
  std::vector<std::uint32_t> must_slots_, may_slots_;
  bool need_all_ = false;
  std::vector<AffinityTerm> affinity_, anti_affinity_, preferred_, preferred_anti_;
  std::vector<std::uint32_t> affinity_slots_, anti_slots_, existing_slots_, weight_slots_;
  std::vector<std::uint32_t> affinity_by_term_;  // Slots, a term each: two terms of one key share a slot.
  const StringMap* namespace_labels_ = nullptr;
  bool matches_itself_ = false;
  std::vector<std::int64_t> self_;  // By must_spread_: 1 if the pod matches its own selector.

  std::vector<std::uint32_t> image_ids_;    // That the pod names, each once.
  std::vector<std::int64_t> image_counts_;  // How often.

  std::vector<std::size_t> keys_;  // Of the topology, as used here.
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> node_slots_;  // Slots with a domain per node.
  bool stale_ = true;                      // Signatures and groups are to be made anew.

  std::vector<std::uint32_t> signature_of_;  // By node; empty: all of signature 0.
  std::vector<Signature> signatures_;
  std::vector<Group> groups_;
  std::map<std::vector<std::int64_t>, std::uint32_t> group_ids_;
  std::vector<std::uint32_t> free_groups_;
  NodeRanking ranking_;
  ChangeLog::Cursor seen_ = 0;
  std::vector<std::uint32_t> refusals_;
  std::vector<std::int32_t> admitted_;
  // Scratch.
  std::vector<std::int64_t> identity_, raw_;
  std::vector<std::uint32_t> listed_, seen_values_;
  std::vector<bool> ignored_;
};

}  // namespace berth::kube

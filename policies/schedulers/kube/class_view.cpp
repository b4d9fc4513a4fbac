#include "policies/schedulers/kube/class_view.hpp"

#include <algorithm>

#include "policies/schedulers/kube/image_locality.hpp"
#include "policies/schedulers/kube/inter_pod_affinity.hpp"
#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

// Before the values of node-wise slots in a group's identity.
constexpr std::size_t kOfSignature = 0;
constexpr std::size_t kOfImages = 1;
constexpr std::size_t kOfSlots = 2;

// Only claims and disks concern the volume plugins.
bool has_claims_or_disks(const Pod& pod) {
  return std::any_of(pod.volumes.begin(), pod.volumes.end(), [](const Volume& volume) {
    return volume.kind != Volume::Kind::kOther && volume.kind != Volume::Kind::kImage;
  });
}

bool spread_selects(const TopologySpreadConstraint& c, const std::string& namespace_name, const Pod& other) {
  return !c.selector.empty() && !other.deleting && other.namespace_name == namespace_name &&
         c.selector.matches(other.labels);
}

}  // namespace

ClassView::ClassView(ClusterState& cluster, Topology& topology, const Runtime& runtime, const DomainRules& rules,
                     const PodInfo& pod)
    : cluster_(cluster), topology_(topology), runtime_(runtime), rules_(rules), pod_(pod) {
  if (!pod.pod.node_name.empty() || has_claims_or_disks(pod.pod)) {
    fast_ = false;
    return;
  }
  for (const Plugin* plugin : runtime.pre_filters()) {
    if (plugin->scope() == Scope::kTopology || plugin->scope() == Scope::kVolumes) {
      state_.skip_filter.set(plugin->slot());
      continue;
    }
    std::optional<NodeNames> own;
    const Status status = plugin->pre_filter(cycle(), state_, own);
    if (status.code == Code::kSkip) state_.skip_filter.set(plugin->slot());
    fast_ = fast_ && !status.rejected();
    if (!own) continue;
    const auto filters = runtime.filters();
    for (std::size_t i = 0; i < filters.size(); ++i) narrowed_by_ |= filters[i] == plugin ? 1U << i : 0U;
    std::vector<std::uint32_t> left;
    for (const std::string& name : *own) {
      if (const NodeInfo* node = cluster.find_node(name)) left.push_back(node->index);
    }
    std::sort(left.begin(), left.end());
    if (narrowed_) {
      std::vector<std::uint32_t> both;
      std::set_intersection(narrowed_->begin(), narrowed_->end(), left.begin(), left.end(), std::back_inserter(both));
      left = std::move(both);
    }
    narrowed_ = std::move(left);
  }
  for (const Plugin* plugin : runtime.pre_scores()) {
    if (plugin->scope() == Scope::kTopology) continue;
    if (plugin->scope() == Scope::kVolumes || plugin->pre_score(cycle(), state_, {}).code == Code::kSkip) {
      state_.skip_score.set(plugin->slot());
    }
  }
  sort_plugins();
  if (!fast_) return;
  prepare_spread();
  prepare_affinity();
  prepare_images(cluster);
}

void ClassView::sort_plugins() {
  const auto filters = runtime_.filters();
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const Plugin& plugin = *filters[i];
    if (plugin.scope() == Scope::kTopology) {
      const bool spread = std::string_view(plugin.name()) == "PodTopologySpread";
      (spread ? spread_filters_ : affinity_filters_) = true;
      (spread ? spread_filter_order_ : affinity_filter_order_) = i;
    } else if (!state_.skip_filter.test(plugin.slot())) {
      if (plugin.scope() == Scope::kNode) node_filters_.push_back({i, &plugin});
      if (plugin.scope() == Scope::kCluster) fast_ = false;
    }
  }
  const auto scores = runtime_.scores();
  std::int64_t most = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const Scorer scorer{scores[i], runtime_.weights()[i]};
    most += scorer.weight * kMaxNodeScore;
    switch (scorer.plugin->scope()) {
      case Scope::kTopology:
        (std::string_view(scorer.plugin->name()) == "PodTopologySpread" ? spread_scores_ : affinity_scores_) = scorer;
        break;
      case Scope::kNode:
        if (!state_.skip_score.test(scorer.plugin->slot())) node_scores_.push_back(scorer);
        break;
      case Scope::kNodeObject:
        if (!state_.skip_score.test(scorer.plugin->slot())) {
          (scorer.plugin->normalizes() ? normalized_ : object_scores_).push_back(scorer);
        }
        break;
      case Scope::kImages:
        if (!state_.skip_score.test(scorer.plugin->slot())) image_scores_ = scorer;
        break;
      case Scope::kVolumes:
        break;
      case Scope::kCluster:
        fast_ = fast_ && state_.skip_score.test(scorer.plugin->slot());
        break;
    }
  }
  constexpr std::int64_t kMost = 1 << 30;
  fast_ = fast_ && most < kMost;

  // Only a pod that names a node, or a label that sets nodes apart, needs a look at each node's object.
  const Pod& pod = pod_.pod;
  const auto apart = [this](const NodeSelectorTerm& term) {
    return !term.match_fields.empty() ||
           std::any_of(term.match_expressions.begin(), term.match_expressions.end(),
                       [this](const Requirement& r) { return topology_.sets_nodes_apart(r.key); });
  };
  const auto preferred_apart = [&apart](const PreferredSchedulingTerm& term) { return apart(term.preference); };
  const auto& args = rules_.args;
  objects_by_node_ = std::any_of(pod.node_selector.begin(), pod.node_selector.end(),
                                 [this](const auto& item) { return topology_.sets_nodes_apart(item.first); }) ||
                     std::any_of(pod.required_node_terms.begin(), pod.required_node_terms.end(), apart) ||
                     std::any_of(pod.preferred_node_terms.begin(), pod.preferred_node_terms.end(), preferred_apart) ||
                     std::any_of(args.added_required_terms.begin(), args.added_required_terms.end(), apart) ||
                     std::any_of(args.added_preferred_terms.begin(), args.added_preferred_terms.end(), preferred_apart);
}

ClassView::ObjectAnswer ClassView::look_at_object(const NodeInfo& node) {
  ObjectAnswer answer;
  const auto filters = runtime_.filters();
  for (std::size_t i = 0; i < filters.size(); ++i) {
    if (filters[i]->scope() != Scope::kNodeObject || state_.skip_filter.test(filters[i]->slot())) continue;
    const Code code = filters[i]->admits(cycle(), state_, node);
    if (code == Code::kSuccess) continue;
    answer.value = refusal(i, code);
    break;
  }
  if (answer.value >= 0) {
    for (const Scorer& s : object_scores_) {
      answer.value += static_cast<std::int32_t>(s.weight * s.plugin->score(cycle(), state_, node));
    }
  }
  std::vector<std::int64_t> raws;
  for (const Scorer& s : normalized_) raws.push_back(s.plugin->score(cycle(), state_, node));
  const auto it = std::find(raw_sets_.begin(), raw_sets_.end(), raws);
  answer.raws = static_cast<std::uint32_t>(it - raw_sets_.begin());
  if (it == raw_sets_.end()) raw_sets_.push_back(std::move(raws));
  return answer;
}

std::int32_t ClassView::own_answer(const NodeInfo& node) {
  const std::int32_t of_object = objects_[objects_by_node_ ? node.index : topology_.class_of(node.index)].value;
  for (const NodeFilter& filter : node_filters_) {
    if (of_object < 0 && filter.order > refusing_filter(of_object)) break;
    const Code code = filter.plugin->admits(cycle(), state_, node);
    if (code != Code::kSuccess) return refusal(filter.order, code);
  }
  if (of_object < 0) return of_object;
  std::int64_t value = of_object;
  for (const Scorer& s : node_scores_) value += s.weight * s.plugin->score(cycle(), state_, node);
  return static_cast<std::int32_t>(value);
}

std::int32_t ClassView::admit_alone(const Cycle& cycle, const NodeInfo& node) {
  const auto filters = runtime_.filters();
  for (std::size_t i = 0; i < filters.size(); ++i) {
    if (filters[i]->scope() == Scope::kTopology || filters[i]->scope() == Scope::kVolumes) continue;
    if (state_.skip_filter.test(filters[i]->slot())) continue;
    const Code code = filters[i]->admits(cycle, state_, node);
    if (code != Code::kSuccess) return refusal(i, code);
  }
  return kAdmitted;
}

// ---- Topology

std::size_t ClassView::key_place(const std::string& label) {
  const std::size_t key = topology_.key(label);
  const auto place = static_cast<std::size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
  if (place == keys_.size()) keys_.push_back(key);
  return place;
}

std::uint32_t ClassView::add_slot(Use use, const std::string& label, bool by_node) {
  Slot slot;
  slot.use = use;
  slot.key = key_place(label);
  slot.by_node = by_node;
  const Topology::Key& key = topology_[keys_[slot.key]];
  slot.cells.assign(by_node ? key.value_of.size() : key.values, 0);
  slot.of_node = by_node || key.one_node_each;
  const auto id = static_cast<std::uint32_t>(slots_.size());
  if (slot.of_node) {
    slot.node_place = node_slots_.size();
    node_slots_.push_back(id);
  }
  slots_.push_back(std::move(slot));
  stale_ = true;
  return id;
}

// The slot of this use and key, made if need be.
std::uint32_t ClassView::slot_for(std::vector<std::uint32_t>& of_use, Use use, const std::string& label) {
  for (const std::uint32_t id : of_use) {
    if (topology_[keys_[slots_[id].key]].label == label) return id;
  }
  of_use.push_back(add_slot(use, label, false));
  return of_use.back();
}

void ClassView::prepare_spread() {
  const Pod& pod = pod_.pod;
  if (spread_filters_) must_spread_ = spread_constraints_of(rules_.spread, cycle(), false);
  if (spread_scores_) may_spread_ = spread_constraints_of(rules_.spread, cycle(), true);
  need_all_ = spread_needs_all_keys(rules_.spread, pod);
  const auto counted = [&](const TopologySpreadConstraint& c, const std::vector<TopologySpreadConstraint>& all,
                           bool need_all) {
    std::vector<bool> mask;
    bool every = true;
    for (const NodeInfo& node : cluster_.nodes()) {
      mask.push_back((!need_all || has_all_keys(node, all)) && spread_counts(c, pod, *node.node));
      every = every && mask.back();
    }
    if (every) mask.clear();
    return mask;
  };
  for (const TopologySpreadConstraint& c : must_spread_) {
    self_.push_back(c.selector.matches(pod.labels) ? 1 : 0);
    must_slots_.push_back(add_slot(Use::kSpreadFilter, c.topology_key, false));
    Slot& slot = slots_.back();
    slot.counted = counted(c, must_spread_, true);
    const Topology::Key& key = topology_[keys_[slot.key]];
    slot.is_domain.assign(key.values, false);
    for (std::size_t n = 0; n < key.value_of.size(); ++n) {
      if (key.value_of[n] == kNoValue || (!slot.counted.empty() && !slot.counted[n])) continue;
      if (!slot.is_domain[key.value_of[n]]) ++slot.domains;
      slot.is_domain[key.value_of[n]] = true;
    }
    slot.domains_with.assign(1, static_cast<std::uint32_t>(slot.domains));
  }
  for (const TopologySpreadConstraint& c : may_spread_) {
    const bool host = c.topology_key == kHostnameLabel;
    may_slots_.push_back(add_slot(Use::kSpreadScore, c.topology_key, host));
    if (!host) slots_.back().counted = counted(c, may_spread_, need_all_);
  }
  selects_ = selects_ || !must_spread_.empty() || !may_spread_.empty();
}

void ClassView::prepare_affinity() {
  if (affinity_filters_) {
    affinity_ = with_namespaces(pod_.required_affinity, cluster_);
    anti_affinity_ = with_namespaces(pod_.required_anti_affinity, cluster_);
  }
  if (affinity_scores_) {
    preferred_ = with_namespaces(pod_.preferred_affinity, cluster_);
    preferred_anti_ = with_namespaces(pod_.preferred_anti_affinity, cluster_);
  }
  namespace_labels_ = cluster_.namespace_labels(pod_.pod.namespace_name);
  for (const AffinityTerm& term : affinity_) {
    affinity_by_term_.push_back(slot_for(affinity_slots_, Use::kAffinity, term.topology_key));
  }
  for (const AffinityTerm& term : anti_affinity_) slot_for(anti_slots_, Use::kAntiAffinity, term.topology_key);
  matches_itself_ = matches_all(affinity_, pod_.pod);
  selects_ =
      selects_ || !affinity_.empty() || !anti_affinity_.empty() || !preferred_.empty() || !preferred_anti_.empty();
}

void ClassView::prepare_images(ClusterState& cluster) {
  constexpr std::size_t kMost = 62;
  if (!image_scores_) return;
  for (const std::string& name : pod_.images) {
    if (name == ":latest") continue;  // A container without image, as a trace has it: counted, and nowhere.
    const std::uint32_t id = cluster.image_id(name);
    const auto at = static_cast<std::size_t>(std::find(image_ids_.begin(), image_ids_.end(), id) - image_ids_.begin());
    if (at == image_ids_.size()) {
      image_ids_.push_back(id);
      image_counts_.push_back(0);
    }
    ++image_counts_[at];
  }
  fast_ = fast_ && image_ids_.size() <= kMost;
}

std::int64_t ClassView::images_on(std::uint32_t node) const {
  const std::vector<std::uint32_t>& here = *cluster_.nodes()[node].images;
  std::int64_t held = 0;
  for (std::size_t i = 0; i < image_ids_.size() && !here.empty(); ++i) {
    if (std::binary_search(here.begin(), here.end(), image_ids_[i])) held |= std::int64_t{1} << i;
  }
  return held;
}

std::vector<ClassView::Effect> ClassView::effects_of(const PodInfo& other) {
  std::vector<Effect> out;
  const auto add = [&out](std::uint32_t slot, std::int64_t by) {
    const auto it = std::find_if(out.begin(), out.end(), [slot](const Effect& e) { return e.slot == slot; });
    if (it == out.end()) {
      out.push_back({slot, by});
    } else {
      it->by += by;
    }
  };
  const Pod& self = pod_.pod;
  for (std::size_t i = 0; i < must_spread_.size(); ++i) {
    if (spread_selects(must_spread_[i], self.namespace_name, other.pod)) add(must_slots_[i], 1);
  }
  for (std::size_t i = 0; i < may_spread_.size(); ++i) {
    if (spread_selects(may_spread_[i], self.namespace_name, other.pod)) add(may_slots_[i], 1);
  }
  if (affinity_filters_) {
    for (const AffinityTerm& term : other.required_anti_affinity) {
      if (!term.matches(self, namespace_labels_)) continue;
      add(slot_for(existing_slots_, Use::kExistingAntiAffinity, term.topology_key), 1);
    }
    if (matches_all(affinity_, other.pod)) {
      for (const std::uint32_t slot : affinity_by_term_) add(slot, 1);
    }
    for (const AffinityTerm& term : anti_affinity_) {
      if (term.matches(other.pod, nullptr)) add(slot_for(anti_slots_, Use::kAntiAffinity, term.topology_key), 1);
    }
  }
  const bool prefers = !pod_.preferred_affinity.empty() || !pod_.preferred_anti_affinity.empty();
  if (affinity_scores_ && (prefers || !rules_.args.ignore_preferred_terms_of_existing_pods)) {
    const auto weigh = [&](const std::vector<AffinityTerm>& terms, const Pod& of, const StringMap* labels,
                           std::int64_t sign, std::int64_t hard) {
      for (const AffinityTerm& term : terms) {
        if (!term.matches(of, labels)) continue;
        add(slot_for(weight_slots_, Use::kWeight, term.topology_key), hard != 0 ? hard : sign * term.weight);
      }
    };
    weigh(preferred_, other.pod, nullptr, +1, 0);
    weigh(preferred_anti_, other.pod, nullptr, -1, 0);
    const std::int64_t hard = rules_.args.hard_pod_affinity_weight;
    if (hard > 0) weigh(other.required_affinity, self, namespace_labels_, +1, hard);
    weigh(other.preferred_affinity, self, namespace_labels_, +1, 0);
    weigh(other.preferred_anti_affinity, self, namespace_labels_, -1, 0);
  }
  return out;
}

void ClassView::count(std::uint32_t id, std::uint32_t node, std::int64_t by) {
  Slot& slot = slots_[id];
  if (!slot.counted.empty() && !slot.counted[node]) return;
  const std::uint32_t at = slot.by_node ? node : topology_[keys_[slot.key]].value_of[node];
  if (at == kNoValue) return;
  const std::int64_t before = slot.cells[at];
  const std::int64_t after = slot.cells[at] += by;
  slot.nonzero += (after != 0 ? 1 : 0) - (before != 0 ? 1 : 0);
  if (slot.use != Use::kSpreadFilter) return;
  BERTH_CHECK(after >= 0);
  if (static_cast<std::size_t>(after) >= slot.domains_with.size()) {
    slot.domains_with.resize(static_cast<std::size_t>(after) + 1);
  }
  --slot.domains_with[static_cast<std::size_t>(before)];
  ++slot.domains_with[static_cast<std::size_t>(after)];
  slot.least = std::min(slot.least, after);
  while (slot.domains_with[static_cast<std::size_t>(slot.least)] == 0) ++slot.least;
}

// ---- Groups

void ClassView::rebuild() {
  const auto nodes = cluster_.nodes();
  if (objects_.empty()) {
    if (objects_by_node_) {
      for (const NodeInfo& node : nodes) objects_.push_back(look_at_object(node));
    } else {
      for (const std::uint32_t n : topology_.representatives()) objects_.push_back(look_at_object(nodes[n]));
    }
  }

  std::map<std::vector<std::uint32_t>, std::uint32_t> ids;
  signatures_.clear();
  signature_of_.clear();
  if (keys_.empty() && raw_sets_.size() == 1) {
    signatures_.emplace_back();
  } else {
    std::vector<std::uint32_t> text;
    for (std::uint32_t n = 0; n < nodes.size(); ++n) {
      text.assign(1, objects_[objects_by_node_ ? n : topology_.class_of(n)].raws);
      for (const std::size_t k : keys_) {
        const Topology::Key& key = topology_[k];
        const std::uint32_t value = key.value_of[n];
        text.push_back(key.one_node_each && value != kNoValue ? 0 : value);
      }
      const auto [it, fresh] = ids.emplace(text, static_cast<std::uint32_t>(signatures_.size()));
      if (fresh) signatures_.push_back({{text.begin() + 1, text.end()}, text[0]});
      signature_of_.push_back(it->second);
    }
  }

  groups_.clear();
  group_ids_.clear();
  free_groups_.clear();
  ranking_ = NodeRanking();
  std::vector<std::int32_t> values;
  std::vector<std::uint32_t> group_of_node;
  values.reserve(nodes.size());
  if (grouped()) group_of_node.reserve(nodes.size());
  refusals_.assign(2 * runtime_.filters().size(), 0);
  for (const NodeInfo& node : nodes) {
    values.push_back(own_answer(node));
    count_refusal(values.back(), 1);
    if (grouped()) group_of_node.push_back(group_of(node.index));
  }
  if (!grouped()) groups_.push_back({{0, 0}});
  ranking_.assign(std::move(values), std::move(group_of_node), groups_.size());
  seen_ = cluster_.changes().now();
  stale_ = false;
}

std::uint32_t ClassView::group_of(std::uint32_t node) {
  if (!grouped()) return 0;
  identity_.assign(1, signature_of_.empty() ? 0 : signature_of_[node]);
  identity_.push_back(images_on(node));
  for (const std::uint32_t id : node_slots_) {
    const Slot& slot = slots_[id];
    const std::uint32_t at = slot.by_node ? node : topology_[keys_[slot.key]].value_of[node];
    identity_.push_back(at == kNoValue ? 0 : slot.cells[at]);
  }
  // Most often nothing that groups has changed.
  if (node < ranking_.nodes() && groups_[ranking_.group(node)].identity == identity_) return ranking_.group(node);
  const auto it = group_ids_.find(identity_);
  if (it != group_ids_.end()) return it->second;
  std::uint32_t id = 0;
  if (free_groups_.empty()) {
    id = static_cast<std::uint32_t>(groups_.size());
    groups_.push_back({identity_});
    if (ranking_.nodes() > 0) {
      const std::uint32_t added = ranking_.add_group();
      BERTH_CHECK(added == id);
    }
  } else {
    id = free_groups_.back();
    free_groups_.pop_back();
    groups_[id].identity = identity_;
  }
  group_ids_.emplace(identity_, id);
  return id;
}

void ClassView::recheck(std::uint32_t node) {
  const std::uint32_t from = ranking_.group(node);
  const std::uint32_t to = group_of(node);
  const std::int32_t answer = own_answer(cluster_.nodes()[node]);
  count_refusal(ranking_.value(node), 0xFFFF'FFFFU);
  count_refusal(answer, 1);
  ranking_.set(node, answer, to);
  if (from != to && ranking_.members(from) == 0) {
    group_ids_.erase(groups_[from].identity);
    free_groups_.push_back(from);
  }
}

void ClassView::count_refusal(std::int32_t answer, std::uint32_t by) {
  if (answer < 0) refusals_[static_cast<std::size_t>(-1 - answer)] += by;
}

void ClassView::overrule(std::uint32_t node, std::int32_t answer) {
  count_refusal(ranking_.value(node), 0xFFFF'FFFFU);
  count_refusal(answer, 1);
  ranking_.set(node, answer, ranking_.group(node));
}

void ClassView::catch_up() {
  if (stale_) {
    rebuild();
    return;
  }
  cluster_.changes().changed_since(seen_, [this](NodeId node) { recheck(static_cast<std::uint32_t>(index(node))); });
  seen_ = cluster_.changes().now();
}

// ---- What topology makes of the groups

std::uint32_t ClassView::value_at(std::size_t key, std::uint32_t group) const {
  return signatures_[static_cast<std::size_t>(groups_[group].identity[kOfSignature])].values[key];
}

std::int64_t ClassView::cell(const Slot& slot, std::uint32_t group) const {
  if (slot.of_node) return groups_[group].identity[kOfSlots + slot.node_place];
  const std::uint32_t value = value_at(slot.key, group);
  return value == kNoValue ? 0 : slot.cells[value];
}

std::int32_t ClassView::admit_group(std::uint32_t group) const {
  std::int32_t refused = kAdmitted;
  const auto refuse = [&refused](std::size_t filter, Code code) {
    const std::int32_t why = refusal(filter, code);
    refused = refused == kAdmitted ? why : std::max(refused, why);
  };
  for (std::size_t i = 0; i < must_spread_.size(); ++i) {
    const Slot& slot = slots_[must_slots_[i]];
    if (value_at(slot.key, group) == kNoValue) {
      refuse(spread_filter_order_, Code::kUnschedulableAndUnresolvable);
      break;
    }
    const std::int64_t least = slot.domains > 0 && slot.domains >= must_spread_[i].min_domains ? slot.least : 0;
    if (cell(slot, group) + self_[i] - least > must_spread_[i].max_skew) {
      refuse(spread_filter_order_, Code::kUnschedulable);
      break;
    }
  }
  bool found = true;
  bool somebody = false;
  for (const std::uint32_t id : affinity_slots_) {
    const Slot& slot = slots_[id];
    if (value_at(slot.key, group) == kNoValue) {
      refuse(affinity_filter_order_, Code::kUnschedulableAndUnresolvable);
      return refused;
    }
    found = found && cell(slot, group) > 0;
    somebody = somebody || slot.nonzero > 0;
  }
  if (!found && (somebody || !matches_itself_)) {
    refuse(affinity_filter_order_, Code::kUnschedulableAndUnresolvable);
    return refused;
  }
  for (const auto* slots : {&anti_slots_, &existing_slots_}) {
    for (const std::uint32_t id : *slots) {
      const Slot& slot = slots_[id];
      if (value_at(slot.key, group) == kNoValue || cell(slot, group) <= 0) continue;
      refuse(affinity_filter_order_, Code::kUnschedulable);
      return refused;
    }
  }
  return refused;
}

std::span<const std::int32_t> ClassView::admit_groups() {
  admitted_.assign(groups_.size(), kAdmitted);
  if (!slots_.empty()) {
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      if (ranking_.members(g) > 0) admitted_[g] = admit_group(g);
    }
  }
  return admitted_;
}

bool ClassView::topology_filters() const {
  const auto any = [this](const std::vector<std::uint32_t>& slots) {
    return std::any_of(slots.begin(), slots.end(), [this](std::uint32_t id) { return slots_[id].nonzero > 0; });
  };
  return !must_spread_.empty() || !affinity_.empty() || !anti_affinity_.empty() || any(existing_slots_);
}

// Raw scores of PodTopologySpread for the groups listed.
void ClassView::score_spread(std::span<const std::size_t> present, std::span<const std::uint32_t> listed,
                             std::vector<std::int64_t>& raw, std::vector<bool>& ignored) {
  raw.assign(listed.size(), 0);
  ignored.assign(listed.size(), false);
  std::size_t compared = 0;  // Nodes.
  for (std::size_t i = 0; i < listed.size(); ++i) {
    for (const std::uint32_t id : may_slots_) {
      ignored[i] = ignored[i] || (need_all_ && value_at(slots_[id].key, listed[i]) == kNoValue);
    }
    if (!ignored[i]) compared += present[listed[i]];
  }
  std::vector<double> weights;
  for (std::size_t c = 0; c < may_spread_.size(); ++c) {
    const Slot& slot = slots_[may_slots_[c]];
    if (slot.by_node) {
      weights.push_back(spread_weight(compared));
      continue;
    }
    std::size_t domains = 0;
    bool lacking = false;
    seen_values_.clear();
    for (std::size_t i = 0; i < listed.size(); ++i) {
      if (ignored[i]) continue;
      const std::uint32_t value = value_at(slot.key, listed[i]);
      if (value == kNoValue) {
        lacking = true;
      } else if (slot.of_node) {
        domains += present[listed[i]];
      } else {
        seen_values_.push_back(value);
      }
    }
    std::sort(seen_values_.begin(), seen_values_.end());
    domains += static_cast<std::size_t>(std::unique(seen_values_.begin(), seen_values_.end()) - seen_values_.begin());
    weights.push_back(spread_weight(domains + (lacking ? 1 : 0)));
  }
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (ignored[i]) continue;
    double sum = 0;
    for (std::size_t c = 0; c < may_spread_.size(); ++c) {
      const Slot& slot = slots_[may_slots_[c]];
      if (value_at(slot.key, listed[i]) == kNoValue) continue;
      sum += spread_term(may_spread_[c], cell(slot, listed[i]), weights[c]);
    }
    raw[i] = spread_score(sum);
  }
}

void ClassView::score_groups(std::span<const std::size_t> present, std::span<std::int64_t> add) {
  listed_.clear();
  for (std::uint32_t g = 0; g < groups_.size(); ++g) {
    add[g] = present[g] > 0 ? 0 : RankingQuery::kOut;
    if (present[g] > 0) listed_.push_back(g);
  }
  const auto give = [&](std::int64_t weight) {
    for (std::size_t i = 0; i < listed_.size(); ++i) add[listed_[i]] += weight * raw_[i];
  };
  for (std::size_t k = 0; k < normalized_.size(); ++k) {
    raw_.clear();
    for (const std::uint32_t g : listed_) {
      raw_.push_back(raw_sets_[signatures_[static_cast<std::size_t>(groups_[g].identity[kOfSignature])].raws][k]);
    }
    normalized_[k].plugin->normalize(cycle(), state_, {}, raw_);
    give(normalized_[k].weight);
  }
  if (!may_spread_.empty()) {
    score_spread(present, listed_, raw_, ignored_);
    normalize_spread(raw_, ignored_);
    give(spread_scores_->weight);
  }
  if (!weight_slots_.empty()) {
    raw_.clear();
    for (const std::uint32_t g : listed_) {
      std::int64_t sum = 0;
      for (const std::uint32_t id : weight_slots_) {
        if (value_at(slots_[id].key, g) != kNoValue) sum += cell(slots_[id], g);
      }
      raw_.push_back(sum);
    }
    normalize_inter_pod_affinity(raw_);
    give(affinity_scores_->weight);
  }
  if (!image_ids_.empty()) {
    raw_.clear();
    for (const std::uint32_t g : listed_) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < image_ids_.size(); ++i) {
        if (((groups_[g].identity[kOfImages] >> i) & 1) == 0) continue;
        const std::int64_t part = image_part(cluster_.image(image_ids_[i]), cluster_.nodes().size());
        sum = wrapping_add(sum, wrapping_mul(image_counts_[i], part));
      }
      raw_.push_back(image_score(sum, pod_.images.size()));
    }
    give(image_scores_->weight);
  }
}

std::int32_t ClassView::answer(std::uint32_t node) const {
  const std::int32_t own = ranking_.value(node);
  const std::int32_t of_group = admitted_[ranking_.group(node)];
  if (own >= 0) return of_group == kAdmitted ? own : of_group;
  return of_group == kAdmitted ? own : std::max(own, of_group);
}

bool ClassView::spreads_over_everything() const {
  return std::any_of(must_spread_.begin(), must_spread_.end(),
                     [](const TopologySpreadConstraint& c) { return c.selector.empty(); });
}

std::size_t ClassView::memory_bytes() const {
  std::size_t bytes = sizeof *this + ranking_.memory_bytes() + signature_of_.capacity() * sizeof(std::uint32_t) +
                      objects_.capacity() * sizeof(ObjectAnswer);
  for (const Slot& slot : slots_) bytes += slot.cells.capacity() * sizeof(std::int64_t) + slot.counted.capacity() / 8;
  return bytes;
}

}  // namespace berth::kube

#include "policies/schedulers/kube/fast_scheduler.hpp"

#include <algorithm>
#include <bit>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

constexpr std::size_t kMostParts =
    64;  // Groups up to which the tree is asked; beyond, a walk over the nodes is faster.

// The place of a rank in the pre-order of the implicit heap over the feasible list. Of the nodes that tie for the best
// total the first in this order ends up at the root (heap_root()).
std::uint64_t heap_preorder(std::size_t rank) {
  const std::uint64_t bits = rank + 1;
  return bits << std::countl_zero(bits);
}

// heap_root() without making the heap: totals are compared with the best, ties by pre-order.
std::size_t root_of(const std::vector<std::int64_t>& totals) {
  const std::int64_t best = *std::max_element(totals.begin(), totals.end());
  if (totals[0] == best) return 0;
  std::size_t root = 0;
  std::uint64_t first = 0;
  for (std::size_t i = 1; i < totals.size(); ++i) {
    if (totals[i] != best) continue;
    const std::uint64_t place = heap_preorder(i);
    if (root != 0 && place >= first) continue;
    root = i;
    first = place;
  }
  return root;
}

// The same on the tree: down from the root of the heap, into the left half if the best is reached there.
std::uint32_t root_of(const RankingQuery& query, std::int64_t best) {
  const std::size_t count = query.count();
  for (std::size_t rank = 0;;) {
    BERTH_CHECK(rank < count);
    const std::uint32_t node = query.at(rank);
    if (query.total(node) == best) return node;
    bool left = false;
    std::size_t first = 2 * rank + 1;
    for (std::size_t last = first; first < count && !left; first = 2 * first + 1, last = 2 * last + 2) {
      left = query.reaches(first, std::min(last, count - 1), best);
    }
    rank = 2 * rank + (left ? 1 : 2);
  }
}

}  // namespace

FastScheduler::FastScheduler(ClusterState& cluster, const SchedulerConfig& config, const Profile& profile, TieRule ties,
                             std::uint64_t seed)
    : cluster_(cluster),
      twin_(config, profile, ties, seed),
      topology_(cluster.nodes()),
      layout_(cluster.layout()),
      rules_(twin_.args()) {
  for (const NodeInfo& node : cluster.nodes()) {
    for (const PodRef& pod : node.pods) know(*pod.info);
  }
  cluster_.add_listener(this);
}

FastScheduler::~FastScheduler() {
  cluster_.remove_listener(this);
}

// Views are about nodes by their indexes and objects: when these are others, all is forgotten but the kinds of pods.
void FastScheduler::renew() {
  BERTH_CHECK(cluster_.settled());
  if (layout_ == cluster_.layout()) return;
  layout_ = cluster_.layout();
  views_.clear();
  counting_.clear();
  plain_views_ = 0;
  for (auto& effects : effects_) effects.clear();
  topology_ = Topology(cluster_.nodes());
}

// From now on what pods of this class do to the views is known.
void FastScheduler::know(const PodInfo& pod) {
  const auto id = static_cast<std::size_t>(pod.class_id);
  if (id >= known_.size()) {
    known_.resize(id + 1, nullptr);
    effects_.resize(id + 1);
  }
  if (known_[id] != nullptr) return;
  known_[id] = &pod;
  if (layout_ != cluster_.layout()) return;  // No view will stay.
  const auto look = [&](std::size_t of) {
    if (of >= views_.size() || !views_[of] || !views_[of]->fast()) return;
    for (const ClassView::Effect& e : views_[of]->effects_of(pod)) {
      effects_[id].push_back({static_cast<std::uint32_t>(of), e.slot, e.by});
    }
  };
  if (pod.has_affinity()) {
    for (std::size_t of = 0; of < views_.size(); ++of) look(of);
  } else {
    for (const std::uint32_t of : counting_) look(of);
  }
}

void FastScheduler::pod_moved(const PodRef& pod, std::uint32_t node, int sign) {
  know(*pod.info);
  if (layout_ != cluster_.layout()) return;
  for (const Effect& e : effects_[static_cast<std::size_t>(pod->class_id)]) {
    views_[e.pod_class]->count(e.slot, node, sign * e.by);
  }
}

ClassView& FastScheduler::view_of(const PodInfo& pod) {
  const auto id = static_cast<std::size_t>(pod.class_id);
  if (id >= views_.size()) views_.resize(id + 1);
  if (views_[id]) {
    views_[id]->used = ++clock_;
    return *views_[id];
  }
  // Bounds what many classes on many nodes may hold. Views that count pods stay: they are referred to.
  constexpr std::size_t kMostBytes = std::size_t{512} << 20;
  const std::size_t most = std::max<std::size_t>(16, kMostBytes / (5 * cluster_.nodes().size() + 1024));
  while (plain_views_ >= most) {
    std::size_t oldest = views_.size();
    for (std::size_t i = 0; i < views_.size(); ++i) {
      if (!views_[i] || views_[i]->counts() || views_[i]->selects()) continue;
      if (oldest == views_.size() || views_[i]->used < views_[oldest]->used) oldest = i;
    }
    if (oldest == views_.size()) break;
    views_[oldest].reset();
    --plain_views_;
  }
  auto made = std::make_unique<ClassView>(cluster_, topology_, twin_.runtime(), rules_, pod);
  ClassView& view = *made;
  view.used = ++clock_;
  views_[id] = std::move(made);
  if (!view.fast()) return view;
  if (view.selects()) {
    counting_.push_back(static_cast<std::uint32_t>(id));
  } else {
    ++plain_views_;
  }
  bool any = false;
  for (std::size_t other = 0; other < known_.size(); ++other) {
    if (known_[other] == nullptr || (!view.selects() && !known_[other]->has_affinity())) continue;
    for (const ClassView::Effect& e : view.effects_of(*known_[other])) {
      effects_[other].push_back({static_cast<std::uint32_t>(id), e.slot, e.by});
      any = true;
    }
  }
  if (!any) return view;
  for (const NodeInfo& node : cluster_.nodes()) {
    for (const PodRef& other : node.pods) {
      const auto& effects = effects_[static_cast<std::size_t>(other->class_id)];
      for (auto e = effects.rbegin(); e != effects.rend() && e->pod_class == id; ++e)
        view.count(e->slot, node.index, e->by);
    }
  }
  return view;
}

bool FastScheduler::concerns(const PodInfo& waiting, const PodInfo& moved) {
  renew();
  const ClassView& view = view_of(waiting);
  if (!view.fast()) return true;
  know(moved);
  const auto& effects = effects_[static_cast<std::size_t>(moved.class_id)];
  return std::any_of(effects.begin(), effects.end(), [&](const Effect& e) {
    return e.pod_class == static_cast<std::uint32_t>(waiting.class_id) && view.on_filter(e.slot);
  });
}

Choice FastScheduler::naive(const PodRef& pod, std::string_view nominated_node) {
  ++naive_decisions_;
  const Decision d = twin_.decide(cluster_, pod, nominated_node);
  Choice out;
  out.result = d.result;
  out.via = d.via;
  out.feasible = d.feasible.size();
  if (d.node != nullptr) {
    out.node = d.node->index;
    const auto at =
        static_cast<std::size_t>(std::find(d.feasible.begin(), d.feasible.end(), d.node) - d.feasible.begin());
    if (!d.totals.empty()) out.total = d.totals[at];
    if (!d.volumes.empty()) out.volumes = d.volumes[at];
  } else {
    const auto filters = runtime().filters();
    for (const Status& status : d.statuses) {
      for (std::size_t i = 0; i < filters.size(); ++i) {
        if (!status.success() && std::string_view(filters[i]->name()) == status.plugin) out.refused_by |= 1U << i;
      }
    }
    for (std::size_t i = 0; i < filters.size(); ++i) {
      if (std::find(d.narrowers.begin(), d.narrowers.end(), filters[i]->name()) != d.narrowers.end())
        out.refused_by |= 1U << i;
    }
    out.keeps_nomination = d.preemption && !d.preemption->eligible;
  }
  if (d.preempted != nullptr) {
    out.preempt_on = d.preempted->node->index;
    out.victims = d.preempted->victims;
  }
  return out;
}

// Makes the view answer as if the pods nominated to a node, of the same or a higher priority, were there. Returns false
// if they matter beyond that node.
bool FastScheduler::apply_nominations(const PodRef& pod, ClassView& view) {
  overruled_.clear();
  for (const std::uint32_t n : cluster_.nodes_with_nominated()) {
    const NodeInfo* with = nullptr;
    for (const PodRef& other : cluster_.nominated(n)) {
      if (other->pod.priority < pod->pod.priority || other.handle == pod.handle) continue;
      if (view.spreads_over_everything()) return false;
      know(*other.info);
      for (const Effect& e : effects_[static_cast<std::size_t>(other->class_id)]) {
        if (e.pod_class == static_cast<std::uint32_t>(pod->class_id) && view.on_filter(e.slot)) return false;
      }
      if (with == nullptr) {
        hypothetical_ = cluster_.nodes()[n];
        with = &hypothetical_;
      }
      hypothetical_.add(other);
    }
    if (with == nullptr) continue;
    const std::int32_t answer = view.admit_alone({cluster_, *pod.info, pod.handle}, hypothetical_);
    if (answer == kAdmitted) continue;
    view.overrule(n, answer);
    overruled_.push_back(n);
  }
  return true;
}

Choice FastScheduler::decide(const PodRef& pod, std::string_view nominated_node) {
  Choice out;
  if (!pod->pod.scheduling_gates.empty()) {
    out.result = Decision::Result::kGated;
    return out;
  }
  renew();
  ClassView& view = view_of(*pod.info);
  if (!view.fast()) return naive(pod, nominated_node);
  view.catch_up();
  if (!apply_nominations(pod, view)) {
    for (const std::uint32_t n : overruled_) view.recheck(n);
    return naive(pod, nominated_node);
  }
  if (view.stale()) view.catch_up();  // A nominated pod's terms made it count something new.

  const auto admitted = view.admit_groups();
  const NodeInfo* nominated = nominated_node.empty() ? nullptr : cluster_.find_node(nominated_node);
  if (nominated != nullptr && view.answer(nominated->index) >= 0) {
    out.result = Decision::Result::kBound;
    out.via = Decision::Via::kNominated;
    out.node = nominated->index;
    out.feasible = 1;
  } else {
    std::size_t parts = 0;
    for (std::uint32_t g = 0; g < view.groups(); ++g) {
      if (view.ranking().feasible(g) > 0 && admitted[g] == kAdmitted) ++parts;
    }
    if (!view.narrowed() && twin_.tie_rule() == TieRule::kFirst && parts <= kMostParts) {
      choose_by_tree(view, admitted, out);
    } else {
      choose_one_by_one(view, admitted, out);
    }
    if (out.feasible == 0) preempt_for(pod, view, nominated_node, out);
  }
  for (const std::uint32_t n : overruled_) view.recheck(n);
  return out;
}

void FastScheduler::choose_by_tree(ClassView& view, std::span<const std::int32_t> admitted, Choice& out) {
  const std::size_t n = cluster_.nodes().size();
  const std::size_t wanted = twin_.feasible_wanted(n);
  const std::size_t start = n == 0 ? 0 : twin_.next_start() % n;
  query_.reset(view.ranking(), admitted, start);
  out.feasible = std::min(wanted, query_.count());
  if (query_.count() > wanted) {
    // One more than needed ends the search and is not counted.
    const std::size_t end = query_.at(wanted);
    twin_.looked_at(end >= start ? end - start : end + n - start, n);
    query_.keep_first(wanted);
  } else {
    twin_.looked_at(n, n);
  }
  if (out.feasible == 0) return;
  out.result = Decision::Result::kBound;
  if (out.feasible == 1) {
    out.via = Decision::Via::kOnly;
    out.node = query_.at(0);
    return;
  }
  present_.resize(view.groups());
  query_.present(present_);
  add_.resize(view.groups());
  view.score_groups(present_, add_);
  query_.add(add_);
  out.via = Decision::Via::kScore;
  out.total = query_.best();
  out.node = root_of(query_, out.total);
}

void FastScheduler::choose_one_by_one(ClassView& view, std::span<const std::int32_t> admitted, Choice& out) {
  const NodeRanking& ranking = view.ranking();
  const std::size_t all = cluster_.nodes().size();
  const std::size_t n = view.narrowed() ? view.narrowed()->size() : all;
  const std::size_t wanted = twin_.feasible_wanted(n);
  window_.clear();
  present_.assign(view.groups(), 0);
  std::size_t looked = 0;
  std::size_t at = n == 0 ? 0 : twin_.next_start() % n;
  for (; looked < n; ++looked) {
    const std::uint32_t node = view.narrowed() ? (*view.narrowed())[at] : static_cast<std::uint32_t>(at);
    if (++at == n) at = 0;
    const std::uint32_t group = ranking.group(node);
    if (ranking.value(node) < 0 || admitted[group] != kAdmitted) continue;
    if (window_.size() == wanted) break;  // One more than needed ends the search and is not counted.
    window_.push_back(node);
    ++present_[group];
  }
  twin_.looked_at(looked, all);
  out.feasible = window_.size();
  if (window_.empty()) return;
  out.result = Decision::Result::kBound;
  if (window_.size() == 1) {
    out.via = Decision::Via::kOnly;
    out.node = window_[0];
    return;
  }
  out.via = Decision::Via::kScore;
  add_.resize(view.groups());
  view.score_groups(present_, add_);
  totals_.clear();
  for (const std::uint32_t node : window_) totals_.push_back(ranking.value(node) + add_[ranking.group(node)]);
  std::size_t chosen = 0;
  if (twin_.tie_rule() == TieRule::kFirst) {
    chosen = root_of(totals_);
  } else {
    const std::int64_t best = *std::max_element(totals_.begin(), totals_.end());
    std::size_t nth = twin_.pick(static_cast<std::size_t>(std::count(totals_.begin(), totals_.end(), best)));
    while (totals_[chosen] != best || nth-- > 0) ++chosen;
  }
  out.node = window_[chosen];
  out.total = totals_[chosen];
}

void FastScheduler::preempt_for(const PodRef& pod, ClassView& view, std::string_view nominated_node, Choice& out) {
  const std::size_t n = cluster_.nodes().size();
  out.refused_by |= view.narrowed_by();
  out.keeps_nomination = runtime().preempts() && pod->pod.never_preempts;
  const bool nobody_to_evict = !runtime().preempts() || cluster_.lowest_priority() >= pod->pod.priority;
  if (nobody_to_evict && !view.counts() && !view.narrowed()) {
    std::size_t hopeful = 0;
    for (std::size_t i = 0; i < view.refusals().size(); ++i) {
      if (view.refusals()[i] == 0) continue;
      const auto why = static_cast<std::int32_t>(-1 - static_cast<std::int64_t>(i));
      out.refused_by |= 1U << refusing_filter(why);
      if (refusal_code(why) == Code::kUnschedulable) hopeful += view.refusals()[i];
    }
    if (runtime().preempts() && hopeful > 0) (void)twin_.pick(hopeful);  // Where preemption would begin.
    return;
  }
  std::vector<Code> codes(n, Code::kUnschedulableAndUnresolvable);
  const auto look = [&](std::uint32_t node) {
    const std::int32_t answer = view.answer(node);
    codes[node] = refusal_code(answer);
    out.refused_by |= 1U << refusing_filter(answer);
  };
  if (view.narrowed()) {
    for (const std::uint32_t node : *view.narrowed()) look(node);
  } else {
    for (std::uint32_t node = 0; node < n; ++node) look(node);
  }
  if (!runtime().preempts()) return;
  const auto hopeful = static_cast<std::size_t>(std::count(codes.begin(), codes.end(), Code::kUnschedulable));
  const std::size_t offset = hopeful == 0 ? 0 : twin_.pick(hopeful);
  if (hopeful == 0 || nobody_to_evict) return;
  const Cycle cycle{cluster_, *pod.info, pod.handle};
  CycleState whole;
  if (view.topology_filters()) {
    std::optional<NodeNames> narrowed;
    std::vector<std::string> narrowers;
    (void)runtime().pre_filter(cycle, whole, narrowed, narrowers);
  }
  const Preemption preemption = preempt(runtime(), twin_.args(), cycle, view.topology_filters() ? whole : view.state(),
                                        codes, nominated_node, offset);
  out.keeps_nomination = !preemption.eligible;
  if (preemption.ties.empty()) return;
  const PreemptionCandidate& taken = preemption.candidates[preemption.ties[twin_.pick(preemption.ties.size())]];
  out.preempt_on = taken.node->index;
  out.victims = taken.victims;
}

std::string FastScheduler::explain(const PodRef& pod, std::string_view nominated_node) {
  const Scheduler::Memory memory = twin_.memory();
  std::string text = twin_.decide(cluster_, pod, nominated_node).message();
  twin_.remember(memory);
  return text;
}

std::size_t FastScheduler::memory_bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& view : views_) bytes += view ? view->memory_bytes() : 0;
  for (const auto& effects : effects_) bytes += effects.capacity() * sizeof(Effect);
  return bytes;
}

}  // namespace berth::kube

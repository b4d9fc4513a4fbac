#include "sim/controllers/disruption.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace berth::controllers {
namespace {

// metav1's SetStatusCondition: another reason alone moves no time.
void set_condition(Conditions& conditions, ConditionStatus status, Reason reason, Time now) {
  for (Condition& c : conditions) {
    if (c.type != ConditionType::kDisruptionAllowed) continue;
    if (c.status != status) c.last_transition = api_time(now);
    c.status = status;
    c.reason = reason;
    return;
  }
  conditions.push_back({ConditionType::kDisruptionAllowed, status, reason, {}, api_time(now)});
}

// How many pods the selected pods' controllers want together; none if a pod's controller is not known or has no
// scale. Pods of nobody count for nothing.
std::optional<std::int32_t> expected_scale(const Store& store, const std::vector<const Pod*>& pods) {
  std::vector<Owner> seen;
  std::vector<std::pair<Owner, std::int32_t>> scales;
  for (const Pod* pod : pods) {
    if (pod->owner.kind == ObjectKind::kNone || std::find(seen.begin(), seen.end(), pod->owner) != seen.end()) continue;
    seen.push_back(pod->owner);
    std::optional<std::pair<Owner, std::int32_t>> scale;
    if (pod->owner.kind == ObjectKind::kReplicaSet) {
      if (const ReplicaSet* set = store.find<ReplicaSet>(pod->owner.id)) {
        if (set->meta.owner.kind != ObjectKind::kDeployment) {
          scale = {pod->owner, set->spec.replicas};
        } else if (const Deployment* d = store.find<Deployment>(set->meta.owner.id)) {
          scale = {set->meta.owner, d->spec.replicas};
        }
      }
    } else if (pod->owner.kind == ObjectKind::kStatefulSet) {
      if (const StatefulSet* set = store.find<StatefulSet>(pod->owner.id)) scale = {pod->owner, set->spec.replicas};
    }
    if (!scale) return std::nullopt;
    const auto same = [&scale](const auto& s) { return s.first == scale->first; };
    if (std::none_of(scales.begin(), scales.end(), same)) scales.push_back(*scale);
  }
  std::int32_t total = 0;
  for (const auto& s : scales) total += s.second;
  return total;
}

}  // namespace

bool selects(const PodDisruptionBudget& budget, const PodTemplate& pod_template) {
  return budget.selector.matches(pod_template.labels);
}

void update_disruption_allowed(PodDisruptionBudget::Status& status, Time now) {
  if (status.disruptions_allowed > 0) {
    set_condition(status.conditions, ConditionStatus::kTrue, Reason::kSufficientPods, now);
  } else {
    set_condition(status.conditions, ConditionStatus::kFalse, Reason::kInsufficientPods, now);
  }
}

DisruptionController::DisruptionController(Store& store, WorkQueue& work)
    : Controller(store, work),
      recheck_(work, [this](KeyQueue::Key key) { queue_.add_rate_limited(key); }),
      stale_(work, [this](KeyQueue::Key pod) { clean_stale_condition(pod); }) {}

void DisruptionController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind != ObjectKind::kPodDisruptionBudget) return;
  if (change != Change::kUpdated) budgets_of_.clear();
  if (change != Change::kDeleted) queue_.add(id);
}

const std::vector<ObjectId>& DisruptionController::budgets_of(TemplateId pod_template) {
  for (std::size_t t = budgets_of_.size(); t <= index(pod_template); ++t) {
    std::vector<ObjectId>& out = budgets_of_.emplace_back();
    for (ObjectId id = 0; id < store_.end_id<PodDisruptionBudget>(); ++id) {
      const PodDisruptionBudget* budget = store_.find<PodDisruptionBudget>(id);
      if (budget != nullptr && selects(*budget, store_.pod_template(TemplateId(t)))) out.push_back(id);
    }
  }
  return budgets_of_[index(pod_template)];
}

void DisruptionController::pod_changed(const Pod& pod, const Pod&, Change change) {
  if (pod.pod_template == kNoTemplate) return;
  for (const ObjectId id : budgets_of(pod.pod_template)) queue_.add(id);
  if (change != Change::kDeleted && !pod.terminating && pod.status.disruption != Disruption::kNone) {
    stale_.add_after(static_cast<KeyQueue::Key>(pod.id), pod.status.disrupted_since + kStaleConditionTimeout - now());
  }
}

// Who marked the pod as a target of disruption did not delete it in time.
void DisruptionController::clean_stale_condition(KeyQueue::Key key) {
  const PodId id{key};
  if (!store_.exists(id)) return;
  const Pod& pod = store_.pod(id);
  if (pod.terminating || finished(pod.status.phase) || pod.status.disruption == Disruption::kNone ||
      pod.status.disruption == Disruption::kTerminationByKubelet) {
    return;
  }
  const Duration left = pod.status.disrupted_since + kStaleConditionTimeout - now();
  if (left.ns > 0) return stale_.add_after(key, left);
  PodStatus status = pod.status;
  status.disruption = Disruption::kNone;
  store_.set_status(id, status);
}

bool DisruptionController::sync(KeyQueue::Key key) {
  const PodDisruptionBudget* found = store_.find<PodDisruptionBudget>(key);
  if (found == nullptr) return true;
  PodDisruptionBudget budget = *found;
  std::vector<const Pod*> pods;
  for (std::size_t t = 0; t < store_.template_count(); ++t) {
    const std::vector<ObjectId>& budgets = budgets_of(TemplateId(t));
    if (std::find(budgets.begin(), budgets.end(), key) == budgets.end()) continue;
    store_.each_from(TemplateId(t), [&pods](const Pod& p) { pods.push_back(&p); });
  }

  PodDisruptionBudget::Status status;
  status.observed_generation = budget.meta.generation;
  status.conditions = budget.status.conditions;
  const bool by_count =
      !budget.spec.max_unavailable && budget.spec.min_available && !budget.spec.min_available->percent;
  if (by_count) {
    status.expected_pods = static_cast<std::int32_t>(pods.size());
    status.desired_healthy = budget.spec.min_available->value;
  } else if (budget.spec.max_unavailable || budget.spec.min_available) {
    const std::optional<std::int32_t> scale = expected_scale(store_, pods);
    if (!scale) {  // To be on the safe side: no disruptions, the rest stays.
      budget.status.disruptions_allowed = 0;
      set_condition(budget.status.conditions, ConditionStatus::kFalse, Reason::kSyncFailed, now());
      return store_.update(budget);
    }
    status.expected_pods = *scale;
    status.desired_healthy = budget.spec.max_unavailable
                                 ? std::max(0, *scale - budget.spec.max_unavailable->of(*scale, true))
                                 : budget.spec.min_available->of(*scale, true);
  }

  // Evicted pods that are still there, and not told to go yet, count as gone for a while.
  Time recheck = kNever;
  const auto disrupted = [&budget](const Pod& p) -> const PodDisruptionBudget::Disrupted* {
    for (const auto& d : budget.status.disrupted) {
      if (d.pod == p.id && d.uid == p.uid) return &d;
    }
    return nullptr;
  };
  for (const Pod* p : pods) {
    if (p->terminating) continue;
    const PodDisruptionBudget::Disrupted* d = budget.status.disrupted.empty() ? nullptr : disrupted(*p);
    if (d != nullptr && d->at + kDeletionTimeout >= now()) {
      status.disrupted.push_back(*d);
      recheck = std::min(recheck, d->at + kDeletionTimeout);
    }
    const bool counts_as_gone = d != nullptr && d->at + kDeletionTimeout > now();
    if (p->status.ready && !counts_as_gone) ++status.current_healthy;
  }
  status.disruptions_allowed =
      status.expected_pods <= 0 ? 0 : std::max(0, status.current_healthy - status.desired_healthy);
  update_disruption_allowed(status, now());
  budget.status = std::move(status);
  if (!store_.update(budget)) return false;
  if (recheck != kNever) recheck_.add_after(key, recheck - now());
  return true;
}

}  // namespace berth::controllers

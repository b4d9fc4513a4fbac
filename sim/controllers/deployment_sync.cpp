#include "sim/controllers/deployment_sync.hpp"

#include <algorithm>

namespace berth::controllers {
namespace {

bool older(const ReplicaSet& a, const ReplicaSet& b) {
  return a.meta.created != b.meta.created ? a.meta.created < b.meta.created : a.meta.id < b.meta.id;
}

}  // namespace

DeploymentSync::DeploymentSync(Store& store, KeyQueue& queue, const Deployment& deployment)
    : store_(store), queue_(queue), d_(deployment) {
  for (const ObjectId id : store.owned<ReplicaSet>({ObjectKind::kDeployment, d_.meta.id})) {
    sets_.push_back(store.get<ReplicaSet>(id));
  }
  std::sort(sets_.begin(), sets_.end(), older);
}

void DeploymentSync::run() {
  check_paused_conditions();
  if (d_.spec.paused || scaling_event()) {
    scaling();
  } else if (d_.spec.recreate) {
    rollout_recreate();
  } else {
    rollout_rolling();
  }
}

// A pause stops the clock of the progress deadline; going on starts it again.
void DeploymentSync::check_paused_conditions() {
  if (!has_deadline()) return;
  const Condition* progress = find(d_.status.conditions, ConditionType::kProgressing);
  if (progress != nullptr && progress->reason == Reason::kProgressDeadlineExceeded) return;
  const bool noted = progress != nullptr && progress->reason == Reason::kDeploymentPaused;
  if (d_.spec.paused == noted) return;
  set_condition(d_.status.conditions,
                condition(ConditionType::kProgressing, ConditionStatus::kUnknown,
                          d_.spec.paused ? Reason::kDeploymentPaused : Reason::kDeploymentResumed));
  write_deployment();
}

void DeploymentSync::find_replica_sets(bool create) {
  const auto is_new = [this](const ReplicaSet& set) { return set.spec.pod_template == d_.spec.pod_template; };
  const auto found = std::find_if(sets_.begin(), sets_.end(), is_new);
  old_.clear();
  for (auto it = sets_.begin(); it != sets_.end(); ++it) {
    if (it != found) old_.push_back(*it);
  }
  new_.reset();
  if (found != sets_.end()) {
    new_ = update_new(*found);
  } else if (create) {
    new_ = create_new();
  }
}

ReplicaSet DeploymentSync::update_new(ReplicaSet set) {
  std::int64_t revision = 0;
  for (const ReplicaSet& old : old_) revision = std::max(revision, old.annotations.revision);
  ++revision;
  if (set.annotations.revision < revision || set.spec.min_ready_seconds != d_.spec.min_ready_seconds) {
    set.annotations.revision = std::max(set.annotations.revision, revision);
    set.spec.min_ready_seconds = d_.spec.min_ready_seconds;
    if (!store_.update(set)) throw Conflict{};
    return set;  // The Deployment's own revision follows in the sync that this write causes.
  }
  bool changed = d_.annotations.revision != set.annotations.revision;
  d_.annotations.revision = set.annotations.revision;
  if (has_deadline() && find(d_.status.conditions, ConditionType::kProgressing) == nullptr) {
    set_condition(d_.status.conditions,
                  condition(ConditionType::kProgressing, ConditionStatus::kTrue, Reason::kFoundNewReplicaSet));
    changed = true;
  }
  if (changed) write_deployment();
  return set;
}

ReplicaSet DeploymentSync::create_new() {
  ReplicaSet set;
  set.meta.owner = {ObjectKind::kDeployment, d_.meta.id};
  set.spec.pod_template = d_.spec.pod_template;
  set.spec.min_ready_seconds = d_.spec.min_ready_seconds;
  std::int32_t total = 0;
  for (const ReplicaSet& old : old_) {
    total += old.spec.replicas;
    set.annotations.revision = std::max(set.annotations.revision, old.annotations.revision);
  }
  ++set.annotations.revision;
  set.spec.replicas = rollout::new_replicas(d_.spec, total, 0);
  set.annotations.desired_replicas = replicas();
  set.annotations.max_replicas = replicas() + rollout::max_surge(d_.spec);
  set = store_.get<ReplicaSet>(store_.create(set));

  bool changed = d_.annotations.revision != set.annotations.revision;
  d_.annotations.revision = set.annotations.revision;
  if (has_deadline()) {
    set_condition(d_.status.conditions,
                  condition(ConditionType::kProgressing, ConditionStatus::kTrue, Reason::kNewReplicaSetCreated));
    changed = true;
  }
  if (changed) write_deployment();
  return set;
}

// Whether spec.replicas is another than when the ReplicaSets were last written.
bool DeploymentSync::scaling_event() {
  find_replica_sets(false);
  const auto outdated = [this](const ReplicaSet& set) {
    return set.spec.replicas > 0 && set.annotations.desired_replicas && *set.annotations.desired_replicas != replicas();
  };
  return std::any_of(old_.begin(), old_.end(), outdated) || (new_ && outdated(*new_));
}

void DeploymentSync::scaling() {
  find_replica_sets(false);
  scale();
  if (d_.spec.paused) clean_up();
  sync_status();
}

// The only ReplicaSet with replicas; the new or else the latest one if none has; null if several have.
const ReplicaSet* DeploymentSync::active_or_latest() const {
  if (!new_ && old_.empty()) return nullptr;
  const ReplicaSet* only = nullptr;
  int count = 0;
  const auto look = [&](const ReplicaSet& set) {
    if (set.spec.replicas == 0) return;
    only = &set;
    ++count;
  };
  for (const ReplicaSet& set : old_) look(set);
  if (new_) look(*new_);
  if (count == 0) return new_ ? &*new_ : &old_.back();
  return count == 1 ? only : nullptr;
}

void DeploymentSync::scale() {
  if (const ReplicaSet* one = active_or_latest()) {
    ReplicaSet set = *one;
    if (set.spec.replicas != replicas()) scale_replica_set(set, replicas(), false);
    return;
  }
  // The new one is complete: what is left of the old ones is not needed.
  if (new_ && new_->spec.replicas == replicas() && new_->annotations.desired_replicas == replicas() &&
      new_->status.available == replicas()) {
    for (ReplicaSet& set : active_old()) scale_replica_set(set, 0, false);
    return;
  }
  if (d_.spec.recreate) return;

  // In mid roll-out: in proportion, so that the risk stays what it was.
  std::vector<ReplicaSet> sets = active_old();
  if (new_ && new_->spec.replicas > 0) sets.push_back(*new_);
  std::int32_t total = 0;
  for (const ReplicaSet& set : sets) total += set.spec.replicas;
  const std::int32_t allowed = replicas() > 0 ? replicas() + rollout::max_surge(d_.spec) : 0;
  const std::int32_t to_add = allowed - total;
  std::sort(sets.begin(), sets.end(), [to_add](const ReplicaSet& a, const ReplicaSet& b) {
    if (to_add == 0) return older(a, b);
    if (a.spec.replicas != b.spec.replicas) return a.spec.replicas > b.spec.replicas;
    return to_add > 0 ? older(b, a) : older(a, b);
  });
  std::vector<std::int32_t> sizes;
  std::int32_t added = 0;
  for (const ReplicaSet& set : sets) {
    const std::int32_t share =
        rollout::proportion(d_, set.spec.replicas, set.annotations.max_replicas.value_or(0), to_add, added);
    sizes.push_back(set.spec.replicas + share);
    added += share;
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (i == 0 && to_add != 0) sizes[0] = std::max(0, sizes[0] + to_add - added);  // The largest takes the rest.
    scale_replica_set(sets[i], sizes[i], true);
  }
}

bool DeploymentSync::scale_replica_set(ReplicaSet& set, std::int32_t size, bool force) {
  const bool resize = set.spec.replicas != size;
  if (!force && !resize) return false;
  const std::int32_t most = replicas() + rollout::max_surge(d_.spec);
  if (!resize && set.annotations.desired_replicas == replicas() && set.annotations.max_replicas == most) return false;
  set.spec.replicas = size;
  set.annotations.desired_replicas = replicas();
  set.annotations.max_replicas = most;
  if (!store_.update(set)) throw Conflict{};
  return resize;
}

// Old ReplicaSets beyond revisionHistoryLimit go, those of the lowest revisions first, if they are empty.
void DeploymentSync::clean_up() {
  if (!d_.spec.revision_history_limit || *d_.spec.revision_history_limit == 0x7FFF'FFFF) return;
  const auto surplus = static_cast<std::int32_t>(old_.size()) - *d_.spec.revision_history_limit;
  if (surplus <= 0) return;
  std::vector<ReplicaSet> sets = old_;
  std::sort(sets.begin(), sets.end(), [](const ReplicaSet& a, const ReplicaSet& b) {
    return a.annotations.revision != b.annotations.revision ? a.annotations.revision < b.annotations.revision
                                                            : older(a, b);
  });
  sets.resize(static_cast<std::size_t>(surplus));
  for (const ReplicaSet& set : sets) {
    if (set.status.replicas != 0 || set.spec.replicas != 0 || set.meta.generation > set.status.observed_generation ||
        store_.find<ReplicaSet>(set.meta.id) == nullptr) {
      continue;
    }
    store_.erase<ReplicaSet>(set.meta.id);
  }
}

bool DeploymentSync::has_deadline() const {
  return d_.spec.progress_deadline_seconds && *d_.spec.progress_deadline_seconds != 0x7FFF'FFFF;
}

std::vector<ReplicaSet> DeploymentSync::active_old() const {
  std::vector<ReplicaSet> out;
  for (const ReplicaSet& set : old_) {
    if (set.spec.replicas > 0) out.push_back(set);
  }
  return out;
}

}  // namespace berth::controllers

#include "sim/controllers/stateful_set.hpp"

#include <algorithm>
#include <vector>

#include "sim/controllers/revisions.hpp"
#include "sim/controllers/stateful_set_claims.hpp"

namespace berth::controllers {
namespace {

// One sync: the pods as they were when it began, so that the status tells what the next sync will find.
class StatefulSetSync {
 public:
  StatefulSetSync(Store& store, const StatefulSet& set, bool max_unavailable)
      : store_(store), set_(set), feature_(max_unavailable), claims_(store, set_), now_(store.now()) {}

  // False: a conflict. `next`: when a pod becomes available.
  bool run(Time& next);

 private:
  struct Slot {  // A replica: a pod, or one that this sync makes (uid 0).
    Pod pod;
    bool created() const { return pod.uid != 0; }
  };

  Slot new_pod(std::int32_t ordinal) const;
  bool available_now(const Pod& p) const { return available(p, set_.spec.min_ready_seconds, now_); }
  bool unavailable(const Slot& s) const { return !s.created() || !available_now(s.pod) || s.pod.terminating; }
  void update();
  bool process_replica(Slot& slot);
  bool process_condemned(const Slot& slot);
  void roll_out();
  void roll_out_one_by_one();
  void count(const std::vector<Slot>& pods);
  // Also a pod that this very sync has made: upstream deletes by name.
  void remove(const Slot& slot) {
    if (slot.pod.id != kNoPod) store_.delete_pod(slot.pod.id);
  }
  bool outdated(const Slot& s) const { return s.pod.revision != update_.meta.id; }

  Store& store_;
  StatefulSet set_;
  bool feature_;
  StatefulSetClaims claims_;
  Time now_;
  ControllerRevision current_;
  ControllerRevision update_;
  StatefulSet::Status status_;
  std::vector<Slot> pods_;
  std::vector<Slot> replicas_;
  std::vector<Slot> condemned_;          // Highest ordinal first.
  std::int32_t first_unavailable_ = -1;  // Its ordinal.
};

void StatefulSetSync::count(const std::vector<Slot>& pods) {
  for (const Slot& s : pods) {
    if (!s.created()) continue;
    ++status_.replicas;
    if (s.pod.status.phase == Phase::kRunning && s.pod.status.ready) {
      ++status_.ready;
      if (available_now(s.pod)) ++status_.available;
    }
    if (s.pod.terminating) continue;
    if (s.pod.revision == current_.meta.id) ++status_.current;
    if (s.pod.revision == update_.meta.id) ++status_.updated;
  }
}

bool StatefulSetSync::run(Time& next) {
  const Owner owner{ObjectKind::kStatefulSet, set_.meta.id};
  store_.each_owned(owner, [this](const Pod& p) { pods_.push_back({p}); });
  std::vector<ControllerRevision> revisions = sorted_revisions(store_, owner);
  update_ = current_revision(store_, owner, revisions, set_.spec.pod_template);
  const auto known = std::find_if(revisions.begin(), revisions.end(), [this](const ControllerRevision& r) {
    return r.meta.id == set_.status.current_revision;
  });
  current_ = known == revisions.end() ? update_ : *known;

  status_.observed_generation = set_.meta.generation;
  status_.current_revision = current_.meta.id;
  status_.update_revision = update_.meta.id;
  update();
  if (status_.updated == set_.spec.replicas && status_.ready == set_.spec.replicas &&
      status_.replicas == set_.spec.replicas) {
    status_.current = status_.updated;
    status_.current_revision = status_.update_revision;
  }
  set_.status = status_;
  if (!store_.update(set_)) return false;

  std::vector<ObjectId> live{current_.meta.id, update_.meta.id};
  for (const Slot& s : pods_) live.push_back(s.pod.revision);
  truncate_history(store_, revisions, live, set_.spec.revision_history_limit);
  if (set_.spec.min_ready_seconds > 0 && status_.ready != status_.available) {
    for (const Slot& s : pods_) {
      const Time when = s.pod.status.ready_since + seconds(set_.spec.min_ready_seconds);
      if (s.pod.status.ready && when > now_) next = std::min(next, when);
    }
  }
  return true;
}

// Below the partition (without one: as many as are left of it) pods are made from the current revision, as they were.
StatefulSetSync::Slot StatefulSetSync::new_pod(std::int32_t ordinal) const {
  const std::int32_t kept = set_.spec.partition.value_or(set_.status.current);
  const bool keep = !set_.spec.on_delete && ordinal < set_.spec.start_ordinal + kept;
  const ControllerRevision& revision = keep ? current_ : update_;
  Slot slot;
  slot.pod.owner = {ObjectKind::kStatefulSet, set_.meta.id};
  slot.pod.pod_template = revision.spec.pod_template;
  slot.pod.revision = revision.meta.id;
  slot.pod.ordinal = ordinal;
  return slot;
}

void StatefulSetSync::update() {
  const std::int32_t start = set_.spec.start_ordinal;
  for (std::int32_t i = 0; i < set_.spec.replicas; ++i) replicas_.push_back(new_pod(start + i));
  for (const Slot& s : pods_) {
    if (s.pod.ordinal >= start && s.pod.ordinal < start + set_.spec.replicas) {
      replicas_[static_cast<std::size_t>(s.pod.ordinal - start)] = s;
    } else {
      condemned_.push_back(s);
    }
  }
  std::sort(condemned_.begin(), condemned_.end(),
            [](const Slot& a, const Slot& b) { return a.pod.ordinal > b.pod.ordinal; });
  const auto note_unavailable = [this](const Slot& s) {
    if (first_unavailable_ < 0 && unavailable(s)) first_unavailable_ = s.pod.ordinal;
  };
  std::for_each(replicas_.begin(), replicas_.end(), note_unavailable);
  std::for_each(condemned_.rbegin(), condemned_.rend(), note_unavailable);

  const bool ordered = !set_.spec.parallel;
  bool stop = false;
  for (std::size_t i = 0; i < replicas_.size() && !stop; ++i) stop = process_replica(replicas_[i]) && ordered;
  if (!stop) {
    for (const Slot& s : condemned_) claims_.apply_policy(s.pod.ordinal, s.pod.uid);
    for (std::size_t i = 0; i < condemned_.size() && !stop; ++i) stop = process_condemned(condemned_[i]) && ordered;
  }
  count(replicas_);
  count(condemned_);
  if (stop || set_.spec.on_delete) return;
  if (feature_) {
    roll_out();
  } else {
    roll_out_one_by_one();
  }
}

// True: nothing further may happen in this sync if the pods are ordered.
bool StatefulSetSync::process_replica(Slot& slot) {
  Pod& pod = slot.pod;
  if (slot.created() && finished(pod.status.phase)) {
    if (!pod.terminating) remove(slot);  // Made anew once it is gone.
    return true;
  }
  if (!slot.created()) {
    if (claims_.stale(pod.ordinal)) return true;
    claims_.create_missing(pod.ordinal);
    pod.id = store_.create_pod(pod);
    claims_.apply_policy(pod.ordinal, 0);
    return true;
  }
  if (pod.status.phase == Phase::kPending) {
    claims_.create_missing(pod.ordinal);
    claims_.apply_policy(pod.ordinal, pod.uid);
  }
  if (!set_.spec.parallel) {
    if (pod.terminating || pod.status.phase != Phase::kRunning || !available_now(pod)) return true;
  }
  claims_.apply_policy(pod.ordinal, pod.uid);
  return false;
}

bool StatefulSetSync::process_condemned(const Slot& slot) {
  if (slot.pod.terminating) return true;
  const bool healthy = slot.pod.status.phase == Phase::kRunning && available_now(slot.pod);
  if (!set_.spec.parallel && !healthy && slot.pod.ordinal != first_unavailable_) return true;
  remove(slot);
  return true;
}

void StatefulSetSync::roll_out() {
  const IntOrPercent wish = set_.spec.max_unavailable.value_or(IntOrPercent{1, false});
  const std::int32_t most = std::max(1, wish.of(set_.spec.replicas, false));
  std::int32_t down = 0;
  bool broken = false;  // Outdated and unavailable: no loss to replace, if pods need not keep an order.
  for (const Slot& s : replicas_) {
    if (!unavailable(s)) continue;
    ++down;
    broken = broken || (set_.spec.parallel && outdated(s) && !s.pod.terminating);
  }
  if (down >= most && !broken) return;
  std::int32_t budget = most - down;
  const auto lowest = static_cast<std::size_t>(std::max(0, set_.spec.partition.value_or(0)));
  if (!set_.spec.parallel) {
    for (std::size_t i = replicas_.size(); i-- > lowest && budget > 0;) {
      if (!outdated(replicas_[i]) || replicas_[i].pod.terminating) continue;
      remove(replicas_[i]);
      --budget;
      --status_.current;
    }
    return;
  }
  for (std::size_t i = replicas_.size(); i-- > lowest;) {
    const Slot& s = replicas_[i];
    if (!outdated(s) || available_now(s.pod) || s.pod.terminating) continue;
    remove(s);
    --status_.current;
  }
  for (std::size_t i = replicas_.size(); i-- > lowest && budget > 0;) {
    if (!outdated(replicas_[i]) || unavailable(replicas_[i])) continue;
    remove(replicas_[i]);
    --budget;
    --status_.current;
  }
}

// Without the feature gate: the highest outdated pod, if all above it are available.
void StatefulSetSync::roll_out_one_by_one() {
  const auto lowest = static_cast<std::size_t>(std::max(0, set_.spec.partition.value_or(0)));
  for (std::size_t i = replicas_.size(); i-- > lowest;) {
    const Slot& s = replicas_[i];
    if (outdated(s) && !s.pod.terminating) {
      remove(s);
      --status_.current;
      return;
    }
    if (unavailable(s)) return;
  }
}

}  // namespace

void StatefulSetController::object_changed(ObjectKind kind, ObjectId id, Change) {
  if (kind == ObjectKind::kStatefulSet) queue_.add(id);
}

void StatefulSetController::pod_changed(const Pod& pod, const Pod& before, Change change) {
  if (pod.owner.kind != ObjectKind::kStatefulSet) return;
  const StatefulSet* set = store_.find<StatefulSet>(pod.owner.id);
  if (set == nullptr) return;
  queue_.add(pod.owner.id);
  if (change == Change::kUpdated && !before.status.ready && pod.status.ready && set->spec.min_ready_seconds > 0) {
    queue_.add_after(pod.owner.id, seconds(set->spec.min_ready_seconds));
  }
}

bool StatefulSetController::sync(KeyQueue::Key key) {
  const StatefulSet* set = store_.find<StatefulSet>(key);
  if (set == nullptr) return true;
  Time next = kNever;
  if (!StatefulSetSync(store_, *set, max_unavailable_).run(next)) return false;
  if (next != kNever) queue_.add_after(key, next - now());
  return true;
}

}  // namespace berth::controllers

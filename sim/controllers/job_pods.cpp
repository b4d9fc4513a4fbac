// Which pods a Job creates and deletes. Source: pkg/controller/job/job_controller.go, manageJob; indexed_job_utils.go.
#include <algorithm>

#include "sim/controllers/deletion_ranking.hpp"
#include "sim/controllers/job_sync.hpp"

namespace berth::controllers {

std::int32_t JobSync::wanted_active() const {
  // A work queue: once one pod has succeeded no new ones are made.
  if (!job_.spec.completions) return succeeded_ > 0 ? active_ : job_.spec.parallelism;
  return std::clamp(*job_.spec.completions - succeeded_, 0, job_.spec.parallelism);
}

void JobSync::requeue_after(Duration delay) {
  queue_.add_after(job_.meta.id, std::max(delay, JobController::kBatchPeriod));
}

void JobSync::manage() {
  if (job_.spec.suspend) return remove(for_removal(active_));
  const std::int32_t want = wanted_active();
  std::vector<PodId> to_delete = for_removal(std::max(0, active_ - want));
  if (!to_delete.empty()) {
    to_delete.resize(std::min(to_delete.size(), JobController::kMaxPodsPerSync));
    return remove(to_delete);
  }
  const std::int32_t missing = want - active_ - (job_.spec.replace_failed_only ? terminating_ : 0);
  if (missing > 0) create(missing);
}

// Pods of an index that is done for or taken twice, then the ones that are worth least, `at_least` together.
std::vector<PodId> JobSync::for_removal(std::int32_t at_least) {
  std::vector<PodId> out;
  std::vector<PodId> left;
  if (job_.spec.indexed) {
    std::map<std::int32_t, std::vector<PodId>> by_index;
    for (const Pod* p : active_pods_) {
      if (valid_index(*p)) {
        by_index[p->ordinal].push_back(p->id);
      } else {
        out.push_back(p->id);
      }
    }
    for (auto& [unused, pods] : by_index) {
      if (pods.size() > 1) sort_active(store_, pods);
      out.insert(out.end(), pods.begin(), pods.end() - 1);
      left.push_back(pods.back());
    }
  } else {
    for (const Pod* p : active_pods_) left.push_back(p->id);
  }
  const auto wanted = static_cast<std::size_t>(at_least);
  if (out.size() < wanted) {
    sort_active(store_, left);
    const std::size_t more = std::min(wanted - out.size(), left.size());
    out.insert(out.end(), left.begin(), left.begin() + static_cast<std::ptrdiff_t>(more));
  }
  return out;
}

// Pods that are taken away on purpose are not counted: their finalizer goes first.
void JobSync::remove(const std::vector<PodId>& pods) {
  for (const PodId id : pods) {
    if (store_.pod(id).status.ready) --ready_;
    store_.remove_finalizer(id);
    store_.delete_pod(id);
    --active_;
    ++terminating_;
  }
}

void JobSync::create(std::int32_t count) {
  if (!per_index()) {
    const Duration left = back_off_left(back_off_.failures, back_off_.last_failure, store_.now());
    if (left.ns > 0) return requeue_after(left);
  }
  count = std::min(count, static_cast<std::int32_t>(JobController::kMaxPodsPerSync));
  std::vector<std::int32_t> indexes;
  if (job_.spec.indexed) {
    indexes = pending_indexes(count);
    if (per_index()) {
      Duration shortest;
      indexes = out_of_back_off(indexes, shortest);
      if (shortest.ns > 0) return requeue_after(shortest);
    }
    count = static_cast<std::int32_t>(indexes.size());
  }
  for (std::int32_t i = 0; i < count; ++i) {
    Pod pod;
    pod.owner = {ObjectKind::kJob, job_.meta.id};
    pod.pod_template = job_.spec.pod_template;
    pod.tracked = true;
    if (job_.spec.indexed) pod.ordinal = indexes[static_cast<std::size_t>(i)];
    const auto replaced = delayed_.find(pod.ordinal);
    if (per_index() && replaced != delayed_.end()) {
      const Pod& old = *replaced->second;
      const bool counts = policy(old).counts;
      pod.index_failures = old.index_failures + (counts ? 1 : 0);
      pod.index_ignored = old.index_ignored + (counts ? 0 : 1);
    }
    store_.create_pod(pod);
  }
  active_ += count;
}

// The lowest indexes that are neither done nor taken.
std::vector<std::int32_t> JobSync::pending_indexes(std::int32_t count) const {
  IndexIntervals taken = succeeded_indexes_;
  for (const Pod& p : pods_) {
    if (p.ordinal >= 0 && (active(p) || (job_.spec.replace_failed_only && going(p)))) taken.add(p.ordinal);
  }
  if (failed_indexes_) taken.merge(*failed_indexes_);
  std::vector<std::int32_t> out;
  std::int32_t next = 0;
  const auto fill_up_to = [&](std::int32_t end) {
    for (; next < end && static_cast<std::int32_t>(out.size()) < count; ++next) out.push_back(next);
  };
  for (const IndexIntervals::Interval& i : taken.intervals()) {
    fill_up_to(std::min(i.first, *job_.spec.completions));
    next = std::max(next, i.last + 1);
  }
  fill_up_to(*job_.spec.completions);
  return out;
}

// Those whose own back-off is over; if none is, `shortest` is what is left of the first.
std::vector<std::int32_t> JobSync::out_of_back_off(const std::vector<std::int32_t>& indexes, Duration& shortest) const {
  std::vector<std::int32_t> out;
  Duration least = kForever;
  for (const std::int32_t i : indexes) {
    const auto failed = delayed_.find(i);
    Duration left;
    if (failed != delayed_.end()) {
      left = back_off_left(failures_before(*failed->second) + 1, finish_time(*failed->second), store_.now());
    }
    if (left.ns == 0) {
      out.push_back(i);
    } else {
      least = std::min(least, left);
    }
  }
  shortest = out.empty() && least != kForever ? least : Duration{};
  return out;
}

}  // namespace berth::controllers

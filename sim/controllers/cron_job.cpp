#include "sim/controllers/cron_job.hpp"

#include <algorithm>

namespace berth::controllers {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

void drop_active(CronJob& cron, ObjectId job) {
  std::erase(cron.status.active, job);
}
bool is_active(const CronJob& cron, ObjectId job) {
  return std::find(cron.status.active.begin(), cron.status.active.end(), job) != cron.status.active.end();
}

}  // namespace

void CronJobController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind == ObjectKind::kCronJob) {
    const CronJob& cron = store_.get<CronJob>(id);
    if (id >= schedules_.size()) schedules_.resize(std::size_t{id} + 1);
    const bool new_schedule = change == Change::kUpdated && !(schedules_[id] == cron.spec.schedule);
    schedules_[id] = cron.spec.schedule;
    if (new_schedule) {
      queue_.add_after(id, until_next(cron));
    } else {
      queue_.add(id);
    }
  } else if (kind == ObjectKind::kJob) {
    const Owner owner = store_.get<Job>(id).meta.owner;
    if (owner.kind == ObjectKind::kCronJob && store_.find<CronJob>(owner.id) != nullptr) queue_.add(owner.id);
  }
}

Time CronJobController::next(const CronSchedule& schedule, Time after) const {
  const std::int64_t unix_seconds = schedule.next(api_time(after).ns / kSecond + epoch_);
  return unix_seconds < 0 ? kNever : Time{(unix_seconds - epoch_) * kSecond};
}

std::int64_t CronJobController::minute(Time t) const {
  return (api_time(t).ns / kSecond + epoch_) / 60;
}

// Source: mostRecentScheduleTime. Of many missed times only the last matters; it is found by the distance of the first
// two, which is exact for schedules of one distance.
CronJobController::Missed CronJobController::missed(const CronJob& cron, bool with_deadline) const {
  Missed out;
  out.earliest = cron.status.last_schedule_time.value_or(cron.meta.created);
  if (with_deadline && cron.spec.starting_deadline_seconds) {
    out.earliest = std::max(out.earliest, now() - seconds(*cron.spec.starting_deadline_seconds));
  }
  const Time first = next(cron.spec.schedule, out.earliest);
  if (now() < first) return out;
  const Time second = next(cron.spec.schedule, first);
  if (now() < second) {
    out.last = first;
    return out;
  }
  const std::int64_t between = std::max<std::int64_t>(1, (second - first).ns / kSecond);
  const std::int64_t count = (now() - first).ns / kSecond / between + 1;
  out.any = true;
  for (Time t = next(cron.spec.schedule, first + seconds((count - 2) * between)); t <= now();
       t = next(cron.spec.schedule, t)) {
    out.last = t;
  }
  return out;
}

Duration CronJobController::until_next(const CronJob& cron) const {
  const Missed m = missed(cron, false);
  const Time from = m.last ? *m.last : m.any ? now() : m.earliest;
  return next(cron.spec.schedule, from) + kDelay - now();
}

void CronJobController::remove_oldest(CronJob& cron, std::vector<Finished> jobs, std::int32_t keep) {
  const auto surplus = static_cast<std::int64_t>(jobs.size()) - keep;
  if (surplus <= 0) return;
  std::sort(jobs.begin(), jobs.end(), [](const Finished& a, const Finished& b) {
    return a.started != b.started ? a.started < b.started : a.id < b.id;
  });
  jobs.resize(static_cast<std::size_t>(surplus));
  for (const Finished& job : jobs) {
    store_.erase<Job>(job.id);
    drop_active(cron, job.id);
  }
}

void CronJobController::clean_up(CronJob& cron, const std::vector<Finished>& jobs) {
  std::vector<Finished> good;
  std::vector<Finished> bad;
  for (const Finished& job : jobs) (job.succeeded ? good : bad).push_back(job);
  if (cron.spec.successful_jobs_history_limit) remove_oldest(cron, good, *cron.spec.successful_jobs_history_limit);
  if (cron.spec.failed_jobs_history_limit) remove_oldest(cron, bad, *cron.spec.failed_jobs_history_limit);
}

void CronJobController::note_finished(CronJob& cron, const std::vector<Finished>& jobs) const {
  for (const Finished& job : jobs) {
    drop_active(cron, job.id);
    if (!job.succeeded || !job.completed) continue;
    std::optional<Time>& last = cron.status.last_successful_time;
    last = last ? std::max(*last, *job.completed) : *job.completed;
  }
  std::erase_if(cron.status.active, [this](ObjectId id) { return store_.find<Job>(id) == nullptr; });
}

// Starts the last Job that is due, if the policies let it. When to look again; none: not before something changes.
std::optional<Duration> CronJobController::start_if_due(CronJob& cron) {
  if (cron.spec.suspend) return std::nullopt;
  const Missed m = missed(cron, true);
  if (!m.last || *m.last > now()) return until_next(cron);
  const Time scheduled = *m.last;
  const bool too_late =
      cron.spec.starting_deadline_seconds && scheduled + seconds(*cron.spec.starting_deadline_seconds) < now();
  if (too_late) return until_next(cron);
  const auto same_name = [&](ObjectId id) {
    const Job* job = store_.find<Job>(id);
    return job != nullptr && job->annotations.scheduled_at &&
           minute(*job->annotations.scheduled_at) == minute(scheduled);
  };
  if (std::any_of(cron.status.active.begin(), cron.status.active.end(), same_name) ||
      cron.status.last_schedule_time == scheduled) {
    return until_next(cron);
  }
  if (cron.spec.concurrency == CronJob::Concurrency::kForbid && !cron.status.active.empty()) return until_next(cron);
  if (cron.spec.concurrency == CronJob::Concurrency::kReplace) {
    for (const ObjectId id : std::vector<ObjectId>(cron.status.active)) {
      store_.erase<Job>(id);
      drop_active(cron, id);
    }
  }
  const Owner owner{ObjectKind::kCronJob, cron.meta.id};
  const std::vector<ObjectId>& children = store_.owned<Job>(owner);
  const auto existing = std::find_if(children.begin(), children.end(), same_name);
  ObjectId id = kNoObject;
  if (existing != children.end()) {  // A Job of the same minute is still there: its name is taken.
    id = *existing;
    if (is_active(cron, id)) return std::nullopt;
  } else {
    Job job;
    job.meta.owner = owner;
    job.spec = cron.spec.job;
    job.annotations.scheduled_at = scheduled;
    id = store_.create(job);
  }
  cron.status.active.push_back(id);
  cron.status.last_schedule_time = scheduled;
  return until_next(cron);
}

bool CronJobController::sync(KeyQueue::Key key) {
  const CronJob* found = store_.find<CronJob>(key);
  if (found == nullptr) return true;
  CronJob cron = *found;
  std::vector<Finished> jobs;
  for (const ObjectId id : store_.owned<Job>({ObjectKind::kCronJob, key})) {
    const Job& job = store_.get<Job>(id);
    if (!finished(job)) continue;
    jobs.push_back({id, job.status.start_time.value_or(kNever), succeeded(job), job.status.completion_time});
  }
  clean_up(cron, jobs);
  note_finished(cron, jobs);
  const std::optional<Duration> again = start_if_due(cron);
  if (!store_.update(cron)) return false;
  if (again) queue_.add_after(key, *again);
  return true;
}

}  // namespace berth::controllers

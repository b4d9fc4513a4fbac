// CronJob: a Job at every time of a schedule.
// Source: pkg/controller/cronjob (Kubernetes v1.37). Time zones are not modelled: schedules are in UTC.
#pragma once

#include <optional>
#include <vector>

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class CronJobController final : public Controller {
 public:
  // `epoch_unix_seconds`: the wall clock of the run's start, in seconds since 1970.
  CronJobController(Store& store, WorkQueue& work, std::int64_t epoch_unix_seconds)
      : Controller(store, work), epoch_(epoch_unix_seconds) {}
  // The controller wakes so long after a scheduled time.
  static constexpr Duration kDelay = milliseconds(100);

  // O(Jobs of the CronJob, n log n).
  bool sync(KeyQueue::Key key) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  struct Missed {
    Time earliest;             // From when on times were looked at.
    std::optional<Time> last;  // The last time that is due, if any.
    bool any = false;          // More than one was due.
  };
  Time next(const CronSchedule& schedule, Time after) const;
  Missed missed(const CronJob& cron, bool with_deadline) const;
  Duration until_next(const CronJob& cron) const;
  std::int64_t minute(Time t) const;  // Names the Job of a scheduled time.

  struct Finished {  // A Job that has ended, as it was when the sync began.
    ObjectId id = kNoObject;
    Time started;
    bool succeeded = false;
    std::optional<Time> completed;
  };
  void clean_up(CronJob& cron, const std::vector<Finished>& jobs);
  void remove_oldest(CronJob& cron, std::vector<Finished> jobs, std::int32_t keep);
  void note_finished(CronJob& cron, const std::vector<Finished>& jobs) const;
  std::optional<Duration> start_if_due(CronJob& cron);

  std::int64_t epoch_;
  std::vector<CronSchedule> schedules_;  // As last seen.
};

}  // namespace berth::controllers

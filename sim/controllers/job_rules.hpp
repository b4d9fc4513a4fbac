// What a Job makes of pods that ended: failure policy, success policy, back-off.
// Source: pkg/controller/job: pod_failure_policy.go, success_policy.go, backoff_utils.go (Kubernetes v1.37).
#pragma once

#include <vector>

#include "sim/controllers/store.hpp"

namespace berth::controllers {

inline constexpr Duration kPodFailureBackOff = seconds(10);
inline constexpr Duration kMaxPodFailureBackOff = seconds(600);

// Failed, or (unless only failed pods are replaced) told to go before it succeeded.
bool counts_as_failed(const Pod& pod, const Job::Spec& job);

struct PolicyResult {
  bool counts = true;  // Towards backoffLimit and the number of failed pods.
  bool fails_job = false;
  bool fails_index = false;
};
// The first rule that matches; without one, or without a policy, the failure counts.
PolicyResult apply_failure_policy(const Job::Spec& job, const Pod& pod, const PodTemplate& pod_template);

// Whether any rule of successPolicy is met.
bool success_policy_met(const Job::Spec& job, const IndexIntervals& succeeded);

// When the pod ended: its container's end; else since when it is not Ready; else when it was told to go.
Time finish_time(const Pod& pod);

// Failures since the last success, and the last of them.
struct BackOffRecord {
  std::int32_t failures = 0;
  Time last_failure;
};
BackOffRecord next_record(BackOffRecord record, const std::vector<const Pod*>& succeeded,
                          const std::vector<const Pod*>& failed);
// What is left of 10 s, 20 s, 40 s … 600 s after the last of `failures`; 0 if none.
Duration back_off_left(std::int32_t failures, Time last_failure, Time now);

}  // namespace berth::controllers

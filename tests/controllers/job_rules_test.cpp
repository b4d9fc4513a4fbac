// Expected values: the Job API documentation and reference/self-healing.md section 10.
#include "sim/controllers/job_rules.hpp"

#include <gtest/gtest.h>

#include "sim/controllers/job.hpp"
#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

using test::at;

TEST(JobBackOffTest, DoublesUpToTenMinutes) {
  const std::int64_t expected[] = {0, 10, 20, 40, 80, 160, 320, 600, 600, 600};
  for (std::int32_t failures = 0; failures < 10; ++failures) {
    EXPECT_EQ(back_off_left(failures, at(1000), at(1000)), seconds(expected[failures])) << failures;
  }
  EXPECT_EQ(back_off_left(2, at(1000), at(1015)), seconds(5));
  EXPECT_EQ(back_off_left(2, at(1000), at(1020)), Duration{});
  EXPECT_EQ(back_off_left(2, at(1000), at(5000)), Duration{});
}

Pod ended(std::int64_t second, std::int32_t code) {
  Pod p;
  p.status.phase = code == 0 ? Phase::kSucceeded : Phase::kFailed;
  p.status.exit_code = code;
  p.status.container_ended = true;
  p.status.finished_at = at(second);
  return p;
}

TEST(JobBackOffTest, ASuccessStartsAnew) {
  const Pod early = ended(10, 1);
  const Pod success = ended(20, 0);
  const Pod late = ended(30, 1);
  BackOffRecord record = next_record({}, {}, {&early});
  EXPECT_EQ(record.failures, 1);
  EXPECT_EQ(record.last_failure, at(10));
  record = next_record(record, {}, {});
  EXPECT_EQ(record.failures, 1);
  record = next_record(record, {&success}, {&early, &late});
  EXPECT_EQ(record.failures, 1) << "only what failed after the last success";
  EXPECT_EQ(record.last_failure, at(30));
  EXPECT_EQ(next_record(record, {&late}, {}).failures, 0);
}

TEST(JobRulesTest, FinishTime) {
  Pod p;
  p.created = at(1);
  EXPECT_EQ(finish_time(p), at(1));
  p.terminating = true;
  p.deleted_at = at(4);
  EXPECT_EQ(finish_time(p), at(4));
  p.status.ready_since = at(3);
  EXPECT_EQ(finish_time(p), at(3)) << "since when it is not Ready";
  p.status.container_ended = true;
  p.status.finished_at = at(9);
  EXPECT_EQ(finish_time(p), at(9));
}

struct PolicyCase {
  const char* name;
  PodFailureRule rule;
  std::int32_t exit_code;
  Disruption disruption;
  bool counts, fails_job, fails_index;
};
class FailurePolicyTest : public testing::TestWithParam<PolicyCase> {};
TEST_P(FailurePolicyTest, FirstMatchDecides) {
  const PolicyCase& c = GetParam();
  Job::Spec job;
  PodFailureRule last;  // Behind it one that fails the Job for any other code above 100.
  last.action = PodFailureRule::Action::kFailJob;
  last.codes = {101, 102};
  job.pod_failure_policy = {c.rule, last};
  Pod pod = ended(5, c.exit_code);
  pod.status.disruption = c.disruption;
  PodTemplate t;
  t.containers = {"app"};
  const PolicyResult r = apply_failure_policy(job, pod, t);
  EXPECT_EQ(r.counts, c.counts);
  EXPECT_EQ(r.fails_job, c.fails_job);
  EXPECT_EQ(r.fails_index, c.fails_index);
}
PodFailureRule codes(PodFailureRule::Action action, std::vector<std::int32_t> list, bool not_in = false,
                     std::optional<std::string> container = std::nullopt) {
  PodFailureRule r;
  r.action = action;
  r.codes = std::move(list);
  r.not_in = not_in;
  r.container = std::move(container);
  return r;
}
PodFailureRule disruption(PodFailureRule::Action action) {
  PodFailureRule r;
  r.action = action;
  r.on_conditions = true;
  return r;
}
using Action = PodFailureRule::Action;
INSTANTIATE_TEST_SUITE_P(
    Table, FailurePolicyTest,
    testing::Values(
        PolicyCase{"In", codes(Action::kFailIndex, {1, 2}), 2, Disruption::kNone, true, false, true},
        PolicyCase{"NotInTheList", codes(Action::kFailIndex, {1, 2}), 3, Disruption::kNone, true, false, false},
        PolicyCase{"NotIn", codes(Action::kIgnore, {1, 2}, true), 3, Disruption::kNone, false, false, false},
        PolicyCase{"ThisContainer", codes(Action::kIgnore, {3}, false, "app"), 3, Disruption::kNone, false, false,
                   false},
        PolicyCase{"OtherContainer", codes(Action::kIgnore, {3}, false, "other"), 3, Disruption::kNone, true, false,
                   false},
        PolicyCase{"Disrupted", disruption(Action::kIgnore), 101, Disruption::kTerminationByKubelet, false, false,
                   false},
        PolicyCase{"NotDisrupted", disruption(Action::kIgnore), 101, Disruption::kNone, true, true, false},
        PolicyCase{"CountStopsTheSearch", codes(Action::kCount, {101}), 101, Disruption::kNone, true, false, false}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(JobRulesTest, SuccessPolicy) {
  const auto met = [](std::optional<const char*> indexes, std::optional<std::int32_t> count, const char* done) {
    Job::Spec job;
    SuccessRule rule;
    if (indexes) rule.indexes = IndexIntervals::parse(*indexes, 10);
    rule.count = count;
    job.success_policy = {rule};
    return success_policy_met(job, IndexIntervals::parse(done, 10));
  };
  EXPECT_TRUE(met("0,2-3", std::nullopt, "0-3"));
  EXPECT_FALSE(met("0,2-3", std::nullopt, "0-2"));
  EXPECT_TRUE(met("0,2-3", 2, "2,3"));
  EXPECT_FALSE(met("0,2-3", 2, "1,3,4"));
  EXPECT_TRUE(met(std::nullopt, 3, "1,5,7"));
  EXPECT_FALSE(met(std::nullopt, 3, "1,5"));
}

TEST(JobRulesTest, TerminatingCountsAsFailedUnlessOnlyFailedAreReplaced) {
  Pod p;
  p.terminating = true;
  Job::Spec job;
  EXPECT_TRUE(counts_as_failed(p, job));
  job.replace_failed_only = true;
  EXPECT_FALSE(counts_as_failed(p, job));
  p.status.phase = Phase::kFailed;
  EXPECT_TRUE(counts_as_failed(p, job));
}

// Syncs are batched: three pods that end within a second are counted in one go, a second after the first of them.
TEST(JobTest, CountsOnceASecond) {
  test::ControllerWorld w;
  JobController jobs(w.store, w.work);
  Job job;
  job.spec.parallelism = 3;
  job.spec.completions = 3;
  job.spec.pod_template = w.pod_template("a");
  const ObjectId id = w.store.create(job);
  w.run_until(at(10));
  const Owner owner{ObjectKind::kJob, id};
  ASSERT_EQ(w.store.pods_of(owner).size, 3U);
  std::int64_t ms = 10'000;
  w.store.each_owned(owner, [&](const Pod& p) {
    w.run_until({ms * 1'000'000});
    ms += 300;
    w.store.bind(p.id, NodeId{0});
    PodStatus status = p.status;
    status.phase = Phase::kSucceeded;
    w.store.set_status(p.id, status);
  });
  w.run_until({10'999'000'000});
  EXPECT_EQ(w.store.get<Job>(id).status.succeeded, 0);
  w.run_until(at(11));
  EXPECT_EQ(w.store.get<Job>(id).status.succeeded, 3);
  EXPECT_TRUE(succeeded(w.store.get<Job>(id)));
  w.store.each_owned(owner, [](const Pod& p) { EXPECT_FALSE(p.tracked); });
}

}  // namespace
}  // namespace berth::controllers

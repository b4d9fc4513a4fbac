// Restart policies and the engine's back-off, by hand: 0.1 s, doubling to a minute, anew after a run of ten seconds.
// Source: moby, restartmanager.go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/compose/compose_case.hpp"
#include "tests/support/case_name.hpp"

namespace berth::compose {
namespace {

using testing::ElementsAre;
using Kind = RunEventKind;

RunResult run_service(const std::string& fields, const std::string& labels, Duration run_for) {
  const Project project =
      test::Files("services:\n  a:\n    image: a:1\n    " + fields + "\n    labels: {" + labels + "}\n").load();
  RunOptions options = test::round_times(project);
  options.run_for = run_for;
  return test::run(project, options);
}

std::vector<std::int64_t> back_offs_ms(const RunResult& result) {
  std::vector<std::int64_t> waits;
  for (const RunEvent& event : result.events) {
    if (event.kind == Kind::kContainerRestarting) waits.push_back(event.value / 1'000'000);
  }
  return waits;
}

// Run n ends at 1.3 s plus, for each run before it, its back-off, 0.2 s to start and 1 s: the 11th, with the first
// minute behind it, at 1.3 + 102.3 + 10 * 1.2 = 115.6 s, and one more each 61.2 s: 176.8, 238.0.
TEST(Restart, BackOffDoublesToAMinute) {
  const RunResult result =
      run_service("restart: always", "berth.dev/run-time: 1s, berth.dev/exit-code: '1'", seconds(290));
  EXPECT_THAT(back_offs_ms(result),
              ElementsAre(100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000, 60000));
}

// Started at 0.3, ends at 1.3; 0.1 s and a start of 0.2 s: 1.6. Ends at 2.6; 0.2 + 0.2: 3.0.
TEST(Restart, OnTheClock) {
  const RunResult result = run_service("restart: always", "berth.dev/run-time: 1s", seconds(4));
  EXPECT_THAT(test::lines(result, {Kind::kContainerStarted, Kind::kContainerExited}),
              ElementsAre("0.300 ContainerStarted 0 0", "1.300 ContainerExited 0 0", "1.600 ContainerStarted 0 1",
                          "2.600 ContainerExited 0 0", "3.000 ContainerStarted 0 2", "4.000 ContainerExited 0 0"));
}

TEST(Restart, ARunOfTenSecondsBeginsAnew) {
  EXPECT_THAT(back_offs_ms(run_service("restart: always", "berth.dev/run-time: 10s", seconds(50))),
              ElementsAre(100, 100, 100, 100));
  EXPECT_THAT(back_offs_ms(run_service("restart: always", "berth.dev/run-time: 9999ms", seconds(50))),
              ElementsAre(100, 200, 400, 800));
}

struct Row {
  const char* name;
  const char* fields;
  const char* exit_code;
  std::size_t
      restarts;  // Within 100 s of runs of 11 s, 11.3 s from end to end: the 8th ends at 90.4, the 9th too late.
  const char* state;
};
using PolicyTest = testing::TestWithParam<Row>;

TEST_P(PolicyTest, Restarts) {
  const RunResult result = run_service(
      GetParam().fields, std::string("berth.dev/run-time: 11s, berth.dev/exit-code: '") + GetParam().exit_code + "'",
      seconds(100));
  EXPECT_EQ(result.containers[0].restarts, GetParam().restarts);
  EXPECT_EQ(result.containers[0].state, GetParam().state);
}

INSTANTIATE_TEST_SUITE_P(
    Table, PolicyTest,
    testing::Values(
        Row{"No", "restart: 'no'", "1", 0, "exited"}, Row{"Default", "tty: false", "1", 0, "exited"},
        Row{"AlwaysGood", "restart: always", "0", 8, "running"}, Row{"AlwaysBad", "restart: always", "1", 8, "running"},
        Row{"UnlessStopped", "restart: unless-stopped", "1", 8, "running"},
        Row{"OnFailureGood", "restart: on-failure", "0", 0, "exited"},
        Row{"OnFailureBad", "restart: on-failure", "1", 8, "running"},
        Row{"OnFailureTwice", "restart: 'on-failure:2'", "1", 2, "exited"},
        Row{"DeployCounts", "restart: 'no'\n    deploy: {restart_policy: {condition: any}}", "1", 8, "running"},
        Row{"DeployMax", "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "1", 3, "exited"},
        Row{"DeployNone", "restart: always\n    deploy: {restart_policy: {condition: none}}", "1", 0, "exited"}),
    berth::test::CaseName{});

// 10Mi at 0 s to 110Mi at 10 s passes 60Mi at 5 s, a nanosecond and a byte later.
TEST(Restart, OomKilledWhereTheCurvePassesTheLimit) {
  const RunResult result = run_service("mem_limit: 60m", "berth.dev/memory: '0s:10Mi, 10s:110Mi'", seconds(20));
  EXPECT_THAT(test::lines(result, {Kind::kContainerOomKilled}), ElementsAre("5.300 ContainerOomKilled 0 137"));
  EXPECT_TRUE(result.containers[0].oom_killed);
  EXPECT_EQ(result.containers[0].exit_code, 137);
  EXPECT_THAT(result.troubles, ElementsAre("container p-a-1 was OOM-killed"));
  EXPECT_EQ(test::lines(run_service("mem_limit: 110m", "berth.dev/memory: '0s:10Mi, 10s:110Mi'", seconds(20)),
                        {Kind::kContainerOomKilled})
                .size(),
            0U);
}

// It would use two CPUs and has half of one: 1 s of work takes 4 s.
TEST(Restart, ThrottlingStretchesTheRun) {
  const RunResult result = run_service("cpus: 0.5", "berth.dev/run-time: 1s, berth.dev/cpu: '2'", seconds(20));
  EXPECT_THAT(test::lines(result, {Kind::kContainerExited}), ElementsAre("4.300 ContainerExited 0 0"));
}

// A rate of 3600 an hour is one a second: 1000 s of running give 1000 crashes, ± 5 sqrt(1000).
TEST(Restart, CrashesAtTheRateThatALabelSays) {
  const RunResult result = run_service(
      "restart: on-failure", "berth.dev/crash-hazard: 3600/h, berth.dev/crash-exit-code: '9'", seconds(100'000));
  std::int64_t running = 0;
  std::int64_t crashes = 0;
  Time since;
  for (const RunEvent& event : result.events) {
    if (event.kind == Kind::kContainerStarted) since = event.at;
    if (event.kind != Kind::kContainerExited) continue;
    EXPECT_EQ(event.value, 9);
    running += (event.at - since).ns;
    ++crashes;
  }
  ASSERT_GT(crashes, 1000);
  const double rate = static_cast<double>(crashes) / (static_cast<double>(running) * 1e-9);
  EXPECT_NEAR(rate, 1.0, 5 / std::sqrt(static_cast<double>(crashes)));
}

}  // namespace
}  // namespace berth::compose

// Health checks on the clock, by hand. With the round times of compose_case.hpp a lone service is created at 0.1 s and
// started at 0.3 s; a check takes 0.1 s unless a label says otherwise. Source of the rules: moby, daemon/health.go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/compose/compose_case.hpp"

namespace berth::compose {
namespace {

using testing::ElementsAre;
using Kind = RunEventKind;

// Health events of one service with this healthcheck and these labels, within `run_for`.
std::vector<std::string> health(const std::string& check, const std::string& labels, Duration run_for = seconds(60)) {
  const Project project = test::Files("services:\n  a:\n    image: a:1\n    healthcheck: {test: x, " + check +
                                      "}\n    labels: {" + labels + "}\n")
                              .load();
  RunOptions options = test::round_times(project);
  options.run_for = run_for;
  return test::lines(test::run(project, options),
                     {Kind::kCheckFailed, Kind::kContainerHealthy, Kind::kContainerUnhealthy});
}

// 0.3 + 5, and 0.1 for the check.
TEST(Health, FirstCheckOneIntervalAfterTheStart) {
  EXPECT_THAT(health("interval: 5s", "berth.dev/start-up-time: 2s"), ElementsAre("5.400 ContainerHealthy 0 0"));
}

TEST(Health, DefaultsAreThirtySeconds) {
  EXPECT_THAT(health("retries: 3", "berth.dev/start-up-time: 2s"), ElementsAre("30.400 ContainerHealthy 0 0"));
  EXPECT_THAT(health("interval: 0s", "berth.dev/start-up-time: 2s"), ElementsAre("30.400 ContainerHealthy 0 0"));
}

// Up at 12.3. Checks begin at 5.3, 5.4 + 5 = 10.4 and 10.5 + 5 = 15.5: an interval after the one before finished.
TEST(Health, NextCheckOneIntervalAfterThePreviousFinished) {
  EXPECT_THAT(health("interval: 5s", "berth.dev/start-up-time: 12s"),
              ElementsAre("5.400 CheckFailed 0 1", "10.500 CheckFailed 0 2", "15.600 ContainerHealthy 0 0"));
}

// Up at 20.3. The third failure, at 15.5 + 0.1, makes it unhealthy; the first check after 20.3 begins at 20.6.
TEST(Health, UnhealthyAfterRetriesAndHealthyAgainWithOneSuccess) {
  EXPECT_THAT(health("interval: 5s, retries: 3", "berth.dev/start-up-time: 20s"),
              ElementsAre("5.400 CheckFailed 0 1", "10.500 CheckFailed 0 2", "15.600 CheckFailed 0 3",
                          "15.600 ContainerUnhealthy 0 0", "20.700 ContainerHealthy 0 0"));
}

// Up at 5.3. In the start period every 2 s: 2.3, 4.4, 6.5; failures there do not count.
TEST(Health, StartIntervalWithinTheStartPeriod) {
  EXPECT_THAT(health("interval: 10s, start_period: 20s, start_interval: 2s, retries: 1", "berth.dev/start-up-time: 5s"),
              ElementsAre("2.400 CheckFailed 0 0", "4.500 CheckFailed 0 0", "6.600 ContainerHealthy 0 0"));
}

TEST(Health, StartIntervalIsFiveSecondsByDefault) {
  EXPECT_THAT(health("interval: 10s, start_period: 20s", "berth.dev/start-up-time: 1s"),
              ElementsAre("5.400 ContainerHealthy 0 0"));
}

// Never up. Checks begin at 2.3 and 4.4, 2.0 and 4.1 s after the start: forgiven. At 4.5 the start period is not over,
// so the next begins at 6.5, 6.2 s after the start: it counts. Then 6.6 + 10 = 16.6: the second.
TEST(Health, FailuresCountFromTheEndOfTheStartPeriod) {
  EXPECT_THAT(health("interval: 10s, start_period: 5s, start_interval: 2s, retries: 2", "berth.dev/start-up-time: 1h",
                     seconds(20)),
              ElementsAre("2.400 CheckFailed 0 0", "4.500 CheckFailed 0 0", "6.600 CheckFailed 0 1",
                          "16.700 CheckFailed 0 2", "16.700 ContainerUnhealthy 0 0"));
}

// A check would take 5 s and is ended after 3: 5.3 + 3, then 8.3 + 5 + 3, then 16.3 + 5 + 3.
TEST(Health, ATimeoutIsAFailure) {
  EXPECT_THAT(health("interval: 5s, timeout: 3s, retries: 3", "berth.dev/check-time: 5s", seconds(25)),
              ElementsAre("8.300 CheckFailed 0 1", "16.300 CheckFailed 0 2", "24.300 CheckFailed 0 3",
                          "24.300 ContainerUnhealthy 0 0"));
}

// Up at 5.35, while the check that began at 5.3 is under way: it asked too early.
TEST(Health, ACheckSeesWhatIsUpWhenItBegins) {
  EXPECT_THAT(health("interval: 5s", "berth.dev/start-up-time: 5050ms"),
              ElementsAre("5.400 CheckFailed 0 1", "10.500 ContainerHealthy 0 0"));
}

TEST(Health, NoChecksWhereTheyAreDisabled) {
  EXPECT_THAT(health("disable: true", "berth.dev/start-up-time: 1s"), ElementsAre());
}

// Runs of 7 s: healthy at 5.4, over at 7.3, started again 0.1 + 0.2 s later; the check begins anew.
TEST(Health, BeginsAnewWithARestart) {
  const Project project = test::Files(R"(
services:
  a:
    image: a:1
    restart: always
    healthcheck: {test: x, interval: 5s}
    labels: {berth.dev/run-time: 7s, berth.dev/start-up-time: 1s}
)")
                              .load();
  RunOptions options = test::round_times(project);
  options.run_for = seconds(14);
  EXPECT_THAT(test::lines(test::run(project, options), {Kind::kContainerHealthy, Kind::kContainerStarted}),
              ElementsAre("0.300 ContainerStarted 0 0", "5.400 ContainerHealthy 0 0", "7.600 ContainerStarted 0 1",
                          "12.700 ContainerHealthy 0 0"));
}

// Nothing restarts a container because it is unhealthy.
TEST(Health, UnhealthyAloneRestartsNothing) {
  const Project project = test::Files(R"(
services:
  a:
    image: a:1
    restart: always
    healthcheck: {test: x, interval: 1s, retries: 1}
    labels: {berth.dev/start-up-time: 10h}
)")
                              .load();
  RunOptions options = test::round_times(project);
  options.run_for = seconds(600);
  const RunResult result = test::run(project, options);
  EXPECT_EQ(test::lines(result, {Kind::kContainerUnhealthy}).size(), 1U);
  EXPECT_EQ(test::lines(result, {Kind::kContainerStarted}).size(), 1U);
  EXPECT_EQ(result.containers[0].state, "unhealthy");
  EXPECT_THAT(result.troubles, ElementsAre("container p-a-1 is unhealthy"));
}

}  // namespace
}  // namespace berth::compose

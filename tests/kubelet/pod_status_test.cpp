#include "sim/kubelet/pod_status.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "tests/kubelet/kubelet_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth {
namespace {

using kube::api::RestartPolicy;

// Containers as text, one word each: kind (i init, s sidecar, m main) and state: "w" waiting, never ran; "c0"/"c1"
// waiting, ended before with that code (CrashLoopBackOff); "r" running, "R" running and started; "t0"/"t1" terminated.
struct PhaseCase {
  const char* name;
  RestartPolicy policy;
  const char* containers;
  bool terminating;
  bool initialized;
  StatusPhase phase;
};

using PodPhaseTest = testing::TestWithParam<PhaseCase>;

TEST_P(PodPhaseTest, FollowsFromContainers) {
  PodMaker maker(GetParam().policy);
  std::vector<ContainerStatus> statuses;
  const std::string_view text = GetParam().containers;
  for (std::size_t i = 0; i < text.size(); i = std::min(text.find(' ', i), text.size() - 1) + 1) {
    if (text[i] == 'm') maker.add();
    if (text[i] != 'm') maker.init(text[i] == 's');
    ContainerStatus& status = statuses.emplace_back();
    const char state = text[i + 1];
    if (state == 'r' || state == 'R') status.state = ContainerStatus::State::kRunning;
    status.started = state == 'R';
    if (state == 't') status.state = ContainerStatus::State::kTerminated;
    status.has_ended = state == 't' || state == 'c';
    if (status.has_ended) status.exit_code = text[i + 2] - '0';
  }
  const PodProgram program = compile_pod(maker.pod, [](std::string_view) { return ImageId{0}; });
  ASSERT_EQ(program.containers.size(), statuses.size());
  EXPECT_EQ(pod_phase(program, statuses, GetParam().terminating, GetParam().initialized), GetParam().phase);
}

constexpr RestartPolicy kAlways = RestartPolicy::kAlways;
constexpr RestartPolicy kOnFailure = RestartPolicy::kOnFailure;
constexpr RestartPolicy kNever = RestartPolicy::kNever;

INSTANTIATE_TEST_SUITE_P(
    Table, PodPhaseTest,
    testing::Values(PhaseCase{"AllWaiting", kAlways, "mw mw", false, false, StatusPhase::kPending},
                    PhaseCase{"OneWaiting", kAlways, "mR mw", false, true, StatusPhase::kPending},
                    PhaseCase{"AllRunning", kAlways, "mR mR", false, true, StatusPhase::kRunning},
                    PhaseCase{"OneRunningOneCrashed", kAlways, "mR mt1", false, true, StatusPhase::kRunning},
                    PhaseCase{"OneRunningOneInBackOff", kNever, "mR mc1", false, true, StatusPhase::kRunning},
                    PhaseCase{"AlwaysAllEnded", kAlways, "mt0 mt1", false, true, StatusPhase::kRunning},
                    PhaseCase{"AlwaysInBackOff", kAlways, "mc1", false, true, StatusPhase::kRunning},
                    PhaseCase{"NeverAllWell", kNever, "mt0 mt0", false, true, StatusPhase::kSucceeded},
                    PhaseCase{"NeverOneBadly", kNever, "mt0 mt1", false, true, StatusPhase::kFailed},
                    PhaseCase{"OnFailureAllWell", kOnFailure, "mt0 mt0", false, true, StatusPhase::kSucceeded},
                    PhaseCase{"OnFailureOneBadly", kOnFailure, "mt0 mt1", false, true, StatusPhase::kRunning},
                    PhaseCase{"TerminatingAllWell", kAlways, "mt0 mt0", true, true, StatusPhase::kSucceeded},
                    PhaseCase{"TerminatingOneBadly", kAlways, "mt0 mt1", true, true, StatusPhase::kFailed},
                    PhaseCase{"TerminatingInBackOff", kAlways, "mc1", true, true, StatusPhase::kFailed},
                    PhaseCase{"InitWaiting", kAlways, "iw mw", false, false, StatusPhase::kPending},
                    PhaseCase{"InitRunning", kAlways, "ir mw", false, false, StatusPhase::kPending},
                    PhaseCase{"InitDone", kAlways, "it0 mw", false, false, StatusPhase::kPending},
                    PhaseCase{"InitFailedNever", kNever, "it1 mw", false, false, StatusPhase::kFailed},
                    PhaseCase{"InitFailedOnFailure", kOnFailure, "it1 mw", false, false, StatusPhase::kPending},
                    PhaseCase{"InitFailedAlways", kAlways, "ic1 mw", false, false, StatusPhase::kPending},
                    PhaseCase{"SidecarNotStarted", kAlways, "sr mw", false, false, StatusPhase::kPending},
                    PhaseCase{"SidecarRestartsAfterwards", kAlways, "sr mR", false, true, StatusPhase::kRunning},
                    PhaseCase{"SidecarRunningCounts", kNever, "sR mt0", false, true, StatusPhase::kRunning},
                    PhaseCase{"SidecarStoppedDoesNot", kNever, "st1 mt0", false, true, StatusPhase::kSucceeded},
                    PhaseCase{"SidecarStoppedMainFailed", kNever, "st0 mt1", false, true, StatusPhase::kFailed}),
    test::CaseName{});

TEST(RestartActionTest, RulesThenPolicy) {
  using kube::api::RestartRule;
  struct Row {
    RestartPolicy policy;
    std::vector<RestartRule> rules;
    std::int32_t code;
    RestartAction action;
  };
  const RestartRule in_42{.restart_all_containers = false, .in = true, .exit_codes = {42}};
  const RestartRule not_in_0_42_all{.restart_all_containers = true, .in = false, .exit_codes = {0, 42}};
  const Row rows[] = {
      {kAlways, {}, 0, RestartAction::kRestart},
      {kAlways, {}, 1, RestartAction::kRestart},
      {kOnFailure, {}, 0, RestartAction::kNone},
      {kOnFailure, {}, 1, RestartAction::kRestart},
      {kNever, {}, 1, RestartAction::kNone},
      {kNever, {in_42}, 42, RestartAction::kRestart},
      {kNever, {in_42}, 1, RestartAction::kNone},
      {kNever, {in_42, not_in_0_42_all}, 42, RestartAction::kRestart},
      {kNever, {in_42, not_in_0_42_all}, 7, RestartAction::kRestartAllContainers},
      {kNever, {not_in_0_42_all, in_42}, 0, RestartAction::kNone},
      {kAlways, {not_in_0_42_all}, 7, RestartAction::kRestartAllContainers},
  };
  for (const Row& row : rows) {
    ContainerProgram container;
    container.restart_policy = row.policy;
    container.restart_rules = row.rules;
    EXPECT_EQ(restart_action(container, row.code), row.action) << &row - rows;
  }
}

TEST(FirstAboveTest, AgreesWithLookingAtEveryInstant) {
  using kube::api::ContainerBehavior;
  // Curves of a few nanoseconds, so that every age can be tried.
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed, 0, 0, Purpose::kTest);
    ContainerBehavior b;
    std::int64_t at = 0;
    for (std::uint32_t i = 0, n = rng.below(5); i < n; ++i) {
      b.memory.push_back({nanoseconds(at += rng.below(20) + (i > 0 ? 1 : 0)), rng.below(50)});
    }
    const std::int64_t limit = rng.below(50);
    std::optional<Duration> expected;
    for (std::int64_t age = 0; age < 120 && !expected; ++age) {
      if (b.memory_bytes(nanoseconds(age), 25) > limit) expected = nanoseconds(age);
    }
    EXPECT_EQ(b.first_above(limit, 25), expected) << seed;
  }
}

TEST(PodProgramTest, HooksThatSleep) {
  struct Row {
    std::vector<std::string> command;
    double takes;
  };
  const Row rows[] = {{{"sleep", "15"}, 15},
                      {{"/bin/sleep", "0.5"}, 0.5},
                      {{"/bin/sh", "-c", "sleep 20"}, 20},
                      {{"sh", "-c", "nginx -s quit"}, 0},
                      {{"sh", "-c", "sleep 5 && true"}, 0},
                      {{"sleep"}, 0}};
  for (const Row& row : rows) {
    PodMaker p;
    p.add().pre_stop.emplace().command = row.command;
    const PodProgram program = compile_pod(p.pod, [](std::string_view) { return ImageId{0}; });
    EXPECT_EQ(program.containers[0].pre_stop.takes, from_seconds(row.takes)) << row.command.size();
  }
}

}  // namespace
}  // namespace berth

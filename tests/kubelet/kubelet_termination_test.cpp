// Golden timelines of endings: hooks, grace, sidecars, deadlines. Derived by hand; times as in kubelet_timeline_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth {
namespace {

using kube::api::RestartPolicy;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::Pair;

const std::set<RecordKind> kProcesses = {RecordKind::kContainerStarted, RecordKind::kContainerExited};

const std::set<RecordKind> kEnding = {RecordKind::kPodTerminating, RecordKind::kContainerKilling,
                                      RecordKind::kContainerExited, RecordKind::kPodRemoved};

TEST(KubeletTermination, TerminalPhaseComesWhenAllIsTornDown) {
  for (const std::int32_t code : {0, 3}) {
    PodMaker p(RestartPolicy::kNever);
    kube::api::ContainerSpec& c = p.add();
    c.behavior.run_time = Distribution::constant(1);
    c.behavior.exit_code = code;
    World w;
    w.node();
    const PodSlot pod = w.pod(p.pod);
    w.run_to(10);
    // Runs 0.75 to 1.75; 2 s: the end is seen; 3 s: torn down; 4 s: confirmed.
    EXPECT_THAT(w.phases,
                ElementsAre(Pair(World::at(0.0), StatusPhase::kPending), Pair(World::at(1), StatusPhase::kRunning),
                            Pair(World::at(4), code == 0 ? StatusPhase::kSucceeded : StatusPhase::kFailed)));
    EXPECT_EQ(w.kubelet.container_status(pod, 0).exit_code, code);
    EXPECT_FALSE(w.kubelet.status(pod).ready);
    EXPECT_EQ(w.images.containers, 1);  // The dead container stays with its pod.
    w.kubelet.delete_pod(pod);          // Of a finished pod: at once.
    EXPECT_THAT(w.gone, ElementsAre(10));
    w.run_to(10);
    EXPECT_EQ(w.images.containers, 0);
    EXPECT_EQ(w.kubelet.pods(), 0U);
    EXPECT_EQ(w.kubelet.verify(), "");
  }
}

TEST(KubeletTermination, SidecarsGoWhenMainContainersHaveEnded) {
  PodMaker p(RestartPolicy::kNever);
  p.init(true);
  p.add().behavior.run_time = Distribution::constant(1);
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(20);
  // Sidecar 0.75; seen 1; main 1.25 to 2.25; seen 3: the sidecar is killed; seen 4; torn down 5; confirmed 6.
  EXPECT_THAT(w.lines(kProcesses), ElementsAre("0.75 ContainerStarted 0 0", "1.25 ContainerStarted 1 0",
                                               "2.25 ContainerExited 1 0 Completed", "3 ContainerExited 0 143 Error"));
  ASSERT_FALSE(w.phases.empty());
  EXPECT_THAT(w.phases.back(), Pair(World::at(6), StatusPhase::kSucceeded));
}

struct EndCase {
  const char* name;
  std::int64_t grace_s;
  std::int64_t pre_stop_s;
  std::int64_t stop_s;
  std::optional<std::int64_t> delete_grace_s;
  double gone;
  std::vector<std::string> lines;
};

using KubeletTerminationTest = testing::TestWithParam<EndCase>;

TEST_P(KubeletTerminationTest, IsTimed) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  if (GetParam().pre_stop_s > 0) c.pre_stop = sleep_hook(GetParam().pre_stop_s);
  c.behavior.stop_time = Distribution::constant(static_cast<double>(GetParam().stop_s));
  p.pod.spec.termination_grace = seconds(GetParam().grace_s);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(10);
  w.kubelet.delete_pod(pod, GetParam().delete_grace_s);
  w.run_to(200);
  EXPECT_THAT(w.lines(kEnding), ElementsAreArray(GetParam().lines));
  EXPECT_THAT(w.gone, ElementsAre(GetParam().gone));
  EXPECT_EQ(w.images.containers, 0);
  EXPECT_EQ(w.kubelet.verify(), "");
}

// Deleted at 10 s. The object goes when the next relist has confirmed that all has stopped.
INSTANTIATE_TEST_SUITE_P(Table, KubeletTerminationTest,
                         testing::Values(EndCase{"AtOnce",
                                                 30,
                                                 0,
                                                 0,
                                                 {},
                                                 11,
                                                 {"10 PodTerminating 30", "10 ContainerKilling 0 PodDeleted",
                                                  "10 ContainerExited 0 143 Error", "11 PodRemoved"}},
                                         EndCase{"HookThenTerm",
                                                 30,
                                                 10,
                                                 5,
                                                 {},
                                                 26,
                                                 {"10 PodTerminating 30", "10 ContainerKilling 0 PodDeleted",
                                                  "25 ContainerExited 0 143 Error", "26 PodRemoved"}},
                                         EndCase{"GraceIsWhatTheHookLeaves",
                                                 30,
                                                 10,
                                                 60,
                                                 {},
                                                 41,  // SIGTERM at 20, SIGKILL 20 s later.
                                                 {"10 PodTerminating 30", "10 ContainerKilling 0 PodDeleted",
                                                  "40 ContainerExited 0 137 Error", "41 PodRemoved"}},
                                         EndCase{"HookLongerThanGrace",
                                                 30,
                                                 40,
                                                 5,
                                                 {},
                                                 43,  // Cut off at 40; then the least grace of 2 s.
                                                 {"10 PodTerminating 30", "10 ContainerKilling 0 PodDeleted",
                                                  "42 ContainerExited 0 137 Error", "43 PodRemoved"}},
                                         EndCase{"AtLeastTwoSeconds",
                                                 1,
                                                 0,
                                                 5,
                                                 {},
                                                 13,
                                                 {"10 PodTerminating 1", "10 ContainerKilling 0 PodDeleted",
                                                  "12 ContainerExited 0 137 Error", "13 PodRemoved"}},
                                         EndCase{"GraceOfTheDeletion",
                                                 30,
                                                 0,
                                                 60,
                                                 4,
                                                 15,
                                                 {"10 PodTerminating 4", "10 ContainerKilling 0 PodDeleted",
                                                  "14 ContainerExited 0 137 Error", "15 PodRemoved"}},
                                         EndCase{"Forced",
                                                 30,
                                                 0,
                                                 60,
                                                 0,
                                                 10,  // The object goes at once, the kubelet cleans up.
                                                 {"10 PodTerminating 0", "10 ContainerKilling 0 PodDeleted",
                                                  "12 ContainerExited 0 137 Error", "13 PodRemoved"}}),
                         test::CaseName{});

TEST(KubeletTermination, ASecondDeletionShortensTheGrace) {
  PodMaker p;
  p.add().behavior.stop_time = Distribution::constant(100);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(10);
  w.kubelet.delete_pod(pod);
  w.run_to(15);
  w.kubelet.delete_pod(pod, 5);
  w.kubelet.delete_pod(pod, 50);  // Longer than what is left: ignored.
  w.run_to(60);
  EXPECT_THAT(w.lines({RecordKind::kContainerExited}), ElementsAre("20 ContainerExited 0 137 Error"));
  EXPECT_THAT(w.gone, ElementsAre(21));
}

TEST(KubeletTermination, SidecarsEndLastInReverseOrder) {
  PodMaker p;
  for (int i = 0; i < 2; ++i) p.init(true).behavior.stop_time = Distribution::constant(1);
  p.add().behavior.stop_time = Distribution::constant(4);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(10);
  w.kubelet.delete_pod(pod);
  w.run_to(60);
  EXPECT_THAT(w.lines({RecordKind::kContainerExited, RecordKind::kPodRemoved}),
              ElementsAre("14 ContainerExited 2 143 Error", "15 ContainerExited 1 143 Error",
                          "16 ContainerExited 0 143 Error", "17 PodRemoved"));
}

TEST(KubeletTermination, SidecarsShareTheGrace) {
  PodMaker p;
  for (int i = 0; i < 2; ++i) p.init(true).behavior.stop_time = Distribution::constant(1);
  p.add().behavior.stop_time = Distribution::constant(100);
  p.pod.spec.termination_grace = seconds(5);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(10);
  w.kubelet.delete_pod(pod);
  w.run_to(60);
  // The main container is killed at 15, when the grace is over for the sidecars as well: none waits any longer, and
  // both still get the least grace of 2 s, of which they need one.
  EXPECT_THAT(w.lines({RecordKind::kContainerExited, RecordKind::kPodRemoved}),
              testing::AllOf(testing::SizeIs(4), testing::Contains("15 ContainerExited 2 137 Error"),
                             testing::Contains("16 ContainerExited 0 143 Error"),
                             testing::Contains("16 ContainerExited 1 143 Error"), testing::Contains("17 PodRemoved")));
}

TEST(KubeletTermination, ActiveDeadline) {
  PodMaker p;
  p.add();
  p.pod.spec.active_deadline = seconds(20);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(40);
  // Since the kubelet saw the pod. Seen by the tick of 20, torn down at 21, confirmed at 22.
  EXPECT_THAT(w.lines({RecordKind::kContainerKilling, RecordKind::kContainerExited}),
              ElementsAre("21 ContainerKilling 0 ActiveDeadline", "21 ContainerExited 0 143 Error"));
  EXPECT_THAT(w.phases.back(), Pair(World::at(22), StatusPhase::kFailed));
  EXPECT_EQ(w.kubelet.status(pod).reason, PodReason::kDeadlineExceeded);
}

TEST(KubeletTermination, DeletedWhileItsImageIsPulled) {
  PodMaker p;
  p.add();
  World w;
  w.node();
  w.images.later = true;
  const PodSlot pod = w.pod(p.pod);
  w.run_to(4.5);
  ASSERT_EQ(w.images.asks.size(), 1U);
  w.kubelet.delete_pod(pod);
  w.run_to(20);
  // The sync is cut short at 4.5; torn down at the next relist, 5, confirmed at 6. An answer comes too late.
  EXPECT_THAT(w.gone, ElementsAre(6));
  w.kubelet.image_ensured(pod, ImageResult::kPulled);
  EXPECT_EQ(w.kubelet.pods(), 0U);
  EXPECT_EQ(w.kubelet.verify(), "");
}

}  // namespace
}  // namespace berth

// Golden timelines, derived by hand from the rules of the real kubelet: how pods start and their containers restart.
// The relist and the sync loop tick at whole seconds; a sandbox takes 0.5 s, creating and starting a container 0.125 s
// each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using kube::api::Handler;
using kube::api::RestartPolicy;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::Pair;

const std::set<RecordKind> kProcesses = {RecordKind::kContainerStarted, RecordKind::kContainerExited};

TEST(KubeletTimeline, InitSidecarAndMainContainersStartInOrder) {
  PodMaker p;
  p.init();
  p.init(true);
  p.add().post_start = sleep_hook(1);
  p.add();
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(20);
  // Each init step takes a sync of its own: the end of an init container, or that a sidecar has started, is seen by
  // the next relist. Main containers start in one sync, the second one after the first one's hook.
  EXPECT_THAT(w.lines(), ElementsAreArray({
                             "0 PodAdmitted",
                             "0 PodVolumesMounted",
                             "0.5 PodSandboxCreated",
                             "0.625 ContainerCreated 0",
                             "0.75 ContainerStarted 0 0",
                             "1 ContainerUp 0",
                             "1.75 ContainerExited 0 0 Completed",
                             "2.125 ContainerCreated 1",
                             "2.25 ContainerStarted 1 0",
                             "3 ContainerUp 1",
                             "3 ContainerReady 1",
                             "3 PodInitialized",
                             "3.125 ContainerCreated 2",
                             "3.25 ContainerStarted 2 0",
                             "4.25 ContainerPostStarted 2",
                             "4.375 ContainerCreated 3",
                             "4.5 ContainerStarted 3 0",
                             "5 ContainerUp 2",
                             "5 ContainerReady 2",
                             "5 ContainerUp 3",
                             "5 ContainerReady 3",
                             "5 PodReady",
                         }));
  EXPECT_THAT(w.phases,
              ElementsAre(Pair(World::at(0.0), StatusPhase::kPending), Pair(World::at(5), StatusPhase::kRunning)));
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletTimeline, PostStartRequestOfAContainerThatCannotAnswerKillsIt) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.post_start.emplace().kind = Handler::Kind::kHttpGet;
  c.behavior.start_up = Distribution::constant(5);
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(1.5);
  // 0.75 started, the request is refused at once. The end is seen at 1 s; the first restart needs no rest.
  EXPECT_THAT(w.lines({RecordKind::kContainerKilling, RecordKind::kContainerStarted, RecordKind::kContainerExited}),
              ElementsAre("0.75 ContainerStarted 0 0", "0.75 ContainerKilling 0 PostStartHook",
                          "0.75 ContainerExited 0 143 Error", "1.25 ContainerStarted 0 1",
                          "1.25 ContainerKilling 0 PostStartHook", "1.25 ContainerExited 0 143 Error"));
}

TEST(KubeletTimeline, MemoryCurveCrossesTheLimit) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.behavior.memory = {{seconds(0), 100}, {seconds(10), 200}};
  p.pod.scheduling.containers[0].limits.set("memory", quantity(150));
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(6.5);
  // 10 bytes a second from 100: 151 bytes 5.1 s after the start at 0.75.
  EXPECT_THAT(w.lines(kProcesses), ElementsAre("0.75 ContainerStarted 0 0", "5.85 ContainerExited 0 137 OOMKilled",
                                               "6.25 ContainerStarted 0 1"));
}

TEST(KubeletTimeline, ThrottlingStretchesRunTime) {
  PodMaker p(RestartPolicy::kNever);
  kube::api::ContainerSpec& c = p.add();
  c.behavior.run_time = Distribution::constant(10);
  c.behavior.cpu_milli = 3000;
  p.pod.scheduling.containers[0].limits.set("cpu", quantity(2));
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(30);
  EXPECT_THAT(w.lines(kProcesses), ElementsAre("0.75 ContainerStarted 0 0", "15.75 ContainerExited 0 0 Completed"));
}

TEST(KubeletTimeline, RestartRulesComeBeforeThePolicy) {
  for (const std::int32_t code : {42, 41}) {
    PodMaker p(RestartPolicy::kNever);
    kube::api::ContainerSpec& c = p.add();
    c.behavior.run_time = Distribution::constant(1);
    c.behavior.exit_code = code;
    c.restart_rules = {{.restart_all_containers = false, .in = true, .exit_codes = {42}}};
    World w;
    w.node();
    const PodSlot pod = w.pod(p.pod);
    w.run_to(8);
    EXPECT_EQ(w.kubelet.status(pod).phase, code == 42 ? StatusPhase::kRunning : StatusPhase::kFailed);
    EXPECT_EQ(w.kubelet.container_status(pod, 0).restarts, code == 42 ? 1U : 0U);
  }
}

TEST(KubeletTimeline, RestartAllContainers) {
  PodMaker p(RestartPolicy::kNever);
  p.init();
  kube::api::ContainerSpec& watcher = p.add();
  watcher.behavior.run_time = Distribution::constant(1.5);
  watcher.behavior.exit_code = 88;
  watcher.restart_rules = {{.restart_all_containers = true, .in = true, .exit_codes = {88}}};
  kube::api::ContainerSpec& worker = p.add();
  worker.pre_stop = sleep_hook(5);  // Not run.
  worker.behavior.stop_time = Distribution::constant(60);
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(8.9);
  // Init 0.75 to 1.75, seen 2; watcher 2.25 to 3.75, worker from 2.5; seen 4: the worker gets SIGTERM and, neither hook
  // nor grace being respected, SIGKILL after the least 2 s; all are removed at 6. The sync after the next relist, at 7,
  // starts with the init container again, in the same sandbox and without rest.
  EXPECT_THAT(w.lines({RecordKind::kPodSandboxCreated, RecordKind::kContainerStarted, RecordKind::kContainerKilling,
                       RecordKind::kContainerExited}),
              ElementsAre("0.5 PodSandboxCreated", "0.75 ContainerStarted 0 0", "1.75 ContainerExited 0 0 Completed",
                          "2.25 ContainerStarted 1 0", "2.5 ContainerStarted 2 0", "3.75 ContainerExited 1 88 Error",
                          "4 ContainerKilling 2 RestartAllContainers", "6 ContainerExited 2 137 Error",
                          "7.25 ContainerStarted 0 1", "8.25 ContainerExited 0 0 Completed"));
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletTimeline, ASidecarRestartsWhileTheMainContainerRuns) {
  PodMaker p;
  p.init(true).behavior.run_time = Distribution::constant(5);
  p.add();
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(7.5);
  // Sidecar 0.75 to 5.75, seen 6: not ready, and started again at once; the pod stays Running.
  EXPECT_THAT(w.lines({RecordKind::kContainerStarted, RecordKind::kPodReady, RecordKind::kPodNotReady}),
              ElementsAre("0.75 ContainerStarted 0 0", "1.25 ContainerStarted 1 0", "2 PodReady", "6 PodNotReady",
                          "6.25 ContainerStarted 0 1", "7 PodReady"));
  EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kRunning);
}

}  // namespace
}  // namespace berth

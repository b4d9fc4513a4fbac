// Golden timelines of probes, derived by hand from worker.go's rules; times as in kubelet_timeline_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

TEST(KubeletProbes, ProbesFromStartupToRestart) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.behavior.start_up = Distribution::constant(3);
  c.startup = probe_every(2, 30);
  c.liveness = probe_every(5, 2);
  c.readiness = probe_every(3);
  c.readiness->success_threshold = 2;
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(20.5);
  w.kubelet.set_unhealthy(pod, 0, true);
  w.run_to(60);
  // Started at 0.75, answers from 3.75. Startup ticks at 0, 2, 4 … from the worker's start; the container's status is
  // known at 1, so the first probe is that of 2. Its success at 4 is an update: a sync, which probes readiness at
  // once; that probe's first value is an update, too, hence a sync and a probe at 5: the second success.
  // Hanging from 20.5. Readiness ticks at 5 + 3k: 23, 26, 29, each failing after its timeout of 1 s; the third one at
  // 30 is an update: sync, and a fourth probe. Liveness ticks at 5k: 25 and 30 fail at 26 and 31: killed at 31.
  // No instance had ended before, so it is started again in the same sync: 31.25, answering from 34.25.
  EXPECT_THAT(w.lines({RecordKind::kProbeFailed, RecordKind::kContainerStarted, RecordKind::kContainerUp,
                       RecordKind::kContainerReady, RecordKind::kContainerNotReady, RecordKind::kContainerKilling,
                       RecordKind::kContainerExited, RecordKind::kPodReady, RecordKind::kPodNotReady}),
              ElementsAreArray({
                  "0.75 ContainerStarted 0 0",
                  "2 ProbeFailed 0 startup 1",
                  "4 ContainerUp 0",
                  "5 ContainerReady 0",
                  "5 PodReady",
                  "24 ProbeFailed 0 readiness 1",
                  "26 ProbeFailed 0 liveness 1",
                  "27 ProbeFailed 0 readiness 2",
                  "30 ProbeFailed 0 readiness 3",
                  "30 ContainerNotReady 0",
                  "30 PodNotReady",
                  "31 ProbeFailed 0 liveness 2",
                  "31 ProbeFailed 0 readiness 4",
                  "31 ContainerKilling 0 LivenessProbe",
                  "31 ContainerExited 0 143 Error",
                  "31.25 ContainerStarted 0 1",
                  "32 ProbeFailed 0 startup 1",
                  "34 ProbeFailed 0 startup 2",
                  "36 ContainerUp 0",
                  "37 ContainerReady 0",
                  "37 PodReady",
              }));
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletProbes, InitialDelayCountsFromTheWholeSecondOfTheStart) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.liveness = probe_every(4, 1);
  c.liveness->initial_delay = seconds(8);
  c.liveness->termination_grace = seconds(3);
  c.behavior.start_up = Distribution::constant(1000);
  c.behavior.stop_time = Distribution::constant(60);
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(11.5);
  // Started at 0.75, which the status says as 0: the tick of 8 is 8 s later. Killed with the probe's own grace of 3 s.
  EXPECT_THAT(w.lines({RecordKind::kProbeFailed, RecordKind::kContainerKilling, RecordKind::kContainerExited}),
              ElementsAre("8 ProbeFailed 0 liveness 1", "8 ContainerKilling 0 LivenessProbe",
                          "11 ContainerExited 0 137 Error"));
}

TEST(KubeletProbes, ReadinessFlapOnlyClearsReady) {
  PodMaker p;
  p.add().readiness = probe_every(10, 1);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(12);
  w.kubelet.set_unhealthy(pod, 0, true);
  w.run_to(23);
  w.kubelet.set_unhealthy(pod, 0, false);
  w.run_to(50);
  // Ready at once at the sync of 1, from when its ticks count: 11, 21, 31. Failed at 21 + 1 (timeout): a sync at 22
  // probes again (hanging, fails at 23: the hang is over at 23, but that probe began before), ticks now at 22 + 10k.
  EXPECT_THAT(w.lines({RecordKind::kPodReady, RecordKind::kPodNotReady, RecordKind::kContainerExited}),
              ElementsAre("1 PodReady", "22 PodNotReady", "32 PodReady"));
}

TEST(KubeletProbes, ReadinessGatesHoldReadyBack) {
  PodMaker p;
  p.add();
  p.pod.spec.readiness_gates = {"example.com/ok"};
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(5);
  EXPECT_TRUE(w.kubelet.status(pod).containers_ready);
  EXPECT_FALSE(w.kubelet.status(pod).ready);
  w.kubelet.set_readiness_gates(pod, true);
  EXPECT_THAT(w.lines({RecordKind::kPodReady}), ElementsAre("5 PodReady"));
}

TEST(KubeletProbes, TheNextInitContainerWaitsForTheSidecarsStartupProbe) {
  PodMaker p;
  kube::api::ContainerSpec& sidecar = p.init(true);
  sidecar.behavior.start_up = Distribution::constant(6);
  sidecar.startup = probe_every(5, 10);
  p.init();
  p.add();
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(30);
  // Sidecar from 0.75, answering from 6.75: ticks of 5 (fails) and 10 (passes, an update: a sync at 10 starts the next
  // init container: 10.25 to 11.25, seen 12; main 12.25, seen 13.
  EXPECT_THAT(w.lines({RecordKind::kContainerStarted, RecordKind::kProbeFailed, RecordKind::kPodInitialized,
                       RecordKind::kPodReady}),
              ElementsAre("0.75 ContainerStarted 0 0", "5 ProbeFailed 0 startup 1", "10.25 ContainerStarted 1 0",
                          "12 PodInitialized", "12.25 ContainerStarted 2 0", "13 PodReady"));
}

TEST(KubeletProbes, ProbesStartAtRandomOffsetsJustAfterTheKubelet) {
  std::set<double> ready;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    PodMaker p;
    p.add().readiness = probe_every(20);
    World w(seed);
    w.kubelet.add_node(NodeId{0}, {{1000, 1 << 30, 0}, 10, 0}, World::at(0.0));
    w.pod(p.pod);
    w.run_to(100);
    w.lines();
    for (const Record& r : w.records) {
      if (r.kind == RecordKind::kPodReady) ready.insert(World::clock(r.at));
    }
  }
  // Seen at 1; without an offset it would be probed then. With one: from the offset in 0 to 20 on, or a period later
  // where that lies before 1.
  EXPECT_GT(ready.size(), 10U);
  EXPECT_GE(*ready.begin(), 1);
  EXPECT_LE(*ready.rbegin(), 21);
}

}  // namespace
}  // namespace berth

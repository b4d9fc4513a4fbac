// What befalls nodes, and what nodes ask for. Timelines derived by hand; times as in kubelet_timeline_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using kube::api::RestartPolicy;
using testing::ElementsAre;

TEST(KubeletNodes, CrashAndReboot) {
  PodMaker p;
  p.init();
  p.add();
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(5.5);
  const std::size_t changes = w.changes;
  w.kubelet.node_down(NodeId{0});
  w.run_to(65.25);
  EXPECT_EQ(w.changes, changes);  // Nobody has been told.
  EXPECT_TRUE(w.kubelet.status(pod).ready);
  w.kubelet.node_up(NodeId{0});
  w.run_to(80);
  // A new sandbox, init again; the kubelet's grid now counts from 65.25. Init 66 to 67, seen 67.25; main 67.5, seen
  // 68.25.
  EXPECT_THAT(
      w.lines({RecordKind::kContainerStarted, RecordKind::kContainerExited, RecordKind::kPodReady,
               RecordKind::kPodNotReady}),
      ElementsAre("0.75 ContainerStarted 0 0", "1.75 ContainerExited 0 0 Completed", "2.25 ContainerStarted 1 0",
                  "3 PodReady", "5.5 ContainerExited 1 255 Error", "65.25 PodNotReady", "66 ContainerStarted 0 1",
                  "67 ContainerExited 0 0 Completed", "67.5 ContainerStarted 1 1", "68.25 PodReady"));
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletNodes, RebootOfAPodThatNeverRestartsFailsIt) {
  PodMaker p(RestartPolicy::kNever);
  p.add();
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(5);
  w.kubelet.node_down(NodeId{0});
  w.kubelet.node_up(NodeId{0});
  w.run_to(10);
  EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kFailed);
}

TEST(KubeletNodes, HungAndCutOffKubelets) {
  PodMaker p;
  p.add().behavior.run_time = Distribution::constant(10);
  PodMaker q;
  q.add();
  World w;
  w.node(0);
  w.node(1);
  const PodSlot runs = w.pod(p.pod, 0);
  const PodSlot cut = w.pod(q.pod, 1);
  w.run_to(5);
  w.kubelet.hang(NodeId{0});
  w.kubelet.disconnect(NodeId{1});
  w.kubelet.delete_pod(cut);
  const PodSlot late = w.pod(q.pod, 1);
  w.run_to(60.5);
  // Node 0: the process ends at 10.75 and nobody looks. Node 1: the deletion is not heard, nor the new pod.
  EXPECT_TRUE(w.kubelet.status(runs).ready);
  EXPECT_TRUE(w.gone.empty());
  EXPECT_TRUE(w.kubelet.answers(cut, 0));
  w.kubelet.resume(NodeId{0});
  w.kubelet.reconnect(NodeId{1});
  w.run_to(62.5);
  EXPECT_THAT(w.lines({RecordKind::kContainerExited, RecordKind::kPodNotReady}),
              ElementsAre("10.75 ContainerExited 0 0 Completed", "60.5 PodNotReady", "60.5 ContainerExited 0 143 Error",
                          "60.5 PodNotReady"));
  EXPECT_EQ(w.kubelet.container_status(runs, 0).restarts, 1U);
  EXPECT_THAT(w.gone, ElementsAre(61));
  EXPECT_TRUE(w.kubelet.status(late).ready);
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletNodes, VolumesAreWaitedForAndGivenBack) {
  PodMaker p;
  p.add();
  World w;
  w.node();
  w.volumes.later = true;
  const PodSlot pod = w.pod(p.pod);
  w.run_to(7.5);
  w.kubelet.volumes_mounted(pod);
  w.run_to(20);
  w.kubelet.delete_pod(pod);
  w.run_to(33);
  w.kubelet.volumes_unmounted(pod);
  w.run_to(33);
  EXPECT_THAT(
      w.lines({RecordKind::kPodVolumesMounted, RecordKind::kPodSandboxCreated, RecordKind::kContainerExited,
               RecordKind::kPodRemoved}),
      ElementsAre("7.5 PodVolumesMounted", "8 PodSandboxCreated", "20 ContainerExited 0 143 Error", "33 PodRemoved"));
}

TEST(KubeletNodes, AdmissionCountsRequests) {
  PodMaker p;
  p.add();
  p.pod.scheduling.containers[0].requests.set("cpu", quantity(2));
  World w;
  w.kubelet.add_node(NodeId{0}, {{3000, 1 << 30, 0}, 110, 0}, World::at(kLongAgo));
  w.pod(p.pod);
  const PodSlot second = w.pod(p.pod);
  w.run_to(5);
  EXPECT_THAT(w.lines({RecordKind::kPodRejected}), ElementsAre("0 PodRejected OutOfcpu"));
  EXPECT_EQ(w.kubelet.status(second).phase, StatusPhase::kFailed);
  // Told two calls at 20 a second later: whoever makes another pod for the same node does not stop the clock.
  EXPECT_THAT(w.phases, testing::Contains(testing::Pair(Time{} + milliseconds(100), StatusPhase::kFailed)));
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletNodes, HealthyPodsCostNothing) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.startup = probe_every(1);
  c.liveness = probe_every(1);
  c.readiness = probe_every(1);
  World w;
  w.node();
  for (int i = 0; i < 50; ++i) w.pod(p.pod);
  w.run_to(100);
  const std::uint64_t events = w.engine.events_executed();
  w.run_to(100'000);
  EXPECT_EQ(w.engine.events_executed(), events + 1);  // The test's own marker of time.
  EXPECT_EQ(w.lines({RecordKind::kPodReady}).size(), 50U);
}

TEST(KubeletNodes, PodsOfARemovedNodeWaitToBeForcedOut) {
  PodMaker p;
  p.add();
  World w;
  w.node();
  const PodSlot a = w.pod(p.pod);
  const PodSlot b = w.pod(p.pod);
  w.run_to(5);
  w.kubelet.delete_pod(a);
  w.kubelet.remove_node(NodeId{0});
  w.run_to(100);
  EXPECT_TRUE(w.gone.empty());
  EXPECT_EQ(w.images.containers, 0);
  w.kubelet.force_remove(a);
  w.kubelet.force_remove(b);
  EXPECT_THAT(w.gone, ElementsAre(100, 100));
  EXPECT_EQ(w.kubelet.pods(), 0U);
  EXPECT_EQ(w.kubelet.verify(), "");
  w.node();  // The same number for a new machine.
  w.pod(p.pod);
  w.run_to(110);
  EXPECT_EQ(w.kubelet.verify(), "");
}

}  // namespace
}  // namespace berth

// What a fault plan does to single processes: crashes at a time, and memory that leaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::int64_t kMi = 1 << 20;

kube::api::Pod user(std::int64_t bytes, std::int64_t limit) {
  PodMaker p;
  p.add().behavior.memory = {{Duration{}, bytes}};
  if (limit > 0) p.pod.scheduling.containers[0].limits.set("memory", quantity(limit));
  return p.pod;
}

// Started at 0.75. 40 Mi, and 1 Mi/s from 60 s on: above 100 Mi a minute later, by one byte, which takes 954 ns (2^20
// bytes a second, rounded up). Seen by the relist of 121 s; the first restart is at once: made at 121.125, started at
// 121.25, leaking from then: 60.000000954 s. Seen at 182 s: CrashLoopBackOff of 10 s from the end at 181.25. The sync
// that finds it over comes 1 to 1.5 times the rest (9.25 s) after 182 s, on the grid: 192 to 196 s.
TEST(KubeletFaults, LeakEndsInOomKilledAndStartsAnewFromZero) {
  World w;
  w.leaks = {{World::at(60), kNever, kMi}};
  w.node();
  w.pod(user(40 * kMi, 100 * kMi));
  w.run_to(191);
  EXPECT_THAT(w.lines({RecordKind::kContainerStarted, RecordKind::kContainerExited, RecordKind::kContainerWaiting}),
              ElementsAre("0.75 ContainerStarted 0 0", "120.000000954 ContainerExited 0 137 OOMKilled",
                          "121.25 ContainerStarted 0 1", "181.250000954 ContainerExited 0 137 OOMKilled",
                          "182 ContainerWaiting 0 CrashLoopBackOff 10"));
  w.run_to(197);
  ASSERT_EQ(w.lines({RecordKind::kContainerStarted}).size(), 3U);
  Time third;
  for (const Record& r : w.records) {
    if (r.kind == RecordKind::kContainerStarted) third = r.at;
  }
  EXPECT_GE(third, World::at(192.25));
  EXPECT_LE(third, World::at(196.25));
  // 40 Mi again, and what has leaked since.
  EXPECT_EQ(w.kubelet.memory_bytes(NodeId{0}), 40 * kMi + (World::at(197) - third).ns * kMi / 1'000'000'000);
  EXPECT_EQ(w.kubelet.verify(), "");
}

// Two leaks, 1 Mi/s from 10 s to 40 s and 2 Mi/s from 20 s to 30 s, on top of a curve that falls from 100 Mi to 0
// within 100 s of its start at 0.75 s. At 15 s: 85.75 + 5; at 25 s: 75.75 + 15 + 10; at 50 s: 50.75 + 30 + 20.
TEST(KubeletFaults, LeaksAddToTheCurveWithinTheirWindows) {
  World w;
  w.leaks = {{World::at(10), World::at(40), kMi}, {World::at(20), World::at(30), 2 * kMi}};
  w.node();
  PodMaker p;
  p.add().behavior.memory = {{Duration{}, 100 * kMi}, {seconds(100), 0}};
  w.pod(p.pod);
  const std::pair<double, double> expected[] = {{5, 95.75}, {15, 90.75}, {25, 100.75}, {50, 100.75}, {200, 50}};
  for (const auto& [at, mi] : expected) {
    w.run_to(at);
    EXPECT_EQ(w.kubelet.memory_bytes(NodeId{0}), static_cast<std::int64_t>(mi * kMi)) << at;
  }
  // One that starts when both are over does not leak.
  w.pod(user(7 * kMi, 0));
  w.run_to(300);
  EXPECT_EQ(w.kubelet.memory_bytes(NodeId{0}), 57 * kMi);
  EXPECT_EQ(w.kubelet.verify(), "");
}

// Without a limit, on a node of 1000 Mi: over 900 Mi a minute and 954 ns after 10 s, seen by the check of 80 s. It is
// the only pod; 0 s to end: condition until 80 + 300 s.
TEST(KubeletFaults, LeakWithoutALimitRunsIntoEviction) {
  World w;
  w.leaks = {{World::at(10), kNever, 10 * kMi}};
  w.node(0, 1000 * kMi);
  const PodSlot pod = w.pod(user(300 * kMi, 0));
  w.run_to(1000);
  EXPECT_THAT(w.lines({RecordKind::kContainerKilling, RecordKind::kContainerExited}),
              ElementsAre("80 ContainerKilling 0 Evicted", "80 ContainerExited 0 143 Error"));
  EXPECT_EQ(w.kubelet.status(pod).reason, PodReason::kEvicted);
  EXPECT_THAT(w.pressures, ElementsAre(Pair(80.0, true), Pair(380.0, false)));
  EXPECT_EQ(w.kubelet.verify(), "");
}

// 30.5 s, seen at 31: made at 31.125, started at 31.25.
TEST(KubeletFaults, CrashEndsTheProcessAtOnce) {
  World w;
  w.node();
  const PodSlot pod = w.pod(user(kMi, 0));
  w.kubelet.crash(pod, 0, 139);  // Nothing runs yet.
  w.run_to(30.5);
  w.kubelet.crash(pod, 0, 139);
  EXPECT_FALSE(w.kubelet.runs(pod, 0));
  w.kubelet.crash(pod, 0, 139);  // It has ended.
  w.run_to(50);
  EXPECT_THAT(
      w.lines({RecordKind::kContainerStarted, RecordKind::kContainerExited}),
      ElementsAre("0.75 ContainerStarted 0 0", "30.5 ContainerExited 0 139 Error", "31.25 ContainerStarted 0 1"));
  EXPECT_EQ(w.kubelet.verify(), "");
}

// 800m wanted, 500m allowed, from 0.75 s to 30.5 s and from 31.25 s on; the other container says nothing of its CPU.
TEST(KubeletFaults, UseCountsEarlierProcesses) {
  World w;
  w.node();
  PodMaker p;
  p.add().behavior.cpu_milli = 800;
  p.pod.scheduling.containers[0].limits.set("cpu", kube::Quantity{500'000'000});
  p.add().behavior.memory = {{Duration{}, 3 * kMi}};
  const PodSlot pod = w.pod(p.pod);
  EXPECT_EQ(w.kubelet.use(pod).cpu_core_ns, 0);
  w.run_to(30.5);
  w.kubelet.crash(pod, 0, 1);
  w.run_to(41.25);
  const Kubelet::PodUse use = w.kubelet.use(pod);
  EXPECT_EQ(use.cpu_core_ns, (29'750'000'000 + 10'000'000'000) / 2);
  EXPECT_EQ(use.memory_bytes, 3 * kMi);
  EXPECT_EQ(w.kubelet.use(w.pod(user(kMi, 0))).cpu_core_ns, -1);
}

}  // namespace
}  // namespace berth

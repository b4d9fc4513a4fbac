// A node without memory: the kernel's choice, and the kubelet's evictions before that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::int64_t kMi = 1 << 20;

// Uses `bytes` from the start, or grows from 0 to that within `grows`.
kube::api::Pod user(std::int64_t bytes, std::int64_t request, Duration grows = {}) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.behavior.memory = {{grows, bytes}};
  if (grows > Duration{}) c.behavior.memory.insert(c.behavior.memory.begin(), {Duration{}, 0});
  if (request > 0) p.pod.scheduling.containers[0].requests.set("memory", quantity(request));
  return p.pod;
}

TEST(KubeletMemory, KernelTakesTheHighestScore) {
  KubeletOptions options = World::options(1);
  options.eviction_memory_bytes = 0;
  World w(options);
  w.node(0, 1000 * kMi);
  // Burstable, 400 of 1000 Mi requested and used: adj 600, score 1000. BestEffort, 100: adj 1000, score 1100.
  // The third grows by 10 Mi/s, requests 500: adj 500; its score at the end is 500 + 501.
  w.pod(user(400 * kMi, 400 * kMi));
  w.pod(user(100 * kMi, 0));
  w.pod(user(1000 * kMi, 500 * kMi, seconds(100)));
  w.run_to(60);
  w.lines();
  std::vector<std::string> exits;
  for (const Record& r : w.records) {
    if (r.kind == RecordKind::kContainerExited) exits.push_back(fmt::format("pod {} {}", r.pod, World::line(r)));
  }
  // More than 1000 Mi when the third one has more than 500: one byte over, after 50 s and 96 ns (10 Mi/s is a byte in
  // 95.4 ns), counted from 0.75 s. The BestEffort one goes and comes back at 51.25 (seen at 51, made 51.125), when the
  // third one uses 505: it goes again, and then it rests.
  ASSERT_EQ(exits.size(), 2U);
  EXPECT_EQ(exits[0], "pod 1 50.750000096 ContainerExited 0 137 OOMKilled");
  EXPECT_EQ(exits[1], "pod 1 51.25 ContainerExited 0 137 OOMKilled");
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletMemory, EvictsOnePodARoundAboveItsRequestFirst) {
  World w;
  w.node(0, 1000 * kMi);
  // Threshold: 900 Mi in use. 300 + 300 + 290 = 890, and the fourth grows by 1 Mi/s: over at 0.75 + 10 s, seen by the
  // check at 20. The second one uses most above its request.
  const PodSlot a = w.pod(user(300 * kMi, 300 * kMi));
  const PodSlot b = w.pod(user(300 * kMi, 100 * kMi));
  const PodSlot c = w.pod(user(290 * kMi, 200 * kMi));
  const PodSlot d = w.pod(user(100 * kMi, 100 * kMi, seconds(100)));
  w.run_to(15);
  EXPECT_TRUE(w.pressures.empty());
  w.run_to(100);
  EXPECT_EQ(w.kubelet.status(b).phase, StatusPhase::kFailed);
  EXPECT_EQ(w.kubelet.status(b).reason, PodReason::kEvicted);
  for (const PodSlot other : {a, c, d}) EXPECT_EQ(w.kubelet.status(other).phase, StatusPhase::kRunning);
  EXPECT_THAT(w.lines({RecordKind::kContainerKilling}), ElementsAre("20 ContainerKilling 0 Evicted"));
  // BestEffort pods are refused as long as the condition holds: 5 minutes after the signal has gone.
  const PodSlot refused = w.pod(user(kMi, 0));
  w.run_to(400);
  EXPECT_EQ(w.kubelet.status(refused).phase, StatusPhase::kFailed);
  EXPECT_THAT(w.pressures, ElementsAre(Pair(20.0, true), Pair(320.0, false)));
  EXPECT_EQ(w.kubelet.verify(), "");
}

// 950 Mi at once: gone with the look at 10 s. Another one grows by 10 Mi/s from 100.75 s on: above 900 Mi behind 190.75
// s. That the round before was over at once makes this one no earlier: 200 s.
TEST(KubeletMemory, NextShortageWaitsForItsLook) {
  World w;
  w.node(0, 1000 * kMi);
  w.pod(user(950 * kMi, 0));
  w.run_to(100);
  w.pod(user(1000 * kMi, kMi, seconds(100)));
  w.run_to(250);
  EXPECT_THAT(w.lines({RecordKind::kContainerKilling}),
              ElementsAre("10 ContainerKilling 0 Evicted", "200 ContainerKilling 0 Evicted"));
  EXPECT_EQ(w.kubelet.verify(), "");
}

TEST(KubeletMemory, PriorityComesAfterAboveRequest) {
  World w;
  w.node(0, 1000 * kMi);
  kube::api::Pod low = user(300 * kMi, 300 * kMi);
  low.scheduling.priority = -5;
  kube::api::Pod high = user(350 * kMi, 200 * kMi);
  high.scheduling.priority = 100;
  kube::api::Pod middle = user(300 * kMi, 290 * kMi);
  w.pod(low);
  const PodSlot h = w.pod(high);
  const PodSlot m = w.pod(middle);
  w.run_to(60);
  // 950 Mi in use. Of the two above their requests the one of lower priority goes; 650 are left.
  EXPECT_EQ(w.kubelet.status(m).phase, StatusPhase::kFailed);
  EXPECT_EQ(w.kubelet.status(h).phase, StatusPhase::kRunning);
}

}  // namespace
}  // namespace berth

// A node's disk that fills up: timelines by hand. One disk of 1000 Mi, its threshold is imagefs.available < 15 %: as a
// 32-bit float 0.15 is 0.150000006, so 157286406 bytes must be free. Grids are whole seconds and whole tens; a pod that
// comes at 0 runs from 0.75 s on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::int64_t kMi = 1 << 20;

struct DiskWorld : World {
  DiskWorld() {
    images.on_disk = {1000 * kMi, 0, 840 * kMi};
    node();
  }
  // Evicted: when, and which pods, in order.
  std::vector<std::pair<double, std::uint32_t>> evicted() {
    lines();
    std::vector<std::pair<double, std::uint32_t>> out;
    for (const Record& r : records) {
      if (r.kind == RecordKind::kContainerKilling && static_cast<KillReason>(r.reason) == KillReason::kEvicted) {
        out.emplace_back(clock(r.at), r.pod);
      }
    }
    return out;
  }
};

// Writes `mi` from its start, or grows from 0 to that within `grows`; requests `request` of ephemeral storage.
kube::api::Pod writer(std::int64_t mi, std::int64_t request = 0, Duration grows = {}) {
  PodMaker p;
  kube::api::ContainerSpec& c = p.add();
  c.behavior.disk = {{grows, mi * kMi}};
  if (grows > Duration{}) c.behavior.disk.insert(c.behavior.disk.begin(), {Duration{}, 0});
  if (request > 0) p.pod.scheduling.containers[0].requests.set("ephemeral-storage", quantity(request * kMi));
  return p.pod;
}
void limit(kube::api::Pod& pod, std::size_t container, std::int64_t mi) {
  pod.scheduling.containers[container].limits.set("ephemeral-storage", quantity(mi * kMi));
}
void add_empty_dir(kube::api::Pod& pod, const std::string& name, std::int64_t limit_mi) {
  kube::api::VolumeSpec& volume = pod.spec.volumes.emplace_back();
  volume.name = name;
  volume.type = "emptyDir";
  if (limit_mi > 0) volume.size_limit = quantity(limit_mi * kMi);
}

// 300 + 300 + 200 = 800 Mi, and the fourth grows by 1 Mi/s: 850 Mi less the rounding of the threshold at 50.7 s, seen
// at 60 s. Above their requests: the second by 200, the third by 100; the fourth has asked for more than it has. Of the
// two above it is the second; its 300 Mi are free at once, and the condition goes 5 minutes after the only look that
// saw the signal. Meanwhile everybody but critical pods is refused, tolerations or not.
TEST(KubeletDisk, EvictsOnePodAboveItsRequestFirst) {
  DiskWorld w;
  const PodSlot a = w.pod(writer(300, 300));
  const PodSlot b = w.pod(writer(300, 100));
  const PodSlot c = w.pod(writer(200, 100));
  const PodSlot d = w.pod(writer(100, 200, seconds(100)));
  w.run_to(59.9);
  EXPECT_THAT(w.disk_pressures, IsEmpty());
  w.run_to(100);
  EXPECT_EQ(w.kubelet.status(b).reason, PodReason::kEvicted);
  EXPECT_TRUE(w.kubelet.status(b).disruption_target);
  for (const PodSlot other : {a, c, d}) EXPECT_EQ(w.kubelet.status(other).phase, StatusPhase::kRunning);
  EXPECT_THAT(w.evicted(), ElementsAre(Pair(60.0, 1U)));
  kube::api::Pod burstable = writer(1, 1);
  burstable.scheduling.containers[0].requests.set("memory", quantity(1));
  burstable.scheduling.tolerations.push_back(
      {"node.kubernetes.io/disk-pressure", kube::Toleration::Operator::kExists, "", kube::TaintEffect::kAny});
  const PodSlot refused = w.pod(burstable);
  kube::api::Pod critical = writer(1);
  critical.scheduling.priority = 2'000'000'000;
  const PodSlot admitted = w.pod(critical);
  w.run_to(400);
  EXPECT_EQ(w.kubelet.status(refused).phase, StatusPhase::kFailed);
  EXPECT_EQ(w.kubelet.status(refused).reason, PodReason::kAdmission);
  EXPECT_EQ(w.kubelet.status(admitted).phase, StatusPhase::kRunning);
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(60.0, true), Pair(360.0, false)));
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 601 * kMi);  // 300 + 200 + 100 + 1.
  EXPECT_EQ(w.kubelet.verify(), "");
}

// 950 Mi from 0.75 s on: seen at 10 s. The images' garbage, 200 Mi, goes first, and that is enough: nobody is evicted.
TEST(KubeletDisk, UnusedImagesGoFirst) {
  DiskWorld w;
  w.images.on_disk.image_bytes = 250 * kMi;
  w.images.unused_bytes = 200 * kMi;
  w.pod(writer(700));
  w.run_to(400);
  EXPECT_THAT(w.evicted(), IsEmpty());
  EXPECT_EQ(w.images.on_disk.image_bytes, 50 * kMi);
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(10.0, true), Pair(310.0, false)));
}

// A pod that has ended keeps its container, and 600 Mi with it, until the disk is short: it ends at 5.75 s, the next
// one grows by 10 Mi/s and has 250 Mi at 25.75 s, seen at 30 s.
TEST(KubeletDisk, DeadContainersGoFirst) {
  DiskWorld w;
  kube::api::Pod job = writer(600);
  job.spec.restart_policy = kube::api::RestartPolicy::kNever;
  job.spec.containers[0].behavior.run_time = Distribution::constant(5);
  w.pod(job);
  const PodSlot other = w.pod(writer(800, 0, seconds(80)));
  w.run_to(29.9);
  EXPECT_GT(w.kubelet.local_bytes(NodeId{0}), 850 * kMi);
  w.run_to(31);
  EXPECT_LT(w.kubelet.local_bytes(NodeId{0}), 310 * kMi);
  EXPECT_EQ(w.kubelet.status(other).phase, StatusPhase::kRunning);
  EXPECT_THAT(w.evicted(), IsEmpty());
  w.run_to(400);
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(30.0, true), Pair(330.0, false)));
  EXPECT_EQ(w.kubelet.verify(), "");
}

// Four of 300 Mi, seen at 10 s: two must go before 850 Mi are kept. The first takes 4 s to end, but its grace is 1 s,
// which makes SIGKILL after 2 s: 12 s. The next round is at once, and its victim ends at 14 s.
TEST(KubeletDisk, NextRoundComesWhenTheLastVictimIsGone) {
  DiskWorld w;
  for (int i = 0; i < 4; ++i) {
    kube::api::Pod pod = writer(300);
    pod.spec.containers[0].behavior.stop_time = Distribution::constant(4);
    w.pod(pod);
  }
  w.run_to(400);
  EXPECT_THAT(w.evicted(), ElementsAre(Pair(10.0, 0U), Pair(12.0, 1U)));
  EXPECT_THAT(w.lines({RecordKind::kContainerExited}),
              ElementsAre("12 ContainerExited 0 137 Error", "14 ContainerExited 0 137 Error"));
  // Looks that saw the signal: 10 and 12 s. 20, 30, … did not; the first one 300 s behind is that of 320 s.
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(10.0, true), Pair(320.0, false)));
}

// Limits: two containers in a pod of 100 + 50 Mi. The first grows by 10 Mi/s from 0.75 s on: above 100 Mi behind 10.75
// s, seen at 20 s. It is its own fault: no DisruptionTarget, no condition of the node.
TEST(KubeletDisk, ContainerAboveItsLimitIsEvicted) {
  DiskWorld w;
  kube::api::Pod pod = writer(200, 0, seconds(20));
  pod.scheduling.containers.emplace_back();
  pod.spec.containers.emplace_back();
  limit(pod, 0, 100);
  limit(pod, 1, 50);
  const PodSlot slot = w.pod(pod);
  w.run_to(100);
  EXPECT_THAT(w.evicted(), ElementsAre(Pair(20.0, 0U), Pair(20.0, 0U)));  // Two containers.
  EXPECT_EQ(w.kubelet.status(slot).reason, PodReason::kEvicted);
  EXPECT_FALSE(w.kubelet.status(slot).disruption_target);
  EXPECT_THAT(w.disk_pressures, IsEmpty());
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 0);
}

// The pod's limit is the sum of those of its containers, without which a container counts as none: 100 Mi for 60 + 60
// Mi, of which neither alone is above. And emptyDir counts in it: 70 Mi in a layer and 40 Mi in a volume.
TEST(KubeletDisk, PodAboveTheSumOfItsLimitsIsEvicted) {
  DiskWorld w;
  kube::api::Pod two = writer(60);
  two.scheduling.containers.emplace_back();
  two.spec.containers.emplace_back().behavior.disk = {{Duration{}, 60 * kMi}};
  limit(two, 0, 100);
  w.pod(two);
  kube::api::Pod volume = writer(70);
  add_empty_dir(volume, "cache", 0);
  volume.spec.containers[0].volume_mounts.push_back({"cache", "/cache", "", false});
  volume.spec.containers[0].behavior.empty_dir = {{Duration{}, 40 * kMi}};
  limit(volume, 0, 100);
  w.pod(volume);
  kube::api::Pod fits = writer(70, 0);
  limit(fits, 0, 100);
  const PodSlot stays = w.pod(fits);
  w.run_to(100);
  EXPECT_THAT(w.evicted(), ElementsAre(Pair(10.0, 0U), Pair(10.0, 0U), Pair(10.0, 1U)));  // All in one round.
  EXPECT_EQ(w.kubelet.status(stays).phase, StatusPhase::kRunning);
  EXPECT_EQ(w.kubelet.verify(), "");
}

// emptyDir with a sizeLimit of 50 Mi, written at 2 Mi/s. The process ends every 20 s and begins again, over what is
// there: it never has more than 40 Mi. A second container in the same volume adds 15 Mi from its 30th second on: at 31
// s (started at 1 s) the volume has 40 + 15, seen at 40 s. A volume in memory is nobody's disk.
TEST(KubeletDisk, EmptyDirOutlivesContainersAndHasALimit) {
  DiskWorld w;
  PodMaker p;
  kube::api::ContainerSpec& first = p.add();
  first.behavior.empty_dir = {{Duration{}, 0}, {seconds(20), 40 * kMi}};
  first.behavior.run_time = Distribution::constant(20);
  kube::api::ContainerSpec& second = p.add();
  second.behavior.empty_dir = {{milliseconds(29'999), 0}, {seconds(30), 15 * kMi}};
  add_empty_dir(p.pod, "memory", 1);
  p.pod.spec.volumes.back().in_memory = true;
  add_empty_dir(p.pod, "cache", 50);
  for (kube::api::ContainerSpec& c : p.pod.spec.containers) {
    c.volume_mounts.push_back({"memory", "/memory", "", false});
    c.volume_mounts.push_back({"cache", "/cache", "", false});
  }
  const PodSlot slot = w.pod(p.pod);
  w.run_to(10.75);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 20 * kMi);
  w.run_to(25);  // The second process of the first container has written less than the first one left.
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 40 * kMi);
  w.run_to(39);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 55 * kMi);
  EXPECT_THAT(w.evicted(), IsEmpty());
  w.run_to(50);
  EXPECT_EQ(w.kubelet.status(slot).reason, PodReason::kEvicted);
  EXPECT_EQ(w.evicted().front().first, 40.0);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 0);
  EXPECT_EQ(w.kubelet.verify(), "");
}

// A container that restarts begins with an empty layer; the one before is kept as long as it is the last dead one. Each
// writes 100 Mi at once and lives 100 s.
TEST(KubeletDisk, OneDeadLayerIsKept) {
  DiskWorld w;
  kube::api::Pod pod = writer(100);
  pod.spec.containers[0].behavior.run_time = Distribution::constant(100);
  const PodSlot slot = w.pod(pod);
  w.run_to(50);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 100 * kMi);
  w.run_to(150);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 200 * kMi);
  w.run_to(250);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 200 * kMi);
  w.kubelet.delete_pod(slot);
  w.run_to(260);
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 0);
  EXPECT_EQ(w.kubelet.verify(), "");
}

// Memory comes first. 900 Mi of 1000 Mi of memory may be in use, 850 Mi of the disk: both are passed at 10 s. The one
// that uses the memory goes at 10 s; at once, as it has ended, the one that uses the disk.
TEST(KubeletDisk, MemoryComesFirst) {
  World w;
  w.images.on_disk = {1000 * kMi, 0, 840 * kMi};
  w.node(0, 1000 * kMi);
  const PodSlot disk = w.pod(writer(900));
  PodMaker p;
  p.add().behavior.memory = {{Duration{}, 950 * kMi}};
  p.pod.spec.containers[0].behavior.stop_time = Distribution::constant(1);
  const PodSlot memory = w.pod(p.pod);
  w.run_to(10.5);
  EXPECT_EQ(w.kubelet.container_status(disk, 0).state, ContainerStatus::State::kRunning);
  w.run_to(100);
  EXPECT_EQ(w.kubelet.status(memory).reason, PodReason::kEvicted);
  EXPECT_EQ(w.kubelet.status(disk).reason, PodReason::kEvicted);
  EXPECT_THAT(w.lines({RecordKind::kContainerKilling}),
              ElementsAre("10 ContainerKilling 0 Evicted", "11 ContainerKilling 0 Evicted"));
  EXPECT_THAT(w.pressures, ElementsAre(Pair(10.0, true)));
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(10.0, true)));
}

// The image garbage collection hears of it when what containers write passes its level, 840 Mi here: at 1 Mi/s from
// 0.75 s on, by one byte at 840.75 s and 954 ns.
TEST(KubeletDisk, GarbageCollectionHearsOfIt) {
  DiskWorld w;
  w.pod(writer(845, 0, seconds(845)));
  w.run_to(840.75);
  EXPECT_EQ(w.images.grew, 0);
  w.run_to(840.750000954);
  EXPECT_EQ(w.images.grew, 1);
}

// A machine that is off looks at nothing; when it is on again its containers' layers and volumes are there.
TEST(KubeletDisk, RebootKeepsTheDiskAndForgetsTheCondition) {
  DiskWorld w;
  w.pod(writer(800, 0));
  w.run_to(5);
  w.kubelet.node_down(NodeId{0});
  w.run_to(50);
  w.images.on_disk.image_bytes = 100 * kMi;
  EXPECT_THAT(w.disk_pressures, IsEmpty());
  w.kubelet.node_up(NodeId{0});  // Its grids count from here: the first look is now.
  EXPECT_EQ(w.kubelet.local_bytes(NodeId{0}), 800 * kMi);
  w.run_to(61);
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(50.0, true)));
  w.kubelet.node_down(NodeId{0});
  w.kubelet.node_up(NodeId{0});
  EXPECT_THAT(w.disk_pressures, ElementsAre(Pair(50.0, true), Pair(61.0, false)));
  EXPECT_EQ(w.kubelet.verify(), "");
}

}  // namespace
}  // namespace berth

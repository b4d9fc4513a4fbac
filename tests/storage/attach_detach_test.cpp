// Attaching, mounting and detaching on the clock: section 7 of the storage reference, derived by hand. Attach 5 s,
// detach 4 s, stage 1 s, publish and unpublish 0.1 s, unstage 0.5 s.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/storage_world.hpp"

namespace berth {
namespace {

using test::StorageWorld;
using testing::ElementsAre;
using testing::Pair;

// A pod with a ReadWriteOnce volume stops on node 0, and its successor starts on node 1.
TEST(AttachDetach, MovedVolumeToTheTenthOfASecond) {
  StorageWorld w;
  const NodeId a = w.node("a", "", 0);
  const NodeId b = w.node("b", "", 3);  // Its status is written at 3, 13, 23 ... s.
  w.bound("x");
  const std::uint32_t first = w.pod({"x"});
  w.go(1);
  w.bind(first, a);  // The controller's loop at 1.0 begins to attach: done, and written, at 6.0.
  w.go(1.05);
  EXPECT_FALSE(w.mount(first, a));
  // The kubelet looks at 1.1 and, with back-off, at 1.6, 2.6, 4.6, 8.6, 16.6 ...; the volume is reported in use from
  // the status tick at 10.0 on, so the look at 16.6 is the first to succeed. The next loop, 16.7, stages (17.7) and
  // publishes (17.8); the pod's worker, asking every 0.3 s from 1.05 on, sees it at 1.05 + 56 * 0.3.
  w.go(100);
  EXPECT_EQ(w.mounted.at(first), 17.85);
  EXPECT_TRUE(w.storage.write(first, 0, 42));

  w.go(100.02);
  EXPECT_FALSE(w.unmount(first, a));  // Loop 100.1: unpublished at 100.2. That loop unstages: 100.7.
  w.go(100.32);
  EXPECT_EQ(w.unmounted.at(first), 100.32);  // The worker asks every 0.3 s.
  w.storage.pod_removed(first);              // Loop 100.4: detach is requested, but the volume is in use.
  const std::uint32_t second = w.pod({"x"});
  w.go(100.35);
  w.bind(second, b);  // Loop 100.4: Multi-Attach error.
  w.go(100.55);
  EXPECT_FALSE(w.mount(second, b));
  // Node a's tick at 110.0 takes the volume out of volumesInUse; the controller's loop detaches it: 114.0, and attaches
  // it to b: 119.0. b reports it in use from 103.0 on. The kubelet looks at 100.6, 101.1, 102.1, 104.1, 108.1, 116.1
  // and 132.1: staged from 132.2, published at 133.3, asked for at 100.55 + 110 * 0.3.
  w.go(200);
  EXPECT_EQ(w.mounted.at(second), 133.55);
  EXPECT_EQ(w.storage.read(second, 0), DataToken{42});  // The data went along.
  EXPECT_EQ(w.storage.verify(), "");
  EXPECT_THAT(w.story(),
              ElementsAre(Pair(0, "ClaimBound 0"), Pair(1.05, "VolumeWaiting 0 pod 0 Attaching @0"),
                          Pair(6, "VolumeAttached 0 @0"), Pair(100.4, "VolumeWaiting 0 pod 1 MultiAttach @1"),
                          Pair(100.55, "VolumeWaiting 0 pod 1 Attaching @1"), Pair(114, "VolumeDetached 0 @0"),
                          Pair(119, "VolumeAttached 0 @1")));
}

TEST(AttachDetach, SecondPodOnTheNodeOnlyPublishes) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.bound("x");
  const std::uint32_t first = w.pod({"x"});
  const std::uint32_t second = w.pod({"x"});
  w.bind(first, a);
  w.mount(first, a);
  w.go(50);
  w.bind(second, a);
  w.mount(second, a);
  w.go(60);
  // Loop 50.0, 0.1 s; the worker asks at 50.3.
  EXPECT_EQ(w.mounted.at(second), 50.3);
  EXPECT_THAT(w.unmounted, testing::IsEmpty());
  // The first goes: the device stays for the second.
  EXPECT_FALSE(w.unmount(first, a));
  w.storage.pod_removed(first);
  w.go(500);
  EXPECT_TRUE(w.storage.attached(w.claim("x").volume, a));
  EXPECT_TRUE(w.storage.write(second, 0, 1));
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(AttachDetach, ReadWriteManyIsAttachedToManyNodes) {
  StorageWorld w;
  w.bound("x", {"ReadWriteMany"});
  for (int i = 0; i < 3; ++i) {
    const NodeId n = w.node("n" + std::to_string(i));
    const std::uint32_t pod = w.pod({"x"});
    w.bind(pod, n);
    w.mount(pod, n);
  }
  w.go(5);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(w.storage.attached(w.claim("x").volume, NodeId{i}));
  // In use from the tick at 0 on, looks at 0, 0.5, 1.5, 3.5, 7.5: staged from 7.6, published at 8.7, asked for then.
  w.go(20);
  EXPECT_THAT(w.mounted, ElementsAre(Pair(0, 8.7), Pair(1, 8.7), Pair(2, 8.7)));
  w.storage.write(0, 0, 7);
  EXPECT_EQ(w.storage.read(2, 0), DataToken{7});
}

TEST(AttachDetach, VolumesWithoutAttachAreMountedAtOnce) {
  StorageWorld w;
  const NodeId a = w.node("a");
  kube::api::PersistentVolume volume = StorageWorld::volume_object("nfs", 10, "c", {"ReadWriteMany"});
  volume.type = "nfs";
  volume.scheduling.csi_driver.clear();
  w.storage.add_volume(volume);
  w.storage.add_claim(StorageWorld::claim_object("x", 10, "c", {"ReadWriteMany"}));
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, a);
  w.go(0.05);
  EXPECT_FALSE(w.mount(pod, a));
  w.go(10);
  EXPECT_EQ(w.mounted.at(pod), 0.35);  // Look 0.1, loop 0.2, published 0.3; asked for at 0.35.
  EXPECT_FALSE(w.unmount(pod, a));
  w.go(11);
  EXPECT_EQ(w.unmounted.at(pod), 10.3);
  w.storage.pod_removed(pod);
  w.go(1000);
  EXPECT_EQ(w.storage.verify(), "");
  EXPECT_THAT(w.story(), ElementsAre(Pair(0, "ClaimBound 0")));
}

TEST(AttachDetach, ReadWriteOncePodIsForOnePod) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.bound("x", {"ReadWriteOncePod"});
  const std::uint32_t first = w.pod({"x"});
  const std::uint32_t second = w.pod({"x"});
  EXPECT_EQ(w.storage.pod_assumed(first, a), PreBind::kDone);
  EXPECT_FALSE(w.storage.can_run_on(second, a));
  EXPECT_EQ(w.storage.pod_assumed(second, a), PreBind::kFailed);
  w.bind(first, a);
  w.storage.pod_finished(first);
  EXPECT_TRUE(w.storage.can_run_on(second, a));
}

TEST(AttachDetach, FinishedPodLetsGoBeforeItsObjectIsGone) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.bound("x");
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, a);
  w.mount(pod, a);
  w.go(50);
  w.unmount(pod, a);
  w.storage.pod_finished(pod);
  w.go(63.9);
  EXPECT_TRUE(w.storage.attached(w.claim("x").volume, a));
  w.go(64);  // The tick at 60 takes it out of volumesInUse; 4 s.
  EXPECT_FALSE(w.storage.attached(w.claim("x").volume, a));
  EXPECT_EQ(w.storage.verify(), "");
}

// --- A node that crashes at 200 s with the volume of a pod ----------------------------------------------------------

struct Crash : testing::Test {
  StorageWorld w;
  NodeId a{}, b{};
  std::uint32_t old = 0, replacement = 0;

  void SetUp() override {
    a = w.node("a");
    b = w.node("b");
    w.bound("x");
    old = w.pod({"x"});
    w.bind(old, a);
    w.mount(old, a);
    w.go(200);
    ASSERT_TRUE(w.storage.write(old, 0, 1));
    w.storage.node_down(a);
    w.go(255);
    w.storage.node_ready(a, false);
    w.go(555);  // Taint-based eviction: the pod is Terminating. A Deployment replaces it at once.
    replacement = w.pod({"x"});
  }
  bool attached(NodeId node) { return w.storage.attached(w.claim("x").volume, node); }
};

TEST_F(Crash, DeploymentWaitsAsLongAsTheNodeObjectIsThere) {
  w.bind(replacement, b);
  w.go(5000);
  EXPECT_TRUE(attached(a));   // No "six minutes after the failure".
  w.storage.node_removed(a);  // The cloud's controller.
  w.go(5040);
  w.storage.pod_removed(old);  // Pod GC: 40 s of quarantine.
  // The last volumesInUse still counts: 6 minutes from the request at 5040.0, 4 s, then 5 s on b.
  w.go(5408.9);
  EXPECT_FALSE(attached(b));
  w.go(5409);
  EXPECT_TRUE(attached(b));
  EXPECT_FALSE(attached(a));
  EXPECT_EQ(w.storage.verify(), "");
}

TEST_F(Crash, StatefulSetReplacesThePodOnlyWhenItIsGone) {
  w.storage.node_removed(a);
  w.go(600);
  w.storage.pod_removed(old);
  w.go(600.2);
  w.bind(replacement, b);
  w.mount(replacement, b);
  w.go(2000);
  // Detach 960.0 ... 964.0, attach ... 969.0. Looks begin at 600.2 and double: 600.7, 601.7, 603.7, 607.7, 615.7,
  // 631.7, 663.7, 727.7, 849.7, 971.7 (122 s is the longest). Staged 971.8, published 972.9, asked for 600.2 + 1243 *
  // 0.3.
  EXPECT_EQ(w.mounted.at(replacement), 973.1);
}

TEST_F(Crash, SixMinutesWhileTheNodeIsNotReady) {
  w.bind(replacement, b);
  w.go(600);
  w.storage.pod_removed(old);  // Force-deleted by hand; the node object stays.
  w.go(959.9);
  EXPECT_EQ(w.volume("pv-x").holders, 1U);
  EXPECT_TRUE(attached(a));
  w.go(964);  // 960.0, 4 s.
  EXPECT_FALSE(attached(a));
  w.go(969);
  EXPECT_TRUE(attached(b));
}

TEST_F(Crash, OutOfServiceTaintDetachesAtOnce) {
  w.bind(replacement, b);
  w.storage.node_out_of_service(a, true);
  w.go(560);
  EXPECT_TRUE(attached(a));    // The pod is still there.
  w.storage.pod_removed(old);  // Pod GC's loop of 20 s.
  w.go(564);
  EXPECT_FALSE(attached(a));
  w.go(569);
  EXPECT_TRUE(attached(b));
}

TEST_F(Crash, NodeThatComesBackReportsItsVolumesUnused) {
  w.bind(replacement, b);
  w.go(600);
  w.storage.pod_removed(old);
  w.go(703);
  w.storage.node_up(a);
  w.storage.node_ready(a, true);
  w.go(716.9);
  EXPECT_TRUE(attached(a));  // The first status of the new kubelet, at 713, and 4 s.
  w.go(717);
  EXPECT_FALSE(attached(a));
  w.go(722);
  EXPECT_TRUE(attached(b));
  EXPECT_EQ(w.storage.verify(), "");
}

TEST_F(Crash, HealthyNodeIsNeverForced) {
  w.bind(replacement, b);
  w.storage.node_ready(a, true);  // Its kubelet does not unmount, but somebody renews its lease.
  w.go(600);
  w.storage.pod_removed(old);
  w.go(2000);
  EXPECT_TRUE(attached(a));
  w.storage.node_ready(a, false);  // More than 6 minutes have gone: the next loop, 2000.0, forces it.
  w.go(2004);
  EXPECT_FALSE(attached(a));
}

TEST(AttachDetach, ForceDetachCanBeDisabled) {
  StorageOptions options = StorageWorld::default_options();
  options.force_detach = false;
  StorageWorld w(options);
  const NodeId a = w.node("a");
  w.bound("x");
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, a);
  w.mount(pod, a);
  w.go(50);
  w.storage.node_down(a);
  w.storage.node_ready(a, false);
  w.storage.pod_removed(pod);
  w.go(5000);
  EXPECT_TRUE(w.storage.attached(w.claim("x").volume, a));
}

// --- Limits and errors ----------------------------------------------------------------------------------------------

TEST(AttachDetach, VolumeLimitOfTheDriver) {
  StorageWorld w;
  const NodeId a = w.node("a");
  kube::CsiNode limits;
  limits.drivers = {{"disk.example.com", 1}};
  w.storage.set_csi_node(a, limits);
  w.bound("x");
  w.bound("y");
  const std::uint32_t first = w.pod({"x"});
  const std::uint32_t same = w.pod({"x"});
  const std::uint32_t other = w.pod({"y"});
  EXPECT_EQ(w.storage.pod_assumed(first, a), PreBind::kDone);
  EXPECT_FALSE(w.storage.can_run_on(other, a));  // Assumed pods count.
  w.bind(first, a);
  EXPECT_TRUE(w.storage.can_run_on(same, a));
  EXPECT_FALSE(w.storage.can_run_on(other, a));
  w.go(6);
  w.bind(other, a);  // Somebody binds it all the same: attaching 6 ... 11 fails, so do 11.5 ... 16.5 and 17.5 ... 22.5.
  w.go(20);
  w.storage.pod_removed(first);  // Never mounted: detached 20 ... 24.
  w.go(29.4);
  EXPECT_FALSE(w.storage.attached(w.claim("y").volume, a));
  w.go(29.5);  // Tried again at 22.5 + 2 = 24.5.
  EXPECT_TRUE(w.storage.attached(w.claim("y").volume, a));
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(AttachDetach, FailingDriverIsTriedAgainWithBackOff) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.bound("x");
  const std::uint32_t pod = w.pod({"x"});
  w.storage.driver_failing("disk.example.com", true);
  w.bind(pod, a);
  w.go(30);
  w.storage.driver_failing("disk.example.com", false);
  w.go(60);
  // Attempts 0-5, 5.5-10.5, 11.5-16.5, 18.5-23.5, 27.5-32.5: the fifth ends after the driver has come back.
  w.storage.driver_failing("disk.example.com", true);
  w.storage.pod_removed(pod);  // Detach 60-64 fails, 64.5-68.5 too, 69.5-73.5 works.
  w.go(70);
  w.storage.driver_failing("disk.example.com", false);
  w.go(100);
  EXPECT_THAT(w.story(), ElementsAre(Pair(0, "ClaimBound 0"), Pair(32.5, "VolumeAttached 0 @0"),
                                     Pair(73.5, "VolumeDetached 0 @0")));
}

// --- What outlives what ---------------------------------------------------------------------------------------------

kube::api::VolumeSpec other_volume(const std::string& name, const std::string& type, const std::string& source) {
  kube::api::VolumeSpec volume;
  volume.name = name;
  volume.type = type;
  if (!source.empty()) volume.sources = {source};
  return volume;
}

TEST(Lifetimes, EmptyDirHostPathAndClaim) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.bound("x");
  const auto start = [&](std::uint32_t ordinal) {
    kube::api::Pod pod = StorageWorld::pod_object("p", {"x"});
    pod.spec.volumes.push_back(other_volume("e", "emptyDir", ""));
    pod.spec.volumes.push_back(other_volume("h", "hostPath", "/data"));
    pod.spec.volumes.push_back(other_volume("c", "configMap", "settings"));
    w.storage.register_pod(ordinal, kNoTemplate, pod);
    w.bind(ordinal, a);
    w.mount(ordinal, a);
  };
  start(0);
  EXPECT_FALSE(w.storage.write(0, 0, 1));  // Not mounted yet.
  w.go(50);
  for (std::uint16_t i = 0; i < 3; ++i) EXPECT_TRUE(w.storage.write(0, i, 10 + i));
  EXPECT_FALSE(w.storage.write(0, 3, 1));
  EXPECT_EQ(w.storage.read(0, 1), DataToken{11});
  w.unmount(0, a);
  w.go(60);
  w.storage.pod_removed(0);
  start(1);
  w.go(200);
  EXPECT_EQ(w.storage.read(1, 0), DataToken{10});
  EXPECT_EQ(w.storage.read(1, 1), DataToken{0});  // emptyDir went with the pod.
  EXPECT_EQ(w.storage.read(1, 2), DataToken{12});
}

TEST(Lifetimes, LocalVolumeLosesItsDataWithTheNode) {
  StorageWorld w;
  const NodeId a = w.node("a");
  kube::api::PersistentVolume volume = StorageWorld::volume_object("disk", 10, "c");
  volume.type = "local";
  volume.scheduling.csi_driver.clear();
  w.storage.add_volume(volume);
  w.storage.add_claim(StorageWorld::claim_object("x", 10, "c"));
  const std::uint32_t first = w.pod({"x"});
  w.bind(first, a);
  w.mount(first, a);
  w.go(10);
  w.storage.write(first, 0, 5);
  w.storage.node_down(a);  // A crash leaves the disk as it is.
  w.go(20);
  w.storage.node_up(a);
  w.mount(first, a);
  w.go(30);
  EXPECT_EQ(w.storage.read(first, 0), DataToken{5});
  w.storage.node_removed(a);
  w.storage.pod_removed(first);
  w.go(40);
  kube::Node object;
  object.name = "a";
  w.storage.add_node(a, object);  // A new machine of that name.
  const std::uint32_t second = w.pod({"x"});
  w.bind(second, a);
  w.mount(second, a);
  w.go(50);
  EXPECT_EQ(w.storage.read(second, 0), DataToken{0});
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(Lifetimes, GenericEphemeralVolumeGoesWithItsPod) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.storage_class("c", true);
  kube::api::Pod pod = StorageWorld::pod_object("p", {});
  pod.spec.volumes.push_back(other_volume("scratch", "ephemeral", ""));
  pod.spec.volumes[0].claim = kube::api::ClaimTemplate{{}, StorageWorld::claim_object("", 8, "c").scheduling};
  w.storage.register_pod(0, kNoTemplate, pod);
  ASSERT_TRUE(w.storage.find_claim("default", "p-scratch"));
  EXPECT_EQ(w.storage.pod_assumed(0, a), PreBind::kWaiting);
  w.go(8);
  EXPECT_TRUE(w.prebinds.at(0).second);
  w.bind(0, a);
  w.mount(0, a);
  w.go(50);
  ASSERT_TRUE(w.storage.write(0, 0, 9));
  const std::string volume = w.volume_of("p-scratch");
  w.unmount(0, a);
  // A pod of the same name comes while the old claim is still there: it waits for one of its own.
  w.storage.register_pod(1, kNoTemplate, pod);
  EXPECT_FALSE(w.storage.can_run_on(1, a));
  w.go(51);
  w.storage.pod_removed(0);
  ASSERT_TRUE(w.storage.find_claim("default", "p-scratch"));  // The new pod's.
  EXPECT_EQ(w.volume_of("p-scratch"), "");
  EXPECT_TRUE(w.storage.can_run_on(1, a));
  w.go(65.9);  // Tick 60, detached 64, removed 66.
  EXPECT_TRUE(w.storage.find_volume(volume));
  w.go(66);
  EXPECT_FALSE(w.storage.find_volume(volume));
  w.storage.pod_removed(1);
  EXPECT_FALSE(w.storage.find_claim("default", "p-scratch"));
  EXPECT_EQ(w.storage.pods(), 0U);
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(VolumeManager, ForceDeletedPodIsUnmountedLater) {
  StorageWorld w;
  const NodeId a = w.node("a");
  w.bound("x");
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, a);
  w.mount(pod, a);
  w.go(50);
  w.storage.pod_removed(pod);  // Grace 0: the object is gone, the kubelet still stops containers.
  EXPECT_EQ(w.storage.pods(), 1U);
  w.go(80);
  EXPECT_FALSE(w.unmount(pod, a));
  w.go(94);
  EXPECT_EQ(w.storage.pods(), 0U);
  EXPECT_FALSE(w.storage.attached(w.claim("x").volume, a));  // Tick 90, 4 s.
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(VolumeManager, GivenUpBeforeItIsMounted) {
  StorageWorld w;
  const NodeId a = w.node("a", "", 9);  // Its status is written too late to tell of the volume.
  w.bound("x");
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, a);
  EXPECT_FALSE(w.mount(pod, a));
  w.go(3);
  EXPECT_TRUE(w.unmount(pod, a));  // Nothing is mounted.
  w.storage.pod_removed(pod);
  w.go(9);  // Attached at 5, not in use: detached 5 ... 9.
  EXPECT_FALSE(w.storage.attached(w.claim("x").volume, a));
  w.go(50);
  EXPECT_TRUE(w.mounted.empty());
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(VolumeManager, PodsWithoutClaimsCostNothing) {
  StorageWorld w;
  const NodeId a = w.node("a");
  kube::api::Pod pod = StorageWorld::pod_object("p", {});
  pod.spec.volumes.push_back(other_volume("c", "configMap", "settings"));
  w.storage.register_pod(0, kNoTemplate, pod);
  EXPECT_EQ(w.storage.pods(), 0U);
  EXPECT_EQ(w.storage.pod_assumed(0, a), PreBind::kDone);
  w.bind(0, a);
  EXPECT_TRUE(w.mount(0, a));
  EXPECT_TRUE(w.unmount(0, a));
  w.storage.pod_removed(0);
  EXPECT_EQ(w.engine.pending(), 0U);
}

}  // namespace
}  // namespace berth

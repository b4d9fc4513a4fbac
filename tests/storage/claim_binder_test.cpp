// When claims are bound, volumes made and reclaimed: section 6 of the storage reference. Provisioning takes 7.3 s,
// removal 2 s.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/storage_world.hpp"

namespace berth {
namespace {

using test::StorageWorld;
using Done = std::pair<double, bool>;

TEST(ClaimBinder, ImmediateIsProvisionedAtCreation) {
  StorageWorld w;
  w.storage_class("fast", false);
  w.go(1);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "fast"));
  w.go(8.2);
  EXPECT_EQ(w.volume_of("x"), "");
  w.go(8.3);  // 1 + 7.3
  EXPECT_NE(w.volume_of("x"), "");
  EXPECT_EQ(w.storage.volume(w.claim("x").volume).object.capacity, test::gibibytes(8));
  EXPECT_THAT(w.story(),
              testing::ElementsAre(testing::Pair(8.3, "VolumeProvisioned 0"), testing::Pair(8.3, "ClaimBound 0")));
}

TEST(ClaimBinder, NewVolumesAreFoundAtTheResync) {
  StorageWorld w;
  w.go(1);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  w.go(16);
  w.storage.add_volume(StorageWorld::volume_object("a", 8, "c"));
  w.go(29.9);
  EXPECT_EQ(w.volume_of("x"), "");
  w.go(30);  // Every 15 s.
  EXPECT_EQ(w.volume_of("x"), "a");
}

TEST(ClaimBinder, VolumeReservedForTheClaimBindsAtOnce) {
  StorageWorld w;
  w.go(1);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  kube::api::PersistentVolume volume = StorageWorld::volume_object("a", 8, "d");
  volume.scheduling.claim_ref = kube::ClaimRef{"default", "x", ""};
  w.storage.add_volume(volume);
  EXPECT_EQ(w.volume_of("x"), "a");
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(ClaimBinder, DefaultClassIsPutInAtCreation) {
  StorageWorld w;
  kube::api::StorageClass object = StorageWorld::class_object("standard", false, "disk.example.com");
  object.is_default = true;
  w.storage.add_class(object);
  kube::api::PersistentVolumeClaim claim = StorageWorld::claim_object("x", 8, "");
  claim.class_given = false;
  w.storage.add_claim(claim);
  w.storage.add_claim(StorageWorld::claim_object("none", 8, ""));  // storageClassName: "" wants no class.
  EXPECT_EQ(w.claim("x").object.storage_class, "standard");
  w.go(100);
  EXPECT_NE(w.volume_of("x"), "");
  EXPECT_EQ(w.volume_of("none"), "");
}

TEST(ClaimBinder, DefaultClassIsPutInLater) {
  StorageWorld w;
  kube::api::PersistentVolumeClaim claim = StorageWorld::claim_object("x", 8, "");
  claim.class_given = false;
  w.storage.add_claim(claim);
  claim.scheduling.name = "y";
  w.storage.add_claim(claim);
  w.go(20);
  // A class-less volume comes first for one of them; the other gets the class at the resync of 30 s, + 7.3 s.
  w.storage.add_volume(StorageWorld::volume_object("a", 8, ""));
  kube::api::StorageClass object = StorageWorld::class_object("standard", false, "disk.example.com");
  object.is_default = true;
  w.storage.add_class(object);
  w.go(37.2);
  EXPECT_EQ(w.volume_of("x"), "a");
  EXPECT_EQ(w.claim("y").object.storage_class, "standard");
  EXPECT_EQ(w.volume_of("y"), "");
  w.go(37.3);
  EXPECT_NE(w.volume_of("y"), "");
}

TEST(ClaimBinder, ClaimOfAVolumeThatIsGoneIsLostUntilItComesBack) {
  StorageWorld w;
  kube::api::PersistentVolumeClaim claim = StorageWorld::claim_object("x", 8, "c");
  claim.scheduling.volume_name = "a";
  claim.scheduling.bind_completed = true;
  claim.scheduling.uid = "u";
  w.storage.add_claim(claim);
  EXPECT_EQ(w.claim("x").phase, ClaimPhase::kLost);
  kube::api::PersistentVolume volume = StorageWorld::volume_object("a", 8, "c");
  volume.scheduling.claim_ref = kube::ClaimRef{"default", "x", "u"};
  w.storage.add_volume(volume);
  EXPECT_EQ(w.volume_of("x"), "a");
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(ClaimBinder, VolumeOfAClaimThatIsGoneIsReleased) {
  StorageWorld w;
  kube::api::PersistentVolume volume = StorageWorld::volume_object("a", 8, "c");
  volume.scheduling.claim_ref = kube::ClaimRef{"default", "x", "u"};
  w.storage.add_volume(volume);
  EXPECT_EQ(w.volume("a").phase, VolumePhase::kReleased);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  w.go(60);
  EXPECT_EQ(w.volume_of("x"), "");
}

// --- WaitForFirstConsumer -------------------------------------------------------------------------------------------

TEST(WaitForFirstConsumer, NothingHappensWithoutAPod) {
  StorageWorld w;
  w.node("n");
  w.storage_class("c", true);
  w.storage.add_volume(StorageWorld::volume_object("a", 8, "c"));
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  w.go(1000);
  EXPECT_EQ(w.volume_of("x"), "");
  EXPECT_EQ(w.volume("a").phase, VolumePhase::kAvailable);
}

TEST(WaitForFirstConsumer, ProvisionedForTheNodeAndSeenByThePoll) {
  StorageWorld w;
  const NodeId n = w.node("n", "z1");
  const NodeId other = w.node("m", "z2");
  w.storage_class("c", true);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  const std::uint32_t second = w.pod({"x"});
  w.go(2.5);
  EXPECT_TRUE(w.storage.can_run_on(pod, other));
  EXPECT_EQ(w.storage.pod_assumed(pod, n), PreBind::kWaiting);
  EXPECT_EQ(w.claim("x").object.selected_node, "n");
  EXPECT_FALSE(w.storage.can_run_on(second, other));  // The claim waits for n.
  w.go(1000);
  // Provisioned at 2.5 + 7.3 = 9.8; polls at 3.5, 4.5 ... 10.5.
  EXPECT_EQ(w.prebinds.at(pod), Done(10.5, true));
  EXPECT_TRUE(w.storage.can_run_on(second, n));
  EXPECT_FALSE(w.storage.can_run_on(second, other));  // The volume is in z1.
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(WaitForFirstConsumer, StaticVolumeTakesOnePoll) {
  StorageWorld w;
  const NodeId n = w.node("n");
  w.storage_class("c", true);
  w.storage.add_volume(StorageWorld::volume_object("a", 8, "c"));
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  w.go(2.5);
  EXPECT_EQ(w.storage.pod_assumed(pod, n), PreBind::kWaiting);
  EXPECT_EQ(w.volume_of("x"), "a");
  w.go(100);
  EXPECT_EQ(w.prebinds.at(pod), Done(3.5, true));
  // The next pod of the claim has nothing to wait for.
  EXPECT_EQ(w.storage.pod_assumed(w.pod({"x"}), n), PreBind::kDone);
}

TEST(WaitForFirstConsumer, GivesUpAfterTenMinutes) {
  StorageWorld w;
  const NodeId n = w.node("n");
  w.storage_class("c", true);
  w.storage.driver_failing("disk.example.com", true);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  w.go(2.5);
  EXPECT_EQ(w.storage.pod_assumed(pod, n), PreBind::kWaiting);
  w.go(700);
  EXPECT_EQ(w.prebinds.at(pod), Done(602.5, false));
  EXPECT_EQ(w.storage.verify(), "");
  EXPECT_EQ(w.storage.pod_assumed(pod, n), PreBind::kWaiting);  // It may try again there.
}

TEST(WaitForFirstConsumer, ProvisionerTriesAgain) {
  StorageWorld w;
  const NodeId n = w.node("n");
  w.storage_class("c", true);
  w.storage.driver_failing("disk.example.com", true);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  w.go(2.5);
  w.storage.pod_assumed(pod, n);
  w.go(20);
  w.storage.driver_failing("disk.example.com", false);
  w.go(100);
  // Fails at 9.8, again from 10.8 to 18.1, again from 20.1 to 27.4: polled at 27.5.
  EXPECT_EQ(w.prebinds.at(pod), Done(27.5, true));
}

TEST(WaitForFirstConsumer, SelectedNodeIsTakenBackWithTheNode) {
  StorageWorld w;
  const NodeId n = w.node("n");
  const NodeId m = w.node("m");
  w.storage_class("c", true);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  w.storage.pod_assumed(pod, n);
  w.go(2.2);
  w.storage.node_removed(n);
  w.go(50);
  EXPECT_EQ(w.prebinds.at(pod), Done(3, false));
  EXPECT_EQ(w.storage.pod_assumed(pod, m), PreBind::kWaiting);
  w.go(60);
  EXPECT_EQ(w.prebinds.at(pod), Done(58, true));  // 50 + 7.3, polled.
}

TEST(WaitForFirstConsumer, ClaimDeletedDuringTheWait) {
  StorageWorld w;
  const NodeId n = w.node("n");
  w.storage_class("c", true);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  w.storage.pod_assumed(pod, n);
  w.go(2.2);
  w.storage.delete_claim("default", "x");  // No pod is on a node yet: it is gone at once.
  w.go(50);
  EXPECT_EQ(w.prebinds.at(pod), Done(3, false));
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(WaitForFirstConsumer, PodWithoutSchedulerWaitsForEver) {
  StorageWorld w;
  const NodeId n = w.node("n");
  w.storage_class("c", true);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, n);  // spec.nodeName in the manifest.
  EXPECT_FALSE(w.mount(pod, n));
  w.go(5000);
  EXPECT_FALSE(w.mounted.contains(pod));
  EXPECT_THAT(w.story(), testing::ElementsAre(testing::Pair(0, "VolumeWaiting 0 pod 0 Unbound @0")));
}

TEST(WaitForFirstConsumer, AllowedTopologies) {
  StorageWorld w;
  const NodeId z1 = w.node("a", "z1");
  const NodeId z2 = w.node("b", "z2");
  const NodeId z3 = w.node("c", "z3");
  kube::api::StorageClass object = StorageWorld::class_object("c", true, "disk.example.com");
  object.scheduling.allowed_topologies = {
      {{{"topology.kubernetes.io/zone", kube::SelectorOperator::kIn, {"z1", "z2"}}}}};
  w.storage.add_class(object);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  const std::uint32_t pod = w.pod({"x"});
  EXPECT_FALSE(w.storage.can_run_on(pod, z3));
  EXPECT_EQ(w.storage.pod_assumed(pod, z3), PreBind::kFailed);
  EXPECT_TRUE(w.storage.can_run_on(pod, z1));
  w.storage.pod_assumed(pod, z2);
  w.go(10);
  EXPECT_FALSE(w.storage.can_run_on(w.pod({"x"}), z1));
  EXPECT_TRUE(w.storage.can_run_on(w.pod({"x"}), z2));
  const auto& affinity = w.storage.volume(w.claim("x").volume).object.node_affinity;
  ASSERT_EQ(affinity.size(), 1U);
  ASSERT_EQ(affinity[0].match_expressions.size(), 1U);
  EXPECT_EQ(affinity[0].match_expressions[0].values, std::vector<std::string>{"z2"});
}

TEST(ClaimBinder, ImmediateMayBeProvisionedInAZoneWithoutRoom) {
  StorageWorld w;
  const NodeId z1 = w.node("a", "z1");
  const NodeId z2 = w.node("b", "z2");
  w.storage_class("c", false);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  w.storage.add_claim(StorageWorld::claim_object("y", 8, "c"));
  w.go(10);
  // Zones in turn, so the two are apart, and a pod of both fits nowhere.
  EXPECT_NE(w.storage.can_run_on(w.pod({"x"}), z1), w.storage.can_run_on(w.pod({"x"}), z2));
  const std::uint32_t both = w.pod({"x", "y"});
  EXPECT_FALSE(w.storage.can_run_on(both, z1));
  EXPECT_FALSE(w.storage.can_run_on(both, z2));
}

// --- Deleting -------------------------------------------------------------------------------------------------------

TEST(Reclaim, DeletePolicyRemovesTheVolumeWithItsData) {
  StorageWorld w;
  const NodeId n = w.node("n");
  w.storage_class("c", false);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  w.go(10);
  const std::string name = w.volume_of("x");
  const std::uint32_t pod = w.pod({"x"});
  w.bind(pod, n);
  w.go(12);
  w.storage.delete_claim("default", "x");
  EXPECT_TRUE(w.claim("x").object.deleting);
  EXPECT_FALSE(w.storage.can_run_on(w.pod({"x"}), n));  // No new pod may use it.
  w.go(20);
  ASSERT_TRUE(w.storage.find_claim("default", "x"));  // A pod uses it: protection finalizer.
  w.storage.pod_finished(pod);
  ASSERT_TRUE(w.storage.find_claim("default", "x"));  // A finished pod still counts.
  w.storage.pod_removed(pod);
  EXPECT_FALSE(w.storage.find_claim("default", "x"));
  EXPECT_EQ(w.volume(name).phase, VolumePhase::kReleased);
  // Attached at 15; never mounted, so not in use: detached 20 ... 24, then removed in 2 s.
  w.go(25.9);
  EXPECT_TRUE(w.storage.find_volume(name));
  w.go(26);
  EXPECT_FALSE(w.storage.find_volume(name));
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(Reclaim, RetainedVolumeWaitsForSomebodyToClearIt) {
  StorageWorld w;
  w.bound("x");
  EXPECT_EQ(w.volume_of("x"), "pv-x");
  w.storage.delete_claim("default", "x");
  EXPECT_EQ(w.volume("pv-x").phase, VolumePhase::kReleased);
  w.storage.add_claim(StorageWorld::claim_object("x", 10, "static-x"));  // A new claim of that name is another claim.
  w.go(60);
  EXPECT_EQ(w.volume_of("x"), "");
  w.storage.clear_claim_ref("pv-x");
  EXPECT_EQ(w.volume("pv-x").phase, VolumePhase::kAvailable);
  w.go(75);
  EXPECT_EQ(w.volume_of("x"), "pv-x");
  EXPECT_EQ(w.storage.verify(), "");
}

TEST(Reclaim, HandMadeVolumeWithPolicyDeleteFails) {
  StorageWorld w;
  kube::api::PersistentVolume volume = StorageWorld::volume_object("a", 8, "c");
  volume.retain = false;
  w.storage.add_volume(volume);
  w.storage.add_claim(StorageWorld::claim_object("x", 8, "c"));
  w.storage.delete_claim("default", "x");
  EXPECT_EQ(w.volume("a").phase, VolumePhase::kFailed);
}

TEST(Reclaim, BoundVolumeIsProtected) {
  StorageWorld w;
  w.bound("x");
  w.storage.delete_volume("pv-x");
  EXPECT_EQ(w.volume_of("x"), "pv-x");
  w.storage.delete_claim("default", "x");
  EXPECT_FALSE(w.storage.find_volume("pv-x"));
  EXPECT_EQ(w.storage.verify(), "");
}

}  // namespace
}  // namespace berth

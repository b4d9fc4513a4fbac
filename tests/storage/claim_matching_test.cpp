// Which volume a claim gets: the rules of section 6 of the storage reference, one row each.
#include <gtest/gtest.h>

#include "tests/storage/storage_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth {
namespace {

struct Volume {
  const char* name;
  int size;
  std::vector<std::string> modes;
  const char* type = "c";
  const char* zone = "";      // Node affinity.
  const char* reserved = "";  // claimRef, in namespace default.
  const char* volume_mode = "Filesystem";
  const char* disk = "";  // Label.
};

struct Case {
  const char* name;
  std::vector<Volume> volumes;
  int request;
  std::vector<std::string> modes;
  const char* immediate;       // What the controller binds without a node; "" = stays Pending.
  const char* first_consumer;  // What the scheduler binds on a node in zone z1.
  const char* type = "c";
  const char* volume_name = "";  // spec.volumeName: then bound at once in both cases.
  const char* disk = "";         // Selector.
};

const std::vector<std::string> kRwo = {"ReadWriteOnce"};
const std::vector<std::string> kRwoRwx = {"ReadWriteOnce", "ReadWriteMany"};
const std::vector<std::string> kRwx = {"ReadWriteMany"};

std::vector<Case> cases() {
  return {
      {"SmallestThatFits", {{"a", 20, kRwo}, {"b", 10, kRwo}, {"c", 5, kRwo}}, 8, kRwo, "b", "b"},
      {"ExactSizeFits", {{"a", 8, kRwo}}, 8, kRwo, "a", "a"},
      {"TooSmall", {{"a", 7, kRwo}}, 8, kRwo, "", ""},
      {"AllModesAsked", {{"a", 8, kRwo}, {"b", 9, kRwoRwx}}, 8, kRwoRwx, "b", "b"},
      {"ModeMissing", {{"a", 8, kRwo}}, 8, kRwx, "", ""},
      // Without a node the fewest modes come first, so the larger volume wins; with a node only size counts.
      {"FewestModesFirst", {{"a", 10, kRwoRwx}, {"b", 50, kRwo}}, 8, kRwo, "b", "a"},
      {"OtherClass", {{"a", 8, kRwo, "d"}}, 8, kRwo, "", ""},
      {"ClassLessClaimWantsClassLessVolume", {{"a", 8, kRwo, "d"}, {"b", 9, kRwo, ""}}, 8, kRwo, "b", "b", ""},
      {"VolumeMode", {{"a", 8, kRwo, "c", "", "", "Block"}, {"b", 9, kRwo}}, 8, kRwo, "b", "b"},
      {"Selector",
       {{"a", 8, kRwo}, {"b", 9, kRwo, "c", "", "", "Filesystem", "ssd"}},
       8,
       kRwo,
       "b",
       "b",
       "c",
       "",
       "ssd"},
      // Immediate binding does not look at nodes; the scheduler does.
      {"NodeAffinity", {{"a", 8, kRwo, "c", "z2"}, {"b", 9, kRwo, "c", "z1"}}, 8, kRwo, "a", "b"},
      {"ReservedForAnother", {{"a", 8, kRwo, "c", "", "other"}, {"b", 9, kRwo}}, 8, kRwo, "b", "b"},
      // A pre-bound volume wins outright, of whatever class and without the label.
      {"ReservedForThis", {{"a", 8, kRwo}, {"b", 50, kRwo, "d", "", "x"}}, 8, kRwo, "b", "b", "c", "", ""},
      {"ReservedButTooSmall", {{"a", 8, kRwo}, {"b", 7, kRwo, "c", "", "x"}}, 8, kRwo, "a", "a"},
      {"ReservedButOfAnotherVolumeMode", {{"a", 8, kRwo}, {"b", 9, kRwo, "c", "", "x", "Block"}}, 8, kRwo, "a", "a"},
      {"NamedByTheClaim", {{"a", 8, kRwo}, {"b", 50, kRwo}}, 8, kRwo, "b", "b", "c", "b"},
      {"NamedOfAnotherClass", {{"a", 8, kRwo}, {"b", 50, kRwo, "d"}}, 8, kRwo, "", "", "c", "b"},
      {"NamedButNotThere", {{"a", 8, kRwo}}, 8, kRwo, "", "", "c", "b"},
      {"NamedButReservedForAnother", {{"b", 8, kRwo, "c", "", "other"}}, 8, kRwo, "", "", "c", "b"},
      {"EqualSizesGoToTheOlder", {{"b", 8, kRwo}, {"a", 8, kRwo}}, 8, kRwo, "b", "b"},
  };
}

class ClaimMatchingTest : public testing::TestWithParam<Case> {
 protected:
  // Everything but the class's binding mode is equal in both.
  static void fill(test::StorageWorld& w, const Case& c, bool wait) {
    w.storage_class("c", wait, "kubernetes.io/no-provisioner");
    w.storage_class("d", wait, "kubernetes.io/no-provisioner");
    for (const Volume& v : c.volumes) {
      kube::api::PersistentVolume object = test::StorageWorld::volume_object(v.name, v.size, v.type, v.modes);
      object.scheduling.volume_mode = v.volume_mode;
      if (*v.disk != '\0') object.scheduling.labels.set("disk", v.disk);
      if (*v.reserved != '\0') object.scheduling.claim_ref = kube::ClaimRef{"default", v.reserved, ""};
      if (*v.zone != '\0') {
        object.scheduling.has_node_affinity = true;
        object.scheduling.node_affinity = {
            {{{"topology.kubernetes.io/zone", kube::SelectorOperator::kIn, {v.zone}}}, {}}};
      }
      w.storage.add_volume(object);
    }
    kube::api::PersistentVolumeClaim claim = test::StorageWorld::claim_object("x", c.request, c.type, c.modes);
    claim.scheduling.volume_name = c.volume_name;
    if (*c.disk != '\0') {
      claim.scheduling.selector = kube::LabelSelector::everything();
      claim.scheduling.selector->requirements.push_back({"disk", kube::SelectorOperator::kIn, {c.disk}});
    }
    w.storage.add_claim(claim);
  }
};

TEST_P(ClaimMatchingTest, Immediate) {
  test::StorageWorld w;
  fill(w, GetParam(), false);
  EXPECT_EQ(w.volume_of("x"), GetParam().immediate);
  EXPECT_EQ(w.storage.verify(), "");
}

TEST_P(ClaimMatchingTest, FirstConsumer) {
  test::StorageWorld w;
  const NodeId node = w.node("n", "z1");
  fill(w, GetParam(), true);
  const std::uint32_t pod = w.pod({"x"});
  const bool expected = *GetParam().first_consumer != '\0';
  EXPECT_EQ(w.storage.can_run_on(pod, node), expected);
  const PreBind answer = w.storage.pod_assumed(pod, node);
  // What is bound already (volumes that name the claim, or are named by it) leaves nothing to wait for.
  EXPECT_EQ(answer == PreBind::kFailed, !expected);
  EXPECT_EQ(w.volume_of("x"), GetParam().first_consumer);
  EXPECT_EQ(w.storage.verify(), "");
}

INSTANTIATE_TEST_SUITE_P(Table, ClaimMatchingTest, testing::ValuesIn(cases()), test::CaseName{});

// Two claims of one pod: the smaller request chooses first, and takes the small volume that the larger would fit too.
TEST(ClaimMatching, SmallerRequestsChooseFirst) {
  test::StorageWorld w;
  const NodeId node = w.node("n");
  w.storage_class("c", true, "kubernetes.io/no-provisioner");
  w.storage.add_volume(test::StorageWorld::volume_object("small", 8, "c"));
  w.storage.add_volume(test::StorageWorld::volume_object("large", 10, "c"));
  w.storage.add_claim(test::StorageWorld::claim_object("eight", 8, "c"));
  w.storage.add_claim(test::StorageWorld::claim_object("five", 5, "c"));
  const std::uint32_t pod = w.pod({"eight", "five"});
  EXPECT_EQ(w.storage.pod_assumed(pod, node), PreBind::kWaiting);
  EXPECT_EQ(w.volume_of("five"), "small");
  EXPECT_EQ(w.volume_of("eight"), "large");
}

}  // namespace
}  // namespace berth

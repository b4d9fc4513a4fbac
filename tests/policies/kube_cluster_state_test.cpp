// Nodes that come, go and change as kube-scheduler keeps them: their order by the rules of upstream's nodeTree and
// snapshot, images and their share of the nodes by hand.
#include <gtest/gtest.h>

#include <algorithm>

#include "policies/schedulers/kube/cluster_state.hpp"
#include "policies/schedulers/kube/fast_scheduler.hpp"
#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

Node node(const std::string& name, const std::string& zone = "") {
  Node out;
  out.name = name;
  if (!zone.empty()) out.labels.set(kZoneLabel, zone);
  out.allocatable.set("pods", {Quantity::Nano{10} * 1'000'000'000});
  return out;
}

std::string order(const ClusterState& cluster) {
  std::string text;
  for (const NodeInfo& info : cluster.nodes()) {
    EXPECT_EQ(&info, &cluster.nodes()[info.index]);
    EXPECT_EQ(cluster.find_node(info.name()), &info);
    text += (text.empty() ? "" : " ") + info.name();
  }
  return text;
}

// Steps "+name/zone" joins, "-name" leaves, "name>zone" moves, "|" is the beginning of a cycle.
struct Tree {
  const char* name;
  std::vector<std::string> steps;
  const char* expected;
};
class NodeOrder : public testing::TestWithParam<Tree> {};

TEST_P(NodeOrder, AsUpstreamsTree) {
  ClusterState cluster{Objects{}};
  const auto index_of = [&](const std::string& name) { return cluster.find_node(name)->index; };
  for (const std::string& step : GetParam().steps) {
    if (step == "|") {
      cluster.settle();
    } else if (step[0] == '+') {
      const std::size_t slash = step.find('/');
      cluster.add_node(node(step.substr(1, slash - 1), step.substr(slash + 1)));
    } else if (step[0] == '-') {
      cluster.remove_node(index_of(step.substr(1)));
    } else {
      const std::size_t at = step.find('>');
      cluster.set_node(index_of(step.substr(0, at)), node(step.substr(0, at), step.substr(at + 1)));
    }
  }
  cluster.settle();
  EXPECT_EQ(order(cluster), GetParam().expected);
}

// By hand: zones in order of first appearance, a node of each in turn; a zone that is empty is dropped, and comes back
// last; a node that moves stands last in its new zone, but the list is made anew only when a node joins or leaves.
INSTANTIATE_TEST_SUITE_P(
    Table, NodeOrder,
    testing::Values(
        Tree{"Interleaved", {"+a1/a", "+a2/a", "+b1/b"}, "a1 b1 a2"},
        Tree{"BehindTheOthersOfItsZone", {"+a1/a", "+b1/b", "|", "+a2/a", "+c1/c"}, "a1 b1 c1 a2"},
        Tree{"WithoutZoneIsAZone", {"+x/", "+a1/a", "+y/", "|", "+z/"}, "x a1 y z"},
        Tree{"EmptyZoneIsDropped", {"+a1/a", "+a2/a", "+b1/b", "+c1/c", "|", "-b1"}, "a1 c1 a2"},
        Tree{"ZoneComesBackLast", {"+a1/a", "+b1/b", "+c1/c", "|", "-b1", "|", "+b2/b"}, "a1 c1 b2"},
        Tree{"FirstLeaves", {"+a1/a", "+a2/a", "+b1/b", "|", "-a1"}, "a2 b1"},
        Tree{"MoveAloneChangesNothing", {"+a1/a", "+a2/a", "+b1/b", "|", "a1>b"}, "a1 b1 a2"},
        Tree{"MoveCountsAtTheNextJoin", {"+a1/a", "+a2/a", "+b1/b", "|", "a1>b", "|", "+c1/c"}, "a2 b1 c1 a1"},
        Tree{"MoveIntoANewZone", {"+a1/a", "+b1/b", "|", "a1>c", "|", "+b2/b"}, "b1 a1 b2"},
        Tree{"JoinsAndLeavesBetweenCycles", {"+a1/a", "|", "+b1/b", "-b1"}, "a1"},
        Tree{"All", {"+a1/a", "+b1/b", "|", "-a1", "-b1"}, ""}),
    [](const auto& tree) { return std::string(tree.param.name); });

TEST(KubeClusterState, NamesAreUniqueAmongThoseThere) {
  ClusterState cluster{Objects{}};
  cluster.add_node(node("a"));
  EXPECT_THROW(cluster.add_node(node("a")), InputError);
  cluster.settle();
  cluster.remove_node(0);
  cluster.add_node(node("a"));
  EXPECT_TRUE(cluster.settle());
  EXPECT_FALSE(cluster.settle());
  EXPECT_EQ(order(cluster), "a");
}

TEST(KubeClusterState, PodsAndNominationsGoWithTheirNodes) {
  PodClasses classes;
  const PodInfo pod(Pod{}, classes);
  ClusterState cluster{Objects{}};
  for (const char* name : {"a1", "b1", "a2"}) cluster.add_node(node(name, std::string(1, name[0])));
  cluster.settle();  // a1 b1 a2
  cluster.assume({&pod, 0, 1}, 2);
  cluster.nominate({&pod, kNotStarted, 2}, 2);
  cluster.nominate({&pod, kNotStarted, 3}, 0);
  cluster.remove_node(0);
  cluster.settle();  // a2 b1
  EXPECT_EQ(order(cluster), "a2 b1");
  ASSERT_EQ(cluster.nodes()[0].pods.size(), 1U);
  ASSERT_EQ(cluster.nominated(0).size(), 1U);
  EXPECT_EQ(cluster.nominated(0)[0].handle, 2U);
  EXPECT_EQ(std::vector(cluster.nodes_with_nominated().begin(), cluster.nodes_with_nominated().end()),
            std::vector<std::uint32_t>{0});
  cluster.withdraw_nomination(2);
  EXPECT_TRUE(cluster.nodes_with_nominated().empty());
}

TEST(KubeClusterState, AVolumeKeptForAClaimIsFreeAgainIfAnotherIsBound) {
  Objects objects;
  for (const char* name : {"one", "two"}) {
    PersistentVolume volume;
    volume.name = name;
    volume.available = true;
    objects.volumes.push_back(volume);
  }
  PersistentVolumeClaim claim;
  claim.namespace_name = "default";
  claim.name = "c";
  objects.claims.push_back(claim);
  ClusterState cluster(std::move(objects));
  cluster.assume_volume("default/c", "one");
  EXPECT_FALSE(cluster.find_volume("one")->available);
  EXPECT_FALSE(cluster.find_claim("default", "c")->bind_completed);
  cluster.bind_claim("default/c", "two");
  EXPECT_TRUE(cluster.find_volume("one")->available);
  EXPECT_FALSE(cluster.find_volume("one")->claim_ref);
  EXPECT_FALSE(cluster.find_volume("two")->available);
  EXPECT_EQ(cluster.find_claim("default", "c")->volume_name, "two");
}

// 100·(sum - 23)/(1000 - 23) of MiB, rounded down, for an image of 1000 MiB: sum is 1000 MiB times the share of nodes.
TEST(KubeClusterState, ImagesByShareOfNodes) {
  constexpr std::int64_t kSize = std::int64_t{1000} << 20;
  Profile profile;
  profile.points[static_cast<std::size_t>(ExtensionPoint::kScore)].disabled = {"*"};
  profile.points[static_cast<std::size_t>(ExtensionPoint::kScore)].enabled = {{"ImageLocality", 1}};
  ClusterState cluster{Objects{}};
  for (const char* name : {"a", "b", "c", "d"}) cluster.add_node(node(name));
  cluster.settle();
  PodClasses classes;
  Pod source;
  source.containers.emplace_back().image = "app:v1";
  const PodInfo pod(source, classes);
  FastScheduler fast(cluster, {}, profile, TieRule::kFirst, 1);
  Scheduler naive({}, profile, TieRule::kFirst, 1);
  const std::uint32_t app = cluster.image_id("app:v1");
  const auto scores = [&] {
    cluster.settle();
    const Decision d = naive.decide(cluster, {&pod, kNotStarted, 0}, "");
    const Choice choice = fast.decide({&pod, kNotStarted, 0}, "");
    EXPECT_EQ(choice.node, d.node->index);
    EXPECT_EQ(choice.total, *std::max_element(d.totals.begin(), d.totals.end()));
    std::vector<std::pair<std::string, std::int64_t>> by_name;
    for (std::size_t i = 0; i < d.feasible.size(); ++i) by_name.emplace_back(d.feasible[i]->name(), d.totals[i]);
    std::sort(by_name.begin(), by_name.end());
    std::string text;
    for (const auto& [name, score] : by_name) text += name + std::to_string(score) + " ";
    return text;
  };
  const auto at = [&](const char* name) { return cluster.find_node(name)->index; };
  EXPECT_EQ(scores(), "a0 b0 c0 d0 ");
  cluster.set_image(at("a"), app, kSize, true);
  EXPECT_EQ(scores(), "a23 b0 c0 d0 ");  // A quarter: (250 - 23)/977.
  cluster.set_image(at("b"), app, 5, true);
  EXPECT_EQ(scores(), "a48 b48 c0 d0 ");  // Half, for both; the size is what the first node said.
  cluster.set_image(at("b"), app, 5, true);
  EXPECT_EQ(scores(), "a48 b48 c0 d0 ");  // No news.
  cluster.remove_node(at("d"));
  EXPECT_EQ(scores(), "a65 b65 c0 ");  // Two of three: (666.7 - 23)/977.
  cluster.set_image(at("a"), app, kSize, false);
  EXPECT_EQ(scores(), "a0 b31 c0 ");  // One of three: (333.3 - 23)/977; still the first one's size.
  cluster.remove_node(at("b"));
  EXPECT_EQ(scores(), "a0 c0 ");
  cluster.set_image(at("c"), app, 2 * kSize, true);
  EXPECT_EQ(scores(), "a0 c100 ");  // Nobody held it meanwhile: a size anew; half of 2000 MiB is the most that counts.
  Node late = node("e");
  late.images.push_back({{"app:v1", "other"}, kSize});
  cluster.add_node(late);
  EXPECT_EQ(scores(), "a0 c100 e100 ");  // Two of three of 2000 MiB.
}

}  // namespace
}  // namespace berth::kube

// A plug-in of one's own: this file is all there is to it, and the table at the end is what it must do.
#include <gtest/gtest.h>

#include <deque>

#include "policies/schedulers/kube/fast_scheduler.hpp"

namespace berth::kube {
namespace {

// Prefers nodes by their label `rank`, 0..100, and refuses those of rank 13.
class Ranked final : public Plugin {
 public:
  Ranked() : Plugin("Ranked") {}
  Scope scope() const override { return Scope::kNode; }
  Status filter(const Cycle&, CycleState&, const NodeInfo& node) const override {
    return rank(node) == 13 ? unschedulable("node(s) had an unlucky rank") : Status{};
  }
  std::int64_t score(const Cycle&, const CycleState&, const NodeInfo& node) const override { return rank(node); }

 private:
  static std::int64_t rank(const NodeInfo& node) {
    const std::string* label = node.label("rank");
    return label == nullptr ? 0 : std::stoll(*label);
  }
};

const RegisterPlugin kRegistered{
    {"Ranked", 1, {false, true, false, false, true}},  // preFilter filter postFilter preScore score
    [](const PluginArgs&) -> std::unique_ptr<Plugin> { return std::make_unique<Ranked>(); }};

struct Outcome {
  std::string node;
  std::uint64_t naive_decisions;
};

Outcome decide(const std::vector<const char*>& ranks, const Profile& profile) {
  Objects objects;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    Node& node = objects.nodes.emplace_back();
    node.name = std::string(1, static_cast<char>('a' + i));
    node.labels.set("rank", ranks[i]);
    node.allocatable.set("pods", {Quantity::Nano{10} * 1'000'000'000});
  }
  ClusterState cluster(std::move(objects));
  PodClasses classes;
  const PodInfo pod(Pod{}, classes);
  FastScheduler scheduler(cluster, {}, profile, TieRule::kFirst, 1);
  const Choice choice = scheduler.decide({&pod, kNotStarted, 0}, "");
  return {choice.node == kNoValue ? "" : cluster.nodes()[choice.node].name(), scheduler.naive_decisions()};
}

TEST(OwnPlugin, TakesPartOnlyWhereAProfileEnablesIt) {
  Profile profile;
  EXPECT_EQ(decide({"13", "50", "7"}, profile).node, "a");  // All equal: the first.
  profile.multi_point.enabled = {{"Ranked", 5}};
  const Outcome outcome = decide({"13", "50", "7"}, profile);
  EXPECT_EQ(outcome.node, "b");
  EXPECT_EQ(outcome.naive_decisions, 0U);  // Its scope lets the fast pass keep its answers.
  EXPECT_EQ(decide({"13", "13"}, profile).node, "");
  EXPECT_EQ(decide({}, profile).node, "");  // No nodes at all.
  const std::vector<std::string> names = known_plugin_names();
  EXPECT_NE(std::find(names.begin(), names.end(), "Ranked"), names.end());
}

}  // namespace
}  // namespace berth::kube

// The fast pass against its naive twin, decision for decision, on random clusters under random churn.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

#include "policies/schedulers/kube/fast_scheduler.hpp"
#include "tests/support/kube_random.hpp"

namespace berth {
namespace {

using kube::Choice;
using kube::Decision;
using kube::PodRef;

// kDefault, or a profile in which filters stand in another order, scores weigh otherwise and constraints are given by
// the profile.
enum class Plugins { kDefault, kReordered };

struct Shape {
  const char* name;
  std::uint32_t nodes;
  std::uint32_t templates;
  std::int64_t percentage;  // percentageOfNodesToScore; 0: adaptive.
  kube::TieRule ties;
  std::uint32_t steps;
  Plugins plugins = Plugins::kDefault;
};

kube::Profile profile_of(Plugins plugins) {
  kube::Profile profile;
  if (plugins == Plugins::kDefault) return profile;
  profile.points[static_cast<std::size_t>(kube::ExtensionPoint::kFilter)].enabled = {{"InterPodAffinity", 0},
                                                                                     {"PodTopologySpread", 0}};
  profile.points[static_cast<std::size_t>(kube::ExtensionPoint::kScore)].enabled = {{"TaintToleration", 7},
                                                                                    {"PodTopologySpread", 1}};
  profile.points[static_cast<std::size_t>(kube::ExtensionPoint::kScore)].disabled = {"ImageLocality"};
  profile.args.strategy = kube::ScoringStrategy::kMostAllocated;
  profile.args.hard_pod_affinity_weight = 30;
  profile.args.system_defaulting = false;
  kube::TopologySpreadConstraint c;
  c.topology_key = kube::kZoneLabel;
  c.max_skew = 2;
  profile.args.default_constraints = {c};
  c.topology_key = "rack";
  c.schedule_anyway = true;
  profile.args.default_constraints.push_back(c);
  return profile;
}

class FastAgainstNaive : public testing::TestWithParam<Shape> {};

class Churn {
 public:
  Churn(const Shape& shape, std::uint64_t seed, kube::Profile profile)
      : shape_(shape), random_(seed), cluster_(random_.objects(shape.nodes)), profile_(std::move(profile)) {
    config_.percentage_of_nodes_to_score = shape.percentage;
    naive_ = std::make_unique<kube::Scheduler>(config_, profile_, shape.ties, seed);
    // A few pods are there before the fast pass begins to count.
    for (std::uint32_t i = 0; i < shape.nodes / 2; ++i) place(arrive(), random_.below(shape.nodes));
    fast_ = std::make_unique<kube::FastScheduler>(cluster_, config_, profile_, shape.ties, seed);
  }

  void run() {
    for (std::uint32_t step = 0; step < shape_.steps; ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      while (!placed_.empty() && random_.one_in(3)) remove(random_.below(static_cast<std::uint32_t>(placed_.size())));
      if (!waiting_.empty() && random_.one_in(3)) {
        const Waiting next = waiting_.back();
        waiting_.pop_back();
        decide(next.pod, next.nominated);
      } else {
        decide(arrive(), "");
      }
      if (testing::Test::HasFailure()) return;
    }
  }

  std::size_t bound = 0, preempted = 0, refused = 0;
  std::uint64_t naive_decisions() const { return fast_->naive_decisions(); }

 private:
  struct Waiting {
    PodRef pod;
    std::string nominated;
  };

  PodRef arrive() {
    const auto handle = static_cast<std::uint32_t>(pods_.size());
    return {&pods_.emplace_back(random_.pod(shape_.templates), classes_), kube::kNotStarted, handle};
  }
  void place(PodRef pod, std::uint32_t node) {
    pod.start_s = static_cast<std::int64_t>(placed_.size() % 7);
    cluster_.assume(pod, node);
    placed_.push_back({pod, node});
  }
  void remove(std::size_t i) {
    cluster_.forget(placed_[i].first, placed_[i].second);
    placed_.erase(placed_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void decide(const PodRef& pod, const std::string& nominated) {
    const Decision theirs = naive_->decide(cluster_, pod, nominated);
    const Choice ours = fast_->decide(pod, nominated);
    ASSERT_EQ(ours.result, theirs.result);
    ASSERT_EQ(ours.via, theirs.via);
    ASSERT_EQ(ours.feasible, theirs.feasible.size());
    cluster_.withdraw_nomination(pod.handle);
    if (theirs.node != nullptr) {
      ++bound;
      ASSERT_EQ(ours.node, theirs.node->index);
      if (ours.via == Decision::Via::kScore) {
        ASSERT_EQ(ours.total, *std::max_element(theirs.totals.begin(), theirs.totals.end()));
      }
      place(pod, ours.node);
      return;
    }
    ++refused;
    std::uint32_t refused_by = 0;
    const auto filters = fast_->runtime().filters();
    for (const kube::Status& status : theirs.statuses) {
      for (std::size_t i = 0; i < filters.size(); ++i) {
        if (!status.success() && std::string_view(filters[i]->name()) == status.plugin) refused_by |= 1U << i;
      }
    }
    ASSERT_EQ(ours.refused_by, refused_by);
    ASSERT_EQ(ours.preempt_on, theirs.preempted == nullptr ? kube::kNoValue : theirs.preempted->node->index);
    if (theirs.preempted == nullptr) return;
    ++preempted;
    std::vector<std::uint32_t> own_victims;
    std::vector<std::uint32_t> victims;
    for (const PodRef& victim : ours.victims) own_victims.push_back(victim.handle);
    for (const PodRef& victim : theirs.preempted->victims) victims.push_back(victim.handle);
    ASSERT_EQ(own_victims, victims);
    for (const std::uint32_t victim : victims) {
      for (std::size_t i = 0; i < placed_.size(); ++i) {
        if (placed_[i].first.handle == victim) {
          remove(i);
          break;
        }
      }
    }
    const std::uint32_t node = ours.preempt_on;
    cluster_.nominate(pod, node);
    waiting_.push_back({pod, cluster_.nodes()[node].name()});
  }

  const Shape& shape_;
  test::KubeRandom random_;
  kube::PodClasses classes_;
  std::deque<kube::PodInfo> pods_;
  kube::ClusterState cluster_;
  kube::SchedulerConfig config_;
  kube::Profile profile_;
  std::unique_ptr<kube::Scheduler> naive_;
  std::unique_ptr<kube::FastScheduler> fast_;
  std::vector<std::pair<PodRef, std::uint32_t>> placed_;
  std::vector<Waiting> waiting_;
};

TEST_P(FastAgainstNaive, SameDecisions) {
  std::size_t bound = 0;
  std::size_t preempted = 0;
  std::size_t refused = 0;
  std::size_t naive = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Churn churn(GetParam(), seed, profile_of(GetParam().plugins));
    churn.run();
    if (HasFailure()) return;
    bound += churn.bound;
    preempted += churn.preempted;
    refused += churn.refused;
    naive += churn.naive_decisions();
  }
  EXPECT_LT(naive, (bound + refused) / 5) << "the naive pass made most decisions";
  // The case is worth its name only if all three kinds of decision occur.
  EXPECT_GT(bound, 100U);
  EXPECT_GT(refused, 20U);
  EXPECT_GT(preempted, 0U);
}

INSTANTIATE_TEST_SUITE_P(Table, FastAgainstNaive,
                         testing::Values(Shape{"SmallFewKinds", 12, 5, 100, kube::TieRule::kFirst, 150},
                                         Shape{"SmallManyKinds", 25, 60, 100, kube::TieRule::kFirst, 200},
                                         Shape{"SmallRandomTies", 25, 20, 100, kube::TieRule::kRandom, 200},
                                         Shape{"Reordered", 30, 40, 100, kube::TieRule::kFirst, 200,
                                               Plugins::kReordered},
                                         Shape{"AllNodes", 130, 30, 100, kube::TieRule::kFirst, 400},
                                         Shape{"Adaptive", 260, 30, 0, kube::TieRule::kFirst, 500},
                                         Shape{"AdaptiveRandomTies", 160, 12, 0, kube::TieRule::kRandom, 400}),
                         [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace berth

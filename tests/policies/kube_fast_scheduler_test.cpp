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
  bool changing = false;  // Nodes come, go and change, images are pulled, claims are made and bound, victims take time.
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
  c.topology_key = kZoneLabel;
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
      : shape_(shape), random_(seed), cluster_(objects()), profile_(std::move(profile)) {
    config_.percentage_of_nodes_to_score = shape.percentage;
    naive_ = std::make_unique<kube::Scheduler>(config_, profile_, shape.ties, seed);
    // A few pods are there before the fast pass begins to count.
    for (std::uint32_t i = 0; i < shape.nodes / 2; ++i) place(arrive(), any_node());
    fast_ = std::make_unique<kube::FastScheduler>(cluster_, config_, profile_, shape.ties, seed);
  }

  void run() {
    for (std::uint32_t step = 0; step < shape_.steps; ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      while (!placed_.empty() && random_.one_in(3)) remove(random_.below(static_cast<std::uint32_t>(placed_.size())));
      if (shape_.changing) {
        while (random_.one_in(3)) change();
        if (cluster_.settle()) ++relaid;
        while (random_.one_in(3)) bystander();
      }
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

  std::size_t bound = 0, preempted = 0, refused = 0, relaid = 0, with_claims = 0, kept = 0;
  std::uint64_t naive_decisions() const { return fast_->naive_decisions(); }

 private:
  struct Waiting {
    PodRef pod;
    std::string nominated;
  };

  kube::Objects objects() {
    kube::Objects out = random_.objects(shape_.nodes);
    if (shape_.changing) random_.add_storage(out);
    return out;
  }
  std::uint32_t any_node() { return random_.below(static_cast<std::uint32_t>(cluster_.nodes().size())); }

  PodRef arrive() {
    const auto handle = static_cast<std::uint32_t>(pods_.size());
    kube::Pod pod = random_.pod(shape_.templates);
    if (shape_.changing && random_.one_in(12)) {
      // Mostly its own; sometimes one that others use, too, or that is not there yet.
      if (claims_.empty() || !random_.one_in(3)) {
        claims_.push_back(random_.new_claim());
        if (!random_.one_in(5)) cluster_.add_claim(claims_.back());
      }
      kube::Volume volume;
      volume.kind = kube::Volume::Kind::kClaim;
      volume.name = "data";
      volume.source = claims_[random_.below(static_cast<std::uint32_t>(claims_.size()))].name;
      pod.namespace_name = "default";
      pod.volumes.push_back(volume);
    }
    return {&pods_.emplace_back(std::move(pod), classes_), kube::kNotStarted, handle};
  }
  void place(PodRef pod, std::uint32_t node) {
    pod.start_s = static_cast<std::int64_t>(placed_.size() % 7);
    cluster_.assume(pod, node);
    placed_.push_back({pod, cluster_.nodes()[node].name()});
  }
  void remove(std::size_t i) {
    cluster_.forget(placed_[i].first, cluster_.find_node(placed_[i].second)->index);
    placed_.erase(placed_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  // Something happens to nodes or objects.
  void change() {
    switch (random_.below(8)) {
      case 0:
        cluster_.add_node(random_.new_node());
        return;
      case 1: {
        if (cluster_.nodes().size() < 3 || !cluster_.settled()) return;
        const std::uint32_t node = any_node();
        const std::string name = cluster_.nodes()[node].name();
        for (std::size_t i = placed_.size(); i-- > 0;) {
          if (placed_[i].second == name) remove(i);
        }
        for (Waiting& w : waiting_) {
          if (w.nominated == name) w.nominated.clear();
        }
        cluster_.remove_node(node);
        return;
      }
      case 2: {
        if (!cluster_.settled()) return;
        const std::uint32_t node = any_node();
        cluster_.set_node(node, random_.changed(*cluster_.nodes()[node].node));
        return;
      }
      case 3:
        cluster_.provision(random_.new_volume());
        return;
      case 4:  // A claim that was missing, or that is wanted no more.
        if (claims_.empty()) return;
        if (const kube::PersistentVolumeClaim& claim =
                claims_[random_.below(static_cast<std::uint32_t>(claims_.size()))];
            cluster_.find_claim("default", claim.name) == nullptr) {
          cluster_.add_claim(claim);
        }
        return;
      case 5:
        if (unbound_.empty()) return;
        bind(unbound_.back());
        unbound_.pop_back();
        return;
      default: {
        if (!cluster_.settled()) return;
        const char* const names[] = {"app:v1", "other:latest", "unused:v1"};
        cluster_.set_image(any_node(), cluster_.image_id(names[random_.below(3)]),
                           200'000'000 + random_.below(4) * 100'000'000, random_.below(4) != 0);
      }
    }
  }
  // Who looks must leave no trace.
  void bystander() { (void)fast_->explain(arrive(), ""); }

  void bind(const std::pair<kube::ClaimBinding, std::string>& claim) {
    const kube::NodeInfo* node = cluster_.find_node(claim.second);
    if (node == nullptr && claim.first.provisioned) return;
    if (claim.first.provisioned) cluster_.provision(kube::provisioned_volume(cluster_, claim.first.claim, *node));
    cluster_.bind_claim(claim.first.claim, claim.first.volume);
  }

  void decide(const PodRef& pod, const std::string& nominated) {
    const Decision theirs = naive_->decide(cluster_, pod, nominated);
    if (shape_.changing && shape_.ties == kube::TieRule::kFirst && random_.one_in(4)) {
      ASSERT_EQ(fast_->explain(pod, nominated), theirs.message());
    }
    const Choice ours = fast_->decide(pod, nominated);
    ASSERT_EQ(ours.result, theirs.result);
    ASSERT_EQ(ours.via, theirs.via);
    ASSERT_EQ(ours.feasible, theirs.feasible.size());
    const bool keeps = theirs.node == nullptr && theirs.preemption && !theirs.preemption->eligible;
    ASSERT_EQ(ours.keeps_nomination, keeps);
    if (!keeps) cluster_.withdraw_nomination(pod.handle);
    if (theirs.node != nullptr) {
      ++bound;
      ASSERT_EQ(ours.node, theirs.node->index);
      if (ours.via == Decision::Via::kScore) {
        ASSERT_EQ(ours.total, *std::max_element(theirs.totals.begin(), theirs.totals.end()));
      }
      if (!theirs.volumes.empty()) {
        const auto at = std::find(theirs.feasible.begin(), theirs.feasible.end(), theirs.node);
        ASSERT_EQ(ours.volumes, theirs.volumes[static_cast<std::size_t>(at - theirs.feasible.begin())]);
      }
      for (const kube::ClaimBinding& binding : ours.volumes) {
        ++with_claims;
        if (binding.provisioned) {
          cluster_.select_node(binding.claim, ours.node);
        } else {
          cluster_.assume_volume(binding.claim, binding.volume);
        }
        // Two pods may have decided on one claim before it is bound.
        const auto same = [&binding](const auto& other) { return other.first.claim == binding.claim; };
        if (std::none_of(unbound_.begin(), unbound_.end(), same))
          unbound_.emplace_back(binding, cluster_.nodes()[ours.node].name());
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
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const auto& narrowers = theirs.narrowers;
      if (std::find(narrowers.begin(), narrowers.end(), filters[i]->name()) != narrowers.end()) refused_by |= 1U << i;
    }
    ASSERT_EQ(ours.refused_by, refused_by);
    ASSERT_EQ(ours.preempt_on, theirs.preempted == nullptr ? kube::kNoValue : theirs.preempted->node->index);
    if (keeps && !nominated.empty()) {
      ++kept;
      waiting_.insert(waiting_.begin(), {pod, nominated});
      ASSERT_EQ(theirs.preempted, nullptr);
    }
    if (theirs.preempted == nullptr) return;
    ++preempted;
    std::vector<std::uint32_t> own_victims;
    std::vector<std::uint32_t> victims;
    for (const PodRef& victim : ours.victims) own_victims.push_back(victim.handle);
    for (const PodRef& victim : theirs.preempted->victims) victims.push_back(victim.handle);
    ASSERT_EQ(own_victims, victims);
    for (const std::uint32_t victim : victims) {
      for (std::size_t i = 0; i < placed_.size(); ++i) {
        if (placed_[i].first.handle != victim) continue;
        if (shape_.changing && !random_.one_in(4)) {
          tell_to_go(placed_[i]);
        } else {
          remove(i);
        }
        break;
      }
    }
    const std::uint32_t node = ours.preempt_on;
    cluster_.nominate(pod, node);
    waiting_.push_back({pod, cluster_.nodes()[node].name()});
  }

  void tell_to_go(std::pair<PodRef, std::string>& placed) {
    kube::Pod pod = placed.first->pod;
    if (pod.deleting) return;
    pod.deleting = pod.disrupted_by_preemption = true;
    const std::uint32_t node = cluster_.find_node(placed.second)->index;
    cluster_.forget(placed.first, node);
    placed.first.info = &going_.emplace_back(std::move(pod), classes_);
    cluster_.assume(placed.first, node);
  }

  const Shape& shape_;
  test::KubeRandom random_;
  kube::PodClasses classes_;
  std::deque<kube::PodInfo> pods_, going_;
  std::vector<kube::PersistentVolumeClaim> claims_;
  std::vector<std::pair<kube::ClaimBinding, std::string>> unbound_;  // Decided, with the node.
  kube::ClusterState cluster_;
  kube::SchedulerConfig config_;
  kube::Profile profile_;
  std::unique_ptr<kube::Scheduler> naive_;
  std::unique_ptr<kube::FastScheduler> fast_;
  std::vector<std::pair<PodRef, std::string>> placed_;  // With the node's name.
  std::vector<Waiting> waiting_;
};

TEST_P(FastAgainstNaive, SameDecisions) {
  std::size_t bound = 0;
  std::size_t preempted = 0;
  std::size_t refused = 0;
  std::size_t naive = 0;
  std::size_t relaid = 0;
  std::size_t with_claims = 0;
  std::size_t kept = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Churn churn(GetParam(), seed, profile_of(GetParam().plugins));
    churn.run();
    if (HasFailure()) return;
    bound += churn.bound;
    preempted += churn.preempted;
    refused += churn.refused;
    naive += churn.naive_decisions();
    relaid += churn.relaid;
    with_claims += churn.with_claims;
    kept += churn.kept;
  }
  if (GetParam().changing) {
    EXPECT_GT(relaid, 100U);
    EXPECT_GT(with_claims, 20U);
    EXPECT_GT(kept, 0U);
  }
  EXPECT_LT(naive, (bound + refused) / 5) << "the naive pass made most decisions";
  // The case is worth its name only if all three kinds of decision occur.
  EXPECT_GT(bound, 100U);
  EXPECT_GT(refused, 20U);
  EXPECT_GT(preempted, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Table, FastAgainstNaive,
    testing::Values(Shape{"SmallFewKinds", 12, 5, 100, kube::TieRule::kFirst, 150},
                    Shape{"SmallManyKinds", 25, 60, 100, kube::TieRule::kFirst, 200},
                    Shape{"SmallRandomTies", 25, 20, 100, kube::TieRule::kRandom, 200},
                    Shape{"Reordered", 30, 40, 100, kube::TieRule::kFirst, 200, Plugins::kReordered},
                    Shape{"Changing", 20, 30, 100, kube::TieRule::kFirst, 300, Plugins::kDefault, true},
                    Shape{"ChangingFewKinds", 12, 6, 100, kube::TieRule::kFirst, 250, Plugins::kDefault, true},
                    Shape{"ChangingRandomTies", 15, 12, 100, kube::TieRule::kRandom, 250, Plugins::kReordered, true},
                    Shape{"ChangingAdaptive", 140, 15, 0, kube::TieRule::kFirst, 250, Plugins::kDefault, true},
                    Shape{"AllNodes", 130, 30, 100, kube::TieRule::kFirst, 400},
                    Shape{"Adaptive", 260, 30, 0, kube::TieRule::kFirst, 500},
                    Shape{"AdaptiveRandomTies", 160, 12, 0, kube::TieRule::kRandom, 400}),
    [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace berth

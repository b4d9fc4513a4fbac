// Expected outcomes: the API documentation of PodDisruptionBudget and of the Eviction API.
#include "sim/controllers/eviction.hpp"

#include <gtest/gtest.h>

#include "sim/controllers/disruption.hpp"
#include "sim/controllers/replica_set.hpp"
#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

using test::at;

struct EvictionTest : testing::Test {
  test::ControllerWorld w;
  DisruptionController budgets{w.store, w.work};
  ReplicaSetController sets{w.store, w.work};
  Owner owner;

  void pods(std::int32_t count, std::int32_t ready) {
    ReplicaSet set;
    set.spec.replicas = count;
    set.spec.pod_template = w.pod_template("web");
    owner = {ObjectKind::kReplicaSet, w.store.create(set)};
    w.settle();
    w.store.each_owned(owner, [&](const Pod& p) {
      w.make_ready(p.id);
      if (ready-- > 0) return;
      PodStatus status = w.store.pod(p.id).status;
      status.ready = false;
      w.store.set_status(p.id, status);
    });
    w.settle();
  }
  ObjectId budget(std::optional<IntOrPercent> min, std::optional<IntOrPercent> max, bool always = false) {
    PodDisruptionBudget b;
    b.selector.nothing = false;
    b.selector.requirements = {{"app", kube::SelectorOperator::kIn, {"web"}}};
    b.spec = {min, max, always};
    const ObjectId id = w.store.create(b);
    w.settle();
    return id;
  }
  PodId pod(bool ready) {
    PodId found = kNoPod;
    w.store.each_owned(owner, [&](const Pod& p) {
      if (found == kNoPod && active(p) && p.status.ready == ready) found = p.id;
    });
    return found;
  }
  const PodDisruptionBudget::Status& status(ObjectId id) { return w.store.get<PodDisruptionBudget>(id).status; }
};

TEST_F(EvictionTest, TakesWhatIsAllowedAndNoMore) {
  pods(5, 5);
  const ObjectId b = budget(IntOrPercent{3, false}, std::nullopt);
  EXPECT_EQ(status(b).disruptions_allowed, 2);
  EXPECT_EQ(evict(w.store, pod(true)), EvictionOutcome::kEvicted);
  EXPECT_EQ(evict(w.store, pod(true)), EvictionOutcome::kEvicted);
  EXPECT_EQ(evict(w.store, pod(true)), EvictionOutcome::kTooManyRequests);
  EXPECT_EQ(find(status(b).conditions, ConditionType::kDisruptionAllowed)->reason, Reason::kInsufficientPods);
}

struct DesiredCase {
  std::optional<IntOrPercent> min, max;
  std::int32_t desired, allowed;
};
class DesiredHealthyTest : public testing::TestWithParam<DesiredCase> {};
// Of 7 pods that are all healthy. Percentages are rounded up, of maxUnavailable too.
TEST_P(DesiredHealthyTest, OfSeven) {
  struct World : EvictionTest {
    void TestBody() override {}
  } t;
  t.pods(7, 7);
  const ObjectId b = t.budget(GetParam().min, GetParam().max);
  EXPECT_EQ(t.status(b).expected_pods, 7);
  EXPECT_EQ(t.status(b).desired_healthy, GetParam().desired);
  EXPECT_EQ(t.status(b).disruptions_allowed, GetParam().allowed);
}
INSTANTIATE_TEST_SUITE_P(
    Table, DesiredHealthyTest,
    testing::Values(DesiredCase{IntOrPercent{2, false}, {}, 2, 5}, DesiredCase{IntOrPercent{50, true}, {}, 4, 3},
                    DesiredCase{IntOrPercent{9, false}, {}, 9, 0}, DesiredCase{{}, IntOrPercent{3, false}, 4, 3},
                    DesiredCase{{}, IntOrPercent{30, true}, 4, 3}, DesiredCase{{}, IntOrPercent{10, false}, 0, 7}));

TEST_F(EvictionTest, UnhealthyPodsGoIfTheBudgetIsMetWithoutThem) {
  pods(4, 3);
  budget(IntOrPercent{3, false}, std::nullopt);
  EXPECT_EQ(evict(w.store, pod(true)), EvictionOutcome::kTooManyRequests);
  EXPECT_EQ(evict(w.store, pod(false)), EvictionOutcome::kEvicted);
}

TEST_F(EvictionTest, UnhealthyPodsStayIfItIsNot) {
  pods(4, 2);
  budget(IntOrPercent{3, false}, std::nullopt);
  EXPECT_EQ(evict(w.store, pod(false)), EvictionOutcome::kTooManyRequests);
}

TEST_F(EvictionTest, AlwaysAllowLetsUnhealthyPodsGo) {
  pods(4, 2);
  budget(IntOrPercent{3, false}, std::nullopt, true);
  EXPECT_EQ(evict(w.store, pod(false)), EvictionOutcome::kEvicted);
}

TEST_F(EvictionTest, PodUnderTwoBudgetsCannotBeEvicted) {
  pods(4, 4);
  budget(IntOrPercent{1, false}, std::nullopt);
  budget(IntOrPercent{1, false}, std::nullopt);
  EXPECT_EQ(evict(w.store, pod(true)), EvictionOutcome::kSeveralBudgets);
}

TEST_F(EvictionTest, PodsOfAnUnknownOwnerMakeThePercentageFail) {
  pods(2, 2);
  Pod stray;
  stray.owner = {ObjectKind::kJob, 5};
  stray.pod_template = w.pod_template("web");
  w.store.create_pod(stray);
  const ObjectId b = budget(std::nullopt, IntOrPercent{1, false});
  EXPECT_EQ(status(b).disruptions_allowed, 0);
  EXPECT_EQ(find(status(b).conditions, ConditionType::kDisruptionAllowed)->reason, Reason::kSyncFailed);
}

// Marked for two minutes, and still there: no longer a target.
TEST_F(EvictionTest, StaleTargetIsForgotten) {
  pods(1, 1);
  const PodId p = pod(true);
  PodStatus s = w.store.pod(p).status;
  s.disruption = Disruption::kDeletionByTaintManager;
  s.disrupted_since = w.store.now();
  w.store.set_status(p, s);
  w.run_until(at(119));
  EXPECT_NE(w.store.pod(p).status.disruption, Disruption::kNone);
  w.run_until(at(120));
  EXPECT_EQ(w.store.pod(p).status.disruption, Disruption::kNone);
}

}  // namespace
}  // namespace berth::controllers

// Expected values: "Deployments" in the Kubernetes documentation, and the formulas of reference/self-healing.md.
#include "sim/controllers/deployment.hpp"

#include <gtest/gtest.h>

#include <string>

#include "sim/controllers/replica_set.hpp"
#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

using test::at;

struct DeploymentTest : testing::Test {
  test::ControllerWorld w;
  DeploymentController deployments{w.store, w.work};
  ReplicaSetController sets{w.store, w.work};
  ObjectId id = kNoObject;

  void create(Deployment::Spec spec) {
    spec.pod_template = w.pod_template("v1");
    Deployment d;
    d.spec = spec;
    id = w.store.create(d);
    w.settle();
  }
  const Deployment& get() { return w.store.get<Deployment>(id); }
  template <class F>
  void edit(F&& f) {
    w.store.edit<Deployment>(id, f);
    w.settle();
  }
  const ReplicaSet* set(const std::string& version) {
    for (const ObjectId s : w.store.owned<ReplicaSet>({ObjectKind::kDeployment, id})) {
      const ReplicaSet& set = w.store.get<ReplicaSet>(s);
      if (set.spec.pod_template == w.pod_template(version)) return &set;
    }
    return nullptr;
  }
  std::int32_t replicas(const std::string& version) {
    const ReplicaSet* s = set(version);
    return s == nullptr ? 0 : s->spec.replicas;
  }
  void make_ready(const std::string& version) {
    w.make_all_ready({ObjectKind::kReplicaSet, set(version)->meta.id});
    w.settle();
  }
  // Takes pods that are told to go away, as kubelets do.
  void remove_terminating() {
    for (const ObjectId s : w.store.owned<ReplicaSet>({ObjectKind::kDeployment, id})) {
      w.store.each_owned({ObjectKind::kReplicaSet, s}, [this](const Pod& p) {
        if (p.terminating) w.store.remove_pod(p.id);
      });
    }
    w.settle();
  }
};

struct FencepostCase {
  std::int32_t replicas;
  IntOrPercent surge, unavailable;
  std::int32_t max_surge, max_unavailable;
};
class FencepostTest : public testing::TestWithParam<FencepostCase> {};
TEST_P(FencepostTest, SurgeUpUnavailableDown) {
  Deployment::Spec spec;
  spec.replicas = GetParam().replicas;
  spec.max_surge = GetParam().surge;
  spec.max_unavailable = GetParam().unavailable;
  EXPECT_EQ(rollout::max_surge(spec), GetParam().max_surge);
  EXPECT_EQ(rollout::max_unavailable(spec), GetParam().max_unavailable);
}
INSTANTIATE_TEST_SUITE_P(
    Table, FencepostTest,
    testing::Values(FencepostCase{10, {25, true}, {25, true}, 3, 2}, FencepostCase{4, {25, true}, {25, true}, 1, 1},
                    FencepostCase{1, {25, true}, {25, true}, 1, 0}, FencepostCase{10, {30, true}, {0, false}, 3, 0},
                    FencepostCase{10, {0, false}, {0, false}, 0, 1}, FencepostCase{3, {0, false}, {10, true}, 0, 1},
                    FencepostCase{3, {1, false}, {5, false}, 1, 3}, FencepostCase{0, {1, false}, {1, false}, 1, 0}));

// The documentation's example: 10 replicas, maxSurge 3, maxUnavailable 2. A template that never gets ready stops at 5
// new and 8 old ones; scaled to 15, 3 of the 5 further ones go to the old set and 2 to the new one.
TEST_F(DeploymentTest, ScalesInProportionInMidRollout) {
  create({.replicas = 10, .max_surge = {3, false}, .max_unavailable = {2, false}});
  make_ready("v1");
  edit([this](Deployment& d) { d.spec.pod_template = w.pod_template("v2"); });
  remove_terminating();
  EXPECT_EQ(replicas("v1"), 8);
  EXPECT_EQ(replicas("v2"), 5);
  edit([](Deployment& d) { d.spec.replicas = 15; });
  EXPECT_EQ(replicas("v1"), 11);
  EXPECT_EQ(replicas("v2"), 7);
}

// At every moment: at most replicas + surge pods wanted, at least replicas - unavailable available.
TEST_F(DeploymentTest, RollsOutWithinItsBounds) {
  create({.replicas = 8, .max_surge = {2, false}, .max_unavailable = {1, false}});
  make_ready("v1");
  edit([this](Deployment& d) { d.spec.pod_template = w.pod_template("v2"); });
  for (int round = 0; round < 40 && replicas("v1") > 0; ++round) {
    EXPECT_LE(replicas("v1") + replicas("v2"), 10);
    EXPECT_GE(get().status.available, 7);
    if (round % 2 == 0) {
      make_ready("v2");
    } else {
      remove_terminating();
    }
  }
  EXPECT_EQ(replicas("v1"), 0);
  EXPECT_EQ(replicas("v2"), 8);
  remove_terminating();
  const Condition* progress = find(get().status.conditions, ConditionType::kProgressing);
  ASSERT_NE(progress, nullptr);
  EXPECT_EQ(progress->reason, Reason::kNewReplicaSetAvailable);
}

TEST_F(DeploymentTest, RecreateWaitsForTheLastOldPod) {
  create({.replicas = 3, .recreate = true});
  make_ready("v1");
  edit([this](Deployment& d) { d.spec.pod_template = w.pod_template("v2"); });
  EXPECT_EQ(replicas("v1"), 0);
  EXPECT_EQ(set("v2"), nullptr) << "old pods are still terminating";
  remove_terminating();
  EXPECT_EQ(replicas("v2"), 3);
}

TEST_F(DeploymentTest, ProgressDeadlineIsAConditionAndNoRollback) {
  create({.replicas = 2, .progress_deadline_seconds = 60});
  w.run_until(at(60));
  const auto reason = [this] { return find(get().status.conditions, ConditionType::kProgressing)->reason; };
  EXPECT_EQ(reason(), Reason::kReplicaSetUpdated);
  w.run_until(at(62));
  EXPECT_EQ(reason(), Reason::kProgressDeadlineExceeded);
  EXPECT_EQ(replicas("v1"), 2);
}

TEST_F(DeploymentTest, RollBackNumbersTheOldRevisionAnew) {
  create({.replicas = 1});
  for (const char* version : {"v2", "v3"}) {
    make_ready(std::string(version) == "v2" ? "v1" : "v2");
    edit([&](Deployment& d) { d.spec.pod_template = w.pod_template(version); });
  }
  EXPECT_EQ(get().annotations.revision, 3);
  EXPECT_TRUE(roll_back(w.store, id, 0));  // To the one before.
  w.settle();
  EXPECT_EQ(get().spec.pod_template, w.pod_template("v2"));
  w.run_until(at(1));
  EXPECT_EQ(get().annotations.revision, 4);
  EXPECT_EQ(set("v2")->annotations.revision, 4);
  EXPECT_TRUE(roll_back(w.store, id, 1));
  EXPECT_EQ(get().spec.pod_template, w.pod_template("v1"));
  EXPECT_FALSE(roll_back(w.store, id, 99));
}

TEST_F(DeploymentTest, HistoryLimitDeletesTheOldestEmptySets) {
  create({.replicas = 1, .revision_history_limit = 1});
  std::string last = "v1";
  for (const char* version : {"v2", "v3", "v4"}) {
    make_ready(last);
    edit([&](Deployment& d) { d.spec.pod_template = w.pod_template(version); });
    make_ready(version);
    remove_terminating();
    w.run_until({w.store.now().ns + 1'000'000'000});
    last = version;
  }
  EXPECT_EQ(set("v1"), nullptr);
  EXPECT_EQ(set("v2"), nullptr);
  EXPECT_NE(set("v3"), nullptr);
  EXPECT_NE(set("v4"), nullptr);
}

TEST_F(DeploymentTest, PausedScalesButDoesNotRollOut) {
  create({.replicas = 2});
  make_ready("v1");
  edit([](Deployment& d) { d.spec.paused = true; });
  edit([this](Deployment& d) {
    d.spec.pod_template = w.pod_template("v2");
    d.spec.replicas = 4;
  });
  EXPECT_EQ(set("v2"), nullptr);
  EXPECT_EQ(replicas("v1"), 4);
}

// A burst is 500 pods at most.
TEST_F(DeploymentTest, ReplicaSetCreatesInBursts) {
  create({.replicas = 0});
  ReplicaSet big;
  big.spec.replicas = 1200;
  big.spec.pod_template = w.pod_template("v9");
  const Owner owner{ObjectKind::kReplicaSet, w.store.create(big)};
  EXPECT_TRUE(sets.sync(owner.id));
  EXPECT_EQ(w.store.pods_of(owner).size, 500U);
  w.settle();
  EXPECT_EQ(w.store.pods_of(owner).size, 1200U);
}

}  // namespace
}  // namespace berth::controllers

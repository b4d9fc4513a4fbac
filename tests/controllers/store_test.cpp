// The store's lists against a recount, and the API server's rules on conflicts, grace and owners.
#include "sim/controllers/store.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sim/engine/rng.hpp"
#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

using test::ControllerWorld;

struct Counter final : Watcher {
  int added = 0, updated = 0, deleted = 0, objects = 0;
  void pod_changed(const Pod&, const Pod&, Change change) override {
    ++(change == Change::kAdded ? added : change == Change::kUpdated ? updated : deleted);
  }
  void object_changed(ObjectKind, ObjectId, Change) override { ++objects; }
};

TEST(StoreProperty, ListsMatchARecount) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    ControllerWorld w;
    Rng rng(seed, 0, 0, Purpose::kTest);
    const TemplateId templates[] = {w.pod_template("a"), w.pod_template("b")};
    std::vector<PodId> pods;
    for (int step = 0; step < 300; ++step) {
      w.store.set_now({static_cast<std::int64_t>(step) * 700'000'000});
      std::erase_if(pods, [&](PodId p) { return !w.store.exists(p); });
      const std::uint32_t what = rng.below(8);
      if (what < 3 || pods.empty()) {
        Pod pod;
        pod.owner = {rng.below(2) == 0 ? ObjectKind::kReplicaSet : ObjectKind::kJob, rng.below(3)};
        pod.tracked = pod.owner.kind == ObjectKind::kJob;
        pod.pod_template = templates[rng.below(2)];
        const PodId id = w.store.create_pod(pod);
        std::erase(pods, id);
        pods.push_back(id);
        continue;
      }
      const PodId p = pods[rng.below(static_cast<std::uint32_t>(pods.size()))];
      if (what == 3 && w.store.pod(p).node == kNoNode) {
        w.store.bind(p, NodeId{rng.below(4)});
      } else if (what == 4) {
        w.store.delete_pod(p);
      } else if (what == 5) {
        w.store.remove_pod(p);
      } else if (what == 6) {
        w.store.remove_finalizer(p);
      } else if (!finished(w.store.pod(p).status.phase)) {
        PodStatus status = w.store.pod(p).status;
        status.phase = static_cast<Phase>(rng.below(4));
        status.ready = status.phase == Phase::kRunning && rng.below(2) == 0;
        w.store.set_status(p, status);
      }
      ASSERT_EQ(w.store.verify(), "") << "step " << step;
    }
  }
}

TEST(StoreTest, WriteAgainstAnOlderVersionIsAConflict) {
  ControllerWorld w;
  const ObjectId id = w.store.create(Deployment{});
  Deployment first = w.store.get<Deployment>(id);
  Deployment second = first;
  first.spec.replicas = 3;
  EXPECT_TRUE(w.store.update(first));
  EXPECT_EQ(first.meta.generation, 2);
  second.status.replicas = 1;
  EXPECT_FALSE(w.store.update(second));
  EXPECT_EQ(w.store.get<Deployment>(id).status.replicas, 0);
  first.status.replicas = 1;
  EXPECT_TRUE(w.store.update(first));
  EXPECT_EQ(first.meta.generation, 2) << "a status is no new generation";
}

TEST(StoreTest, UnchangedWriteTellsNobody) {
  ControllerWorld w;
  const ObjectId id = w.store.create(Deployment{});
  Counter counter;
  w.store.watch(&counter);
  Deployment d = w.store.get<Deployment>(id);
  EXPECT_TRUE(w.store.update(d));
  EXPECT_EQ(counter.objects, 0);
}

struct GraceCase {
  const char* name;
  bool bound;
  Phase phase;
  bool tracked;
  bool stays;  // After DELETE.
};
class GraceTest : public testing::TestWithParam<GraceCase> {};

TEST_P(GraceTest, WhatDeleteLeaves) {
  const GraceCase& c = GetParam();
  ControllerWorld w;
  Pod pod;
  pod.pod_template = w.pod_template("a");
  pod.tracked = c.tracked;
  const PodId id = w.store.create_pod(pod);
  if (c.bound) w.store.bind(id, NodeId{0});
  PodStatus status = w.store.pod(id).status;
  status.phase = c.phase;
  w.store.set_status(id, status);
  w.store.delete_pod(id);
  ASSERT_EQ(w.store.exists(id), c.stays);
  if (!c.stays) return;
  EXPECT_TRUE(w.store.pod(id).terminating);
  w.store.remove_finalizer(id);
  const bool grace = c.bound && !finished(c.phase);
  EXPECT_EQ(w.store.exists(id), grace) << "within its grace period it is there without the finalizer too";
  if (grace) w.store.remove_pod(id);
  EXPECT_FALSE(w.store.exists(id));
}
INSTANTIATE_TEST_SUITE_P(Table, GraceTest,
                         testing::Values(GraceCase{"Unassigned", false, Phase::kPending, false, false},
                                         GraceCase{"Finished", true, Phase::kFailed, false, false},
                                         GraceCase{"Running", true, Phase::kRunning, false, true},
                                         GraceCase{"PendingOnANode", true, Phase::kPending, false, true},
                                         GraceCase{"UnassignedButTracked", false, Phase::kPending, true, true},
                                         GraceCase{"FinishedButTracked", true, Phase::kSucceeded, true, true},
                                         GraceCase{"RunningAndTracked", true, Phase::kRunning, true, true}),
                         [](const auto& p) { return std::string(p.param.name); });

TEST(StoreTest, WhatAnOwnerOwnsGoesWithIt) {
  ControllerWorld w;
  const ObjectId d = w.store.create(Deployment{});
  ReplicaSet set;
  set.meta.owner = {ObjectKind::kDeployment, d};
  const ObjectId s = w.store.create(set);
  Pod pod;
  pod.owner = {ObjectKind::kReplicaSet, s};
  pod.pod_template = w.pod_template("a");
  const PodId unassigned = w.store.create_pod(pod);
  const PodId running = w.store.create_pod(pod);
  w.make_ready(running);
  w.store.erase<Deployment>(d);
  EXPECT_EQ(w.store.find<ReplicaSet>(s), nullptr);
  EXPECT_FALSE(w.store.exists(unassigned));
  ASSERT_TRUE(w.store.exists(running));
  EXPECT_TRUE(w.store.pod(running).terminating);
  EXPECT_EQ(w.store.verify(), "");
}

TEST(StoreTest, ClaimGoesWithTheLastOfItsOwners) {
  ControllerWorld w;
  const ObjectId set = w.store.create(StatefulSet{});
  Pod pod;
  pod.owner = {ObjectKind::kStatefulSet, set};
  pod.pod_template = w.pod_template("a");
  const PodId p = w.store.create_pod(pod);
  const auto claim = [&](bool by_set, bool by_pod) {
    PersistentVolumeClaim c;
    c.meta.owner = pod.owner;
    c.annotations = {by_set, by_pod ? w.store.pod(p).uid : 0};
    return w.store.create(c);
  };
  const ObjectId kept = claim(false, false);
  const ObjectId by_set = claim(true, false);
  const ObjectId by_pod = claim(false, true);
  const ObjectId by_both = claim(true, true);
  w.store.delete_pod(p);  // Unassigned: gone at once.
  EXPECT_EQ(w.store.find<PersistentVolumeClaim>(by_pod), nullptr);
  ASSERT_NE(w.store.find<PersistentVolumeClaim>(by_both), nullptr);
  w.store.erase<StatefulSet>(set);
  EXPECT_EQ(w.store.find<PersistentVolumeClaim>(by_set), nullptr);
  EXPECT_EQ(w.store.find<PersistentVolumeClaim>(by_both), nullptr);
  EXPECT_NE(w.store.find<PersistentVolumeClaim>(kept), nullptr);
}

TEST(StoreTest, UidsAreNotUsedAgain) {
  ControllerWorld w;
  Pod pod;
  pod.pod_template = w.pod_template("a");
  const PodId first = w.store.create_pod(pod);
  const std::uint64_t uid = w.store.pod(first).uid;
  w.store.delete_pod(first);
  const PodId second = w.store.create_pod(pod);
  EXPECT_EQ(first, second) << "rows are";
  EXPECT_FALSE(w.store.exists(second, uid));
}

}  // namespace
}  // namespace berth::controllers

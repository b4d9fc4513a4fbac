// Expected: "StatefulSets" in the Kubernetes documentation. The recordings have the feature gate on; off is tested
// here.
#include "sim/controllers/stateful_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

struct RollingUpdate {
  test::ControllerWorld w;
  StatefulSetController sets;
  Owner owner;

  RollingUpdate(bool feature, bool parallel, std::int32_t max_unavailable) : sets(w.store, w.work, feature) {
    StatefulSet set;
    set.spec.replicas = 4;
    set.spec.parallel = parallel;
    set.spec.max_unavailable = IntOrPercent{max_unavailable, false};
    set.spec.pod_template = w.pod_template("v1");
    owner = {ObjectKind::kStatefulSet, w.store.create(set)};
    w.settle();
  }
  void ready_all() {
    for (int i = 0; i < 4; ++i) {  // In order, each makes the next.
      w.make_all_ready(owner);
      w.settle();
    }
  }
  void edit_template() {
    w.store.edit<StatefulSet>(owner.id, [this](StatefulSet& s) { s.spec.pod_template = w.pod_template("v2"); });
    w.settle();
  }
  std::vector<std::int32_t> ordinals(bool terminating) {
    std::vector<std::int32_t> out;
    w.store.each_owned(owner, [&](const Pod& p) {
      if (p.terminating == terminating) out.push_back(p.ordinal);
    });
    std::sort(out.begin(), out.end());
    return out;
  }
  void remove_terminating() {
    w.store.each_owned(owner, [this](const Pod& p) {
      if (p.terminating) w.store.remove_pod(p.id);
    });
    w.settle();
  }
};
using Ordinals = std::vector<std::int32_t>;

TEST(StatefulSetTest, OrderedPodsComeOneByOne) {
  RollingUpdate t(true, false, 1);
  EXPECT_EQ(t.ordinals(false), Ordinals{0});
  t.w.make_all_ready(t.owner);
  t.w.settle();
  EXPECT_EQ(t.ordinals(false), (Ordinals{0, 1}));
}

TEST(StatefulSetTest, ParallelPodsComeTogether) {
  EXPECT_EQ(RollingUpdate(true, true, 1).ordinals(false), (Ordinals{0, 1, 2, 3}));
}

struct Case {
  const char* name;
  bool feature, parallel;
  std::int32_t max_unavailable;
  Ordinals first;  // Deleted at once when the template changes.
};
class RollingUpdateTest : public testing::TestWithParam<Case> {};

TEST_P(RollingUpdateTest, FromTheHighestOrdinalWithinTheBudget) {
  const Case& c = GetParam();
  RollingUpdate t(c.feature, c.parallel, c.max_unavailable);
  t.ready_all();
  t.edit_template();
  EXPECT_EQ(t.ordinals(true), c.first);
  t.remove_terminating();
  EXPECT_EQ(t.ordinals(true), Ordinals{}) << "the new ones are not available yet";
  for (int i = 0; i < 8; ++i) {
    t.w.make_all_ready(t.owner);
    t.w.settle();
    t.remove_terminating();
  }
  const StatefulSet& set = t.w.store.get<StatefulSet>(t.owner.id);
  EXPECT_EQ(set.status.updated, 4);
  EXPECT_EQ(set.status.current_revision, set.status.update_revision);
}
INSTANTIATE_TEST_SUITE_P(Table, RollingUpdateTest,
                         testing::Values(Case{"One", true, false, 1, {3}}, Case{"Two", true, false, 2, {2, 3}},
                                         Case{"TwoParallel", true, true, 2, {2, 3}},
                                         Case{"GateOff", false, false, 2, {3}},
                                         Case{"GateOffParallel", false, true, 2, {3}}),
                         [](const auto& p) { return std::string(p.param.name); });

// With the gate, Parallel: a broken outdated pod is replaced whatever the budget; ordered sets wait for it.
TEST(StatefulSetTest, BrokenPodsDoNotBlockAParallelRollout) {
  for (const bool parallel : {true, false}) {
    RollingUpdate t(true, parallel, 1);
    t.ready_all();
    t.w.store.each_owned(t.owner, [&t](const Pod& p) {
      if (p.ordinal != 1) return;
      PodStatus status = p.status;
      status.ready = false;
      t.w.store.set_status(p.id, status);
    });
    t.w.settle();
    t.edit_template();
    EXPECT_EQ(t.ordinals(true), parallel ? Ordinals{1} : Ordinals{}) << parallel;
  }
}

}  // namespace
}  // namespace berth::controllers

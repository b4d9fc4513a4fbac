// One pair of pods per rule, each worse in its rule and better in all that follow. Order: the API documentation of
// controller.kubernetes.io/pod-deletion-cost and of ReplicaSet scale-down.
#include "sim/controllers/deletion_ranking.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

struct Case {
  const char* name;
  std::function<void(Pod&)> worse;   // Applied to the pod that goes first …
  std::function<void(Pod&)> better;  // … and to the other one.
  std::uint32_t worse_related = 0;
  std::uint32_t better_related = 0;
};
class DeletionRankingTest : public testing::TestWithParam<Case> {};

constexpr Time kNow = test::at(100'000);

Pod base(test::ControllerWorld& w) {
  Pod p;
  p.pod_template = w.pod_template("a");
  p.node = NodeId{1};
  p.created = test::at(1000);
  p.status.phase = Phase::kRunning;
  p.status.ready = true;
  p.status.ready_since = test::at(2000);
  return p;
}

TEST_P(DeletionRankingTest, GoesFirst) {
  for (const bool worse_first : {true, false}) {  // Whatever the order of creation.
    test::ControllerWorld w;
    w.store.set_now(kNow);
    Pod worse = base(w);
    Pod better = base(w);
    GetParam().worse(worse);
    GetParam().better(better);
    const PodId a = w.store.create_pod(worse_first ? worse : better);
    const PodId b = w.store.create_pod(worse_first ? better : worse);
    const PodId expected = worse_first ? a : b;
    std::vector<RankedPod> pods{{a, worse_first ? GetParam().worse_related : GetParam().better_related},
                                {b, worse_first ? GetParam().better_related : GetParam().worse_related}};
    sort_for_deletion(w.store, pods, 1);
    EXPECT_EQ(pods[0].pod, expected);
  }
}

void nothing(Pod&) {}
INSTANTIATE_TEST_SUITE_P(
    Rules, DeletionRankingTest,
    testing::Values(
        Case{"Unassigned",
             [](Pod& p) {
               p.node = kNoNode;
               p.deletion_cost = 100;
             },
             [](Pod& p) { p.status.phase = Phase::kPending; }},
        Case{"Pending", [](Pod& p) { p.status.phase = Phase::kPending; },
             [](Pod& p) { p.status.phase = Phase::kUnknown; }},
        Case{"Unknown", [](Pod& p) { p.status.phase = Phase::kUnknown; }, [](Pod& p) { p.status.ready = false; }},
        Case{"NotReady", [](Pod& p) { p.status.ready = false; }, [](Pod& p) { p.deletion_cost = -5; }},
        Case{"LowerCost", [](Pod& p) { p.deletion_cost = -1; }, nothing, 1, 5},
        Case{"MoreRelatedPods", nothing, [](Pod& p) { p.status.ready_since = kNow - seconds(1); }, 3, 2},
        Case{"ReadyForAShorterTime", [](Pod& p) { p.status.ready_since = kNow - seconds(10); },
             [](Pod& p) { p.status.restarts = 9; }},
        // 2^33 ns are 8.59 s: on either side of it even a little counts.
        Case{"ReadyForALittleShorterTime", [](Pod& p) { p.status.ready_since = kNow - milliseconds(8500); },
             [](Pod& p) {
               p.status.ready_since = kNow - milliseconds(8700);
               p.status.restarts = 9;
             }},
        Case{"MoreRestarts", [](Pod& p) { p.status.restarts = 2; }, [](Pod& p) { p.status.sidecar_restarts = 5; }},
        Case{"MoreSidecarRestarts", [](Pod& p) { p.status.sidecar_restarts = 1; },
             [](Pod& p) { p.created = kNow - seconds(1); }},
        Case{"Younger", [](Pod& p) { p.created = kNow - seconds(100); }, nothing}),
    [](const auto& p) { return std::string(p.param.name); });

// Jobs compare times as they are.
TEST(SortActiveTest, ShorterReadyFirstWithoutLogarithms) {
  test::ControllerWorld w;
  w.store.set_now(kNow);
  Pod older = base(w);
  Pod newer = base(w);
  newer.status.ready_since = older.status.ready_since + seconds(1);
  std::vector<PodId> pods{w.store.create_pod(older), w.store.create_pod(newer)};
  const PodId expected = pods[1];
  sort_active(w.store, pods);
  EXPECT_EQ(pods[0], expected);
}

}  // namespace
}  // namespace berth::controllers

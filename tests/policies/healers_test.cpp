// Healers by hand: what they see is written down here, what they do is compared with the published rules worked out on
// paper. How they do in a run: tests/sim/healing_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "policies/healer.hpp"
#include "policies/registry.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<Healer> make(const std::string& spec) {
  return Registry<Healer>::instance().make(PolicySpec::parse(spec, "test"));
}

// Writes down what it is told to do.
class Decisions final : public HealDecision {
 public:
  bool reboot(NodeId node) override { return note("reboot", node); }
  bool replace(NodeId node) override { return note("replace", node); }
  void cordon(NodeId node, bool cordoned) override { note(cordoned ? "cordon" : "uncordon", node); }
  bool evict(std::uint32_t pod) override {
    if (refused.contains(pod)) return false;
    evicted.push_back(pod);
    return true;
  }
  std::vector<std::string> done;
  std::vector<std::uint32_t> evicted;
  std::set<std::uint32_t> refused;

 private:
  bool note(const char* what, NodeId node) {
    done.push_back(std::string(what).append(" ").append(std::to_string(index(node))));
    return true;
  }
};

struct PodShape {
  std::int64_t cpu_milli = 1000;
  std::int64_t memory = 1_GiB;
  std::uint64_t owner = 1;
  std::int32_t priority = 0;
  bool daemon = false, terminating = false;
  std::string image = {};      // Not empty: a whole pod.
  std::string volume = {};     // Its type.
  std::string node_pool = {};  // nodeSelector pool.
  std::string annotation = {};
  bool tolerates_all = false;
};

// Nodes and the pods on them, as a healer sees them; the cluster holds the same.
class World {
 public:
  NodeId node(std::int64_t cpu_milli = 10'000, std::int64_t memory = 10_GiB, std::int64_t max_pods = 100,
              const std::string& pool = {}) {
    NodeSpec spec;
    spec.name = std::string("n").append(std::to_string(nodes_.size()));
    spec.allocatable = {cpu_milli, memory, 0};
    spec.pods = max_pods;
    if (!pool.empty()) spec.labels = {{"pool", pool}};
    const NodeId id = harness_.cluster.add_node(spec);
    nodes_.push_back({id, true, {}, false, {}});
    pods_.emplace_back();
    return id;
  }
  HealedNode& seen(NodeId node) { return nodes_[index(node)]; }
  void taint(NodeId node, kube::TaintEffect effect, int count = 1) {
    auto object = std::make_shared<kube::Node>(*harness_.cluster.node_object(node));
    for (int i = 0; i < count; ++i) object->taints.push_back({std::string("k").append(std::to_string(i)), "", effect});
    harness_.cluster.set_node_object(node, object);
  }
  void cordon(NodeId node) { harness_.actions.cordon(node); }
  std::uint32_t pod(NodeId node, const PodShape& shape = {}) {
    PodTemplate t =
        template_of(harness_.cluster.catalog(),
                    {.cpu_milli = shape.cpu_milli, .memory_bytes = shape.memory, .priority = shape.priority});
    if (!shape.image.empty()) {
      std::shared_ptr<const kube::api::Pod>& whole = wholes_[key(shape)];
      if (whole == nullptr) whole = whole_pod(shape);
      t.pod = whole;
    }
    const TemplateId id = harness_.cluster.catalog().intern(t);
    const PodId made = harness_.create(id);
    BERTH_CHECK(harness_.actions.bind(made, node) == Outcome::kDone);
    const auto handle = static_cast<std::uint32_t>(count_++);
    pods_[index(node)].push_back({handle, id, shape.owner, shape.daemon, shape.terminating, true, {}});
    return handle;
  }
  void pods(NodeId node, int count, const PodShape& shape = {}) {
    for (int i = 0; i < count; ++i) pod(node, shape);
  }
  // Machine and node object are gone, and the new machine is still to come.
  void replaced(NodeId node) {
    gone_.insert(node);
    ++replacements_;
  }
  void joined() { --replacements_; }
  HealObservation observe(Time now) {
    there_.clear();
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      nodes_[n].pods = pods_[n];
      if (!gone_.contains(nodes_[n].id)) there_.push_back(nodes_[n]);
    }
    return {now, harness_.cluster, there_, replacements_};
  }
  std::vector<std::uint32_t> evictions(const std::string& healer, const std::set<std::uint32_t>& refused = {}) {
    Decisions decisions;
    decisions.refused = refused;
    make(healer)->heal(observe(Time{} + seconds(300)), decisions);
    EXPECT_THAT(decisions.done, IsEmpty());
    return decisions.evicted;
  }

 private:
  static std::string key(const PodShape& s) {
    return s.image + "/" + s.volume + "/" + s.node_pool + "/" + s.annotation + (s.tolerates_all ? "/t" : "") +
           std::to_string(s.cpu_milli);
  }
  static std::shared_ptr<const kube::api::Pod> whole_pod(const PodShape& shape) {
    auto pod = std::make_shared<kube::api::Pod>();
    kube::Container& container = pod->scheduling.containers.emplace_back();
    container.image = shape.image;
    if (shape.cpu_milli > 0)
      container.requests.set("cpu",
                             kube::parse_resource_quantity(std::to_string(shape.cpu_milli) + "m", "cpu", "test"));
    if (!shape.volume.empty()) pod->spec.volumes.emplace_back().type = shape.volume;
    if (!shape.node_pool.empty()) pod->scheduling.node_selector.set("pool", shape.node_pool);
    if (!shape.annotation.empty()) pod->annotations.set(shape.annotation, "true");
    if (shape.tolerates_all) {
      pod->scheduling.tolerations.push_back({"", kube::Toleration::Operator::kExists, "", kube::TaintEffect::kAny, {}});
    }
    return pod;
  }

  Harness harness_;
  std::vector<HealedNode> nodes_;
  std::vector<std::vector<HealedPod>> pods_;  // By node.
  std::map<std::string, std::shared_ptr<const kube::api::Pod>> wholes_;
  std::size_t count_ = 0;
  std::set<NodeId> gone_;
  std::uint32_t replacements_ = 0;
  std::vector<HealedNode> there_;
};

// ---- the registry --------------------------------------------------------------------------------------------------

TEST(Healers, AllAreThereAndSayWhatTheyTake) {
  std::vector<std::string> names;
  for (const auto& info : Registry<Healer>::instance().list()) {
    names.push_back(info.name);
    EXPECT_FALSE(info.help.empty()) << info.name;
    for (const Params::Declared& p : info.params) EXPECT_FALSE(p.help.empty()) << info.name << " " << p.name;
  }
  EXPECT_THAT(names, ElementsAre("descheduler", "fast-failover", "kubernetes", "node-auto-repair", "none"));
}

TEST(Healers, BadParametersAreRefused) {
  for (const auto& [spec, what] : std::vector<std::pair<const char*, const char*>>{
           {"fast-failover(grace=0)", "grace is \"0\"; expected a whole number in 1..3600"},
           {"node-auto-repair(reboot=perhaps)", "reboot is \"perhaps\"; expected one of yes|no"},
           {"node-auto-repair(boot_time=soon)", "boot_time"},
           {"descheduler(low_cpu=101)", "low_cpu is \"101\""},
           {"none(grace=1)", "grace"}}) {
    try {
      make(spec);
      ADD_FAILURE() << spec;
    } catch (const InputError& e) {
      EXPECT_THAT(e.what(), HasSubstr(what)) << spec;
    }
  }
}

// Reference, self-healing section 5.
TEST(Healers, Settings) {
  const HealerSettings kubernetes = make("kubernetes")->settings();
  EXPECT_EQ(kubernetes.monitor_period, seconds(5));
  EXPECT_EQ(kubernetes.monitor_grace, seconds(50));
  EXPECT_EQ(kubernetes.toleration_seconds, 300);
  EXPECT_EQ(kubernetes.eviction_rate, 0.1F);
  EXPECT_EQ(kubernetes.secondary_eviction_rate, 0.01F);
  EXPECT_EQ(kubernetes.large_cluster_threshold, 50);
  EXPECT_EQ(kubernetes.unhealthy_zone_threshold, 0.55F);
  EXPECT_TRUE(kubernetes.node_lifecycle && kubernetes.taint_eviction && kubernetes.pod_gc);
  const HealerSettings fast = make("fast-failover(grace=15,toleration_seconds=5)")->settings();
  EXPECT_EQ(fast.monitor_period, seconds(2));
  EXPECT_EQ(fast.monitor_grace, seconds(15));
  EXPECT_EQ(fast.toleration_seconds, 5);
  const HealerSettings none = make("none")->settings();
  EXPECT_FALSE(none.node_lifecycle || none.taint_eviction || none.pod_gc);
  for (const char* name : {"kubernetes", "fast-failover", "none"}) EXPECT_EQ(make(name)->period(), kForever) << name;
  EXPECT_EQ(make("descheduler")->period(), seconds(300));
}

// ---- node-auto-repair ----------------------------------------------------------------------------------------------

// Looks every 60 s from `from` to `to` seconds; what it does, with the second before it.
std::vector<std::string> repairs(Healer& healer, World& world, std::int64_t from, std::int64_t to) {
  std::vector<std::string> out;
  for (std::int64_t s = from; s <= to; s += 60) {
    Decisions decisions;
    healer.heal(world.observe(Time{} + seconds(s)), decisions);
    for (const std::string& what : decisions.done) out.push_back(std::to_string(s).append(": ").append(what));
  }
  return out;
}

TEST(NodeAutoRepair, RebootsAfterTenMinutesAndReplacesFiveMinutesLater) {
  World world;
  for (int i = 0; i < 4; ++i) world.node();
  world.seen(NodeId{2}).ready = false;
  world.seen(NodeId{2}).since = Time{} + seconds(100);
  const auto healer = make("node-auto-repair");
  EXPECT_EQ(healer->period(), seconds(60));
  // 100 + 600 = 700: the look at 720. 720 + 300 = 1020: that very look.
  EXPECT_THAT(repairs(*healer, world, 60, 1020), ElementsAre("720: reboot 2", "1020: replace 2"));
}

TEST(NodeAutoRepair, ANodeThatCameBackBeginsAnew) {
  World world;
  world.node();
  world.seen(NodeId{0}).ready = false;
  const auto healer = make("node-auto-repair");
  EXPECT_THAT(repairs(*healer, world, 600, 600), ElementsAre("600: reboot 0"));
  world.seen(NodeId{0}).ready = true;
  EXPECT_THAT(repairs(*healer, world, 660, 660), IsEmpty());
  world.seen(NodeId{0}).ready = false;
  world.seen(NodeId{0}).since = Time{} + seconds(700);
  EXPECT_THAT(repairs(*healer, world, 720, 1320), ElementsAre("1320: reboot 0"));
}

TEST(NodeAutoRepair, AReplacementCountsUntilItJoins) {
  World world;
  for (int i = 0; i < 3; ++i) world.node();
  world.seen(NodeId{0}).ready = world.seen(NodeId{1}).ready = false;
  const auto healer = make("node-auto-repair(reboot=no)");
  EXPECT_THAT(repairs(*healer, world, 600, 600), ElementsAre("600: replace 0"));
  world.replaced(NodeId{0});
  EXPECT_THAT(repairs(*healer, world, 660, 660), IsEmpty());
  world.joined();
  EXPECT_THAT(repairs(*healer, world, 720, 720), ElementsAre("720: replace 1"));
}

TEST(NodeAutoRepair, ReplacesAtOnceIfToldNotToReboot) {
  World world;
  world.node();
  world.seen(NodeId{0}).ready = false;
  EXPECT_THAT(repairs(*make("node-auto-repair(reboot=no,repair_after=900)"), world, 60, 900),
              ElementsAre("900: replace 0"));
}

TEST(NodeAutoRepair, LeavesARepairThatIsUnderWayAlone) {
  World world;
  world.node();
  world.seen(NodeId{0}).ready = false;
  const auto healer = make("node-auto-repair");
  EXPECT_THAT(repairs(*healer, world, 600, 600), ElementsAre("600: reboot 0"));
  world.seen(NodeId{0}).being_repaired = true;
  EXPECT_THAT(repairs(*healer, world, 660, 1200), IsEmpty());
}

struct LimitCase {
  const char* name;
  const char* healer;
  int nodes, down;
  std::size_t expected;  // Repairs at the first look.
};
class NodeAutoRepairLimit : public testing::TestWithParam<LimitCase> {};
TEST_P(NodeAutoRepairLimit, AtATime) {
  World world;
  for (int i = 0; i < GetParam().nodes; ++i) world.node();
  for (int i = 0; i < GetParam().down; ++i) world.seen(static_cast<NodeId>(i)).ready = false;
  const auto healer = make(GetParam().healer);
  EXPECT_EQ(repairs(*healer, world, 600, 600).size(), GetParam().expected);
  EXPECT_THAT(repairs(*healer, world, 660, 660), IsEmpty()) << "those are not over";
  world.seen(NodeId{0}).ready = true;
  EXPECT_EQ(repairs(*healer, world, 720, 720).size(),
            GetParam().expected < static_cast<std::size_t>(GetParam().down) ? 1 : 0);
}
INSTANTIATE_TEST_SUITE_P(Table, NodeAutoRepairLimit,
                         testing::Values(LimitCase{"OneInASmallCluster", "node-auto-repair", 10, 3, 1},
                                         LimitCase{"OnePerHundred", "node-auto-repair", 199, 3, 1},
                                         LimitCase{"TwoInTwoHundred", "node-auto-repair", 200, 3, 2},
                                         LimitCase{"AsManyAsAllowed", "node-auto-repair(at_once=2,per_nodes=5)", 10, 6,
                                                   4},
                                         LimitCase{"NoMoreThanThereAre", "node-auto-repair(at_once=9)", 10, 2, 2}),
                         [](const auto& c) { return std::string(c.param.name); });

// ---- descheduler: LowNodeUtilization -------------------------------------------------------------------------------

constexpr const char* kBalance = "descheduler(remove_duplicates=off)";

// Node 0 has 8 pods of 1 CPU and 1 GiB: 80 %. Node 1 has 1: 10 %, underused. Node 2 has 3: between the two. May be
// moved: up to 50 % of node 1, less its 10 %: 4 CPU and 4 GiB. Node 0 is at its target with 5 pods left.
struct Uneven : World {
  explicit Uneven(const PodShape& shape = {}) {
    for (int i = 0; i < 3; ++i) node();
    pods(NodeId{0}, 8, shape);
    pods(NodeId{1}, 1);
    pods(NodeId{2}, 3);
  }
};

TEST(LowNodeUtilization, EvictsDownToTheTarget) {
  EXPECT_THAT(Uneven().evictions(kBalance), ElementsAre(0, 1, 2));
}
TEST(LowNodeUtilization, EvictsNoMoreThanTheUnderusedNodesTake) {
  Uneven world;
  world.node();
  world.pods(NodeId{3}, 9);  // Fuller, so it goes first: four of nine, and then there is no room left for node 0.
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(12, 13, 14, 15));
}
TEST(LowNodeUtilization, TakesTheNextNodeWhileThereIsRoom) {
  Uneven world;
  world.node();
  world.pods(NodeId{3}, 7);  // Two to go until five are left; node 0 comes before with three. 4 in all.
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(0, 1, 2, 12));
}
TEST(LowNodeUtilization, NumberOfNodesMustBeExceeded) {
  EXPECT_THAT(Uneven().evictions("descheduler(remove_duplicates=off,number_of_nodes=1)"), IsEmpty());
}
TEST(LowNodeUtilization, NothingToDoWithoutUnderusedNodes) {
  Uneven world;
  world.pods(NodeId{1}, 2);  // 30 %.
  EXPECT_THAT(world.evictions(kBalance), IsEmpty());
}
TEST(LowNodeUtilization, ExactlyTheThresholdIsUnderused) {
  Uneven world;
  world.pods(NodeId{1}, 1);  // 20 %: room for three more.
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(0, 1, 2));
}
TEST(LowNodeUtilization, ExactlyTheTargetIsNotOverused) {
  World world;
  world.node();
  world.node();
  world.pods(NodeId{0}, 5);
  EXPECT_THAT(world.evictions(kBalance), IsEmpty());
  world.pod(NodeId{0}, {.cpu_milli = 1, .memory = 0});  // One milli-CPU above.
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(0));
}
TEST(LowNodeUtilization, OneResourceIsEnoughToBeOverusedAndAllMustBeLow) {
  World world;
  world.node();
  world.node();
  world.pods(NodeId{0}, 6, {.cpu_milli = 100, .memory = 1_GiB});  // 6 % of the CPU, 60 % of the memory.
  world.pods(NodeId{1}, 3, {.cpu_milli = 1000, .memory = 0});     // 30 % of the CPU: not low.
  EXPECT_THAT(world.evictions(kBalance), IsEmpty());
  EXPECT_THAT(world.evictions("descheduler(remove_duplicates=off,low_cpu=30)"), ElementsAre(0));
}
TEST(LowNodeUtilization, CountsPodsToo) {
  World world;
  world.node(10'000, 10_GiB, 10);
  world.node(10'000, 10_GiB, 10);
  world.pods(NodeId{0}, 7, {.cpu_milli = 1, .memory = 1});  // 70 % of its ten: two are too many.
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(0, 1));
}
TEST(LowNodeUtilization, LowPrioritiesGoFirst) {
  World world;
  for (int i = 0; i < 3; ++i) world.node();
  world.pods(NodeId{0}, 4, {.priority = 100});
  world.pods(NodeId{0}, 4, {.priority = 10});
  world.pods(NodeId{1}, 1);
  world.pods(NodeId{2}, 3);
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(4, 5, 6));
}
TEST(LowNodeUtilization, BestEffortGoesBeforeBurstable) {
  World world;
  for (int i = 0; i < 3; ++i) world.node();
  world.pods(NodeId{0}, 7, {.image = "a"});
  world.pod(NodeId{0}, {.cpu_milli = 0, .memory = 0, .image = "a"});
  world.pods(NodeId{1}, 1);
  world.pods(NodeId{2}, 3);
  // The best-effort pod frees nothing; of the seven two are too many.
  EXPECT_THAT(world.evictions(kBalance), ElementsAre(7, 0, 1));
}
TEST(LowNodeUtilization, ARefusedEvictionCountsForNothing) {
  EXPECT_THAT(Uneven().evictions(kBalance, {0, 2}), ElementsAre(1, 3, 4));
}
TEST(LowNodeUtilization, CordonedAndNotReadyNodesAreNotUnderused) {
  Uneven cordoned;
  cordoned.cordon(NodeId{1});
  EXPECT_THAT(cordoned.evictions(kBalance), IsEmpty());
  Uneven lost;
  lost.seen(NodeId{1}).ready = false;
  EXPECT_THAT(lost.evictions(kBalance), IsEmpty());
}
TEST(LowNodeUtilization, PodsMustTolerateAnUnderusedNode) {
  Uneven world;
  world.taint(NodeId{1}, kube::TaintEffect::kPreferNoSchedule);
  EXPECT_THAT(world.evictions(kBalance), IsEmpty());
  Uneven tolerant({.image = "a", .tolerates_all = true});
  tolerant.taint(NodeId{1}, kube::TaintEffect::kPreferNoSchedule);
  EXPECT_THAT(tolerant.evictions(kBalance), ElementsAre(0, 1, 2));
  tolerant.taint(NodeId{1}, kube::TaintEffect::kPreferNoSchedule, 1);  // Two taints, one toleration.
  EXPECT_THAT(tolerant.evictions(kBalance), IsEmpty());
}
TEST(LowNodeUtilization, NodeFitAsksForRoomElsewhere) {
  World world;
  world.node(10'000);
  world.node(4000);
  world.pod(NodeId{0}, {.cpu_milli = 6000});
  EXPECT_THAT(world.evictions(kBalance), IsEmpty());
  EXPECT_THAT(world.evictions("descheduler(remove_duplicates=off,node_fit=off)"), ElementsAre(0));
}
TEST(LowNodeUtilization, OneNodeAloneIsLeftAlone) {
  World world;
  world.node();
  world.pods(NodeId{0}, 8);
  EXPECT_THAT(world.evictions("descheduler(node_fit=off)"), IsEmpty());
}

struct EvictableCase {
  const char* name;
  PodShape shape;
  bool evicted;
};
class EvictableTest : public testing::TestWithParam<EvictableCase> {};
TEST_P(EvictableTest, ByTheDefaultEvictor) {
  EXPECT_EQ(!Uneven(GetParam().shape).evictions(kBalance).empty(), GetParam().evicted);
}
INSTANTIATE_TEST_SUITE_P(
    Table, EvictableTest,
    testing::Values(EvictableCase{"Plain", {}, true}, EvictableCase{"NoController", {.owner = 0}, false},
                    EvictableCase{"DaemonSet", {.daemon = true}, false},
                    EvictableCase{"Terminating", {.terminating = true}, false},
                    EvictableCase{"HighPriority", {.priority = 1'999'999'999}, true},
                    EvictableCase{"SystemCritical", {.priority = 2'000'000'000}, false},
                    EvictableCase{"EmptyDir", {.image = "a", .volume = "emptyDir"}, false},
                    EvictableCase{"HostPath", {.image = "a", .volume = "hostPath"}, false},
                    EvictableCase{"Claim", {.image = "a", .volume = "persistentVolumeClaim"}, true},
                    EvictableCase{
                        "Annotated",
                        {.image = "a", .volume = "emptyDir", .annotation = "descheduler.alpha.kubernetes.io/evict"},
                        true}),
    [](const auto& c) { return std::string(c.param.name); });

// ---- descheduler: RemoveDuplicates ---------------------------------------------------------------------------------

constexpr const char* kSpread = "descheduler(low_node_utilization=off)";

// Five and one of an owner on three nodes: ceil(6 / 3) = 2 may stay on each. The first pod of a node is no duplicate of
// itself; of the other four one more stays.
TEST(RemoveDuplicates, LeavesAFairShareOnEachNode) {
  World world;
  for (int i = 0; i < 3; ++i) world.node();
  world.pods(NodeId{0}, 5);
  world.pods(NodeId{1}, 1);
  EXPECT_THAT(world.evictions(kSpread), ElementsAre(2, 3, 4));
}
TEST(RemoveDuplicates, OwnersAndImagesAreToldApart) {
  World owners;
  owners.node();
  owners.node();
  for (std::uint64_t owner = 1; owner <= 4; ++owner) owners.pod(NodeId{0}, {.owner = owner});
  EXPECT_THAT(owners.evictions(kSpread), IsEmpty());
  World images;
  images.node();
  images.node();
  images.pod(NodeId{0}, {.image = "a"});
  images.pod(NodeId{0}, {.image = "b"});
  EXPECT_THAT(images.evictions(kSpread), IsEmpty());
  images.pod(NodeId{0}, {.image = "b"});  // ceil(2 / 2) = 1.
  EXPECT_THAT(images.evictions(kSpread), ElementsAre(2));
}
TEST(RemoveDuplicates, CountsTheNodesThatTheyMayGoTo) {
  const PodShape pooled{.image = "a", .node_pool = "web"};
  World world;
  world.node(10'000, 10_GiB, 100, "web");
  world.node(10'000, 10_GiB, 100, "web");
  world.node();
  world.pods(NodeId{0}, 5, pooled);
  world.pods(NodeId{1}, 1, pooled);
  EXPECT_THAT(world.evictions(kSpread), ElementsAre(3, 4));  // ceil(6 / 2) = 3.
  World one;
  one.node(10'000, 10_GiB, 100, "web");
  one.node();
  one.pods(NodeId{0}, 5, pooled);
  EXPECT_THAT(one.evictions("descheduler(low_node_utilization=off,node_fit=off)"), IsEmpty());
}
TEST(RemoveDuplicates, EvictedPodsAreNotBalancedToo) {
  World world;
  world.node();
  world.node();
  world.pods(NodeId{0}, 8);
  // Four of eight stay as duplicates go; they count until they are gone, so the node is still at 80 %, and three more
  // of those that were not evicted yet go. Source: the second plug-in reads the same informer.
  EXPECT_THAT(world.evictions("descheduler"), ElementsAre(4, 5, 6, 7, 0, 1, 2));
}

}  // namespace
}  // namespace berth::test

// Fault plans: what is read, and what is refused with which words.
#include "workloads/faults/fault_plan.hpp"

#include <gtest/gtest.h>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth {
namespace {

constexpr const char* kHead = "apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nfaults:\n";

FaultPlan read(const std::string& faults) {
  return read_fault_plan(kHead + faults, "p.yaml", ".");
}

TEST(FaultPlan, EveryKind) {
  const test::TempDir folder;
  folder.file("spot.csv", "t_ms,event,node\n0,add,a\n5000,remove,a\n");
  const FaultPlan plan = read_fault_plan(
      "apiVersion: berth.dev/v1alpha1\n"
      "kind: FaultPlan\n"
      "metadata: {name: storm}\n"
      "faults:\n"
      "- {kind: nodeCrash, target: {node: n1}, at: 10m}\n"
      "- {kind: nodeHang, name: hang, target: {selector: {pool: a}, zone: z, count: 2}, at: 1h, duration: 5m}\n"
      "- {kind: nodePartition, hazard: 'weibull(shape=2, scale=100h)', duration: 'exponential(mean=1m)'}\n"
      "- {kind: nodeReboot, ratePerHour: 0.5, duration: 90s}\n"
      "- {kind: zoneOutage, zone: eu-1, at: 1h, duration: 30m}\n"
      "- {kind: containerCrash, pods: {namespace: shop, selector: {app: web}, container: main}, ratePerHour: 2, "
      "exitCode: 3}\n"
      "- {kind: memoryLeak, pods: {selector: {app: web}}, bytesPerSecond: 1Mi, from: 1m, to: 2m}\n"
      "- {kind: badImage, image: 'app:v2', from: 5m}\n"
      "- {kind: registryOutage, host: docker.io, from: 1m, to: 2m, stream: 77}\n"
      "- {kind: registrySlow, host: docker.io, factor: 4, ratePerHour: 1, duration: 10m}\n"
      "- {kind: spotReclaim, lifetimes: {file: spot.csv}, notice: 30s}\n",
      "p.yaml", folder.path());
  ASSERT_EQ(plan.name, "storm");
  ASSERT_EQ(plan.faults.size(), 11U);
  for (std::size_t i = 0; i < plan.faults.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(plan.faults[i].kind), i);
    EXPECT_EQ(plan.faults[i].stream, i == 8 ? 77U : i);
  }
  const auto& f = plan.faults;
  EXPECT_EQ(f[0].name, "nodeCrash-0");
  EXPECT_EQ(f[0].nodes.node, "n1");
  EXPECT_EQ(*f[0].at, Time{} + seconds(600));
  EXPECT_FALSE(f[0].duration.has_value());
  EXPECT_EQ(f[1].name, "hang");
  EXPECT_EQ(f[1].nodes.zone, "z");
  EXPECT_EQ(f[1].nodes.selector, (std::vector<Label>{{"pool", "a"}}));
  EXPECT_EQ(*f[1].nodes.count, 2U);
  EXPECT_EQ(f[2].interval->kind(), Distribution::Kind::kWeibull);
  EXPECT_DOUBLE_EQ(f[2].duration->mean(), 60);
  EXPECT_DOUBLE_EQ(f[3].interval->mean(), 7'200);
  EXPECT_EQ(f[4].subject, "eu-1");
  EXPECT_EQ(f[5].exit_code, 3);
  EXPECT_EQ(f[5].pods.namespace_name, "shop");
  EXPECT_EQ(f[5].pods.container, "main");
  EXPECT_DOUBLE_EQ(f[6].bytes_per_second, 1'048'576);
  EXPECT_EQ(f[6].until, Time{} + seconds(120));
  EXPECT_EQ(f[7].subject, "app:v2");
  EXPECT_EQ(f[7].until, kNever);
  EXPECT_DOUBLE_EQ(f[9].factor, 4);
  EXPECT_EQ(f[10].notice, seconds(30));
  EXPECT_EQ(f[10].nodes.selector, (std::vector<Label>{{"karpenter.sh/capacity-type", "spot"}}));
  EXPECT_EQ(f[10].lifetimes->reclaimed(), 1U);
}

TEST(FaultPlan, TargetsMatchByLabels) {
  NodeSpec node;
  node.name = "n1";
  node.labels = {{"pool", "a"}, {"topology.kubernetes.io/zone", "z1"}};
  NodeTarget target;
  EXPECT_TRUE(target.matches(node));
  target.zone = "z1";
  target.selector = {{"pool", "a"}};
  EXPECT_TRUE(target.matches(node));
  target.selector.push_back({"disk", "ssd"});
  EXPECT_FALSE(target.matches(node));
  target = {};
  target.zone = "z2";
  EXPECT_FALSE(target.matches(node));
  ContainerTarget pods;
  pods.selector = {{"pool", "a"}};
  EXPECT_TRUE(pods.matches("default", node.labels, "main"));
  pods.container = "sidecar";
  EXPECT_FALSE(pods.matches("default", node.labels, "main"));
  pods.container = "";
  pods.namespace_name = "shop";
  EXPECT_FALSE(pods.matches("default", node.labels, "main"));
}

struct Bad {
  const char* name;
  const char* faults;  // A line of its own, the fourth; a text that begins with "api" is the whole file.
  const char* message;
};
using FaultPlanErrorTest = testing::TestWithParam<Bad>;
TEST_P(FaultPlanErrorTest, SaysWhereAndWhat) {
  const std::string_view text = GetParam().faults;
  try {
    if (text.starts_with("api")) {
      read_fault_plan(text, "p.yaml", ".");
    } else {
      read(std::string(text) + "\n");
    }
    FAIL() << "no error";
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with(GetParam().message)) << error.what();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, FaultPlanErrorTest,
    testing::Values(
        Bad{"ApiVersion", "apiVersion: v1\nkind: FaultPlan\nfaults: []",
            "p.yaml:1:13: apiVersion is \"v1\"; expected berth.dev/v1alpha1"},
        Bad{"Kind", "apiVersion: berth.dev/v1alpha1\nkind: Plan\nfaults: []",
            "p.yaml:2:7: kind is \"Plan\"; expected FaultPlan"},
        Bad{"NoFaults", "apiVersion: berth.dev/v1alpha1\nkind: FaultPlan", "p.yaml:1:1: "},
        Bad{"TopKey", "apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nfault: []",
            "p.yaml:3:1: the document has an unknown key \"fault\"; expected apiVersion, kind, metadata, faults; did "
            "you mean \"faults\"?"},
        Bad{"NoKind", "- {at: 1s}", "p.yaml:4:3: faults[0] has no kind; expected nodeCrash"},
        Bad{"NoMap", "- nodeCrash", "p.yaml:4:3: faults[0] is no map"},
        Bad{"UnknownKind", "- {kind: nodeCrush, at: 1s}",
            "p.yaml:4:10: faults[0].kind is \"nodeCrush\"; expected one of nodeCrash,"},
        Bad{"UnknownKey", "- {kind: nodeCrash, att: 1s}", "p.yaml:4:21: faults[0] has an unknown key \"att\""},
        Bad{"KeyOfAnotherKind", "- {kind: nodeCrash, at: 1s, image: x}",
            "p.yaml:4:29: faults[0] has an unknown key \"image\""},
        Bad{"NoTime", "- {kind: nodeCrash}",
            "p.yaml:4:3: faults[0] does not say when; expected at, ratePerHour or hazard"},
        Bad{"TwoTimes", "- {kind: nodeCrash, at: 1s, ratePerHour: 1}",
            "p.yaml:4:3: faults[0] says at and ratePerHour or hazard"},
        Bad{"RateAndHazard", "- {kind: nodeCrash, ratePerHour: 1, hazard: 'exponential(mean=1h)'}",
            "p.yaml:4:45: faults[0].hazard comes beside ratePerHour"},
        Bad{"NegativeTime", "- {kind: nodeCrash, at: -1s}", "p.yaml:4:25: faults[0].at is \"-1s\""},
        Bad{"NoUnit", "- {kind: nodeCrash, at: 10}", "p.yaml:4:25: faults[0].at"},
        Bad{"ZeroRate", "- {kind: nodeCrash, ratePerHour: 0}",
            "p.yaml:4:34: faults[0].ratePerHour is \"0\"; expected a number from"},
        Bad{"OtherHazard", "- {kind: nodeCrash, hazard: 'uniform(min=1h, max=2h)'}",
            "p.yaml:4:29: faults[0].hazard is \"uniform(min=1h, max=2h)\"; expected exponential(mean=…) or weibull"},
        Bad{"HastyHazard", "- {kind: nodeCrash, hazard: 'exponential(mean=1ms)'}",
            "p.yaml:4:29: faults[0].hazard is \"exponential(mean=1ms)\", a mean of 0.001 s; expected at least 1 s"},
        Bad{"BadDuration", "- {kind: nodeCrash, at: 1s, duration: long}", "p.yaml:4:39: faults[0].duration"},
        Bad{"RebootForever", "- {kind: nodeReboot, at: 1s, duration: forever}",
            "p.yaml:4:40: faults[0].duration is \"forever\"; expected a distribution"},
        Bad{"RebootWithoutDuration", "- {kind: nodeReboot, at: 1s}", "p.yaml:4:3: faults[0] has no duration"},
        Bad{"NodeAndZone", "- {kind: nodeCrash, at: 1s, target: {node: a, zone: b}}",
            "p.yaml:4:37: faults[0].target names a node and more"},
        Bad{"EmptySelector", "- {kind: nodeCrash, at: 1s, target: {selector: {}}}",
            "p.yaml:4:48: faults[0].target.selector is empty"},
        Bad{"ZeroCount", "- {kind: nodeCrash, at: 1s, target: {count: 0}}",
            "p.yaml:4:45: faults[0].target.count is \"0\"; expected a whole number from 1"},
        Bad{"WindowBackwards", "- {kind: badImage, image: a, from: 2m, to: 1m}",
            "p.yaml:4:44: faults[0].to is \"1m\"; expected a time behind from (2m0s)"},
        Bad{"NoImage", "- {kind: badImage}", "p.yaml:4:3: "},
        Bad{"LeakOfNothing", "- {kind: memoryLeak, bytesPerSecond: 0}",
            "p.yaml:4:38: faults[0].bytesPerSecond is \"0\"; expected an amount above 0"},
        Bad{"ExitCode", "- {kind: containerCrash, at: 1s, exitCode: 256}",
            "p.yaml:4:44: faults[0].exitCode is \"256\"; expected a whole number from 0 to 255"},
        Bad{"FactorOne", "- {kind: registrySlow, host: h, factor: 1}",
            "p.yaml:4:41: faults[0].factor is \"1\"; expected how many times slower"},
        Bad{"WindowAndRate", "- {kind: registryOutage, host: h, from: 1s, ratePerHour: 1, duration: 1m}",
            "p.yaml:4:41: faults[0].from comes beside ratePerHour or hazard"},
        Bad{"RateWithoutDuration", "- {kind: registryOutage, host: h, ratePerHour: 1}",
            "p.yaml:4:3: faults[0] has no duration"},
        Bad{"DurationWithoutRate", "- {kind: registryOutage, host: h, duration: 1m}",
            "p.yaml:4:45: faults[0].duration comes without ratePerHour or hazard"},
        Bad{"SpotNever", "- {kind: spotReclaim}",
            "p.yaml:4:3: faults[0] does not say when; expected lifetimes, ratePerHour or hazard"},
        Bad{"SpotTwice", "- {kind: spotReclaim, lifetimes: {file: x.csv}, ratePerHour: 1}",
            "p.yaml:4:34: faults[0].lifetimes comes beside"},
        Bad{"SpotCount", "- {kind: spotReclaim, target: {count: 1}, ratePerHour: 1}",
            "p.yaml:4:31: faults[0].target has a count"},
        Bad{"SpotFile", "- {kind: spotReclaim, lifetimes: {file: nowhere.csv}}", "./nowhere.csv: cannot read"},
        Bad{"SameStream", "- {kind: nodeCrash, at: 1s, stream: 1}\n- {kind: nodeHang, at: 1s}",
            "p.yaml:5:3: faults[1] draws from stream 1, as nodeCrash-0 does"}),
    test::CaseName{});

}  // namespace
}  // namespace berth

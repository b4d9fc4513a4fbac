// The plugins that look at one node at a time. Expected values follow the documented rules, by hand.
#include <gtest/gtest.h>

#include "tests/support/kube_case.hpp"

namespace berth::test {
namespace {

constexpr const char* kUnresolvable = " UnschedulableAndUnresolvable|";

TEST(KubeNodeResourcesFit, ReasonsAndCodes) {
  // Node a: 3 of 4 CPUs taken. Node b: 2 CPUs in all. Node c: room for one pod, taken.
  const Json d = last_decision(
      {{"nodes",
        {kube_node("a"), kube_node("b", {}, {{"status", {{"allocatable", {{"cpu", "2"}, {"memory", "1Gi"}}}}}}),
         kube_node("c", {}, {{"status", {{"allocatable", {{"pods", "1"}}}}}})}},
       {"pods",
        {running(kube_pod("p1", {{"cpu", "3"}}), "a"), running(kube_pod("p2", {{"cpu", "2"}}), "c"),
         kube_pod("new", {{"cpu", "3"}, {"memory", "2Gi"}})}}});
  EXPECT_EQ(refusal(d, "a"), "NodeResourcesFit Unschedulable|Insufficient cpu");
  EXPECT_EQ(refusal(d, "b"), "NodeResourcesFit UnschedulableAndUnresolvable|Insufficient cpu|Insufficient memory");
  EXPECT_EQ(refusal(d, "c"), "NodeResourcesFit Unschedulable|Insufficient cpu|Too many pods");
}

TEST(KubeNodeResourcesFit, ExtendedResourceTheNodeLacks) {
  const Json d = last_decision({{"nodes", {kube_node("a")}}, {"pods", {kube_pod("new", {{"nvidia.com/gpu", "1"}})}}});
  EXPECT_EQ(refusal(d, "a"), std::string("NodeResourcesFit") + kUnresolvable + "Insufficient nvidia.com/gpu");
}

TEST(KubeNodeResourcesFit, LimitWithoutRequestIsARequest) {
  Json pod = kube_pod("new");
  pod["spec"]["containers"][0]["resources"] = {{"limits", {{"cpu", "5"}}}};
  const Json d = last_decision({{"nodes", {kube_node("a")}}, {"pods", {pod}}});
  EXPECT_EQ(refusal(d, "a"), std::string("NodeResourcesFit") + kUnresolvable + "Insufficient cpu");
}

struct StrategyCase {
  const char* name;
  Json strategy;
  Labels requests;
  std::int64_t expected;
};
using KubeStrategies = testing::TestWithParam<StrategyCase>;

TEST_P(KubeStrategies, ScoreOfAnEmptyNode) {
  Json config = {
      {"profiles",
       {{{"pluginConfig", {{{"name", "NodeResourcesFit"}, {"args", {{"scoringStrategy", GetParam().strategy}}}}}}}}}};
  if (GetParam().strategy.is_null()) config = Json::object();
  const Json d = last_decision({{"nodes", {kube_node("a"), kube_node("b")}},
                                {"schedulerConfig", config},
                                {"pods", {kube_pod("new", GetParam().requests)}}});
  EXPECT_EQ(plugin_score(d, "NodeResourcesFit", "a"), GetParam().expected);
}
const Json kCpuAndMemory = {{{"name", "cpu"}, {"weight", 1}}, {{"name", "memory"}, {"weight", 1}}};
INSTANTIATE_TEST_SUITE_P(
    Table, KubeStrategies,
    testing::Values(
        // (4000-1000)·100/4000 = 75 and (8-2)·100/8 = 75.
        StrategyCase{"Least", nullptr, {{"cpu", "1"}, {"memory", "2Gi"}}, 75},
        // 100m and 200Mi put in: 3900·100/4000 = 97; 7992·100/8192 = 97.
        StrategyCase{"LeastOfNothing", nullptr, {}, 97},
        // 25 for cpu, 50 for memory, weights 3 and 1: (75 + 50)/4 = 31.
        StrategyCase{"MostWeighted",
                     {{"type", "MostAllocated"},
                      {"resources", {{{"name", "cpu"}, {"weight", 3}}, {{"name", "memory"}, {"weight", 1}}}}},
                     {{"cpu", "1"}, {"memory", "4Gi"}},
                     31},
        // Utilization 25 and 50 on a line from (0, 0) to (100, 10): 25 and 50; mean 37.5, rounded 38.
        StrategyCase{"Ratio",
                     {{"type", "RequestedToCapacityRatio"},
                      {"resources", kCpuAndMemory},
                      {"requestedToCapacityRatio",
                       {{"shape", {{{"utilization", 0}, {"score", 0}}, {{"utilization", 100}, {"score", 10}}}}}}},
                     {{"cpu", "1"}, {"memory", "4Gi"}},
                     38},
        // Extended resource that the pod does not ask for: cpu and memory alone count.
        StrategyCase{"ExtendedIgnored",
                     {{"type", "LeastAllocated"},
                      {"resources", {{{"name", "cpu"}, {"weight", 1}}, {{"name", "nvidia.com/gpu"}, {"weight", 9}}}}},
                     {{"cpu", "1"}},
                     75}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(KubeBalancedAllocation, RatesTheChange) {
  // Fractions 0.5 and 0.25: standard deviation 0.125, b = trunc(87.5) = 87; before: 100.
  // 50 + (50 + 87 - 100)/2 = 50 + 18 = 68.
  const Json d = last_decision(
      {{"nodes", {kube_node("a"), kube_node("b")}}, {"pods", {kube_pod("new", {{"cpu", "2"}, {"memory", "2Gi"}})}}});
  EXPECT_EQ(plugin_score(d, "NodeResourcesBalancedAllocation", "a"), 68);
  // A pod that asks for nothing is not rated.
  const Json none = last_decision({{"nodes", {kube_node("a"), kube_node("b")}}, {"pods", {kube_pod("new")}}});
  EXPECT_EQ(plugin_score(none, "NodeResourcesBalancedAllocation", "a"), -1);
}

TEST(KubeTaintToleration, FiltersAndScores) {
  const auto tainted = [](const char* name, std::vector<std::pair<std::string, std::string>> taints) {
    Json list = Json::array();
    for (const auto& [key, effect] : taints) list.push_back({{"key", key}, {"value", "x"}, {"effect", effect}});
    return kube_node(name, {}, {{"spec", {{"taints", list}}}});
  };
  const Json d = last_decision(
      {{"nodes",
        {tainted("a", {{"k1", "PreferNoSchedule"}, {"k2", "PreferNoSchedule"}}),
         tainted("b", {{"k1", "PreferNoSchedule"}}), tainted("c", {}), tainted("d", {{"k3", "NoExecute"}}),
         tainted("e", {{"k4", "NoSchedule"}})}},
       {"pods",
        {kube_pod("new", {},
                  {{"tolerations", {{{"key", "k4"}, {"operator", "Exists"}, {"effect", "NoSchedule"}}}}})}}});
  EXPECT_EQ(refusal(d, "d"), std::string("TaintToleration") + kUnresolvable + "node(s) had untolerated taint(s)");
  EXPECT_EQ(refusal(d, "e"), "");
  EXPECT_EQ(plugin_score(d, "TaintToleration", "a", true), 2);
  // 100 - 100·count/2, times weight 3.
  EXPECT_EQ(plugin_score(d, "TaintToleration", "a"), 0);
  EXPECT_EQ(plugin_score(d, "TaintToleration", "b"), 150);
  EXPECT_EQ(plugin_score(d, "TaintToleration", "c"), 300);
}

TEST(KubeNodeUnschedulable, CordonIsATaint) {
  const Json cordoned = kube_node("a", {}, {{"spec", {{"unschedulable", true}}}});
  EXPECT_EQ(refusal(last_decision({{"nodes", {cordoned}}, {"pods", {kube_pod("new")}}}), "a"),
            std::string("NodeUnschedulable") + kUnresolvable + "node(s) were unschedulable");
  const Json tolerant =
      kube_pod("new", {}, {{"tolerations", {{{"key", "node.kubernetes.io/unschedulable"}, {"operator", "Exists"}}}}});
  EXPECT_EQ(last_decision({{"nodes", {cordoned}}, {"pods", {tolerant}}})["node"], "a");
}

Json required_terms(const Json& terms) {
  return {{"affinity",
           {{"nodeAffinity", {{"requiredDuringSchedulingIgnoredDuringExecution", {{"nodeSelectorTerms", terms}}}}}}}};
}

TEST(KubeNodeAffinity, SelectorRequiredAndNames) {
  const Json nodes = {kube_node("a", {{"disk", "ssd"}, {"gen", "3"}}), kube_node("b", {{"disk", "hdd"}}),
                      kube_node("c", {{"disk", "ssd"}})};
  const Json expression = {{"key", "gen"}, {"operator", "Gt"}, {"values", {"2"}}};
  Json spec = required_terms(Json::array({{{"matchExpressions", Json::array({expression})}}}));
  spec["nodeSelector"] = {{"disk", "ssd"}};
  const Json d = last_decision({{"nodes", nodes}, {"pods", {kube_pod("new", {}, spec)}}});
  EXPECT_EQ(d["feasible"], Json({"a"}));
  EXPECT_EQ(d["via"], "only");
  EXPECT_EQ(refusal(d, "c"),
            std::string("NodeAffinity") + kUnresolvable + "node(s) didn't match Pod's node affinity/selector");

  const Json field = {{"key", "metadata.name"}, {"operator", "In"}, {"values", {"b"}}};
  const Json narrow = last_decision(
      {{"nodes", nodes},
       {"pods", {kube_pod("new", {}, required_terms(Json::array({{{"matchFields", Json::array({field})}}})))}}});
  EXPECT_EQ(narrow["node"], "b");
  EXPECT_EQ(refusal(narrow, "a"),
            std::string("PreFilterResult") + kUnresolvable + "node(s) didn't satisfy plugin(s) [NodeAffinity]");
}

Json prefers(const std::vector<std::pair<int, std::string>>& weights) {
  Json terms = Json::array();
  for (const auto& [weight, key] : weights) {
    terms.push_back(
        {{"weight", weight}, {"preference", {{"matchExpressions", {{{"key", key}, {"operator", "Exists"}}}}}}});
  }
  return {{"affinity", {{"nodeAffinity", {{"preferredDuringSchedulingIgnoredDuringExecution", terms}}}}}};
}

TEST(KubeNodeAffinity, PreferredWeightsAddUp) {
  const Json d =
      last_decision({{"nodes", {kube_node("a", {{"x", ""}, {"y", ""}}), kube_node("b", {{"y", ""}}), kube_node("c")}},
                     {"pods", {kube_pod("new", {}, prefers({{30, "x"}, {20, "y"}}))}}});
  EXPECT_EQ(plugin_score(d, "NodeAffinity", "a", true), 50);
  EXPECT_EQ(plugin_score(d, "NodeAffinity", "a"), 200);
  EXPECT_EQ(plugin_score(d, "NodeAffinity", "b"), 80);  // 100·20/50, times 2.
  EXPECT_EQ(plugin_score(d, "NodeAffinity", "c"), 0);
}

TEST(KubeTies, TheRootOfTheHeapWins) {
  // Scores in list order 1 2 3 1 3 (times a constant). heap.Init sifts position 1 down first: its child 4 (3) rises;
  // then position 0 goes below position 1, which holds node 4 by now. So node 4 wins, not node 2.
  const Json nodes = {kube_node("n0", {{"one", ""}}), kube_node("n1", {{"two", ""}}), kube_node("n2", {{"three", ""}}),
                      kube_node("n3", {{"one", ""}}), kube_node("n4", {{"three", ""}})};
  const Json d = last_decision(
      {{"nodes", nodes}, {"pods", {kube_pod("new", {}, prefers({{10, "one"}, {20, "two"}, {30, "three"}}))}}});
  EXPECT_EQ(d["ties"], Json({"n2", "n4"}));
  EXPECT_EQ(d["node"], "n4");
}

struct PortCase {
  const char* name;
  Json taken;
  Json wanted;
  bool fits;
};
using KubeNodePorts = testing::TestWithParam<PortCase>;

TEST_P(KubeNodePorts, Conflicts) {
  const auto with_ports = [](const char* name, const Json& port) {
    Json pod = kube_pod(name);
    pod["spec"]["containers"][0]["ports"] = Json::array({port});
    return pod;
  };
  const Json d = last_decision(
      {{"nodes", {kube_node("a")}},
       {"pods", {running(with_ports("p1", GetParam().taken), "a"), with_ports("new", GetParam().wanted)}}});
  EXPECT_EQ(
      refusal(d, "a"),
      GetParam().fits ? "" : "NodePorts Unschedulable|node(s) didn't have free ports for the requested pod ports");
}
INSTANTIATE_TEST_SUITE_P(
    Table, KubeNodePorts,
    testing::Values(PortCase{"Same", {{"hostPort", 80}}, {{"hostPort", 80}}, false},
                    PortCase{"OtherPort", {{"hostPort", 80}}, {{"hostPort", 81}}, true},
                    PortCase{"OtherProtocol", {{"hostPort", 80}}, {{"hostPort", 80}, {"protocol", "UDP"}}, true},
                    PortCase{"OtherAddress",
                             {{"hostPort", 80}, {"hostIP", "10.0.0.1"}},
                             {{"hostPort", 80}, {"hostIP", "10.0.0.2"}},
                             true},
                    PortCase{"SameAddress",
                             {{"hostPort", 80}, {"hostIP", "10.0.0.1"}},
                             {{"hostPort", 80}, {"hostIP", "10.0.0.1"}},
                             false},
                    PortCase{
                        "EveryAddressWanted", {{"hostPort", 80}, {"hostIP", "10.0.0.1"}}, {{"hostPort", 80}}, false},
                    PortCase{"EveryAddressTaken",
                             {{"hostPort", 80}, {"hostIP", "0.0.0.0"}},
                             {{"hostPort", 80}, {"hostIP", "10.0.0.1"}},
                             false},
                    PortCase{"NoHostPort", {{"containerPort", 80}}, {{"containerPort", 80}}, true}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(KubeNodePorts, HostNetworkMakesContainerPortsHostPorts) {
  Json pod = kube_pod("new", {}, {{"hostNetwork", true}});
  pod["spec"]["containers"][0]["ports"] = {{{"containerPort", 80}}};
  Json other = pod;
  other["metadata"]["name"] = "p1";
  const Json d = last_decision({{"nodes", {kube_node("a")}}, {"pods", {running(other, "a"), pod}}});
  EXPECT_EQ(d["result"], "unschedulable");
}

TEST(KubeImageLocality, ScaledBySpread) {
  // One of two nodes holds 1000 MiB: 500 MiB count. 100·(500-23)/(1000-23) = 48.8.
  const Json image = {{"status", {{"images", {{{"names", {"app:v1"}}, {"sizeBytes", 1000 << 20}}}}}}};
  const Json d = last_decision({{"nodes", {kube_node("a", {}, image), kube_node("b")}}, {"pods", {kube_pod("new")}}});
  EXPECT_EQ(plugin_score(d, "ImageLocality", "a"), 48);
  EXPECT_EQ(plugin_score(d, "ImageLocality", "b"), 0);
}

TEST(KubeImageLocality, NameWithoutTagIsLatest) {
  EXPECT_EQ(kube::normalized_image_name("app"), "app:latest");
  EXPECT_EQ(kube::normalized_image_name("reg:5000/app"), "reg:5000/app:latest");
  EXPECT_EQ(kube::normalized_image_name("reg:5000/app:v1"), "reg:5000/app:v1");
  EXPECT_EQ(kube::normalized_image_name("app@sha256:00"), "app@sha256:00");
}

TEST(KubeSchedulingGates, AreNeverTried) {
  const Json d =
      last_decision({{"nodes", {kube_node("a")}},
                     {"pods", {kube_pod("new", {}, {{"schedulingGates", {{{"name", "x"}}, {{"name", "y"}}}}})}}});
  EXPECT_EQ(d["result"], "gated");
  EXPECT_EQ(d["rejected"][0]["reasons"], Json({"waiting for scheduling gates: [x y]"}));
}

}  // namespace
}  // namespace berth::test

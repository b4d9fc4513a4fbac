// The plugins that look at other pods: affinity, spread, preemption, nominations. Expected values by hand.
#include <gtest/gtest.h>

#include "tests/support/kube_case.hpp"

namespace berth::test {
namespace {

Json zone_node(const std::string& name, const std::string& zone) {
  Labels labels = {{"kubernetes.io/hostname", name}};
  if (!zone.empty()) labels["topology.kubernetes.io/zone"] = zone;
  return kube_node(name, labels);
}

Json term(const Json& selector, const std::string& key = "topology.kubernetes.io/zone") {
  return {{"labelSelector", selector}, {"topologyKey", key}};
}
Json app(const std::string& name) {
  return {{"matchLabels", {{"app", name}}}};
}
Json requires_terms(const char* kind, const Json& terms) {
  return {{"affinity", {{kind, {{"requiredDuringSchedulingIgnoredDuringExecution", terms}}}}}};
}

TEST(KubeInterPodAffinity, RequiredNeedsAPodInTheZone) {
  const Json nodes = {zone_node("a", "z1"), zone_node("b", "z2"), zone_node("c", "")};
  const Json wants = requires_terms("podAffinity", Json::array({term(app("db"))}));
  const Json d =
      last_decision({{"nodes", nodes},
                     {"pods", {running(kube_pod("db", {}, {}, {{"app", "db"}}), "a"), kube_pod("new", {}, wants)}}});
  EXPECT_EQ(d["feasible"], Json({"a"}));
  const std::string no = "InterPodAffinity UnschedulableAndUnresolvable|node(s) didn't match pod affinity rules";
  EXPECT_EQ(refusal(d, "b"), no);
  EXPECT_EQ(refusal(d, "c"), no);
}

TEST(KubeInterPodAffinity, FirstOfAGroupMatchesItself) {
  const Json nodes = {zone_node("a", "z1"), zone_node("c", "")};
  const Json wants = requires_terms("podAffinity", Json::array({term(app("web"))}));
  EXPECT_EQ(last_decision({{"nodes", nodes}, {"pods", {kube_pod("new", {}, wants, {{"app", "web"}})}}})["node"], "a");
  EXPECT_EQ(last_decision({{"nodes", nodes}, {"pods", {kube_pod("new", {}, wants, {{"app", "other"}})}}})["result"],
            "unschedulable");
}

TEST(KubeInterPodAffinity, AntiAffinityWorksBothWays) {
  const Json nodes = {zone_node("a", "z1"), zone_node("b", "z2")};
  const Json shuns = requires_terms("podAntiAffinity", Json::array({term(app("web"))}));
  const Json own =
      last_decision({{"nodes", nodes},
                     {"pods", {running(kube_pod("w", {}, {}, {{"app", "web"}}), "a"), kube_pod("new", {}, shuns)}}});
  EXPECT_EQ(refusal(own, "a"), "InterPodAffinity Unschedulable|node(s) didn't match pod anti-affinity rules");
  const Json theirs =
      last_decision({{"nodes", nodes},
                     {"pods", {running(kube_pod("w", {}, shuns), "a"), kube_pod("new", {}, {}, {{"app", "web"}})}}});
  EXPECT_EQ(refusal(theirs, "a"),
            "InterPodAffinity Unschedulable|node(s) didn't satisfy existing pods anti-affinity rules");
  EXPECT_EQ(theirs["node"], "b");
}

TEST(KubeInterPodAffinity, NamespacesAndTheirSelector) {
  const Json nodes = {zone_node("a", "z1"), zone_node("b", "z2")};
  Json db = running(kube_pod("db", {}, {}, {{"app", "db"}}), "a");
  db["metadata"]["namespace"] = "data";
  const auto decide = [&](Json t) {
    return last_decision(
        {{"nodes", nodes},
         {"namespaces", {{{"metadata", {{"name", "data"}, {"labels", {{"team", "x"}}}}}}}},
         {"pods", {db, kube_pod("new", {}, requires_terms("podAffinity", Json::array({t})))}}})["result"];
  };
  Json t = term(app("db"));
  EXPECT_EQ(decide(t), "unschedulable");  // The pod's own namespace alone.
  t["namespaces"] = {"data"};
  EXPECT_EQ(decide(t), "bound");
  t.erase("namespaces");
  t["namespaceSelector"] = {{"matchLabels", {{"team", "x"}}}};
  EXPECT_EQ(decide(t), "bound");
  t["namespaceSelector"] = Json::object();
  EXPECT_EQ(decide(t), "bound");
  t["namespaceSelector"] = {{"matchLabels", {{"team", "y"}}}};
  EXPECT_EQ(decide(t), "unschedulable");
}

TEST(KubeInterPodAffinity, MatchLabelKeysAreMergedIn) {
  const Json nodes = {zone_node("a", "z1"), zone_node("b", "z2")};
  Json t = term(app("web"));
  t["matchLabelKeys"] = {"pod-template-hash", "absent"};
  const Json shuns = requires_terms("podAntiAffinity", Json::array({t}));
  const Json old = running(kube_pod("old", {}, {}, {{"app", "web"}, {"pod-template-hash", "1"}}), "a");
  const Json same =
      last_decision({{"nodes", nodes}, {"pods", {old, kube_pod("new", {}, shuns, {{"pod-template-hash", "1"}})}}});
  EXPECT_EQ(same["feasible"], Json({"b"}));
  const Json other =
      last_decision({{"nodes", nodes}, {"pods", {old, kube_pod("new", {}, shuns, {{"pod-template-hash", "2"}})}}});
  EXPECT_EQ(other["feasible"], Json({"a", "b"}));
}

TEST(KubeInterPodAffinity, NormalizesInDoubles) {
  // Weights 100 = 29 + 71 on a, 29 on b, 0 on c. 100·(29/100) in doubles is 28.999…, so 28; times 2.
  const auto weighted = [](int weight, const char* name) {
    return Json{{"weight", weight}, {"podAffinityTerm", term(app(name), "kubernetes.io/hostname")}};
  };
  const Json prefers = {
      {"affinity",
       {{"podAffinity",
         {{"preferredDuringSchedulingIgnoredDuringExecution", {weighted(29, "x"), weighted(71, "y")}}}}}}};
  const Json d = last_decision(
      {{"nodes", {zone_node("a", "z"), zone_node("b", "z"), zone_node("c", "z")}},
       {"pods",
        {running(kube_pod("p1", {}, {}, {{"app", "x"}}), "a"), running(kube_pod("p2", {}, {}, {{"app", "y"}}), "a"),
         running(kube_pod("p3", {}, {}, {{"app", "x"}}), "b"), kube_pod("new", {}, prefers)}}});
  EXPECT_EQ(plugin_score(d, "InterPodAffinity", "b", true), 29);
  EXPECT_EQ(plugin_score(d, "InterPodAffinity", "a"), 200);
  EXPECT_EQ(plugin_score(d, "InterPodAffinity", "b"), 56);
  EXPECT_EQ(plugin_score(d, "InterPodAffinity", "c"), 0);
}

TEST(KubeInterPodAffinity, HardAffinityOfOthersCountsOne) {
  const Json d =
      last_decision({{"nodes", {zone_node("a", "z1"), zone_node("b", "z2")}},
                     {"pods",
                      {running(kube_pod("p", {}, requires_terms("podAffinity", Json::array({term(app("web"))}))), "a"),
                       kube_pod("new", {}, {}, {{"app", "web"}})}}});
  EXPECT_EQ(plugin_score(d, "InterPodAffinity", "a", true), 1);
}

Json spread(const std::string& when, int max_skew, const Json& more = Json::object()) {
  Json constraint = {{"maxSkew", max_skew},
                     {"topologyKey", "topology.kubernetes.io/zone"},
                     {"whenUnsatisfiable", when},
                     {"labelSelector", app("web")}};
  constraint.update(more);
  return {{"topologySpreadConstraints", {constraint}}};
}
// Two web pods in z1, one in z2; node c has no zone.
Json spread_case(const Json& spec, const Labels& labels = {{"app", "web"}}) {
  const auto web = [](const char* name, const char* node) {
    return running(kube_pod(name, {}, {}, {{"app", "web"}}), node);
  };
  return {{"nodes", {zone_node("a", "z1"), zone_node("b", "z2"), zone_node("c", "")}},
          {"pods", {web("w1", "a"), web("w2", "a"), web("w3", "b"), kube_pod("new", {}, spec, labels)}}};
}

TEST(KubePodTopologySpread, Filter) {
  const Json d = last_decision(spread_case(spread("DoNotSchedule", 1)));
  // z1: 2 + 1 - 1 = 2 > 1. z2: 1 + 1 - 1 = 1.
  EXPECT_EQ(d["feasible"], Json({"b"}));
  EXPECT_EQ(refusal(d, "a"), "PodTopologySpread Unschedulable|node(s) didn't match pod topology spread constraints");
  EXPECT_EQ(refusal(d, "c"),
            "PodTopologySpread UnschedulableAndUnresolvable|node(s) didn't match pod topology spread constraints "
            "(missing required label)");
  // A pod that does not match its own constraint adds nothing: 2 - 1 = 1.
  EXPECT_EQ(last_decision(spread_case(spread("DoNotSchedule", 1), {}))["feasible"], Json({"a", "b"}));
  // Two domains of three wanted: the least counts as 0, so z2: 1 + 1 - 0 = 2 > 1.
  EXPECT_EQ(last_decision(spread_case(spread("DoNotSchedule", 1, {{"minDomains", 3}})))["result"], "unschedulable");
}

TEST(KubePodTopologySpread, Score) {
  const Json d = last_decision(spread_case(spread("ScheduleAnyway", 1)));
  // Weight ln(2 + 2) = 1.386: raw round(2.77) = 3 and round(1.39) = 1. Normalized 100·(3+1-s)/3: 33 and 100, times 2.
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "a", true), 3);
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "b", true), 1);
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "a"), 66);
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "b"), 200);
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "c"), 0);  // Lacks the key.
}

TEST(KubePodTopologySpread, DefaultsNeedSomebodyWhoSelectsThePod) {
  Json scenario = spread_case(Json::object());
  EXPECT_EQ(plugin_score(last_decision(scenario), "PodTopologySpread", "a"), -1);
  scenario["services"] = {
      {{"metadata", {{"name", "s"}, {"namespace", "default"}}}, {"spec", {{"selector", {{"app", "web"}}}}}}};
  const Json d = last_decision(scenario);
  // Hosts: 3 nodes, weight ln 5 = 1.609, maxSkew 3; zones: z1, z2 and none, weight ln 5, maxSkew 5.
  // a: 2·1.609 + 2 + 2·1.609 + 4 = 12.4; b: 1.609 + 2 + 1.609 + 4 = 9.2; c: 0 + 2 (no zone, no term) = 2.
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "a", true), 12);
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "b", true), 9);
  EXPECT_EQ(plugin_score(d, "PodTopologySpread", "c", true), 2);
}

// --- Preemption -----------------------------------------------------------------------------------------------------

Json priority(int value) {
  return {{"priority", value}};
}
Json victim(const std::string& name, const std::string& node, int pod_priority, int second, const char* cpu = "4",
            const Labels& labels = {}) {
  return running(kube_pod(name, {{"cpu", cpu}}, priority(pod_priority), labels), node, second);
}

struct PreemptionCase {
  const char* name;
  std::vector<Json> running;  // On nodes a and b.
  Json ties;
};
using KubePreemption = testing::TestWithParam<PreemptionCase>;

TEST_P(KubePreemption, ChoosesTheNode) {
  Json pods = GetParam().running;
  pods.push_back(kube_pod("new", {{"cpu", "4"}}, priority(100)));
  const std::vector<Json> lines =
      kube_decisions(kube_scenario({{"nodes", {kube_node("a"), kube_node("b")}},
                                    {"pods", pods},
                                    {"podDisruptionBudgets",
                                     {{{"metadata", {{"name", "b"}, {"namespace", "default"}}},
                                       {"spec", {{"selector", app("guarded")}}},
                                       {"status", {{"disruptionsAllowed", 0}}}}}}}));
  EXPECT_EQ(lines[0]["preemption"]["ties"], GetParam().ties);
  EXPECT_EQ(lines[1]["via"], "nominated");  // The victims are gone, so the next attempt fits.
}
INSTANTIATE_TEST_SUITE_P(
    Table, KubePreemption,
    testing::Values(
        PreemptionCase{
            "FewestViolations", {victim("p", "a", 1, 0, "4", {{"app", "guarded"}}), victim("q", "b", 50, 1)}, {"b"}},
        PreemptionCase{"LowestHighestPriority", {victim("p", "a", 20, 0), victim("q", "b", 10, 1)}, {"b"}},
        PreemptionCase{
            "LowestSum", {victim("p", "a", 20, 0, "2"), victim("p2", "a", 5, 1, "2"), victim("q", "b", 20, 2)}, {"b"}},
        PreemptionCase{"LatestStart", {victim("p", "a", 20, 5), victim("q", "b", 20, 7)}, {"b"}},
        PreemptionCase{"Tie", {victim("p", "a", 20, 5), victim("q", "b", 20, 5)}, {"a", "b"}}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(KubePreemptionVictims, ImportantPodsAreReprieved) {
  // 1 + 1 + 2 CPUs taken, 2 wanted: the two small ones stay, since they are more important than the large one.
  const std::vector<Json> lines = kube_decisions(
      kube_scenario({{"nodes", {kube_node("a")}},
                     {"pods",
                      {victim("s1", "a", 9, 0, "1"), victim("s2", "a", 8, 1, "1"), victim("large", "a", 7, 2, "2"),
                       kube_pod("new", {{"cpu", "2"}}, priority(100))}}}));
  EXPECT_EQ(lines[0]["preemption"]["victims"], Json({"default/large"}));
}

TEST(KubePreemptionVictims, NeverPolicyAndEqualPriority) {
  Json spec = priority(100);
  spec["preemptionPolicy"] = "Never";
  const Json never = last_decision(
      {{"nodes", {kube_node("a")}}, {"pods", {victim("p", "a", 1, 0), kube_pod("new", {{"cpu", "1"}}, spec)}}});
  EXPECT_EQ(never["preemption"],
            Json({{"eligible", false}, {"message", "not eligible due to preemptionPolicy=Never."}}));
  const Json equal =
      last_decision({{"nodes", {kube_node("a")}},
                     {"pods", {victim("p", "a", 100, 0), kube_pod("new", {{"cpu", "1"}}, priority(100))}}});
  EXPECT_EQ(equal["preemption"], Json({{"eligible", true}}));
}

TEST(KubeNominatedPods, HoldTheirRoomAgainstLowerPriority) {
  // "high" preempts on a and waits for two arrivals; meanwhile "low" must not slip in, but "higher" may.
  const Json scenario = {
      {"nodes", {kube_node("a")}},
      {"protocol", {{"preemptorRetryAfter", 2}}},
      {"pods",
       {victim("p", "a", 1, 0), kube_pod("high", {{"cpu", "4"}}, priority(100)),
        kube_pod("low", {{"cpu", "1"}}, priority(50)), kube_pod("higher", {{"cpu", "1"}}, priority(200))}}};
  const std::vector<Json> lines = kube_decisions(kube_scenario(scenario));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[1]["result"], "unschedulable");
  EXPECT_EQ(lines[2]["node"], "a");
  EXPECT_EQ(lines[3]["pod"], "default/high");
  EXPECT_EQ(lines[3]["attempt"], 2);
  EXPECT_EQ(lines[3]["result"], "unschedulable");  // "higher" has taken the room, and ranks above.
}

}  // namespace
}  // namespace berth::test

// Reading scenarios and dumps, the replay's determinism, sampling, and what bad input is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>

#include "sim/conformance/kube_conformance.hpp"
#include "sim/engine/error.hpp"
#include "sim/kube_config.hpp"
#include "tests/support/kube_case.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {
namespace {

using testing::HasSubstr;

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}
std::string scenario_error(const Json& members) {
  return error_of([&] { (void)kube_scenario(members); });
}
std::string gzipped(const std::string& text) {
  const TempDir dir;
  const std::string path = dir / "t.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return slurp(path);
}

const char* const kOneNode = R"({"kind":"Scenario","nodes":[{"metadata":{"name":"a"},)"
                             R"("status":{"allocatable":{"cpu":"1","memory":"1Gi","pods":"9"}}}],)"
                             R"("pods":[{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c"}]}}]})";

TEST(KubeScenario, PlainGzipAndItsErrors) {
  const TempDir dir;
  const std::string packed = gzipped(kOneNode);
  EXPECT_EQ(kube::load_scenario(dir.file("s.jsonl", kOneNode)).arrivals.size(), 1U);
  EXPECT_EQ(kube::load_scenario(dir.file("s.jsonl.gz", packed)).arrivals.size(), 1U);
  const std::string cut = dir.file("cut.jsonl.gz", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(error_of([&] { (void)kube::load_scenario(cut); }), HasSubstr("cut.jsonl.gz: the gzip stream is broken"));
  EXPECT_THAT(error_of([&] { (void)kube::load_scenario(dir / "none"); }), HasSubstr("cannot read: No such file"));
  EXPECT_THAT(error_of([&] { (void)kube::load_scenario(dir.path().string()); }), HasSubstr("is a folder"));
  EXPECT_THAT(error_of([&] { (void)kube::load_scenario(dir.file("empty", "")); }), HasSubstr("is empty"));
}

TEST(KubeScenario, JunkJsonNamesThePlace) {
  EXPECT_THAT(error_of([] { (void)kube::parse_scenario("{\"kind\": \"Scenario\",\n \"nodes\": [}", "s.json"); }),
              HasSubstr("s.json:2:12: "));
  EXPECT_THAT(error_of([] { (void)kube::parse_scenario("{\"kind\": \"Scenario\"", "s.json"); }),
              HasSubstr("ends too soon"));
}

TEST(KubeScenario, BadValuesNameTheirPath) {
  EXPECT_THAT(
      scenario_error(
          {{"nodes", {kube_node("a"), kube_node("b", {}, {{"status", {{"allocatable", {{"cpu", "4 cores"}}}}}})}}}),
      HasSubstr("case.jsonl:1: nodes[1].status.allocatable.cpu is \"4 cores\""));
  Json pod = kube_pod("p");
  pod["spec"]["tolerations"] = Json::array({{{"operator", "Exist"}}});
  EXPECT_THAT(scenario_error({{"pods", Json::array({pod})}}),
              HasSubstr("pods[0].spec.tolerations[0].operator is \"Exist\"; expected one of Equal, Exists"));
  EXPECT_THAT(scenario_error({{"pods", Json::array({pod})}}), HasSubstr("did you mean \"Exists\"?"));
  EXPECT_THAT(scenario_error({{"pods", 3}}), HasSubstr("pods is 3; expected a list"));
  EXPECT_THAT(scenario_error({{"pods", {kube_pod("p"), kube_pod("p")}}}), HasSubstr("default/p is there twice"));
  EXPECT_THAT(scenario_error({{"pods", Json::array({running(kube_pod("p"), "x")})}}),
              HasSubstr("is on node \"x\", which is not there"));
  EXPECT_THAT(scenario_error({{"pods", Json::array({kube_pod("p", {}, {{"priorityClassName", "hgh"}})})},
                              {"priorityClasses", Json::array({{{"metadata", {{"name", "high"}}}, {"value", 5}}})}}),
              HasSubstr("did you mean \"high\"?"));
}

TEST(KubeScenario, UnknownFieldsAreCountedOnce) {
  Json pod = kube_pod("p");
  pod["spec"]["nodeSelektor"] = Json::object();
  Json other = pod;
  other["metadata"]["name"] = "q";
  const kube::Scenario s = kube_scenario({{"nodes", Json::array({kube_node("a")})}, {"pods", {pod, other}}});
  ASSERT_EQ(s.unknown.size(), 1U);
  EXPECT_EQ(s.unknown.begin()->first, "pods[].spec.nodeSelektor");
  EXPECT_EQ(s.unknown.begin()->second, 2U);
}

TEST(KubeDump, YamlListWithPlaces) {
  const std::string yaml = R"(apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: a, labels: {gen: "3"}}
  status:
    allocatable: {cpu: 2, memory: 1Gi, pods: "10"}
- apiVersion: v1
  kind: Pod
  metadata: {name: p, namespace: default}
  spec:
    nodeSelector: {gen: "3"}
    containers:
    - name: main
      resources: {requests: {cpu: 500m}}
      ports: [{containerPort: 80, hostPort: 80}]
- kind: ConfigMap
  metadata: {name: x}
)";
  const kube::Scenario s = kube::parse_scenario(yaml, "dump.yaml");
  ASSERT_EQ(s.arrivals.size(), 1U);
  EXPECT_EQ(s.arrivals[0]->requests.milli_cpu, 500);
  EXPECT_EQ(s.unknown.count("kind: ConfigMap"), 1U);
  EXPECT_EQ(kube_decisions(s)[0]["node"], "a");
  std::string bad = yaml;
  bad.replace(bad.find("500m"), 4, "half");
  EXPECT_THAT(error_of([&] { (void)kube::parse_scenario(bad, "dump.yaml"); }),
              HasSubstr("dump.yaml:16:35: items[1].spec.containers[0].resources.requests.cpu is \"half\""));
}

TEST(KubeDump, TerminatedPodsTakeNothing) {
  Json done = running(kube_pod("done", {{"cpu", "4"}}), "a");
  done["status"]["phase"] = "Succeeded";
  const Json d =
      last_decision({{"nodes", Json::array({kube_node("a")})}, {"pods", {done, kube_pod("new", {{"cpu", "4"}})}}});
  EXPECT_EQ(d["node"], "a");
}

Json many_nodes(int n) {
  Json nodes = Json::array();
  for (int i = 0; i < n; ++i) nodes.push_back(kube_node("n" + std::to_string(i)));
  return nodes;
}

TEST(KubeSampling, StopsAtEnoughAndGoesOnFromThere) {
  // 200 nodes: 50 - 200/125 = 49 %, 98, so the least of 100. The next pod begins behind the first 100.
  const std::vector<Json> lines = kube_decisions(kube_scenario({{"nodes", many_nodes(200)},
                                                                {"schedulerConfig", {{"percentageOfNodesToScore", 0}}},
                                                                {"pods", {kube_pod("p"), kube_pod("q")}}}));
  EXPECT_EQ(lines[0]["feasible"].size(), 100U);
  EXPECT_TRUE(lines[0]["scores"].contains("n0"));
  EXPECT_TRUE(lines[1]["scores"].contains("n100"));
  EXPECT_FALSE(lines[1]["scores"].contains("n0"));
  // 1000 nodes: 50 - 8 = 42 %.
  EXPECT_EQ(last_decision({{"nodes", many_nodes(1000)},
                           {"schedulerConfig", {{"percentageOfNodesToScore", 0}}},
                           {"pods", Json::array({kube_pod("p")})}})["feasible"]
                .size(),
            420U);
}

TEST(KubeNodeOrder, ZonesTakeTurns) {
  kube::Objects objects;
  for (const auto& [name, zone] : {std::pair{"a1", "a"}, {"a2", "a"}, {"a3", "a"}, {"b1", "b"}, {"none", ""}}) {
    kube::Node& node = objects.nodes.emplace_back();
    node.name = name;
    if (*zone != 0) node.labels.set("topology.kubernetes.io/zone", zone);
  }
  const kube::ClusterState cluster(std::move(objects));
  std::vector<std::string> order;
  for (const kube::NodeInfo& node : cluster.nodes()) order.push_back(node.name());
  EXPECT_EQ(order, (std::vector<std::string>{"a1", "b1", "none", "a2", "a3"}));
}

TEST(KubeReplay, SameSeedSameBytesOtherSeedOtherChoice) {
  Json pods = Json::array();
  for (int i = 0; i < 40; ++i) pods.push_back(kube_pod("p" + std::to_string(i)));
  const kube::Scenario s = kube_scenario({{"nodes", many_nodes(16)}, {"pods", pods}});
  const auto first = kube_decisions(s, kube::TieRule::kRandom, 1);
  EXPECT_EQ(first, kube_decisions(s, kube::TieRule::kRandom, 1));
  EXPECT_NE(first, kube_decisions(s, kube::TieRule::kRandom, 2));
  EXPECT_EQ(kube_decisions(s, kube::TieRule::kFirst, 1), kube_decisions(s, kube::TieRule::kFirst, 2));
}

TEST(KubeReplay, DeparturesFreeTheirRoom) {
  const std::vector<Json> lines =
      kube_decisions(kube_scenario({{"nodes", Json::array({kube_node("a")})},
                                    {"pods", {kube_pod("p", {{"cpu", "4"}}), kube_pod("q", {{"cpu", "4"}})}},
                                    {"departures", Json::array({{{"after", 0}, {"pod", "default/p"}}})}}));
  EXPECT_EQ(lines[0]["departed"], Json({"default/p"}));
  EXPECT_EQ(lines[1]["result"], "bound");
}

// --- Configuration --------------------------------------------------------------------------------------------------

std::string config_error(const std::string& yaml) {
  const TempDir dir;
  const std::string path = dir.file("config.yaml", yaml);
  return error_of([&] { (void)kube::load_scheduler_config(path); });
}

TEST(KubeConfig, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(config_error("profiles:\n- plugins:\n    score:\n      enabled: [{name: NodeAfinity}]\n"),
              testing::AllOf(HasSubstr("config.yaml:2:3: profiles[0] does not work"),
                             HasSubstr("did you mean \"NodeAffinity\"?")));
  EXPECT_THAT(config_error("profiles:\n- pluginConfig:\n  - name: NodeResourcesFit\n    args: {scoringStrategi: {}}\n"),
              testing::AllOf(HasSubstr("config.yaml:4:29: "), HasSubstr("did you mean \"scoringStrategy\"?")));
  EXPECT_THAT(config_error("apiVersion: kubescheduler.config.k8s.io/v1beta3\n"),
              HasSubstr("expected kubescheduler.config.k8s.io/v1"));
  EXPECT_THAT(config_error("extenders: [{urlPrefix: x}]\n"), HasSubstr("extenders are not modelled"));
  EXPECT_THAT(config_error("percentageOfNodesToScore: 101\n"), HasSubstr("from 0 to 100"));
  EXPECT_THAT(config_error("profiles:\n- plugins:\n    filter:\n      enabled: [{name: ImageLocality}]\n"),
              HasSubstr("does nothing there"));
  EXPECT_THAT(config_error("profiles:\n- plugins:\n    preFilter:\n      disabled: [{name: InterPodAffinity}]\n"),
              HasSubstr("in both or in neither"));
}

TEST(KubeConfig, WeightsAndOrder) {
  const auto scores = [](kube::PluginSet set) {
    kube::Profile profile;
    profile.points[static_cast<std::size_t>(kube::ExtensionPoint::kScore)] = std::move(set);
    const kube::ResolvedProfile r = kube::resolve(profile);
    std::string text;
    for (std::size_t i = 0; i < r.score_weights.size(); ++i) {
      text += r.points[static_cast<std::size_t>(kube::ExtensionPoint::kScore)][i] + "=" +
              std::to_string(r.score_weights[i]) + " ";
    }
    return text;
  };
  EXPECT_EQ(
      scores({}),
      "TaintToleration=3 NodeAffinity=2 NodeResourcesFit=1 VolumeBinding=1 PodTopologySpread=2 InterPodAffinity=2 "
      "DynamicResources=2 NodeResourcesBalancedAllocation=1 ImageLocality=1 ");
  EXPECT_EQ(scores({{{"ImageLocality", 7}}, {"*"}}), "ImageLocality=7 ");
  // Enabled without being disabled first: overrides, and runs first.
  EXPECT_THAT(scores({{{"ImageLocality", 7}}, {}}), testing::StartsWith("ImageLocality=7 TaintToleration=3 "));
  // Disabled and enabled: runs last.
  EXPECT_THAT(scores({{{"TaintToleration", 9}}, {"TaintToleration"}}),
              testing::EndsWith(" ImageLocality=1 TaintToleration=9 "));
}

}  // namespace
}  // namespace berth::test

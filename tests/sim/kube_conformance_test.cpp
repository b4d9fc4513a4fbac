// Every recorded decision of kube-scheduler v1.37.2, in every member. Expected values: the recordings.
#include "sim/conformance/kube_conformance.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "sim/engine/error.hpp"
#include "tests/support/kube_case.hpp"
#include "tests/support/shared_data.hpp"

namespace berth::test {
namespace {

constexpr const char* kFolder = "conformance/scheduler";

class KubeConformance : public testing::TestWithParam<const char*> {};

TEST_P(KubeConformance, EveryDecisionIsEqual) {
  BERTH_NEEDS_SHARED(kFolder);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared_dir() / kFolder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(std::string(GetParam()) + "-")) continue;
    ++files;
    const kube::Scenario scenario = kube::load_scenario(entry.path().string());
    EXPECT_TRUE(scenario.unknown.empty()) << scenario.unknown.begin()->first;
    const kube::Conformance result = kube::check_conformance(scenario);
    EXPECT_EQ(result.compared, scenario.recorded.size()) << name;
    EXPECT_EQ(result.equal, result.compared) << name;
    for (const kube::Difference& d : result.differences) {
      ADD_FAILURE() << d.file << ":" << d.line << ": " << d.step << ": " << d.member << "\nrecorded: " << d.expected
                    << "\nown:      " << d.got;
    }
  }
  EXPECT_EQ(files, 6U);
}
INSTANTIATE_TEST_SUITE_P(Flavours, KubeConformance,
                         testing::Values("resources", "strategies", "taints", "nodeaffinity", "podaffinity",
                                         "topologyspread", "defaultspread", "imagelocality", "ports", "volumes",
                                         "preemption", "unschedulable", "mixed"),
                         [](const auto& p) { return std::string(p.param); });

// The checker must notice: each change to one member of a good recording makes exactly that decision unequal.
struct Change {
  const char* member;
  std::size_t line;  // Of `lines()`.
  std::function<void(Json&)> apply;
};
class ConformanceChecker : public testing::TestWithParam<Change> {};

kube::Scenario recording() {
  const Json high = {{"priority", 100}};
  kube::Scenario s = kube_scenario(
      {{"nodes", {kube_node("a"), kube_node("b")}},
       {"pods", {kube_pod("p", {{"cpu", "3"}}), kube_pod("q", {{"cpu", "3"}}), kube_pod("r", {{"cpu", "3"}}, high)}},
       {"departures", Json::array({{{"after", 2}, {"pod", "default/r"}}})}});
  for (const Json& line : kube_decisions(s)) s.recorded.push_back(line.dump());
  return s;
}

TEST(ConformanceCheckerTest, AcceptsItsOwn) {
  const kube::Scenario s = recording();
  ASSERT_EQ(s.recorded.size(), 4U);  // p, q, r preempts, r again.
  const kube::Conformance result = kube::check_conformance(s);
  EXPECT_EQ(result.equal, 4U);
  EXPECT_TRUE(result.differences.empty());
}

TEST_P(ConformanceChecker, NoticesAChange) {
  kube::Scenario s = recording();
  Json line = Json::parse(s.recorded[GetParam().line]);
  GetParam().apply(line);
  s.recorded[GetParam().line] = line.dump();
  const kube::Conformance result = kube::check_conformance(s);
  EXPECT_EQ(result.equal, 3U);
  ASSERT_FALSE(result.differences.empty());
  EXPECT_EQ(result.differences[0].member, GetParam().member);
  EXPECT_EQ(result.differences[0].line, GetParam().line + 2);
}
INSTANTIATE_TEST_SUITE_P(
    Members, ConformanceChecker,
    testing::Values(Change{"result", 0, [](Json& d) { d["result"] = "unschedulable"; }},
                    Change{"via", 0, [](Json& d) { d["via"] = "only"; }},
                    Change{"feasible", 0, [](Json& d) { d["feasible"].push_back("c"); }},
                    Change{"ties", 0, [](Json& d) { d["ties"].push_back("c"); }},
                    Change{"plugins", 0, [](Json& d) { d["plugins"][0] = "X"; }},
                    Change{"scores", 0, [](Json& d) { d["scores"]["a"][0] = 1; }},
                    Change{"raw", 0, [](Json& d) { d["raw"]["a"][0] = 1; }},
                    Change{"volumes", 0, [](Json& d) { d["volumes"] = Json::array(); }},
                    Change{"rejected", 1, [](Json& d) { d["rejected"][0]["code"] = "X"; }},
                    Change{"rejected", 2, [](Json& d) { d["rejected"][0]["reasons"][0] = "X"; }},
                    Change{"eligible", 2, [](Json& d) { d["preemption"]["eligible"] = false; }},
                    Change{"candidates", 2, [](Json& d) { d["preemption"]["candidates"][0]["pdbViolations"] = 7; }},
                    Change{"preemption.ties", 2, [](Json& d) { d["preemption"]["ties"] = {"c"}; }},
                    Change{"cleared", 2, [](Json& d) { d["preemption"]["cleared"] = {"default/p"}; }},
                    Change{"departed", 3, [](Json& d) { d["departed"] = {"default/p"}; }},
                    Change{"attempt", 3, [](Json& d) { d["attempt"] = 3; }}),
    [](const auto& p) { return "No" + std::to_string(p.index); });

TEST(ConformanceCheckerTest, MissingAndSurplusDecisionsCount) {
  kube::Scenario s = recording();
  s.recorded.push_back(s.recorded.back());
  EXPECT_EQ(kube::check_conformance(s).compared, 5U);
  EXPECT_EQ(kube::check_conformance(s).equal, 4U);
  s.recorded.resize(3);
  EXPECT_EQ(kube::check_conformance(s).compared, 4U);
  EXPECT_LT(kube::check_conformance(s).equal, 4U);
  s.recorded.clear();
  EXPECT_THROW((void)kube::check_conformance(s), InputError);
}

}  // namespace
}  // namespace berth::test

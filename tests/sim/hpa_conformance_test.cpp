// Every recorded sync of the HorizontalPodAutoscaler of Kubernetes v1.37.2, in all that is compared. Expected values:
// the recordings.
#include "sim/conformance/hpa_conformance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "sim/conformance/kube_conformance.hpp"
#include "sim/engine/error.hpp"
#include "sim/kube_scenario.hpp"
#include "tests/support/shared_data.hpp"

namespace berth::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kFolder = "conformance/hpa";

// The recordings of a flavour, as they lie there.
std::vector<std::string> recordings_of(const std::string& flavour) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(shared_dir() / kFolder)) {
    if (entry.path().filename().string().starts_with(flavour + "-")) paths.push_back(entry.path().string());
  }
  return paths;
}

void expect_equal(const kube::Conformance& result, const std::string& text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  EXPECT_EQ(result.compared, lines - 1);  // All but the header.
  EXPECT_EQ(result.equal, result.compared);
  for (const kube::Difference& d : result.differences) {
    ADD_FAILURE() << d.file << ":" << d.line << ": " << d.step << ": " << d.member << "\nrecorded: " << d.expected
                  << "\nown:      " << d.got;
  }
}

class HpaConformance : public testing::TestWithParam<const char*> {};

TEST_P(HpaConformance, EverySyncIsEqual) {
  BERTH_NEEDS_SHARED(kFolder);
  const std::vector<std::string> paths = recordings_of(GetParam());
  EXPECT_FALSE(paths.empty());
  for (const std::string& path : paths) {
    const std::string text = kube::read_maybe_gzip(path);
    const kube::Conformance result = kube::check_hpa_conformance(text, path);
    EXPECT_EQ(result.flavour, GetParam());
    expect_equal(result, text);
  }
}
INSTANTIATE_TEST_SUITE_P(Flavours, HpaConformance,
                         testing::Values("behavior", "container", "cpu", "external", "multi", "object", "pods",
                                         "readiness", "zero"),
                         [](const auto& p) { return std::string(p.param); });

// The same with the object as it was submitted: what the API server fills in, we fill in.
TEST(HpaDefaults, AreTheApiServers) {
  BERTH_NEEDS_SHARED(kFolder);
  std::size_t partial = 0;  // A direction of the behavior left out, or some of its members.
  for (const std::string& path : recordings_of("behavior")) {
    std::string text = kube::read_maybe_gzip(path);
    const std::size_t end = text.find('\n');
    Json header = Json::parse(text.substr(0, end));
    const Json submitted = header["hpa"]["spec"];
    if (submitted["behavior"] != header["effectiveSpec"]["behavior"]) ++partial;
    header["effectiveSpec"] = submitted;
    text.replace(0, end, header.dump());
    expect_equal(kube::check_hpa_conformance(text, path), text);
  }
  EXPECT_GT(partial, 0U);
}

// A recording made by hand: two pods use all the CPU that they request, the target is half; then nothing is measured.
std::vector<Json> recording() {
  Json pods = Json::array();
  Json silent = Json::array();
  for (int i = 0; i < 2; ++i) {
    Json pod = {{"name", "web"}, {"phase", "Running"}, {"start", -1000}, {"ready", true}, {"readyTransition", -990}};
    silent.push_back(pod);
    pod["samples"] = {{"cpu", {{"value", 100}, {"time", 0}, {"window", 15}}}};
    pods.push_back(pod);
  }
  const Json target = {{"type", "Utilization"}, {"averageUtilization", 50}};
  const Json metric = {{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"target", target}}}};
  const auto condition = [](const char* type, const char* status, const char* reason) {
    return Json{{"type", type}, {"status", status}, {"reason", reason}};
  };
  return {
      {{"kind", "HPAScenario"},
       {"flavour", "made"},
       {"effectiveSpec", {{"minReplicas", 1}, {"maxReplicas", 9}, {"metrics", {metric}}}},
       {"containers", {{{"name", "app"}, {"resources", {{"requests", {{"cpu", "100m"}}}}}}}}},
      {{"kind", "Sync"},
       {"time", 0},
       {"specReplicas", 2},
       {"statusReplicas", 2},
       {"pods", pods},
       {"desiredReplicas", 4},
       {"currentMetrics",
        {{{"type", "Resource"}, {"name", "cpu"}, {"averageUtilization", 100}, {"averageValue", 100}}}},
       {"conditions",
        {condition("AbleToScale", "True", "SucceededRescale"), condition("ScaledToZero", "False", "NotScaledToZero"),
         condition("ScalingActive", "True", "ValidMetricFound"),
         condition("ScalingLimited", "False", "DesiredWithinRange")}}},
      {{"kind", "Sync"},
       {"time", 15},
       {"specReplicas", 4},
       {"statusReplicas", 4},
       {"pods", silent},
       {"desiredReplicas", 4},
       {"conditions",
        {condition("ScalingLimited", "False", "DesiredWithinRange"),
         condition("AbleToScale", "True", "SucceededGetScale"), condition("ScaledToZero", "False", "NotScaledToZero"),
         condition("ScalingActive", "False", "FailedGetResourceMetric")}}}};
}

kube::Conformance check(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  return kube::check_hpa_conformance(text, "made.jsonl");
}

TEST(HpaConformanceChecker, AcceptsWhatIsRight) {
  const kube::Conformance result = check(recording());
  EXPECT_EQ(result.flavour, "made");
  EXPECT_EQ(result.compared, 2U);
  EXPECT_EQ(result.equal, 2U);
  EXPECT_TRUE(result.differences.empty());
}

struct Change {
  const char* member;
  std::size_t line;
  std::function<void(Json&)> apply;
};
class HpaConformanceNotices : public testing::TestWithParam<Change> {};

TEST_P(HpaConformanceNotices, AChange) {
  std::vector<Json> lines = recording();
  GetParam().apply(lines[GetParam().line]);
  const kube::Conformance result = check(lines);
  EXPECT_EQ(result.compared, 2U);
  EXPECT_EQ(result.equal, 1U);  // The other sync is not spoilt.
  ASSERT_FALSE(result.differences.empty());
  EXPECT_EQ(result.differences[0].member, GetParam().member);
  EXPECT_EQ(result.differences[0].line, GetParam().line + 1);
}
INSTANTIATE_TEST_SUITE_P(
    Members, HpaConformanceNotices,
    testing::Values(Change{"desiredReplicas", 1, [](Json& s) { s["desiredReplicas"] = 3; }},
                    Change{"desiredReplicas", 2, [](Json& s) { s["desiredReplicas"] = 5; }},
                    Change{"currentMetrics", 1, [](Json& s) { s["currentMetrics"][0]["averageUtilization"] = 99; }},
                    Change{"currentMetrics", 1, [](Json& s) { s.erase("currentMetrics"); }},
                    Change{"currentMetrics", 2,
                           [](Json& s) {
                             s["currentMetrics"] = {{{"type", "Resource"}, {"name", "cpu"}}};
                           }},
                    Change{"conditions", 1, [](Json& s) { s["conditions"][2]["reason"] = "X"; }},
                    Change{"conditions", 1, [](Json& s) { s["conditions"][3]["status"] = "True"; }},
                    Change{"conditions", 2, [](Json& s) { s["conditions"].erase(0); }}),
    [](const auto& p) { return "No" + std::to_string(p.index); });

TEST(HpaConformanceChecker, ContainersWithoutARequestAreAnError) {
  std::vector<Json> lines = recording();
  lines[0]["containers"].push_back({{"name", "sidecar"}});
  lines[1]["desiredReplicas"] = 2;
  const kube::Conformance result = check(lines);
  ASSERT_FALSE(result.differences.empty());
  EXPECT_NE(result.differences.back().got.find("FailedGetResourceMetric"), std::string::npos);
  EXPECT_EQ(result.differences[0].member, "currentMetrics");  // Not desiredReplicas: no change is what it decides.
}

struct BadCase {
  const char* message;
  std::function<void(std::vector<Json>&)> apply;
};
TEST(HpaConformanceChecker, BadRecordingsAreRefused) {
  const auto spec = [](std::vector<Json>& l) -> Json& { return l[0]["effectiveSpec"]; };
  for (const BadCase& c : {
           BadCase{"made.jsonl:1: is no header", [](auto& l) { l[0]["kind"] = "Sync"; }},
           BadCase{"has no recorded syncs", [](auto& l) { l.resize(1); }},
           BadCase{"has no recorded syncs", [](auto& l) { l.clear(); }},
           BadCase{"effectiveSpec has no maxReplicas", [&](auto& l) { spec(l).erase("maxReplicas"); }},
           BadCase{"did you mean \"Pods\"?", [&](auto& l) { spec(l)["metrics"][0]["type"] = "Pod"; }},
           BadCase{"effectiveSpec", [&](auto& l) { spec(l)["minReplicas"] = 0; }},
           BadCase{"target", [&](auto& l) { spec(l)["metrics"][0]["resource"]["target"]["type"] = "Value"; }},
           BadCase{"made.jsonl:2: pods[0].phase", [](auto& l) { l[1]["pods"][0]["phase"] = "Runing"; }},
           BadCase{"made.jsonl:3: time", [](auto& l) { l[2]["time"] = "soon"; }},
           BadCase{"made.jsonl:3:", [](auto& l) { l[2].erase("specReplicas"); }},
       }) {
    std::vector<Json> lines = recording();
    c.apply(lines);
    try {
      check(lines);
      ADD_FAILURE() << "accepted: " << c.message;
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find(c.message), std::string::npos) << e.what();
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace berth::test

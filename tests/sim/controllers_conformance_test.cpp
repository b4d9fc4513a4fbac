// Every recorded timeline of kube-controller-manager v1.37.2, second by second. Expected values: the recordings.
#include "sim/conformance/controllers_conformance.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"

namespace berth::controllers {
namespace {

constexpr const char* kFolder = "conformance/controllers";

class TimelineTest : public testing::TestWithParam<const char*> {};

TEST_P(TimelineTest, EverySecondIsEqual) {
  BERTH_NEEDS_SHARED(kFolder);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_dir() / kFolder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(std::string(GetParam()) + "-")) continue;
    ++files;
    EXPECT_TRUE(is_timeline_file(entry.path().string()));
    const TimelineConformance result = check_timelines(entry.path().string());
    EXPECT_EQ(result.steps.flavour, GetParam());
    EXPECT_GT(result.scenarios, 0U) << name;
    EXPECT_EQ(result.scenarios_equal, result.scenarios) << name;
    EXPECT_EQ(result.steps.equal, result.steps.compared) << name;
    for (const kube::Difference& d : result.steps.differences) {
      ADD_FAILURE() << d.file << ":" << d.line << ": " << d.step << ": " << d.member << "\nrecorded: " << d.expected
                    << "\nown:      " << d.got;
    }
  }
  EXPECT_EQ(files, 6U);
}
INSTANTIATE_TEST_SUITE_P(Flavours, TimelineTest,
                         testing::Values("deployment", "job", "cronjob", "nodelifecycle", "statefulset", "replicaset",
                                         "disruption", "daemonset"),
                         [](const auto& p) { return std::string(p.param); });

// The numbers in the recordings' own README: nothing is passed over.
TEST(TimelineTotals, AllAreCompared) {
  BERTH_NEEDS_SHARED(kFolder);
  std::size_t scenarios = 0;
  std::size_t steps = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_dir() / kFolder)) {
    if (entry.path().extension() != ".gz") continue;
    const TimelineConformance result = check_timelines(entry.path().string());
    scenarios += result.scenarios;
    steps += result.steps.compared;
  }
  EXPECT_EQ(scenarios, 498U);
  EXPECT_EQ(steps, 9862U);
}

// A recording by hand: two pods of a ReplicaSet; at 10 s it is scaled to one, and the pod that is not Ready goes at
// once from the counts, and 5 s later for good.
using Json = nlohmann::json;

std::vector<Json> recording() {
  const auto pod = [](const char* name, bool ready) {
    return Json{{"kind", "Pod"},
                {"metadata",
                 {{"name", name},
                  {"namespace", "default"},
                  {"creationTimestamp", "2000-01-01T00:00:00Z"},
                  {"labels", {{"app", "web"}, {"version", "v1"}}},
                  {"ownerReferences", {{{"kind", "ReplicaSet"}, {"name", "web-v1"}, {"uid", "set-v1"}}}}}},
                {"spec", {{"containers", {{{"name", "app"}, {"image", "app:v1"}}}}, {"nodeName", "n0"}}},
                {"status",
                 {{"phase", "Running"},
                  {"conditions",
                   {{{"type", "Ready"},
                     {"status", ready ? "True" : "False"},
                     {"lastTransitionTime", "2000-01-01T00:00:30Z"}}}}}}};
  };
  const Json labels = {{"app", "web"}, {"version", "v1"}};
  const Json set = {
      {"kind", "ReplicaSet"},
      {"metadata", {{"name", "web-v1"}, {"labels", labels}}},
      {"spec",
       {{"replicas", 2},
        {"template",
         {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", {{{"name", "app"}, {"image", "app:v1"}}}}}}}}}},
      {"status", {{"replicas", 0}}}};
  const Json scenario = {{"kind", "Scenario"},
                         {"flavour", "replicaset"},
                         {"index", 0},
                         {"identity", true},
                         {"end", 30},
                         {"settings", {{"start", "2000-01-01T00:01:00Z"}}},
                         {"objects", {pod("v1-0", true), pod("v1-1", false), set}},
                         {"kubelet", {{"bindAfter", 1}, {"runAfter", 1}, {"terminateAfter", 5}}},
                         {"script", {{{"t", 10}, {"do", "scale"}, {"replicas", 1}, {"name", "web-v1"}}}}};
  const auto counts = [](int spec, int replicas, int ready, int terminating) {
    return Json{{"specReplicas", spec},
                {"replicas", replicas},
                {"readyReplicas", ready},
                {"availableReplicas", ready},
                {"terminatingReplicas", terminating}};
  };
  return {scenario,
          {{"kind", "Step"},
           {"t", 0},
           {"set",
            {{"pod/v1-0", {{"terminating", false}}},
             {"pod/v1-1", {{"terminating", false}}},
             {"replicaset/v1", counts(2, 2, 1, 0)}}}},
          {{"kind", "Step"},
           {"t", 10},
           {"set", {{"pod/v1-1", {{"terminating", true}}}, {"replicaset/v1", counts(1, 1, 1, 1)}}}},
          {{"kind", "Step"}, {"t", 15}, {"set", {{"replicaset/v1", counts(1, 1, 1, 0)}}}, {"gone", {"pod/v1-1"}}}};
}

TimelineConformance check(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  return check_timelines(text, "r.jsonl");
}

TEST(TimelineCheckerTest, AcceptsWhatIsRight) {
  const TimelineConformance result = check(recording());
  EXPECT_EQ(result.scenarios_equal, 1U);
  EXPECT_EQ(result.steps.compared, 3U);
  EXPECT_EQ(result.steps.equal, 3U);
  EXPECT_TRUE(result.steps.differences.empty());
}

TEST(TimelineCheckerTest, NoticesAChangedValue) {
  std::vector<Json> lines = recording();
  lines[2]["set"]["replicaset/v1"]["readyReplicas"] = 0;
  const TimelineConformance result = check(lines);
  EXPECT_EQ(result.scenarios_equal, 0U);
  EXPECT_EQ(result.steps.equal, 2U) << "the third step says it all again";
  ASSERT_EQ(result.steps.differences.size(), 1U);
  EXPECT_EQ(result.steps.differences[0].line, 3U);
  EXPECT_EQ(result.steps.differences[0].step, "scenario 0, second 10");
  EXPECT_EQ(result.steps.differences[0].member, "replicaset/v1");
}

TEST(TimelineCheckerTest, NoticesAStepAtTheWrongSecond) {
  std::vector<Json> lines = recording();
  lines[2]["t"] = 11;
  EXPECT_EQ(check(lines).scenarios_equal, 0U);
  EXPECT_EQ(check(lines).steps.equal, 2U);
}

TEST(TimelineCheckerTest, NoticesAMissingStep) {
  std::vector<Json> lines = recording();
  lines.erase(lines.begin() + 2);
  EXPECT_EQ(check(lines).scenarios_equal, 0U);
}

TEST(TimelineCheckerTest, NoticesAnObjectThatIsNotThereAndOneThatIs) {
  std::vector<Json> lines = recording();
  lines[3].erase("gone");
  EXPECT_EQ(check(lines).steps.equal, 2U);
  lines = recording();
  lines[1]["set"]["pod/v1-9"] = {{"terminating", false}};
  EXPECT_EQ(check(lines).steps.equal, 0U);
}

TEST(TimelineCheckerTest, NoticesAStepTooMany) {
  std::vector<Json> lines = recording();
  lines.push_back({{"kind", "Step"}, {"t", 20}, {"gone", {"pod/v1-0"}}});
  EXPECT_EQ(check(lines).steps.compared, 4U);
  EXPECT_EQ(check(lines).steps.equal, 3U);
}

std::string error_of(std::vector<Json> lines) {
  try {
    (void)check(lines);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

TEST(TimelineCheckerTest, BadInputNamesItsLine) {
  EXPECT_THROW((void)check_timelines("", "r.jsonl"), InputError);
  EXPECT_THROW((void)check_timelines("{\n", "r.jsonl"), InputError);
  std::vector<Json> lines = recording();
  lines.resize(1);
  EXPECT_TRUE(error_of(lines).starts_with("r.jsonl:1: has no steps")) << error_of(lines);
  lines = recording();
  lines[0].erase("kubelet");
  EXPECT_TRUE(error_of(lines).starts_with("r.jsonl:1: is no scenario")) << error_of(lines);
  lines = recording();
  lines[2].erase("t");
  EXPECT_TRUE(error_of(lines).starts_with("r.jsonl:3: is no scenario")) << error_of(lines);
  lines = recording();
  lines[0]["flavour"] = "endpoints";
  EXPECT_NE(error_of(lines).find("flavour \"endpoints\" is not known"), std::string::npos) << error_of(lines);
  lines = recording();
  lines[0]["script"][0]["do"] = "dance";
  EXPECT_NE(error_of(lines).find("action \"dance\" is not known"), std::string::npos) << error_of(lines);
}

}  // namespace
}  // namespace berth::controllers

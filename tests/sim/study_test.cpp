// Studies: what is written, what is refused, and going on where it stopped.
#include "sim/study.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"
#include "sim/study_file.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/small_study.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {
namespace {

template <class Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const InputError& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    return e.what();
  }
  return "<accepted>";
}

StudyOptions into(const std::filesystem::path& out, bool resume = false) {
  StudyOptions options;
  options.out = out;
  options.jobs = 2;
  options.resume = resume;
  return options;
}

TEST(Study, WritesItsFilesInGridOrder) {
  const TempDir folder;
  std::vector<std::size_t> steps;
  StudyOptions options = into(folder.path() / "out");
  options.progress = [&](std::size_t done, std::size_t all) {
    EXPECT_EQ(all, 24U);
    steps.push_back(done);
  };
  const StudyReport report = run_study(small_study(300), options);
  EXPECT_EQ(report.runs, 24U);
  EXPECT_EQ(report.resumed, 0U);
  EXPECT_GT(report.events, 24U * 300);
  ASSERT_EQ(steps.size(), 25U);
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i], i);

  std::vector<std::string> order;
  for (const std::string& line : lines_of(slurp(folder / "out/summary.csv"))) {
    const std::vector<std::string> cells = cells_of(line);
    const std::string cell = cells[0] + " " + cells[1];
    if (order.empty() || order.back() != cell) order.push_back(cell);
    if (cells[2] == "pods_created") {
      EXPECT_EQ(cells[3], "3");    // Seeds.
      EXPECT_EQ(cells[4], "300");  // Of which each had 300 pods.
    }
  }
  EXPECT_EQ(order, (std::vector<std::string>{"scenario policy", "first least-allocated", "first fgd", "first random",
                                             "first power-of-k(k=3)", "second least-allocated", "second fgd",
                                             "second random", "second power-of-k(k=3)"}));
  const auto manifest = nlohmann::json::parse(slurp(folder / "out/manifest.json"));
  EXPECT_EQ(manifest["seeds"], (std::vector<std::uint64_t>{1, 2, 5}));
  for (const std::string& file : files_below(folder.path())) EXPECT_EQ(file.find(".tmp"), std::string::npos) << file;
}

// The runs of a study are those that run_once gives, one by one.
TEST(Study, RunsAreTheRunsOfRunOnce) {
  const TempDir folder;
  const StudySpec spec = small_study(300);
  run_study(spec, into(folder.path() / "out"));
  ScenarioInputs inputs(*spec.scenarios[1], {});
  double sum = 0;
  for (const std::uint64_t seed : spec.seeds) {
    for (const Metric& m : run_once(inputs, spec.policies[1], seed, window_of(inputs, 1), {}).result.metrics) {
      if (m.name == "pod_wait_seconds_mean") sum += m.value;
    }
  }
  for (const std::string& line : lines_of(slurp(folder / "out/summary.csv"))) {
    if (!line.starts_with("second,fgd,pod_wait_seconds_mean,")) continue;
    EXPECT_NEAR(std::stod(cells_of(line)[4]), sum / 3, 1e-12 + sum * 1e-12);
    return;
  }
  FAIL() << "no such row";
}

TEST(Study, ResumesWhatIsThereAndRefusesWhatIsNot) {
  const TempDir folder;
  const std::filesystem::path out = folder.path() / "out";
  StudySpec spec = small_study(300);
  EXPECT_NE(refusal([&] { run_study(spec, into(out, true)); }), "<accepted>");  // Nothing to go on with.
  run_study(spec, into(out));
  const std::string before = slurp(out / "summary.csv");
  EXPECT_NE(refusal([&] { run_study(spec, into(out)); }).find("--resume"), std::string::npos);  // It is there already.
  EXPECT_EQ(slurp(out / "summary.csv"), before);
  const StudyReport again = run_study(spec, into(out, true));
  EXPECT_EQ(again.resumed, 24U);
  EXPECT_EQ(again.events, 0U);
  EXPECT_EQ(slurp(out / "summary.csv"), before);
  // Another study must not be mixed with it.
  StudySpec other = small_study(300);
  other.seeds = {1, 2};
  EXPECT_NE(refusal([&] { run_study(other, into(out, true)); }), "<accepted>");
  other = small_study(300);
  other.policies.pop_back();
  EXPECT_NE(refusal([&] { run_study(other, into(out, true)); }), "<accepted>");
  EXPECT_EQ(slurp(out / "summary.csv"), before);
}

// Stopped after any run (by a trouble that the progress callback raises) and gone on with, it writes the same.
TEST(Study, StoppedHalfwayGoesOn) {
  const TempDir folder;
  const StudySpec spec = small_study(300);
  run_study(spec, into(folder.path() / "whole"));
  for (const std::size_t stop : {1U, 7U, 23U}) {
    const std::filesystem::path out = folder.path() / std::to_string(stop);
    StudyOptions options = into(out);
    options.jobs = 1;
    options.progress = [&](std::size_t done, std::size_t) {
      if (done == stop) throw InputError("stopped by the test");
    };
    EXPECT_EQ(refusal([&] { run_study(spec, options); }), "stopped by the test");
    EXPECT_FALSE(std::filesystem::exists(out / "summary.csv"));
    const StudyReport report = run_study(spec, into(out, true));
    EXPECT_EQ(report.resumed, stop);
    for (const char* file : {"summary.csv", "summary.json", "series.csv"}) {
      EXPECT_TRUE(slurp(out / file) == slurp(folder.path() / "whole" / file)) << file << " stopped after " << stop;
    }
  }
}

TEST(Study, RefusesWhatMakesNoSense) {
  const TempDir folder;
  const auto message = [&](auto change) {
    StudySpec spec = small_study(10);
    change(spec);
    return refusal([&] { run_study(spec, into(folder.path() / "out")); });
  };
  EXPECT_NE(message([](StudySpec& s) { s.policies.clear(); }).find("is empty"), std::string::npos);
  EXPECT_NE(message([](StudySpec& s) { s.seeds.clear(); }).find("is empty"), std::string::npos);
  EXPECT_NE(message([](StudySpec& s) { s.scenarios.clear(); }).find("is empty"), std::string::npos);
  EXPECT_NE(
      message([](StudySpec& s) { s.policies.push_back(s.policies[1]); }).find("policy \"fgd\" is in the study twice"),
      std::string::npos);
  EXPECT_NE(message([](StudySpec& s) {
              s.scenarios.push_back(s.scenarios[0]);
            }).find("scenario \"first\" is in the study twice"),
            std::string::npos);
  EXPECT_NE(message([](StudySpec& s) { s.baseline = "best-fit"; }).find("is not among the policies"),
            std::string::npos);
  EXPECT_NE(message([](StudySpec& s) { s.baseline = "no-such"; }).find("unknown scheduler"), std::string::npos);
  EXPECT_NE(message([](StudySpec& s) {
              s.table_metrics = {"pod_wait_seconds_maen"};
            }).find("did you mean \"pod_wait_seconds_mean\""),
            std::string::npos);
}

struct SeedsCase {
  const char* name;
  const char* text;
  std::vector<std::uint64_t> expected;  // Empty: refused.
};
using ParseSeeds = testing::TestWithParam<SeedsCase>;
TEST_P(ParseSeeds, ReadsOrRefuses) {
  if (GetParam().expected.empty()) {
    EXPECT_EQ(refusal([] { parse_seeds(GetParam().text, "--seeds"); }).find("--seeds is \""), 0U);
  } else {
    EXPECT_EQ(parse_seeds(GetParam().text, "--seeds"), GetParam().expected);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, ParseSeeds,
    testing::Values(SeedsCase{"One", "7", {7}}, SeedsCase{"Range", "42..45", {42, 43, 44, 45}},
                    SeedsCase{"Mixed", "9,1,3..4", {9, 1, 3, 4}}, SeedsCase{"OneLong", "5..5", {5}},
                    SeedsCase{"Zero", "0", {0}}, SeedsCase{"Largest", "18446744073709551615", {UINT64_MAX}},
                    SeedsCase{
                        "LargestRange", "18446744073709551614..18446744073709551615", {UINT64_MAX - 1, UINT64_MAX}},
                    SeedsCase{"Empty", "", {}}, SeedsCase{"Word", "x", {}}, SeedsCase{"Negative", "-1", {}},
                    SeedsCase{"Fraction", "1.5", {}}, SeedsCase{"Backwards", "5..4", {}},
                    SeedsCase{"Twice", "1,2,1", {}}, SeedsCase{"TwiceInRange", "1..3,2", {}},
                    SeedsCase{"TrailingComma", "1,", {}}, SeedsCase{"OpenRange", "1..", {}},
                    SeedsCase{"TooMany", "1..100001", {}}, SeedsCase{"WholeRange", "0..18446744073709551615", {}},
                    SeedsCase{"TooLarge", "18446744073709551616", {}}, SeedsCase{"ThreeDots", "1...3", {}},
                    SeedsCase{"Blank", "1, 2", {}}),
    CaseName{});

TEST(StudyFile, SaysWhatAStudyIs) {
  const TempDir folder;
  folder.file("small.yaml", small_scenario("small", 100));
  const std::string path = folder.file(
      "study.yaml",
      "apiVersion: berth.dev/v1alpha1\nkind: Study\nname: s\nscenarios:\n- {file: small.yaml}\npolicies:\n- best-fit\n"
      "- scheduler=power-of-k(k=4)\n- {scheduler: power-of-k, params: {k: 8}}\nseeds: 1..3\nbaseline: "
      "best-fit\nmetrics: [pods_created]\n");
  ASSERT_TRUE(is_study_file(path));
  EXPECT_FALSE(is_study_file(folder / "small.yaml"));
  EXPECT_FALSE(is_study_file(folder / "none.yaml"));
  const StudySpec spec = load_study(path);
  ASSERT_EQ(spec.policies.size(), 3U);
  EXPECT_EQ(spec.policies[1].to_string(), "power-of-k(k=4)");
  EXPECT_EQ(spec.policies[2].to_string(), "power-of-k(k=8)");
  EXPECT_EQ(spec.seeds, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(spec.baseline, "best-fit");
  EXPECT_EQ(spec.scenarios.at(0)->name, "small");
  EXPECT_EQ(run_study(spec, into(folder.path() / "out")).runs, 9U);
}

struct BadStudy {
  const char* name;
  const char* body;  // Behind apiVersion and kind; begins in line 3.
  const char* message;
};
using BadStudies = testing::TestWithParam<BadStudy>;
TEST_P(BadStudies, AreRefusedWithTheirPlace) {
  const TempDir folder;
  folder.file("small.yaml", small_scenario("small", 100));
  const std::string path =
      folder.file("study.yaml", std::string("apiVersion: berth.dev/v1alpha1\nkind: Study\n") + GetParam().body);
  const std::string message = refusal([&] { load_study(path); });
  EXPECT_EQ(message.find(folder.path().string()), 0U) << message;
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadStudies,
    testing::Values(
        BadStudy{"UnknownKey", "scenarios: [{file: small.yaml}]\npolicys: [best-fit]\n", "study.yaml:4:1"},
        BadStudy{"UnknownPolicy", "scenarios: [{file: small.yaml}]\npolicies: [best-fti]\n", "best-fit"},
        BadStudy{"UnknownParam",
                 "scenarios: [{file: small.yaml}]\npolicies:\n- {scheduler: power-of-k, params: {kk: 8}}\n",
                 "has no parameter \"kk\""},
        BadStudy{"BadSeeds", "scenarios: [{file: small.yaml}]\npolicies: [best-fit]\nseeds: 5..1\n", "runs backwards"},
        BadStudy{"NoScenarios", "policies: [best-fit]\n", "scenarios"},
        BadStudy{"FileAndExample", "scenarios: [{file: small.yaml, example: mixed-day}]\npolicies: [best-fit]\n",
                 "or two"},
        BadStudy{"UnknownExample", "scenarios: [{example: mixed-dya}]\npolicies: [best-fit]\n", "mixed-day"},
        BadStudy{"MissingFile", "scenarios: [{file: none.yaml}]\npolicies: [best-fit]\n", "none.yaml"}),
    CaseName{});

}  // namespace
}  // namespace berth::test

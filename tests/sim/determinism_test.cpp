// Same input, same seed, same bytes: at any number of threads, in any process, under any name of the folder.
#include <gtest/gtest.h>

#include "sim/run.hpp"
#include "tests/support/process.hpp"
#include "tests/support/small_study.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {
namespace {

// All files but the store, whose pages may lie in another order.
std::vector<std::string> results_of(const std::filesystem::path& out) {
  std::vector<std::string> files = files_below(out);
  std::erase_if(files, [](const std::string& f) { return f.starts_with("study.sqlite"); });
  return files;
}

TEST(Determinism, AnyNumberOfThreadsWritesTheSameBytes) {
  const TempDir folder;
  const StudySpec spec = small_study(1500);
  const auto run_with = [&](unsigned jobs) {
    const std::filesystem::path out = folder.path() / ("jobs" + std::to_string(jobs));
    StudyOptions options;
    options.out = out;
    options.jobs = jobs;
    options.journals = true;
    EXPECT_EQ(run_study(spec, options).runs, 24U);
    return out;
  };
  const std::filesystem::path one = run_with(1);
  const std::vector<std::string> files = results_of(one);
  for (const char* expected : {"summary.csv", "summary.json", "series.csv", "manifest.json",
                               "journals/first_fgd_1.jsonl.zst", "journals/second_power-of-k-k-3-_5.jsonl.zst"}) {
    EXPECT_TRUE(std::binary_search(files.begin(), files.end(), expected)) << expected;
  }
  EXPECT_EQ(std::count_if(files.begin(), files.end(), [](const std::string& f) { return f.starts_with("journals/"); }),
            24);
  for (const unsigned jobs : {2U, 4U, 0U}) {
    const std::filesystem::path other = run_with(jobs);
    ASSERT_EQ(results_of(other), files);
    for (const std::string& file : files)
      EXPECT_TRUE(slurp(one / file) == slurp(other / file)) << file << " with jobs=" << jobs;
  }
}

TEST(Determinism, SeedsMatterAndOnlySeeds) {
  const TempDir folder;
  const Scenario scenario = parse_scenario(small_scenario("one", 800), "small.yaml", ".");
  const auto journal = [&](const char* policy, std::uint64_t seed) {
    ScenarioInputs inputs(scenario, {});
    const std::string path = folder / "journal.jsonl";
    run_once(inputs, PolicySet::parse(policy, "test"), seed, window_of(inputs, seed),
             {.journal = path, .placements = {}});
    return slurp(path);
  };
  for (const char* policy : {"random", "least-allocated"}) {
    const std::string first = journal(policy, 7);
    EXPECT_TRUE(first == journal(policy, 7)) << policy;
    EXPECT_FALSE(first == journal(policy, 8)) << policy;
  }
}

// Policies under one seed meet the same pods: arrivals do not depend on who schedules.
TEST(Determinism, PoliciesMeetTheSamePods) {
  const TempDir folder;
  const Scenario scenario = parse_scenario(small_scenario("one", 800), "small.yaml", ".");
  ScenarioInputs inputs(scenario, {});
  const auto created = [&](const char* policy) {
    const std::string path = folder / "journal.jsonl";
    run_once(inputs, PolicySet::parse(policy, "test"), 3, window_of(inputs, 3), {.journal = path, .placements = {}});
    std::vector<std::string> lines = lines_of(slurp(path));
    std::erase_if(lines, [](const std::string& line) { return line.find("\"PodCreated\"") == std::string::npos; });
    return lines;
  };
  const std::vector<std::string> first = created("first-fit");
  EXPECT_EQ(first.size(), 800U);
  EXPECT_EQ(created("random"), first);
  EXPECT_EQ(created("min-cost-flow"), first);
}

TEST(Determinism, OneProcessOrAnother) {
  const TempDir folder;
  const std::string scenario = folder.file("small.yaml", small_scenario("one", 500));
  std::vector<std::string> outputs;
  for (const char* name : {"a.jsonl", "b.jsonl"}) {
    const ProcessResult r =
        run_berth({"run", scenario, "--policy", "power-of-k", "--seed", "9", "--journal", folder / name});
    EXPECT_EQ(r.exit_code, 0) << r.err;
    outputs.push_back(r.out);
  }
  EXPECT_EQ(outputs[0], outputs[1]);
  EXPECT_TRUE(slurp(folder / "a.jsonl") == slurp(folder / "b.jsonl"));
}

}  // namespace
}  // namespace berth::test

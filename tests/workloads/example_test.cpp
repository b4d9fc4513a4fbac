// The embedded examples: the same as their files, and as busy as they say.
#include "workloads/example.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

TEST(ExampleTest, AreTheirFilesByteByByte) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(BERTH_SOURCE_DIR "/workloads/examples")) {
    if (entry.is_regular_file()) files.push_back(entry.path().filename().string());
  }
  std::vector<std::string> names;
  for (const EmbeddedExample& example : embedded_examples()) {
    names.push_back(std::string(example.name) + ".yaml");
    std::ifstream in(BERTH_SOURCE_DIR "/workloads/examples/" + names.back(), std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), example.yaml) << example.name;
    EXPECT_EQ(embedded_example(example.name).name, example.name);
  }
  EXPECT_THAT(files, testing::UnorderedElementsAreArray(names));
}

TEST(ExampleTest, UnknownNameIsAnswered) {
  EXPECT_THAT(
      [] { embedded_example("mixed-days"); },
      testing::ThrowsMessage<InputError>("there is no example \"mixed-days\"; expected one of gpu-sharing, mixed-day, "
                                         "shop, synthetic-day; did you mean \"mixed-day\"?"));
}

// The most that is asked for at once if every pod starts when it comes, as shares of the nodes.
struct Peak {
  std::uint64_t pods = 0;
  Time last{};
  std::size_t templates = 0;
  double cpu = 0;
  double memory = 0;
  double gpu = 0;
};

Peak peak_of(const Scenario& scenario) {
  struct Step {
    Time at;
    double cpu;
    double memory;
    double gpu;
  };
  Step room{{}, 0, 0, 1e-9};
  for (const NodeSpec& node : scenario.nodes) {
    room.cpu += static_cast<double>(node.allocatable.cpu_milli);
    room.memory += static_cast<double>(node.allocatable.memory_bytes);
    room.gpu += static_cast<double>(node.gpu_count * kMilliPerGpu);
  }
  Peak peak;
  std::vector<Step> steps;
  Catalog catalog = scenario.workload->catalog();
  const auto stream = scenario.workload->open(catalog, 1, 0);
  std::vector<PodArrival> pods(4'096);
  while (const std::size_t n = stream->next(pods)) {
    for (std::size_t i = 0; i < n; ++i) {
      const PodTemplate& t = catalog[pods[i].pod_template];
      const Step step{pods[i].at, static_cast<double>(t.request.cpu_milli) / room.cpu,
                      static_cast<double>(t.request.memory_bytes) / room.memory,
                      static_cast<double>(t.gpu.total_milli()) / room.gpu};
      steps.push_back(step);
      steps.push_back({pods[i].at + pods[i].start_delay + pods[i].run_time, -step.cpu, -step.memory, -step.gpu});
    }
    peak.pods += n;
    peak.last = pods[n - 1].at;
  }
  peak.templates = catalog.templates();
  std::ranges::sort(steps, {}, &Step::at);
  Step now{};
  for (const Step& step : steps) {
    now.cpu += step.cpu;
    now.memory += step.memory;
    now.gpu += step.gpu;
    peak.cpu = std::max(peak.cpu, now.cpu);
    peak.memory = std::max(peak.memory, now.memory);
    peak.gpu = std::max(peak.gpu, now.gpu);
  }
  return peak;
}

TEST(ExampleTest, MixedDayIsBusyAtItsPeak) {
  const Scenario scenario = embedded_example("mixed-day");
  EXPECT_EQ(scenario.nodes.size(), 305U);
  EXPECT_EQ(scenario.protocol, Protocol::kReplay);
  const Peak peak = peak_of(scenario);
  EXPECT_EQ(peak.pods, 50'000U);
  EXPECT_NEAR(peak.last.seconds() / 3'600, 24, 1);
  EXPECT_LT(peak.templates, 1'000U);
  EXPECT_GT(peak.cpu, 0.75);
  EXPECT_LT(peak.cpu, 0.90);
  EXPECT_GT(peak.gpu, 0.75);
  EXPECT_LT(peak.gpu, 0.95);
  EXPECT_LT(peak.memory, 0.90);
}

TEST(ExampleTest, SyntheticDayNearlyFillsItsCluster) {
  const Scenario scenario = embedded_example("synthetic-day");
  ASSERT_EQ(scenario.nodes.size(), 5'000U);
  EXPECT_EQ(scenario.nodes[4'999].allocatable, (Resources{64'000, 256LL << 30, 0}));
  const Peak peak = peak_of(scenario);
  EXPECT_EQ(peak.pods, 1'000'000U);
  EXPECT_NEAR(peak.last.seconds() / 3'600, 24, 0.5);
  EXPECT_GT(peak.cpu, 0.90);
  EXPECT_LT(peak.cpu, 1.0);
  EXPECT_LT(peak.memory, 0.90);
}

TEST(ExampleTest, GpuSharingAsksForMoreThanItsLoad) {
  const Scenario scenario = embedded_example("gpu-sharing");
  EXPECT_EQ(scenario.protocol, Protocol::kFill);
  EXPECT_EQ(scenario.nodes.size(), 28U);
  const Peak peak = peak_of(scenario);
  EXPECT_GT(peak.gpu, scenario.load);
  EXPECT_LT(peak.cpu, peak.gpu * 0.75);  // GPUs run out first.
  EXPECT_LT(peak.memory, peak.gpu * 0.75);
}

}  // namespace
}  // namespace berth

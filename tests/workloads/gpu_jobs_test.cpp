#include "workloads/gpu_jobs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth {
namespace {

using testing::Contains;
using testing::ElementsAre;

using test::TempFile;

std::string gpu_jobs_error(const std::string& rows, const GpuJobsOptions& options = {}) {
  const TempFile file("submit_s,duration_s,gpus,cluster\n" + rows);
  ImportReport report;
  try {
    import_gpu_jobs(file.path(), Catalog(), options, report);
  } catch (const InputError& error) {
    const std::string message = error.what();
    return message.starts_with(file.path() + ":") ? message.substr(file.path().size() + 1) : message;
  }
  return "no error";
}

TEST(GpuJobs, BigJobsAreSplit) {
  const TempFile file("submit_s,duration_s,gpus,cluster\n60,7,12,red\n0,5,1,blue\n60,9,8,red\n");
  ImportReport report;
  const MemoryWorkload workload = import_gpu_jobs(
      file.path(), Catalog(), {.gpus_per_pod = 8, .cpu_milli_per_gpu = 3'000, .memory_bytes_per_gpu = 10}, report);
  std::vector<std::string> pods;
  std::vector<std::uint32_t> rows;
  for (const PodArrival& arrival : workload.arrivals()) {
    const PodTemplate& pod = workload.catalog()[arrival.pod_template];
    EXPECT_EQ(pod.gpu.milli, 1'000);
    EXPECT_EQ(pod.gpu.models, 0U);
    EXPECT_EQ(pod.request, (Resources{pod.gpu.count * 3'000, pod.gpu.count * 10, 0}));
    pods.push_back(workload.pod_name(arrival.row) + " " + workload.catalog().namespace_name(pod.namespace_id) + " " +
                   std::to_string(pod.gpu.count) + " at " + to_string(arrival.at - Time{}) + " for " +
                   to_string(arrival.run_time));
    rows.push_back(arrival.row);
  }
  EXPECT_THAT(pods, ElementsAre("job-1 blue 1 at 0s for 5s", "job-0-0 red 8 at 1m0s for 7s",
                                "job-0-1 red 4 at 1m0s for 7s", "job-2 red 8 at 1m0s for 9s"));
  EXPECT_THAT(rows, ElementsAre(2, 0, 1, 3));
  EXPECT_EQ(report.rows_read, 3U);
  EXPECT_EQ(report.rows_used, 3U);
  EXPECT_THAT(report.notes, ElementsAre("CPU and memory are not in the source: pods ask for 3 cores and 10 per GPU",
                                        "1 jobs with more than 8 GPUs became 2 pods, scheduled each for itself"));
}

TEST(GpuJobs, GpusPerPodIsAnOption) {
  const TempFile file("submit_s,duration_s,gpus,cluster\n0,1,5,a\n");
  ImportReport report;
  const MemoryWorkload workload = import_gpu_jobs(file.path(), Catalog(), {.gpus_per_pod = 2}, report);
  std::vector<int> gpus;
  for (const PodArrival& arrival : workload.arrivals()) {
    gpus.push_back(workload.catalog()[arrival.pod_template].gpu.count);
  }
  EXPECT_THAT(gpus, ElementsAre(2, 2, 1));
}

TEST(GpuJobs, Errors) {
  EXPECT_EQ(gpu_jobs_error("0,1,0,a\n"), "2:5: gpus is \"0\"; expected a whole number from 1 to 65536");
  EXPECT_EQ(gpu_jobs_error("0,1,1,\n"), "2:7: cluster is \"\"; expected the name of the virtual cluster");
  EXPECT_EQ(gpu_jobs_error("", {.gpus_per_pod = 17}), "gpus_per_pod is 17; expected 1 to 16");
  EXPECT_EQ(gpu_jobs_error("", {.gpus_per_pod = 0}), "gpus_per_pod is 0; expected 1 to 16");
  EXPECT_EQ(gpu_jobs_error("", {.cpu_milli_per_gpu = -1}), "cpu_milli_per_gpu is -1; expected 0 to 576460752303423487");
}

// data/gpu-jobs-philly2017/README.md: 52,849 jobs over 57.6 days. Counted outside Berth: 63,436 GPUs, 99 jobs of more
// than 8 (7 of 12, 65 of 16, 4 of 24, 23 of 32), so 52,750 + 7*2 + 65*2 + 4*3 + 23*4 = 52,998 pods; 12 clusters;
// 722,412,566 s of run time, the split jobs' counted once.
TEST(GpuJobsData, IsTheReadmes) {
  BERTH_NEEDS_SHARED("data/gpu-jobs-philly2017");
  ImportReport report;
  const MemoryWorkload workload =
      import_gpu_jobs(test::shared_dir() / "data/gpu-jobs-philly2017/jobs.csv", Catalog(), {}, report);
  EXPECT_EQ(report.rows_read, 52'849U);
  EXPECT_EQ(report.rows_used, 52'849U);
  ASSERT_EQ(workload.arrivals().size(), 52'998U);
  EXPECT_EQ(workload.catalog().namespaces(), 13U);  // And "default".
  EXPECT_NEAR(workload.arrivals().back().at.seconds() / 86'400, 57.6, 0.05);
  EXPECT_THAT(report.notes, Contains("99 jobs with more than 8 GPUs became 248 pods, scheduled each for itself"));
  std::int64_t gpus = 0;
  std::int64_t run_time_s = 0;
  std::set<std::uint32_t> rows;
  for (const PodArrival& arrival : workload.arrivals()) {
    gpus += workload.catalog()[arrival.pod_template].gpu.count;
    rows.insert(arrival.row);
    const std::string name = workload.pod_name(arrival.row);
    const bool split = name.find('-', 4) != std::string::npos;
    if (!split || name.ends_with("-0")) run_time_s += arrival.run_time.ns / 1'000'000'000;
  }
  EXPECT_EQ(gpus, 63'436);
  EXPECT_EQ(run_time_s, 722'412'566);
  EXPECT_EQ(rows.size(), 52'998U);
}

}  // namespace
}  // namespace berth

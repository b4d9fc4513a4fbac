#include "workloads/batch_jobs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth {
namespace {

using testing::ElementsAre;

using test::TempFile;

std::string batch_jobs_error(const std::string& rows, const BatchJobsOptions& options = {}) {
  const TempFile file("job,submit_s,duration_s,cores\n" + rows);
  ImportReport report;
  try {
    import_batch_jobs(file.path(), Catalog(), options, report);
  } catch (const InputError& error) {
    const std::string message = error.what();
    return message.starts_with(file.path() + ":") ? message.substr(file.path().size() + 1) : message;
  }
  return "no error";
}

TEST(BatchJobs, AJobIsAPod) {
  const TempFile file("job,submit_s,duration_s,cores,cpu_capacity_mhz\n17,20,0,4,8400\n9,10,3.5,16,33600\n");
  ImportReport report;
  const MemoryWorkload workload =
      import_batch_jobs(file.path(), Catalog(), {.memory_per_core_bytes = std::int64_t{1} << 30}, report);
  const auto arrivals = workload.arrivals();
  ASSERT_EQ(arrivals.size(), 2U);
  EXPECT_EQ(arrivals[0].at, Time{} + seconds(10));
  EXPECT_EQ(arrivals[0].run_time, milliseconds(3'500));
  EXPECT_EQ(arrivals[0].row, 1U);
  EXPECT_EQ(workload.pod_name(1), "9");
  EXPECT_EQ(workload.catalog()[arrivals[0].pod_template].request, (Resources{16'000, std::int64_t{16} << 30, 0}));
  EXPECT_EQ(arrivals[1].run_time, Duration{});
  EXPECT_EQ(workload.pod_name(0), "17");
  EXPECT_EQ(workload.catalog()[arrivals[1].pod_template].request, (Resources{4'000, std::int64_t{4} << 30, 0}));
  EXPECT_THAT(report.notes, ElementsAre("columns not read: cpu_capacity_mhz",
                                        "memory is not in the source: pods ask for 1Gi per core"));
}

TEST(BatchJobs, Errors) {
  EXPECT_EQ(batch_jobs_error("a,0,1,1\nb,0,1,1\na,0,1,1\n"),
            "4:1: job is \"a\", as on line 2; expected a name that no other job has");
  EXPECT_EQ(batch_jobs_error("a,0,1,0\n"), "2:7: cores is \"0\"; expected a whole number from 1 to 1000000000");
  EXPECT_EQ(batch_jobs_error("a,0,-1,1\n"), "2:5: duration_s is \"-1\"; expected seconds from 0 to 9223372036");
  EXPECT_EQ(batch_jobs_error("a,0,1,9\n", {.memory_per_core_bytes = std::int64_t{1} << 60}),
            "2:7: cores is \"9\", too many at this memory_per_core; expected a request of less than 2^63 bytes");
  EXPECT_EQ(batch_jobs_error("", {.memory_per_core_bytes = -1}), "memory_per_core is -1 bytes; expected 0 or more");
}

// data/batch-jobs-surf2022/README.md: 98,845 jobs of 16 cores in two months (62 days), sorted from the first on.
TEST(BatchJobsData, IsTheReadmes) {
  BERTH_NEEDS_SHARED("data/batch-jobs-surf2022");
  ImportReport report;
  const MemoryWorkload workload =
      import_batch_jobs(test::shared_dir() / "data/batch-jobs-surf2022/jobs.csv", Catalog(), {}, report);
  EXPECT_EQ(report.rows_read, 98'845U);
  EXPECT_EQ(report.rows_used, 98'845U);
  ASSERT_EQ(workload.arrivals().size(), 98'845U);
  ASSERT_EQ(workload.catalog().templates(), 1U);
  EXPECT_EQ(workload.catalog()[TemplateId{0}].request, (Resources{16'000, 0, 0}));
  EXPECT_EQ(workload.arrivals().front().at, Time{});
  EXPECT_LE(workload.arrivals().back().at, Time{} + seconds(63 * 86'400));
  EXPECT_GE(workload.arrivals().back().at, Time{} + seconds(61 * 86'400));
  // The first and the last line of the file.
  EXPECT_EQ(workload.pod_name(0), "1519830");
  EXPECT_EQ(workload.arrivals().front().run_time, seconds(1));
  EXPECT_EQ(workload.pod_name(98'844), "1932039");
  EXPECT_EQ(workload.arrivals().back().run_time, seconds(10'819));
  std::int64_t total_s = 0;
  for (const PodArrival& arrival : workload.arrivals()) total_s += arrival.run_time.ns / 1'000'000'000;
  EXPECT_EQ(total_s, 754'059'291);  // The column's sum, added up outside Berth.
}

}  // namespace
}  // namespace berth

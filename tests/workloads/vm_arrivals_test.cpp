#include "workloads/vm_arrivals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth {
namespace {

using testing::Contains;

using test::TempFile;

constexpr const char* kHeader = "arrival_s,batch,vcpu,mem_gb,lifetime_min_s,lifetime_max_s,still_running_at_end\n";

MemoryWorkload import_text(const std::string& rows, const VmArrivalsOptions& options) {
  const TempFile file(kHeader + rows);
  ImportReport report;
  return import_vm_arrivals(file.path(), Catalog(), options, report);
}

std::string vm_arrivals_error(const std::string& rows) {
  const TempFile file(kHeader + rows);
  ImportReport report;
  try {
    import_vm_arrivals(file.path(), Catalog(), {}, report);
  } catch (const InputError& error) {
    return std::string(error.what()).substr(file.path().size() + 1);
  }
  return "no error";
}

TEST(VmArrivals, AVmIsAPod) {
  const std::string rows = "300,1,8,14.0,300,600,0\n0,0,1,0.75,10,10,0\n300,1,2,3.5,300,600,1\n";
  const MemoryWorkload workload = import_text(rows, {.lifetime = BinnedLifetime::kMidpoint});
  const auto arrivals = workload.arrivals();
  ASSERT_EQ(arrivals.size(), 3U);
  EXPECT_EQ(workload.pod_name(arrivals[0].row), "vm-1");
  EXPECT_EQ(workload.catalog()[arrivals[0].pod_template].request, (Resources{1'000, 805'306'368, 0}));  // 0.75 * 2^30
  EXPECT_EQ(workload.catalog()[arrivals[1].pod_template].request, (Resources{8'000, 15'032'385'536, 0}));
  EXPECT_EQ(arrivals[0].run_time, seconds(10));
  EXPECT_EQ(arrivals[1].run_time, seconds(450));
  EXPECT_EQ(arrivals[1].at, Time{} + seconds(300));
  EXPECT_EQ(arrivals[2].run_time, kForever);
  EXPECT_EQ(import_text(rows, {.lifetime = BinnedLifetime::kMin}).arrivals()[1].run_time, seconds(300));
  EXPECT_EQ(import_text(rows, {.lifetime = BinnedLifetime::kMax}).arrivals()[1].run_time, seconds(600));
}

// A uniform draw in [0, 300 s): mean 150 s, standard deviation 300/sqrt(12) = 86.6 s. The mean of 10,000 lies within
// 5 * 0.866 s but in one of 1.7 million seeds. And the draw belongs to the row, not to its place in the file.
TEST(VmArrivals, LifetimesAreDrawnUniformlyInTheBin) {
  std::string rows;
  for (int i = 0; i < 10'000; ++i) rows += "0,0,1,1,600,900,0\n";
  const MemoryWorkload workload = import_text(rows, {.seed = 7});
  double sum = 0;
  std::int64_t lowest = kForever.ns;
  std::int64_t highest = 0;
  for (const PodArrival& arrival : workload.arrivals()) {
    ASSERT_GE(arrival.run_time, seconds(600));
    ASSERT_LT(arrival.run_time, seconds(900));
    sum += arrival.run_time.seconds() - 600;
    lowest = std::min(lowest, arrival.run_time.ns);
    highest = std::max(highest, arrival.run_time.ns);
  }
  EXPECT_NEAR(sum / 10'000, 150, 5 * 0.866);
  EXPECT_LT(lowest, seconds(601).ns);  // Missed with probability (299/300)^10000 = 3e-15.
  EXPECT_GT(highest, seconds(899).ns);

  const MemoryWorkload again = import_text(rows, {.seed = 7});
  const MemoryWorkload other = import_text(rows, {.seed = 8});
  std::size_t differ = 0;
  for (std::size_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(again.arrivals()[i].run_time, workload.arrivals()[i].run_time);
    if (other.arrivals()[i].run_time != workload.arrivals()[i].run_time) ++differ;
  }
  EXPECT_GT(differ, 9'990U);
  const MemoryWorkload prefix = import_text(rows.substr(0, 3 * std::string("0,0,1,1,600,900,0\n").size()), {.seed = 7});
  EXPECT_EQ(prefix.arrivals()[2].run_time, workload.arrivals()[2].run_time);
}

TEST(VmArrivals, Errors) {
  EXPECT_EQ(vm_arrivals_error("0,0,1,1,600,300,0\n"),
            "2:13: lifetime_max_s is \"300\", before lifetime_min_s; expected the end of the bin");
  EXPECT_EQ(vm_arrivals_error("0,0,0,1,300,600,0\n"), "2:5: vcpu is \"0\"; expected a whole number from 1 to 1000000");
  EXPECT_EQ(vm_arrivals_error("0,0,1,nan,300,600,0\n"), "2:7: mem_gb is \"nan\"; expected a number from 0 to 4194304");
  EXPECT_EQ(vm_arrivals_error("0,0,1,-1,300,600,0\n"), "2:7: mem_gb is \"-1\"; expected a number from 0 to 4194304");
  EXPECT_EQ(vm_arrivals_error("0,0,1,1,300,600,2\n"),
            "2:17: still_running_at_end is \"2\"; expected a whole number from 0 to 1");
}

// data/vm-arrivals-azure2017/README.md: 259,159 VMs in 53,109 batches over 83.3 hours. The sums were added up outside
// Berth: 557,907 vCPUs, 1,034,613.75 GB, 14,317 VMs still running, the others' bins from 1,814,994,900 s to
// 2,365,668,900 s in all.
TEST(VmArrivalsData, IsTheReadmes) {
  BERTH_NEEDS_SHARED("data/vm-arrivals-azure2017");
  const auto path = test::shared_dir() / "data/vm-arrivals-azure2017/vm_arrivals.csv";
  ImportReport report;
  const MemoryWorkload workload = import_vm_arrivals(path, Catalog(), {}, report);
  EXPECT_EQ(report.rows_read, 259'159U);
  EXPECT_EQ(report.rows_used, 259'159U);
  ASSERT_EQ(workload.arrivals().size(), 259'159U);
  EXPECT_EQ(workload.catalog().templates(), 16U);
  EXPECT_THAT(report.notes, Contains("53109 batches (the VMs of one request) are not kept together"));
  EXPECT_THAT(report.notes, Contains("14317 VMs were still running at the trace's end: they stay for good"));
  EXPECT_NEAR(workload.arrivals().back().at.seconds() / 3'600, 83.3, 0.1);
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  std::uint64_t forever = 0;
  double run_time_s = 0;
  for (const PodArrival& arrival : workload.arrivals()) {
    const Resources& request = workload.catalog()[arrival.pod_template].request;
    cpu += request.cpu_milli;
    memory += request.memory_bytes;
    if (arrival.run_time == kForever) {
      ++forever;
    } else {
      run_time_s += arrival.run_time.seconds();
    }
  }
  EXPECT_EQ(cpu, 557'907'000);
  EXPECT_EQ(memory, std::int64_t{4'138'455} << 28);  // 1,034,613.75 * 2^30
  EXPECT_EQ(forever, 14'317U);
  // Each bin's draw has its midpoint as mean; their sum's standard deviation is 1.42e6 s (0.068 %), from
  // the sum of (max - min)^2 / 12.
  EXPECT_NEAR(run_time_s, (1'814'994'900.0 + 2'365'668'900.0) / 2, 5 * 1.42e6);
}

}  // namespace
}  // namespace berth

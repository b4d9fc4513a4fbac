#include "workloads/openb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/nodes_csv.hpp"

namespace berth {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

using test::TempFile;

constexpr const char* kHeader =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

struct Imported {
  MemoryWorkload workload;
  ImportReport report;
};

Imported import_text(const std::string& text, const OpenbOptions& options = {}, Catalog catalog = {}) {
  const TempFile file(text);
  ImportReport report;
  MemoryWorkload workload = import_openb(file.path(), std::move(catalog), options, report);
  return {std::move(workload), std::move(report)};
}

// What importing these rows complains about, without the file's name.
std::string openb_error(const std::string& rows) {
  const TempFile file(kHeader + rows);
  ImportReport report;
  try {
    import_openb(file.path(), Catalog(), {}, report);
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with(file.path() + ":")) << message;
    return message.substr(std::min(message.size(), file.path().size() + 1));
  }
  return "no error";
}

const PodTemplate& template_of(const MemoryWorkload& workload, std::size_t arrival) {
  return workload.catalog()[workload.arrivals()[arrival].pod_template];
}

TEST(Openb, ReplayIsByCreationTimeAndRunsFromScheduledTime) {
  const auto [workload, report] = import_text(std::string(kHeader) +
                                              "late,1000,2048,0,0,,LS,Running,50,90,60\n"
                                              "first,1000,2048,0,0,,LS,Running,10,40,\n"
                                              "tie,2000,4096,1,250,,BE,Pending,50,50,\n"
                                              "stays,1000,2048,0,0,,LS,Running,20,,25\n");
  const auto arrivals = workload.arrivals();
  ASSERT_EQ(arrivals.size(), 4U);
  const auto expect = [&](std::size_t i, const char* name, std::uint32_t row, std::int64_t at, Duration run_time) {
    EXPECT_EQ(workload.pod_name(arrivals[i].row), name);
    EXPECT_EQ(arrivals[i].row, row);
    EXPECT_EQ(arrivals[i].at, Time{} + seconds(at));
    EXPECT_EQ(arrivals[i].run_time, run_time);
  };
  expect(0, "first", 1, 10, seconds(30));  // Never scheduled: from its creation.
  expect(1, "stays", 3, 20, kForever);
  expect(2, "late", 0, 50, seconds(30));  // Before `tie`: rows of one second keep the file's order.
  expect(3, "tie", 2, 50, seconds(0));
  EXPECT_EQ(template_of(workload, 3).request.cpu_milli, 2'000);
  EXPECT_EQ(template_of(workload, 3).request.memory_bytes, std::int64_t{4} << 30);
  EXPECT_EQ(template_of(workload, 3).gpu, (GpuRequest{1, 250, 0}));
  EXPECT_EQ(arrivals[0].pod_template, arrivals[2].pod_template);
  EXPECT_EQ(report.rows_read, 4U);
  EXPECT_EQ(report.rows_used, 4U);
  EXPECT_THAT(report.notes, Contains("2 pods have no scheduled_time: their run time counts from creation_time"));
  EXPECT_THAT(report.notes, Contains("1 pods have no deletion_time: they stay for good"));
}

TEST(Openb, RowsOfOneSecondKeepTheFilesOrder) {
  std::string text = kHeader;  // Two seconds in turn, more rows than a sort that is not stable leaves in place.
  for (int i = 0; i < 400; ++i) {
    const std::string number = std::to_string(i);
    text += "p" + number + ",1,1,0,0,,LS,Running," + (i % 2 == 0 ? "7" : "3") + ",9,\n";
  }
  const auto [workload, report] = import_text(text);
  ASSERT_EQ(workload.arrivals().size(), 400U);
  for (std::uint32_t i = 0; i < 200; ++i) {
    ASSERT_EQ(workload.arrivals()[i].row, 2 * i + 1);
    ASSERT_EQ(workload.arrivals()[200 + i].row, 2 * i);
  }
}

TEST(Openb, FillIsTheFileOrderWithoutTimes) {
  const auto [workload, report] =
      import_text(std::string(kHeader) + "b,1,1,0,0,,LS,Running,50,40,60\na,1,1,0,0,,LS,Running,10,40,\n",
                  {.order = OpenbOrder::kFill});
  ASSERT_EQ(workload.arrivals().size(), 2U);
  for (std::uint32_t i = 0; i < 2; ++i) {
    EXPECT_EQ(workload.arrivals()[i].row, i);
    EXPECT_EQ(workload.arrivals()[i].at, Time{} + seconds(i));
    EXPECT_EQ(workload.arrivals()[i].run_time, kForever);
  }
  EXPECT_EQ(workload.pod_name(0), "b");
  EXPECT_EQ(report.rows_used, 2U);
  EXPECT_THAT(report.notes,
              Contains("the trace's times are not used: row k arrives at k seconds, and pods stay for good"));
}

TEST(Openb, FiveColumnsAreReplayedInFileOrder) {
  const auto [workload, report] = import_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli\nx,1,1,8,1000\ny,1,1,1,1\n");
  ASSERT_EQ(workload.arrivals().size(), 2U);
  EXPECT_EQ(workload.arrivals()[1].at, Time{} + seconds(1));
  EXPECT_EQ(workload.arrivals()[1].run_time, kForever);
  EXPECT_EQ(template_of(workload, 0).gpu, (GpuRequest{8, 1000, 0}));
  EXPECT_THAT(report.notes,
              ElementsAre("the file has no creation_time: row k arrives at k seconds, and pods stay for good"));
}

TEST(Openb, RowsWhoseTimesRunBackwardsAreSkippedAndCounted) {
  const auto [workload, report] = import_text(std::string(kHeader) +
                                              "a,1,1,0,0,,LS,Running,50,40,\n"
                                              "b,1,1,0,0,,LS,Running,50,90,95\n"
                                              "c,1,1,0,0,,LS,Running,50,90,49\n"
                                              "d,1,1,0,0,,LS,Running,50,90,50\n"
                                              "e,1,1,0,0,,LS,Running,60,40,\n");
  ASSERT_EQ(workload.arrivals().size(), 1U);
  EXPECT_EQ(workload.arrivals()[0].row, 3U);
  EXPECT_EQ(workload.pod_name(3), "d");
  EXPECT_EQ(report.rows_read, 5U);
  EXPECT_EQ(report.rows_used, 1U);
  ASSERT_EQ(report.skipped.size(), 3U);
  EXPECT_EQ(report.skipped[0].why, "deletion_time is before creation_time");
  EXPECT_EQ(report.skipped[0].rows, 2U);
  EXPECT_EQ(report.skipped[1].why, "deletion_time is before scheduled_time");
  EXPECT_EQ(report.skipped[1].rows, 1U);
  EXPECT_EQ(report.skipped[2].why, "scheduled_time is before creation_time");
  EXPECT_EQ(report.skipped[2].rows, 1U);
}

TEST(Openb, GpuSpecIsASetOfModels) {
  Catalog catalog;
  catalog.gpu_model("A10");
  catalog.gpu_model("T4");
  const auto [workload, report] = import_text(std::string(kHeader) +
                                                  "a,1,1,1,500,,LS,Running,0,1,0\n"
                                                  "b,1,1,1,500,T4,LS,Running,1,2,1\n"
                                                  "c,1,1,1,500,T4|A10,LS,Running,2,3,2\n"
                                                  "d,1,1,1,500,|A10||T4|T4|,LS,Running,3,4,3\n"
                                                  "e,1,1,1,500,H9|T4,LS,Running,4,5,4\n"
                                                  "f,1,1,0,0,H9,LS,Running,5,6,5\n"
                                                  "g,1,1,1,500,H8|H9,LS,Running,6,7,6\n",
                                              {}, catalog);
  EXPECT_EQ(template_of(workload, 0).gpu.models, 0U);
  EXPECT_EQ(template_of(workload, 1).gpu.models, 0b10U);
  EXPECT_EQ(template_of(workload, 2).gpu.models, 0b11U);
  EXPECT_EQ(template_of(workload, 3).gpu.models, 0b11U);
  // One set, two spellings: the fragmentation experiment's target mix counts them apart.
  EXPECT_EQ(template_of(workload, 2).gpu_spec, "T4|A10");
  EXPECT_EQ(template_of(workload, 3).gpu_spec, "|A10||T4|T4|");
  EXPECT_EQ(template_of(workload, 5).gpu_spec, "");
  EXPECT_EQ(template_of(workload, 4).gpu.models, 0b110U);  // H9 is the third model.
  EXPECT_EQ(template_of(workload, 5).gpu, GpuRequest{});   // Without GPUs the spec says nothing.
  EXPECT_EQ(template_of(workload, 6).gpu.models, 0b1100U);
  EXPECT_THAT(report.notes, Contains("GPU model \"H9\" is named by gpu_spec in 2 rows, but no node has it"));
  EXPECT_THAT(report.notes, Contains("GPU model \"H8\" is named by gpu_spec in 1 rows, but no node has it"));
}

TEST(Openb, LabelsOnlyWhereAskedFor) {
  const std::string text = std::string(kHeader) + "a,1,1,0,0,,LS,Running,0,9,0\nb,1,1,0,0,,BE,Failed,1,9,1\n";
  const auto plain = import_text(text);
  EXPECT_EQ(plain.workload.catalog().templates(), 1U);
  EXPECT_THAT(template_of(plain.workload, 0).labels, IsEmpty());
  const auto labelled = import_text(text, {.label_qos = true, .label_pod_phase = true});
  EXPECT_EQ(labelled.workload.catalog().templates(), 2U);
  EXPECT_THAT(template_of(labelled.workload, 1).labels, ElementsAre(Label{"pod_phase", "Failed"}, Label{"qos", "BE"}));
}

TEST(Openb, RejectsRowsThatContradictThemselves) {
  EXPECT_EQ(openb_error("a,1,1,0,0,,LS,Running,0,1,0\na,1,1,0,0,,LS,Running,0,1,0\n"),
            "3:1: name is \"a\", as on line 2; expected a name that no other pod has");
  EXPECT_EQ(openb_error("a,1,1,0,500,,LS,Running,0,1,0\n"), "2:9: gpu_milli is \"500\", but num_gpu is 0; expected 0");
  EXPECT_EQ(openb_error("a,1,1,1,0,,LS,Running,0,1,0\n"),
            "2:9: gpu_milli is \"0\", but num_gpu is 1; expected 1 to 1000 thousandths of a GPU");
  EXPECT_EQ(openb_error("a,1,1,2,500,,LS,Running,0,1,0\n"),
            "2:9: gpu_milli is \"500\", but num_gpu is 2; expected 1000: only a single GPU can be shared");
  EXPECT_EQ(openb_error("a,1,1,1,1001,,LS,Running,0,1,0\n"),
            "2:9: gpu_milli is \"1001\"; expected a whole number from 0 to 1000");
  EXPECT_EQ(openb_error("a,1,1,17,1000,,LS,Running,0,1,0\n"),
            "2:7: num_gpu is \"17\"; expected a whole number from 0 to 16");
  EXPECT_EQ(openb_error("a,1,-1,0,0,,LS,Running,0,1,0\n"),
            "2:5: memory_mib is \"-1\"; expected a whole number from 0 to 4194304");
  EXPECT_EQ(openb_error("a,1,1,0,0,,LS,Running,-5,1,0\n"),
            "2:23: creation_time is \"-5\"; expected seconds from 0 to 9223372036");
  EXPECT_EQ(openb_error("a,1,1,0,0,,LS,Running,0,nan,0\n"),
            "2:25: deletion_time is \"nan\"; expected seconds from 0 to 9223372036");
}

// data/openb/README.md, row by row.
struct Totals {
  const char* variant;
  std::uint64_t rows;
  std::int64_t cpu_milli, memory_mib, gpu_milli;
  std::uint64_t cpu_only, sharing, one, two, four, eight;
};

MemoryWorkload import_variant(const std::string& variant, const OpenbOptions& options, ImportReport& report) {
  const auto folder = test::shared_dir() / "data/openb";
  Catalog catalog;
  ImportReport nodes_report;
  read_nodes_csv(folder / "openb_node_list_gpu_node.csv", catalog, {}, nodes_report);
  return import_openb(folder / ("openb_pod_list_" + variant + ".csv"), catalog, options, report);
}

TEST(OpenbData, TotalsAreTheReadmes) {
  BERTH_NEEDS_SHARED("data/openb");
  for (const Totals& expected :
       {Totals{"default", 8'152, 85'436'012, 303'546'211, 6'086'800, 1'088, 3'078, 3'911, 16, 15, 44},
        Totals{"gpushare40", 8'152, 80'383'484, 281'701'244, 5'641'250, 1'088, 4'001, 3'001, 12, 11, 39},
        Totals{"gpuspec10", 8'152, 85'436'012, 303'546'211, 6'086'800, 1'088, 3'078, 3'911, 16, 15, 44},
        Totals{"multigpu30", 8'508, 104'869'612, 386'930'083, 8'086'800, 1'088, 3'078, 3'911, 112, 83, 236}}) {
    for (const OpenbOrder order : {OpenbOrder::kReplay, OpenbOrder::kFill}) {
      SCOPED_TRACE(testing::Message() << expected.variant << (order == OpenbOrder::kFill ? " fill" : " replay"));
      ImportReport report;
      const MemoryWorkload workload = import_variant(expected.variant, {.order = order}, report);
      std::int64_t cpu = 0;
      std::int64_t memory = 0;
      std::int64_t gpu = 0;
      std::uint64_t sharing = 0;
      std::map<int, std::uint64_t> by_count;
      std::set<std::uint32_t> rows;
      for (const PodArrival& arrival : workload.arrivals()) {
        const PodTemplate& pod = workload.catalog()[arrival.pod_template];
        cpu += pod.request.cpu_milli;
        memory += pod.request.memory_bytes >> 20;
        gpu += pod.gpu.total_milli();
        ++(pod.gpu.shares() ? sharing : by_count[pod.gpu.count]);
        rows.insert(arrival.row);
      }
      EXPECT_EQ(report.rows_read, expected.rows);
      EXPECT_EQ(report.rows_used, expected.rows);
      EXPECT_THAT(report.skipped, IsEmpty());
      EXPECT_EQ(rows.size(), expected.rows);
      EXPECT_EQ(*rows.rbegin(), expected.rows - 1);
      EXPECT_EQ(cpu, expected.cpu_milli);
      EXPECT_EQ(memory, expected.memory_mib);
      EXPECT_EQ(gpu, expected.gpu_milli);
      EXPECT_EQ(sharing, expected.sharing);
      EXPECT_THAT(by_count,
                  ElementsAre(std::pair(0, expected.cpu_only), std::pair(1, expected.one), std::pair(2, expected.two),
                              std::pair(4, expected.four), std::pair(8, expected.eight)));
      for (const std::string& note : report.notes) EXPECT_FALSE(note.starts_with("GPU model")) << note;
    }
  }
}

TEST(OpenbData, QosPhasesAndTimesOfTheDefaultAreTheReadmes) {
  BERTH_NEEDS_SHARED("data/openb");
  ImportReport report;
  const MemoryWorkload workload = import_variant("default", {.label_qos = true, .label_pod_phase = true}, report);
  std::map<std::string, std::uint64_t> phases;
  std::map<std::string, std::uint64_t> qos;
  for (const PodArrival& arrival : workload.arrivals()) {
    const PodTemplate& pod = workload.catalog()[arrival.pod_template];
    ++phases[pod.labels.at(0).value];
    ++qos[pod.labels.at(1).value];
  }
  EXPECT_THAT(phases, ElementsAre(std::pair("Failed", 1'870U), std::pair("Pending", 897U), std::pair("Running", 5'193U),
                                  std::pair("Succeeded", 192U)));
  EXPECT_THAT(qos, ElementsAre(std::pair("BE", 3'398U), std::pair("Burstable", 100U), std::pair("Guaranteed", 7U),
                               std::pair("LS", 4'647U)));
  EXPECT_EQ(workload.arrivals().front().at, Time{});
  EXPECT_EQ(workload.arrivals().back().at, Time{} + seconds(12'901'761));
  Duration longest{};
  for (const PodArrival& arrival : workload.arrivals()) longest = std::max(longest, arrival.run_time);
  EXPECT_EQ(longest, seconds(12'537'496));
  EXPECT_THAT(report.notes, Contains("897 pods have no scheduled_time: their run time counts from creation_time"));
  EXPECT_THAT(report.notes, Contains("34 pods share the file's last deletion_time, 12902960 s: they probably outlived "
                                     "the trace, and their run times are lower bounds"));
}

// Section 7 of the experiment: 91 shapes of (cpu_milli, gpu_milli, num_gpu, gpu_spec) in the default trace.
TEST(OpenbData, TemplatesAreShapes) {
  BERTH_NEEDS_SHARED("data/openb");
  ImportReport report;
  const MemoryWorkload workload = import_variant("default", {.order = OpenbOrder::kFill}, report);
  std::set<std::tuple<std::int64_t, int, int, std::uint64_t>> shapes;
  for (std::uint32_t id = 0; id < workload.catalog().templates(); ++id) {
    const PodTemplate& pod = workload.catalog()[static_cast<TemplateId>(id)];
    shapes.emplace(pod.request.cpu_milli, pod.gpu.milli, pod.gpu.count, pod.gpu.models);
  }
  EXPECT_EQ(shapes.size(), 91U);
}

}  // namespace
}  // namespace berth

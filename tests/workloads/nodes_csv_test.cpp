#include "workloads/nodes_csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth {
namespace {

using testing::ElementsAre;

using test::TempFile;

// What reading these rows complains about, without the folder.
std::string nodes_error(const std::string& rows) {
  const TempFile file("sn,cpu_milli,memory_mib,gpu,model\n" + rows);
  Catalog catalog;
  ImportReport report;
  try {
    read_nodes_csv(file.path(), catalog, {}, report);
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with(file.path() + ":")) << message;
    return message.substr(std::min(message.size(), file.path().size() + 1));
  }
  return "no error";
}

TEST(NodesCsv, ReadsEveryColumn) {
  const TempFile file("model,sn,rack,gpu,memory_mib,cpu_milli\r\nT4,a,r1,2,1024,8000\r\n,b,r2,0,1,500\r\n");
  Catalog catalog;
  const GpuModelId v100 = catalog.gpu_model("V100");
  ImportReport report;
  const std::vector<NodeSpec> nodes = read_nodes_csv(file.path(), catalog, {.pods = 110}, report);
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].name, "a");
  EXPECT_EQ(nodes[0].allocatable.cpu_milli, 8'000);
  EXPECT_EQ(nodes[0].allocatable.memory_bytes, 1'073'741'824);
  EXPECT_EQ(nodes[0].pods, 110);
  EXPECT_EQ(nodes[0].gpu_count, 2);
  EXPECT_NE(nodes[0].gpu_model, v100);
  EXPECT_EQ(catalog.gpu_model_name(nodes[0].gpu_model), "T4");
  EXPECT_EQ(nodes[1].gpu_count, 0);
  EXPECT_EQ(nodes[1].gpu_model, kNoGpuModel);
  EXPECT_EQ(report.rows_read, 2U);
  EXPECT_EQ(report.rows_used, 2U);
  EXPECT_THAT(report.notes, ElementsAre("columns not read: rack"));
}

TEST(NodesCsv, RejectsWhatNoNodeCanBe) {
  EXPECT_EQ(nodes_error("a,1,1,0,\nb,1,1,0,\na,1,1,0,\n"),
            "4:1: sn is \"a\", as on line 2; expected a name that no other node has");
  EXPECT_EQ(nodes_error(",1,1,0,\n"), "2:1: sn is \"\"; expected the node's name");
  EXPECT_EQ(nodes_error("a,1,1,17,T4\n"), "2:7: gpu is \"17\"; expected a whole number from 0 to 16");
  EXPECT_EQ(nodes_error("a,1,1,16,T4\n"), "no error");
  EXPECT_EQ(nodes_error("a,1,1,1,\n"), "2:9: model is \"\", but the node has GPUs; expected the name of their model");
  EXPECT_EQ(nodes_error("a,1,1,0,T4\n"), "2:9: model is \"T4\", but the node has no GPU; expected an empty field");
  EXPECT_EQ(nodes_error("a,1,1,1,T4|A10\n"), "2:9: model is \"T4|A10\"; expected one model, without \"|\"");
  EXPECT_EQ(nodes_error("a,-1,1,0,\n"), "2:3: cpu_milli is \"-1\"; expected a whole number from 0 to 1000000000000");
  EXPECT_EQ(nodes_error("a,1,9223372036854775808,0,\n"),
            "2:5: memory_mib is \"9223372036854775808\"; expected a whole number from 0 to 4194304");
  EXPECT_EQ(nodes_error("a,NaN,1,0,\n"), "2:3: cpu_milli is \"NaN\"; expected a whole number from 0 to 1000000000000");
}

TEST(NodesCsv, NamesThePlaceOfAModelTooMany) {
  std::string rows;
  for (int i = 0; i < 65; ++i) {
    const std::string number = std::to_string(i);
    rows += "n" + number + ",1,1,1,M" + number + "\n";
  }
  EXPECT_EQ(nodes_error(rows), "66:11: GPU model \"M64\" is one too many; expected at most 64 models");
}

// The table in data/openb/README.md, and the models of the fragmentation experiment's section 2.
struct Totals {
  const char* file;
  std::size_t rows;
  std::int64_t cpu_milli;
  std::int64_t memory_mib;
  std::int64_t gpus;
};

TEST(NodesCsv, OpenbTotals) {
  BERTH_NEEDS_SHARED("data/openb");
  for (const Totals& expected : {Totals{"openb_node_list_all_node.csv", 1'523, 125'514'000, 612'028'416, 6'212},
                                 Totals{"openb_node_list_gpu_node.csv", 1'213, 107'018'000, 503'828'480, 6'212}}) {
    SCOPED_TRACE(expected.file);
    Catalog catalog;
    ImportReport report;
    const auto nodes = read_nodes_csv(test::shared_dir() / "data/openb" / expected.file, catalog, {}, report);
    Totals totals{expected.file, nodes.size(), 0, 0, 0};
    std::map<std::string, std::pair<int, int>> models;  // Nodes and GPUs.
    for (const NodeSpec& node : nodes) {
      totals.cpu_milli += node.allocatable.cpu_milli;
      totals.memory_mib += node.allocatable.memory_bytes >> 20;
      totals.gpus += node.gpu_count;
      EXPECT_EQ(node.pods, 1'001);
      if (node.gpu_count == 0) continue;
      auto& [count, gpus] = models[catalog.gpu_model_name(node.gpu_model)];
      ++count;
      gpus += node.gpu_count;
    }
    EXPECT_EQ(totals.rows, expected.rows);
    EXPECT_EQ(totals.cpu_milli, expected.cpu_milli);
    EXPECT_EQ(totals.memory_mib, expected.memory_mib);
    EXPECT_EQ(totals.gpus, expected.gpus);
    EXPECT_EQ(report.rows_read, expected.rows);
    EXPECT_EQ(report.rows_used, expected.rows);
    EXPECT_THAT(report.notes, ElementsAre());
    EXPECT_THAT(models, ElementsAre(std::pair("A10", std::pair(2, 2)), std::pair("G2", std::pair(549, 4'392)),
                                    std::pair("G3", std::pair(39, 312)), std::pair("P100", std::pair(134, 265)),
                                    std::pair("T4", std::pair(404, 842)), std::pair("V100M16", std::pair(55, 195)),
                                    std::pair("V100M32", std::pair(30, 204))));
  }
}

}  // namespace
}  // namespace berth

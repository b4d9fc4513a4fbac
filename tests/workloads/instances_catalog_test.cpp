// Instance types: prices and sizes against rows of the lists, what is left for pods against the providers' formulas.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/cluster/kube_objects.hpp"
#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/shared_data.hpp"
#include "workloads/instances/instance_catalog.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMib = std::int64_t{1} << 20;
constexpr std::int64_t kGib = std::int64_t{1} << 30;

const InstanceType& builtin(const char* name) {
  return builtin_instances().at(name, "test");
}

struct Left {
  const char* name;
  const char* type;
  std::int64_t cpu_milli;
  std::int64_t memory_bytes;
  std::int64_t disk_bytes;
};
using AllocatableTest = testing::TestWithParam<Left>;
TEST_P(AllocatableTest, IsCapacityLessWhatIsReserved) {
  Catalog catalog;
  const InstanceType& type = builtin(GetParam().type);
  const NodeSpec node = node_of(type, *type.find_offering("", kOnDemand), "n", catalog);
  EXPECT_EQ(node.allocatable.cpu_milli, GetParam().cpu_milli);
  EXPECT_EQ(node.allocatable.memory_bytes, GetParam().memory_bytes);
  EXPECT_EQ(node.allocatable.ephemeral_storage_bytes, GetParam().disk_bytes);
}
INSTANTIATE_TEST_SUITE_P(
    Table, AllocatableTest,
    testing::Values(
        // 8192 - ceil(614.4) - (255 + 11 * 29) - 100; 60 + 10 m; 20 - 1 - 2 GiB.
        Left{"EksTwoCores", "m5.large", 1'930, (8'192 - 615 - 574 - 100) * kMib, 17 * kGib},
        // 16384 - ceil(1228.8) - (255 + 11 * 58) - 100; 60 + 10 + 5 + 5 m.
        Left{"EksFourCores", "m5.xlarge", 3'920, (16'384 - 1'229 - 893 - 100) * kMib, 17 * kGib},
        // 8 cores: 80 m for four, 2.5 m for each of four more. 62464 * 0.075 = 4684.8.
        Left{"EksEightCores", "p3.2xlarge", 7'910, (62'464 - 4'685 - 893 - 100) * kMib, 17 * kGib},
        // min(20 * 110 + 50, 8192 / 4 = 2048); 100 m of two cores; 128 GiB less a tenth.
        Left{"AksQuarter", "Standard_D2s_v5", 1'900, (8'192 - 615 - 2'048 - 100) * kMib, 128 * kGib - 128 * kGib / 10},
        Left{"AksPerPod", "Standard_D4s_v5", 3'860, (16'384 - 1'229 - 2'250 - 100) * kMib,
             128 * kGib - 128 * kGib / 10},
        // 6 cores: 140 m for four, 10 m each for two.
        Left{"AksSixCores", "Standard_NC6s_v3", 5'840, (114'688 - 8'602 - 2'250 - 100) * kMib,
             128 * kGib - 128 * kGib / 10},
        // 25 % of 4 GiB, 20 % of 4 GiB, 10 % of 8 GiB = 1024 + 819.2 + 819.2 MiB, each share in whole bytes; 49 GiB of
        // disk: 100 - (6 + 35) - 10.
        Left{"GkeFourCores", "e2-standard-4", 3'920, 16 * kGib - kGib - 4 * kGib / 5 - 8 * kGib / 10 - 100 * kMib,
             49 * kGib},
        // And 6 % of the 16 GiB above; 85 GiB less.
        Left{"GkeEightCores", "n2-standard-8", 7'910,
             32 * kGib - kGib - 4 * kGib / 5 - 8 * kGib / 10 - 16 * kGib * 6 / 100 - 100 * kMib, 49 * kGib},
        Left{"GkeSharedCore", "e2-medium", 940, 3 * kGib - 100 * kMib, 49 * kGib}),
    test::CaseName{});

TEST(Instances, ANodeHasTheCloudsLabels) {
  Catalog catalog;
  const InstanceType& type = builtin("g4dn.xlarge");
  const NodeSpec spec = node_of(type, *type.find_offering("us-east-1b", kOnDemand), "gpu-1", catalog);
  EXPECT_EQ(spec.name, "gpu-1");
  EXPECT_EQ(spec.pods, 29);
  const std::vector<Label> labels = {{"karpenter.sh/capacity-type", "on-demand"},
                                     {"kubernetes.io/arch", "amd64"},
                                     {"kubernetes.io/hostname", "gpu-1"},
                                     {"kubernetes.io/os", "linux"},
                                     {"node.kubernetes.io/instance-type", "g4dn.xlarge"},
                                     {"topology.kubernetes.io/region", "us-east-1"},
                                     {"topology.kubernetes.io/zone", "us-east-1b"}};
  EXPECT_EQ(spec.labels, labels);
  ASSERT_EQ(spec.extended.size(), 1U);
  EXPECT_EQ(catalog.extended_name(spec.extended[0].resource), "nvidia.com/gpu");
  EXPECT_EQ(spec.extended[0].amount, 1);
  ASSERT_NE(spec.node, nullptr);
  const kube::Resource seen = kube::to_resource(spec.node->allocatable);
  EXPECT_EQ(seen.milli_cpu, spec.allocatable.cpu_milli);
  EXPECT_EQ(seen.memory, spec.allocatable.memory_bytes);
  EXPECT_EQ(seen.allowed_pods, 29);
  EXPECT_EQ(seen.scalar_or_zero("nvidia.com/gpu"), 1);
  EXPECT_EQ(*spec.node->labels.find("node.kubernetes.io/instance-type"), "g4dn.xlarge");
}

TEST(Instances, RentIsByTheSecondWithAMinuteAtLeast) {
  EXPECT_DOUBLE_EQ(rent_usd(3.6, seconds(3'600)), 3.6);
  EXPECT_DOUBLE_EQ(rent_usd(3.6, seconds(61)), 0.061);
  EXPECT_DOUBLE_EQ(rent_usd(3.6, seconds(1)), 0.060);
  EXPECT_DOUBLE_EQ(rent_usd(3.6, milliseconds(60'001)), 0.061);
  EXPECT_DOUBLE_EQ(rent_usd(3.6, Duration{}), 0);
}

TEST(Instances, BuiltInTypes) {
  EXPECT_EQ(builtin_instances().types.size(), 18U);
  EXPECT_DOUBLE_EQ(builtin("e2-standard-4").find_offering("", kSpot)->usd_per_hour, 0.04021);
  EXPECT_EQ(builtin("m5.large").find_offering("", kSpot), nullptr);
  EXPECT_EQ(builtin("m5.large").network_bits_per_second, 750'000'000);
  EXPECT_EQ(builtin("m6g.xlarge").arch, "arm64");
  try {
    builtin_instances().at("m5.larg", "study.yaml:3:9: type");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(),
                 "study.yaml:3:9: type is \"m5.larg\"; expected one of the catalogue's 18 instance types; did "
                 "you mean \"m5.large\"?");
  }
}

struct ListCase {
  const char* name;
  const char* file;
  std::uint64_t rows;
  std::uint64_t skipped;
  const char* type;
  std::int64_t vcpu;
  std::int64_t mem_mb;
  std::int64_t gpus;
  std::int64_t max_pods;
  const char* zone;
  double price;
  double spot;  // 0: none.
};
using PriceListTest = testing::TestWithParam<ListCase>;
TEST_P(PriceListTest, RowsAreAccountedFor) {
  const ListCase& c = GetParam();
  BERTH_NEEDS_SHARED(std::string("data/instance-catalog/") + c.file);
  ImportReport report;
  const InstanceCatalog list = read_instance_catalog(test::shared_dir() / "data/instance-catalog" / c.file, report);
  EXPECT_EQ(report.rows_read, c.rows);
  EXPECT_EQ(report.rows_used, c.rows - c.skipped);
  EXPECT_EQ(list.types.size(), c.rows - c.skipped);
  const InstanceType& type = list.at(c.type, "test");
  EXPECT_EQ(type.capacity.cpu_milli, c.vcpu * 1'000);
  EXPECT_EQ(type.capacity.memory_bytes, c.mem_mb * kMib);
  EXPECT_EQ(type.gpus(), c.gpus);
  EXPECT_EQ(type.max_pods, c.max_pods);
  ASSERT_NE(type.find_offering(c.zone, kOnDemand), nullptr);
  EXPECT_DOUBLE_EQ(type.find_offering(c.zone, kOnDemand)->usd_per_hour, c.price);
  const Offering* spot = type.find_offering(c.zone, kSpot);
  EXPECT_DOUBLE_EQ(spot == nullptr ? 0 : spot->usd_per_hour, c.spot);
  for (const InstanceType& t : list.types) {  // Something is left of every machine that is worth a node.
    const Resources kept = reserved(t);
    EXPECT_LE(kept.memory_bytes, t.capacity.memory_bytes) << t.name;
    EXPECT_LE(kept.cpu_milli, t.capacity.cpu_milli) << t.name;
  }
}
// Rows by README.md of the lists, 7 of AWS without price; Azure's Standard_B1ls has 0.5 GB, which the lists call 0; the
// types' values typed from the files.
INSTANTIATE_TEST_SUITE_P(Table, PriceListTest,
                         testing::Values(ListCase{"Aws", "aws_us-east-1.csv", 1'108, 7, "a1.4xlarge", 16, 32'768, 0,
                                                  234, "us-east-1c", 0.408, 0},
                                         ListCase{"AwsGpu", "aws_us-east-1.csv", 1'108, 7, "p3.2xlarge", 8, 62'464, 1,
                                                  58, "us-east-1a", 3.06, 0},
                                         ListCase{"Azure", "azure_eastus.csv", 1'293, 1, "Standard_A2m_v2", 2, 16'384,
                                                  0, 110, "eastus-2", 0.119, 0},
                                         ListCase{"AzureAsia", "azure_southeastasia.csv", 1'247, 1, "Standard_A4_v2", 4,
                                                  8'192, 0, 110, "southeastasia-1", 0.198, 0},
                                         ListCase{"AzureEurope", "azure_westeurope.csv", 1'335, 1, "Standard_A1_v2", 1,
                                                  2'048, 0, 110, "westeurope-3", 0.041, 0},
                                         ListCase{"Gcp", "gcp_us-central1.csv", 215, 0, "n2-standard-4", 4, 16'384, 0,
                                                  110, "us-central1-b", 0.1942, 0.047}),
                         test::CaseName{});

TEST(PriceLists, GoogleHasSpotPricesForAllBut27) {
  BERTH_NEEDS_SHARED("data/instance-catalog/gcp_us-central1.csv");
  ImportReport report;
  const InstanceCatalog list =
      read_instance_catalog(test::shared_dir() / "data/instance-catalog/gcp_us-central1.csv", report);
  EXPECT_EQ(
      std::ranges::count_if(list.types, [](const InstanceType& t) { return t.find_offering("", kSpot) == nullptr; }),
      27);
}

constexpr const char* kKarpenter = R"([
  {"name": "c-2x", "architecture": "arm64", "operatingSystems": ["linux"],
   "resources": {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "20Gi", "pods": "16", "nvidia.com/gpu": "1"},
   "offerings": [
     {"Price": 0.05, "Available": true, "Requirements": [
       {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]},
       {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["test-zone-a"]}]},
     {"capacityType": "on-demand", "zone": "test-zone-b", "price": 0.08},
     {"CapacityType": "on-demand", "Zone": "test-zone-c", "Price": 0.07, "Available": false}]},
  {"name": "m-1x", "operatingSystems": {"windows": {}}, "resources": {"cpu": 1, "memory": "1500M"}, "offerings": []}
])";

TEST(KarpenterTypes, AllSpellings) {
  ImportReport report;
  const InstanceCatalog list = read_karpenter_types(kKarpenter, "types.json", report);
  ASSERT_EQ(list.types.size(), 2U);
  EXPECT_EQ(report.rows_read, 2U);
  EXPECT_EQ(report.rows_used, 2U);
  const InstanceType& type = list.types[0];
  EXPECT_EQ(type.capacity, (Resources{2'000, 4 * kGib, 20 * kGib}));
  EXPECT_EQ(type.max_pods, 16);
  EXPECT_EQ(type.gpus(), 1);
  EXPECT_EQ(type.arch, "arm64");
  const std::vector<Offering> offerings = {{"test-zone-a", "spot", 0.05, true},
                                           {"test-zone-b", "on-demand", 0.08, true},
                                           {"test-zone-c", "on-demand", 0.07, false}};
  EXPECT_EQ(type.offerings, offerings);
  EXPECT_EQ(type.find_offering("test-zone-c", kOnDemand), nullptr);  // Not to be had.
  EXPECT_EQ(reserved(type), (Resources{100, 10 * kMib, 0}));
  EXPECT_EQ(list.types[1].os, "windows");
  EXPECT_EQ(list.types[1].max_pods, 110);
  EXPECT_EQ(list.types[1].capacity.memory_bytes, 1'500'000'000);
}

struct Bad {
  const char* name;
  const char* text;
  const char* message;
};
using InstancesErrorTest = testing::TestWithParam<Bad>;
TEST_P(InstancesErrorTest, NamesThePlace) {
  ImportReport report;
  const std::string_view text = GetParam().text;
  try {
    if (text.starts_with("type")) {
      read_instance_csv("p.csv", std::string(text), CloudProvider::kAws, "r", report);
    } else {
      read_karpenter_types(text, "k.yaml", report);
    }
    FAIL() << "no error";
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with(GetParam().message)) << error.what();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, InstancesErrorTest,
    testing::Values(
        Bad{"NoCores", "type,vcpu,mem_mb,usd_per_hour\nx,0,1,1\n", "p.csv:2:3: vcpu is \"0\""},
        Bad{"NegativeMemory", "type,vcpu,mem_mb,usd_per_hour\nx,1,-1,1\n", "p.csv:2:5: mem_mb is \"-1\""},
        Bad{"NegativePrice", "type,vcpu,mem_mb,usd_per_hour\nx,1,1,-1\n", "p.csv:2:7: usd_per_hour is \"-1\""},
        Bad{"Twice", "type,vcpu,mem_mb,usd_per_hour\nx,1,1,1\nx,1,1,1\n", "p.csv:3:1: type is \"x\", as on line 2"},
        Bad{"NoName", "type,vcpu,mem_mb,usd_per_hour\n,1,1,1\n", "p.csv:2:1: type is \"\""},
        Bad{"NoArchitecture", "type,vcpu,mem_mb,arch,usd_per_hour\nx,1,1,,1\n", "p.csv:2:7: arch is \"\""},
        Bad{"NoPriceColumn", "type,vcpu,mem_mb\n", "p.csv:1"},
        Bad{"NoList", "name: x", "k.yaml:1:1: the document is no list"},
        Bad{"NoResources", "[{name: x, offerings: []}]", "k.yaml:1:2: [0]"},
        Bad{"NoCpu", "[{name: x, offerings: [], resources: {memory: 1Gi}}]", "k.yaml:1:38: [0].resources has no cpu"},
        Bad{"NoMem", "[{name: x, offerings: [], resources: {cpu: 1}}]", "k.yaml:1:38: [0].resources has no memory"},
        Bad{"NoZone", "[{name: x, resources: {cpu: 1, memory: 1Gi}, offerings: [{capacityType: spot, price: 1}]}]",
            "k.yaml:1:58: [0].offerings[0] has no zone"},
        Bad{"NoPrice", "[{name: x, resources: {cpu: 1, memory: 1Gi}, offerings: [{capacityType: spot, zone: a}]}]",
            "k.yaml:1:58: [0].offerings[0] has no price"},
        Bad{"NoCapacityType", "[{name: x, resources: {cpu: 1, memory: 1Gi}, offerings: [{price: 1, zone: a}]}]",
            "k.yaml:1:58: [0].offerings[0] has no capacityType"},
        Bad{"TwoZones",
            "[{name: x, resources: {cpu: 1, memory: 1Gi}, offerings: [{price: 1, requirements: [{key: "
            "topology.kubernetes.io/zone, operator: In, values: [a, b]}]}]}]",
            "k.yaml:1:141: [0].offerings[0].requirements[0].values has not one value"},
        Bad{"UnknownKey", "[{name: x, cpus: 3}]", "k.yaml:1:12: [0] has an unknown key \"cpus\""}),
    test::CaseName{});

TEST(PriceLists, AFileSaysByItsNameWhatItIs) {
  ImportReport report;
  EXPECT_THROW(read_instance_catalog("prices.csv", report), InputError);
  EXPECT_THROW(read_instance_catalog("aws_.csv", report), InputError);
}

}  // namespace
}  // namespace berth

// Groups of machines as scenarios spell them: what they read as, and what is refused.
#include "workloads/node_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sim/cluster/kube_objects.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/instances/instance_catalog.hpp"

namespace berth::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

NodeGroups read(const std::string& text, const std::filesystem::path& base = ".") {
  Catalog catalog;
  return read_node_groups(parse_yaml(text, "s.yaml"), catalog, base);
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "taken";
}

std::string label(const NodeSpec& node, const std::string& key) {
  for (const Label& l : node.labels) {
    if (l.key == key) return l.value;
  }
  return "<none>";
}

TEST(NodeGroupsTest, InstanceTypeGivesRoomLabelsAndPrice) {
  const NodeGroups read_groups = read(
      "- {name: web, instanceType: m5.xlarge, zone: us-east-1b, min: 1, max: 9, labels: {tier: web},\n"
      "   taints: [{key: dedicated, value: web, effect: NoSchedule}]}\n");
  ASSERT_EQ(read_groups.groups.size(), 1U);
  const NodeGroupSpec& g = read_groups.groups[0];
  EXPECT_DOUBLE_EQ(g.usd_per_hour, 0.192);  // The list's price of 2026-07.
  EXPECT_EQ(g.min_size, 1);
  EXPECT_EQ(g.max_size, 9);
  EXPECT_EQ(g.initial_size, 1);
  EXPECT_EQ(g.capacity_cpu_milli, 4'000);
  // 4 cores less 60 + 10 + 5 + 5 m (docs/node-autoscalers.md).
  EXPECT_EQ(g.machine.allocatable.cpu_milli, 3'920);
  EXPECT_EQ(g.machine.pods, 58);
  const NodeSpec node = node_of_group(g, 7);
  EXPECT_EQ(node.name, "web-7");
  EXPECT_EQ(node.node->name, "web-7");
  EXPECT_EQ(label(node, "kubernetes.io/hostname"), "web-7");
  EXPECT_EQ(label(node, "topology.kubernetes.io/zone"), "us-east-1b");
  EXPECT_EQ(label(node, "node.kubernetes.io/instance-type"), "m5.xlarge");
  EXPECT_EQ(label(node, "karpenter.sh/capacity-type"), "on-demand");
  EXPECT_EQ(label(node, "tier"), "web");
  EXPECT_EQ(label(node, kNodeGroupLabel), "web");
  ASSERT_EQ(node.node->taints.size(), 1U);
  EXPECT_EQ(node.node->taints[0].key, "dedicated");
  EXPECT_DOUBLE_EQ(g.boot_time.mean(), 210);
}

TEST(NodeGroupsTest, OwnMachineZonesAndInitialNodes) {
  const NodeGroups g = read(
      "- {name: pool, cpu: 3500m, memory: 14Gi, pods: 30, zones: [a, b], min: 0, max: 3, initial: 2, price: 0.1,\n"
      "   capacityType: spot, extended: {example.com/nic: 2}, bootTime: '45', readyTime: constant(value=5)}\n");
  ASSERT_EQ(g.groups.size(), 2U);
  EXPECT_EQ(g.groups[0].name, "pool-a");
  EXPECT_EQ(g.groups[1].name, "pool-b");
  EXPECT_EQ(label(g.groups[1].machine, "topology.kubernetes.io/zone"), "b");
  EXPECT_EQ(label(g.groups[1].machine, "karpenter.sh/capacity-type"), "spot");
  EXPECT_DOUBLE_EQ(g.groups[0].boot_time.mean(), 45);
  EXPECT_DOUBLE_EQ(g.groups[0].ready_time.mean(), 5);
  ASSERT_EQ(g.groups[0].machine.extended.size(), 1U);
  EXPECT_EQ(g.groups[0].machine.extended[0].amount, 2);
  const std::vector<NodeSpec> nodes = g.initial_nodes();
  ASSERT_EQ(nodes.size(), 4U);
  EXPECT_EQ(nodes[0].name, "pool-a-0");
  EXPECT_EQ(nodes[3].name, "pool-b-1");
  EXPECT_EQ(nodes[3].allocatable.cpu_milli, 3'500);
}

TEST(NodeGroupsTest, CatalogueFile) {
  const TempDir dir;
  std::ofstream(dir.path() / "gcp_moon-1.csv") << "type,vcpu,mem_mb,shared_core,usd_per_hour,spot_usd_per_hour\n"
                                                  "rover-8,8,32768,0,2.5,0.5\n";
  const NodeGroups g =
      read("- {name: r, instanceType: rover-8, instances: gcp_moon-1.csv, capacityType: spot, min: 0, max: 1}\n",
           dir.path());
  EXPECT_DOUBLE_EQ(g.groups.at(0).usd_per_hour, 0.5);
  ASSERT_EQ(g.inputs.size(), 1U);
  EXPECT_THAT(g.inputs[0], HasSubstr("gcp_moon-1.csv"));
}

TEST(NodeGroupsTest, Refusals) {
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlrge, max: 2}\n"),
              testing::AllOf(StartsWith("s.yaml:1:"), HasSubstr("m5.xlarge")));
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlarge, max: 2, maxx: 3}\n"), HasSubstr("did you mean"));
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlarge, min: 3, max: 2}\n"), HasSubstr("below min"));
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlarge, max: 2, initial: 3}\n"), HasSubstr("expected 0 to 2"));
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlarge, cpu: '4', max: 2}\n"), HasSubstr("beside"));
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlarge, max: 2, zone: us-east-9z}\n"), HasSubstr("us-east-1a"));
  EXPECT_THAT(refusal("- {name: a, instanceType: m5.xlarge, max: 2, capacityType: spot}\n"), HasSubstr("price"));
  EXPECT_THAT(refusal("- {name: a, cpu: '4', memory: 8Gi, max: 2}\n- {name: a, cpu: '4', memory: 8Gi, max: 2}\n"),
              HasSubstr("second group"));
  EXPECT_THAT(refusal("- {name: a, cpu: '4', max: 2}\n"), HasSubstr("memory"));
  EXPECT_THAT(refusal("- {name: a, cpu: '4', memory: 8Gi, max: 2, extended: {cpu: 2}}\n"), HasSubstr("extended"));
  EXPECT_EQ(refusal("- {name: a, instanceType: m5.xlarge, max: 2, capacityType: spot, price: 0.07}\n"), "taken");
}

}  // namespace
}  // namespace berth::test

// A scenario's file with its objects, traffic and faults behind it.
#include "workloads/scenario_documents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/engine/error.hpp"
#include "workloads/scenario.hpp"

namespace berth {
namespace {

TEST(ScenarioDocuments, EachKeepsItsLines) {
  const ScenarioDocuments parts = split_scenario_documents(
      "kind: Scenario\nname: a\n---\napiVersion: v1\nkind: Pod\n---\napiVersion: berth.dev/v1alpha1\nkind: Traffic\n"
      "---\nkind: Service\n---\napiVersion: berth.dev/v1alpha1\nkind: FaultPlan\n");
  EXPECT_EQ(parts.scenario, "kind: Scenario\nname: a\n\n\n\n\n\n\n\n\n\n\n\n");
  EXPECT_EQ(parts.manifests, "\n\n---\napiVersion: v1\nkind: Pod\n\n\n\n---\nkind: Service\n\n\n\n");
  EXPECT_EQ(parts.traffic, "\n\n\n\n\n\napiVersion: berth.dev/v1alpha1\nkind: Traffic\n\n\n\n\n\n");
  EXPECT_EQ(parts.faults, "\n\n\n\n\n\n\n\n\n\n\napiVersion: berth.dev/v1alpha1\nkind: FaultPlan\n");
}

TEST(ScenarioDocuments, OneDocumentIsLeftAlone) {
  const ScenarioDocuments parts = split_scenario_documents("---\n# a comment\nkind: Scenario\n");
  EXPECT_EQ(parts.scenario, "---\n# a comment\nkind: Scenario\n");
  EXPECT_TRUE(parts.manifests.empty() && parts.traffic.empty() && parts.faults.empty());
}

constexpr const char* kHead = R"(apiVersion: berth.dev/v1alpha1
kind: Scenario
name: s
horizon: 1h
nodes: [{name: n, cpu: "4", memory: 8Gi}]
)";
constexpr const char* kPod = R"(---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: "nginx:1.27"}]}
)";

TEST(ScenarioOfObjects, ReadsThem) {
  const Scenario s = parse_scenario(
      std::string(kHead) + "kubelet: {maxConcurrentDownloads: 5, evictionImagefsAvailable: 12.5%}\n" + kPod, "s.yaml",
      {});
  ASSERT_NE(s.manifests, nullptr);
  EXPECT_EQ(s.manifests->objects.size(), 1U);
  ASSERT_NE(s.node_model, nullptr);
  EXPECT_EQ(s.node_model->images.pull.max_concurrent_downloads, 5U);
  EXPECT_EQ(s.node_model->kubelet.eviction_imagefs_percent, 12.5);
  EXPECT_EQ(s.node_model->kubelet.eviction_nodefs_percent, 10);  // The kubelet's default.
  ASSERT_NE(s.images, nullptr);
  EXPECT_GT(s.images->catalog.compressed_bytes(s.images->of("nginx:1.27")), 0);
}

struct Bad {
  const char* text;
  const char* message;
};
TEST(ScenarioOfObjects, RefusesWithPlaceAndReason) {
  const Bad cases[] = {
      {"workload: {synthetic: {}}\n", "expected one of the two"},
      {"kubelet: {serialiseImagePulls: true}\n", "did you mean \"serializeImagePulls\""},
      {"kubelet: {maxParallelImagePulls: 4}\n", "expected \"serializeImagePulls: false\" beside it"},
      {"kubelet: {imageGCHighThresholdPercent: 70}\n", "expected low < high"},
      {"kubelet: {evictionNodefsAvailable: 10}\n", "is \"10\"; expected a share of the disk below 100%"},
      {"kubelet: {evictionImagefsAvailable: 100%}\n", "expected a share of the disk below 100%"},
      {"kubelet: {networkIn: \"0\"}\n", "bytes per second"},
      {"images: {}\n", "expected \"kubelet: {}\" beside it"},
      {"kubelet: {}\nimages: {catalogue: nowhere}\n", "which is no folder"},
      {"kubelet: {}\nimages: {registries: [{host: a}, {host: a}]}\n", "expected each registry once"},
      {"kubelet: {}\nmanifests: [nowhere.yaml]\n", "is given twice"},
  };
  for (const Bad& c : cases) {
    const std::string kubelet = std::string(c.text).find("kubelet") == std::string::npos &&
                                        std::string(c.text).find("images") == std::string::npos
                                    ? "kubelet: {}\n"
                                    : "";
    EXPECT_THAT([&] { parse_scenario(std::string(kHead) + kubelet + c.text + kPod, "s.yaml", "."); },
                testing::ThrowsMessage<InputError>(
                    testing::AllOf(testing::StartsWith("s.yaml:"), testing::HasSubstr(c.message))))
        << c.text;
  }
}

}  // namespace
}  // namespace berth

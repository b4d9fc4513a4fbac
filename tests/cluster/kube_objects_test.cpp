// Expected values: the API reference, the documentation of init containers, sidecars and pod-level resources, by hand.
#include "sim/cluster/kube_objects.hpp"

#include <gtest/gtest.h>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

Quantity quantity(const char* text, const char* resource = "cpu") {
  return parse_resource_quantity(text, resource, "test");
}

Container container(const char* cpu, bool sidecar = false) {
  Container c;
  if (*cpu != 0) c.requests.set("cpu", quantity(cpu));
  c.restart_always = sidecar;
  return c;
}

std::int64_t milli_cpu(const Pod& pod, const RequestOptions& options = {}) {
  return to_resource(pod_requests(pod, options)).milli_cpu;
}

TEST(KubeQuantity, RoundsUpOnceAfterTheSum) {
  // Two halves of a millicore: 0.5m + 0.5m = 1m, not 2m.
  Pod pod;
  pod.containers = {container("0.0005"), container("0.0005")};
  EXPECT_EQ(milli_cpu(pod), 1);
  pod.containers.push_back(container("0.0001"));
  EXPECT_EQ(milli_cpu(pod), 2);
}

TEST(KubeQuantity, Suffixes) {
  EXPECT_EQ(quantity("1500m").milli_value(), 1500);
  EXPECT_EQ(quantity("2").milli_value(), 2000);
  EXPECT_EQ(quantity("64Gi", "memory").value(), 68'719'476'736);
  EXPECT_EQ(quantity("1e3", "memory").value(), 1000);
  EXPECT_EQ(quantity("100m", "memory").value(), 1);  // A tenth of a byte rounds up.
  EXPECT_EQ(quantity("9223372036854775807", "memory").value(), 9'223'372'036'854'775'807);
  EXPECT_EQ(quantity("1.5Gi", "memory").value(), 1'610'612'736);
}

TEST(KubeQuantity, RefusesWhatIsNone) {
  for (const char* text : {"", "abc", "-1", "1.2.3", "5 cores", "1Zi"}) {
    EXPECT_THROW(quantity(text), InputError) << text;
  }
}

struct RequestCase {
  const char* name;
  std::vector<Container> containers;
  std::vector<Container> init;
  const char* overhead;
  const char* pod_level;
  std::int64_t expected;
};
using PodRequests = testing::TestWithParam<RequestCase>;

TEST_P(PodRequests, Cpu) {
  Pod pod;
  pod.containers = GetParam().containers;
  pod.init_containers = GetParam().init;
  if (*GetParam().overhead != 0) pod.overhead.set("cpu", quantity(GetParam().overhead));
  if (*GetParam().pod_level != 0) {
    pod.pod_requests.set("cpu", quantity(GetParam().pod_level));
    pod.has_pod_requests = true;
  }
  EXPECT_EQ(milli_cpu(pod), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table, PodRequests,
    testing::Values(
        RequestCase{"Sum", {container("1"), container("500m")}, {}, "", "", 1500},
        RequestCase{"LargestInitContainer", {container("1")}, {container("3"), container("2")}, "", "", 3000},
        RequestCase{"SmallInitContainer", {container("1")}, {container("500m")}, "", "", 1000},
        RequestCase{"SidecarRunsOn", {container("1")}, {container("200m", true)}, "", "", 1200},
        // The second init container runs beside the sidecar started before it: 200m + 1500m.
        RequestCase{"InitBesideSidecar", {container("1")}, {container("200m", true), container("1500m")}, "", "", 1700},
        RequestCase{"InitBeforeSidecar", {container("1")}, {container("1500m"), container("200m", true)}, "", "", 1500},
        RequestCase{"OverheadOnTop", {container("1")}, {container("3")}, "250m", "", 3250},
        RequestCase{"PodLevelReplaces", {container("1")}, {container("3")}, "250m", "2", 2250},
        RequestCase{"Nothing", {container("")}, {}, "", "", 0}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(PodRequestsFill, PutsInForContainersThatAskForNothing) {
  Pod pod;
  pod.containers = {container(""), container("0"), container("50m")};
  // 100m for the first alone: an explicit 0 stays 0.
  EXPECT_EQ(milli_cpu(pod, {.fill = &default_requests()}), 150);
  EXPECT_EQ(to_resource(pod_requests(pod, {.fill = &default_requests()})).memory, 3 * 200 * (std::int64_t{1} << 20));
}

TEST(ResourceNames, Kinds) {
  EXPECT_TRUE(is_extended_resource_name("nvidia.com/gpu"));
  EXPECT_FALSE(is_extended_resource_name("cpu"));
  EXPECT_FALSE(is_extended_resource_name("kubernetes.io/thing"));
  EXPECT_TRUE(is_scalar_resource_name("hugepages-2Mi"));
  EXPECT_TRUE(is_scalar_resource_name("kubernetes.io/thing"));
  EXPECT_FALSE(is_scalar_resource_name("storage"));
}

struct SelectorCase {
  SelectorOperator op;
  std::vector<std::string> values;
  const char* label;  // Null: the node lacks it.
  bool expected;
};
using RequirementMatches = testing::TestWithParam<SelectorCase>;

TEST_P(RequirementMatches, AsDocumented) {
  const auto& [op, values, label, expected] = GetParam();
  StringMap labels;
  labels.set("other", "x");
  if (label != nullptr) labels.set("key", label);
  EXPECT_EQ(matches(Requirement{"key", op, values}, labels), expected);
}
using enum SelectorOperator;
INSTANTIATE_TEST_SUITE_P(
    Table, RequirementMatches,
    testing::Values(SelectorCase{kIn, {"a", "b"}, "b", true}, SelectorCase{kIn, {"a"}, "b", false},
                    SelectorCase{kIn, {"a"}, nullptr, false}, SelectorCase{kNotIn, {"a"}, "b", true},
                    SelectorCase{kNotIn, {"a"}, "a", false}, SelectorCase{kNotIn, {"a"}, nullptr, true},
                    SelectorCase{kExists, {}, "", true}, SelectorCase{kExists, {}, nullptr, false},
                    SelectorCase{kDoesNotExist, {}, nullptr, true}, SelectorCase{kDoesNotExist, {}, "a", false},
                    SelectorCase{kGt, {"5"}, "6", true}, SelectorCase{kGt, {"5"}, "5", false},
                    SelectorCase{kLt, {"5"}, "-7", true}, SelectorCase{kLt, {"5"}, "five", false},
                    SelectorCase{kGt, {"5"}, nullptr, false}));

TEST(LabelSelector, AbsentMatchesNothingEmptyMatchesAll) {
  EXPECT_FALSE(LabelSelector{}.matches(StringMap()));
  EXPECT_TRUE(LabelSelector::everything().matches(StringMap()));
}

TEST(NodeSelectorTerms, AreAlternativesAndEmptyOnesMatchNothing) {
  StringMap labels;
  labels.set("zone", "a");
  const NodeSelectorTerm wrong{{{"zone", kIn, {"b"}}}, {}};
  const NodeSelectorTerm right{{{"zone", kIn, {"a"}}}, {{"metadata.name", kIn, {"n1"}}}};
  EXPECT_TRUE(matches({wrong, right}, labels, "n1"));
  EXPECT_FALSE(matches({wrong, right}, labels, "n2"));
  EXPECT_FALSE(matches({NodeSelectorTerm{}}, labels, "n1"));
  EXPECT_FALSE(matches(std::vector<NodeSelectorTerm>{}, labels, "n1"));
}

struct TolerationCase {
  Toleration toleration;
  bool expected;
};
using Tolerates = testing::TestWithParam<TolerationCase>;

TEST_P(Tolerates, GpuTaint) {
  EXPECT_EQ(tolerates(GetParam().toleration, {"gpu", "8", TaintEffect::kNoSchedule}), GetParam().expected);
}
using Op = Toleration::Operator;
INSTANTIATE_TEST_SUITE_P(Table, Tolerates,
                         testing::Values(TolerationCase{{"gpu", Op::kEqual, "8", TaintEffect::kNoSchedule}, true},
                                         TolerationCase{{"gpu", Op::kEqual, "9", TaintEffect::kNoSchedule}, false},
                                         TolerationCase{{"gpu", Op::kExists, "", TaintEffect::kAny}, true},
                                         TolerationCase{{"gpu", Op::kExists, "", TaintEffect::kNoExecute}, false},
                                         TolerationCase{{"", Op::kExists, "", TaintEffect::kAny}, true},
                                         TolerationCase{{"cpu", Op::kExists, "", TaintEffect::kAny}, false},
                                         TolerationCase{{"gpu", Op::kGt, "7", TaintEffect::kAny}, true},
                                         TolerationCase{{"gpu", Op::kLt, "8", TaintEffect::kAny}, false}));

TEST(Priority, ClassThenDefaultThenZero) {
  const std::vector<PriorityClass> classes = {{"high", 1000, false, true}, {"usual", 10, true, false}};
  Pod named;
  named.priority_class_name = "high";
  ASSERT_TRUE(resolve_priority(named, classes));
  EXPECT_EQ(named.priority, 1000);
  EXPECT_TRUE(named.never_preempts);
  Pod plain;
  ASSERT_TRUE(resolve_priority(plain, classes));
  EXPECT_EQ(plain.priority, 10);
  Pod alone;
  ASSERT_TRUE(resolve_priority(alone, {}));
  EXPECT_EQ(alone.priority, 0);
  Pod system;
  system.priority_class_name = "system-node-critical";
  ASSERT_TRUE(resolve_priority(system, {}));
  EXPECT_EQ(system.priority, 2'000'001'000);
  Pod unknown;
  unknown.priority_class_name = "nope";
  EXPECT_FALSE(resolve_priority(unknown, classes));
}

}  // namespace
}  // namespace berth::kube

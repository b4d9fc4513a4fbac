#include "sim/kubelet/qos.hpp"

#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth {
namespace {

// Requests and limits of a container: cpu, memory; -1: not given.
struct Ask {
  std::int64_t cpu_request, memory_request, cpu_limit, memory_limit;
};
struct QosCase {
  const char* name;
  std::vector<Ask> init;
  std::vector<Ask> main;
  QosClass expected;
};

void put(kube::Container& c, const Ask& ask) {
  if (ask.cpu_request >= 0) c.requests.set("cpu", quantity(ask.cpu_request));
  if (ask.memory_request >= 0) c.requests.set("memory", quantity(ask.memory_request));
  if (ask.cpu_limit >= 0) c.limits.set("cpu", quantity(ask.cpu_limit));
  if (ask.memory_limit >= 0) c.limits.set("memory", quantity(ask.memory_limit));
}

using QosTest = testing::TestWithParam<QosCase>;

TEST_P(QosTest, Class) {
  kube::api::Pod pod;
  for (const Ask& ask : GetParam().init) put(pod.scheduling.init_containers.emplace_back(), ask);
  for (const Ask& ask : GetParam().main) put(pod.scheduling.containers.emplace_back(), ask);
  EXPECT_EQ(qos_class(pod), GetParam().expected);
}

constexpr Ask kNothing{-1, -1, -1, -1};
constexpr Ask kFull{1, 100, 1, 100};

INSTANTIATE_TEST_SUITE_P(Table, QosTest,
                         testing::Values(QosCase{"Nothing", {}, {kNothing}, QosClass::kBestEffort},
                                         QosCase{"Full", {}, {kFull}, QosClass::kGuaranteed},
                                         QosCase{"FullAndNothing", {}, {kFull, kNothing}, QosClass::kBurstable},
                                         QosCase{"InitCounts", {kNothing}, {kFull}, QosClass::kBurstable},
                                         QosCase{"RequestBelowLimit", {}, {{1, 50, 1, 100}}, QosClass::kBurstable},
                                         QosCase{"MemoryOnly", {}, {{-1, 100, -1, 100}}, QosClass::kBurstable},
                                         QosCase{"RequestsOnly", {}, {{1, 100, -1, -1}}, QosClass::kBurstable},
                                         QosCase{"ZeroIsNothing", {}, {{0, 0, 0, 0}}, QosClass::kBestEffort}),
                         test::CaseName{});

TEST(QosTest, PodLevelResourcesDecideAlone) {
  kube::api::Pod pod;
  put(pod.scheduling.containers.emplace_back(), kNothing);
  pod.scheduling.has_pod_requests = true;
  for (const char* name : {"cpu", "memory"}) {
    pod.scheduling.pod_requests.set(name, quantity(2));
    pod.spec.pod_limits.set(name, quantity(2));
  }
  EXPECT_EQ(qos_class(pod), QosClass::kGuaranteed);
  pod.spec.pod_limits.set("memory", quantity(3));
  EXPECT_EQ(qos_class(pod), QosClass::kBurstable);
}

TEST(QosTest, OomScoreAdj) {
  constexpr std::int64_t kGi = std::int64_t{1} << 30;
  struct Row {
    QosClass qos;
    bool critical;
    std::int64_t request, capacity;
    std::int32_t expected;
  };
  const Row rows[] = {
      {QosClass::kGuaranteed, false, kGi, 4 * kGi, -997},
      {QosClass::kBestEffort, false, 0, 4 * kGi, 1000},
      {QosClass::kBestEffort, true, 0, 4 * kGi, -997},
      {QosClass::kBurstable, false, 0, 4 * kGi, 999},      // 1000, clamped.
      {QosClass::kBurstable, false, kGi, 4 * kGi, 750},    //
      {QosClass::kBurstable, false, kGi, 3 * kGi, 667},    // 1000 - 333 (333.3 cut off).
      {QosClass::kBurstable, false, 4 * kGi, 4 * kGi, 3},  // 0, clamped.
      {QosClass::kBurstable, false, 8 * kGi, 4 * kGi, 3},  //
      {QosClass::kBurstable, false, 1 << 20, std::int64_t{1} << 50, 999},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(oom_score_adj(row.qos, row.critical, row.request, row.capacity), row.expected) << &row - rows;
  }
}

}  // namespace
}  // namespace berth

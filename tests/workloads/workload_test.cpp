#include "workloads/workload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

// `pods` pods, one a second, of two templates: every third has 2 cores, the others 1.
MemoryWorkload three_by_three(std::size_t pods, std::vector<std::string> names = {}) {
  Catalog catalog;
  PodTemplate big;
  big.request.cpu_milli = 2'000;
  PodTemplate small;
  small.request.cpu_milli = 1'000;
  const TemplateId ids[] = {catalog.intern(big), catalog.intern(small)};
  std::vector<PodArrival> arrivals;
  for (std::uint32_t i = 0; i < pods; ++i) {
    PodArrival arrival;
    arrival.at = Time{} + seconds(i);
    arrival.pod_template = ids[i % 3 == 2 ? 0 : 1];  // The second template arrives first.
    arrival.row = i;
    arrivals.push_back(arrival);
  }
  return MemoryWorkload(std::move(catalog), std::move(arrivals), std::move(names));
}

TEST(MemoryWorkload, StreamsEveryPodInBatchesOfAnySize) {
  const MemoryWorkload workload = three_by_three(10);
  for (const std::size_t size : {1, 3, 10, 64}) {
    Catalog catalog = workload.catalog();
    const auto stream = workload.open(catalog, 7, 0);
    std::vector<PodArrival> batch(size);
    std::vector<std::uint32_t> seen;
    while (const std::size_t count = stream->next(batch)) {
      ASSERT_LE(count, size);
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(batch[i].at, Time{} + seconds(batch[i].row));
        EXPECT_EQ(catalog[batch[i].pod_template].request.cpu_milli, batch[i].row % 3 == 2 ? 2'000 : 1'000);
        seen.push_back(batch[i].row);
      }
    }
    EXPECT_THAT(seen, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    EXPECT_EQ(stream->next(batch), 0U);
  }
}

TEST(MemoryWorkload, StreamsAreIndependent) {
  const MemoryWorkload workload = three_by_three(4);
  Catalog catalog = workload.catalog();
  const auto first = workload.open(catalog, 0, 0);
  const auto second = workload.open(catalog, 0, 1);
  std::vector<PodArrival> batch(3);
  ASSERT_EQ(first->next(batch), 3U);
  ASSERT_EQ(second->next(batch), 3U);
  EXPECT_EQ(batch[0].row, 0U);
  ASSERT_EQ(first->next(batch), 1U);
  EXPECT_EQ(batch[0].row, 3U);
}

TEST(MemoryWorkload, Names) {
  EXPECT_EQ(three_by_three(2).pod_name(1), "pod-1");
  EXPECT_EQ(three_by_three(2, {"web", "db"}).pod_name(1), "db");
}

TEST(MemoryWorkloadDeathTest, UnsortedArrivalsAreOurMistake) {
  Catalog catalog;
  const TemplateId id = catalog.intern({});
  PodArrival late;
  late.at = Time{5};
  late.pod_template = id;
  PodArrival early = late;
  early.at = Time{4};
  EXPECT_DEATH(MemoryWorkload(catalog, {late, early}, {}), "internal error");
  EXPECT_DEATH(MemoryWorkload(Catalog(), {late}, {}), "internal error");  // A template that its catalog lacks.
  late.row = 1;
  EXPECT_DEATH(MemoryWorkload(catalog, {late}, {"only one name"}), "internal error");
}

TEST(Survey, CountsTemplatesInOrderOfFirstArrival) {
  // Rows 2, 5, 8 … have 2 cores: 3,333 of the first 10,000. More pods than one batch holds.
  const Survey survey = berth::survey(three_by_three(10'000), 1, 0);
  EXPECT_EQ(survey.pods, 10'000U);
  EXPECT_EQ(survey.last_arrival, Time{} + seconds(9'999));
  ASSERT_EQ(survey.templates.size(), 2U);
  EXPECT_EQ(survey.templates[0].pod_template, TemplateId{1});
  EXPECT_EQ(survey.templates[0].count, 6'667U);
  EXPECT_EQ(survey.templates[1].pod_template, TemplateId{0});
  EXPECT_EQ(survey.templates[1].count, 3'333U);
}

TEST(Survey, OfNothing) {
  const Survey survey = berth::survey(three_by_three(0), 1, 0);
  EXPECT_EQ(survey.pods, 0U);
  EXPECT_EQ(survey.last_arrival, Time{});
  EXPECT_TRUE(survey.templates.empty());
}

}  // namespace
}  // namespace berth

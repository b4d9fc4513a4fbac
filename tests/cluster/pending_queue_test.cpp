// PendingQueue against a list that is sorted anew each time: priority first, then who came first.
#include "sim/cluster/pending_queue.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

struct Waiting {
  PodId pod;
  TemplateId t;
  std::int32_t priority;
  std::uint64_t arrival;
};

void expect_same(const PendingQueue& queue, std::vector<Waiting> twin, std::size_t templates) {
  std::stable_sort(twin.begin(), twin.end(), [](const Waiting& a, const Waiting& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.arrival < b.arrival;
  });
  std::vector<PodId> expected, got;
  for (const Waiting& w : twin) expected.push_back(w.pod);
  queue.in_order(got);
  ASSERT_EQ(got, expected);
  ASSERT_EQ(queue.size(), twin.size());
  ASSERT_EQ(queue.empty(), twin.empty());
  std::size_t active = 0;
  for (std::size_t i = 0; i < templates; ++i) {
    const auto t = static_cast<TemplateId>(i);
    std::vector<PodId> own, walked;
    for (const Waiting& w : twin) {
      if (w.t == t) own.push_back(w.pod);
    }
    for (PodId p = queue.front(t); p != kNoPod; p = queue.next(p)) walked.push_back(p);
    ASSERT_EQ(walked, own);
    ASSERT_EQ(queue.waiting(t), own.size());
    const auto list = queue.templates();
    ASSERT_EQ(std::count(list.begin(), list.end(), t), own.empty() ? 0 : 1);
    active += own.empty() ? 0 : 1;
  }
  ASSERT_EQ(queue.templates().size(), active);
}

TEST(PendingQueueProperty, OrderMatchesASortedList) {
  constexpr std::int32_t kPriorities[] = {std::numeric_limits<std::int32_t>::min(), -1, 0, 0, 7, 2'000'000'000,
                                          std::numeric_limits<std::int32_t>::max()};
  constexpr std::uint32_t kTemplates = 7;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    PendingQueue queue;
    std::vector<Waiting> twin;
    std::vector<PodId> free_rows;
    std::uint64_t arrivals = 0;
    std::uint32_t rows = 0;
    for (int i = 0; i < 600; ++i) {
      // Grows in the first half, drains in the second.
      if (twin.empty() || rng.below(100) < (i < 300 ? 65U : 35U)) {
        PodId pod{};
        if (!free_rows.empty() && rng.below(2) == 0) {
          pod = free_rows.back();
          free_rows.pop_back();
        } else {
          pod = static_cast<PodId>(rows++);
        }
        const std::uint32_t t = rng.below(kTemplates);
        queue.push_back(pod, static_cast<TemplateId>(t), kPriorities[t]);
        twin.push_back({pod, static_cast<TemplateId>(t), kPriorities[t], arrivals++});
      } else {
        const std::uint32_t victim = rng.below(static_cast<std::uint32_t>(twin.size()));
        queue.remove(twin[victim].pod, twin[victim].t);
        free_rows.push_back(twin[victim].pod);
        twin.erase(twin.begin() + victim);
      }
      if (i % 10 == 0) {
        ASSERT_NO_FATAL_FAILURE(expect_same(queue, twin, kTemplates));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(queue, twin, kTemplates));
  }
}

TEST(PendingQueue, EmptyKnowsNothing) {
  const PendingQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front(static_cast<TemplateId>(3)), kNoPod);
  EXPECT_EQ(queue.waiting(static_cast<TemplateId>(3)), 0U);
  std::vector<PodId> out{PodId{1}};
  queue.in_order(out);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace berth

// kube-scheduler's queue. Expected orders and times are worked out by hand from the rules of the reference: back-off
// 1, 2, 4, 8, 10 s by failed attempts, expiry cut to the whole second, backing off while expiry >= the current second;
// who has failed goes by the time of his last failure.
#include <gtest/gtest.h>

#include "policies/schedulers/kube/scheduling_queue.hpp"

namespace berth::kube {
namespace {

using Handles = std::vector<std::uint32_t>;

Time at(double s) {
  return Time{static_cast<std::int64_t>(s * 1e9)};
}
constexpr auto kAll = [](std::uint32_t) { return true; };
constexpr std::uint32_t kFit = 1;
constexpr std::uint32_t kSpread = 2;

Handles drain(SchedulingQueue& queue, Time now) {
  Handles out;
  while (const auto pod = queue.pop(now)) out.push_back(*pod);
  return out;
}

TEST(SchedulingQueue, HigherPriorityFirstThenWhoCameFirst) {
  SchedulingQueue queue;
  queue.add(1, 0, at(0));
  queue.add(2, 10, at(1));
  queue.add(3, 0, at(2));
  queue.add(4, 10, at(3));
  queue.add(5, -5, at(0));
  EXPECT_EQ(drain(queue, at(3)), (Handles{2, 4, 1, 3, 5}));
}

TEST(SchedulingQueue, BackoffDoublesUpToTenSeconds) {
  const std::int64_t expected[] = {1, 2, 4, 8, 10, 10, 10};
  for (std::uint32_t n = 1; n <= 7; ++n) EXPECT_EQ(SchedulingQueue::backoff(n), seconds(expected[n - 1])) << n;
  EXPECT_EQ(SchedulingQueue::backoff(40), seconds(10));
}

TEST(SchedulingQueue, UnschedulablePodsWaitForAnEventThatConcernsThem) {
  SchedulingQueue queue;
  queue.add(1, 0, at(0));
  queue.add(2, 0, at(0));
  EXPECT_EQ(drain(queue, at(0)), (Handles{1, 2}));
  queue.failed(1, kFit, false, at(0));
  queue.failed(2, kSpread, false, at(0));
  EXPECT_EQ(drain(queue, at(20)), Handles{});
  queue.moved(kFit, at(20), kAll);
  EXPECT_EQ(drain(queue, at(20)), Handles{1});
  queue.moved(kSpread, at(20), [](std::uint32_t) { return false; });  // The hint says that it is no help.
  EXPECT_EQ(drain(queue, at(20)), Handles{});
  queue.moved(kFit | kSpread, at(20), kAll);
  EXPECT_EQ(drain(queue, at(20)), Handles{2});
}

// A fails at 10.5 for the first time: expiry floor(11.5) = 11. An event at 10.9 finds it backing off; a new pod goes
// first although A is older, and A, alone, is then taken early: back-off holds back only while others are there.
TEST(SchedulingQueue, BackoffBitesOnlyWhileOthersWait) {
  SchedulingQueue queue;
  queue.add(1, 0, at(0));
  EXPECT_EQ(queue.pop(at(10.5)), 1U);
  queue.failed(1, kFit, false, at(10.5));
  queue.moved(kFit, at(10.9), kAll);
  queue.add(2, 0, at(10.9));
  EXPECT_EQ(drain(queue, at(10.9)), (Handles{2, 1}));
}

// The same, but asked at 11.9 (second 11: 11 >= 11 holds, still backing off) and at 12.0 (over): from then on A goes by
// its last failure at 10.5, before the pod of 10.9.
TEST(SchedulingQueue, BackoffIsOverAtTheNextWholeSecond) {
  for (const bool over : {false, true}) {
    SchedulingQueue queue;
    queue.add(1, 0, at(0));
    EXPECT_EQ(queue.pop(at(10.5)), 1U);
    queue.failed(1, kFit, true, at(10.5));  // An event came during the attempt: straight to back-off.
    queue.add(2, 0, at(10.9));
    EXPECT_EQ(drain(queue, at(over ? 12.0 : 11.9)), (over ? Handles{1, 2} : Handles{2, 1}));
  }
}

// Among those backing off, the earliest expiry comes first: the second failure of A at 1 s (2 s: 3) after the first of
// B at 1 s (1 s: 2).
TEST(SchedulingQueue, EarliestExpiryIsTakenFirst) {
  SchedulingQueue queue;
  queue.add(1, 0, at(0));
  EXPECT_EQ(queue.pop(at(0)), 1U);
  queue.failed(1, kFit, true, at(0));
  EXPECT_EQ(queue.pop(at(1)), 1U);
  queue.failed(1, kFit, true, at(1));
  queue.add(2, 0, at(1));
  EXPECT_EQ(queue.pop(at(1)), 2U);
  queue.failed(2, kFit, true, at(1));
  EXPECT_EQ(drain(queue, at(1)), (Handles{2, 1}));
}

// Failed at 10 s; upstream looks every 30 s for pods that have been unschedulable for more than 5 minutes: at 300 s not
// yet (290 s), at 330 s it is.
TEST(SchedulingQueue, FlushAfterFiveMinutes) {
  SchedulingQueue queue;
  queue.add(1, 0, at(0));
  EXPECT_EQ(queue.pop(at(10)), 1U);
  queue.failed(1, kFit, false, at(10));
  queue.flush(at(329));
  EXPECT_EQ(drain(queue, at(329)), Handles{});
  queue.flush(at(330));
  EXPECT_EQ(drain(queue, at(330)), Handles{1});
}

TEST(SchedulingQueue, WhoIsGoneIsForgottenWhereverItWaits) {
  SchedulingQueue queue;
  for (std::uint32_t pod = 0; pod < 6; ++pod) queue.add(pod, 0, at(0));
  queue.remove(0);  // Active.
  EXPECT_EQ(drain(queue, at(0)), (Handles{1, 2, 3, 4, 5}));
  for (const std::uint32_t pod : {1, 2, 3}) queue.failed(pod, kFit, false, at(0));
  queue.failed(4, kFit, true, at(0));
  queue.failed(5, kFit, true, at(0));
  queue.remove(2);  // Unschedulable.
  queue.remove(4);  // Backing off.
  EXPECT_EQ(queue.size(), 3U);
  queue.moved(kFit, at(60), kAll);
  EXPECT_EQ(drain(queue, at(60)), (Handles{1, 3, 5}));
  queue.remove(1);
  queue.add(1, 7, at(60));  // The number is used again.
  EXPECT_EQ(drain(queue, at(60)), Handles{1});
}

}  // namespace
}  // namespace berth::kube

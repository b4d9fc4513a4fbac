// Expected orders and times: the rules of client-go's work queues, by hand.
#include "sim/controllers/work_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace berth::controllers {
namespace {

struct Fixture : testing::Test {
  WorkQueue work;
  std::vector<std::string> seen;
  KeyQueue first{work, [this](KeyQueue::Key k) { seen.push_back(std::string("a").append(std::to_string(k))); }};
  KeyQueue second{work, [this](KeyQueue::Key k) { seen.push_back(std::string("b").append(std::to_string(k))); }};

  std::vector<std::string> drain() {
    while (work.run_one()) {
    }
    return std::exchange(seen, {});
  }
};
using WorkQueueTest = Fixture;
using Keys = std::vector<std::string>;

TEST_F(WorkQueueTest, OnceEachInOrderOfQueuesThenOfArrival) {
  second.add(1);
  first.add(2);
  first.add(1);
  first.add(2);
  EXPECT_EQ(drain(), (Keys{"a2", "a1", "b1"}));
}

TEST_F(WorkQueueTest, KeyAddedWhileItIsHandledComesAgain) {
  int left = 2;
  KeyQueue again(work, [&](KeyQueue::Key k) {
    if (--left > 0) again.add(k);
  });
  again.add(7);
  EXPECT_TRUE(work.run_one());
  EXPECT_TRUE(work.run_one());
  EXPECT_FALSE(work.run_one());
}

TEST_F(WorkQueueTest, EarliestDelayCounts) {
  first.add_after(1, seconds(5));
  first.add_after(1, seconds(3));
  first.add_after(1, seconds(9));  // Later than what is pending: no effect.
  EXPECT_EQ(work.next_time(), Time{} + seconds(3));
  work.advance(Time{} + seconds(3));
  EXPECT_EQ(drain(), Keys{"a1"});
  EXPECT_EQ(work.next_time(), kNever);
}

TEST_F(WorkQueueTest, NoDelayIsAtOnceAndLeavesTheTimerAlone) {
  first.add_after(1, seconds(5));
  first.add_after(1, Duration{});
  EXPECT_EQ(drain(), Keys{"a1"});
  EXPECT_EQ(work.next_time(), Time{} + seconds(5));
}

TEST_F(WorkQueueTest, CancelledKeyDoesNotCome) {
  first.add_after(1, seconds(5));
  first.add_after(2, seconds(6));
  first.cancel(1);
  EXPECT_EQ(work.next_time(), Time{} + seconds(6));
  work.advance(Time{} + seconds(10));
  EXPECT_EQ(drain(), Keys{"a2"});
}

TEST_F(WorkQueueTest, EqualTimesKeepTheOrderInWhichTheyWereAdded) {
  first.add_after(3, seconds(2));
  first.add_after(1, seconds(2));
  first.add_after(2, seconds(1));
  work.advance(Time{} + seconds(2));
  EXPECT_EQ(drain(), (Keys{"a2", "a3", "a1"}));
}

// 5 ms, doubled each time; a success starts anew.
TEST_F(WorkQueueTest, FailuresBackOff) {
  for (const std::int64_t ms : {5, 10, 20, 40, 80}) {
    first.add_rate_limited(1);
    EXPECT_EQ(work.next_time() - work.now(), milliseconds(ms));
    work.advance(work.next_time());
    EXPECT_EQ(drain(), Keys{"a1"});
  }
  first.forget(1);
  first.add_rate_limited(1);
  EXPECT_EQ(work.next_time() - work.now(), milliseconds(5));
}

TEST_F(WorkQueueTest, BackOffHasALongestDelay) {
  first.set_back_off(seconds(1), seconds(60));  // The Job controller's.
  for (int i = 0; i < 300; ++i) {
    first.add_rate_limited(1);
    work.advance(work.next_time());
    drain();
  }
  first.add_rate_limited(1);
  EXPECT_EQ(work.next_time() - work.now(), seconds(60));
}

}  // namespace
}  // namespace berth::controllers

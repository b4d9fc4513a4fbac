// Journal: every record reaches every sink once and in order, whatever the batches.
#include "sim/cluster/journal.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace berth {
namespace {

class Sink final : public JournalSink {
 public:
  void begin(const JournalContext&) override { ++begun; }
  void write(std::span<const Record> batch) override {
    EXPECT_EQ(finished, 0);
    for (const Record& r : batch) pods.push_back(r.pod);
  }
  void finish(Time at) override {
    ++finished;
    end = at;
  }
  std::vector<std::uint32_t> pods;
  int begun = 0, finished = 0;
  Time end{};
};

TEST(Journal, HandsOnEveryRecordInOrder) {
  for (const std::uint32_t n : {0U, 1U, 1023U, 1024U, 1025U, 5000U}) {
    SCOPED_TRACE(n);
    Sink a, b;
    Journal journal;
    journal.add_sink(&a);
    journal.add_sink(&b);
    journal.begin({});
    for (std::uint32_t i = 0; i < n; ++i) journal.append({.at = Time{i}, .pod = i, .kind = RecordKind::kPodCreated});
    journal.finish(Time{77});
    for (const Sink* sink : {&a, &b}) {
      EXPECT_EQ(sink->begun, 1);
      EXPECT_EQ(sink->finished, 1);
      EXPECT_EQ(sink->end, Time{77});
      ASSERT_EQ(sink->pods.size(), n);
      for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(sink->pods[i], i);
    }
  }
}

TEST(Journal, KindsAndReasonsHaveNames) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kRecordKinds; ++i) names.emplace(to_string(static_cast<RecordKind>(i)));
  EXPECT_EQ(names.size(), kRecordKinds);
  EXPECT_EQ(names.count("?"), 0U);
  EXPECT_EQ(to_string(static_cast<RecordKind>(kRecordKinds)), "?");  // kRecordKinds counts them all.
  EXPECT_EQ(to_string(RecordKind::kPodScheduled), "PodScheduled");
  EXPECT_EQ(to_string(FailReason::kUnschedulable), "Unschedulable");
  EXPECT_NE(to_string(EvictReason::kPreempted), to_string(EvictReason::kDrained));
}

}  // namespace
}  // namespace berth

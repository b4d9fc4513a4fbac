// Stranded CPU and memory, by hand and against a look at every request.
#include "results/stranding_metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/engine/rng.hpp"
#include "tests/results/ready_journal.hpp"

namespace berth::test {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

// Two nodes of 4 cores and 8 GiB. Pods of 1 core and 4 GiB: two of them fill node 0's memory and leave 2 cores that
// nothing fits into, from 2 s to 8 s of 10 s. A pod of 3.5 cores and 1 GiB leaves node 1 half a core, too little for
// either, and 7 GiB, from 5 s on.
TEST(Stranding, ByHand) {
  Catalog catalog;
  PodTemplate t;
  t.request = {1000, 4 * kGiB, 0};
  const TemplateId heavy = catalog.intern(t);
  t.request = {3500, kGiB, 0};
  const TemplateId quick = catalog.intern(t);
  t.request = {0, 0, 0};
  const TemplateId nothing = catalog.intern(t);
  NodeSpec node;
  node.allocatable = {4000, 8 * kGiB, 0};
  const std::vector<NodeSpec> nodes{node, node};
  StrandingMetrics fold(Time{} + seconds(10), 5);
  fold.begin({&catalog, nodes});
  fold.write(std::vector<Record>{pod_record(0, RecordKind::kPodCreated, 3, 0xFFFF'FFFF, nothing),  // Fits anywhere.
                                 pod_record(0, RecordKind::kPodCreated, 0, 0xFFFF'FFFF, heavy),
                                 pod_record(0, RecordKind::kPodScheduled, 0, 0, heavy),
                                 pod_record(2, RecordKind::kPodCreated, 1, 0xFFFF'FFFF, heavy),
                                 pod_record(2, RecordKind::kPodScheduled, 1, 0, heavy),
                                 pod_record(5, RecordKind::kPodCreated, 2, 0xFFFF'FFFF, quick),
                                 pod_record(5, RecordKind::kPodScheduled, 2, 1, quick),
                                 pod_record(8, RecordKind::kPodSucceeded, 1, 0, heavy)});
  fold.finish(Time{} + seconds(10));
  RunResult r;
  fold.add_to(r);
  ASSERT_EQ(r.metrics.size(), stranding_metrics().size());
  EXPECT_NEAR(metric_of(r, "cpu_stranded_pct_mean"), 100 * 2.0 * 6 / (8 * 10), 1e-9);
  EXPECT_NEAR(metric_of(r, "memory_stranded_pct_mean"), 100 * 7.0 * 5 / (16 * 10), 1e-9);
  ASSERT_EQ(r.series.front().y.size(), 5U);
  EXPECT_NEAR(r.series.front().y[0], 0, 1e-6);
  EXPECT_NEAR(r.series.front().y[1], 25, 1e-6);
  EXPECT_NEAR(r.series.front().y[4], 0, 1e-6);
}

// The staircase against the definition: some request fits by CPU, some by memory, none by both.
TEST(Stranding, StairsEqualALookAtEveryRequest) {
  Rng rng(1, 0, 0, Purpose::kTest);
  for (int round = 0; round < 200; ++round) {
    RequestStairs stairs;
    std::vector<std::pair<std::int64_t, std::int64_t>> mix;
    for (int i = 0; i < 12; ++i) {
      mix.emplace_back(rng.below(10), rng.below(10));
      stairs.add(mix.back().first, mix.back().second);
      for (std::int64_t cpu = 0; cpu < 10; ++cpu) {
        for (std::int64_t memory = 0; memory < 10; ++memory) {
          bool by_cpu = false, by_memory = false, fits = false;
          for (const auto& [c, m] : mix) {
            by_cpu = by_cpu || c <= cpu;
            by_memory = by_memory || m <= memory;
            fits = fits || (c <= cpu && m <= memory);
          }
          const RequestStairs::Stranded got = stairs.stranded(cpu, memory);
          ASSERT_EQ(got.cpu, by_cpu && !fits);
          ASSERT_EQ(got.memory, by_memory && !fits);
        }
      }
    }
  }
}

}  // namespace
}  // namespace berth::test

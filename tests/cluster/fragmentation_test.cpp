// The fragmentation measure: the seven classes derived anew here from the rules' text, the accumulators in the
// artifact's order, so that equality is bit for bit; and small cases by hand.
#include "sim/cluster/fragmentation.hpp"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

struct Task {
  std::int64_t cpu;
  std::uint16_t milli, count;
  std::vector<std::string> models;
  std::string spec() const {
    std::string text;
    for (const std::string& m : models) text += (text.empty() ? "" : "|") + m;
    return text;
  }
};

// One shape of the target workload, with its share.
struct Target {
  Task task;
  double share;
};

// The target workload: tasks grouped by (cpu, gpu_milli, num_gpu, gpu_spec), by count and tuple descending, the
// shortest prefix that reaches 95 %, p = (count / total) / (kept / total).
std::vector<Target> targets_of(const std::vector<Task>& tasks) {
  std::map<std::tuple<std::int64_t, std::uint16_t, std::uint16_t, std::string>, std::pair<std::size_t, Task>> groups;
  for (const Task& t : tasks) {
    auto& group = groups.try_emplace({t.cpu, t.milli, t.count, t.spec()}, 0, t).first->second;
    ++group.first;
  }
  std::vector<std::pair<std::size_t, Task>> sorted;  // By tuple descending, then stably by count descending.
  for (auto it = groups.rbegin(); it != groups.rend(); ++it) sorted.push_back(it->second);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::size_t kept = 0, prefix = 0;
  while (static_cast<double>(kept) < 0.95 * static_cast<double>(tasks.size())) kept += sorted[prefix++].first;
  const auto total = static_cast<double>(tasks.size());
  std::vector<Target> targets;
  for (std::size_t i = 0; i < prefix; ++i) {
    targets.push_back(
        {sorted[i].second, (static_cast<double>(sorted[i].first) / total) / (static_cast<double>(kept) / total)});
  }
  return targets;
}

FragmentParts naive(const std::vector<Target>& targets, std::int64_t cpu, const std::string& model,
                    const std::vector<std::uint16_t>& free) {
  FragmentParts f;
  double g = 0;
  for (const std::uint16_t x : free) g += x;
  for (const auto& [m, p] : targets) {
    const bool cpu_fits = cpu >= m.cpu;
    const bool model_fits = m.models.empty() || std::find(m.models.begin(), m.models.end(), model) != m.models.end();
    const bool gpus_fit =
        std::count_if(free.begin(), free.end(), [&](std::uint16_t x) { return x >= m.milli; }) >= m.count;
    double small = 0;
    for (const std::uint16_t x : free) small += x < m.milli ? x : 0;
    if (m.count == 0 && cpu_fits) {
      f.xl += p * g;
    } else if (m.count == 0) {
      f.xr += p * g;
    } else if (!model_fits) {
      f.na += p * g;
    } else if (gpus_fit && cpu_fits) {
      f.q2 += p * small;
      f.q3 += p * (g - small);
    } else if (gpus_fit) {
      f.q4 += p * g;
    } else if (cpu_fits) {
      f.q2 += p * g;
    } else {
      f.q1 += p * g;
    }
  }
  return f;
}

std::vector<TemplateCount> mix_of(Catalog& catalog, const std::vector<Task>& tasks) {
  std::vector<TemplateCount> mix;
  std::map<TemplateId, std::size_t> place;
  for (const Task& task : tasks) {
    const TemplateId t = catalog.intern(template_of(
        catalog, {.cpu_milli = task.cpu, .gpus = task.count, .gpu_milli = task.milli, .gpu_models = task.models}));
    if (place.try_emplace(t, mix.size()).second) mix.push_back({t, 0});
    ++mix[place[t]].count;
  }
  return mix;
}

TEST(FragmentationProperty, EqualsTheNaiveDerivation) {
  const std::vector<std::string> models{"T4", "A100", "V100"};
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    Catalog catalog;
    for (const std::string& m : models) catalog.gpu_model(m);
    std::vector<Task> tasks;
    for (std::uint32_t i = 0, n = 5 + rng.below(100); i < n; ++i) {
      Task t{500 * rng.below(6), 0, 0, {}};
      switch (rng.below(4)) {
        case 0:
          break;
        case 1:
          t.milli = static_cast<std::uint16_t>(100 * (1 + rng.below(9))), t.count = 1;
          break;
        default:
          t.milli = 1000, t.count = static_cast<std::uint16_t>(1U << rng.below(3));
          break;
      }
      if (t.count > 0 && rng.below(4) == 0) t.models = {models[rng.below(3)]};
      tasks.push_back(t);
    }
    const std::vector<TemplateCount> mix = mix_of(catalog, tasks);
    const std::vector<Target> targets = targets_of(tasks);
    Fragmentation fragmentation(catalog, mix);
    ASSERT_EQ(fragmentation.shapes(), targets.size());

    for (int i = 0; i < 3000; ++i) {  // Past the table's first growth (2,048 states).
      const std::int64_t cpu = rng.below(8) == 0 ? 500 * rng.below(6) : rng.below(4000);
      const std::uint32_t model = rng.below(3);
      std::vector<std::uint16_t> free(rng.below(9));
      for (std::uint16_t& x : free)
        x = static_cast<std::uint16_t>(rng.below(3) == 0 ? 1000 : rng.below(3) == 0 ? 0 : rng.below(1001));
      const Fragmentation::State state = fragmentation.state(cpu, static_cast<GpuModelId>(model), free);
      const FragmentParts expected = naive(targets, cpu, models[model], free);
      const FragmentParts got = fragmentation.parts(state);
      ASSERT_EQ(got.q1, expected.q1);
      ASSERT_EQ(got.q2, expected.q2);
      ASSERT_EQ(got.q3, expected.q3);
      ASSERT_EQ(got.q4, expected.q4);
      ASSERT_EQ(got.xl, expected.xl);
      ASSERT_EQ(got.xr, expected.xr);
      ASSERT_EQ(got.na, expected.na);
      const double total = expected.q1 + expected.q2 + expected.q4 + expected.xl + expected.xr + expected.na;
      ASSERT_EQ(fragmentation.of(state), total);
      ASSERT_EQ(fragmentation.of(state), total);  // And again, from the table.
    }
  }
}

// take() moves the key as if the state had been made anew: states met on different ways are one.
TEST(FragmentationProperty, TakingEqualsMakingAnew) {
  Catalog catalog;
  const std::vector<TemplateCount> mix =
      mix_of(catalog, {{1000, 500, 1, {}}, {1000, 500, 1, {}}, {4000, 1000, 2, {}}, {2000, 0, 0, {}}});
  Fragmentation fragmentation(catalog, mix);
  Rng rng(7, 0, 0, Purpose::kTest);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::uint16_t> free(1 + rng.below(8));
    for (std::uint16_t& x : free) x = static_cast<std::uint16_t>(rng.below(1001));
    Fragmentation::State state = fragmentation.state(3000, GpuModelId{0}, free);
    for (int k = 0; k < 5; ++k) {
      const std::uint32_t gpu = rng.below(static_cast<std::uint32_t>(free.size()));
      const auto milli = static_cast<std::uint16_t>(rng.below(free[gpu] + 1U));
      fragmentation.take(state, gpu, milli);
      free[gpu] = static_cast<std::uint16_t>(free[gpu] - milli);
    }
    const Fragmentation::State anew = fragmentation.state(3000, GpuModelId{0}, free);
    ASSERT_EQ(state.key_low, anew.key_low);
    ASSERT_EQ(state.key_high, anew.key_high);
    ASSERT_EQ(fragmentation.of(state), fragmentation.parts(anew).total());
  }
}

// One shape alone, p = 1: what each class counts, by the table of the rules.
TEST(Fragmentation, OneShapeByHand) {
  Catalog catalog;
  catalog.gpu_model("T4");
  const auto f = [&](const Task& task, std::int64_t cpu, std::vector<std::uint16_t> free) {
    Fragmentation fragmentation(catalog, mix_of(catalog, {task}));
    return fragmentation.of(fragmentation.state(cpu, GpuModelId{0}, free));
  };
  const Task share{2000, 500, 1, {}};
  EXPECT_EQ(f(share, 2000, {1000, 1000}), 0);    // Q3: all of it is usable.
  EXPECT_EQ(f(share, 2000, {1000, 300}), 300);   // Q3: the 300 are too small.
  EXPECT_EQ(f(share, 1999, {1000, 300}), 1300);  // Q4: no cpu.
  EXPECT_EQ(f(share, 2000, {400, 300}), 700);    // Q2: no GPU is free enough.
  EXPECT_EQ(f(share, 1999, {400, 300}), 700);    // Q1.
  EXPECT_EQ(f({2000, 1000, 2, {}}, 2000, {1000, 999, 1000}), 999);
  EXPECT_EQ(f({2000, 1000, 2, {}}, 2000, {1000, 999}), 1999);
  EXPECT_EQ(f({2000, 0, 0, {}}, 9000, {1000, 999}), 1999);     // XL: without GPU, all idle GPU is fragment.
  EXPECT_EQ(f({2000, 0, 0, {}}, 0, {1000, 999}), 1999);        // XR.
  EXPECT_EQ(f({2000, 500, 1, {"A100"}}, 9000, {1000}), 1000);  // NA.
  EXPECT_EQ(f({2000, 500, 1, {"T4"}}, 9000, {1000}), 0);
  EXPECT_EQ(f(share, 2000, {}), 0);
}

// 96 + 4: the 95 % are reached by the first shape alone, and its share becomes 1.
TEST(Fragmentation, RareShapesAreLeftOut) {
  Catalog catalog;
  std::vector<Task> tasks(96, Task{1000, 500, 1, {}});
  tasks.resize(100, Task{1000, 1000, 8, {}});
  Fragmentation fragmentation(catalog, mix_of(catalog, tasks));
  EXPECT_EQ(fragmentation.shapes(), 1U);
  EXPECT_EQ(fragmentation.of(fragmentation.state(1000, GpuModelId{0}, std::vector<std::uint16_t>{1000, 300})), 300);
}

}  // namespace
}  // namespace berth::test

// The generator against closed forms. Seeds are fixed, so a test passes or fails for good; bounds are those of the
// statistic at about one failure in a thousand seeds or rarer.
#include "workloads/synthetic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

using testing::HasSubstr;

SyntheticTemplate template_of(std::int64_t cpu_milli, const char* run_time = "60", double weight = 1) {
  SyntheticTemplate t;
  t.weight = weight;
  t.base.request.cpu_milli = cpu_milli;
  t.run_time = Distribution::parse(run_time, "run time");
  return t;
}

SyntheticSpec spec_of(ArrivalSpec arrivals, std::uint64_t pods) {
  SyntheticSpec spec;
  spec.arrivals = std::move(arrivals);
  spec.templates = {template_of(1'000)};
  spec.pods = pods;
  return spec;
}

ArrivalSpec poisson_at(double rate) {
  ArrivalSpec a;
  a.rate = rate;
  return a;
}

struct Drawn {
  Catalog catalog;
  std::vector<PodArrival> pods;
};

Drawn draw(const SyntheticSpec& spec, std::uint64_t seed = 1, std::uint32_t replication = 0,
           std::size_t chunk = 1'000) {
  const SyntheticWorkload workload(spec, {});
  Drawn drawn{workload.catalog(), {}};
  const auto stream = workload.open(drawn.catalog, seed, replication);
  std::vector<PodArrival> batch(chunk);
  while (const std::size_t n = stream->next(batch)) {
    drawn.pods.insert(drawn.pods.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return drawn;
}

bool same(const PodArrival& a, const PodArrival& b) {
  return a.at == b.at && a.run_time == b.run_time && a.start_delay == b.start_delay &&
         a.pod_template == b.pod_template && a.row == b.row;
}
bool same(const Drawn& a, const Drawn& b) {
  return std::ranges::equal(a.pods, b.pods, [](const PodArrival& x, const PodArrival& y) { return same(x, y); });
}

// Pods in each of `windows` windows of `width`.
std::vector<double> counts_of(const std::vector<PodArrival>& pods, Duration width, std::size_t windows) {
  std::vector<double> counts(windows);
  for (const PodArrival& pod : pods) {
    const auto window = static_cast<std::size_t>(pod.at.ns / width.ns);
    if (window < windows) ++counts[window];
  }
  return counts;
}

struct Moments {
  double mean = 0;
  double variance = 0;
};
Moments moments_of(const std::vector<double>& values) {
  Moments m;
  for (const double v : values) m.mean += v / static_cast<double>(values.size());
  for (const double v : values) m.variance += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size() - 1);
  return m;
}

TEST(SyntheticTest, PoissonCountsAreNotDispersed) {
  SyntheticSpec spec = spec_of(poisson_at(10), 0);
  spec.pods.reset();
  spec.duration = seconds(20'000);
  const Drawn drawn = draw(spec);
  const double n = 20'000;
  const Moments m = moments_of(counts_of(drawn.pods, seconds(1), 20'000));
  // Poisson: variance = mean = 10. The mean has standard error sqrt(10/n); (n-1) variance/mean is chi-square with n-1
  // degrees of freedom, so its ratio to n-1 has standard error sqrt(2/(n-1)).
  EXPECT_NEAR(m.mean, 10, 3.5 * std::sqrt(10 / n));
  EXPECT_NEAR(m.variance / m.mean, 1, 3.5 * std::sqrt(2 / (n - 1)));
  EXPECT_LT(drawn.pods.back().at, Time{} + seconds(20'000));
}

TEST(SyntheticTest, PoissonGapsAreExponential) {
  const Drawn drawn = draw(spec_of(poisson_at(0.25), 100'000), 2);
  std::vector<double> gaps;
  Time last{};
  for (const PodArrival& pod : drawn.pods) {
    gaps.push_back((pod.at - last).seconds());
    last = pod.at;
  }
  std::ranges::sort(gaps);
  double distance = 0;  // Kolmogorov-Smirnov.
  const auto n = static_cast<double>(gaps.size());
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const double f = 1 - std::exp(-0.25 * gaps[i]);
    distance = std::max({distance, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  EXPECT_LT(distance * std::sqrt(n), 1.95);  // P = 0.001.
}

TEST(SyntheticTest, MmppHasItsMeanRateAndDispersion) {
  // Fischer, Meier-Hellstern 1993, two states left at rates s1, s2 with arrivals at l1, l2:
  // mean (l1 s2 + l2 s1) / (s1 + s2); variance over mean of the count in (0, t) in equilibrium
  // 1 + 2 s1 s2 (l1-l2)^2 / ((s1+s2)^2 (l1 s2 + l2 s1)) * (1 - (1 - e^-(s1+s2)t) / ((s1+s2) t)).
  const double l1 = 0.5;
  const double l2 = 5;
  const double s1 = 1.0 / 60;
  const double s2 = 1.0 / 10;
  ArrivalSpec a;
  a.kind = ArrivalSpec::Kind::kMmpp;
  a.states = {{l1, seconds(60)}, {l2, seconds(10)}};
  SyntheticSpec spec = spec_of(a, 0);
  spec.pods.reset();
  spec.duration = seconds(60'000 * 30);
  const Moments m = moments_of(counts_of(draw(spec, 3).pods, seconds(30), 60'000));
  const double s = s1 + s2;
  const double rate = (l1 * s2 + l2 * s1) / s;
  const double spread = 2 * s1 * s2 * (l1 - l2) * (l1 - l2) / (s * s * (l1 * s2 + l2 * s1));
  EXPECT_NEAR(m.mean, rate * 30, 0.02 * rate * 30);  // Long-run dispersion 1 + spread = 38: standard error 0.8 %.
  const double dispersion = 1 + spread * (1 - (1 - std::exp(-s * 30)) / (s * 30));
  EXPECT_NEAR(dispersion, 27.9, 0.05);  // The formula by hand.
  EXPECT_NEAR(m.variance / m.mean, dispersion, 0.06 * dispersion);
}

TEST(SyntheticTest, MmppBeginsInEquilibrium) {
  // 99 % of the time silent: over replications, the first second must be silent as often as any other.
  ArrivalSpec a;
  a.kind = ArrivalSpec::Kind::kMmpp;
  a.states = {{0, seconds(990)}, {1'000, seconds(10)}};
  int early = 0;
  for (std::uint32_t replication = 0; replication < 4'000; ++replication) {
    early += draw(spec_of(a, 1), 1, replication, 1).pods[0].at < Time{} + milliseconds(100) ? 1 : 0;
  }
  // Busy at 0: 1 %; or turning busy within 0.1 s: 0.99 * 0.1/990 = 0.01 %. So 40.4 expected, standard deviation 6.3.
  EXPECT_NEAR(early, 40.4, 3.5 * 6.3);
}

TEST(SyntheticTest, DiurnalHoursFollowTheWave) {
  ArrivalSpec a = poisson_at(0.5);
  a.kind = ArrivalSpec::Kind::kDiurnal;
  a.amplitude = 0.7;
  a.peak = seconds(15 * 3'600);
  SyntheticSpec spec = spec_of(a, 0);
  spec.pods.reset();
  spec.duration = seconds(20 * 86'400);
  std::vector<double> hours(24);
  for (const PodArrival& pod : draw(spec, 4).pods)
    ++hours[static_cast<std::size_t>(pod.at.ns / seconds(3'600).ns % 24)];
  // Expected in an hour: the integral of 0.5 (1 + 0.7 cos(2 pi (t - 15 h) / 24 h)), 20 times.
  const auto integral = [](double hour) {
    const double turn = 2 * std::numbers::pi / 24;
    return 20 * 0.5 * 3'600 * (hour + 0.7 * std::sin(turn * (hour - 15)) / turn);
  };
  double chi_square = 0;
  for (int h = 0; h < 24; ++h) {
    const double expected = integral(h + 1) - integral(h);
    chi_square +=
        (hours[static_cast<std::size_t>(h)] - expected) * (hours[static_cast<std::size_t>(h)] - expected) / expected;
  }
  EXPECT_LT(chi_square, 51.2);  // 24 degrees of freedom (the total is free too), P = 0.001.
}

TEST(SyntheticTest, ConstantArrivalsDoNotDrift) {
  ArrivalSpec a = poisson_at(3);
  a.kind = ArrivalSpec::Kind::kConstant;
  a.start = seconds(10);
  const Drawn drawn = draw(spec_of(a, 3'000'001), 1, 0, 4'096);
  EXPECT_EQ(drawn.pods[0].at, Time{} + seconds(10));
  EXPECT_EQ(drawn.pods[1].at, Time{10'333'333'333});
  EXPECT_EQ(drawn.pods[2].at, Time{10'666'666'667});
  EXPECT_EQ(drawn.pods[3'000'000].at, Time{} + seconds(1'000'010));
  EXPECT_EQ(drawn.pods[3'000'000].row, 3'000'000U);
}

TEST(SyntheticTest, StopsAtWhicheverComesFirst) {
  ArrivalSpec a = poisson_at(1);
  a.kind = ArrivalSpec::Kind::kConstant;
  a.start = seconds(5);
  SyntheticSpec spec = spec_of(a, 100);
  spec.duration = seconds(10);  // Pods at 5, 6 … 14; 15 is the end, which no pod meets.
  EXPECT_EQ(draw(spec).pods.size(), 10U);
  spec.pods = 4;
  EXPECT_EQ(draw(spec).pods.size(), 4U);
  spec.pods = 0;
  EXPECT_EQ(draw(spec).pods.size(), 0U);
}

TEST(SyntheticTest, MixFollowsTheWeights) {
  SyntheticSpec spec = spec_of(poisson_at(1), 300'000);
  spec.templates.clear();
  for (int i = 0; i <= 5; ++i) spec.templates.push_back(template_of(100 * (i + 1), "1", i));  // Weights 0 … 5, sum 15.
  const Drawn drawn = draw(spec, 5);
  std::vector<double> seen(6);
  for (const PodArrival& pod : drawn.pods) {
    ++seen[static_cast<std::size_t>(drawn.catalog[pod.pod_template].request.cpu_milli / 100 - 1)];
  }
  EXPECT_EQ(seen[0], 0);
  double chi_square = 0;
  for (int i = 1; i <= 5; ++i) {
    const double expected = 300'000.0 * i / 15;
    chi_square +=
        (seen[static_cast<std::size_t>(i)] - expected) * (seen[static_cast<std::size_t>(i)] - expected) / expected;
  }
  EXPECT_LT(chi_square, 18.5);  // 4 degrees of freedom, P = 0.001.
}

TEST(SyntheticTest, RunTimesAndDelaysHaveTheirMeans) {
  SyntheticSpec spec = spec_of(poisson_at(1), 200'000);
  spec.templates = {template_of(1, "exponential(mean=300)"), template_of(2, "lognormal(mean=2h, cv=2)"),
                    template_of(3, "42s")};
  spec.templates[0].start_delay = Distribution::parse("exponential(mean=5)", "delay");
  SyntheticTemplate service = template_of(4);
  service.run_time.reset();
  spec.templates.push_back(service);
  const Drawn drawn = draw(spec, 6);
  std::vector<double> sum(5);
  std::vector<double> count(5);
  double delays = 0;
  for (const PodArrival& pod : drawn.pods) {
    const auto t = static_cast<std::size_t>(drawn.catalog[pod.pod_template].request.cpu_milli);
    ++count[t];
    sum[t] += pod.run_time.seconds();
    if (t == 1) delays += pod.start_delay.seconds();
    if (t != 1) {
      EXPECT_EQ(pod.start_delay, Duration{});
    }
    if (t == 3) {
      EXPECT_EQ(pod.run_time, seconds(42));
    }
    if (t == 4) {
      EXPECT_EQ(pod.run_time, kForever);
    }
  }
  // The standard error of a mean is mean * cv / sqrt(n); an exponential has cv 1.
  EXPECT_NEAR(sum[1] / count[1], 300, 3.5 * 300 / std::sqrt(count[1]));
  EXPECT_NEAR(delays / count[1], 5, 3.5 * 5 / std::sqrt(count[1]));
  EXPECT_NEAR(sum[2] / count[2], 7'200, 3.5 * 7'200 * 2 / std::sqrt(count[2]));
}

SyntheticSpec everything(std::uint64_t pods) {
  ArrivalSpec a = poisson_at(2);
  a.kind = ArrivalSpec::Kind::kDiurnal;
  a.amplitude = 0.5;
  SyntheticSpec spec = spec_of(a, pods);
  spec.templates = {template_of(100, "gamma(mean=60, cv=2)", 2), template_of(200, "lognormal(mean=60, cv=1)")};
  spec.templates[0].cpu = SizeSpec{Distribution::parse("lognormal(median=1, sigma=1)", "cpu"), 1'000, 100, 100, 16'000};
  spec.templates[0].memory =
      SizeSpec{Distribution::parse("lognormal(median=2, sigma=1)", "memory"), std::int64_t{1} << 30,
               std::int64_t{64} << 20, std::int64_t{64} << 20, std::int64_t{64} << 30};
  spec.templates[1].start_delay = Distribution::parse("uniform(min=1, max=9)", "delay");
  return spec;
}

TEST(SyntheticTest, SameSeedSamePodsOtherwiseOthers) {
  const SyntheticSpec spec = everything(5'000);
  const Drawn first = draw(spec, 7, 3);
  const Drawn again = draw(spec, 7, 3, 37);  // However they are asked for.
  EXPECT_TRUE(same(first, again));
  EXPECT_EQ(first.catalog.templates(), again.catalog.templates());
  EXPECT_FALSE(same(first, draw(spec, 8, 3)));
  EXPECT_FALSE(same(first, draw(spec, 7, 4)));
}

TEST(SyntheticTest, AnotherTemplateMovesNeitherArrivalsNorOtherDraws) {
  SyntheticSpec spec = everything(5'000);
  const Drawn before = draw(spec, 9);
  spec.templates.push_back(template_of(300, "exponential(mean=1)"));
  const Drawn after = draw(spec, 9);
  const auto run_times_of_second = [](const Drawn& drawn) {
    std::vector<std::int64_t> list;
    for (const PodArrival& pod : drawn.pods) {
      if (pod.start_delay.ns != 0) list.push_back(pod.run_time.ns);  // Only the second template has delays.
    }
    return list;
  };
  for (std::size_t i = 0; i < 5'000; ++i) ASSERT_EQ(before.pods[i].at, after.pods[i].at);
  const auto a = run_times_of_second(before);
  const auto b = run_times_of_second(after);
  ASSERT_GT(b.size(), 1'000U);
  ASSERT_GT(a.size(), b.size());  // Its share fell from a third to a quarter.
  EXPECT_TRUE(std::equal(b.begin(), b.end(), a.begin()));
}

TEST(SyntheticTest, SizeGridIsFineThenCoarse) {
  const auto grid = [](std::int64_t granularity, std::int64_t min, std::int64_t max) {
    return SizeSpec{{}, 1, granularity, min, max}.grid();
  };
  EXPECT_THAT(grid(1, 1, 40), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40));
  EXPECT_THAT(grid(100, 150, 450), testing::ElementsAre(150, 200, 300, 400, 450));
  EXPECT_THAT(grid(100, 20, 50), testing::ElementsAre(20, 50));
  EXPECT_THAT(grid(100, 70, 70), testing::ElementsAre(70));
  // 640 granules: 8 to 8, four in each of six doublings to 512, and 640. 4,096: 8, and nine doublings.
  EXPECT_EQ(grid(100, 100, 64'000).size(), 33U);
  EXPECT_EQ(grid(64, 64, 64 * 4'096).size(), 44U);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(grid(1, 0, kMost).back(), kMost);  // No overflow on the way.
}

TEST(SyntheticTest, DrawnSizesLieOnTheGridWithTheirDistribution) {
  const SyntheticSpec spec = everything(60'000);
  const Drawn drawn = draw(spec, 10);
  const auto cpus = spec.templates[0].cpu->grid();
  const auto memories = spec.templates[0].memory->grid();
  EXPECT_LE(drawn.catalog.templates(), SyntheticWorkload(spec, {}).max_templates());
  EXPECT_EQ(SyntheticWorkload(spec, {}).max_templates(), cpus.size() * memories.size() + 1);
  double n = 0;
  double below_cpu = 0;
  double below_memory = 0;
  for (const PodArrival& pod : drawn.pods) {
    const Resources& r = drawn.catalog[pod.pod_template].request;
    if (r.cpu_milli == 200 && r.memory_bytes == 0) continue;  // The second template.
    ASSERT_TRUE(std::ranges::binary_search(cpus, r.cpu_milli));
    ASSERT_TRUE(std::ranges::binary_search(memories, r.memory_bytes));
    ++n;
    below_cpu += r.cpu_milli <= 1'600 ? 1 : 0;
    below_memory += r.memory_bytes <= std::int64_t{1} << 30 ? 1 : 0;
  }
  // 1600 and 2000 are neighbours, so at most 1600 means below 1.8 cores: Phi(ln 1.8) = 0.72166. 1 GiB = 16 granules and
  // 1.25 GiB are, so at most 1 GiB means below 1.125 GiB: Phi(ln(1.125 / 2)) = 0.28252.
  EXPECT_NEAR(below_cpu / n, 0.72166, 3.5 * std::sqrt(0.2 / n));
  EXPECT_NEAR(below_memory / n, 0.28252, 3.5 * std::sqrt(0.2 / n));
}

TEST(SyntheticTest, SpecsWithoutSenseAreRefused) {
  const auto message = [](SyntheticSpec spec) -> std::string {
    try {
      const SyntheticWorkload workload(std::move(spec), {});
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  const SyntheticSpec good = everything(1);
  EXPECT_EQ(message(good), "accepted");
  SyntheticSpec bad = good;
  bad.pods.reset();
  EXPECT_THAT(message(bad), HasSubstr("neither pods nor duration"));
  bad = good;
  bad.templates.clear();
  EXPECT_THAT(message(bad), HasSubstr("number of templates is 0"));
  bad = good;
  bad.templates[0].weight = std::nan("");
  EXPECT_THAT(message(bad), HasSubstr("weight is nan"));
  bad = good;
  bad.templates[0].weight = bad.templates[1].weight = 0;
  EXPECT_THAT(message(bad), HasSubstr("sum of weights is 0"));
  bad = good;
  bad.arrivals.rate = 0;
  EXPECT_THAT(message(bad), HasSubstr("rate is 0; expected pods per second, above 0"));
  bad = good;
  bad.arrivals.amplitude = 1.5;
  EXPECT_THAT(message(bad), HasSubstr("amplitude is 1.5"));
  bad = good;
  bad.templates[0].cpu->max = 0;
  EXPECT_THAT(message(bad), HasSubstr("cpu has unit 1000, granularity 100, min 100 and max 0"));
  bad = good;
  for (int i = 0; i < 100; ++i) bad.templates.push_back(bad.templates[0]);
  EXPECT_THAT(message(bad), HasSubstr("different templates; expected at most 65536"));
  bad = good;
  bad.arrivals.kind = ArrivalSpec::Kind::kMmpp;
  EXPECT_THAT(message(bad), HasSubstr("number of states is 0"));
  bad.arrivals.states = {{0, seconds(1)}};
  EXPECT_THAT(message(bad), HasSubstr("mean number of pods in one round of the states is 0"));
  bad.arrivals.states = {{1, nanoseconds(1)}};
  EXPECT_THAT(message(bad), HasSubstr("a state's mean sojourn"));
}

TEST(SyntheticTest, TimeThatRunsOutEndsTheStream) {
  EXPECT_LT(draw(spec_of(poisson_at(1e-9), 1'000)).pods.size(), 30U);  // 9.2 pods in 292 years, in the mean.
}

}  // namespace
}  // namespace berth

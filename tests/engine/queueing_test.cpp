// The engine as a whole against queueing theory. Every replication starts in the queue's steady state, drawn from its
// known distribution, so there is no warm-up to guess and the mean wait of its customers is unbiased; replications have
// streams of their own, so a t-interval over their means is what it says.
#include <gtest/gtest.h>

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/queue_models.hpp"

namespace berth::test {
namespace {

constexpr std::uint64_t kSeed = 20'230'710;

// Streams of one replication.
constexpr std::uint32_t kStartEntity = 1;
Rng arrivals_rng(std::uint64_t seed, std::uint32_t replication) {
  return {seed, replication, 0, Purpose::kArrivals};
}
Rng service_rng(std::uint64_t seed, std::uint32_t replication) {
  return {seed, replication, 0, Purpose::kService};
}
Rng start_rng(std::uint64_t seed, std::uint32_t replication) {
  return {seed, replication, kStartEntity, Purpose::kService};
}

struct Interval {
  double mean = 0;
  double half_width = 0;
  bool covers(double truth) const { return std::abs(mean - truth) <= half_width; }
};

Interval t_interval(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double mean = 0;
  for (const double v : values) mean += v / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
  return {mean, t * std::sqrt(squares / (n - 1) / n)};
}

// ---- steady states -------------------------------------------------------------------------------------------------

// M/M/c at an arrival: n customers with p(n) proportional to load^n / n! up to c, then falling by rho each. Services
// are memoryless, so what is left of one is a whole one.
QueueStart steady_mmc(Rng& rng, std::uint32_t servers, double load) {
  std::vector<double> weight{1};
  for (std::uint32_t n = 1; n <= servers; ++n) weight.push_back(weight.back() * load / n);
  const double rho = load / servers;
  double sum = weight.back() * rho / (1 - rho);  // All states beyond c.
  for (const double w : weight) sum += w;
  double rest = rng.uniform() * sum;
  std::uint64_t n = 0;
  for (; n < servers && rest >= weight[n]; ++n) rest -= weight[n];
  if (n == servers) n += geometric(rng, 1 - rho);
  QueueStart start;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(n, servers); ++i) {
    start.in_service.push_back(exponential_duration(rng, 1e9));
  }
  start.waiting = n > servers ? n - servers : 0;
  return start;
}

// M/G/1: the work in the system is a sum of a geometric number of services' residual lives (Pollaczek and Khinchine's
// formula read as a mixture; Asmussen, "Applied Probability and Queues", VIII.5). To later customers it is as if one
// customer with all of that work were in service.
QueueStart steady_mg1(Rng& rng, double rho, const std::function<double(Rng&)>& residual) {
  double work = 0;
  for (std::uint64_t n = geometric(rng, 1 - rho); n > 0; --n) work += residual(rng);
  if (work == 0) return {};
  return {{rounded_seconds(work)}, 0};
}

// Mean wait in seconds of one replication.
template <class Service>
double replicate(std::uint32_t servers, double rate, std::uint64_t customers, std::uint64_t seed,
                 std::uint32_t replication, const QueueStart& start, Service service) {
  Rng gaps = arrivals_rng(seed, replication);
  Rng services = service_rng(seed, replication);
  std::int64_t total = 0;
  std::uint64_t seen = 0;
  run_queue(
      servers, customers, [&] { return exponential_duration(gaps, 1e9 / rate); }, [&] { return service(services); },
      [&](Duration wait) {
        total += wait.ns;
        ++seen;
      },
      start);
  EXPECT_EQ(seen, customers);
  return static_cast<double>(total) * 1e-9 / static_cast<double>(customers);
}

// ---- mean waits ----------------------------------------------------------------------------------------------------

// Services have mean 1 s, so the arrival rate is the load. Seven independent intervals of 95 %: a right engine under
// another seed misses one or more with probability 1 - 0.95^7 = 30 %, so a change of the draws may ask for a look here.
// The widths are held below 5 % of the mean, so that a wrong engine cannot hide behind its own noise.
struct Model {
  const char* name;
  std::uint32_t servers;
  double rate;
  double truth;                         // Seconds.
  std::function<double(Rng&)> service;  // Seconds.
  std::function<QueueStart(Rng&)> start;
};
void PrintTo(const Model& m, std::ostream* out) {
  *out << m.name;
}

constexpr std::uint32_t kReplications = 30;
constexpr std::uint64_t kCustomers = 60'000;

double unit_exponential(Rng& rng) {
  return exponential(rng, 1);
}

// Two branches of balanced means: probability p of mean 1/(2p), else 1/(2(1-p)). E[S^2] = 1/(2p) + 1/(2(1-p)).
constexpr double kShare = 0.1;
constexpr ServiceBranch kBranches[] = {{kShare, 0.5 / kShare}, {1 - kShare, 0.5 / (1 - kShare)}};

// Lognormal with mean 1 and squared coefficient of variation e^(s^2) - 1.
constexpr double kSigma = 1;
double unit_lognormal(Rng& rng) {
  return lognormal(rng, std::exp(-kSigma * kSigma / 2), kSigma);
}
// Its residual life: a uniform part of a length-biased service, which is lognormal again, median e^(s^2) times higher.
double lognormal_residual(Rng& rng) {
  return rng.uniform() * lognormal(rng, std::exp(kSigma * kSigma / 2), kSigma);
}

std::vector<Model> models() {
  std::vector<Model> all;
  for (const double rho : {0.5, 0.8}) {
    all.push_back({rho == 0.5 ? "MM1AtHalf" : "MM1AtFourFifths", 1, rho, rho / (1 - rho), unit_exponential,
                   [rho](Rng& rng) { return steady_mmc(rng, 1, rho); }});
  }
  all.push_back(
      {"MM3", 3, 2.4, mean_wait_mmc(3, 2.4, 1), unit_exponential, [](Rng& rng) { return steady_mmc(rng, 3, 2.4); }});
  all.push_back(
      {"MM10", 10, 9, mean_wait_mmc(10, 9, 1), unit_exponential, [](Rng& rng) { return steady_mmc(rng, 10, 9); }});
  all.push_back({"MD1", 1, 0.8, mean_wait_mg1(0.8, 1, 0), [](Rng&) { return 1.0; },
                 [](Rng& rng) { return steady_mg1(rng, 0.8, [](Rng& r) { return r.uniform(); }); }});
  const double h2_variance = 0.5 / kShare + 0.5 / (1 - kShare) - 1;
  all.push_back({"MH1", 1, 0.6, mean_wait_mg1(0.6, 1, h2_variance),
                 [](Rng& rng) { return hyperexponential(rng, kBranches); },
                 [](Rng& rng) {
                   // A service met in progress is of either branch alike (p · mean = 1/2 for both), and memoryless.
                   return steady_mg1(rng, 0.6, [](Rng& r) {
                     const bool first = bernoulli(r, 0.5);
                     return exponential(r, first ? kBranches[0].mean : kBranches[1].mean);
                   });
                 }});
  all.push_back({"MLognormal1", 1, 0.6, mean_wait_mg1(0.6, 1, std::exp(kSigma * kSigma) - 1), unit_lognormal,
                 [](Rng& rng) { return steady_mg1(rng, 0.6, lognormal_residual); }});
  return all;
}

class MeanWait : public testing::TestWithParam<Model> {};

TEST_P(MeanWait, IntervalCoversTheClosedForm) {
  const Model& m = GetParam();
  std::vector<double> means;
  for (std::uint32_t r = 0; r < kReplications; ++r) {
    Rng rng = start_rng(kSeed, r);
    means.push_back(replicate(m.servers, m.rate, kCustomers, kSeed, r, m.start(rng),
                              [&m](Rng& services) { return rounded_seconds(m.service(services)); }));
  }
  const Interval interval = t_interval(means);
  EXPECT_TRUE(interval.covers(m.truth)) << interval.mean << " ± " << interval.half_width << ", closed form " << m.truth;
  EXPECT_LT(interval.half_width, 0.05 * m.truth);  // Else covering says little.
  RecordProperty("mean", std::to_string(interval.mean));
  RecordProperty("half_width", std::to_string(interval.half_width));
  RecordProperty("closed_form", std::to_string(m.truth));
}

INSTANTIATE_TEST_SUITE_P(Table, MeanWait, testing::ValuesIn(models()),
                         [](const auto& param) { return std::string(param.param.name); });

// The closed forms themselves, where tables and hand calculation give them.
TEST(QueueFormulas, KnownValues) {
  EXPECT_NEAR(mean_wait_mmc(1, 0.9, 1), 9, 1e-12);     // rho / (1 - rho).
  EXPECT_NEAR(mean_wait_mmc(10, 9, 1), 0.6687, 5e-5);  // The published figure of this benchmark.
  EXPECT_NEAR(erlang_c(2, 1), 1.0 / 3, 1e-12);         // rho = 1/2: p0 = 1/3, C = p0 · (1/2) / (1/2).
  EXPECT_NEAR(mean_wait_mg1(0.8, 1, 0), 2, 1e-12);     // Half of M/M/1's 4: no variance.
  EXPECT_NEAR(mean_wait_mg1(0.8, 1, 1), 4, 1e-12);
}

// ---- coverage ------------------------------------------------------------------------------------------------------

// 200 experiments under different seeds, each a 95 % t-interval over 20 replications of M/M/1 at rho 1/2 (true mean
// wait 1). The number that cover is binomial(200, 0.95). The region is the widest with at most 0.0005 in either tail:
// a right engine fails under at most one seed in a thousand.
TEST(Queueing, IntervalsCoverTheTruthAsOftenAsTheySay) {
  constexpr int kExperiments = 200;
  constexpr std::uint32_t kRuns = 20;
  constexpr std::uint64_t kPerRun = 1'000;
  const boost::math::binomial expected(kExperiments, 0.95);
  int low = 0;
  while (boost::math::cdf(expected, low) <= 0.0005) ++low;
  int high = kExperiments;
  while (boost::math::cdf(boost::math::complement(expected, high - 1)) <= 0.0005) --high;
  ASSERT_EQ(low, 179);  // P(X <= 178) = 0.00048, P(X >= 199) = 0.00040.
  ASSERT_EQ(high, 198);

  int covered = 0;
  for (int e = 0; e < kExperiments; ++e) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(e);
    std::vector<double> means;
    for (std::uint32_t r = 0; r < kRuns; ++r) {
      Rng rng = start_rng(seed, r);
      means.push_back(replicate(1, 0.5, kPerRun, seed, r, steady_mmc(rng, 1, 0.5),
                                [](Rng& services) { return exponential_duration(services, 1e9); }));
    }
    covered += t_interval(means).covers(1) ? 1 : 0;
  }
  EXPECT_GE(covered, low);
  EXPECT_LE(covered, high);
  RecordProperty("covered", covered);
}

// ---- exactness -----------------------------------------------------------------------------------------------------

// Same gaps and services: the engine's waits are those of the recursion, every one, to the nanosecond.
TEST(Queueing, WaitsAreThoseOfTheRecursion) {
  for (const std::uint32_t servers : {1U, 2U, 7U}) {
    SCOPED_TRACE(testing::Message() << "servers=" << servers);
    Rng rng(kSeed, 0, servers, Purpose::kTest);
    std::vector<std::int64_t> gaps;
    std::vector<std::int64_t> services;
    for (int i = 0; i < 20'000; ++i) {
      // Small whole numbers: many customers come or leave at the same instant.
      gaps.push_back(rng.below(20));
      services.push_back(1 + rng.below(18 * servers));
    }
    const std::vector<std::int64_t> expected = exact_waits(servers, gaps, services);
    std::size_t next_gap = 0;
    std::size_t next_service = 0;
    std::vector<std::int64_t> waits;
    run_queue(
        servers, gaps.size(), [&] { return Duration{gaps[next_gap++]}; },
        [&] { return Duration{services[next_service++]}; }, [&](Duration wait) { waits.push_back(wait.ns); });
    ASSERT_EQ(waits, expected);
    EXPECT_GT(*std::max_element(waits.begin(), waits.end()), 0);
  }
}

}  // namespace
}  // namespace berth::test

// The fluid model against the request model, both over the same cluster and the same arrivals' law: how far apart they
// may be is stated, and where the fluid model does not hold is shown (docs/traffic.md).
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>

#include "sim/traffic/queue_formulas.hpp"
#include "tests/support/queue_models.hpp"
#include "tests/traffic/traffic_world.hpp"

namespace berth::test {
namespace {

double relative(double a, double b) {
  return std::abs(a - b) / b;
}

// ---- formulas ------------------------------------------------------------------------------------------------------

TEST(Formulas, ClosedForms) {
  // M/M/1-PS: mean 1 / (1 - rho), variance mean^2 (2 + rho) / (2 - rho).
  const Moments ps = sojourn_processor_sharing(0.6, {1, 1}, 1);
  EXPECT_NEAR(ps.mean, 2.5, 1e-12);
  EXPECT_NEAR(ps.variance, 2.5 * 2.5 * 2.6 / 1.4, 1e-9);
  // Sharing c cores: M/M/c's mean. Half a core: everything twice as long.
  EXPECT_NEAR(sojourn_processor_sharing(3.2, {1, 4}, 4).mean, 1 + mean_wait_mmc(4, 3.2, 1), 1e-9);
  EXPECT_NEAR(sojourn_processor_sharing(0.3, {1, 1}, 0.5).mean, 5, 1e-9);
  // M/M/1 is exponential: variance = mean^2. M/D/1: Pollaczek, Khinchine.
  const Moments mm1 = sojourn_fcfs(0.7, {1, 1}, 1);
  EXPECT_NEAR(mm1.mean, 1 / 0.3, 1e-9);
  EXPECT_NEAR(mm1.variance, 1 / 0.09, 1e-6);
  EXPECT_NEAR(sojourn_fcfs(0.5, {1, 0}, 1).mean, 1 + mean_wait_mg1(0.5, 1, 0), 1e-9);
  // Normal, equal, independent: the greater's mean is mean + sd / sqrt(pi).
  EXPECT_NEAR(greater_of({3, 1}, {3, 1}).mean, 3 + 1 / std::sqrt(std::acos(-1.0)), 1e-9);
  EXPECT_NEAR(greater_of({30, 1}, {3, 1}).mean, 30, 1e-9);
  // Gamma of shape 1 is exponential.
  EXPECT_NEAR(exceeds({2, 4}, 1, 5), std::exp(-2), 1e-9);
}

// The points' shares sum to 1, and their quantiles' mean is the mean; exponential quantiles are -log(1 - p).
TEST(Formulas, GammaPoints) {
  for (const double scv : {0.001, 0.2, 1.0, 2.5, 8.0}) {
    double sum = 0;
    double mean = 0;
    double p = 0;
    for (std::size_t i = 0; i < GammaPoints::kPoints; ++i) {
      const double q = GammaPoints::quantile({3, scv * 9}, i);
      if (scv == 1) {
        EXPECT_NEAR(q, -3 * std::log(1 - (p + GammaPoints::share(i) / 2)), 0.01 * 3) << i;
      }
      p += GammaPoints::share(i);
      sum += GammaPoints::share(i);
      mean += GammaPoints::share(i) * q;
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    EXPECT_NEAR(mean, 3, 0.02 * 3) << scv;
  }
}

// ---- against requests ----------------------------------------------------------------------------------------------

struct Load {
  const char* name;
  const char* demand;
  Discipline discipline;
  std::int64_t cpu_milli;
  std::uint32_t concurrency;
  double rho;
  std::uint32_t chain;    // Services, one calling the next.
  double mean, p95, p99;  // How far apart they may be.
};
void PrintTo(const Load& l, std::ostream* out) {
  *out << l.name;
}

constexpr std::uint32_t kPods = 20;
constexpr std::uint32_t kMany = 0xFFFF'FFFF;

struct Result {
  double mean, p95, p99, cpu;
  TrafficCounts counts;
};

Result play(const Load& load, bool fluid) {
  Shop shop(microseconds(100));
  shop.use(fluid, instant(), seconds(10));
  for (std::uint32_t s = 0; s < load.chain; ++s) {
    CallSpec next;
    next.service = service(s + 1);
    next.requests_per_connection = 100;
    shop.serve("s", load.demand,
               s + 1 < load.chain ? std::vector<std::vector<CallSpec>>{{next}} : std::vector<std::vector<CallSpec>>{},
               load.discipline);
  }
  CallSpec call;
  call.service = service(0);
  const double mean = Distribution::parse(load.demand, "test").mean();
  const double rate = load.rho * kPods * static_cast<double>(load.cpu_milli) / 1000 / mean;
  const SourceId source = shop.arrive(call, {node(0), node(1)}, poisson_arrivals(rate));
  shop.start(4);
  for (std::uint32_t p = 0; p < kPods * load.chain; ++p) {
    shop.pod(p, service(p / kPods), p % 4, load.cpu_milli, load.concurrency);
  }
  shop.play(Time{} + from_seconds(120'000 / rate));
  TrafficModel& m = *shop.model;
  EXPECT_EQ(m.verify(), "");
  const LatencyHistogram& h = m.latency(source);
  Result r{h.mean_seconds(), h.quantile(0.95).seconds(), h.quantile(0.99).seconds(), 0, m.counts(source)};
  for (std::uint32_t p = 0; p < kPods * load.chain; ++p) r.cpu += static_cast<double>(m.usage(p).cpu_core_ns);
  return r;
}

using FluidTest = testing::TestWithParam<Load>;

TEST_P(FluidTest, AgreesWithRequests) {
  const Result fluid = play(GetParam(), true);
  const Result requests = play(GetParam(), false);
  RecordProperty("mean", std::to_string(fluid.mean / requests.mean));
  RecordProperty("p95", std::to_string(fluid.p95 / requests.p95));
  RecordProperty("p99", std::to_string(fluid.p99 / requests.p99));
  EXPECT_LT(relative(fluid.mean, requests.mean), GetParam().mean);
  EXPECT_LT(relative(fluid.p95, requests.p95), GetParam().p95);
  EXPECT_LT(relative(fluid.p99, requests.p99), GetParam().p99);
  EXPECT_LT(relative(fluid.cpu, requests.cpu), 0.03);
  EXPECT_LT(relative(static_cast<double>(fluid.counts.served), static_cast<double>(requests.counts.served)), 0.02);
}

constexpr auto kPs = Discipline::kProcessorSharing;
constexpr auto kFcfs = Discipline::kFcfs;
INSTANTIATE_TEST_SUITE_P(
    Table, FluidTest,
    testing::Values(Load{"Ps30", "exponential(mean=10ms)", kPs, 1000, kMany, 0.3, 1, 0.05, 0.10, 0.15},
                    Load{"Ps50", "exponential(mean=10ms)", kPs, 1000, kMany, 0.5, 1, 0.05, 0.10, 0.15},
                    Load{"Ps80", "exponential(mean=10ms)", kPs, 1000, kMany, 0.8, 1, 0.08, 0.15, 0.15},
                    Load{"PsTwoCores70", "exponential(mean=10ms)", kPs, 2000, kMany, 0.7, 1, 0.05, 0.10, 0.15},
                    Load{"PsLognormal60", "lognormal(mean=10ms, cv=1.5)", kPs, 1000, kMany, 0.6, 1, 0.05, 0.30, 0.15},
                    Load{"PsConstant60", "10ms", kPs, 1000, kMany, 0.6, 1, 0.05, 0.15, 0.20},
                    Load{"Fcfs4At70", "exponential(mean=10ms)", kFcfs, 4000, 4, 0.7, 1, 0.05, 0.10, 0.15},
                    Load{"Chain3At50", "exponential(mean=10ms)", kPs, 1000, kMany, 0.5, 3, 0.05, 0.10, 0.15},
                    Load{"Chain5At70", "exponential(mean=10ms)", kPs, 1000, kMany, 0.7, 5, 0.05, 0.10, 0.15}),
    [](const auto& row) { return std::string(row.param.name); });

// Twice what the pods can do for 10 s, then nothing: the line grows to 10 s * (400 - 200) = 2000 requests in both, and
// all are served by 20 s.
TEST(Fluid, OverloadGrowsAndDrains) {
  for (const bool fluid : {true, false}) {
    Shop shop;
    shop.use(fluid, instant(), seconds(1));
    shop.serve("s", "exponential(mean=10ms)");
    CallSpec call;
    call.service = service(0);
    shop.arrive(call, {node(0)}, poisson_arrivals(400, {Time{}, Time{} + seconds(10)}));
    shop.start(1);
    for (std::uint32_t p = 0; p < 2; ++p) shop.pod(p, service(0), 0);
    shop.play(Time{} + seconds(10));
    EXPECT_NEAR(static_cast<double>(shop.model->counts(service(0)).in_flight), 2'000, 250) << fluid;
    EXPECT_EQ(shop.model->verify(), "");
    shop.play(Time{} + seconds(23));
    EXPECT_EQ(shop.model->counts(service(0)).in_flight, 0U) << fluid;
    EXPECT_NEAR(static_cast<double>(shop.model->usage(0).cpu_core_ns) * 1e-9, 20, 1.5) << fluid;
    EXPECT_EQ(shop.model->verify(), "");
  }
}

// What is lost for want of a preStop: pod 0 of 4 ends at 5 s, in the rules until 5.08 s: 1000 * 0.08 / 4 = 20 of
// 1000/s, in the fluid model too, whose step is then 100 ms: 25 at most.
TEST(Fluid, LossesWithoutPreStop) {
  Shop shop;
  ProxyParams params;
  params.watch_delay_min = params.watch_delay_max = milliseconds(10);
  FluidModel& model = shop.fluid(params, seconds(10));
  shop.serve("s", "1ms");
  CallSpec call;
  call.service = service(0);
  shop.arrive(call, {node(0)}, poisson_arrivals(1000, {Time{} + seconds(3), kNever}));
  shop.start(1);
  for (std::uint32_t p = 0; p < 4; ++p) shop.pod(p, service(0), 0);
  shop.play(at_ms(5'000));
  shop.model->pod_terminating(0);
  shop.model->pod_stopped(0);
  shop.play(at_ms(30'000));
  const TrafficCounts c = model.counts(service(0));
  const auto refused = static_cast<double>(c.failed[static_cast<std::size_t>(RequestFailure::kRefused)]);
  EXPECT_GE(refused, 19);
  EXPECT_LE(refused, 26);
  EXPECT_EQ(model.verify(), "");
}

// M/M/1-PS at 0.5, timeout at the mean response time: both models lose the same share within 4 points.
TEST(Fluid, Timeouts) {
  double share[2] = {};
  for (const bool fluid : {true, false}) {
    Shop shop;
    shop.use(fluid, instant(), seconds(10));
    shop.serve("s", "exponential(mean=10ms)");
    CallSpec call;
    call.service = service(0);
    call.timeout = milliseconds(40);
    const SourceId source = shop.arrive(call, {node(0)}, poisson_arrivals(500));
    shop.start(1);
    for (std::uint32_t p = 0; p < 10; ++p) shop.pod(p, service(0), 0);
    shop.play(Time{} + seconds(100));
    const TrafficCounts c = shop.model->counts(source);
    share[fluid ? 1 : 0] = static_cast<double>(c.timed_out) / static_cast<double>(c.issued);
    EXPECT_EQ(shop.model->verify(), "");
  }
  EXPECT_GT(share[0], 0.05);
  EXPECT_NEAR(share[1], share[0], 0.04);
}

// Where it does not hold: arrivals in bursts shorter than the interval. 100 ms of every second at ten times the rate:
// requests wait for each other, the fluid model sees the mean of its interval and says so little.
TEST(Fluid, DoesNotSeeBurstsWithinAnInterval) {
  double mean[2] = {};
  for (const bool fluid : {true, false}) {
    Shop shop;
    shop.use(fluid, instant(), seconds(10));
    shop.serve("s", "exponential(mean=10ms)");
    CallSpec call;
    call.service = service(0);
    RateSeries series;
    series.steps = {{Time{}, milliseconds(100), 500}};
    series.end = Time{} + seconds(1);
    const SourceId source = shop.arrive(call, {node(0)}, series_arrivals(series, true));
    shop.start(1);
    for (std::uint32_t p = 0; p < 10; ++p) shop.pod(p, service(0), 0);
    shop.play(Time{} + seconds(100));
    mean[fluid ? 1 : 0] = shop.model->latency(source).mean_seconds();
  }
  EXPECT_GT(mean[0], 5 * mean[1]);
}

}  // namespace
}  // namespace berth::test

// The request model against queueing theory: mean response times within 95 % intervals of independent replications.
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <vector>

#include "tests/support/queue_models.hpp"
#include "tests/traffic/traffic_world.hpp"

namespace berth::test {
namespace {

struct Queue {
  const char* name;
  const char* demand;  // Mean 1 s.
  Discipline discipline;
  std::int64_t cpu_milli;
  std::uint32_t concurrency;
  double rate;
  double truth;  // Mean response, s.
};
void PrintTo(const Queue& q, std::ostream* out) {
  *out << q.name;
}

constexpr std::uint32_t kMany = 0xFFFF'FFFF;
constexpr std::uint32_t kReplications = 24;
constexpr double kT23 = 2.0687;  // Student's t, 23 degrees of freedom, 0.975.
constexpr std::int64_t kWarmUp = 3'000;
constexpr std::int64_t kSeconds = 15'000;

// Mean response of one replication, by Little's law: the integral of the number in the pod over the requests that came.
double replicate(const Queue& q, std::uint32_t replication) {
  Shop shop;
  RequestModel& model = shop.requests(instant(), replication + 1);
  const ServiceId s = shop.serve("s", q.demand, {}, q.discipline);
  CallSpec call;
  call.service = s;
  shop.arrive(call, {node(0)}, poisson_arrivals(q.rate, {Time{}, Time{} + seconds(kWarmUp + kSeconds)}),
              replication + 1);
  shop.start(1);
  shop.pod(0, s, 0, q.cpu_milli, q.concurrency);
  shop.play(Time{} + seconds(kWarmUp));
  const PodUsage before = model.usage(0);
  const Time from = shop.engine.now();
  shop.play(Time{} + seconds(kWarmUp + kSeconds));
  const PodUsage after = model.usage(0);
  EXPECT_EQ(model.verify(), "");
  // What the CPU gave is what was asked for: the load, within sampling.
  const double busy =
      static_cast<double>(after.cpu_core_ns - before.cpu_core_ns) / static_cast<double>((shop.engine.now() - from).ns);
  EXPECT_NEAR(busy, q.rate, 0.15 * q.rate);
  return static_cast<double>(after.concurrency_ns - before.concurrency_ns) * 1e-9 /
         static_cast<double>(after.requests - before.requests);
}

using QueueTest = testing::TestWithParam<Queue>;

TEST_P(QueueTest, MeanResponse) {
  std::vector<double> means;
  for (std::uint32_t r = 0; r < kReplications; ++r) means.push_back(replicate(GetParam(), r));
  double mean = 0;
  double squares = 0;
  for (const double m : means) mean += m / kReplications;
  for (const double m : means) squares += (m - mean) * (m - mean);
  const double half = kT23 * std::sqrt(squares / (kReplications - 1) / kReplications);
  EXPECT_LE(std::abs(mean - GetParam().truth), half) << mean << " ± " << half << ", expected " << GetParam().truth;
  EXPECT_LT(half, 0.06 * GetParam().truth) << "too wide to say anything";
}

// M/M/1: 1 / (mu - lambda). M/M/c by Erlang's C. Sharing: M/G/1-PS is 1 / (1 - rho) whatever the demand's distribution
// (Kleinrock 1967); sharing c cores with one core each at most has M/M/c's mean, also for every distribution (it is
// insensitive); with half a core everything takes twice as long. FCFS with demands that vary: Pollaczek, Khinchine.
INSTANTIATE_TEST_SUITE_P(
    Table, QueueTest,
    testing::Values(
        Queue{"MM1", "exponential(mean=1)", Discipline::kFcfs, 1000, 1, 0.7, 1 / 0.3},
        Queue{"MM1AsLimitedSharing", "exponential(mean=1)", Discipline::kProcessorSharing, 1000, 1, 0.7, 1 / 0.3},
        Queue{"MM4", "exponential(mean=1)", Discipline::kFcfs, 4000, 4, 3.2, 1 + mean_wait_mmc(4, 3.2, 1)},
        Queue{"MM4AsLimitedSharing", "exponential(mean=1)", Discipline::kProcessorSharing, 4000, 4, 3.2,
              1 + mean_wait_mmc(4, 3.2, 1)},
        Queue{"MG1", "lognormal(mean=1, cv=1.2)", Discipline::kFcfs, 1000, 1, 0.5, 1 + mean_wait_mg1(0.5, 1, 1.44)},
        Queue{"MD1PS", "1", Discipline::kProcessorSharing, 1000, kMany, 0.7, 1 / 0.3},
        Queue{"MM1PS", "exponential(mean=1)", Discipline::kProcessorSharing, 1000, kMany, 0.7, 1 / 0.3},
        Queue{"MG1PS", "hyperexponential(mean=1, cv=2)", Discipline::kProcessorSharing, 1000, kMany, 0.6, 1 / 0.4},
        Queue{"MG4PS", "hyperexponential(mean=1, cv=2)", Discipline::kProcessorSharing, 4000, kMany, 3.2,
              1 + mean_wait_mmc(4, 3.2, 1)},
        Queue{"HalfACore", "exponential(mean=1)", Discipline::kProcessorSharing, 500, kMany, 0.35, 2 / 0.3}),
    [](const auto& row) { return std::string(row.param.name); });

// Three requests on one core by hand. A (3 s) at 0, B (1 s) at 1, C (1 s) at 2. Alone until 1: A has 2 s left. From 1
// two share: at 2, A 1.5, B 0.5. From 2 three share: B is through at 2 + 0.5 * 3 = 3.5 (A 1, C 0.5), C at 3.5 + 0.5 * 2
// = 4.5 (A 0.5), A at 5.
TEST(ProcessorSharing, ThreeByHand) {
  const auto server = make_processor_sharing(kMany, 1000, Time{});
  server->add(7, 3e9, Time{});
  server->add(8, 1e9, at_ms(1000));
  server->add(9, 1e9, at_ms(2000));
  std::vector<std::pair<std::uint32_t, std::int64_t>> out;
  for (Time t = server->next(); t != kNever; t = server->next()) {
    const std::uint32_t request = server->finished(t);
    if (request == PodServer::kNone) continue;
    out.emplace_back(request, t.ns / 1'000'000);
    server->release(t);
  }
  EXPECT_EQ(out, (std::vector<std::pair<std::uint32_t, std::int64_t>>{{8, 3500}, {9, 4500}, {7, 5000}}));
  EXPECT_EQ(server->cpu(at_ms(6000)).core_ns, 5'000'000'000);
}

// Two places, two cores, and the CPU halved at 1 s: A and B (2 s each) at 0, C (1 s) waits. Until 1 each runs at full
// speed; then one core for two: the second left of each takes 2 s, so both are through at 3. C then has one core.
TEST(ProcessorSharing, LimitAndResizeByHand) {
  const auto server = make_processor_sharing(2, 2000, Time{});
  for (std::uint32_t r = 0; r < 2; ++r) server->add(r, 2e9, Time{});
  server->add(2, 1e9, Time{});
  EXPECT_EQ(server->waiting(), 1U);
  server->set_cpu(1000, at_ms(1000));
  EXPECT_EQ(server->next(), at_ms(3000));
  EXPECT_EQ(server->finished(at_ms(3000)), 0U);
  EXPECT_EQ(server->finished(at_ms(3000)), 1U);
  EXPECT_EQ(server->finished(at_ms(3000)), PodServer::kNone);
  server->release(at_ms(3000));
  server->release(at_ms(3000));
  EXPECT_EQ(server->next(), at_ms(4000));
}

// Exactly Kiefer and Wolfowitz: 3 workers, integer gaps and services, every response to the nanosecond.
TEST(Fcfs, EqualsRecursion) {
  Rng rng(5, 0, 0, Purpose::kTest);
  std::vector<std::int64_t> gaps;
  std::vector<std::int64_t> services;
  for (int i = 0; i < 3'000; ++i) {
    gaps.push_back(static_cast<std::int64_t>(rng.below(1'000)));
    services.push_back(1 + static_cast<std::int64_t>(rng.below(2'500)));
  }
  const std::vector<std::int64_t> waits = exact_waits(3, gaps, services);
  const auto server = make_fcfs(3, 3000, Time{});
  std::vector<Time> came(gaps.size());
  Time now{};
  std::size_t done = 0;
  const auto drain = [&](Time to) {
    for (Time t = server->next(); t <= to && t != kNever; t = server->next()) {
      const std::uint32_t r = server->finished(t);
      ASSERT_NE(r, PodServer::kNone);
      ASSERT_EQ((t - came[r]).ns, waits[r] + services[r]) << "request " << r;
      server->release(t);
      ++done;
    }
  };
  for (std::uint32_t i = 0; i < gaps.size(); ++i) {
    now = now + nanoseconds(gaps[i]);
    drain(now);
    came[i] = now;
    server->add(i, static_cast<double>(services[i]), now);
  }
  drain(kNever - nanoseconds(1));
  EXPECT_EQ(done, gaps.size());
}

}  // namespace
}  // namespace berth::test

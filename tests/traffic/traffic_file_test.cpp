// `kind: Traffic` files, topologies and call graphs from spans.
#include "workloads/traffic/traffic_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/traffic/traffic_world.hpp"
#include "workloads/traffic/call_spans.hpp"

namespace berth::test {
namespace {

const char* const kShop = R"yaml(apiVersion: berth.dev/v1alpha1
kind: Traffic
name: shop
fidelity: fluid
interval: 5s
topology:
  sameHost: {latency: 10us}
  locations:
    rack-a: {within: 50us}
    rack-b:
    outside: {within: 0s}
  links:
    - {between: [rack-a, rack-b], latency: 300us, bandwidth: 1G}
    - {between: [rack-b, outside], latency: 20ms}
services:
  - name: front
    demand: exponential(mean=5ms)
    discipline: fcfs
    concurrency: 4
    blocking: false
    queueLimit: 10
    calls:
      - [{service: cart, timeout: 1s, retries: 2, retryBudget: 0.2, backoff: 25ms}, {service: db, probability: 0.5}]
      - {service: db, count: 3, optional: true, requestsPerConnection: 100, requestBytes: 1Ki, responseBytes: 1M}
  - {name: cart, demand: 2ms}
  - {name: db, demand: "lognormal(mean=1ms, cv=2)"
}
sources:
  - name: users
    service: front
    external: true
    location: outside
    clients: 1000
    timeout: 2s
    arrivals: {kind: diurnal, rate: 100, amplitude: 0.5}
  - name: cron
    service: db
    arrivals: {kind: constant, rate: 1, from: 10s, until: 1m}
)yaml";

TEST(TrafficFileTest, Reads) {
  const TrafficFile f = read_traffic(kShop, "shop.yaml", ".");
  EXPECT_EQ(f.name, "shop");
  EXPECT_TRUE(f.fluid);
  EXPECT_EQ(f.interval, seconds(5));
  ASSERT_EQ(f.services.size(), 3U);
  const ServiceWork& front = f.services[0].work;
  EXPECT_EQ(front.discipline, Discipline::kFcfs);
  EXPECT_EQ(front.concurrency, 4U);
  EXPECT_EQ(f.services[1].work.concurrency, 0xFFFF'FFFFU);
  EXPECT_FALSE(front.blocking);
  EXPECT_EQ(front.queue_limit, 10U);
  ASSERT_EQ(front.groups.size(), 2U);
  ASSERT_EQ(front.groups[0].size(), 2U);
  EXPECT_EQ(front.groups[0][0].service, service(1));
  EXPECT_EQ(front.groups[0][0].timeout, seconds(1));
  EXPECT_EQ(front.groups[0][0].retries, 2U);
  EXPECT_EQ(front.groups[0][0].retry_budget, 0.2);
  EXPECT_EQ(front.groups[0][0].backoff, milliseconds(25));
  EXPECT_EQ(front.groups[0][1].probability, 0.5);
  EXPECT_EQ(front.groups[1][0].count, 3U);
  EXPECT_TRUE(front.groups[1][0].optional);
  EXPECT_EQ(front.groups[1][0].requests_per_connection, 100U);
  EXPECT_EQ(front.groups[1][0].request_bytes, 1'024);
  EXPECT_EQ(front.groups[1][0].response_bytes, 1'000'000);
  ASSERT_EQ(f.sources.size(), 2U);
  EXPECT_TRUE(f.sources[0].spec.external);
  EXPECT_EQ(f.sources[0].spec.clients, 1'000U);
  EXPECT_EQ(f.topology.name(f.sources[0].spec.location), "outside");
  EXPECT_EQ(f.sources[1].arrivals->open(1, 0, 0)->mean_count(Time{}, Time{} + seconds(100)), 50);
  // Two links from rack-a to outside; 1 MB at 1 GB/s takes 1 ms.
  const Hop& far = f.topology.hop(LocationId{0}, LocationId{2});
  EXPECT_EQ(far.latency, microseconds(20'300));
  EXPECT_EQ(far.delay(1'000'000), microseconds(21'300));
  EXPECT_EQ(f.topology.hop(LocationId{0}, LocationId{0}).latency, microseconds(50));
  EXPECT_EQ(f.topology.same_host().latency, microseconds(10));
}

TEST(TrafficFileTest, Objectives) {
  const TrafficFile plain = read_traffic(kShop, "shop.yaml", ".");
  EXPECT_EQ(plain.services[1].objective.availability, 99.9);
  EXPECT_EQ(plain.sources[0].objective.latency, kForever);
  std::string text = kShop;
  const auto put = [&](const std::string& behind, const std::string& what) {
    text.insert(text.find(behind) + behind.size(), what);
  };
  put("{name: cart, demand: 2ms", ", objective: {availability: 99.99, latency: 500ms, percentile: 95}");
  put("clients: 1000\n", "    objective: {latency: 1s}\n");
  const TrafficFile f = read_traffic(text, "shop.yaml", ".");
  EXPECT_EQ(f.services[0].objective.availability, 99.9);
  EXPECT_EQ(f.services[1].objective.availability, 99.99);
  EXPECT_EQ(f.services[1].objective.latency, milliseconds(500));
  EXPECT_EQ(f.services[1].objective.percentile, 95);
  EXPECT_EQ(f.sources[0].objective.availability, 99.9);
  EXPECT_EQ(f.sources[0].objective.latency, seconds(1));
  EXPECT_EQ(f.sources[0].objective.percentile, 99);
  EXPECT_EQ(f.sources[1].objective.latency, kForever);
}

struct Wrong {
  const char* name;
  const char* from;  // Of kShop, replaced by
  const char* to;
  const char* message;
};
void PrintTo(const Wrong& w, std::ostream* out) {
  *out << w.name;
}
using TrafficFileRejects = testing::TestWithParam<Wrong>;

TEST_P(TrafficFileRejects, WithThePlace) {
  std::string text = kShop;
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(GetParam().from).size(), GetParam().to);
  try {
    read_traffic(text, "shop.yaml", ".");
    FAIL() << "expected an InputError";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(GetParam().message), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, TrafficFileRejects,
    testing::Values(
        Wrong{"Service", "service: cart,", "service: card,",
              "shop.yaml:23:20: services[0].calls[0][0].service is \"card\"; expected a Service of this file; "
              "did you mean \"cart\"?"},
        Wrong{"Key", "queueLimit: 10", "queuelimit: 10", "did you mean \"queueLimit\"?"},
        Wrong{"Rate", "rate: 100,", "rate: 0,", "rate is 0; expected more than 0"},
        Wrong{"Location", "[rack-b, outside]", "[rack-c, outside]", "expected a location of this topology"},
        Wrong{"Unlinked", "    - {between: [rack-b, outside], latency: 20ms}\n", "",
              "\"rack-a\" and \"outside\" are not linked"},
        Wrong{"NoLocation", "    location: outside\n", "", "is external without a location"},
        Wrong{"Twice", "- {name: cart,", "- {name: front,", "as another one's"},
        Wrong{"Timeout", "timeout: 2s", "timeout: 0s", "is 0; expected more than 0, or forever"},
        Wrong{"AllServed", "demand: 2ms}", "demand: 2ms, objective: {availability: 100}}",
              "shop.yaml:25:57: services[1].objective.availability is 100; expected percent, more than 0 and less than "
              "100"},
        Wrong{"Availability", "demand: 2ms}", "demand: 2ms, objective: {availability: 101}}",
              "shop.yaml:25:57: services[1].objective.availability is \"101\"; expected a number from 0 to 100"},
        Wrong{"NoTime", "timeout: 2s", "objective: {latency: 0s}",
              "sources[0].objective.latency is 0; expected more than 0"},
        Wrong{"PercentileAlone", "timeout: 2s", "objective: {percentile: 99}",
              "sources[0].objective.percentile stands without a latency"},
        Wrong{"ObjectiveKey", "timeout: 2s", "objective: {latancy: 1s}", "did you mean \"latency\"?"},
        Wrong{"Bandwidth", "bandwidth: 1G", "bandwidth: 0", "expected bytes per second, more than 0"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(TrafficFileTest, SeriesFromAFile) {
  const TempDir dir;
  dir.file("rates.csv", "t,n\n0,60\n60,120\n");
  const std::string path = dir.file("t.yaml", R"(apiVersion: berth.dev/v1alpha1
kind: Traffic
name: t
services: [{name: a, demand: 1ms}]
sources:
  - name: s
    service: a
    arrivals: {kind: series, file: rates.csv, time: t, value: n, scale: 2, repeat: true}
)");
  const TrafficFile f = read_traffic_file(path);
  ASSERT_EQ(f.reports.size(), 1U);
  EXPECT_EQ(f.reports[0].second.rows_used, 2U);
  // 120 and 240 a minute; the second half of the first minute of the second round.
  EXPECT_NEAR(f.sources[0].arrivals->open(1, 0, 0)->mean_count(Time{} + seconds(60), Time{} + seconds(150)), 240 + 60,
              1e-9);
}

TEST(Topology, ShortestNotFewest) {
  Topology t;
  const LocationId a = t.location("a");
  const LocationId b = t.location("b");
  const LocationId c = t.location("c");
  t.link(a, c, {milliseconds(10), 1});
  t.link(a, b, {milliseconds(2), 4});
  t.link(b, c, {milliseconds(3), 2});
  t.finish();
  EXPECT_EQ(t.hop(a, c).latency, milliseconds(5));
  EXPECT_EQ(t.hop(c, a).ns_per_byte, 4);  // Of the narrowest link on the way.
}

// Against a sort: every quantile within 1/128 of the value of its rank.
// Buckets are a 64th of a power of two wide: 1 below 128 ns, 16 ns from 1024 on.
TEST(LatencyHistogram, CountsAbove) {
  LatencyHistogram h;
  for (const std::int64_t ns : {5, 6, 6, 100, 1'030, 1'040, 1'100}) h.record({ns});
  EXPECT_EQ(h.count_above({0}), 7U);
  EXPECT_EQ(h.count_above({5}), 6U);
  EXPECT_EQ(h.count_above({6}), 4U);
  EXPECT_EQ(h.count_above({99}), 4U);
  EXPECT_EQ(h.count_above({100}), 3U);
  EXPECT_EQ(h.count_above({1'024}), 2U) << "1024 to 1039 are one";
  EXPECT_EQ(h.count_above({1'100}), 0U);
  EXPECT_EQ(h.count_above(seconds(1)), 0U);
}

TEST(LatencyHistogram, QuantilesAndMerge) {
  Rng rng(1, 0, 0, Purpose::kTest);
  LatencyHistogram all;
  LatencyHistogram parts[2];
  std::vector<std::int64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::int64_t>(lognormal(rng, 1e6, 3)));
    all.record({values.back()});
    parts[i % 2].record({values.back()});
  }
  std::ranges::sort(values);
  for (const double q : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * 20'000)));
    const auto truth = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(static_cast<double>(all.quantile(q).ns), truth, truth / 128 + 0.5) << q;
  }
  parts[0].merge(parts[1]);
  EXPECT_EQ(parts[0], all);
}

// Numbers worked out from the table by hand apart from the importer: time of a span minus the union of what its calls
// cover, mean over the 20 requests.
TEST(CallSpans, SocialNetwork) {
  BERTH_NEEDS_SHARED("data/call-spans-socialnetwork/spans.csv");
  ImportReport report;
  const CallGraph graph = import_call_spans(shared_dir() / "data/call-spans-socialnetwork/spans.csv", report);
  EXPECT_EQ(report.rows_read, 640U);
  EXPECT_EQ(report.rows_used, 640U);
  EXPECT_EQ(graph.services.size(), 12U);
  ASSERT_EQ(graph.roots.size(), 1U);
  EXPECT_EQ(graph.services[graph.roots[0]].name, "nginx-web-server");
  const auto find = [&](const char* name) -> const TrafficService& {
    return *std::ranges::find(graph.services, name, &TrafficService::name);
  };
  const auto calls = [](const TrafficService& s) {
    std::size_t n = 0;
    for (const auto& group : s.work.groups) n += group.size();
    return n;
  };
  EXPECT_EQ(calls(find("compose-post-service")), 7U);
  EXPECT_EQ(calls(find("nginx-web-server")), 1U);
  EXPECT_EQ(calls(find("home-timeline-service")), 1U);
  EXPECT_EQ(calls(find("unique-id-service")), 0U);
  // The text service asks for URLs and mentions at the same time.
  ASSERT_EQ(find("text-service").work.groups.size(), 1U);
  EXPECT_EQ(find("text-service").work.groups[0].size(), 2U);
  EXPECT_NEAR(find("unique-id-service").work.demand.mean(), 13.65e-6, 1e-9);
  EXPECT_NEAR(find("text-service").work.demand.mean(), 413.0e-6, 1e-9);
  EXPECT_NEAR(find("compose-post-service").work.demand.mean(), 424.45e-6, 1e-9);
}

// It runs: every service gets as many requests as there are, and the answer takes at least the work on the way.
TEST(CallSpans, Runs) {
  BERTH_NEEDS_SHARED("data/call-spans-socialnetwork/spans.csv");
  ImportReport report;
  const CallGraph graph = import_call_spans(shared_dir() / "data/call-spans-socialnetwork/spans.csv", report);
  Shop shop(microseconds(100));
  RequestModel& model = shop.requests(instant());
  for (const TrafficService& s : graph.services) {
    ServicePolicy policy;
    policy.name = s.name;
    shop.model->add_service(policy, s.work);
  }
  CallSpec call;
  call.service = service(static_cast<std::uint32_t>(graph.roots[0]));
  const SourceId source = shop.arrive(call, {node(0)}, constant_arrivals(100, {Time{}, Time{} + seconds(10)}));
  shop.start(3);
  for (std::uint32_t s = 0; s < 12; ++s) shop.pod(s, service(s), s % 3, 4000);
  shop.play(Time{} + seconds(20));
  EXPECT_EQ(model.counts(source).served, 1'000U);
  for (std::uint32_t s = 0; s < 12; ++s) EXPECT_EQ(model.counts(service(s)).served, 1'000U) << s;
  EXPECT_EQ(model.verify(), "");
}

}  // namespace
}  // namespace berth::test

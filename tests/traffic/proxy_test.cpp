// kube-proxy's view and choice: propagation by hand, who is usable, and how one is chosen.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

#include "sim/traffic/service_table.hpp"
#include "tests/traffic/traffic_world.hpp"

namespace berth::test {
namespace {

constexpr EndpointCondition kReady{true, true, false};
constexpr EndpointCondition kNotReady{false, false, false};
constexpr EndpointCondition kDraining{false, true, true};

ProxyParams exact() {  // Slice 20 ms, watch 10 ms, sync 50 ms, 1 s between syncs.
  ProxyParams p;
  p.watch_delay_min = p.watch_delay_max = milliseconds(10);
  return p;
}

Endpoint endpoint(std::uint32_t pod, std::uint32_t on = 0) {
  return {pod, 0, node(on)};
}

std::vector<std::uint32_t> pods(const ServiceTable::Usable& usable) {
  std::vector<std::uint32_t> out;
  for (const Endpoint& e : usable.endpoints) out.push_back(e.pod);
  return out;
}

// Changes at 0, 100 and 500 ms. The first is written at 20, seen at 30, in the rules at 80 ms. The next sync may begin
// 1 s after that, at 1080, takes both others (seen at 130 and 530) and ends at 1130. A fourth change at 1070 is written
// at 1090, seen at 1100: after that sync has begun; the next one begins at 2130 and ends at 2180. One at 10 s finds
// quiet: 10.080.
TEST(ProxyClock, CoalescesAsByHand) {
  ServiceTable table(exact(), 1, 0);
  table.add_node(node(0), 0, 4000, true, Time{});
  const ServiceId s = table.add_service({});
  const std::array<std::int64_t, 5> changes{0, 100, 500, 1'070, 10'000};
  const std::array<std::pair<std::int64_t, std::size_t>, 8> looks{
      {{79, 0}, {80, 1}, {1'129, 1}, {1'130, 3}, {2'179, 3}, {2'180, 4}, {10'079, 4}, {10'080, 5}}};
  std::size_t next = 0;
  for (const auto& [ms, count] : looks) {
    while (next < changes.size() && changes[next] <= ms) {
      table.set(s, endpoint(static_cast<std::uint32_t>(next)), kReady, at_ms(changes[next]));
      ++next;
    }
    EXPECT_EQ(table.usable(s, node(0), false, at_ms(ms)).endpoints.size(), count) << "at " << ms << " ms";
  }
}

// A node that nobody asks for hours is where it would be had it been asked all the time.
TEST(ProxyClock, LazyEqualsAsked) {
  ProxyParams params = exact();
  params.watch_delay_max = milliseconds(300);
  ServiceTable table(params, 7, 0);
  for (std::uint32_t n = 0; n < 3; ++n) table.add_node(node(n), 0, 4000, true, Time{});
  const ServiceId s = table.add_service({});
  ServiceTable twin(params, 7, 0);
  for (std::uint32_t n = 0; n < 3; ++n) twin.add_node(node(n), 0, 4000, true, Time{});
  twin.add_service({});
  Rng rng(3, 0, 0, Purpose::kTest);
  std::int64_t ms = 0;
  std::uint64_t looked = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    ms += rng.below(i % 500 == 0 ? 20'000 : 900);
    const auto pod = rng.below(20);
    const EndpointCondition condition = rng.below(2) == 0 ? kReady : kNotReady;
    table.set(s, endpoint(pod), condition, at_ms(ms));
    twin.set(s, endpoint(pod), condition, at_ms(ms));
    for (std::uint32_t n = 0; n < 3; ++n) twin.usable(s, node(n), false, at_ms(ms));
    if (rng.below(100) != 0) continue;
    for (std::uint32_t n = 0; n < 3; ++n) {
      ASSERT_EQ(pods(table.usable(s, node(n), false, at_ms(ms))), pods(twin.usable(s, node(n), false, at_ms(ms))));
      ++looked;
    }
  }
  EXPECT_GT(looked, 300U);
}

TEST(ServiceTable, WhoIsUsable) {
  ServiceTable table(instant(), 1, 0);
  for (std::uint32_t n = 0; n < 4; ++n) table.add_node(node(n), static_cast<std::uint16_t>(n / 2), 4000, true, Time{});
  ServicePolicy policy;
  const ServiceId cluster = table.add_service(policy);
  policy.internal_local = true;
  const ServiceId internal = table.add_service(policy);
  policy.internal_local = false;
  policy.external_local = true;
  const ServiceId external = table.add_service(policy);
  policy = {};
  policy.distribution = ServicePolicy::Preference::kSameZone;
  const ServiceId zone = table.add_service(policy);
  policy.distribution = ServicePolicy::Preference::kSameNode;
  const ServiceId same_node = table.add_service(policy);
  // Pods 0 and 1 on nodes 0 and 1 (zone 0) ready, 2 on node 2 (zone 1) draining, 3 on node 3 not ready.
  for (const ServiceId s : {cluster, internal, external, zone, same_node}) {
    table.set(s, endpoint(0, 0), kReady, Time{});
    table.set(s, endpoint(1, 1), kReady, Time{});
    table.set(s, endpoint(2, 2), kDraining, Time{});
    table.set(s, endpoint(3, 3), kNotReady, Time{});
  }
  using Pods = std::vector<std::uint32_t>;
  EXPECT_EQ(pods(table.usable(cluster, node(3), false, Time{})), (Pods{0, 1}));
  EXPECT_EQ(pods(table.usable(internal, node(1), false, Time{})), (Pods{1}));
  EXPECT_EQ(pods(table.usable(internal, node(2), false, Time{})), (Pods{2}));  // Serving and terminating, but here.
  EXPECT_TRUE(table.usable(internal, node(3), false, Time{}).drop);
  EXPECT_EQ(pods(table.usable(internal, node(3), true, Time{})), (Pods{0, 1}));  // Of internal traffic only.
  EXPECT_EQ(pods(table.usable(external, node(0), true, Time{})), (Pods{0}));
  EXPECT_EQ(pods(table.usable(external, node(3), false, Time{})), (Pods{0, 1}));
  ASSERT_EQ(table.nodes_with_ready(external, Time{}).size(), 2U);  // The health check fails on node 2 already.
  EXPECT_EQ(pods(table.usable(zone, node(1), false, Time{})), (Pods{0, 1}));
  EXPECT_EQ(pods(table.usable(zone, node(2), false, Time{})), (Pods{0, 1}));  // Nobody for zone 1: all.
  EXPECT_EQ(pods(table.usable(same_node, node(1), false, Time{})), (Pods{1}));
  EXPECT_EQ(pods(table.usable(same_node, node(3), false, Time{})), (Pods{0, 1}));
  // Nobody ready: who drains; nobody at all: rejected.
  table.set(cluster, endpoint(0, 0), kNotReady, at_ms(1));
  table.set(cluster, endpoint(1, 1), kNotReady, at_ms(1));
  EXPECT_EQ(pods(table.usable(cluster, node(0), false, at_ms(1))), (Pods{2}));
  table.remove(cluster, endpoint(2, 2), at_ms(2));
  const auto none = table.connect(cluster, node(0), 0, false, at_ms(2));
  EXPECT_EQ(none.result, ServiceTable::Result::kRejected);
  EXPECT_EQ(table.connect(internal, node(3), 0, false, at_ms(2)).result, ServiceTable::Result::kDropped);
}

// Clients of a headless Service keep what DNS said for the time to live, 30 s.
TEST(ServiceTable, HeadlessKeepsAddresses) {
  ProxyParams params = instant();
  ServiceTable table(params, 1, 0);
  table.add_node(node(0), 0, 4000, true, Time{});
  ServicePolicy policy;
  policy.headless = true;
  const ServiceId s = table.add_service(policy);
  table.set(s, endpoint(0), kReady, Time{});
  EXPECT_EQ(table.usable(s, node(0), false, at_ms(10'000)).endpoints.size(), 1U);
  table.set(s, endpoint(0), kDraining, at_ms(11'000));
  EXPECT_EQ(table.usable(s, node(0), false, at_ms(39'999)).endpoints.size(), 1U);
  EXPECT_EQ(table.usable(s, node(0), false, at_ms(40'000)).endpoints.size(), 0U);  // And no fallback in DNS.
}

// Chi-square over 10 endpoints: below 27.9 (0.1 %, 9 degrees of freedom).
TEST(Balancer, IptablesIsUniform) {
  for (const ProxyMode mode : {ProxyMode::kIptables, ProxyMode::kNftables}) {
    ProxyParams params = instant();
    params.mode = mode;
    ServiceTable table(params, 11, 0);
    table.add_node(node(0), 0, 4000, true, Time{});
    const ServiceId s = table.add_service({});
    for (std::uint32_t p = 0; p < 10; ++p) table.set(s, endpoint(p), kReady, Time{});
    std::array<double, 10> seen{};
    for (int i = 0; i < 100'000; ++i) ++seen[table.connect(s, node(0), 0, false, Time{}).endpoint.pod];
    double chi = 0;
    for (const double n : seen) chi += (n - 10'000) * (n - 10'000) / 10'000;
    EXPECT_LT(chi, 27.9);
    EXPECT_GT(chi, 1.15);  // 0.1 % on the other side: no round robin in disguise.
  }
}

// Each node goes its own round.
TEST(Balancer, RoundRobinByHand) {
  ProxyParams params = instant();
  params.mode = ProxyMode::kIpvsRoundRobin;
  ServiceTable table(params, 1, 0);
  for (std::uint32_t n = 0; n < 2; ++n) table.add_node(node(n), 0, 4000, true, Time{});
  const ServiceId s = table.add_service({});
  for (std::uint32_t p = 0; p < 3; ++p) table.set(s, endpoint(p), kReady, Time{});
  std::vector<std::uint32_t> chosen;
  for (const std::uint32_t n : {0U, 0U, 1U, 0U, 0U, 1U}) {
    chosen.push_back(table.connect(s, node(n), 0, false, Time{}).endpoint.pod);
  }
  EXPECT_EQ(chosen, (std::vector<std::uint32_t>{0, 1, 0, 2, 0, 1}));
}

// Open on one node: 0, 1, 2, then 1 closes: 1 is next; then all have one: 0. The other node knows of none of these: 0.
TEST(Balancer, LeastConnectionByHand) {
  ProxyParams params = instant();
  params.mode = ProxyMode::kIpvsLeastConnection;
  ServiceTable table(params, 1, 0);
  for (std::uint32_t n = 0; n < 2; ++n) table.add_node(node(n), 0, 4000, true, Time{});
  const ServiceId s = table.add_service({});
  for (std::uint32_t p = 0; p < 3; ++p) table.set(s, endpoint(p), kReady, Time{});
  const auto connect = [&](std::uint32_t n) { return table.connect(s, node(n), 0, false, Time{}).endpoint.pod; };
  EXPECT_EQ(connect(0), 0U);
  EXPECT_EQ(connect(0), 1U);
  EXPECT_EQ(connect(0), 2U);
  table.disconnect(s, node(0), endpoint(1));
  EXPECT_EQ(connect(0), 1U);
  EXPECT_EQ(connect(0), 0U);
  EXPECT_EQ(connect(1), 0U);
}

TEST(Affinity, HoldsUntilTheGapIsTooLong) {
  ServiceTable table(instant(), 1, 0);
  table.add_node(node(0), 0, 4000, true, Time{});
  ServicePolicy policy;
  policy.client_affinity = true;
  const ServiceId s = table.add_service(policy);
  for (std::uint32_t p = 0; p < 50; ++p) table.set(s, endpoint(p), kReady, Time{});
  const auto connect = [&](std::uint32_t client, std::int64_t second) {
    return table.connect(s, node(0), client, false, Time{} + seconds(second)).endpoint.pod;
  };
  // 40 clients, each comes back after 10799 s (the timeout is 10800) three times: always where it was.
  std::map<std::uint32_t, std::uint32_t> first;
  for (std::uint32_t c = 0; c < 40; ++c) first[c] = connect(c, 0);
  for (std::int64_t round = 1; round <= 3; ++round) {
    for (std::uint32_t c = 0; c < 40; ++c) EXPECT_EQ(connect(c, round * 10'799), first[c]);
  }
  // After 10800 s drawn anew: all 40 the same again has probability 50^-40.
  std::uint32_t moved = 0;
  for (std::uint32_t c = 0; c < 40; ++c) moved += connect(c, 3 * 10'799 + 10'800) != first[c] ? 1 : 0;
  EXPECT_GT(moved, 20U);
  // An endpoint that leaves takes its clients' affinity with it.
  const std::uint32_t pod = connect(0, 50'000);
  table.set(s, endpoint(pod), kNotReady, Time{} + seconds(50'001));
  EXPECT_NE(connect(0, 50'002), pod);
}

// Section 4 of the networking reference. 3 zones of CPU 50 %, 25 %, 25 %; 12 endpoints, all in zone 0. Minimum:
// ceil(6 / 1.2) = 5, ceil(3 / 1.2) = 3, 3; desired 6, 3, 3. Zone 0 gives 3 to each of the others.
TEST(TopologyHints, MovesToTheDeficit) {
  const std::vector<std::int64_t> cpu{8, 4, 4};
  const std::vector<std::uint16_t> zones(12, 0);
  std::vector<std::uint16_t> hints(12, kNoZone);
  ASSERT_TRUE(allocate_hints(cpu, true, zones, hints));
  std::array<int, 3> count{};
  for (const std::uint16_t h : hints) ++count[h];
  EXPECT_EQ(count, (std::array<int, 3>{6, 3, 3}));
}

TEST(TopologyHints, NoneWhere) {
  std::vector<std::uint16_t> hints(2, kNoZone);
  EXPECT_FALSE(
      allocate_hints(std::vector<std::int64_t>{8}, true, std::vector<std::uint16_t>{0, 0}, hints));  // One zone.
  EXPECT_FALSE(allocate_hints(std::vector<std::int64_t>{1, 1, 1}, true, std::vector<std::uint16_t>{0, 1}, hints));
  EXPECT_FALSE(allocate_hints(std::vector<std::int64_t>{1, 1}, false, std::vector<std::uint16_t>{0, 1}, hints));
  EXPECT_FALSE(allocate_hints(std::vector<std::int64_t>{1, 1}, true, std::vector<std::uint16_t>{0, kNoZone}, hints));
  // Minimums ceil(2 * 0.9 / 1.2) = 2 and ceil(2 * 0.1 / 1.2) = 1: more than there are.
  EXPECT_FALSE(allocate_hints(std::vector<std::int64_t>{9, 1}, true, std::vector<std::uint16_t>{0, 1}, hints));
  EXPECT_EQ(hints, (std::vector<std::uint16_t>{kNoZone, kNoZone}));
}

// Hints stay while their zone is within its maximum: equal zones, 4 endpoints hinted 2 and 2 wherever they are.
TEST(TopologyHints, KeepsWhatIsThere) {
  std::vector<std::uint16_t> hints{1, 0, 1, 0};
  ASSERT_TRUE(allocate_hints(std::vector<std::int64_t>{4, 4}, true, std::vector<std::uint16_t>{0, 0, 0, 0}, hints));
  EXPECT_EQ(hints, (std::vector<std::uint16_t>{1, 0, 1, 0}));
}

}  // namespace
}  // namespace berth::test

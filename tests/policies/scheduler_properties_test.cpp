// Every registered scheduler on small random clusters with random churn, against a naive twin: the same rules, but with
// nothing remembered from one decision to the next, so that all scores are worked out from scratch each time. And the
// rules that no scheduler may break: what is bound fits, what stays pending fits nowhere.
#include <gtest/gtest.h>

#include <set>

#include "policies/registry.hpp"
#include "sim/cluster/kube_objects.hpp"
#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

std::unique_ptr<Scheduler> make(const PolicySpec& spec, RandomWorld& world, std::span<const TemplateCount> mix) {
  std::unique_ptr<Scheduler> scheduler = Registry<Scheduler>::instance().make(spec);
  scheduler->prepare(world.harness.cluster, mix);
  world.harness.cluster.set_listener(scheduler->listener());
  return scheduler;
}

// round-robin remembers where it was: its twin is written out.
class NaiveRoundRobin final : public Scheduler {
 public:
  void schedule(const Context& ctx, Actions& act) override {
    std::vector<PodId> line;
    ctx.cluster.pending().in_order(line);
    const auto nodes = static_cast<std::uint32_t>(ctx.cluster.nodes().size());
    for (const PodId pod : line) {
      for (std::uint32_t i = 0; i < nodes; ++i) {
        const auto node = static_cast<NodeId>((next_ + i) % nodes);
        if (!naive_fits(ctx.cluster, ctx.cluster.pod_template(pod), node)) continue;
        ASSERT_EQ(act.bind(pod, node), Outcome::kDone);
        next_ = static_cast<std::uint32_t>(index(node) + 1) % nodes;
        break;
      }
    }
  }

 private:
  std::uint32_t next_ = 0;
};

// How the twin forgets: a new instance for each decision; min-cost-flow decides on all waiting pods together, so for
// each call. kube-scheduler, which evicts and keeps a queue, has a twin and tests of its own
// (kube_fast_scheduler_test.cpp); here only that nobody waits who fits.
enum class Twin { kPerDecision, kPerCall, kWrittenOut, kElsewhere };

Twin twin_of(const std::string& policy) {
  if (policy == "min-cost-flow") return Twin::kPerCall;
  if (policy == "round-robin") return Twin::kWrittenOut;
  if (policy == "kube-scheduler") return Twin::kElsewhere;
  return Twin::kPerDecision;
}

// With a decision time a scheduler stops after each bind: that is how the twin is stopped to be replaced.
constexpr DecisionTime kOneAtATime{nanoseconds(1), {}};

void expect_nobody_waits_in_vain(const Cluster& cluster) {
  for (const TemplateId t : cluster.pending().templates()) {
    for (std::size_t n = 0; n < cluster.nodes().size(); ++n) {
      ASSERT_FALSE(naive_fits(cluster, cluster.catalog()[t], static_cast<NodeId>(n)))
          << "pods of template " << index(t) << " wait and fit on node " << n;
    }
  }
}

void play(const PolicySpec& spec, std::uint64_t seed) {
  SCOPED_TRACE(testing::Message() << spec.to_string() << " seed=" << seed);
  const Twin kind = twin_of(spec.name);
  RandomWorld fast(seed);
  RandomWorld slow(seed, kind == Twin::kPerDecision ? kOneAtATime : DecisionTime{});
  std::vector<TemplateCount> mix;
  for (const TemplateId t : fast.templates()) mix.push_back({t, 1 + 3 * mix.size()});
  const std::unique_ptr<Scheduler> policy = make(spec, fast, mix);
  NaiveRoundRobin round_robin;
  Rng fast_rng(seed, 0, 1, Purpose::kTest), slow_rng(seed, 0, 1, Purpose::kTest);

  for (int instant = 0; instant < 60; ++instant) {
    const std::uint32_t news = 1 + fast.rng().below(6);
    if (kind != Twin::kElsewhere) {
      ASSERT_EQ(1 + slow.rng().below(6), news);
    }
    for (std::uint32_t i = 0; i < news; ++i) {
      fast.churn();
      if (kind != Twin::kElsewhere) slow.churn();
    }
    if (!fast.harness.cluster.pending().empty())
      policy->schedule({fast.harness.cluster, Time{}, fast_rng}, fast.harness.actions);

    if (kind == Twin::kElsewhere) {
      ASSERT_EQ(fast.harness.cluster.verify(), "");
      expect_nobody_waits_in_vain(fast.harness.cluster);
      continue;
    }
    const Context slow_ctx{slow.harness.cluster, Time{}, slow_rng};
    bool more = !slow.harness.cluster.pending().empty();
    while (more) {
      if (kind == Twin::kWrittenOut) {
        round_robin.schedule(slow_ctx, slow.harness.actions);
      } else {
        make(spec, slow, mix)->schedule(slow_ctx, slow.harness.actions);
      }
      more = !slow.harness.actions.may_decide();
      while (slow.harness.step()) {
      }
    }

    const PodColumns& a = fast.harness.cluster.pods();
    const PodColumns& b = slow.harness.cluster.pods();
    ASSERT_EQ(a.phase, b.phase) << "instant " << instant;
    ASSERT_EQ(a.node, b.node) << "instant " << instant;
    ASSERT_EQ(a.gpus, b.gpus) << "instant " << instant;
    ASSERT_EQ(fast.harness.cluster.verify(), "");
    expect_nobody_waits_in_vain(fast.harness.cluster);
  }
}

TEST(SchedulerProperty, RememberingChangesNothing) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) ASSERT_NO_FATAL_FAILURE(play({info.name, {}}, seed));
  }
}

TEST(SchedulerProperty, AlsoWithOtherParameters) {
  for (const char* spec :
       {"dot-product(alignment=large)", "drf(place=pack)", "e-pvm(base=1000)", "min-cost-flow(batch=1)",
        "min-cost-flow(batch=3)", "power-of-k(k=5)", "least-allocated(cpu_weight=0)"}) {
    for (std::uint64_t seed = 100; seed < 120; ++seed) {
      ASSERT_NO_FATAL_FAILURE(play(PolicySpec::parse(spec, "test"), seed));
    }
  }
}

// Nodes join, leave and are tainted while pods come and go: no pod is ever where it may not be, and nobody waits who
// fits.
TEST(SchedulerProperty, NodesComeAndGo) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    std::size_t bound = 0;
    std::size_t left = 0;
    for (std::uint64_t seed = 300; seed < 315; ++seed) {
      SCOPED_TRACE(testing::Message() << info.name << " seed=" << seed);
      RandomWorld world(seed);
      Cluster& cluster = world.harness.cluster;
      std::vector<TemplateCount> mix;
      for (const TemplateId t : world.templates()) mix.push_back({t, 1});
      const auto policy = make({info.name, {}}, world, mix);
      Rng rng(seed, 0, 1, Purpose::kTest);
      for (int instant = 0; instant < 40; ++instant) {
        const NodeId node = world.any_node();
        const std::uint32_t dice = world.rng().below(6);
        if (dice == 0 && cluster.node_exists(node)) {
          while (cluster.first_on_node(node) != kNoPod) {
            world.harness.actions.evict(cluster.first_on_node(node), EvictReason::kDrained);
          }
          cluster.remove_node(node);
          ++left;
        } else if (dice == 1) {
          NodeSpec spec;
          spec.name = "late-" + std::to_string(instant);
          spec.allocatable = {4000, 16_GiB, 64_GiB};
          spec.pods = 6;
          cluster.add_node(spec);
        } else if (dice < 4 && cluster.node_exists(node)) {
          auto object = std::make_shared<kube::Node>(*cluster.node_object(node));
          object->taints.clear();
          if (dice == 2) object->taints.push_back({"dedicated", "x", kube::TaintEffect::kNoSchedule});
          cluster.set_node_object(node, object);
        }
        world.churn();
        world.churn();
        std::vector<NodeId> before = cluster.pods().node;
        if (!cluster.pending().empty()) policy->schedule({cluster, Time{}, rng}, world.harness.actions);
        ASSERT_EQ(cluster.verify(), "");
        for (std::size_t p = 0; p < cluster.pods().size(); ++p) {
          const NodeId on = cluster.pods().node[p];
          if (cluster.pods().phase[p] == PodPhase::kFree || on == kNoNode) continue;
          ASSERT_TRUE(cluster.node_exists(on));
          if (on == before[p]) continue;
          ++bound;
          const auto& taints = cluster.node_object(on)->taints;
          ASSERT_TRUE(taints.empty()) << "pod row " << p << " came to a tainted node";
        }
        for (const TemplateId t : cluster.pending().templates()) {
          for (std::size_t n = 0; n < cluster.nodes().size(); ++n) {
            const auto id = static_cast<NodeId>(n);
            const bool open = cluster.node_exists(id) && cluster.node_object(id)->taints.empty();
            ASSERT_FALSE(open && naive_fits(cluster, cluster.catalog()[t], id)) << "waits and fits on node " << n;
          }
        }
      }
    }
    EXPECT_GT(bound, 100U) << info.name;
    EXPECT_GT(left, 20U) << info.name;
  }
}

// The same as above in the other direction: deciding one by one, with time between, gives what deciding at once gives,
// as long as nothing else happens meanwhile. All but min-cost-flow, whose rounds weigh the waiting pods together.
TEST(SchedulerProperty, DecisionTimeAloneMovesNoPod) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    if (info.name == "min-cost-flow") continue;
    for (std::uint64_t seed = 200; seed < 220; ++seed) {
      SCOPED_TRACE(testing::Message() << info.name << " seed=" << seed);
      RandomWorld at_once(seed), one_by_one(seed, {milliseconds(1), microseconds(1)});
      std::vector<TemplateCount> mix;
      for (const TemplateId t : at_once.templates()) mix.push_back({t, 1});
      for (int i = 0; i < 60; ++i) {
        const TemplateId t = at_once.any_template();
        at_once.harness.create(t);
        one_by_one.harness.create(t);
      }
      Rng rng_a(seed, 0, 1, Purpose::kTest), rng_b(seed, 0, 1, Purpose::kTest);
      const auto policy_a = make({info.name, {}}, at_once, mix);
      const auto policy_b = make({info.name, {}}, one_by_one, mix);
      policy_a->schedule({at_once.harness.cluster, Time{}, rng_a}, at_once.harness.actions);
      do {
        while (one_by_one.harness.step()) {
        }
        policy_b->schedule({one_by_one.harness.cluster, Time{}, rng_b}, one_by_one.harness.actions);
      } while (!one_by_one.harness.actions.may_decide());
      ASSERT_EQ(at_once.harness.cluster.pods().node, one_by_one.harness.cluster.pods().node);
      ASSERT_EQ(at_once.harness.cluster.pods().gpus, one_by_one.harness.cluster.pods().gpus);
    }
  }
}

}  // namespace
}  // namespace berth::test

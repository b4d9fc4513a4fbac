// Expanders by hand: expander/{waste,mostpods,leastnodes,price,priority}.go of release 1.37.
#include "policies/node_autoscalers/expanders.hpp"

#include <gtest/gtest.h>

#include <array>

#include "sim/engine/error.hpp"
#include "tests/policies/node_autoscalers/autoscaled_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

// Five pods of one core and 1 GiB each, for which the groups would need different numbers of nodes.
struct Options {
  AutoscaledWorld w;
  std::vector<ExpansionOption> options;

  Options() {
    const kube::PodInfo* pod = w.make.info("ReplicaSet/r", 1'000, kGi);
    const auto add = [&](const char* name, std::int64_t cores, std::int64_t gib, double price, std::int32_t nodes,
                         std::size_t pods) {
      const std::uint32_t group = w.add_group(name, cores * 1'000, gib, 0, 100, price);
      options.push_back({group, nodes, std::vector<const kube::PodInfo*>(pods, pod)});
    };
    add("small", 2, 8, 0.10, 3, 5);      // 6 cores, 24 GiB for 5 and 5.
    add("big-spot", 8, 32, 0.12, 1, 5);  // 8 cores, 32 GiB.
    add("tight", 1, 1, 0.09, 3, 3);      // 3 cores, 3 GiB for 3 and 3: nothing wasted, but only three pods.
    add("big", 8, 32, 0.40, 1, 5);
  }
  std::string best(const char* names, const char* priorities = "", std::uint64_t seed = 1) const {
    Rng rng(seed, 0, 0, Purpose::kTest);
    const ExpansionOption* option = Expanders(names, priorities, "test").best(options, w.groups, 2, rng);
    return option == nullptr ? "none" : w.groups[option->group].name;
  }
};

TEST(Expanders, Scores) {
  const Options o;
  EXPECT_DOUBLE_EQ(waste(o.options[0], o.w.groups[0]), 1.0 / 6 + 19.0 / 24);
  EXPECT_DOUBLE_EQ(waste(o.options[1], o.w.groups[1]), 3.0 / 8 + 27.0 / 32);
  EXPECT_DOUBLE_EQ(waste(o.options[2], o.w.groups[2]), 0);
  // Steady pod: 0.5 * 0.033174 + 500/1024 * 0.004446 = 0.0187579. Pods of three: 3 * (0.033174 + 0.004446) = 0.11286.
  // A cluster of up to two nodes wants nodes of one core: unfitness 1. (3 * 0.09 + 0.0187579) / (0.11286 + 0.0187579).
  EXPECT_NEAR(price_score(o.options[2], o.w.groups[2], 2), 2.193911, 1e-6);
  // 8 cores: unfitness 8, one node: tanh(0) = 0, so all of it. 8 * (0.12 + 0.0187579) / (0.1881 + 0.0187579).
  EXPECT_NEAR(price_score(o.options[1], o.w.groups[1], 2), 5.366308, 1e-6);
  // 2 cores, three nodes: (2 - 1) * (1 - tanh(2/15)) + 1 = 1.867451; times (0.3 + 0.0187579) / 0.2068579.
  EXPECT_NEAR(price_score(o.options[0], o.w.groups[0], 2), 2.877651, 1e-6);
  // A cluster of 61 to 200 nodes wants 16 cores: 8 of them are 2 away. 2 * (0.12 + 0.0187579) / 0.2068579.
  EXPECT_NEAR(price_score(o.options[1], o.w.groups[1], 200), 1.341577, 1e-6);
}

TEST(Expanders, CapacityCountsForWasteIfItIsKnown) {
  Options o;
  o.w.groups[0].capacity_cpu_milli = 2'500;        // 7.5 cores.
  o.w.groups[0].capacity_memory_bytes = 10 * kGi;  // 30 GiB.
  EXPECT_DOUBLE_EQ(waste(o.options[0], o.w.groups[0]), 2.5 / 7.5 + 25.0 / 30);
}

struct Case {
  const char* name;
  const char* expanders;
  const char* priorities;
  const char* expected;
};
using ExpandersTest = testing::TestWithParam<Case>;
TEST_P(ExpandersTest, Picks) {
  const Options o;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {  // Nothing is left to chance in these.
    EXPECT_EQ(o.best(GetParam().expanders, GetParam().priorities, seed), GetParam().expected);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, ExpandersTest,
    testing::Values(Case{"LeastWaste", "least-waste", "", "tight"}, Case{"Price", "price", "", "tight"},
                    Case{"MostPodsThenLeastWaste", "most-pods+least-waste", "", "small"},
                    Case{"LeastNodesThenPrice", "least-nodes+price", "", "big-spot"},
                    Case{"MostPodsThenPrice", "most-pods+price", "", "small"},
                    Case{"Priority", "priority", "10:.*;20:^small$;5:tight", "small"},
                    Case{"PriorityMatchesAnywhere", "priority", "10:spot;7:mall", "big-spot"},
                    Case{"HighestOfAGroupCounts", "priority", "1:big;50:big$;20:small", "big"},
                    Case{"PriorityNamesNobody", "priority+least-waste", "10:nothing", "tight"},
                    Case{"PriorityThenLeastWaste", "priority+least-waste", "10:small|tight", "tight"}),
    CaseName{});

TEST(Expanders, TiesAreDrawn) {
  Options o;
  o.options.erase(o.options.begin() + 2);
  o.options.erase(o.options.begin());  // big-spot and big, which waste the same.
  std::array<int, 2> counts{};
  for (std::uint64_t seed = 0; seed < 1000; ++seed) ++counts[o.best("least-waste", "", seed) == "big" ? 1 : 0];
  EXPECT_NEAR(counts[0], 500, 80);  // Five standard deviations of a fair coin.
}

TEST(Expanders, RandomIsUniform) {
  const Options o;
  std::map<std::string, int> counts;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) ++counts[o.best("random", "", seed)];
  ASSERT_EQ(counts.size(), 4U);
  for (const auto& [name, count] : counts) EXPECT_NEAR(count, 500, 97) << name;  // Five standard deviations.
}

TEST(Expanders, NothingToChooseFrom) {
  Options o;
  o.options.clear();
  EXPECT_EQ(o.best("least-waste"), "none");
}

struct Bad {
  const char* name;
  const char* expanders;
  const char* priorities;
  const char* message;
};
using ExpandersErrorTest = testing::TestWithParam<Bad>;
TEST_P(ExpandersErrorTest, SaysWhatIsWrong) {
  try {
    Expanders(GetParam().expanders, GetParam().priorities, "p");
    FAIL() << "no error";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), GetParam().message);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, ExpandersErrorTest,
    testing::Values(
        Bad{"Unknown", "least-wast", "",
            "p: expander is \"least-wast\"; expected random, most-pods, least-nodes, least-waste, price, priority, "
            "joined by \"+\"; did you mean \"least-waste\"?"},
        Bad{"Twice", "price+price", "", "p: expander names \"price\" twice; expected each once"},
        Bad{"NoPriorities", "priority", "",
            "p: expander is \"priority\" without priorities; expected priorities=NUMBER:REGEX;…"},
        Bad{"NoColon", "priority", "10", "p: a priority is \"10\"; expected NUMBER:REGEX, joined by \";\""},
        Bad{"NoNumber", "priority", "x:y", "p: a priority is \"x:y\"; expected NUMBER:REGEX, joined by \";\""},
        Bad{"BadRegex", "priority", "10:(a",
            "p: a priority is \"10:(a\"; expected a regular expression behind the colon"}),
    CaseName{});

}  // namespace
}  // namespace berth::test

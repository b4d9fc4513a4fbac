// Pod autoscalers by name: each can be made, with what it declares spelt out, and a wrong name is answered.
#include <gtest/gtest.h>

#include "policies/autoscalers/pod_autoscaler.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"

namespace berth::test {
namespace {

TEST(PodAutoscalers, AreRegistered) {
  const Registry<PodAutoscaler>& registry = Registry<PodAutoscaler>::instance();
  std::vector<std::string> names;
  for (const auto& info : registry.list()) {
    names.push_back(info.name);
    EXPECT_FALSE(info.help.empty()) << info.name;
    PolicySpec spec{info.name, {}};
    for (const Params::Declared& p : info.params) {
      EXPECT_FALSE(p.help.empty()) << info.name << " " << p.name;
      spec.params[p.name] = p.fallback;
    }
    EXPECT_GT(registry.make(spec)->period(), Duration{}) << info.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"fixed", "hpa", "kpa", "predictive", "scheduled"}));
  EXPECT_THROW((void)registry.make({"hpaa", {}}), InputError);
  EXPECT_EQ(registry.make(PolicySpec::parse("scheduled(table=* * * * * = 3)", "test"))->observe({}), 3);
}

}  // namespace
}  // namespace berth::test

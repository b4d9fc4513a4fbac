// Sets of policies as they are spelt on the command line and in study files.
#include "sim/policy_set.hpp"

#include <gtest/gtest.h>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

TEST(PolicySet, BareNameIsAScheduler) {
  const PolicySet set = PolicySet::parse("power-of-k(k=4)", "test");
  EXPECT_EQ(set.of("scheduler").to_string(), "power-of-k(k=4)");
  EXPECT_EQ(set.of("images").to_string(), "registry");  // The default.
  EXPECT_EQ(set.to_string(), "power-of-k(k=4)");
}

TEST(PolicySet, SeveralKindsAreSpeltInOneOrder) {
  const PolicySet set = PolicySet::parse("images=mirror + best-fit", "test");
  EXPECT_EQ(set.to_string(), "scheduler=best-fit+images=mirror");
  EXPECT_EQ(PolicySet::parse(set.to_string(), "test").to_string(), set.to_string());
  EXPECT_EQ(PolicySet::parse("images=mirror", "test").to_string(), "images=mirror");
}

TEST(PolicySet, ListsSplitOutsideParentheses) {
  const auto sets = PolicySet::parse_list("best-fit,scheduler=power-of-k(k=4)+images=lazy", "test");
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0].to_string(), "best-fit");
  EXPECT_EQ(sets[1].to_string(), "scheduler=power-of-k(k=4)+images=lazy");
}

TEST(PolicySet, RefusesWithAReason) {
  const auto message = [](const char* text) -> std::string {
    try {
      PolicySet::parse_list(text, "--policy");
    } catch (const InputError& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_NE(message("image=mirror").find("did you mean \"images\""), std::string::npos) << message("image=mirror");
  EXPECT_NE(message("best-fit+first-fit").find("two policies of the kind scheduler"), std::string::npos);
  EXPECT_NE(message("images=miror").find("did you mean \"mirror\""), std::string::npos) << message("images=miror");
  for (const char* bad : {"", "a,,b", "best-fit,", ",best-fit", "best-fit+", "scheduler=", "images=mirror(no=1)"}) {
    EXPECT_NE(message(bad), "accepted") << bad;
  }
}

}  // namespace
}  // namespace berth

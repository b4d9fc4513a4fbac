// Policy spellings and parameters: what is read, what is refused, and in which words.
#include "policies/params.hpp"

#include <gtest/gtest.h>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

using Pairs = std::map<std::string, std::string>;

struct GoodSpec {
  const char* name;
  const char* text;
  const char* policy;
  Pairs params;
  const char* spelt;  // The one spelling that equal settings share.
};
using GoodSpecs = testing::TestWithParam<GoodSpec>;
TEST_P(GoodSpecs, Parse) {
  const PolicySpec spec = PolicySpec::parse(GetParam().text, "--policy");
  EXPECT_EQ(spec.name, GetParam().policy);
  EXPECT_EQ(spec.params, GetParam().params);
  EXPECT_EQ(spec.to_string(), GetParam().spelt);
  EXPECT_EQ(PolicySpec::parse(spec.to_string(), "again"), spec);
}
INSTANTIATE_TEST_SUITE_P(
    Table, GoodSpecs,
    testing::Values(GoodSpec{"NameAlone", "fgd", "fgd", {}, "fgd"}, GoodSpec{"Blanks", "  fgd ", "fgd", {}, "fgd"},
                    GoodSpec{"NoParameters", "fgd()", "fgd", {}, "fgd"},
                    GoodSpec{"One", "power-of-k(k=4)", "power-of-k", {{"k", "4"}}, "power-of-k(k=4)"},
                    GoodSpec{"BlanksInside", "power-of-k ( k = 4 )", "power-of-k", {{"k", "4"}}, "power-of-k(k=4)"},
                    GoodSpec{"KeysAreSorted", "a(z=1, b=2)", "a", {{"b", "2"}, {"z", "1"}}, "a(b=2,z=1)"},
                    GoodSpec{"EqualsInAValue", "a(k=x=y)", "a", {{"k", "x=y"}}, "a(k=x=y)"},
                    GoodSpec{"DotsAndDashes",
                             "my_policy-2.0(a.b=-1e-3)",
                             "my_policy-2.0",
                             {{"a.b", "-1e-3"}},
                             "my_policy-2.0(a.b=-1e-3)"},
                    GoodSpec{"NestedParentheses", "a(f=g(1,2))", "a", {{"f", "g(1,2)"}}, "a(f=g(1,2))"}),
    CaseName{});

struct BadSpec {
  const char* name;
  const char* text;
  const char* why;
};
using BadSpecs = testing::TestWithParam<BadSpec>;
TEST_P(BadSpecs, AreRefusedInOneLine) {
  try {
    PolicySpec::parse(GetParam().text, "--policy");
    FAIL() << "accepted";
  } catch (const InputError& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.find("--policy is \""), 0U) << message;
    EXPECT_NE(message.find(GetParam().why), std::string::npos) << message;
    EXPECT_NE(message.find("; expected name or name(key=value"), std::string::npos) << message;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadSpecs,
    testing::Values(BadSpec{"Empty", "", "no policy name"}, BadSpec{"OnlyParameters", "(k=4)", "no policy name"},
                    BadSpec{"UpperCase", "FGD", "no policy name"},
                    BadSpec{"BlankInside", "first fit", "no policy name"}, BadSpec{"NotClosed", "a(k=4", "not closed"},
                    BadSpec{"TextBehind", "a(k=4)b", "not closed"}, BadSpec{"NoEquals", "a(k)", "no \"=\""},
                    BadSpec{"NoValue", "a(k=)", "no value"}, BadSpec{"NoKey", "a(=4)", "no name"},
                    BadSpec{"Twice", "a(k=4,k=4)", "twice"}, BadSpec{"TrailingComma", "a(k=4,)", "no \"=\""}),
    CaseName{});

TEST(SplitOutsideParentheses, LeavesCommasInsideAlone) {
  using Pieces = std::vector<std::string_view>;
  EXPECT_EQ(split_outside_parentheses("best-fit, power-of-k(k=4,j=5) ,fgd", ','),
            (Pieces{"best-fit", "power-of-k(k=4,j=5)", "fgd"}));
  EXPECT_EQ(split_outside_parentheses("scheduler=a(b=1+2)+images=c", '+'), (Pieces{"scheduler=a(b=1+2)", "images=c"}));
  EXPECT_EQ(split_outside_parentheses("", ','), Pieces{""});
  EXPECT_EQ(split_outside_parentheses("a,,b,", ','), (Pieces{"a", "", "b", ""}));
}

Params with(Pairs values) {
  return Params(PolicySpec{"p", std::move(values)});
}

TEST(Params, Numbers) {
  const Params::Number about{.fallback = 0.5, .min = 0, .max = 1, .help = "a share"};
  EXPECT_EQ(Params().number("x", about), 0.5);
  EXPECT_EQ(with({{"x", "0.25"}}).number("x", about), 0.25);
  EXPECT_EQ(with({{"x", "1"}}).number("x", about), 1.0);
  EXPECT_EQ(with({{"x", "2.5e-1"}}).number("x", about), 0.25);
  for (const char* bad : {"", "x", "0.5x", " 0.5", "1.0001", "-0.1", "nan", "inf", "0,5", "0x1"}) {
    EXPECT_THROW(with({{"x", bad}}).number("x", about), InputError) << bad;
  }
  EXPECT_THROW(with({{"x", "inf"}}).number("x", {}), InputError);
  EXPECT_EQ(with({{"x", "-1e300"}}).number("x", {}), -1e300);
}

TEST(Params, Integers) {
  const Params::Integer about{.fallback = 2, .min = 1, .max = 1000, .help = "how many"};
  EXPECT_EQ(Params().integer("k", about), 2);
  EXPECT_EQ(with({{"k", "1000"}}).integer("k", about), 1000);
  for (const char* bad : {"0", "1001", "2.0", "two", "", "+2", "9223372036854775808", "-9223372036854775809"}) {
    EXPECT_THROW(with({{"k", bad}}).integer("k", about), InputError) << bad;
  }
  EXPECT_EQ(with({{"k", "9223372036854775807"}}).integer("k", {}), INT64_MAX);
}

TEST(Params, Choices) {
  const Params::Choice about{.fallback = "spread", .values = {"spread", "pack"}, .help = "how"};
  EXPECT_EQ(Params().choice("place", about), "spread");
  EXPECT_EQ(with({{"place", "pack"}}).choice("place", about), "pack");
  try {
    with({{"place", "pak"}}).choice("place", about);
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "policy \"p\": place is \"pak\"; expected one of spread|pack; did you mean \"pack\"?");
  }
}

TEST(Params, MessagesNamePolicyValueAndRange) {
  try {
    with({{"k", "1001"}}).integer("k", {.fallback = 2, .min = 1, .max = 1000});
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "policy \"p\": k is \"1001\"; expected a whole number in 1..1000");
  }
}

TEST(Params, ReadingDeclares) {
  const Params p = with({{"b", "3"}});
  p.number("a", {.fallback = 0.5, .min = 0, .max = 1, .help = "share"});
  p.integer("b", {.fallback = 2, .min = 1, .help = "count"});
  p.choice("c", {.fallback = "x", .values = {"x", "y"}, .help = "letter"});
  const std::vector<Params::Declared>& d = p.declared();
  ASSERT_EQ(d.size(), 3U);
  EXPECT_EQ(d[0].name + " " + d[0].fallback + " " + d[0].range + " " + d[0].help, "a 0.5 0..1 share");
  EXPECT_EQ(d[1].name + " " + d[1].fallback + " " + d[1].range + " " + d[1].help,
            "b 2 1.. count");  // The default, not what was set.
  EXPECT_EQ(d[2].name + " " + d[2].fallback + " " + d[2].range + " " + d[2].help, "c x x|y letter");
  EXPECT_NO_THROW(p.refuse_unknown());
}

TEST(Params, WhatNobodyAskedForIsRefused) {
  const Params none = with({{"weight", "1"}});
  try {
    none.refuse_unknown();
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "policy \"p\" has no parameter \"weight\"; it takes none");
  }
  const Params some = with({{"cpu_wieght", "1"}});
  some.integer("cpu_weight", {});
  try {
    some.refuse_unknown();
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(),
                 "policy \"p\" has no parameter \"cpu_wieght\"; expected cpu_weight; did you mean \"cpu_weight\"?");
  }
}

}  // namespace
}  // namespace berth::test

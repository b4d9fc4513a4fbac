// Variables in values: the forms of the Compose specification (12-interpolation.md), each row worked out from its text.
#include "workloads/compose/interpolation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"

namespace berth::compose {
namespace {

const Environment kSet{{"A", "one"}, {"B", "two"}, {"EMPTY", ""}, {"DOLLAR", "$A ${B}"}, {"_x9", "under"}};

std::string expand(const std::string& text, std::vector<std::string>* unset = nullptr) {
  return interpolate(
      text,
      [](const std::string& name) -> std::optional<std::string> {
        const auto at = kSet.find(name);
        return at == kSet.end() ? std::nullopt : std::optional<std::string>(at->second);
      },
      [unset](const std::string& name) {
        if (unset != nullptr) unset->push_back(name);
      },
      "f.yaml:1:2: x");
}

struct Row {
  const char* name;
  const char* text;
  const char* expected;
};
using InterpolationTest = testing::TestWithParam<Row>;

TEST_P(InterpolationTest, Expands) {
  EXPECT_EQ(expand(GetParam().text), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, InterpolationTest,
    testing::Values(
        Row{"Nothing", "plain", "plain"}, Row{"Bare", "$A", "one"}, Row{"Braced", "${A}", "one"},
        Row{"BareEndsAtADash", "$A-$B", "one-two"}, Row{"BracedInAWord", "x${A}y", "xoney"},
        Row{"UnderscoreAndDigit", "$_x9.", "under."}, Row{"UnsetIsEmpty", "[${NO}]", "[]"}, Row{"Escaped", "$$A", "$A"},
        Row{"EscapedBrace", "$${A}", "${A}"}, Row{"EscapedTwice", "$$$$", "$$"},
        Row{"EscapedThenVariable", "$$$A", "$one"}, Row{"ValueIsNotExpandedAgain", "$DOLLAR", "$A ${B}"},
        Row{"ColonMinusSet", "${A:-d}", "one"}, Row{"ColonMinusEmpty", "${EMPTY:-d}", "d"},
        Row{"ColonMinusUnset", "${NO:-d}", "d"}, Row{"MinusSet", "${A-d}", "one"},
        Row{"MinusEmpty", "[${EMPTY-d}]", "[]"}, Row{"MinusUnset", "${NO-d}", "d"},
        Row{"DefaultMayBeEmpty", "[${NO:-}]", "[]"}, Row{"ColonPlusSet", "${A:+r}", "r"},
        Row{"ColonPlusEmpty", "[${EMPTY:+r}]", "[]"}, Row{"ColonPlusUnset", "[${NO:+r}]", "[]"},
        Row{"PlusSet", "${A+r}", "r"}, Row{"PlusEmpty", "${EMPTY+r}", "r"}, Row{"PlusUnset", "[${NO+r}]", "[]"},
        Row{"QuestionSet", "${A:?e}", "one"}, Row{"QuestionEmptyIsSet", "[${EMPTY?e}]", "[]"},
        Row{"Nested", "${NO:-${B}}", "two"}, Row{"NestedTwice", "${NO:-${NO2:-x}}", "x"},
        Row{"NestedInReplacement", "${A:+${B}!}", "two!"}, Row{"NestedInTheMiddle", "${NO:-a-${B}-c}", "a-two-c"},
        Row{"NestedBare", "${NO:-$B}", "two"}, Row{"EscapedInDefault", "${NO:-$$5}", "$5"},
        Row{"DefaultWithColons", "${NO:-http://h:80/p}", "http://h:80/p"}, Row{"DefaultWithDashes", "${NO--x}", "-x"},
        Row{"DefaultWithQuestion", "${NO:-a?b}", "a?b"}, Row{"Several", "$A ${B} ${NO:-c}", "one two c"}),
    test::CaseName{});

TEST(Interpolation, TellsOfUnsetVariablesWithoutADefault) {
  std::vector<std::string> unset;
  expand("$NO ${NO2} ${NO3:-d} ${NO4-d} ${NO5:+r} ${EMPTY}", &unset);
  EXPECT_THAT(unset, testing::ElementsAre("NO", "NO2"));
}

struct Bad {
  const char* name;
  const char* text;
  const char* message;  // What the error has in it.
};
using InterpolationRejects = testing::TestWithParam<Bad>;

TEST_P(InterpolationRejects, Says) {
  try {
    const std::string text = expand(GetParam().text);
    FAIL() << "gave " << text;
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(GetParam().message));
    EXPECT_THAT(e.what(), testing::StartsWith("f.yaml:1:2: x "));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, InterpolationRejects,
    testing::Values(Bad{"LoneDollar", "a $ b", "begins no variable"}, Bad{"DollarAtEnd", "a$", "begins no variable"},
                    Bad{"DollarDigit", "$1", "begins no variable"}, Bad{"NotClosed", "${A", "without its \"}\""},
                    Bad{"NestedNotClosed", "${A:-${B}", "without its \"}\""}, Bad{"NoName", "${}", "without a name"},
                    Bad{"DigitName", "${1A}", "without a name"}, Bad{"BlankName", "${ A}", "without a name"},
                    Bad{"NoForm", "${A!x}", "no form of a variable"}, Bad{"BlankInName", "${A B}", "no form"},
                    Bad{"LoneColon", "${A:}", "no form of a variable"},
                    Bad{"Required", "${NO:?say it}", "needs the variable NO: say it"},
                    Bad{"RequiredEmpty", "${EMPTY:?say it}", "needs the variable EMPTY: say it"},
                    Bad{"RequiredSet", "${NO?say it}", "needs the variable NO: say it"},
                    Bad{"RequiredNoWord", "${NO:?}", "needs the variable NO: it is not set"},
                    Bad{"RequiredNested", "${NO:?need ${A}}", "needs the variable NO: need one"}),
    test::CaseName{});

TEST(Interpolation, DoesNotGrowOrNestWithoutLimit) {
  const std::string big(1000, 'x');
  std::string many;
  for (int i = 0; i < 1200; ++i) many += "$BIG";
  const auto lookup = [&big](const std::string&) { return std::optional<std::string>(big); };
  EXPECT_THROW(interpolate(
                   many, lookup, [](const std::string&) {}, "x"),
               InputError);
  std::string deep = "d";
  for (int i = 0; i < 60; ++i) deep = "${NO:-" + deep + "}";
  EXPECT_THROW(expand(deep), InputError);
}

}  // namespace
}  // namespace berth::compose

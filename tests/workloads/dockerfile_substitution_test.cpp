// Expected values are what bash 5.2 prints for the same words, but where the comment says otherwise (the builder's own
// rules: Dockerfile reference, "Environment replacement").
#include <gtest/gtest.h>

#include "tests/support/case_name.hpp"
#include "workloads/images/substitution.hpp"

namespace berth::docker {
namespace {

Environment variables() {
  Environment env;
  env.set("s", "foobarbaz");
  env.set("p", "/usr/local/bin");
  env.set("v", "1.2.3");
  env.set("e", "");
  env.set("star", "*x");
  env.set("two", "one two");
  env.set("u8", "äöü");
  return env;
}

struct Case {
  const char* name;
  const char* source;
  const char* expected;
};
using DockerfileWords = testing::TestWithParam<Case>;
TEST_P(DockerfileWords, Gives) {
  EXPECT_EQ(expand(GetParam().source, variables(), {"D", 1, 1}).text, GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Modifiers, DockerfileWords,
    testing::Values(
        Case{"Plain", "$s", "foobarbaz"}, Case{"Braces", "${s}_x", "foobarbaz_x"}, Case{"LongestName", "$s_x", ""},
        Case{"Unset", "[$u]", "[]"}, Case{"DashUnset", "${u-d}", "d"}, Case{"DashEmpty", "${e-d}", ""},
        Case{"ColonDashUnset", "${u:-d}", "d"}, Case{"ColonDashEmpty", "${e:-d}", "d"},
        Case{"ColonDashSet", "${s:-d}", "foobarbaz"}, Case{"PlusUnset", "${u+d}", ""}, Case{"PlusEmpty", "${e+d}", "d"},
        Case{"ColonPlusEmpty", "${e:+d}", ""}, Case{"ColonPlusSet", "${s:+d}", "d"},
        Case{"QuerySet", "${s?no}", "foobarbaz"}, Case{"QueryEmpty", "${e?no}", ""},
        Case{"ColonQuerySet", "${s:?no}", "foobarbaz"}, Case{"Nested", "${u:-${s}x}", "foobarbazx"},
        Case{"DeepNested", "${u:-${e:-${u-z}}}", "z"}, Case{"BlanksInDefault", "${e:-a b}", "a b"},
        Case{"QuotedDefault", "${u:-\"q r\"}", "q r"}, Case{"ShortPrefix", "${s#f*b}", "arbaz"},
        Case{"LongPrefix", "${s##f*b}", "az"}, Case{"ShortSuffix", "${s%b*}", "foobar"},
        Case{"LongSuffix", "${s%%b*}", "foo"}, Case{"NoPrefix", "${s#x}", "foobarbaz"},
        Case{"LiteralSuffix", "${s%z}", "foobarba"}, Case{"AllPrefix", "${s##*}", ""},
        Case{"NothingPrefix", "${s#*}", "foobarbaz"}, Case{"AllSuffix", "${s%%*}", ""},
        Case{"BaseName", "${p##*/}", "bin"}, Case{"DirName", "${p%/*}", "/usr/local"}, Case{"Major", "${v%%.*}", "1"},
        Case{"Minor", "${v#*.}", "2.3"}, Case{"EscapedStar", "${star#\\*}", "x"}, Case{"OneCharacter", "${u8#?}", "öü"},
        Case{"Replace", "${s/ba/fo}", "fooforbaz"}, Case{"ReplaceAll", "${s//ba/fo}", "fooforfoz"},
        Case{"ReplaceAny", "${s/b?/X}", "fooXrbaz"}, Case{"ReplaceEach", "${s//?/.}", "........."},
        Case{"ReplaceLongest", "${s//a*b/Q}", "foobQaz"}, Case{"ReplaceSlash", "${p//\\//-}", "-usr-local-bin"},
        Case{"ReplaceByNothing", "${s//o/}", "fbarbaz"}, Case{"PrefixOfUnset", "${u#a}", ""},
        Case{"VariableInPattern", "${s#${u:-foo}}", "barbaz"}),
    test::CaseName{});
INSTANTIATE_TEST_SUITE_P(
    Quotes, DockerfileWords,
    testing::Values(Case{"Double", "\"$s\"", "foobarbaz"}, Case{"Single", "'$s'", "$s"}, Case{"Escape", "\\$s", "$s"},
                    Case{"EscapedBraces", "\\${s}", "${s}"}, Case{"EscapedLetter", "a\\b", "ab"},
                    Case{"EscapeInDouble", "\"a\\b\"", "a\\b"}, Case{"DollarInDouble", "\"a\\$s\"", "a$s"},
                    Case{"QuoteInDouble", "\"a\\\"b\"", "a\"b"}, Case{"SingleInDouble", "\"it's\"", "it's"},
                    Case{"DoubleInSingle", "'a\"b'", "a\"b"}, Case{"Dollar", "a$", "a$"},
                    Case{"DollarBlank", "$ x", "$ x"}, Case{"Concatenated", "a'b'\"c\"", "abc"},
                    // The builder's own: an escape at the very end counts for nothing.
                    Case{"LastEscape", "a\\", "a"}),
    test::CaseName{});

struct ErrorCase {
  const char* name;
  const char* source;
  const char* message;  // Part of it.
};
using DockerfileWordErrors = testing::TestWithParam<ErrorCase>;
TEST_P(DockerfileWordErrors, IsOneLineWithThePlace) {
  try {
    expand(GetParam().source, variables(), {"Dockerfile", 3, 7});
    FAIL() << "no error";
  } catch (const InputError& e) {
    const std::string what = e.what();
    EXPECT_EQ(what.find("Dockerfile:3:7: "), 0U) << what;
    EXPECT_NE(what.find(GetParam().message), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileWordErrors,
    testing::Values(ErrorCase{"SingleQuote", "'a", "' is not closed"},
                    ErrorCase{"DoubleQuote", "\"a", "\" is not closed"}, ErrorCase{"Brace", "${s", "not closed"},
                    ErrorCase{"OpenBrace", "${", "not closed"}, ErrorCase{"Empty", "${}", "bad substitution"},
                    ErrorCase{"Double", "${{s}}", "bad substitution"}, ErrorCase{"Colon", "${:x}", "bad substitution"},
                    ErrorCase{"Modifier", "${s@Q}", "unknown modifier"},
                    ErrorCase{"ColonModifier", "${s:=x}", "unknown modifier"},
                    ErrorCase{"QueryUnset", "${u?is needed}", "u is unset: is needed"},
                    ErrorCase{"ColonQueryEmpty", "${e:?}", "e is empty"},
                    ErrorCase{"DefaultOpen", "${u:-a", "no closing"}, ErrorCase{"ReplaceOpen", "${s/a", "no closing"},
                    ErrorCase{"PatternEscape", "${s#\\q}", "invalid escape"}),
    test::CaseName{});

TEST(DockerfileWordSplitting, SplitAfterSubstitutionOutsideQuotes) {
  EXPECT_EQ(expand("a $two \"$two\" b", variables(), {}).words,
            (std::vector<std::string>{"a", "one", "two", "one two", "b"}));
  EXPECT_EQ(expand("80 ${u} '' 443", variables(), {}).words, (std::vector<std::string>{"80", "443"}));
}

TEST(DockerfileWordOptions, EscapeCharacterAndRawQuotes) {
  EXPECT_EQ(expand("`$s C:\\x", variables(), {}, {.escape = '`', .quotes = true}).text, "$s C:\\x");
  EXPECT_EQ(expand("it's \"$v\"", variables(), {}, {.escape = '\\', .quotes = false}).text, "it's \"1.2.3\"");
}

TEST(DockerfileWordLimits, DeepNestingIsAnError) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "${u:-";
  EXPECT_THROW(expand(deep, variables(), {}), InputError);
}

TEST(DockerfileEnvironment, SetMovesToTheEnd) {
  Environment env;
  env.set("a", "1");
  env.set("b", "2");
  env.set("a", *env.find("b"));
  ASSERT_EQ(env.size(), 2U);
  EXPECT_EQ(env.begin()->first, "b");
  EXPECT_EQ(*env.find("a"), "2");
}

}  // namespace
}  // namespace berth::docker

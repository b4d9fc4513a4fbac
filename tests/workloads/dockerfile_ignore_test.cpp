// Expected values: Docker's documentation of .dockerignore and of Go's filepath.Match, and the rules of
// moby/patternmatcher worked out by hand.
#include <gtest/gtest.h>

#include "tests/support/case_name.hpp"
#include "workloads/images/file_pattern.hpp"

namespace berth::docker {
namespace {

struct MatchCase {
  const char* name;
  const char* pattern;
  const char* path;
  bool matches;
};
using DockerfilePattern = testing::TestWithParam<MatchCase>;
TEST_P(DockerfilePattern, AsGoDoes) {
  EXPECT_EQ(match_path(GetParam().pattern, GetParam().path, {"D", 1, 1}), GetParam().matches);
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfilePattern,
    testing::Values(MatchCase{"Same", "abc", "abc", true}, MatchCase{"Star", "*", "abc", true},
                    MatchCase{"StarEnd", "a*", "abc", true}, MatchCase{"StarSlash", "a*", "ab/c", false},
                    MatchCase{"StarDir", "a*/b", "abc/b", true}, MatchCase{"StarDirDeep", "a*/b", "a/c/b", false},
                    MatchCase{"Many", "a*b*c*d*e*/f", "axbxcxdxe/f", true}, MatchCase{"Question", "a?c", "abc", true},
                    MatchCase{"QuestionSlash", "a?b", "a/b", false}, MatchCase{"Class", "ab[c]", "abc", true},
                    MatchCase{"Range", "ab[b-d]", "abc", true}, MatchCase{"RangeMiss", "ab[e-g]", "abc", false},
                    MatchCase{"Negated", "ab[^c]", "abc", false}, MatchCase{"NegatedRange", "ab[^e-g]", "abc", true},
                    MatchCase{"Escaped", "a\\*b", "a*b", true}, MatchCase{"EscapedMiss", "a\\*b", "ab", false},
                    MatchCase{"CodePoint", "a?b", "a☺b", true}, MatchCase{"DotFile", "*", ".env", true},
                    MatchCase{"WholeOnly", "ab", "abc", false}, MatchCase{"Empty", "", "", true}),
    test::CaseName{});

TEST(DockerfilePatternErrors, BadPatterns) {
  for (const char* pattern : {"[", "[^", "[a", "a[-]", "[]a]", "[a-", "\\", "[\\"}) {
    EXPECT_THROW(match_path(pattern, "x", {"D", 1, 1}), InputError) << pattern;
  }
}

// Adversarial patterns end at once: no backtracking.
TEST(DockerfilePatternCost, ManyStars) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(match_path(pattern + "b", std::string(2000, 'a'), {}));
}

TEST(DockerfileCleanPath, AsGoDoes) {
  for (const auto& [path, clean] : {std::pair{"a//b", "a/b"},
                                    {"a/./b", "a/b"},
                                    {"a/../b", "b"},
                                    {"../a", "../a"},
                                    {"/../a", "/a"},
                                    {"", "."},
                                    {"/", "/"},
                                    {"a/", "a"},
                                    {"a/../..", ".."},
                                    {"./a", "a"}}) {
    EXPECT_EQ(clean_path(path), clean) << path;
  }
}

struct IgnoreCase {
  const char* name;
  const char* list;
  const char* path;
  bool ignored;
};
using DockerignoreList = testing::TestWithParam<IgnoreCase>;
TEST_P(DockerignoreList, LastMatchWins) {
  EXPECT_EQ(IgnoreList::read(GetParam().list, ".dockerignore").ignores(GetParam().path), GetParam().ignored);
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerignoreList,
    testing::Values(
        IgnoreCase{"Comment", "# a\na.txt", "a", false}, IgnoreCase{"Plain", "foo", "foo", true},
        IgnoreCase{"RootOnly", "foo", "x/foo", false}, IgnoreCase{"Below", "foo", "foo/bar/x", true},
        IgnoreCase{"LeadingSlash", "/foo/bar", "foo/bar", true}, IgnoreCase{"TrailingSlash", "foo/", "foo/x", true},
        IgnoreCase{"OneLevel", "*/temp*", "somedir/temporary.txt", true},
        IgnoreCase{"OneLevelFolder", "*/temp*", "somedir/temp/x", true},
        IgnoreCase{"OneLevelMiss", "*/temp*", "a/b/temp", false},
        IgnoreCase{"TwoLevels", "*/*/temp*", "somedir/subdir/temporary.txt", true},
        IgnoreCase{"QuestionA", "temp?", "tempa", true}, IgnoreCase{"QuestionNone", "temp?", "temp", false},
        IgnoreCase{"StarStarRoot", "**/*.go", "main.go", true}, IgnoreCase{"StarStarDeep", "**/*.go", "a/b/c.go", true},
        IgnoreCase{"StarStarMiss", "**/*.go", "a/b/c.gox", false},
        IgnoreCase{"StarStarName", "**/foo", "a/b/foo", true}, IgnoreCase{"StarStarNameRoot", "**/foo", "foo", true},
        IgnoreCase{"StarStarNotPart", "**/foo", "afoo", false}, IgnoreCase{"StarStarMiddle", "a/**/b", "a/x/y/b", true},
        IgnoreCase{"StarStarMiddleNone", "a/**/b", "a/b", true}, IgnoreCase{"StarStarEnd", "a/**", "a/x/y", true},
        IgnoreCase{"StarStarEndNotSelf", "a/**", "a", false}, IgnoreCase{"Everything", "**", "a/b", true},
        IgnoreCase{"EverythingStar", "*", "a/b", true}, IgnoreCase{"SuffixRule", "**.log", "a/b.log", true},
        IgnoreCase{"Exception", "*.md\n!README.md", "README.md", false},
        IgnoreCase{"ExceptionOther", "*.md\n!README.md", "a.md", true},
        IgnoreCase{"LastWins", "*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
        IgnoreCase{"LastExceptionWins", "*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
        IgnoreCase{"ExceptionBelow", "docs\n!docs/keep.md", "docs/keep.md", false},
        IgnoreCase{"ExceptionBelowOther", "docs\n!docs/keep.md", "docs/x.md", true},
        IgnoreCase{"ExceptionFolder", "*\n!src", "src/a.c", false}, IgnoreCase{"Spaces", "  foo  \r\n", "foo", true},
        IgnoreCase{"ExceptionSpaces", "*\n! foo", "foo", false}, IgnoreCase{"DotSlash", "./foo", "foo", true},
        IgnoreCase{"Bom",
                   "\xEF\xBB\xBF"
                   "foo",
                   "foo", true},
        IgnoreCase{"RootNever", "**", ".", false}, IgnoreCase{"Parens", "a(b).txt", "a(b).txt", true},
        IgnoreCase{"Class", "[ab].txt", "b.txt", true}),
    test::CaseName{});

TEST(DockerignoreErrors, NamesThePlace) {
  try {
    IgnoreList::read("ok\n!\n", "ctx/.dockerignore");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_EQ(std::string(e.what()).find("ctx/.dockerignore:2:1: "), 0U) << e.what();
  }
  EXPECT_THROW(IgnoreList::read("a[", "f"), InputError);
}

}  // namespace
}  // namespace berth::docker

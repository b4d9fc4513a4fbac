// Env files by the specification's examples (05-services.md, "Env_file format").
#include "workloads/compose/env_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"

namespace berth::compose {
namespace {

std::optional<std::string> outer(const std::string& name) {
  return name == "HOME_X" ? std::optional<std::string>("outer") : std::nullopt;
}

struct Row {
  const char* name;
  const char* text;
  const char* expected;  // Of VAR; null: it has no value.
};
using EnvFileTest = testing::TestWithParam<Row>;

TEST_P(EnvFileTest, Reads) {
  std::optional<std::string> value;
  for (const auto& [name, text] : parse_env_file(GetParam().text, "e.env", outer)) {
    if (name == "VAR") value = text;
  }
  if (GetParam().expected == nullptr) {
    EXPECT_EQ(value, std::nullopt);
  } else {
    EXPECT_EQ(value, GetParam().expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, EnvFileTest,
    testing::Values(Row{"Plain", "VAR=VAL", "VAL"}, Row{"Colon", "VAR: VAL", "VAL"},
                    Row{"Blanks", "  VAR = VAL  \n", "VAL"}, Row{"Crlf", "VAR=VAL\r\nX=1\r\n", "VAL"},
                    Row{"Export", "export VAR=VAL", "VAL"}, Row{"DoubleQuoted", "VAR=\"VAL\"", "VAL"},
                    Row{"SingleQuoted", "VAR='VAL'", "VAL"}, Row{"InlineComment", "VAR=VAL # comment", "VAL"},
                    Row{"HashInValue", "VAR=VAL#not", "VAL#not"},
                    Row{"HashInQuotes", "VAR=\"VAL # not\" # comment", "VAL # not"}, Row{"Empty", "VAR=", ""},
                    Row{"EmptyThenComment", "VAR= # comment", ""}, Row{"Comment", "# VAR=1\nVAR=2", "2"},
                    Row{"LastCounts", "VAR=1\nVAR=2", "2"}, Row{"Expanded", "A=x\nVAR=${A}y$A", "xyx"},
                    Row{"ExpandedInDouble", "A=x\nVAR=\"${A} z\"", "x z"},
                    Row{"NotInSingle", "A=x\nVAR='${A}'", "${A}"}, Row{"Default", "VAR=${NO:-d}", "d"},
                    Row{"OuterFirst", "HOME_X=inner\nVAR=$HOME_X", "outer"},
                    Row{"Escapes", R"(VAR="a\nb\t\"c\"\\")", "a\nb\t\"c\"\\"},
                    Row{"EscapedDollar", R"(A=x
VAR="\$A")",
                        "$A"},
                    Row{"SingleEscape", R"(VAR='Let\'s go')", "Let's go"},
                    Row{"ManyLines", "VAR=\"a\nb\"\nX=1", "a\nb"}, Row{"EqualsInValue", "VAR=a=b", "a=b"},
                    Row{"NameAlone", "HOME_X\nVAR", nullptr}, Row{"ByteOrderMark", "\xEF\xBB\xBFVAR=1", "1"}),
    test::CaseName{});

TEST(EnvFile, NameAloneTakesTheOuterValue) {
  EXPECT_THAT(parse_env_file("HOME_X", "e.env", outer),
              testing::ElementsAre(testing::Pair("HOME_X", testing::Optional(std::string("outer")))));
}

TEST(EnvFile, RawTakesEverything) {
  EXPECT_THAT(parse_env_file("V=\"$A\" # x", "e.env", outer, true),
              testing::ElementsAre(testing::Pair("V", testing::Optional(std::string("\"$A\" # x")))));
}

TEST(EnvFile, SaysWhereItIsWrong) {
  const auto message = [](const char* text) {
    try {
      parse_env_file(text, "e.env", outer);
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_THAT(message("A=1\n=2"), testing::StartsWith("e.env:2:1: "));
  EXPECT_THAT(message("A B=1"), testing::StartsWith("e.env:1:3: \"B\" in the name"));
  EXPECT_THAT(message("A=1\nB=\"x"), testing::StartsWith("e.env:2:3: B begins with a quote"));
  EXPECT_THAT(message("A=\"x\" y"), testing::StartsWith("e.env:1:7: text behind the quoted value"));
  EXPECT_THAT(message("A=${B:?no B}"), testing::StartsWith("e.env:1:3: A needs the variable B: no B"));
}

// Each line doubles the one above: 2^40 bytes if nothing stopped it.
TEST(EnvFile, DoesNotGrowWithoutLimit) {
  std::string text = "A0=xxxxxxxx\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string below = "${A" + std::to_string(i - 1) + "}";
    text += "A" + std::to_string(i) + "=" + below + below + "\n";
  }
  EXPECT_THROW(parse_env_file(text, "e.env", outer), InputError);
}

}  // namespace
}  // namespace berth::compose

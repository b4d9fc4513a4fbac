// Odd but legal YAML, and what must be refused. Expected values: the YAML 1.1 and 1.2 specifications, RFC 8259, and
// kubectl's rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"
#include "workloads/manifest/check.hpp"
#include "workloads/manifest/documents.hpp"

namespace berth::manifest {
namespace {

// Flow form: {a: 1, b: [x, "y"]}; quoted scalars in quotes, nothing as ~.
std::string flow(const YamlNode& node) {
  std::string out;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "~";
    case YamlNode::Kind::kScalar:
      return node.quoted ? "\"" + node.text + "\"" : node.text;
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) out.append(out.empty() ? "" : ", ").append(flow(item));
      return "[" + out + "]";
    case YamlNode::Kind::kMap:
      for (std::size_t i = 0; i < node.items.size(); i += 2) {
        out += (out.empty() ? "" : ", ") + node.items[i].text + ": " + flow(node.items[i + 1]);
      }
      return "{" + out + "}";
  }
  return out;
}

std::string read(const std::string& text) {
  std::string out;
  for (const Document& document : parse_documents(text, "f.yaml"))
    out += (out.empty() ? "" : " | ") + flow(*document.root);
  return out;
}
std::string error_of(const std::string& text) {
  try {
    return std::string("no error: ").append(read(text));
  } catch (const InputError& e) {
    return e.what();
  }
}

struct Case {
  const char* name;
  std::string text;
  std::string expected;
};

class Legal : public testing::TestWithParam<Case> {};
TEST_P(Legal, Reads) {
  EXPECT_EQ(read(GetParam().text), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Legal,
    testing::Values(Case{"Documents", "a: 1\n---\nb: 2\n...\n---\nc: 3\n", "{a: 1} | {b: 2} | {c: 3}"},
                    Case{"EmptyDocuments", "---\n---\n# only a comment\n---\na: 1\n---\n", "{a: 1}"},
                    Case{"CommentsOnly", "# nothing\n\n# here\n", ""}, Case{"Nothing", "", ""},
                    Case{"LeadingMarkerAndComment", "# x\n--- # y\na: 1\n", "{a: 1}"},
                    Case{"Directive", "%YAML 1.1\n---\na: 1\n", "{a: 1}"},
                    Case{"ByteOrderMark",
                         "\xEF\xBB\xBF"
                         "a: 1\n",
                         "{a: 1}"},
                    Case{"CarriageReturns", "a: 1\r\n---\r\nb:\r\n  - x\r\n", "{a: 1} | {b: [x]}"},
                    Case{"Anchors", "a: &x {p: 1}\nb: *x\n", "{a: {p: 1}, b: {p: 1}}"},
                    // YAML 1.1 merge type: own keys come before merged ones, earlier maps of a list before later ones.
                    Case{"Merge", "base: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n",
                         "{base: {p: 1, q: 2}, b: {q: 3, p: 1}}"},
                    Case{"MergeAfterOwnKey", "base: &x {q: 2}\nb:\n  q: 3\n  <<: *x\n", "{base: {q: 2}, b: {q: 3}}"},
                    Case{"MergeList", "x: &x {p: 1}\ny: &y {p: 2, r: 4}\nb:\n  <<: [*x, *y]\n",
                         "{x: {p: 1}, y: {p: 2, r: 4}, b: {p: 1, r: 4}}"},
                    Case{"QuotedMergeKeyIsAKey", "b: {\"<<\": 1}\n", "{b: {<<: 1}}"},
                    Case{"BlockScalars", "a: |\n  x\n   y\nb: >-\n  one\n  two\n", "{a: \"x\n y\n\", b: \"one two\"}"},
                    Case{"MarkersInsideBlockScalar", "a: |\n  ---\n  b\n", "{a: \"---\nb\n\"}"},
                    Case{"TabInsideBlockScalar", "a: |\n  \tx\n", "{a: \"\tx\n\"}"},
                    Case{"TabBeforeComment", "a: 1\t# x\nb: 2\n", "{a: 1, b: 2}"},
                    Case{"TabsInFlow", "a: {\n\tb: 1\n\t}\n", "{a: {b: 1}}"},
                    Case{"Quoted", "a: '1'\nb: \"\\u00e9\"\n", "{a: \"1\", b: \"\xC3\xA9\"}"},
                    Case{"ListAtParentIndent", "a:\n- x\n- y\n", "{a: [x, y]}"},
                    Case{"StringTag", "a: !!str 1\n", "{a: \"1\"}"},
                    Case{"Json", "{\"a\": [1, true, null, \"x\\ud83d\\ude00\"], \"<<\": {}}\n",
                         "{a: [1, true, ~, \"x\xF0\x9F\x98\x80\"], <<: {}}"},
                    Case{"JsonWithTabs", "{\n\t\"a\": {\n\t\t\"b\": -1.5e3\n\t}\n}\n", "{a: {b: -1.5e3}}"},
                    Case{"JsonDocumentsInYaml", "{\"a\": 1}\n---\n{\"b\": 2}\n", "{a: 1} | {b: 2}"}),
    test::CaseName{});

class Illegal : public testing::TestWithParam<Case> {};
TEST_P(Illegal, IsRefusedInOneLine) {
  const std::string error = error_of(GetParam().text);
  EXPECT_THAT(error, testing::StartsWith(GetParam().expected));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Illegal,
    testing::Values(
        Case{"KeyTwice", "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key \"a\" comes twice in one map; expected once"},
        Case{"KeyTwiceInJson", "{\"a\": 1,\n \"a\": 2}", "f.yaml:2:2: key \"a\" comes twice"},
        Case{"TabIndentation", "a:\n\tb: 1\n", "f.yaml:2:1: "},
        Case{"TabIndentationBehindBlanks", "a:\n  \tb: 1\n", "f.yaml:2:3: "},
        Case{"ControlCharacter", std::string("a: 1\nb: \x04\nc: 2\n"), "f.yaml:2:4: a control character (0x04)"},
        Case{"Nul", std::string("a: \0b\n", 6), "f.yaml:1:4: a control character (0x00)"},
        Case{"NoUtf8", "a: \xC3(\n", "f.yaml:1:4: bytes that are no UTF-8"},
        Case{"Overlong", "a: \xC0\xAF\n", "f.yaml:1:4: bytes that are no UTF-8"},
        Case{"Surrogate", "a: \xED\xA0\x80\n", "f.yaml:1:4: bytes that are no UTF-8"},
        Case{"Utf16",
             std::string("\xFF\xFE"
                         "a\0:\0",
                         6),
             "f.yaml: text in UTF-16; expected UTF-8"},
        Case{"MergeOfText", "a:\n  <<: x\n", "f.yaml:2:7: a merge key"},
        Case{"AliasWithoutAnchor", "a: *x\n", "f.yaml:1:4: no valid YAML"},
        Case{"AliasWithinItself", "a: &x\n  b: *x\n", "f.yaml:2:6: an alias stands within its own anchor"},
        Case{"AnchorOfAnotherDocument", "a: &x 1\n---\nb: *x\n", "f.yaml:3:4: "},
        Case{"LocalTag", "a: !secret x\n", "f.yaml:1:4: tag \"!secret\" means nothing here"},
        Case{"MapAsKey", "? {a: 1}\n: 2\n", "f.yaml:1:3: a key that is no plain text"},
        Case{"TextBehindAValue", "\"a\" \"b\"\n", "f.yaml:1:5: text behind a whole value"},
        Case{"OpenBracket", "a: [1, 2\n", "f.yaml:"}, Case{"TwoColons", "a: b: c\n", "f.yaml:1:5: no valid YAML"},
        Case{"JsonEndsTooSoon", "{\"a\": [1", "f.yaml:1:9: the JSON ends too soon"},
        Case{"JsonComma", "{\"a\": 1,\n \"b\" 2}", "f.yaml:2:6: no JSON from \"2}\" on"}),
    test::CaseName{});

TEST(Documents, KeepPlaces) {
  const std::vector<Document> documents = parse_documents("a: 1\n---\nb:\n  - c: x\n", "f.yaml");
  ASSERT_EQ(documents.size(), 2U);
  const YamlNode& item = documents[1].root->items[1].items[0];
  EXPECT_EQ(item.items[1].line, 4U);
  EXPECT_EQ(item.items[1].column, 8U);
}

TEST(Documents, KeepPlacesOfJson) {
  const std::vector<Document> documents = parse_documents("{\n  \"a\": 12,\n  \"b\\\"\": [true, \"x\"]\n}\n", "f.json");
  ASSERT_EQ(documents.size(), 1U);
  const std::vector<YamlNode>& items = documents[0].root->items;
  const auto place = [](const YamlNode& n) { return std::to_string(n.line) + ":" + std::to_string(n.column); };
  EXPECT_EQ(place(items[0]), "2:3");
  EXPECT_EQ(place(items[1]), "2:8");
  EXPECT_EQ(place(items[2]), "3:3");
  EXPECT_EQ(place(items[3]), "3:10");
  EXPECT_EQ(place(items[3].items[0]), "3:11");
  EXPECT_EQ(place(items[3].items[1]), "3:17");
}

// What a small file must not be able to do: each is refused quickly, with a place.
TEST(Documents, RefuseWhatGrows) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string n = std::to_string(i);
    const std::string p = std::string("*a").append(std::to_string(i - 1));
    bomb += "a" + n + ": &a" + n + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", " : "") + p;
    bomb += "]\n";
  }
  EXPECT_THAT(error_of(bomb), testing::HasSubstr("aliases stand for too much"));

  std::string merges = "a0: &a0 {k0: 1}\n";  // The same by merge keys: each map holds all before it.
  for (int i = 1; i < 2000; ++i) {
    const std::string n = std::to_string(i);
    merges += "a" + n + ": &a" + n + " {<<: *a" + std::to_string(i - 1) + ", k" + n + ": 1}\n";
  }
  EXPECT_THAT(error_of(merges), testing::HasSubstr("aliases stand for too much"));

  for (const char* open : {"[", "{a: ", "- "}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += open;
    EXPECT_THAT(error_of(deep), testing::StartsWith("f.yaml:1:")) << open;
  }
  EXPECT_THAT(error_of("{\"a\":" + std::string(100'000, '[')), testing::HasSubstr("nested too deep"));
  EXPECT_THAT(error_of("a: " + std::string(kMaxYamlScalarBytes + 1, 'x')),
              testing::HasSubstr("expected at most 1048576"));
}

struct ScalarCase {
  const char* text;
  ScalarType type;
  std::int64_t integer;
};
// YAML 1.1 types (yaml.org/type): bool, int, float, null.
TEST(Scalars, MeanWhatYaml11Says) {
  const ScalarCase cases[] = {
      {"yes", ScalarType::kBool, 0},     {"Off", ScalarType::kBool, 0},     {"true", ScalarType::kBool, 0},
      {"tRue", ScalarType::kString, 0},  {"~", ScalarType::kNull, 0},       {"NULL", ScalarType::kNull, 0},
      {"12", ScalarType::kInt, 12},      {"-7", ScalarType::kInt, -7},      {"+5", ScalarType::kInt, 5},
      {"0x1F", ScalarType::kInt, 31},    {"0o17", ScalarType::kInt, 15},    {"017", ScalarType::kInt, 15},
      {"0b101", ScalarType::kInt, 5},    {"1_000", ScalarType::kInt, 1000}, {"0", ScalarType::kInt, 0},
      {"1.5", ScalarType::kFloat, 0},    {"1e3", ScalarType::kFloat, 0},    {".inf", ScalarType::kFloat, 0},
      {"1.2.3", ScalarType::kString, 0}, {"500m", ScalarType::kString, 0},  {"0x", ScalarType::kString, 0},
      {"1:30", ScalarType::kString, 0},  {"-", ScalarType::kString, 0},     {"2026-01-01", ScalarType::kString, 0}};
  for (const ScalarCase& c : cases) {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.text = c.text;
    EXPECT_EQ(resolve_scalar(node).type, c.type) << c.text;
    if (c.type == ScalarType::kInt) {
      EXPECT_EQ(resolve_scalar(node).integer, c.integer) << c.text;
    }
    node.quoted = true;
    EXPECT_EQ(resolve_scalar(node).type, ScalarType::kString) << c.text;
  }
}

}  // namespace
}  // namespace berth::manifest

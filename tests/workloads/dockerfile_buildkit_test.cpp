// The same answers as BuildKit's own parsers, recorded (tests/golden/dockerfile/README.md): words, .dockerignore files
// and whole Dockerfiles, good and bad.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "workloads/images/dockerfile.hpp"
#include "workloads/images/file_pattern.hpp"
#include "workloads/images/substitution.hpp"

namespace berth::docker {
namespace {

using Json = nlohmann::json;

// Calls answer(row) for each recorded row and compares; an InputError is null. `least`: rows that must be there.
void compare(const std::string& name, std::size_t least, const std::function<Json(const Json&)>& answer) {
  std::ifstream in(BERTH_SOURCE_DIR "/tests/golden/dockerfile/" + name);
  std::size_t rows = 0;
  for (std::string line; std::getline(in, line); ++rows) {
    const Json row = Json::parse(line);
    Json got;
    try {
      got = answer(row);
    } catch (const InputError& e) {
      EXPECT_TRUE(row.back().is_null()) << row.front() << "\n" << e.what();
      continue;
    }
    EXPECT_EQ(got, row.back()) << row.front();
  }
  EXPECT_GE(rows, least);
}

Json arguments(const Instruction& i) {
  Json out = Json::array();
  if (i.health) out.push_back(i.health->none ? "NONE" : "CMD");
  for (const Word& w : i.words) out.push_back(w.text);
  for (const KeyValue& p : i.pairs) {
    if (i.keyword == Keyword::kArg) {
      out.push_back(p.value ? p.key + "=" + *p.value : p.key);
    } else {
      out.push_back(p.key);
      out.push_back(*p.value);
      out.push_back(p.legacy ? "" : "=");
    }
  }
  return out;
}

Json show(const Instruction& i, bool below_onbuild) {
  Json flags = Json::array();
  for (const Flag& f : i.flags) flags.push_back("--" + f.name + "=" + f.value);
  Json heredocs = Json::array();
  for (const Heredoc& h : i.heredocs) {
    heredocs.push_back({h.name, h.expand ? "expand" : "raw", h.body(), std::to_string(h.descriptor)});
  }
  std::string lines;
  if (!below_onbuild) {
    lines = std::to_string(i.place.line);
    lines += '-';
    lines += std::to_string(i.last_line);
  }
  Json out = Json::array({to_string(i.keyword), lines, flags, i.exec_form, arguments(i), heredocs});
  for (const Instruction& t : i.trigger) out.push_back(show(t, true));
  return out;
}

TEST(DockerfileBuildKit, Words) {
  Environment env;
  for (const auto& [name, value] : {std::pair{"s", "foobarbaz"},
                                    {"p", "/usr/local/bin"},
                                    {"v", "1.2.3"},
                                    {"e", ""},
                                    {"star", "*x"},
                                    {"two", "one two"}}) {
    env.set(name, value);
  }
  compare("buildkit_word.jsonl", 1500,
          [&](const Json& row) { return expand(row[0].get<std::string>(), env, {}).text; });
}

TEST(DockerfileBuildKit, IgnoreLists) {
  compare("buildkit_ignore.jsonl", 1500, [](const Json& row) {
    return IgnoreList::read(row[0].get<std::string>(), "f").ignores(row[1].get<std::string>());
  });
}

TEST(DockerfileBuildKit, Dockerfiles) {
  compare("buildkit_parse.jsonl", 900, [](const Json& row) {
    const Dockerfile file = parse_dockerfile(row[0].get<std::string>(), "D");
    Json out = Json::array();
    for (const Instruction& a : file.global_args) out.push_back(show(a, false));
    for (const Stage& stage : file.stages) {
      out.push_back(show(stage.from, false));
      for (const Instruction& i : stage.instructions) out.push_back(show(i, false));
    }
    return out;
  });
}

}  // namespace
}  // namespace berth::docker

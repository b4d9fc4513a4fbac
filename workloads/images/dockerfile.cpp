#include "workloads/images/dockerfile.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "workloads/images/dockerfile_instruction.hpp"
#include "workloads/images/dockerfile_words.hpp"

namespace berth::docker {
namespace {

// RUN, COPY and ADD, also below ONBUILD, in shell form.
Instruction* heredoc_owner(Instruction& instruction) {
  Instruction& inner = instruction.trigger.empty() ? instruction : instruction.trigger.front();
  const bool may = inner.keyword == Keyword::kRun || inner.keyword == Keyword::kCopy || inner.keyword == Keyword::kAdd;
  return may && !inner.exec_form ? &inner : nullptr;
}

void read_heredocs(LineReader& reader, const LogicalLine& line, Instruction& instruction) {
  Instruction* owner = heredoc_owner(instruction);
  if (owner == nullptr || line.text().find("<<") == std::string::npos) return;
  std::vector<std::size_t> offsets;
  owner->heredocs = heredocs_of(line.text(), &offsets);
  for (std::size_t i = 0; i < owner->heredocs.size(); ++i) {
    reader.read_body(owner->heredocs[i], line.place(reader.file(), offsets[i]));
  }
  if (owner->keyword != Keyword::kRun && is_heredoc(owner->words.back().text, nullptr)) {
    fail_at(owner->words.back().place, std::string(to_string(owner->keyword)) + " has a heredoc as its destination",
            "a path");
  }
}

Hint read_hint(const std::vector<std::string>& comments, std::size_t line, const std::string& file) {
  Hint hint;
  const Place place{file, line, 0};
  for (const std::string& comment : comments) {
    constexpr std::string_view kPrefix = "berth:";
    if (!comment.starts_with(kPrefix)) continue;
    for (const Token& token : split_blanks(std::string_view(comment).substr(kPrefix.size()))) {
      const std::size_t equals = token.text.find('=');
      const std::string key = token.text.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : token.text.substr(equals + 1);
      if (key == "adds") {
        hint.adds_bytes = parse_bytes(value, "adds", place);
      } else if (key == "takes") {
        hint.takes = parse_duration(value, to_string(place) + ": takes");
        if (hint.takes->ns < 0) fail_at(place, "takes is " + docker::quoted(value), "no negative time");
      } else {
        const std::vector<std::string> names{"adds", "takes"};
        fail_at(place, "the comment above has " + docker::quoted(token.text),
                "# berth: adds=SIZE takes=TIME" + did_you_mean(key, names));
      }
    }
  }
  return hint;
}

Stage start_stage(Instruction from) {
  Stage stage;
  stage.base = from.words.front().text;
  if (from.words.size() == 3) {
    stage.name = lower(from.words[2].text);
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    if (stage.name.front() < 'a' || stage.name.front() > 'z' ||
        !std::all_of(stage.name.begin(), stage.name.end(), allowed)) {
      fail_at(from.words[2].place, "the stage is named " + docker::quoted(from.words[2].text),
              "a letter, then letters, digits, - _ or .");
    }
  }
  stage.from = std::move(from);
  return stage;
}

}  // namespace

Dockerfile parse_dockerfile(std::string_view text, const std::string& file) {
  LineReader reader(text, file);
  Dockerfile result;
  result.file = file;
  result.escape = reader.escape();
  result.directives = reader.directives();
  LogicalLine line;
  std::vector<std::string> comments;
  while (reader.next(line, comments)) {
    const std::size_t begun = line.line();
    Instruction instruction = parse_instruction(line, file, reader.escape());
    read_heredocs(reader, line, instruction);
    instruction.last_line = reader.last_line();
    instruction.hint = read_hint(comments, begun, file);
    if (instruction.keyword == Keyword::kFrom) {
      result.stages.push_back(start_stage(std::move(instruction)));
    } else if (!result.stages.empty()) {
      result.stages.back().instructions.push_back(std::move(instruction));
    } else if (instruction.keyword == Keyword::kArg) {
      result.global_args.push_back(std::move(instruction));
    } else {
      fail_at(instruction.place, std::string(to_string(instruction.keyword)) + " stands before the first FROM",
              "FROM, or ARG before it");
    }
  }
  if (result.stages.empty()) fail_at({file, reader.last_line(), 0}, "the Dockerfile has no FROM", "FROM image");
  result.warnings = std::move(reader.warnings());
  return result;
}

std::int64_t parse_bytes(std::string_view text, std::string_view what, const Place& place) {
  const char* const shape = "a size such as 120MiB, 1.5GB or 4096";
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit = lower(text.substr(static_cast<std::size_t>(end - text.data())));
  if (error != std::errc() || number < 0) fail_at(place, std::string(what) + " is " + docker::quoted(text), shape);
  if (unit.ends_with("ib")) {
    unit.resize(unit.size() - 2);
  } else if (unit.ends_with('b')) {
    unit.resize(unit.size() - 1);
  }
  constexpr std::string_view kUnits = "kmgtp";
  double factor = 1;
  if (unit.size() == 1 && kUnits.find(unit.front()) != std::string_view::npos) {
    for (std::size_t i = 0; i <= kUnits.find(unit.front()); ++i) factor *= 1024;
  } else if (!unit.empty()) {
    fail_at(place, std::string(what) + " is " + docker::quoted(text), shape);
  }
  const double bytes = number * factor;
  if (!(bytes < 0x1p62)) fail_at(place, std::string(what) + " is " + docker::quoted(text) + ", too much", shape);
  return static_cast<std::int64_t>(bytes + 0.5);
}

}  // namespace berth::docker

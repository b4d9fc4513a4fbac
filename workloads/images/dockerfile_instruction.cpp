#include "workloads/images/dockerfile_instruction.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "workloads/images/dockerfile_words.hpp"

namespace berth::docker {
namespace {

enum class FlagKind : std::uint8_t { kText, kSwitch, kMany };
struct FlagSpec {
  std::string_view name;
  FlagKind kind;
};
struct KeywordSpec {
  std::string_view name;
  std::vector<FlagSpec> flags;
};

// In the order of Keyword.
const std::array<KeywordSpec, 18>& keywords() {
  using enum FlagKind;
  static const std::array<KeywordSpec, 18> kTable{{
      {"ADD",
       {{"chown", kText},
        {"chmod", kText},
        {"link", kSwitch},
        {"keep-git-dir", kSwitch},
        {"checksum", kText},
        {"unpack", kSwitch},
        {"exclude", kMany}}},
      {"ARG", {}},
      {"CMD", {}},
      {"COPY",
       {{"from", kText},
        {"chown", kText},
        {"chmod", kText},
        {"link", kSwitch},
        {"parents", kSwitch},
        {"exclude", kMany}}},
      {"ENTRYPOINT", {}},
      {"ENV", {}},
      {"EXPOSE", {}},
      {"FROM", {{"platform", kText}}},
      {"HEALTHCHECK",
       {{"interval", kText},
        {"timeout", kText},
        {"start-period", kText},
        {"start-interval", kText},
        {"retries", kText}}},
      {"LABEL", {}},
      {"MAINTAINER", {}},
      {"ONBUILD", {}},
      {"RUN", {{"mount", kMany}, {"network", kText}, {"security", kText}, {"device", kMany}}},
      {"SHELL", {}},
      {"STOPSIGNAL", {}},
      {"USER", {}},
      {"VOLUME", {}},
      {"WORKDIR", {}},
  }};
  return kTable;
}

std::string suggestion(std::string_view word, std::span<const FlagSpec> flags) {
  std::vector<std::string> names;
  for (const FlagSpec& f : flags) names.emplace_back(f.name);
  return did_you_mean(word, names);
}

// One instruction while it is being read.
class InstructionParser {
 public:
  InstructionParser(const LogicalLine& line, const std::string& file, char escape)
      : line_(line), file_(file), escape_(escape) {}

  // `begin`: where the keyword stands in the line. `nested`: below ONBUILD.
  Instruction parse(std::size_t begin, bool nested) {
    const std::string_view all = line_.text();
    while (begin < all.size() && is_space(all[begin])) ++begin;
    std::size_t end = begin;
    while (end < all.size() && !is_space(all[end])) ++end;
    Instruction out;
    out.place = place(begin);
    out.text = trim(all.substr(begin));
    const std::string name = upper(all.substr(begin, end - begin));
    const auto& table = keywords();
    const auto spec = std::find_if(table.begin(), table.end(), [&](const KeywordSpec& k) { return k.name == name; });
    if (spec == table.end()) {
      std::vector<std::string> names;
      for (const KeywordSpec& k : table) names.emplace_back(k.name);
      fail_at(out.place, docker::quoted(all.substr(begin, end - begin)) + " is no instruction",
              "FROM, RUN, COPY and the like" + did_you_mean(name, names));
    }
    out.keyword = static_cast<Keyword>(spec - table.begin());
    std::size_t rest = end;
    std::size_t skipped = 0;
    for (Token& token : split_flags(all.substr(end), skipped)) read_flag(*spec, std::move(token), end, out);
    rest = end + skipped;
    base_ = rest;
    body_ = trim(all.substr(rest));
    read_arguments(out, nested);
    return out;
  }

 private:
  Place place(std::size_t offset) const { return line_.place(file_, offset); }
  Word word(Token token) const { return {std::move(token.text), place(base_ + token.offset)}; }
  Place here() const { return place(base_); }

  static void read_flag_value(const FlagSpec& spec, bool has_value, Flag& flag) {
    if (spec.kind == FlagKind::kSwitch) {
      const std::string value = lower(flag.value);
      if (has_value && value != "true" && value != "false") {
        fail_at(flag.place, "--" + flag.name + " is " + docker::quoted(flag.value), "true or false");
      }
      flag.value = value.empty() ? "true" : value;
    } else if (!has_value) {
      fail_at(flag.place, "--" + flag.name + " has no value", "--" + flag.name + "=…");
    }
  }

  void read_flag(const KeywordSpec& spec, Token token, std::size_t base, Instruction& out) const {
    Flag flag;
    flag.place = place(base + token.offset);
    const std::size_t equals = token.text.find('=');
    flag.name = token.text.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (equals != std::string::npos) flag.value = token.text.substr(equals + 1);
    const auto known =
        std::find_if(spec.flags.begin(), spec.flags.end(), [&](const FlagSpec& f) { return f.name == flag.name; });
    if (known == spec.flags.end()) {
      std::string all;
      for (const FlagSpec& f : spec.flags) all += (all.empty() ? "--" : ", --") + std::string(f.name);
      fail_at(flag.place, std::string(spec.name) + " has no flag " + docker::quoted("--" + flag.name),
              (all.empty() ? "no flags" : all) + suggestion(flag.name, spec.flags));
    }
    if (known->kind != FlagKind::kMany && out.flag(flag.name) != nullptr) {
      fail_at(flag.place, "--" + flag.name + " is there twice", "it once");
    }
    read_flag_value(*known, equals != std::string::npos, flag);
    out.flags.push_back(std::move(flag));
  }

  void need_words(const Instruction& out, std::size_t least, std::size_t most, const std::string& expected) const {
    if (out.words.size() < least || out.words.size() > most) {
      const std::string name(to_string(out.keyword));
      const std::string count = out.words.empty() ? "no" : std::to_string(out.words.size());
      fail_at(out.words.size() > most ? out.words[most].place : out.place,
              name + " has " + count + (out.words.size() == 1 ? " argument" : " arguments"), expected);
    }
  }

  bool read_json(Instruction& out, std::string_view text, std::size_t shift) const {
    std::vector<Token> tokens;
    switch (split_json(text, tokens)) {
      case JsonForm::kNone:
        return false;
      case JsonForm::kOther:
        fail_at(here(), std::string(to_string(out.keyword)) + " has a JSON array of other things than strings",
                "[\"program\", \"argument\"]");
      case JsonForm::kStrings:
        break;
    }
    for (Token& token : tokens) {
      token.offset += shift;
      out.words.push_back(word(std::move(token)));
    }
    out.exec_form = true;
    return true;
  }

  void read_command(Instruction& out) const {
    if (body_.empty() || read_json(out, body_, 0)) return;
    out.words.push_back({std::string(body_), here()});
  }

  void read_list(Instruction& out) const {
    if (read_json(out, body_, 0)) return;
    for (Token& token : split_blanks(body_)) out.words.push_back(word(std::move(token)));
  }

  void read_pairs(Instruction& out, const char* shape) const {
    std::vector<Token> tokens = split_quoted(body_, escape_);
    const std::string name(to_string(out.keyword));
    if (tokens.empty()) fail_at(out.place, name + " has no arguments", shape);
    if (tokens.front().text.find('=') == std::string::npos) {  // Old: the name, then all the rest of the line.
      std::size_t end = 0;
      while (end < body_.size() && !is_space(body_[end])) ++end;
      const std::string_view value = trim_left(body_.substr(end));
      if (end == body_.size()) fail_at(here(), name + " has a name without a value", shape);
      out.pairs.push_back({std::string(body_.substr(0, end)), std::string(value), true, here()});
      return;
    }
    for (Token& token : tokens) {
      const Place at = place(base_ + token.offset);
      const std::size_t equals = token.text.find('=');
      if (equals == std::string::npos) fail_at(at, name + " has " + docker::quoted(token.text) + " without =", shape);
      if (equals == 0) fail_at(at, name + " has an empty name", shape);
      out.pairs.push_back({token.text.substr(0, equals), token.text.substr(equals + 1), false, at});
    }
  }

  void read_args(Instruction& out) const {
    for (Token& token : split_quoted(body_, escape_)) {
      const Place at = place(base_ + token.offset);
      const std::size_t equals = token.text.find('=');
      if (equals == 0) fail_at(at, "ARG has an empty name", "ARG name[=default] …");
      KeyValue pair{token.text.substr(0, equals), std::nullopt, false, at};
      if (equals != std::string::npos) pair.value = token.text.substr(equals + 1);
      out.pairs.push_back(std::move(pair));
    }
    if (out.pairs.empty()) fail_at(out.place, "ARG has no arguments", "ARG name[=default] …");
  }

  void read_healthcheck(Instruction& out) const {
    const char* const shape = "HEALTHCHECK [options] CMD command, or HEALTHCHECK NONE";
    std::size_t end = 0;
    while (end < body_.size() && !is_space(body_[end])) ++end;
    const std::string type = upper(body_.substr(0, end));
    const std::string_view rest = trim_left(body_.substr(end));
    Healthcheck health;
    if (type == "NONE") {
      if (!rest.empty()) fail_at(here(), "HEALTHCHECK NONE has arguments", "none");
      health.none = true;
      out.health = health;
      return;
    }
    if (type != "CMD") {
      fail_at(
          body_.empty() ? out.place : here(),
          body_.empty() ? std::string("HEALTHCHECK has no arguments") : "HEALTHCHECK has type " + docker::quoted(type),
          shape);
    }
    const auto shift = static_cast<std::size_t>(rest.data() - body_.data());
    if (!rest.empty() && !read_json(out, rest, shift)) {
      out.words.push_back({std::string(rest), place(base_ + shift)});
    }
    if (out.words.empty()) fail_at(out.place, "HEALTHCHECK CMD has no command", shape);
    for (const auto& [name, value] : {std::pair{"interval", &health.interval},
                                      {"timeout", &health.timeout},
                                      {"start-period", &health.start_period},
                                      {"start-interval", &health.start_interval}}) {
      const Flag* flag = out.flag(name);
      if (flag == nullptr || flag->value.empty()) continue;
      *value = parse_duration(flag->value, to_string(flag->place) + ": --" + name);
      if (value->ns != 0 && *value < milliseconds(1)) {
        fail_at(flag->place, "--" + std::string(name) + " is " + docker::quoted(flag->value), "0 or at least 1ms");
      }
    }
    if (const Flag* flag = out.flag("retries"); flag != nullptr && !flag->value.empty()) {
      const char* last = flag->value.data() + flag->value.size();
      const auto [stop, error] = std::from_chars(flag->value.data(), last, health.retries);
      if (error != std::errc() || stop != last || health.retries < 0) {
        fail_at(flag->place, "--retries is " + docker::quoted(flag->value), "a whole number, 0 or more");
      }
    }
    out.health = health;
  }

  void read_onbuild(Instruction& out, bool nested) {
    if (body_.empty()) fail_at(out.place, "ONBUILD has no arguments", "an instruction after it");
    if (nested) fail_at(out.place, "ONBUILD stands after ONBUILD", "another instruction");
    Instruction inner = InstructionParser(line_, file_, escape_).parse(base_, true);
    if (inner.keyword == Keyword::kFrom || inner.keyword == Keyword::kMaintainer) {
      fail_at(inner.place, std::string(to_string(inner.keyword)) + " is no ONBUILD trigger", "another instruction");
    }
    out.trigger.push_back(std::move(inner));
  }

  void read_arguments(Instruction& out, bool nested) {
    constexpr std::size_t kMany = static_cast<std::size_t>(-1);
    switch (out.keyword) {
      case Keyword::kFrom:
        for (Token& token : split_blanks(body_)) out.words.push_back(word(std::move(token)));
        if (out.words.size() != 1 && !(out.words.size() == 3 && lower(out.words[1].text) == "as")) {
          fail_at(out.place, "FROM has " + std::to_string(out.words.size()) + " arguments",
                  "FROM image, or FROM image AS name");
        }
        return;
      case Keyword::kRun:
      case Keyword::kCmd:
      case Keyword::kEntrypoint:
        read_command(out);
        return;
      case Keyword::kShell:
        read_command(out);
        if (!out.exec_form || out.words.empty()) {
          fail_at(body_.empty() ? out.place : here(), "SHELL is no JSON array of strings",
                  "[\"program\", \"argument\"]");
        }
        return;
      case Keyword::kAdd:
      case Keyword::kCopy:
        read_list(out);
        need_words(out, 2, kMany, "one or more sources and a destination");
        return;
      case Keyword::kVolume:
        read_list(out);
        need_words(out, 1, kMany, "one or more paths");
        for (const Word& w : out.words) {
          if (trim(w.text).empty()) fail_at(w.place, "VOLUME has an empty path", "a path");
        }
        return;
      case Keyword::kExpose:
        for (Token& token : split_blanks(body_)) out.words.push_back(word(std::move(token)));
        need_words(out, 1, kMany, "one or more ports");
        return;
      case Keyword::kEnv:
        read_pairs(out, "ENV name=value …");
        return;
      case Keyword::kLabel:
        read_pairs(out, "LABEL name=value …");
        return;
      case Keyword::kArg:
        read_args(out);
        return;
      case Keyword::kHealthcheck:
        read_healthcheck(out);
        return;
      case Keyword::kOnbuild:
        read_onbuild(out, nested);
        return;
      case Keyword::kMaintainer:
      case Keyword::kStopsignal:
      case Keyword::kUser:
      case Keyword::kWorkdir:
        if (!body_.empty()) out.words.push_back({std::string(body_), here()});
        need_words(out, 1, 1, "one argument");
        return;
    }
  }

  const LogicalLine& line_;
  const std::string& file_;
  char escape_;
  std::size_t base_ = 0;   // Of the arguments, in the line.
  std::string_view body_;  // The arguments.
};

}  // namespace

void fail_at(const Place& place, const std::string& what, const std::string& expected) {
  throw InputError(to_string(place) + ": " + what + "; expected " + expected);
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text.substr(0, 60)) result += c >= ' ' && c != 0x7F ? c : '?';
  return result + (text.size() > 60 ? "…\"" : "\"");
}

Instruction parse_instruction(const LogicalLine& line, const std::string& file, char escape) {
  return InstructionParser(line, file, escape).parse(0, false);
}

std::string_view to_string(Keyword keyword) {
  return keywords()[static_cast<std::size_t>(keyword)].name;
}

const Flag* Instruction::flag(std::string_view name) const {
  const auto it = std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.name == name; });
  return it == flags.end() ? nullptr : &*it;
}

bool Instruction::has(std::string_view name) const {
  const Flag* found = flag(name);
  return found != nullptr && found->value == "true";
}

}  // namespace berth::docker

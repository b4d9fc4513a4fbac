#include "workloads/compose/env_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/compose/tree.hpp"

namespace berth::compose {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

class EnvFile {
 public:
  EnvFile(std::string_view text, const std::string& file, const Lookup& outer, bool raw, Environment earlier)
      : text_(text), file_(file), outer_(outer), raw_(raw), known_(std::move(earlier)) {}

  std::vector<std::pair<std::string, std::optional<std::string>>> parse() {
    while (true) {
      while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == '\n')) step();
      if (at_ == text_.size()) return std::move(found_);
      if (text_[at_] == '#') {
        skip_line();
        continue;
      }
      entry();
    }
  }

 private:
  [[noreturn]] void fail(std::size_t line, std::size_t column, std::string_view what) const {
    fail_at({file_, line, column}, "", what);
  }
  std::size_t column() const { return at_ - line_start_ + 1; }
  void step() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  void entry() {
    if (text_.substr(at_).starts_with("export ") || text_.substr(at_).starts_with("export\t")) {
      at_ += 7;
      skip_blanks();
    }
    const std::size_t begin = at_;
    const std::size_t first_column = column();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                        c == '.' || c == '-' || c == '[' || c == ']';
      if (!good) break;
      ++at_;
    }
    std::string name(text_.substr(begin, at_ - begin));
    skip_blanks();
    const char c = at_ < text_.size() ? text_[at_] : '\n';
    if (name.empty() || (c != '=' && c != ':' && c != '\n')) {
      fail(line_, name.empty() ? first_column : column(),
           fmt::format("\"{}\" in the name of a variable; expected NAME=value",
                       c == '\n' ? "an empty name" : shown(text_.substr(at_, 1))));
    }
    if (c == '\n') {
      std::optional<std::string> value = outer_(name);
      if (value) known_.insert_or_assign(name, *value);
      found_.emplace_back(std::move(name), std::move(value));
      return;
    }
    ++at_;
    std::string value = raw_ ? std::string(rest_of_line()) : read_value(name);
    if (!raw_) known_.insert_or_assign(name, value);
    found_.emplace_back(std::move(name), std::move(value));
  }

  std::string_view rest_of_line() {
    const std::size_t begin = at_;
    skip_line();
    std::string_view rest = text_.substr(begin, at_ - begin);
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    return rest;
  }

  std::string read_value(const std::string& name) {
    skip_blanks();
    const std::size_t line = line_;
    const std::size_t value_column = column();
    const char quote = at_ < text_.size() ? text_[at_] : '\n';
    if (quote != '"' && quote != '\'') {
      std::string_view plain = rest_of_line();
      for (std::size_t i = 0; i < plain.size(); ++i) {  // A comment begins with a blank before the sign.
        if (plain[i] == '#' && (i == 0 || is_blank(plain[i - 1]))) {
          plain = plain.substr(0, i);
          break;
        }
      }
      while (!plain.empty() && is_blank(plain.back())) plain.remove_suffix(1);
      return expand(plain, name, line, value_column);
    }
    ++at_;
    std::string text;
    while (true) {
      if (at_ == text_.size()) {
        fail(line, value_column, fmt::format("{} begins with a quote that nothing closes; expected {}", name, quote));
      }
      const char c = text_[at_];
      if (c == quote) break;
      if (c == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next == quote || (quote == '"' && next == '\\')) {
          text += next;
          at_ += 2;
          continue;
        }
        if (quote == '"' && (next == 'n' || next == 'r' || next == 't')) {
          text += next == 'n' ? '\n' : next == 'r' ? '\r' : '\t';
          at_ += 2;
          continue;
        }
        if (quote == '"' && next == '$') {
          text += "$$";
          at_ += 2;
          continue;
        }
      }
      text += c;
      step();
    }
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '#') {
      fail(line_, column(), fmt::format("text behind the quoted value of {}; expected the end of the line", name));
    }
    if (at_ < text_.size() && text_[at_] == '#') skip_line();
    return quote == '"' ? expand(text, name, line, value_column) : text;
  }

  std::string expand(std::string_view text, const std::string& name, std::size_t line, std::size_t value_column) {
    if (text.find('$') == std::string_view::npos) return std::string(text);
    const Lookup lookup = [this](const std::string& variable) -> std::optional<std::string> {
      if (std::optional<std::string> value = outer_(variable)) return value;
      const auto known = known_.find(variable);
      return known == known_.end() ? std::nullopt : std::optional<std::string>(known->second);
    };
    const std::string what = fmt::format("{}: {}", to_string(Place{file_, line, value_column}), name);
    return interpolate(
        text, lookup, [](const std::string&) {}, what);
  }

  std::string_view text_;
  const std::string& file_;
  const Lookup& outer_;
  bool raw_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  Environment known_;
  std::vector<std::pair<std::string, std::optional<std::string>>> found_;
};

}  // namespace

std::vector<std::pair<std::string, std::optional<std::string>>> parse_env_file(std::string_view text,
                                                                               const std::string& file,
                                                                               const Lookup& outer, bool raw,
                                                                               Environment earlier) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return EnvFile(text, file, outer, raw, std::move(earlier)).parse();
}

}  // namespace berth::compose

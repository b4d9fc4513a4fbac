#include "workloads/images/substitution.hpp"

#include <algorithm>
#include <cstddef>

#include "workloads/images/dockerfile_lines.hpp"

namespace berth::docker {

const std::string* Environment::find(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Environment::set(std::string_view name, std::string_view value) {
  std::string keep(value);  // `value` may be inside items_.
  std::erase_if(items_, [&](const auto& item) { return item.first == name; });
  items_.emplace_back(name, std::move(keep));
}

namespace {

// --- Patterns -------------------------------------------------------------------------------------------------------

struct Token {
  enum class Kind : std::uint8_t { kText, kAny, kStar } kind = Kind::kText;
  char text = 0;
};

std::optional<std::vector<Token>> compile(std::string_view pattern) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*') {
      tokens.push_back({Token::Kind::kStar, 0});
    } else if (c == '?') {
      tokens.push_back({Token::Kind::kAny, 0});
    } else if (c == '\\') {
      if (++i == pattern.size()) return std::nullopt;
      const char next = pattern[i];
      // } and / must be escaped inside ${}; the escape is not part of the pattern.
      if (next != '}' && next != '/' && next != '*' && next != '?' && next != '\\') return std::nullopt;
      tokens.push_back({Token::Kind::kText, next});
    } else {
      tokens.push_back({Token::Kind::kText, c});
    }
  }
  return tokens;
}

// Bytes of the code point at `at`; one for a stray byte.
std::size_t code_point(std::string_view text, std::size_t at) {
  std::size_t n = 1;
  if (static_cast<unsigned char>(text[at]) >= 0xC0) {
    while (at + n < text.size() && n < 4 && (static_cast<unsigned char>(text[at + n]) & 0xC0) == 0x80) ++n;
  }
  return n;
}

constexpr std::size_t kNoMatch = std::string_view::npos;

// Where the shortest or longest match that begins at `from` ends. All ends are found at once, token by token: no
// backtracking, so no pattern is slow.
std::size_t match_end(std::string_view value, std::size_t from, const std::vector<Token>& tokens, bool longest) {
  std::vector<char> here(value.size() + 1, 0);
  here[from] = 1;
  for (const Token& token : tokens) {
    std::vector<char> next(value.size() + 1, 0);
    for (std::size_t i = from; i <= value.size(); ++i) {
      if (!here[i]) continue;
      if (token.kind == Token::Kind::kStar) {
        next[i] = 1;
        if (i < value.size() && value[i] != '\n') here[i + code_point(value, i)] = 1;
      } else if (i < value.size()) {
        if (token.kind == Token::Kind::kAny) {
          if (value[i] != '\n') next[i + code_point(value, i)] = 1;
        } else if (value[i] == token.text) {
          next[i + 1] = 1;
        }
      }
    }
    here.swap(next);
  }
  std::size_t found = kNoMatch;
  for (std::size_t i = from; i <= value.size(); ++i) {
    if (!here[i]) continue;
    found = i;
    if (!longest) break;
  }
  return found;
}

}  // namespace

std::optional<std::string> trim_prefix(std::string_view value, std::string_view pattern, bool longest) {
  const auto tokens = compile(pattern);
  if (!tokens) return std::nullopt;
  const std::size_t end = match_end(value, 0, *tokens, longest);
  return std::string(end == kNoMatch ? value : value.substr(end));
}

std::optional<std::string> trim_suffix(std::string_view value, std::string_view pattern, bool longest) {
  const auto tokens = compile(pattern);
  if (!tokens) return std::nullopt;
  std::size_t begin = kNoMatch;
  for (std::size_t i = 0; i <= value.size(); ++i) {
    if (match_end(value, i, *tokens, true) != value.size()) continue;
    begin = i;
    if (longest) break;
  }
  return std::string(value.substr(0, std::min(begin, value.size())));
}

std::optional<std::string> replace_matches(std::string_view value, std::string_view pattern,
                                           std::string_view replacement, bool all) {
  const auto tokens = compile(pattern);
  if (!tokens) return std::nullopt;
  std::string result;
  std::size_t at = 0;
  std::size_t last_end = kNoMatch;
  while (at <= value.size()) {
    const std::size_t end = match_end(value, at, *tokens, true);
    const bool counts = end != kNoMatch && (end > at || at != last_end);  // No empty match right behind another one.
    if (counts) {
      result += replacement;
      last_end = end;
      if (!all) return result += value.substr(end);
    }
    if (counts && end > at) {
      at = end;
    } else {
      if (at < value.size()) result += value[at];
      ++at;
    }
  }
  return result;
}

namespace {

// --- Words ----------------------------------------------------------------------------------------------------------

constexpr std::size_t kMaxDepth = 100;  // Of ${a:-${b:-…}}: what recursion can stand.

class Lexer {
 public:
  Lexer(std::string_view source, const Environment& variables, const Place& place, LexOptions options)
      : source_(source), variables_(variables), place_(place), options_(options) {}

  Expansion run() {
    std::string text = until(kEnd, false);
    finish_word();
    return {std::move(text), std::move(words_), std::move(used_)};
  }

 private:
  static constexpr int kEnd = -1;

  [[noreturn]] void fail(const std::string& what, const std::string& expected) const {
    throw InputError(to_string(place_) + ": " + what + "; expected " + expected);
  }
  bool at_end() const { return at_ >= source_.size(); }

  // Only the outermost level splits into words; what is inside braces is one value.
  void word_char(char c) {
    if (depth_ > 0) return;
    if (is_space(c)) {
      finish_word();
    } else {
      word_ += c;
      in_word_ = true;
    }
  }
  void word_raw(std::string_view text) {
    if (depth_ > 0) return;
    word_ += text;
    in_word_ = true;
  }
  void finish_word() {
    if (in_word_ && !word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string until(int stop, bool raw_escapes) {
    std::string result;
    while (!at_end()) {
      const char c = source_[at_];
      if (stop != kEnd && c == static_cast<char>(stop)) {
        ++at_;
        return result;
      }
      if (c == '$') {
        const std::string value = dollar();
        for (const char v : value) word_char(v);
        result += value;
      } else if (options_.quotes && c == '\'') {
        const std::string text = single_quoted();
        word_raw(text);
        result += text;
      } else if (options_.quotes && c == '"') {
        const std::string text = double_quoted(raw_escapes);
        word_raw(text);
        result += text;
      } else if (c == options_.escape) {
        ++at_;
        if (raw_escapes) result += c;
        if (at_end()) break;
        word_raw(source_.substr(at_, 1));
        result += source_[at_++];
      } else {
        word_char(c);
        result += c;
        ++at_;
      }
    }
    if (stop != kEnd) {
      fail("${…} has no closing " + std::string(stop == '/' ? "'/'" : "'}'"), stop == '/' ? "${x/pattern/text}" : "}");
    }
    return result;
  }

  std::string single_quoted() {
    const std::size_t end = source_.find('\'', at_ + 1);
    if (end == std::string_view::npos) fail("a ' is not closed", "another '");
    std::string text(source_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return text;
  }

  std::string double_quoted(bool raw_escapes) {
    std::string text;
    ++at_;
    while (!at_end()) {
      const char c = source_[at_];
      if (c == '"') {
        ++at_;
        return text;
      }
      if (c == '$') {
        text += dollar();
      } else if (c == options_.escape) {
        ++at_;
        if (raw_escapes) text += c;
        if (at_end()) break;
        const char next = source_[at_];
        if (next == '"' || next == '$' || next == options_.escape) {
          text += next;
          ++at_;
        } else {
          text += c;  // Any other character keeps its escape.
        }
      } else {
        text += c;
        ++at_;
      }
    }
    fail("a \" is not closed", "another \"");
  }

  // A name: letters, digits and _; or digits alone; or one of the shell's special parameters.
  std::string name() {
    const std::size_t begin = at_;
    const auto digit = [&] { return !at_end() && source_[at_] >= '0' && source_[at_] <= '9'; };
    if (digit()) {
      while (digit()) ++at_;
    } else if (!at_end() && std::string_view("@*#?-$!").find(source_[at_]) != std::string_view::npos) {
      ++at_;
    } else {
      while (!at_end()) {
        const auto c = static_cast<unsigned char>(source_[at_]);
        if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80))
          break;
        ++at_;
      }
    }
    return std::string(source_.substr(begin, at_ - begin));
  }

  const std::string* value_of(const std::string& variable) {
    const std::string* value = variables_.find(variable);
    if (value != nullptr) used_.push_back(variable);
    return value;
  }

  std::string dollar() {
    ++at_;
    if (at_end() || source_[at_] != '{') {
      const std::string variable = name();
      if (variable.empty()) return "$";
      const std::string* value = value_of(variable);
      return value == nullptr ? "" : *value;
    }
    ++at_;
    if (at_end()) fail("${ is not closed", "${name}");
    if (source_[at_] == '{' || source_[at_] == '}' || source_[at_] == ':') {
      fail("${" + std::string(1, source_[at_]) + " is a bad substitution", "${name}");
    }
    if (++depth_ > kMaxDepth) fail("${…} is nested too deep", "at most " + std::to_string(kMaxDepth) + " levels");
    std::string result = braced(name());
    --depth_;
    return result;
  }

  std::string braced(const std::string& variable) {
    if (at_end()) fail("${" + variable + " is not closed", "}");
    char mark = source_[at_++];
    if (mark == '}') {
      const std::string* value = value_of(variable);
      return value == nullptr ? "" : *value;
    }
    if (mark == '/') return replaced(variable);
    bool empty_is_unset = false;
    if (mark == ':') {
      empty_is_unset = true;
      mark = at_end() ? '\0' : source_[at_++];
    }
    if (std::string_view("-+?#%").find(mark) == std::string_view::npos || mark == '\0') {
      fail("${" + variable + (empty_is_unset ? ":" : "") + (mark == '\0' ? std::string() : std::string(1, mark)) +
               "…} has an unknown modifier",
           "one of :- :+ :? - + ? # ## % %% / //");
    }
    std::string word = until('}', mark == '#' || mark == '%');
    const std::string* value = value_of(variable);
    const bool missing = value == nullptr || (empty_is_unset && value->empty());
    switch (mark) {
      case '-':
        return missing ? word : *value;
      case '+':
        return missing ? "" : word;
      case '?':
        if (missing) {
          const std::string why = value == nullptr ? "unset" : "empty";
          fail(variable + " is " + why + (word.empty() ? "" : ": " + word), "a value, as ${" + variable + "?} asks");
        }
        return *value;
      default: {  // # and %, doubled for the longest match.
        const bool longest = !word.empty() && word.front() == mark;
        if (longest) word.erase(0, 1);
        const std::string_view from = value == nullptr ? std::string_view() : std::string_view(*value);
        const auto rest = mark == '#' ? trim_prefix(from, word, longest) : trim_suffix(from, word, longest);
        if (!rest) fail("pattern \"" + word + "\" has an invalid escape", "\\*, \\?, \\\\, \\/ or \\}");
        return *rest;
      }
    }
  }

  std::string replaced(const std::string& variable) {
    const bool all = !at_end() && source_[at_] == '/';
    if (all) ++at_;
    const std::string pattern = until('/', true);
    const std::string replacement = until('}', true);
    const std::string* value = value_of(variable);
    const auto result =
        replace_matches(value == nullptr ? std::string_view() : std::string_view(*value), pattern, replacement, all);
    if (!result) fail("pattern \"" + pattern + "\" has an invalid escape", "\\*, \\?, \\\\, \\/ or \\}");
    return *result;
  }

  std::string_view source_;
  const Environment& variables_;
  const Place& place_;
  LexOptions options_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
  std::vector<std::string> used_;
};

}  // namespace

Expansion expand(std::string_view source, const Environment& variables, const Place& place, LexOptions options) {
  return Lexer(source, variables, place, options).run();
}

}  // namespace berth::docker

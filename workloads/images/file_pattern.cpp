#include "workloads/images/file_pattern.hpp"

#include <algorithm>
#include <cstddef>

#include "workloads/images/dockerfile_lines.hpp"

namespace berth::docker {
namespace {

enum class Kind : std::uint8_t { kText, kAny, kStar, kClass, kFolders, kRest };

struct Token {
  Kind kind = Kind::kText;
  char text = 0;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;  // kClass.
};

// The code point at `at`, which moves behind it. A stray byte stands for itself.
char32_t code_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  char32_t value = more == 0 ? first : first & (0x3FU >> more);
  for (int i = 0; i < more && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; ++i) {
    value = value << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
  }
  return value;
}

// `**` is special only where `folders` says so: kFolders is "any folders, then /", kRest "anything".
std::vector<Token> compile(std::string_view pattern, bool folders, const Place& place) {
  const auto bad = [&](const char* what, const char* expected) {
    return InputError(to_string(place) + ": pattern \"" + std::string(pattern) + "\" " + what + "; expected " +
                      expected);
  };
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '*' && folders && pattern.substr(i, 2) == "**") {
      // "**.log" at the start is a plain suffix, also of "a.log": patternmatcher has its own rule for that.
      const bool suffix = i == 0 && pattern.size() > 2 && pattern[2] != '/' && !has_wildcard(pattern.substr(2));
      i += 2;
      if (suffix) {
        tokens.push_back({Kind::kRest, 0, false, {}});
        continue;
      }
      if (i < pattern.size() && pattern[i] == '/') ++i;
      tokens.push_back({i == pattern.size() ? Kind::kRest : Kind::kFolders, 0, false, {}});
    } else if (c == '*') {
      tokens.push_back({Kind::kStar, 0, false, {}});
      ++i;
    } else if (c == '?') {
      tokens.push_back({Kind::kAny, 0, false, {}});
      ++i;
    } else if (c == '[') {
      Token token{Kind::kClass, 0, false, {}};
      ++i;
      if (i < pattern.size() && pattern[i] == '^') {
        token.negated = true;
        ++i;
      }
      const auto one = [&]() -> char32_t {
        if (i >= pattern.size() || pattern[i] == '-' || pattern[i] == ']') throw bad("has a bad class", "[a-z]");
        if (pattern[i] == '\\' && ++i >= pattern.size()) throw bad("ends with an escape", "a character after \\");
        return code_point(pattern, i);
      };
      do {
        const char32_t low = one();
        char32_t high = low;
        if (i < pattern.size() && pattern[i] == '-') {
          ++i;
          high = one();
        }
        token.ranges.emplace_back(low, high);
        if (i >= pattern.size()) throw bad("has a class that is not closed", "]");
      } while (pattern[i] != ']');
      ++i;
      tokens.push_back(std::move(token));
    } else if (c == '\\') {
      if (i + 1 >= pattern.size()) throw bad("ends with an escape", "a character after \\");
      tokens.push_back({Kind::kText, pattern[i + 1], false, {}});
      i += 2;
    } else {
      tokens.push_back({Kind::kText, c, false, {}});
      ++i;
    }
  }
  return tokens;
}

// All positions reached, token by token: no backtracking.
bool matches(const std::vector<Token>& tokens, std::string_view path) {
  std::vector<char> here(path.size() + 1, 0);
  here[0] = 1;
  for (const Token& token : tokens) {
    std::vector<char> next(path.size() + 1, 0);
    for (std::size_t i = 0; i <= path.size(); ++i) {
      if (!here[i]) continue;
      const bool more = i < path.size();
      switch (token.kind) {
        case Kind::kText:
          if (more && path[i] == token.text) next[i + 1] = 1;
          break;
        case Kind::kAny:
          if (more && path[i] != '/') {
            std::size_t end = i;
            code_point(path, end);
            next[end] = 1;
          }
          break;
        case Kind::kStar:
          next[i] = 1;
          if (more && path[i] != '/') here[i + 1] = 1;
          break;
        case Kind::kClass:  // Unlike * and ? it may be a slash: so it is in Go.
          if (more) {
            std::size_t end = i;
            const char32_t c = code_point(path, end);
            const bool in = std::any_of(token.ranges.begin(), token.ranges.end(),
                                        [c](const auto& r) { return r.first <= c && c <= r.second; });
            if (in != token.negated) next[end] = 1;
          }
          break;
        case Kind::kFolders:
          next[i] = 1;
          for (std::size_t j = i; j < path.size(); ++j) {
            if (path[j] == '/') next[j + 1] = 1;
          }
          break;
        case Kind::kRest:
          for (std::size_t j = i; j <= path.size(); ++j) next[j] = 1;
          break;
      }
    }
    here.swap(next);
  }
  return here[path.size()] != 0;
}

}  // namespace

bool match_path(std::string_view pattern, std::string_view path, const Place& place) {
  return matches(compile(pattern, false, place), path);
}

bool has_wildcard(std::string_view path) {
  return path.find_first_of("*?[\\") != std::string_view::npos;
}

std::string clean_path(std::string_view path) {
  const bool rooted = !path.empty() && path.front() == '/';
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i <= path.size();) {
    const std::size_t end = std::min(path.find('/', i), path.size());
    const std::string_view part = path.substr(i, end - i);
    i = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string result = rooted ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += '/';
    result += parts[i];
  }
  return result.empty() ? "." : result;
}

std::string rootless_path(std::string_view path) {
  std::string rooted(1, '/');
  rooted += path;
  return clean_path(rooted).substr(1);
}

IgnoreList IgnoreList::read(std::string_view text, const std::string& file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  IgnoreList list;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.starts_with('#')) continue;
    std::string_view pattern = trim(line);
    if (pattern.empty()) continue;
    const Place place{file, number, 1};
    const bool exception = pattern.front() == '!';
    if (exception) pattern = trim(pattern.substr(1));
    if (exception && pattern.empty()) {
      throw InputError(to_string(place) + ": \"!\" names nothing; expected a pattern after it");
    }
    std::string path = clean_path(pattern);
    if (exception && path == "/") {
      throw InputError(to_string(place) + ": \"!/\" names nothing; expected a pattern after !");
    }
    if (path.size() > 1 && path.front() == '/') path.erase(0, 1);
    list.add(exception ? "!" + path : path, place);
  }
  return list;
}

void IgnoreList::add(std::string_view pattern, const Place& place) {
  pattern = trim(pattern);
  if (pattern.empty()) return;
  Pattern item;
  item.exception = pattern.front() == '!';
  if (item.exception) pattern.remove_prefix(1);
  if (pattern.empty()) throw InputError(to_string(place) + ": \"!\" names nothing; expected a pattern after it");
  item.text = clean_path(pattern);
  if (item.text.size() > 1 && item.text.front() == '/') item.text.erase(0, 1);
  item.place = place;
  compile(item.text, true, place);
  patterns_.push_back(std::move(item));
}

bool IgnoreList::ignores(std::string_view path) const {
  if (path.empty() || path == ".") return false;
  bool ignored = false;
  for (const Pattern& pattern : patterns_) {
    if (pattern.exception != ignored) continue;  // It could change nothing.
    const std::vector<Token> tokens = compile(pattern.text, true, pattern.place);
    bool hit = matches(tokens, path);
    for (std::size_t slash = path.find('/'); !hit && slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      hit = matches(tokens, path.substr(0, slash));
    }
    if (hit) ignored = !pattern.exception;
  }
  return ignored;
}

bool IgnoreList::has_exceptions() const {
  return std::any_of(patterns_.begin(), patterns_.end(), [](const Pattern& p) { return p.exception; });
}

}  // namespace berth::docker

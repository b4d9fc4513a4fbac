// A shell script as a list of simple commands: enough to recognise programs and their arguments, no interpreter.
#include <algorithm>
#include <array>
#include <cctype>

#include "workloads/images/dockerfile_lines.hpp"
#include "workloads/images/run_estimate.hpp"

namespace berth::docker {
namespace {

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)); });
}

// What may stand before the program that counts.
bool is_prefix(std::string_view word) {
  constexpr std::array<std::string_view, 17> kPrefixes{"sudo",  "time", "env",   "exec",    "then", "do",
                                                       "else",  "if",   "elif",  "!",       "{",    "(",
                                                       "while", "nice", "nohup", "command", "for"};
  return std::find(kPrefixes.begin(), kPrefixes.end(), word) != kPrefixes.end();
}

void finish(std::vector<std::string>& words, std::vector<std::vector<std::string>>& out) {
  std::size_t first = 0;
  while (first < words.size() && (is_assignment(words[first]) || is_prefix(words[first]))) ++first;
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first));
  if (!words.empty() && words.front() != "}" && words.front() != "fi" && words.front() != "done") {
    out.push_back(std::move(words));
  }
  words.clear();
}

}  // namespace

std::vector<std::vector<std::string>> shell_commands(std::string_view script) {
  std::vector<std::vector<std::string>> out;
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  bool drop = false;  // The word is a redirection's target.
  const auto end_word = [&] {
    if (in_word && !drop) words.push_back(word);
    if (in_word) drop = false;
    word.clear();
    in_word = false;
  };
  for (std::size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if (c == '\'' || c == '"') {
      in_word = true;
      for (++i; i < script.size() && script[i] != c; ++i) {
        if (script[i] == '\\' && c == '"' && i + 1 < script.size()) ++i;
        word += script[i];
      }
    } else if (c == '\\' && i + 1 < script.size()) {
      if (script[++i] != '\n') {
        in_word = true;
        word += script[i];
      }
    } else if (c == '#' && !in_word) {
      while (i + 1 < script.size() && script[i + 1] != '\n') ++i;
    } else if (c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' || c == ')') {
      if (c == '&' && !word.empty() && word.back() == '>') continue;  // 2>&1
      end_word();
      finish(words, out);
    } else if (c == '>' || c == '<') {
      if (!word.empty() && std::all_of(word.begin(), word.end(), [](char d) { return d >= '0' && d <= '9'; })) {
        word.clear();  // A descriptor's number.
        in_word = false;
      }
      end_word();
      while (i + 1 < script.size() && (script[i + 1] == '>' || script[i + 1] == '<' || script[i + 1] == '&')) ++i;
      drop = true;
    } else if (is_space(c)) {
      end_word();
    } else {
      in_word = true;
      word += c;
    }
  }
  end_word();
  finish(words, out);
  return out;
}

}  // namespace berth::docker

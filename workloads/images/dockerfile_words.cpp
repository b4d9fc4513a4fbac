#include "workloads/images/dockerfile_words.hpp"

#include <nlohmann/json.hpp>

#include "workloads/images/dockerfile_lines.hpp"

namespace berth::docker {

std::vector<Token> split_flags(std::string_view text, std::size_t& rest) {
  std::vector<Token> flags;
  std::size_t i = 0;
  for (;;) {
    while (i < text.size() && is_space(text[i])) ++i;
    if (text.substr(i, 2) != "--") break;
    Token flag{{}, i};
    char quote = 0;
    while (i < text.size() && (quote != 0 || !is_space(text[i]))) {
      const char c = text[i++];
      if (c == '\\') {
        if (i < text.size()) flag.text += text[i++];
      } else if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else {
        flag.text += c;
      }
    }
    if (flag.text == "--") break;  // Ends the flags.
    flags.push_back(std::move(flag));
  }
  while (i < text.size() && is_space(text[i])) ++i;
  rest = i;
  return flags;
}

std::vector<Token> split_quoted(std::string_view text, char escape) {
  std::vector<Token> words;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    Token word{{}, i};
    char quote = 0;
    while (i < text.size() && (quote != 0 || !is_space(text[i]))) {
      const char c = text[i];
      if (c == escape && quote != '\'') {
        if (i + 1 == text.size()) {  // At the end it counts for nothing.
          ++i;
          break;
        }
        word.text += c;
        word.text += text[i + 1];
        i += 2;
        continue;
      }
      if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      }
      word.text += c;
      ++i;
    }
    if (!word.text.empty()) words.push_back(std::move(word));
  }
  return words;
}

std::vector<Token> split_blanks(std::string_view text) {
  std::vector<Token> words;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && !is_space(text[i])) ++i;
    words.push_back({std::string(text.substr(begin, i - begin)), begin});
  }
  return words;
}

JsonForm split_json(std::string_view text, std::vector<Token>& out) {
  const std::string_view body = trim_left(text);
  if (!body.starts_with('[')) return JsonForm::kNone;
  const nlohmann::json value = nlohmann::json::parse(body, nullptr, false);
  if (!value.is_array()) return JsonForm::kNone;
  std::size_t at = static_cast<std::size_t>(body.data() - text.data()) + 1;
  for (const nlohmann::json& item : value) {
    if (!item.is_string()) return JsonForm::kOther;
    // Where the string stands: the next quote, then past its end.
    while (at < text.size() && text[at] != '"') ++at;
    out.push_back({item.get<std::string>(), at});
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
    }
    ++at;
  }
  return JsonForm::kStrings;
}

}  // namespace berth::docker

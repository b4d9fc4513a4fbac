// Cutting an instruction's text into flags, words and JSON arrays. Offsets are into the text that is passed in.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::docker {

struct Token {
  std::string text;
  std::size_t offset = 0;
};

// --flags at the start; `rest` is where the arguments begin. Quotes and backslashes in flags are taken off.
std::vector<Token> split_flags(std::string_view text, std::size_t& rest);
// Words of ENV, LABEL and ARG: split at blanks outside quotes; quotes and escapes stay in.
std::vector<Token> split_quoted(std::string_view text, char escape);
// Words of FROM, COPY, EXPOSE …: split at blanks.
std::vector<Token> split_blanks(std::string_view text);

enum class JsonForm { kNone, kStrings, kOther };  // No valid array; strings alone; an array with something else in it.
JsonForm split_json(std::string_view text, std::vector<Token>& out);

}  // namespace berth::docker

// One instruction of a Dockerfile: its keyword's flags and arguments. Private to the parser (dockerfile.hpp is public).
#pragma once

#include <string>
#include <string_view>

#include "workloads/images/dockerfile.hpp"

namespace berth::docker {

// Throws InputError: `place: what; expected …`.
[[noreturn]] void fail_at(const Place& place, const std::string& what, const std::string& expected);
// In quotes for a message, control characters as '?', cut after 60 bytes.
std::string quoted(std::string_view text);

// The instruction that `line` is, heredoc bodies still empty.
Instruction parse_instruction(const LogicalLine& line, const std::string& file, char escape);

}  // namespace berth::docker

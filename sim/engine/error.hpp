// Two kinds of trouble: the user's (InputError: one line that names the place, exit code 2) and our own (BERTH_CHECK:
// stops the run in every build, because a wrong number is worse than none).
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace berth {

// Bad input. The message is one line: `file:line:column: what is wrong; what was expected`. It may quote the input, so
// control characters are written as \n, \t or \xNN.
class InputError : public std::runtime_error {
 public:
  explicit InputError(const std::string& message);
};

// A place in an input file; line and column count from 1, 0 = not known.
struct Place {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
};
std::string to_string(const Place& place);  // "file:line:column", without the parts that are not known.

// `; did you mean "x"?` for the candidate nearest to `word` by edit distance (at most a third of its length, at least
// one), else an empty string. O(candidates * length^2).
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

namespace detail {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

#define BERTH_CHECK(expression) \
  (static_cast<bool>(expression) ? void() : ::berth::detail::check_failed(#expression, __FILE__, __LINE__))

}  // namespace berth

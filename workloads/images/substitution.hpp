// Variables in a Dockerfile's words: $name and ${name} with the modifiers of a POSIX shell, quotes and escapes.
// Source: BuildKit, frontend/dockerfile/shell/lex.go; Dockerfile reference, "Environment replacement".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::docker {

// Variables in the order in which they were set last, as BuildKit keeps them: the order is part of a cache key.
class Environment {
 public:
  const std::string* find(std::string_view name) const;     // Null if unset; valid until the next set().
  void set(std::string_view name, std::string_view value);  // Moves it to the end.
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct LexOptions {
  char escape = '\\';
  bool quotes = true;  // False: ' and " stand for themselves (heredoc bodies).
};

struct Expansion {
  std::string text;
  std::vector<std::string> words;  // Split at blanks that are not quoted, after substitution.
  std::vector<std::string> used;   // Variables that had a value, in order of use.
};

// Substitutes in `source`. Throws InputError at `place` for unbalanced quotes or braces, an unknown modifier, a bad
// pattern and a ${x:?message} whose x is unset. O(length of source · length of the values) but for patterns, which cost
// O(pattern · value^2).
Expansion expand(std::string_view source, const Environment& variables, const Place& place, LexOptions options = {});

// Shell patterns of ${x#p} and its like: * any text, ? one character, \ before either for itself. The part of `value`
// that is left when the shortest or longest match is taken off. Nullopt: no valid pattern.
std::optional<std::string> trim_prefix(std::string_view value, std::string_view pattern, bool longest);
std::optional<std::string> trim_suffix(std::string_view value, std::string_view pattern, bool longest);
std::optional<std::string> replace_matches(std::string_view value, std::string_view pattern,
                                           std::string_view replacement, bool all);

}  // namespace berth::docker

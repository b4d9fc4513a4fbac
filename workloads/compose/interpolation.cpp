#include "workloads/compose/interpolation.hpp"

#include <fmt/format.h>

#include "sim/engine/error.hpp"
#include "workloads/compose/tree.hpp"
#include "workloads/yaml.hpp"

namespace berth::compose {
namespace {

constexpr int kMaxNesting = 50;

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool in_name(char c) {
  return begins_name(c) || (c >= '0' && c <= '9');
}

class Interpolation {
 public:
  Interpolation(const Lookup& lookup, const Unset& unset, std::string_view whole, std::string_view what)
      : lookup_(lookup), unset_(unset), whole_(whole), what_(what) {}

  std::string expand(std::string_view text, int depth) {
    if (depth > kMaxNesting) fail("nests variables too deep", "at most 50 levels");
    std::string out;
    while (true) {
      const std::size_t dollar = text.find('$');
      append(out, text.substr(0, dollar));
      if (dollar == std::string_view::npos) return out;
      text.remove_prefix(dollar + 1);
      if (text.starts_with('$')) {
        append(out, "$");
        text.remove_prefix(1);
      } else if (text.starts_with('{')) {
        const std::size_t close = closing_brace(text);
        append(out, braced(text.substr(1, close - 1), depth));
        text.remove_prefix(close + 1);
      } else if (!text.empty() && begins_name(text[0])) {
        const std::size_t length = name_length(text);
        append(out, plain(std::string(text.substr(0, length))));
        text.remove_prefix(length);
      } else {
        fail("has a \"$\" that begins no variable", "$NAME, ${NAME}, or $$ for a dollar sign");
      }
    }
  }

 private:
  [[noreturn]] void fail(std::string_view wrong, std::string_view expected) const {
    throw InputError(fmt::format("{} is \"{}\" and {}; expected {}", what_, shown(whole_), wrong, expected));
  }
  void append(std::string& out, std::string_view more) const {
    if (out.size() + more.size() > kMaxYamlScalarBytes) {
      fail("grows too long", fmt::format("at most {} bytes with variables put in", kMaxYamlScalarBytes));
    }
    out += more;
  }
  static std::size_t name_length(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && in_name(text[length])) ++length;
    return length;
  }
  // Where the brace at the front is closed; ones that open another variable inside are skipped.
  std::size_t closing_brace(std::string_view text) const {
    int open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '{' && (i == 0 || text[i - 1] == '$')) ++open;
      if (text[i] == '}' && --open == 0) return i;
    }
    fail("has a \"${\" without its \"}\"", "${NAME}");
  }
  std::string plain(const std::string& name) const {
    if (std::optional<std::string> value = lookup_(name)) return std::move(*value);
    unset_(name);
    return {};
  }
  // NAME, NAME:-default, NAME-default, NAME:?error, NAME?error, NAME:+replacement, NAME+replacement.
  std::string braced(std::string_view inside, int depth) {
    if (inside.empty() || !begins_name(inside[0])) {
      fail("has a variable without a name", "${NAME}, or $$ for a dollar sign");
    }
    const std::size_t length = name_length(inside);
    const std::string name(inside.substr(0, length));
    std::string_view rest = inside.substr(length);
    if (rest.empty()) return plain(name);
    const bool or_empty = rest.starts_with(':');
    if (or_empty) rest.remove_prefix(1);
    const char form = rest.empty() ? '\0' : rest[0];
    if (form != '-' && form != '?' && form != '+') {
      fail(fmt::format("has something behind \"{}\" that is no form of a variable", shown(name)),
           "${NAME:-default}, ${NAME:?error} or ${NAME:+replacement}");
    }
    rest.remove_prefix(1);
    const std::optional<std::string> value = lookup_(name);
    const bool there = value && !(or_empty && value->empty());
    if (form == '+') return there ? expand(rest, depth + 1) : std::string();
    if (there) return *value;
    if (form == '-') return expand(rest, depth + 1);
    const std::string message = expand(rest, depth + 1);
    throw InputError(fmt::format("{} needs the variable {}: {}; expected it in the environment or an env file", what_,
                                 name, message.empty() ? "it is not set" : shown(message)));
  }

  const Lookup& lookup_;
  const Unset& unset_;
  std::string_view whole_;
  std::string_view what_;
};

}  // namespace

std::string interpolate(std::string_view text, const Lookup& lookup, const Unset& unset, std::string_view what) {
  return Interpolation(lookup, unset, text, what).expand(text, 0);
}

}  // namespace berth::compose

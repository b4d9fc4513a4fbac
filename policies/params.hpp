// A policy's parameters: what the user wrote, read by name in the policy's constructor. Reading declares: name,
// default, range and help are collected as they are asked for, which is how `berth policies` knows them.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

// Pieces of `text`, trimmed, between the separators that stand outside parentheses; at least one.
std::vector<std::string_view> split_outside_parentheses(std::string_view text, char separator);

// `name(key=value, key=value)`, or just `name`. Keys in order of name, so equal settings spell alike.
struct PolicySpec {
  std::string name;
  std::map<std::string, std::string> params;

  // Throws InputError on anything else, naming `what`.
  static PolicySpec parse(std::string_view text, std::string_view what);
  std::string to_string() const;
  friend bool operator==(const PolicySpec&, const PolicySpec&) = default;
};

class Params {
 public:
  struct Number {
    double fallback = 0;
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    const char* help = "";
  };
  struct Integer {
    std::int64_t fallback = 0;
    std::int64_t min = std::numeric_limits<std::int64_t>::min();
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
    const char* help = "";
  };
  struct Choice {
    const char* fallback = "";
    std::vector<std::string> values;
    const char* help = "";
  };
  struct Declared {
    std::string name;
    std::string fallback;
    std::string range;  // "0..1", "a|b", "" = any
    std::string help;
  };

  Params() = default;
  explicit Params(const PolicySpec& spec) : policy_(spec.name), values_(spec.params) {}

  // Throw InputError if the value is malformed or out of range.
  double number(const char* name, const Number& about) const;
  std::int64_t integer(const char* name, const Integer& about) const;
  std::string choice(const char* name, const Choice& about) const;
  std::string text(const char* name, const char* fallback, const char* help) const;

  const std::vector<Declared>& declared() const { return declared_; }
  // Throws InputError if the user set a parameter that nobody asked for.
  void refuse_unknown() const;

 private:
  const std::string* find(const char* name) const;
  [[noreturn]] void refuse(const char* name, const std::string& value, const std::string& expected) const;
  std::string policy_;
  std::map<std::string, std::string> values_;
  mutable std::vector<Declared> declared_;
};

}  // namespace berth

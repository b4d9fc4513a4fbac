// Readers of a merged tree: values of the right type, members by name. All throw InputError,
// `file:line:column: path is …; expected …`. A member nobody asked for is an error, as docker compose has it, but for
// extensions (x-…).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/engine/time.hpp"
#include "workloads/compose/compose_file.hpp"
#include "workloads/compose/notes.hpp"
#include "workloads/compose/tree.hpp"

namespace berth::compose {

// What is counted while a project is read.
struct Reading {
  Notes notes;
  std::size_t modelled = 0;
  std::size_t noted = 0;
};

class Value {
 public:
  // `name`: the path with names; `shape`: with * for names of the user's choosing, for notes.
  Value(const Node& node, std::string name, std::string shape, Reading& reading)
      : node_(&node), name_(std::move(name)), shape_(std::move(shape)), reading_(&reading) {}

  const Node& node() const { return *node_; }
  const std::string& name() const { return name_; }
  const std::string& shape() const { return shape_; }
  Reading& reading() const { return *reading_; }
  std::string where() const;  // "file:line:column: path".
  [[noreturn]] void fail(std::string_view what) const;

  const std::string& scalar() const;  // Any single value, as it is written; not empty.
  const std::string& text() const;    // A string: 5 and true without quotes are none.
  std::string text_or_empty() const;  // The same, but "" is one.
  bool boolean() const;
  std::int64_t integer(std::int64_t min, std::int64_t max) const;
  double number(double min, double max) const;
  Duration duration() const;
  std::int64_t bytes() const;
  std::size_t choice(std::initializer_list<const char*> names) const;

  std::vector<Value> list() const;                             // null is empty.
  std::vector<Value> one_or_more() const;                      // A single value, or a list.
  std::vector<std::pair<std::string, Value>> entries() const;  // A map of names; null is empty.
  std::vector<std::string> texts() const;                      // A list of strings.
  std::optional<std::vector<std::string>> command() const;     // Words; nullopt for null.
  Value member(const Node& node, const std::string& key, bool name) const;

 private:
  const Node* node_;
  std::string name_;
  std::string shape_;
  Reading* reading_;
};

// A map whose members are all known.
class Fields {
 public:
  explicit Fields(const Value& value);  // InputError if it is no map.
  // The member, if it is there and not null. Modelled.
  std::optional<Value> take(const char* key);
  // Members that play no part in a simulation: noted if they are there.
  void note(std::initializer_list<const char*> keys);
  // InputError for the first member that is none of those asked for.
  void finish() const;
  const Value& value() const { return value_; }

 private:
  Value value_;
  std::vector<std::string> known_;
};

}  // namespace berth::compose

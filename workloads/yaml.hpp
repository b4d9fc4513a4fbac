// YAML as configuration: a small tree with the place of everything, and readers that answer bad input with one line
// `file:line:column: path is …; expected …`. yaml-cpp scans and parses; the tree is ours, because its own has no
// limits, keeps the last of two equal keys and lets an alias be read in exponentially many ways.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/engine/distribution.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

inline constexpr std::size_t kMaxYamlBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxYamlScalarBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxYamlNodes =
    1'000'000;  // With aliases written out; 64 bytes of text count as one more.
inline constexpr std::size_t kMaxYamlDepth = 100;

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;          // A scalar that is text whatever it looks like.
  std::uint32_t line = 0;       // From 1.
  std::uint32_t column = 0;     // From 1.
  std::uint32_t height = 0;     // Levels below this node.
  std::uint32_t size = 1;       // Nodes in this subtree, as kMaxYamlNodes counts.
  std::string text;             // Of a scalar.
  std::vector<YamlNode> items;  // Of a list; of a map: key, value, key, value …
};

class YamlMap;

// A node of a document and the path to it. Cheap to copy; keeps the document alive. All readers throw InputError if the
// node is not what they read.
class YamlValue {
 public:
  YamlValue(std::shared_ptr<const YamlNode> root, std::shared_ptr<const std::string> file);

  // "file:line:column: path", ready for " is …; expected …".
  std::string where() const;
  // Throws InputError(where() + " " + what), what = `is …; expected …`.
  [[noreturn]] void fail(std::string_view what) const;

  YamlNode::Kind kind() const { return node_->kind; }
  bool is_map() const { return kind() == YamlNode::Kind::kMap; }
  bool is_scalar() const { return kind() == YamlNode::Kind::kScalar; }

  const std::string& text() const;              // A scalar, not empty.
  double number(double min, double max) const;  // Finite; decimal or scientific.
  std::int64_t integer(std::int64_t min, std::int64_t max) const;
  bool boolean() const;                  // true or false.
  Duration duration() const;             // "90s", not negative.
  Duration duration_or_forever() const;  // Or the word forever.
  std::int64_t cpu_milli() const;        // Kubernetes quantities.
  std::int64_t bytes() const;
  std::int64_t count() const;
  Distribution distribution() const;
  std::size_t choice(std::initializer_list<const char*> names) const;  // Which of the names.

  std::vector<YamlValue> list() const;
  // A map with these keys at most: any other is an error, with the nearest of them.
  YamlMap map(std::initializer_list<const char*> known) const;
  // A map with keys of the user's choosing, in their order.
  std::vector<std::pair<std::string, YamlValue>> entries() const;

 private:
  friend class YamlMap;
  YamlValue(const YamlValue& parent, const YamlNode& node, std::string path);

  std::shared_ptr<const YamlNode> root_;
  std::shared_ptr<const std::string> file_;
  const YamlNode* node_;
  std::string path_;
};

// A map whose keys are all known. A key with no value (`horizon:`) counts as absent.
class YamlMap {
 public:
  bool has(std::string_view key) const { return find(key).has_value(); }
  std::optional<YamlValue> find(std::string_view key) const;  // O(keys).
  YamlValue at(std::string_view key) const;                   // Absent: InputError.
  const YamlValue& value() const { return value_; }           // The map itself, for its place.

 private:
  friend class YamlValue;
  explicit YamlMap(YamlValue value) : value_(std::move(value)) {}
  YamlValue value_;
};

// Runs `body`; an InputError of a part that knows no place in the file gets that of `value`.
template <class Body>
auto at_place(const YamlValue& value, Body body) {
  try {
    return body();
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    throw InputError((message.starts_with(value.where()) ? "" : value.where() + ": ") + std::string(message));
  }
}

// The one document in `text`; `file` is what errors call it. Throws InputError for text that is no YAML, for more than
// one document or none, a key that comes twice in its map or is no scalar, tags that are not YAML's own, and for what
// passes the limits above. Aliases are copies. O(text + nodes).
YamlValue parse_yaml(std::string_view text, const std::string& file);

// A file's bytes. Throws InputError with the system's words, or if it is longer than `limit` bytes.
std::string read_text_file(const std::filesystem::path& path, std::size_t limit = kMaxYamlBytes);

}  // namespace berth

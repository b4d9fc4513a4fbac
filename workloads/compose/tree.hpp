// A Compose file as a tree that can be merged with others: every value knows the file and place it came from, so that
// an error in a project made of five files still names the right line. Text is read by workloads/manifest/documents
// (limits against what grows, places, aliases and merge keys written out).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::compose {

// A file that was read, and the folder that its relative paths mean.
struct Source {
  std::string name;  // As errors call it.
  std::filesystem::path folder;
};

struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  enum class Tag : std::uint8_t { kNone, kReset, kOverride };  // !reset and !override.

  Kind kind = Kind::kNull;
  Tag tag = Tag::kNone;
  bool quoted = false;  // A scalar that is text whatever it looks like.
  std::uint32_t line = 0, column = 0;
  std::uint32_t key_line = 0, key_column = 0;  // Of the key, where this is the value of one.
  std::shared_ptr<const Source> source;
  std::string text;               // Of a scalar.
  std::vector<std::string> keys;  // Of a map: keys[i] has items[i].
  std::vector<Node> items;

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  const Node* find(std::string_view key) const;  // O(keys); null if absent or no map.
  Node* find(std::string_view key);
  Place place() const { return {source->name, line, column}; }
  Place key_place() const { return {source->name, key_line, key_column}; }
  // A node of another kind at the same place.
  Node sibling(Kind other) const;
  Node& put(std::string key, Node value);  // Appends; the key must not be there.
  bool erase(std::string_view key);
};

// Same content, wherever it stands.
bool same_content(const Node& a, const Node& b);

// Throws InputError(place + ": " + path + " " + what).
[[noreturn]] void fail_at(const Place& place, std::string_view path, std::string_view what);
// A value as it stands in a message: one line, of bounded length.
std::string shown(std::string_view text);
// All documents of a file's text in order, empty ones left out. Throws InputError for what is no YAML, for tags other
// than !reset and !override, and beyond the limits of manifest/documents.hpp. O(text + nodes).
std::vector<Node> parse_tree(std::string_view text, const std::shared_ptr<const Source>& source);

}  // namespace berth::compose

#include "workloads/compose/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "workloads/manifest/documents.hpp"

namespace berth::compose {
namespace {

// The reader of documents knows no tags of our own: they are blanked out of the text, and found again by the place of
// the key that they stand behind.
struct TagAt {
  Node::Tag tag = Node::Tag::kNone;
  bool used = false;
  std::size_t column = 0;
};
using Tags = std::map<std::pair<std::uint32_t, std::uint32_t>, TagAt>;  // By line and column of the key.

// Blanks each !reset and !override that stands behind a key's colon, and remembers where that key begins.
void blank_tags(std::string& text, Tags& tags) {
  std::uint32_t line_number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    for (std::size_t at = text.find('!', begin); at < end; at = text.find('!', at + 1)) {
      const std::string_view rest = std::string_view(text).substr(at, end - at);
      const std::string_view word = rest.substr(0, rest.find_first_of(" \r"));
      if (word != "!reset" && word != "!override") continue;
      std::size_t colon = at;
      while (colon > begin && text[colon - 1] == ' ') --colon;
      if (colon == at || colon == begin || text[--colon] != ':') continue;
      std::size_t key = colon;
      while (key > begin && std::string_view(" {,[").find(text[key - 1]) == std::string_view::npos) --key;
      if (key == colon) continue;
      const Node::Tag tag = word == "!reset" ? Node::Tag::kReset : Node::Tag::kOverride;
      tags[{line_number, static_cast<std::uint32_t>(key - begin + 1)}] = {tag, false, at - begin + 1};
      for (std::size_t i = at; i < at + word.size(); ++i) text[i] = ' ';
    }
    begin = end + 1;
  }
}

Node convert(const YamlNode& yaml, const std::shared_ptr<const Source>& source, Tags& tags) {
  Node node;
  node.line = yaml.line;
  node.column = yaml.column;
  node.source = source;
  switch (yaml.kind) {
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      node.quoted = yaml.quoted;
      node.text = yaml.text;
      // An empty or null-like plain scalar is no value.
      node.kind = !yaml.quoted && (yaml.text.empty() || yaml.text == "null" || yaml.text == "~" || yaml.text == "Null")
                      ? Node::Kind::kNull
                      : Node::Kind::kScalar;
      break;
    case YamlNode::Kind::kList:
      node.kind = Node::Kind::kList;
      node.items.reserve(yaml.items.size());
      for (const YamlNode& item : yaml.items) node.items.push_back(convert(item, source, tags));
      break;
    case YamlNode::Kind::kMap:
      node.kind = Node::Kind::kMap;
      node.items.reserve(yaml.items.size() / 2);
      for (std::size_t i = 0; i + 1 < yaml.items.size(); i += 2) {
        const YamlNode& key = yaml.items[i];
        Node value = convert(yaml.items[i + 1], source, tags);
        value.key_line = key.line;
        value.key_column = key.column;
        if (value.is_null() && value.line == 0) {
          value.line = key.line;
          value.column = key.column;
        }
        if (const auto tag = tags.find({key.line, key.column}); tag != tags.end()) {
          value.tag = tag->second.tag;
          tag->second.used = true;
        }
        node.keys.push_back(key.text);
        node.items.push_back(std::move(value));
      }
      break;
  }
  return node;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto at = std::find(keys.begin(), keys.end(), key);
  return at == keys.end() ? nullptr : &items[static_cast<std::size_t>(at - keys.begin())];
}
Node* Node::find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

Node Node::sibling(Kind other) const {
  Node node;
  node.kind = other;
  node.line = line;
  node.column = column;
  node.key_line = key_line;
  node.key_column = key_column;
  node.source = source;
  return node;
}

Node& Node::put(std::string key, Node value) {
  keys.push_back(std::move(key));
  items.push_back(std::move(value));
  return items.back();
}

bool Node::erase(std::string_view key) {
  const auto at = std::find(keys.begin(), keys.end(), key);
  if (at == keys.end()) return false;
  items.erase(items.begin() + (at - keys.begin()));
  keys.erase(at);
  return true;
}

bool same_content(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    const Node* other = a.is_map() ? b.find(a.keys[i]) : &b.items[i];
    if (other == nullptr || !same_content(a.items[i], *other)) return false;
  }
  return true;
}

void fail_at(const Place& place, std::string_view path, std::string_view what) {
  throw InputError(fmt::format("{}: {}{}{}", to_string(place), path, path.empty() ? "" : " ", what));
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out;
  for (const char c : text.substr(0, kShown)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  if (text.size() <= kShown) return out;
  std::size_t cut = out.size();
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;  // Not inside a code point.
  out.resize(cut);
  out += "…";
  return out;
}

std::vector<Node> parse_tree(std::string_view text, const std::shared_ptr<const Source>& source) {
  std::string blanked(text);
  Tags tags;
  if (text.find("!reset") != std::string_view::npos || text.find("!override") != std::string_view::npos) {
    blank_tags(blanked, tags);
  }
  std::vector<Node> documents;
  for (const manifest::Document& document : manifest::parse_documents(blanked, source->name)) {
    documents.push_back(convert(*document.root, source, tags));
  }
  for (const auto& [key, tag] : tags) {
    if (!tag.used) {
      fail_at({source->name, key.first, tag.column}, "", "a tag that stands behind no key; expected \"key: !reset\"");
    }
  }
  return documents;
}

}  // namespace berth::compose

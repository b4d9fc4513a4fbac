// Text to documents: all documents of a YAML stream, or one JSON value, as trees with the place of everything. YAML as
// kubectl takes it: several documents, anchors, aliases and merge keys (written out here), a byte order mark, CRLF.
// Nothing is lenient where kubectl is not: a key that comes twice, tabs as indentation, control characters and text
// that is no UTF-8 are errors. And nothing small grows large: depth, scalars and nodes are limited, aliases written
// out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/yaml.hpp"

namespace berth::manifest {

inline constexpr std::size_t kMaxNodes = 4'000'000;     // In one file.
inline constexpr std::size_t kMaxAliasNodes = 200'000;  // Of these, by aliases and merge keys.
inline constexpr std::size_t kMaxDocuments = 100'000;

struct Document {
  std::shared_ptr<const YamlNode> root;  // Never null.
  std::shared_ptr<const std::string> file;
};

// All documents in order, without empty ones. Errors call the text `file`. Throws InputError.
// O(text + nodes).
std::vector<Document> parse_documents(std::string_view text, const std::string& file);

}  // namespace berth::manifest

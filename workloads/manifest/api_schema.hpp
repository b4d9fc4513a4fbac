// Which fields the API objects have, of what type, and which of them Berth makes use of: a table in a small language,
// so that checking, listing and did-you-mean are one walk over it (check.hpp) and a new field is one word.
// Source: the v1 types of Kubernetes v1.37 (core, apps, batch, policy, autoscaling/v2, storage.k8s.io, …).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth::manifest {

struct ApiType;

// What a field holds.
struct ApiValue {
  enum class Kind : std::uint8_t {
    kString,
    kInt,  // In min .. max.
    kBool,
    kQuantity,
    kIntOrString,
    kTime,        // RFC 3339.
    kStrings,     // Map of strings.
    kQuantities,  // Map of quantities, by resource.
    kWord,        // One of `words`; the empty word stands for "not set".
    kObject,      // Of `type`.
    kList,        // Of `item`.
    kMap,         // Of `item`, by keys of the user's.
    kAny,         // Not looked into.
  };
  Kind kind = Kind::kAny;
  std::int64_t min = 0, max = 0;
  std::vector<std::string> words;
  const ApiType* type = nullptr;
  std::shared_ptr<const ApiValue> item;
};

struct ApiField {
  enum class Use : std::uint8_t {
    kModelled,
    kNotModelled,  // Listed when it is met.
    kBookkeeping,  // Written by the API server, of no concern to a simulation: not listed.
  };
  std::string name;
  Use use = Use::kModelled;
  bool required = false;
  ApiValue value;
};

struct ApiType {
  std::string name;
  std::vector<ApiField> fields;
  const ApiField* find(std::string_view field) const;
};

// What Berth makes of a kind.
struct ApiKind {
  enum class Use : std::uint8_t { kModelled, kNotModelled };
  std::string api_version;
  std::string kind;
  Use use = Use::kModelled;
  bool namespaced = true;
  const ApiType* type = nullptr;  // Null: not looked into.
};

class ApiSchema {
 public:
  // The one table, made at the first call.
  static const ApiSchema& get();

  const ApiKind* find(std::string_view api_version, std::string_view kind) const;
  // Why an API version or kind is refused ("was removed in Kubernetes 1.16; expected apps/v1"), or empty.
  std::string refusal(std::string_view api_version, std::string_view kind) const;
  // Kubernetes' own group, whose kinds are all known.
  bool builtin_group(std::string_view api_version) const;
  // The version that has this kind, empty if none.
  std::string home_of(std::string_view kind) const;
  // A kind of Kubernetes', past or present, that no run would be another one without.
  bool plays_no_part(std::string_view kind) const;
  // All kinds, for did-you-mean.
  std::vector<std::string> kinds() const;

 private:
  ApiSchema();
  ApiValue parse_value(std::string_view text) const;

  std::map<std::string, ApiType, std::less<>> types_;
  std::vector<ApiKind> kinds_;
};

}  // namespace berth::manifest

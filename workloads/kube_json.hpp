// Kubernetes objects from JSON (a scenario's members, `kubectl get -o json`) or YAML (`-o yaml`), with the steps that
// the API server does before a scheduler sees them: defaults, host ports, matchLabelKeys. Priority is not resolved
// here: that needs all priority classes (kube::resolve_priority). A field nobody reads is not dropped in silence: it is
// counted by its path, for whoever shows the input to the user.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/kube_objects.hpp"
#include "workloads/yaml.hpp"

namespace berth::kube {

// Paths without indexes ("pods[].spec.dnsPolicy") and how often each was met. Fields that every object has and that no
// scheduler could care about (managedFields, resourceVersion, …) are known and not listed.
using UnknownFields = std::map<std::string, std::uint64_t>;

// Where a JSON value stands, for errors: `file:line: path is …; expected …`. With `yaml`, the tree that the JSON was
// made from, errors name line and column of the value itself, and scalars may be text where JSON would have a number.
struct JsonSource {
  std::string file;
  std::size_t line = 0;              // 0: not known (a document over many lines).
  UnknownFields* unknown = nullptr;  // Null: not collected.
  const YamlValue* yaml = nullptr;
};

class Reader;  // A JSON value and the path to it.

// One object each. Throw InputError for a value of the wrong type, a bad quantity, an unknown operator, effect or
// policy.
void decode(const Reader& value, Pod& out);
void decode_pod_template(const Reader& value, Pod& out);  // The same, but a name may be missing.
void decode(const Reader& value, Toleration& out);
void decode(const Reader& value, Node& out);
void decode(const Reader& value, Namespace& out);
void decode(const Reader& value, PriorityClass& out);
void decode(const Reader& value, PodDisruptionBudget& out);
void decode(const Reader& value, Service& out);
void decode(const Reader& value, PersistentVolume& out);
void decode(const Reader& value, PersistentVolumeClaim& out);
void decode(const Reader& value, StorageClass& out);
void decode(const Reader& value, CsiNode& out);
void decode(const Reader& value, CsiDriver& out);
void decode(const Reader& value, CsiStorageCapacity& out);
void decode_workload(const Reader& value, Workload::Kind kind, Workload& out);
// The scheduler's own arguments use these too.
void decode(const Reader& value, NodeSelectorTerm& out);
void decode(const Reader& value, PreferredSchedulingTerm& out);
void decode(const Reader& value, TopologySpreadConstraint& out);

// A value, its source and the way to it. Refers to its parent: keep parents alive. All readers throw InputError.
class Reader {
 public:
  Reader(const JsonSource& source, const nlohmann::json& value) : source_(&source), value_(&value) {}
  Reader(const Reader& parent, std::string_view key, const nlohmann::json& value)
      : source_(parent.source_), value_(&value), parent_(&parent), key_(key) {}
  Reader(const Reader& parent, std::size_t index, const nlohmann::json& value)
      : source_(parent.source_), value_(&value), parent_(&parent), index_(index) {}

  const nlohmann::json& json() const { return *value_; }
  bool is_list() const;
  bool is_object() const;
  std::string where() const;  // "file:line: path".
  [[noreturn]] void fail(const std::string& what) const;

  std::string text() const;  // A string; may be empty.
  std::int64_t integer(std::int64_t min, std::int64_t max) const;
  bool boolean() const;
  StringMap string_map() const;
  std::vector<std::string> texts() const;
  Quantity quantity(std::string_view resource) const;  // A string or, as YAML users write, a bare number.
  ResourceList resources() const;
  std::int64_t unix_seconds() const;  // RFC 3339, "2026-01-01T00:00:00Z".
  // Calls f(item) for each of a list's items; null is an empty list.
  template <class F>
  void each(F&& f) const {
    const std::size_t n = list_size();
    for (std::size_t i = 0; i < n; ++i) f(Reader(*this, i, item(i)));
  }

 private:
  friend class Fields;
  std::size_t list_size() const;
  const nlohmann::json& item(std::size_t i) const;
  std::string path(bool with_indexes) const;

  const JsonSource* source_;
  const nlohmann::json* value_;
  const Reader* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
};

// An object's members by name. What has not been asked for when it goes is counted as unknown.
class Fields {
 public:
  // Throws InputError if the value is no object.
  explicit Fields(const Reader& value);
  ~Fields();
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  // Calls f(member) if it is there and not null; says whether.
  template <class F>
  bool get(const char* key, F&& f) {
    const nlohmann::json* member = take(key);
    if (member == nullptr) return false;
    f(Reader(value_, key, *member));
    return true;
  }
  bool text(const char* key, std::string& out);
  bool boolean(const char* key, bool& out);
  bool integer(const char* key, std::int32_t& out, std::int64_t min, std::int64_t max);
  bool map(const char* key, StringMap& out);
  template <class T>
  bool list(const char* key, std::vector<T>& out) {
    return get(key, [&out](const Reader& items) {
      items.each([&out](const Reader& item) { decode(item, out.emplace_back()); });
    });
  }
  // Known, and of no concern to scheduling.
  void ignore(std::initializer_list<const char*> keys);
  // All that is left is of no concern.
  void ignore_rest() { rest_ignored_ = true; }
  // Throws InputError for the first member nobody asked for (with did-you-mean): for the user's own configuration.
  void refuse_rest();

 private:
  const nlohmann::json* take(const char* key);
  const Reader& value_;
  std::vector<std::string_view> known_;
  bool rest_ignored_ = false;
};

// A whole dump: `kind: List`, `NodeList` …, or one object. Kinds that a scheduler does not look at are counted in
// `unknown` as "kind: Deployment". Appends.
void decode_dump(const nlohmann::json& document, const JsonSource& source, Objects& objects, std::vector<Pod>& pods);

// Parses JSON text. Throws InputError, `file:line:column: …`; lines count from `first_line`.
nlohmann::json parse_json(std::string_view text, const std::string& file, std::size_t first_line = 1);
// The same tree as JSON, every scalar as a string: JsonSource::yaml makes the readers accept that.
nlohmann::json to_json(const YamlValue& value);

}  // namespace berth::kube

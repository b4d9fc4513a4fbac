// An object against the table of API types: values of the wrong type are errors, what is not modelled or not known is
// noted, and what is left comes out as JSON of the right types, ready for defaults and decoders.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine/error.hpp"
#include "workloads/manifest/api_schema.hpp"
#include "workloads/yaml.hpp"

namespace berth::manifest {

// What was met and plays no part in a simulation: once for each path or kind, with where it was first.
class Notes {
 public:
  enum class Kind : std::uint8_t {
    kFieldNotModelled,  // Known to Kubernetes; Berth has no use for it.
    kFieldUnknown,      // Not known to Kubernetes either: kubectl refuses it.
    kKindNotModelled,
    kReplaced,  // An object that comes again: the later one counts.
    kRefused,   // What admission would refuse when the pods are made.
  };
  struct Note {
    Kind kind = Kind::kFieldNotModelled;
    std::string what;
    std::string hint;  // did_you_mean(), or why.
    Place first;
    std::size_t times = 0;
    std::size_t files = 0;
  };

  void add(Kind kind, const std::string& what, const Place& place, const std::string& hint = {});
  std::vector<Note> list() const;  // By kind, then by what. O(notes).

 private:
  struct Count {
    Note note;
    std::string last_file;  // Files come one after another.
  };
  std::map<std::pair<Kind, std::string>, Count> notes_;
};

// `not modelled: spec.template.spec.containers[].securityContext (12 files, first shop.yaml:14:7)`.
std::string to_string(const Notes::Note& note);

// What a plain scalar means in YAML 1.1, as kubectl's parser has it: yes and on are booleans, 0x10 a number, ""
// nothing.
enum class ScalarType : std::uint8_t { kNull, kBool, kInt, kFloat, kString };
struct Scalar {
  ScalarType type = ScalarType::kString;
  bool boolean = false;
  std::int64_t integer = 0;
};
Scalar resolve_scalar(const YamlNode& node);

// The object's JSON: the modelled fields alone, strings as strings, numbers as numbers, quantities as strings. Unknown
// and unmodelled fields go to `notes`. Throws InputError, `file:line:column: path is …; expected …`, for the first
// value of a wrong type, number out of range, word that is none of the choices, bad quantity, or missing required
// field. O(nodes).
nlohmann::json check_object(const YamlNode& object, const std::string& file, const ApiType& type, Notes& notes);

}  // namespace berth::manifest

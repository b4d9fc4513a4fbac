#include "workloads/manifest/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/cluster/kube_objects.hpp"
#include "sim/cluster/quantity.hpp"

namespace berth::manifest {
namespace {

using Json = nlohmann::json;
using Node = YamlNode;

constexpr std::size_t kShown = 60;

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShown)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return text.size() > kShown ? out + "…" : out;
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Whole numbers of YAML 1.1: decimal, 0x, 0o, 0b, 0 for octal, with underscores between digits.
bool parse_yaml_int(std::string_view text, std::int64_t& out) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    base = text[1] == 'x' || text[1] == 'X' ? 16 : text[1] == 'b' || text[1] == 'B' ? 2 : 8;
    text.remove_prefix(base != 8 || text[1] == 'o' || text[1] == 'O' ? 2 : 1);
  }
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return false;
  if (magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  out = negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
  return true;
}

bool is_yaml_float(std::string_view text) {
  if (one_of(text,
             {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN"})) {
    return true;
  }
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.' || text[0] == '-')) return false;
  std::string digits(text);
  std::erase(digits, '_');
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error != std::errc::invalid_argument && end == digits.data() + digits.size();
}

const char* kind_word(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "empty";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
    case Node::Kind::kScalar:
      break;
  }
  return "a single value";
}

class Checker {
 public:
  Checker(const std::string& file, Notes& notes) : file_(file), notes_(notes) {}

  Json object(const Node& node, const ApiType& type) {
    if (node.kind != Node::Kind::kMap) wrong(node, fmt::format("expected a map ({})", first_fields(type)));
    Json out = Json::object();
    for (std::size_t i = 0; i < node.items.size(); i += 2) {
      const Node& key = node.items[i];
      const Node& value = node.items[i + 1];
      const ApiField* field = type.find(key.text);
      way_.push_back({key.text, 0, false});
      if (field == nullptr) {
        std::vector<std::string> names;
        for (const ApiField& f : type.fields) names.push_back(f.name);
        notes_.add(Notes::Kind::kFieldUnknown, noted_path(type), place(key), did_you_mean(key.text, names));
      } else if (!is_null(value)) {
        if (field->use == ApiField::Use::kNotModelled) {
          notes_.add(Notes::Kind::kFieldNotModelled, noted_path(type), place(key));
        }
        // Types are looked at in any case; what is not modelled goes no further.
        if (field->use == ApiField::Use::kModelled || field->value.kind != ApiValue::Kind::kAny) {
          Json checked = this->value(value, field->value);
          if (field->use == ApiField::Use::kModelled) out[key.text] = std::move(checked);
        }
      }
      way_.pop_back();
    }
    for (const ApiField& field : type.fields) {
      if (!field.required || has_value(node, field.name)) continue;
      std::vector<std::string> near;  // A slip of the pen: which of the keys that are there might be meant.
      for (std::size_t i = 0; i < node.items.size(); i += 2) {
        if (type.find(node.items[i].text) == nullptr) near.push_back(node.items[i].text);
      }
      const std::string hint = did_you_mean(field.name, near);
      const std::string slip =
          hint.empty()
              ? std::string()
              : "; is " + hint.substr(hint.find('"'), hint.rfind('"') - hint.find('"') + 1) + " meant to be it?";
      fail(node, fmt::format("lacks \"{}\"; expected a value for it{}", field.name, slip));
    }
    return out;
  }

 private:
  struct Step {
    std::string_view key;
    std::size_t index = 0;
    bool in_list = false;
  };

  Place place(const Node& node) const { return {file_, node.line, node.column}; }
  std::string path(bool with_indexes) const {
    std::string text;
    for (const Step& step : way_) {
      if (step.in_list) {
        text += with_indexes ? fmt::format("[{}]", step.index) : "[]";
      } else {
        if (!text.empty()) text += '.';
        text += shown(step.key);
      }
    }
    return text.empty() ? "the object" : text;
  }
  // One note for all kinds that have the path; a bare name would not tell of what it is.
  std::string noted_path(const ApiType& type) const {
    return way_.size() > 1 ? path(false) : fmt::format("{} of {}", path(false), type.name);
  }
  [[noreturn]] void fail(const Node& node, std::string_view what) const {
    throw InputError(fmt::format("{}: {} {}", to_string(place(node)), path(true), what));
  }
  [[noreturn]] void wrong(const Node& node, std::string_view expected) const {
    if (node.kind != Node::Kind::kScalar) fail(node, fmt::format("is {}; {}", kind_word(node), expected));
    const bool number = resolve_scalar(node).type != ScalarType::kString;
    fail(node, fmt::format("is {0}{1}{0}; {2}", number && !node.quoted ? "" : "\"", shown(node.text), expected));
  }
  static bool is_null(const Node& node) {
    return node.kind == Node::Kind::kNull ||
           (node.kind == Node::Kind::kScalar && resolve_scalar(node).type == ScalarType::kNull);
  }
  static bool has_value(const Node& map, std::string_view key) {
    for (std::size_t i = 0; i < map.items.size(); i += 2) {
      if (map.items[i].text == key) return !is_null(map.items[i + 1]);
    }
    return false;
  }
  static std::string first_fields(const ApiType& type) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, type.fields.size()); ++i) {
      text += (i == 0 ? "" : ", ") + type.fields[i].name;
    }
    return text + (type.fields.size() > 3 ? ", …" : "");
  }

  // A scalar that is text: what looks like a number or a boolean is none, as in the API server.
  const std::string& string(const Node& node, const char* expected = "expected a string") const {
    if (node.kind != Node::Kind::kScalar) wrong(node, expected);
    const ScalarType type = resolve_scalar(node).type;
    if (type != ScalarType::kString) {
      fail(node, fmt::format("is {}, {}; {} (\"{}\" in quotes)", shown(node.text),
                             type == ScalarType::kBool ? "a boolean" : "a number", expected, shown(node.text)));
    }
    return node.text;
  }

  std::string where(const Node& node) const { return fmt::format("{}: {}", to_string(place(node)), path(true)); }

  // The text of a quantity, which may stand there as a bare number.
  std::string quantity(const Node& node, std::string_view resource) const {
    if (node.kind != Node::Kind::kScalar) wrong(node, "expected a quantity (\"500m\", \"2Gi\")");
    const Scalar scalar = resolve_scalar(node);
    if (scalar.type == ScalarType::kBool) wrong(node, "expected a quantity (\"500m\", \"2Gi\")");
    const std::string text = scalar.type == ScalarType::kInt ? std::to_string(scalar.integer) : node.text;
    if (resource.empty()) {
      if (parse_quantity(text, where(node), 0) < 0) wrong(node, "expected a quantity that is not negative");
    } else {
      (void)kube::parse_resource_quantity(text, resource, where(node));
    }
    return text;
  }

  Json value(const Node& node, const ApiValue& type) {
    using Kind = ApiValue::Kind;
    switch (type.kind) {
      case Kind::kString:
        return string(node);
      case Kind::kInt:
        return integer(node, type);
      case Kind::kBool: {
        const Scalar scalar = node.kind == Node::Kind::kScalar ? resolve_scalar(node) : Scalar{};
        if (scalar.type != ScalarType::kBool) wrong(node, "expected true or false");
        return scalar.boolean;
      }
      case Kind::kQuantity:
        return quantity(node, "");
      case Kind::kIntOrString: {
        const Scalar scalar = node.kind == Node::Kind::kScalar ? resolve_scalar(node) : Scalar{};
        if (node.kind != Node::Kind::kScalar || scalar.type == ScalarType::kBool || scalar.type == ScalarType::kFloat) {
          wrong(node, "expected a whole number or a string");
        }
        if (scalar.type != ScalarType::kInt) return node.text;
        if (scalar.integer < std::numeric_limits<std::int32_t>::min() ||
            scalar.integer > std::numeric_limits<std::int32_t>::max()) {
          wrong(node, "expected a number that fits 32 bits");
        }
        return scalar.integer;
      }
      case Kind::kTime:
        return string(node, "expected a time like \"2026-01-01T00:00:00Z\"");
      case Kind::kStrings:
      case Kind::kQuantities:
      case Kind::kMap:
        return map(node, type);
      case Kind::kWord: {
        const std::string& text = string(node, "expected a word");
        if (text.empty()) return text;
        if (std::find(type.words.begin(), type.words.end(), text) == type.words.end()) {
          wrong(node, fmt::format("expected one of {}{}", fmt::join(type.words, ", "), did_you_mean(text, type.words)));
        }
        return text;
      }
      case Kind::kObject:
        return object(node, *type.type);
      case Kind::kList: {
        if (node.kind != Node::Kind::kList) wrong(node, "expected a list (\"- …\" or \"[…]\")");
        Json list = Json::array();
        for (std::size_t i = 0; i < node.items.size(); ++i) {
          way_.push_back({{}, i, true});
          if (is_null(node.items[i])) fail(node.items[i], "is empty; expected an item of the list");
          list.push_back(value(node.items[i], *type.item));
          way_.pop_back();
        }
        return list;
      }
      case Kind::kAny:
        return untyped(node);
    }
    return nullptr;
  }

  Json integer(const Node& node, const ApiValue& type) const {
    const Scalar scalar = node.kind == Node::Kind::kScalar ? resolve_scalar(node) : Scalar{};
    std::int64_t number = scalar.integer;
    bool good = scalar.type == ScalarType::kInt;
    if (scalar.type == ScalarType::kFloat) {  // 3.0 and 1e3 are whole.
      double real = 0;
      std::from_chars(node.text.data(), node.text.data() + node.text.size(), real);
      good = real == std::floor(real) && std::abs(real) < 9e15;
      if (good) number = static_cast<std::int64_t>(real);
    }
    if (!good || number < type.min || number > type.max) {
      const bool quoted = node.quoted && node.kind == Node::Kind::kScalar;
      const std::string range = type.max > std::numeric_limits<std::int32_t>::max()
                                    ? (type.min == 0 ? "of at least 0" : "of seconds")
                                    : fmt::format("from {} to {}", type.min, type.max);
      wrong(node, fmt::format("expected a whole number {}{}", range, quoted ? " without quotes" : ""));
    }
    return number;
  }

  Json map(const Node& node, const ApiValue& type) {
    if (node.kind != Node::Kind::kMap) wrong(node, "expected a map (\"key: value\" lines)");
    Json out = Json::object();
    for (std::size_t i = 0; i < node.items.size(); i += 2) {
      const Node& key = node.items[i];
      const Node& item = node.items[i + 1];
      way_.push_back({key.text, 0, false});
      if (type.kind == ApiValue::Kind::kQuantities) {
        if (is_null(item)) fail(item, "is empty; expected a quantity");
        out[key.text] = quantity(item, key.text);
      } else if (type.kind == ApiValue::Kind::kStrings) {
        out[key.text] = is_null(item) ? std::string() : string(item);
      } else {
        out[key.text] = value(item, *type.item);
      }
      way_.pop_back();
    }
    return out;
  }

  static Json untyped(const Node& node) {  // As deep as the documents' limit allows.
    switch (node.kind) {
      case Node::Kind::kNull:
        return nullptr;
      case Node::Kind::kScalar:
        return node.text;
      case Node::Kind::kList: {
        Json list = Json::array();
        for (const Node& item : node.items) list.push_back(untyped(item));
        return list;
      }
      case Node::Kind::kMap:
        break;
    }
    Json map = Json::object();
    for (std::size_t i = 0; i < node.items.size(); i += 2) map[node.items[i].text] = untyped(node.items[i + 1]);
    return map;
  }

  const std::string& file_;
  Notes& notes_;
  std::vector<Step> way_;
};

}  // namespace

Scalar resolve_scalar(const YamlNode& node) {
  if (node.kind == Node::Kind::kNull) return {.type = ScalarType::kNull};
  const std::string_view text = node.text;
  if (node.quoted) return {};
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return {.type = ScalarType::kNull};
  if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})) {
    return {.type = ScalarType::kBool, .boolean = true};
  }
  if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})) {
    return {.type = ScalarType::kBool};
  }
  Scalar scalar;
  if (parse_yaml_int(text, scalar.integer)) {
    scalar.type = ScalarType::kInt;
  } else if (is_yaml_float(text)) {
    scalar.type = ScalarType::kFloat;
  }
  return scalar;
}

void Notes::add(Kind kind, const std::string& what, const Place& place, const std::string& hint) {
  Count& count = notes_[{kind, what}];
  if (count.note.times++ == 0) {
    count.note.kind = kind;
    count.note.what = what;
    count.note.hint = hint;
    count.note.first = place;
  }
  if (count.note.files == 0 || count.last_file != place.file) {
    ++count.note.files;
    count.last_file = place.file;
  }
}

std::vector<Notes::Note> Notes::list() const {
  std::vector<Note> notes;
  for (const auto& [key, count] : notes_) notes.push_back(count.note);
  return notes;
}

std::string to_string(const Notes::Note& note) {
  static constexpr const char* kWords[] = {"not modelled", "not known to Kubernetes", "not modelled", "comes again",
                                           "admission refuses"};
  const std::string place = note.files > 1   ? fmt::format("{} files, first {}", note.files, to_string(note.first))
                            : note.times > 1 ? fmt::format("{} times, first {}", note.times, to_string(note.first))
                                             : to_string(note.first);
  return fmt::format("{}: {} ({}){}", kWords[static_cast<std::size_t>(note.kind)], note.what, place, note.hint);
}

nlohmann::json check_object(const YamlNode& object, const std::string& file, const ApiType& type, Notes& notes) {
  return Checker(file, notes).object(object, type);
}

}  // namespace berth::manifest

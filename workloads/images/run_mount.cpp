// RUN --mount=type=…,option=value: one CSV record of options.
// Source: BuildKit, frontend/dockerfile/instructions/commands_runmount.go.
#include <algorithm>
#include <charconv>

#include "workloads/images/dockerfile.hpp"

namespace berth::docker {
namespace {

[[noreturn]] void fail(const Place& place, const std::string& what, const std::string& expected) {
  throw InputError(to_string(place) + ": --mount " + what + "; expected " + expected);
}

std::vector<std::string> csv_fields(std::string_view record, const Place& place) {
  if (record.empty()) fail(place, "is empty", "type=…,target=…");
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string& field = fields.back();
    if (record[i] == '"' && field.empty()) {
      for (++i;; ++i) {
        if (i >= record.size()) fail(place, "has a quote that is not closed", "another \"");
        if (record[i] != '"') {
          field += record[i];
        } else if (i + 1 < record.size() && record[i + 1] == '"') {
          field += record[++i];
        } else {
          break;
        }
      }
      if (i + 1 < record.size() && record[i + 1] != ',') fail(place, "has text behind a quoted option", "a comma");
    } else if (record[i] == '"') {
      fail(place, "has a quote inside an option", "quotes around the whole option");
    } else if (record[i] == ',') {
      fields.emplace_back();
    } else {
      field += record[i];
    }
  }
  return fields;
}

std::uint32_t number(std::string_view key, std::string_view value, int base, const Place& place) {
  std::uint32_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result, base);
  if (error != std::errc() || end != value.data() + value.size()) {
    fail(place, "has " + std::string(key) + "=" + std::string(value), base == 8 ? "an octal number" : "a whole number");
  }
  return result;
}

bool boolean(std::string_view key, std::string_view value, const Place& place) {
  const std::string v = lower(value);
  if (v == "1" || v == "t" || v == "true") return true;
  if (v == "0" || v == "f" || v == "false") return false;
  fail(place, "has " + std::string(key) + "=" + std::string(value), "true or false");
}

}  // namespace

Mount parse_mount(std::string_view value, const Place& place) {
  static const std::vector<std::string> kKeys{
      "type",      "from", "source",  "src",      "target", "dst", "destination", "ro",   "readonly", "rw",
      "readwrite", "id",   "sharing", "required", "mode",   "uid", "gid",         "size", "env"};
  static const std::vector<std::string> kTypes{"bind", "cache", "tmpfs", "secret", "ssh"};  // In the order of Type.
  Mount mount;
  std::optional<bool> read_only;
  for (const std::string& field : csv_fields(value, place)) {
    const std::size_t equals = field.find('=');
    const std::string key = lower(std::string_view(field).substr(0, equals));
    const bool has_value = equals != std::string::npos;
    const std::string text = has_value ? field.substr(equals + 1) : "true";
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      fail(place, "has an unknown option \"" + field + "\"",
           "type, from, source, target, …" + did_you_mean(key, kKeys));
    }
    if (key == "readonly" || key == "ro") {
      read_only = boolean(key, text, place);
    } else if (key == "readwrite" || key == "rw") {
      read_only = !boolean(key, text, place);
    } else if (key == "required") {
      mount.required = boolean(key, text, place);
    } else if (!has_value) {
      fail(place, "has \"" + field + "\" without a value", key + "=…");
    } else if (key == "type") {
      const auto type = std::find(kTypes.begin(), kTypes.end(), lower(text));
      if (type == kTypes.end()) {
        fail(place, "has type \"" + text + "\"", "bind, cache, tmpfs, secret or ssh" + did_you_mean(text, kTypes));
      }
      mount.type = static_cast<Mount::Type>(type - kTypes.begin());
    } else if (key == "from") {
      mount.from = text;
    } else if (key == "source" || key == "src") {
      mount.source = text;
    } else if (key == "target" || key == "dst" || key == "destination") {
      mount.target = text;
    } else if (key == "id") {
      mount.id = text;
    } else if (key == "env") {
      mount.env = text;
    } else if (key == "sharing") {
      mount.sharing = lower(text);
      if (mount.sharing != "shared" && mount.sharing != "private" && mount.sharing != "locked") {
        fail(place, "has sharing \"" + text + "\"", "shared, private or locked");
      }
    } else if (key == "mode") {
      mount.mode = number(key, text, 8, place);
    } else if (key == "uid") {
      mount.uid = number(key, text, 10, place);
    } else if (key == "gid") {
      mount.gid = number(key, text, 10, place);
    } else if (key == "size") {
      mount.size_bytes = parse_bytes(text, "--mount size", place);
    }
  }
  using enum Mount::Type;
  const bool secret_like = mount.type == kSecret || mount.type == kSsh;
  const std::string type = kTypes[static_cast<std::size_t>(mount.type)];
  if (mount.required && !secret_like) fail(place, "has required with type " + type, "it with secret or ssh alone");
  if (mount.size_bytes && mount.type != kTmpfs) fail(place, "has size with type " + type, "it with tmpfs alone");
  if ((mount.mode || mount.uid || mount.gid) && !secret_like && mount.type != kCache) {
    fail(place, "has mode, uid or gid with type " + type, "them with cache, secret or ssh alone");
  }
  if (!mount.sharing.empty() && mount.type != kCache)
    fail(place, "has sharing with type " + type, "it with cache alone");
  if (mount.type == kSecret) {
    if (!mount.from.empty()) fail(place, "has from with type secret", "no from");
    if (mount.source.empty() && mount.target.empty() && mount.id.empty()) {
      fail(place, "of type secret names none", "id, source or target");
    }
    if (!mount.source.empty() && !mount.id.empty()) fail(place, "of type secret has both source and id", "one of them");
  }
  mount.read_only = read_only.value_or(mount.type != kCache && mount.type != kTmpfs);
  return mount;
}

}  // namespace berth::docker

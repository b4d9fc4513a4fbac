#include "workloads/compose/short_syntax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "workloads/compose/tree.hpp"

namespace berth::compose {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || port == 0) return std::nullopt;
  return port;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Digits and dots, or what may be an IPv6 address.
bool is_ip(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    return std::all_of(text.begin(), text.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.' || c == '%';
    });
  }
  int parts = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || part.empty() || value > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

std::optional<PortRange> parse_port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::optional<std::uint16_t> first = parse_port(text.substr(0, dash));
  const std::optional<std::uint16_t> last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

std::optional<ShortPort> parse_short_port(std::string_view text, std::string& error) {
  constexpr std::string_view kForm = "expected [[IP:]HOST:]CONTAINER[/PROTOCOL], such as \"8080:80\"";
  ShortPort port;
  std::string_view rest = text;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    port.protocol = std::string(rest.substr(slash + 1));
    for (char& c : port.protocol) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (port.protocol != "tcp" && port.protocol != "udp" && port.protocol != "sctp") {
      error = fmt::format("has the protocol \"{}\"; expected tcp, udp or sctp", shown(port.protocol));
      return std::nullopt;
    }
    rest = rest.substr(0, slash);
  }
  const std::size_t colon = rest.rfind(':');
  const std::string_view target = colon == std::string_view::npos ? rest : rest.substr(colon + 1);
  const std::optional<PortRange> container = parse_port_range(target);
  if (!container) {
    error = fmt::format("has \"{}\" as the container's port; {}", shown(target), kForm);
    return std::nullopt;
  }
  port.target = *container;
  if (colon == std::string_view::npos) return port;
  rest = rest.substr(0, colon);
  const std::size_t ip_end = rest.rfind(':');
  std::string_view published = rest;
  if (ip_end != std::string_view::npos || rest.find('.') != std::string_view::npos) {
    std::string_view ip = ip_end == std::string_view::npos ? rest : rest.substr(0, ip_end);
    published = ip_end == std::string_view::npos ? std::string_view() : rest.substr(ip_end + 1);
    if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
    if (!is_ip(ip)) {
      error = fmt::format("has \"{}\" as the host's address; {}", shown(ip), kForm);
      return std::nullopt;
    }
    port.host_ip = std::string(ip);
    if (published.empty()) return port;
  }
  const std::optional<PortRange> host = parse_port_range(published);
  if (!host) {
    error = fmt::format("has \"{}\" as the host's port; {}", shown(published), kForm);
    return std::nullopt;
  }
  if (container->size() > 1 && host->size() != container->size()) {
    error = fmt::format("maps {} ports of the host to {} of the container; expected ranges of one length", host->size(),
                        container->size());
    return std::nullopt;
  }
  port.published = host;
  return port;
}

std::optional<ShortMount> parse_short_mount(std::string_view text, std::string& error) {
  constexpr std::string_view kForm = "expected [SOURCE:]TARGET[:MODE], such as \"data:/var/lib/data\"";
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != ':') continue;
    // "C:\data" has its colon in it.
    const bool drive = i < text.size() && i == begin + 1 && is_letter(text[begin]) && i + 1 < text.size() &&
                       (text[i + 1] == '\\' || text[i + 1] == '/') &&
                       (text[i + 1] == '\\' || text.find(':', i + 1) != std::string_view::npos);
    if (drive) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  if (std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); })) {
    error = fmt::format("has an empty part; {}", kForm);
    return std::nullopt;
  }
  if (parts.size() > 3) {
    error = fmt::format("has too many colons; {}", kForm);
    return std::nullopt;
  }
  ShortMount mount;
  if (parts.size() == 1) {
    mount.target = std::string(parts[0]);
  } else {
    mount.source = std::string(parts[0]);
    mount.target = std::string(parts[1]);
    const char first = mount.source[0];
    mount.is_path = first == '.' || first == '/' || first == '~' || first == '\\' ||
                    (mount.source.size() > 2 && is_letter(first) && mount.source[1] == ':');
  }
  if (parts.size() < 3) return mount;
  static constexpr std::array<std::string_view, 17> kModes{
      "rw",      "ro",    "z",      "Z",       "cached",   "consistent", "delegated", "nocopy",       "shared",
      "rshared", "slave", "rslave", "private", "rprivate", "U",          "copy",      "volume-nocopy"};
  std::string_view modes = parts[2];
  while (true) {
    const std::size_t comma = modes.find(',');
    const std::string_view mode = modes.substr(0, comma);
    if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end()) {
      error = fmt::format("has the mode \"{}\"; expected ro, rw, z, Z, nocopy or one of their kind", shown(mode));
      return std::nullopt;
    }
    mount.read_only = mount.read_only || mode == "ro";
    if (comma == std::string_view::npos) return mount;
    modes.remove_prefix(comma + 1);
  }
}

std::optional<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else if (c == '\\' && quote == '"' && i + 1 < text.size() &&
                 std::string_view("\"\\$`\n").find(text[i + 1]) != std::string_view::npos) {
        word += text[++i];
      } else {
        word += c;
      }
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
    } else {
      word += c;
    }
  }
  if (quote != '\0') return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::optional<Duration> parse_compose_duration(std::string_view text) {
  if (text == "0") return Duration{};
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && (is_digit(text[digits]) || text[digits] == '.')) ++digits;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value, std::chars_format::fixed);
    if (error != std::errc() || end != text.data() + digits) return std::nullopt;
    text.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < text.size() && !is_digit(text[letters]) && text[letters] != '.') ++letters;
    const std::string_view unit = text.substr(0, letters);
    struct Unit {
      std::string_view name;
      double ns;
    };
    static constexpr std::array<Unit, 9> kUnits{{{"ns", 1},
                                                 {"us", 1e3},
                                                 {"\xC2\xB5s", 1e3},
                                                 {"ms", 1e6},
                                                 {"s", 1e9},
                                                 {"m", 60e9},
                                                 {"h", 3600e9},
                                                 {"d", 86400e9},
                                                 {"w", 604800e9}}};
    const auto known = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == unit; });
    if (known == kUnits.end()) return std::nullopt;
    total += value * known->ns;
    if (!(total < 9e18)) return std::nullopt;
    text.remove_prefix(letters);
  }
  return Duration{static_cast<std::int64_t>(std::llround(total))};
}

bool is_image_reference(std::string_view text) {
  const auto word = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    const std::string_view digest = text.substr(at + 1);
    const std::size_t colon = digest.find(':');
    if (colon == std::string_view::npos || colon == 0 || digest.size() - colon - 1 < 32) return false;
    const std::string_view hex = digest.substr(colon + 1);
    if (!std::all_of(hex.begin(), hex.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); })) {
      return false;
    }
    text = text.substr(0, at);
  }
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    const std::string_view tag = text.substr(colon + 1);
    if (tag.empty() || tag.size() > 128 || !word(tag[0])) return false;
    if (!std::all_of(tag.begin(), tag.end(), [&](char c) { return word(c) || c == '.' || c == '-'; })) return false;
    text = text.substr(0, colon);
  }
  bool first = true;
  while (true) {
    const std::size_t end = text.find('/');
    const std::string_view part = text.substr(0, end);
    const bool host =
        first && end != std::string_view::npos &&
        (part.find('.') != std::string_view::npos || part.find(':') != std::string_view::npos || part == "localhost");
    if (part.empty()) return false;
    const bool good = std::all_of(part.begin(), part.end(), [&](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_' ||
             (host && (is_letter(c) || c == ':' || c == '[' || c == ']'));
    });
    const auto edge = [](char c) { return is_letter(c) || is_digit(c); };
    if (!good || (!host && (!edge(part.front()) || !edge(part.back())))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
    first = false;
  }
}

}  // namespace berth::compose

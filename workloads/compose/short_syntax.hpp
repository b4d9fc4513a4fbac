// What Compose writes in one string: ports, mounts, commands, durations. Results say what is wrong, without a place;
// the caller knows it. Source: Compose specification, 05-services.md; moby, nat.ParsePortSpec; docker/cli,
// opts/mount and volumespec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth::compose {

struct PortRange {
  std::uint16_t first = 0, last = 0;
  std::size_t size() const { return static_cast<std::size_t>(last - first) + 1; }
};
struct ShortPort {
  std::string host_ip = "0.0.0.0";
  std::optional<PortRange> published;
  PortRange target;
  std::string protocol = "tcp";
};
// "8000-9000" or "80"; nullopt for anything else, 0 or beyond 65535.
std::optional<PortRange> parse_port_range(std::string_view text);
// [[ip:]host:]container[/protocol], ranges; the error's end ("…; expected …") in `error`.
std::optional<ShortPort> parse_short_port(std::string_view text, std::string& error);

struct ShortMount {
  std::string source;  // Empty: anonymous.
  std::string target;
  bool is_path = false;  // The source is a path of the host.
  bool read_only = false;
};
std::optional<ShortMount> parse_short_mount(std::string_view text, std::string& error);

// A command line to words, with the quotes of a POSIX shell and nothing else of it; nullopt: a quote is not closed.
std::optional<std::vector<std::string>> split_command(std::string_view text);

// "1m30s", "2d", "1w"; units us, ms, s, m, h, d, w (and ns). nullopt for anything else, or below 0.
std::optional<Duration> parse_compose_duration(std::string_view text);

// registry/path:tag@digest in the characters that such names may have. Source: distribution/reference, grammar.
bool is_image_reference(std::string_view text);

}  // namespace berth::compose

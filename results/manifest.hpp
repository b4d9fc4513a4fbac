// manifest.json: all that it takes to repeat a study. It holds no date, host or duration, so that the same study
// writes the same bytes, and `diff` on two manifests tells what was different.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "results/files.hpp"

namespace berth {

struct ManifestInput {
  std::string path;  // As the user wrote it.
  FileDigest digest;
};

struct Manifest {
  std::string berth_version;
  std::vector<std::string> arguments;  // The command line, program name first.
  std::vector<ManifestInput> inputs;
  std::vector<std::string> scenarios;  // In grid order, as are policies and seeds.
  std::vector<std::string> policies;
  std::vector<std::uint64_t> seeds;
  std::vector<std::pair<std::string, std::string>> options;  // Name and value, in the order they shall be listed.
};

// Reads the file once. Throws InputError if it cannot be read.
ManifestInput describe_input(const std::filesystem::path& path);

// Two-space indented JSON with keys in a fixed order; invalid UTF-8 becomes U+FFFD.
std::string manifest_json(const Manifest& manifest);

}  // namespace berth

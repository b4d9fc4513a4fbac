// How much a RUN adds and how long it takes, guessed from its text: a model, not a measurement. Known package managers
// and build tools are recognised by name; what they install is counted from the command line or from the manifest they
// read (package.json, requirements.txt, go.mod …). The numbers and where they come from: docs/dockerfile.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth::docker {

struct RunEstimate {
  std::int64_t adds_bytes = 0;      // Unpacked, in the layer: caches that are removed in the same RUN do not count.
  std::int64_t artifact_bytes = 0;  // Of that, what a build makes and a later COPY --from takes (binary, jar, dist).
  Duration takes;
  std::vector<std::string> tools;  // Recognised, in order: "apt-get", "go".
  bool known = true;               // False: some command is one that the model knows nothing of.
};

struct RunSurroundings {
  std::vector<std::string> cache_mounts;  // Targets of --mount=type=cache: what lands there is in no layer.
  // The text of a manifest by its path in the stage; nullopt if it is not there or not known.
  std::function<std::optional<std::string>(const std::string&)> read;
};

// `script` is the shell command, or the exec form's words joined by blanks. O(length).
RunEstimate estimate_run(std::string_view script, const RunSurroundings& around);

// A shell script's simple commands, as words without quotes: split at && || ; | & and line breaks, assignments before a
// command and `sudo`, `time`, `env`, `exec`, `then`, `do` left off. Redirections are dropped.
std::vector<std::vector<std::string>> shell_commands(std::string_view script);

}  // namespace berth::docker

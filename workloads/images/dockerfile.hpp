// A Dockerfile as a syntax tree: stages of instructions, each with its words, flags and place. Nothing is substituted
// here (substitution.hpp) and nothing is run (image_build.hpp).
// Source: the Dockerfile reference (docker/dockerfile 1.x) and BuildKit, frontend/dockerfile/{parser,instructions}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/time.hpp"
#include "workloads/images/dockerfile_lines.hpp"

namespace berth::docker {

enum class Keyword : std::uint8_t {
  kAdd,
  kArg,
  kCmd,
  kCopy,
  kEntrypoint,
  kEnv,
  kExpose,
  kFrom,
  kHealthcheck,
  kLabel,
  kMaintainer,
  kOnbuild,
  kRun,
  kShell,
  kStopsignal,
  kUser,
  kVolume,
  kWorkdir
};
std::string_view to_string(Keyword keyword);  // "ADD".

struct Word {
  std::string text;
  Place place;
};

// --name=value before the arguments.
struct Flag {
  std::string name;   // Without the dashes.
  std::string value;  // Of a boolean flag: "true" or "false".
  Place place;
};

// NAME=value of ENV, LABEL and ARG. Quotes and escapes are still in both.
struct KeyValue {
  std::string key;
  std::optional<std::string> value;  // None: ARG without a default.
  bool legacy = false;               // `ENV name value`, without =.
  Place place;
};

// HEALTHCHECK. Zero and none: the image says nothing, so the runtime's default counts (30 s, 30 s, 0 s, 5 s, 3).
struct Healthcheck {
  bool none = false;  // HEALTHCHECK NONE.
  Duration interval, timeout, start_period, start_interval;
  std::int32_t retries = 0;
};

// `# berth: adds=120MiB takes=35s` right above an instruction: what the user knows better than the model.
struct Hint {
  std::optional<std::int64_t> adds_bytes;
  std::optional<Duration> takes;
};

struct Instruction {
  Keyword keyword = Keyword::kRun;
  Place place;                // Of the keyword.
  std::size_t last_line = 0;  // With heredoc bodies.
  std::string text;           // The logical line, continuation lines joined.
  std::vector<Flag> flags;    // In order.
  // JSON form of RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK CMD, COPY, ADD and VOLUME; malformed JSON is shell form.
  bool exec_form = false;
  // RUN, CMD, ENTRYPOINT, HEALTHCHECK: the exec form's words, or the whole command as one word. COPY, ADD: sources,
  // then the destination. FROM: the base's name. Others: their words.
  std::vector<Word> words;
  std::vector<KeyValue> pairs;
  std::vector<Heredoc> heredocs;
  std::vector<Instruction> trigger;  // ONBUILD: the one instruction.
  std::optional<Healthcheck> health;
  Hint hint;

  const Flag* flag(std::string_view name) const;  // The first; null if absent.
  bool has(std::string_view name) const;          // A boolean flag that is on.
};

struct Stage {
  std::string base;  // As written; variables of the global scope may be in it.
  std::string name;  // Lower case; empty if it has none.
  Instruction from;
  std::vector<Instruction> instructions;
};

struct Dockerfile {
  std::string file;
  char escape = '\\';
  std::vector<Directive> directives;
  std::vector<Instruction> global_args;  // ARG before the first FROM.
  std::vector<Stage> stages;             // At least one.
  std::vector<Warning> warnings;
};

// Throws InputError, `file:line:column: …`, for what BuildKit would refuse to parse. O(size).
Dockerfile parse_dockerfile(std::string_view text, const std::string& file);

// RUN --mount=…, options resolved.
struct Mount {
  enum class Type : std::uint8_t { kBind, kCache, kTmpfs, kSecret, kSsh } type = Type::kBind;
  std::string from;  // Stage or image; empty: the build context (bind), nothing (cache).
  std::string source;
  std::string target;   // Empty or relative: below the working directory.
  std::string id;       // cache, secret, ssh.
  std::string sharing;  // cache: shared (default), private, locked.
  std::string env;      // secret: variable that gets it.
  bool read_only = false;
  bool required = false;
  std::optional<std::int64_t> size_bytes;  // tmpfs.
  std::optional<std::uint32_t> mode, uid, gid;
};
// The value of a --mount flag, variables already substituted. Throws InputError at `place`.
Mount parse_mount(std::string_view value, const Place& place);

// "120MiB", "1.5GB", "64k", "512": Docker's size syntax, k = 1024 as in docker run -m; MB and MiB alike. Throws
// InputError naming `what` at `place`.
std::int64_t parse_bytes(std::string_view text, std::string_view what, const Place& place);

}  // namespace berth::docker

// A Compose project as it is after files are merged, variables put in, bases and included files taken in and profiles
// applied: what one Docker host is asked to run.
// Source: Compose specification (compose-spec), 05-services.md, deploy.md, build.md, 06-networks.md … 09-secrets.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/container_behavior.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth::compose {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What a service waits for before it starts.
enum class Condition : std::uint8_t { kStarted, kHealthy, kCompletedSuccessfully };
const char* to_string(Condition condition);  // "service_started" …

struct Dependency {
  std::string service;
  Condition condition = Condition::kStarted;
  bool restart = false;   // Restarted when the dependency is (by an operation of Compose, not by the engine).
  bool required = true;   // Else a dependency that is not there or fails is only warned of.
  bool declared = true;   // In depends_on; else by links, volumes_from, or a namespace shared with the service.
  std::size_t index = 0;  // Of the service in Project::services.
  Place place;
};

struct Port {
  std::string host_ip = "0.0.0.0";
  std::uint16_t target = 0;
  std::uint16_t first_published = 0, last_published = 0;  // The first free one of these; 0: any free port.
  std::string protocol = "tcp";
  Place place;
};

struct Mount {
  enum class Type : std::uint8_t { kVolume, kBind, kTmpfs, kImage, kNpipe, kCluster };
  Type type = Type::kVolume;
  std::string source;  // Of a volume its key in Project::volumes, empty: anonymous. A bind's path is absolute.
  std::string target;
  bool read_only = false;
};

// Absent fields are the image's, and where it says nothing Docker's defaults.
struct Healthcheck {
  bool disable = false;           // disable: true, or test NONE.
  std::vector<std::string> test;  // {"CMD", …} or {"CMD-SHELL", command}; empty: the image's.
  std::optional<Duration> interval, timeout, start_period, start_interval;
  std::optional<std::int32_t> retries;
};

enum class Restart : std::uint8_t { kNo, kAlways, kOnFailure, kUnlessStopped };
const char* to_string(Restart restart);

enum class PullPolicy : std::uint8_t { kMissing, kAlways, kNever, kBuild, kRefresh };

struct Build {
  std::string context;            // Absolute path, or a URL; empty: none but the inline Dockerfile.
  std::string dockerfile;         // Absolute path; empty: "Dockerfile" in the context.
  std::string dockerfile_inline;  // Its text.
  std::string target;
  Pairs args;
  bool no_cache = false;
  std::vector<std::string> platforms, cache_from, tags;
  Place place;
};

struct Attachment {
  std::string network;  // Key in Project::networks.
  std::vector<std::string> aliases;
};

// A config or secret as a service mounts it.
struct FileReference {
  std::string source, target;
};

struct Service {
  std::string name;
  Place place;
  std::string image;  // Empty: only `build`.
  std::optional<Build> build;
  PullPolicy pull_policy = PullPolicy::kMissing;
  Duration refresh_every;                                       // kRefresh.
  std::string platform;                                         // Empty: the host's.
  std::string container_name;                                   // Empty: PROJECT-SERVICE-NUMBER.
  std::uint32_t scale = 1;                                      // scale, or deploy.replicas.
  std::optional<std::vector<std::string>> command, entrypoint;  // Absent: the image's.
  Pairs environment;                                            // Of env files and `environment`, what has a value.
  Pairs labels;
  std::vector<Port> ports;
  std::vector<std::string> expose;
  std::vector<Mount> mounts;
  std::vector<Attachment> networks;
  std::string network_mode;  // host, none, service:NAME …; empty: `networks` count.
  std::vector<FileReference> configs, secrets;
  std::vector<std::string> profiles;
  std::vector<Dependency> depends_on;
  std::optional<Healthcheck> healthcheck;
  Restart restart = Restart::kNo;
  std::uint32_t max_attempts = 0;  // Restarts at most; 0: no limit.
  Duration stop_grace_period = seconds(10);
  std::string stop_signal;  // Empty: the image's.
  std::optional<std::int64_t> memory_limit_bytes, memory_reservation_bytes;
  std::optional<double> cpus;  // Limit.

  // What running it is like in a simulation: labels berth.dev/… (docs/compose.md), or the default profile.
  kube::api::ContainerBehavior behavior;
  Distribution check_time;  // Seconds that one run of the health check takes.
  bool task = false;        // Another service waits until this one has completed.
};

struct Network {
  std::string key, name, driver;
  bool external = false;
  bool internal = false;
};
struct Volume {
  std::string key, name, driver;
  bool external = false;
};
// A config or secret of the project.
struct File {
  std::string key, name, file, environment, content;
  bool external = false;
};

struct DisabledService {
  std::string name;
  std::vector<std::string> profiles;
};

struct Project {
  std::string name;
  std::filesystem::path folder;
  std::vector<std::string> files;  // All that were read, in order.
  std::vector<Service> services;   // Those that the profiles let in, in the order of the files.
  std::vector<DisabledService> disabled;
  std::vector<Network> networks;  // With the implicit `default`, where a service uses it.
  std::vector<Volume> volumes;
  std::vector<File> configs, secrets;
  std::vector<std::string> notes;   // One line each: what is not modelled or ignored, once with its first place.
  std::size_t fields_modelled = 0;  // Fields of the merged project that play a part in a simulation,
  std::size_t fields_noted = 0;     // and those that are known and play none.

  const Service* find(const std::string& service) const;  // O(services).
};

struct LoadOptions {
  std::vector<std::string> files;      // Merged in order; at least one.
  std::string project_name;            // Empty: COMPOSE_PROJECT_NAME, `name:`, or the folder's.
  std::string project_folder;          // Empty: the first file's.
  std::vector<std::string> env_files;  // Empty: `.env` in the project's folder, if it is there.
  std::vector<std::string> profiles;   // And those of COMPOSE_PROFILES; "*": all.
  std::vector<std::string> services;   // Started alone, with what they depend on. Empty: all.
  Pairs scale;                         // Service and number of containers.
  Pairs environment;                   // The shell's: counts before env files.
};

// Throws InputError, `file:line:column: path is …; expected …`, for what docker compose refuses to load. Reads the
// files named and those that they name (extends, include, env_file), nothing else. O(text + nodes).
Project load_project(const LoadOptions& options);

// A Compose file, rather than a Kubernetes manifest or a file of Berth's own: by its top level, or its name.
bool looks_like_compose(std::string_view text, const std::string& file);

struct ComposeReport {
  std::size_t services = 0, disabled = 0, networks = 0, volumes = 0, configs = 0, secrets = 0;
  std::size_t fields_modelled = 0, fields_noted = 0;
  std::vector<std::string> notes;
  std::string rejected;  // Why the file cannot be loaded; empty: it can.
};
// For `berth validate`: one file by itself, all profiles off. Never throws InputError.
ComposeReport validate_compose(const std::string& path);

}  // namespace berth::compose

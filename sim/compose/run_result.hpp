// What a run of a project on one Docker host has shown: every event with its time, and per container, image and wait
// what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/engine/time.hpp"
#include "workloads/compose/compose_file.hpp"

namespace berth::compose {

enum class RunEventKind : std::uint8_t {
  kImagePresent,         // subject: image
  kImagePulling,         // subject: image
  kImagePulled,          // subject: image
  kImageBuilding,        // subject: image
  kImageBuilt,           // subject: image
  kNetworkCreated,       // subject: network
  kVolumeCreated,        // subject: volume
  kContainerCreated,     // subject: container, as all that follow but those that say otherwise
  kWaiting,              // subject: service, other: the one that it waits for, value: Condition
  kWaitOver,             // subject: service, other: the one that it waited for, value: Condition
  kContainerStarting,    // the engine was told to start it
  kContainerStarted,     // value: restarts so far
  kStartFailed,          //
  kContainerUp,          // it can answer
  kCheckFailed,          // value: failures in a row that count
  kContainerHealthy,     //
  kContainerUnhealthy,   //
  kContainerExited,      // value: exit code
  kContainerOomKilled,   // value: exit code
  kContainerRestarting,  // value: back-off in nanoseconds
  kContainerStopping,    // the stop signal was sent
  kSettled,              // all is started, healthy or completed; no subject
  kFailed,               // `up` has failed; no subject
};
const char* to_string(RunEventKind kind);  // "ContainerStarted" …

struct RunEvent {
  Time at;
  RunEventKind kind{};
  std::uint32_t subject = 0;
  std::uint32_t other = 0;
  std::int64_t value = 0;
  friend bool operator==(const RunEvent&, const RunEvent&) = default;
};

struct ContainerReport {
  std::string name;
  std::uint32_t service = 0;  // Index in Project::services.
  bool checked = false;       // Has a health check.
  Time created = kNever;
  Time started = kNever;  // First.
  Time up = kNever;       // First able to answer.
  Time healthy = kNever;  // First.
  Time ended = kNever;    // Last exit; kNever while it runs.
  std::uint32_t restarts = 0;
  std::int32_t exit_code = 0;
  bool oom_killed = false;
  std::string state;  // At the end: "created", "running", "healthy", "unhealthy", "starting", "restarting", "exited".
};

struct ImageReport {
  enum class Origin : std::uint8_t { kPresent, kPulled, kBuilt };
  std::string name;
  Origin origin = Origin::kPulled;
  Time begin, end = kNever;
  std::int64_t compressed_bytes = 0;
  std::size_t layers = 0;
};

// A service waited for another one before it started.
struct WaitReport {
  std::uint32_t service = 0, on = 0;  // Indexes in Project::services.
  Condition condition = Condition::kStarted;
  Time begin, end = kNever;
};

struct RunResult {
  std::vector<RunEvent> events;  // In time order.
  std::vector<ContainerReport> containers;
  std::vector<ImageReport> images;
  std::vector<WaitReport> waits;
  std::vector<std::uint32_t> start_order;  // Containers, by their first start.
  bool up = false;                         // `docker compose up` got to its end.
  std::string failed;                      // Why it did not: "dependency failed to start: container x is unhealthy".
  std::vector<std::string> troubles;       // What went wrong with containers though `up` did not fail.
  Time settled = kNever;                   // When all containers were started or healthy or had completed.
  Time end;                                // Of the run.
  std::vector<std::string> notes;

  bool good() const { return up && failed.empty() && troubles.empty() && settled != kNever; }
};

}  // namespace berth::compose

// One Docker engine: containers that are created, started, watched by health checks, end, are restarted and stopped, on
// the virtual clock. It knows nothing of projects; compose_up.hpp tells it what to do.
// Source: moby, daemon/health.go (checks), restartmanager (back-off), daemon/monitor.go (exit), daemon/stop.go.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/compose/run_result.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/rng.hpp"
#include "workloads/compose/compose_file.hpp"

namespace berth::compose {

// The engine waits this long before the first restart, then twice as long each time, up to a minute; a run of ten
// seconds or more makes it begin anew. Source: moby, restartmanager.go.
inline constexpr Duration kFirstRestartDelay = milliseconds(100);
inline constexpr Duration kMaxRestartDelay = seconds(60);
inline constexpr Duration kLongRun = seconds(10);

enum class Health : std::uint8_t { kNone, kStarting, kHealthy, kUnhealthy };
enum class ContainerState : std::uint8_t { kAbsent, kCreating, kCreated, kStarting, kRunning, kRestarting, kExited };

// A health check with nothing left open. Zeroes are Docker's defaults already.
struct HealthSettings {
  Duration interval = seconds(30), timeout = seconds(30), start_period, start_interval = seconds(5);
  std::int32_t retries = 3;
};

struct ContainerSettings {
  std::string name;
  const Service* service = nullptr;  // Outlives the host.
  bool checked = false;              // Has a health check.
  HealthSettings health;
};

// Calls are made synchronously; the host's state is already the new one.
class DockerListener {
 public:
  virtual void container_created(std::uint32_t container) = 0;
  // Up and running as the engine sees it; again after each restart.
  virtual void container_started(std::uint32_t container) = 0;
  virtual void start_failed(std::uint32_t container, const std::string& why) = 0;
  // Health, or running to restarting or exited.
  virtual void container_changed(std::uint32_t container) = 0;
  // stop() is over.
  virtual void container_stopped(std::uint32_t container) = 0;

 protected:
  ~DockerListener() = default;
};

class DockerHost {
 public:
  enum Detail : std::uint16_t { kCreated, kStarted, kUp, kEnd, kCheck, kCheckOver, kRestart, kStopped, kFirstFree };

  // `create_time` and `start_time` in seconds, drawn for each container and start.
  DockerHost(Engine<berth::Event>& engine, std::vector<RunEvent>& log, DockerListener& listener,
             const Distribution& create_time, const Distribution& start_time, std::uint64_t seed);

  std::uint32_t add(const ContainerSettings& settings);
  void create(std::uint32_t container);
  // Of a container that is created or has exited. Takes the host's ports, or start_failed().
  void start(std::uint32_t container);
  // The stop signal, and SIGKILL after the grace period. No restart follows. At once for one that does not run.
  void stop(std::uint32_t container);

  std::size_t size() const { return containers_.size(); }
  const std::string& name(std::uint32_t c) const { return containers_[c].settings.name; }
  const Service& service(std::uint32_t c) const { return *containers_[c].settings.service; }
  bool checked(std::uint32_t c) const { return containers_[c].settings.checked; }
  ContainerState state(std::uint32_t c) const { return containers_[c].state; }
  Health health(std::uint32_t c) const { return containers_[c].health; }
  std::int32_t exit_code(std::uint32_t c) const { return containers_[c].exit_code; }
  std::uint32_t restarts(std::uint32_t c) const { return containers_[c].restarts; }
  bool oom_killed(std::uint32_t c) const { return containers_[c].oom_killed; }

  // Of kDockerEvent, detail < kFirstFree.
  void handle(const berth::Event& event);

 private:
  struct Container {
    Container(const ContainerSettings& what, std::uint64_t seed, std::uint32_t number)
        : settings(what),
          start_draws(seed, 0, number, Purpose::kStartUp),
          run_draws(seed, 0, number, Purpose::kContainerRun),
          up_draws(seed, 0, number, Purpose::kContainerUp),
          crash_draws(seed, 0, number, Purpose::kCrashes),
          check_draws(seed, 0, number, Purpose::kSyncJitter) {}

    ContainerSettings settings;
    Rng start_draws, run_draws, up_draws, crash_draws, check_draws;
    ContainerState state = ContainerState::kAbsent;
    Health health = Health::kNone;
    bool stopping = false;
    bool oom_killed = false;
    std::uint32_t generation = 0;  // Of the present run; events of another are stale.
    std::int32_t exit_code = 0;
    std::int32_t end_code = 0;  // With which the present run is to end.
    bool end_by_oom = false;
    std::uint32_t restarts = 0;
    Duration restart_delay;
    Time started, up = kNever;
    Time check_began;
    bool check_passes = false;
    std::int32_t failing_streak = 0;
    std::vector<std::uint32_t> ports;  // Keys in ports_.
  };
  struct PortUser {
    std::string ip;
    std::uint32_t container;
  };

  void log(RunEventKind kind, std::uint32_t container, std::int64_t value = 0);
  void later(Duration wait, Phase phase, Detail detail, std::uint32_t container);
  bool take_ports(std::uint32_t container, std::string& why);
  void free_ports(std::uint32_t container);
  const PortUser* user_of(std::uint32_t key, const std::string& ip) const;

  void started(std::uint32_t container);
  void plan_end(std::uint32_t container);
  void ended(std::uint32_t container, std::int32_t exit_code, bool oom_killed);
  Duration check_interval(const Container& c) const;
  void begin_check(std::uint32_t container);
  void finish_check(std::uint32_t container);

  Engine<berth::Event>* engine_;
  std::vector<RunEvent>* log_;
  DockerListener* listener_;
  Distribution create_time_, start_time_;
  std::uint64_t seed_;
  std::vector<Container> containers_;
  std::map<std::uint32_t, std::vector<PortUser>> ports_;  // By protocol and port.
};

}  // namespace berth::compose

#include "sim/compose/docker_host.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth::compose {
namespace {

constexpr std::int32_t kSigkillExit = 137;  // 128 + 9.
constexpr std::int32_t kSigtermExit = 143;  // 128 + 15.

std::uint32_t port_key(const std::string& protocol, std::uint16_t port) {
  const std::uint32_t number = protocol == "tcp" ? 0 : protocol == "udp" ? 1 : 2;
  return number << 16 | port;
}

bool is_any(const std::string& ip) {
  return ip == "0.0.0.0" || ip == "::";
}

Duration draw(const Distribution& distribution, Rng& rng) {
  return from_seconds(std::min(distribution.sample(rng), 9e9));
}

// By how much throttling to the CPU limit stretches what the process does; at least 1.
double slow_down(const Service& service) {
  if (!service.cpus || *service.cpus <= 0) return 1;
  return std::max(1.0, static_cast<double>(service.behavior.cpu_milli) / (*service.cpus * 1000));
}

Duration draw_work(const Distribution& distribution, Rng& rng, const Service& service) {
  return from_seconds(std::min(distribution.sample(rng) * slow_down(service), 9e9));
}

}  // namespace

DockerHost::DockerHost(Engine<berth::Event>& engine, std::vector<RunEvent>& log, DockerListener& listener,
                       const Distribution& create_time, const Distribution& start_time, std::uint64_t seed)
    : engine_(&engine),
      log_(&log),
      listener_(&listener),
      create_time_(create_time),
      start_time_(start_time),
      seed_(seed) {}

std::uint32_t DockerHost::add(const ContainerSettings& settings) {
  const auto number = static_cast<std::uint32_t>(containers_.size());
  containers_.emplace_back(settings, seed_, number);
  return number;
}

void DockerHost::log(RunEventKind kind, std::uint32_t container, std::int64_t value) {
  log_->push_back({engine_->now(), kind, container, 0, value});
}

void DockerHost::later(Duration wait, Phase phase, Detail detail, std::uint32_t container) {
  const Time at = engine_->now() + wait;
  if (at == kNever) return;
  engine_->schedule(at, phase, {container, containers_[container].generation, EventKind::kDockerEvent, detail});
}

void DockerHost::create(std::uint32_t container) {
  Container& c = containers_[container];
  BERTH_CHECK(c.state == ContainerState::kAbsent);
  c.state = ContainerState::kCreating;
  later(draw(create_time_, c.start_draws), kPhaseChange, kCreated, container);
}

const DockerHost::PortUser* DockerHost::user_of(std::uint32_t key, const std::string& ip) const {
  const auto users = ports_.find(key);
  if (users == ports_.end()) return nullptr;
  for (const PortUser& user : users->second) {
    if (user.ip == ip || is_any(user.ip) || is_any(ip)) return &user;
  }
  return nullptr;
}

bool DockerHost::take_ports(std::uint32_t container, std::string& why) {
  Container& c = containers_[container];
  if (c.settings.service->network_mode == "host" || c.settings.service->network_mode == "none") return true;
  for (const Port& port : c.settings.service->ports) {
    if (port.first_published == 0) continue;  // The engine finds a free one.
    const PortUser* in_use = nullptr;
    bool found = false;
    for (std::uint32_t number = port.first_published; number <= port.last_published && !found; ++number) {
      const std::uint32_t key = port_key(port.protocol, static_cast<std::uint16_t>(number));
      const PortUser* user = user_of(key, port.host_ip);
      if (user != nullptr) {
        in_use = user;
        continue;
      }
      ports_[key].push_back({port.host_ip, container});
      c.ports.push_back(key);
      found = true;
    }
    if (found) continue;
    why = fmt::format("Bind for {}:{} failed: port is already allocated, to container {}", port.host_ip,
                      port.last_published, name(in_use->container));
    free_ports(container);
    return false;
  }
  return true;
}

void DockerHost::free_ports(std::uint32_t container) {
  Container& c = containers_[container];
  for (const std::uint32_t key : c.ports) {
    std::vector<PortUser>& users = ports_[key];
    std::erase_if(users, [container](const PortUser& user) { return user.container == container; });
    if (users.empty()) ports_.erase(key);
  }
  c.ports.clear();
}

void DockerHost::start(std::uint32_t container) {
  Container& c = containers_[container];
  BERTH_CHECK(c.state == ContainerState::kCreated || c.state == ContainerState::kExited ||
              c.state == ContainerState::kRestarting);
  c.stopping = false;
  if (c.state != ContainerState::kRestarting) {  // Started by hand: counts and back-off begin anew.
    c.restarts = 0;
    c.restart_delay = {};
  }
  std::string why;
  if (!take_ports(container, why)) {
    log(RunEventKind::kStartFailed, container);
    if (c.state == ContainerState::kRestarting) c.state = ContainerState::kExited;
    listener_->start_failed(container, why);
    return;
  }
  c.state = ContainerState::kStarting;
  ++c.generation;
  log(RunEventKind::kContainerStarting, container);
  later(draw(start_time_, c.start_draws), kPhaseChange, kStarted, container);
}

void DockerHost::started(std::uint32_t container) {
  Container& c = containers_[container];
  c.state = ContainerState::kRunning;
  c.started = engine_->now();
  c.oom_killed = false;
  log(RunEventKind::kContainerStarted, container, c.restarts);
  const std::optional<Distribution>& start_up = c.settings.service->behavior.start_up;
  const Duration until_up = start_up ? draw_work(*start_up, c.up_draws, *c.settings.service) : Duration{};
  c.up = c.started + until_up;
  later(until_up, kPhaseChange, kUp, container);
  plan_end(container);
  if (c.settings.checked) {
    c.health = Health::kStarting;
    c.failing_streak = 0;
    later(check_interval(c), kPhaseChange, kCheck, container);
  }
  listener_->container_started(container);
}

// The first of: the process is done, it crashes, it needs more memory than it may have.
void DockerHost::plan_end(std::uint32_t container) {
  Container& c = containers_[container];
  const kube::api::ContainerBehavior& behavior = c.settings.service->behavior;
  Duration end = kForever;
  if (behavior.run_time) {
    end = draw_work(*behavior.run_time, c.run_draws, *c.settings.service);
    c.end_code = behavior.exit_code;
  }
  c.end_by_oom = false;
  if (behavior.crash_hazard_per_second > 0) {
    const Duration crash = from_seconds(exponential(c.crash_draws, 1 / behavior.crash_hazard_per_second));
    if (crash < end) {
      end = crash;
      c.end_code = behavior.crash_exit_code;
    }
  }
  if (const std::optional<std::int64_t> limit = c.settings.service->memory_limit_bytes; limit && *limit > 0) {
    const std::optional<Duration> oom =
        behavior.first_above(*limit, c.settings.service->memory_reservation_bytes.value_or(0));
    if (oom && *oom < end) {
      end = *oom;
      c.end_code = kSigkillExit;
      c.end_by_oom = true;
    }
  }
  if (end != kForever) later(end, kPhaseLeave, kEnd, container);
}

void DockerHost::ended(std::uint32_t container, std::int32_t exit_code, bool oom_killed) {
  Container& c = containers_[container];
  const Duration ran = engine_->now() - c.started;
  ++c.generation;
  c.exit_code = exit_code;
  c.oom_killed = oom_killed;
  c.up = kNever;
  free_ports(container);
  // A monitor that is closed leaves its container unhealthy. Source: moby, container/health.go CloseMonitorChannel.
  if (c.health != Health::kNone) c.health = Health::kUnhealthy;
  log(oom_killed ? RunEventKind::kContainerOomKilled : RunEventKind::kContainerExited, container, exit_code);

  if (ran >= kLongRun) c.restart_delay = {};
  c.restart_delay = c.restart_delay.ns == 0 ? kFirstRestartDelay : std::min(c.restart_delay * 2, kMaxRestartDelay);
  const Service& service = *c.settings.service;
  bool again = false;
  switch (service.restart) {
    case Restart::kNo:
      break;
    case Restart::kAlways:
    case Restart::kUnlessStopped:
      again = true;
      break;
    case Restart::kOnFailure:
      again = exit_code != 0;
      break;
  }
  again = again && !c.stopping && (service.max_attempts == 0 || c.restarts < service.max_attempts);
  if (again) {
    ++c.restarts;
    c.state = ContainerState::kRestarting;
    log(RunEventKind::kContainerRestarting, container, c.restart_delay.ns);
    later(c.restart_delay, kPhaseChange, kRestart, container);
  } else {
    c.state = ContainerState::kExited;
  }
  listener_->container_changed(container);
  if (c.stopping) {
    c.stopping = false;
    listener_->container_stopped(container);
  }
}

void DockerHost::stop(std::uint32_t container) {
  Container& c = containers_[container];
  if (c.state == ContainerState::kRunning) {
    c.stopping = true;
    log(RunEventKind::kContainerStopping, container);
    const std::optional<Distribution>& stop_time = c.settings.service->behavior.stop_time;
    const Duration wanted = stop_time ? draw(*stop_time, c.run_draws) : Duration{};
    const Duration grace = c.settings.service->stop_grace_period;
    const bool killed = wanted > grace;
    c.end_code = killed ? kSigkillExit : kSigtermExit;
    later(killed ? grace : wanted, kPhaseLeave, kStopped, container);
    return;
  }
  if (c.state == ContainerState::kRestarting || c.state == ContainerState::kStarting) {
    ++c.generation;
    free_ports(container);
    c.state = ContainerState::kExited;
    listener_->container_changed(container);
  }
  listener_->container_stopped(container);
}

// Source: moby, daemon/health.go monitor(): getInterval.
Duration DockerHost::check_interval(const Container& c) const {
  const HealthSettings& health = c.settings.health;
  if (engine_->now() - c.started >= health.start_period) return health.interval;
  return c.health == Health::kStarting ? health.start_interval : health.interval;
}

void DockerHost::begin_check(std::uint32_t container) {
  Container& c = containers_[container];
  c.check_began = engine_->now();
  const Duration takes = draw(c.settings.service->check_time, c.check_draws);
  const bool timed_out = takes >= c.settings.health.timeout;
  c.check_passes = !timed_out && c.up <= engine_->now();
  later(timed_out ? c.settings.health.timeout : takes, kPhaseChange, kCheckOver, container);
}

// Source: moby, daemon/health.go handleProbeResult().
void DockerHost::finish_check(std::uint32_t container) {
  Container& c = containers_[container];
  const Health before = c.health;
  if (c.check_passes) {
    c.failing_streak = 0;
    c.health = Health::kHealthy;
  } else {
    const bool forgiven = c.health == Health::kStarting && c.check_began - c.started < c.settings.health.start_period;
    if (!forgiven && ++c.failing_streak >= c.settings.health.retries) c.health = Health::kUnhealthy;
    log(RunEventKind::kCheckFailed, container, c.failing_streak);
  }
  const std::uint32_t generation = c.generation;
  if (c.health != before) {
    log(c.health == Health::kHealthy ? RunEventKind::kContainerHealthy : RunEventKind::kContainerUnhealthy, container);
    listener_->container_changed(container);
  }
  Container& same = containers_[container];
  if (same.generation == generation) later(check_interval(same), kPhaseChange, kCheck, container);
}

void DockerHost::handle(const berth::Event& event) {
  Container& c = containers_[event.subject];
  if (event.generation != c.generation) return;
  switch (static_cast<Detail>(event.detail)) {
    case kCreated:
      c.state = ContainerState::kCreated;
      log(RunEventKind::kContainerCreated, event.subject);
      listener_->container_created(event.subject);
      break;
    case kStarted:
      started(event.subject);
      break;
    case kUp:
      log(RunEventKind::kContainerUp, event.subject);
      break;
    case kEnd:
      ended(event.subject, c.end_code, c.end_by_oom);
      break;
    case kCheck:
      begin_check(event.subject);
      break;
    case kCheckOver:
      finish_check(event.subject);
      break;
    case kRestart:
      start(event.subject);
      break;
    case kStopped:
      ended(event.subject, c.end_code, false);
      break;
    case kFirstFree:
      break;
  }
}

}  // namespace berth::compose

#include "sim/compose/compose_up.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/compose/dependency_walk.hpp"
#include "sim/engine/error.hpp"

namespace berth::compose {
namespace {

using Needs = std::vector<std::vector<std::uint32_t>>;

// What a container's check is in the end: the file's fields, then the image's, then Docker's defaults.
HealthSettings settle_health(const std::optional<Healthcheck>& own, const docker::ImageHealthcheck* image) {
  HealthSettings health;
  const auto set = [](Duration& out, const std::optional<Duration>& from_file, Duration from_image) {
    if (from_file && from_file->ns > 0) {
      out = *from_file;
    } else if (from_image.ns > 0) {
      out = from_image;
    }
  };
  const docker::Healthcheck none;
  const docker::Healthcheck& below = image != nullptr ? image->options : none;
  const Healthcheck nothing;
  const Healthcheck& above = own ? *own : nothing;
  set(health.interval, above.interval, below.interval);
  set(health.timeout, above.timeout, below.timeout);
  set(health.start_period, above.start_period, below.start_period);
  set(health.start_interval, above.start_interval, below.start_interval);
  if (above.retries && *above.retries > 0) {
    health.retries = *above.retries;
  } else if (below.retries > 0) {
    health.retries = below.retries;
  }
  return health;
}

bool has_check(const std::optional<Healthcheck>& own, const docker::ImageHealthcheck* image) {
  const bool in_image =
      image != nullptr && !image->options.none && !(image->test.size() == 1 && image->test[0] == "NONE");
  if (!own) return in_image;
  return !own->disable && (!own->test.empty() || in_image);
}

class ComposeUp final : private DockerListener, private DockerImages::Listener {
 public:
  static constexpr std::uint64_t kMaxContainers = 20'000;

  ComposeUp(const Project& project, const ImageLibrary& library, const RunOptions& options)
      : project_(project),
        options_(options),
        images_(engine_, result_.events, *this, library, options.rates),
        host_(engine_, result_.events, *this, options.create_time, options.start_time, options.seed) {}

  RunResult run() {
    images_.plan(project_, options_.present);
    add_containers();
    schedule_restarts();
    images_.begin();
    const Time horizon = Time{} + (options_.run_for.ns > 0 ? options_.run_for : options_.patience);
    if (options_.run_for.ns > 0) {
      engine_.schedule(horizon, kPhaseCycle, {0, 0, EventKind::kDockerEvent, kHorizon});
    }
    loop(horizon, options_.run_for.ns == 0);
    if (options_.stop_at_end && result_.failed.empty()) {
      begin_stop();
      loop(kNever, false);
    }
    finish();
    return std::move(result_);
  }

 private:
  enum Detail : std::uint16_t {
    kNetwork = DockerImages::kFirstFree,  // subject: the one that is there now
    kVolume,
    kPoll,        // subject: wait
    kRestartNow,  // subject: in options_.restarts
    kHorizon      // moves the clock to the end of the run
  };
  enum class Stage : std::uint8_t { kImages, kNetworks, kCreate, kStart, kUp, kFailed };
  struct Wait {
    std::uint32_t report = 0;  // In result_.waits.
    std::uint32_t service = 0;
    const Dependency* dependency = nullptr;
    Time began;
    Time polled{-1};
    bool scheduled = false;
    bool over = false;
  };
  struct ServiceRun {
    std::vector<std::uint32_t> containers;
    std::uint32_t pending = 0;  // Containers to be created, or waits to be over.
    std::size_t next = 0;       // Container to be started.
  };
  // One `docker compose restart`.
  struct RestartRun {
    DependencyWalk walk;
    std::vector<bool> members;
    std::vector<std::uint32_t> left;  // By service: containers to come back.
  };

  // ---- the clock
  void loop(Time horizon, bool until_settled) {
    berth::Event event;
    while (!(until_settled && over()) && !(stopping_ && stop_.over()) && engine_.next(horizon, event)) {
      end_ = engine_.now();
      handle(event);
      if (engine_.instant_over()) check_settled();
    }
  }
  bool over() const {
    const bool restarting = restarts_begun_ < options_.restarts.size() || restarts_open_ > 0;
    return stage_ == Stage::kFailed || (result_.settled != kNever && !restarting);
  }
  void handle(const berth::Event& event) {
    if (event.kind != EventKind::kDockerEvent || (event.detail >= DockerImages::kBuilt && event.detail < kNetwork)) {
      if (stage_ == Stage::kFailed && event.kind == EventKind::kDockerEvent) return;
      return images_.handle(event);
    }
    if (event.detail < DockerHost::kFirstFree) return host_.handle(event);
    if (event.detail == kPoll) return poll(event.subject);
    if (event.detail == kRestartNow) return begin_restart(event.subject);
    if (event.detail == kHorizon || stage_ == Stage::kFailed) return;
    if (event.detail == kNetwork) {
      log(RunEventKind::kNetworkCreated, event.subject);
      next_network(event.subject + 1);
    } else {
      log(RunEventKind::kVolumeCreated, event.subject);
      next_volume(event.subject + 1);
    }
  }
  void log(RunEventKind kind, std::uint32_t subject = 0, std::uint32_t other = 0, std::int64_t value = 0) {
    result_.events.push_back({engine_.now(), kind, subject, other, value});
  }
  void later(Duration wait, Phase phase, std::uint16_t detail, std::uint32_t subject) {
    engine_.schedule(engine_.now() + wait, phase, {subject, 0, EventKind::kDockerEvent, detail});
  }
  void fail(std::string why) {
    if (stage_ == Stage::kFailed || stage_ == Stage::kUp) return;
    stage_ = Stage::kFailed;
    result_.failed = std::move(why);
    for (Wait& wait : waits_) wait.over = true;
    log(RunEventKind::kFailed);
  }

  // ---- before anything runs
  void add_containers() {
    std::uint64_t count = 0;
    for (const Service& service : project_.services) count += service.scale;
    if (count > kMaxContainers) {
      throw InputError(
          fmt::format("{}: {} containers; expected at most {}", project_.files.front(), count, kMaxContainers));
    }
    runs_.resize(project_.services.size());
    needs_.resize(project_.services.size());
    for (std::uint32_t s = 0; s < project_.services.size(); ++s) {
      const Service& service = project_.services[s];
      for (const Dependency& dependency : service.depends_on) {
        needs_[s].push_back(static_cast<std::uint32_t>(dependency.index));
      }
      const docker::ImageHealthcheck* image = images_.healthcheck(s);
      for (std::uint32_t n = 1; n <= service.scale; ++n) {
        ContainerSettings settings;
        settings.name = service.container_name.empty() ? fmt::format("{}-{}-{}", project_.name, service.name, n)
                                                       : service.container_name;
        settings.service = &service;
        settings.checked = has_check(service.healthcheck, image);
        settings.health = settle_health(service.healthcheck, image);
        runs_[s].containers.push_back(host_.add(settings));
        service_of_.push_back(s);
        settled_.push_back(false);
        ContainerReport& report = result_.containers.emplace_back();
        report.name = settings.name;
        report.service = s;
        report.checked = settings.checked;
      }
    }
    unsettled_ = settled_.size();
  }
  void schedule_restarts() {
    for (std::uint32_t i = 0; i < options_.restarts.size(); ++i) {
      const auto& [at, name] = options_.restarts[i];
      if (project_.find(name) == nullptr) {
        std::vector<std::string> names;
        for (const Service& service : project_.services) names.push_back(service.name);
        throw InputError(fmt::format("--restart {}: no such service; expected one of {}{}", name,
                                     fmt::join(names, ", "), did_you_mean(name, names)));
      }
      engine_.schedule(Time{} + at, kPhaseChange, {i, 0, EventKind::kDockerEvent, kRestartNow});
    }
  }

  void images_ready() override {
    stage_ = Stage::kNetworks;
    next_network(0);
  }
  void images_failed(const std::string& why) override { fail(why); }

  // One after another; those that are external are there.
  void next_network(std::size_t i) {
    while (i < project_.networks.size() && project_.networks[i].external) ++i;
    if (i == project_.networks.size()) return next_volume(0);
    later(options_.network_time, kPhaseChange, kNetwork, static_cast<std::uint32_t>(i));
  }
  void next_volume(std::size_t i) {
    while (i < project_.volumes.size() && project_.volumes[i].external) ++i;
    if (i == project_.volumes.size()) return begin_create();
    later(options_.volume_time, kPhaseChange, kVolume, static_cast<std::uint32_t>(i));
  }

  // ---- create
  void begin_create() {
    stage_ = Stage::kCreate;
    walk_ = DependencyWalk(needs_, std::vector<bool>(needs_.size(), true));
    if (walk_.over()) return begin_start();
    const std::vector<std::uint32_t> first = walk_.first();
    for (const std::uint32_t s : first) create_service(s);
  }
  void create_service(std::uint32_t s) {
    runs_[s].pending = static_cast<std::uint32_t>(runs_[s].containers.size());
    if (runs_[s].pending == 0) return service_created(s);
    for (const std::uint32_t c : runs_[s].containers) host_.create(c);
  }
  void service_created(std::uint32_t s) {
    const std::vector<std::uint32_t> ready = walk_.done(s);
    for (const std::uint32_t next : ready) create_service(next);
    if (walk_.over() && stage_ == Stage::kCreate) begin_start();
  }
  void container_created(std::uint32_t c) override {
    result_.containers[c].created = engine_.now();
    const std::uint32_t s = service_of_[c];
    if (stage_ == Stage::kCreate && --runs_[s].pending == 0) service_created(s);
  }

  // ---- start
  void begin_start() {
    stage_ = Stage::kStart;
    walk_ = DependencyWalk(needs_, std::vector<bool>(needs_.size(), true));
    if (walk_.over()) return all_started();
    const std::vector<std::uint32_t> first = walk_.first();
    for (const std::uint32_t s : first) begin_service(s);
  }
  void all_started() {
    stage_ = Stage::kUp;
    result_.up = true;
  }
  // Waits for conditions, then starts the containers one after another.
  void begin_service(std::uint32_t s) {
    if (stage_ != Stage::kStart) return;
    runs_[s].next = 0;
    runs_[s].pending = wait_for(s, [](const Dependency&) { return true; });
    if (runs_[s].pending == 0) start_next(s);
  }
  void start_next(std::uint32_t s) {
    ServiceRun& run = runs_[s];
    if (stage_ != Stage::kStart) return;
    if (run.next < run.containers.size()) return host_.start(run.containers[run.next]);
    const std::vector<std::uint32_t> ready = walk_.done(s);
    for (const std::uint32_t next : ready) begin_service(next);
    if (walk_.over() && stage_ == Stage::kStart) all_started();
  }
  void container_started(std::uint32_t c) override {
    ContainerReport& report = result_.containers[c];
    const std::uint32_t s = service_of_[c];
    if (report.started == kNever) {
      report.started = engine_.now();
      result_.start_order.push_back(c);
    }
    if (!host_.checked(c) && !host_.service(c).task) settle(c);
    ServiceRun& run = runs_[s];
    if (stage_ == Stage::kStart && run.next < run.containers.size() && run.containers[run.next] == c) {
      ++run.next;
      start_next(s);
    }
    for (RestartRun& restart : restarts_) came_back(restart, c);
    wake_waiting(s);
  }
  void start_failed(std::uint32_t c, const std::string& why) override {
    if (stage_ == Stage::kStart) {
      fail(fmt::format("container {}: {}", host_.name(c), why));
    } else {
      result_.troubles.push_back(fmt::format("container {}: {}", host_.name(c), why));
      settle(c);
      for (RestartRun& restart : restarts_) came_back(restart, c);
    }
  }

  // ---- waits
  template <class Counts>
  std::uint32_t wait_for(std::uint32_t s, Counts&& counts) {
    std::uint32_t waits = 0;
    for (const Dependency& dependency : project_.services[s].depends_on) {
      if (dependency.condition == Condition::kStarted || runs_[dependency.index].containers.empty()) continue;
      if (!counts(dependency)) continue;
      Wait& wait = waits_.emplace_back();
      wait.report = static_cast<std::uint32_t>(result_.waits.size());
      wait.service = s;
      wait.dependency = &dependency;
      wait.began = engine_.now();
      result_.waits.push_back({s, static_cast<std::uint32_t>(dependency.index), dependency.condition, engine_.now()});
      log(RunEventKind::kWaiting, s, static_cast<std::uint32_t>(dependency.index),
          static_cast<std::int64_t>(dependency.condition));
      schedule_poll(static_cast<std::uint32_t>(waits_.size() - 1));
      ++waits;
    }
    return waits;
  }
  // The next tick after `began`, at which nobody has looked yet.
  void schedule_poll(std::uint32_t w) {
    Wait& wait = waits_[w];
    if (wait.scheduled || wait.over) return;
    const std::int64_t since = (engine_.now() - wait.began).ns;
    std::int64_t ticks = std::max<std::int64_t>(1, (since + kDependencyPoll.ns - 1) / kDependencyPoll.ns);
    if (wait.began + kDependencyPoll * ticks <= wait.polled) ++ticks;
    wait.scheduled = true;
    engine_.schedule(wait.began + kDependencyPoll * ticks, kPhaseCycle, {w, 0, EventKind::kDockerEvent, kPoll});
  }
  // A container of the service has changed: those that wait for it look at their next tick.
  void wake_waiting(std::uint32_t s) {
    for (std::uint32_t w = first_open_wait_; w < waits_.size(); ++w) {
      if (!waits_[w].over && waits_[w].dependency->index == s) schedule_poll(w);
    }
    while (first_open_wait_ < waits_.size() && waits_[first_open_wait_].over) ++first_open_wait_;
  }
  enum class Answer : std::uint8_t { kNotYet, kYes, kNo };
  Answer look(const Wait& wait, std::string& why) const {
    const ServiceRun& run = runs_[wait.dependency->index];
    if (wait.dependency->condition == Condition::kCompletedSuccessfully) {
      for (const std::uint32_t c : run.containers) {
        if (host_.state(c) != ContainerState::kExited) continue;
        if (host_.exit_code(c) == 0) return Answer::kYes;
        why = fmt::format("service \"{}\" didn't complete successfully: exit {}", wait.dependency->service,
                          host_.exit_code(c));
        return Answer::kNo;
      }
      return Answer::kNotYet;
    }
    for (const std::uint32_t c : run.containers) {
      const auto no = [&](std::string_view what) {
        why = fmt::format("dependency failed to start: container {} {}", host_.name(c), what);
        return Answer::kNo;
      };
      if (host_.state(c) == ContainerState::kExited) return no(fmt::format("exited ({})", host_.exit_code(c)));
      if (!host_.checked(c)) return no("has no healthcheck configured");
      if (host_.health(c) == Health::kUnhealthy) return no("is unhealthy");
      if (host_.health(c) != Health::kHealthy) return Answer::kNotYet;
    }
    return Answer::kYes;
  }
  void poll(std::uint32_t w) {
    waits_[w].scheduled = false;
    waits_[w].polled = engine_.now();
    if (waits_[w].over) return;
    std::string why;
    const Answer answer = look(waits_[w], why);
    if (answer == Answer::kNotYet) return;
    const Wait wait = waits_[w];
    waits_[w].over = true;
    if (answer == Answer::kNo) {
      if (wait.dependency->required) {
        if (stage_ != Stage::kUp) return fail(why);
        result_.troubles.push_back(why);
        for (RestartRun& restart : restarts_) give_up(restart, wait.service);
        return;
      }
      result_.notes.push_back(fmt::format("optional dependency \"{}\" of {}: {}", wait.dependency->service,
                                          project_.services[wait.service].name, why));
    }
    result_.waits[wait.report].end = engine_.now();
    log(RunEventKind::kWaitOver, wait.service, static_cast<std::uint32_t>(wait.dependency->index),
        static_cast<std::int64_t>(wait.dependency->condition));
    if (--runs_[wait.service].pending > 0) return;
    if (stage_ == Stage::kStart) {
      start_next(wait.service);
    } else {
      for (RestartRun& restart : restarts_) {
        if (restart.members[wait.service] && restart.left[wait.service] > 0) restart_containers(wait.service);
      }
    }
  }

  // ---- what becomes of containers
  void container_changed(std::uint32_t c) override {
    ContainerReport& report = result_.containers[c];
    const ContainerState state = host_.state(c);
    if (state == ContainerState::kRunning && host_.health(c) == Health::kHealthy) {
      if (report.healthy == kNever) report.healthy = engine_.now();
      settle(c);
    } else if (state == ContainerState::kRunning && host_.health(c) == Health::kUnhealthy) {
      trouble(c, "is unhealthy");
    } else if (state == ContainerState::kExited || state == ContainerState::kRestarting) {
      report.ended = engine_.now();
      report.restarts += state == ContainerState::kRestarting ? 1U : 0U;
      report.oom_killed = report.oom_killed || host_.oom_killed(c);
      if (state == ContainerState::kExited) {
        if (host_.exit_code(c) != 0 && !stopping_ && restarts_open_ == 0) {
          trouble(c, host_.oom_killed(c) ? "was OOM-killed" : fmt::format("exited ({})", host_.exit_code(c)));
        }
        settle(c);
      }
    }
    wake_waiting(service_of_[c]);
  }
  void trouble(std::uint32_t c, std::string_view what) {
    result_.troubles.push_back(fmt::format("container {} {}", host_.name(c), what));
    settle(c);
  }
  void settle(std::uint32_t c) {
    if (settled_[c]) return;
    settled_[c] = true;
    --unsettled_;
  }
  void check_settled() {
    if (stage_ != Stage::kUp || unsettled_ > 0 || result_.settled != kNever) return;
    result_.settled = engine_.now();
    log(RunEventKind::kSettled);
  }

  // ---- restart: the service, and those that say depends_on.restart of it
  void begin_restart(std::uint32_t number) {
    ++restarts_begun_;
    if (stage_ != Stage::kUp) {
      result_.notes.push_back(
          fmt::format("restart of {} left out: `up` was not over", options_.restarts[number].second));
      return;
    }
    ++restarts_open_;
    const Service* wanted = project_.find(options_.restarts[number].second);
    RestartRun run;
    run.members.assign(project_.services.size(), false);
    run.left.assign(project_.services.size(), 0);
    run.members[static_cast<std::size_t>(wanted - project_.services.data())] = true;
    Needs needs(project_.services.size());
    for (bool grown = true; grown;) {
      grown = false;
      for (std::uint32_t s = 0; s < project_.services.size(); ++s) {
        if (run.members[s]) continue;
        for (const Dependency& dependency : project_.services[s].depends_on) {
          if (!dependency.restart || !run.members[dependency.index]) continue;
          run.members[s] = grown = true;
        }
      }
    }
    for (std::uint32_t s = 0; s < project_.services.size(); ++s) {
      for (const Dependency& dependency : project_.services[s].depends_on) {
        if (dependency.restart) needs[s].push_back(static_cast<std::uint32_t>(dependency.index));
      }
    }
    run.walk = DependencyWalk(needs, run.members);
    const std::vector<std::uint32_t> first = run.walk.first();
    restarts_.push_back(std::move(run));
    for (const std::uint32_t s : first) restart_service(restarts_.back(), s);
  }
  void restart_service(RestartRun& run, std::uint32_t s) {
    run.left[s] = static_cast<std::uint32_t>(runs_[s].containers.size());
    if (run.left[s] == 0) return restarted(run, s);
    runs_[s].pending = wait_for(
        s, [&run](const Dependency& dependency) { return dependency.restart && run.members[dependency.index]; });
    if (runs_[s].pending == 0) restart_containers(s);
  }
  void restart_containers(std::uint32_t s) {
    for (const std::uint32_t c : runs_[s].containers) {
      if (host_.state(c) == ContainerState::kCreated) {
        host_.start(c);
      } else {
        host_.stop(c);
      }
    }
  }
  void restarted(RestartRun& run, std::uint32_t s) {
    const std::vector<std::uint32_t> ready = run.walk.done(s);
    for (const std::uint32_t next : ready) restart_service(run, next);
    if (run.walk.over()) --restarts_open_;
  }
  void give_up(RestartRun& run, std::uint32_t s) {
    if (!run.members[s] || run.left[s] == 0) return;
    run.left.assign(run.left.size(), 0);
    --restarts_open_;
  }
  void came_back(RestartRun& run, std::uint32_t c) {
    const std::uint32_t s = service_of_[c];
    if (!run.members[s] || run.left[s] == 0) return;
    if (--run.left[s] == 0) restarted(run, s);
  }

  // ---- stop
  void container_stopped(std::uint32_t c) override {
    if (stopping_) {
      const std::uint32_t s = service_of_[c];
      if (--runs_[s].pending == 0) service_stopped(s);
      return;
    }
    host_.start(c);  // The second half of a restart.
  }
  void begin_stop() {
    stopping_ = true;
    if (stage_ != Stage::kUp) stage_ = Stage::kFailed;  // What was still to come does not.
    Needs dependents(needs_.size());
    for (std::uint32_t s = 0; s < needs_.size(); ++s) {
      for (const std::uint32_t need : needs_[s]) dependents[need].push_back(s);
    }
    stop_ = DependencyWalk(dependents, std::vector<bool>(needs_.size(), true));
    const std::vector<std::uint32_t> first = stop_.first();
    for (const std::uint32_t s : first) stop_service(s);
  }
  void stop_service(std::uint32_t s) {
    runs_[s].pending = static_cast<std::uint32_t>(runs_[s].containers.size());
    if (runs_[s].pending == 0) return service_stopped(s);
    const std::vector<std::uint32_t> containers = runs_[s].containers;
    for (const std::uint32_t c : containers) host_.stop(c);
  }
  void service_stopped(std::uint32_t s) {
    const std::vector<std::uint32_t> ready = stop_.done(s);
    for (const std::uint32_t next : ready) stop_service(next);
  }

  // ---- the report
  void finish() {
    result_.end = end_;
    for (std::uint32_t c = 0; c < result_.containers.size(); ++c) {
      ContainerReport& report = result_.containers[c];
      report.exit_code = host_.exit_code(c);
      switch (host_.state(c)) {
        case ContainerState::kAbsent:
        case ContainerState::kCreating:
          report.state = "absent";
          break;
        case ContainerState::kCreated:
          report.state = "created";
          break;
        case ContainerState::kStarting:
          report.state = "starting";
          break;
        case ContainerState::kRunning:
          report.ended = kNever;
          report.state = host_.health(c) == Health::kHealthy     ? "healthy"
                         : host_.health(c) == Health::kUnhealthy ? "unhealthy"
                         : host_.health(c) == Health::kStarting  ? "health: starting"
                                                                 : "running";
          break;
        case ContainerState::kRestarting:
          report.state = "restarting";
          break;
        case ContainerState::kExited:
          report.state = "exited";
          break;
      }
    }
    for (const RunEvent& event : result_.events) {
      if (event.kind != RunEventKind::kContainerUp) continue;
      ContainerReport& report = result_.containers[event.subject];
      if (report.up == kNever) report.up = event.at;
    }
    result_.images = std::move(images_.reports());
    for (std::string& note : images_.notes()) result_.notes.push_back(std::move(note));
  }

  const Project& project_;
  const RunOptions& options_;
  Engine<berth::Event> engine_;
  RunResult result_;
  DockerImages images_;
  DockerHost host_;
  Stage stage_ = Stage::kImages;
  Time end_;
  Needs needs_;
  DependencyWalk walk_, stop_;
  bool stopping_ = false;
  std::vector<ServiceRun> runs_;
  std::vector<std::uint32_t> service_of_;  // By container.
  std::vector<bool> settled_;              // By container.
  std::size_t unsettled_ = 0;
  std::vector<Wait> waits_;
  std::uint32_t first_open_wait_ = 0;
  std::vector<RestartRun> restarts_;
  std::size_t restarts_begun_ = 0;
  std::size_t restarts_open_ = 0;
};

}  // namespace

RunResult run_project(const Project& project, const ImageLibrary& library, const RunOptions& options) {
  return ComposeUp(project, library, options).run();
}

}  // namespace berth::compose

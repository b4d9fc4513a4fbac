// Probes. A worker of the real thing ticks for ever; here it ticks only while a tick could change anything: as long as
// a container keeps answering as it did, its next results are known. Failures beyond the threshold are therefore not
// recorded, nor are probes of a process that has ended and was not yet seen to. Model: a probe passes if the process
// runs, its start-up time is over and it does not hang; a hanging one takes the full timeout to fail, else the answer
// comes at once. Source: Kubernetes v1.37, pkg/kubelet/prober/worker.go and prober_manager.go.
#include <algorithm>

#include "sim/kubelet/kubelet.hpp"

namespace berth {

const ProbeProgram& Kubelet::program_of(const ProbeWorker& worker) const {
  return program_of(containers_[worker.container]).probes[worker.probe];
}

const Kubelet::ProbeWorker* Kubelet::worker_of(const ContainerRun& container, ProbeKind kind) const {
  const std::vector<ProbeProgram>& probes = program_of(container).probes;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (probes[i].kind == kind) return &workers_[container.first_probe + i];
  }
  return nullptr;
}

bool Kubelet::startup_passed(const ContainerRun& container) const {
  const ProbeWorker* worker = worker_of(container, ProbeKind::kStartup);
  return worker == nullptr ||
         (worker->instance == container.instances && worker->value == ProbeWorker::Result::kSuccess);
}

void Kubelet::start_probes(PodRun& pod) {
  pod.probed = true;
  const Time now = engine_.now();
  for (const ContainerRun& container : containers_of(pod)) {
    for (std::size_t i = 0; i < program_of(container).probes.size(); ++i) {
      ProbeWorker& worker = workers_[container.first_probe + i];
      const Duration period = program_of(worker).period;
      worker.anchor = now;
      if (now - node_of(pod).started < period) {
        // Just after its own start the kubelet spreads the probes.
        Rng rng(options_.seed, options_.replication, pod.ordinal, Purpose::kSyncJitter);
        rng.seek(0x8000'0000U + 4 * (id_of(container) - pod.first) * 4 + 4 * static_cast<std::uint32_t>(i));
        worker.anchor = now + from_seconds(rng.uniform() * period.seconds());
      }
    }
  }
}

// The status of a new running instance has been made: its probes can begin.
void Kubelet::instance_reported(ContainerRun& container) {
  for (std::size_t i = 0; i < program_of(container).probes.size(); ++i) {
    ProbeWorker& worker = workers_[container.first_probe + i];
    if (!worker.busy && worker.anchor != kNever) arm(worker, engine_.now());
  }
}

// Each sync makes the readiness probes of what is started and not ready run at once.
void Kubelet::trigger_readiness(PodRun& pod) {
  if (program_of(pod).probes == 0) return;
  for (const ContainerRun& container : containers_of(pod)) {
    const ContainerStatus& status = status_of(container);
    if (!status.started || status.ready) continue;
    const std::vector<ProbeProgram>& probes = program_of(container).probes;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      if (probes[i].kind != ProbeKind::kReadiness) continue;
      ProbeWorker& worker = workers_[container.first_probe + i];
      if (worker.anchor > engine_.now()) continue;  // Still waiting for its first tick.
      if (worker.busy) {
        worker.triggered = true;
      } else {
        worker.anchor = engine_.now();
        probe_tick(worker);
      }
    }
  }
}

// The next tick at or after `from` that can change anything.
void Kubelet::arm(ProbeWorker& worker, Time from) {
  ++worker.generation;
  ContainerRun& container = containers_[worker.container];
  const PodRun& pod = pods_[container.pod];
  const ContainerStatus& status = status_of(container);
  const ProbeProgram& probe = program_of(worker);
  if (status.state != ContainerStatus::State::kRunning || container.process != Process::kRunning) return;
  const bool seen = worker.instance == container.reported;
  if (seen && worker.on_hold) return;
  const bool startup = probe.kind == ProbeKind::kStartup;
  if (startup == status.started) return;  // Startup probes run until it is started, others from then on.
  if (probe.kind != ProbeKind::kReadiness && (pod.stage == Stage::kTerminating || told_to_go(pod))) return;
  const bool passed = worker.last == ProbeWorker::Result::kSuccess;
  const bool settled = seen && worker.run > 0 && worker.value == worker.last &&
                       worker.run >= (passed ? probe.success_threshold : probe.failure_threshold);
  if (settled) {
    const bool answering = answers(container);
    if (passed && answering) return;
    if (!passed && container.hung) return;
    if (!passed && !answering) from = std::max(from, container.up_at);
  }
  // initialDelaySeconds counts whole seconds from the whole second in which the container started.
  const Duration into_second{container.started_at.ns % seconds(1).ns};
  from = std::max(from, container.started_at - into_second + probe.initial_delay);
  Time tick = worker.anchor;
  if (from > tick) {
    const std::int64_t periods = ((from - tick).ns + probe.period.ns - 1) / probe.period.ns;
    tick = tick + probe.period * periods;
  }
  post(std::max(tick, engine_.now()), static_cast<std::uint32_t>(&worker - workers_.data()), worker.generation,
       kProbeTick, kPhaseChange);
}

void Kubelet::probe_tick(ProbeWorker& worker) {
  ContainerRun& container = containers_[worker.container];
  PodRun& pod = pods_[container.pod];
  const ContainerStatus& status = status_of(container);
  const ProbeProgram& probe = program_of(worker);
  const Time now = engine_.now();
  ++worker.generation;
  worker.began = now;
  if (container.reported == 0 || status.state != ContainerStatus::State::kRunning) return;
  if (worker.instance != container.reported) {
    worker.instance = container.reported;
    worker.on_hold = false;
    worker.value = ProbeWorker::Result::kUnknown;
    if (probe.kind == ProbeKind::kLiveness) worker.value = ProbeWorker::Result::kSuccess;
    if (probe.kind == ProbeKind::kReadiness) worker.value = ProbeWorker::Result::kFailure;
    // The first value of a startup or readiness probe is an update like others: it asks for a sync.
    if (probe.kind != ProbeKind::kLiveness && pod.stage == Stage::kActive) wake_after_relist(pod, now);
  }
  if (worker.on_hold) return;
  if (probe.kind != ProbeKind::kReadiness && (pod.stage == Stage::kTerminating || told_to_go(pod))) return;
  const Duration into_second{container.started_at.ns % seconds(1).ns};
  const bool startup = probe.kind == ProbeKind::kStartup;
  if (now - (container.started_at - into_second) < probe.initial_delay || startup == status.started) {
    return arm(worker, now + nanoseconds(1));
  }
  if (container.hung && container.process == Process::kRunning) {
    worker.busy = true;
    post(now + probe.timeout, static_cast<std::uint32_t>(&worker - workers_.data()), worker.generation, kProbeResult,
         kPhaseChange);
    return;
  }
  probe_result(worker, answers(container));
}

void Kubelet::probe_result(ProbeWorker& worker, bool pass) {
  using enum ProbeWorker::Result;
  ContainerRun& container = containers_[worker.container];
  const ProbeProgram& probe = program_of(worker);
  const bool old = worker.instance != container.instances || container.process != Process::kRunning;
  if (!old) {
    const ProbeWorker::Result result = pass ? kSuccess : kFailure;
    worker.run = worker.last == result ? worker.run + 1 : 1;
    worker.last = result;
    if (!pass) {
      record(container, RecordKind::kProbeFailed, static_cast<std::uint8_t>(probe.kind),
             static_cast<std::uint32_t>(worker.run));
    }
    if (worker.run >= (pass ? probe.success_threshold : probe.failure_threshold)) {
      set_value(worker, result);
      if (!pass && probe.kind != ProbeKind::kReadiness) {
        worker.on_hold = true;  // Until there is a new container.
        worker.run = 0;
      }
    }
  }
  if (worker.triggered) {
    worker.triggered = false;
    worker.anchor = engine_.now();
    return probe_tick(worker);
  }
  // A tick that came while the probe was under way is taken as soon as it is over.
  arm(worker, worker.began + nanoseconds(1));
}

void Kubelet::set_value(ProbeWorker& worker, ProbeWorker::Result value) {
  if (worker.value == value) return;
  worker.value = value;
  ContainerRun& container = containers_[worker.container];
  PodRun& pod = pods_[container.pod];
  ContainerStatus& status = status_of(container);
  const bool pass = value == ProbeWorker::Result::kSuccess;
  const ProbeKind kind = program_of(worker).kind;
  switch (kind) {
    case ProbeKind::kReadiness:
      set_ready(pod, container, status, pass);
      update_conditions(pod);
      break;
    case ProbeKind::kStartup:
      if (pass) {
        status.started = true;
        record(container, RecordKind::kContainerUp);
        changed(pod);
        instance_reported(container);
        break;
      }
      [[fallthrough]];
    case ProbeKind::kLiveness:
      if (!pass) {
        container.probe_failed = true;
        container.kill_reason = kind == ProbeKind::kStartup ? KillReason::kStartupProbe : KillReason::kLivenessProbe;
      }
      break;
  }
  const bool asks = kind != ProbeKind::kLiveness || !pass;
  if (asks && pod.stage == Stage::kActive) wake_after_relist(pod, engine_.now());
}

void Kubelet::stop_probes(const ContainerRun& container) {
  for (std::size_t i = 0; i < program_of(container).probes.size(); ++i) {
    ProbeWorker& worker = workers_[container.first_probe + i];
    ++worker.generation;
    worker.anchor = kNever;
    worker.busy = worker.triggered = false;
  }
}

}  // namespace berth

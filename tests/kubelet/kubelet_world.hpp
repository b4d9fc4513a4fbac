// A kubelet with nodes, and what is around it played by fakes: for tests of timelines.
#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/kubelet/kubelet.hpp"

namespace berth {

// Images are there unless `answers` has something else to say, first come first served; an empty answer comes after
// `delay`, by whoever plays the image manager (World::answer).
class FakeImages final : public PodImages {
 public:
  std::optional<ImageResult> ensure(const ImageAsk& ask) override {
    asks.push_back(ask);
    if (later) return std::nullopt;
    if (answers.empty()) return ImageResult::kPresent;
    const ImageResult result = answers.front();
    answers.erase(answers.begin());
    return result;
  }
  void forget(PodSlot, std::uint32_t, NodeId) override {}
  void container_created(NodeId, ImageId) override { ++containers; }
  void container_removed(NodeId, ImageId) override { --containers; }
  Disk disk(NodeId) const override { return on_disk; }
  std::int64_t remove_unused(NodeId) override {
    on_disk.image_bytes -= unused_bytes;
    return std::exchange(unused_bytes, 0);
  }
  void local_bytes_grew(NodeId) override { ++grew; }

  std::vector<ImageResult> answers;
  std::vector<ImageAsk> asks;
  bool later = false;
  std::int64_t containers = 0;
  Disk on_disk;                   // Of every node.
  std::int64_t unused_bytes = 0;  // Of the images on it.
  int grew = 0;
};

class FakeVolumes final : public PodVolumes {
 public:
  bool mount(PodSlot, std::uint32_t, NodeId) override { return !later; }
  bool unmount(PodSlot, std::uint32_t, NodeId) override { return !later; }
  bool later = false;
};

inline constexpr double kLongAgo = -1000;  // Whole seconds, so grids are whole seconds; too long ago for probe offsets.

class World : public KubeletListener, public JournalSink {
 public:
  explicit World(std::uint64_t seed = 1) : World(options(seed)) {}
  explicit World(const KubeletOptions& given) : kubelet(engine, journal, images, volumes, *this, given) {
    journal.add_sink(this);
  }

  // 0.5 s for a sandbox, 0.125 s each to create and to start a container: whole binary fractions of a second.
  static KubeletOptions options(std::uint64_t seed) {
    KubeletOptions out;
    out.seed = seed;
    out.sandbox_time = Distribution::constant(0.5);
    out.create_time = Distribution::constant(0.125);
    out.start_time = Distribution::constant(0.125);
    return out;
  }

  void node(std::uint32_t id = 0, std::int64_t memory_capacity = 0) {
    kubelet.add_node(NodeId{id}, {{1000'000, std::int64_t{1} << 50, 0}, 1000, memory_capacity}, at(kLongAgo));
  }
  PodSlot pod(const kube::api::Pod& spec, std::uint32_t node = 0) {
    const ProgramId program = kubelet.add_program(compile_pod(spec, [](std::string_view) { return ImageId{0}; }));
    return kubelet.add_pod(NodeId{node}, program, next_ordinal++, 0);
  }
  void run_to(double end) {
    Event event;
    while (engine.next(at(end), event)) {
      if (event.kind == EventKind::kPodArrived) continue;  // Only there to move the clock.
      kubelet.handle(event);
    }
    engine.schedule(at(end), kPhaseArrive, {0, 0, EventKind::kPodArrived, 0});
    while (engine.next(at(end), event)) {
      if (event.kind != EventKind::kPodArrived) kubelet.handle(event);
    }
  }
  static double clock(Time t) { return static_cast<double>(t.ns) / 1e9; }  // Nearest double: prints as written.
  static Time at(double s) { return Time{from_seconds(s).ns}; }

  // A line for each record: "0.75 ContainerStarted 0 …". Container numbers, reasons and values where the kind has them.
  std::vector<std::string> lines(const std::set<RecordKind>& only = {}) {
    journal.finish(engine.now());
    std::vector<std::string> out;
    for (const Record& r : records) {
      if (only.empty() || only.count(r.kind) > 0) out.push_back(line(r));
    }
    return out;
  }
  static std::string line(const Record& r) {
    std::string out = fmt::format("{} {}", clock(r.at), to_string(r.kind));
    switch (r.kind) {
      case RecordKind::kPodTerminating:
        return out + fmt::format(" {}", r.value);
      case RecordKind::kPodRejected:
        return out + fmt::format(" {}", to_string(static_cast<FailReason>(r.reason)));
      case RecordKind::kContainerStarted:
        return out + fmt::format(" {} {}", r.container, r.value);
      case RecordKind::kContainerWaiting:
        return out + fmt::format(" {} {} {}", r.container, to_string(static_cast<WaitingReason>(r.reason)), r.value);
      case RecordKind::kContainerKilling:
        return out + fmt::format(" {} {}", r.container, to_string(static_cast<KillReason>(r.reason)));
      case RecordKind::kContainerExited:
        return out + fmt::format(" {} {} {}", r.container, r.value, to_string(static_cast<ExitReason>(r.reason)));
      case RecordKind::kProbeFailed:
        return out + fmt::format(" {} {} {}", r.container, to_string(static_cast<ProbeKind>(r.reason)), r.value);
      case RecordKind::kContainerCreated:
      case RecordKind::kContainerPostStarted:
      case RecordKind::kContainerUp:
      case RecordKind::kContainerReady:
      case RecordKind::kContainerNotReady:
        return out + fmt::format(" {}", r.container);
      default:
        return out;
    }
  }

  void pod_status_changed(PodSlot pod, std::uint32_t) override {
    const PodStatus& status = kubelet.status(pod);
    if (phases.empty() || phases.back().second != status.phase) phases.emplace_back(engine.now(), status.phase);
    ++changes;
  }
  void pod_gone(PodSlot, std::uint32_t) override { gone.push_back(clock(engine.now())); }
  void memory_pressure_changed(NodeId, bool pressure) override {
    pressures.emplace_back(clock(engine.now()), pressure);
  }
  void disk_pressure_changed(NodeId, bool pressure) override {
    disk_pressures.emplace_back(clock(engine.now()), pressure);
  }
  void leaks_of(std::uint32_t, std::uint16_t, std::vector<MemoryLeak>& out) override {
    out.insert(out.end(), leaks.begin(), leaks.end());
  }
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override { records.insert(records.end(), batch.begin(), batch.end()); }
  void finish(Time) override {}

  Engine<Event> engine;
  Journal journal;
  FakeImages images;
  FakeVolumes volumes;
  Kubelet kubelet;
  std::vector<Record> records;
  std::vector<std::pair<Time, StatusPhase>> phases;  // As reported, of all pods.
  std::vector<double> gone;
  std::vector<std::pair<double, bool>> pressures, disk_pressures;
  std::vector<MemoryLeak> leaks;  // Of every process.
  std::size_t changes = 0;
  std::uint32_t next_ordinal = 0;
};

// Pods by hand.
struct PodMaker {
  kube::api::Pod pod;

  explicit PodMaker(kube::api::RestartPolicy policy = kube::api::RestartPolicy::kAlways) {
    pod.spec.restart_policy = policy;
  }
  kube::api::ContainerSpec& add() {
    pod.scheduling.containers.emplace_back();
    return pod.spec.containers.emplace_back();
  }
  kube::api::ContainerSpec& init(bool sidecar = false) {
    pod.scheduling.init_containers.emplace_back().restart_always = sidecar;
    kube::api::ContainerSpec& spec = pod.spec.init_containers.emplace_back();
    if (sidecar) {
      spec.restart_policy = kube::api::RestartPolicy::kAlways;
    } else {
      spec.behavior.run_time = Distribution::constant(1);
    }
    return spec;
  }
};

inline kube::api::Handler sleep_hook(std::int64_t s) {
  kube::api::Handler out;
  out.kind = kube::api::Handler::Kind::kSleep;
  out.sleep = seconds(s);
  return out;
}

inline kube::api::Probe probe_every(std::int64_t period_s, std::int32_t failures = 3) {
  kube::api::Probe out;
  out.period = seconds(period_s);
  out.failure_threshold = failures;
  return out;
}

inline kube::Quantity quantity(std::int64_t whole) {
  kube::Quantity out;
  out.nano = static_cast<kube::Quantity::Nano>(whole) * 1'000'000'000;
  return out;
}

}  // namespace berth

// A pod's manifest made ready for running: what the kubelet needs of it as plain numbers, worked out once per template
// and shared by all of its pods. Init containers come first, then the regular ones, as in Record::container.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/container_behavior.hpp"
#include "sim/cluster/image.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "sim/engine/time.hpp"
#include "sim/kubelet/qos.hpp"

namespace berth {

enum class ProgramId : std::uint32_t {};
constexpr std::size_t index(ProgramId id) {
  return static_cast<std::size_t>(id);
}

struct ProbeProgram {
  ProbeKind kind{};
  Duration initial_delay;
  Duration period;
  Duration timeout;
  std::int32_t success_threshold = 1;
  std::int32_t failure_threshold = 3;
  std::optional<Duration> grace;  // Of a container that it kills; absent: the pod's.
};

// Model: a hook that sleeps (the sleep action, or a command `sleep N`, bare or as all that `sh -c` is given) takes that
// long, all others no time. A postStart request over HTTP fails if the container cannot answer yet.
struct HookProgram {
  bool present = false;
  bool needs_answer = false;  // httpGet.
  Duration takes;
};

enum class ContainerKind : std::uint8_t { kInit, kSidecar, kRegular };

inline constexpr std::uint16_t kNoVolume = 0xFFFF;

struct ContainerProgram {
  ContainerKind kind = ContainerKind::kRegular;
  ImageId image{};
  kube::api::PullPolicy pull_policy = kube::api::PullPolicy::kIfNotPresent;
  kube::api::RestartPolicy restart_policy = kube::api::RestartPolicy::kAlways;  // The container's or the pod's.
  std::vector<kube::api::RestartRule> restart_rules;
  std::vector<ProbeProgram> probes;  // At most one of a kind, in the order of ProbeKind.
  HookProgram post_start, pre_stop;
  kube::api::ContainerBehavior behavior;
  std::int64_t memory_request = 0;      // Bytes; 0: none.
  std::int64_t memory_limit = 0;        // 0: none.
  std::int64_t disk_limit = 0;          // Of its layer and logs; 0: none.
  std::uint16_t empty_dir = kNoVolume;  // Among PodProgram::empty_dirs: where behavior.empty_dir is written.
  std::int64_t cpu_use_milli = 0;       // What its process uses all the time, if said; 0: not said.
  double slow_down = 1;                 // By which throttling to the cpu limit stretches run and start-up times, >= 1.
  std::optional<Duration> oom_after;    // Age at which the memory curve is first above the limit.

  bool has_probe(ProbeKind probe) const {
    for (const ProbeProgram& p : probes) {
      if (p.kind == probe) return true;
    }
    return false;
  }
};

struct PodProgram {
  std::vector<ContainerProgram> containers;
  std::uint16_t init_containers = 0;  // How many of them are init containers or sidecars.
  std::uint32_t probes = 0;           // Of all containers.
  bool has_sidecars = false;
  bool restarts_on_failure = true;  // The pod's policy is not Never: a lost sandbox is made anew.
  Duration grace;
  std::optional<Duration> active_deadline;
  bool has_readiness_gates = false;
  QosClass qos = QosClass::kBestEffort;
  std::int32_t priority = 0;
  bool critical = false;                   // system-cluster-critical and above: never evicted by the kubelet.
  bool node_critical = false;              // system-node-critical.
  bool tolerates_memory_pressure = false;  // By a toleration of the taint.
  std::vector<std::int64_t> empty_dirs;    // On disk: their size limits; 0: none.
  std::int64_t disk_limit = 0;             // Of all that its containers write to the node's disk; 0: none.
  bool has_disk_limits = false;            // Of any kind.
  Resources request;                       // Of the whole pod, as the scheduler counts it.
  TemplateId pod_template = kNoTemplate;   // For the journal.
};

// `image_of` gives the id of an image by its name as written. Allocates; once per template. Throws what `image_of`
// throws. At most 1,022 containers (BERTH_CHECK).
PodProgram compile_pod(const kube::api::Pod& pod, const std::function<ImageId(std::string_view)>& image_of);

// What an exit with this code asks for. Rules are looked at first, in their order, then the policy. Init containers
// that ended well are done under any policy. Source: pkg/api/v1/pod/util.go.
enum class RestartAction : std::uint8_t { kNone, kRestart, kRestartAllContainers };
RestartAction restart_action(const ContainerProgram& container, std::int32_t exit_code);

}  // namespace berth

#include "sim/kubelet/pod_program.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

using kube::Container;
using kube::Quantity;
using kube::api::ContainerSpec;
using kube::api::Handler;
using kube::api::Pod;
using kube::api::Probe;
using kube::api::RestartPolicy;

// spec.priority of the built-in classes system-cluster-critical and system-node-critical.
constexpr std::int32_t kSystemCritical = 2'000'000'000;
constexpr std::int32_t kNodeCritical = 2'000'001'000;

// "15" or "0.5", the argument of sleep.
std::optional<Duration> sleep_seconds(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value < 1e9)) return std::nullopt;
  return from_seconds(value);
}

Duration command_time(const std::vector<std::string>& command) {
  const auto is = [](const std::string& word, std::string_view name) {
    return word == name || word.ends_with(std::string("/").append(name));
  };
  if (command.size() == 2 && is(command[0], "sleep")) return sleep_seconds(command[1]).value_or(Duration{});
  if (command.size() == 3 && (is(command[0], "sh") || is(command[0], "bash")) && command[1] == "-c") {
    constexpr std::string_view kSleep = "sleep ";
    const std::string_view script = command[2];
    if (script.starts_with(kSleep)) return sleep_seconds(script.substr(kSleep.size())).value_or(Duration{});
  }
  return {};
}

HookProgram hook(const std::optional<Handler>& handler) {
  if (!handler) return {};
  HookProgram out{.present = true, .needs_answer = handler->kind == Handler::Kind::kHttpGet, .takes = {}};
  if (handler->kind == Handler::Kind::kSleep) out.takes = handler->sleep;
  if (handler->kind == Handler::Kind::kExec) out.takes = command_time(handler->command);
  return out;
}

void add_probe(ContainerProgram& out, ProbeKind kind, const std::optional<Probe>& probe) {
  if (!probe) return;
  out.probes.push_back({.kind = kind,
                        .initial_delay = probe->initial_delay,
                        .period = std::max(probe->period, seconds(1)),
                        .timeout = probe->timeout,
                        .success_threshold = probe->success_threshold,
                        .failure_threshold = probe->failure_threshold,
                        .grace = probe->termination_grace});
}

std::int64_t amount(const kube::ResourceList& list, std::string_view name, bool milli) {
  const Quantity* found = list.find(name);
  if (found == nullptr) return 0;
  return milli ? found->milli_value() : found->value();
}

ContainerProgram compile(const Pod& pod, const Container& container, const ContainerSpec& spec, bool init,
                         const std::function<ImageId(std::string_view)>& image_of) {
  ContainerProgram out;
  const bool sidecar = init && (container.restart_always || spec.restart_policy == RestartPolicy::kAlways);
  out.kind = !init ? ContainerKind::kRegular : sidecar ? ContainerKind::kSidecar : ContainerKind::kInit;
  out.image = image_of(container.image);
  out.pull_policy = spec.pull_policy;
  out.restart_policy = sidecar ? RestartPolicy::kAlways : spec.restart_policy.value_or(pod.spec.restart_policy);
  out.restart_rules = spec.restart_rules;
  add_probe(out, ProbeKind::kStartup, spec.startup);
  add_probe(out, ProbeKind::kLiveness, spec.liveness);
  add_probe(out, ProbeKind::kReadiness, spec.readiness);
  out.post_start = hook(spec.post_start);
  out.pre_stop = hook(spec.pre_stop);
  out.behavior = spec.behavior;
  out.memory_request = amount(container.requests, "memory", false);
  out.memory_limit = amount(container.limits, "memory", false);
  out.disk_limit = amount(container.limits, "ephemeral-storage", false);
  const std::int64_t cpu_limit = amount(container.limits, "cpu", true);
  if (cpu_limit > 0 && spec.behavior.cpu_milli > cpu_limit) {
    out.slow_down = static_cast<double>(spec.behavior.cpu_milli) / static_cast<double>(cpu_limit);
  }
  out.cpu_use_milli = cpu_limit > 0 ? std::min(spec.behavior.cpu_milli, cpu_limit) : spec.behavior.cpu_milli;
  if (out.memory_limit > 0) out.oom_after = spec.behavior.first_above(out.memory_limit, out.memory_request);
  return out;
}

// Volumes on the node's disk, and who writes to which. Model: a container writes to the first one that it mounts.
void add_empty_dirs(const Pod& pod, PodProgram& out) {
  std::vector<std::string_view> names;
  for (const kube::api::VolumeSpec& volume : pod.spec.volumes) {
    if (volume.type != "emptyDir" || volume.in_memory) continue;
    names.push_back(volume.name);
    out.empty_dirs.push_back(volume.size_limit ? volume.size_limit->value() : 0);
  }
  const std::size_t inits = pod.spec.init_containers.size();
  for (std::size_t i = 0; i < out.containers.size(); ++i) {
    ContainerProgram& container = out.containers[i];
    if (container.behavior.empty_dir.empty()) continue;
    const ContainerSpec& spec = i < inits ? pod.spec.init_containers[i] : pod.spec.containers[i - inits];
    for (const kube::api::VolumeMount& mount : spec.volume_mounts) {
      const auto at = std::find(names.begin(), names.end(), mount.volume);
      if (at == names.end()) continue;
      container.empty_dir = static_cast<std::uint16_t>(at - names.begin());
      break;
    }
  }
}

// Of the pod as a whole, from its containers: those without a limit count as none, as upstream. Source:
// component-helpers resource, PodLimits.
std::int64_t pod_disk_limit(const PodProgram& pod) {
  std::int64_t sidecars = 0, init = 0, sum = 0;
  for (const ContainerProgram& container : pod.containers) {
    if (container.kind == ContainerKind::kSidecar) sidecars += container.disk_limit;
    if (container.kind == ContainerKind::kInit) init = std::max(init, container.disk_limit + sidecars);
    if (container.kind == ContainerKind::kRegular) sum += container.disk_limit;
  }
  return std::max(sum + sidecars, init);
}

}  // namespace

PodProgram compile_pod(const Pod& pod, const std::function<ImageId(std::string_view)>& image_of) {
  PodProgram out;
  const kube::Pod& scheduling = pod.scheduling;
  BERTH_CHECK(scheduling.init_containers.size() == pod.spec.init_containers.size() &&
              scheduling.containers.size() == pod.spec.containers.size());
  BERTH_CHECK(!scheduling.containers.empty() &&
              scheduling.init_containers.size() + scheduling.containers.size() < 1023);
  for (std::size_t i = 0; i < scheduling.init_containers.size(); ++i) {
    out.containers.push_back(compile(pod, scheduling.init_containers[i], pod.spec.init_containers[i], true, image_of));
    out.has_sidecars = out.has_sidecars || out.containers.back().kind == ContainerKind::kSidecar;
  }
  out.init_containers = static_cast<std::uint16_t>(scheduling.init_containers.size());
  for (std::size_t i = 0; i < scheduling.containers.size(); ++i) {
    out.containers.push_back(compile(pod, scheduling.containers[i], pod.spec.containers[i], false, image_of));
  }
  for (const ContainerProgram& container : out.containers) {
    out.probes += static_cast<std::uint32_t>(container.probes.size());
  }
  add_empty_dirs(pod, out);
  out.disk_limit = pod_disk_limit(out);
  out.has_disk_limits = out.disk_limit > 0 ||
                        std::any_of(out.empty_dirs.begin(), out.empty_dirs.end(), [](auto limit) { return limit > 0; });
  out.restarts_on_failure = pod.spec.restart_policy != RestartPolicy::kNever;
  out.grace = pod.spec.termination_grace;
  out.active_deadline = pod.spec.active_deadline;
  out.has_readiness_gates = !pod.spec.readiness_gates.empty();
  out.qos = qos_class(pod);
  out.priority = scheduling.priority;
  out.critical = scheduling.priority >= kSystemCritical;
  out.node_critical = scheduling.priority >= kNodeCritical;
  out.tolerates_memory_pressure =
      kube::tolerated(scheduling.tolerations, {"node.kubernetes.io/memory-pressure", "", {}});
  const kube::Resource request = kube::to_resource(kube::pod_requests(scheduling, {}));
  out.request = {request.milli_cpu, request.memory, request.ephemeral_storage};
  return out;
}

RestartAction restart_action(const ContainerProgram& container, std::int32_t exit_code) {
  for (const kube::api::RestartRule& rule : container.restart_rules) {
    const bool listed = std::find(rule.exit_codes.begin(), rule.exit_codes.end(), exit_code) != rule.exit_codes.end();
    if (listed != rule.in) continue;
    return rule.restart_all_containers ? RestartAction::kRestartAllContainers : RestartAction::kRestart;
  }
  const bool well = exit_code == 0;
  switch (container.restart_policy) {
    case RestartPolicy::kAlways:
      return well && container.kind == ContainerKind::kInit ? RestartAction::kNone : RestartAction::kRestart;
    case RestartPolicy::kOnFailure:
      return well ? RestartAction::kNone : RestartAction::kRestart;
    case RestartPolicy::kNever:
      break;
  }
  return RestartAction::kNone;
}

}  // namespace berth

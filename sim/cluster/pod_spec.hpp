// A pod as it was submitted: what the scheduler looks at (kube::Pod) and beside it what the kubelet does with it:
// commands, environment, probes, hooks, restart rules, volumes. Every field is held once: names, images, requests and
// limits of containers are in `scheduling`, the rest of container i in `spec.containers[i]`.
// Source: core/v1 of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/api_meta.hpp"
#include "sim/cluster/container_behavior.hpp"
#include "sim/cluster/kube_objects.hpp"
#include "sim/engine/time.hpp"

namespace berth::kube::api {

// What a probe or a hook does.
struct Handler {
  enum class Kind : std::uint8_t { kExec, kHttpGet, kTcpSocket, kGrpc, kSleep };
  Kind kind = Kind::kExec;
  std::vector<std::string> command;  // kExec.
  PortRef port;                      // kHttpGet, kTcpSocket, kGrpc (by number).
  std::string host;                  // Empty: the pod's own address.
  std::string path;                  // kHttpGet.
  std::string scheme;                // kHttpGet: HTTP or HTTPS.
  std::string service;               // kGrpc.
  Duration sleep;                    // kSleep.
};

struct Probe {
  Handler handler;
  Duration initial_delay;
  Duration period = seconds(10);
  Duration timeout = seconds(1);
  std::int32_t success_threshold = 1;
  std::int32_t failure_threshold = 3;
  std::optional<Duration> termination_grace;  // Absent: the pod's.
};

struct EnvVar {
  enum class Source : std::uint8_t { kValue, kField, kResource, kConfigMap, kSecret, kFile };
  std::string name;
  Source source = Source::kValue;
  std::string value;   // kValue, as written: $(OTHER) not expanded.
  std::string object;  // Name of the ConfigMap or Secret, of the container for kResource, of the volume for kFile.
  std::string key;     // Key in it, or the path of the field or resource.
  bool optional = false;
};

// All keys of a ConfigMap or Secret.
struct EnvFrom {
  bool secret = false;
  std::string object;
  std::string prefix;
  bool optional = false;
};

struct NamedPort {
  std::string name;
  std::int32_t container_port = 0;
  std::int32_t host_port = 0;  // 0: none.
  std::string protocol;        // TCP, UDP, SCTP.
};

struct VolumeMount {
  std::string volume;
  std::string mount_path;
  std::string sub_path;
  bool read_only = false;
};

enum class RestartPolicy : std::uint8_t { kAlways, kOnFailure, kNever };
enum class PullPolicy : std::uint8_t { kIfNotPresent, kAlways, kNever };

// What to do instead of what the restart policy says, for these exit codes.
struct RestartRule {
  bool restart_all_containers = false;  // Else this container alone.
  bool in = true;                       // Else: for all codes that are not listed.
  std::vector<std::int32_t> exit_codes;
};

struct ContainerSpec {
  std::vector<std::string> command;  // Empty: the image's entry point.
  std::vector<std::string> args;
  std::string working_dir;
  std::vector<NamedPort> ports;
  std::vector<EnvVar> env;
  std::vector<EnvFrom> env_from;
  std::vector<VolumeMount> volume_mounts;
  std::vector<std::pair<std::string, std::string>> volume_devices;  // Volume, device path.
  std::optional<Probe> startup, liveness, readiness;
  std::optional<Handler> post_start, pre_stop;
  std::string stop_signal;                      // Empty: the image's.
  std::optional<RestartPolicy> restart_policy;  // Absent: the pod's.
  std::vector<RestartRule> restart_rules;       // The first that fits counts.
  PullPolicy pull_policy = PullPolicy::kIfNotPresent;
  ContainerBehavior behavior;
};

// A volume's own claim: of a StatefulSet's template, or of a generic ephemeral volume.
struct ClaimTemplate {
  ObjectMeta meta;
  kube::PersistentVolumeClaim claim;
};

struct VolumeSpec {
  std::string name;
  std::string type;                  // As the API calls it: emptyDir, configMap, persistentVolumeClaim, …
  std::vector<std::string> sources;  // Claim, ConfigMap, Secret, path, driver or reference; of a projected volume
                                     // "configMap/NAME", "secret/NAME", … in order.
  bool read_only = false;
  bool optional = false;               // configMap, secret: may be missing.
  bool in_memory = false;              // emptyDir: medium Memory.
  std::optional<Quantity> size_limit;  // emptyDir.
  std::optional<ClaimTemplate> claim;  // ephemeral.
};

struct PodSpec {
  RestartPolicy restart_policy = RestartPolicy::kAlways;
  Duration termination_grace = seconds(30);
  std::optional<Duration> active_deadline;
  bool host_network = false;
  std::string hostname;
  std::string subdomain;
  std::string service_account;
  std::string runtime_class;
  std::vector<std::string> readiness_gates;  // Condition types.
  std::vector<std::string> pull_secrets;
  ResourceList pod_limits;                     // spec.resources.limits.
  std::vector<ContainerSpec> containers;       // Beside scheduling.containers.
  std::vector<ContainerSpec> init_containers;  // Beside scheduling.init_containers.
  std::vector<VolumeSpec> volumes;             // Beside scheduling.volumes.
};

// A pod, or the template of one: then `scheduling` has no name.
struct Pod {
  StringMap annotations;
  std::string generate_name;
  kube::Pod scheduling;
  PodSpec spec;
};
using PodTemplate = Pod;

}  // namespace berth::kube::api

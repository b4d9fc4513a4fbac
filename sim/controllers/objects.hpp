// The API objects that the controllers of kube-controller-manager act on, as plain values: what decides what they do,
// and nothing else. Objects refer to each other by number, never by name. Times that the API server keeps are cut to
// whole seconds (api_time). Source: the core/v1, apps/v1, batch/v1 and policy/v1 types of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/kube_objects.hpp"
#include "sim/controllers/conditions.hpp"
#include "sim/engine/time.hpp"

namespace berth::controllers {

enum class ObjectKind : std::uint8_t {
  kNone,
  kReplicaSet,
  kDeployment,
  kStatefulSet,
  kDaemonSet,
  kJob,
  kCronJob,
  kPodDisruptionBudget,
  kNode,
  kControllerRevision,
  kPersistentVolumeClaim,
};

// The number of an object among those of its kind; never used again for another one.
using ObjectId = std::uint32_t;
inline constexpr ObjectId kNoObject = 0xFFFF'FFFF;

struct Owner {  // metadata.ownerReferences with controller: true. kNone: nobody.
  ObjectKind kind = ObjectKind::kNone;
  ObjectId id = kNoObject;
  friend bool operator==(const Owner&, const Owner&) = default;
};

// What every object but a pod has. Kept by the Store.
struct Meta {
  ObjectId id = kNoObject;
  std::uint64_t version = 0;    // resourceVersion: a write against an older one is a conflict.
  std::int64_t generation = 1;  // Counts changes of the spec.
  Time created;
  Owner owner;
};

// A number, or a percentage of another one.
struct IntOrPercent {
  std::int32_t value = 0;
  bool percent = false;
  // Of `total` >= 0; a percentage is rounded up or down to a whole number.
  std::int32_t of(std::int32_t total, bool round_up) const {
    if (!percent) return value;
    const std::int64_t product = std::int64_t{value} * total;
    return static_cast<std::int32_t>(round_up ? (product + 99) / 100 : product / 100);
  }
  friend bool operator==(const IntOrPercent&, const IntOrPercent&) = default;
};

// The whole second in which `t` lies: what the API server keeps of a time.
constexpr Time api_time(Time t) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t rest = t.ns % kSecond;
  return {t.ns - (rest < 0 ? rest + kSecond : rest)};
}

// --- Pods -----------------------------------------------------------------------------------------------------------

struct PodToleration {
  kube::Toleration match;
  std::optional<std::int64_t> seconds;  // tolerationSeconds; absent: for ever.
};

enum class RestartPolicy : std::uint8_t { kAlways, kOnFailure, kNever };

// What the pods of one template have in common. Templates are interned by `content`: equal content, equal TemplateId.
struct PodTemplate {
  std::string content;  // The whole template as text; two templates are one if this agrees.
  kube::StringMap labels;
  kube::StringMap node_selector;
  std::vector<PodToleration> tolerations;
  std::vector<std::string> containers;  // Names.
  RestartPolicy restart_policy = RestartPolicy::kAlways;
};

enum class Phase : std::uint8_t { kPending, kRunning, kSucceeded, kFailed, kUnknown };
constexpr bool finished(Phase phase) {
  return phase == Phase::kSucceeded || phase == Phase::kFailed;
}

// Why a pod has the condition DisruptionTarget=True.
enum class Disruption : std::uint8_t {
  kNone,
  kTerminationByKubelet,
  kEvictionByEvictionApi,
  kDeletionByTaintManager,
  kDeletionByPodGc,
};
const char* to_string(Disruption reason);  // "" for kNone.

// status, as a kubelet reports it.
struct PodStatus {
  Phase phase = Phase::kPending;
  bool ready = false;                         // Condition Ready=True.
  Disruption disruption = Disruption::kNone;  // Condition DisruptionTarget=True.
  Time ready_since = kNever;                  // Last transition of Ready; kNever: no such condition. Whole seconds.
  Time disrupted_since;                       // Whole seconds; with disruption alone.
  std::int32_t restarts = 0;                  // The highest among the containers.
  std::int32_t sidecar_restarts = 0;          // The highest among the sidecars.
  // Of the container that decided how the pod ended, once the pod has finished.
  std::int32_t exit_code = 0;
  std::uint16_t exit_container = 0;  // Index into the template's containers.
  bool container_ended = false;      // False: finished without any container's end being known.
  Time finished_at;                  // Whole seconds.
  friend bool operator==(const PodStatus&, const PodStatus&) = default;
};

struct Pod {
  PodId id = kNoPod;
  std::uint64_t uid = 0;  // Number of pods created before it, + 1: row numbers are used again, uids are not.
  Owner owner;
  TemplateId pod_template = kNoTemplate;
  NodeId node = kNoNode;          // spec.nodeName.
  NodeId wanted = kNoNode;        // The one node its affinity asks for (DaemonSet); kNoNode: any.
  ObjectId revision = kNoObject;  // Of a StatefulSet or DaemonSet: the ControllerRevision it was made from.
  std::int32_t ordinal = -1;      // Of a StatefulSet, or completion index of an indexed Job; -1: none.
  std::int32_t deletion_cost = 0;
  std::int32_t index_failures = 0;  // Annotation job-index-failure-count.
  std::int32_t index_ignored = 0;   // Annotation job-index-ignored-failure-count.
  bool tracked = false;             // Has the finalizer batch.kubernetes.io/job-tracking.
  bool terminating = false;         // Has a deletion timestamp.
  bool released = false;            // Nothing but the finalizer keeps it: its grace period is over.
  Time created;                     // Whole seconds.
  Time deleted_at;                  // When it was told to go; whole seconds. With terminating alone.
  PodStatus status;
  // Neighbours in the owner's and the node's list, in order of creation and of binding; kept by the Store.
  PodId owner_next = kNoPod, owner_previous = kNoPod;
  PodId node_next = kNoPod, node_previous = kNoPod;
  PodId template_next = kNoPod, template_previous = kNoPod;
};
constexpr bool active(const Pod& p) {
  return !finished(p.status.phase) && !p.terminating;
}
// Told to go and still there. Source: controller.IsPodTerminating.
constexpr bool going(const Pod& p) {
  return p.terminating && !finished(p.status.phase);
}
// Ready for at least `min_ready_seconds`. Source: podutil.IsPodAvailable.
constexpr bool available(const Pod& p, std::int32_t min_ready_seconds, Time now) {
  return p.status.ready && (min_ready_seconds == 0 || p.status.ready_since + seconds(min_ready_seconds) <= now);
}

// --- apps/v1 --------------------------------------------------------------------------------------------------------

struct ReplicaSet {
  static constexpr ObjectKind kKind = ObjectKind::kReplicaSet;
  struct Spec {
    std::int32_t replicas = 1;
    std::int32_t min_ready_seconds = 0;
    TemplateId pod_template = kNoTemplate;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  // What the Deployment controller writes on its ReplicaSets: no change of the spec.
  struct Annotations {
    std::int64_t revision = 0;  // 0: none.
    std::optional<std::int32_t> desired_replicas;
    std::optional<std::int32_t> max_replicas;
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::int64_t observed_generation = 0;
    std::int32_t replicas = 0;
    std::int32_t ready = 0;
    std::int32_t available = 0;
    std::int32_t terminating = 0;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};

struct Deployment {
  static constexpr ObjectKind kKind = ObjectKind::kDeployment;
  struct Spec {
    std::int32_t replicas = 1;
    TemplateId pod_template = kNoTemplate;
    bool recreate = false;  // strategy.type.
    IntOrPercent max_surge{25, true};
    IntOrPercent max_unavailable{25, true};
    std::int32_t min_ready_seconds = 0;
    std::optional<std::int32_t> progress_deadline_seconds = 600;
    std::optional<std::int32_t> revision_history_limit = 10;
    bool paused = false;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    std::int64_t revision = 0;
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::int64_t observed_generation = 0;
    std::int32_t replicas = 0;
    std::int32_t updated = 0;
    std::int32_t ready = 0;
    std::int32_t available = 0;
    std::int32_t unavailable = 0;
    std::int32_t terminating = 0;
    Conditions conditions;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};

// A template that a StatefulSet or DaemonSet has had.
struct ControllerRevision {
  static constexpr ObjectKind kKind = ObjectKind::kControllerRevision;
  struct Spec {
    TemplateId pod_template = kNoTemplate;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::int64_t revision = 0;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};

struct PersistentVolumeClaim {
  static constexpr ObjectKind kKind = ObjectKind::kPersistentVolumeClaim;
  struct Spec {
    std::uint16_t claim_template = 0;  // Index into the StatefulSet's volumeClaimTemplates.
    std::int32_t ordinal = 0;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  // With at least one owner it goes when the last of them does.
  struct Annotations {
    bool owned_by_set = false;
    std::uint64_t owned_by_pod = 0;  // Its uid; 0: no pod.
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;  // owner: the StatefulSet whose claim it is, in name; `owned_by_set` says whether it is an owner.
  Spec spec;
  Annotations annotations;
  Status status;
};

struct StatefulSet {
  static constexpr ObjectKind kKind = ObjectKind::kStatefulSet;
  struct Spec {
    std::int32_t replicas = 1;
    TemplateId pod_template = kNoTemplate;
    bool parallel = false;                        // podManagementPolicy.
    bool on_delete = false;                       // updateStrategy.type.
    std::optional<std::int32_t> partition = 0;    // Absent: spec.updateStrategy has no rollingUpdate at all.
    std::optional<IntOrPercent> max_unavailable;  // Absent: 1.
    std::int32_t start_ordinal = 0;
    std::int32_t min_ready_seconds = 0;
    std::int32_t revision_history_limit = 10;
    std::uint16_t claim_templates = 0;  // How many.
    bool delete_claims_when_deleted = false;
    bool delete_claims_when_scaled = false;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::int64_t observed_generation = 0;
    std::int32_t replicas = 0;
    std::int32_t ready = 0;
    std::int32_t available = 0;
    std::int32_t current = 0;
    std::int32_t updated = 0;
    ObjectId current_revision = kNoObject;
    ObjectId update_revision = kNoObject;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};

struct DaemonSet {
  static constexpr ObjectKind kKind = ObjectKind::kDaemonSet;
  struct Spec {
    TemplateId pod_template = kNoTemplate;
    bool on_delete = false;
    IntOrPercent max_unavailable{1, false};
    IntOrPercent max_surge{0, false};
    std::int32_t min_ready_seconds = 0;
    std::int32_t revision_history_limit = 10;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::int64_t observed_generation = 0;
    std::int32_t desired = 0;
    std::int32_t current = 0;
    std::int32_t misscheduled = 0;
    std::int32_t ready = 0;
    std::int32_t updated = 0;
    std::int32_t available = 0;
    std::int32_t unavailable = 0;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};

}  // namespace berth::controllers

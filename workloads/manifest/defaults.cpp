#include "workloads/manifest/defaults.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace berth::manifest {
namespace {

using Json = nlohmann::json;

// Sets what is not there. An empty string counts as not there, as Go's "omitempty" has it.
Json& put(Json& object, const char* key, const Json& value) {
  Json& member = object[key];
  if (member.is_null() || (member.is_string() && member.get_ref<const std::string&>().empty())) member = value;
  return member;
}
// The same where Go's zero stands for "not set".
void put_for_zero(Json& object, const char* key, int value) {
  Json& member = object[key];
  if (member.is_null() || member == 0) member = value;
}
// The member if it is there, else null.
Json* find(Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}
bool is(Json& object, const char* key, const char* value) {
  const Json* member = find(object, key);
  return member != nullptr && *member == value;
}
bool empty(Json& object, const char* key) {
  const Json* member = find(object, key);
  return member == nullptr || member->empty();
}

void set_handler(Json& holder) {
  if (Json* get = find(holder, "httpGet")) {
    put(*get, "path", "/");
    put(*get, "scheme", "HTTP");
  }
}

void set_probe(Json& probe) {
  put_for_zero(probe, "timeoutSeconds", 1);
  put_for_zero(probe, "periodSeconds", 10);
  put_for_zero(probe, "successThreshold", 1);
  put_for_zero(probe, "failureThreshold", 3);
  set_handler(probe);
  if (Json* grpc = find(probe, "grpc")) (*grpc)["service"] = grpc->value("service", "");
}

void set_container(Json& container) {
  put(container, "imagePullPolicy", pulls_always(container.value("image", "")) ? "Always" : "IfNotPresent");
  if (Json* ports = find(container, "ports")) {
    for (Json& port : *ports) put(port, "protocol", "TCP");
  }
  for (const char* name : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (Json* probe = find(container, name)) set_probe(*probe);
  }
  if (Json* lifecycle = find(container, "lifecycle")) {
    for (const char* name : {"postStart", "preStop"}) {
      if (Json* hook = find(*lifecycle, name)) set_handler(*hook);
    }
  }
}

void set_claim_spec(Json& spec) {
  put(spec, "volumeMode", "Filesystem");
}

void set_volume(Json& volume) {
  bool any = false;
  for (const auto& [key, member] : volume.items()) any = any || (key != "name" && !member.is_null());
  if (!any) volume["emptyDir"] = Json::object();
  if (Json* ephemeral = find(volume, "ephemeral")) {
    if (Json* claim = find(*ephemeral, "volumeClaimTemplate")) {
      if (Json* spec = find(*claim, "spec")) set_claim_spec(*spec);
    }
  }
}

void set_pod_spec(Json& spec) {
  put(spec, "restartPolicy", "Always");
  put(spec, "terminationGracePeriodSeconds", 30);
  put(spec, "schedulerName", "default-scheduler");
  for (const char* list : {"containers", "initContainers"}) {
    if (Json* containers = find(spec, list)) {
      for (Json& container : *containers) set_container(container);
    }
  }
  if (Json* volumes = find(spec, "volumes")) {
    for (Json& volume : *volumes) set_volume(volume);
  }
  // The older name of the same field, which the conversion copies.
  if (Json* account = find(spec, "serviceAccount")) put(spec, "serviceAccountName", *account);
  // Limits of the pod as a whole are its requests, where nothing else gives them: left to the decoder.
}

void set_template(Json& spec) {
  if (Json* pod = find(spec, "template")) {
    if (Json* pod_spec = find(*pod, "spec")) set_pod_spec(*pod_spec);
  }
}

void set_deployment(Json& object) {
  Json& spec = object["spec"];
  put(spec, "replicas", 1);
  put(spec, "revisionHistoryLimit", 10);
  put(spec, "progressDeadlineSeconds", 600);
  Json& strategy = put(spec, "strategy", Json::object());
  if (put(strategy, "type", "RollingUpdate") == "RollingUpdate") {
    Json& rolling = put(strategy, "rollingUpdate", Json::object());
    put(rolling, "maxUnavailable", "25%");
    put(rolling, "maxSurge", "25%");
  }
  set_template(spec);
}

void set_replica_set(Json& object) {
  put(object["spec"], "replicas", 1);
  set_template(object["spec"]);
}

void set_replication_controller(Json& object) {
  Json& spec = object["spec"];
  put(spec, "replicas", 1);
  const Json labels = spec["template"].value("/metadata/labels"_json_pointer, Json());
  if (!labels.empty()) {
    if (empty(spec, "selector")) spec["selector"] = labels;
    if (empty(object["metadata"], "labels")) object["metadata"]["labels"] = labels;
  }
  set_template(spec);
}

void set_stateful_set(Json& object) {
  Json& spec = object["spec"];
  put(spec, "replicas", 1);
  put(spec, "revisionHistoryLimit", 10);
  put(spec, "podManagementPolicy", "OrderedReady");
  Json& strategy = put(spec, "updateStrategy", Json::object());
  if (empty(strategy, "type")) {
    strategy["type"] = "RollingUpdate";
    put(strategy, "rollingUpdate", Json::object());
  }
  if (is(strategy, "type", "RollingUpdate")) {
    if (Json* rolling = find(strategy, "rollingUpdate")) {
      put(*rolling, "partition", 0);
      put(*rolling, "maxUnavailable", 1);  // MaxUnavailableStatefulSet is on in 1.37.
    }
  }
  Json& retention = put(spec, "persistentVolumeClaimRetentionPolicy", Json::object());
  put(retention, "whenDeleted", "Retain");
  put(retention, "whenScaled", "Retain");
  if (Json* claims = find(spec, "volumeClaimTemplates")) {
    for (Json& claim : *claims) {
      if (Json* claim_spec = find(claim, "spec")) set_claim_spec(*claim_spec);
    }
  }
  set_template(spec);
}

void set_daemon_set(Json& object) {
  Json& spec = object["spec"];
  put(spec, "revisionHistoryLimit", 10);
  Json& strategy = put(spec, "updateStrategy", Json::object());
  if (put(strategy, "type", "RollingUpdate") == "RollingUpdate") {
    Json& rolling = put(strategy, "rollingUpdate", Json::object());
    put(rolling, "maxUnavailable", 1);
    put(rolling, "maxSurge", 0);
  }
  set_template(spec);
}

void set_failure_policy(Json& spec) {
  Json* policy = find(spec, "podFailurePolicy");
  if (policy == nullptr) return;
  for (Json& rule : policy->at("rules")) {
    if (Json* conditions = find(rule, "onPodConditions")) {
      for (Json& condition : *conditions) put(condition, "status", "True");
    }
  }
}

void set_job(Json& object) {
  Json& spec = object["spec"];
  if (find(spec, "completions") == nullptr && find(spec, "parallelism") == nullptr) spec["completions"] = 1;
  put(spec, "parallelism", 1);
  const bool per_index = find(spec, "backoffLimitPerIndex") != nullptr;
  put(spec, "backoffLimit", per_index ? std::numeric_limits<std::int32_t>::max() : 6);
  const Json labels = spec["template"].value("/metadata/labels"_json_pointer, Json());
  if (!labels.empty() && object.contains("metadata") && empty(object["metadata"], "labels")) {
    object["metadata"]["labels"] = labels;
  }
  put(spec, "completionMode", "NonIndexed");
  put(spec, "suspend", false);
  put(spec, "manualSelector", false);
  put(spec, "podReplacementPolicy", find(spec, "podFailurePolicy") != nullptr ? "Failed" : "TerminatingOrFailed");
  set_failure_policy(spec);
  set_template(spec);
}

void set_cron_job(Json& object) {
  Json& spec = object["spec"];
  put(spec, "concurrencyPolicy", "Allow");
  put(spec, "suspend", false);
  put(spec, "successfulJobsHistoryLimit", 3);
  put(spec, "failedJobsHistoryLimit", 1);
  // The job's own defaults come when it is made; those of its pods and rules are there at once.
  if (Json* job = find(spec, "jobTemplate")) {
    if (Json* job_spec = find(*job, "spec")) {
      set_failure_policy(*job_spec);
      set_template(*job_spec);
    }
  }
}

void set_service(Json& object) {
  Json& spec = object["spec"];
  if (put(spec, "sessionAffinity", "None") == "ClientIP") {
    const Json given = spec.value("/sessionAffinityConfig/clientIP/timeoutSeconds"_json_pointer, Json());
    if (given.is_null()) spec["sessionAffinityConfig"] = {{"clientIP", {{"timeoutSeconds", 10800}}}};
  } else {
    spec.erase("sessionAffinityConfig");
  }
  const std::string type = put(spec, "type", "ClusterIP");
  if (Json* ports = find(spec, "ports")) {
    for (Json& port : *ports) {
      put(port, "protocol", "TCP");
      Json& target = port["targetPort"];
      if (target.is_null() || target == 0 || target == "") target = port["port"];
    }
  }
  if (type == "NodePort" || type == "LoadBalancer") put(spec, "externalTrafficPolicy", "Cluster");
  if (type != "ExternalName") put(spec, "internalTrafficPolicy", "Cluster");
}

void set_ports(Json& holder) {
  if (Json* ports = find(holder, "ports")) {
    for (Json& port : *ports) put(port, "protocol", "TCP");
  }
}

void set_limit_range(Json& object) {
  for (Json& item : object["spec"]["limits"]) {
    if (item.value("type", "") != "Container") continue;
    Json& limits = put(item, "default", Json::object());
    Json& requests = put(item, "defaultRequest", Json::object());
    const auto copy = [](const Json* from, Json& to) {
      if (from == nullptr) return;
      for (const auto& [name, amount] : from->items()) {
        if (!to.contains(name)) to[name] = amount;
      }
    };
    copy(find(item, "max"), limits);
    copy(&limits, requests);
    copy(find(item, "min"), requests);
  }
}

void set_autoscaler(Json& object) {
  Json& spec = object["spec"];
  put(spec, "minReplicas", 1);
  if (empty(spec, "metrics")) {  // autoscaling/v1 says as much of them as one number.
    const Json percent = spec.value("targetCPUUtilizationPercentage", Json(80));
    spec["metrics"] = Json::array(
        {{{"type", "Resource"},
          {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", percent}}}}}}});
  }
  spec.erase("targetCPUUtilizationPercentage");
  Json* behavior = find(spec, "behavior");
  if (behavior == nullptr) return;
  Json& up = put(*behavior, "scaleUp", Json::object());
  Json& down = put(*behavior, "scaleDown", Json::object());
  put(up, "stabilizationWindowSeconds", 0);
  for (Json* rules : {&up, &down}) put(*rules, "selectPolicy", "Max");
  const Json percent = {{"type", "Percent"}, {"value", 100}, {"periodSeconds", 15}};
  if (find(up, "policies") == nullptr) {
    up["policies"] = Json::array({{{"type", "Pods"}, {"value", 4}, {"periodSeconds", 15}}, percent});
  }
  if (find(down, "policies") == nullptr) down["policies"] = Json::array({percent});
}

void set_node(Json& object) {
  Json* status = find(object, "status");
  if (status != nullptr && find(*status, "allocatable") == nullptr && find(*status, "capacity") != nullptr) {
    (*status)["allocatable"] = (*status)["capacity"];
  }
}

void set_pod(Json& object) {
  set_pod_spec(object["spec"]);
}
void set_namespace(Json& object) {
  Json& metadata = object["metadata"];
  const std::string name = metadata.value("name", "");
  if (!name.empty()) metadata["labels"]["kubernetes.io/metadata.name"] = name;
}
void set_volume_object(Json& object) {
  put(object["spec"], "persistentVolumeReclaimPolicy", "Retain");
  put(object["spec"], "volumeMode", "Filesystem");
  put(put(object, "status", Json::object()), "phase", "Pending");
}
void set_claim(Json& object) {
  set_claim_spec(object["spec"]);
  put(put(object, "status", Json::object()), "phase", "Pending");
}
void set_storage_class(Json& object) {
  put(object, "reclaimPolicy", "Delete");
  put(object, "volumeBindingMode", "Immediate");
}
void set_endpoints(Json& object) {
  if (Json* subsets = find(object, "subsets")) {
    for (Json& subset : *subsets) set_ports(subset);
  }
}
void set_priority_class(Json& object) {
  put(object, "preemptionPolicy", "PreemptLowerPriority");
}
void set_csi_driver(Json& object) {
  put(object["spec"], "storageCapacity", false);
}

}  // namespace

bool pulls_always(std::string_view image) {
  const std::size_t digest = image.find('@');
  image = image.substr(0, digest);
  const std::size_t slash = image.rfind('/');
  const std::size_t colon = image.rfind(':');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash)) {
    return digest == std::string_view::npos;  // No tag is latest, but a digest needs none.
  }
  return image.substr(colon + 1) == "latest";
}

void set_defaults(std::string_view kind, nlohmann::json& object) {
  struct Entry {
    std::string_view kind;
    void (*set)(Json&);
  };
  static constexpr Entry kEntries[] = {{"Pod", set_pod},
                                       {"Deployment", set_deployment},
                                       {"ReplicaSet", set_replica_set},
                                       {"ReplicationController", set_replication_controller},
                                       {"StatefulSet", set_stateful_set},
                                       {"DaemonSet", set_daemon_set},
                                       {"Job", set_job},
                                       {"CronJob", set_cron_job},
                                       {"Service", set_service},
                                       {"Endpoints", set_endpoints},
                                       {"EndpointSlice", set_ports},
                                       {"LimitRange", set_limit_range},
                                       {"HorizontalPodAutoscaler", set_autoscaler},
                                       {"Namespace", set_namespace},
                                       {"Node", set_node},
                                       {"PersistentVolume", set_volume_object},
                                       {"PersistentVolumeClaim", set_claim},
                                       {"StorageClass", set_storage_class},
                                       {"PriorityClass", set_priority_class},
                                       {"CSIDriver", set_csi_driver}};
  for (const Entry& entry : kEntries) {
    if (entry.kind == kind) entry.set(object);
  }
}

}  // namespace berth::manifest

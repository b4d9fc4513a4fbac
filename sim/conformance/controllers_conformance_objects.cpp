// The objects that a recording begins with: World::create.
#include <algorithm>
#include <charconv>

#include "sim/conformance/controllers_conformance_world.hpp"
#include "sim/engine/error.hpp"

namespace berth::controllers {
namespace {

std::vector<PodToleration> tolerations_of(const Json& spec) {
  std::vector<PodToleration> out;
  if (!spec.contains("tolerations")) return out;
  for (const Json& t : spec["tolerations"]) {
    PodToleration& toleration = out.emplace_back();
    toleration.match.key = value_or<std::string>(t, "key", "");
    toleration.match.value = value_or<std::string>(t, "value", "");
    toleration.match.op = value_or<std::string>(t, "operator", "Equal") == "Exists"
                              ? kube::Toleration::Operator::kExists
                              : kube::Toleration::Operator::kEqual;
    toleration.match.effect = taint_effect(value_or<std::string>(t, "effect", ""));
    toleration.seconds = maybe<std::int64_t>(t, "tolerationSeconds");
  }
  return out;
}

// Annotation pod-deletion-cost: what the API server would refuse counts as 0. A number may not begin with "+" or, but
// behind a minus sign, with a surplus 0.
std::int32_t deletion_cost(const Json& metadata) {
  if (!metadata.contains("annotations")) return 0;
  const auto it = metadata["annotations"].find("controller.kubernetes.io/pod-deletion-cost");
  if (it == metadata["annotations"].end()) return 0;
  const std::string text = it->get<std::string>();
  if (text.empty() || (text[0] != '-' && (text[0] < '1' || text[0] > '9'))) return 0;
  std::int32_t cost = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cost);
  return error == std::errc() && end == text.data() + text.size() ? cost : 0;
}

PodFailureRule failure_rule(const Json& r) {
  PodFailureRule rule;
  const std::string action = r.at("action").get<std::string>();
  rule.action = action == "FailJob"     ? PodFailureRule::Action::kFailJob
                : action == "FailIndex" ? PodFailureRule::Action::kFailIndex
                : action == "Ignore"    ? PodFailureRule::Action::kIgnore
                                        : PodFailureRule::Action::kCount;
  if (r.contains("onExitCodes")) {
    rule.container = maybe<std::string>(r["onExitCodes"], "containerName");
    rule.not_in = r["onExitCodes"].at("operator") == "NotIn";
    rule.codes = r["onExitCodes"].at("values").get<std::vector<std::int32_t>>();
  } else {
    rule.on_conditions = true;
    rule.disruption_target = false;
    for (const Json& pattern : r.at("onPodConditions")) {
      if (pattern.at("type") != "DisruptionTarget") continue;
      rule.disruption_target = true;
      rule.disruption_status = value_or<std::string>(pattern, "status", "True") == "True";
    }
  }
  return rule;
}

}  // namespace

// Templates are told apart by their label `version`: the recordings give some with defaults and some without.
TemplateId World::template_of(const Json& json) {
  PodTemplate out;
  const Json metadata = json.contains("metadata") ? json["metadata"] : Json::object();
  out.labels = string_map(metadata, "labels");
  const std::string* version = out.labels.find("version");
  out.content = version == nullptr ? json.dump() : *version;
  const Json& spec = json.at("spec");
  out.node_selector = string_map(spec, "nodeSelector");
  out.tolerations = tolerations_of(spec);
  for (const Json& c : spec.at("containers")) out.containers.push_back(c.at("name").get<std::string>());
  const std::string restart = value_or<std::string>(spec, "restartPolicy", "Always");
  out.restart_policy = restart == "Never"       ? RestartPolicy::kNever
                       : restart == "OnFailure" ? RestartPolicy::kOnFailure
                                                : RestartPolicy::kAlways;
  return store_.intern(out);
}

NodeId World::node_named(const std::string& name) const {
  const auto it = node_names_.find(name);
  if (it == node_names_.end()) throw InputError("node \"" + name + "\" is not there; expected one of the objects");
  return NodeId{it->second};
}

void World::create(const Json& object) {
  const std::string kind = object.at("kind").get<std::string>();
  const Json empty = Json::object();
  const Json& spec = object.contains("spec") ? object["spec"] : empty;
  const Json& metadata = object.at("metadata");
  if (kind == "Deployment") {
    Deployment d;
    d.spec.replicas = spec.at("replicas").get<std::int32_t>();
    d.spec.pod_template = template_of(spec.at("template"));
    d.spec.recreate = spec.at("strategy").at("type") == "Recreate";
    if (spec["strategy"].contains("rollingUpdate")) {
      d.spec.max_surge = int_or_percent(spec["strategy"]["rollingUpdate"].at("maxSurge"));
      d.spec.max_unavailable = int_or_percent(spec["strategy"]["rollingUpdate"].at("maxUnavailable"));
    }
    d.spec.min_ready_seconds = value_or(spec, "minReadySeconds", 0);
    d.spec.progress_deadline_seconds = maybe<std::int32_t>(spec, "progressDeadlineSeconds");
    d.spec.revision_history_limit = maybe<std::int32_t>(spec, "revisionHistoryLimit");
    store_.create(d);
  } else if (kind == "ReplicaSet") {
    ReplicaSet set;
    set.spec.replicas = spec.at("replicas").get<std::int32_t>();
    set.spec.min_ready_seconds = value_or(spec, "minReadySeconds", 0);
    set.spec.pod_template = template_of(spec.at("template"));
    if (metadata.contains("ownerReferences")) set.meta.owner = {ObjectKind::kDeployment, 0};
    store_.create(set);
  } else if (kind == "StatefulSet") {
    StatefulSet set;
    set.spec.replicas = spec.at("replicas").get<std::int32_t>();
    set.spec.pod_template = template_of(spec.at("template"));
    set.spec.parallel = spec.at("podManagementPolicy") == "Parallel";
    set.spec.on_delete = spec.at("updateStrategy").at("type") == "OnDelete";
    set.spec.partition.reset();
    if (spec["updateStrategy"].contains("rollingUpdate")) {
      const Json& rolling = spec["updateStrategy"]["rollingUpdate"];
      set.spec.partition = value_or(rolling, "partition", 0);
      if (rolling.contains("maxUnavailable")) set.spec.max_unavailable = int_or_percent(rolling["maxUnavailable"]);
    }
    if (spec.contains("ordinals")) set.spec.start_ordinal = value_or(spec["ordinals"], "start", 0);
    set.spec.min_ready_seconds = value_or(spec, "minReadySeconds", 0);
    set.spec.revision_history_limit = value_or(spec, "revisionHistoryLimit", 10);
    if (spec.contains("volumeClaimTemplates")) {
      set.spec.claim_templates = static_cast<std::uint16_t>(spec["volumeClaimTemplates"].size());
    }
    const Json& retention = spec.at("persistentVolumeClaimRetentionPolicy");
    set.spec.delete_claims_when_deleted = retention.at("whenDeleted") == "Delete";
    set.spec.delete_claims_when_scaled = retention.at("whenScaled") == "Delete";
    store_.create(set);
  } else if (kind == "DaemonSet") {
    DaemonSet set;
    set.spec.pod_template = template_of(spec.at("template"));
    set.spec.on_delete = spec.at("updateStrategy").at("type") == "OnDelete";
    if (spec["updateStrategy"].contains("rollingUpdate")) {
      set.spec.max_unavailable = int_or_percent(spec["updateStrategy"]["rollingUpdate"].at("maxUnavailable"));
      set.spec.max_surge = int_or_percent(spec["updateStrategy"]["rollingUpdate"].at("maxSurge"));
    }
    set.spec.min_ready_seconds = value_or(spec, "minReadySeconds", 0);
    set.spec.revision_history_limit = value_or(spec, "revisionHistoryLimit", 10);
    store_.create(set);
  } else if (kind == "Job") {
    Job job;
    job.spec = job_spec(spec);
    store_.create(job);
  } else if (kind == "CronJob") {
    CronJob cron;
    cron.spec.schedule = CronSchedule::parse(spec.at("schedule").get<std::string>(), "spec.schedule");
    cron.spec.starting_deadline_seconds = maybe<std::int64_t>(spec, "startingDeadlineSeconds");
    const std::string policy = spec.at("concurrencyPolicy").get<std::string>();
    cron.spec.concurrency = policy == "Forbid"    ? CronJob::Concurrency::kForbid
                            : policy == "Replace" ? CronJob::Concurrency::kReplace
                                                  : CronJob::Concurrency::kAllow;
    cron.spec.suspend = value_or(spec, "suspend", false);
    cron.spec.successful_jobs_history_limit = maybe<std::int32_t>(spec, "successfulJobsHistoryLimit");
    cron.spec.failed_jobs_history_limit = maybe<std::int32_t>(spec, "failedJobsHistoryLimit");
    cron.spec.job = job_spec(spec.at("jobTemplate").at("spec"));
    store_.create(cron);
  } else if (kind == "Node") {
    const NodeId node = create_node(metadata.at("name").get<std::string>(), string_map(metadata, "labels"));
    if (flavour_ == "nodelifecycle") {
      kubelet_->post_ready(node, true);
      kubelet_->add_node(node,
                         std::stoll(metadata.at("annotations").at("example.com/first-renewal").get<std::string>()));
    }
  } else if (kind == "PodDisruptionBudget") {
    PodDisruptionBudget budget;
    budget.selector.nothing = false;
    for (const auto& [key, value] : spec.at("selector").at("matchLabels").items()) {
      budget.selector.requirements.push_back({key, kube::SelectorOperator::kIn, {value.get<std::string>()}});
    }
    if (spec.contains("minAvailable")) budget.spec.min_available = int_or_percent(spec["minAvailable"]);
    if (spec.contains("maxUnavailable")) budget.spec.max_unavailable = int_or_percent(spec["maxUnavailable"]);
    store_.create(budget);
  } else if (kind == "Pod") {
    create_pod(object);
  } else {
    throw InputError("kind \"" + kind + "\" is not known; expected a kind of the controller recordings");
  }
}

Job::Spec World::job_spec(const Json& spec) {
  Job::Spec out;
  out.parallelism = value_or(spec, "parallelism", 1);
  out.completions = maybe<std::int32_t>(spec, "completions");
  out.backoff_limit = value_or(spec, "backoffLimit", 6);
  out.indexed = value_or<std::string>(spec, "completionMode", "NonIndexed") == "Indexed";
  out.backoff_limit_per_index = maybe<std::int32_t>(spec, "backoffLimitPerIndex");
  out.max_failed_indexes = maybe<std::int32_t>(spec, "maxFailedIndexes");
  out.active_deadline_seconds = maybe<std::int64_t>(spec, "activeDeadlineSeconds");
  out.suspend = value_or(spec, "suspend", false);
  out.replace_failed_only = value_or<std::string>(spec, "podReplacementPolicy", "") == "Failed";
  out.pod_template = template_of(spec.at("template"));
  if (spec.contains("podFailurePolicy")) {
    out.pod_failure_policy.emplace();
    for (const Json& r : spec["podFailurePolicy"].at("rules")) out.pod_failure_policy->push_back(failure_rule(r));
  }
  if (spec.contains("successPolicy")) {
    for (const Json& r : spec["successPolicy"].at("rules")) {
      SuccessRule& rule = out.success_policy.emplace_back();
      rule.count = maybe<std::int32_t>(r, "succeededCount");
      if (const auto indexes = maybe<std::string>(r, "succeededIndexes")) {
        rule.indexes = IndexIntervals::parse(*indexes, out.completions.value_or(0));
      }
    }
  }
  return out;
}

NodeId World::create_node(const std::string& name, kube::StringMap labels) {
  Node node;
  node.name = name;
  node.spec.labels = std::move(labels);
  const std::string* zone = node.spec.labels.find("topology.kubernetes.io/zone");
  if (zone != nullptr) node.zone = zones_.try_emplace(*zone, static_cast<std::uint32_t>(zones_.size())).first->second;
  const ObjectId id = store_.create(node);
  node_names_[name] = id;
  return NodeId{id};
}

void World::create_pod(const Json& object) {
  const Json& metadata = object.at("metadata");
  Pod pod;
  ledger_.name_next(metadata.at("name").get<std::string>());
  Json pod_template = {{"metadata", {{"labels", metadata.at("labels")}}}, {"spec", object.at("spec")}};
  pod_template["spec"].erase("nodeName");  // Pods of one kind share a template, wherever they are.
  pod.pod_template = template_of(pod_template);
  if (metadata.contains("creationTimestamp")) {
    pod.created = {(unix_seconds(metadata["creationTimestamp"]) - start_unix_) * 1'000'000'000};
  }
  pod.deletion_cost = deletion_cost(metadata);
  if (metadata.contains("ownerReferences")) {
    pod.owner = {ObjectKind::kReplicaSet, set_ids_.at(metadata["ownerReferences"][0].at("name").get<std::string>())};
  }
  if (object["spec"].contains("nodeName")) {
    const std::string node = object["spec"]["nodeName"].get<std::string>();
    if (flavour_ == "nodelifecycle") {  // There from the start.
      pod.status.phase = Phase::kRunning;
      pod.status.ready = true;
      pod.status.ready_since = api_time(store_.now());
    }
    pod.node = NodeId{node_names_.try_emplace(node, static_cast<std::uint32_t>(node_names_.size())).first->second};
  }
  const Json& status = object.at("status");
  const std::string phase = value_or<std::string>(status, "phase", "Pending");
  if (phase != "Pending")
    pod.status.phase = phase == "Running"     ? Phase::kRunning
                       : phase == "Succeeded" ? Phase::kSucceeded
                       : phase == "Failed"    ? Phase::kFailed
                       : phase == "Unknown"   ? Phase::kUnknown
                                              : Phase::kPending;
  if (status.contains("conditions")) {
    for (const Json& c : status["conditions"]) {
      if (c.at("type") != "Ready") continue;
      pod.status.ready = c.at("status") == "True";
      pod.status.ready_since = {(unix_seconds(c.at("lastTransitionTime")) - start_unix_) * 1'000'000'000};
    }
  }
  if (status.contains("containerStatuses")) {
    for (const Json& c : status["containerStatuses"]) {
      pod.status.restarts = std::max(pod.status.restarts, c.at("restartCount").get<std::int32_t>());
    }
  }
  store_.create_pod(pod);
  ++created_[pod.pod_template];
}

}  // namespace berth::controllers

#include "sim/control_plane_objects.hpp"

namespace berth::control_plane {

namespace api = kube::api;

namespace {

std::int32_t whole_seconds(Duration d) {
  return static_cast<std::int32_t>(d.ns / 1'000'000'000);
}

controllers::IntOrPercent int_or_percent(api::IntOrPercent v) {
  return {v.value, v.percent};
}

controllers::PodFailureRule failure_rule(const api::PodFailureRule& from) {
  using Action = controllers::PodFailureRule::Action;
  controllers::PodFailureRule rule;
  switch (from.action) {
    case api::PodFailureRule::Action::kFailJob:
      rule.action = Action::kFailJob;
      break;
    case api::PodFailureRule::Action::kFailIndex:
      rule.action = Action::kFailIndex;
      break;
    case api::PodFailureRule::Action::kIgnore:
      rule.action = Action::kIgnore;
      break;
    case api::PodFailureRule::Action::kCount:
      rule.action = Action::kCount;
      break;
  }
  if (!from.exit_codes.empty()) {
    if (!from.container.empty()) rule.container = from.container;
    rule.not_in = !from.in;
    rule.codes = from.exit_codes;
    return rule;
  }
  rule.on_conditions = true;
  rule.disruption_target = false;
  for (const api::PodFailureRule::Condition& condition : from.conditions) {
    if (condition.type != "DisruptionTarget") continue;
    rule.disruption_target = true;
    rule.disruption_status = condition.status == "True";
  }
  return rule;
}

}  // namespace

controllers::PodTemplate pod_template(const api::Pod& pod, std::string content) {
  controllers::PodTemplate out;
  out.content = std::move(content);
  out.labels = pod.scheduling.labels;
  out.node_selector = pod.scheduling.node_selector;
  for (const kube::Toleration& t : pod.scheduling.tolerations) out.tolerations.push_back({t, t.seconds});
  for (const kube::Container& c : pod.scheduling.containers) out.containers.push_back(c.name);
  switch (pod.spec.restart_policy) {
    case api::RestartPolicy::kAlways:
      out.restart_policy = controllers::RestartPolicy::kAlways;
      break;
    case api::RestartPolicy::kOnFailure:
      out.restart_policy = controllers::RestartPolicy::kOnFailure;
      break;
    case api::RestartPolicy::kNever:
      out.restart_policy = controllers::RestartPolicy::kNever;
      break;
  }
  return out;
}

controllers::Deployment deployment(const api::Deployment& from, TemplateId pod_template) {
  controllers::Deployment out;
  out.spec.replicas = from.replicas;
  out.spec.pod_template = pod_template;
  out.spec.recreate = from.recreate;
  out.spec.max_surge = int_or_percent(from.max_surge);
  out.spec.max_unavailable = int_or_percent(from.max_unavailable);
  out.spec.min_ready_seconds = whole_seconds(from.min_ready);
  out.spec.progress_deadline_seconds = whole_seconds(from.progress_deadline);
  out.spec.revision_history_limit = from.revision_history_limit;
  out.spec.paused = from.paused;
  return out;
}

controllers::ReplicaSet replica_set(const api::ReplicaSet& from, TemplateId pod_template) {
  controllers::ReplicaSet out;
  out.spec.replicas = from.replicas;
  out.spec.min_ready_seconds = whole_seconds(from.min_ready);
  out.spec.pod_template = pod_template;
  return out;
}

controllers::StatefulSet stateful_set(const api::StatefulSet& from, TemplateId pod_template) {
  controllers::StatefulSet out;
  out.spec.replicas = from.replicas;
  out.spec.pod_template = pod_template;
  out.spec.parallel = from.parallel;
  out.spec.on_delete = from.on_delete;
  out.spec.partition = from.partition;
  out.spec.max_unavailable = int_or_percent(from.max_unavailable);
  out.spec.start_ordinal = from.first_ordinal;
  out.spec.min_ready_seconds = whole_seconds(from.min_ready);
  out.spec.revision_history_limit = from.revision_history_limit;
  out.spec.claim_templates = static_cast<std::uint16_t>(from.claims.size());
  out.spec.delete_claims_when_deleted = from.delete_claims_when_deleted;
  out.spec.delete_claims_when_scaled = from.delete_claims_when_scaled;
  return out;
}

controllers::DaemonSet daemon_set(const api::DaemonSet& from, TemplateId pod_template) {
  controllers::DaemonSet out;
  out.spec.pod_template = pod_template;
  out.spec.on_delete = from.on_delete;
  out.spec.max_unavailable = int_or_percent(from.max_unavailable);
  out.spec.max_surge = int_or_percent(from.max_surge);
  out.spec.min_ready_seconds = whole_seconds(from.min_ready);
  out.spec.revision_history_limit = from.revision_history_limit;
  return out;
}

controllers::Job::Spec job(const api::JobSpec& from, TemplateId pod_template) {
  controllers::Job::Spec out;
  out.parallelism = from.parallelism;
  out.completions = from.completions;
  out.backoff_limit = from.backoff_limit;
  out.indexed = from.indexed;
  out.backoff_limit_per_index = from.backoff_limit_per_index;
  out.max_failed_indexes = from.max_failed_indexes;
  if (from.active_deadline) out.active_deadline_seconds = whole_seconds(*from.active_deadline);
  if (!from.pod_failure_rules.empty()) {
    out.pod_failure_policy.emplace();
    for (const api::PodFailureRule& rule : from.pod_failure_rules) {
      out.pod_failure_policy->push_back(failure_rule(rule));
    }
  }
  for (const api::SuccessRule& from_rule : from.success_rules) {
    controllers::SuccessRule& rule = out.success_policy.emplace_back();
    rule.count = from_rule.succeeded_count;
    if (!from_rule.succeeded_indexes.empty()) {
      rule.indexes = controllers::IndexIntervals::parse(from_rule.succeeded_indexes, from.completions.value_or(0));
    }
  }
  out.suspend = from.suspend;
  out.replace_failed_only = from.replace_only_failed;
  out.pod_template = pod_template;
  return out;
}

controllers::CronJob cron_job(const api::CronJob& from, TemplateId pod_template) {
  using Concurrency = controllers::CronJob::Concurrency;
  controllers::CronJob out;
  out.spec.schedule = controllers::CronSchedule::parse(from.schedule, "CronJob " + from.meta.key() + ": spec.schedule");
  if (from.starting_deadline) out.spec.starting_deadline_seconds = whole_seconds(*from.starting_deadline);
  out.spec.concurrency = from.concurrency == api::CronJob::Concurrency::kForbid    ? Concurrency::kForbid
                         : from.concurrency == api::CronJob::Concurrency::kReplace ? Concurrency::kReplace
                                                                                   : Concurrency::kAllow;
  out.spec.suspend = from.suspend;
  out.spec.successful_jobs_history_limit = from.successful_history;
  out.spec.failed_jobs_history_limit = from.failed_history;
  out.spec.job = job(from.job, pod_template);
  return out;
}

controllers::PodDisruptionBudget disruption_budget(const api::PodDisruptionBudget& from) {
  controllers::PodDisruptionBudget out;
  out.selector = from.selector;
  if (from.min_available) out.spec.min_available = int_or_percent(*from.min_available);
  if (from.max_unavailable) out.spec.max_unavailable = int_or_percent(*from.max_unavailable);
  out.spec.always_allow_unhealthy = from.always_evict_unhealthy;
  return out;
}

}  // namespace berth::control_plane

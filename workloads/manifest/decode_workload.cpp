#include "workloads/manifest/decode_workload.hpp"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"
#include "workloads/kube_json_parts.hpp"
#include "workloads/manifest/decode.hpp"

namespace berth::manifest {

using namespace kube::api;
using kube::Fields;
using kube::LabelSelector;
using kube::Reader;
using kube::parts::choice;
using kube::parts::kMaxInt32;
using kube::parts::Word;

namespace {

constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;

void seconds_of(Fields& f, const char* key, Duration& out) {
  f.get(key, [&out](const Reader& v) { out = seconds(v.integer(0, kMaxSeconds)); });
}
void seconds_of(Fields& f, const char* key, std::optional<Duration>& out) {
  f.get(key, [&out](const Reader& v) { out = seconds(v.integer(0, kMaxSeconds)); });
}
void count_of(Fields& f, const char* key, std::optional<std::int32_t>& out) {
  f.get(key, [&out](const Reader& v) { out = static_cast<std::int32_t>(v.integer(0, kMaxInt32)); });
}
void count_of(Fields& f, const char* key, std::int32_t& out) {
  f.integer(key, out, 0, kMaxInt32);
}
// True if the member is this word.
void word(Fields& f, const char* key, const char* yes, bool& out) {
  f.get(key, [&](const Reader& v) { out = v.text() == yes; });
}

IntOrPercent int_or_percent(const Reader& r) {
  IntOrPercent out;
  if (!r.json().is_string()) {
    out.value = static_cast<std::int32_t>(r.integer(0, kMaxInt32));
    return out;
  }
  const std::string text = r.text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error != std::errc() || end + 1 != text.data() + text.size() || *end != '%' || out.value < 0) {
    r.fail(fmt::format("is \"{}\"; expected a count (3) or a percentage (\"25%\")", text));
  }
  out.percent = true;
  return out;
}
void int_or_percent(Fields& f, const char* key, IntOrPercent& out) {
  f.get(key, [&out](const Reader& v) { out = int_or_percent(v); });
}
void int_or_percent(Fields& f, const char* key, std::optional<IntOrPercent>& out) {
  f.get(key, [&out](const Reader& v) { out = int_or_percent(v); });
}

void selector(Fields& f, LabelSelector& out) {
  f.get("selector", [&out](const Reader& v) { out = kube::parts::label_selector(v); });
}

// The template's pods live in their owner's namespace.
PodTemplate pod_template(Fields& f, const std::string& namespace_name) {
  PodTemplate out;
  f.get("template", [&out](const Reader& v) { out = decode_pod(v); });
  out.scheduling.namespace_name = namespace_name;
  out.scheduling.name.clear();  // Kubernetes names the pods.
  return out;
}

JobSpec job_spec(const Reader& r, const std::string& namespace_name) {
  JobSpec out;
  Fields f(r);
  out.pod = pod_template(f, namespace_name);
  f.get("selector", [&](const Reader& v) { out.selector = kube::parts::label_selector(v); });
  count_of(f, "parallelism", out.parallelism);
  count_of(f, "completions", out.completions);
  word(f, "completionMode", "Indexed", out.indexed);
  count_of(f, "backoffLimit", out.backoff_limit);
  count_of(f, "backoffLimitPerIndex", out.backoff_limit_per_index);
  count_of(f, "maxFailedIndexes", out.max_failed_indexes);
  f.get("podFailurePolicy", [&](const Reader& v) {
    Fields(v).get("rules", [&](const Reader& list) {
      list.each([&](const Reader& item) {
        using Action = PodFailureRule::Action;
        static constexpr Word<Action> kActions[] = {{"FailJob", Action::kFailJob},
                                                    {"FailIndex", Action::kFailIndex},
                                                    {"Ignore", Action::kIgnore},
                                                    {"Count", Action::kCount}};
        PodFailureRule& rule = out.pod_failure_rules.emplace_back();
        Fields x(item);
        x.get("action", [&](const Reader& a) { rule.action = choice(a, kActions); });
        const bool codes = x.get("onExitCodes", [&](const Reader& e) {
          Fields c(e);
          c.text("containerName", rule.container);
          word(c, "operator", "In", rule.in);
          c.get("values", [&](const Reader& values) {
            values.each(
                [&](const Reader& n) { rule.exit_codes.push_back(static_cast<std::int32_t>(n.integer(0, 255))); });
          });
        });
        const bool conditions = x.get("onPodConditions", [&](const Reader& list_of) {
          list_of.each([&](const Reader& c) {
            auto& condition = rule.conditions.emplace_back();
            Fields y(c);
            y.text("type", condition.type);
            y.text("status", condition.status);
          });
        });
        if (codes == conditions) item.fail("has no condition, or two; expected onExitCodes or onPodConditions");
      });
    });
  });
  f.get("successPolicy", [&](const Reader& v) {
    Fields(v).get("rules", [&](const Reader& list) {
      list.each([&](const Reader& item) {
        SuccessRule& rule = out.success_rules.emplace_back();
        Fields x(item);
        x.text("succeededIndexes", rule.succeeded_indexes);
        count_of(x, "succeededCount", rule.succeeded_count);
      });
    });
  });
  word(f, "podReplacementPolicy", "Failed", out.replace_only_failed);
  seconds_of(f, "activeDeadlineSeconds", out.active_deadline);
  seconds_of(f, "ttlSecondsAfterFinished", out.ttl_after_finished);
  f.boolean("suspend", out.suspend);
  return out;
}

void metric_target(const Reader& r, MetricSpec& out) {
  using Target = MetricSpec::Target;
  static constexpr Word<Target> kTargets[] = {
      {"Utilization", Target::kUtilization}, {"Value", Target::kValue}, {"AverageValue", Target::kAverageValue}};
  Fields f(r);
  f.get("type", [&](const Reader& v) { out.target = choice(v, kTargets); });
  const bool utilization = f.integer("averageUtilization", out.utilization, 1, kMaxInt32);
  const auto amount = [&](const Reader& v) { out.value = v.quantity("count"); };
  const bool average = f.get("averageValue", amount);
  const bool value = f.get("value", amount);
  const bool fits = out.target == Target::kUtilization ? utilization && !average && !value
                    : out.target == Target::kValue     ? value && !average && !utilization
                                                       : average && !value && !utilization;
  if (!fits) {
    r.fail(
        "has a type and values that do not go together; expected averageUtilization, value or averageValue as type "
        "says");
  }
}

MetricSpec metric(const Reader& r) {
  using Type = MetricSpec::Type;
  static constexpr Word<Type> kTypes[] = {{"Resource", Type::kResource},
                                          {"ContainerResource", Type::kContainerResource},
                                          {"Pods", Type::kPods},
                                          {"Object", Type::kObject},
                                          {"External", Type::kExternal}};
  static constexpr const char* kMembers[] = {"resource", "containerResource", "pods", "object", "external"};
  MetricSpec out;
  Fields f(r);
  f.get("type", [&](const Reader& v) { out.type = choice(v, kTypes); });
  const char* member = kMembers[static_cast<std::size_t>(out.type)];
  const bool found = f.get(member, [&](const Reader& v) {
    Fields m(v);
    m.text("name", out.name);
    m.text("container", out.container);
    m.get("metric", [&](const Reader& x) {
      Fields n(x);
      n.text("name", out.name);
      selector(n, out.selector);
    });
    m.get("describedObject", [&](const Reader& x) {
      Fields o(x);
      o.text("apiVersion", out.object_api_version);
      o.text("kind", out.object_kind);
      o.text("name", out.object_name);
    });
    m.get("target", [&](const Reader& x) { metric_target(x, out); });
  });
  if (!found) r.fail(fmt::format("lacks \"{}\"; expected what its type says", member));
  return out;
}

ScalingRules scaling_rules(const Reader& r) {
  using Select = ScalingRules::Select;
  static constexpr Word<Select> kSelect[] = {
      {"Max", Select::kMax}, {"Min", Select::kMin}, {"Disabled", Select::kDisabled}};
  ScalingRules out;
  Fields f(r);
  seconds_of(f, "stabilizationWindowSeconds", out.stabilization_window);
  f.get("selectPolicy", [&](const Reader& v) { out.select = choice(v, kSelect); });
  f.get("tolerance", [&](const Reader& v) { out.tolerance = v.quantity("count"); });
  f.get("policies", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      ScalingRules::Policy& policy = out.policies.emplace_back();
      Fields p(item);
      word(p, "type", "Percent", policy.percent);
      p.integer("value", policy.value, 1, kMaxInt32);
      seconds_of(p, "periodSeconds", policy.period);
      if (policy.period > seconds(1800)) item.fail("has a period above 1800 seconds; expected 1 to 1800");
    });
  });
  return out;
}

template <class F>
void spec_of(const Reader& object, F&& f) {
  Fields(object).get("spec", [&f](const Reader& spec) {
    Fields members(spec);
    f(members, spec);
  });
}

}  // namespace

Deployment decode_deployment(const Reader& object) {
  Deployment out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f, const Reader&) {
    count_of(f, "replicas", out.replicas);
    selector(f, out.selector);
    out.pod = pod_template(f, out.meta.namespace_name);
    f.get("strategy", [&](const Reader& v) {
      Fields s(v);
      word(s, "type", "Recreate", out.recreate);
      s.get("rollingUpdate", [&](const Reader& u) {
        if (out.recreate) u.fail("goes with the type RollingUpdate; expected none for Recreate");
        Fields r(u);
        int_or_percent(r, "maxUnavailable", out.max_unavailable);
        int_or_percent(r, "maxSurge", out.max_surge);
        if (out.max_unavailable.value == 0 && out.max_surge.value == 0) {
          u.fail("has maxUnavailable and maxSurge both 0; expected one of them above 0");
        }
        if (out.max_unavailable.percent && out.max_unavailable.value > 100) {
          u.fail("has maxUnavailable above 100%; expected at most that");
        }
      });
    });
    seconds_of(f, "minReadySeconds", out.min_ready);
    seconds_of(f, "progressDeadlineSeconds", out.progress_deadline);
    count_of(f, "revisionHistoryLimit", out.revision_history_limit);
    f.boolean("paused", out.paused);
  });
  return out;
}

ReplicaSet decode_replica_set(const Reader& object, bool replication_controller) {
  ReplicaSet out;
  out.meta = decode_meta(object, true);
  out.replication_controller = replication_controller;
  spec_of(object, [&](Fields& f, const Reader&) {
    count_of(f, "replicas", out.replicas);
    if (replication_controller) {
      kube::StringMap labels;
      f.map("selector", labels);
      out.selector = LabelSelector::everything();
      kube::parts::add_match_labels(labels, out.selector.requirements);
    } else {
      selector(f, out.selector);
    }
    out.pod = pod_template(f, out.meta.namespace_name);
    seconds_of(f, "minReadySeconds", out.min_ready);
  });
  return out;
}

StatefulSet decode_stateful_set(const Reader& object) {
  StatefulSet out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f, const Reader&) {
    count_of(f, "replicas", out.replicas);
    selector(f, out.selector);
    out.pod = pod_template(f, out.meta.namespace_name);
    f.text("serviceName", out.service_name);
    word(f, "podManagementPolicy", "Parallel", out.parallel);
    f.get("updateStrategy", [&](const Reader& v) {
      Fields s(v);
      word(s, "type", "OnDelete", out.on_delete);
      s.get("rollingUpdate", [&](const Reader& u) {
        Fields r(u);
        count_of(r, "partition", out.partition);
        int_or_percent(r, "maxUnavailable", out.max_unavailable);
        if (out.max_unavailable.value == 0) u.fail("has maxUnavailable 0; expected at least 1");
      });
    });
    f.get("volumeClaimTemplates",
          [&](const Reader& v) { v.each([&](const Reader& c) { out.claims.push_back(decode_claim_template(c)); }); });
    f.get("persistentVolumeClaimRetentionPolicy", [&](const Reader& v) {
      Fields p(v);
      word(p, "whenDeleted", "Delete", out.delete_claims_when_deleted);
      word(p, "whenScaled", "Delete", out.delete_claims_when_scaled);
    });
    f.get("ordinals", [&](const Reader& v) {
      Fields o(v);
      count_of(o, "start", out.first_ordinal);
    });
    seconds_of(f, "minReadySeconds", out.min_ready);
    count_of(f, "revisionHistoryLimit", out.revision_history_limit);
  });
  return out;
}

DaemonSet decode_daemon_set(const Reader& object) {
  DaemonSet out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f, const Reader&) {
    selector(f, out.selector);
    out.pod = pod_template(f, out.meta.namespace_name);
    f.get("updateStrategy", [&](const Reader& v) {
      Fields s(v);
      word(s, "type", "OnDelete", out.on_delete);
      s.get("rollingUpdate", [&](const Reader& u) {
        Fields r(u);
        int_or_percent(r, "maxUnavailable", out.max_unavailable);
        int_or_percent(r, "maxSurge", out.max_surge);
        const bool unavailable = out.max_unavailable.value > 0;
        const bool surge = out.max_surge.value > 0;
        if (unavailable == surge) {
          u.fail("has maxUnavailable and maxSurge both 0 or both above 0; expected one of them above 0");
        }
      });
    });
    seconds_of(f, "minReadySeconds", out.min_ready);
    count_of(f, "revisionHistoryLimit", out.revision_history_limit);
  });
  return out;
}

Job decode_job(const Reader& object) {
  Job out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields&, const Reader& spec) { out.spec = job_spec(spec, out.meta.namespace_name); });
  return out;
}

CronJob decode_cron_job(const Reader& object) {
  using Concurrency = CronJob::Concurrency;
  static constexpr Word<Concurrency> kPolicies[] = {
      {"Allow", Concurrency::kAllow}, {"Forbid", Concurrency::kForbid}, {"Replace", Concurrency::kReplace}};
  CronJob out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f, const Reader&) {
    f.text("schedule", out.schedule);
    f.text("timeZone", out.time_zone);
    seconds_of(f, "startingDeadlineSeconds", out.starting_deadline);
    f.get("concurrencyPolicy", [&](const Reader& v) { out.concurrency = choice(v, kPolicies); });
    f.boolean("suspend", out.suspend);
    count_of(f, "successfulJobsHistoryLimit", out.successful_history);
    count_of(f, "failedJobsHistoryLimit", out.failed_history);
    f.get("jobTemplate", [&](const Reader& v) {
      out.job_meta = decode_meta(v, false);
      Fields(v).get("spec", [&](const Reader& spec) { out.job = job_spec(spec, out.meta.namespace_name); });
    });
  });
  return out;
}

PodDisruptionBudget decode_budget(const Reader& object) {
  PodDisruptionBudget out;
  out.meta = decode_meta(object, true);
  kube::PodDisruptionBudget scheduling;
  kube::decode(object, scheduling);
  out.selector = scheduling.selector;
  out.disruptions_allowed = scheduling.disruptions_allowed;
  out.disrupted_pods = scheduling.disrupted_pods;
  spec_of(object, [&](Fields& f, const Reader& spec) {
    int_or_percent(f, "minAvailable", out.min_available);
    int_or_percent(f, "maxUnavailable", out.max_unavailable);
    word(f, "unhealthyPodEvictionPolicy", "AlwaysAllow", out.always_evict_unhealthy);
    if (out.min_available && out.max_unavailable) {
      spec.fail("has minAvailable and maxUnavailable; expected one of them");
    }
  });
  return out;
}

HorizontalPodAutoscaler decode_autoscaler(const Reader& object) {
  HorizontalPodAutoscaler out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f, const Reader& spec) {
    f.get("scaleTargetRef", [&](const Reader& v) {
      Fields t(v);
      t.text("apiVersion", out.target_api_version);
      t.text("kind", out.target_kind);
      t.text("name", out.target_name);
    });
    count_of(f, "minReplicas", out.min_replicas);
    count_of(f, "maxReplicas", out.max_replicas);
    f.get("metrics", [&](const Reader& v) { v.each([&](const Reader& m) { out.metrics.push_back(metric(m)); }); });
    f.get("behavior", [&](const Reader& v) {
      out.has_behavior = true;
      Fields b(v);
      b.get("scaleUp", [&](const Reader& r) { out.scale_up = scaling_rules(r); });
      b.get("scaleDown", [&](const Reader& r) { out.scale_down = scaling_rules(r); });
    });
    if (out.min_replicas > out.max_replicas) {
      spec.fail(fmt::format("has minReplicas {} above maxReplicas {}; expected at most that", out.min_replicas,
                            out.max_replicas));
    }
  });
  return out;
}

}  // namespace berth::manifest

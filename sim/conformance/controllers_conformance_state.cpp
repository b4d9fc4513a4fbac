// What the recordings say of the world, as JSON: World::state().
#include <algorithm>

#include "sim/conformance/controllers_conformance_world.hpp"

namespace berth::controllers {
namespace {

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::kPending:
      return "Pending";
    case Phase::kRunning:
      return "Running";
    case Phase::kSucceeded:
      return "Succeeded";
    case Phase::kFailed:
      return "Failed";
    case Phase::kUnknown:
      return "Unknown";
  }
  return "";
}

Json count_json(const PodLedger::Count& count) {
  return {{"created", count.created}, {"gone", count.gone}, {"pending", 0}, {"running", 0}, {"ready", 0},
          {"terminating", 0},         {"finished", 0}};
}

void bump(Json& counts, const char* key) {
  counts[key] = counts.value(key, 0) + 1;
}

}  // namespace

Json World::conditions(const Conditions& list, bool updates) const {
  Json out = Json::array();
  for (const Condition& c : list) {
    Json& item = out.emplace_back(Json{{"type", controllers::to_string(c.type)},
                                       {"status", controllers::to_string(c.status)},
                                       {"lastTransition", second(c.last_transition)}});
    if (c.reason != Reason::kNone) item["reason"] = controllers::to_string(c.reason);
    if (updates) item["lastUpdate"] = second(c.last_update);
  }
  return out;
}

void World::pod_state(State& out) const {
  // One by one, or as numbers of a group, a version or a kind of Job pod.
  const bool by_version =
      !identity_ && (flavour_ == "daemonset" || flavour_ == "deployment" || flavour_ == "disruption");
  const bool numbers = !identity_ || flavour_ == "deployment" || flavour_ == "disruption";
  if (numbers) {
    for (const auto& [group, count] : by_version ? ledger_.version_counts() : ledger_.counts()) {
      out["pods/" + group] = count_json(count);
    }
  }
  for (std::size_t t = 0; t < store_.template_count(); ++t) {
    store_.each_from(TemplateId(t), [&](const Pod& p) {
      const PodName& name = ledger_.name(p);
      if (flavour_ == "replicaset") {
        out["pod/" + name.name] = {{"terminating", p.terminating}};
        return;
      }
      if (numbers) {
        Json& counts = out["pods/" + (by_version ? name.version : name.group)];
        if (p.terminating) {
          bump(counts, "terminating");
          return;
        }
        bump(counts, finished(p.status.phase) ? "finished" : p.status.phase == Phase::kRunning ? "running" : "pending");
        if (p.status.ready) bump(counts, "ready");
        return;
      }
      Json& state = out["pod/" + name.name];
      state = {{"phase", to_string(p.status.phase)}, {"ready", p.status.ready}};
      if (p.terminating) state["terminating"] = true;
      if (p.status.restarts > 0) state["restarts"] = p.status.restarts;
      if (flavour_ == "statefulset") state["revision"] = name.version;
      if (p.status.disruption != Disruption::kNone) state["disruption"] = controllers::to_string(p.status.disruption);
    });
  }
}

// Jobs of a CronJob are named by the minute at which they were due.
std::string World::job_name(const Job& job) const {
  if (!job.annotations.scheduled_at) return "job";
  const std::int64_t minute = (second(*job.annotations.scheduled_at) + start_unix_) / 60;
  return numbered("cron@", minute * 60 - start_unix_);
}

void World::job_state(State& out) const {
  const auto time = [this](const std::optional<Time>& t) { return t ? Json(second(*t)) : Json(); };
  for (ObjectId id = 0; id < store_.end_id<Job>(); ++id) {
    const Job* job = store_.find<Job>(id);
    if (job == nullptr) continue;
    const Job::Status& s = job->status;
    Json& state = out["job/" + job_name(*job)];
    state = {{"parallelism", job->spec.parallelism},
             {"active", s.active},
             {"ready", s.ready},
             {"terminating", s.terminating},
             {"succeeded", s.succeeded},
             {"failed", s.failed},
             {"startTime", time(s.start_time)},
             {"conditions", conditions(s.conditions, false)}};
    if (job->spec.suspend) state["suspend"] = true;
    if (s.completion_time) state["completionTime"] = time(s.completion_time);
    if (!s.completed_indexes.empty()) state["completedIndexes"] = s.completed_indexes.text();
    if (s.failed_indexes && !s.failed_indexes->empty()) state["failedIndexes"] = s.failed_indexes->text();
  }
  for (ObjectId id = 0; id < store_.end_id<CronJob>(); ++id) {
    const CronJob* cron = store_.find<CronJob>(id);
    if (cron == nullptr) continue;
    Json active = Json::array();
    for (const ObjectId job : cron->status.active) {
      const Job* found = store_.find<Job>(job);
      active.push_back(found == nullptr ? "" : job_name(*found));
    }
    out["cronjob/cron"] = {{"suspend", cron->spec.suspend},
                           {"active", active},
                           {"lastScheduleTime", time(cron->status.last_schedule_time)},
                           {"lastSuccessfulTime", time(cron->status.last_successful_time)}};
  }
}

void World::node_state(State& out) const {
  std::vector<Json> zones(zones_.size(), {{"ready", Json::object()},
                                          {"noSchedule", Json::object()},
                                          {"noExecute", Json::object()},
                                          {"podsAlive", Json::object()},
                                          {"podsEvicted", Json::object()}});
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    const Node* node = store_.find<Node>(id);
    if (node == nullptr) continue;
    const NodeCondition& ready = node->condition(NodeConditionType::kReady);
    bump(zones[node->zone]["ready"], controllers::to_string(ready.status));
    Json taints = Json::array();
    for (const NodeTaint& t : node->spec.taints) {
      const bool execute = t.taint.effect == kube::TaintEffect::kNoExecute;
      bump(zones[node->zone][execute ? "noExecute" : "noSchedule"], t.taint.key.c_str());
      Json& taint = taints.emplace_back(Json{{"effect", execute ? "NoExecute" : "NoSchedule"}, {"key", t.taint.key}});
      if (execute && t.added) taint["timeAdded"] = second(*t.added);
    }
    if (!identity_) continue;
    std::sort(taints.begin(), taints.end(), [](const Json& a, const Json& b) {
      return std::pair(a["key"], a["effect"]) < std::pair(b["key"], b["effect"]);
    });
    out["node/" + node->name] = {{"ready", controllers::to_string(ready.status)},
                                 {"reason", controllers::to_string(ready.reason)},
                                 {"lastTransition", second(ready.last_transition)},
                                 {"taints", taints}};
  }
  if (identity_) return;
  // A pod counts for its zone by its labels, as long as it is not told to go, and as evicted from then on.
  for (std::size_t t = 0; t < store_.template_count(); ++t) {
    const kube::StringMap& labels = store_.pod_template(TemplateId(t)).labels;
    Json& zone = zones[zones_.at(*labels.find("zone"))];
    const std::string kind = *labels.find("kind");
    const auto made = created_.find(TemplateId(t));
    std::int32_t alive = 0;
    store_.each_from(TemplateId(t), [&alive](const Pod& p) { alive += p.terminating ? 0 : 1; });
    const std::int32_t evicted = (made == created_.end() ? 0 : made->second) - alive;
    if (alive > 0) zone["podsAlive"][kind] = zone["podsAlive"].value(kind, 0) + alive;
    if (evicted > 0) zone["podsEvicted"][kind] = zone["podsEvicted"].value(kind, 0) + evicted;
  }
  for (const auto& [name, id] : zones_) out["zone/" + name] = zones[id];
}

State World::state() const {
  State out;
  if (!exact_times_ || identity_) pod_state(out);
  if (exact_times_) node_state(out);
  job_state(out);
  for (ObjectId id = 0; id < store_.end_id<ReplicaSet>(); ++id) {
    const ReplicaSet* set = store_.find<ReplicaSet>(id);
    if (set == nullptr) continue;
    Json& state = out["replicaset/" + version(set->spec.pod_template)];
    state = {{"specReplicas", set->spec.replicas},
             {"replicas", set->status.replicas},
             {"readyReplicas", set->status.ready},
             {"availableReplicas", set->status.available},
             {"terminatingReplicas", set->status.terminating}};
    if (flavour_ == "deployment") state["revision"] = std::to_string(set->annotations.revision);
  }
  if (const Deployment* d = store_.find<Deployment>(0)) {
    out["deployment/web"] = {{"generation", d->meta.generation},
                             {"observedGeneration", d->status.observed_generation},
                             {"specReplicas", d->spec.replicas},
                             {"replicas", d->status.replicas},
                             {"updatedReplicas", d->status.updated},
                             {"readyReplicas", d->status.ready},
                             {"availableReplicas", d->status.available},
                             {"unavailableReplicas", d->status.unavailable},
                             {"terminatingReplicas", d->status.terminating},
                             {"revision", std::to_string(d->annotations.revision)},
                             {"conditions", conditions(d->status.conditions, true)}};
  }
  if (const StatefulSet* set = store_.find<StatefulSet>(0)) {
    const auto revision = [this](ObjectId id) {
      const ControllerRevision* r = store_.find<ControllerRevision>(id);
      return r == nullptr ? std::string() : version(r->spec.pod_template);
    };
    out["statefulset/db"] = {{"generation", set->meta.generation},
                             {"observedGeneration", set->status.observed_generation},
                             {"specReplicas", set->spec.replicas},
                             {"replicas", set->status.replicas},
                             {"currentReplicas", set->status.current},
                             {"updatedReplicas", set->status.updated},
                             {"readyReplicas", set->status.ready},
                             {"availableReplicas", set->status.available},
                             {"currentRevision", revision(set->status.current_revision)},
                             {"updateRevision", revision(set->status.update_revision)}};
  }
  if (flavour_ == "statefulset") {
    for (ObjectId id = 0; id < store_.end_id<ControllerRevision>(); ++id) {
      const ControllerRevision* r = store_.find<ControllerRevision>(id);
      if (r != nullptr) out["controllerrevision/" + version(r->spec.pod_template)] = {{"revision", r->status.revision}};
    }
  }
  for (ObjectId id = 0; id < store_.end_id<PersistentVolumeClaim>(); ++id) {
    const PersistentVolumeClaim* claim = store_.find<PersistentVolumeClaim>(id);
    if (claim == nullptr) continue;
    const std::string pod = numbered("db-", claim->spec.ordinal);
    Json owners = Json::array();
    if (claim->annotations.owned_by_set) owners.push_back("StatefulSet/db");
    if (claim->annotations.owned_by_pod != 0) owners.push_back("Pod/" + pod);
    out["pvc/data-" + pod] = {{"owners", owners}};
  }
  if (const DaemonSet* set = store_.find<DaemonSet>(0)) {
    out["daemonset/logs"] = {{"generation", set->meta.generation},
                             {"observedGeneration", set->status.observed_generation},
                             {"desiredNumberScheduled", set->status.desired},
                             {"currentNumberScheduled", set->status.current},
                             {"numberMisscheduled", set->status.misscheduled},
                             {"numberReady", set->status.ready},
                             {"updatedNumberScheduled", set->status.updated},
                             {"numberAvailable", set->status.available},
                             {"numberUnavailable", set->status.unavailable}};
  }
  if (const PodDisruptionBudget* budget = store_.find<PodDisruptionBudget>(0)) {
    const PodDisruptionBudget::Status& s = budget->status;
    out["pdb/pdb"] = {{"generation", budget->meta.generation},       {"observedGeneration", s.observed_generation},
                      {"disruptionsAllowed", s.disruptions_allowed}, {"currentHealthy", s.current_healthy},
                      {"desiredHealthy", s.desired_healthy},         {"expectedPods", s.expected_pods},
                      {"disruptedPods", s.disrupted.size()},         {"conditions", conditions(s.conditions, false)}};
  }
  return out;
}

}  // namespace berth::controllers

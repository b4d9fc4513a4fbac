#include "sim/control_plane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/control_plane_objects.hpp"
#include "sim/controllers/cron_job.hpp"
#include "sim/controllers/daemon_set.hpp"
#include "sim/controllers/deployment.hpp"
#include "sim/controllers/disruption.hpp"
#include "sim/controllers/job.hpp"
#include "sim/controllers/node_lifecycle.hpp"
#include "sim/controllers/pod_gc.hpp"
#include "sim/controllers/replica_set.hpp"
#include "sim/controllers/stateful_set.hpp"
#include "sim/controllers/taint_eviction.hpp"
#include "sim/engine/rng.hpp"
#include "workloads/manifest/admission.hpp"

namespace berth {

namespace api = kube::api;
using controllers::Change;
using controllers::ObjectId;
using controllers::ObjectKind;

namespace {

constexpr std::size_t kKinds = 11;  // ObjectKind.

// The letters of generated names. Source: k8s.io/apimachinery/pkg/util/rand, which leaves out vowels and look-alikes.
std::string name_suffix(std::uint64_t number, std::uint32_t what, int length) {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  Rng rng(number, what, 0, Purpose::kNames);  // No seed of the run: names are equal in all runs that are compared.
  std::string out;
  for (int i = 0; i < length; ++i) out += kLetters[rng.below(kLetters.size())];
  return out;
}

// What the DaemonSet controller puts on its pods. Source: AddOrUpdateDaemonPodTolerations.
void add_daemon_tolerations(kube::Pod& pod, bool host_network) {
  using kube::TaintEffect;
  const auto add = [&](const char* key, TaintEffect effect) {
    pod.tolerations.push_back({key, kube::Toleration::Operator::kExists, "", effect, std::nullopt});
  };
  add(controllers::taints::kNotReady, TaintEffect::kNoExecute);
  add(controllers::taints::kUnreachable, TaintEffect::kNoExecute);
  add(controllers::taints::kDiskPressure, TaintEffect::kNoSchedule);
  add(controllers::taints::kMemoryPressure, TaintEffect::kNoSchedule);
  add(controllers::taints::kPidPressure, TaintEffect::kNoSchedule);
  add(controllers::taints::kUnschedulable, TaintEffect::kNoSchedule);
  if (host_network) add(controllers::taints::kNetworkUnavailable, TaintEffect::kNoSchedule);
}

// The plug-in DefaultTolerationSeconds with its flags; what Admission adds itself are their defaults, which then come
// too late. Source: plugin/pkg/admission/defaulttolerationseconds.
void add_default_tolerations(kube::Pod& pod, std::int64_t seconds) {
  using kube::TaintEffect;
  for (const char* key : {controllers::taints::kNotReady, controllers::taints::kUnreachable}) {
    const bool there = std::any_of(pod.tolerations.begin(), pod.tolerations.end(), [key](const kube::Toleration& t) {
      return (t.key == key || t.key.empty()) && (t.effect == TaintEffect::kNoExecute || t.effect == TaintEffect::kAny);
    });
    if (!there) {
      pod.tolerations.push_back({key, kube::Toleration::Operator::kExists, "", TaintEffect::kNoExecute, seconds});
    }
  }
}

// Nodes of one region and zone fail together; those without labels are one zone of their own.
std::uint32_t zone_of(const NodeSpec& spec, std::map<std::string, std::uint32_t>& zones) {
  std::string key;
  for (const Label& label : spec.labels) {
    if (label.key == "topology.kubernetes.io/region" || label.key == "topology.kubernetes.io/zone") {
      key += label.key + "=" + label.value + ";";
    }
  }
  return zones.try_emplace(key, static_cast<std::uint32_t>(zones.size())).first->second;
}

}  // namespace

ControlPlane::ControlPlane(const manifest::Manifests& manifests, std::span<const NodeSpec> nodes,
                           const ControlPlaneOptions& options)
    : manifests_(manifests), toleration_seconds_(options.toleration_seconds), object_names_(kKinds) {
  store_.watch(this);
  const auto add = [this]<class T>(std::type_identity<T>, auto&&... more) {
    controllers_.push_back(std::make_unique<T>(store_, work_, more...));
    return controllers_.back().get();
  };
  // Who makes objects comes before who acts on them (sim/controllers/work_queue.hpp).
  add(std::type_identity<controllers::CronJobController>{}, options.start_unix_s);
  add(std::type_identity<controllers::DeploymentController>{});
  add(std::type_identity<controllers::StatefulSetController>{}, true);
  add(std::type_identity<controllers::DaemonSetController>{});
  add(std::type_identity<controllers::JobController>{});
  add(std::type_identity<controllers::ReplicaSetController>{});
  controllers::Controller* budgets = add(std::type_identity<controllers::DisruptionController>{});
  store_.set_after_write([budgets] {
    while (budgets->run_one()) {
    }
  });
  if (options.node_failures) {
    if (options.node_lifecycle) add(std::type_identity<controllers::NodeLifecycleController>{}, options.lifecycle);
    if (options.taint_eviction) add(std::type_identity<controllers::TaintEvictionController>{});
  }
  if ((options.node_failures || options.node_groups) && options.pod_gc) {
    add(std::type_identity<controllers::PodGcController>{});
  }
  for (const NodeSpec& spec : nodes) add_node(spec, true);
}

void ControlPlane::add_node(const NodeSpec& spec, bool ready) {
  controllers::Node node;
  node.name = spec.name;
  node.zone = zone_of(spec, zones_);
  std::vector<std::pair<std::string, std::string>> labels;
  for (const Label& label : spec.labels) labels.emplace_back(label.key, label.value);
  node.spec.labels = kube::StringMap(std::move(labels));
  if (spec.node != nullptr) {
    for (const kube::Taint& taint : spec.node->taints) node.spec.taints.push_back({taint, std::nullopt});
    node.spec.unschedulable = spec.node->unschedulable;
  }
  controllers::NodeCondition& condition = node.condition(controllers::NodeConditionType::kReady);
  condition.posted = true;
  condition.status = ready ? controllers::ConditionStatus::kTrue : controllers::ConditionStatus::kFalse;
  condition.reason = ready ? controllers::NodeReason::kKubeletReady : controllers::NodeReason::kKubeletNotReady;
  condition.last_heartbeat = condition.last_transition = controllers::api_time(store_.now());
  next_name_ = spec.name;
  store_.create(std::move(node));
}

ControlPlane::~ControlPlane() = default;

TemplateId ControlPlane::add_template(const api::Pod& pod, const std::string& namespace_name, const std::string& what,
                                      const std::vector<api::ClaimTemplate>* claims) {
  auto copy = std::make_shared<api::Pod>(pod);
  copy->scheduling.namespace_name = namespace_name;
  if (what.starts_with("DaemonSet ")) add_daemon_tolerations(copy->scheduling, copy->spec.host_network);
  add_default_tolerations(copy->scheduling, toleration_seconds_);
  const manifest::Admission admission(manifests_);
  if (const std::string refused = admission.admit(*copy); !refused.empty()) {
    notes_.push_back(
        fmt::format("{}: admission would refuse its pods ({}); they are created all the same", what, refused));
  }
  const TemplateId id = store_.intern(control_plane::pod_template(*copy, what));
  if (templates_.size() <= index(id)) templates_.resize(index(id) + 1);
  templates_[index(id)] = {std::move(copy), claims, {}, {}};
  return id;
}

template <class T>
void ControlPlane::create(const api::ObjectMeta& meta, T object) {
  next_name_ = meta.key();
  store_.create(std::move(object));
}

void ControlPlane::start() {
  std::map<std::string, std::size_t> left_out;
  const auto owned_here = [&](const std::optional<kube::OwnerReference>& owner, const std::string& namespace_name,
                              const char* kind) {
    if (!owner || !manifests_.by_key.contains(owner->kind + " " + namespace_name + "/" + owner->name)) return false;
    ++left_out[kind];
    return true;
  };
  for (const manifest::ManifestObject& o : manifests_.objects) {
    if (const auto* d = std::get_if<api::Deployment>(&o.object)) {
      const TemplateId t = add_template(d->pod, d->meta.namespace_name, "Deployment " + d->meta.key(), nullptr);
      create(d->meta, control_plane::deployment(*d, t));
    } else if (const auto* r = std::get_if<api::ReplicaSet>(&o.object)) {
      if (owned_here(r->meta.controller, r->meta.namespace_name, "ReplicaSets")) continue;
      const TemplateId t = add_template(r->pod, r->meta.namespace_name, "ReplicaSet " + r->meta.key(), nullptr);
      create(r->meta, control_plane::replica_set(*r, t));
    } else if (const auto* s = std::get_if<api::StatefulSet>(&o.object)) {
      const TemplateId t = add_template(s->pod, s->meta.namespace_name, "StatefulSet " + s->meta.key(), &s->claims);
      create(s->meta, control_plane::stateful_set(*s, t));
    } else if (const auto* ds = std::get_if<api::DaemonSet>(&o.object)) {
      const TemplateId t = add_template(ds->pod, ds->meta.namespace_name, "DaemonSet " + ds->meta.key(), nullptr);
      create(ds->meta, control_plane::daemon_set(*ds, t));
    } else if (const auto* j = std::get_if<api::Job>(&o.object)) {
      if (owned_here(j->meta.controller, j->meta.namespace_name, "Jobs")) continue;
      const TemplateId t = add_template(j->spec.pod, j->meta.namespace_name, "Job " + j->meta.key(), nullptr);
      controllers::Job job;
      job.spec = control_plane::job(j->spec, t);
      create(j->meta, std::move(job));
    } else if (const auto* c = std::get_if<api::CronJob>(&o.object)) {
      const TemplateId t = add_template(c->job.pod, c->meta.namespace_name, "CronJob " + c->meta.key(), nullptr);
      create(c->meta, control_plane::cron_job(*c, t));
    } else if (const auto* b = std::get_if<api::PodDisruptionBudget>(&o.object)) {
      create(b->meta, control_plane::disruption_budget(*b));
    } else if (const auto* p = std::get_if<api::Pod>(&o.object)) {
      if (owned_here(p->scheduling.controller, p->scheduling.namespace_name, "Pods")) continue;
      controllers::Pod pod;
      pod.pod_template = add_template(*p, p->scheduling.namespace_name, "Pod " + o.key, nullptr);
      next_name_ = o.key;
      store_.create_pod(pod);
    }
  }
  for (const auto& [kind, n] : left_out) {
    notes_.push_back(
        fmt::format("{} {} of these files belong to a controller that is in them too; it makes them anew", n, kind));
  }
}

void ControlPlane::advance(Time now) {
  store_.set_now(now);
  work_.advance(now);
}

void ControlPlane::settle() {
  while (work_.run_one()) {
  }
}

Time ControlPlane::next_time() {
  return work_.next_time();
}

// Of objects that a controller makes. Source: getPodTemplateSpecHash (a Deployment's ReplicaSets), getJobName (a
// CronJob's Jobs: minutes since 1970 when they were due; here the number among its kind, which is as unique),
// getPersistentVolumeClaimName.
std::string ControlPlane::made_name(ObjectKind kind, ObjectId id) const {
  switch (kind) {
    case ObjectKind::kReplicaSet: {
      const auto& set = store_.get<controllers::ReplicaSet>(id);
      const std::string& owner = name_of(set.meta.owner.kind, set.meta.owner.id);
      return owner + "-" + name_suffix(index(set.spec.pod_template), 1, 10);
    }
    case ObjectKind::kJob: {
      const auto& job = store_.get<controllers::Job>(id);
      return fmt::format("{}-{}", name_of(job.meta.owner.kind, job.meta.owner.id), id);
    }
    case ObjectKind::kPersistentVolumeClaim: {
      const auto& claim = store_.get<controllers::PersistentVolumeClaim>(id);
      const auto& set = store_.get<controllers::StatefulSet>(claim.meta.owner.id);
      const auto& claims = *templates_[index(set.spec.pod_template)].claims;
      const std::string& owner = name_of(ObjectKind::kStatefulSet, claim.meta.owner.id);
      const std::size_t slash = owner.find('/');
      return fmt::format("{}/{}-{}-{}", owner.substr(0, slash), claims[claim.spec.claim_template].meta.name,
                         owner.substr(slash + 1), claim.spec.ordinal);
    }
    default:
      return {};  // ControllerRevisions and the like: nobody asks.
  }
}

std::string ControlPlane::pod_name(const controllers::Pod& pod) const {
  const std::string suffix = name_suffix(pod.uid, 2, 5);
  const std::string& owner = name_of(pod.owner.kind, pod.owner.id);
  if (pod.owner.kind == ObjectKind::kStatefulSet) return fmt::format("{}-{}", owner, pod.ordinal);
  if (pod.owner.kind == ObjectKind::kJob && pod.ordinal >= 0)
    return fmt::format("{}-{}-{}", owner, pod.ordinal, suffix);
  return owner + "-" + suffix;
}

void ControlPlane::pod_changed(const controllers::Pod& pod, const controllers::Pod& before, Change change) {
  if (change == Change::kAdded) {
    BERTH_CHECK(pod.uid == pod_names_.size() + 1);
    pod_names_.push_back(next_name_.empty() ? pod_name(pod) : std::exchange(next_name_, {}));
    controllers::Owner owner = pod.owner;
    if (owner.kind == ObjectKind::kReplicaSet) {
      const auto* set = store_.find<controllers::ReplicaSet>(owner.id);
      if (set != nullptr && set->meta.owner.kind != ObjectKind::kNone) owner = set->meta.owner;
    }
    pod_owners_.push_back(owner);
    pod_news_.push_back({PodNews::Kind::kCreated, pod.id, pod.uid});
  } else if (change == Change::kDeleted) {
    pod_news_.push_back({PodNews::Kind::kGone, pod.id, pod.uid, pod.status.disruption, pod.terminating});
  } else if (pod.terminating && !before.terminating) {
    pod_news_.push_back({PodNews::Kind::kTerminating, pod.id, pod.uid, pod.status.disruption});
  }
}

void ControlPlane::object_changed(ObjectKind kind, ObjectId id, Change change) {
  auto& names = object_names_[static_cast<std::size_t>(kind)];
  if (change == Change::kAdded) {
    BERTH_CHECK(id == names.size());
    names.push_back(next_name_.empty() ? made_name(kind, id) : std::exchange(next_name_, {}));
  }
  if (kind == ObjectKind::kNode && change == Change::kUpdated) node_news_.push_back(static_cast<NodeId>(id));
  if (kind != ObjectKind::kPersistentVolumeClaim || change == Change::kUpdated) return;
  const auto& claim = store_.get<controllers::PersistentVolumeClaim>(id);
  const std::string& key = names[id];
  const std::size_t slash = key.find('/');
  ClaimNews news{change == Change::kAdded, key.substr(0, slash), key.substr(slash + 1), nullptr};
  if (news.created) {
    const auto& set = store_.get<controllers::StatefulSet>(claim.meta.owner.id);
    news.claim = &(*templates_[index(set.spec.pod_template)].claims)[claim.spec.claim_template];
  }
  claim_news_.push_back(std::move(news));
}

std::shared_ptr<const api::Pod> ControlPlane::spec_of(PodId id) {
  const controllers::Pod& pod = store_.pod(id);
  Template& of = templates_[index(pod.pod_template)];
  const bool own_claims = of.claims != nullptr && !of.claims->empty();
  const bool ephemeral = std::any_of(of.pod->spec.volumes.begin(), of.pod->spec.volumes.end(),
                                     [](const api::VolumeSpec& v) { return v.claim.has_value(); });
  if (!own_claims && !ephemeral && pod.wanted == kNoNode) return of.pod;
  if (pod.wanted != kNoNode && !ephemeral) {
    auto& known = of.on_node[static_cast<std::uint32_t>(pod.wanted)];
    if (known != nullptr) return known;
  }
  if (own_claims && !ephemeral) {  // The same name and claims each time.
    const auto known = of.of_ordinal.find(pod.ordinal);
    if (known != of.of_ordinal.end()) return known->second;
  }
  auto own = std::make_shared<api::Pod>(*of.pod);
  const std::string& key = name_of(pod.uid);
  own->scheduling.name = key.substr(key.find('/') + 1);
  own->scheduling.uid = key;
  if (own_claims) {
    const std::string& set = name_of(pod.owner.kind, pod.owner.id);
    const std::string set_name = set.substr(set.find('/') + 1);
    for (const api::ClaimTemplate& claim : *of.claims) {
      const std::string& name = claim.meta.name;
      std::erase_if(own->spec.volumes, [&](const api::VolumeSpec& v) { return v.name == name; });
      std::erase_if(own->scheduling.volumes, [&](const kube::Volume& v) { return v.name == name; });
      const std::string source = fmt::format("{}-{}-{}", name, set_name, pod.ordinal);
      api::VolumeSpec& volume = own->spec.volumes.emplace_back();
      volume.name = name;
      volume.type = "persistentVolumeClaim";
      volume.sources = {source};
      kube::Volume& seen = own->scheduling.volumes.emplace_back();
      seen.kind = kube::Volume::Kind::kClaim;
      seen.name = name;
      seen.source = source;
    }
    if (!ephemeral) of.of_ordinal[pod.ordinal] = own;
  }
  if (pod.wanted != kNoNode) {  // Source: ReplaceDaemonSetPodNodeNameNodeAffinity.
    kube::NodeSelectorTerm term;
    term.match_fields.push_back({"metadata.name",
                                 kube::SelectorOperator::kIn,
                                 {name_of(ObjectKind::kNode, static_cast<ObjectId>(pod.wanted))}});
    own->scheduling.has_node_affinity_terms = true;
    own->scheduling.required_node_terms = {std::move(term)};
    if (!ephemeral) of.on_node[static_cast<std::uint32_t>(pod.wanted)] = own;
  }
  return own;
}

}  // namespace berth

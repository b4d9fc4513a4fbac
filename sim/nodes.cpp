#include "sim/nodes.hpp"

#include <algorithm>
#include <utility>

#include "sim/engine/error.hpp"
#include "sim/manifest_cluster.hpp"
#include "workloads/manifest/admission.hpp"

namespace berth {

namespace api = kube::api;

namespace {

// Claims, and ephemeral volumes, which make claims. emptyDir, hostPath and the like are the node's own.
bool has_claims(const api::Pod& pod) {
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [](const api::VolumeSpec& v) {
    return v.type == "persistentVolumeClaim" || v.type == "ephemeral";
  });
}

controllers::Phase phase_of(StatusPhase phase) {
  switch (phase) {
    case StatusPhase::kPending:
      return controllers::Phase::kPending;
    case StatusPhase::kRunning:
      return controllers::Phase::kRunning;
    case StatusPhase::kSucceeded:
      return controllers::Phase::kSucceeded;
    case StatusPhase::kFailed:
      return controllers::Phase::kFailed;
  }
  return controllers::Phase::kUnknown;
}

FailReason reason_of(PodReason reason) {
  switch (reason) {
    case PodReason::kAdmission:
      return FailReason::kAdmission;
    case PodReason::kDeadlineExceeded:
      return FailReason::kDeadlineExceeded;
    case PodReason::kEvicted:
      return FailReason::kEvicted;
    case PodReason::kNone:
      break;
  }
  return FailReason::kError;
}

KubeletOptions kubelet_options(const NodeModel& model, const NodesOptions& options) {
  KubeletOptions out = model.kubelet;
  out.seed = options.seed;
  out.replication = options.replication;
  return out;
}
StorageOptions storage_options(const NodeModel& model, const NodesOptions& options) {
  StorageOptions out = model.storage;
  out.seed = options.seed;
  out.replication = options.replication;
  return out;
}
ImageManagerConfig image_config(const NodeModel& model, const NodesOptions& options) {
  ImageManagerConfig out = model.images;
  out.pull.seed = options.seed;
  out.pull.replication = options.replication;
  return out;
}

}  // namespace

Nodes::Nodes(Cluster& cluster, Engine<Event>& engine, Journal& journal, Actions& actions, const RunImages& images,
             ImageDistribution& distribution, const NodeModel& model, ControlPlane* control_plane,
             const manifest::Manifests* manifests, const NodesOptions& options)
    : cluster_(cluster),
      engine_(engine),
      journal_(journal),
      actions_(actions),
      run_images_(images),
      options_(options),
      control_plane_(control_plane),
      network_(engine),
      images_(engine, journal, network_, images.catalog, distribution, *this, image_config(model, options)),
      storage_(engine, journal, storage_options(model, options)),
      kubelet_(engine, journal, images_, storage_, *this, kubelet_options(model, options)),
      disk_(model.node_images) {
  storage_.listen(this, this);
  for (const RegistrySpec& registry : model.registries) images_.runtime().add_registry(registry);
  if (manifests != nullptr) add_objects(*manifests);
  std::vector<ImageId> all;
  for (std::size_t i = 0; i < run_images_.catalog.images(); ++i) all.push_back(static_cast<ImageId>(i));
  images_.runtime().set_run_images(std::move(all));
  for (std::size_t n = 0; n < cluster_.nodes().size(); ++n) equip(static_cast<NodeId>(n), Time{} - seconds(10));
  actions.set_node_agent(this);
}

Nodes::~Nodes() {
  actions_.set_node_agent(nullptr);
}

void Nodes::add_objects(const manifest::Manifests& manifests) {
  manifests.each<api::StorageClass>([&](const api::StorageClass& c, const auto&) { storage_.add_class(c); });
  const manifest::Admission admission(manifests);
  manifests.each<api::PersistentVolumeClaim>([&](api::PersistentVolumeClaim claim, const auto&) {
    (void)admission.admit(claim);  // The default class, as in scheduling_objects().
    storage_.add_claim(claim);
  });
  manifests.each<api::PersistentVolume>([&](const api::PersistentVolume& v, const auto&) { storage_.add_volume(v); });
  // The scheduler has these already, as the manifests say (Cluster::set_objects); only what changes is news.
  for (const ClaimId id : changed_claims_) {
    if (index(id) >= told_claims_.size()) told_claims_.resize(index(id) + 1);
    told_claims_[index(id)].key = storage_.claim(id).key;
    if (storage_.claim(id).object.bind_completed)
      told_claims_[index(id)].volume = storage_.claim(id).object.volume_name;
  }
  for (const VolumeId id : changed_volumes_) {
    if (index(id) >= told_volumes_.size()) told_volumes_.resize(index(id) + 1);
    told_volumes_[index(id)] = storage_.volume(id).object.name;
  }
}

// What a node needs besides its row of the cluster and its object.
void Nodes::equip(NodeId node, Time kubelet_started) {
  const auto n = static_cast<std::uint32_t>(node);
  for (std::vector<std::uint8_t>* column : {&removed_, &starting_, &down_, &hung_, &cut_, &status_due_}) {
    column->push_back(0);
  }
  const NodeSpec& spec = cluster_.node_spec(node);
  NodeImageSpec disk = disk_;
  disk.zone = zones_.intern(label_of(spec, kZoneLabel));
  // Kubelets do not start in step: each has its own place in the second, and in the ten seconds of the status.
  const Duration phase =
      nanoseconds(static_cast<std::int64_t>(Rng(0, 0, n, Purpose::kNodeBoot).below64(10'000'000'000ULL)));
  status_phase_.push_back(phase);
  images_.add_node(node, disk);
  storage_.add_node(node, *cluster_.node_object(node), phase);
  if (control_plane_ != nullptr && options_.leases) {
    engine_.schedule(engine_.now() + phase, kPhaseChange, {n, 0, EventKind::kControllersDue, kLease});
    control_plane_->store().renew_lease(node);
  }
  kubelet_.add_node(node, {spec.allocatable, spec.pods, spec.allocatable.memory_bytes},
                    std::min(engine_.now(), kubelet_started + phase));
}

// ---- nodes that come and go ----------------------------------------------------------------------------------------

// Source: the admission plug-in TaintNodesByCondition taints a new node; kubelet_node_status.go, Ready is False until
// the network is there.
NodeId Nodes::add_node(NodeSpec spec, Duration ready_after, Duration booted) {
  const bool starts = ready_after.ns > 0;
  if (starts) {
    auto object = spec.node != nullptr ? std::make_shared<kube::Node>(*spec.node) : std::make_shared<kube::Node>();
    object->name = spec.name;
    for (const Label& label : spec.labels) object->labels.set(label.key, label.value);
    object->taints.push_back({controllers::taints::kNotReady, "", kube::TaintEffect::kNoSchedule});
    spec.node = std::move(object);
  }
  const NodeId node = cluster_.add_node(spec);
  if (control_plane_ != nullptr) {
    BERTH_CHECK(control_plane_->store().end_id<controllers::Node>() == index(node));
    touch_control_plane();
    control_plane_->add_node(spec, !starts);
  }
  equip(node, engine_.now());
  if (traffic_ != nullptr) traffic_->node_on(node);
  const auto milliseconds_since =
      static_cast<std::uint32_t>(std::min<std::int64_t>(booted.ns / 1'000'000, 0xFFFF'FFFF));
  journal_.append({.at = engine_.now(), .node = node, .value = milliseconds_since, .kind = RecordKind::kNodeJoined});
  changed_ = true;
  if (starts) {
    starting_[index(node)] = 1;
    storage_.node_ready(node, false);
    engine_.schedule(engine_.now() + ready_after, kPhaseChange,
                     {static_cast<std::uint32_t>(node), 0, EventKind::kControllersDue, kReady});
  } else {
    journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeReady});
  }
  if (on_join_) on_join_(node);
  return node;
}

void Nodes::become_ready(NodeId node) {
  const std::size_t n = index(node);
  if (removed_[n] != 0) return;
  starting_[n] = 0;
  if (down_[n] != 0 || hung_[n] != 0 || cut_[n] != 0) return;  // With a later lease.
  const auto is_taint = [](const kube::Taint& taint) {
    return taint.key == controllers::taints::kNotReady && taint.effect == kube::TaintEffect::kNoSchedule;
  };
  if (control_plane_ != nullptr) {
    touch_control_plane();
    post_ready(node);
    control_plane_->store().edit<controllers::Node>(static_cast<controllers::ObjectId>(n), [&](controllers::Node& o) {
      std::erase_if(o.spec.taints, [&](const controllers::NodeTaint& t) { return is_taint(t.taint); });
    });
  } else {
    auto seen = std::make_shared<kube::Node>(*cluster_.node_object(node));
    std::erase_if(seen->taints, is_taint);
    cluster_.set_node_object(node, std::move(seen));
    storage_.node_ready(node, true);
  }
  journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeReady});
  changed_ = true;
}

void Nodes::remove_node(NodeId node) {
  const std::size_t n = index(node);
  BERTH_CHECK(removed_[n] == 0 && cluster_.node_exists(node));
  touch_control_plane();
  removed_[n] = 1;
  std::vector<PodId> pods;
  for (PodId p = cluster_.first_on_node(node); p != kNoPod; p = cluster_.pods().next_on_node[index(p)]) {
    pods.push_back(p);
  }
  std::vector<PodSlot> of_trace;
  for (const PodId pod : pods) {
    if (cluster_.pods().phase[index(pod)] == PodPhase::kBinding) {
      const std::uint32_t ordinal = cluster_.pods().ordinal[index(pod)];
      if (prebinding_.erase(ordinal) > 0) storage_.pod_unassumed(ordinal);
      actions_.unassume(pod);
      continue;
    }
    Placed& placed = placed_[row(pod).placed];
    if (placed.object == kNoPod) {
      if (!placed.evicting) placed.evicting = EvictReason::kDrained;
      of_trace.push_back(placed.slot);
      continue;
    }
    placed.pod = kNoPod;
    objects_[index(placed.object)].pod = kNoPod;
    row(pod) = {};
    actions_.pod_deleted(pod);
  }
  if (hung_[n] != 0 && down_[n] == 0) kubelet_.resume(node);
  kubelet_.remove_node(node);
  if (traffic_ != nullptr) traffic_->node_off(node);
  down_[n] = 1;
  for (const PodSlot slot : of_trace) kubelet_.force_remove(slot);
  images_.remove_node(node);
  storage_.node_removed(node);
  if (control_plane_ != nullptr)
    control_plane_->store().erase<controllers::Node>(static_cast<controllers::ObjectId>(n));
  journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeLeft});
  cluster_.remove_node(node);
  changed_ = true;
}

TemplateId Nodes::template_of_object(PodId object) const {
  const PodId pod = index(object) < objects_.size() ? objects_[index(object)].pod : kNoPod;
  return pod == kNoPod ? kNoTemplate : cluster_.pods().pod_template[index(pod)];
}

Nodes::Row& Nodes::row(PodId pod) {
  if (index(pod) >= rows_.size()) rows_.resize(std::max(cluster_.pods().size(), index(pod) + 1));
  return rows_[index(pod)];
}

Nodes::ObjectRow* Nodes::object_row(PodId object, std::uint64_t uid) {
  if (index(object) >= objects_.size() || objects_[index(object)].uid != uid) return nullptr;
  return &objects_[index(object)];
}

void Nodes::handle(const Event& event) {
  switch (event.kind) {
    case EventKind::kFlowEvent:
      network_.handle(event);
      break;
    case EventKind::kImageEvent:
      images_.handle(event);
      break;
    case EventKind::kKubeletEvent:
      kubelet_.handle(event);
      break;
    case EventKind::kStorageEvent:
      storage_.handle(event);
      break;
    case EventKind::kControllersDue:
      if (event.detail == kLease) return renew_lease(static_cast<NodeId>(event.subject));
      if (event.detail == kNodeStatus) return report_images(static_cast<NodeId>(event.subject));
      if (event.detail == kPreBindFailed) {
        prebound_.emplace_back(event.subject, false);
        return;
      }
      if (event.detail == kReady) return become_ready(static_cast<NodeId>(event.subject));
      controllers_due_.reset();
      controllers_due_at_ = kNever;
      touch_control_plane();
      break;
    default:
      BERTH_CHECK(false);
  }
}

// Every 10 s, and up to 4 % later. Source: pkg/kubelet/kubelet.go (nodelease), client-go wait.JitterUntil.
void Nodes::renew_lease(NodeId node) {
  const auto n = static_cast<std::uint32_t>(node);
  if (removed_[n] != 0) return;
  if (down_[n] == 0 && hung_[n] == 0 && cut_[n] == 0) {
    touch_control_plane();
    control_plane_->store().renew_lease(node);
    const controllers::NodeCondition& ready =
        control_plane_->store().get<controllers::Node>(n).condition(controllers::NodeConditionType::kReady);
    // With the status, every 10 s too.
    if (ready.status != controllers::ConditionStatus::kTrue && starting_[n] == 0) post_ready(node);
  }
  const auto turn = static_cast<std::uint32_t>(engine_.now().ns / 10'000'000'000);
  Rng rng(options_.seed, options_.replication, n, Purpose::kNodeLease);
  rng.seek(turn);
  const auto jitter = nanoseconds(static_cast<std::int64_t>(rng.below(400'000'000)));
  engine_.schedule(engine_.now() + seconds(10) + jitter, kPhaseChange, {n, 0, EventKind::kControllersDue, kLease});
}

void Nodes::post_ready(NodeId node) {
  const Time now = controllers::api_time(engine_.now());
  control_plane_->store().edit<controllers::Node>(
      static_cast<controllers::ObjectId>(node), [now](controllers::Node& n) {
        controllers::NodeCondition& c = n.condition(controllers::NodeConditionType::kReady);
        if (!c.posted || c.status != controllers::ConditionStatus::kTrue) c.last_transition = now;
        c.posted = true;
        c.status = controllers::ConditionStatus::kTrue;
        c.reason = controllers::NodeReason::kKubeletReady;
        c.last_heartbeat = now;
      });
}

// The node's status is written every 10 s, if anything in it is new.
void Nodes::images_changed(NodeId node) {
  if (status_due_[index(node)] != 0) return;
  status_due_[index(node)] = 1;
  constexpr std::int64_t kPeriod = 10'000'000'000;
  const std::int64_t since = engine_.now().ns - status_phase_[index(node)].ns;
  const std::int64_t next = status_phase_[index(node)].ns + (since < 0 ? 0 : since / kPeriod + 1) * kPeriod;
  engine_.schedule(Time{next}, kPhaseChange,
                   {static_cast<std::uint32_t>(node), 0, EventKind::kControllersDue, kNodeStatus});
}

// The largest 50 (nodeStatusMaxImages), as ImageLocality sees them. Source: pkg/kubelet/nodestatus, Images.
void Nodes::report_images(NodeId node) {
  constexpr std::size_t kMost = 50;
  status_due_[index(node)] = 0;
  if (down_[index(node)] != 0) return;
  std::vector<HeldImage> now;
  for (const ImageStore::ImageEntry& entry : images_.runtime().store(node).images) {
    now.push_back(
        {cluster_.intern_image(run_images_.catalog.name(entry.id)), run_images_.catalog.compressed_bytes(entry.id)});
  }
  std::stable_sort(now.begin(), now.end(),
                   [](const HeldImage& a, const HeldImage& b) { return a.size_bytes > b.size_bytes; });
  if (now.size() > kMost) now.resize(kMost);
  const auto holds = [](std::span<const HeldImage> list, const HeldImage& image) {
    return std::any_of(list.begin(), list.end(), [&](const HeldImage& other) { return other.image == image.image; });
  };
  const std::span<const HeldImage> listed = cluster_.node_images(node);
  const std::vector<HeldImage> before(listed.begin(), listed.end());
  for (const HeldImage& image : before) {
    if (!holds(now, image)) cluster_.set_node_image(node, image, false);
  }
  for (const HeldImage& image : now) {
    if (!holds(before, image)) cluster_.set_node_image(node, image, true);
  }
}

// Labels, taints and cordons that controllers wrote, and readiness, reach the scheduler and the storage.
void Nodes::update_node_objects() {
  for (const NodeId node : control_plane_->take_node_news()) {
    const auto* object = control_plane_->store().find<controllers::Node>(static_cast<controllers::ObjectId>(node));
    if (object == nullptr || !cluster_.node_exists(node)) continue;
    auto seen = std::make_shared<kube::Node>(*cluster_.node_object(node));
    seen->taints.clear();
    for (const controllers::NodeTaint& taint : object->spec.taints) seen->taints.push_back(taint.taint);
    seen->unschedulable = object->spec.unschedulable;
    cluster_.set_node_object(node, std::move(seen));
    const bool ready =
        object->condition(controllers::NodeConditionType::kReady).status == controllers::ConditionStatus::kTrue;
    storage_.node_ready(node, ready);
    changed_ = true;
  }
}

// Writes to the store bear its clock.
void Nodes::touch_control_plane() {
  if (control_plane_ != nullptr) control_plane_->advance(engine_.now());
}

void Nodes::plan_control_plane() {
  const Time next = control_plane_->next_time();
  if (next == controllers_due_at_) return;
  if (controllers_due_) engine_.cancel(*controllers_due_);
  controllers_due_.reset();
  controllers_due_at_ = next;
  if (next == kNever) return;
  controllers_due_ = engine_.schedule_cancellable(std::max(next, engine_.now()), kPhaseChange,
                                                  {0, 0, EventKind::kControllersDue, kControllers});
}

bool Nodes::settle(const std::function<void(PodId)>& tell) {
  bool any = std::exchange(changed_, false);
  for (bool more = true; more;) {
    more = false;
    for (const auto& [ordinal, bound] : std::exchange(prebound_, {})) {
      const auto it = prebinding_.find(ordinal);
      if (it == prebinding_.end()) continue;
      const PodId pod = it->second;
      prebinding_.erase(it);
      bound ? actions_.bound(pod) : actions_.unassume(pod);
      more = true;
    }
    if (control_plane_ != nullptr) {
      touch_control_plane();
      control_plane_->settle();
      update_node_objects();
      for (const ControlPlane::ClaimNews& news : control_plane_->take_claim_news()) {
        more = true;
        if (!news.created) {
          storage_.delete_claim(news.namespace_name, news.name);
          continue;
        }
        api::PersistentVolumeClaim claim{news.claim->meta, news.claim->claim, !news.claim->claim.storage_class.empty()};
        claim.meta.namespace_name = claim.scheduling.namespace_name = news.namespace_name;
        claim.meta.name = claim.scheduling.name = news.name;
        storage_.add_claim(claim);
      }
      tell_claims();  // Before the pods that use them.
      for (const ControlPlane::PodNews& news : control_plane_->take_pod_news()) {
        more = true;
        switch (news.kind) {
          case ControlPlane::PodNews::Kind::kCreated:
            created(news, tell);
            break;
          case ControlPlane::PodNews::Kind::kTerminating:
            terminating(news);
            break;
          case ControlPlane::PodNews::Kind::kGone:
            gone(news);
            break;
        }
      }
    }
    any = any || more;
  }
  tell_claims();
  if (control_plane_ != nullptr) plan_control_plane();
  return std::exchange(changed_, false) || any;
}

TemplateId Nodes::template_of(const std::shared_ptr<const api::Pod>& pod) {
  const auto [it, fresh] = template_ids_.try_emplace(pod.get());
  if (fresh) it->second = cluster_.catalog().intern(pod_template(pod, cluster_.catalog()));
  return it->second;
}

ProgramId Nodes::program_of(TemplateId id) {
  if (index(id) >= programs_.size()) programs_.resize(cluster_.catalog().templates());
  std::optional<ProgramId>& program = programs_[index(id)];
  if (!program) {
    const PodTemplate& t = cluster_.catalog()[id];
    BERTH_CHECK(t.pod != nullptr);
    PodProgram made = compile_pod(*t.pod, [this](std::string_view name) { return run_images_.of(name); });
    made.pod_template = id;
    program = kubelet_.add_program(std::move(made));
  }
  return *program;
}

// ---- news of the control plane -------------------------------------------------------------------------------------

void Nodes::created(const ControlPlane::PodNews& news, const std::function<void(PodId)>& tell) {
  if (!control_plane_->store().exists(news.id, news.uid)) return;  // And gone again at the same instant.
  const TemplateId t = template_of(control_plane_->spec_of(news.id));
  const PodId pod = actions_.create(t, kForever, {}, static_cast<std::uint32_t>(news.uid - 1));
  row(pod) = {kNone, news.id, false};
  if (index(news.id) >= objects_.size()) objects_.resize(index(news.id) + 1);
  objects_[index(news.id)] = {news.uid, pod, kNone};
  tell(pod);
  const std::string& wanted = cluster_.pod_template(pod).pod->scheduling.node_name;
  if (wanted.empty()) return;
  for (std::size_t n = 0; n < cluster_.nodes().size(); ++n) {  // Bound by whoever made it.
    if (cluster_.node_spec(static_cast<NodeId>(n)).name == wanted) actions_.bind(pod, static_cast<NodeId>(n));
  }
}

void Nodes::terminating(const ControlPlane::PodNews& news) {
  const ObjectRow* object = object_row(news.id, news.uid);
  if (object == nullptr || object->placed == kNone) return;
  if (traffic_ != nullptr) traffic_->terminating(object->placed);
  kubelet_.delete_pod(placed_[object->placed].slot);
}

void Nodes::gone(const ControlPlane::PodNews& news) {
  ObjectRow* object = object_row(news.id, news.uid);
  if (object == nullptr) return;  // We said so ourselves.
  const ObjectRow was = std::exchange(*object, {});
  if (was.placed != kNone) {
    kubelet_.force_remove(placed_[was.placed].slot);
  } else if (was.pod != kNoPod) {
    const std::uint32_t ordinal = cluster_.pods().ordinal[index(was.pod)];
    prebinding_.erase(ordinal);
    if (row(was.pod).registered) storage_.pod_removed(ordinal);
    row(was.pod) = {};
    actions_.pod_deleted(was.pod);
  }
}

// ---- the scheduler's side ------------------------------------------------------------------------------------------

bool Nodes::pre_bind(PodId pod) {
  const PodTemplate& t = cluster_.pod_template(pod);
  if (t.pod == nullptr || !has_claims(*t.pod)) return true;
  const std::uint32_t ordinal = cluster_.pods().ordinal[index(pod)];
  Row& r = row(pod);
  if (!r.registered) {
    storage_.register_pod(ordinal, cluster_.pods().pod_template[index(pod)], *t.pod);
    r.registered = true;
  }
  switch (storage_.pod_assumed(ordinal, cluster_.pods().node[index(pod)])) {
    case PreBind::kDone:
      return true;
    case PreBind::kWaiting:
      prebinding_[ordinal] = pod;
      return false;
    case PreBind::kFailed:
      // Back to the queue, after a back-off: a scheduler that knows nothing of volumes would choose the same node
      // again.
      prebinding_[ordinal] = pod;
      engine_.schedule(engine_.now() + seconds(1), kPhaseChange,
                       {ordinal, 0, EventKind::kControllersDue, kPreBindFailed});
      return false;
  }
  return true;
}

void Nodes::pod_bound(PodId pod) {
  std::uint32_t at = static_cast<std::uint32_t>(placed_.size());
  if (free_placed_.empty()) {
    placed_.emplace_back();
  } else {
    at = free_placed_.back();
    free_placed_.pop_back();
  }
  const PodColumns& pods = cluster_.pods();
  Row& r = row(pod);
  r.placed = at;
  Placed& placed = placed_[at];
  placed = {
      pod,  r.object,     {},          pods.ordinal[index(pod)], pods.node[index(pod)], pods.pod_template[index(pod)],
      true, r.registered, std::nullopt};
  if (r.registered) storage_.pod_bound(placed.ordinal, placed.node);
  if (r.object != kNoPod) {
    touch_control_plane();
    objects_[index(r.object)].placed = at;
    control_plane_->store().bind(r.object, placed.node);
  }
  changed_ = true;
  const PodSlot slot = kubelet_.add_pod(placed.node, program_of(pods.pod_template[index(pod)]), placed.ordinal, at);
  placed_[at].slot = slot;
}

void Nodes::evict(PodId pod, EvictReason why) {
  const Row& r = row(pod);
  BERTH_CHECK(r.placed != kNone);
  Placed& placed = placed_[r.placed];
  if (placed.evicting) return;
  placed.evicting = why;
  if (r.object != kNoPod) {
    touch_control_plane();
    control_plane_->store().delete_pod(r.object);
    changed_ = true;
  } else {
    kubelet_.delete_pod(placed.slot);
  }
}

// ---- the kubelet's side --------------------------------------------------------------------------------------------

void Nodes::report(const Placed& placed) {
  const PodStatus& from = kubelet_.status(placed.slot);
  const PodProgram& program = kubelet_.program(*programs_[index(cluster_.pods().pod_template[index(placed.pod)])]);
  controllers::PodStatus status = control_plane_->store().pod(placed.object).status;
  status.phase = phase_of(from.phase);
  status.ready = from.ready;
  status.ready_since = controllers::api_time(from.ready_since == kNever ? engine_.now() : from.ready_since);
  if (from.reason == PodReason::kEvicted && status.disruption == controllers::Disruption::kNone) {
    status.disruption = controllers::Disruption::kTerminationByKubelet;
    status.disrupted_since = controllers::api_time(engine_.now());
  }
  status.restarts = 0;
  status.sidecar_restarts = 0;
  for (std::uint16_t c = 0; c < program.containers.size(); ++c) {
    const ContainerStatus& s = kubelet_.container_status(placed.slot, c);
    std::int32_t& restarts =
        program.containers[c].kind == ContainerKind::kSidecar ? status.sidecar_restarts : status.restarts;
    restarts = std::max(restarts, static_cast<std::int32_t>(s.restarts));
    if (!controllers::finished(status.phase) || c < program.init_containers || !s.has_ended) continue;
    const bool better = !status.container_ended || (status.exit_code == 0 && s.exit_code != 0);
    if (!better) continue;
    status.container_ended = true;
    status.exit_code = s.exit_code;
    status.exit_container = static_cast<std::uint16_t>(c - program.init_containers);
    status.finished_at = controllers::api_time(s.finished_at);
  }
  control_plane_->store().set_status(placed.object, status);
}

void Nodes::pod_status_changed(PodSlot slot, std::uint32_t owner) {
  Placed& placed = placed_[owner];
  changed_ = true;
  const PodStatus& status = kubelet_.status(slot);
  if (traffic_ != nullptr) traffic_->ready(owner, status.ready);
  const PodId pod = placed.pod;
  if (pod == kNoPod) return;  // It has ended before; what is left is tidying up.
  const PodId object = placed.object;
  if (object != kNoPod) {
    touch_control_plane();
    report(placed);
  }
  if (status.phase != StatusPhase::kPending && cluster_.pods().phase[index(pod)] == PodPhase::kScheduled) {
    actions_.pod_started(pod);
  }
  if (!terminal(status.phase)) return;
  if (placed.evicting || (object != kNoPod && control_plane_->store().pod(object).terminating)) return;
  if (placed.has_volumes) storage_.pod_finished(placed.ordinal);
  placed.pod = kNoPod;
  if (object != kNoPod) objects_[index(object)].pod = kNoPod;
  row(pod) = {};
  if (status.phase == StatusPhase::kSucceeded) {
    actions_.pod_succeeded(pod);
  } else {
    actions_.fail(pod, reason_of(status.reason));
  }
  if (object == kNoPod) kubelet_.delete_pod(slot);  // Nobody keeps the ended pods of a trace.
}

void Nodes::pod_gone(PodSlot, std::uint32_t owner) {
  const Placed placed = std::exchange(placed_[owner], {});
  if (traffic_ != nullptr) traffic_->gone(owner);
  free_placed_.push_back(owner);
  changed_ = true;
  if (placed.pod != kNoPod) row(placed.pod) = {};
  if (placed.has_volumes) storage_.pod_removed(placed.ordinal);
  if (placed.object != kNoPod && objects_[index(placed.object)].placed == owner) {  // Not deleted by force before.
    objects_[index(placed.object)] = {};
    touch_control_plane();
    control_plane_->store().remove_pod(placed.object);
  }
  if (placed.pod == kNoPod) return;
  if (placed.evicting && placed.object == kNoPod) {
    actions_.pod_evicted(placed.pod, *placed.evicting);
  } else {
    actions_.pod_deleted(placed.pod);
  }
}

KubeletListener::Crash Nodes::crash_of(std::uint32_t owner, std::uint16_t container, std::uint32_t restarts) {
  if (fault_plan_ == nullptr) return {};
  const Placed& placed = placed_[owner];
  const PodTemplate& t = cluster_.catalog()[placed.pod_template];
  const kube::Pod& pod = t.pod->scheduling;
  const std::size_t inits = pod.init_containers.size();
  StartedContainer started;
  started.pod_namespace = pod.namespace_name;
  started.pod_labels = t.labels;
  started.name = container < inits ? pod.init_containers[container].name : pod.containers[container - inits].name;
  started.pod_ordinal = placed.ordinal;
  started.number = container;
  started.restarts = restarts;
  const ContainerCrash crash = container_crash(*fault_plan_, started, {options_.seed, options_.replication});
  return {crash.after, crash.exit_code};
}

void Nodes::process_changed(PodSlot, std::uint32_t owner, std::uint16_t container, Process what, Time up_at) {
  if (traffic_ == nullptr) return;
  const Placed& placed = placed_[owner];
  switch (what) {
    case Process::kStarted:
      traffic_->started(owner, placed.pod_template, placed.node, container, up_at);
      break;
    case Process::kClosing:
      traffic_->closing(owner, container);
      break;
    case Process::kEnded:
      traffic_->ended(owner, container);
      break;
  }
}

const Nodes::Placed* Nodes::placed_of(PodId object) const {
  if (index(object) >= objects_.size() || objects_[index(object)].placed == kNone) return nullptr;
  return &placed_[objects_[index(object)].placed];
}

std::optional<PodReading> Nodes::read(PodId object) {
  const Placed* placed = placed_of(object);
  if (placed == nullptr || !kubelet_.live(placed->slot)) return std::nullopt;
  const std::size_t n = index(placed->node);
  if (down_[n] != 0 || hung_[n] != 0 || cut_[n] != 0) return std::nullopt;
  PodReading out;
  bool runs = false;
  const PodProgram& program = kubelet_.program(*programs_[index(placed->pod_template)]);
  for (std::uint16_t c = program.init_containers; c < program.containers.size(); ++c) {
    const ContainerStatus& status = kubelet_.container_status(placed->slot, c);
    if (status.state != ContainerStatus::State::kRunning) continue;
    out.started = runs ? std::max(out.started, status.started_at) : status.started_at;
    runs = true;
  }
  if (!runs) return std::nullopt;
  if (traffic_ == nullptr) return out;
  if (const auto usage = traffic_->usage(objects_[index(object)].placed)) {
    out.cpu_core_ns = usage->cpu_core_ns;
    out.concurrency_ns = usage->concurrency_ns;
    out.requests = usage->requests;
  }
  return out;
}

Time Nodes::start_time(PodId object) {
  const Placed* placed = placed_of(object);
  return placed == nullptr || !kubelet_.live(placed->slot) ? kNever : kubelet_.status(placed->slot).start_time;
}

void Nodes::memory_pressure_changed(NodeId node, bool pressure) {
  changed_ = true;
  if (control_plane_ == nullptr) return;
  touch_control_plane();
  control_plane_->store().edit<controllers::Node>(static_cast<controllers::ObjectId>(node), [&](controllers::Node& n) {
    controllers::NodeCondition& condition = n.condition(controllers::NodeConditionType::kMemoryPressure);
    condition.posted = true;
    condition.status = pressure ? controllers::ConditionStatus::kTrue : controllers::ConditionStatus::kFalse;
    condition.last_transition = controllers::api_time(engine_.now());
  });
}

// ---- faults --------------------------------------------------------------------------------------------------------

void Nodes::crash(NodeId node) {
  if (is_down(node)) return;
  down_[index(node)] = 1;
  hung_[index(node)] = 0;  // It will start anew.
  if (traffic_ != nullptr) traffic_->node_off(node);
  kubelet_.node_down(node);
  images_.node_down(node);
  storage_.node_down(node);
  changed_ = true;
}

void Nodes::restore(NodeId node, bool keep_disk) {
  if (!is_down(node) || removed(node)) return;
  down_[index(node)] = 0;
  if (traffic_ != nullptr) traffic_->node_on(node);
  if (!keep_disk) kubelet_.lose_disk(node);
  images_.node_up(node, keep_disk);
  storage_.node_up(node);
  kubelet_.node_up(node);
  changed_ = true;
}

void Nodes::hang(NodeId node, bool hangs) {
  if (is_down(node) || hung_[index(node)] == (hangs ? 1 : 0) || removed(node)) return;  // What is off cannot hang.
  hung_[index(node)] = hangs ? 1 : 0;
  hangs ? kubelet_.hang(node) : kubelet_.resume(node);
  changed_ = true;
}

void Nodes::cut_off(NodeId node, bool cut) {
  if (cut_[index(node)] == (cut ? 1 : 0) || removed(node)) return;
  cut_[index(node)] = cut ? 1 : 0;
  if (traffic_ != nullptr) cut ? traffic_->node_off(node) : traffic_->node_on(node);
  cut ? kubelet_.disconnect(node) : kubelet_.reconnect(node);
  changed_ = true;
}

// ---- the storage's side: called in the middle of a change, so only noted -------------------------------------------

void Nodes::prebind_done(std::uint32_t pod, bool bound) {
  prebound_.emplace_back(pod, bound);
}
void Nodes::claim_changed(ClaimId claim) {
  changed_claims_.push_back(claim);
}
void Nodes::volume_changed(VolumeId volume) {
  changed_volumes_.push_back(volume);
}

// Brings the scheduler's picture of claims and volumes up to date: volumes first, since claims name them.
void Nodes::tell_claims() {
  if (changed_claims_.empty() && changed_volumes_.empty()) return;
  changed_ = true;
  for (const VolumeId id : std::exchange(changed_volumes_, {})) {
    if (index(id) >= told_volumes_.size()) told_volumes_.resize(index(id) + 1);
    std::string& told = told_volumes_[index(id)];
    const VolumeRow& volume = storage_.volume(id);
    const bool there = volume.live && volume.exists;
    if (!told.empty() && (!there || told != volume.object.name)) {
      cluster_.volume_removed(told);
      told.clear();
    }
    if (there && told.empty()) {
      told = volume.object.name;
      cluster_.volume_added(volume.object);
    }
  }
  for (const ClaimId id : std::exchange(changed_claims_, {})) {
    if (index(id) >= told_claims_.size()) told_claims_.resize(index(id) + 1);
    ToldClaim& told = told_claims_[index(id)];
    const ClaimRow& claim = storage_.claim(id);
    const bool there = claim.live && claim.exists;
    if (!told.key.empty() && (!there || told.key != claim.key)) {
      cluster_.claim_removed(told.key);
      told = {};
    }
    if (!there) continue;
    if (told.key.empty()) {
      told.key = claim.key;
      cluster_.claim_added(claim.object);
    }
    if (claim.object.bind_completed && told.volume != claim.object.volume_name) {
      told.volume = claim.object.volume_name;
      cluster_.claim_bound(told.key, told.volume);
    }
  }
}

std::string Nodes::verify() const {
  for (const std::string& trouble : {kubelet_.verify(), images_.verify(), storage_.verify(), network_.verify()}) {
    if (!trouble.empty()) return trouble;
  }
  std::size_t bound = 0;
  for (std::size_t at = 0; at < placed_.size(); ++at) {
    const Placed& placed = placed_[at];
    if (!placed.live) continue;
    if (!kubelet_.live(placed.slot)) return "a placed pod has no slot";
    if (placed.pod == kNoPod) continue;
    ++bound;
    if (cluster_.pods().node[index(placed.pod)] != placed.node) return "a placed pod is on another node";
    if (rows_[index(placed.pod)].placed != at) return "a pod's row names another place";
  }
  if (bound + prebinding_.size() != cluster_.pods_bound()) return "pods hold room without being placed";
  return {};
}

}  // namespace berth

#include "sim/nodes.hpp"

#include <algorithm>
#include <utility>

#include "sim/engine/error.hpp"
#include "sim/manifest_cluster.hpp"

namespace berth {

namespace api = kube::api;

namespace {

KubeletOptions kubelet_options(const NodeModel& model, const NodesOptions& options, bool control_plane) {
  KubeletOptions out = model.kubelet;
  // Nobody would taint the node: pods of a trace, which write nothing, would go on coming, to be refused.
  if (!control_plane) out.eviction_nodefs_percent = out.eviction_imagefs_percent = 0;
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
      kubelet_(engine, journal, images_, storage_, *this, kubelet_options(model, options, control_plane != nullptr)),
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
  disrupted(placed_[object->placed], news.disruption);
  if (traffic_ != nullptr) traffic_->terminating(object->placed);
  kubelet_.delete_pod(placed_[object->placed].slot);
}

void Nodes::gone(const ControlPlane::PodNews& news) {
  ObjectRow* object = object_row(news.id, news.uid);
  if (object == nullptr) return;  // We said so ourselves.
  const ObjectRow was = std::exchange(*object, {});
  if (was.placed != kNone) {
    if (!news.terminating && news.disruption == controllers::Disruption::kDeletionByPodGc) {
      disrupted(placed_[was.placed], news.disruption);
    }
    kubelet_.force_remove(placed_[was.placed].slot);
  } else if (was.pod != kNoPod) {
    const std::uint32_t ordinal = cluster_.pods().ordinal[index(was.pod)];
    prebinding_.erase(ordinal);
    if (row(was.pod).registered) storage_.pod_removed(ordinal);
    row(was.pod) = {};
    actions_.pod_deleted(was.pod);
  }
}

// For the journal.
void Nodes::disrupted(const Placed& placed, controllers::Disruption why) {
  DisruptReason reason{};
  if (placed.evicting) {
    reason = *placed.evicting == EvictReason::kPreempted ? DisruptReason::kPreemption : DisruptReason::kEvictionApi;
  } else if (why == controllers::Disruption::kEvictionByEvictionApi) {
    reason = DisruptReason::kEvictionApi;
  } else if (why == controllers::Disruption::kDeletionByTaintManager) {
    reason = DisruptReason::kTaintManager;
  } else if (why == controllers::Disruption::kDeletionByPodGc) {
    reason = DisruptReason::kPodGc;
  } else {
    return;
  }
  journal_.append({.at = engine_.now(),
                   .pod = placed.ordinal,
                   .node = placed.node,
                   .pod_template = placed.pod_template,
                   .kind = RecordKind::kPodDisrupted,
                   .reason = static_cast<std::uint8_t>(reason)});
}

// ---- the scheduler's side ------------------------------------------------------------------------------------------

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

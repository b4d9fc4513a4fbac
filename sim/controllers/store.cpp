#include "sim/controllers/store.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace berth::controllers {
namespace {

const PodList kEmptyList;

std::string list_name(std::string what, std::size_t number) {
  what.append(" ").append(std::to_string(number));
  return what;
}

}  // namespace

const std::vector<ObjectId> Store::kNoChildren;

void Watcher::pod_changed(const Pod&, const Pod&, Change) {}
void Watcher::object_changed(ObjectKind, ObjectId, Change) {}

Store::Store() = default;
Store::~Store() = default;

TemplateId Store::intern(const PodTemplate& pod_template) {
  const auto [it, added] = template_ids_.try_emplace(pod_template.content, TemplateId(templates_.size()));
  if (added) {
    templates_.push_back(pod_template);
    template_lists_.emplace_back();
  }
  return it->second;
}

const PodList& Store::pods_of(Owner owner) const {
  const auto& lists = owner_lists_[static_cast<std::size_t>(owner.kind)];
  return owner.id < lists.size() ? lists[owner.id] : kEmptyList;
}
const PodList& Store::pods_on(NodeId node) const {
  return index(node) < node_lists_.size() ? node_lists_[index(node)] : kEmptyList;
}
const PodList& Store::pods_from(TemplateId id) const {
  return template_lists_[index(id)];
}
PodList& Store::owner_list(Owner owner) {
  auto& lists = owner_lists_[static_cast<std::size_t>(owner.kind)];
  if (owner.id >= lists.size()) lists.resize(std::size_t{owner.id} + 1);
  return lists[owner.id];
}
PodList& Store::node_list(NodeId node) {
  if (index(node) >= node_lists_.size()) node_lists_.resize(index(node) + 1);
  return node_lists_[index(node)];
}

void Store::count(PodList& list, const Pod& pod, int sign) {
  const auto step = static_cast<std::uint32_t>(sign);  // Wraps: adds or subtracts one.
  if (active(pod)) {
    list.active += step;
    if (pod.status.ready) list.active_ready += step;
  }
  if (going(pod)) list.going += step;
}

namespace {

template <PodId Pod::*kNext, PodId Pod::*kPrevious, class Pods>
void append(PodList& list, Pods& pods, Pod& pod) {
  pod.*kPrevious = list.last;
  pod.*kNext = kNoPod;
  (list.last == kNoPod ? list.first : pods[index(list.last)].*kNext) = pod.id;
  list.last = pod.id;
  ++list.size;
}

template <PodId Pod::*kNext, PodId Pod::*kPrevious, class Pods>
void take_out(PodList& list, Pods& pods, Pod& pod) {
  (pod.*kPrevious == kNoPod ? list.first : pods[index(pod.*kPrevious)].*kNext) = pod.*kNext;
  (pod.*kNext == kNoPod ? list.last : pods[index(pod.*kNext)].*kPrevious) = pod.*kPrevious;
  --list.size;
}

}  // namespace

void Store::link_node(Pod& pod) {
  append<&Pod::node_next, &Pod::node_previous>(node_list(pod.node), pods_, pod);
}

void Store::unlink(Pod& pod) {
  if (pod.owner.kind != ObjectKind::kNone) {
    PodList& list = owner_list(pod.owner);
    count(list, pod, -1);
    take_out<&Pod::owner_next, &Pod::owner_previous>(list, pods_, pod);
  }
  if (pod.node != kNoNode) take_out<&Pod::node_next, &Pod::node_previous>(node_list(pod.node), pods_, pod);
  if (pod.pod_template != kNoTemplate) {
    take_out<&Pod::template_next, &Pod::template_previous>(template_lists_[index(pod.pod_template)], pods_, pod);
  }
}

PodId Store::create_pod(Pod pod) {
  PodId id = PodId(pods_.size());
  if (!free_.empty()) {
    id = free_.back();
    free_.pop_back();
  } else {
    pods_.emplace_back();
  }
  pod.id = id;
  pod.uid = ++uids_;
  if (pod.created == Time{}) pod.created = api_time(now_);
  Pod& stored = pods_[index(id)];
  stored = pod;
  if (stored.owner.kind != ObjectKind::kNone) {
    PodList& list = owner_list(stored.owner);
    append<&Pod::owner_next, &Pod::owner_previous>(list, pods_, stored);
    count(list, stored, 1);
  }
  if (stored.node != kNoNode) link_node(stored);
  if (stored.pod_template != kNoTemplate) {
    append<&Pod::template_next, &Pod::template_previous>(template_lists_[index(stored.pod_template)], pods_, stored);
  }
  notify(stored, stored, Change::kAdded);
  after_write();
  return id;
}

void Store::free_pod(PodId id) {
  Pod& pod = pods_[index(id)];
  notify(pod, pod, Change::kDeleted);
  const Pod gone = pod;
  unlink(pod);
  pod = Pod{};
  free_.push_back(id);
  after_write();
  if (gone.owner.kind == ObjectKind::kStatefulSet) collect_claims(kNoObject, gone.uid, gone.owner.id);
}

void Store::delete_pod(PodId id) {
  Pod& p = pods_[index(id)];
  if (p.terminating) return;
  const bool at_once = p.node == kNoNode || finished(p.status.phase);
  if (at_once && !p.tracked) return free_pod(id);
  const Pod before = p;
  PodList* list = p.owner.kind == ObjectKind::kNone ? nullptr : &owner_list(p.owner);
  if (list != nullptr) count(*list, p, -1);
  p.terminating = true;
  p.released = at_once;
  p.deleted_at = api_time(now_);
  if (list != nullptr) count(*list, p, 1);
  notify(p, before, Change::kUpdated);
  after_write();
}

void Store::remove_pod(PodId id) {
  BERTH_CHECK(exists(id));
  if (!pods_[index(id)].tracked) return free_pod(id);
  delete_pod(id);
  pods_[index(id)].released = true;
}

void Store::remove_finalizer(PodId id) {
  Pod& p = pods_[index(id)];
  if (!p.tracked) return;
  const Pod before = p;
  p.tracked = false;
  if (p.terminating && p.released) return free_pod(id);
  notify(p, before, Change::kUpdated);
  after_write();
}

void Store::bind(PodId id, NodeId node) {
  Pod& p = pods_[index(id)];
  BERTH_CHECK(p.node == kNoNode);
  const Pod before = p;
  p.node = node;
  link_node(p);
  notify(p, before, Change::kUpdated);
  after_write();
}

void Store::set_status(PodId id, const PodStatus& status) {
  Pod& p = pods_[index(id)];
  if (p.status == status) return;
  const Pod before = p;
  PodList* list = p.owner.kind == ObjectKind::kNone ? nullptr : &owner_list(p.owner);
  if (list != nullptr) count(*list, p, -1);
  p.status = status;
  if (list != nullptr) count(*list, p, 1);
  notify(p, before, Change::kUpdated);
  after_write();
}

void Store::renew_lease(NodeId node) {
  if (index(node) >= leases_.size()) leases_.resize(index(node) + 1, kNever);
  leases_[index(node)] = now_;
}
Time Store::lease_renewed(NodeId node) const {
  return index(node) < leases_.size() ? leases_[index(node)] : kNever;
}

void Store::after_write() {
  if (!after_write_ || in_hook_) return;
  in_hook_ = true;
  after_write_();
  in_hook_ = false;
}
void Store::notify(ObjectKind kind, ObjectId id, Change change) {
  for (Watcher* w : watchers_) w->object_changed(kind, id, change);
}
void Store::notify(const Pod& pod, const Pod& before, Change change) {
  for (Watcher* w : watchers_) w->pod_changed(pod, before, change);
}

void Store::collect(Owner owner) {
  each_owned(owner, [this](const Pod& p) { delete_pod(p.id); });
  for (const ObjectId id : std::vector<ObjectId>(owned<ReplicaSet>(owner))) erase<ReplicaSet>(id);
  for (const ObjectId id : std::vector<ObjectId>(owned<Job>(owner))) erase<Job>(id);
  for (const ObjectId id : std::vector<ObjectId>(owned<ControllerRevision>(owner))) erase<ControllerRevision>(id);
  if (owner.kind == ObjectKind::kStatefulSet) collect_claims(owner.id, 0, owner.id);
}

// The set, or a pod of it, is gone: claims that have no owner left go too, others forget the one that is gone.
void Store::collect_claims(ObjectId gone_set, std::uint64_t gone_pod, ObjectId set) {
  const Owner named{ObjectKind::kStatefulSet, set};
  for (const ObjectId id : std::vector<ObjectId>(owned<PersistentVolumeClaim>(named))) {
    PersistentVolumeClaim claim = get<PersistentVolumeClaim>(id);
    PersistentVolumeClaim::Annotations& refs = claim.annotations;
    const bool had = (gone_set != kNoObject && refs.owned_by_set) || (gone_pod != 0 && refs.owned_by_pod == gone_pod);
    if (!had) continue;
    if (gone_set != kNoObject) refs.owned_by_set = false;
    if (gone_pod != 0 && refs.owned_by_pod == gone_pod) refs.owned_by_pod = 0;
    if (!refs.owned_by_set && refs.owned_by_pod == 0) {
      erase<PersistentVolumeClaim>(id);
    } else {
      BERTH_CHECK(update(claim));
    }
  }
}

std::string Store::verify() const {
  struct Seen {
    std::uint32_t size = 0, active = 0, ready = 0, going = 0;
  };
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    std::vector<Seen> seen(owner_lists_[kind].size());
    for (const Pod& p : pods_) {
      if (p.id == kNoPod || static_cast<std::size_t>(p.owner.kind) != kind || kind == 0) continue;
      Seen& s = seen[p.owner.id];
      ++s.size;
      s.active += active(p) ? 1 : 0;
      s.ready += active(p) && p.status.ready ? 1 : 0;
      s.going += going(p) ? 1 : 0;
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const PodList& list = owner_lists_[kind][i];
      std::uint32_t walked = 0;
      each_owned({static_cast<ObjectKind>(kind), static_cast<ObjectId>(i)}, [&walked](const Pod&) { ++walked; });
      if (list.size != seen[i].size || walked != seen[i].size || list.active != seen[i].active ||
          list.active_ready != seen[i].ready || list.going != seen[i].going) {
        return list_name("owner of kind", kind).append(list_name(", number", i));
      }
    }
  }
  std::vector<std::uint32_t> on_node(node_lists_.size());
  std::vector<std::uint32_t> from_template(template_lists_.size());
  for (const Pod& p : pods_) {
    if (p.id == kNoPod) continue;
    if (p.node != kNoNode) ++on_node[index(p.node)];
    if (p.pod_template != kNoTemplate) ++from_template[index(p.pod_template)];
  }
  for (std::size_t i = 0; i < on_node.size(); ++i) {
    std::uint32_t walked = 0;
    each_on(NodeId(i), [&walked](const Pod&) { ++walked; });
    if (walked != on_node[i] || node_lists_[i].size != on_node[i]) return list_name("node", i);
  }
  for (std::size_t i = 0; i < from_template.size(); ++i) {
    std::uint32_t walked = 0;
    each_from(TemplateId(i), [&walked](const Pod&) { ++walked; });
    if (walked != from_template[i] || template_lists_[i].size != from_template[i]) {
      return list_name("template", i);
    }
  }
  return "";
}

}  // namespace berth::controllers

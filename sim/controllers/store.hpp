// All objects of a cluster in memory, in the part of API server, informers and garbage collector together: who writes
// is checked for conflicts, who watches is told at once, and what a controller needs to list (the pods of an owner, of
// a node, of a template) is kept as lists by each change. Nothing here looks at all pods.
//
// Pods are written field by field through verbs, because kubelets and controllers both do; other objects are read,
// copied, changed and written back whole (update), as upstream does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sim/controllers/batch_objects.hpp"
#include "sim/controllers/disruption_budget.hpp"
#include "sim/controllers/node.hpp"
#include "sim/controllers/objects.hpp"
#include "sim/engine/error.hpp"

namespace berth::controllers {

enum class Change : std::uint8_t { kAdded, kUpdated, kDeleted };

// Told of every change, right after it happened (a deletion: just before the object is gone, so that it can be read).
// Watchers only note what is to be looked at; they do not write.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // `before`: the pod as it was; equal to `pod` for kAdded and kDeleted.
  virtual void pod_changed(const Pod& pod, const Pod& before, Change change);
  virtual void object_changed(ObjectKind kind, ObjectId id, Change change);
};

// The pods of an owner, node or template. Iterate with Store::owner_next and its like.
struct PodList {
  PodId first = kNoPod;
  PodId last = kNoPod;
  std::uint32_t size = 0;
  // Kept for owners alone.
  std::uint32_t active = 0;        // Neither finished nor told to go.
  std::uint32_t active_ready = 0;  // And Ready.
  std::uint32_t going = 0;         // Told to go, not finished.
};

class Store {
 public:
  Store();
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void watch(Watcher* watcher) { watchers_.push_back(watcher); }
  // Called after each write has taken effect, between two writes of one sync too: upstream, controllers that look on
  // (disruption budgets) react to every single one. It may write other objects than pods; it is not called for those.
  void set_after_write(std::function<void()> hook) { after_write_ = std::move(hook); }
  Time now() const { return now_; }
  void set_now(Time now) { now_ = now; }

  // ---- templates ---------------------------------------------------------------------------------------------------
  // The same number for the same content. O(1) expected.
  TemplateId intern(const PodTemplate& pod_template);
  const PodTemplate& pod_template(TemplateId id) const { return templates_[index(id)]; }
  std::size_t template_count() const { return templates_.size(); }

  // ---- pods --------------------------------------------------------------------------------------------------------
  // What is set of owner, template, wanted node, revision, ordinal, annotations and finalizer counts; a node too for
  // pods that come bound. `created` may be set for pods that are older than the run; now otherwise.
  PodId create_pod(Pod pod);
  bool exists(PodId id) const { return index(id) < pods_.size() && pods_[index(id)].id == id; }
  bool exists(PodId id, std::uint64_t uid) const { return exists(id) && pods_[index(id)].uid == uid; }
  const Pod& pod(PodId id) const {
    BERTH_CHECK(exists(id));
    return pods_[index(id)];
  }
  std::size_t pod_count() const { return pods_.size() - free_.size(); }
  // DELETE with the pod's grace period: a pod without a node and a finished one go at once, others are terminating
  // until remove_pod. A tracked pod stays until its finalizer is taken off. Nothing for a pod that is terminating.
  void delete_pod(PodId id);
  // The kubelet's last word, or a forced delete: the object goes (a tracked pod: once its finalizer does).
  void remove_pod(PodId id);
  void remove_finalizer(PodId id);
  void bind(PodId id, NodeId node);
  // A report of the kubelet, or a condition that a controller sets. Nothing happens if nothing changed.
  void set_status(PodId id, const PodStatus& status);
  const PodList& pods_of(Owner owner) const;
  const PodList& pods_on(NodeId node) const;
  const PodList& pods_from(TemplateId id) const;
  // Calls f(pod) for each pod of a list; f may delete the pod it is given, and no other.
  template <class F>
  void each_owned(Owner owner, F&& f) const {
    for (PodId p = pods_of(owner).first; p != kNoPod;) {
      const PodId next = pod(p).owner_next;
      f(pod(p));
      p = next;
    }
  }
  template <class F>
  void each_on(NodeId node, F&& f) const {
    for (PodId p = pods_on(node).first; p != kNoPod;) {
      const PodId next = pod(p).node_next;
      f(pod(p));
      p = next;
    }
  }
  template <class F>
  void each_from(TemplateId id, F&& f) const {
    for (PodId p = pods_from(id).first; p != kNoPod;) {
      const PodId next = pod(p).template_next;
      f(pod(p));
      p = next;
    }
  }

  // ---- leases ------------------------------------------------------------------------------------------------------
  // The node's lease is renewed now. Nobody is told: the node monitor looks at it in its passes.
  void renew_lease(NodeId node);
  Time lease_renewed(NodeId node) const;  // kNever: there is no lease yet. Microseconds, as the API keeps it.

  // ---- all other objects: T is one of the structs with kKind -------------------------------------------------------
  // meta.owner as given, the rest of meta is set. Children of an owner are listed in the order of creation.
  template <class T>
  ObjectId create(T object) {
    auto& rows = table<T>();
    object.meta.id = static_cast<ObjectId>(rows.size());
    object.meta.version = ++version_;
    object.meta.generation = 1;
    object.meta.created = api_time(now_);
    if (object.meta.owner.kind != ObjectKind::kNone) children<T>()[key(object.meta.owner)].push_back(object.meta.id);
    const ObjectId id = object.meta.id;
    rows.push_back(std::make_unique<T>(std::move(object)));
    notify(T::kKind, id, Change::kAdded);
    after_write();
    return id;
  }
  // Null once it is gone.
  template <class T>
  const T* find(ObjectId id) const {
    const auto& rows = table<T>();
    return id < rows.size() ? rows[id].get() : nullptr;
  }
  template <class T>
  const T& get(ObjectId id) const {
    const T* object = find<T>(id);
    BERTH_CHECK(object != nullptr);
    return *object;
  }
  // PUT: false, and nothing is written, if the object was written since `object` was read, or is gone (a conflict). A
  // changed spec counts as a new generation. Nobody is told when nothing changed. On success `object` is as stored.
  template <class T>
  [[nodiscard]] bool update(T& object) {
    auto& rows = table<T>();
    auto& row = rows[object.meta.id];
    if (!row || row->meta.version != object.meta.version) return false;
    const bool spec_changed = !(row->spec == object.spec);
    if (!spec_changed && row->status == object.status && row->annotations == object.annotations) return true;
    if (spec_changed) ++object.meta.generation;
    object.meta.version = ++version_;
    *row = object;
    notify(T::kKind, object.meta.id, Change::kUpdated);
    after_write();
    return true;
  }
  // The same for one writer who never has an old copy: reads, calls edit(object), writes.
  template <class T, class F>
  void edit(ObjectId id, F&& edit) {
    T copy = get<T>(id);
    edit(copy);
    BERTH_CHECK(update(copy));
  }
  // DELETE: the object goes, and at once what it owns (pods get their grace period).
  template <class T>
  void erase(ObjectId id) {
    auto& rows = table<T>();
    BERTH_CHECK(id < rows.size() && rows[id]);
    notify(T::kKind, id, Change::kDeleted);
    const Owner owner = rows[id]->meta.owner;
    if (owner.kind != ObjectKind::kNone) std::erase(children<T>()[key(owner)], id);
    rows[id].reset();
    after_write();
    collect({T::kKind, id});
  }
  template <class T>
  const std::vector<ObjectId>& owned(Owner owner) const {
    const auto& lists = std::get<Rows<T>>(tables_).children;
    const auto it = lists.find(key(owner));
    return it == lists.end() ? kNoChildren : it->second;
  }
  // One more than the highest number given out so far: to walk over all objects of a kind, in order of creation.
  template <class T>
  ObjectId end_id() const {
    return static_cast<ObjectId>(table<T>().size());
  }

  // Recounts all lists from the pods; "" if they agree, else the first difference. O(pods). For tests.
  std::string verify() const;

 private:
  static constexpr std::size_t kKinds = 11;
  static const std::vector<ObjectId> kNoChildren;
  template <class T>
  struct Rows {
    std::deque<std::unique_ptr<T>> rows;                                // Addresses stay; null once gone.
    std::unordered_map<std::uint64_t, std::vector<ObjectId>> children;  // By owner; looked up, never walked.
  };
  template <class T>
  auto& table() {
    return std::get<Rows<T>>(tables_).rows;
  }
  template <class T>
  const auto& table() const {
    return std::get<Rows<T>>(tables_).rows;
  }
  template <class T>
  auto& children() {
    return std::get<Rows<T>>(tables_).children;
  }
  static std::uint64_t key(Owner owner) { return static_cast<std::uint64_t>(owner.kind) << 32 | owner.id; }
  static void count(PodList& list, const Pod& pod, int sign);
  PodList& owner_list(Owner owner);
  PodList& node_list(NodeId node);
  void link_node(Pod& pod);
  void unlink(Pod& pod);
  void free_pod(PodId id);
  void notify(ObjectKind kind, ObjectId id, Change change);
  void after_write();
  void notify(const Pod& pod, const Pod& before, Change change);
  void collect(Owner owner);
  void collect_claims(ObjectId gone_set, std::uint64_t gone_pod, ObjectId set);

  Time now_;
  std::uint64_t version_ = 0;
  std::uint64_t uids_ = 0;
  std::vector<Watcher*> watchers_;
  std::function<void()> after_write_;
  bool in_hook_ = false;
  std::deque<PodTemplate> templates_;
  std::unordered_map<std::string, TemplateId> template_ids_;
  std::deque<Pod> pods_;
  std::vector<PodId> free_;
  std::array<std::vector<PodList>, kKinds> owner_lists_;
  std::vector<PodList> node_lists_;
  std::vector<Time> leases_;
  std::vector<PodList> template_lists_;
  std::tuple<Rows<ReplicaSet>, Rows<Deployment>, Rows<StatefulSet>, Rows<DaemonSet>, Rows<Job>, Rows<CronJob>,
             Rows<PodDisruptionBudget>, Rows<Node>, Rows<ControllerRevision>, Rows<PersistentVolumeClaim>>
      tables_;
};

}  // namespace berth::controllers

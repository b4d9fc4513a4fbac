// The control plane of a run: the API server's objects (sim/controllers/store.hpp), kube-controller-manager's
// controllers at work on them, and the news that scheduler and kubelets need: pods that are new, told to go, or gone.
// Objects come from manifests; their names live here, since controllers know numbers alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/workload_objects.hpp"
#include "sim/controllers/controller.hpp"
#include "sim/controllers/node_lifecycle.hpp"
#include "workloads/manifest/manifest.hpp"

namespace berth {

struct ControlPlaneOptions {
  std::int64_t start_unix_s = 1'767'225'600;  // The run's time 0, for CronJobs: 2026-01-01T00:00:00Z.
  bool node_failures = false;                 // Leases are watched, lost nodes tainted and their pods evicted.
  bool node_groups = false;                   // Nodes leave: pods of nodes that are gone are collected.
  // With node_failures: which of the controllers run, and kube-controller-manager's flags.
  bool node_lifecycle = true;
  bool taint_eviction = true;
  bool pod_gc = true;
  controllers::NodeLifecycleOptions lifecycle = {};
  // kube-apiserver's --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds.
  std::int64_t toleration_seconds = 300;
};

class ControlPlane final : private controllers::Watcher {
 public:
  struct PodNews {
    enum class Kind : std::uint8_t { kCreated, kTerminating, kGone };
    Kind kind;
    PodId id;           // In store().
    std::uint64_t uid;  // Numbers are used again, uids are not.
    controllers::Disruption disruption = controllers::Disruption::kNone;
    bool terminating = false;  // kGone: it was told to go before.
  };
  // A claim that a StatefulSet made, or that went with its owner.
  struct ClaimNews {
    bool created = true;  // Else deleted.
    std::string namespace_name;
    std::string name;
    const kube::api::ClaimTemplate* claim = nullptr;
  };

  // `manifests` must outlive this. Nodes are numbered as in `nodes`. Objects that another one of the manifests controls
  // are left out: their owner makes them anew (what a dump of a running cluster holds). Throws InputError for an object
  // that no controller can take (a CronJob's schedule).
  ControlPlane(const manifest::Manifests& manifests, std::span<const NodeSpec> nodes,
               const ControlPlaneOptions& options);
  ~ControlPlane();

  // A node registers, now; its number is the next one. Its taints are those of NodeSpec::node.
  void add_node(const NodeSpec& spec, bool ready);
  // Creates all objects, at time 0, in the order of the manifests. Call once.
  void start();
  // The clock goes on; what was to happen by then is ready to be settled.
  void advance(Time now);
  // Lets controllers work until none has anything to do now.
  void settle();
  // When a controller next acts by itself; kNever: not before something changes.
  Time next_time();

  controllers::Store& store() { return store_; }
  const controllers::Store& store() const { return store_; }
  // Since the last call, in order. The kubelets' own remove_pod() is news too.
  std::vector<PodNews> take_pod_news() { return std::exchange(pod_news_, {}); }
  std::vector<ClaimNews> take_claim_news() { return std::exchange(claim_news_, {}); }
  // Nodes whose object was written; one may be there twice.
  std::vector<NodeId> take_node_news() { return std::exchange(node_news_, {}); }

  // The pod as the API server would show it: shared with all others of its template, unless it has a name's worth of
  // its own (claims, a node that it wants). The pod must exist.
  std::shared_ptr<const kube::api::Pod> spec_of(PodId id);
  // What all pods of a template of the store have in common.
  const kube::api::Pod& pod_of(TemplateId of_store) const { return *templates_[index(of_store)].pod; }
  // "namespace/name" of any pod there ever was.
  const std::string& name_of(std::uint64_t uid) const { return pod_names_[uid - 1]; }
  std::size_t pods_created() const { return pod_names_.size(); }
  // Whom any pod there ever was belongs to: its controller, or the Deployment that controls that one.
  controllers::Owner owner_of(std::uint64_t uid) const { return pod_owners_[uid - 1]; }
  // "namespace/name"; the object may be gone.
  const std::string& name_of(controllers::ObjectKind kind, controllers::ObjectId id) const {
    return object_names_[static_cast<std::size_t>(kind)][id];
  }
  // What was left out and why, for the user.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Template {  // By TemplateId of the store.
    std::shared_ptr<const kube::api::Pod> pod;
    const std::vector<kube::api::ClaimTemplate>* claims = nullptr;             // Of a StatefulSet.
    std::map<std::uint32_t, std::shared_ptr<const kube::api::Pod>> on_node;    // Of a DaemonSet.
    std::map<std::int32_t, std::shared_ptr<const kube::api::Pod>> of_ordinal;  // Of a StatefulSet with claims.
  };

  void pod_changed(const controllers::Pod& pod, const controllers::Pod& before, controllers::Change change) override;
  void object_changed(controllers::ObjectKind kind, controllers::ObjectId id, controllers::Change change) override;

  TemplateId add_template(const kube::api::Pod& pod, const std::string& namespace_name, const std::string& what,
                          const std::vector<kube::api::ClaimTemplate>* claims);
  std::string made_name(controllers::ObjectKind kind, controllers::ObjectId id) const;
  std::string pod_name(const controllers::Pod& pod) const;
  template <class T>
  void create(const kube::api::ObjectMeta& meta, T object);

  const manifest::Manifests& manifests_;
  std::map<std::string, std::uint32_t> zones_;  // By region and zone.
  std::int64_t toleration_seconds_;
  controllers::Store store_;
  controllers::WorkQueue work_;
  std::vector<std::unique_ptr<controllers::Controller>> controllers_;
  std::vector<Template> templates_;
  std::vector<std::vector<std::string>> object_names_;  // By kind and number.
  std::vector<std::string> pod_names_;                  // By uid - 1.
  std::vector<controllers::Owner> pod_owners_;          // By uid - 1.
  std::string next_name_;                               // Of the object or pod that is being created here.
  std::vector<PodNews> pod_news_;
  std::vector<ClaimNews> claim_news_;
  std::vector<NodeId> node_news_;
  std::vector<std::string> notes_;
};

}  // namespace berth

// One sync of one Deployment: copies of it and of its ReplicaSets as they were when it began, and the writes it makes.
// Private to the Deployment controller. A write that meets a newer version throws Conflict, which ends the sync.
#pragma once

#include <optional>
#include <vector>

#include "sim/controllers/deployment.hpp"

namespace berth::controllers {

struct Conflict {};

class DeploymentSync {
 public:
  DeploymentSync(Store& store, KeyQueue& queue, const Deployment& deployment);
  void run();

 private:
  // deployment_sync.cpp: which ReplicaSet is the new one; scaling.
  void find_replica_sets(bool create);  // Fills new_ and old_. Upstream: getAllReplicaSetsAndSyncRevision.
  ReplicaSet update_new(ReplicaSet set);
  ReplicaSet create_new();
  bool scaling_event();
  void scaling();  // Upstream: sync.
  void scale();
  const ReplicaSet* active_or_latest() const;
  bool scale_replica_set(ReplicaSet& set, std::int32_t replicas, bool force);  // True: the size changed.
  void check_paused_conditions();
  void clean_up();

  // deployment_rollout.cpp: from the old template to the new one.
  void rollout_rolling();
  bool reconcile_new();
  bool reconcile_old();
  std::int32_t clean_up_unhealthy(std::vector<ReplicaSet>& old, std::int32_t most);
  std::int32_t scale_down_old(std::vector<ReplicaSet>& old);
  void rollout_recreate();
  bool old_pods_running() const;

  // deployment_status.cpp: what the status says of it.
  Deployment::Status calculate_status() const;
  void sync_status();          // Scaling and pauses: counts and availability.
  void sync_rollout_status();  // Roll-outs: progress and its deadline too.
  void requeue_stuck(const Deployment::Status& status);
  bool complete(const Deployment::Status& status) const;
  bool progressing(const Deployment::Status& status) const;
  bool timed_out(const Deployment::Status& status) const;
  Condition condition(ConditionType type, ConditionStatus status, Reason reason) const;
  static void set_condition(Conditions& conditions, Condition condition);
  void write_deployment();

  bool has_deadline() const;
  std::vector<ReplicaSet> active_old() const;
  std::int32_t replicas() const { return d_.spec.replicas; }
  // Over all ReplicaSets, the new one included.
  template <class Member>
  std::int32_t sum(Member member) const {
    std::int32_t total = new_ ? member(*new_) : 0;
    for (const ReplicaSet& set : old_) total += member(set);
    return total;
  }

  Store& store_;
  KeyQueue& queue_;
  Deployment d_;
  std::vector<ReplicaSet> sets_;  // By creation, as read at the start.
  std::optional<ReplicaSet> new_;
  std::vector<ReplicaSet> old_;
};

}  // namespace berth::controllers

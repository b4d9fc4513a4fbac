// What a policy is: something that looks at the cluster and acts through Actions. One policy, one file.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policies/barren.hpp"
#include "policies/score_index.hpp"
#include "sim/cluster/actions.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/engine/rng.hpp"
#include "sim/engine/time.hpp"

namespace berth {

namespace kube {
struct ClaimBinding;  // policies/schedulers/kube/volume_binding.hpp
}

struct Context {
  const Cluster& cluster;
  Time now;
  Rng& rng;  // This policy's own stream.
};

class Policy {
 public:
  virtual ~Policy() = default;
  // True if prepare() needs the workload's mix, which costs a pass over the workload.
  virtual bool wants_mix() const { return false; }
  // Called once, when all initial nodes have joined. `mix`: how often each template
  // occurs in the whole workload, by the cluster's ids, in order of first arrival; empty unless wants_mix().
  virtual void prepare(const Cluster& cluster, std::span<const TemplateCount> mix);
};

class Scheduler : public Policy {
 public:
  static constexpr const char* kKind = "scheduler";
  // Who is to hear of the cluster's changes from the beginning; null: nobody.
  virtual ClusterListener* listener() { return nullptr; }
  // Called once per instant, after its last event, while pods wait (cluster.pending()). Binds what it likes.
  virtual void schedule(const Context& ctx, Actions& act) = 0;
  // Why a waiting pod waits, for whoever asks: "0/24 nodes are available: 3 Insufficient cpu, 21 Too many pods." "" if
  // a node would take it. Nothing that is decided later depends on the question. Not const: it may use scratch space.
  virtual std::string why_pending(const Context& ctx, PodId pod);
  // The claims that the scheduler bound to volumes, or to a node where volumes are to be made, together with this bound
  // pod; there from the moment of Actions::bind() until the pod leaves its node. The simulation carries them out and
  // tells the outcome: Cluster::volume_added(), then claim_bound(). Empty: nobody waits for volumes.
  virtual std::span<const kube::ClaimBinding> claims_of(PodId pod) const;
};

// Filter, score, bind the best; ties to the lowest NodeId. Pods are taken in queue order; a template that fits nowhere
// is passed over until a node changes. Cost per pod: what changed since its template was last looked at, plus O(log
// nodes).
class ScoringScheduler : public Scheduler {
 public:
  // Fills scores[i] for nodes[i], higher is better; all of them fit. If local(), a score depends on the pod's template
  // and the node's row alone, and only nodes that changed since the template was last scored are passed. Finite.
  virtual void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) = 0;
  virtual bool local() const { return true; }

  // Which node, given all scores; at least one is feasible. Default: the best.
  virtual NodeId pick(const Context& ctx, PodId pod, const ScoreIndex& scores);
  // Which GPUs of it. Default: none named, so Cluster::default_gpus decides.
  virtual std::optional<GpuMask> pick_gpus(const Context& ctx, PodId pod, NodeId node);

  void schedule(const Context& ctx, Actions& act) override;

 protected:
  // What is known of a template's nodes, as of a place in the change log.
  struct View {
    explicit View(std::size_t nodes) : scores(nodes) {}
    ScoreIndex scores;
    ChangeLog::Cursor seen = 0;
    std::uint64_t used = 0;
    bool pinned = false;  // In use beyond the next view_of(): not to be dropped.
  };

  // Binds the first waiting pod of `t` to the node picked; false if it fits nowhere or the bind was refused.
  bool bind_front(const Context& ctx, TemplateId t, Actions& act);
  // The template's view, possibly behind; valid until the next call unless pinned.
  View& view_of(const Context& ctx, TemplateId t);
  // Scores the nodes that changed since the view was last brought up to date (all, if not local()).
  void catch_up(const Context& ctx, PodId pod, View& view);

  Barren barren_;  // schedule() calls look() first.

 private:
  std::vector<std::unique_ptr<View>> views_;  // By template; the least recently used are dropped when memory is short.
  std::size_t kept_ = 0;
  std::uint64_t clock_ = 0;
  std::vector<std::pair<std::uint64_t, TemplateId>> heads_;
  std::vector<NodeId> nodes_;
  std::vector<float> scores_;
};

}  // namespace berth

// The scheduling framework: what a plugin is, and what the plugins of one cycle share. Plugins are immutable and hold
// their arguments; what they work out for a pod lives in the CycleState, which preemption copies to try things out.
// Source: the kube-scheduler framework (pkg/scheduler/framework), v1.37.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "policies/schedulers/kube/cluster_state.hpp"

namespace berth::kube {

inline constexpr std::int64_t kMaxNodeScore = 100;

enum class Code : std::uint8_t {
  kSuccess,
  kSkip,                          // PreFilter, PreScore: this plugin has nothing to do for this pod.
  kUnschedulable,                 // Removing pods may help.
  kUnschedulableAndUnresolvable,  // Removing pods cannot help.
};

struct Status {
  Code code = Code::kSuccess;
  std::vector<std::string> reasons;  // Verbatim as upstream.
  const char* plugin = "";           // Who refused; set by the framework.
  bool success() const { return code == Code::kSuccess; }
  bool rejected() const { return code >= Code::kUnschedulable; }
};
inline Status skip() {
  return {Code::kSkip, {}, ""};
}
inline Status unschedulable(std::string reason) {
  return {Code::kUnschedulable, {std::move(reason)}, ""};
}
inline Status unresolvable(std::string reason) {
  return {Code::kUnschedulableAndUnresolvable, {std::move(reason)}, ""};
}

// What a plugin keeps for one pod between its extension points.
struct PluginState {
  virtual ~PluginState() = default;
  virtual std::unique_ptr<PluginState> clone() const = 0;
};

inline constexpr std::size_t kMaxPlugins = 32;

// One slot for PreFilter's and one for PreScore's work per plugin, and who skipped.
struct CycleState {
  std::array<std::unique_ptr<PluginState>, kMaxPlugins> filter;
  std::array<std::unique_ptr<PluginState>, kMaxPlugins> score;
  std::bitset<kMaxPlugins> skip_filter;
  std::bitset<kMaxPlugins> skip_score;
  CycleState clone_for_filter() const;  // Without the scores' half.
};

// The pod being decided and the cluster it is decided for.
struct Cycle {
  const ClusterState& cluster;
  const PodInfo& pod;
  std::uint32_t handle;  // Of the pod.
};

using NodeNames = std::set<std::string, std::less<>>;

// What a plugin's answers for a pod depend on, beside the pod's class and the profile. It decides how long an answer
// may be kept (fast_scheduler.hpp); the naive pass asks anew every time.
enum class Scope : std::uint8_t {
  kCluster,     // Anything. A pod that meets such a plugin is decided by the naive pass.
  kVolumes,     // Passes and scores 0 unless the pod has claims or disks; then anything.
  kNodeObject,  // The node's labels, taints and so on: what does not change as pods come and go.
  kNode,        // The NodeInfo: what is on this node.
  kTopology,    // Pods per topology domain: PodTopologySpread and InterPodAffinity.
  kImages,      // Which of the pod's images are on which node: ImageLocality's score.
};

class Plugin {
 public:
  explicit Plugin(const char* name) : name_(name) {}
  virtual ~Plugin() = default;
  const char* name() const { return name_; }
  std::size_t slot() const { return slot_; }  // Of its CycleState; set by the scheduler.
  void set_slot(std::size_t slot) { slot_ = slot; }

  virtual Scope scope() const { return Scope::kCluster; }
  // True if normalize() does anything. With scope kNode a plugin must not (its scores are kept per node).
  virtual bool normalizes() const { return false; }

  // Once per pod, before any node. May skip the filter, refuse the pod for all nodes, or narrow the choice: nodes not
  // in `narrowed`, if set, are never looked at.
  virtual Status pre_filter(const Cycle&, CycleState&, std::optional<NodeNames>& /*narrowed*/) const { return {}; }
  // May the pod run on this node?
  virtual Status filter(const Cycle&, CycleState&, const NodeInfo&) const { return {}; }
  // The same without words: what a pass over many nodes asks.
  virtual Code admits(const Cycle& cycle, CycleState& state, const NodeInfo& node) const {
    return filter(cycle, state, node).code;
  }
  // `other` is thought to have come to (sign +1) or gone from (-1) the node: update what pre_filter counted.
  virtual void update(const Cycle&, CycleState&, const PodInfo& /*other*/, const NodeInfo&, int /*sign*/) const {}
  // Once per pod, with the nodes that are left. May skip scoring.
  virtual Status pre_score(const Cycle&, CycleState&, std::span<const NodeInfo* const>) const { return {}; }
  virtual std::int64_t score(const Cycle&, const CycleState&, const NodeInfo&) const { return 0; }
  // Brings the raw scores to 0..100. Default: they are that already.
  virtual void normalize(const Cycle&, const CycleState&, std::span<const NodeInfo* const>,
                         std::span<std::int64_t>) const {}

 protected:
  template <class State>
  State& filter_state(CycleState& cycle) const {
    return static_cast<State&>(*cycle.filter[slot_]);
  }
  template <class State>
  const State& score_state(const CycleState& cycle) const {
    return static_cast<const State&>(*cycle.score[slot_]);
  }

 private:
  const char* name_;
  std::size_t slot_ = 0;
};

// A state that is copied member by member.
template <class Derived>
struct CopiedState : PluginState {
  std::unique_ptr<PluginState> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
};

// The common normalization: 100 · score / max; reversed, 100 minus that. All 0 (reversed: 100) if max is 0.
void default_normalize(std::span<std::int64_t> scores, bool reverse);

// A piecewise linear function of a utilization in percent, flat outside, in truncating integer arithmetic.
struct ShapePoint {
  std::int64_t utilization = 0;  // 0..100, ascending.
  std::int64_t score = 0;        // 0..10.
};
// `shape` is not empty; the result is scaled to 0..100.
std::int64_t evaluate_shape(std::span<const ShapePoint> shape, std::int64_t utilization);

}  // namespace berth::kube

// Runs a profile's plugins at each extension point, in the profile's order.
// Source: pkg/scheduler/framework/runtime/framework.go, v1.37.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policies/schedulers/kube/config.hpp"
#include "policies/schedulers/kube/framework.hpp"

namespace berth::kube {

// A score plugin's part in a decision.
struct PluginScores {
  const Plugin* plugin = nullptr;
  std::int64_t weight = 1;
  std::vector<std::int64_t> raw;       // By node, as the plugin gave it.
  std::vector<std::int64_t> weighted;  // Normalized, times weight.
};

class Runtime {
 public:
  // Throws InputError for a profile that cannot be resolved.
  explicit Runtime(const Profile& profile);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Success, or who refuses the pod for every node. `narrowed` is set if plugins left only these nodes; `narrowers` are
  // those plugins, sorted.
  Status pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>& narrowed,
                    std::vector<std::string>& narrowers) const;
  // The first refusal in order, or success. With the pods of the same or a higher priority that are nominated to the
  // node both there and not there: the pod must fit either way.
  Status filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const;
  void update(const Cycle& cycle, CycleState& state, const PodInfo& other, const NodeInfo& node, int sign) const;

  // Those that did not skip themselves, in order.
  std::vector<PluginScores> score(const Cycle& cycle, CycleState& state, std::span<const NodeInfo* const> nodes) const;

  // In running order.
  std::span<const Plugin* const> pre_filters() const { return pre_filters_; }
  std::span<const Plugin* const> filters() const { return filters_; }
  std::span<const Plugin* const> pre_scores() const { return pre_scores_; }
  std::span<const Plugin* const> scores() const { return scores_; }
  std::span<const std::int64_t> weights() const { return weights_; }  // Beside scores().

  bool has_scores() const { return !scores_.empty(); }
  bool preempts() const { return preempts_; }
  const Plugin* find(std::string_view name) const;  // Null if the profile does without it.

 private:
  Status filter_once(const Cycle& cycle, CycleState& state, const NodeInfo& node) const;
  Plugin* add(const std::string& name, const PluginArgs& args);

  std::vector<std::unique_ptr<Plugin>> plugins_;  // By slot.
  std::vector<const Plugin*> pre_filters_;
  std::vector<const Plugin*> filters_;
  std::vector<const Plugin*> pre_scores_;
  std::vector<const Plugin*> scores_;
  std::vector<std::int64_t> weights_;
  bool preempts_ = false;
};

}  // namespace berth::kube

#include "policies/schedulers/kube/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth::kube {

Runtime::Runtime(const Profile& profile) {
  const ResolvedProfile resolved = resolve(profile);
  const auto names = [&resolved](ExtensionPoint point) -> const std::vector<std::string>& {
    return resolved.points[static_cast<std::size_t>(point)];
  };
  for (const std::string& name : names(ExtensionPoint::kPreFilter)) pre_filters_.push_back(add(name, profile.args));
  for (const std::string& name : names(ExtensionPoint::kFilter)) filters_.push_back(add(name, profile.args));
  for (const std::string& name : names(ExtensionPoint::kPreScore)) pre_scores_.push_back(add(name, profile.args));
  for (const std::string& name : names(ExtensionPoint::kScore)) scores_.push_back(add(name, profile.args));
  weights_ = resolved.score_weights;
  for (const auto& make : profile.own_filters) {
    BERTH_CHECK(plugins_.size() < kMaxPlugins);
    plugins_.push_back(make());
    plugins_.back()->set_slot(plugins_.size() - 1);
    filters_.push_back(plugins_.back().get());
  }
  const auto& post = names(ExtensionPoint::kPostFilter);
  preempts_ = std::find(post.begin(), post.end(), "DefaultPreemption") != post.end();
}

Plugin* Runtime::add(const std::string& name, const PluginArgs& args) {
  for (const auto& plugin : plugins_) {
    if (name == plugin->name()) return plugin.get();
  }
  BERTH_CHECK(plugins_.size() < kMaxPlugins);
  plugins_.push_back(make_plugin(name, args));
  plugins_.back()->set_slot(plugins_.size() - 1);
  return plugins_.back().get();
}

const Plugin* Runtime::find(std::string_view name) const {
  for (const auto& plugin : plugins_) {
    if (name == plugin->name()) return plugin.get();
  }
  return nullptr;
}

Status Runtime::pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>& narrowed,
                           std::vector<std::string>& narrowers) const {
  Status refused;
  for (const Plugin* plugin : pre_filters_) {
    std::optional<NodeNames> own;
    Status status = plugin->pre_filter(cycle, state, own);
    status.plugin = plugin->name();
    if (status.code == Code::kSkip) {
      state.skip_filter.set(plugin->slot());
      continue;
    }
    if (status.code == Code::kUnschedulableAndUnresolvable) return status;
    if (status.code == Code::kUnschedulable) {
      refused = std::move(status);  // Preemption follows and needs everybody's state.
      continue;
    }
    if (!own) continue;
    narrowers.emplace_back(plugin->name());
    if (narrowed) {
      std::erase_if(*narrowed, [&own](const std::string& name) { return !own->contains(name); });
    } else {
      narrowed = std::move(own);
    }
    if (!narrowed->empty()) continue;
    Status none =
        unresolvable(narrowers.size() == 1 ? fmt::format("node(s) didn't satisfy plugin {}", narrowers[0])
                                           : fmt::format("node(s) didn't satisfy plugin(s) [{}] simultaneously",
                                                         fmt::join(narrowers, " ")));
    none.plugin = plugin->name();
    return none;
  }
  std::sort(narrowers.begin(), narrowers.end());
  return refused;
}

Status Runtime::filter_once(const Cycle& cycle, CycleState& state, const NodeInfo& node) const {
  for (const Plugin* plugin : filters_) {
    if (state.skip_filter.test(plugin->slot())) continue;
    Status status = plugin->filter(cycle, state, node);
    if (status.success()) continue;
    status.plugin = plugin->name();
    return status;
  }
  return {};
}

Status Runtime::filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const {
  std::vector<PodRef> claimed;
  for (const PodRef& other : cycle.cluster.nominated(node.index)) {
    if (other->pod.priority >= cycle.pod.pod.priority && other.handle != cycle.handle) claimed.push_back(other);
  }
  if (!claimed.empty()) {
    NodeInfo with = node;
    CycleState copy = state.clone_for_filter();
    for (const PodRef& other : claimed) {
      with.add(other);
      update(cycle, copy, *other.info, with, +1);
    }
    Status status = filter_once(cycle, copy, with);
    if (!status.success()) return status;
  }
  return filter_once(cycle, state, node);
}

void Runtime::update(const Cycle& cycle, CycleState& state, const PodInfo& other, const NodeInfo& node,
                     int sign) const {
  for (const Plugin* plugin : pre_filters_) {
    if (!state.skip_filter.test(plugin->slot())) plugin->update(cycle, state, other, node, sign);
  }
}

std::vector<PluginScores> Runtime::score(const Cycle& cycle, CycleState& state,
                                         std::span<const NodeInfo* const> nodes) const {
  for (const Plugin* plugin : pre_scores_) {
    if (plugin->pre_score(cycle, state, nodes).code == Code::kSkip) state.skip_score.set(plugin->slot());
  }
  std::vector<PluginScores> all;
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    if (state.skip_score.test(scores_[i]->slot())) continue;
    PluginScores& one = all.emplace_back();
    one.plugin = scores_[i];
    one.weight = weights_[i];
    one.raw.reserve(nodes.size());
    for (const NodeInfo* node : nodes) one.raw.push_back(scores_[i]->score(cycle, state, *node));
    one.weighted = one.raw;
    scores_[i]->normalize(cycle, state, nodes, one.weighted);
    for (std::int64_t& score : one.weighted) score *= one.weight;
  }
  return all;
}

}  // namespace berth::kube

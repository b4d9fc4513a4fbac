#include "policies/node_autoscalers/estimator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace berth {
namespace {

constexpr std::size_t kMaxGroupsPerController = 10;

double share_of_node(const kube::PodInfo& pod, const kube::Resource& allocatable) {
  double share = 0;
  if (allocatable.milli_cpu > 0) {
    share += static_cast<double>(pod.requests.milli_cpu) / static_cast<double>(allocatable.milli_cpu);
  }
  if (allocatable.memory > 0) {
    share += static_cast<double>(pod.requests.memory) / static_cast<double>(allocatable.memory);
  }
  return share;
}

}  // namespace

std::vector<EquivalenceGroup> equivalence_groups(std::span<const AutoscaledPod* const> pods) {
  std::vector<EquivalenceGroup> groups;
  std::unordered_map<std::uint32_t, std::size_t> group_of_class;  // Never iterated.
  std::map<std::string, std::size_t, std::less<>> groups_of_controller;
  for (const AutoscaledPod* pod : pods) {
    const kube::PodRef ref{pod->info, kube::kNotStarted, pod->handle};
    const auto& controller = pod->info->pod.controller;
    if (!controller) {
      groups.push_back({{ref}});
      continue;
    }
    const auto id = static_cast<std::uint32_t>(pod->info->class_id);
    if (const auto known = group_of_class.find(id); known != group_of_class.end()) {
      groups[known->second].pods.push_back(ref);
      continue;
    }
    std::size_t& kinds =
        groups_of_controller[pod->info->pod.namespace_name + "/" + controller->kind + "/" + controller->name];
    if (kinds < kMaxGroupsPerController) {
      ++kinds;
      group_of_class.emplace(id, groups.size());
    }
    groups.push_back({{ref}});
  }
  return groups;
}

std::shared_ptr<const kube::Node> imagined_node(const NodeGroup& group, std::size_t number) {
  auto node = std::make_shared<kube::Node>(group.node_template);
  node->name = fmt::format("{}-new-{}", group.name, number);
  node->labels.set(kHostnameLabel, node->name);
  return node;
}

Estimate estimate(FitSnapshot& snapshot, const NodeGroup& group, std::span<const EquivalenceGroup* const> groups,
                  std::int32_t max_nodes) {
  const kube::Resource allocatable = kube::to_resource(group.node_template.allocatable);
  struct Scored {
    double share;
    const EquivalenceGroup* group;
  };
  std::vector<Scored> order;
  for (const EquivalenceGroup* g : groups) order.push_back({share_of_node(*g->pods.front().info, allocatable), g});
  std::ranges::stable_sort(order, std::ranges::greater(), &Scored::share);

  Estimate out;
  std::vector<FitSnapshot::Row> opened;
  bool last_is_empty = true;
  std::vector<std::uint8_t> has_pods;  // By position in `opened`.
  std::size_t cursor = 0;
  const FitSnapshot::Mark before = snapshot.mark();
  const auto put = [&](const kube::PodRef& pod, FitSnapshot::Row row) {
    snapshot.add_pod(row, pod);
    has_pods[row - opened.front()] = 1;  // Rows are opened one behind the other.
    if (row == opened.back()) last_is_empty = false;
    out.pods.push_back(pod.info);
  };
  for (const Scored& scored : order) {
    const std::vector<kube::PodRef>& pods = scored.group->pods;
    std::size_t next = 0;
    for (; next < pods.size(); ++next) {
      const auto row = snapshot.find(pods[next], opened, cursor);
      if (!row) break;
      put(pods[next], *row);
    }
    for (; next < pods.size(); ++next) {
      if (!opened.empty() && snapshot.fits(pods[next], opened.back())) {
        put(pods[next], opened.back());
        continue;
      }
      if (!opened.empty() && last_is_empty) break;
      if (static_cast<std::int64_t>(opened.size()) >= max_nodes) break;
      opened.push_back(snapshot.add_node(imagined_node(group, opened.size())));
      has_pods.push_back(0);
      last_is_empty = true;
      for (const kube::PodInfo* daemon : group.daemon_pods) {
        snapshot.add_pod(opened.back(), {daemon, kube::kNotStarted, snapshot.own_handle()});
      }
      if (!snapshot.fits(pods[next], opened.back())) break;
      put(pods[next], opened.back());
    }
  }
  snapshot.revert(before);
  out.nodes = static_cast<std::int32_t>(std::ranges::count(has_pods, 1));
  return out;
}

}  // namespace berth

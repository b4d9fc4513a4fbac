#include "policies/node_autoscalers/drainability.hpp"

#include <string_view>

namespace berth {
namespace {

bool known_controller(std::string_view kind) {
  return kind == "ReplicationController" || kind == "Job" || kind == "ReplicaSet" || kind == "StatefulSet";
}

DrainStatus stays() {
  return {Drainability::kStays, DrainBlock::kNone};
}
DrainStatus blocked(DrainBlock block) {
  return {Drainability::kBlocked, block};
}

}  // namespace

bool is_daemon_pod(const AutoscaledPod& pod) {
  const auto& controller = pod.info->pod.controller;
  return controller && controller->kind == "DaemonSet";
}

bool is_long_terminating(const AutoscaledPod& pod, Time now) {
  return pod.deletion_timestamp + kLongTerminating < now;
}

DrainStatus drain_status(const AutoscaledPod& pod, Time now, std::span<const std::int32_t> allowed,
                         const ClusterAutoscalerFlags& flags) {
  if (pod.mirror) return stays();
  if (is_long_terminating(pod, now)) return stays();
  if (is_daemon_pod(pod)) return stays();
  if (pod.finished) return stays();
  if (pod.safe_to_evict == SafeToEvict::kYes) return {};  // Over all rules that follow.
  const auto& controller = pod.info->pod.controller;
  const bool replicated =
      controller && (!flags.skip_nodes_with_custom_controller_pods || known_controller(controller->kind));
  if (!replicated) return blocked(DrainBlock::kNotReplicated);
  if (flags.skip_nodes_with_system_pods && pod.info->pod.namespace_name == "kube-system" && pod.budgets.empty() &&
      pod.created + flags.blocking_system_pod_disruption_timeout > now) {
    return blocked(DrainBlock::kUnmovableSystemPod);
  }
  if (pod.safe_to_evict == SafeToEvict::kNo) return blocked(DrainBlock::kNotSafeToEvict);
  if (flags.skip_nodes_with_local_storage && pod.local_storage) return blocked(DrainBlock::kLocalStorage);
  for (const std::uint32_t budget : pod.budgets) {
    if (allowed[budget] < 1) return blocked(DrainBlock::kNotEnoughBudget);
  }
  return {};
}

}  // namespace berth

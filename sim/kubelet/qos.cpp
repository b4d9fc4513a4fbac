#include "sim/kubelet/qos.hpp"

#include <algorithm>
#include <string_view>

namespace berth {
namespace {

using kube::Container;
using kube::Quantity;
using kube::ResourceList;

constexpr std::string_view kComputeResources[] = {"cpu", "memory"};

// The amount, if it is there and above 0: an explicit 0 counts as nothing.
const Quantity* positive(const ResourceList& list, std::string_view name) {
  const Quantity* amount = list.find(name);
  return amount != nullptr && amount->nano > 0 ? amount : nullptr;
}

QosClass of_resources(const ResourceList& requests, const ResourceList& limits) {
  bool any = false;
  bool guaranteed = true;
  for (const std::string_view name : kComputeResources) {
    const Quantity* request = positive(requests, name);
    const Quantity* limit = positive(limits, name);
    any = any || request != nullptr || limit != nullptr;
    guaranteed = guaranteed && limit != nullptr && (request == nullptr || *request == *limit);
  }
  if (!any) return QosClass::kBestEffort;
  return guaranteed ? QosClass::kGuaranteed : QosClass::kBurstable;
}

}  // namespace

QosClass qos_class(const kube::api::Pod& pod) {
  if (pod.scheduling.has_pod_requests || !pod.spec.pod_limits.empty()) {
    return of_resources(pod.scheduling.pod_requests, pod.spec.pod_limits);
  }
  bool all_guaranteed = true;
  bool all_best_effort = true;
  for (const auto* containers : {&pod.scheduling.containers, &pod.scheduling.init_containers}) {
    for (const Container& container : *containers) {
      const QosClass own = of_resources(container.requests, container.limits);
      all_guaranteed = all_guaranteed && own == QosClass::kGuaranteed;
      all_best_effort = all_best_effort && own == QosClass::kBestEffort;
    }
  }
  if (all_best_effort) return QosClass::kBestEffort;
  return all_guaranteed ? QosClass::kGuaranteed : QosClass::kBurstable;
}

std::int32_t oom_score_adj(QosClass qos, bool node_critical, std::int64_t memory_request, std::int64_t capacity) {
  if (node_critical || qos == QosClass::kGuaranteed) return -997;
  if (qos == QosClass::kBestEffort) return 1000;
  __extension__ typedef __int128 Wide;  // A thousand times the bytes of a large request pass 64 bits.
  const auto share = static_cast<std::int64_t>(Wide{1000} * memory_request / capacity);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(1000 - share, 3, 999));
}

}  // namespace berth

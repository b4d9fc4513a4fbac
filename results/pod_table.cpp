#include "results/pod_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace berth {

void PodTableFold::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    if (r.kind == RecordKind::kPodCreated) {
      pods_.resize(std::max<std::size_t>(pods_.size(), r.pod + 1));
      pods_[r.pod].name = pod_name_(r.value);
      pods_[r.pod].created = r.at;
      continue;
    }
    if (r.pod >= pods_.size()) continue;
    Pod& pod = pods_[r.pod];
    switch (r.kind) {
      case RecordKind::kPodUnschedulable:
        if (r.value > 0) pod.message = (*context_.messages)[r.value - 1];
        break;
      case RecordKind::kPodScheduled:
        pod.node = context_.nodes[index(r.node)].name;
        pod.status = "ContainerCreating";
        pod.message.clear();
        break;
      case RecordKind::kPodStarted:
        pod.status = "Running";
        break;
      case RecordKind::kContainerStarted:
        if (r.value > 0) ++pod.restarts;
        if (pod.ready || r.value > 0) pod.status = "Running";
        break;
      case RecordKind::kContainerWaiting:
        pod.status = to_string(static_cast<WaitingReason>(r.reason));
        break;
      case RecordKind::kImagePullFailed:
        pod.status = to_string(static_cast<WaitingReason>(r.reason));
        break;
      case RecordKind::kContainerExited:
        if (r.value != 0) pod.status = to_string(static_cast<ExitReason>(r.reason));
        break;
      case RecordKind::kPodReady:
        pod.ready = true;
        pod.status = "Running";
        if (pod.ready_at == kNever) pod.ready_at = r.at;
        break;
      case RecordKind::kPodNotReady:
        pod.ready = false;
        break;
      case RecordKind::kPodTerminating:
        pod.status = "Terminating";
        break;
      case RecordKind::kPodSucceeded:
        pod.status = "Completed";
        pod.ready = false;
        break;
      case RecordKind::kPodFailed:
        pod.status = to_string(static_cast<FailReason>(r.reason));
        pod.ready = false;
        break;
      case RecordKind::kPodDeleted:
        pod.there = false;
        break;
      case RecordKind::kPodEvicted:
        pod.status = "Pending";
        pod.node.clear();
        pod.ready = false;
        break;
      default:
        break;
    }
  }
}

std::string pod_table_text(const PodTableFold& fold) {
  std::size_t name = 4;
  std::size_t status = 6;
  std::size_t node = 4;
  for (const PodTableFold::Pod& pod : fold.pods()) {
    if (!pod.there) continue;
    name = std::max(name, pod.name.size());
    status = std::max(status, pod.status.size());
    node = std::max(node, pod.node.size());
  }
  std::string out = fmt::format("{:<{}}  READY  {:<{}}  RESTARTS  {:<{}}  READY AFTER\n", "NAME", name, "STATUS",
                                status, "NODE", node);
  std::string waiting;
  for (const PodTableFold::Pod& pod : fold.pods()) {
    if (!pod.there) continue;
    const std::string after = pod.ready_at == kNever ? "-" : to_string(pod.ready_at - pod.created);
    out += fmt::format("{:<{}}  {:<5}  {:<{}}  {:<8}  {:<{}}  {}\n", pod.name, name, pod.ready ? "yes" : "no",
                       pod.status, status, pod.restarts, pod.node.empty() ? "-" : pod.node, node, after);
    if (!pod.message.empty()) waiting += fmt::format("{}: {}\n", pod.name, pod.message);
  }
  return out + waiting;
}

}  // namespace berth

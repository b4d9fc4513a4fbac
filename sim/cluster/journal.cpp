#include "sim/cluster/journal.hpp"

namespace berth {

std::string_view to_string(RecordKind kind) {
  switch (kind) {
    case RecordKind::kPodCreated:
      return "PodCreated";
    case RecordKind::kPodUnschedulable:
      return "PodUnschedulable";
    case RecordKind::kPodScheduled:
      return "PodScheduled";
    case RecordKind::kPodStarted:
      return "PodStarted";
    case RecordKind::kPodSucceeded:
      return "PodSucceeded";
    case RecordKind::kPodFailed:
      return "PodFailed";
    case RecordKind::kPodEvicted:
      return "PodEvicted";
    case RecordKind::kNodeCordoned:
      return "NodeCordoned";
    case RecordKind::kNodeUncordoned:
      return "NodeUncordoned";
  }
  return "?";
}

std::string_view to_string(FailReason reason) {
  switch (reason) {
    case FailReason::kUnschedulable:
      return "Unschedulable";
  }
  return "?";
}

std::string_view to_string(EvictReason reason) {
  switch (reason) {
    case EvictReason::kPreempted:
      return "Preempted";
    case EvictReason::kDrained:
      return "Drained";
  }
  return "?";
}

}  // namespace berth

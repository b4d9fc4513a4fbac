#include "sim/cluster/journal.hpp"

#include "sim/cluster/cluster.hpp"

namespace berth {

std::span<const NodeSpec> JournalNodes::list() const {
  return cluster_ == nullptr ? fixed_ : cluster_->node_specs();
}

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
    case RecordKind::kPodAdmitted:
      return "PodAdmitted";
    case RecordKind::kPodRejected:
      return "PodRejected";
    case RecordKind::kPodVolumesMounted:
      return "PodVolumesMounted";
    case RecordKind::kPodSandboxCreated:
      return "PodSandboxCreated";
    case RecordKind::kPodInitialized:
      return "PodInitialized";
    case RecordKind::kPodReady:
      return "PodReady";
    case RecordKind::kPodNotReady:
      return "PodNotReady";
    case RecordKind::kPodTerminating:
      return "PodTerminating";
    case RecordKind::kPodRemoved:
      return "PodRemoved";
    case RecordKind::kImagePulling:
      return "ImagePulling";
    case RecordKind::kImagePresent:
      return "ImagePresent";
    case RecordKind::kImagePulled:
      return "ImagePulled";
    case RecordKind::kImagePullFailed:
      return "ImagePullFailed";
    case RecordKind::kImageRemoved:
      return "ImageRemoved";
    case RecordKind::kLayerFound:
      return "LayerFound";
    case RecordKind::kLayerDownloading:
      return "LayerDownloading";
    case RecordKind::kLayerDownloaded:
      return "LayerDownloaded";
    case RecordKind::kLayerUnpacked:
      return "LayerUnpacked";
    case RecordKind::kContainerWaiting:
      return "ContainerWaiting";
    case RecordKind::kContainerCreated:
      return "ContainerCreated";
    case RecordKind::kContainerStarted:
      return "ContainerStarted";
    case RecordKind::kContainerPostStarted:
      return "ContainerPostStarted";
    case RecordKind::kContainerUp:
      return "ContainerUp";
    case RecordKind::kContainerReady:
      return "ContainerReady";
    case RecordKind::kContainerNotReady:
      return "ContainerNotReady";
    case RecordKind::kContainerKilling:
      return "ContainerKilling";
    case RecordKind::kContainerExited:
      return "ContainerExited";
    case RecordKind::kProbeFailed:
      return "ProbeFailed";
    case RecordKind::kVolumeWaiting:
      return "VolumeWaiting";
    case RecordKind::kVolumeProvisioned:
      return "VolumeProvisioned";
    case RecordKind::kClaimBound:
      return "ClaimBound";
    case RecordKind::kVolumeAttached:
      return "VolumeAttached";
    case RecordKind::kVolumeDetached:
      return "VolumeDetached";
    case RecordKind::kPodDeleted:
      return "PodDeleted";
    case RecordKind::kScaled:
      return "Scaled";
    case RecordKind::kNodeRepaired:
      return "NodeRepaired";
    case RecordKind::kPodDescheduled:
      return "PodDescheduled";
    case RecordKind::kNodeRequested:
      return "NodeRequested";
    case RecordKind::kNodeJoined:
      return "NodeJoined";
    case RecordKind::kNodeReady:
      return "NodeReady";
    case RecordKind::kNodeLeft:
      return "NodeLeft";
    case RecordKind::kPodDisrupted:
      return "PodDisrupted";
    case RecordKind::kFaultBegan:
      return "FaultBegan";
    case RecordKind::kFaultEnded:
      return "FaultEnded";
    case RecordKind::kNodeDown:
      return "NodeDown";
    case RecordKind::kNodeUp:
      return "NodeUp";
    case RecordKind::kNodeNotReady:
      return "NodeNotReady";
    case RecordKind::kNodeReadyAgain:
      return "NodeReadyAgain";
  }
  return "?";
}

std::string_view to_string(FailReason reason) {
  switch (reason) {
    case FailReason::kUnschedulable:
      return "Unschedulable";
    case FailReason::kOutOfCpu:
      return "OutOfcpu";
    case FailReason::kOutOfMemory:
      return "OutOfmemory";
    case FailReason::kOutOfPods:
      return "OutOfpods";
    case FailReason::kNodeAffinity:
      return "NodeAffinity";
    case FailReason::kEvicted:
      return "Evicted";
    case FailReason::kError:
      return "Error";
    case FailReason::kDeadlineExceeded:
      return "DeadlineExceeded";
    case FailReason::kAdmission:
      return "Admission";
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

std::string_view to_string(WaitingReason reason) {
  switch (reason) {
    case WaitingReason::kContainerCreating:
      return "ContainerCreating";
    case WaitingReason::kPodInitializing:
      return "PodInitializing";
    case WaitingReason::kCrashLoopBackOff:
      return "CrashLoopBackOff";
    case WaitingReason::kErrImagePull:
      return "ErrImagePull";
    case WaitingReason::kImagePullBackOff:
      return "ImagePullBackOff";
    case WaitingReason::kErrImageNeverPull:
      return "ErrImageNeverPull";
  }
  return "?";
}

std::string_view to_string(ExitReason reason) {
  switch (reason) {
    case ExitReason::kCompleted:
      return "Completed";
    case ExitReason::kError:
      return "Error";
    case ExitReason::kOomKilled:
      return "OOMKilled";
  }
  return "?";
}

std::string_view to_string(KillReason reason) {
  switch (reason) {
    case KillReason::kPodDeleted:
      return "PodDeleted";
    case KillReason::kLivenessProbe:
      return "LivenessProbe";
    case KillReason::kStartupProbe:
      return "StartupProbe";
    case KillReason::kPostStartHook:
      return "PostStartHook";
    case KillReason::kRestartAllContainers:
      return "RestartAllContainers";
    case KillReason::kActiveDeadline:
      return "ActiveDeadline";
    case KillReason::kEvicted:
      return "Evicted";
  }
  return "?";
}

std::string_view to_string(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::kStartup:
      return "startup";
    case ProbeKind::kLiveness:
      return "liveness";
    case ProbeKind::kReadiness:
      return "readiness";
  }
  return "?";
}

std::string_view to_string(VolumeWait wait) {
  switch (wait) {
    case VolumeWait::kUnbound:
      return "Unbound";
    case VolumeWait::kMultiAttach:
      return "MultiAttach";
    case VolumeWait::kAttaching:
      return "Attaching";
  }
  return "?";
}

std::string_view to_string(DisruptReason reason) {
  switch (reason) {
    case DisruptReason::kPreemption:
      return "PreemptionByScheduler";
    case DisruptReason::kEvictionApi:
      return "EvictionByEvictionAPI";
    case DisruptReason::kTaintManager:
      return "DeletionByTaintManager";
    case DisruptReason::kPodGc:
      return "DeletionByPodGC";
  }
  return "?";
}

std::string_view to_string(NodeTrouble trouble) {
  switch (trouble) {
    case NodeTrouble::kOff:
      return "Off";
    case NodeTrouble::kHung:
      return "Hung";
    case NodeTrouble::kCutOff:
      return "CutOff";
  }
  return "?";
}

}  // namespace berth

#include "sim/compose/run_result.hpp"

namespace berth::compose {

const char* to_string(RunEventKind kind) {
  switch (kind) {
    case RunEventKind::kImagePresent:
      return "ImagePresent";
    case RunEventKind::kImagePulling:
      return "ImagePulling";
    case RunEventKind::kImagePulled:
      return "ImagePulled";
    case RunEventKind::kImageBuilding:
      return "ImageBuilding";
    case RunEventKind::kImageBuilt:
      return "ImageBuilt";
    case RunEventKind::kNetworkCreated:
      return "NetworkCreated";
    case RunEventKind::kVolumeCreated:
      return "VolumeCreated";
    case RunEventKind::kContainerCreated:
      return "ContainerCreated";
    case RunEventKind::kWaiting:
      return "Waiting";
    case RunEventKind::kWaitOver:
      return "WaitOver";
    case RunEventKind::kContainerStarting:
      return "ContainerStarting";
    case RunEventKind::kContainerStarted:
      return "ContainerStarted";
    case RunEventKind::kStartFailed:
      return "StartFailed";
    case RunEventKind::kContainerUp:
      return "ContainerUp";
    case RunEventKind::kCheckFailed:
      return "CheckFailed";
    case RunEventKind::kContainerHealthy:
      return "ContainerHealthy";
    case RunEventKind::kContainerUnhealthy:
      return "ContainerUnhealthy";
    case RunEventKind::kContainerExited:
      return "ContainerExited";
    case RunEventKind::kContainerOomKilled:
      return "ContainerOomKilled";
    case RunEventKind::kContainerRestarting:
      return "ContainerRestarting";
    case RunEventKind::kContainerStopping:
      return "ContainerStopping";
    case RunEventKind::kSettled:
      return "Settled";
    case RunEventKind::kFailed:
      return "Failed";
  }
  return "";
}

}  // namespace berth::compose

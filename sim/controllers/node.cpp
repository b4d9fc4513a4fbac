#include "sim/controllers/node.hpp"

#include "sim/engine/error.hpp"

namespace berth::controllers {

const char* to_string(NodeReason reason) {
  switch (reason) {
    case NodeReason::kOther:
      return "";
    case NodeReason::kKubeletReady:
      return "KubeletReady";
    case NodeReason::kKubeletNotReady:
      return "KubeletNotReady";
    case NodeReason::kNodeStatusUnknown:
      return "NodeStatusUnknown";
    case NodeReason::kNodeStatusNeverUpdated:
      return "NodeStatusNeverUpdated";
  }
  BERTH_CHECK(false);
  return "";
}

}  // namespace berth::controllers

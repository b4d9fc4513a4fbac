// NodeVolumeLimits: no more volumes of a CSI driver on a node than its CSINode allows.
// Source: pkg/scheduler/framework/plugins/nodevolumelimits/csi.go, v1.37. Not modelled: in-tree volumes that migrate to
// CSI, inline CSI volumes, VolumeAttachments of volumes that no pod on the node uses.
#include <algorithm>
#include <map>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

using Volumes = std::map<std::string, std::string>;  // "driver/handle" → driver.

// The CSI volumes behind a pod's claims. A claim that is not bound yet counts by its class and its own name.
void collect(const ClusterState& cluster, const Pod& pod, Volumes& out) {
  for (const Volume& volume : pod.volumes) {
    const std::string name = claim_name(pod, volume);
    if (name.empty()) continue;
    const PersistentVolumeClaim* claim = cluster.find_claim(pod.namespace_name, name);
    if (claim == nullptr) continue;
    const PersistentVolume* bound = claim->volume_name.empty() ? nullptr : cluster.find_volume(claim->volume_name);
    std::string driver;
    std::string handle;
    if (bound != nullptr) {
      driver = bound->csi_driver;
      handle = bound->csi_handle;
    } else if (const StorageClass* storage_class = cluster.find_storage_class(claim->storage_class)) {
      driver = storage_class->provisioner;
      handle = "claim:" + claim->key();
    }
    if (!driver.empty() && !handle.empty()) out.emplace(driver + "/" + handle, driver);
  }
}

class NodeVolumeLimits final : public Plugin {
 public:
  NodeVolumeLimits() : Plugin("NodeVolumeLimits") {}

  Scope scope() const override { return Scope::kVolumes; }

  Status pre_filter(const Cycle& cycle, CycleState&, std::optional<NodeNames>&) const override {
    const Pod& pod = cycle.pod.pod;
    const bool any = std::any_of(pod.volumes.begin(), pod.volumes.end(),
                                 [&pod](const Volume& volume) { return !claim_name(pod, volume).empty(); });
    return any ? Status{} : skip();
  }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    const Pod& pod = cycle.pod.pod;
    for (const Volume& volume : pod.volumes) {
      const std::string name = claim_name(pod, volume);
      if (!name.empty() && cycle.cluster.find_claim(pod.namespace_name, name) == nullptr) {
        return unresolvable("persistentvolumeclaim \"" + name + "\" not found");
      }
    }
    Volumes fresh;
    collect(cycle.cluster, pod, fresh);
    if (fresh.empty()) return {};
    for (const auto& [volume, driver] : fresh) {
      const CsiDriver* known = cycle.cluster.find_csi_driver(driver);
      if (known == nullptr || !known->prevent_scheduling_if_missing || installed(node, driver) != nullptr) continue;
      return unschedulable("node(s) did not have CSI driver " + driver + " installed");
    }
    if (node.csi_node == nullptr) return {};
    Volumes attached;
    for (const PodRef& other : node.pods) collect(cycle.cluster, other->pod, attached);
    std::map<std::string, std::int64_t> counts;  // Attached and new, by driver; only drivers of new volumes matter.
    std::map<std::string, std::int64_t> added;
    for (const auto& [volume, driver] : attached) {
      fresh.erase(volume);
      ++counts[driver];
    }
    for (const auto& [volume, driver] : fresh) ++added[driver];
    for (const auto& [driver, count] : added) {
      const CsiNode::Driver* limit = installed(node, driver);
      if (limit == nullptr || !limit->count) continue;
      if (counts[driver] + count > *limit->count) return unschedulable("node(s) exceed max volume count");
    }
    return {};
  }

 private:
  static const CsiNode::Driver* installed(const NodeInfo& node, const std::string& driver) {
    if (node.csi_node == nullptr) return nullptr;
    for (const CsiNode::Driver& d : node.csi_node->drivers) {
      if (d.name == driver) return &d;
    }
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<Plugin> make_node_volume_limits() {
  return std::make_unique<NodeVolumeLimits>();
}

}  // namespace berth::kube

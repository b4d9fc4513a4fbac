// What a node does with a bound pod, in a scenario that says so: kubelets with their images, containers and volumes
// instead of one start delay.
//
//   kubelet:                            # KubeletConfiguration's own names …
//     serializeImagePulls: true
//     maxParallelImagePulls: 4          # with serializeImagePulls: false; absent: without limit
//     registryPullQPS: 5
//     registryBurst: 10
//     imageGCHighThresholdPercent: 85
//     imageGCLowThresholdPercent: 80
//     imageMinimumGCAge: 2m
//     evictionMemoryAvailable: 100Mi    # evictionHard memory.available
//     evictionNodefsAvailable: 10%      # evictionHard nodefs.available, of the one disk; 0%: never
//     evictionImagefsAvailable: 15%     # evictionHard imagefs.available, of the same disk
//     maxConcurrentDownloads: 3         # containerd's
//     imageFilesystem: 100Gi            # … and what the node is made of
//     networkIn: 1250M                  # bytes per second
//     networkOut: 1250M
//     unpackRate: 200M                  # uncompressed bytes per second
//     sandboxTime: uniform(min=0.2, max=0.8)     # seconds; likewise createTime, startTime
//   images:
//     catalogue: ../shared/data         # folder with image-layers-*; absent: names are made up (and listed once)
//     registry: {egress: 1250M, resolve: 300ms}            # any that is not named:
//     registries: [{host: docker.io, egress: 1250M, resolve: 300ms}]
//   storage:                            # seconds; upstream has no such constants
//     provisionTime: constant(5)        # likewise removeTime, attachTime, detachTime, stageTime, publishTime,
//                                       # unpublishTime, unstageTime
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/cluster/image.hpp"
#include "sim/kubelet/image_manager.hpp"
#include "sim/kubelet/kubelet.hpp"
#include "sim/storage/storage_state.hpp"
#include "workloads/manifest/manifest.hpp"
#include "workloads/yaml.hpp"

namespace berth {

// Seeds are the run's, whatever stands here.
struct NodeModel {
  KubeletOptions kubelet;
  ImageManagerConfig images;
  NodeImageSpec node_images;  // Of each node, but for its zone.
  std::vector<RegistrySpec> registries;
  StorageOptions storage;
  std::filesystem::path catalogue;  // Empty: none.

  // The defaults above. Bandwidths and rates are assumptions: 10 Gbit/s, and what one core unzips.
  NodeModel();
};

// What the images of a run are, by the names that pods use.
struct RunImages {
  ImageCatalog catalog;
  std::unordered_map<std::string, ImageId> by_name;  // As written. Looked up, never walked.
  std::vector<std::string> notes;                    // Names that no catalogue lists.
  // The name must be there (BERTH_CHECK).
  ImageId of(std::string_view name) const;
};

// Any of the three may be absent. Files are relative to `base`. Throws InputError.
NodeModel read_node_model(const std::optional<YamlValue>& kubelet, const std::optional<YamlValue>& images,
                          const std::optional<YamlValue>& storage, const std::filesystem::path& base);

// Every image that a pod of these objects may run, as written.
void add_image_names(const manifest::Manifests& manifests, std::set<std::string>& names);

// Looks the names up in the model's catalogue, and makes up what it does not list. Throws InputError for a catalogue
// that cannot be read.
RunImages find_images(const NodeModel& model, const std::set<std::string>& names);

}  // namespace berth

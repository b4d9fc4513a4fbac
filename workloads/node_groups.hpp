// Groups of equal machines that a node autoscaler may add and remove (an Auto Scaling group, a node pool), as a
// scenario says:
//
//   nodeGroups:
//   - name: general
//     instanceType: m5.xlarge           # of the built-in list, or of the file `instances:` (instance_catalog.hpp) …
//     instances: aws_us-east-1.csv
//     cpu: "3920m"                      # … or, instead of a type, what pods can have of the machine
//     memory: 14Gi
//     ephemeralStorage: 20Gi
//     pods: 58                          # absent: 110
//     extended: {nvidia.com/gpu: 1}
//     labels: {tier: web}               # beside those that kubelet and cloud provider put on it
//     taints: [{key: dedicated, value: web, effect: NoSchedule}]
//     zone: us-east-1a                  # absent: the type's first
//     zones: [us-east-1a, us-east-1b]   # or several: a group NAME-ZONE in each, each with these sizes, as GKE has it
//     min: 0
//     max: 10
//     initial: 2                        # absent: min; these nodes are there, and Ready, at time 0
//     capacityType: on-demand           # or spot
//     price: 0.192                      # USD per hour; absent: the type's, or nothing for a machine without a type
//     bootTime: uniform(min=180, max=240)  # seconds from asking for a machine until its kubelet registers
//     readyTime: uniform(min=5, max=15)    # seconds from then until Ready
//
// bootTime's default is what Cluster Autoscaler's FAQ says of Compute Engine (3 to 4 minutes); other clouds and images
// are quicker. readyTime's is an assumption: the network plug-in starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/distribution.hpp"
#include "workloads/yaml.hpp"

namespace berth {

// On every node of a group, with the group's name.
inline constexpr const char* kNodeGroupLabel = "berth.dev/node-group";

struct NodeGroupSpec {
  std::string name;
  NodeSpec machine;                        // As a node of it, called as the group is. NodeSpec::node is set.
  std::int64_t capacity_cpu_milli = 0;     // As sold; 0: not known.
  std::int64_t capacity_memory_bytes = 0;  //
  std::int32_t min_size = 0;
  std::int32_t max_size = 0;
  std::int32_t initial_size = 0;
  double usd_per_hour = 0;
  Distribution boot_time = Distribution::parse("uniform(min=180, max=240)", "bootTime");
  Distribution ready_time = Distribution::parse("uniform(min=5, max=15)", "readyTime");
};

struct NodeGroups {
  std::vector<NodeGroupSpec> groups;
  std::vector<std::string> inputs;  // Files read.

  // The nodes of the beginning, group by group.
  std::vector<NodeSpec> initial_nodes() const;
};

// The node `number` of the group: NAME-NUMBER, with that host name.
NodeSpec node_of_group(const NodeGroupSpec& group, std::uint32_t number);

// Files are relative to `base`. Throws InputError: unknown keys, types and zones, sizes that are not min <= initial <=
// max, two groups of one name, a spot price that the catalogue does not know. O(text + files).
NodeGroups read_node_groups(const YamlValue& value, Catalog& catalog, const std::filesystem::path& base);

}  // namespace berth

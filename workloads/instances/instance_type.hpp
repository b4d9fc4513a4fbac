// Machines that a cloud rents out: size, price per zone and way of buying, and the node that one becomes. What pods may
// have of a machine is less than what is paid for; how much less is each provider's published rule (reserved()).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Whose rules a type follows. kKwok: Karpenter's simulated provider, whose types are a file.
enum class CloudProvider : std::uint8_t { kAws, kAzure, kGcp, kKwok };

inline constexpr const char* kOnDemand = "on-demand";  // Values of the label karpenter.sh/capacity-type.
inline constexpr const char* kSpot = "spot";

// A type as it can be had in one zone.
struct Offering {
  std::string zone;
  std::string capacity_type;  // kOnDemand, kSpot, or what a Karpenter file says ("reserved").
  double usd_per_hour = 0;
  bool available = true;
  friend bool operator==(const Offering&, const Offering&) = default;
};

struct InstanceType {
  std::string name;
  CloudProvider provider = CloudProvider::kAws;
  std::string region;  // Empty: not known.
  std::string arch = "amd64";
  std::string os = "linux";
  Resources capacity;  // Nominal, as sold; ephemeral storage: the provider's default disk, or the file's.
  std::int64_t max_pods = 110;
  std::int64_t network_bits_per_second = 0;                    // 0: not known.
  std::vector<std::pair<std::string, std::int64_t>> extended;  // "nvidia.com/gpu" and others, sorted by name.
  bool shared_core = false;                                    // Google's types with part of a core's time.
  std::vector<Offering> offerings;                             // In the order of the source.

  // Null if there is none. An empty `zone` takes the first with that capacity type; unavailable ones do not count.
  const Offering* find_offering(std::string_view zone, std::string_view capacity_type) const;
  std::int64_t gpus() const;  // nvidia.com/gpu.
};

// What pods cannot have of this machine: kube- and system-reserved, the hard eviction threshold and, for AWS and Azure,
// what the hypervisor and the kernel keep of the nominal memory (7.5 %). Never more than there is. Sources:
//   AWS    amazon-eks-ami: memory 255 MiB + 11 MiB per pod, CPU 6 % of the first core, 1 % of the second, 0.5 % of the
//          next two, 0.25 % of the others, 1 GiB of disk; eviction at 100 MiB and 10 % of the disk.
//   Azure  AKS from 1.29: memory min(20 MiB per pod + 50 MiB, 25 %), CPU 60 m for one core, 40 m for the second, 20 m
//          each for the next two, 10 m for every further one; eviction as above.
//   GCP    GKE: memory 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % of
//          the rest (255 MiB in all below 1 GiB), CPU as AWS, 1060 m for shared-core E2; disk min(50 %, 6 GiB + 35 %,
//          100 GiB); eviction as above.
//   kwok   100 m and 10 MiB, as Karpenter's kwok provider says.
//   7.5 %  Karpenter's vm-memory-overhead-percent for both clouds.
Resources reserved(const InstanceType& type);

// The machine as a node called `name`: allocatable = capacity - reserved(), pods, extended resources, and the labels
// that kubelet, cloud provider and Karpenter put on it: node.kubernetes.io/instance-type, topology.kubernetes.io/zone
// and region, kubernetes.io/arch, os and hostname, karpenter.sh/capacity-type. NodeSpec::node holds all of it. GPUs are
// extended resources, as pods of manifests ask for them.
NodeSpec node_of(const InstanceType& type, const Offering& offering, const std::string& name, Catalog& catalog);

// What a machine costs that ran for `up`: by the second, started seconds count in full, at least 60 of them (0 for a
// machine that never ran). Source: Linux billing of EC2 and Compute Engine.
double rent_usd(double usd_per_hour, Duration up);

struct InstanceCatalog {
  std::vector<InstanceType> types;  // In the order of the source.
  // Throws InputError beginning with `what` ("study.yaml:3:7: type"), with the nearest name.
  const InstanceType& at(std::string_view name, std::string_view what) const;
};

}  // namespace berth

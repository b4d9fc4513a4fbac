// Reads instance types: the price lists of three clouds as CSV tables, each with columns of its own, Karpenter's file
// of instance types, and a short list that is built in.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "workloads/instances/instance_type.hpp"
#include "workloads/workload.hpp"

namespace berth {

// By the file's name: aws_REGION.csv, azure_REGION.csv, gcp_REGION.csv, or a .json, .yaml or .yml file of Karpenter's.
// Throws InputError for another name and for what the readers below refuse.
InstanceCatalog read_instance_catalog(const std::filesystem::path& path, ImportReport& report);

// A price list; `file` is what errors call it. Columns (all numbers > 0 unless said):
//   aws    type,vcpu,mem_mb,gpus,arch,network_mbit,max_pods,usd_per_hour   network_mbit may be empty
//   azure  type,vcpu,mem_mb,gpus,arch,usd_per_hour
//   gcp    type,vcpu,mem_mb,shared_core,usd_per_hour,spot_usd_per_hour     spot_usd_per_hour may be empty
// gpus >= 0. A type without usd_per_hour, or with mem_mb 0 (half a GB in a list of whole ones), is skipped and counted.
// Offerings: each price in three zones of the region
// (us-east-1a, -b, -c; eastus-1 …; us-central1-a …); spot only where the list has a spot price. Disks are the default
// ones of managed node pools: 20 GiB (EKS), 128 GiB (AKS), 100 GiB (GKE). Pods: the list's, else 110.
InstanceCatalog read_instance_csv(std::string file, std::string text, CloudProvider provider, const std::string& region,
                                  ImportReport& report);

// A list of types as Karpenter's kwok provider reads it (kwok/cloudprovider), JSON or YAML: name, architecture,
// operatingSystems (a list, or a map whose keys count), resources by name (cpu, memory; pods 110 if absent) and
// offerings: capacityType, zone, price, available (true if absent), also with capitals, or with Requirements that name
// karpenter.sh/capacity-type and topology.kubernetes.io/zone.
InstanceCatalog read_karpenter_types(std::string_view text, const std::string& file, ImportReport& report);

// 18 types of the three clouds, with the prices of 2026-07: for examples that must run without any file.
const InstanceCatalog& builtin_instances();

}  // namespace berth

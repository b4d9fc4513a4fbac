// Types that are always there. Names, sizes and prices from aws/karpenter-provider-aws, Azure/karpenter-provider-azure
// and kubernetes/autoscaler (cloudprovider/gce), us-east-1, eastus and us-central1, prices as of July 2026.
#include "sim/engine/error.hpp"
#include "workloads/instances/instance_catalog.hpp"

namespace berth {
namespace {

constexpr const char* kAws =
    "type,vcpu,mem_mb,gpus,arch,network_mbit,max_pods,usd_per_hour\n"
    "t3.medium,2,4096,0,amd64,256,17,0.041600\n"
    "t3.large,2,8192,0,amd64,512,35,0.083200\n"
    "m5.large,2,8192,0,amd64,750,29,0.096000\n"
    "m5.xlarge,4,16384,0,amd64,1250,58,0.192000\n"
    "m6g.xlarge,4,16384,0,arm64,1250,58,0.154000\n"
    "c5.xlarge,4,8192,0,amd64,1250,58,0.170000\n"
    "r5.xlarge,4,32768,0,amd64,1250,58,0.252000\n"
    "g4dn.xlarge,4,16384,1,amd64,5000,29,0.526000\n"
    "p3.2xlarge,8,62464,1,amd64,2500,58,3.060000\n";

constexpr const char* kAzure =
    "type,vcpu,mem_mb,gpus,arch,usd_per_hour\n"
    "Standard_D2s_v5,2,8192,0,amd64,0.096000\n"
    "Standard_D4s_v5,4,16384,0,amd64,0.192000\n"
    "Standard_E4s_v5,4,32768,0,amd64,0.252000\n"
    "Standard_NC6s_v3,6,114688,1,amd64,3.060000\n";

constexpr const char* kGcp =
    "type,vcpu,mem_mb,shared_core,usd_per_hour,spot_usd_per_hour\n"
    "e2-medium,2,4096,1,0.03351,0.01005\n"
    "e2-standard-4,4,16384,0,0.13402,0.04021\n"
    "n1-standard-4,4,15360,0,0.1900,0.0400\n"
    "n2-standard-4,4,16384,0,0.1942,0.0470\n"
    "n2-standard-8,8,32768,0,0.3885,0.0940\n";

InstanceCatalog make() {
  InstanceCatalog out;
  const auto add = [&out](const char* text, CloudProvider provider, const char* region) {
    ImportReport report;
    InstanceCatalog part = read_instance_csv("built-in instance types", text, provider, region, report);
    for (InstanceType& type : part.types) out.types.push_back(std::move(type));
  };
  add(kAws, CloudProvider::kAws, "us-east-1");
  add(kAzure, CloudProvider::kAzure, "eastus");
  add(kGcp, CloudProvider::kGcp, "us-central1");
  return out;
}

}  // namespace

const InstanceCatalog& builtin_instances() {
  static const InstanceCatalog catalog = make();
  return catalog;
}

}  // namespace berth

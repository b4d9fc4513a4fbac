// The objects beside pods and workloads: services, configuration, storage, and the rules that a namespace sets.
// Source: core/v1, discovery.k8s.io/v1, node.k8s.io/v1 and storage.k8s.io/v1 of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/api_meta.hpp"
#include "sim/engine/time.hpp"

namespace berth::kube::api {

struct ServicePort {
  std::string name;
  std::string protocol;  // TCP, UDP, SCTP.
  std::int32_t port = 0;
  PortRef target;
  std::int32_t node_port = 0;  // 0: to be chosen, or none.
};
struct Service {
  enum class Type : std::uint8_t { kClusterIp, kNodePort, kLoadBalancer, kExternalName };
  ObjectMeta meta;
  Type type = Type::kClusterIp;
  bool has_selector = false;
  StringMap selector;
  std::vector<ServicePort> ports;
  bool headless = false;  // clusterIP: None.
  std::string external_name;
  bool client_affinity = false;  // sessionAffinity ClientIP, for this long:
  Duration affinity_timeout;
  bool external_local = false;  // externalTrafficPolicy Local, else Cluster.
  bool internal_local = false;
  std::string traffic_distribution;  // Empty, PreferSameZone (PreferClose), PreferSameNode.
  bool publish_not_ready = false;
};

// Addresses behind a service that nobody selects: of Endpoints or of an EndpointSlice.
struct Endpoints {
  struct Address {
    std::string ip;
    std::string node;
    std::string zone;
    bool ready = true;
  };
  ObjectMeta meta;
  std::string service;
  std::vector<Address> addresses;
  std::vector<ServicePort> ports;
};

// ConfigMap or Secret: what env, envFrom and volumes refer to.
struct ConfigData {
  ObjectMeta meta;
  bool secret = false;
  StringMap data;  // Values of a Secret as given, base64 for `data`.
  std::vector<std::string> binary_keys;
};

struct StorageClass {
  ObjectMeta meta;
  kube::StorageClass scheduling;
  bool is_default = false;
  bool retain = false;  // reclaimPolicy Retain, else Delete.
  bool allow_expansion = false;
};
struct PersistentVolume {
  ObjectMeta meta;
  kube::PersistentVolume scheduling;
  bool retain = true;  // persistentVolumeReclaimPolicy; Recycle counts as Delete.
  std::string type;    // csi, hostPath, local, nfs, …
};
struct PersistentVolumeClaim {
  ObjectMeta meta;
  kube::PersistentVolumeClaim scheduling;
  bool class_given = false;  // storageClassName is there, even if empty: no default is put in.
};

struct RuntimeClass {
  ObjectMeta meta;
  std::string handler;
  ResourceList overhead;
  StringMap node_selector;
  std::vector<Toleration> tolerations;
};

struct LimitRange {
  enum class Type : std::uint8_t { kContainer, kPod, kClaim };
  struct Item {
    Type type = Type::kContainer;
    ResourceList default_limits, default_requests, min, max, max_ratio;
  };
  ObjectMeta meta;
  std::vector<Item> items;
};

struct ResourceQuota {
  enum class Scope : std::uint8_t {
    kTerminating,
    kNotTerminating,
    kBestEffort,
    kNotBestEffort,
    kPriorityClass,
    kCrossNamespacePodAffinity,
    kVolumeAttributesClass
  };
  struct ScopeTerm {
    Scope scope = Scope::kTerminating;
    SelectorOperator op = SelectorOperator::kExists;
    std::vector<std::string> values;
  };
  ObjectMeta meta;
  ResourceList hard;
  std::vector<ScopeTerm> scopes;  // All must hold.
};

struct Node {
  ObjectMeta meta;
  kube::Node scheduling;
  ResourceList capacity;
};
struct Namespace {
  ObjectMeta meta;
};
struct PriorityClass {
  ObjectMeta meta;
  kube::PriorityClass scheduling;
};
struct CsiDriver {
  ObjectMeta meta;
  kube::CsiDriver scheduling;
};
struct CsiNode {
  ObjectMeta meta;
  kube::CsiNode scheduling;
};
struct CsiStorageCapacity {
  ObjectMeta meta;
  kube::CsiStorageCapacity scheduling;
};

}  // namespace berth::kube::api

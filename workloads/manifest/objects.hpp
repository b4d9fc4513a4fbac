// Any object that is modelled, as one value.
#pragma once

#include <variant>

#include "sim/cluster/namespace_objects.hpp"
#include "sim/cluster/workload_objects.hpp"

namespace berth::manifest {

using Object =
    std::variant<kube::api::Pod, kube::api::Node, kube::api::Namespace, kube::api::ConfigData, kube::api::Service,
                 kube::api::Endpoints, kube::api::PersistentVolume, kube::api::PersistentVolumeClaim,
                 kube::api::StorageClass, kube::api::PriorityClass, kube::api::RuntimeClass, kube::api::ResourceQuota,
                 kube::api::LimitRange, kube::api::CsiDriver, kube::api::CsiNode, kube::api::CsiStorageCapacity,
                 kube::api::PodDisruptionBudget, kube::api::HorizontalPodAutoscaler, kube::api::Deployment,
                 kube::api::ReplicaSet, kube::api::StatefulSet, kube::api::DaemonSet, kube::api::Job,
                 kube::api::CronJob>;

}  // namespace berth::manifest

// Workload kinds, budgets and autoscalers; decode.hpp says what the decoders expect.
#pragma once

#include "sim/cluster/workload_objects.hpp"

namespace berth::kube {
class Reader;
}

namespace berth::manifest {

kube::api::Deployment decode_deployment(const kube::Reader& object);
kube::api::ReplicaSet decode_replica_set(const kube::Reader& object, bool replication_controller);
kube::api::StatefulSet decode_stateful_set(const kube::Reader& object);
kube::api::DaemonSet decode_daemon_set(const kube::Reader& object);
kube::api::Job decode_job(const kube::Reader& object);
kube::api::CronJob decode_cron_job(const kube::Reader& object);
kube::api::PodDisruptionBudget decode_budget(const kube::Reader& object);
kube::api::HorizontalPodAutoscaler decode_autoscaler(const kube::Reader& object);

}  // namespace berth::manifest

// Manifests as kube-controller-manager's controllers need them: from objects with names to values with numbers.
#pragma once

#include "sim/cluster/workload_objects.hpp"
#include "sim/controllers/batch_objects.hpp"
#include "sim/controllers/disruption_budget.hpp"
#include "sim/controllers/objects.hpp"

namespace berth::control_plane {

// What controllers see of a template. `content` tells templates apart: equal text, one template.
controllers::PodTemplate pod_template(const kube::api::Pod& pod, std::string content);

// The rest of each kind; `pod_template` is the number of its template in the store.
controllers::Deployment deployment(const kube::api::Deployment& from, TemplateId pod_template);
controllers::ReplicaSet replica_set(const kube::api::ReplicaSet& from, TemplateId pod_template);
controllers::StatefulSet stateful_set(const kube::api::StatefulSet& from, TemplateId pod_template);
controllers::DaemonSet daemon_set(const kube::api::DaemonSet& from, TemplateId pod_template);
controllers::Job::Spec job(const kube::api::JobSpec& from, TemplateId pod_template);
// Throws InputError for a schedule that cannot be read.
controllers::CronJob cron_job(const kube::api::CronJob& from, TemplateId pod_template);
controllers::PodDisruptionBudget disruption_budget(const kube::api::PodDisruptionBudget& from);

}  // namespace berth::control_plane

// KubeSchedulerConfiguration from YAML or JSON. It is the user's own text, so what is not known is refused, with its
// place.
#pragma once

#include <string>

#include "policies/schedulers/kube/config.hpp"
#include "workloads/kube_json.hpp"

namespace berth::kube {

// kubescheduler.config.k8s.io/v1. What it leaves out has upstream's default. Throws InputError for an unknown field or
// plugin, a bad value, or a profile that cannot be resolved. Fields that do not touch decisions (leaderElection,
// clientConnection, podInitialBackoffSeconds …) are accepted and without effect; extenders are refused: not modelled.
SchedulerConfig read_scheduler_config(const Reader& value);
// From a file, YAML or JSON.
SchedulerConfig load_scheduler_config(const std::string& path);

}  // namespace berth::kube

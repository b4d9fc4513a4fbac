// Cluster Autoscaler's flags, by their names with underscores, and its defaults.
// Source: cluster-autoscaler config/flags/flags.go and config/const.go, release 1.37.
#pragma once

#include <cstdint>
#include <string>

#include "policies/node_autoscalers/expanders.hpp"
#include "policies/node_autoscalers/group_backoff.hpp"
#include "sim/engine/time.hpp"

namespace berth {

class Params;

struct ClusterAutoscalerFlags {
  Duration scan_interval = seconds(10);
  bool scale_down_enabled = true;
  bool scale_down_unready_enabled = true;
  Duration scale_down_delay_after_add = seconds(600);
  Duration scale_down_delay_after_delete;
  Duration scale_down_delay_after_failure = seconds(180);
  Duration scale_down_unneeded_time = seconds(600);
  Duration scale_down_unready_time = seconds(1'200);
  double scale_down_utilization_threshold = 0.5;
  double scale_down_gpu_utilization_threshold = 0.5;
  Duration unremovable_node_recheck_timeout = seconds(300);
  std::int32_t max_scale_down_parallelism = 10;
  std::int32_t max_drain_parallelism = 1;
  bool ignore_daemonsets_utilization = false;
  bool ignore_mirror_pods_utilization = false;
  bool skip_nodes_with_system_pods = true;
  bool skip_nodes_with_local_storage = true;
  bool skip_nodes_with_custom_controller_pods = true;
  Duration blocking_system_pod_disruption_timeout = seconds(3'600);
  Duration node_delete_delay_after_taint = seconds(5);
  Duration max_pod_eviction_time = seconds(120);
  Duration max_graceful_termination = seconds(600);

  std::int32_t max_nodes_total = 0;  // 0: no limit.
  std::int32_t max_nodes_per_scaleup = 1'000;
  double max_total_unready_percentage = 45;
  std::int32_t ok_total_unready_count = 3;
  Duration max_node_provision_time = seconds(900);
  Duration max_node_startup_time = seconds(900);
  BackoffLimits backoff;
  std::int32_t expendable_pods_priority_cutoff = -10;
  Duration new_pod_scale_up_delay;
};

// Throws InputError for a bad value.
ClusterAutoscalerFlags read_flags(const Params& params);
Expanders read_expanders(const Params& params);

}  // namespace berth

#include "policies/node_autoscalers/cluster_autoscaler_flags.hpp"

#include <fmt/format.h>

#include <cmath>

#include "policies/params.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr const char* kWho = "policy \"cluster-autoscaler\"";

void read(const Params& p, const char* name, Duration& out, const char* help, Duration min = {}) {
  const std::string fallback = to_string(out);
  const std::string what = fmt::format("{}: {}", kWho, name);
  const std::string text = p.text(name, fallback.c_str(), help);
  out = parse_duration(text, what);
  if (out < min) throw InputError(fmt::format("{} is \"{}\"; expected at least {}", what, text, to_string(min)));
}
void read(const Params& p, const char* name, bool& out, const char* help) {
  out = p.choice(name, {.fallback = out ? "true" : "false", .values = {"true", "false"}, .help = help}) == "true";
}
void read(const Params& p, const char* name, double& out, double max, const char* help) {
  out = p.number(name, {.fallback = out, .min = 0, .max = max, .help = help});
}
void read(const Params& p, const char* name, std::int32_t& out, std::int64_t min, const char* help) {
  out = static_cast<std::int32_t>(p.integer(name, {.fallback = out, .min = min, .max = 1'000'000, .help = help}));
}

}  // namespace

ClusterAutoscalerFlags read_flags(const Params& p) {
  ClusterAutoscalerFlags f;
  read(p, "scan_interval", f.scan_interval, "from one look to the next", milliseconds(1));
  read(p, "scale_down_enabled", f.scale_down_enabled, "whether nodes ever go");
  read(p, "scale_down_unready_enabled", f.scale_down_unready_enabled, "whether unready nodes go");
  read(p, "scale_down_delay_after_add", f.scale_down_delay_after_add, "no node goes this long after a scale-up");
  read(p, "scale_down_delay_after_delete", f.scale_down_delay_after_delete, "… after a node was told to go");
  read(p, "scale_down_delay_after_failure", f.scale_down_delay_after_failure, "… after a removal that failed");
  read(p, "scale_down_unneeded_time", f.scale_down_unneeded_time, "how long a node is unneeded before it goes");
  read(p, "scale_down_unready_time", f.scale_down_unready_time, "the same for one that is not ready");
  read(p, "scale_down_utilization_threshold", f.scale_down_utilization_threshold, 1, "of requests; above it: needed");
  read(p, "scale_down_gpu_utilization_threshold", f.scale_down_gpu_utilization_threshold, 1,
       "the same for GPUs of nodes with GPUs");
  read(p, "unremovable_node_recheck_timeout", f.unremovable_node_recheck_timeout,
       "until a node that cannot go is looked at again");
  read(p, "max_scale_down_parallelism", f.max_scale_down_parallelism, 1, "nodes on their way out at a time");
  read(p, "max_drain_parallelism", f.max_drain_parallelism, 1, "those of them with pods to evict");
  read(p, "ignore_daemonsets_utilization", f.ignore_daemonsets_utilization, "leave DaemonSets' pods out");
  read(p, "ignore_mirror_pods_utilization", f.ignore_mirror_pods_utilization, "leave static pods out");
  read(p, "skip_nodes_with_system_pods", f.skip_nodes_with_system_pods, "young kube-system pods without budget block");
  read(p, "skip_nodes_with_local_storage", f.skip_nodes_with_local_storage, "pods with local storage block");
  read(p, "skip_nodes_with_custom_controller_pods", f.skip_nodes_with_custom_controller_pods,
       "pods of unknown controllers block");
  read(p, "blocking_system_pod_distruption_timeout", f.blocking_system_pod_disruption_timeout,
       "how old a kube-system pod must be to block no more (spelt as the flag is)");
  read(p, "node_delete_delay_after_taint", f.node_delete_delay_after_taint, "from the taint to what follows");
  read(p, "max_pod_eviction_time", f.max_pod_eviction_time, "how long an eviction is tried");
  std::int32_t grace = 600;
  read(p, "max_graceful_termination_sec", grace, 0, "a drained pod's longest grace");
  f.max_graceful_termination = seconds(grace);

  read(p, "max_nodes_total", f.max_nodes_total, 0, "never more nodes; 0: no limit");
  read(p, "max_nodes_per_scaleup", f.max_nodes_per_scaleup, 1, "new nodes in one scale-up");
  read(p, "max_total_unready_percentage", f.max_total_unready_percentage, 100,
       "with more unready nodes than this nothing is done");
  read(p, "ok_total_unready_count", f.ok_total_unready_count, 0, "so many unready nodes are always fine");
  read(p, "max_node_provision_time", f.max_node_provision_time, "for a machine to register");
  read(p, "max_node_startup_time", f.max_node_startup_time, "from registered to ready");
  read(p, "initial_node_group_backoff_duration", f.backoff.initial, "a group's rest after a failed scale-up");
  read(p, "max_node_group_backoff_duration", f.backoff.max, "… doubled up to this");
  read(p, "node_group_backoff_reset_timeout", f.backoff.reset, "until a failure is forgotten");
  f.expendable_pods_priority_cutoff = static_cast<std::int32_t>(
      p.integer("expendable_pods_priority_cutoff", {.fallback = -10,
                                                    .min = -2'147'483'647,
                                                    .max = 2'147'483'647,
                                                    .help = "pods of a lower priority neither need nor keep a node"}));
  read(p, "new_pod_scale_up_delay", f.new_pod_scale_up_delay, "pods must be older than this");
  return f;
}

Expanders read_expanders(const Params& p) {
  const std::string names = p.text("expander", "least-waste", "which group grows; several in turn: a+b");
  const std::string priorities = p.text("priorities", "", "for the priority expander: NUMBER:REGEX;NUMBER:REGEX");
  return Expanders(names, priorities, kWho);
}

}  // namespace berth

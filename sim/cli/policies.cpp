// berth policies, metrics, examples; and plug-ins.
#include <dlfcn.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <initializer_list>
#include <span>
#include <stdexcept>

#include "results/eviction_metrics.hpp"
#include "results/files.hpp"
#include "results/healing_metrics.hpp"
#include "results/metrics.hpp"
#include "results/node_metrics.hpp"
#include "results/replica_metrics.hpp"
#include "results/start_metrics.hpp"
#include "results/stranding_metrics.hpp"
#include "results/work_metrics.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cluster_traffic.hpp"
#include "sim/engine/error.hpp"
#include "sim/policy_set.hpp"
#include "workloads/example.hpp"

namespace berth {

void check_policies() {
  for (const PolicyKind& kind : policy_kinds()) {
    if (const std::string trouble = kind.take_trouble(); !trouble.empty()) throw std::logic_error(trouble);
  }
}

void policies_command(bool json) {
  std::string text = "[";
  for (const PolicyKind& kind : policy_kinds()) {
    const auto infos = kind.list();
    if (!json) fmt::print("{}: {} (default {})\n", kind.name, kind.help, kind.default_policy);
    for (const auto& info : infos) {
      if (!json) {
        fmt::print("  {:<20} {}\n", info.name, info.help);
        for (const Params::Declared& p : info.params) {
          fmt::print("  {:<20}   {} = {}{}  {}\n", "", p.name, p.fallback, p.range.empty() ? "" : "  (" + p.range + ")",
                     p.help);
        }
        continue;
      }
      text += fmt::format("{}\n{{\"kind\":{},\"name\":{},\"help\":{},\"params\":[", text.size() == 1 ? "" : ",",
                          json_string(kind.name), json_string(info.name), json_string(info.help));
      for (std::size_t i = 0; i < info.params.size(); ++i) {
        const Params::Declared& p = info.params[i];
        text += fmt::format("{}{{\"name\":{},\"default\":{},\"range\":{},\"help\":{}}}", i == 0 ? "" : ",",
                            json_string(p.name), json_string(p.fallback), json_string(p.range), json_string(p.help));
      }
      text += "]}";
    }
  }
  if (json) {
    fmt::print("{}\n]\n", text);
  } else {
    fmt::print(
        "\nOne of each kind makes a set: --policies "
        "best-fit,'power-of-k(k=4)',scheduler=kube-scheduler+images=mirror\n");
  }
}

void metrics_command() {
  const auto list = [](const char* heading, std::initializer_list<std::span<const MetricInfo>> parts) {
    fmt::print("{}:\n", heading);
    for (const auto part : parts) {
      for (const MetricInfo& m : part) fmt::print("  {:<34} {}\n", m.name, m.help);
    }
  };
  list("Metrics of the replay protocol, folded from the journal", {replay_metrics()});
  list("Metrics of runs with kubelets", {start_metrics(), eviction_metrics(), work_metrics(), stranding_metrics()});
  list("Metrics of runs of Kubernetes objects", {node_metrics(), replica_metrics()});
  list("with a fault plan", {healing_metrics()});
  list("with traffic", {traffic_metrics()});
  fmt::print(
      "  SERVICE:METRIC                     in a study: the same of one Service or source, as "
      "front:availability_pct\n");
  fmt::print(
      "Metrics of the fill protocol, at loads of 50, 90, 100, 110 and 130 % of the cluster's GPUs:\n"
      "  alloc_pct_at_<load>            GPU given to pods, of all\n"
      "  frag_pct_of_cluster_at_<load>  free GPU that the workload's mix cannot use, of all\n"
      "  frag_ratio_pct_at_<load>       the same, of the free GPU\n"
      "  pods_created, pods_failed, gpu_used_milli, gpu_arrived_milli\n");
}

void examples_command(const std::string& show) {
  for (const EmbeddedExample& example : embedded_examples()) {
    if (show.empty()) {
      fmt::print("{}\n", example.name);
    } else if (show == example.name) {
      fmt::print("{}", example.yaml);
      return;
    }
  }
  if (!show.empty()) embedded_example(show);  // Says what there is.
}

void load_plugin(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) throw InputError(path.string() + ": no such plug-in; expected a shared object");
  const std::filesystem::path absolute = std::filesystem::absolute(path);  // dlopen() looks elsewhere for bare names.
  if (dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
    throw InputError(
        fmt::format("{}: not a plug-in: {}; expected a shared object built against Berth's installed headers",
                    path.string(), dlerror()));
  }
  for (const PolicyKind& kind : policy_kinds()) {
    if (const std::string trouble = kind.take_trouble(); !trouble.empty()) {
      throw InputError(path.string() + ": " + trouble);
    }
  }
  spdlog::info("plug-in {} loaded", path.string());
}

}  // namespace berth

#include "workloads/manifest/behavior.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sim/cluster/quantity.hpp"
#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"

namespace berth::manifest {
namespace {

using kube::Reader;
using kube::api::ContainerBehavior;
using kube::api::ContainerSpec;
using kube::api::RestartPolicy;

constexpr std::string_view kDomain = "berth.dev";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::int32_t exit_code(const Reader& r, const std::string& text, std::int32_t min) {
  std::int32_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size() || code < min || code > 255) {
    r.fail(fmt::format("is \"{}\"; expected an exit code from {} to 255", text, min));
  }
  return code;
}

double hazard_per_second(const Reader& r, const std::string& text) {
  const std::optional<double> rate = parse_rate(text);
  if (!rate || *rate >= 1e9) {
    r.fail(fmt::format("is \"{}\"; expected crashes per time (\"0.5/h\", \"2/d\") or 0", text));
  }
  return *rate;
}

// "64Mi", or points "0s:64Mi, 10m:256Mi" in rising time.
kube::api::UseCurve use_curve(const Reader& r, const std::string& text) {
  kube::api::UseCurve points;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = trim(rest.substr(0, comma));
    const std::size_t colon = item.find(':');
    kube::api::UsePoint point;
    if (colon != std::string_view::npos) {
      point.after = parse_duration(trim(item.substr(0, colon)), r.where());
    } else if (!points.empty() || comma != std::string_view::npos) {
      r.fail(fmt::format("is \"{}\"; expected one amount (\"64Mi\") or points \"0s:64Mi, 10m:256Mi\"", text));
    }
    point.bytes = parse_bytes(colon == std::string_view::npos ? item : trim(item.substr(colon + 1)), r.where());
    if (point.after < Duration{} || (!points.empty() && point.after <= points.back().after)) {
      r.fail(fmt::format("is \"{}\"; expected points in rising time", text));
    }
    points.push_back(point);
    if (comma == std::string_view::npos) return points;
    rest.remove_prefix(comma + 1);
  }
}

void apply(const Reader& r, std::string_view setting, ContainerBehavior& out) {
  const std::string text(trim(r.text()));
  if (setting == "run-time") {
    out.run_time.reset();
    if (text != "forever") out.run_time = Distribution::parse(text, r.where());
  } else if (setting == "exit-code") {
    out.exit_code = exit_code(r, text, 0);
  } else if (setting == "start-up-time") {
    out.start_up = Distribution::parse(text, r.where());
  } else if (setting == "memory") {
    out.memory = use_curve(r, text);
  } else if (setting == "disk") {
    out.disk = use_curve(r, text);
  } else if (setting == "empty-dir") {
    out.empty_dir = use_curve(r, text);
  } else if (setting == "cpu") {
    out.cpu_milli = parse_cpu_milli(text, r.where());
  } else if (setting == "stop-time") {
    out.stop_time = Distribution::parse(text, r.where());
  } else if (setting == "crash-hazard") {
    out.crash_hazard_per_second = hazard_per_second(r, text);
  } else if (setting == "crash-exit-code") {
    out.crash_exit_code = exit_code(r, text, 1);
  } else {
    const std::vector<std::string> known = {"run-time",        "exit-code", "start-up-time", "memory", "crash-hazard",
                                            "crash-exit-code", "cpu",       "stop-time",     "disk",   "empty-dir"};
    r.fail(fmt::format("is no setting of berth.dev; expected one of {}{}", fmt::join(known, ", "),
                       did_you_mean(setting, known)));
  }
}

// An emptyDir on disk.
bool mounts_empty_dir(const kube::api::Pod& pod, const ContainerSpec& container) {
  return std::any_of(container.volume_mounts.begin(), container.volume_mounts.end(), [&](const auto& mount) {
    return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [&](const auto& volume) {
      return volume.name == mount.volume && volume.type == "emptyDir" && !volume.in_memory;
    });
  });
}

}  // namespace

void read_behavior(const Reader* annotations, kube::api::Pod& pod) {
  const bool tasks = pod.spec.restart_policy != RestartPolicy::kAlways;
  for (ContainerSpec& container : pod.spec.containers) {
    const bool ends = container.restart_policy ? *container.restart_policy != RestartPolicy::kAlways : tasks;
    if (ends) container.behavior.run_time = Distribution::constant(kDefaultTaskRunSeconds);
  }
  for (ContainerSpec& container : pod.spec.init_containers) {
    const bool sidecar = container.restart_policy == RestartPolicy::kAlways;
    if (!sidecar) container.behavior.run_time = Distribution::constant(kDefaultInitRunSeconds);
  }
  if (annotations == nullptr) return;

  // First those for all containers, then those for one.
  for (const bool for_one : {false, true}) {
    for (const auto& [key, value] : annotations->json().items()) {
      const std::size_t slash = key.find('/');
      if (slash == std::string::npos) continue;
      const std::string_view prefix = std::string_view(key).substr(0, slash);
      const std::string_view setting = std::string_view(key).substr(slash + 1);
      const Reader r(*annotations, key, value);
      if (prefix == kDomain) {
        if (for_one) continue;
        bool any = false;
        for (ContainerSpec& container : pod.spec.containers) {
          apply(r, setting, container.behavior);
          any = any || mounts_empty_dir(pod, container);
        }
        if (setting == "empty-dir" && !any) {
          r.fail("is for a volume that no container mounts; expected a mount of an emptyDir on disk");
        }
        continue;
      }
      if (!for_one || !prefix.ends_with(kDomain) || prefix[prefix.size() - kDomain.size() - 1] != '.') continue;
      const std::string_view wanted = prefix.substr(0, prefix.size() - kDomain.size() - 1);
      std::vector<std::string> names;
      bool found = false;
      const auto look = [&](const std::vector<kube::Container>& named, std::vector<ContainerSpec>& specs) {
        for (std::size_t i = 0; i < named.size(); ++i) {
          names.push_back(named[i].name);
          if (named[i].name != wanted) continue;
          apply(r, setting, specs[i].behavior);
          if (setting == "empty-dir" && !mounts_empty_dir(pod, specs[i])) {
            r.fail(fmt::format(
                "is for a volume that container \"{}\" does not mount; expected a mount of an emptyDir on disk",
                wanted));
          }
          found = true;
        }
      };
      look(pod.scheduling.containers, pod.spec.containers);
      look(pod.scheduling.init_containers, pod.spec.init_containers);
      if (!found) {
        r.fail(fmt::format("is for a container \"{}\"; expected one of {}{}", wanted, fmt::join(names, ", "),
                           did_you_mean(wanted, names)));
      }
    }
  }
}

}  // namespace berth::manifest

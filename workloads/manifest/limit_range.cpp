#include "workloads/manifest/limit_range.hpp"

#include <fmt/format.h>

#include "sim/cluster/quantity.hpp"

namespace berth::manifest {

using kube::Quantity;
using kube::ResourceList;
using kube::api::LimitRange;
using kube::api::Pod;

namespace {

void fill(const ResourceList& from, ResourceList& to) {
  for (const auto& [name, amount] : from) {
    if (to.find(name) == nullptr) to.set(name, amount);
  }
}

void join(std::string& out, const std::string& what) {
  if (!out.empty()) out += ", ";
  out += what;
}

// One item's bounds on one set of requests and limits; `what` is Container, Pod or PersistentVolumeClaim.
void check(const LimitRange::Item& item, const char* what, const ResourceList& requests, const ResourceList& limits,
           std::string& out) {
  const auto say = [&](const char* bound, const std::string& name, Quantity enforced, const std::string& but) {
    join(out, fmt::format("{} {} usage per {} is {}{}", bound, name, what, format_amount(name, enforced), but));
  };
  for (const auto& [name, enforced] : item.min) {
    const Quantity* request = requests.find(name);
    const Quantity* limit = limits.find(name);
    if (request == nullptr) {
      say("minimum", name, enforced, ".  No request is specified");
    } else if (*request < enforced) {
      say("minimum", name, enforced, fmt::format(", but request is {}", format_amount(name, *request)));
    } else if (limit != nullptr && *limit < enforced) {
      say("minimum", name, enforced, fmt::format(", but limit is {}", format_amount(name, *limit)));
    }
  }
  for (const auto& [name, enforced] : item.max) {
    const Quantity* request = requests.find(name);
    const Quantity* limit = limits.find(name);
    if (limit == nullptr) {
      say("maximum", name, enforced, ".  No limit is specified");
    } else if (enforced < *limit) {
      say("maximum", name, enforced, fmt::format(", but limit is {}", format_amount(name, *limit)));
    } else if (request != nullptr && enforced < *request) {
      say("maximum", name, enforced, fmt::format(", but request is {}", format_amount(name, *request)));
    }
  }
  for (const auto& [name, enforced] : item.max_ratio) {
    const Quantity* request = requests.find(name);
    const Quantity* limit = limits.find(name);
    const std::string most =
        fmt::format("{} max limit to request ratio per {} is {}", name, what, format_amount("cpu", enforced));
    if (request == nullptr || request->nano == 0) {
      join(out, most + ", but no request is specified or request is 0");
    } else if (limit == nullptr || limit->nano == 0) {
      join(out, most + ", but no limit is specified or limit is 0");
    } else {
      const double ratio = static_cast<double>(limit->nano) / static_cast<double>(request->nano);
      if (ratio * 1000 > static_cast<double>(enforced.milli_value())) {
        join(out, fmt::format("{}, but provided ratio is {:f}", most, ratio));
      }
    }
  }
}

}  // namespace

std::string format_amount(std::string_view resource, Quantity amount) {
  if (resource == "cpu" || resource.ends_with(".cpu")) return format_cpu(amount.milli_value());
  const bool bytes = resource.ends_with("memory") || resource.ends_with("storage") ||
                     resource.find("hugepages-") != std::string_view::npos;
  return bytes ? format_bytes(amount.value()) : std::to_string(amount.value());
}

void apply_limit_defaults(const LimitRange& range, Pod& pod) {
  ResourceList limits;
  ResourceList requests;
  for (const LimitRange::Item& item : range.items) {
    if (item.type != LimitRange::Type::kContainer) continue;
    for (const auto& [name, amount] : item.default_limits) limits.set(name, amount);
    for (const auto& [name, amount] : item.default_requests) requests.set(name, amount);
  }
  for (auto* containers : {&pod.scheduling.containers, &pod.scheduling.init_containers}) {
    for (kube::Container& container : *containers) {
      fill(limits, container.limits);
      fill(requests, container.requests);
    }
  }
}

std::string check_limits(const LimitRange& range, const Pod& pod) {
  std::string out;
  for (const LimitRange::Item& item : range.items) {
    if (item.type == LimitRange::Type::kContainer) {
      for (const auto* containers : {&pod.scheduling.containers, &pod.scheduling.init_containers}) {
        for (const kube::Container& c : *containers) check(item, "Container", c.requests, c.limits, out);
      }
    }
    if (item.type == LimitRange::Type::kPod) {
      kube::Pod whole;  // Without overhead, which is no container's.
      whole.containers = pod.scheduling.containers;
      whole.init_containers = pod.scheduling.init_containers;
      const ResourceList requests = kube::pod_requests(whole, {.pod_level = false});
      for (auto* containers : {&whole.containers, &whole.init_containers}) {
        for (kube::Container& c : *containers) c.requests = c.limits;  // Limits add up as requests do.
      }
      check(item, "Pod", requests, kube::pod_requests(whole, {.pod_level = false}), out);
    }
  }
  return out;
}

std::string check_limits(const LimitRange& range, const kube::api::PersistentVolumeClaim& claim) {
  std::string out;
  ResourceList requests;
  if (claim.scheduling.request) requests.set("storage", *claim.scheduling.request);
  for (const LimitRange::Item& item : range.items) {
    if (item.type != LimitRange::Type::kClaim) continue;
    // A claim has no limits that count: its request is held against both bounds.
    check(item, "PersistentVolumeClaim", requests, requests, out);
  }
  return out;
}

}  // namespace berth::manifest

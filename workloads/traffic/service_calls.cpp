#include "workloads/traffic/service_calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "sim/engine/error.hpp"
#include "workloads/traffic/arrivals.hpp"

namespace berth {

namespace api = kube::api;

namespace {

constexpr Duration kPatience = seconds(10);

bool in_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool names_an_address(std::string_view variable) {
  static constexpr std::array kEndings{"HOST", "ADDR", "ADDRESS", "ENDPOINT", "URL", "URI", "SERVER"};
  return std::ranges::any_of(kEndings, [&](std::string_view e) { return variable.ends_with(e); });
}

// Calls f(host) for each address in the text. `whole`: the text as such may be one.
template <class F>
void each_host(std::string_view text, bool whole, F&& f) {
  for (std::size_t at = 0; at < text.size();) {
    if (!in_host(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && in_host(text[end])) ++end;
    const std::string_view before = text.substr(0, at);
    const bool port = end + 1 < text.size() && text[end] == ':' && text[end + 1] >= '0' && text[end + 1] <= '9';
    if (port || before.ends_with("//") || before.ends_with("@") || (whole && at == 0 && end == text.size())) {
      f(text.substr(at, end - at));
    }
    at = end;
  }
}

class Finder {
 public:
  explicit Finder(const manifest::Manifests& manifests) : manifests_(manifests) {
    manifests.each<api::Service>([&](const api::Service& service, const auto&) {
      if (!service.has_selector) return;
      objects_.push_back(&service);
      out_.services.push_back({service.meta.key(), {}});
    });
  }

  ServiceCalls find() {
    manifests_.each_pod([&](const api::Pod& pod) {
      for (std::size_t s = 0; s < objects_.size(); ++s) {
        if (objects_[s]->meta.namespace_name != pod.scheduling.namespace_name) continue;
        if (pod.scheduling.labels.has_all(objects_[s]->selector)) read(pod, s);
      }
    });
    return std::move(out_);
  }

 private:
  void read(const api::Pod& pod, std::size_t caller) {
    const auto add = [&](std::string_view host) { call(caller, pod.scheduling.namespace_name, host); };
    for (const api::ContainerSpec& c : pod.spec.containers) {
      for (const api::EnvVar& v : c.env) {
        if (v.source == api::EnvVar::Source::kValue) each_host(v.value, names_an_address(v.name), add);
      }
      for (const std::string& text : c.command) each_host(text, false, add);
      for (const std::string& text : c.args) each_host(text, false, add);
    }
  }

  void call(std::size_t caller, std::string_view own_namespace, std::string_view host) {
    const std::size_t dot = host.find('.');
    const std::string_view name = host.substr(0, dot);
    std::string_view name_space = own_namespace;
    if (dot != std::string_view::npos) {
      name_space = host.substr(dot + 1);
      const std::string_view rest = name_space.substr(std::min(name_space.find('.'), name_space.size()));
      if (!rest.empty() && rest != ".svc" && !rest.starts_with(".svc.")) return;
      name_space = name_space.substr(0, name_space.find('.'));
    }
    const std::string key = fmt::format("{}/{}", name_space, name);
    const auto callee = std::ranges::find(out_.services, key, &ServiceCalls::Service::key) - out_.services.begin();
    const auto number = static_cast<std::size_t>(callee);
    if (number == out_.services.size() || number == caller) return;
    std::vector<std::size_t>& calls = out_.services[caller].calls;
    if (std::ranges::find(calls, number) != calls.end()) return;
    if (reaches(number, caller)) {
      std::string edge = fmt::format("{} → {}", out_.services[caller].key, key);
      if (std::ranges::find(out_.left_out, edge) == out_.left_out.end()) out_.left_out.push_back(std::move(edge));
      return;
    }
    calls.push_back(number);
  }

  bool reaches(std::size_t from, std::size_t to) const {
    std::vector<std::uint8_t> seen(out_.services.size(), 0);
    std::vector<std::size_t> left{from};
    while (!left.empty()) {
      const std::size_t at = left.back();
      left.pop_back();
      if (at == to) return true;
      if (std::exchange(seen[at], std::uint8_t{1}) != 0) continue;
      const std::vector<std::size_t>& calls = out_.services[at].calls;
      left.insert(left.end(), calls.begin(), calls.end());
    }
    return false;
  }

  const manifest::Manifests& manifests_;
  std::vector<const api::Service*> objects_;
  ServiceCalls out_;
};

}  // namespace

ServiceCalls find_service_calls(const manifest::Manifests& manifests) {
  return Finder(manifests).find();
}

TrafficFile plain_traffic(const ServiceCalls& calls, const std::vector<PlainSource>& sources) {
  TrafficFile out;
  out.name = "plain";
  out.topology.location("default");
  out.topology.finish();
  // Services in the order in which requests come to them, callers first found first; others are left out.
  constexpr std::size_t kAbsent = ~std::size_t{0};
  std::vector<std::size_t> number(calls.services.size(), kAbsent);
  std::vector<std::size_t> order;
  const auto number_of = [&](std::size_t service) {
    if (number[service] == kAbsent) {
      number[service] = order.size();
      order.push_back(service);
    }
    return static_cast<ServiceId>(number[service]);
  };
  const auto entry_of = [&](const std::string& name) {
    std::vector<std::string> known;
    for (std::size_t s = 0; s < calls.services.size(); ++s) {
      const std::string& key = calls.services[s].key;
      known.push_back(key.substr(key.find('/') + 1));
      if (known.back() == name || key == name) return s;
    }
    throw InputError(
        fmt::format("traffic goes to the Service \"{}\", which is not among the objects; expected one of them{}", name,
                    did_you_mean(name, known)));
  };
  for (const PlainSource& s : sources) {
    TrafficSource& source = out.sources.emplace_back();
    source.spec.name = s.service;
    source.spec.external = true;
    source.spec.clients = 10'000;
    source.spec.call.service = number_of(entry_of(s.service));
    source.spec.call.timeout = kPatience;
    source.arrivals = poisson_arrivals(s.rate);
  }
  for (std::size_t at = 0; at < order.size(); ++at) {
    const ServiceCalls::Service& service = calls.services[order[at]];
    ServiceWork work;
    work.demand = Distribution::parse("exponential(mean=1ms)", "demand");
    for (const std::size_t callee : service.calls) {
      CallSpec call;
      call.service = number_of(callee);
      call.timeout = kPatience;
      work.groups.push_back({call});
    }
    out.services.push_back({service.key, std::move(work)});
  }
  return out;
}

PlainSource parse_plain_source(const std::string& text, const std::string& what) {
  const std::size_t sign = text.find('=');
  const std::optional<double> rate =
      sign == std::string::npos ? std::nullopt : parse_rate(std::string_view(text).substr(sign + 1));
  if (!rate || *rate == 0 || *rate > 1e9 || sign == 0) {
    throw InputError(
        fmt::format("{} is \"{}\"; expected SERVICE=RATE, as in front=100/s (units s, m, h, d)", what, text));
  }
  return {text.substr(0, sign), *rate};
}

}  // namespace berth

#include "sim/conformance/hpa_conformance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/autoscalers/hpa.hpp"
#include "sim/cluster/quantity.hpp"
#include "sim/engine/error.hpp"
#include "sim/conformance/kube_conformance.hpp"
#include "workloads/kube_json.hpp"

namespace berth::kube {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kSecondsMax = 9'000'000'000;  // Fits 64 bits of nanoseconds.
constexpr std::int64_t kMinInt64 = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();

template <class T>
using Words = std::vector<std::pair<const char*, T>>;

template <class T>
T word(const Reader& r, const Words<T>& words) {
  const std::string text = r.text();
  std::vector<std::string> candidates;
  for (const auto& [name, value] : words) {
    if (text == name) return value;
    candidates.emplace_back(name);
  }
  r.fail(fmt::format("is \"{}\"; expected one of {}{}", text, fmt::join(candidates, ", "),
                     did_you_mean(text, candidates)));
}

// The member, or an error if it is missing.
template <class F>
void need(const Reader& object, Fields& fields, const char* key, F&& f) {
  if (!fields.get(key, std::forward<F>(f))) object.fail(fmt::format("has no {}; expected one", key));
}

std::int32_t count(const Reader& r) {
  return static_cast<std::int32_t>(r.integer(0, kMaxInt32));
}

Time time_of(const Reader& r) {
  return Time{} + seconds(r.integer(-kSecondsMax, kSecondsMax));
}

// --- The header ------------------------------------------------------------------------------------------------------

// A metric of the spec with what the recording calls it.
struct NamedMetric {
  HpaMetricSpec spec;
  std::string type;
  std::string name;
  std::string resource;   // Resource and ContainerResource.
  std::string container;  // ContainerResource.
};

struct Header {
  std::string flavour;
  HpaSpec spec;
  HpaSettings settings;
  std::vector<NamedMetric> metrics;
  std::vector<std::pair<std::string, ResourceList>> containers;  // Name, requests; of every pod.
};

void read_target(const Reader& r, HpaMetricSpec& out) {
  Fields f(r);
  need(r, f, "type", [&](const Reader& v) {
    out.target = word<HpaTargetType>(v, {{"Utilization", HpaTargetType::kUtilization},
                                         {"AverageValue", HpaTargetType::kAverageValue},
                                         {"Value", HpaTargetType::kValue}});
  });
  const bool outer = out.type == HpaMetricType::kObject || out.type == HpaMetricType::kExternal;
  if (out.target == (outer ? HpaTargetType::kUtilization : HpaTargetType::kValue) ||
      (out.type == HpaMetricType::kPods && out.target != HpaTargetType::kAverageValue)) {
    r.fail(
        "has a type that this metric does not take; expected AverageValue, or Utilization of a resource, or Value "
        "of an object or external metric");
  }
  const auto quantity = [&](const Reader& v) { out.target_value = v.quantity("").milli_value(); };
  switch (out.target) {
    case HpaTargetType::kUtilization:
      need(r, f, "averageUtilization", [&](const Reader& v) { out.target_value = v.integer(1, kMaxInt32); });
      break;
    case HpaTargetType::kAverageValue:
      need(r, f, "averageValue", quantity);
      break;
    case HpaTargetType::kValue:
      need(r, f, "value", quantity);
      break;
  }
  if (out.target_value <= 0) r.fail("is not positive; expected more than 0");
}

void read_metric(const Reader& r, NamedMetric& out) {
  Fields f(r);
  need(r, f, "type", [&](const Reader& v) {
    out.type = v.text();
    out.spec.type = word<HpaMetricType>(v, {{"Resource", HpaMetricType::kResource},
                                            {"ContainerResource", HpaMetricType::kContainerResource},
                                            {"Pods", HpaMetricType::kPods},
                                            {"Object", HpaMetricType::kObject},
                                            {"External", HpaMetricType::kExternal}});
  });
  const bool resource = out.spec.type == HpaMetricType::kResource || out.spec.type == HpaMetricType::kContainerResource;
  std::string key = out.type;
  key.front() = static_cast<char>(key.front() - 'A' + 'a');
  need(r, f, key.c_str(), [&](const Reader& source) {
    Fields s(source);
    if (resource) {
      need(source, s, "name", [&](const Reader& v) { out.resource = v.text(); });
      out.name = out.resource;
    } else {
      need(source, s, "metric", [&](const Reader& v) {
        Fields m(v);
        need(v, m, "name", [&](const Reader& name) { out.name = name.text(); });
        m.ignore({"selector"});
      });
    }
    if (out.spec.type == HpaMetricType::kContainerResource) {
      need(source, s, "container", [&](const Reader& v) { out.container = v.text(); });
      out.name = out.resource + "/" + out.container;
    }
    need(source, s, "target", [&](const Reader& v) { read_target(v, out.spec); });
    s.ignore({"describedObject"});
  });
  out.spec.cpu = out.resource == "cpu";
}

// Quantity.AsApproximateFloat64 of the canonical form: a whole number times a power of a thousand, in this order.
double read_tolerance(const Reader& r) {
  std::int64_t n = parse_quantity(r.text(), r.where(), 9);
  if (n < 0) r.fail("is negative; expected 0 or more");
  for (const double unit : {1e-9, 1e-6, 1e-3}) {
    if (n % 1000 != 0) return static_cast<double>(n) * unit;
    n /= 1000;
  }
  return static_cast<double>(n);
}

void read_rules(const Reader& r, HpaScalingRules& out) {
  Fields f(r);
  f.get("stabilizationWindowSeconds", [&](const Reader& v) { out.stabilization_window_seconds = count(v); });
  f.get("selectPolicy", [&](const Reader& v) {
    out.select = word<HpaScalingRules::Select>(v, {{"Max", HpaScalingRules::Select::kMax},
                                                   {"Min", HpaScalingRules::Select::kMin},
                                                   {"Disabled", HpaScalingRules::Select::kDisabled}});
  });
  f.get("tolerance", [&](const Reader& v) { out.tolerance = read_tolerance(v); });
  f.get("policies", [&](const Reader& list) {
    out.policies.clear();
    list.each([&](const Reader& item) {
      HpaScalingPolicy& policy = out.policies.emplace_back();
      Fields p(item);
      need(item, p, "type", [&](const Reader& v) {
        policy.type = word<HpaScalingPolicy::Type>(
            v, {{"Pods", HpaScalingPolicy::Type::kPods}, {"Percent", HpaScalingPolicy::Type::kPercent}});
      });
      need(item, p, "value", [&](const Reader& v) { policy.value = count(v); });
      need(item, p, "periodSeconds", [&](const Reader& v) { policy.period_seconds = count(v); });
    });
  });
}

void read_spec(const Reader& r, Header& out) {
  Fields f(r);
  f.ignore({"scaleTargetRef"});
  f.get("minReplicas", [&](const Reader& v) { out.spec.min_replicas = count(v); });
  need(r, f, "maxReplicas", [&](const Reader& v) { out.spec.max_replicas = count(v); });
  need(r, f, "metrics", [&](const Reader& list) {
    out.spec.metrics.clear();
    list.each([&](const Reader& item) {
      read_metric(item, out.metrics.emplace_back());
      out.spec.metrics.push_back(out.metrics.back().spec);
    });
  });
  f.get("behavior", [&](const Reader& v) {
    HpaBehavior& behavior = out.spec.behavior.emplace();
    Fields b(v);
    b.get("scaleUp", [&](const Reader& rules) { read_rules(rules, behavior.scale_up); });
    b.get("scaleDown", [&](const Reader& rules) { read_rules(rules, behavior.scale_down); });
  });
  const bool outer = std::any_of(out.spec.metrics.begin(), out.spec.metrics.end(), [](const HpaMetricSpec& m) {
    return m.type == HpaMetricType::kObject || m.type == HpaMetricType::kExternal;
  });
  if (out.spec.metrics.empty()) r.fail("has no metrics; expected the spec with its defaults filled in");
  if (out.spec.max_replicas < std::max(1, out.spec.min_replicas) || (out.spec.min_replicas == 0 && !outer)) {
    r.fail(
        "has limits that the API server refuses; expected 1 <= maxReplicas >= minReplicas, and a minimum of 0 only "
        "with an Object or External metric");
  }
}

void read_settings(const Reader& r, HpaSettings& out) {
  Fields f(r);
  for (const auto& [key, setting] :
       {std::pair{"syncPeriodSeconds", &HpaSettings::sync_period},
        std::pair{"downscaleStabilizationSeconds", &HpaSettings::downscale_stabilization},
        std::pair{"cpuInitializationPeriodSeconds", &HpaSettings::cpu_initialization_period},
        std::pair{"initialReadinessDelaySeconds", &HpaSettings::initial_readiness_delay}}) {
    f.get(key, [&, member = setting](const Reader& v) { out.*member = seconds(count(v)); });
  }
  f.get("tolerance", [&](const Reader& v) {
    if (!v.json().is_number()) v.fail("is no number; expected one");
    out.tolerance = v.json().get<double>();
  });
}

Header read_header(const Json& document, const JsonSource& source) {
  const Reader root(source, document);
  Header out;
  Fields f(root);
  f.text("flavour", out.flavour);
  f.ignore({"kind", "kubernetesVersion", "seed", "hpa"});
  f.get("controller", [&](const Reader& v) { read_settings(v, out.settings); });
  need(root, f, "effectiveSpec", [&](const Reader& v) { read_spec(v, out); });
  f.get("containers", [&](const Reader& list) {
    list.each([&](const Reader& item) {
      auto& [name, requests] = out.containers.emplace_back();
      Fields c(item);
      c.text("name", name);
      c.get("resources", [&](const Reader& v) {
        Fields resources(v);
        resources.get("requests", [&](const Reader& list_of) { requests = list_of.resources(); });
        resources.ignore({"limits"});
      });
    });
  });
  return out;
}

// What each pod requests, for one metric; kNoRequest if one of its containers does not say.
std::int64_t request_of(const Header& header, const NamedMetric& metric) {
  std::int64_t sum = 0;
  bool found = metric.container.empty();
  for (const auto& [name, requests] : header.containers) {
    if (!metric.container.empty() && name != metric.container) continue;
    found = true;
    const Quantity* request = requests.find(metric.resource);
    if (request == nullptr) return kNoRequest;
    sum = wrapping_add(sum, request->milli_value());
  }
  return found ? sum : kNoRequest;
}

// --- A sync ----------------------------------------------------------------------------------------------------------

// The columns that one line fills; kept from line to line for their memory.
struct Line {
  struct Samples {
    std::vector<std::int64_t> value;
    std::vector<Time> time;
    std::vector<Duration> window;
    std::vector<std::int64_t> request;
    std::vector<std::int64_t> outer;
  };
  std::vector<ScaledPods::Phase> phase;
  std::vector<std::uint8_t> deleted;
  std::vector<Time> start;
  std::vector<ScaledPods::Ready> ready;
  std::vector<Time> ready_transition;
  std::vector<Samples> samples;  // By metric.
  std::vector<HpaMetricValue> metrics;
  HpaObservation observation;
  std::int32_t desired = 0;
};

void read_pod(const Reader& r, const Header& header, Line& line) {
  line.phase.push_back(ScaledPods::Phase::kUnknown);
  line.deleted.push_back(0);
  line.start.push_back(kNever);
  line.ready.push_back(ScaledPods::Ready::kAbsent);
  line.ready_transition.push_back(Time{});
  for (Line::Samples& s : line.samples) {
    s.value.push_back(kNoSample);
    s.time.push_back(Time{});
    s.window.push_back(Duration{});
  }
  Fields f(r);
  f.ignore({"name"});
  need(r, f, "phase", [&](const Reader& v) {
    line.phase.back() = word<ScaledPods::Phase>(v, {{"Pending", ScaledPods::Phase::kPending},
                                                    {"Running", ScaledPods::Phase::kRunning},
                                                    {"Succeeded", ScaledPods::Phase::kSucceeded},
                                                    {"Failed", ScaledPods::Phase::kFailed},
                                                    {"Unknown", ScaledPods::Phase::kUnknown}});
  });
  f.get("start", [&](const Reader& v) { line.start.back() = time_of(v); });
  f.get("ready", [&](const Reader& v) {
    line.ready.back() = v.boolean() ? ScaledPods::Ready::kTrue : ScaledPods::Ready::kFalse;
  });
  f.get("readyTransition", [&](const Reader& v) { line.ready_transition.back() = time_of(v); });
  f.get("deleted", [&](const Reader& v) { line.deleted.back() = v.boolean() ? 1 : 0; });
  f.get("samples", [&](const Reader& v) {
    Fields samples(v);
    samples.ignore_rest();
    for (std::size_t i = 0; i < header.metrics.size(); ++i) {
      samples.get(header.metrics[i].name.c_str(), [&](const Reader& sample) {
        Fields s(sample);
        need(sample, s, "value",
             [&](const Reader& n) { line.samples[i].value.back() = n.integer(kMinInt64 + 1, kMaxInt64); });
        s.get("time", [&](const Reader& n) { line.samples[i].time.back() = time_of(n); });
        s.get("window", [&](const Reader& n) { line.samples[i].window.back() = seconds(count(n)); });
      });
    }
  });
}

void read_sync(const Reader& r, const Header& header, Line& line) {
  line.phase.clear();
  line.deleted.clear();
  line.start.clear();
  line.ready.clear();
  line.ready_transition.clear();
  line.samples.resize(header.metrics.size());
  for (Line::Samples& s : line.samples) {
    s.value.clear();
    s.time.clear();
    s.window.clear();
    s.outer.clear();
  }
  HpaObservation& o = line.observation;
  Fields f(r);
  f.ignore({"currentMetrics", "conditions"});
  need(r, f, "kind", [](const Reader& v) {
    if (v.text() != "Sync") v.fail("is no sync; expected \"Sync\"");
  });
  need(r, f, "time", [&](const Reader& v) { o.now = time_of(v); });
  need(r, f, "specReplicas", [&](const Reader& v) { o.spec_replicas = count(v); });
  need(r, f, "statusReplicas", [&](const Reader& v) { o.status_replicas = count(v); });
  need(r, f, "desiredReplicas", [&](const Reader& v) { line.desired = count(v); });
  need(r, f, "pods", [&](const Reader& list) { list.each([&](const Reader& item) { read_pod(item, header, line); }); });
  std::vector<std::int64_t> object;
  std::vector<std::int64_t> external;
  f.get("objectMetric", [&](const Reader& v) { object.push_back(v.integer(kMinInt64, kMaxInt64)); });
  f.get("externalMetric", [&](const Reader& list) {
    list.each([&](const Reader& v) { external.push_back(v.integer(kMinInt64, kMaxInt64)); });
  });

  o.pods = {line.phase, line.deleted, line.start, line.ready, line.ready_transition};
  line.metrics.clear();
  for (std::size_t i = 0; i < header.metrics.size(); ++i) {
    Line::Samples& s = line.samples[i];
    if (header.metrics[i].spec.type == HpaMetricType::kObject) s.outer = object;
    if (header.metrics[i].spec.type == HpaMetricType::kExternal) s.outer = external;
    s.request.assign(line.phase.size(), request_of(header, header.metrics[i]));
    line.metrics.push_back({{s.value, s.time, s.window, s.request}, s.outer});
  }
  o.metrics = line.metrics;
}

Json own_metrics(const Header& header, const HpaDecision& decision) {
  Json list = Json::array();
  for (std::size_t i = 0; i < decision.metrics.size(); ++i) {
    const HpaProposal& proposal = decision.metrics[i];
    if (proposal.error != HpaMetricError::kNone) continue;
    Json metric = {{"type", header.metrics[i].type}, {"name", header.metrics[i].name}};
    const HpaMetricStatus& s = proposal.status;
    if (s.average_utilization) metric["averageUtilization"] = *s.average_utilization;
    if (s.average_value_milli) metric["averageValue"] = *s.average_value_milli;
    if (s.value_milli) metric["value"] = *s.value_milli;
    list.push_back(std::move(metric));
  }
  return list.empty() ? Json() : list;
}

Json own_conditions(const HpaConditions& conditions) {
  Json list = Json::array();
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    if (!conditions[i].present) continue;
    list.push_back({{"type", to_string(static_cast<HpaConditionType>(i))},
                    {"status", conditions[i].status ? "True" : "False"},
                    {"reason", to_string(conditions[i].reason)}});
  }
  return list;
}

Json member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? Json() : *it;
}

Json in_order(Json list) {
  if (list.is_array()) std::sort(list.begin(), list.end());
  return list;
}

class Checker {
 public:
  Checker(const std::string& file, Header header)
      : file_(file), header_(std::move(header)), hpa_(header_.spec, header_.settings) {
    out_.flavour = header_.flavour;
  }

  void sync(const Json& document, std::size_t number) {
    const JsonSource source{file_, number, nullptr, nullptr};
    read_sync(Reader(source, document), header_, line_);
    const HpaObservation& o = line_.observation;
    ++out_.compared;
    bool same = true;
    const auto compare = [&](const char* key, const Json& expected, const Json& got) {
      if (expected == got) return;
      same = false;
      if (out_.differences.size() >= kMaxDifferences) return;
      out_.differences.push_back(
          {file_, number, fmt::format("sync at {} s", o.now.ns / seconds(1).ns), key, expected.dump(), got.dump()});
    };
    Hpa own = hpa_;
    const HpaDecision decision = own.sync(o);
    compare("desiredReplicas", line_.desired, decision.desired_replicas);
    compare("currentMetrics", in_order(member(document, "currentMetrics")), in_order(own_metrics(header_, decision)));
    compare("conditions", in_order(member(document, "conditions")), in_order(own_conditions(own.conditions())));
    if (same) ++out_.equal;
    if (decision.desired_replicas == line_.desired) {
      hpa_ = std::move(own);
    } else {  // What was done counts, not what would have been.
      hpa_.decide(o);
      if (line_.desired != o.spec_replicas) hpa_.rescaled(o.spec_replicas, line_.desired, o.now);
    }
  }

  Conformance take() { return std::move(out_); }

 private:
  std::string file_;
  Header header_;
  Hpa hpa_;
  Line line_;
  Conformance out_;
};

}  // namespace

Conformance check_hpa_conformance(const std::string& text, const std::string& file) {
  std::optional<Checker> checker;
  std::size_t number = 0;
  std::size_t syncs = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    const Json document = parse_json(line, file, number);
    if (checker) {
      checker->sync(document, number);
      ++syncs;
      continue;
    }
    const JsonSource source{file, number, nullptr, nullptr};
    if (!document.is_object() || member(document, "kind") != "HPAScenario") {
      throw InputError(fmt::format("{}:{}: is no header of a recording; expected kind: HPAScenario", file, number));
    }
    checker.emplace(file, read_header(document, source));
  }
  if (syncs == 0) throw InputError(file + ": has no recorded syncs; expected a header and some below it");
  return checker->take();
}

}  // namespace berth::kube

#include "workloads/traffic/traffic_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sim/engine/error.hpp"
#include "workloads/traffic/call_spans.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr double kMostRate = 1e9;

class TrafficReader {
 public:
  explicit TrafficReader(const std::filesystem::path& base) : base_(base) {}

  TrafficFile read(const YamlValue& document) {
    const YamlMap map = document.map(
        {"apiVersion", "kind", "name", "fidelity", "interval", "topology", "services", "spans", "sources"});
    map.at("apiVersion").choice({"berth.dev/v1alpha1"});
    map.at("kind").choice({"Traffic"});
    out_.name = map.at("name").text();
    if (const auto v = map.find("fidelity")) out_.fluid = v->choice({"requests", "fluid"}) == 1;
    if (const auto v = map.find("interval")) {
      out_.interval = v->duration();
      if (out_.interval < milliseconds(100)) v->fail("is " + to_string(out_.interval) + "; expected 100ms or more");
    }
    read_topology(map.find("topology"));
    read_services(map);
    for (const YamlValue& item : map.at("sources").list()) read_source(item);
    return std::move(out_);
  }

 private:
  std::filesystem::path input(const YamlValue& value) {
    std::filesystem::path path = base_ / value.text();
    out_.inputs.push_back(path.string());
    return path;
  }

  // ---- topology
  static Hop read_hop(const YamlMap& map, const char* latency, Hop hop) {
    if (const auto v = map.find(latency)) hop.latency = v->duration();
    if (const auto v = map.find("bandwidth")) {
      const std::int64_t bytes = v->bytes();
      if (bytes == 0) v->fail("is 0; expected bytes per second, more than 0");
      hop.ns_per_byte = 1e9 / static_cast<double>(bytes);
    }
    return hop;
  }
  LocationId known_location(const YamlValue& value) {
    if (std::ranges::find(locations_, value.text()) == locations_.end()) {
      value.fail(fmt::format("is \"{}\"; expected a location of this topology{}", value.text(),
                             did_you_mean(value.text(), locations_)));
    }
    return out_.topology.location(value.text());
  }
  void read_topology(const std::optional<YamlValue>& value) {
    if (!value) {
      locations_.push_back("default");
      out_.topology.location("default");
      out_.topology.finish();
      return;
    }
    const YamlMap map = value->map({"sameHost", "locations", "links"});
    if (const auto v = map.find("sameHost")) {
      out_.topology.set_same_host(read_hop(v->map({"latency", "bandwidth"}), "latency", out_.topology.same_host()));
    }
    const auto places = map.at("locations").entries();
    if (places.size() > 0xFFFE) map.at("locations").fail("has too many entries; expected at most 65534");
    for (const auto& [name, place] : places) {
      locations_.push_back(name);
      const LocationId id = out_.topology.location(name);
      if (place.kind() == YamlNode::Kind::kNull) continue;
      out_.topology.set_within(id, read_hop(place.map({"within", "bandwidth"}), "within", {microseconds(100), 0}));
    }
    if (const auto links = map.find("links")) {
      for (const YamlValue& item : links->list()) {
        const YamlMap link = item.map({"between", "latency", "bandwidth"});
        const auto ends = link.at("between").list();
        if (ends.size() != 2) link.at("between").fail(fmt::format("has {} items; expected two locations", ends.size()));
        link.at("latency");
        out_.topology.link(known_location(ends[0]), known_location(ends[1]), read_hop(link, "latency", {}));
      }
    }
    at_place(*value, [&] { out_.topology.finish(); });
  }

  // ---- services
  void read_services(const YamlMap& map) {
    const auto spans = map.find("spans");
    if (spans) {
      ImportReport report;
      const CallGraph graph = import_call_spans(input(*spans), report);
      for (const TrafficService& service : graph.services) {
        names_.push_back(service.name);
        out_.services.push_back(service);
      }
      out_.reports.emplace_back(spans->text(), std::move(report));
      if (map.has("services")) map.at("services").fail("stands beside spans; expected one of the two");
      return;
    }
    const auto items = map.at("services").list();
    for (const YamlValue& item : items) {  // Names first: a call may look ahead.
      const YamlMap service =
          item.map({"name", "demand", "discipline", "concurrency", "blocking", "queueLimit", "calls", "objective"});
      const std::string& name = service.at("name").text();
      if (std::ranges::find(names_, name) != names_.end()) {
        service.at("name").fail(fmt::format("is \"{}\", as another one's; expected names that differ", name));
      }
      names_.push_back(name);
    }
    if (names_.empty()) map.at("services").fail("is empty; expected one Service or more");
    for (const YamlValue& item : items) {
      const YamlMap service =
          item.map({"name", "demand", "discipline", "concurrency", "blocking", "queueLimit", "calls", "objective"});
      TrafficService read{service.at("name").text(), {}, read_objective(service)};
      read.work.demand = service.at("demand").distribution();
      if (const auto v = service.find("discipline")) {
        read.work.discipline =
            v->choice({"processor-sharing", "fcfs"}) == 0 ? Discipline::kProcessorSharing : Discipline::kFcfs;
      }
      if (const auto v = service.find("concurrency")) {
        read.work.concurrency = static_cast<std::uint32_t>(v->integer(1, 0xFFFF'FFFE));
      } else if (read.work.discipline == Discipline::kFcfs) {
        service.at("discipline").fail("is fcfs without workers; expected \"concurrency\" beside it");
      }
      if (const auto v = service.find("blocking")) read.work.blocking = v->boolean();
      if (const auto v = service.find("queueLimit")) {
        read.work.queue_limit = static_cast<std::uint32_t>(v->integer(0, 0xFFFF'FFFE));
      }
      if (const auto v = service.find("calls")) {
        for (const YamlValue& step : v->list()) {
          auto& group = read.work.groups.emplace_back();
          if (step.is_map()) {
            group.push_back(read_call(step));
          } else {
            for (const YamlValue& call : step.list()) group.push_back(read_call(call));
          }
        }
      }
      out_.services.push_back(std::move(read));
    }
  }

  // A budget of nothing could not be used, nor one of everything be missed.
  static TrafficObjective read_objective(const YamlMap& of) {
    TrafficObjective out;
    const auto value = of.find("objective");
    if (!value) return out;
    const YamlMap map = value->map({"availability", "latency", "percentile"});
    const auto share = [](const YamlValue& v) {
      const double percent = v.number(0, 100);
      if (percent == 0 || percent == 100) {
        v.fail(fmt::format("is {}; expected percent, more than 0 and less than 100", percent));
      }
      return percent;
    };
    if (const auto v = map.find("availability")) out.availability = share(*v);
    if (const auto v = map.find("latency")) {
      out.latency = v->duration();
      if (out.latency.ns == 0) v->fail("is 0; expected more than 0");
    }
    if (const auto v = map.find("percentile")) {
      out.percentile = share(*v);
      if (!map.has("latency")) v->fail("stands without a latency; expected latency: 500ms or the like beside it");
    }
    return out;
  }

  CallSpec read_call(const YamlValue& item) {
    return call_of(item.map({"service", "probability", "count", "optional", "timeout", "retries", "retryBudget",
                             "backoff", "requestsPerConnection", "requestBytes", "responseBytes"}));
  }
  CallSpec call_of(const YamlMap& map) {
    CallSpec call;
    const YamlValue service = map.at("service");
    const auto known = std::ranges::find(names_, service.text());
    if (known == names_.end()) {
      service.fail(fmt::format("is \"{}\"; expected a Service of this file{}", service.text(),
                               did_you_mean(service.text(), names_)));
    }
    call.service = static_cast<ServiceId>(known - names_.begin());
    if (const auto v = map.find("probability")) call.probability = v->number(0, 1);
    if (const auto v = map.find("count")) call.count = static_cast<std::uint32_t>(v->integer(1, 1000));
    if (const auto v = map.find("optional")) call.optional = v->boolean();
    if (const auto v = map.find("timeout")) {
      call.timeout = v->duration_or_forever();
      if (call.timeout.ns == 0) v->fail("is 0; expected more than 0, or forever");
    }
    if (const auto v = map.find("retries")) call.retries = static_cast<std::uint32_t>(v->integer(0, 100));
    if (const auto v = map.find("retryBudget")) call.retry_budget = v->number(0, 100);
    if (const auto v = map.find("backoff")) call.backoff = v->duration();
    if (const auto v = map.find("requestsPerConnection")) {
      call.requests_per_connection = static_cast<std::uint32_t>(v->integer(1, 0xFFFF'FFFF));
    }
    if (const auto v = map.find("requestBytes")) call.request_bytes = v->bytes();
    if (const auto v = map.find("responseBytes")) call.response_bytes = v->bytes();
    return call;
  }

  // ---- sources
  void read_source(const YamlValue& item) {
    const YamlMap map =
        item.map({"name", "arrivals", "external", "location", "clients", "service", "timeout", "retries", "retryBudget",
                  "backoff", "requestsPerConnection", "requestBytes", "responseBytes", "objective"});
    TrafficSource source;
    source.spec.name = map.at("name").text();
    source.spec.call = call_of(map);
    if (const auto v = map.find("external")) source.spec.external = v->boolean();
    if (const auto v = map.find("location")) {
      source.spec.location = known_location(*v);
    } else if (source.spec.external && locations_.size() > 1) {
      item.fail("is external without a location; expected where its clients are");
    }
    if (const auto v = map.find("clients")) source.spec.clients = static_cast<std::uint32_t>(v->integer(1, 1 << 20));
    const YamlValue arrivals = map.at("arrivals");
    source.arrivals = read_arrivals(arrivals);
    source.objective = read_objective(map);
    out_.sources.push_back(std::move(source));
  }

  std::shared_ptr<const ArrivalProcess> read_arrivals(const YamlValue& value) {
    const YamlMap any =
        value.map({"kind",     "from", "until",  "rate",   "amplitude", "period", "peak",   "factor", "at",
                   "ramp",     "hold", "decay",  "states", "file",      "time",   "value",  "where",  "perSecond",
                   "timeUnit", "step", "length", "scale",  "meanRate",  "shift",  "repeat", "speed"});
    ArrivalSpan span;
    if (const auto v = any.find("from")) span.from = Time{} + v->duration();
    if (const auto v = any.find("until")) span.until = Time{} + v->duration_or_forever();
    const auto duration = [](const YamlMap& map, const char* key, Duration otherwise) {
      const auto v = map.find(key);
      return v ? v->duration() : otherwise;
    };
    const auto rate = [](const YamlMap& map) { return map.at("rate").number(0, kMostRate); };
    switch (any.at("kind").choice({"constant", "poisson", "diurnal", "flash-crowd", "mmpp", "series", "replay"})) {
      case 0: {
        const YamlMap map = value.map({"kind", "from", "until", "rate"});
        return at_place(value, [&] { return constant_arrivals(rate(map), span); });
      }
      case 1: {
        const YamlMap map = value.map({"kind", "from", "until", "rate"});
        return at_place(value, [&] { return poisson_arrivals(rate(map), span); });
      }
      case 2: {
        const YamlMap map = value.map({"kind", "from", "until", "rate", "amplitude", "period", "peak"});
        DiurnalRate day{rate(map), map.at("amplitude").number(0, 1)};
        day.period = duration(map, "period", day.period);
        day.peak = duration(map, "peak", day.peak);
        return at_place(value, [&] { return diurnal_arrivals(day, span); });
      }
      case 3: {
        const YamlMap map = value.map({"kind", "from", "until", "rate", "factor", "at", "ramp", "hold", "decay"});
        FlashCrowd crowd{rate(map), map.at("factor").number(1, 1e6), Time{} + map.at("at").duration()};
        crowd.ramp = duration(map, "ramp", {});
        crowd.hold = duration(map, "hold", {});
        crowd.decay = duration(map, "decay", {});
        return at_place(value, [&] { return flash_crowd_arrivals(crowd, span); });
      }
      case 4: {
        const YamlMap map = value.map({"kind", "from", "until", "states"});
        std::vector<MmppState> states;
        for (const YamlValue& item : map.at("states").list()) {
          const YamlMap state = item.map({"rate", "sojourn"});
          states.push_back({rate(state), state.at("sojourn").duration()});
        }
        return at_place(value, [&] { return mmpp_arrivals(std::move(states), span); });
      }
      case 5:
        return read_series(value, span);
      default:
        return read_replay(value, span);
    }
  }

  std::shared_ptr<const ArrivalProcess> read_series(const YamlValue& value, ArrivalSpan span) {
    const YamlMap map = value.map({"kind", "from", "until", "file", "time", "value", "where", "perSecond", "timeUnit",
                                   "step", "length", "scale", "meanRate", "shift", "repeat"});
    RateCsvOptions options;
    options.time = map.at("time").text();
    options.value = map.at("value").text();
    if (const auto v = map.find("where")) {
      const auto entries = v->entries();
      if (entries.size() != 1) v->fail(fmt::format("has {} keys; expected one column and its value", entries.size()));
      options.filter = entries[0].first;
      options.keep = entries[0].second.text();
    }
    if (const auto v = map.find("perSecond")) options.per_second = v->boolean();
    options.time_unit = time_unit(map);
    if (const auto v = map.find("step")) options.step = v->duration();
    if (const auto v = map.find("length")) options.length = v->duration();
    ImportReport report;
    const YamlValue file = map.at("file");
    RateSeries series = import_rate_csv(input(file), options, report);
    out_.reports.emplace_back(file.text(), std::move(report));
    return at_place(value, [&] {
      if (const auto v = map.find("scale")) series.scale(v->number(0, 1e12));
      if (const auto v = map.find("meanRate")) series.scale_to_mean(v->number(0, kMostRate));
      if (const auto v = map.find("shift")) series.shift(v->duration());
      const auto repeat = map.find("repeat");
      return series_arrivals(std::move(series), repeat && repeat->boolean(), span);
    });
  }

  std::shared_ptr<const ArrivalProcess> read_replay(const YamlValue& value, ArrivalSpan span) {
    const YamlMap map = value.map({"kind", "from", "until", "file", "time", "timeUnit", "shift", "speed", "repeat"});
    ImportReport report;
    const YamlValue file = map.at("file");
    std::vector<Time> times = import_arrival_csv(input(file), map.at("time").text(), time_unit(map), report);
    out_.reports.emplace_back(file.text(), std::move(report));
    if (const auto v = map.find("shift")) {
      const Duration shift = v->duration();
      for (Time& at : times) at = at + shift;
    }
    const auto speed = map.find("speed");
    const auto repeat = map.find("repeat");
    return at_place(value, [&] {
      return replayed_arrivals(std::move(times), speed ? speed->number(1e-6, 1e6) : 1, repeat && repeat->boolean(),
                               span);
    });
  }

  static Duration time_unit(const YamlMap& map) {
    const auto v = map.find("timeUnit");
    if (!v) return seconds(1);
    const Duration unit = v->duration();
    if (unit.ns == 0) v->fail("is 0; expected more than 0");
    return unit;
  }

  std::filesystem::path base_;
  TrafficFile out_;
  std::vector<std::string> names_;  // Of services.
  std::vector<std::string> locations_;
};

}  // namespace

TrafficFile read_traffic(std::string_view text, const std::string& file, const std::filesystem::path& base) {
  return TrafficReader(base).read(parse_yaml(text, file));
}

TrafficFile read_traffic_file(const std::filesystem::path& path) {
  return read_traffic(read_text_file(path), path.string(), path.parent_path());
}

}  // namespace berth

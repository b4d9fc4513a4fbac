#include "workloads/traffic/call_spans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "sim/engine/error.hpp"
#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kTrace, kStart, kEnd, kParent, kChild, kChildService, kParentService, kParentDuration };

struct Span {
  std::string service;
  std::string parent;
  std::int64_t start = 0;  // Microseconds.
  std::int64_t end = 0;
};
struct Call {
  std::string service;
  std::int64_t start = 0;  // Of the span that the caller sees.
  std::int64_t end = 0;
};
struct Request {
  std::string service;
  std::int64_t length = 0;
  std::vector<Call> calls;
};

std::string key(const CsvReader& csv, std::size_t column) {
  return std::string(csv.text(kTrace)) + "/" + std::string(csv.text(column));
}

// Time that some call covers.
std::int64_t covered(std::vector<Call>& calls) {
  std::ranges::stable_sort(calls, {}, &Call::start);
  std::int64_t sum = 0;
  std::int64_t until = std::numeric_limits<std::int64_t>::min();
  for (const Call& call : calls) {
    sum += std::max<std::int64_t>(0, call.end - std::max(call.start, until));
    until = std::max(until, call.end);
  }
  return sum;
}

struct Service {
  std::vector<Request> requests;
};

TrafficService summarize(const std::string& name, Service& service, const std::vector<std::string>& names) {
  TrafficService out{name, {}};
  const auto n = static_cast<double>(service.requests.size());
  double sum = 0;
  double squares = 0;
  const Request* most = nullptr;
  std::map<std::string, double> seen;
  for (Request& request : service.requests) {
    const auto own = static_cast<double>(std::max<std::int64_t>(0, request.length - covered(request.calls))) * 1e-6;
    sum += own;
    squares += own * own;
    if (most == nullptr || request.calls.size() > most->calls.size()) most = &request;
    for (const Call& call : request.calls) ++seen[call.service];
  }
  const double mean = sum / n;
  const double variance = std::max(0.0, squares / n - mean * mean);
  out.work.demand =
      mean > 0 && variance > 0
          ? Distribution::parse(fmt::format("lognormal(mean={}, cv={})", mean, std::sqrt(variance) / mean), name)
          : Distribution::constant(mean);
  std::int64_t until = std::numeric_limits<std::int64_t>::min();
  std::map<std::string, double> times;
  for (const Call& call : most->calls) ++times[call.service];
  for (const Call& call : most->calls) {
    if (call.start >= until) out.work.groups.emplace_back();
    until = std::max(until, call.end);
    CallSpec spec;
    spec.service = static_cast<ServiceId>(std::ranges::lower_bound(names, call.service) - names.begin());
    spec.probability = std::min(1.0, seen[call.service] / n / times[call.service]);
    out.work.groups.back().push_back(spec);
  }
  return out;
}

}  // namespace

CallGraph import_call_spans(const std::filesystem::path& path, ImportReport& report) {
  report = {};
  CsvReader csv(
      path, {"traceId", "startTime", "endTime", "parentId", "childId", "childMS", "parentMS", "parentDuration"}, {});
  std::map<std::string, Span> spans;         // By trace and span; ordered, so that results have an order.
  std::map<std::string, std::string> roots;  // Parents that are no row's child: trace/span to service.
  std::map<std::string, std::int64_t> root_length;
  std::uint64_t twice = 0;
  while (csv.next()) {
    ++report.rows_read;
    Span span{std::string(csv.text(kChildService)), key(csv, kParent), csv.integer(kStart), csv.integer(kEnd)};
    if (span.end < span.start) csv.fail(kEnd, ", before startTime", "the end of the span");
    roots.emplace(span.parent, csv.text(kParentService));
    root_length.emplace(span.parent, csv.integer(kParentDuration));
    if (spans.emplace(key(csv, kChild), std::move(span)).second) {
      ++report.rows_used;
    } else {
      ++twice;
    }
  }
  if (twice > 0) report.skipped.push_back({"a span that was there before", twice});
  if (spans.empty()) throw InputError(path.string() + ": no spans; expected at least one call");
  for (const auto& [id, span] : spans) roots.erase(id);

  std::map<std::string, Request> requests;  // By the span that begins it.
  for (const auto& [id, service] : roots) requests[id] = {service, root_length[id], {}};
  const auto service_of = [&](const std::string& id) -> const std::string& {
    const auto it = spans.find(id);
    return it == spans.end() ? roots.at(id) : it->second.service;
  };
  for (const auto& [id, span] : spans) {
    if (span.service != service_of(span.parent)) requests[id] = {span.service, span.end - span.start, {}};
  }
  for (const auto& [id, span] : spans) {
    const std::string& caller_service = service_of(span.parent);
    if (span.service == caller_service) continue;
    const auto client = spans.find(span.parent);  // The caller's span around the call, if it has one.
    const Span& seen = client == spans.end() ? span : client->second;
    std::string at = span.parent;
    for (std::size_t steps = 0; !requests.contains(at); ++steps) {
      if (steps > spans.size()) throw InputError(path.string() + ": spans are their own parents; expected a tree");
      at = spans.at(at).parent;
    }
    requests[at].calls.push_back({span.service, seen.start, seen.end});
  }

  std::map<std::string, Service> services;
  for (const auto& [id, request] : requests) services[request.service].requests.push_back(request);
  std::vector<std::string> names;
  for (const auto& [name, service] : services) names.push_back(name);
  CallGraph graph;
  std::vector<bool> called(names.size());
  for (auto& [name, service] : services) {
    graph.services.push_back(summarize(name, service, names));
    for (const auto& group : graph.services.back().work.groups) {
      for (const CallSpec& call : group) called[static_cast<std::size_t>(call.service)] = true;
    }
  }
  for (std::size_t s = 0; s < names.size(); ++s) {
    if (!called[s]) graph.roots.push_back(s);
  }
  report.notes.push_back(
      fmt::format("{} requests to {} services; database work is in the demand of the service that waits for it",
                  requests.size(), names.size()));
  note_columns_not_read(csv, report);
  return graph;
}

}  // namespace berth

// A call graph from recorded spans: the columns of DeathStarBench's collector (traceId, startTime, endTime, parentId,
// childId, childMS, parentMS; microseconds).
#pragma once

#include <filesystem>
#include <vector>

#include "workloads/traffic/traffic_file.hpp"
#include "workloads/workload.hpp"

namespace berth {

struct CallGraph {
  std::vector<TrafficService> services;  // In order of name; CallSpec::service = position.
  std::vector<std::size_t> roots;        // Services that nobody calls.
};

// A span whose service is not its parent's is a request to that service; the spans between are the caller's own, and so
// is its database work, which is in its demand. Per service: demand = what of a request no call covers, lognormal with
// the mean and variance seen; calls = those of the request with most of them, one after another where their spans are
// apart, in parallel where they overlap; a call's probability = the share of requests that made it. Throws InputError
// for spans that are their own parents, and for what CsvReader rejects.
// O(rows log rows).
CallGraph import_call_spans(const std::filesystem::path& path, ImportReport& report);

}  // namespace berth

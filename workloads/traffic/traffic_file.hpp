// `kind: Traffic` (berth.dev/v1alpha1): what requests to Services cost, who calls whom, where requests come from, and
// how far apart machines are. Format: docs/traffic.md.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/traffic/topology.hpp"
#include "sim/traffic/traffic_spec.hpp"
#include "workloads/traffic/arrivals.hpp"
#include "workloads/workload.hpp"

namespace berth {

// A service level objective: `availability` percent of requests are served, and of those `percentile` percent within
// `latency`. For metrics alone; nothing in the run looks at it.
struct TrafficObjective {
  double availability = 99.9;   // > 0 and < 100.
  Duration latency = kForever;  // kForever: no matter how long.
  double percentile = 99;       // > 0 and < 100.
};

struct TrafficService {
  std::string name;  // Of the Service: "shop/front" or "front".
  ServiceWork work;
  TrafficObjective objective = {};
};

struct TrafficSource {
  SourceSpec spec;  // Without nodes: the simulation knows which are where.
  std::shared_ptr<const ArrivalProcess> arrivals;
  TrafficObjective objective = {};
};

struct TrafficFile {
  std::string name;
  Topology topology;  // Finished. One location "default" if the file has none.
  bool fluid = false;
  Duration interval = seconds(10);       // Of the fluid model.
  std::vector<TrafficService> services;  // ServiceId = position.
  std::vector<TrafficSource> sources;
  std::vector<std::string> inputs;                            // Files that were read besides.
  std::vector<std::pair<std::string, ImportReport>> reports;  // Of each of them.
};

// Paths in the text are relative to `base`. Throws InputError with the place of what is wrong.
TrafficFile read_traffic(std::string_view text, const std::string& file, const std::filesystem::path& base);
TrafficFile read_traffic_file(const std::filesystem::path& path);

}  // namespace berth

// A scenario's `workload:`: the pods, read from a trace or a table, or generated. And what is read of nodes and pods
// alike.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"
#include "workloads/yaml.hpp"

namespace berth {

// What the scenario says besides.
struct ScenarioGiven {
  std::filesystem::path base;  // Of relative paths.
  bool fill = false;           // The fill protocol.
  bool kubelet = false;        // Pods run images.
  bool nodes = false;          // It has nodes: those of a trace do not count.
};

struct ScenarioWorkload {
  std::shared_ptr<const Workload> workload;
  std::vector<NodeSpec> nodes;      // Of a trace, unless the scenario has its own.
  ImportReport report;              // Of the source.
  std::vector<std::string> inputs;  // Files read.
  std::vector<std::string> notes;
  std::set<std::string> images;  // That pods run.
};

// `catalog`: what the nodes need is in it by now; the workload's begins with it. Throws InputError with the place.
ScenarioWorkload read_scenario_workload(const YamlValue& value, Catalog catalog, const ScenarioGiven& given);

std::vector<ExtendedAmount> read_extended(const YamlValue& value, Catalog& catalog);
std::vector<Label> read_labels(const YamlValue& value);  // By key.
GpuModelId read_gpu_model(const YamlValue& value, Catalog& catalog);

}  // namespace berth

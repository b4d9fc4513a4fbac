// `berth schedule`: kube-scheduler's decisions for a scenario or a cluster dump. Free of how flags are spelt
// (main.cpp). Throws InputError for bad input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth {

struct ScheduleFlags {
  std::vector<std::string> files;  // Scenarios (*.jsonl[.gz]) or kubectl dumps (JSON, YAML); at least one.
  std::string config;              // KubeSchedulerConfiguration file; replaces the scenario's own.
  bool explain = false;            // Table: scores of the best nodes, or why no node would do.
  std::string output = "table";    // "table" or "jsonl" (the conformance format's decision lines).
  std::string ties = "first";      // "first": what one filter worker would get; "random": uniform, from the seed.
  std::uint64_t seed = 1;
};
// Prints one line (jsonl) or row (table) per decision to standard output; fields that no one looks at to standard
// error.
void schedule_command(const ScheduleFlags& flags);

}  // namespace berth

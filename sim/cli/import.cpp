// berth import and berth generate: anything that gives pods, into Berth's own trace format.
#include <fmt/format.h>

#include <functional>

#include "sim/cli/commands.hpp"
#include "sim/engine/error.hpp"
#include "workloads/batch_jobs.hpp"
#include "workloads/gpu_jobs.hpp"
#include "workloads/nodes_csv.hpp"
#include "workloads/openb.hpp"
#include "workloads/trace.hpp"
#include "workloads/vm_arrivals.hpp"

namespace berth {
namespace {

void print_report(const std::string& what, const ImportReport& report) {
  const char* before = "";
  for (const std::string& line : report.lines()) {
    fmt::print("{}{}{}\n", before, *before == '\0' ? what + ": " : std::string(), line);
    before = "  ";
  }
}

}  // namespace

void import_command(const ImportFlags& flags) {
  const std::vector<std::string> formats{"openb", "batch-jobs", "vm-arrivals", "gpu-jobs"};
  if (flags.files.size() != 1)
    throw InputError(fmt::format("{} files; expected one (nodes go to --nodes)", flags.files.size()));
  const std::string& file = flags.files.front();
  Catalog catalog;
  std::vector<NodeSpec> nodes;
  ImportReport report;
  if (!flags.nodes.empty()) {
    nodes = read_nodes_csv(flags.nodes, catalog, {}, report);
    print_report(flags.nodes, report);
  }
  const auto import = [&]() -> MemoryWorkload {
    if (flags.format == "openb") return import_openb(file, catalog, {.label_qos = flags.label_qos}, report);
    if (flags.format == "batch-jobs") return import_batch_jobs(file, catalog, {}, report);
    if (flags.format == "vm-arrivals") return import_vm_arrivals(file, catalog, {.seed = flags.seed}, report);
    if (flags.format == "gpu-jobs") return import_gpu_jobs(file, catalog, {}, report);
    throw InputError("unknown format \"" + flags.format + "\"; expected " +
                     fmt::format("{}", fmt::join(formats, ", ")) + did_you_mean(flags.format, formats));
  };
  const MemoryWorkload workload = import();
  print_report(file, report);
  TraceInfo info;
  info.workload_name = std::filesystem::path(file).stem().string();
  info.notes = report.notes;
  const std::uint64_t pods = write_trace(flags.output, info, nodes, workload, flags.seed, 0);
  fmt::print("{}: {} pods, {} nodes, {} bytes\n", flags.output, pods, nodes.size(),
             std::filesystem::file_size(flags.output));
}

void generate_command(const GenerateFlags& flags) {
  const auto scenarios = load_scenarios(flags.input);
  if (scenarios.size() != 1) throw InputError(fmt::format("{} scenarios; expected one", scenarios.size()));
  const Scenario& scenario = *scenarios.front();
  TraceInfo info;
  info.workload_name = scenario.name;
  info.notes = scenario.notes;
  const std::uint64_t pods = write_trace(flags.output, info, scenario.nodes, *scenario.workload, flags.seed, 0);
  fmt::print("{}: {} pods, {} nodes, {} bytes\n", flags.output, pods, scenario.nodes.size(),
             std::filesystem::file_size(flags.output));
}

}  // namespace berth

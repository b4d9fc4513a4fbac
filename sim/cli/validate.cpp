// berth validate: reads each file to its end as what it is, and says what is in it or what is wrong. Kubernetes
// manifests are read together, folders and all, into one table.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "results/table.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/compose_run.hpp"
#include "sim/engine/error.hpp"
#include "sim/manifest_scenario.hpp"
#include "sim/study_file.hpp"
#include "workloads/batch_jobs.hpp"
#include "workloads/gpu_jobs.hpp"
#include "workloads/manifest/manifest.hpp"
#include "workloads/nodes_csv.hpp"
#include "workloads/openb.hpp"
#include "workloads/scenario_documents.hpp"
#include "workloads/trace.hpp"
#include "workloads/vm_arrivals.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

std::string rows(const std::string& what, const ImportReport& report, const std::string& made) {
  std::vector<std::string> lines = report.lines();
  std::string text = fmt::format("{}: {}; {}", what, lines.front(), made);
  for (std::size_t i = 1; i < lines.size(); ++i) text += "\n  " + lines[i];
  return text;
}

// By the column that only this kind of table has.
std::string check_csv(const std::string& file) {
  std::ifstream in(file);
  std::string header;
  std::getline(in, header);
  const auto has = [&](std::string_view column) {
    if (!header.empty() && header.back() == '\r') header.pop_back();
    return fmt::format(",{},", header).find(fmt::format(",{},", column)) != std::string::npos;
  };
  Catalog catalog;
  ImportReport report;
  if (has("sn")) {
    const std::size_t n = read_nodes_csv(file, catalog, {}, report).size();
    return rows("node list", report, fmt::format("{} nodes", n));
  }
  if (has("job") && has("cores")) {
    const std::size_t n = import_batch_jobs(file, catalog, {}, report).arrivals().size();
    return rows("batch jobs", report, fmt::format("{} pods", n));
  }
  if (has("vcpu")) {
    const std::size_t n = import_vm_arrivals(file, catalog, {}, report).arrivals().size();
    return rows("VM arrivals", report, fmt::format("{} pods", n));
  }
  if (has("gpus") && has("submit_s")) {
    const std::size_t n = import_gpu_jobs(file, catalog, {}, report).arrivals().size();
    return rows("GPU jobs", report, fmt::format("{} pods", n));
  }
  const std::size_t n = import_openb(file, catalog, {}, report).arrivals().size();
  return rows("openb pod list", report, fmt::format("{} pods", n));
}

std::string describe(const TrafficFile& traffic) {
  return fmt::format("traffic \"{}\": {} Services, {} sources, by {}", traffic.name, traffic.services.size(),
                     traffic.sources.size(), traffic.fluid ? "rates" : "requests");
}

std::string describe(const FaultPlan& plan) {
  std::string text = fmt::format("fault plan \"{}\": {} faults", plan.name, plan.faults.size());
  for (const Fault& fault : plan.faults) text += "\n  " + fault.name;
  return text;
}

std::string describe(const Scenario& scenario) {
  if (scenario.manifests) {
    std::string text = fmt::format("scenario \"{}\": {} nodes; objects:", scenario.name, scenario.nodes.size());
    const char* sign = " ";
    for (const auto& [kind, count] : scenario.manifests->kinds) {
      if (count.modelled > 0) text += fmt::format("{}{} {}", std::exchange(sign, ", "), count.modelled, kind);
    }
    for (const std::string& note : scenario.notes) text += "\n  note: " + note;
    for (const manifest::Notes::Note& note : scenario.manifests->notes.list())
      text += "\n  " + manifest::to_string(note);
    if (scenario.traffic) text += "\n" + describe(*scenario.traffic);
    if (scenario.faults) text += "\n" + describe(*scenario.faults);
    return text;
  }
  const Survey s = survey(*scenario.workload, 1, 0);
  std::string text =
      fmt::format("scenario \"{}\": {} nodes, {} pods (seed 1), {} templates, last arrival at {}", scenario.name,
                  scenario.nodes.size(), s.pods, s.templates.size(), to_string(s.last_arrival - Time{}));
  for (const std::string& note : scenario.notes) text += "\n  note: " + note;
  return text;
}

// A table by kind, then what was refused, then what is not modelled. False if anything was refused.
bool check_manifests(const std::vector<std::string>& paths) {
  manifest::Manifests found = manifest::load_manifests(paths);
  manifest::note_refusals(found);
  TextTable table;
  table.label_header = "kind";
  table.columns = {{"modelled", {}}, {"not modelled", {}}, {"rejected", {}}};
  manifest::KindCount total;
  const auto row = [&table](const std::string& label, const manifest::KindCount& count) {
    table.labels.push_back(label);
    table.columns[0].cells.push_back(std::to_string(count.modelled));
    table.columns[1].cells.push_back(std::to_string(count.not_modelled));
    table.columns[2].cells.push_back(std::to_string(count.rejected));
  };
  for (const auto& [kind, count] : found.kinds) {
    row(kind, count);
    total.modelled += count.modelled;
    total.not_modelled += count.not_modelled;
    total.rejected += count.rejected;
  }
  row("all", total);
  fmt::print("Kubernetes manifests: {} files", found.files);
  if (found.empty_files > 0) fmt::print(", {} of them without objects", found.empty_files);
  fmt::print("\n{}", to_text(table));
  for (const manifest::Rejected& r : found.rejected) fmt::print("rejected: {}\n", r.message);
  for (const manifest::Notes::Note& note : found.notes.list()) fmt::print("{}\n", manifest::to_string(note));
  return found.rejected.empty();
}

std::string check(const std::string& file) {
  const std::string name = std::filesystem::path(file).filename().string();
  if (!std::filesystem::exists(file))
    throw InputError(file + ": no such file; expected a scenario, study, trace or table");
  if (name.ends_with(".csv")) return check_csv(file);
  if (name.ends_with(".yaml") || name.ends_with(".yml")) {
    if (is_study_file(file)) {
      const StudySpec spec = load_study(file);
      return fmt::format("study: {} scenarios, {} policies, {} seeds", spec.scenarios.size(), spec.policies.size(),
                         spec.seeds.size());
    }
    const std::string text = read_text_file(file);
    const std::string_view kind = own_kind(text);
    if (kind == "Traffic") {
      const TrafficFile traffic = read_traffic_file(file);
      std::string about = describe(traffic);
      for (const auto& [source, report] : traffic.reports) about += "\n  " + source + ": " + report.line();
      return about;
    }
    if (kind == "FaultPlan") return describe(read_fault_plan(file));
    return describe(load_scenario(file));
  }
  const TraceWorkload trace(file);
  const Survey s = survey(trace, 1, 0);
  return fmt::format("trace \"{}\" by {}: {} nodes, {} pods, {} templates, last arrival at {}",
                     trace.info().workload_name, trace.info().producer, trace.nodes().size(), s.pods,
                     s.templates.size(), to_string(s.last_arrival - Time{}));
}

}  // namespace

bool validate_command(const std::vector<std::string>& files) {
  bool good = true;
  const auto guarded = [&good](auto&& check_one) {
    try {
      check_one();
    } catch (const InputError& e) {
      good = false;
      std::fflush(stdout);
      fmt::print(stderr, "berth: {}\n", e.what());
    }
  };
  std::vector<std::string> manifests;  // One set: a class in one file serves a pod in another.
  for (const std::string& file : files) {
    guarded([&] {
      std::error_code unreadable;
      if (is_compose({file})) {
        good = check_compose_file(file) && good;
      } else if (std::filesystem::exists(file, unreadable) && is_manifest(file)) {
        manifests.push_back(file);
      } else {
        fmt::print("{}: {}\n", file, check(file));
      }
    });
  }
  if (!manifests.empty()) guarded([&] { good = check_manifests(manifests) && good; });
  return good;
}

}  // namespace berth

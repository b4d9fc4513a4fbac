// From flags to scenarios.
#include <spdlog/spdlog.h>

#include <filesystem>

#include "sim/cli/commands.hpp"
#include "sim/engine/error.hpp"
#include "sim/manifest_scenario.hpp"
#include "workloads/example.hpp"
#include "workloads/nodes_csv.hpp"
#include "workloads/openb.hpp"
#include "workloads/scenario_documents.hpp"
#include "workloads/trace.hpp"
#include "workloads/traffic/service_calls.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

Protocol parse_protocol(const std::string& text) {
  if (text == "replay") return Protocol::kReplay;
  if (text == "fill") return Protocol::kFill;
  const std::vector<std::string> known{"replay", "fill"};
  throw InputError("--protocol is \"" + text + "\"; expected replay or fill" + did_you_mean(text, known));
}

// "openb_pod_list_multigpu30.csv" is the variant multigpu30; any other file goes by its own name.
std::string variant_of(const std::filesystem::path& pods) {
  constexpr std::string_view kPrefix = "openb_pod_list_";
  std::string stem = pods.stem().string();
  if (stem.starts_with(kPrefix) && stem.size() > kPrefix.size()) stem.erase(0, kPrefix.size());
  return stem;
}

Scenario from_files(const InputFlags& flags) {
  Scenario scenario;
  Catalog catalog;
  if (!flags.nodes.empty()) {
    ImportReport report;
    scenario.nodes = read_nodes_csv(flags.nodes, catalog, {}, report);
    scenario.inputs.push_back(flags.nodes);
  }
  if (!flags.trace.empty()) {
    auto trace = std::make_shared<TraceWorkload>(flags.trace, catalog);
    if (scenario.nodes.empty()) scenario.nodes = trace->nodes();
    scenario.name = trace->info().workload_name.empty() ? std::filesystem::path(flags.trace).stem().stem().string()
                                                        : trace->info().workload_name;
    scenario.notes = trace->info().notes;
    scenario.workload = std::move(trace);
    scenario.inputs.push_back(flags.trace);
    if (scenario.nodes.empty()) throw InputError(flags.trace + " has no nodes; expected --nodes NODES.csv beside it");
    return scenario;
  }
  if (flags.pods.empty()) throw InputError("--nodes without pods; expected --pods PODS.csv or --trace FILE.pb.zst");
  if (flags.nodes.empty()) throw InputError("--pods without nodes; expected --nodes NODES.csv");
  OpenbOptions options;
  options.order = flags.protocol == "fill" ? OpenbOrder::kFill : OpenbOrder::kReplay;
  scenario.workload = std::make_shared<MemoryWorkload>(import_openb(flags.pods, catalog, options, scenario.report));
  scenario.notes.push_back(flags.pods + ": " + scenario.report.line());
  scenario.name = variant_of(flags.pods);
  scenario.inputs.push_back(flags.pods);
  return scenario;
}

// What the user puts beside a scenario: files named among its objects count as if their flags had been given.
struct Additions {
  std::vector<std::string> traffic_files, faults;
  std::vector<PlainSource> sources;
};

// True if the file belongs beside a scenario.
bool take_addition(const std::string& file, Additions& additions) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(file, unreadable)) return false;
  const std::string extension = std::filesystem::path(file).extension().string();
  if (extension != ".yaml" && extension != ".yml") return false;
  const std::string text = read_text_file(file);
  const std::string_view kind = own_kind(text);
  if (kind == "Traffic") additions.traffic_files.push_back(file);
  if (kind == "FaultPlan") additions.faults.push_back(file);
  return kind == "Traffic" || kind == "FaultPlan";
}

void add_traffic(Scenario& scenario, const Additions& additions) {
  if (additions.traffic_files.empty() && additions.sources.empty()) return;
  if (!scenario.manifests)
    throw InputError(scenario.name + " has no Services for --traffic; expected Kubernetes objects");
  if (!additions.traffic_files.empty()) {
    scenario.inputs.push_back(additions.traffic_files.front());
    return put_traffic(scenario, read_traffic_file(additions.traffic_files.front()));
  }
  const ServiceCalls calls = find_service_calls(*scenario.manifests);
  TrafficFile traffic = plain_traffic(calls, additions.sources);
  scenario.notes.push_back(
      "requests of --traffic cost 1 ms of CPU at each Service (assumed; a Traffic file says better)");
  for (const TrafficService& service : traffic.services) {
    std::string callees;
    for (const auto& group : service.work.groups) {
      for (const CallSpec& call : group) {
        callees += (callees.empty() ? "" : ", ") + traffic.services[static_cast<std::size_t>(call.service)].name;
      }
    }
    if (!callees.empty())
      scenario.notes.push_back(service.name + " calls " + callees + ", as its environment names them");
  }
  for (const std::string& edge : calls.left_out)
    scenario.notes.push_back("calls go round in a circle; left out: " + edge);
  put_traffic(scenario, std::move(traffic));
}

void set_fidelity(Scenario& scenario, const std::string& fidelity) {
  if (!scenario.traffic) throw InputError("--fidelity without traffic; expected --traffic beside it");
  auto traffic = std::make_shared<TrafficFile>(*scenario.traffic);
  traffic->fluid = fidelity == "fluid";
  if (fidelity != "fluid" && fidelity != "requests") {
    throw InputError("--fidelity is \"" + fidelity + "\"; expected requests or fluid" +
                     did_you_mean(fidelity, std::vector<std::string>{"requests", "fluid"}));
  }
  scenario.traffic = std::move(traffic);
}

void add_faults(Scenario& scenario, const std::vector<std::string>& files) {
  if (files.empty()) return;
  if (!scenario.node_model)
    throw InputError(scenario.name + " has no kubelets for --faults; expected Kubernetes objects or \"kubelet: {}\"");
  scenario.faults = std::make_shared<const FaultPlan>(read_fault_plan(files.front()));
  scenario.inputs.push_back(files.front());
}

Additions additions_of(const InputFlags& flags) {
  Additions out;
  for (const std::string& text : flags.traffic) {
    std::error_code unreadable;
    if (text.find('=') != std::string::npos && !std::filesystem::exists(text, unreadable)) {
      out.sources.push_back(parse_plain_source(text, "--traffic"));
    } else {
      out.traffic_files.push_back(text);
    }
  }
  if (!flags.faults.empty()) out.faults.push_back(flags.faults);
  return out;
}

}  // namespace

std::vector<std::shared_ptr<const Scenario>> load_scenarios(const InputFlags& flags) {
  std::vector<Scenario> scenarios;
  std::vector<std::string> manifests;
  Additions additions = additions_of(flags);
  for (const std::string& file : flags.files) {
    std::error_code unreadable;
    if (take_addition(file, additions)) continue;
    if (std::filesystem::exists(file, unreadable) && is_manifest(file)) {
      manifests.push_back(file);
    } else {
      scenarios.push_back(load_scenario(file));
    }
  }
  if (!manifests.empty()) {
    ManifestScenarioOptions options;
    options.nodes = flags.node_count;
    options.catalogue = flags.catalogue;
    scenarios.push_back(scenario_of_manifests(manifests, options));
  }
  if (!flags.example.empty()) scenarios.push_back(embedded_example(flags.example));
  if (!flags.nodes.empty() || !flags.pods.empty() || !flags.trace.empty()) {
    if (!scenarios.empty())
      throw InputError("--nodes, --pods and --trace stand instead of a scenario file; expected one or the other");
    scenarios.push_back(from_files(flags));
  }
  if (scenarios.empty()) {
    throw InputError(
        "no input; expected a scenario file, --example NAME, --trace FILE, or --nodes and --pods (berth examples lists "
        "the examples)");
  }
  if (additions.traffic_files.size() + (additions.sources.empty() ? 0 : 1) > 1)
    throw InputError("traffic comes from several places; expected one Traffic file, or SERVICE=RATE once or more");
  if (additions.faults.size() > 1) throw InputError("several fault plans; expected one");
  for (Scenario& scenario : scenarios) {
    add_traffic(scenario, additions);
    if (!flags.fidelity.empty()) set_fidelity(scenario, flags.fidelity);
    add_faults(scenario, additions.faults);
  }
  if (!flags.name.empty() && scenarios.size() > 1) throw InputError("--name with several scenarios; expected one");
  std::vector<std::shared_ptr<const Scenario>> shared;
  for (Scenario& scenario : scenarios) {
    if (!flags.name.empty()) scenario.name = flags.name;
    if (!flags.protocol.empty()) scenario.protocol = parse_protocol(flags.protocol);
    if (flags.load != 0) {
      if (!(flags.load > 0) || flags.load > 100)
        throw InputError("--load is out of range; expected a share such as 1.3, up to 100");
      scenario.load = flags.load;
    }
    const auto duration = [](const std::string& text, const char* what, Duration& into) {
      if (text.empty()) return;
      into = parse_duration(text, what);
      if (into.ns < 0) throw InputError(std::string(what) + " is negative; expected 0s or more");
    };
    duration(flags.scheduling_period, "--scheduling-period", scenario.scheduling_period);
    duration(flags.horizon, "--horizon", scenario.horizon);
    duration(flags.decision_base, "--decision-base", scenario.decision_base);
    duration(flags.decision_per_node, "--decision-per-node", scenario.decision_per_node);
    if (scenario.horizon == kForever && (scenario.traffic || scenario.faults))
      throw InputError(scenario.name + " has faults or traffic without an end; expected --horizon 24h or the like");
    spdlog::info("scenario {}: {} nodes, {} files read", scenario.name, scenario.nodes.size(), scenario.inputs.size());
    shared.push_back(std::make_shared<const Scenario>(std::move(scenario)));
  }
  return shared;
}

}  // namespace berth

// berth: the command line. Flags are spelt here; what they do is in sim/cli.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "sim/cli/build.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/compose_run.hpp"
#include "sim/cli/conformance.hpp"
#include "sim/cli/explain.hpp"
#include "sim/cli/schedule.hpp"
#include "sim/engine/error.hpp"
#include "sim/version.hpp"

namespace {

constexpr int kExitInput = 2;
constexpr int kExitDifferent = 1;

// CLI11 takes a number beyond 64 bits for another one.
std::string check_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return "is \"" + text + "\"; expected a whole number below 2^64";
}

// The first word that is no flag should be a command: if it is none, what to say about it; else empty.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word[0] == '-') return {};  // A flag may take the next word: CLI11's own message it is.
    for (const std::string& name : names) {
      if (name == word) return {};
    }
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return "unknown command \"" + word + "\"; expected one of " + all + berth::did_you_mean(word, names);
  }
  return {};
}

void add_input(CLI::App* command, berth::InputFlags& flags, bool many) {
  command->add_option(
      "scenario", flags.files,
      many ? "scenario files, or one study file (YAML)"
           : "scenario file (YAML); or Kubernetes objects, with Traffic and FaultPlan files beside them;\n"
             "or Compose files");
  command->add_option("--example", flags.example, "an embedded scenario instead of a file; see `berth examples`");
  command->add_option("--nodes", flags.nodes, "node list (CSV: sn,cpu_milli,memory_mib,gpu,model)");
  command->add_option("--pods", flags.pods, "pod list (CSV, openb format)");
  command->add_option("--trace", flags.trace, "trace in Berth's own format (*.pb.zst)");
  command->add_option("--name", flags.name, "name of the scenario in the results");
  command->add_option("--protocol", flags.protocol,
                      "replay: pods come and go; fill: pods come and stay until GPUs are full");
  command->add_option("--load", flags.load,
                      "fill: stop when the GPUs asked for reach this share of the cluster's (1.3)");
  command->add_option("--scheduling-period", flags.scheduling_period,
                      "the scheduler looks only at multiples of this (10s)");
  command->add_option("--horizon", flags.horizon, "stop at this time (24h)");
  command->add_option("--node-count", flags.node_count, "manifests without Node objects: how many nodes to make up (3)")
      ->check(CLI::Range(1, 100'000));
  command
      ->add_option("--traffic", flags.traffic,
                   "Kubernetes objects: Traffic file, or SERVICE=RATE (front=100/s); may be given several times")
      ->allow_extra_args(false);
  command->add_option("--fidelity", flags.fidelity, "of traffic: requests or fluid (as its file says, or requests)");
  command->add_option("--faults", flags.faults, "FaultPlan file");
  command->add_option("--catalogue", flags.catalogue, "manifests: folder with image-layers-*; else images are made up");
  command->add_option("--decision-base", flags.decision_base, "simulated time that one decision takes (1ms) …");
  command->add_option("--decision-per-node", flags.decision_per_node, "… plus this for each node (1us)");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Berth simulates container clusters: plays pods through schedulers on a virtual clock and says which is better, "
      "by\n"
      "how much, and how sure one can be.\n\n"
      "Try:  berth compare --example mixed-day --policies least-allocated,best-fit,first-fit --seeds 1..5 --out "
      "out/first\n"
      "      berth run --example gpu-sharing --policy fgd",
      "berth"};
  app.set_version_flag("--version", std::string("berth ") + berth::kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  std::vector<std::string> plugins;
  app.add_option("--plugin", plugins, "shared object with further policies; may be given several times");

  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "say on standard error what is being done");

  berth::RunFlags run;
  CLI::App* run_command = app.add_subcommand("run", "one run: a scenario under one policy; prints its metrics");
  add_input(run_command, run.input, false);
  run_command->add_option("--policy", run.policy,
                          "scheduler=NAME(key=value,…)+images=NAME, or just a scheduler's NAME (least-allocated; "
                          "manifests: kube-scheduler)");
  run_command->add_option("--seed", run.seed, "of all random streams")->capture_default_str()->check(check_seed);
  run_command->add_option("--order-dir", run.order_dir, "fill: folder of <scenario>_seed<n>.csv with published orders");
  run_command->add_option("--journal", run.files.journal,
                          "write everything that happens, one JSON object a line (*.zst: compressed)");
  run_command->add_option("--placements", run.files.placements, "fill: write where each pod went (CSV)");
  run_command->add_flag("--json", run.json, "metrics as one JSON object");

  berth::ComposeRunFlags compose;
  const auto compose_list = [&](const char* name, std::vector<std::string>& into, const char* help) {
    run_command->add_option(name, into, help)->allow_extra_args(false)->group("Compose files");
  };
  compose_list("--profile", compose.profiles, "profile to enable; may be given several times");
  compose_list("--env-file", compose.env_files, "instead of .env; may be given several times");
  compose_list("--service", compose.services, "this service and what it depends on (all)");
  compose_list("--scale", compose.scale, "SERVICE=NUMBER of containers");
  compose_list("--restart", compose.restart, "SERVICE@TIME: restart it then (web@5m)");
  compose_list("--present", compose.present, "image that the host has already");
  run_command->add_option("--project-name", compose.project_name, "name of the project (the folder's)")
      ->group("Compose files");
  run_command->add_option("--project-directory", compose.project_folder, "what paths in the files are relative to")
      ->group("Compose files");
  run_command->add_option("--for", compose.run_for, "how long to run (until all is started, healthy or completed)")
      ->group("Compose files");
  run_command
      ->add_option("--timeline", compose.trace, "write what happened: *.pftrace (ui.perfetto.dev), *.json, *.txt")
      ->group("Compose files");
  run_command->add_flag("--stop", compose.stop, "stop the containers at the end")->group("Compose files");

  berth::ExplainFlags explain;
  CLI::App* explain_command =
      app.add_subcommand("explain", "the lives of pods, step by step: why Pending, each layer, each start and restart");
  add_input(explain_command, explain.input, false);
  explain_command->add_option("--pod", explain.pod, "part of the pod's namespace/name (all, if they are few)");
  explain_command->add_option("--policy", explain.policy, "as of `berth run`");
  explain_command->add_option("--seed", explain.seed, "of all random streams")
      ->capture_default_str()
      ->check(check_seed);
  explain_command->add_option("-o,--output", explain.output, "text, json, or chrome (trace JSON)")
      ->capture_default_str();
  explain_command->add_option("--timeline", explain.trace, "write a trace for ui.perfetto.dev (*.pftrace)");

  berth::CompareFlags compare;
  CLI::App* compare_command =
      app.add_subcommand("compare", "scenarios × policies × seeds: means, intervals, paired differences, pictures");
  add_input(compare_command, compare.input, true);
  compare_command->add_option("--policies", compare.policies,
                              "what to compare: schedulers a,b(k=4),c, or sets scheduler=a+images=mirror,…");
  compare_command->add_option("--policy", compare.policy,
                              "one more: 'scheduler=power-of-k(k=4)'; may be given several times");
  compare_command->add_option("--seeds", compare.seeds, "42..51 or 1,2,5..7 (1..5)");
  compare_command->add_option("--baseline", compare.baseline, "the policy that differences are taken to (the first)");
  compare_command->add_option("--order-dir", compare.order_dir,
                              "fill: folder of <scenario>_seed<n>.csv with published orders");
  compare_command->add_option("--metrics", compare.metrics, "metrics to show: a,b,c; see `berth metrics`");
  compare_command->add_option("--out", compare.options.out, "folder for the results (results/out/compare)");
  compare_command->add_option("--jobs", compare.options.jobs, "threads; results do not depend on it (all cores)")
      ->check(CLI::Range(0, 1024));
  compare_command->add_flag("--resume", compare.options.resume, "go on with a study that was stopped");
  compare_command->add_flag("--placements", compare.options.placements,
                            "fill: write where each pod went, one CSV per run");
  compare_command->add_flag("--journals", compare.options.journals, "write each run's journal (*.jsonl.zst)");

  berth::ImportFlags import;
  CLI::App* import_command =
      app.add_subcommand("import", "a public trace into Berth's own format, every row accounted for");
  import_command->add_option("format", import.format, "openb, batch-jobs, vm-arrivals or gpu-jobs")->required();
  import_command->add_option("file", import.files, "the table (CSV)")->required();
  import_command->add_option("--nodes", import.nodes, "node list (CSV) to go into the trace");
  import_command->add_option("-o,--output", import.output, "trace to write (*.pb.zst)")->required();
  import_command->add_option("--seed", import.seed, "of what the source leaves open (binned lifetimes)")
      ->capture_default_str()
      ->check(check_seed);
  import_command->add_flag("--label-qos", import.label_qos, "openb: keep the QoS class as a label");

  berth::GenerateFlags generate;
  CLI::App* generate_command =
      app.add_subcommand("generate", "a scenario's pods, drawn or read, into Berth's trace format");
  add_input(generate_command, generate.input, false);
  generate_command->add_option("--seed", generate.seed, "of all random streams")
      ->capture_default_str()
      ->check(check_seed);
  generate_command->add_option("-o,--output", generate.output, "trace to write (*.pb.zst)")->required();

  std::vector<std::string> files;
  CLI::App* validate_command = app.add_subcommand("validate",
                                                  "reads scenarios, studies, traces, tables and Kubernetes manifests "
                                                  "(or folders of them) and says what is in them");
  validate_command->add_option("file", files, "files to check")->required();

  berth::ScheduleFlags schedule;
  CLI::App* schedule_command =
      app.add_subcommand("schedule", "what kube-scheduler 1.37 decides, pod by pod, for a scenario or a kubectl dump");
  schedule_command
      ->add_option("file", schedule.files, "scenario (*.jsonl, *.jsonl.gz), or kubectl get nodes,pods -o yaml|json")
      ->required();
  schedule_command->add_option("--config", schedule.config,
                               "KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1)");
  schedule_command->add_flag("--explain", schedule.explain, "scores of the best nodes, or why no node would do");
  schedule_command->add_option("-o,--output", schedule.output, "table or jsonl")->capture_default_str();
  schedule_command->add_option("--ties", schedule.ties, "first: as one filter worker would; random: uniform, by --seed")
      ->capture_default_str();
  schedule_command->add_option("--seed", schedule.seed, "of random ties")->capture_default_str()->check(check_seed);
  std::string recorded;
  CLI::App* conformance_command = app.add_subcommand(
      "conformance",
      "replays what was recorded from the real kube-scheduler, HorizontalPodAutoscaler and controllers, and compares");
  conformance_command->add_option("path", recorded, "folder of *.jsonl[.gz], or one such file")->required();
  bool markdown = false;
  conformance_command->add_flag("--markdown", markdown, "the table as Markdown");

  berth::BuildFlags build;
  CLI::App* build_command =
      app.add_subcommand("build", "a Dockerfile's build: layers, sizes, what is cached and why the rest is not");
  build_command->add_option("context", build.context, "folder with the Dockerfile and what it copies")->required();
  build_command->add_option("-f,--file", build.file, "Dockerfile (DIR/Dockerfile)");
  build_command->add_option("--target", build.target, "stage to build (the last)");
  build_command->add_option("--build-arg", build.build_args, "NAME=value; may be given several times")
      ->allow_extra_args(false);
  build_command->add_option("--after", build.after, "build again after this file (or folder) of the context changed")
      ->allow_extra_args(false);
  build_command->add_option("--catalogue", build.catalogue,
                            "folder with image-layers-* (data, ../data, ../shared/data)");
  build_command->add_option("--platform", build.platform, "what is built for, and on")->capture_default_str();
  build_command->add_option("-t,--tag", build.tag, "name of the image (the folder's)");
  build_command->add_option("-o,--output", build.output, "table or json")->capture_default_str();
  build_command->add_flag("--no-cache", build.no_cache, "run every step");
  berth::ImageFlags image;
  CLI::App* image_command = app.add_subcommand("image", "what is in an image, and what two of them share");
  image_command->add_option("verb", image.verb, "history, inspect or diff")->required();
  image_command->add_option("name", image.names, "image, or folder with a Dockerfile; diff: two")->required();
  image_command->add_option("--catalogue", image.catalogue, "folder with image-layers-*");
  image_command->add_option("--platform", image.platform, "of built images")->capture_default_str();
  image_command->add_option("-o,--output", image.output, "table or json")->capture_default_str();

  bool json = false;
  CLI::App* policies_command = app.add_subcommand("policies", "lists the policies and their parameters");
  policies_command->add_flag("--json", json, "as JSON");
  CLI::App* metrics_command = app.add_subcommand("metrics", "lists what is measured, and what each number means");
  std::string example;
  CLI::App* examples_command = app.add_subcommand("examples", "lists the embedded scenarios, or prints one");
  examples_command->add_option("name", example, "print this one's YAML");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version.
  } catch (const CLI::ParseError& e) {
    const std::string wrong = unknown_command(app, argc, argv);
    if (!wrong.empty()) {
      std::fprintf(stderr, "berth: %s\n", wrong.c_str());
      return kExitInput;
    }
    std::fprintf(stderr, "berth: %s; see berth --help\n", e.what());
    return kExitInput;
  }

  spdlog::set_default_logger(spdlog::stderr_color_mt("berth"));
  spdlog::set_pattern("berth: %v");
  spdlog::set_level(verbose ? spdlog::level::info : spdlog::level::warn);
  try {
    berth::check_policies();
    for (const std::string& plugin : plugins) berth::load_plugin(plugin);
    compare.options.arguments.assign(argv, argv + argc);
    if (*run_command && berth::is_compose(run.input.files)) {
      compose.files = run.input.files;
      compose.catalogue = run.input.catalogue;
      compose.seed = run.seed;
      compose.json = run.json;
      const int outcome = berth::run_compose(compose);
      std::fflush(stdout);
      return outcome;
    }
    if (*run_command) berth::run_command(run);
    if (*explain_command) berth::explain_command(explain);
    if (*compare_command) berth::compare_command(compare);
    if (*import_command) berth::import_command(import);
    if (*generate_command) berth::generate_command(generate);
    if (*validate_command && !berth::validate_command(files)) return kExitInput;
    if (*schedule_command) berth::schedule_command(schedule);
    if (*build_command) berth::build_command(build);
    if (*image_command) berth::image_command(image);
    if (*conformance_command && !berth::compare_recordings(recorded, markdown)) return kExitDifferent;
    if (*policies_command) berth::policies_command(json);
    if (*metrics_command) berth::metrics_command();
    if (*examples_command) berth::examples_command(example);
    if (std::fflush(stdout) != 0)
      throw berth::InputError("cannot write to standard output; expected a terminal, a file or a pipe with room");
  } catch (const berth::InputError& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "berth: %s\n", e.what());
    return kExitInput;
  } catch (const std::system_error&) {  // fmt's, of standard output; files throw InputError.
    std::fprintf(stderr, "berth: cannot write to standard output; expected a terminal, a file or a pipe with room\n");
    return kExitInput;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "berth: out of memory; expected a smaller input or more memory\n");
    return kExitInput;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "berth: internal error: %s; please report this\n", e.what());
    return 1;
  }
  return 0;
}

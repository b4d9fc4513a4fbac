#include "sim/cli/explain.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "results/files.hpp"
#include "results/perfetto_trace.hpp"
#include "results/pod_table.hpp"
#include "results/pod_timeline.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::size_t kMostAtOnce = 12;

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

void explain_command(const ExplainFlags& flags) {
  for (const char* known : {"text", "json", "chrome"}) {
    if (flags.output == known) break;
    if (std::string_view(known) == "chrome") {
      throw InputError("--output is \"" + flags.output + "\"; expected text, json or chrome" +
                       did_you_mean(flags.output, std::vector<std::string>{"text", "json", "chrome"}));
    }
  }
  const auto scenarios = load_scenarios(flags.input);
  if (scenarios.size() != 1) throw InputError(fmt::format("{} scenarios; expected one", scenarios.size()));
  const Scenario& scenario = *scenarios.front();
  if (scenario.protocol == Protocol::kFill)
    throw InputError("pods of the fill protocol have no life to explain; expected the replay protocol");
  const PolicySet policies = policies_for(scenario, flags.policy);
  ScenarioInputs inputs(scenario, {});

  PodTimelineFold timeline(
      [&](const std::string& name) { return flags.pod.empty() || name.find(flags.pod) != std::string::npos; });
  PodTableFold table;
  RunFiles files;
  files.timeline = &timeline;
  files.pods = &table;
  run_once(inputs, policies, flags.seed, window_of(inputs, flags.seed), files);

  if (timeline.pods().empty()) {
    std::string known;
    for (std::size_t i = 0; i < table.pods().size() && i < kMostAtOnce; ++i) {
      known += (known.empty() ? "" : ", ") + table.pods()[i].name;
    }
    throw InputError("--pod is \"" + flags.pod + "\", which is in no pod's name; expected a part of one of " +
                     (known.empty() ? "… but there are no pods" : known));
  }
  if (!flags.trace.empty()) {
    AtomicFile out(flags.trace);
    write_perfetto_trace(timeline.timeline(), [&](std::string_view chunk) { out.write(chunk); });
    out.commit();
  }
  if (flags.output == "json") return write_timeline_json(timeline.timeline(), print);
  if (flags.output == "chrome") return write_chrome_trace(timeline.timeline(), print);
  for (const std::string& note : scenario.notes) print("note: " + note + "\n");
  if (timeline.pods().size() > kMostAtOnce) {
    print(pod_table_text(table));
    print(fmt::format("{} pods: choose some with --pod PART-OF-NAME to see their lives\n", timeline.pods().size()));
    return;
  }
  for (const PodTimelineFold::PodTrack& pod : timeline.pods()) {
    print(fmt::format("\n=== {} ===\n", pod.name));
    write_timeline_text(timeline.timeline(), print, pod.track);
    print("\n" + timeline_bars(timeline.timeline(), pod.track));
  }
  if (!flags.trace.empty()) print("\nOpen " + flags.trace + " in https://ui.perfetto.dev\n");
}

}  // namespace berth

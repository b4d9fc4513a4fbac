#include "workloads/images/image_build.hpp"

#include <algorithm>
#include <charconv>

#include "workloads/images/build_graph.hpp"
#include "workloads/images/digest.hpp"
#include "workloads/images/stage_builder.hpp"

namespace berth::docker {
namespace {

// Known without ARG: given, they reach RUN as proxies, but no key.
bool is_proxy(const std::string& name) {
  const std::string n = lower(name);
  return n == "http_proxy" || n == "https_proxy" || n == "ftp_proxy" || n == "no_proxy" || n == "all_proxy";
}

std::size_t find_target(const Dockerfile& file, const std::string& target) {
  if (target.empty()) return file.stages.size() - 1;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), number);
  if (error == std::errc() && end == target.data() + target.size() && number < file.stages.size()) return number;
  std::vector<std::string> names;
  std::string all;
  for (std::size_t i = file.stages.size(); i-- > 0;) {
    if (file.stages[i].name == lower(target)) return i;
  }
  for (const Stage& stage : file.stages) {
    if (stage.name.empty()) continue;
    names.push_back(stage.name);
    all += (all.empty() ? "" : ", ") + stage.name;
  }
  throw InputError(file.file + ": has no stage \"" + target + "\"; expected " +
                   (all.empty() ? "a number below " + std::to_string(file.stages.size()) : "one of " + all) +
                   did_you_mean(lower(target), names));
}

void set_platform(Environment& globals, const std::string& prefix, const std::string& platform) {
  const std::size_t slash = platform.find('/');
  const std::size_t second = slash == std::string::npos ? slash : platform.find('/', slash + 1);
  globals.set(prefix + "PLATFORM", platform);
  globals.set(prefix + "OS", platform.substr(0, slash));
  globals.set(prefix + "ARCH", slash == std::string::npos ? "" : platform.substr(slash + 1, second - slash - 1));
  globals.set(prefix + "VARIANT", second == std::string::npos ? "" : platform.substr(second + 1));
}

void set_globals(BuildRun& run, std::size_t target) {
  set_platform(run.globals, "BUILD", run.options.platform);
  set_platform(run.globals, "TARGET", run.options.platform);
  run.globals.set("TARGETSTAGE", run.options.target.empty() && !run.file.stages[target].name.empty()
                                     ? run.file.stages[target].name
                                     : (run.options.target.empty() ? "default" : run.options.target));
  for (const Instruction& instruction : run.file.global_args) {
    for (const KeyValue& pair : instruction.pairs) {
      run.used_args.insert(pair.key);
      const auto given = run.options.build_args.find(pair.key);
      if (given != run.options.build_args.end()) {
        run.globals.set(pair.key, given->second);
      } else if (pair.value) {
        const LexOptions lex{.escape = run.file.escape, .quotes = true};
        run.globals.set(pair.key, expand(*pair.value, run.globals, pair.place, lex).text);
      }
    }
  }
}

}  // namespace

BuildResult build_image(const Dockerfile& file, BuildContext& context, const ImageLibrary& images,
                        const BuildOptions& options, BuildCache& cache) {
  BuildRun run{file, context, images, options, cache, {}, {}, {}, {}, {}};
  const std::size_t target = find_target(file, options.target);
  set_globals(run, target);

  const std::size_t n = file.stages.size();
  std::vector<std::string> bases(n);
  std::vector<std::vector<Instruction>> triggers(n);
  std::vector<std::vector<Instruction>> all(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Stage& stage = file.stages[i];
    const Place& place = stage.from.words.front().place;
    bases[i] = expand(stage.base, run.globals, place, {.escape = file.escape, .quotes = true}).text;
    if (bases[i].empty()) {
      throw InputError(to_string(place) + ": FROM " + stage.base +
                       " is empty; expected an image: a default for the ARG, or --build-arg");
    }
    if (const auto base = find_base_stage(file, bases[i], i)) {
      for (const Instruction& instruction : file.stages[*base].instructions) {
        if (instruction.keyword == Keyword::kOnbuild) triggers[i].push_back(instruction.trigger.front());
      }
    }
    all[i] = triggers[i];
    all[i].insert(all[i].end(), stage.instructions.begin(), stage.instructions.end());
  }
  const BuildGraph graph = build_graph(file, bases, all, target);
  run.done.resize(n);
  for (const std::size_t i : graph.order) run.done[i] = StageBuilder(run, i).build(bases[i], triggers[i]);
  for (const std::size_t i : graph.unused) {
    run.result.skipped_stages.push_back(file.stages[i].name.empty() ? "stage-" + std::to_string(i)
                                                                    : file.stages[i].name);
  }
  for (const auto& [name, value] : options.build_args) {
    if (!run.used_args.contains(name) && !is_proxy(name)) {
      run.note("build argument " + name + " is not used: no ARG " + name);
    }
  }
  for (const Warning& warning : file.warnings) run.note(to_string(warning.place) + ": " + warning.what);

  BuildResult result = std::move(run.result);
  StageState& state = *run.done[target];
  for (const BuildStep& step : result.steps) result.elapsed = std::max(result.elapsed, step.finish - Time{});
  result.config = std::move(state.config);
  result.history = std::move(state.history);
  result.config_json = config_json(result.config, result.history, state.layers, options.platform);
  result.image = {canonical_image_name(options.name), sha256_digest(manifest_json(result.config_json, state.layers)),
                  std::move(state.layers)};
  return result;
}

}  // namespace berth::docker

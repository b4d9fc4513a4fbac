#include "workloads/images/stage_builder.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "workloads/images/build_graph.hpp"
#include "workloads/images/digest.hpp"
#include "workloads/images/dockerfile_instruction.hpp"

namespace berth::docker {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::int64_t kTinyLayerBytes = 120;  // A compressed tar of one folder: what listed images' tiny layers have.

// "80", "80/tcp", "8000-8003/udp", "127.0.0.1:8080:80": what is exposed is the container's part.
void expose(const std::string& spec, const Place& place, std::set<std::string>& out) {
  const std::string container = spec.substr(spec.rfind(':') == std::string::npos ? 0 : spec.rfind(':') + 1);
  const std::size_t slash = container.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : lower(container.substr(slash + 1));
  const std::string range = container.substr(0, slash);
  const auto port = [&](std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > 65535) {
      fail_at(place, "port \"" + spec + "\" is none", "80, 80/udp or 8000-8010");
    }
    return number;
  };
  const std::size_t dash = range.find('-');
  const unsigned first = port(range.substr(0, dash));
  const unsigned last = dash == std::string::npos ? first : port(range.substr(dash + 1));
  if ((protocol != "tcp" && protocol != "udp" && protocol != "sctp") || last < first) {
    fail_at(place, "port \"" + spec + "\" is none", "80, 80/udp or 8000-8010");
  }
  for (unsigned p = first; p <= last; ++p) out.insert(std::to_string(p) + "/" + protocol);
}

}  // namespace

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string result;
  for (const std::string& word : words) {
    if (!result.empty()) result += between;
    result += word;
  }
  return result;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string result = "[";
  for (const std::string& word : words) {
    if (result.size() > 1) result += ' ';
    result += '"';
    for (const char c : word) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    result += '"';
  }
  return result + "]";
}

std::vector<std::string> texts(const std::vector<Word>& words) {
  std::vector<std::string> result;
  for (const Word& word : words) result.push_back(word.text);
  return result;
}

void BuildRun::note(const std::string& text) {
  if (std::find(result.notes.begin(), result.notes.end(), text) == result.notes.end()) result.notes.push_back(text);
}

Image BuildRun::image(const std::string& name) {
  const std::size_t slash = options.platform.find('/');
  FoundImage found =
      images.resolve(name, options.platform.substr(slash + 1, options.platform.find('/', slash + 1) - slash - 1));
  if (!found.note.empty()) note(found.note);
  if (found.image.digest.empty()) {  // A listed prefix of other images: its layers are all that is known.
    Sha256 sha;
    for (const Layer& layer : found.image.layers) sha.field(layer.digest);
    found.image.digest = sha.digest();
  }
  return std::move(found.image);
}

std::string StageBuilder::substitute(std::string_view text, const Place& place) const {
  return expand(text, state_.env, place, {.escape = run_.file.escape, .quotes = true}).text;
}

BuildStep StageBuilder::new_step(const Instruction& instruction, StepKind kind) const {
  BuildStep step;
  step.stage = stage_;
  const std::string& name = run_.file.stages[stage_].name;
  step.stage_name = name.empty() ? "stage-" + std::to_string(stage_) : name;
  step.place = instruction.place;
  step.kind = kind;
  step.text = instruction.text;
  step.onbuild = onbuild_;
  return step;
}

void StageBuilder::config_step(const Instruction& instruction, std::string created_by) {
  BuildStep step = new_step(instruction, StepKind::kConfig);
  step.start = step.finish = state_.ready;
  step.cached = true;
  run_.result.steps.push_back(std::move(step));
  history(std::move(created_by), true);
}

void StageBuilder::finish_step(BuildStep step, std::vector<Ingredient> ingredients, Time ready, bool linked) {
  const std::string id = std::to_string(stage_) + ":" + std::to_string(ordinal_);
  step.key = cache_key(ingredients);
  step.start = linked ? ready : std::max(state_.ready, ready);
  const auto ran = run_.ran.find(step.key);
  if (ran != run_.ran.end()) {  // Another stage of this build has the very same step.
    step.cached = true;
    step.finish = std::max(step.start, ran->second);
  } else if (!run_.options.no_cache && run_.cache.has(step.key)) {
    step.cached = true;
    step.finish = step.start;
  } else {
    if (run_.options.no_cache) {
      step.reasons.emplace_back("--no-cache");
    } else {
      step.reasons = run_.cache.explain(id, ingredients);
    }
    step.finish = step.start + step.takes;
    run_.ran[step.key] = step.finish;
    run_.result.work += step.takes;
  }
  run_.cache.store(step.key);
  run_.cache.remember(id, std::move(ingredients));
  state_.ready = std::max(state_.ready, step.finish);
  if (linked) {
    const std::vector<Ingredient> merged{{"the step above", state_.key}, {"linked layer", step.key}};
    state_.key = cache_key(merged);
  } else {
    state_.key = step.key;
  }
  if (step.kind == StepKind::kLayer) state_.layers.push_back(step.layer);
  run_.result.steps.push_back(std::move(step));
}

void StageBuilder::begin(const std::string& base) {
  const Instruction& from = run_.file.stages[stage_].from;
  if (const auto stage = find_base_stage(run_.file, base, stage_)) {
    BERTH_CHECK(run_.done[*stage].has_value());
    state_ = *run_.done[*stage];
    state_.config.on_build.clear();
    return;
  }
  if (base == "scratch") {
    state_.config.set_env("PATH", kDefaultPath);
  } else {
    const Image image = run_.image(base);
    std::string platform = run_.options.platform;
    if (const Flag* flag = from.flag("platform")) {
      platform = expand(flag->value, run_.globals, flag->place, {.escape = run_.file.escape, .quotes = true}).text;
      if (platform.empty()) fail_at(flag->place, "--platform is empty", "linux/amd64 or the like");
    }
    state_.layers = image.layers;
    state_.has_base_image = true;
    state_.config.set_env("PATH", kDefaultPath);
    BuildStep step = new_step(from, StepKind::kBase);
    for (const Layer& layer : image.layers) {
      step.compressed_bytes += layer.compressed_bytes;
      step.unpacked_bytes += layer.unpacked_bytes;
      history("layer " + layer.digest.substr(0, 19) + " of " + image.name, false);
    }
    step.takes = from_seconds(0.5) + from_seconds(static_cast<double>(step.compressed_bytes) / kBuildRates.download) +
                 from_seconds(static_cast<double>(step.unpacked_bytes) / kBuildRates.unpack);
    if (from.hint.takes) step.takes = *from.hint.takes;
    step.estimated = !from.hint.takes;
    finish_step(std::move(step), {{"the image " + image.name, image.digest}, {"the platform", platform}}, Time{},
                false);
    // Later steps go by the layers: a base pushed again with the same ones still hits.
    const std::vector<std::string> chain = chain_ids(image.layers);
    const std::vector<Ingredient> below{{"the base's layers", chain.empty() ? "" : chain.back()},
                                        {"the platform", platform}};
    state_.key = cache_key(below);
  }
  for (const auto& [name, value] : state_.config.env) state_.env.set(name, value);
}

void StageBuilder::apply_arg(const Instruction& instruction) {
  std::string created = "ARG";
  for (const KeyValue& pair : instruction.pairs) {
    run_.used_args.insert(pair.key);
    std::optional<std::string> value;
    if (const auto given = run_.options.build_args.find(pair.key); given != run_.options.build_args.end()) {
      value = given->second;
    } else if (pair.value) {
      value = substitute(*pair.value, pair.place);
    } else if (const std::string* global = run_.globals.find(pair.key)) {
      value = *global;
    }
    created += " " + pair.key;
    if (value) {
      created += "=" + *value;
      if (!pair.key.starts_with("BUILDKIT_SBOM_")) state_.env.set(pair.key, *value);
    }
    if (std::find(state_.args.begin(), state_.args.end(), pair.key) == state_.args.end())
      state_.args.push_back(pair.key);
  }
  config_step(instruction, std::move(created));
}

void StageBuilder::apply_env(const Instruction& instruction) {
  std::string created = "ENV";
  std::vector<std::pair<std::string, std::string>> set;  // All see the values from before the instruction.
  for (const KeyValue& pair : instruction.pairs) {
    set.emplace_back(substitute(pair.key, pair.place), substitute(*pair.value, pair.place));
    created += " " + set.back().first + "=" + set.back().second;
  }
  for (const auto& [name, value] : set) {
    state_.env.set(name, value);
    state_.config.set_env(name, value);
  }
  config_step(instruction, std::move(created));
}

void StageBuilder::apply_label(const Instruction& instruction) {
  std::string created = "LABEL";
  for (const KeyValue& pair : instruction.pairs) {
    const std::string name = substitute(pair.key, pair.place);
    const std::string value = substitute(*pair.value, pair.place);
    state_.config.labels[name] = value;
    created += " " + name + "=" + value;
  }
  config_step(instruction, std::move(created));
}

void StageBuilder::apply_expose(const Instruction& instruction) {
  std::vector<std::string> ports;
  for (const Word& word : instruction.words) {
    for (std::string& port :
         expand(word.text, state_.env, word.place, {.escape = run_.file.escape, .quotes = true}).words) {
      expose(port, word.place, state_.config.exposed_ports);
      ports.push_back(std::move(port));
    }
  }
  std::sort(ports.begin(), ports.end());
  config_step(instruction, "EXPOSE [" + joined(ports, " ") + "]");
}

void StageBuilder::apply_health(const Instruction& instruction) {
  ImageHealthcheck health;
  health.options = *instruction.health;
  if (health.options.none) {
    health.test = {"NONE"};
  } else {
    health.test = texts(instruction.words);
    health.test.insert(health.test.begin(), instruction.exec_form ? "CMD" : "CMD-SHELL");
  }
  std::string created = "HEALTHCHECK " + quoted_list(health.test);
  state_.config.health = std::move(health);
  config_step(instruction, std::move(created));
}

void StageBuilder::apply_workdir(const Instruction& instruction) {
  const Word& word = instruction.words.front();
  std::string path = substitute(word.text, word.place);
  if (path.empty() || path.front() != '/') {
    path = (state_.config.working_dir.empty() ? "/" : state_.config.working_dir + "/") + path;
  }
  path = clean_path(path);
  state_.config.working_dir = path;
  if (path == "/") return config_step(instruction, "WORKDIR /");
  FileEntry folder;
  folder.kind = FileEntry::Kind::kFolder;
  folder.mode = 0755;
  measure(folder);
  state_.files.put(path.substr(1), folder);
  BuildStep step = new_step(instruction, StepKind::kLayer);
  const std::string made = sha256_digest("mkdir " + path + " user " + state_.config.user);
  step.layer = {made, made, kTinyLayerBytes, 0};
  step.compressed_bytes = kTinyLayerBytes;
  step.takes = instruction.hint.takes.value_or(milliseconds(50));
  std::vector<Ingredient> ingredients{
      {"the step above", state_.key}, {"the path", path}, {"the user", state_.config.user}};
  finish_step(std::move(step), std::move(ingredients), Time{}, false);
  history("WORKDIR " + path, false);
}

std::vector<std::string> StageBuilder::with_shell(const Instruction& instruction, const std::string& command) const {
  if (instruction.exec_form) return texts(instruction.words);
  std::vector<std::string> words = state_.config.shell;
  if (words.empty()) words = {"/bin/sh", "-c"};
  words.push_back(command);
  return words;
}

void StageBuilder::apply(const Instruction& instruction, bool onbuild) {
  onbuild_ = onbuild;
  ++ordinal_;
  ImageConfig& config = state_.config;
  const auto first = [&] { return substitute(instruction.words.front().text, instruction.words.front().place); };
  switch (instruction.keyword) {
    case Keyword::kFrom:
      return;
    case Keyword::kArg:
      return apply_arg(instruction);
    case Keyword::kEnv:
      return apply_env(instruction);
    case Keyword::kLabel:
      return apply_label(instruction);
    case Keyword::kExpose:
      return apply_expose(instruction);
    case Keyword::kHealthcheck:
      return apply_health(instruction);
    case Keyword::kWorkdir:
      return apply_workdir(instruction);
    case Keyword::kRun:
      return apply_run(instruction);
    case Keyword::kAdd:
    case Keyword::kCopy:
      return apply_copy(instruction);
    case Keyword::kCmd:
      config.cmd = instruction.words.empty() ? std::vector<std::string>{}
                                             : with_shell(instruction, instruction.words.front().text);
      cmd_set_ = true;
      return config_step(instruction, "CMD " + quoted_list(config.cmd));
    case Keyword::kEntrypoint:
      config.entrypoint = instruction.words.empty() ? std::vector<std::string>{}
                                                    : with_shell(instruction, instruction.words.front().text);
      if (!cmd_set_) config.cmd.clear();  // The base's command was meant for the base's entrypoint.
      return config_step(instruction, "ENTRYPOINT " + quoted_list(config.entrypoint));
    case Keyword::kShell:
      config.shell = texts(instruction.words);
      return config_step(instruction, "SHELL [" + joined(config.shell, " ") + "]");
    case Keyword::kUser:
      config.user = first();
      return config_step(instruction, "USER " + config.user);
    case Keyword::kStopsignal:
      config.stop_signal = first();
      if (config.stop_signal.empty() || !std::all_of(config.stop_signal.begin(), config.stop_signal.end(), [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
          })) {
        fail_at(instruction.words.front().place, "signal \"" + config.stop_signal + "\" is none",
                "SIGTERM, TERM or 15");
      }
      return config_step(instruction, "STOPSIGNAL " + config.stop_signal);
    case Keyword::kMaintainer:
      config.author = instruction.words.front().text;
      return config_step(instruction, "MAINTAINER " + config.author);
    case Keyword::kVolume: {
      std::vector<std::string> paths;
      for (const Word& word : instruction.words) {
        paths.push_back(substitute(word.text, word.place));
        if (paths.back().empty()) fail_at(word.place, "VOLUME has an empty path", "a path");
        config.volumes.insert(paths.back());
      }
      return config_step(instruction, "VOLUME [" + joined(paths, " ") + "]");
    }
    case Keyword::kOnbuild:
      config.on_build.push_back(instruction.trigger.front().text);
      --ordinal_;
      return;
  }
}

StageState StageBuilder::build(const std::string& base, const std::vector<Instruction>& triggers) {
  begin(base);
  for (const Instruction& trigger : triggers) apply(trigger, true);
  for (const Instruction& instruction : run_.file.stages[stage_].instructions) apply(instruction, false);
  return std::move(state_);
}

}  // namespace berth::docker

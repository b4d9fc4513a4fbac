#include "sim/kube_scenario.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"
#include "sim/kube_config.hpp"

namespace berth::kube {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxInt32 = 2147483647;

constexpr std::int64_t kReplayStart = 1'767'225'600;  // 2026-01-01T00:00:00Z

void resolve_priorities(std::vector<Pod>& pods, const Objects& objects, const std::string& file) {
  for (Pod& pod : pods) {
    if (resolve_priority(pod, objects.priority_classes)) continue;
    std::vector<std::string> names;
    for (const PriorityClass& c : objects.priority_classes) names.push_back(c.name);
    throw InputError(fmt::format(
        "{}: pod {} has priorityClassName \"{}\", which does not exist; expected a PriorityClass of that name{}", file,
        pod.key(), pod.priority_class_name, did_you_mean(pod.priority_class_name, names)));
  }
}

void sort_pods(std::vector<Pod>& pods, Scenario& out) {
  resolve_priorities(pods, out.objects, out.file);
  std::map<std::string, bool> nodes;
  for (const Node& node : out.objects.nodes) nodes[node.name] = true;
  std::map<std::string, bool> seen;
  for (Pod& pod : pods) {
    if (!seen.emplace(pod.key(), true).second) {
      throw InputError(fmt::format("{}: pod {} is there twice; expected each once", out.file, pod.key()));
    }
    if (pod.phase == "Succeeded" || pod.phase == "Failed") continue;  // Terminated pods take nothing.
    if (!pod.node_name.empty() && !nodes.contains(pod.node_name)) {
      throw InputError(
          fmt::format("{}: pod {} is on node \"{}\", which is not there; expected the node among the objects", out.file,
                      pod.key(), pod.node_name));
    }
    auto& list = pod.node_name.empty() ? out.arrivals : out.bound;
    const std::int64_t start = pod.start_time_s.value_or(kNotStarted);
    const auto handle = static_cast<std::uint32_t>(out.pods.size());
    list.push_back({&out.pods.emplace_back(std::move(pod), out.classes), start, handle});
  }
}

void read_scenario_line(const Json& document, const JsonSource& source, Scenario& out) {
  const Reader root(source, document);
  Fields f(root);
  std::vector<Pod> pods;
  f.text("flavour", out.flavour);
  f.get("seed", [&](const Reader& v) { out.seed = v.integer(0, std::numeric_limits<std::int64_t>::max()); });
  f.ignore({"kind", "kubernetesVersion"});
  f.list("nodes", out.objects.nodes);
  f.list("namespaces", out.objects.namespaces);
  f.list("priorityClasses", out.objects.priority_classes);
  f.list("podDisruptionBudgets", out.objects.budgets);
  f.list("services", out.objects.services);
  for (const auto& [key, kind] : {std::pair{"replicationControllers", Workload::Kind::kReplicationController},
                                  std::pair{"replicaSets", Workload::Kind::kReplicaSet},
                                  std::pair{"statefulSets", Workload::Kind::kStatefulSet}}) {
    f.get(key, [&, k = kind](const Reader& v) {
      v.each([&](const Reader& item) { decode_workload(item, k, out.objects.workloads.emplace_back()); });
    });
  }
  f.list("persistentVolumes", out.objects.volumes);
  f.list("persistentVolumeClaims", out.objects.claims);
  f.list("storageClasses", out.objects.storage_classes);
  f.list("csiNodes", out.objects.csi_nodes);
  f.list("csiDrivers", out.objects.csi_drivers);
  f.list("csiStorageCapacities", out.objects.csi_capacities);
  f.list("pods", pods);
  f.get("departures", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      Fields d(item);
      Scenario::Departure& departure = out.departures.emplace_back();
      d.get("after", [&](const Reader& n) { departure.after = static_cast<std::size_t>(n.integer(0, kMaxInt32)); });
      d.text("pod", departure.pod);
    });
  });
  f.get("protocol", [&](const Reader& v) {
    Fields p(v);
    p.get("preemptorRetryAfter",
          [&](const Reader& n) { out.retry_after = static_cast<std::size_t>(n.integer(0, kMaxInt32)); });
  });
  out.config.percentage_of_nodes_to_score =
      100;  // The format's rule: all nodes, unless the configuration says otherwise.
  f.get("schedulerConfig", [&](const Reader& v) {
    out.config = read_scheduler_config(v);
    if (!v.json().contains("percentageOfNodesToScore")) out.config.percentage_of_nodes_to_score = 100;
  });
  sort_pods(pods, out);
}

bool is_scenario(const Json& document) {
  return document.is_object() && document.contains("kind") && document["kind"] == "Scenario";
}

}  // namespace

std::string read_maybe_gzip(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw InputError(path + ": is a folder; expected a file");
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file)
    throw InputError(
        fmt::format("{}: cannot read: {}; expected a readable file", path, std::strerror(errno == 0 ? ENOMEM : errno)));
  gzbuffer(file.get(), 1 << 17);
  std::string text;
  std::string buffer(1 << 17, '\0');
  for (;;) {
    const int n = gzread(file.get(), buffer.data(), static_cast<unsigned>(buffer.size()));
    int code = Z_OK;
    const char* message = gzerror(file.get(), &code);
    if (n < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      throw InputError(fmt::format("{}: the gzip stream is broken after {} bytes ({}); expected a whole gzip file",
                                   path, text.size(), message));
    }
    if (n == 0) return text;
    text.append(buffer, 0, static_cast<std::size_t>(n));
  }
}

Scenario load_scenario(const std::string& path) {
  return parse_scenario(read_maybe_gzip(path), path);
}

Scenario parse_scenario(const std::string& text, const std::string& path) {
  Scenario out;
  out.file = path;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) throw InputError(path + ": is empty; expected a scenario or a kubectl dump");
  std::vector<Pod> pods;
  out.config.percentage_of_nodes_to_score = 0;

  if (text[begin] != '{') {
    const YamlValue root = parse_yaml(text, path);
    const Json document = to_json(root);
    decode_dump(document, {path, 0, &out.unknown, &root}, out.objects, pods);
    sort_pods(pods, out);
    return out;
  }

  // A first line that is a whole scenario: JSON lines. Anything else is one document.
  const std::size_t end = std::min(text.find('\n', begin), text.size());
  const std::string_view first = std::string_view(text).substr(0, end);
  const bool one_line = Json::accept(first.begin(), first.end());
  const Json document = parse_json(one_line ? first : std::string_view(text), path);
  const JsonSource source{path, one_line ? std::size_t{1} : 0, &out.unknown, nullptr};
  if (!is_scenario(document)) {
    if (one_line && text.find_first_not_of(" \t\r\n", end) != std::string::npos) {
      throw InputError(path + ":1: is no scenario but more lines follow; expected kind: Scenario, or one document");
    }
    decode_dump(document, source, out.objects, pods);
    sort_pods(pods, out);
    return out;
  }
  read_scenario_line(document, source, out);
  if (!one_line) return out;
  for (std::size_t at = end + 1; at < text.size();) {
    const std::size_t stop = std::min(text.find('\n', at), text.size());
    if (stop > at) out.recorded.push_back(text.substr(at, stop - at));
    at = stop + 1;
  }
  return out;
}

namespace {

// The protocol: who is tried when, and what a decision does to the cluster.
class Replay {
 public:
  Replay(const Scenario& scenario, TieRule ties, std::uint64_t seed, const ReplayHooks& hooks)
      : scenario_(scenario), hooks_(hooks), cluster_(scenario.objects) {
    for (const Profile& profile : scenario.config.profiles) {
      schedulers_.emplace(profile.scheduler_name, std::make_unique<Scheduler>(scenario.config, profile, ties, seed));
    }
    for (const PodRef& pod : scenario.bound) place(pod, *node(pod->pod.node_name));
    if (!hooks.ask_fast) return;
    for (const Profile& profile : scenario.config.profiles) {
      fast_.emplace(profile.scheduler_name,
                    std::make_unique<FastScheduler>(cluster_, scenario.config, profile, ties, seed));
    }
  }

  void run() {
    std::multimap<std::size_t, std::string> departures;
    for (const Scenario::Departure& d : scenario_.departures) departures.emplace(d.after, d.pod);
    for (const PodRef& pod : scenario_.arrivals) {
      const std::string& nominated = pod->pod.nominated_node_name;
      if (const NodeInfo* on = cluster_.find_node(nominated)) cluster_.nominate(pod, on->index);
      const std::size_t number = decided_++;
      attempt({pod, 1, 0, nominated});
      while (retry_first(false)) {
      }
      const auto [from, to] = departures.equal_range(number);
      for (auto it = from; it != to; ++it) {
        if (remove(it->second)) outcome_.departed.push_back(it->second);
      }
    }
    while (retry_first(true)) {
    }
    finish();
  }

 private:
  struct Waiting {
    PodRef pod;
    std::uint32_t attempt;  // The next one.
    std::size_t due;        // Once this many arrivals have been decided.
    std::string nominated;  // Empty: lost its nomination.
  };

  const NodeInfo* node(std::string_view name) const {
    const NodeInfo* found = cluster_.find_node(name);
    if (found == nullptr)
      throw InputError(
          fmt::format("{}: node \"{}\" is not there; expected one of the scenario's", scenario_.file, name));
    return found;
  }

  void place(const PodRef& pod, const NodeInfo& on) {
    cluster_.assume(pod, on.index);
    running_.emplace(pod->pod.key(), std::pair{pod, on.index});
  }

  bool remove(const std::string& key) {
    const auto it = running_.find(key);
    if (it == running_.end()) return false;
    cluster_.forget(it->second.first, it->second.second);
    running_.erase(it);
    return true;
  }

  bool retry_first(bool all) {
    const auto it =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return all || w.due <= decided_; });
    if (it == waiting_.end()) return false;
    Waiting next = std::move(*it);
    waiting_.erase(it);
    attempt(std::move(next));
    return true;
  }

  void finish() {
    if (steps_ > 0 && hooks_.finished) hooks_.finished(steps_ - 1, outcome_);
    outcome_ = {};
  }

  void attempt(Waiting w) {
    finish();
    const auto scheduler = schedulers_.find(w.pod->pod.scheduler_name);
    if (scheduler == schedulers_.end()) {
      throw InputError(fmt::format("{}: pod {} wants scheduler \"{}\"; expected one of the configuration's profiles",
                                   scenario_.file, w.pod->pod.key(), w.pod->pod.scheduler_name));
    }
    Step step{steps_++, w.pod, w.attempt, scheduler->second->decide(cluster_, w.pod, w.nominated), {}};
    if (hooks_.ask_fast) step.fast = fast_.at(w.pod->pod.scheduler_name)->decide(w.pod, w.nominated);
    std::optional<Applied> applied;
    if (hooks_.decided) applied = hooks_.decided(step, cluster_);
    apply(std::move(w), step, applied ? *applied : own(step.decision));
  }

  static Applied own(const Decision& d) {
    Applied applied;
    if (d.node != nullptr) {
      applied.node = d.node->name();
      const auto at = std::find(d.feasible.begin(), d.feasible.end(), d.node) - d.feasible.begin();
      if (!d.volumes.empty()) applied.volumes = d.volumes[static_cast<std::size_t>(at)];
    }
    if (d.preempted != nullptr) {
      applied.preempted_node = d.preempted->node->name();
      for (const PodRef& victim : d.preempted->victims) applied.victims.push_back(victim->pod.key());
    }
    return applied;
  }

  // What is to be applied may come from a file.
  void check_binding(const ClaimBinding& binding) const {
    const std::size_t slash = std::min(binding.claim.find('/'), binding.claim.size() - 1);
    const bool claim = !binding.claim.empty() &&
                       cluster_.find_claim(binding.claim.substr(0, slash), binding.claim.substr(slash + 1)) != nullptr;
    const bool volume = (cluster_.find_volume(binding.volume) == nullptr) == binding.provisioned;
    if (claim && volume) return;
    throw InputError(fmt::format(
        "{}: claim \"{}\" cannot be bound to volume \"{}\"; expected a claim that is there and {}", scenario_.file,
        binding.claim, binding.volume, binding.provisioned ? "a new volume" : "a volume that is there"));
  }

  void apply(Waiting w, const Step& step, const Applied& applied) {
    const bool gated = step.decision.result == Decision::Result::kGated;
    cluster_.withdraw_nomination(w.pod.handle);
    if (!applied.node.empty()) {
      const NodeInfo& on = *node(applied.node);
      for (const ClaimBinding& binding : applied.volumes) {
        check_binding(binding);
        if (binding.provisioned) {
          PersistentVolume volume = provisioned_volume(cluster_, binding.claim, on);
          volume.name = binding.volume;
          volume.csi_handle = binding.volume;
          cluster_.provision(std::move(volume));
        }
        cluster_.bind_claim(binding.claim, binding.volume);
      }
      w.pod.start_s = kReplayStart + static_cast<std::int64_t>(step.step);
      place(w.pod, on);
      return;
    }
    if (gated || applied.preempted_node.empty()) return;
    for (const std::string& victim : applied.victims) (void)remove(victim);
    for (Waiting& other : waiting_) {
      if (other.nominated != applied.preempted_node || other.pod->pod.priority >= w.pod->pod.priority) continue;
      cluster_.withdraw_nomination(other.pod.handle);
      other.nominated.clear();
      outcome_.cleared.push_back(other.pod->pod.key());
    }
    constexpr std::uint32_t kAttempts = 3;
    if (w.attempt >= kAttempts) return;
    cluster_.nominate(w.pod, node(applied.preempted_node)->index);
    waiting_.push_back({w.pod, w.attempt + 1, decided_ + scenario_.retry_after, applied.preempted_node});
  }

  const Scenario& scenario_;
  const ReplayHooks& hooks_;
  ClusterState cluster_;
  std::map<std::string, std::unique_ptr<Scheduler>> schedulers_;
  std::map<std::string, std::unique_ptr<FastScheduler>> fast_;  // Empty unless asked for.
  std::map<std::string, std::pair<PodRef, std::uint32_t>> running_;
  std::vector<Waiting> waiting_;  // In the order in which they began to wait.
  std::size_t decided_ = 0;       // Arrivals.
  std::size_t steps_ = 0;
  Outcome outcome_;
};

}  // namespace

void replay(const Scenario& scenario, TieRule ties, std::uint64_t seed, const ReplayHooks& hooks) {
  Replay(scenario, ties, seed, hooks).run();
}

}  // namespace berth::kube

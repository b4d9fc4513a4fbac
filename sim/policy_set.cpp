#include "sim/policy_set.hpp"

#include "policies/autoscalers/pod_autoscaler.hpp"
#include "policies/healer.hpp"
#include "policies/kube_configurable.hpp"
#include "policies/node_autoscaler.hpp"
#include "sim/engine/error.hpp"
#include "sim/kube_config.hpp"
#include "sim/kubelet/image_distribution.hpp"

namespace berth {
namespace {

template <class Kind>
std::vector<Registry<Scheduler>::Info> list() {
  std::vector<Registry<Scheduler>::Info> out;
  for (auto& info : Registry<Kind>::instance().list()) out.push_back({info.name, info.help, info.params});
  return out;
}
template <class Kind>
void check_one(const PolicySpec& spec) {
  Registry<Kind>::instance().make(spec);
}
template <class Kind>
std::string take_trouble() {
  return Registry<Kind>::instance().take_trouble();
}

const PolicyKind& kind_named(std::string_view name, std::string_view what) {
  std::vector<std::string> names;
  std::string all;
  for (const PolicyKind& kind : policy_kinds()) {
    if (name == kind.name) return kind;
    names.emplace_back(kind.name);
    all += (all.empty() ? "" : ", ") + names.back() + "=NAME";
  }
  throw InputError(std::string(what) + " names the kind of policy \"" + std::string(name) + "\"; expected " + all +
                   did_you_mean(std::string(name), names));
}

}  // namespace

const std::vector<PolicyKind>& policy_kinds() {
  static const std::vector<PolicyKind> kinds{
      {Scheduler::kKind, "which node a pod goes to", "least-allocated", list<Scheduler>,
       [](const PolicySpec& spec) { make_scheduler(spec); }, take_trouble<Scheduler>},
      {ImageDistribution::kKind, "where image layers come from", "registry", list<ImageDistribution>,
       check_one<ImageDistribution>, take_trouble<ImageDistribution>},
      {"autoscaler", "how many pods each HorizontalPodAutoscaler's target has", "hpa", list<PodAutoscaler>,
       check_one<PodAutoscaler>, take_trouble<PodAutoscaler>},
      {"nodes", "how many nodes each group has", "fixed", list<NodeAutoscaler>, check_one<NodeAutoscaler>,
       take_trouble<NodeAutoscaler>},
      {Healer::kKind, "what follows a node's failure", "kubernetes", list<Healer>, check_one<Healer>,
       take_trouble<Healer>},
  };
  return kinds;
}

std::unique_ptr<Scheduler> make_scheduler(const PolicySpec& spec) {
  std::unique_ptr<Scheduler> made = Registry<Scheduler>::instance().make(spec);
  if (auto* kube = dynamic_cast<kube::Configurable*>(made.get()); kube != nullptr && !kube->config_file().empty()) {
    kube->configure(kube::load_scheduler_config(kube->config_file()));
  }
  return made;
}

PolicySet PolicySet::parse(std::string_view text, std::string_view what) {
  PolicySet set;
  for (std::string_view piece : split_outside_parentheses(text, '+')) {
    const std::size_t equals = piece.find('=');
    const std::size_t open = piece.find('(');
    std::string kind = Scheduler::kKind;
    if (equals != std::string_view::npos && (open == std::string_view::npos || equals < open)) {
      kind = kind_named(piece.substr(0, equals), what).name;
      piece.remove_prefix(equals + 1);
    }
    if (!set.given.emplace(kind, PolicySpec::parse(piece, what)).second) {
      throw InputError(std::string(what) + " is \"" + std::string(text) + "\": it names two policies of the kind " +
                       kind + "; expected one of each");
    }
  }
  set.check();
  return set;
}

std::vector<PolicySet> PolicySet::parse_list(std::string_view text, std::string_view what) {
  std::vector<PolicySet> sets;
  for (const std::string_view piece : split_outside_parentheses(text, ',')) sets.push_back(parse(piece, what));
  return sets;
}

void PolicySet::check() const {
  for (const auto& [kind, spec] : given) kind_named(kind, "the policy").check(spec);
}

PolicySpec PolicySet::of(std::string_view kind) const {
  const auto it = given.find(std::string(kind));
  if (it != given.end()) return it->second;
  return {kind_named(kind, "the policy").default_policy, {}};
}

std::string PolicySet::to_string() const {
  if (given.size() == 1 && given.begin()->first == Scheduler::kKind) return given.begin()->second.to_string();
  std::string text;
  for (const PolicyKind& kind : policy_kinds()) {
    const auto it = given.find(kind.name);
    if (it != given.end()) text += (text.empty() ? "" : "+") + std::string(kind.name) + "=" + it->second.to_string();
  }
  return text;
}

}  // namespace berth

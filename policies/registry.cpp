#include "policies/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policies/autoscalers/pod_autoscaler.hpp"
#include "policies/healer.hpp"
#include "policies/node_autoscaler.hpp"
#include "sim/engine/error.hpp"
#include "sim/kubelet/image_distribution.hpp"

namespace berth {

template <class Kind>
Registry<Kind>& Registry<Kind>::instance() {
  static Registry registry;
  return registry;
}

template <class Kind>
void Registry<Kind>::add(const char* name, const char* help, Factory factory, int abi) {
  if (abi != kPluginAbi) {
    throw InputError(
        fmt::format("policy \"{}\" was built for plug-in version {}; expected {}: build it anew against the "
                    "installed headers",
                    name, abi, kPluginAbi));
  }
  const auto at = std::lower_bound(items_.begin(), items_.end(), name,
                                   [](const Item& item, const char* n) { return item.name < n; });
  if (at != items_.end() && at->name == name) throw InputError(fmt::format("policy \"{}\" is registered twice", name));
  items_.insert(at, {name, help, factory});
}

template <class Kind>
void Registry<Kind>::add_quietly(const char* name, const char* help, Factory factory, int abi) noexcept {
  try {
    add(name, help, factory, abi);
  } catch (const InputError& e) {
    if (trouble_.empty()) trouble_ = e.what();
  }
}

template <class Kind>
std::unique_ptr<Kind> Registry<Kind>::make(const PolicySpec& spec) const {
  for (const Item& item : items_) {
    if (item.name != spec.name) continue;
    const Params params(spec);
    std::unique_ptr<Kind> policy = item.factory(params);
    params.refuse_unknown();
    return policy;
  }
  std::vector<std::string> names;
  for (const Item& item : items_) names.push_back(item.name);
  throw InputError(fmt::format("unknown {} \"{}\"{}; `berth policies` lists them", Kind::kKind, spec.name,
                               did_you_mean(spec.name, names)));
}

template <class Kind>
std::vector<typename Registry<Kind>::Info> Registry<Kind>::list() const {
  std::vector<Info> infos;
  for (const Item& item : items_) {
    const Params params(PolicySpec{item.name, {}});
    item.factory(params);  // Its constructor declares what it reads.
    infos.push_back({item.name, item.help, params.declared()});
  }
  return infos;
}

template class Registry<Scheduler>;
template class Registry<PodAutoscaler>;
template class Registry<ImageDistribution>;
template class Registry<NodeAutoscaler>;
template class Registry<Healer>;

}  // namespace berth

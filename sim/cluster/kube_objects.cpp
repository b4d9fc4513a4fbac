#include "sim/cluster/kube_objects.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "sim/cluster/quantity.hpp"
#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

constexpr Quantity::Nano kOne = 1'000'000'000;

template <class Items>
auto lower(Items& items, std::string_view name) {
  return std::lower_bound(items.begin(), items.end(), name,
                          [](const auto& item, std::string_view wanted) { return item.first < wanted; });
}

std::int64_t divided_up(Quantity::Nano nano, Quantity::Nano unit) {
  Quantity::Nano whole = nano / unit;
  if (nano % unit > 0) ++whole;
  constexpr Quantity::Nano kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp<Quantity::Nano>(whole, -kMax, kMax));
}

// The forms that nearly all manifests use: up to 15 digits and one of these suffixes. False: take the long way.
bool parse_plain(std::string_view text, Quantity& out) {
  struct Suffix {
    std::string_view text;
    Quantity::Nano factor;
  };
  static constexpr Suffix kPlain[] = {
      {"", kOne},         {"m", kOne / 1000}, {"Ki", kOne << 10},      {"Mi", kOne << 20},
      {"Gi", kOne << 30}, {"k", kOne * 1000}, {"M", kOne * 1'000'000}, {"G", kOne * 1'000'000'000}};
  std::size_t digits = 0;
  std::int64_t number = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    number = 10 * number + (text[digits++] - '0');
    if (digits > 15) return false;
  }
  if (digits == 0) return false;
  for (const Suffix& suffix : kPlain) {
    if (text.substr(digits) != suffix.text) continue;
    out.nano = number * suffix.factor;
    return out.nano <= std::numeric_limits<std::int64_t>::max() * kOne;
  }
  return false;
}

bool parse_integer(std::string_view text, std::int64_t& out) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool contains(const std::vector<std::string>& values, std::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool is_pod_level_resource(std::string_view name) {
  return name == "cpu" || name == "memory" || name.starts_with("hugepages-");
}

ResourceList filled(const ResourceList& requests, const ResourceList* fill) {
  ResourceList out = requests;
  if (fill == nullptr) return out;
  for (const auto& [name, amount] : *fill) {
    if (requests.find(name) == nullptr) out.set(name, amount);
  }
  return out;
}

}  // namespace

StringMap::StringMap(std::vector<std::pair<std::string, std::string>> items) : items_(std::move(items)) {
  std::stable_sort(items_.begin(), items_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (i + 1 < items_.size() && items_[i].first == items_[i + 1].first) continue;
    if (kept != i) items_[kept] = std::move(items_[i]);
    ++kept;
  }
  items_.resize(kept);
}

const std::string* StringMap::find(std::string_view key) const {
  const auto it = lower(items_, key);
  return it != items_.end() && it->first == key ? &it->second : nullptr;
}

void StringMap::set(std::string_view key, std::string_view value) {
  const auto it = lower(items_, key);
  if (it != items_.end() && it->first == key) {
    it->second = value;
  } else {
    items_.emplace(it, key, value);
  }
}

bool StringMap::has_all(const StringMap& wanted) const {
  return std::all_of(wanted.begin(), wanted.end(), [this](const auto& item) {
    const std::string* own = find(item.first);
    return own != nullptr && *own == item.second;
  });
}

std::int64_t Quantity::value() const {
  return divided_up(nano, kOne);
}
std::int64_t Quantity::milli_value() const {
  return divided_up(nano, kOne / 1000);
}

Quantity parse_resource_quantity(std::string_view text, std::string_view resource, std::string_view what) {
  Quantity quantity;
  if (parse_plain(text, quantity)) return quantity;
  // Validates, with the wording that suits the resource; also tells how many decimals fit.
  const bool bytes = resource == "memory" || resource == "ephemeral-storage" || resource == "storage" ||
                     resource.starts_with("hugepages-");
  if (resource == "cpu") (void)parse_cpu_milli(text, what);
  const std::int64_t whole = resource == "cpu" ? parse_quantity(text, what, 0)
                             : bytes           ? parse_bytes(text, what)
                                               : parse_count(text, what);
  int decimals = 9;
  for (std::int64_t limit = 9'000'000'000; decimals > 0 && whole > limit; limit *= 1000) decimals -= 3;
  quantity.nano = parse_quantity(text, what, decimals);
  for (; decimals < 9; ++decimals) quantity.nano *= 10;
  return quantity;
}

const Quantity* ResourceList::find(std::string_view name) const {
  const auto it = lower(items_, name);
  return it != items_.end() && it->first == name ? &it->second : nullptr;
}

void ResourceList::set(std::string_view name, Quantity amount) {
  const auto it = lower(items_, name);
  if (it != items_.end() && it->first == name) {
    it->second = amount;
  } else {
    items_.emplace(it, name, amount);
  }
}

void ResourceList::add(const ResourceList& other) {
  for (const auto& [name, amount] : other.items_) {
    const Quantity* own = find(name);
    set(name, own == nullptr ? amount : *own + amount);
  }
}

void ResourceList::raise_to(const ResourceList& other) {
  for (const auto& [name, amount] : other.items_) {
    const Quantity* own = find(name);
    if (own == nullptr || *own < amount) set(name, amount);
  }
}

const std::int64_t* Resource::find_scalar(std::string_view name) const {
  const auto it = lower(scalar, name);
  return it != scalar.end() && it->first == name ? &it->second : nullptr;
}

std::int64_t Resource::scalar_or_zero(std::string_view name) const {
  const std::int64_t* amount = find_scalar(name);
  return amount == nullptr ? 0 : *amount;
}

void Resource::add(const Resource& other, int sign) {
  const auto change = [sign](std::int64_t& own, std::int64_t by) { own = wrapping_add(own, wrapping_mul(sign, by)); };
  change(milli_cpu, other.milli_cpu);
  change(memory, other.memory);
  change(ephemeral_storage, other.ephemeral_storage);
  for (const auto& [name, amount] : other.scalar) {
    auto it = lower(scalar, name);
    if (it == scalar.end() || it->first != name) it = scalar.emplace(it, name, 0);
    change(it->second, amount);
  }
}

Resource to_resource(const ResourceList& list) {
  Resource out;
  for (const auto& [name, amount] : list) {
    if (name == "cpu") {
      out.milli_cpu = amount.milli_value();
    } else if (name == "memory") {
      out.memory = amount.value();
    } else if (name == "ephemeral-storage") {
      out.ephemeral_storage = amount.value();
    } else if (name == "pods") {
      out.allowed_pods = amount.value();
    } else if (is_scalar_resource_name(name)) {
      out.scalar.emplace_back(name, amount.value());  // The list is sorted, so this is too.
    }
  }
  return out;
}

bool is_extended_resource_name(std::string_view name) {
  const bool native = name.find('/') == std::string_view::npos || name.find("kubernetes.io/") != std::string_view::npos;
  return !native && !name.starts_with("requests.");
}

bool is_scalar_resource_name(std::string_view name) {
  return is_extended_resource_name(name) || name.starts_with("hugepages-") ||
         name.find("kubernetes.io/") != std::string_view::npos || name.starts_with("attachable-volumes-");
}

bool matches(const Requirement& requirement, const StringMap& labels) {
  const std::string* value = labels.find(requirement.key);
  switch (requirement.op) {
    case SelectorOperator::kIn:
      return value != nullptr && contains(requirement.values, *value);
    case SelectorOperator::kNotIn:
      return value == nullptr || !contains(requirement.values, *value);
    case SelectorOperator::kExists:
      return value != nullptr;
    case SelectorOperator::kDoesNotExist:
      return value == nullptr;
    case SelectorOperator::kGt:
    case SelectorOperator::kLt: {
      std::int64_t own = 0;
      std::int64_t bound = 0;
      if (value == nullptr || requirement.values.size() != 1) return false;
      if (!parse_integer(*value, own) || !parse_integer(requirement.values[0], bound)) return false;
      return requirement.op == SelectorOperator::kGt ? own > bound : own < bound;
    }
  }
  return false;
}

bool LabelSelector::matches(const StringMap& labels) const {
  if (nothing) return false;
  return std::all_of(requirements.begin(), requirements.end(),
                     [&labels](const Requirement& r) { return kube::matches(r, labels); });
}

bool matches(const NodeSelectorTerm& term, const StringMap& labels, std::string_view name) {
  if (term.empty()) return false;
  for (const Requirement& requirement : term.match_expressions) {
    if (!matches(requirement, labels)) return false;
  }
  for (const Requirement& requirement : term.match_fields) {
    if (requirement.key != "metadata.name" || requirement.values.size() != 1) return false;
    const bool equal = requirement.values[0] == name;
    if (requirement.op == SelectorOperator::kIn ? !equal : requirement.op == SelectorOperator::kNotIn ? equal : true) {
      return false;
    }
  }
  return true;
}

bool matches(const std::vector<NodeSelectorTerm>& terms, const StringMap& labels, std::string_view name) {
  return std::any_of(terms.begin(), terms.end(),
                     [&](const NodeSelectorTerm& term) { return matches(term, labels, name); });
}

bool matches_required_node_affinity(const Pod& pod, const Node& node) {
  return node.labels.has_all(pod.node_selector) &&
         (!pod.has_node_affinity_terms || matches(pod.required_node_terms, node.labels, node.name));
}

bool tolerates(const Toleration& toleration, const Taint& taint) {
  if (toleration.effect != TaintEffect::kAny && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  std::int64_t own = 0;
  std::int64_t bound = 0;
  switch (toleration.op) {
    case Toleration::Operator::kEqual:
      return toleration.value == taint.value;
    case Toleration::Operator::kExists:
      return true;
    case Toleration::Operator::kLt:
    case Toleration::Operator::kGt:  // Behind a feature gate; where it is off the API server refuses such a pod.
      if (!parse_integer(taint.value, own) || !parse_integer(toleration.value, bound)) return false;
      return toleration.op == Toleration::Operator::kLt ? own < bound : own > bound;
  }
  return false;
}

bool tolerated(const std::vector<Toleration>& tolerations, const Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&taint](const Toleration& toleration) { return tolerates(toleration, taint); });
}

bool tolerates_scheduling(const std::vector<Toleration>& tolerations, const std::vector<Taint>& taints) {
  return std::all_of(taints.begin(), taints.end(), [&tolerations](const Taint& taint) {
    return taint.effect == TaintEffect::kPreferNoSchedule || tolerated(tolerations, taint);
  });
}

std::string claim_name(const Pod& pod, const Volume& volume) {
  if (volume.kind == Volume::Kind::kClaim) return volume.source;
  return volume.kind == Volume::Kind::kEphemeral ? pod.name + "-" + volume.name : std::string();
}

ResourceList pod_requests(const Pod& pod, const RequestOptions& options) {
  ResourceList total;
  for (const Container& container : pod.containers) total.add(filled(container.requests, options.fill));
  ResourceList sidecars;  // Those that have started so far.
  ResourceList peak;
  for (const Container& container : pod.init_containers) {
    ResourceList step = filled(container.requests, options.fill);
    if (container.restart_always) {
      total.add(step);
      sidecars.add(step);
      step = sidecars;
    } else {
      step.add(sidecars);
    }
    peak.raise_to(step);
  }
  total.raise_to(peak);
  if (options.pod_level && pod.has_pod_requests) {
    for (const auto& [name, amount] : pod.pod_requests) {
      if (is_pod_level_resource(name)) total.set(name, amount);
    }
  }
  total.add(pod.overhead);
  return total;
}

const ResourceList& default_requests() {
  static const ResourceList kDefaults = [] {
    ResourceList list;
    list.set("cpu", {kOne / 10});
    list.set("memory", {(Quantity::Nano{200} << 20) * kOne});
    return list;
  }();
  return kDefaults;
}

bool resolve_priority(Pod& pod, const std::vector<PriorityClass>& classes) {
  const PriorityClass* found = nullptr;
  static const PriorityClass kSystem[] = {{"system-cluster-critical", 2'000'000'000, false, false},
                                          {"system-node-critical", 2'000'001'000, false, false}};
  for (const PriorityClass& c : kSystem) {
    if (c.name == pod.priority_class_name) found = &c;
  }
  for (const PriorityClass& c : classes) {
    if (pod.priority_class_name.empty() ? !c.global_default : c.name != pod.priority_class_name) continue;
    // Of several global defaults the one with the lowest value counts.
    if (found == nullptr || !pod.priority_class_name.empty() || c.value < found->value) found = &c;
  }
  if (found == nullptr) {
    pod.priority = pod.given_priority.value_or(0);
    return pod.priority_class_name.empty() || pod.given_priority.has_value();
  }
  pod.priority = pod.given_priority.value_or(found->value);
  if (!pod.has_preemption_policy) pod.never_preempts = found->never_preempts;
  return true;
}

}  // namespace berth::kube

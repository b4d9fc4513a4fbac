#include "policies/node_autoscalers/expanders.hpp"

#include <fmt/format.h>
#include <regex.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "sim/engine/error.hpp"

namespace berth {

struct ExpanderPriority {
  std::int64_t priority = 0;
  std::shared_ptr<const regex_t> pattern;  // POSIX extended.
};

namespace {

constexpr double kGib = 1073741824.0;
constexpr const char* kGpu = "nvidia.com/gpu";

struct Demand {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
};
Demand demand_of(const ExpansionOption& option) {
  Demand sum;
  for (const kube::PodInfo* pod : option.pods) {
    sum.cpu_milli += pod->requests.milli_cpu;
    sum.memory_bytes += pod->requests.memory;
    sum.gpus += pod->requests.scalar_or_zero(kGpu);
  }
  return sum;
}

double pod_price(double cores, double gib, double gpus) {
  return cores * 0.033174 + gib * 0.004446 + gpus * 0.7;
}

std::int64_t cpu_capacity(const NodeGroup& group, const kube::Resource& allocatable) {
  return group.capacity_cpu_milli > 0 ? group.capacity_cpu_milli : allocatable.milli_cpu;
}

// The size of node that a cluster of so many should have: doubled each time the cluster is three times larger.
double preferred_cpu_milli(std::size_t nodes) {
  if (nodes <= 2) return 1'000;
  if (nodes <= 6) return 2'000;
  if (nodes <= 20) return 4'000;
  if (nodes <= 60) return 8'000;
  if (nodes <= 200) return 16'000;
  return 32'000;
}

using Options = std::vector<const ExpansionOption*>;

// Those with the least score; all of them in order.
template <class Score>
Options least(const Options& options, Score score) {
  Options out;
  double best = std::numeric_limits<double>::infinity();
  for (const ExpansionOption* option : options) {
    const double of_this = score(*option);
    if (of_this < best) {
      best = of_this;
      out.clear();
    }
    if (of_this == best) out.push_back(option);
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char joint) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(joint, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

ExpanderPriority parse_priority(std::string_view text, std::string_view what) {
  ExpanderPriority out;
  const std::size_t colon = text.find(':');
  const std::string_view number = text.substr(0, colon);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.priority);
  if (colon == std::string_view::npos || colon + 1 == text.size() || error != std::errc() ||
      end != number.data() + number.size() || out.priority < 0) {
    throw InputError(fmt::format("{}: a priority is \"{}\"; expected NUMBER:REGEX, joined by \";\"", what, text));
  }
  auto* compiled = new regex_t;
  if (regcomp(compiled, std::string(text.substr(colon + 1)).c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    delete compiled;
    throw InputError(
        fmt::format("{}: a priority is \"{}\"; expected a regular expression behind the colon", what, text));
  }
  out.pattern.reset(compiled, [](const regex_t* pattern) {
    regfree(const_cast<regex_t*>(pattern));
    delete pattern;
  });
  return out;
}

}  // namespace

double waste(const ExpansionOption& option, const NodeGroup& group) {
  const kube::Resource allocatable = kube::to_resource(group.node_template.allocatable);
  const Demand demand = demand_of(option);
  const std::int64_t memory = group.capacity_memory_bytes > 0 ? group.capacity_memory_bytes : allocatable.memory;
  const auto share = [&option](std::int64_t capacity, std::int64_t requested) {
    const std::int64_t has = capacity * option.nodes;
    return has > 0 ? static_cast<double>(has - requested) / static_cast<double>(has) : 0.0;
  };
  return share(cpu_capacity(group, allocatable), demand.cpu_milli) + share(memory, demand.memory_bytes);
}

double price_score(const ExpansionOption& option, const NodeGroup& group, std::size_t ready_nodes) {
  const kube::Resource allocatable = kube::to_resource(group.node_template.allocatable);
  const Demand demand = demand_of(option);
  const double steady = pod_price(0.5, 500.0 / 1024, 0);  // A pod of 500 m and 500 MiB, against division by little.
  const double nodes = group.usd_per_hour * option.nodes;
  const double pods = pod_price(static_cast<double>(demand.cpu_milli) / 1000,
                                static_cast<double>(demand.memory_bytes) / kGib, static_cast<double>(demand.gpus));
  double unfitness = 1000;  // Of nodes with GPUs: never for pods that can do without.
  if (allocatable.scalar_or_zero(kGpu) == 0) {
    const double preferred = preferred_cpu_milli(ready_nodes);
    const double cpu = static_cast<double>(cpu_capacity(group, allocatable));
    unfitness = std::max(preferred / cpu, cpu / preferred);
    unfitness = (unfitness - 1) * (1 - std::tanh((option.nodes - 1) / 15.0)) + 1;
  }
  return unfitness * (nodes + steady) / (pods + steady);
}

Expanders::Expanders(std::string_view names, std::string_view priorities, std::string_view what) {
  static const std::vector<std::string> kNames = {"random",      "most-pods", "least-nodes",
                                                  "least-waste", "price",     "priority"};
  for (const std::string_view name : split(names, '+')) {
    const auto found = std::ranges::find(kNames, name);
    if (found == kNames.end()) {
      throw InputError(fmt::format("{}: expander is \"{}\"; expected {}, joined by \"+\"{}", what, name,
                                   fmt::join(kNames, ", "), did_you_mean(name, kNames)));
    }
    const auto kind = static_cast<Kind>(found - kNames.begin());
    if (std::ranges::find(chain_, kind) != chain_.end()) {
      throw InputError(fmt::format("{}: expander names \"{}\" twice; expected each once", what, name));
    }
    chain_.push_back(kind);
  }
  std::vector<ExpanderPriority> lines;
  if (!priorities.empty()) {
    for (const std::string_view part : split(priorities, ';')) lines.push_back(parse_priority(part, what));
  }
  if (lines.empty() && std::ranges::find(chain_, Kind::kPriority) != chain_.end()) {
    throw InputError(
        fmt::format("{}: expander is \"{}\" without priorities; expected priorities=NUMBER:REGEX;…", what, names));
  }
  priorities_ = std::make_shared<const std::vector<ExpanderPriority>>(std::move(lines));
}

const ExpansionOption* Expanders::best(std::span<const ExpansionOption> options, std::span<const NodeGroup> groups,
                                       std::size_t ready_nodes, Rng& rng) const {
  Options left;
  for (const ExpansionOption& option : options) left.push_back(&option);
  for (const Kind kind : chain_) {
    if (left.size() <= 1) break;
    switch (kind) {
      case Kind::kRandom:
        left = {left[rng.below(static_cast<std::uint32_t>(left.size()))]};
        break;
      case Kind::kMostPods:
        left = least(left, [](const ExpansionOption& o) { return -static_cast<double>(o.pods.size()); });
        break;
      case Kind::kLeastNodes:
        left = least(left, [](const ExpansionOption& o) { return static_cast<double>(o.nodes); });
        break;
      case Kind::kLeastWaste:
        left = least(left, [&groups](const ExpansionOption& o) { return waste(o, groups[o.group]); });
        break;
      case Kind::kPrice:
        left = least(left, [&](const ExpansionOption& o) { return price_score(o, groups[o.group], ready_nodes); });
        break;
      case Kind::kPriority: {
        std::int64_t highest = -1;
        Options chosen;
        for (const ExpansionOption* option : left) {
          std::int64_t own = -1;
          for (const ExpanderPriority& p : *priorities_) {
            if (p.priority <= own) continue;
            if (regexec(p.pattern.get(), groups[option->group].name.c_str(), 0, nullptr, 0) == 0) own = p.priority;
          }
          if (own < 0 || own < highest) continue;
          if (own > highest) chosen.clear();
          highest = own;
          chosen.push_back(option);
        }
        if (!chosen.empty()) left = std::move(chosen);  // No group is named: all of them stay.
        break;
      }
    }
  }
  if (left.empty()) return nullptr;
  return left.size() == 1 ? left[0] : left[rng.below(static_cast<std::uint32_t>(left.size()))];
}

}  // namespace berth

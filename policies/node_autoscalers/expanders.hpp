// Which of several node groups gets the new nodes. Expanders are filters in turn; what is left in the end is drawn
// from. Source: cluster-autoscaler expander/{random,mostpods,leastnodes,waste,price,priority,factory/chain.go},
// release 1.37.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/node_autoscalers/estimator.hpp"

namespace berth {

// One node group that would help, and how.
struct ExpansionOption {
  std::uint32_t group = 0;
  std::int32_t nodes = 0;                  // > 0
  std::vector<const kube::PodInfo*> pods;  // That it would take; not empty.
};

struct ExpanderPriority;  // A line of the priority expander's ConfigMap: a number and a regular expression on names.

class Expanders {
 public:
  // `names`: expanders in turn, joined by "+" ("priority+least-waste"); a comma, as the flag has it, ends a parameter.
  // `priorities`: "NUMBER:REGEX;NUMBER:REGEX …" (POSIX extended, found anywhere in the name), needed for the priority
  // expander alone. Throws InputError beginning with `what`.
  Expanders(std::string_view names, std::string_view priorities, std::string_view what);

  // The option to take; null if there is none. `ready_nodes`: in the cluster, for the price expander's idea of a node
  // of the right size. Draws one number if several are left in the end. O(options · pods).
  const ExpansionOption* best(std::span<const ExpansionOption> options, std::span<const NodeGroup> groups,
                              std::size_t ready_nodes, Rng& rng) const;

 private:
  enum class Kind : std::uint8_t { kRandom, kMostPods, kLeastNodes, kLeastWaste, kPrice, kPriority };
  std::vector<Kind> chain_;
  std::shared_ptr<const std::vector<ExpanderPriority>> priorities_;
};

// The scores, less is better; for tests and for who wants to show them.
// Wasted share of cpu plus that of memory: (capacity - requested) / capacity of all new nodes.
double waste(const ExpansionOption& option, const NodeGroup& group);
// Dollars per dollar's worth of pods, worse for nodes that are far from the preferred size. Pods are priced as the GCE
// model does: 0.033174 per core, 0.004446 per GiB, 0.70 per GPU and hour. Source: proposals/pricing.md.
double price_score(const ExpansionOption& option, const NodeGroup& group, std::size_t ready_nodes);

}  // namespace berth

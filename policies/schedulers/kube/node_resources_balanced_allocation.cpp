// NodeResourcesBalancedAllocation: better the node on which the pod makes the used fractions more alike.
// Source: pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go, v1.37.
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cmath>

#include "policies/schedulers/kube/node_resources.hpp"
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

struct Asked : CopiedState<Asked> {
  std::vector<std::int64_t> amounts;  // By balanced resource.
};

using Fractions = boost::container::small_vector<double, 8>;  // No allocation for the usual two or three.

// 100 · (1 - standard deviation of the fractions), truncated. In doubles, in upstream's order of operations.
std::int64_t balance(const Fractions& fractions) {
  double deviation = 0;
  if (fractions.size() == 2) {
    deviation = std::abs((fractions[0] - fractions[1]) / 2);
  } else if (fractions.size() > 2) {
    double total = 0;
    for (const double f : fractions) total += f;
    const double mean = total / static_cast<double>(fractions.size());
    double squares = 0;
    for (const double f : fractions) squares = squares + (f - mean) * (f - mean);
    deviation = std::sqrt(squares / static_cast<double>(fractions.size()));
  }
  return static_cast<std::int64_t>((1 - deviation) * static_cast<double>(kMaxNodeScore));
}

class BalancedAllocation final : public Plugin {
 public:
  explicit BalancedAllocation(const PluginArgs& args)
      : Plugin("NodeResourcesBalancedAllocation"), resources_(args.balanced_resources) {}

  Scope scope() const override { return Scope::kNode; }

  Status pre_score(const Cycle& cycle, CycleState& state, std::span<const NodeInfo* const>) const override {
    auto own = std::make_unique<Asked>();
    for (const std::string& name : resources_) own->amounts.push_back(amount_of(cycle.pod.requests, name));
    const bool best_effort =
        std::all_of(own->amounts.begin(), own->amounts.end(), [](std::int64_t amount) { return amount == 0; });
    state.score[slot()] = std::move(own);
    return best_effort ? skip() : Status{};
  }

  std::int64_t score(const Cycle&, const CycleState& state, const NodeInfo& node) const override {
    const auto& amounts = score_state<Asked>(state).amounts;
    Fractions with;
    Fractions without;
    for (std::size_t i = 0; i < resources_.size(); ++i) {
      const Share share = share_of(node, resources_[i], amounts[i], false);
      if (share.allocatable == 0) continue;
      const auto fraction = [&share](std::int64_t used) {
        return std::min(1.0, static_cast<double>(used) / static_cast<double>(share.allocatable));
      };
      with.push_back(fraction(share.requested));
      without.push_back(fraction(wrapping_sub(share.requested, amounts[i])));
    }
    // 75 = no change.
    return kMaxNodeScore / 2 + (kMaxNodeScore / 2 + balance(with) - balance(without)) / 2;
  }

 private:
  std::vector<std::string> resources_;
};

}  // namespace

std::unique_ptr<Plugin> make_node_resources_balanced_allocation(const PluginArgs& args) {
  return std::make_unique<BalancedAllocation>(args);
}

}  // namespace berth::kube

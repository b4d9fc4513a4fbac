// NodeResourcesBalancedAllocation: better the node on which the pod makes the used fractions more alike.
// Source: pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go, v1.37.
#include <algorithm>
#include <array>
#include <cmath>

#include "policies/schedulers/kube/node_resources.hpp"
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

struct Asked : CopiedState<Asked> {
  std::vector<std::int64_t> amounts;  // By balanced resource.
};

// A short list of numbers; no allocation for the usual two or three.
class Fractions {
 public:
  void push_back(double value) {
    if (size_ < few_.size()) {
      few_[size_] = value;
    } else {
      if (many_.empty()) many_.assign(few_.begin(), few_.end());
      many_.push_back(value);
    }
    ++size_;
  }
  std::size_t size() const { return size_; }
  double operator[](std::size_t i) const { return many_.empty() ? few_[i] : many_[i]; }
  const double* begin() const { return many_.empty() ? few_.data() : many_.data(); }
  const double* end() const { return begin() + size_; }

 private:
  std::array<double, 4> few_;
  std::vector<double> many_;
  std::size_t size_ = 0;
};

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
      : Plugin("NodeResourcesBalancedAllocation"),
        resources_(args.balanced_resources.begin(), args.balanced_resources.end()) {}

  Scope scope() const override { return Scope::kNode; }

  Status pre_score(const Cycle& cycle, CycleState& state, std::span<const NodeInfo* const>) const override {
    auto own = std::make_unique<Asked>();
    for (const ResourceName& name : resources_) own->amounts.push_back(name.of(cycle.pod.requests));
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
      const Share share = resources_[i].share_of(node, amounts[i], false);
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
  std::vector<ResourceName> resources_;
};

}  // namespace

std::unique_ptr<Plugin> make_node_resources_balanced_allocation(const PluginArgs& args) {
  return std::make_unique<BalancedAllocation>(args);
}

}  // namespace berth::kube

// NodeResourcesFit: the node has room for what the pod requests; better the node that the chosen strategy likes.
// Source: pkg/scheduler/framework/plugins/noderesources (fit.go, least_allocated.go, most_allocated.go,
// requested_to_capacity_ratio.go, resource_allocation.go), v1.37.
#include <algorithm>
#include <cmath>

#include "policies/schedulers/kube/node_resources.hpp"
#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

// What the pod counts in scores. Upstream leaves its pod-level requests out here (the flag is not handed on), while
// those of pods on the node count.
struct Asked : CopiedState<Asked> {
  std::vector<std::int64_t> amounts;  // By score resource.
};

class NodeResourcesFit final : public Plugin {
 public:
  explicit NodeResourcesFit(const PluginArgs& args)
      : Plugin("NodeResourcesFit"),
        strategy_(args.strategy),
        resources_(args.fit_resources.begin(), args.fit_resources.end()),
        shape_(args.fit_shape),
        ignored_(args.ignored_resources),
        ignored_groups_(args.ignored_resource_groups) {}

  Scope scope() const override { return Scope::kNode; }

  Status filter(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    Status status;
    status.code = check(cycle.pod.requests, node, [&status](std::string_view lacking) {
      status.reasons.push_back(lacking == "pods" ? "Too many pods" : "Insufficient " + std::string(lacking));
    });
    return status;
  }
  Code admits(const Cycle& cycle, CycleState&, const NodeInfo& node) const override {
    return check(cycle.pod.requests, node, [](std::string_view) {});
  }

  Status pre_score(const Cycle& cycle, CycleState& state, std::span<const NodeInfo* const>) const override {
    const Resource asked = to_resource(pod_requests(cycle.pod.pod, {.pod_level = false, .fill = &default_requests()}));
    auto own = std::make_unique<Asked>();
    for (const Weighted& resource : resources_) own->amounts.push_back(resource.name.of(asked));
    state.score[slot()] = std::move(own);
    return {};
  }

  std::int64_t score(const Cycle&, const CycleState& state, const NodeInfo& node) const override {
    const auto& amounts = score_state<Asked>(state).amounts;
    std::int64_t sum = 0;
    std::int64_t weights = 0;
    for (std::size_t i = 0; i < resources_.size(); ++i) {
      const Share share = resources_[i].name.share_of(node, amounts[i], true);
      if (share.allocatable == 0) continue;
      const std::int64_t of_resource = rate(share);
      if (strategy_ == ScoringStrategy::kRequestedToCapacityRatio && of_resource <= 0) continue;
      sum = wrapping_add(sum, wrapping_mul(of_resource, resources_[i].weight));
      weights += resources_[i].weight;
    }
    if (weights == 0) return 0;
    if (strategy_ != ScoringStrategy::kRequestedToCapacityRatio) return sum / weights;
    return static_cast<std::int64_t>(std::round(static_cast<double>(sum) / static_cast<double>(weights)));
  }

 private:
  // Calls lacks(resource) for each resource that is short.
  template <class Lacks>
  Code check(const Resource& asked, const NodeInfo& node, Lacks lacks) const {
    Code code = Code::kSuccess;
    const auto refuse = [&](std::string_view name, bool forever) {
      lacks(name);
      code = std::max(code, forever ? Code::kUnschedulableAndUnresolvable : Code::kUnschedulable);
    };
    const Resource& has = node.allocatable;
    const Resource& used = node.requested;
    if (static_cast<std::int64_t>(node.pods.size()) + 1 > has.allowed_pods) refuse("pods", false);
    const auto look = [&](std::string_view name, std::int64_t request, std::int64_t allocatable, std::int64_t taken) {
      if (request > 0 && request > wrapping_sub(allocatable, taken)) refuse(name, request > allocatable);
    };
    look("cpu", asked.milli_cpu, has.milli_cpu, used.milli_cpu);
    look("memory", asked.memory, has.memory, used.memory);
    look("ephemeral-storage", asked.ephemeral_storage, has.ephemeral_storage, used.ephemeral_storage);
    for (const auto& [name, request] : asked.scalar) {
      if (request == 0 || ignored(name)) continue;
      look(name, request, has.scalar_or_zero(name), used.scalar_or_zero(name));
    }
    return code;
  }

  std::int64_t rate(const Share& share) const {
    switch (strategy_) {
      case ScoringStrategy::kLeastAllocated:
        if (share.requested > share.allocatable) return 0;
        return wrapping_mul(wrapping_sub(share.allocatable, share.requested), kMaxNodeScore) / share.allocatable;
      case ScoringStrategy::kMostAllocated:
        return wrapping_mul(std::min(share.requested, share.allocatable), kMaxNodeScore) / share.allocatable;
      case ScoringStrategy::kRequestedToCapacityRatio:
        break;
    }
    if (share.requested > share.allocatable) return evaluate_shape(shape_, 100);
    return evaluate_shape(shape_, wrapping_mul(share.requested, 100) / share.allocatable);
  }

  bool ignored(const std::string& name) const {
    if (!is_extended_resource_name(name)) return false;
    return std::find(ignored_.begin(), ignored_.end(), name) != ignored_.end() ||
           std::find(ignored_groups_.begin(), ignored_groups_.end(), name.substr(0, name.find('/'))) !=
               ignored_groups_.end();
  }

  ScoringStrategy strategy_;
  struct Weighted {
    explicit Weighted(const ResourceWeight& resource) : name(resource.name), weight(resource.weight) {}
    ResourceName name;
    std::int64_t weight;
  };
  std::vector<Weighted> resources_;
  std::vector<ShapePoint> shape_;
  std::vector<std::string> ignored_;
  std::vector<std::string> ignored_groups_;
};

}  // namespace

ResourceName::ResourceName(std::string name)
    : name_(std::move(name)),
      kind_(name_ == "cpu"                 ? Kind::kCpu
            : name_ == "memory"            ? Kind::kMemory
            : name_ == "ephemeral-storage" ? Kind::kEphemeralStorage
                                           : Kind::kOther),
      scalar_(is_scalar_resource_name(name_)) {}

std::int64_t ResourceName::of(const Resource& resource) const {
  switch (kind_) {
    case Kind::kCpu:
      return resource.milli_cpu;
    case Kind::kMemory:
      return resource.memory;
    case Kind::kEphemeralStorage:
      return resource.ephemeral_storage;
    case Kind::kOther:
      break;
  }
  return resource.scalar_or_zero(name_);
}

Share ResourceName::share_of(const NodeInfo& node, std::int64_t pod_amount, bool non_zero) const {
  if (pod_amount == 0 && scalar_) return {};
  std::int64_t used = of(node.requested);
  if (non_zero && kind_ == Kind::kCpu) used = node.non_zero_milli_cpu;
  if (non_zero && kind_ == Kind::kMemory) used = node.non_zero_memory;
  return {wrapping_add(used, pod_amount), of(node.allocatable)};
}

std::unique_ptr<Plugin> make_node_resources_fit(const PluginArgs& args) {
  return std::make_unique<NodeResourcesFit>(args);
}

}  // namespace berth::kube

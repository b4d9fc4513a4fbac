// One pod against a few nodes under one policy, for table tests: `bind_one("best-fit", nodes, ask)` → "b".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/registry.hpp"
#include "tests/support/cluster_builder.hpp"

namespace berth::test {

// What the workload is said to consist of, for policies that want to know.
using Mix = std::vector<std::pair<Ask, std::uint64_t>>;

// A harness with these nodes, and a policy that was told of them.
class Table {
 public:
  Table(std::string_view policy, const std::vector<NodeRow>& nodes, const Mix& mix = {})
      : scheduler(Registry<Scheduler>::instance().make(PolicySpec::parse(policy, "test"))) {
    for (const NodeRow& node : nodes) harness.add_node(node);
    Catalog& catalog = harness.cluster.catalog();
    for (const auto& [ask, count] : mix) counts_.push_back({catalog.intern(template_of(catalog, ask)), count});
    scheduler->prepare(harness.cluster, counts_);
    harness.cluster.set_listener(scheduler->listener());
  }
  void schedule() { scheduler->schedule({harness.cluster, harness.engine.now(), rng}, harness.actions); }
  // Creates a pod, lets the policy look, and says where the pod is: "a", "a:0-1" with its GPUs, or "<pending>".
  std::string place(const Ask& ask) {
    const PodId pod = harness.create(ask);
    schedule();
    return where(pod);
  }
  std::string where(PodId pod) const {
    std::string text = harness.where(pod);
    const GpuMask gpus = harness.cluster.pods().gpus[index(pod)];
    const char* before = ":";
    for (unsigned i = 0; i < kMaxGpusPerNode; ++i) {
      if (((gpus >> i) & 1) == 0) continue;
      text += before + std::to_string(i);
      before = "-";
    }
    return text;
  }

  Harness harness;
  std::unique_ptr<Scheduler> scheduler;
  Rng rng{1, 0, 0, Purpose::kTest};

 private:
  std::vector<TemplateCount> counts_;
};

// `mix` is the ask itself if none is given.
inline std::string bind_one(std::string_view policy, const std::vector<NodeRow>& nodes, const Ask& ask, Mix mix = {}) {
  if (mix.empty()) mix = {{ask, 1}};
  return Table(policy, nodes, mix).place(ask);
}

}  // namespace berth::test

// A scenario made ready for one seed: which nodes in which order, which pods when, what the mix is. Worked out once per
// (scenario, seed) and shared by all policies, so that they meet the same input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "workloads/event_order.hpp"
#include "workloads/faults/fault_draw.hpp"
#include "workloads/scenario.hpp"

namespace berth {

struct SeedInputs {
  Survey survey;                         // With the catalog as it is when the last pod has come.
  std::vector<NodeSpec> nodes;           // By NodeId. In the fill protocol by rank, so that ties go to the lowest rank.
  std::vector<std::uint32_t> node_rows;  // By NodeId: row in the scenario's list of nodes.
  std::shared_ptr<const MemoryWorkload> pods;  // Fill only: all pods, clones not counted.
  std::vector<std::uint32_t> pod_rows;         // Fill only: the row of each arrival in turn.
  std::vector<FaultEvent> strikes;             // Of the scenario's fault plan; the same for all policies.
  bool drawn_order = false;                    // Fill only: the order is Berth's own, no file gave it.
};

// The published order of the fill protocol for this scenario and seed, `<order_dir>/<scenario>_seed<seed>.csv`; empty
// if there is none (or the scenario does not fill), and then Berth draws its own.
std::filesystem::path order_file(const std::filesystem::path& order_dir, const Scenario& scenario, std::uint64_t seed);

class ScenarioInputs {
 public:
  // `order_dir`: folder of `<scenario>_seed<seed>.csv`, the published orders of the fill protocol; empty: none. Where a
  // file is missing the order is drawn from Berth's own streams. The scenario must outlive this. Throws InputError for
  // a cluster without nodes, and for the fill protocol on one without GPUs.
  ScenarioInputs(const Scenario& scenario, std::filesystem::path order_dir);

  const Scenario& scenario() const { return scenario_; }
  // O(pods) at the first call for a seed. Thread-safe; throws InputError.
  std::shared_ptr<const SeedInputs> of(std::uint64_t seed);
  // The pods of that seed, from the first. `catalog` begins as a copy of inputs.survey.catalog.
  std::unique_ptr<ArrivalStream> open(const SeedInputs& inputs, Catalog& catalog, std::uint64_t seed) const;

 private:
  struct Slot {
    std::once_flag once;
    std::shared_ptr<const SeedInputs> inputs;
  };
  SeedInputs prepare(std::uint64_t seed) const;

  const Scenario& scenario_;
  std::filesystem::path order_dir_;
  std::mutex mutex_;
  std::map<std::uint64_t, Slot> slots_;
};

}  // namespace berth

// How much of the free GPU capacity a target workload could not use: the fragmentation measure of Weng et al., "Beware
// of Fragmentation" (USENIX ATC 2023), as its artifact computes it, to the last bit.
//
// F(node) = sum over task shapes m of p_m · (free milli-GPU of the node that m cannot use). A shape is (cpu, GPU share,
// number of GPUs, models); p_m is its share among the most common shapes that make up 95 % of the tasks. Memory plays
// no part. For the seven classes see class_of() in the source file.
//
// F depends on the node only through its GPU model, the multiset of its free GPU shares, and how its free cpu compares
// with the shapes' requests. States recur by the thousand, so values are kept in a hash table under a 128-bit key that
// is a sum of random words, one per GPU share: taking a share from a GPU changes the key by two additions. Two states
// share a key with probability below 10^-25 in a run of 10^6 states.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/cluster.hpp"

namespace berth {

// Milli-GPU by class of unusability; see fragmentation.cpp. `total()` is F.
struct FragmentParts {
  double q1 = 0, q2 = 0, q3 = 0, q4 = 0, xl = 0, xr = 0, na = 0;
  double total() const { return q1 + q2 + q4 + xl + xr + na; }  // In this order; Q3 is usable.
};

class Fragmentation {
 public:
  // `mix`: the workload's templates with their counts. Template ids refer to `catalog`.
  Fragmentation(const Catalog& catalog, std::span<const TemplateCount> mix);

  // Free resources of a node, as F sees them; cheap to derive from one another.
  struct State {
    std::uint64_t key_low = 0;
    std::uint64_t key_high = 0;
    std::uint16_t cpu_rank = 0;  // How many of the shapes' distinct cpu requests are <= the free cpu.
    std::uint8_t model = 0xFF;
    std::uint8_t gpus = 0;
    std::array<std::uint16_t, kMaxGpusPerNode> free_milli{};
  };
  State state(std::int64_t cpu_free_milli, GpuModelId model, std::span<const std::uint16_t> gpu_free_milli) const;
  std::uint16_t cpu_rank(std::int64_t cpu_free_milli) const;
  // Takes `milli` of GPU `gpu`.
  void take(State& state, std::size_t gpu, std::uint16_t milli) const;

  // F in milli-GPU. O(1) expected for a state met before, O(shapes · GPUs) otherwise. Not thread-safe.
  double of(const State& state);
  // The same, by class; never from the table.
  FragmentParts parts(const State& state) const;

  std::size_t shapes() const { return shapes_.size(); }

 private:
  struct Shape {
    std::int64_t cpu_milli;
    std::uint16_t cpu_rank;  // c >= cpu_milli if and only if the state's rank > this.
    std::uint16_t gpu_milli;
    std::uint16_t gpu_count;
    std::uint64_t models;
    double share;
  };
  struct Slot {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    double value = 0;
  };
  void grow();

  std::vector<Shape> shapes_;
  std::vector<std::int64_t> cpu_steps_;  // Distinct cpu requests, ascending.
  std::vector<Slot> table_;              // Open addressing; low = high = 0 is empty. A power of two in size.
  std::size_t used_ = 0;
};

}  // namespace berth

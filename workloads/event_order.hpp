// The order of the fragmentation experiment: which pods of a trace arrive one after another, some of them several
// times, and how the nodes rank when scores tie. Read from a file (the published orders) or drawn by Berth itself.
// Model: Weng et al., "Beware of Fragmentation", USENIX ATC 2023, with its artifact's rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "workloads/workload.hpp"

namespace berth {

struct EventOrder {
  std::vector<std::uint32_t> nodes;  // Rows of the node file by rank, lowest first: a permutation.
  std::vector<std::uint32_t> pods;   // Rows of the pod file by arrival; a row that comes again is a clone.
  friend bool operator==(const EventOrder&, const EventOrder&) = default;
};

// Reads `kind,row`: kind `node` or `pod`, row 0-based. Throws InputError unless the node rows are a permutation of
// 0 .. nodes-1 and every pod row is below `pods`, and for what CsvReader rejects. O(rows).
EventOrder read_event_order(const std::filesystem::path& path, std::size_t nodes, std::size_t pods);

// Draws an order by the artifact's rules from Berth's own streams, so not the artifact's orders:
//  1. The pods are shuffled (Purpose::kPodOrder).
//  2. With R the milli-GPU of all pods and T = `load` * `cluster_gpu_milli`: while R < T, a pod drawn from the file
//     order with replacement is appended, until one has R + gpu_milli > T, which is left out (gpu_milli, not times the
//     number of GPUs: the artifact's quirk, so R may pass T by at most the GPUs of one pod less one). If R > T, pods
//     drawn from the shuffled list are deleted until R <= T (both Purpose::kClones).
//  3. The nodes are shuffled (Purpose::kNodeOrder).
// `load` is a share, 1.3 = 130 %, > 0. Throws InputError for loads out of range, no nodes, and if pods without GPUs
// should be cloned. O(pods in the order, plus pods squared for deletions at worst).
EventOrder own_order(const MemoryWorkload& workload, std::size_t nodes, std::int64_t cluster_gpu_milli, double load,
                     std::uint64_t seed);

}  // namespace berth

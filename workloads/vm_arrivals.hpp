// Virtual machines as pods, a row each: `arrival_s,batch,vcpu,mem_gb,lifetime_min_s,lifetime_max_s,
// still_running_at_end`, the table of Azure's 2017 trace. Lifetimes are bins [min, max), so they are drawn or chosen.
#pragma once

#include <cstdint>
#include <filesystem>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"

namespace berth {

enum class BinnedLifetime { kDraw, kMidpoint, kMin, kMax };

struct VmArrivalsOptions {
  // kDraw: uniform in the bin, from a stream of the row's own. The bounds would let whole batches end in step.
  BinnedLifetime lifetime = BinnedLifetime::kDraw;
  std::uint64_t seed = 1;  // Of kDraw: a trace gives the same pods to every run, so this is not the run's seed.
};

// One pod per VM, named `vm-<row>`, sorted by arrival_s (stable); 1 vCPU is 1000 millicores, 1 GB of the source 2^30
// bytes (Azure's sizes are powers of two). A VM still running at the trace's end stays for good. `report` is
// overwritten. Throws InputError for a bin that ends before it begins, and for what CsvReader rejects.
// O(rows log rows).
MemoryWorkload import_vm_arrivals(const std::filesystem::path& path, Catalog catalog, const VmArrivalsOptions& options,
                                  ImportReport& report);

}  // namespace berth

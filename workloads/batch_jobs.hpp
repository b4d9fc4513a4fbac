// HPC batch jobs as pods, a row each: `job,submit_s,duration_s,cores`, the table of the SURF Lisa cluster (2022).
#pragma once

#include <cstdint>
#include <filesystem>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"

namespace berth {

struct BatchJobsOptions {
  std::int64_t memory_per_core_bytes = 0;  // Memory is not in the source.
};

// One pod per job, named by `job`, sorted by submit_s (stable). `report` is overwritten. Throws InputError for two jobs
// of one name, a job without cores, a request beyond 2^63-1 bytes, and for what CsvReader rejects. O(rows log rows).
MemoryWorkload import_batch_jobs(const std::filesystem::path& path, Catalog catalog, const BatchJobsOptions& options,
                                 ImportReport& report);

}  // namespace berth

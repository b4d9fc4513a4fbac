// Deep-learning jobs as pods: `submit_s,duration_s,gpus,cluster`, the table of Microsoft's Philly cluster (2017).
#pragma once

#include <cstdint>
#include <filesystem>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"

namespace berth {

struct GpuJobsOptions {
  std::int64_t gpus_per_pod = 8;  // GPUs of one machine; 1 .. kMaxGpusPerNode.
  // CPU and memory are not in the source. The median 2-, 4- and 8-GPU task of the openb trace asks for 8.1 cores and
  // 32.25 GiB per GPU.
  std::int64_t cpu_milli_per_gpu = 8'000;
  std::int64_t memory_bytes_per_gpu = std::int64_t{32} << 30;
};

// Whole GPUs of any model; `cluster` (the virtual cluster) becomes the namespace. A job with more than gpus_per_pod
// GPUs becomes ceil(gpus / gpus_per_pod) pods of the same times, full ones first: 12 are 8 + 4. They are scheduled each
// for itself; gangs are not modelled. Sorted by submit_s (stable).
// PodArrival::row counts pods in file order, so that it names one pod each; the pod's name tells the job: `job-<file
// row>`, or `job-<file row>-<k>`, k from 0, where it was split. The report counts file rows and is overwritten.
// Throws InputError for options out of range and for what CsvReader rejects. O(rows log rows).
MemoryWorkload import_gpu_jobs(const std::filesystem::path& path, Catalog catalog, const GpuJobsOptions& options,
                               ImportReport& report);

}  // namespace berth

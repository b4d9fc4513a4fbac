// The tasks of the openb trace (Alibaba cluster-trace-gpu-v2023) as pods, a row each:
// `name,cpu_milli,memory_mib,num_gpu,gpu_milli` and, but for the multigpu variants, `gpu_spec,qos,pod_phase,
// creation_time,deletion_time,scheduled_time`.
#pragma once

#include <filesystem>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"

namespace berth {

enum class OpenbOrder {
  kReplay,  // By creation_time, rows of one second in file order; run times from the trace.
  kFill,    // File order, row k at k seconds, and pods stay for good: the fragmentation experiment's input.
};

struct OpenbOptions {
  OpenbOrder order = OpenbOrder::kReplay;
  // Labels `qos` and `pod_phase` on the pods. Off, because a label makes a template of its own: the fragmentation
  // experiment groups tasks by resources alone, and scores are cached per template.
  bool label_qos = false;
  bool label_pod_phase = false;
};

// Reads the file into memory; PodArrival::row is the 0-based row of the file in both orders. `catalog` should hold the
// nodes' GPU models: a model of gpu_spec that it lacks is added and noted. `report` is overwritten.
// In replay a pod runs from scheduled_time to deletion_time, or from creation_time if it never was scheduled; without a
// deletion_time it runs for good. Rows whose times run backwards are skipped, a reason each. A file without
// creation_time gives the same arrivals as kFill, with a note.
// Throws InputError for two rows of one name, GPU fields that contradict each other (num_gpu 0 has gpu_milli 0; 1 has
// 1..1000; several have 1000 each), and for what CsvReader rejects. O(rows log rows) in replay, else O(rows).
MemoryWorkload import_openb(const std::filesystem::path& path, Catalog catalog, const OpenbOptions& options,
                            ImportReport& report);

}  // namespace berth

// Nodes from a table, a row each: `sn,cpu_milli,memory_mib,gpu,model`, the node list of the openb trace.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"

namespace berth {

struct NodesCsvOptions {
  std::int64_t pods = 1001;  // Pods that a node takes: the fragmentation experiment's figure.
};

// The nodes in file order, their GPU models interned in `catalog`; `report` is overwritten. Throws InputError for two
// nodes of one name, GPUs without a model or a model without GPUs, more than kMaxGpusPerNode GPUs, and for what
// CsvReader rejects. O(rows).
std::vector<NodeSpec> read_nodes_csv(const std::filesystem::path& path, Catalog& catalog,
                                     const NodesCsvOptions& options, ImportReport& report);

}  // namespace berth

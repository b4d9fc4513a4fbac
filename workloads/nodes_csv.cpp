#include "workloads/nodes_csv.hpp"

#include <fmt/format.h>

#include <string>
#include <unordered_map>

#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kName, kCpuMilli, kMemoryMib, kGpu, kModel };

// Far beyond any machine, and small enough that sums over a million nodes stay within 63 bits.
constexpr std::int64_t kMaxCpuMilli = 1'000'000'000'000;
constexpr std::int64_t kMaxMemoryMib = std::int64_t{1} << 22;
constexpr std::int64_t kBytesPerMib = 1 << 20;

GpuModelId read_model(const CsvReader& csv, std::int64_t gpus, Catalog& catalog) {
  const std::string_view model = csv.text(kModel);
  if (gpus == 0) {
    if (!model.empty()) csv.fail(kModel, ", but the node has no GPU", "an empty field");
    return kNoGpuModel;
  }
  if (model.empty()) csv.fail(kModel, ", but the node has GPUs", "the name of their model");
  if (model.find('|') != std::string_view::npos) csv.fail(kModel, "", "one model, without \"|\"");
  try {
    return catalog.gpu_model(model);
  } catch (const InputError& error) {
    throw InputError(to_string(csv.place(kModel)) + ": " + error.what());
  }
}

}  // namespace

std::vector<NodeSpec> read_nodes_csv(const std::filesystem::path& path, Catalog& catalog,
                                     const NodesCsvOptions& options, ImportReport& report) {
  report = {};
  CsvReader csv(path, {"sn", "cpu_milli", "memory_mib", "gpu", "model"}, {});
  std::vector<NodeSpec> nodes;
  std::unordered_map<std::string, std::size_t> line_of;  // By name, for the message alone.
  while (csv.next()) {
    NodeSpec node;
    node.name = csv.text(kName);
    if (node.name.empty()) csv.fail(kName, "", "the node's name");
    const auto [first, is_new] = line_of.emplace(node.name, csv.line());
    if (!is_new) csv.fail(kName, fmt::format(", as on line {}", first->second), "a name that no other node has");
    node.allocatable.cpu_milli = csv.integer(kCpuMilli, 0, kMaxCpuMilli);
    node.allocatable.memory_bytes = csv.integer(kMemoryMib, 0, kMaxMemoryMib) * kBytesPerMib;
    node.pods = options.pods;
    const std::int64_t gpus = csv.integer(kGpu, 0, kMaxGpusPerNode);
    node.gpu_count = static_cast<std::uint16_t>(gpus);
    node.gpu_model = read_model(csv, gpus, catalog);
    nodes.push_back(std::move(node));
  }
  report.rows_read = report.rows_used = nodes.size();
  note_columns_not_read(csv, report);
  return nodes;
}

}  // namespace berth

// How fast real tables become workloads, and how fast Berth's own trace format is written and read back. Rows or pods
// per CPU second, file in the page cache.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "tests/bench/harness.hpp"
#include "tests/bench/replay_case.hpp"
#include "workloads/nodes_csv.hpp"
#include "workloads/openb.hpp"
#include "workloads/trace.hpp"
#include "workloads/vm_arrivals.hpp"

namespace berth::bench {
namespace {

std::filesystem::path data(const char* relative) {
  return std::filesystem::path(BERTH_SHARED_DIR) / "data" / relative;
}
std::filesystem::path scratch_trace() {
  return std::filesystem::temp_directory_path() / fmt::format("berth-bench-{}.pb.zst", getpid());
}

// Sets the counters, or skips where the data folder is not there.
template <class Import>
void import_rows(benchmark::State& state, const std::filesystem::path& path, Import import) {
  if (!std::filesystem::exists(path)) {
    state.counters["items"] = 0;
    state.SetLabel("no " + path.string());
    for (auto _ : state) {
    }
    return;
  }
  ImportReport report;
  for (auto _ : state) import(path, report);
  if (report.rows_used == 0) state.SkipWithError("no row was used");
  state.counters["items"] = static_cast<double>(report.rows_read);
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(path));
}

std::uint64_t trace_pods() {
  return sized(1'000'000, 2'000);
}
const MemoryWorkload& trace_source() {
  static const std::shared_ptr<const MemoryWorkload> kSource = replay_workload(trace_pods(), true);
  return *kSource;
}

void write(benchmark::State& state) {
  const MemoryWorkload& source = trace_source();
  std::uint64_t pods = 0;
  for (auto _ : state) pods = write_trace(scratch_trace(), {}, {}, source, 0, 0);
  if (pods != trace_pods()) state.SkipWithError("pods were lost");
  state.counters["items"] = static_cast<double>(pods);
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(scratch_trace()));
  std::filesystem::remove(scratch_trace());
}

void read(benchmark::State& state) {
  write_trace(scratch_trace(), {}, {}, trace_source(), 0, 0);
  std::uint64_t pods = 0;
  for (auto _ : state) {
    const TraceWorkload trace(scratch_trace());
    Catalog catalog = trace.catalog();
    const std::unique_ptr<ArrivalStream> stream = trace.open(catalog, 0, 0);
    std::array<PodArrival, 256> batch;
    while (const std::size_t n = stream->next(batch)) pods += n;
  }
  if (pods != trace_pods()) state.SkipWithError("pods were lost");
  state.counters["items"] = static_cast<double>(pods);
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(scratch_trace()));
  std::filesystem::remove(scratch_trace());
}

}  // namespace

void register_benchmarks() {
  in_turn({{"import/openb-pods",
            [](benchmark::State& s) {
              import_rows(s, data("openb/openb_pod_list_default.csv"),
                          [](const auto& path, ImportReport& report) { import_openb(path, {}, {}, report); });
            }},
           {"import/openb-nodes",
            [](benchmark::State& s) {
              import_rows(s, data("openb/openb_node_list_all_node.csv"), [](const auto& path, ImportReport& report) {
                Catalog catalog;
                read_nodes_csv(path, catalog, {}, report);
              });
            }},
           {"import/vm-arrivals",
            [](benchmark::State& s) {
              import_rows(s, data("vm-arrivals-azure2017/vm_arrivals.csv"),
                          [](const auto& path, ImportReport& report) { import_vm_arrivals(path, {}, {}, report); });
            }},
           {"trace/write", write},
           {"trace/read", read}});
}

void print_tables(const Results& results) {
  fmt::print("Import, best of {}\n{:<20} {:>10} {:>12} {:>10} {:>12} {:>10}\n", turns(), "", "rows", "bytes/row",
             "CPU s", "rows/s", "MB/s");
  for (const char* name :
       {"import/openb-pods", "import/openb-nodes", "import/vm-arrivals", "trace/write", "trace/read"}) {
    if (!results.has(name) || results.counter(name, "items") == 0) continue;
    const double rows = results.counter(name, "items");
    const double bytes = results.counter(name, "bytes");
    fmt::print("{:<20} {:>10.0f} {:>12.1f} {:>10.4f} {:>12.0f} {:>10.1f}\n", name, rows, bytes / rows,
               results.seconds(name), results.rate(name), bytes / results.seconds(name) / 1e6);
  }
}

}  // namespace berth::bench

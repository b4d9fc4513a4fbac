#include "workloads/vm_arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>
#include <utility>

#include "sim/engine/rng.hpp"
#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kArrival, kBatch, kVcpu, kMemory, kMin, kMax, kStillRunning };
constexpr std::int64_t kMaxVcpu = 1'000'000;
constexpr double kMaxMemoryGb = 1 << 22;
constexpr double kBytesPerGb = 1 << 30;

Duration choose(const VmArrivalsOptions& options, Duration min, Duration max, std::uint32_t row) {
  switch (options.lifetime) {
    case BinnedLifetime::kMin:
      return min;
    case BinnedLifetime::kMax:
      return max;
    case BinnedLifetime::kMidpoint:
      return min + (max - min) / 2;
    case BinnedLifetime::kDraw:
      break;
  }
  if (min == max) return min;
  Rng rng(options.seed, 0, row, Purpose::kRunTimes);
  return min + nanoseconds(static_cast<std::int64_t>(rng.below64(static_cast<std::uint64_t>((max - min).ns))));
}

const char* describe(BinnedLifetime lifetime) {
  switch (lifetime) {
    case BinnedLifetime::kMin:
      return "the bin's lower bound";
    case BinnedLifetime::kMax:
      return "the bin's upper bound";
    case BinnedLifetime::kMidpoint:
      return "the bin's midpoint";
    case BinnedLifetime::kDraw:
      break;
  }
  return "drawn uniformly from the bin";
}

}  // namespace

MemoryWorkload import_vm_arrivals(const std::filesystem::path& path, Catalog catalog, const VmArrivalsOptions& options,
                                  ImportReport& report) {
  report = {};
  CsvReader csv(
      path, {"arrival_s", "batch", "vcpu", "mem_gb", "lifetime_min_s", "lifetime_max_s", "still_running_at_end"}, {});
  std::vector<PodArrival> arrivals;
  std::vector<std::string> names;
  std::unordered_set<std::int64_t> batches;  // Counted, never iterated.
  std::uint64_t still_running = 0;
  while (csv.next()) {
    PodTemplate pod;
    pod.request.cpu_milli = csv.integer(kVcpu, 1, kMaxVcpu) * 1000;
    pod.request.memory_bytes = std::llround(csv.number(kMemory, 0, kMaxMemoryGb) * kBytesPerGb);
    const Duration min = csv.seconds(kMin);
    const Duration max = csv.seconds(kMax);
    if (max < min) csv.fail(kMax, ", before lifetime_min_s", "the end of the bin");
    batches.insert(csv.integer(kBatch));

    PodArrival arrival;
    arrival.at = Time{} + csv.seconds(kArrival);
    arrival.row = csv.row();
    if (csv.integer(kStillRunning, 0, 1) == 1) {
      ++still_running;
    } else {
      arrival.run_time = choose(options, min, max, arrival.row);
    }
    arrival.pod_template = catalog.intern(pod);
    arrivals.push_back(arrival);
    names.push_back("vm-" + std::to_string(arrival.row));
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const PodArrival& a, const PodArrival& b) { return a.at < b.at; });
  report.rows_read = report.rows_used = arrivals.size();
  note_columns_not_read(csv, report);
  report.notes.push_back(fmt::format("{} batches (the VMs of one request) are not kept together", batches.size()));
  report.notes.push_back(std::string("lifetimes are bins in the source: each is ") + describe(options.lifetime));
  report.notes.push_back(
      fmt::format("{} VMs were still running at the trace's end: they stay for good", still_running));
  report.notes.push_back("VMs that ran before the first arrival are not in the source: a replay begins empty");
  return MemoryWorkload(std::move(catalog), std::move(arrivals), std::move(names));
}

}  // namespace berth

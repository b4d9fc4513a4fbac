#include "workloads/batch_jobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "sim/cluster/quantity.hpp"
#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kJob, kSubmit, kDuration, kCores };
constexpr std::int64_t kMaxCores = 1'000'000'000;

}  // namespace

MemoryWorkload import_batch_jobs(const std::filesystem::path& path, Catalog catalog, const BatchJobsOptions& options,
                                 ImportReport& report) {
  report = {};
  if (options.memory_per_core_bytes < 0) {
    throw InputError(fmt::format("memory_per_core is {} bytes; expected 0 or more", options.memory_per_core_bytes));
  }
  CsvReader csv(path, {"job", "submit_s", "duration_s", "cores"}, {});
  std::vector<PodArrival> arrivals;
  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> line_of;  // By name, for the message alone.
  while (csv.next()) {
    std::string name(csv.text(kJob));
    if (name.empty()) csv.fail(kJob, "", "the job's name");
    const auto [first, is_new] = line_of.emplace(name, csv.line());
    if (!is_new) csv.fail(kJob, fmt::format(", as on line {}", first->second), "a name that no other job has");
    names.push_back(std::move(name));

    const std::int64_t cores = csv.integer(kCores, 1, kMaxCores);
    PodTemplate pod;
    pod.request.cpu_milli = cores * 1000;
    if (__builtin_mul_overflow(cores, options.memory_per_core_bytes, &pod.request.memory_bytes)) {
      csv.fail(kCores, ", too many at this memory_per_core", "a request of less than 2^63 bytes");
    }
    PodArrival arrival;
    arrival.at = Time{} + csv.seconds(kSubmit);
    arrival.run_time = csv.seconds(kDuration);
    arrival.row = csv.row();
    arrival.pod_template = catalog.intern(pod);
    arrivals.push_back(arrival);
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const PodArrival& a, const PodArrival& b) { return a.at < b.at; });
  report.rows_read = report.rows_used = arrivals.size();
  note_columns_not_read(csv, report);
  report.notes.push_back("memory is not in the source: pods ask for " + format_bytes(options.memory_per_core_bytes) +
                         " per core");
  return MemoryWorkload(std::move(catalog), std::move(arrivals), std::move(names));
}

}  // namespace berth

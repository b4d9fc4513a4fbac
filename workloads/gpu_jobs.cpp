#include "workloads/gpu_jobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "sim/cluster/quantity.hpp"
#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kSubmit, kDuration, kGpus, kCluster };
constexpr std::int64_t kMaxGpus = 65'536;

void check_option(const char* name, std::int64_t value, std::int64_t min, std::int64_t max) {
  if (value < min || value > max) {
    throw InputError(fmt::format("{} is {}; expected {} to {}", name, value, min, max));
  }
}

}  // namespace

MemoryWorkload import_gpu_jobs(const std::filesystem::path& path, Catalog catalog, const GpuJobsOptions& options,
                               ImportReport& report) {
  report = {};
  constexpr std::int64_t kMaxGpusPerPod = kMaxGpusPerNode;
  check_option("gpus_per_pod", options.gpus_per_pod, 1, kMaxGpusPerPod);
  check_option("cpu_milli_per_gpu", options.cpu_milli_per_gpu, 0, kMaxInteger / kMaxGpusPerPod);
  check_option("memory_bytes_per_gpu", options.memory_bytes_per_gpu, 0, kMaxInteger / kMaxGpusPerPod);
  CsvReader csv(path, {"submit_s", "duration_s", "gpus", "cluster"}, {});
  std::vector<PodArrival> arrivals;
  std::vector<std::string> names;
  std::uint64_t split_jobs = 0;
  std::uint64_t split_pods = 0;
  while (csv.next()) {
    ++report.rows_read;
    PodArrival arrival;
    arrival.at = Time{} + csv.seconds(kSubmit);
    arrival.run_time = csv.seconds(kDuration);
    if (csv.empty(kCluster)) csv.fail(kCluster, "", "the name of the virtual cluster");
    PodTemplate pod;
    pod.namespace_id = catalog.namespace_id(csv.text(kCluster));
    pod.gpu.milli = kMilliPerGpu;
    const std::int64_t gpus = csv.integer(kGpus, 1, kMaxGpus);
    const bool split = gpus > options.gpus_per_pod;
    std::int64_t pods = 0;
    for (std::int64_t left = gpus; left > 0; left -= pod.gpu.count, ++pods) {
      pod.gpu.count = static_cast<std::uint16_t>(std::min(left, options.gpus_per_pod));
      pod.request.cpu_milli = pod.gpu.count * options.cpu_milli_per_gpu;
      pod.request.memory_bytes = pod.gpu.count * options.memory_bytes_per_gpu;
      arrival.row = static_cast<std::uint32_t>(arrivals.size());
      arrival.pod_template = catalog.intern(pod);
      arrivals.push_back(arrival);
      names.push_back(split ? fmt::format("job-{}-{}", csv.row(), pods) : fmt::format("job-{}", csv.row()));
    }
    if (split) {
      ++split_jobs;
      split_pods += static_cast<std::uint64_t>(pods);
    }
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const PodArrival& a, const PodArrival& b) { return a.at < b.at; });
  report.rows_used = report.rows_read;
  note_columns_not_read(csv, report);
  report.notes.push_back(fmt::format("CPU and memory are not in the source: pods ask for {} cores and {} per GPU",
                                     format_cpu(options.cpu_milli_per_gpu),
                                     format_bytes(options.memory_bytes_per_gpu)));
  if (split_jobs > 0) {
    report.notes.push_back(fmt::format("{} jobs with more than {} GPUs became {} pods, scheduled each for itself",
                                       split_jobs, options.gpus_per_pod, split_pods));
  }
  return MemoryWorkload(std::move(catalog), std::move(arrivals), std::move(names));
}

}  // namespace berth

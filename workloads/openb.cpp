#include "workloads/openb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t {
  kName,
  kCpuMilli,
  kMemoryMib,
  kNumGpu,
  kGpuMilli,
  kGpuSpec,
  kQos,
  kPodPhase,
  kCreation,
  kDeletion,
  kScheduled,
};

constexpr std::int64_t kMaxCpuMilli = 1'000'000'000'000;
constexpr std::int64_t kMaxMemoryMib = std::int64_t{1} << 22;
constexpr std::int64_t kBytesPerMib = 1 << 20;

class OpenbImporter {
 public:
  OpenbImporter(const std::filesystem::path& path, Catalog catalog, const OpenbOptions& options, ImportReport& report)
      : csv_(path, {"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"},
             {"gpu_spec", "qos", "pod_phase", "creation_time", "deletion_time", "scheduled_time"}),
        catalog_(std::move(catalog)),
        options_(options),
        report_(report),
        known_models_(catalog_.gpu_models()),
        replay_(options.order == OpenbOrder::kReplay && csv_.has(kCreation)) {}

  MemoryWorkload run() {
    while (csv_.next()) {
      ++report_.rows_read;
      read_name();
      PodArrival arrival;
      arrival.row = csv_.row();
      if (replay_ && !read_times(arrival)) continue;
      if (!replay_) arrival.at = Time{} + seconds(arrival.row);
      arrival.pod_template = catalog_.intern(read_template());
      arrivals_.push_back(arrival);
    }
    report_.rows_used = arrivals_.size();
    std::stable_sort(arrivals_.begin(), arrivals_.end(),
                     [](const PodArrival& a, const PodArrival& b) { return a.at < b.at; });
    write_notes();
    return MemoryWorkload(std::move(catalog_), std::move(arrivals_), std::move(names_));
  }

 private:
  void read_name() {
    std::string name(csv_.text(kName));
    if (name.empty()) csv_.fail(kName, "", "the pod's name");
    const auto [first, is_new] = line_of_.emplace(name, csv_.line());
    if (!is_new) csv_.fail(kName, fmt::format(", as on line {}", first->second), "a name that no other pod has");
    names_.push_back(std::move(name));
  }

  // False if the row is skipped.
  bool read_times(PodArrival& arrival) {
    const Duration created = csv_.seconds(kCreation);
    arrival.at = Time{} + created;
    const bool deleted = csv_.has(kDeletion) && !csv_.empty(kDeletion);
    const bool scheduled = csv_.has(kScheduled) && !csv_.empty(kScheduled);
    const Duration deletion = deleted ? csv_.seconds(kDeletion) : kForever;
    const Duration begin = scheduled ? csv_.seconds(kScheduled) : created;
    if (deletion < created) return skip("deletion_time is before creation_time");
    if (begin < created) return skip("scheduled_time is before creation_time");
    if (deletion < begin) return skip("deletion_time is before scheduled_time");
    if (!scheduled) ++never_scheduled_;
    if (!deleted) {
      ++never_deleted_;
      return true;
    }
    arrival.run_time = deletion - begin;
    if (deletion > last_deletion_) {
      last_deletion_ = deletion;
      at_last_deletion_ = 0;
    }
    if (deletion == last_deletion_) ++at_last_deletion_;
    return true;
  }

  bool skip(const char* why) {
    for (ImportReport::Skipped& skipped : report_.skipped) {
      if (skipped.why == why) {
        ++skipped.rows;
        return false;
      }
    }
    report_.skipped.push_back({why, 1});
    return false;
  }

  PodTemplate read_template() {
    PodTemplate pod;
    pod.request.cpu_milli = csv_.integer(kCpuMilli, 0, kMaxCpuMilli);
    pod.request.memory_bytes = csv_.integer(kMemoryMib, 0, kMaxMemoryMib) * kBytesPerMib;
    pod.gpu = read_gpu();
    if (pod.gpu.count > 0 && csv_.has(kGpuSpec)) pod.gpu_spec = std::string(csv_.text(kGpuSpec));
    // In the order of their keys.
    if (options_.label_pod_phase && csv_.has(kPodPhase)) {
      pod.labels.push_back({"pod_phase", std::string(csv_.text(kPodPhase))});
    }
    if (options_.label_qos && csv_.has(kQos)) pod.labels.push_back({"qos", std::string(csv_.text(kQos))});
    return pod;
  }

  GpuRequest read_gpu() {
    const std::int64_t count = csv_.integer(kNumGpu, 0, kMaxGpusPerNode);
    const std::int64_t milli = csv_.integer(kGpuMilli, 0, kMilliPerGpu);
    if (count == 0) {
      if (milli != 0) csv_.fail(kGpuMilli, ", but num_gpu is 0", "0");
      return {};  // gpu_spec says nothing about a pod without GPUs.
    }
    if (count == 1 && milli == 0) csv_.fail(kGpuMilli, ", but num_gpu is 1", "1 to 1000 thousandths of a GPU");
    if (count > 1 && milli != kMilliPerGpu) {
      csv_.fail(kGpuMilli, fmt::format(", but num_gpu is {}", count), "1000: only a single GPU can be shared");
    }
    const std::uint64_t models = csv_.has(kGpuSpec) ? read_models(csv_.text(kGpuSpec)) : 0;
    return {static_cast<std::uint16_t>(count), static_cast<std::uint16_t>(milli), models};
  }

  // "A|B|C" as a set; empty pieces and repeats change nothing.
  std::uint64_t read_models(std::string_view spec) {
    std::uint64_t models = 0;
    while (!spec.empty()) {
      const std::size_t bar = std::min(spec.find('|'), spec.size());
      const std::string_view name = spec.substr(0, bar);
      spec.remove_prefix(std::min(bar + 1, spec.size()));
      if (name.empty()) continue;
      try {
        models |= std::uint64_t{1} << index(catalog_.gpu_model(name));
      } catch (const InputError& error) {
        throw InputError(to_string(csv_.place(kGpuSpec)) + ": " + error.what());
      }
    }
    for (std::size_t id = known_models_; id < catalog_.gpu_models(); ++id) {
      if (id - known_models_ >= rows_with_unknown_.size()) rows_with_unknown_.push_back(0);
      if ((models >> id & 1) != 0) ++rows_with_unknown_[id - known_models_];
    }
    return models;
  }

  void write_notes() {
    auto& notes = report_.notes;
    note_columns_not_read(csv_, report_);
    if (options_.order == OpenbOrder::kFill) {
      notes.push_back("the trace's times are not used: row k arrives at k seconds, and pods stay for good");
    } else if (!replay_) {
      notes.push_back("the file has no creation_time: row k arrives at k seconds, and pods stay for good");
    }
    if (replay_ && never_scheduled_ > 0) {
      notes.push_back(
          fmt::format("{} pods have no scheduled_time: their run time counts from creation_time", never_scheduled_));
    }
    if (never_deleted_ > 0) {
      notes.push_back(fmt::format("{} pods have no deletion_time: they stay for good", never_deleted_));
    }
    if (at_last_deletion_ > 1) {
      notes.push_back(
          fmt::format("{} pods share the file's last deletion_time, {} s: they probably outlived the "
                      "trace, and their run times are lower bounds",
                      at_last_deletion_, last_deletion_.ns / 1'000'000'000));
    }
    for (std::size_t i = 0; i < rows_with_unknown_.size(); ++i) {
      notes.push_back(fmt::format("GPU model {} is named by gpu_spec in {} rows, but no node has it",
                                  in_quotes(catalog_.gpu_model_name(static_cast<GpuModelId>(known_models_ + i))),
                                  rows_with_unknown_[i]));
    }
    if (csv_.has(kQos) && !options_.label_qos) notes.push_back("qos is not used");
    if (csv_.has(kPodPhase) && !options_.label_pod_phase) notes.push_back("pod_phase is not used");
  }

  CsvReader csv_;
  Catalog catalog_;
  OpenbOptions options_;
  ImportReport& report_;
  std::size_t known_models_;
  bool replay_;
  std::vector<PodArrival> arrivals_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> line_of_;  // By name, for the message alone.
  std::vector<std::uint64_t> rows_with_unknown_;          // By model, from known_models_ on.
  std::uint64_t never_scheduled_ = 0;
  std::uint64_t never_deleted_ = 0;
  Duration last_deletion_{-1};
  std::uint64_t at_last_deletion_ = 0;
};

}  // namespace

MemoryWorkload import_openb(const std::filesystem::path& path, Catalog catalog, const OpenbOptions& options,
                            ImportReport& report) {
  report = {};
  return OpenbImporter(path, std::move(catalog), options, report).run();
}

}  // namespace berth

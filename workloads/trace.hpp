// Berth's own trace format (trace.proto): a zstd stream of protobuf records, written and read in one pass and constant
// memory, so that 10^7 pods take a file of some tens of MB and no start-up time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "workloads/workload.hpp"

namespace berth {

// What a trace says of itself.
struct TraceInfo {
  std::string producer = "berth";
  std::string workload_name;
  std::vector<std::string> notes;
};

// Writes a trace: nodes first, then pods in order of arrival, then close(). The bytes go to a temporary file beside
// `path`, which takes the name `path` in close() and is removed if close() never came or failed: nobody meets half a
// trace. Any trouble of the file system throws InputError with the system's own words.
class TraceWriter {
 public:
  // `catalog` names the numbers in nodes and pods, and must outlive the writer; it may grow between calls.
  TraceWriter(const std::filesystem::path& path, const TraceInfo& info, const Catalog& catalog);
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  // Before the first pod only.
  void node(const NodeSpec& node);
  // `pods` by time, none before the last one written (BERTH_CHECK). `names`: empty, or one for each of `pods`, where ""
  // stands for "pod-<row>". Templates are written on first use. O(pods), amortised.
  void write(std::span<const PodArrival> pods, std::span<const std::string> names = {});
  // Completes the file and gives it its name. Call once.
  void close();

  std::uint64_t pods() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All of one workload in one call; pods that the workload names are written with their names. `nodes` use the numbers
// of workload.catalog(). Returns the number of pods.
std::uint64_t write_trace(const std::filesystem::path& path, const TraceInfo& info, std::span<const NodeSpec> nodes,
                          const Workload& workload, std::uint64_t seed, std::uint32_t replication);

// A trace file. The constructor reads the header and the nodes, into a catalog that begins as `catalog`; each open()
// streams the pods in constant memory, plus what the catalog keeps of the templates. All reading throws InputError
// `<file>: record 7: what is wrong; …`.
class TraceWorkload final : public Workload {
 public:
  explicit TraceWorkload(const std::filesystem::path& path, Catalog catalog = {});
  ~TraceWorkload() override;

  const Catalog& catalog() const override { return catalog_; }
  std::unique_ptr<ArrivalStream> open(Catalog& catalog, std::uint64_t seed, std::uint32_t replication) const override;
  // The first call on a trace that has pods reads it to its end and keeps the names that differ from "pod-<row>":
  // O(pods) time, O(names) memory, once. Thread-safe.
  std::string pod_name(std::uint32_t row) const override;

  const TraceInfo& info() const { return info_; }
  std::uint64_t pods() const { return pods_; }         // As the header says; open() checks it against the pods.
  Time last_arrival() const { return last_arrival_; }  // Likewise.
  const std::vector<NodeSpec>& nodes() const { return nodes_; }  // With the numbers of catalog().

 private:
  struct PodNames;
  std::string path_;
  TraceInfo info_;
  std::uint64_t pods_ = 0;
  Time last_arrival_{};
  Catalog catalog_;
  std::vector<NodeSpec> nodes_;
  std::unique_ptr<PodNames> names_;
};

}  // namespace berth

// Where pods come from. A Workload is the input itself (a parsed trace, a file, a generator): immutable and shared by
// all runs of a study. Each run opens its own ArrivalStream, which hands the pods over in time order, batch by batch,
// so that 10^7 pods need no more memory than 10^4.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// One pod as the trace knows it. `run_time` counts from the container's start; kForever = never ends by itself.
struct PodArrival {
  Time at;
  Duration run_time = kForever;
  Duration start_delay{};  // From bound to running (image pull, sandbox …); 0 where the trace has none.
  TemplateId pod_template{};
  std::uint32_t row = 0;  // 0-based number in the source, for names and placements.
};

class ArrivalStream {
 public:
  virtual ~ArrivalStream() = default;
  // Fills the front of `out` with the next arrivals, `at` never decreasing, and returns how many; 0 = the end.
  // Templates are interned in the catalog that the stream was opened with. Throws InputError on a bad source.
  virtual std::size_t next(std::span<PodArrival> out) = 0;
};

// What one pass over a workload tells: needed for horizons, progress and target mixes (fgd).
struct Survey {
  std::uint64_t pods = 0;
  Time last_arrival{};
  std::vector<TemplateCount> templates;  // In order of first arrival.
  Catalog catalog;                       // As it is behind the last pod; a further open() interns nothing new into it.
};

class Workload {
 public:
  virtual ~Workload() = default;
  // GPU models, namespaces and (for sources that are in memory) templates, with which every run's catalog begins.
  virtual const Catalog& catalog() const = 0;
  // A fresh pass from the first arrival. `catalog` must outlive the stream and begin as a copy of catalog().
  // `seed` and `replication` matter to generators alone: traces give the same pods to every run.
  virtual std::unique_ptr<ArrivalStream> open(Catalog& catalog, std::uint64_t seed,
                                              std::uint32_t replication) const = 0;
  // Whether another seed gives other pods. False: a study's seeds vary only what its policies draw.
  virtual bool varies_with_seed() const { return false; }
  // The pod's name in the source; "pod-<row>" unless the source has names.
  virtual std::string pod_name(std::uint32_t row) const;
};

// One pass over the workload, O(pods) time, O(templates) memory. Template ids are those of a fresh copy of catalog().
Survey survey(const Workload& workload, std::uint64_t seed, std::uint32_t replication);

// A workload held in memory, sorted by arrival (stable). What the importers return.
class MemoryWorkload final : public Workload {
 public:
  // `names` may be empty or hold one name per row. Throws BERTH_CHECK if arrivals are not sorted by time.
  MemoryWorkload(Catalog catalog, std::vector<PodArrival> arrivals, std::vector<std::string> names);
  const Catalog& catalog() const override { return catalog_; }
  std::unique_ptr<ArrivalStream> open(Catalog& catalog, std::uint64_t seed, std::uint32_t replication) const override;
  std::string pod_name(std::uint32_t row) const override;
  std::span<const PodArrival> arrivals() const { return arrivals_; }

 private:
  Catalog catalog_;
  std::vector<PodArrival> arrivals_;
  std::vector<std::string> names_;
};

// Every row of a source is accounted for: read = used + the sum of skipped.
struct ImportReport {
  struct Skipped {
    std::string why;
    std::uint64_t rows;
  };
  std::uint64_t rows_read = 0;
  std::uint64_t rows_used = 0;
  std::vector<Skipped> skipped;
  std::vector<std::string> notes;  // What was assumed, one sentence each (for instance "memory is not in the source").

  // "10 rows read, 9 used, 1 skipped", "skipped 1: no time", "note: …".
  std::vector<std::string> lines() const;
  std::string line() const;  // The same, with semicolons.
};

}  // namespace berth

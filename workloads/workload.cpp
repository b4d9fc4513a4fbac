// The workload that is held in memory, and the one pass that surveys any workload.
#include "workloads/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

class MemoryStream final : public ArrivalStream {
 public:
  explicit MemoryStream(std::span<const PodArrival> arrivals) : rest_(arrivals) {}

  std::size_t next(std::span<PodArrival> out) override {
    const std::size_t count = std::min(out.size(), rest_.size());
    std::copy_n(rest_.begin(), count, out.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  std::span<const PodArrival> rest_;
};

}  // namespace

std::string Workload::pod_name(std::uint32_t row) const {
  return "pod-" + std::to_string(row);
}

Survey survey(const Workload& workload, std::uint64_t seed, std::uint32_t replication) {
  constexpr std::size_t kBatch = 4096;
  Catalog catalog = workload.catalog();
  const std::unique_ptr<ArrivalStream> stream = workload.open(catalog, seed, replication);
  Survey result;
  constexpr std::size_t kUnseen = static_cast<std::size_t>(-1);
  std::vector<std::size_t> place;  // By template: where in result.templates it is counted.
  std::vector<PodArrival> batch(kBatch);
  while (const std::size_t count = stream->next(batch)) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t id = index(batch[i].pod_template);
      if (id >= place.size()) place.resize(id + 1, kUnseen);
      if (place[id] == kUnseen) {
        place[id] = result.templates.size();
        result.templates.push_back({batch[i].pod_template, 0});
      }
      ++result.templates[place[id]].count;
    }
    BERTH_CHECK(result.last_arrival <= batch[0].at);
    result.pods += count;
    result.last_arrival = batch[count - 1].at;
  }
  result.catalog = std::move(catalog);
  return result;
}

MemoryWorkload::MemoryWorkload(Catalog catalog, std::vector<PodArrival> arrivals, std::vector<std::string> names)
    : catalog_(std::move(catalog)), arrivals_(std::move(arrivals)), names_(std::move(names)) {
  BERTH_CHECK(std::is_sorted(arrivals_.begin(), arrivals_.end(),
                             [](const PodArrival& a, const PodArrival& b) { return a.at < b.at; }));
  for (const PodArrival& arrival : arrivals_) {
    BERTH_CHECK(index(arrival.pod_template) < catalog_.templates());
    BERTH_CHECK(names_.empty() || arrival.row < names_.size());
  }
}

std::unique_ptr<ArrivalStream> MemoryWorkload::open(Catalog& catalog, std::uint64_t, std::uint32_t) const {
  BERTH_CHECK(catalog.templates() >= catalog_.templates());  // Our template ids must mean the same there.
  return std::make_unique<MemoryStream>(arrivals_);
}

std::string MemoryWorkload::pod_name(std::uint32_t row) const {
  if (names_.empty()) return Workload::pod_name(row);
  BERTH_CHECK(row < names_.size());
  return names_[row];
}

std::vector<std::string> ImportReport::lines() const {
  std::uint64_t left_out = 0;
  for (const Skipped& s : skipped) left_out += s.rows;
  std::vector<std::string> out{fmt::format("{} rows read, {} used, {} skipped", rows_read, rows_used, left_out)};
  for (const Skipped& s : skipped) out.push_back(fmt::format("skipped {}: {}", s.rows, s.why));
  for (const std::string& note : notes) out.push_back("note: " + note);
  return out;
}

std::string ImportReport::line() const {
  return fmt::format("{}", fmt::join(lines(), "; "));
}

}  // namespace berth

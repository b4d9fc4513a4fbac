// How long spot machines live, as it was observed: from logs of machines that came and were taken away. Many outlived
// their log; the product-limit estimator counts those for as long as they were seen.
// Source: Kaplan, Meier, "Nonparametric estimation from incomplete observations", JASA 53(282), 1958.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/rng.hpp"
#include "sim/engine/time.hpp"
#include "workloads/workload.hpp"

namespace berth {

class SpotLifetimes {
 public:
  struct Observation {
    Duration lived;
    bool reclaimed = true;  // False: it was still there when it was last seen.
  };
  // At least one reclaimed machine that lived longer than 0 (BERTH_CHECK); the order does not matter.
  explicit SpotLifetimes(std::vector<Observation> observations);

  // P(lifetime > t). Steps at the observed ends; beyond the longest observation exponential at the overall rate
  // (reclaimed machines per machine-time), an assumption. O(log observations).
  double survival(Duration t) const;
  // By inversion of that: one u64. O(log observations).
  Duration draw(Rng& rng) const;
  // Mean of what draw() gives, in seconds.
  double mean_seconds() const;

  std::size_t machines() const { return machines_; }
  std::size_t reclaimed() const { return reclaimed_; }

 private:
  struct Step {
    std::int64_t ns;
    double survival;  // From here on.
  };
  std::vector<Step> steps_;
  std::int64_t longest_ns_ = 0;
  double tail_mean_seconds_ = 0;
  std::size_t machines_ = 0;
  std::size_t reclaimed_ = 0;
};

// A log of machines, by its columns:
//   log,t_s,event,instance,…   created … (up …) … down or deleted: a life. `log` picks one of the logs, "" takes all.
//                              A life that does not end counts up to the machine's last event. create_failed, and down
//                              or deleted of a machine that was not created, are skipped.
//   t_ms,event,node            add … remove: a life; what is not removed counts up to the last row. `log` must be "".
// Every row is accounted for. Throws InputError for other columns, unknown events, times that go back and a log without
// a life that ends.
SpotLifetimes read_spot_lifetimes(const std::filesystem::path& path, std::string_view log, ImportReport& report);

}  // namespace berth

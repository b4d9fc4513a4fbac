// Workloads made up by rule: when pods come (Poisson, bursts, a day's wave, a steady beat), which they are (a weighted
// mix of templates), how large and how long. Drawn as they are asked for, so 10^7 pods need no memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"
#include "workloads/workload.hpp"

namespace berth {

// A state of a Markov-modulated Poisson process: Poisson arrivals at `rate` pods/s (0 = silence) while it lasts, which
// is exponential with `mean_sojourn`.
struct MmppState {
  double rate = 0;
  Duration mean_sojourn{};
};

struct ArrivalSpec {
  enum class Kind : std::uint8_t {
    kPoisson,   // `rate` pods/s.
    kConstant,  // Pod k at start + k / rate exactly, k from 0.
    // `states` one after another in a circle. Begins in equilibrium: state i with a chance proportional to its
    // mean_sojourn. Model: Fischer, Meier-Hellstern, "The MMPP cookbook", Performance Evaluation 18, 1993.
    kMmpp,
    // Poisson at rate * (1 + amplitude * cos(2 pi (t - peak) / period)), t from the start of the run. By thinning:
    // Lewis, Shedler, Naval Research Logistics Quarterly 26, 1979.
    kDiurnal,
  };
  Kind kind = Kind::kPoisson;
  double rate = 0;  // Mean, pods/s, > 0. Not for kMmpp.
  std::vector<MmppState> states;
  double amplitude = 0;  // 0 .. 1: the peak is 1 + amplitude times the mean.
  Duration period = seconds(86'400);
  Duration peak = seconds(14 * 3'600);
  Duration start{};  // No pod comes before this.
};

// A request drawn for each pod, then rounded to the nearest point of a grid, so that pods still share templates. The
// grid has `min`, `max` and between them the multiples of `granularity`, ever coarser: four steps from any power of two
// granules (from 4 on) to the next. From 100m to 64 cores there are 33 such points, from 64Mi to 256Gi 44: at most
// 1,452 templates.
struct SizeSpec {
  Distribution value;  // In `unit`s.
  std::int64_t unit = 1;
  std::int64_t granularity = 1;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::vector<std::int64_t> grid() const;  // Ascending. O(its length).
};

struct SyntheticTemplate {
  double weight = 1;                     // Share of the pods: weight / sum of weights.
  PodTemplate base;                      // In numbers of the catalog that goes with the spec.
  std::optional<SizeSpec> cpu;           // Instead of base.request.cpu_milli.
  std::optional<SizeSpec> memory;        // Instead of base.request.memory_bytes.
  std::optional<Distribution> run_time;  // Seconds; none = never ends by itself.
  Distribution start_delay;              // Seconds.
};

struct SyntheticSpec {
  ArrivalSpec arrivals;
  std::vector<SyntheticTemplate> templates;
  // Where it stops, whichever comes first; at least one. No pod comes at start + duration or later.
  std::optional<std::uint64_t> pods;
  std::optional<Duration> duration;
};

// Each kind of draw has streams of its own (arrivals, choice of template, and per template run times, start delays and
// sizes), so adding or changing a template moves no arrival, and no other template's draws. Same spec, seed and
// replication: same pods, on every thread. 90 to 200 ns a pod, 400 where sizes are drawn too (one core of a 2020s
// x86-64 server).
class SyntheticWorkload final : public Workload {
 public:
  // Throws InputError, "<field> is …; expected …", if the spec makes no sense, or may make more than 65,536 templates.
  SyntheticWorkload(SyntheticSpec spec, Catalog catalog);

  const Catalog& catalog() const override { return catalog_; }
  std::unique_ptr<ArrivalStream> open(Catalog& catalog, std::uint64_t seed, std::uint32_t replication) const override;
  bool varies_with_seed() const override { return true; }
  const SyntheticSpec& spec() const { return spec_; }
  // Upper bound on the distinct templates that any seed can bring.
  std::size_t max_templates() const;

 private:
  SyntheticSpec spec_;
  Catalog catalog_;
};

}  // namespace berth

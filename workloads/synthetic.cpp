#include "workloads/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {
namespace {

constexpr std::size_t kMaxTemplates = 65'536;
constexpr std::uint64_t kMaxPods = 0xFFFF'FFFF;  // Rows are 32 bits wide.

// Streams within Purpose::kArrivals.
constexpr std::uint32_t kGaps = 0;
constexpr std::uint32_t kModulation = 1;  // Sojourns of states, and which candidates of thinning stay.
// Within Purpose::kRunTimes: the template's number, and for its start delays that number with this bit.
constexpr std::uint32_t kStartDelays = 0x8000'0000;

void require(bool holds, const char* what, double value, const char* expected) {
  if (!holds) throw InputError(fmt::format("{} is {}; expected {}", what, value, expected));
}

void validate(const ArrivalSpec& a) {
  using Kind = ArrivalSpec::Kind;
  require(a.start.ns >= 0, "start", a.start.seconds(), "0s or more");
  if (a.kind != Kind::kMmpp) require(std::isfinite(a.rate) && a.rate > 0, "rate", a.rate, "pods per second, above 0");
  if (a.kind == Kind::kDiurnal) {
    require(a.amplitude >= 0 && a.amplitude <= 1, "amplitude", a.amplitude, "0 to 1");
    require(a.period.ns > 0, "period", a.period.seconds(), "more than 0s");
  }
  if (a.kind != Kind::kMmpp) return;
  require(!a.states.empty(), "number of states", 0, "1 or more");
  double pods_per_round = 0;
  for (const MmppState& state : a.states) {
    require(std::isfinite(state.rate) && state.rate >= 0, "a state's rate", state.rate, "pods per second, 0 or more");
    // The process steps from state to state: hundreds of thousands of steps for a pod would look like a hang.
    require(state.mean_sojourn >= milliseconds(1), "a state's mean sojourn (seconds)", state.mean_sojourn.seconds(),
            "1ms or more");
    pods_per_round += state.rate * state.mean_sojourn.seconds();
  }
  require(pods_per_round >= 1e-5, "mean number of pods in one round of the states", pods_per_round, "1e-5 or more");
}

void validate(const SizeSpec& size, const char* what) {
  if (size.unit > 0 && size.granularity > 0 && size.min >= 0 && size.max >= size.min) return;
  throw InputError(
      fmt::format("{} has unit {}, granularity {}, min {} and max {}; expected unit and granularity above 0 "
                  "and 0 <= min <= max",
                  what, size.unit, size.granularity, size.min, size.max));
}

// The times of arrival, one after another; kNever once they leave the range of Time.
class ArrivalTimes {
 public:
  ArrivalTimes(const ArrivalSpec& spec, std::uint64_t seed, std::uint32_t replication)
      : spec_(spec),
        gaps_(seed, replication, kGaps, Purpose::kArrivals),
        modulation_(seed, replication, kModulation, Purpose::kArrivals),
        now_(Time{} + spec.start) {
    if (spec.kind == ArrivalSpec::Kind::kMmpp) begin_in_equilibrium();
  }

  Time next() {
    switch (spec_.kind) {
      case ArrivalSpec::Kind::kPoisson:
        return now_ = now_ + from_seconds(exponential(gaps_, 1 / spec_.rate));
      case ArrivalSpec::Kind::kConstant:  // From the start each time, so that roundings do not add up.
        return Time{} + spec_.start + from_seconds(static_cast<double>(count_++) / spec_.rate);
      case ArrivalSpec::Kind::kMmpp:
        return next_modulated();
      case ArrivalSpec::Kind::kDiurnal:
        return next_diurnal();
    }
    BERTH_CHECK(false);
  }

 private:
  void begin_in_equilibrium() {
    double total = 0;
    for (const MmppState& state : spec_.states) total += state.mean_sojourn.seconds();
    double rest = modulation_.uniform() * total;
    while (state_ + 1 < spec_.states.size() && rest >= spec_.states[state_].mean_sojourn.seconds()) {
      rest -= spec_.states[state_++].mean_sojourn.seconds();
    }
    draw_sojourn();
  }

  void draw_sojourn() {
    state_end_ = now_ + from_seconds(exponential(modulation_, spec_.states[state_].mean_sojourn.seconds()));
  }

  // Work of Exp(1) is done at the state's rate: what is left when the state ends goes on in the next one. Sojourns come
  // from their own stream, so changing a rate moves no change of state.
  Time next_modulated() {
    double work = exponential(gaps_, 1);
    for (;;) {
      const double rate = spec_.states[state_].rate;
      const double left = (state_end_ - now_).seconds() * rate;
      if (work < left) {
        return now_ = std::min(state_end_, now_ + from_seconds(work / rate));
      }
      if (state_end_ == kNever) return kNever;
      work -= left;
      now_ = state_end_;
      state_ = state_ + 1 == spec_.states.size() ? 0 : state_ + 1;
      draw_sojourn();
    }
  }

  Time next_diurnal() {
    const double mean_gap = 1 / (spec_.rate * (1 + spec_.amplitude));
    const double turn = 2 * std::numbers::pi / spec_.period.seconds();
    for (;;) {
      now_ = now_ + from_seconds(exponential(gaps_, mean_gap));
      if (now_ == kNever) return kNever;
      const double wave = std::cos(turn * (now_.seconds() - spec_.peak.seconds()));
      if (modulation_.uniform() * (1 + spec_.amplitude) < 1 + spec_.amplitude * wave) return now_;
    }
  }

  const ArrivalSpec& spec_;
  Rng gaps_;
  Rng modulation_;
  Time now_;
  std::uint64_t count_ = 0;
  std::size_t state_ = 0;
  Time state_end_{};
};

// The pods of one template: sizes, run times, start delays, each from a stream of its own.
class TemplateDraws {
 public:
  TemplateDraws(const SyntheticTemplate& spec, std::uint32_t number, Catalog& catalog, std::uint64_t seed,
                std::uint32_t replication)
      : spec_(spec),
        run_times_(seed, replication, number, Purpose::kRunTimes),
        start_delays_(seed, replication, number | kStartDelays, Purpose::kRunTimes),
        sizes_(seed, replication, number, Purpose::kSizes),
        cpu_(spec.cpu ? spec.cpu->grid() : std::vector{spec.base.request.cpu_milli}),
        memory_(spec.memory ? spec.memory->grid() : std::vector{spec.base.request.memory_bytes}),
        ids_(cpu_.size() * memory_.size(), kNoTemplate) {
    if (ids_.size() == 1) ids_[0] = catalog.intern(sized(0, 0));
  }

  void draw(PodArrival& pod, Catalog& catalog) {
    if (spec_.run_time) pod.run_time = from_seconds(spec_.run_time->sample(run_times_));
    pod.start_delay = from_seconds(spec_.start_delay.sample(start_delays_));
    std::size_t cpu = 0;
    std::size_t memory = 0;
    if (spec_.cpu) cpu = nearest(cpu_, *spec_.cpu);
    if (spec_.memory) memory = nearest(memory_, *spec_.memory);
    TemplateId& id = ids_[cpu * memory_.size() + memory];
    if (id == kNoTemplate) id = catalog.intern(sized(cpu, memory));
    pod.pod_template = id;
  }

 private:
  PodTemplate sized(std::size_t cpu, std::size_t memory) const {
    PodTemplate t = spec_.base;
    t.request.cpu_milli = cpu_[cpu];
    t.request.memory_bytes = memory_[memory];
    return t;
  }

  std::size_t nearest(const std::vector<std::int64_t>& grid, const SizeSpec& size) {
    const double value = size.value.sample(sizes_) * static_cast<double>(size.unit);
    const auto above = std::ranges::lower_bound(grid, value, {}, [](std::int64_t x) { return static_cast<double>(x); });
    if (above == grid.end()) return grid.size() - 1;
    const auto i = static_cast<std::size_t>(above - grid.begin());
    if (i == 0) return 0;
    return value - static_cast<double>(grid[i - 1]) < static_cast<double>(grid[i]) - value ? i - 1 : i;
  }

  const SyntheticTemplate& spec_;
  Rng run_times_;
  Rng start_delays_;
  Rng sizes_;
  std::vector<std::int64_t> cpu_;
  std::vector<std::int64_t> memory_;
  std::vector<TemplateId> ids_;  // By place in the two grids.
};

std::vector<double> weights_of(const SyntheticSpec& spec) {
  std::vector<double> weights;
  for (const SyntheticTemplate& t : spec.templates) weights.push_back(t.weight);
  return weights;
}

class SyntheticStream final : public ArrivalStream {
 public:
  SyntheticStream(const SyntheticSpec& spec, Catalog& catalog, std::uint64_t seed, std::uint32_t replication)
      : catalog_(catalog),
        times_(spec.arrivals, seed, replication),
        choice_(seed, replication, 0, Purpose::kTemplates),
        mix_(weights_of(spec)),
        left_(spec.pods.value_or(kMaxPods)),
        end_(spec.duration ? Time{} + spec.arrivals.start + *spec.duration : kNever) {
    draws_.reserve(spec.templates.size());
    for (std::uint32_t i = 0; i < spec.templates.size(); ++i) {
      draws_.emplace_back(spec.templates[i], i, catalog, seed, replication);
    }
  }

  std::size_t next(std::span<PodArrival> out) override {
    std::size_t filled = 0;
    while (filled < out.size() && left_ > 0) {
      const Time at = times_.next();
      if (at >= end_) {
        left_ = 0;
        break;
      }
      PodArrival& pod = out[filled++];
      pod = {};
      pod.at = at;
      pod.row = row_++;
      draws_[draws_.size() == 1 ? 0 : mix_.sample(choice_)].draw(pod, catalog_);
      --left_;
    }
    return filled;
  }

 private:
  Catalog& catalog_;
  ArrivalTimes times_;
  Rng choice_;
  AliasTable mix_;
  std::vector<TemplateDraws> draws_;
  std::uint64_t left_;
  Time end_;
  std::uint32_t row_ = 0;
};

}  // namespace

std::vector<std::int64_t> SizeSpec::grid() const {
  constexpr std::int64_t kSteps = 4;
  std::vector<std::int64_t> points{min};
  for (std::int64_t units = 1; units <= max / granularity;) {
    if (units * granularity > points.back() && units * granularity < max) points.push_back(units * granularity);
    std::int64_t step = 1;
    while (units / step >= 2 * kSteps) step *= 2;
    if (units > max / granularity - step) break;
    units += step;
  }
  if (max > points.back()) points.push_back(max);
  return points;
}

SyntheticWorkload::SyntheticWorkload(SyntheticSpec spec, Catalog catalog)
    : spec_(std::move(spec)), catalog_(std::move(catalog)) {
  validate(spec_.arrivals);
  require(!spec_.templates.empty(), "number of templates", 0, "1 or more");
  double sum = 0;
  for (const SyntheticTemplate& t : spec_.templates) {
    require(std::isfinite(t.weight) && t.weight >= 0, "weight", t.weight, "0 or more");
    sum += t.weight;
    if (t.cpu) validate(*t.cpu, "cpu");
    if (t.memory) validate(*t.memory, "memory");
  }
  require(std::isfinite(sum) && sum > 0, "sum of weights", sum, "above 0");
  if (!spec_.pods && !spec_.duration)
    throw InputError("neither pods nor duration is given; expected one, or pods never end");
  if (spec_.pods && *spec_.pods > kMaxPods) {
    throw InputError(fmt::format("pods is {}; expected at most {}", *spec_.pods, kMaxPods));
  }
  if (spec_.duration) require(spec_.duration->ns >= 0, "duration", spec_.duration->seconds(), "0s or more");
  if (max_templates() > kMaxTemplates) {
    throw InputError(
        fmt::format("the sizes allow {} different templates; expected at most {}: a larger granularity or a "
                    "smaller max",
                    max_templates(), kMaxTemplates));
  }
}

std::size_t SyntheticWorkload::max_templates() const {
  std::size_t total = 0;
  for (const SyntheticTemplate& t : spec_.templates) {
    total += (t.cpu ? t.cpu->grid().size() : 1) * (t.memory ? t.memory->grid().size() : 1);
  }
  return total;
}

std::unique_ptr<ArrivalStream> SyntheticWorkload::open(Catalog& catalog, std::uint64_t seed,
                                                       std::uint32_t replication) const {
  return std::make_unique<SyntheticStream>(spec_, catalog, seed, replication);
}

}  // namespace berth

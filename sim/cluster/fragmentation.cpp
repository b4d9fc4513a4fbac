#include "sim/cluster/fragmentation.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

// A random word per (GPU share 0..1000), the same in every run.
struct Words {
  std::array<std::uint64_t, kMilliPerGpu + 1> low;
  std::array<std::uint64_t, kMilliPerGpu + 1> high;
};
const Words& words() {
  static const Words kWords = [] {
    Words w{};
    for (std::uint32_t i = 0; i <= kMilliPerGpu; ++i) {
      const auto block = philox4x32_10({i, 0, 0, 0}, {0x6672'6167, 0x6d65'6e74});
      w.low[i] = (std::uint64_t{block[1]} << 32) | block[0];
      w.high[i] = (std::uint64_t{block[3]} << 32) | block[2];
    }
    return w;
  }();
  return kWords;
}

constexpr double kCoverage = 0.95;

}  // namespace

Fragmentation::Fragmentation(const Catalog& catalog, std::span<const TemplateCount> mix) {
  // Templates that differ in memory, labels … alone are one shape. Sorted by count, then by the tuple, both descending.
  using Key = std::tuple<std::int64_t, std::uint16_t, std::uint16_t, std::string>;
  std::map<Key, std::pair<std::uint64_t, std::uint64_t>> counts;  // → (count, models)
  std::uint64_t all = 0;
  for (const TemplateCount& item : mix) {
    const PodTemplate& t = catalog[item.pod_template];
    auto& entry = counts[{t.request.cpu_milli, t.gpu.milli, t.gpu.count, t.gpu_spec}];
    entry.first += item.count;
    entry.second = t.gpu.models;
    all += item.count;
  }
  std::vector<std::pair<std::uint64_t, const Key*>> sorted;
  for (const auto& [key, value] : counts) sorted.emplace_back(value.first, &key);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : *a.second > *b.second;
  });
  std::uint64_t kept = 0;
  std::size_t prefix = 0;
  while (prefix < sorted.size() && static_cast<double>(kept) < kCoverage * static_cast<double>(all)) {
    kept += sorted[prefix++].first;
  }
  const double kept_share = static_cast<double>(kept) / static_cast<double>(all);
  for (std::size_t i = 0; i < prefix; ++i) {
    const auto& [cpu, milli, count, spec] = *sorted[i].second;
    const double share = static_cast<double>(sorted[i].first) / static_cast<double>(all) / kept_share;
    shapes_.push_back({cpu, 0, milli, count, counts[*sorted[i].second].second, share});
    cpu_steps_.push_back(cpu);
  }
  std::sort(cpu_steps_.begin(), cpu_steps_.end());
  cpu_steps_.erase(std::unique(cpu_steps_.begin(), cpu_steps_.end()), cpu_steps_.end());
  for (Shape& shape : shapes_) {
    shape.cpu_rank = static_cast<std::uint16_t>(
        std::lower_bound(cpu_steps_.begin(), cpu_steps_.end(), shape.cpu_milli) - cpu_steps_.begin());
  }
  table_.resize(1 << 12);
}

std::uint16_t Fragmentation::cpu_rank(std::int64_t cpu_free_milli) const {
  return static_cast<std::uint16_t>(std::upper_bound(cpu_steps_.begin(), cpu_steps_.end(), cpu_free_milli) -
                                    cpu_steps_.begin());
}

Fragmentation::State Fragmentation::state(std::int64_t cpu_free_milli, GpuModelId model,
                                          std::span<const std::uint16_t> gpu_free_milli) const {
  State s;
  s.cpu_rank = cpu_rank(cpu_free_milli);
  s.model = static_cast<std::uint8_t>(model);
  s.gpus = static_cast<std::uint8_t>(gpu_free_milli.size());
  const Words& w = words();
  for (std::size_t i = 0; i < gpu_free_milli.size(); ++i) {
    s.free_milli[i] = gpu_free_milli[i];
    s.key_low += w.low[gpu_free_milli[i]];
    s.key_high += w.high[gpu_free_milli[i]];
  }
  return s;
}

void Fragmentation::take(State& state, std::size_t gpu, std::uint16_t milli) const {
  const Words& w = words();
  const std::uint16_t before = state.free_milli[gpu];
  const auto after = static_cast<std::uint16_t>(before - milli);
  state.free_milli[gpu] = after;
  state.key_low += w.low[after] - w.low[before];
  state.key_high += w.high[after] - w.high[before];
}

FragmentParts Fragmentation::parts(const State& state) const {
  FragmentParts sum;
  std::int64_t free = 0;
  for (std::size_t i = 0; i < state.gpus; ++i) free += state.free_milli[i];
  const auto all = static_cast<double>(free);
  for (const Shape& m : shapes_) {
    const bool cpu_fits = state.cpu_rank > m.cpu_rank;
    if (m.gpu_count == 0) {  // XL, XR: a task without GPU uses none of them.
      (cpu_fits ? sum.xl : sum.xr) += m.share * all;
      continue;
    }
    if (m.models != 0 && (state.model >= kMaxGpuModels || ((m.models >> state.model) & 1) == 0)) {  // NA: wrong model.
      sum.na += m.share * all;
      continue;
    }
    std::size_t fitting = 0;
    std::int64_t too_small = 0;
    for (std::size_t i = 0; i < state.gpus; ++i) {
      if (state.free_milli[i] >= m.gpu_milli) {
        ++fitting;
      } else {
        too_small += state.free_milli[i];
      }
    }
    const bool gpus_fit = fitting >= m.gpu_count;
    if (gpus_fit && cpu_fits) {  // Q3: usable but for the shares that are too small, which count as Q2.
      sum.q2 += m.share * static_cast<double>(too_small);
      sum.q3 += m.share * static_cast<double>(free - too_small);
    } else if (gpus_fit) {
      sum.q4 += m.share * all;  // Q4: no cpu.
    } else if (cpu_fits) {
      sum.q2 += m.share * all;  // Q2: no GPU.
    } else {
      sum.q1 += m.share * all;  // Q1: neither.
    }
  }
  return sum;
}

double Fragmentation::of(const State& state) {
  // cpu rank, model and number of GPUs are part of the key; +1 keeps an empty state from looking like an empty slot.
  const std::uint64_t rest = (std::uint64_t{state.cpu_rank} << 16 | std::uint64_t{state.model} << 8 | state.gpus) + 1;
  const std::uint64_t low = state.key_low + rest * 0x9E37'79B9'7F4A'7C15ULL;
  const std::uint64_t high = (state.key_high ^ rest) | 1;  // Never 0, so the empty slot matches no key.
  const std::size_t mask = table_.size() - 1;
  std::size_t at = (low ^ (low >> 29)) & mask;
  while (table_[at].high != 0) {
    if (table_[at].low == low && table_[at].high == high) return table_[at].value;
    at = (at + 1) & mask;
  }
  const double value = parts(state).total();
  table_[at] = {low, high, value};
  if (++used_ > table_.size() / 2) grow();
  return value;
}

void Fragmentation::grow() {
  std::vector<Slot> old(table_.size() * 2);
  old.swap(table_);
  const std::size_t mask = table_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.high == 0) continue;
    std::size_t at = (slot.low ^ (slot.low >> 29)) & mask;
    while (table_[at].high != 0) at = (at + 1) & mask;
    table_[at] = slot;
  }
}

}  // namespace berth

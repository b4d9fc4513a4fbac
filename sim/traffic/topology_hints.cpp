#include "sim/traffic/topology_hints.hpp"

#include <algorithm>
#include <cmath>

namespace berth {
namespace {

constexpr double kOverload = 1.2;

struct Zone {
  double desired = 0;
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::int64_t hinted = 0;
};

}  // namespace

bool allocate_hints(std::span<const std::int64_t> cpu, bool cpu_known, std::span<const std::uint16_t> zones,
                    std::span<std::uint16_t> hints) {
  const auto none = [&] {
    std::ranges::fill(hints, kNoZone);
    return false;
  };
  const auto n = static_cast<double>(zones.size());
  std::int64_t total = 0;
  std::int64_t present = 0;
  for (const std::int64_t c : cpu) {
    total += c;
    present += c > 0 ? 1 : 0;
  }
  if (!cpu_known || present < 2 || present > static_cast<std::int64_t>(zones.size())) return none();
  for (const std::uint16_t z : zones) {
    if (z >= cpu.size()) return none();
  }
  std::vector<Zone> all(cpu.size());
  std::int64_t minimums = 0;
  for (std::size_t z = 0; z < cpu.size(); ++z) {
    if (cpu[z] == 0) continue;
    const double share = static_cast<double>(cpu[z]) / static_cast<double>(total);
    all[z].minimum = static_cast<std::int64_t>(std::ceil(share * n / kOverload));
    all[z].desired = std::max(share * n, static_cast<double>(all[z].minimum));
    minimums += all[z].minimum;
  }
  const auto spare = static_cast<std::int64_t>(zones.size()) - minimums;
  if (spare < 0) return none();
  for (Zone& zone : all) zone.maximum = zone.minimum == 0 ? 0 : zone.minimum + spare;

  // What is hinted stays as long as its zone is not over its maximum; the rest begins with its own zone.
  for (std::uint16_t& hint : hints) {
    if (hint < all.size() && all[hint].hinted < all[hint].maximum) {
      ++all[hint].hinted;
    } else {
      hint = kNoZone;
    }
  }
  for (std::size_t i = 0; i < zones.size(); ++i) {
    if (hints[i] != kNoZone) continue;
    hints[i] = zones[i];
    ++all[zones[i]].hinted;
  }
  const auto surplus = [&](std::size_t z) { return static_cast<double>(all[z].hinted) - all[z].desired; };
  while (true) {
    std::size_t giver = 0;
    std::size_t taker = 0;
    for (std::size_t z = 1; z < all.size(); ++z) {
      if (surplus(z) > surplus(giver)) giver = z;
      if (surplus(z) < surplus(taker)) taker = z;
    }
    const double give = surplus(giver);
    const double take = -surplus(taker);
    if (std::min(give, take) < 0.5 || (give < 1 && take < 1)) break;
    const auto moved = std::ranges::find(hints, static_cast<std::uint16_t>(giver));
    *moved = static_cast<std::uint16_t>(taker);
    --all[giver].hinted;
    ++all[taker].hinted;
  }
  return true;
}

}  // namespace berth

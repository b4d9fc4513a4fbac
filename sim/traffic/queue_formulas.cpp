#include "sim/traffic/queue_formulas.hpp"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numbers>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::size_t kBody = 120;  // Points over the lower 96 %; the rest share the upper 4 %.
constexpr double kBodyShare = 0.96;
constexpr double kLeastLog = -4;  // log2 of the shape.
constexpr double kRowsPerLog = 4;
constexpr std::size_t kRows = 57;  // Up to 2^10.

double middle(std::size_t point) {
  if (point < kBody) return (static_cast<double>(point) + 0.5) * kBodyShare / kBody;
  const double rest = (static_cast<double>(point - kBody) + 0.5) / static_cast<double>(GammaPoints::kPoints - kBody);
  return kBodyShare + rest * (1 - kBodyShare);
}

using Row = std::array<double, GammaPoints::kPoints>;

std::array<Row, kRows> make_table() {
  std::array<Row, kRows> table;
  for (std::size_t r = 0; r < kRows; ++r) {
    const double shape = std::exp2(kLeastLog + static_cast<double>(r) / kRowsPerLog);
    for (std::size_t i = 0; i < GammaPoints::kPoints; ++i) {
      table[r][i] = boost::math::gamma_p_inv(shape, middle(i)) / shape;
    }
  }
  return table;
}

}  // namespace

double erlang_c(double servers, double load) {
  double blocking = 1;
  for (double c = 1; c <= servers; ++c) blocking = load * blocking / (c + load * blocking);
  const double rho = load / servers;
  return blocking / (1 - rho * (1 - blocking));
}

Moments sojourn_processor_sharing(double rate, Moments demand, double cores) {
  const double load = rate * demand.mean;
  BERTH_CHECK(load < cores);
  if (load <= 0) {
    const double slow = std::max(1.0, 1 / cores);
    return {demand.mean * slow, demand.variance * slow * slow};
  }
  // Birth and death: from n the total speed is min(n, cores); beyond cores a geometric series.
  double weight = 1;
  double sum = 1;
  double first = 0;
  double n = 0;
  while (n + 1 < cores) {
    ++n;
    weight *= load / n;
    sum += weight;
    first += n * weight;
  }
  const double ratio = load / cores;  // States n + 1, n + 2 …
  const double tail = weight * ratio / (1 - ratio);
  sum += tail;
  first += tail * (n + 1 / (1 - ratio));
  const double mean = first / sum / rate;
  const double slow = mean / demand.mean;
  const double busy = std::max(0.0, 1 - 1 / slow);  // rho, for one core.
  const double second = demand.variance + demand.mean * demand.mean;
  return {mean, (demand.variance + second * busy / (2 - busy)) * slow * slow};
}

Moments sojourn_fcfs(double rate, Moments service, std::uint32_t servers) {
  const double load = rate * service.mean;
  BERTH_CHECK(load < servers);
  if (load <= 0) return service;
  const double waits = erlang_c(servers, load);
  const double scv = service.variance / (service.mean * service.mean);
  const double wait = waits * service.mean / (servers - load) * (1 + scv) / 2;
  const double variance = waits > 0 ? 2 * wait * wait / waits - wait * wait : 0;
  return {service.mean + wait, service.variance + variance};
}

Moments greater_of(Moments a, Moments b) {
  const double spread = std::sqrt(a.variance + b.variance);
  if (!(spread > 0)) return {std::max(a.mean, b.mean), 0};
  const double alpha = (a.mean - b.mean) / spread;
  const double density = std::exp(-alpha * alpha / 2) / std::sqrt(2 * std::numbers::pi);
  const double below = 0.5 * std::erfc(-alpha / std::numbers::sqrt2);
  const double mean = a.mean * below + b.mean * (1 - below) + spread * density;
  const double second = (a.mean * a.mean + a.variance) * below + (b.mean * b.mean + b.variance) * (1 - below) +
                        (a.mean + b.mean) * spread * density;
  return {mean, std::max(0.0, second - mean * mean)};
}

double exceeds(Moments x, double shift, double t) {
  const double left = t - shift;
  if (left <= 0) return 1;
  if (!(x.variance > 0) || x.mean * x.mean > 1e6 * x.variance) return x.mean > left ? 1 : 0;
  const double shape = x.mean * x.mean / x.variance;
  return boost::math::gamma_q(shape, left * shape / x.mean);
}

double GammaPoints::share(std::size_t point) {
  return point < kBody ? kBodyShare / kBody : (1 - kBodyShare) / static_cast<double>(kPoints - kBody);
}

double GammaPoints::quantile(Moments x, std::size_t point) {
  static const std::array<Row, kRows> kTable = make_table();
  if (!(x.variance > 0)) return x.mean;
  const double shape = x.mean * x.mean / x.variance;
  const double row = (std::log2(shape) - kLeastLog) * kRowsPerLog;
  if (row >= kRows - 1) return x.mean * kTable[kRows - 1][point];
  if (row <= 0) return x.mean * kTable[0][point];
  const auto low = static_cast<std::size_t>(row);
  const double part = row - static_cast<double>(low);
  return x.mean * (kTable[low][point] * (1 - part) + kTable[low + 1][point] * part);
}

}  // namespace berth

#include "results/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "results/files.hpp"
#include "results/table.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr double kAlpha = 1 - kConfidence;
constexpr double kScientificFrom = 1e9;
constexpr double kScientificBelow = 1e-4;

// Things by name in order of first sight. Cells hold few names, so a map beside the list is enough.
template <class T>
struct Ordered {
  std::vector<std::pair<std::string, T>> items;
  std::map<std::string, std::size_t, std::less<>> index;

  T& operator[](const std::string& name) {
    const auto [at, added] = index.try_emplace(name, items.size());
    if (added) items.emplace_back(name, T{});
    return items[at->second].second;
  }
  const T* find(std::string_view name) const {
    const auto at = index.find(name);
    return at == index.end() ? nullptr : &items[at->second].second;
  }
};

struct Observations {
  std::vector<std::uint64_t> seeds;
  std::vector<double> values;
};
using Metrics = Ordered<Observations>;
using Policies = Ordered<Metrics>;
using Scenarios = Ordered<Policies>;

Scenarios group(std::span<const RunResult> runs) {
  Scenarios scenarios;
  std::map<std::tuple<std::string, std::string, std::uint64_t>, bool> seen;
  for (const RunResult& run : runs) {
    if (!seen.try_emplace({run.key.scenario, run.key.policy, run.key.seed}, true).second) {
      throw InputError(fmt::format("scenario {}, policy {}: seed {} occurs twice; expected each seed once",
                                   run.key.scenario, run.key.policy, run.key.seed));
    }
    Metrics& metrics = scenarios[run.key.scenario][run.key.policy];
    for (const Metric& metric : run.metrics) {
      Observations& o = metrics[metric.name];
      o.seeds.push_back(run.key.seed);
      o.values.push_back(metric.value);
    }
  }
  return scenarios;
}

void require_policy(std::span<const RunResult> runs, std::string_view baseline) {
  std::vector<std::string> policies;
  for (const RunResult& run : runs) {
    if (run.key.policy == baseline) return;
    if (std::ranges::find(policies, run.key.policy) == policies.end()) policies.push_back(run.key.policy);
  }
  throw InputError(fmt::format("baseline \"{}\": no run has this policy; expected one of: {}{}", baseline,
                               fmt::join(policies, ", "), did_you_mean(baseline, policies)));
}

PairedEstimate compare(const Observations& baseline, const Observations& other) {
  const std::map<std::uint64_t, double> by_seed = [&baseline] {
    std::map<std::uint64_t, double> map;
    for (std::size_t i = 0; i < baseline.seeds.size(); ++i) map.emplace(baseline.seeds[i], baseline.values[i]);
    return map;
  }();
  std::vector<double> before;
  std::vector<double> after;
  for (std::size_t i = 0; i < other.seeds.size(); ++i) {
    if (const auto at = by_seed.find(other.seeds[i]); at != by_seed.end()) {
      before.push_back(at->second);
      after.push_back(other.values[i]);
    }
  }
  return paired(before, after);
}

// Fills p_holm in the rows of one scenario, metric by metric.
void correct(std::span<SummaryRow> rows) {
  std::map<std::string, std::vector<SummaryRow*>> families;
  for (SummaryRow& row : rows) families[row.metric].push_back(&row);
  for (auto& [metric, family] : families) {
    std::vector<double> p;
    for (const SummaryRow* row : family) p.push_back(row->against_baseline.p_value);
    const std::vector<double> adjusted = holm_adjusted(p);
    for (std::size_t i = 0; i < family.size(); ++i) family[i]->p_holm = adjusted[i];
  }
}

std::string json_number(double value) {
  const std::string text = shortest(value);
  return text.empty() ? "null" : text;
}

// Without the minus of a number that rounds to zero.
std::string fixed(double value, int decimals, bool sign) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool zero = text.find_first_not_of("-0.") == std::string::npos;
  if (zero && text.front() == '-') text.erase(0, 1);
  return fmt::format("{}{}", sign && !zero && value > 0 ? "+" : "", text);
}

std::string significant(double value, int digits, bool sign) {
  const double size = std::abs(value);
  if (size >= std::pow(10.0, digits - 1) && size < kScientificFrom) return fixed(value, 0, sign);
  return fmt::format("{}{:.{}g}", sign && value > 0 ? "+" : "", value, digits);
}

struct Block {  // The rows of one scenario.
  std::span<const SummaryRow> rows;
  std::vector<std::string> policies;
  std::vector<std::string> metrics;

  const SummaryRow* find(const std::string& policy, const std::string& metric) const {
    const auto at =
        std::ranges::find_if(rows, [&](const SummaryRow& row) { return row.policy == policy && row.metric == metric; });
    return at == rows.end() ? nullptr : &*at;
  }
};

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

std::vector<Block> blocks(const Summary& summary, std::span<const std::string> chosen) {
  std::vector<Block> result;
  const std::span<const SummaryRow> rows = summary.rows;
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t last = first;
    Block block;
    while (last < rows.size() && rows[last].scenario == rows[first].scenario) {
      add_once(block.policies, rows[last].policy);
      add_once(block.metrics, rows[last].metric);
      ++last;
    }
    block.rows = rows.subspan(first, last - first);
    if (!chosen.empty()) {
      std::vector<std::string> kept;
      for (const std::string& name : chosen) {
        if (std::ranges::find(block.metrics, name) != block.metrics.end()) add_once(kept, name);
      }
      block.metrics = std::move(kept);
    }
    result.push_back(std::move(block));
    first = last;
  }
  return result;
}

void require_metrics(const Summary& summary, std::span<const std::string> metrics) {
  std::vector<std::string> known;
  for (const SummaryRow& row : summary.rows) add_once(known, row.metric);
  for (const std::string& name : metrics) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = did_you_mean(name, known);
    throw InputError(fmt::format("metric \"{}\": no run reports it; expected a metric of summary.csv{}", name,
                                 near.empty() && !known.empty() ? ", such as " + known.front() : near));
  }
}

std::string seeds_text(const Block& block) {
  std::size_t least = SIZE_MAX;
  std::size_t most = 0;
  for (const SummaryRow& row : block.rows) {
    least = std::min(least, row.estimate.n);
    most = std::max(most, row.estimate.n);
  }
  if (least != most) return fmt::format("{} to {} seeds", least, most);
  return most == 1 ? "1 seed" : fmt::format("{} seeds", most);
}

TextTable means(const Block& block) {
  TextTable table{"policy", block.policies, {}};
  for (const std::string& metric : block.metrics) {
    TableColumn& column = table.columns.emplace_back(TableColumn{metric, {}});
    for (const std::string& policy : block.policies) {
      const SummaryRow* row = block.find(policy, metric);
      column.cells.push_back(row == nullptr ? "–" : format_estimate(row->estimate));
    }
  }
  return table;
}

TextTable differences(const Block& block, const std::string& baseline) {
  TextTable table{"policy", block.policies, {}};
  std::erase(table.labels, baseline);
  for (const std::string& metric : block.metrics) {
    TableColumn& column = table.columns.emplace_back(TableColumn{metric, {}});
    for (const std::string& policy : table.labels) {
      const SummaryRow* row = block.find(policy, metric);
      std::string cell = row == nullptr ? "–" : format_estimate(row->against_baseline.difference, true);
      if (row != nullptr && row->against_baseline.excludes_zero()) cell += row->p_holm <= kAlpha ? " **" : " *";
      column.cells.push_back(std::move(cell));
    }
  }
  return table;
}

}  // namespace

Summary summarize(std::span<const RunResult> runs, std::string_view baseline) {
  Summary summary{std::string(baseline), {}};
  if (!baseline.empty()) require_policy(runs, baseline);
  const Scenarios scenarios = group(runs);
  for (const auto& [scenario, policies] : scenarios.items) {
    const std::size_t first = summary.rows.size();
    const Metrics* base = baseline.empty() ? nullptr : policies.find(baseline);
    for (const auto& [policy, metrics] : policies.items) {
      for (const auto& [metric, observed] : metrics.items) {
        SummaryRow row{scenario, policy, metric, estimate(observed.values), kUndefined, kUndefined, {}, kUndefined};
        if (std::ranges::none_of(observed.values, [](double v) { return std::isnan(v); })) {
          row.min = std::ranges::min(observed.values);
          row.max = std::ranges::max(observed.values);
        }
        const Observations* base_observed = base == nullptr ? nullptr : base->find(metric);
        if (base_observed != nullptr && policy != baseline) row.against_baseline = compare(*base_observed, observed);
        summary.rows.push_back(std::move(row));
      }
    }
    correct(std::span(summary.rows).subspan(first));
  }
  return summary;
}

std::string summary_csv(const Summary& summary) {
  std::string text =
      "scenario,policy,metric,n,mean,half_width_95,sd,min,max,baseline,diff_n,diff_mean,diff_half_width_95,diff_p,"
      "diff_p_holm\n";
  for (const SummaryRow& row : summary.rows) {
    const Estimate& e = row.estimate;
    const Estimate& d = row.against_baseline.difference;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_cell(row.scenario), csv_cell(row.policy),
                        csv_cell(row.metric), e.n, shortest(e.mean), shortest(e.half_width), shortest(e.sd),
                        shortest(row.min), shortest(row.max), csv_cell(summary.baseline),
                        d.n == 0 ? std::string() : std::to_string(d.n), shortest(d.mean), shortest(d.half_width),
                        shortest(row.against_baseline.p_value), shortest(row.p_holm));
  }
  return text;
}

std::string summary_json(const Summary& summary) {
  std::string text = fmt::format("{{\n  \"confidence\": {},\n  \"baseline\": {},\n  \"rows\": [", shortest(kConfidence),
                                 summary.baseline.empty() ? "null" : json_string(summary.baseline));
  const char* separator = "\n";
  for (const SummaryRow& row : summary.rows) {
    const Estimate& e = row.estimate;
    const Estimate& d = row.against_baseline.difference;
    std::string difference = "null";
    if (d.n > 0) {
      difference = fmt::format(R"({{"n": {}, "mean": {}, "half_width_95": {}, "p": {}, "p_holm": {}}})", d.n,
                               json_number(d.mean), json_number(d.half_width),
                               json_number(row.against_baseline.p_value), json_number(row.p_holm));
    }
    text += fmt::format(
        R"({}    {{"scenario": {}, "policy": {}, "metric": {}, "n": {}, "mean": {}, "half_width_95": {}, "sd": {}, )"
        R"("min": {}, "max": {}, "difference": {}}})",
        separator, json_string(row.scenario), json_string(row.policy), json_string(row.metric), e.n,
        json_number(e.mean), json_number(e.half_width), json_number(e.sd), json_number(row.min), json_number(row.max),
        difference);
    separator = ",\n";
  }
  return text + "\n  ]\n}\n";
}

std::string format_estimate(const Estimate& e, bool sign) {
  if (std::isnan(e.mean)) return "–";
  if (!e.has_interval()) return significant(e.mean, 4, sign) + " ± –";
  if (e.half_width == 0) return significant(e.mean, 6, sign) + " ± 0";
  if (e.half_width < kScientificBelow || std::max(std::abs(e.mean), e.half_width) >= kScientificFrom) {
    return fmt::format("{}{:.3e} ± {:.1e}", sign && e.mean > 0 ? "+" : "", e.mean, e.half_width);
  }
  const int decimals = std::max(0, 1 - static_cast<int>(std::floor(std::log10(e.half_width))));
  return fixed(e.mean, decimals, sign) + " ± " + fixed(e.half_width, decimals, false);
}

std::string summary_table(const Summary& summary, std::span<const std::string> metrics) {
  require_metrics(summary, metrics);
  std::string text;
  bool single = false;
  bool compared = false;
  for (const Block& block : blocks(summary, metrics)) {
    if (block.metrics.empty()) continue;
    text +=
        fmt::format("Scenario {}, {}\n\n{}\n", block.rows.front().scenario, seeds_text(block), to_text(means(block)));
    for (const SummaryRow& row : block.rows) single = single || row.estimate.n == 1;
    const bool has_baseline = std::ranges::find(block.policies, summary.baseline) != block.policies.end();
    if (!has_baseline || block.policies.size() < 2) continue;
    compared = true;
    text += fmt::format("Difference to {}, paired by seed\n\n{}\n", summary.baseline,
                        to_text(differences(block, summary.baseline)));
  }
  text += "±: half the width of the 95 % Student-t interval over seeds.";
  if (single) text += " –: one seed tells no ±.";
  text += '\n';
  if (compared) {
    text +=
        "*: the interval leaves out 0. **: so it does after Holm's correction for the number of policies compared.\n";
  }
  return text;
}

void write_series_csv(const std::filesystem::path& path, std::span<const RunResult> runs) {
  AtomicFile file(path);
  file.write("scenario,policy,seed,series,x_name,x,y\n");
  for (const RunResult& run : runs) {
    for (const Series& series : run.series) {
      BERTH_CHECK(series.x.size() == series.y.size());
      const std::string head = fmt::format("{},{},{},{},{},", csv_cell(run.key.scenario), csv_cell(run.key.policy),
                                           run.key.seed, csv_cell(series.name), csv_cell(series.x_name));
      for (std::size_t i = 0; i < series.x.size(); ++i) {
        file.write(head + shortest(series.x[i]) + ',' + shortest(series.y[i]) + '\n');
      }
    }
  }
  file.commit();
}

}  // namespace berth

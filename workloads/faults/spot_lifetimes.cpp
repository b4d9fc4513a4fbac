#include "workloads/faults/spot_lifetimes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/engine/error.hpp"
#include "workloads/csv.hpp"
#include "workloads/yaml.hpp"

namespace berth {

SpotLifetimes::SpotLifetimes(std::vector<Observation> observations) : machines_(observations.size()) {
  // At equal times the reclaimed come first: who was last seen then was still at risk.
  std::ranges::sort(observations, [](const Observation& a, const Observation& b) {
    return a.lived != b.lived ? a.lived < b.lived : a.reclaimed && !b.reclaimed;
  });
  double exposure = 0;
  double survival = 1;
  for (std::size_t i = 0; i < observations.size();) {
    const Duration lived = observations[i].lived;
    BERTH_CHECK(lived.ns >= 0);
    const auto at_risk = static_cast<double>(observations.size() - i);
    std::size_t ended = 0;
    for (; i < observations.size() && observations[i].lived == lived; ++i) {
      ended += observations[i].reclaimed ? 1 : 0;
      exposure += lived.seconds();
    }
    if (ended == 0) continue;
    reclaimed_ += ended;
    survival *= 1 - static_cast<double>(ended) / at_risk;
    steps_.push_back({lived.ns, survival});
  }
  BERTH_CHECK(reclaimed_ > 0 && exposure > 0);
  longest_ns_ = observations.back().lived.ns;
  tail_mean_seconds_ = exposure / static_cast<double>(reclaimed_);
}

double SpotLifetimes::survival(Duration t) const {
  const auto behind =
      std::ranges::upper_bound(steps_, t.ns, std::ranges::less(), [](const Step& step) { return step.ns; });
  const double at_last_step = behind == steps_.begin() ? 1 : std::prev(behind)->survival;
  if (t.ns <= longest_ns_) return at_last_step;
  return at_last_step * std::exp(-Duration{t.ns - longest_ns_}.seconds() / tail_mean_seconds_);
}

Duration SpotLifetimes::draw(Rng& rng) const {
  const double u = rng.uniform_open();  // P(lifetime > t) falls to u or below at t.
  if (u >= steps_.back().survival) {
    const auto step = std::ranges::partition_point(steps_, [u](const Step& s) { return s.survival > u; });
    if (step != steps_.end()) return {step->ns};
  }
  const double beyond = -tail_mean_seconds_ * std::log(u / steps_.back().survival);
  return Duration{longest_ns_} + from_seconds(beyond);
}

double SpotLifetimes::mean_seconds() const {
  double sum = 0;
  double before = 1;
  for (const Step& step : steps_) {
    sum += (before - step.survival) * Duration{step.ns}.seconds();
    before = step.survival;
  }
  return sum + before * (Duration{longest_ns_}.seconds() + tail_mean_seconds_);
}

namespace {

struct Life {
  Duration begin;
  Duration last;
  std::uint64_t rows = 0;
};

class Lives {
 public:
  explicit Lives(ImportReport& report) : report_(report) { report_ = {}; }

  // A new life; one that was open ends unseen.
  void begin(const std::string& machine, Duration at) {
    end(machine, false, {});
    open_.emplace(machine, Life{at, at, 1});
  }
  bool seen(const std::string& machine, Duration at) {
    const auto found = open_.find(machine);
    if (found == open_.end()) return false;
    found->second.last = at;
    ++found->second.rows;
    return true;
  }
  void end(const std::string& machine, bool reclaimed, Duration at) {
    const auto found = open_.find(machine);
    if (found == open_.end()) return;
    const Life& life = found->second;
    observations_.push_back({(reclaimed ? at : life.last) - life.begin, reclaimed});
    report_.rows_used += life.rows;
    open_.erase(found);
  }
  void end_all(bool seen_until, Duration last) {
    for (auto& [machine, life] : open_) {
      observations_.push_back({(seen_until ? last : life.last) - life.begin, false});
      report_.rows_used += life.rows;
    }
    open_.clear();
  }
  std::vector<SpotLifetimes::Observation> take() { return std::move(observations_); }

 private:
  ImportReport& report_;
  std::map<std::string, Life> open_;
  std::vector<SpotLifetimes::Observation> observations_;
};

std::vector<SpotLifetimes::Observation> read_availability(CsvReader& csv, std::string_view log, ImportReport& report) {
  enum Column : std::size_t { kLog, kTime, kEvent, kInstance };
  Lives lives(report);
  std::uint64_t failed = 0;
  std::uint64_t unborn = 0;
  std::uint64_t after_down = 0;
  std::uint64_t other_log = 0;
  std::map<std::string, Duration, std::less<>> last_of_log;
  std::vector<std::string> logs;
  std::map<std::string, bool> was_down;  // By machine: its life has just ended.
  while (csv.next()) {
    ++report.rows_read;
    const std::string of(csv.text(kLog));
    if (std::ranges::find(logs, of) == logs.end()) logs.push_back(of);
    if (!log.empty() && of != log) {
      ++other_log;
      continue;
    }
    const Duration at = csv.seconds(kTime);
    Duration& last = last_of_log[of];
    if (at < last) csv.fail(kTime, ", before the row above", "times that do not go back");
    last = at;
    const std::string_view event = csv.text(kEvent);
    const std::string machine = of + "/" + std::string(csv.text(kInstance));
    if (event == "created") {
      lives.begin(machine, at);
      was_down[machine] = false;
    } else if (event == "up") {
      if (!lives.seen(machine, at)) ++unborn;
    } else if (event == "down" || event == "deleted") {
      if (lives.seen(machine, at)) {
        lives.end(machine, true, at);
        was_down[machine] = true;
      } else {
        ++(was_down[machine] ? after_down : unborn);
      }
    } else if (event == "create_failed") {
      ++failed;
    } else {
      csv.fail(kEvent, "", "created, up, down, deleted or create_failed");
    }
  }
  if (!log.empty() && std::ranges::find(logs, log) == logs.end()) {
    throw InputError(fmt::format("{}: has no log \"{}\"; expected one of {}{}", csv.file(), log, fmt::join(logs, ", "),
                                 did_you_mean(log, logs)));
  }
  lives.end_all(false, {});
  if (other_log > 0) report.skipped.push_back({"of another log", other_log});
  if (failed > 0) report.skipped.push_back({"a creation that failed", failed});
  if (unborn > 0) report.skipped.push_back({"about a machine that was not created", unborn});
  if (after_down > 0) report.skipped.push_back({"about a machine that was gone already", after_down});
  report.notes.push_back("A machine that is not seen to end is counted up to its last row.");
  return lives.take();
}

std::vector<SpotLifetimes::Observation> read_membership(CsvReader& csv, ImportReport& report) {
  enum Column : std::size_t { kTime, kEvent, kNode };
  Lives lives(report);
  std::uint64_t unborn = 0;
  Duration last;
  while (csv.next()) {
    ++report.rows_read;
    const Duration at = milliseconds(csv.integer(kTime, 0, 1'000'000'000'000));
    if (at < last) csv.fail(kTime, ", before the row above", "times that do not go back");
    last = at;
    const std::string_view event = csv.text(kEvent);
    const std::string node(csv.text(kNode));
    if (event == "add") {
      lives.begin(node, at);
    } else if (event == "remove") {
      if (lives.seen(node, at)) {
        lives.end(node, true, at);
      } else {
        ++unborn;
      }
    } else {
      csv.fail(kEvent, "", "add or remove");
    }
  }
  lives.end_all(true, last);
  if (unborn > 0) report.skipped.push_back({"about a machine that was not added", unborn});
  report.notes.push_back("A machine that is not removed is counted up to the last row.");
  return lives.take();
}

}  // namespace

SpotLifetimes read_spot_lifetimes(const std::filesystem::path& path, std::string_view log, ImportReport& report) {
  std::string text = read_text_file(path);
  const std::string_view header = std::string_view(text).substr(0, text.find('\n'));
  std::vector<SpotLifetimes::Observation> lives;
  if (header.find("t_ms") != std::string_view::npos) {
    if (!log.empty())
      throw InputError(fmt::format("{}: has one log alone; expected no log to be named", path.string()));
    CsvReader csv(path.string(), std::move(text), {"t_ms", "event", "node"}, {});
    lives = read_membership(csv, report);
  } else {
    CsvReader csv(path.string(), std::move(text), {"log", "t_s", "event", "instance"}, {"zone", "gpu_type", "gpus"});
    lives = read_availability(csv, log, report);
  }
  if (std::ranges::none_of(lives, [](const auto& l) { return l.reclaimed && l.lived.ns > 0; })) {
    throw InputError(fmt::format("{}: no machine's life ends in it; expected at least one", path.string()));
  }
  return SpotLifetimes(std::move(lives));
}

}  // namespace berth

#include "sim/conformance/controllers_conformance.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "sim/conformance/controllers_conformance_world.hpp"
#include "sim/engine/error.hpp"
#include "sim/kube_scenario.hpp"
#include "workloads/kube_json.hpp"

namespace berth::controllers {
namespace {

constexpr std::size_t kShown = 1200;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > kShown ? text.substr(0, kShown) + "…" : text;
}

struct Step {
  std::size_t line;
  Time at;
  Json value;
};
struct Recording {
  Json scenario;
  std::vector<Step> steps;
};

// Seconds with at most a millisecond's fraction.
Time recorded_time(const Json& t) {
  return {std::llround(t.get<double>() * 1000) * 1'000'000};
}

class TimelineChecker {
 public:
  TimelineChecker(const std::string& file, TimelineConformance& out) : file_(file), out_(out) {}

  void check(const Recording& recording) {
    next_ = 0;
    different_ = false;
    clean_ = true;
    expected_.clear();
    last_ = {};
    steps_ = &recording.steps;
    index_ = recording.scenario.at("index").get<std::int64_t>();
    World(recording.scenario).run([this](Time when, State state) { changed(when, std::move(state)); });
    take_steps(kNever);
    ++out_.scenarios;
    if (!different_) ++out_.scenarios_equal;
  }

 private:
  // Our state changed at the end of `when`: steps before it met the state as it was, one at it meets the new one.
  void changed(Time when, State state) {
    take_steps(when);
    last_ = std::move(state);
    if (next_ < steps_->size() && (*steps_)[next_].at == when) {
      take_step();
    } else if (last_ != expected_) {
      differ(when, next_ < steps_->size() ? (*steps_)[next_].line : steps_->back().line);
      clean_ = false;
    }
  }

  void take_steps(Time before) {
    while (next_ < steps_->size() && (*steps_)[next_].at < before) take_step();
  }

  void take_step() {
    const Step& step = (*steps_)[next_++];
    if (step.value.contains("set")) {
      for (const auto& [key, value] : step.value.at("set").items()) expected_[key] = value;
    }
    if (step.value.contains("gone")) {
      for (const Json& key : step.value.at("gone")) expected_.erase(key.get<std::string>());
    }
    ++out_.steps.compared;
    if (last_ != expected_) {
      differ(step.at, step.line);
    } else if (clean_) {
      ++out_.steps.equal;
    }
    clean_ = true;
  }

  void differ(Time when, std::size_t line) {
    if (different_) return;  // Only the first second of a scenario tells anything.
    different_ = true;
    State keys = expected_;
    keys.insert(last_.begin(), last_.end());
    for (const auto& [key, unused] : keys) {
      const auto e = expected_.find(key);
      const auto g = last_.find(key);
      const Json expected = e == expected_.end() ? Json() : e->second;
      const Json got = g == last_.end() ? Json() : g->second;
      if (expected == got || out_.steps.differences.size() >= kube::kMaxDifferences) continue;
      out_.steps.differences.push_back({file_, line, fmt::format("scenario {}, second {}", index_, when.seconds()), key,
                                        shown(expected), shown(got)});
    }
  }

  const std::string& file_;
  TimelineConformance& out_;
  const std::vector<Step>* steps_ = nullptr;
  std::int64_t index_ = 0;
  std::size_t next_ = 0;
  bool different_ = false;
  bool clean_ = true;  // No change of ours since the last step that the recording does not have.
  State expected_;
  State last_;
};

}  // namespace

bool is_timeline_file(const std::string& path) {
  const std::string text = kube::read_maybe_gzip(path);
  const Json first = Json::parse(text.substr(0, text.find('\n')), nullptr, false);
  if (!first.is_object() || !first.contains("flavour") || !first["flavour"].is_string()) return false;
  for (const char* flavour :
       {"deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob", "disruption", "nodelifecycle"}) {
    if (first["flavour"] == flavour) return true;
  }
  return false;
}

TimelineConformance check_timelines(const std::string& path) {
  return check_timelines(kube::read_maybe_gzip(path), path);
}

TimelineConformance check_timelines(const std::string& text, const std::string& name) {
  TimelineConformance out;
  std::size_t line = 0;
  try {
    TimelineChecker checker(name, out);
    Recording recording;
    std::size_t scenario_line = 0;
    const auto check = [&] {
      if (scenario_line == 0) return;
      const std::size_t here = std::exchange(line, scenario_line);
      if (recording.steps.empty()) {
        throw InputError(fmt::format("{}:{}: has no steps; expected some below the scenario", name, scenario_line));
      }
      try {
        checker.check(recording);
      } catch (const InputError& e) {
        throw InputError(fmt::format("{}:{}: {}", name, scenario_line, e.what()));
      } catch (const std::out_of_range&) {  // A name that nothing has.
        throw InputError(
            fmt::format("{}:{}: refers to a template, node or set that is not there; expected one of its own", name,
                        scenario_line));
      }
      line = here;
    };
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t stop = std::min(text.find('\n', at), text.size());
      ++line;
      if (stop > at) {
        Json value = kube::parse_json(std::string_view(text).substr(at, stop - at), name, line);
        if (value.at("kind") == "Scenario") {
          check();
          out.steps.flavour = value.at("flavour").get<std::string>();
          recording = {std::move(value), {}};
          scenario_line = line;
        } else {
          const Time when = recorded_time(value.at("t"));
          recording.steps.push_back({line, when, std::move(value)});
        }
      }
      at = stop + 1;
    }
    check();
    if (scenario_line == 0) throw InputError(name + ": has no scenario; expected a line with kind: Scenario");
  } catch (const Json::exception& e) {
    throw InputError(
        fmt::format("{}:{}: is no scenario of the timeline format ({}); expected members as its "
                    "description has them",
                    name, line, e.what()));
  }
  return out;
}

}  // namespace berth::controllers

#include "sim/conformance/kube_conformance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShown = 1200;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > kShown ? text.substr(0, kShown) + "…" : text;
}

Json member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? Json() : *it;
}

Json as_set(Json list) {
  if (list.is_array()) std::sort(list.begin(), list.end());
  return list;
}

// Node → what it answered; the order and the grouping do not matter.
Json by_node(const Json& rejected) {
  Json out = Json::object();
  if (!rejected.is_array()) return out;
  for (const Json& group : rejected) {
    Json answer = {{"plugin", member(group, "plugin")},
                   {"code", member(group, "code")},
                   {"reasons", as_set(member(group, "reasons"))}};
    const Json nodes = member(group, "nodes");
    if (nodes.is_array()) {
      for (const Json& node : nodes) out[node.get<std::string>()] = answer;
    } else {
      out["*"] = std::move(answer);
    }
  }
  return out;
}

// Of two objects only the members that differ: what one wants to see.
void keep_differences(Json& a, Json& b) {
  if (!a.is_object() || !b.is_object()) return;
  std::vector<std::string> same;
  for (const auto& [key, value] : a.items()) {
    if (b.contains(key) && b[key] == value) same.push_back(key);
  }
  for (const std::string& key : same) {
    a.erase(key);
    b.erase(key);
  }
}

// What the fast pass says of a decision, of either pass.
Json summary(const Decision& d) {
  Json victims = Json::array();
  if (d.preempted != nullptr) {
    for (const PodRef& victim : d.preempted->victims) victims.push_back(victim.handle);
  }
  return {{"node", d.node == nullptr ? Json() : Json(d.node->index)},
          {"feasible", d.feasible.size()},
          {"preempts on", d.preempted == nullptr ? Json() : Json(d.preempted->node->index)},
          {"victims", victims}};
}
Json summary(const Choice& c) {
  Json victims = Json::array();
  for (const PodRef& victim : c.victims) victims.push_back(victim.handle);
  return {{"node", c.node == kNoValue ? Json() : Json(c.node)},
          {"feasible", c.feasible},
          {"preempts on", c.preempt_on == kNoValue ? Json() : Json(c.preempt_on)},
          {"victims", victims}};
}

class Checker {
 public:
  explicit Checker(const Scenario& scenario) : scenario_(scenario) { out_.flavour = scenario.flavour; }

  Conformance run() {
    if (scenario_.recorded.empty())
      throw InputError(scenario_.file + ": has no recorded decisions; expected some below the scenario");
    ReplayHooks hooks;
    hooks.ask_fast = true;
    hooks.decided = [this](const Step& step, const ClusterState&) {
      try {
        return decided(step);
      } catch (const Json::exception&) {  // A member of an unexpected type.
        throw InputError(
            fmt::format("{}:{}: is no decision of the conformance format; expected members as its description has them",
                        scenario_.file, next_ + 1));
      }
    };
    hooks.finished = [this](std::size_t, const Outcome& outcome) { finished(outcome); };
    replay(scenario_, TieRule::kFirst, 0, hooks);
    for (; next_ < scenario_.recorded.size(); ++next_) {
      ++out_.compared;
      where_ = "beyond the last step of the replay";
      differ("step", parse(next_), Json());
    }
    return std::move(out_);
  }

 private:
  Json parse(std::size_t i) const { return parse_json(scenario_.recorded[i], scenario_.file, i + 2); }

  std::optional<Applied> decided(const Step& step) {
    same_ = true;
    ++out_.compared;
    where_ = fmt::format("step {}, {}, attempt {}", step.step, step.pod->pod.key(), step.attempt);
    const Json own = Json::parse(decision_line(step));
    if (next_ >= scenario_.recorded.size()) {
      differ("step", Json(), own);
      recorded_ = Json::object();
      return std::nullopt;
    }
    recorded_ = parse(next_++);
    const Json& theirs = recorded_;
    for (const char* key : {"step", "pod", "attempt", "result", "via", "feasible", "plugins", "scores", "raw"}) {
      compare(key, member(theirs, key), member(own, key));
    }
    compare("ties", as_set(member(theirs, "ties")), as_set(member(own, "ties")));
    compare("rejected", by_node(member(theirs, "rejected")), by_node(member(own, "rejected")));
    const Json preemption = member(theirs, "preemption");
    const Json own_preemption = member(own, "preemption");
    compare("preemption", Json(preemption.is_null()), Json(own_preemption.is_null()));
    if (preemption.is_object() && own_preemption.is_object()) {
      for (const char* key : {"eligible", "message"})
        compare(key, member(preemption, key), member(own_preemption, key));
      compare("candidates", as_set(member(preemption, "candidates")), as_set(member(own_preemption, "candidates")));
      compare("preemption.ties", as_set(member(preemption, "ties")), as_set(member(own_preemption, "ties")));
    }

    compare("fast pass", summary(step.decision), summary(*step.fast));

    Applied applied;
    if (const Json node = member(theirs, "node"); node.is_string()) applied.node = node.get<std::string>();
    Json own_volumes;
    for (std::size_t i = 0; i < step.decision.feasible.size() && i < step.decision.volumes.size(); ++i) {
      if (step.decision.feasible[i]->name() != applied.node) continue;
      for (const ClaimBinding& b : step.decision.volumes[i]) {
        own_volumes.push_back({{"claim", b.claim}, {"volume", b.volume}, {"provisioned", b.provisioned}});
      }
    }
    Json volumes = member(theirs, "volumes");
    if (volumes.is_array()) {
      for (Json& v : volumes) {
        const Json provisioned = member(v, "provisioned");
        v["provisioned"] = provisioned.is_boolean() && provisioned.get<bool>();
        applied.volumes.push_back(
            {v.at("claim").get<std::string>(), v.at("volume").get<std::string>(), v["provisioned"].get<bool>()});
      }
    }
    compare("volumes", as_set(volumes), as_set(own_volumes));
    if (preemption.is_object()) {
      if (const Json node = member(preemption, "node"); node.is_string())
        applied.preempted_node = node.get<std::string>();
      const Json victims = member(preemption, "victims");
      if (victims.is_array()) applied.victims = victims.get<std::vector<std::string>>();
    }
    return applied;
  }

  void finished(const Outcome& outcome) {
    const auto list = [](const std::vector<std::string>& names) { return names.empty() ? Json() : Json(names); };
    compare("departed", as_set(member(recorded_, "departed")), as_set(list(outcome.departed)));
    const Json preemption = member(recorded_, "preemption");
    const Json cleared = preemption.is_object() ? member(preemption, "cleared") : Json();
    compare("cleared", as_set(cleared), as_set(list(outcome.cleared)));
    if (same_) ++out_.equal;
  }

  void compare(const char* key, Json expected, Json got) {
    if (expected == got) return;
    keep_differences(expected, got);
    differ(key, expected, got);
  }

  void differ(const char* key, const Json& expected, const Json& got) {
    same_ = false;
    if (out_.differences.size() >= kMaxDifferences) return;
    out_.differences.push_back({scenario_.file, next_ + 1, where_, key, shown(expected), shown(got)});
  }

  const Scenario& scenario_;
  Conformance out_;
  std::size_t next_ = 0;
  Json recorded_ = Json::object();
  std::string where_;
  bool same_ = true;
};

}  // namespace

Conformance check_conformance(const Scenario& scenario) {
  return Checker(scenario).run();
}

}  // namespace berth::kube

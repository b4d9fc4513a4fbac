// Scheduling scenarios: a cluster as Kubernetes objects, pods in order of arrival, who leaves when; and what
// kube-scheduler decided, if that was recorded. Files are JSON lines (gzip'd or plain) of the conformance format, or a
// `kubectl get nodes,pods,… -o json|yaml` dump, whose unbound pods then arrive in the order in which they stand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/schedulers/kube/fast_scheduler.hpp"
#include "policies/schedulers/kube/scheduler.hpp"
#include "workloads/kube_json.hpp"

namespace berth::kube {

struct Scenario {
  Scenario() = default;
  Scenario(Scenario&&) = default;
  Scenario(const Scenario&) = delete;

  struct Departure {
    std::size_t after = 0;  // Arrivals decided, counting from 0.
    std::string pod;        // "namespace/name"
  };
  std::string file;
  std::string flavour;
  std::int64_t seed = 0;
  Objects objects;
  PodClasses classes;
  std::deque<PodInfo> pods;   // By handle; `bound` and `arrivals` point into it. Priorities resolved.
  std::vector<PodRef> bound;  // On a node from the start.
  std::vector<PodRef> arrivals;
  std::vector<Departure> departures;
  std::size_t retry_after = 0;  // Arrivals between a preemption and the next attempt.
  SchedulerConfig config;
  std::vector<std::string> recorded;  // Decision lines, JSON; line i + 2 of the file.
  UnknownFields unknown;              // What was in the file and is not looked at.
};

// Throws InputError: unreadable or truncated file, bad JSON or YAML, a bad object, an unknown priority class, a pod on
// a node that is not there. O(size).
Scenario load_scenario(const std::string& path);
// The same from text; `file` is what errors call it.
Scenario parse_scenario(const std::string& text, const std::string& file);
// The whole file, gunzip'd if it is gzip'd. Throws InputError, also for a stream that ends too soon.
std::string read_maybe_gzip(const std::string& path);

// A decision and what followed from it, in the terms of the decision lines.
struct Step {
  std::size_t step = 0;
  PodRef pod;
  std::uint32_t attempt = 1;
  Decision decision;           // Points into the cluster as it was; valid during the callback.
  std::optional<Choice> fast;  // What the fast pass chooses, if ReplayHooks::ask_fast.
};
// What to do about a step, if not what was decided oneself: the recorded choice.
struct Applied {
  std::string node;  // Empty: not bound.
  std::vector<ClaimBinding> volumes;
  std::string preempted_node;        // Empty: no preemption.
  std::vector<std::string> victims;  // "namespace/name"
};
// What came of it; known once the next step is about to begin.
struct Outcome {
  std::vector<std::string> cleared;   // Pods that lost their nomination to this step's preemption.
  std::vector<std::string> departed;  // Pods taken away after this step.
};

// Plays the scenario by the protocol of the conformance format. `decided` is called for every step before anything is
// applied and may say what to apply instead; `finished` once per step, in order, when its outcome is complete.
// Deterministic in (scenario, ties, seed). Throws InputError if what is to be applied makes no sense (unknown node).
struct ReplayHooks {
  std::function<std::optional<Applied>(const Step&, const ClusterState&)> decided;
  std::function<void(std::size_t step, const Outcome&)> finished;
  bool ask_fast = false;  // Decide every pod by the fast pass as well.
};
void replay(const Scenario& scenario, TieRule ties, std::uint64_t seed, const ReplayHooks& hooks);

// The step as a line of the conformance format, without newline and without what only its outcome tells.
std::string decision_line(const Step& step);
// The line with `cleared` and `departed` put in, where there are any.
std::string with_outcome(const std::string& line, const Outcome& outcome);

}  // namespace berth::kube

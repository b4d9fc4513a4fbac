// The deterministic kubelet of the controller recordings: it binds, starts, readies, ends and removes pods after fixed
// numbers of seconds. Model: "The fake kubelet" in conformance/controllers/README.md. No scheduling, no resources.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/controllers/store.hpp"

namespace berth::controllers {

// Delays are whole seconds from the beginning of the second of their cause.
struct FakeKubeletOptions {
  std::int64_t bind_after = 0;
  std::int64_t run_after = 0;
  std::int64_t terminate_after = 0;
  // After the binding, by version, "*" for any other; -1: never. Which entry: see `turn` of PodName.
  std::map<std::string, std::vector<std::int64_t>, std::less<>> ready_after;
  struct Outcome {
    std::int64_t seconds = 0;
    std::int32_t exit_code = 0;
    bool disrupted = false;
  };
  // Pods of Jobs: "i2" for completion index 2, "*" for all others.
  std::map<std::string, std::vector<Outcome>, std::less<>> outcomes;
  bool jobs = false;                  // Pods end as `outcomes` says and are Ready as soon as they run.
  std::uint32_t first_free_node = 0;  // Pods that ask for no node get one of their own, from this number on.
  bool nodes_can_stop = false;        // Node life cycle: pods run from the start, nodes renew leases.
};

// "i" and 3: "i3".
std::string numbered(std::string text, std::int64_t number);

// What the recording calls a pod.
struct PodName {
  std::string group;         // "v2#1", "i3", "p", "db", a node's name.
  std::string version;       // Label `version`; "" without one.
  std::string name;          // "db-3", "p-0".
  std::int32_t ordinal = 0;  // Within the group, by creation; a StatefulSet's own.
  std::size_t turn = 0;      // Which entry of ready_after: batch, StatefulSet ordinal or 0.
};

class FakeKubelet final : public Watcher {
 public:
  // `name_of` must know every pod as soon as it is created, so its watcher has to be registered before.
  FakeKubelet(Store& store, FakeKubeletOptions options, std::function<const PodName&(const Pod&)> name_of);

  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  // When the next action is due (never before now); kNever if none is planned.
  Time next_time();
  // One action that is due, in the order in which they were planned; false if none is.
  bool run_one();

  // Script actions.
  void fail(PodId pod, std::int32_t exit_code);
  void unready(PodId pod, std::int64_t seconds);

  // Node life cycle. A node that renews first at `first_renewal`, then every ten seconds.
  void add_node(NodeId node, std::int64_t first_renewal);
  bool running(NodeId node) const { return nodes_[index(node)].running; }
  void stop_node(NodeId node);
  void resume_node(NodeId node);
  void post_ready(NodeId node, bool ready);

 private:
  enum class Kind : std::uint8_t { kBind, kRun, kReady, kEnd, kGone, kRenew };
  struct Action {
    Time at;
    std::uint64_t sequence;
    Kind kind;
    std::uint32_t subject;  // Pod or node.
    std::uint64_t uid;      // Of the pod; of a node the generation of its renewals.
    std::uint32_t token;    // kReady: behind the pod's own: overruled by unready(). kEnd: the start it belongs to.
    bool operator>(const Action& o) const { return at != o.at ? at > o.at : sequence > o.sequence; }
  };
  struct PodState {
    std::uint64_t uid = 0;
    std::uint32_t ready_token = 0;
    Time bound;
  };
  struct NodeState {
    bool running = false;
    std::uint64_t generation = 0;
  };

  void plan(std::int64_t after, Kind kind, std::uint32_t subject, std::uint64_t uid, std::uint32_t token = 0);
  PodState& state(const Pod& pod);
  void bind(const Pod& pod);
  void run(const Pod& pod);
  void set_ready(const Pod& pod, bool ready);
  void end(const Pod& pod);
  void finish(const Pod& pod, Phase phase, std::int32_t exit_code, Disruption disruption);
  void gone(const Pod& pod);
  const FakeKubeletOptions::Outcome& outcome(const Pod& pod) const;
  bool stopped(const Pod& pod) const;

  Store& store_;
  FakeKubeletOptions options_;
  std::function<const PodName&(const Pod&)> name_of_;
  std::priority_queue<Action, std::vector<Action>, std::greater<>> actions_;
  std::uint64_t sequence_ = 0;
  std::uint32_t next_node_ = 0;
  std::vector<PodState> pods_;
  std::vector<NodeState> nodes_;
};

}  // namespace berth::controllers

#include "sim/conformance/controllers_fake_kubelet.hpp"

#include <algorithm>

namespace berth::controllers {
namespace {

constexpr std::int64_t kRenewSeconds = 10;
constexpr std::int32_t kTerminatedExitCode = 143;  // 128 + SIGTERM.

}  // namespace

std::string numbered(std::string text, std::int64_t number) {
  text += std::to_string(number);
  return text;
}

FakeKubelet::FakeKubelet(Store& store, FakeKubeletOptions options, std::function<const PodName&(const Pod&)> name_of)
    : store_(store), options_(std::move(options)), name_of_(std::move(name_of)) {
  store.watch(this);
}

void FakeKubelet::plan(std::int64_t after, Kind kind, std::uint32_t subject, std::uint64_t uid, std::uint32_t token) {
  actions_.push({api_time(store_.now()) + seconds(after), sequence_++, kind, subject, uid, token});
}

FakeKubelet::PodState& FakeKubelet::state(const Pod& pod) {
  const std::size_t row = index(pod.id);
  if (row >= pods_.size()) pods_.resize(row + 1);
  if (pods_[row].uid != pod.uid) pods_[row] = {pod.uid, 0, {}};
  return pods_[row];
}

bool FakeKubelet::stopped(const Pod& pod) const {
  return options_.nodes_can_stop && pod.node != kNoNode && !nodes_[index(pod.node)].running;
}

void FakeKubelet::pod_changed(const Pod& pod, const Pod& before, Change change) {
  if (change == Change::kDeleted) return;
  const auto row = static_cast<std::uint32_t>(index(pod.id));
  if (change == Change::kAdded) {
    if (pod.node == kNoNode) plan(options_.bind_after, Kind::kBind, row, pod.uid);
    return;
  }
  // Planned even if the node stands still: it may be back by then.
  if (pod.terminating && !before.terminating && !finished(pod.status.phase)) {
    plan(options_.terminate_after, Kind::kGone, row, pod.uid);
  }
}

Time FakeKubelet::next_time() {
  return actions_.empty() ? kNever : std::max(actions_.top().at, store_.now());
}

bool FakeKubelet::run_one() {
  if (actions_.empty() || actions_.top().at > store_.now()) return false;
  const Action action = actions_.top();
  actions_.pop();
  if (action.kind == Kind::kRenew) {
    NodeState& node = nodes_[action.subject];
    if (node.generation == action.uid && store_.find<Node>(action.subject) != nullptr) {
      store_.renew_lease(NodeId{action.subject});
      plan(kRenewSeconds, Kind::kRenew, action.subject, action.uid);
    }
    return true;
  }
  const PodId id{action.subject};
  if (!store_.exists(id, action.uid)) return true;
  const Pod& pod = store_.pod(id);
  if (finished(pod.status.phase) && action.kind != Kind::kGone) return true;
  switch (action.kind) {
    case Kind::kBind:
      bind(pod);
      break;
    case Kind::kRun:
      run(pod);
      break;
    case Kind::kReady:
      if (state(pod).ready_token == action.token) set_ready(pod, true);
      break;
    case Kind::kEnd:
      if (static_cast<std::uint32_t>(pod.status.restarts) == action.token) end(pod);
      break;
    case Kind::kGone:
      gone(pod);
      break;
    case Kind::kRenew:
      break;
  }
  return true;
}

void FakeKubelet::bind(const Pod& pod) {
  const auto row = static_cast<std::uint32_t>(index(pod.id));
  const PodId id = pod.id;
  const std::uint64_t uid = pod.uid;
  PodState& s = state(pod);
  s.bound = api_time(store_.now());
  const PodName& name = name_of_(pod);
  plan(options_.run_after, Kind::kRun, row, uid);
  if (!options_.jobs) {
    auto it = options_.ready_after.find(name.version);
    if (it == options_.ready_after.end()) it = options_.ready_after.find("*");
    if (it != options_.ready_after.end() && !it->second.empty()) {
      const std::int64_t after = it->second[name.turn % it->second.size()];
      if (after >= 0) plan(std::max(after, options_.run_after), Kind::kReady, row, uid, s.ready_token);
    }
  }
  store_.bind(id, pod.wanted != kNoNode ? pod.wanted : NodeId{options_.first_free_node + next_node_++});
  PodStatus status = store_.pod(id).status;
  status.ready_since = api_time(store_.now());
  store_.set_status(id, status);
}

void FakeKubelet::run(const Pod& pod) {
  if (pod.status.phase != Phase::kPending) return;
  if (options_.jobs && pod.terminating) return;
  PodStatus status = pod.status;
  status.phase = Phase::kRunning;
  if (options_.jobs) {
    status.ready = true;
    status.ready_since = api_time(store_.now());
    plan(outcome(pod).seconds, Kind::kEnd, static_cast<std::uint32_t>(index(pod.id)), pod.uid,
         static_cast<std::uint32_t>(pod.status.restarts));
  }
  store_.set_status(pod.id, status);
}

void FakeKubelet::set_ready(const Pod& pod, bool ready) {
  if (pod.status.ready == ready) return;
  PodStatus status = pod.status;
  status.ready = ready;
  status.ready_since = api_time(store_.now());
  store_.set_status(pod.id, status);
}

const FakeKubeletOptions::Outcome& FakeKubelet::outcome(const Pod& pod) const {
  const auto attempt = static_cast<std::size_t>(name_of_(pod).ordinal);
  const auto restarts = static_cast<std::size_t>(pod.status.restarts);
  const std::int32_t completion = std::max(0, pod.ordinal);
  const auto own = options_.outcomes.find(numbered("i", completion));
  if (own != options_.outcomes.end() && !own->second.empty()) {
    return own->second[std::min(attempt + restarts, own->second.size() - 1)];
  }
  const auto& all = options_.outcomes.at("*");
  return all[(static_cast<std::size_t>(completion) + attempt + restarts) % all.size()];
}

void FakeKubelet::end(const Pod& pod) {
  const FakeKubeletOptions::Outcome& how = outcome(pod);
  if (how.exit_code == 0 && !how.disrupted) return finish(pod, Phase::kSucceeded, 0, Disruption::kNone);
  if (how.disrupted) return finish(pod, Phase::kFailed, how.exit_code, Disruption::kTerminationByKubelet);
  const bool again = store_.pod_template(pod.pod_template).restart_policy == RestartPolicy::kOnFailure;
  if (!again || pod.terminating) return finish(pod, Phase::kFailed, how.exit_code, Disruption::kNone);
  PodStatus status = pod.status;
  ++status.restarts;
  const PodId id = pod.id;
  store_.set_status(id, status);
  const Pod& now = store_.pod(id);
  plan(outcome(now).seconds, Kind::kEnd, static_cast<std::uint32_t>(index(id)), now.uid,
       static_cast<std::uint32_t>(now.status.restarts));
}

void FakeKubelet::finish(const Pod& pod, Phase phase, std::int32_t exit_code, Disruption disruption) {
  PodStatus status = pod.status;
  status.phase = phase;
  if (status.ready) {
    status.ready = false;
    status.ready_since = api_time(store_.now());
  }
  status.exit_code = exit_code;
  status.container_ended = true;
  status.finished_at = api_time(store_.now());
  if (disruption != Disruption::kNone) {
    status.disruption = disruption;
    status.disrupted_since = api_time(store_.now());
  }
  store_.set_status(pod.id, status);
}

void FakeKubelet::gone(const Pod& pod) {
  if (stopped(pod)) return;
  const PodId id = pod.id;
  if (options_.jobs && !finished(pod.status.phase)) {
    finish(pod, Phase::kFailed, kTerminatedExitCode, Disruption::kNone);
  }
  store_.remove_pod(id);
}

void FakeKubelet::fail(PodId pod, std::int32_t exit_code) {
  finish(store_.pod(pod), Phase::kFailed, exit_code, Disruption::kNone);
}

void FakeKubelet::unready(PodId id, std::int64_t after) {
  const Pod& pod = store_.pod(id);
  const std::uint32_t token = ++state(pod).ready_token;
  plan(after, Kind::kReady, static_cast<std::uint32_t>(index(id)), pod.uid, token);
  set_ready(pod, false);
}

void FakeKubelet::add_node(NodeId node, std::int64_t first_renewal) {
  if (index(node) >= nodes_.size()) nodes_.resize(index(node) + 1);
  nodes_[index(node)].running = true;
  plan(first_renewal, Kind::kRenew, static_cast<std::uint32_t>(index(node)), 0);
}

void FakeKubelet::stop_node(NodeId node) {
  NodeState& s = nodes_[index(node)];
  s.running = false;
  ++s.generation;
}

void FakeKubelet::resume_node(NodeId node) {
  NodeState& s = nodes_[index(node)];
  if (s.running) return;
  s.running = true;
  ++s.generation;
  post_ready(node, true);
  store_.renew_lease(node);
  plan(kRenewSeconds, Kind::kRenew, static_cast<std::uint32_t>(index(node)), s.generation);
  store_.each_on(node, [this](const Pod& p) {
    if (p.terminating) plan(options_.terminate_after, Kind::kGone, static_cast<std::uint32_t>(index(p.id)), p.uid);
  });
}

void FakeKubelet::post_ready(NodeId node, bool ready) {
  const Time now = api_time(store_.now());
  store_.edit<Node>(static_cast<ObjectId>(index(node)), [now, ready](Node& n) {
    NodeCondition& c = n.condition(NodeConditionType::kReady);
    const ConditionStatus status = ready ? ConditionStatus::kTrue : ConditionStatus::kFalse;
    if (!c.posted || c.status != status) c.last_transition = now;
    c.posted = true;
    c.status = status;
    c.reason = ready ? NodeReason::kKubeletReady : NodeReason::kKubeletNotReady;
    c.last_heartbeat = now;
  });
}

}  // namespace berth::controllers

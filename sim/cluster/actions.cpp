#include "sim/cluster/actions.hpp"

namespace berth {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone:
      return "done";
    case Outcome::kNotPending:
      return "pod is not pending";
    case Outcome::kNotBound:
      return "pod is not bound";
    case Outcome::kNoSuchNode:
      return "no such node";
    case Outcome::kDoesNotFit:
      return "pod does not fit";
    case Outcome::kBadGpus:
      return "GPUs do not match the request";
    case Outcome::kSchedulerBusy:
      return "scheduler is busy";
  }
  return "?";
}

void Actions::record(RecordKind kind, PodId pod, std::uint8_t reason, std::uint32_t value) {
  const PodColumns& pods = cluster_.pods();
  const std::size_t p = index(pod);
  journal_.append(
      {engine_.now(), pods.ordinal[p], pods.node[p], value, pods.pod_template[p], pods.gpus[p], kind, reason});
}

Outcome Actions::bind(PodId pod, NodeId node, std::optional<GpuMask> gpus) {
  const PodColumns& pods = cluster_.pods();
  if (!may_decide()) return Outcome::kSchedulerBusy;
  if (index(pod) >= pods.size() || pods.phase[index(pod)] != PodPhase::kPending) return Outcome::kNotPending;
  if (index(node) >= cluster_.nodes().size()) return Outcome::kNoSuchNode;
  const PodTemplate& t = cluster_.pod_template(pod);
  if (!cluster_.fits(t, node)) return Outcome::kDoesNotFit;
  if (gpus && !cluster_.gpus_fit(t.gpu, node, *gpus)) return Outcome::kBadGpus;
  cluster_.assume(pod, node, gpus ? *gpus : cluster_.default_gpus(t.gpu, node));

  const Duration cost = decision_.base + decision_.per_node * static_cast<std::int64_t>(cluster_.nodes().size());
  if (cost.ns == 0) {
    pod_bound(pod);
  } else {
    busy_until_ = engine_.now() + cost;
    engine_.schedule(busy_until_, kPhaseChange,
                     {static_cast<std::uint32_t>(pod), pods.generation[index(pod)], EventKind::kPodBound});
  }
  return Outcome::kDone;
}

PodId Actions::create(TemplateId pod_template, Duration run_time, Duration start_delay, std::uint32_t row) {
  const PodId pod = cluster_.create_pod(pod_template, run_time, start_delay, row);
  record(RecordKind::kPodCreated, pod, 0, row);
  return pod;
}

void Actions::unschedulable(PodId pod, std::uint32_t message) {
  record(RecordKind::kPodUnschedulable, pod, 0, message);
}

void Actions::pod_bound(PodId pod) {
  if (agent_ == nullptr || agent_->pre_bind(pod)) bound(pod);
}

void Actions::unassume(PodId pod) {
  BERTH_CHECK(cluster_.pods().phase[index(pod)] == PodPhase::kBinding);
  cluster_.requeue(pod);
  record(RecordKind::kPodUnschedulable, pod);
}

void Actions::bound(PodId pod) {
  const std::size_t p = index(pod);
  cluster_.set_phase(pod, PodPhase::kScheduled);
  record(RecordKind::kPodScheduled, pod);
  if (agent_ != nullptr) return agent_->pod_bound(pod);
  const Duration delay = cluster_.pods().start_delay[p];
  if (delay.ns == 0) {
    pod_started(pod);
  } else {
    engine_.schedule(engine_.now() + delay, kPhaseChange,
                     {static_cast<std::uint32_t>(pod), cluster_.pods().generation[p], EventKind::kPodStarted});
  }
}

void Actions::pod_started(PodId pod) {
  const std::size_t p = index(pod);
  cluster_.set_phase(pod, PodPhase::kRunning);
  record(RecordKind::kPodStarted, pod);
  if (agent_ != nullptr) return;  // It says when the pod ends.
  const Duration run_time = cluster_.pods().run_time[p];
  if (run_time == kForever) return;
  engine_.schedule(engine_.now() + run_time, kPhaseLeave,
                   {static_cast<std::uint32_t>(pod), cluster_.pods().generation[p], EventKind::kPodSucceeded});
}

void Actions::pod_succeeded(PodId pod) {
  BERTH_CHECK(cluster_.pods().phase[index(pod)] == PodPhase::kRunning);
  record(RecordKind::kPodSucceeded, pod);
  cluster_.remove(pod);
}

void Actions::fail(PodId pod, FailReason why) {
  record(RecordKind::kPodFailed, pod, static_cast<std::uint8_t>(why));
  cluster_.remove(pod);
}

Outcome Actions::evict(PodId pod, EvictReason why) {
  const PodColumns& pods = cluster_.pods();
  if (index(pod) >= pods.size()) return Outcome::kNotBound;
  const PodPhase phase = pods.phase[index(pod)];
  if (phase != PodPhase::kScheduled && phase != PodPhase::kRunning) return Outcome::kNotBound;
  if (agent_ != nullptr) {
    cluster_.set_terminating(pod);
    agent_->evict(pod, why);
  } else {
    pod_evicted(pod, why);
  }
  return Outcome::kDone;
}

void Actions::pod_evicted(PodId pod, EvictReason why) {
  record(RecordKind::kPodEvicted, pod, static_cast<std::uint8_t>(why));
  cluster_.requeue(pod);
}

void Actions::pod_deleted(PodId pod) {
  record(RecordKind::kPodDeleted, pod);
  cluster_.remove(pod);
}

Outcome Actions::cordon(NodeId node) {
  if (index(node) >= cluster_.nodes().size()) return Outcome::kNoSuchNode;
  cluster_.set_schedulable(node, false);
  journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeCordoned});
  return Outcome::kDone;
}

Outcome Actions::uncordon(NodeId node) {
  if (index(node) >= cluster_.nodes().size()) return Outcome::kNoSuchNode;
  cluster_.set_schedulable(node, true);
  journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeUncordoned});
  return Outcome::kDone;
}

}  // namespace berth

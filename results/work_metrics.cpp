#include "results/work_metrics.hpp"

#include <limits>
#include <utility>

#include "sim/cluster/pod_spec.hpp"

namespace berth {
namespace {

constexpr double kNanosecond = 1e-9;

constexpr std::array kMetrics{
    MetricInfo{"work_done_core_seconds",
               "of pods of Jobs or of a trace that succeeded: CPU requested times running time"},
    MetricInfo{"work_lost_core_seconds", "the same of runs that came to nothing and had to be repeated"},
    MetricInfo{"work_lost_pct", "lost, of done and lost core-seconds"},
    MetricInfo{"work_lost_seconds", "running time of these pods that was lost"},
    MetricInfo{"work_lost_seconds_evictions", "of it, as they were evicted or deleted"},
    MetricInfo{"work_lost_seconds_failures", "of it, as their containers failed"},
    MetricInfo{"work_lost_seconds_node_faults", "of it, as their machine went off"},
    MetricInfo{"work_restarts", "starts that make up for a lost one: of the same pod, or of another one of its Job"},
};

}  // namespace

std::span<const MetricInfo> work_metrics() {
  return kMetrics;
}

void WorkMetrics::created(const Record& r) {
  if (r.pod >= pods_.size()) pods_.resize(r.pod + 1);
  Pod& pod = pods_[r.pod];
  pod.counts = owners_ == nullptr;
  if (owners_ == nullptr) return;
  const PodOwner owner = owners_->owner(r.value);
  if (owner.kind != PodOwner::Kind::kJob) return;
  pod.counts = true;
  pod.job = owner.number;
}

// Init containers come first in numbers; sidecars are among them.
bool WorkMetrics::regular(const Record& r) const {
  const auto& pod = (*context_.catalog)[r.pod_template].pod;
  return pod == nullptr || r.container >= pod->scheduling.init_containers.size();
}

double WorkMetrics::cores(const Record& r) const {
  return static_cast<double>((*context_.catalog)[r.pod_template].request.cpu_milli) / 1000;
}

void WorkMetrics::starts(const Record& r, bool again) {
  Pod& pod = pods_[r.pod];
  if (!pod.counts || pod.since_ns != kNot) return;
  pod.since_ns = r.at.ns;
  ++runs_;
  if (std::exchange(pod.ran, true) || again) {
    ++again_;
  } else if (pod.job != kNoJob) {
    const auto owed = owed_.find(pod.job);
    if (owed == owed_.end() || owed->second == 0) return;
    --owed->second;
    ++again_;
  }
}

void WorkMetrics::ends(const Record& r, Cause cause) {
  Pod& pod = pods_[r.pod];
  const std::int64_t since = std::exchange(pod.since_ns, kNot);
  if (!pod.counts || since == kNot) return;
  lost_ns_[cause] += r.at.ns - since;
  lost_core_s_ += cores(r) * static_cast<double>(r.at.ns - since) * kNanosecond;
}

// The pod will not succeed any more.
void WorkMetrics::lost_for_job(Pod& pod) {
  if (pod.job == kNoJob || !pod.ran || std::exchange(pod.counted, true)) return;
  ++owed_[pod.job];
}

void WorkMetrics::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    switch (r.kind) {
      case RecordKind::kPodCreated:
        created(r);
        break;
      case RecordKind::kPodStarted:
        starts(r, false);
        break;
      case RecordKind::kContainerStarted:
        if (pods_[r.pod].ran && regular(r)) starts(r, true);
        break;
      case RecordKind::kContainerExited:
        if (r.value == 0 || !regular(r)) break;
        ends(r, off(r.node) ? kNodeFault : pods_[r.pod].killed ? kEviction : kFailure);
        break;
      case RecordKind::kContainerKilling: {
        const auto why = static_cast<KillReason>(r.reason);
        if (why == KillReason::kPodDeleted || why == KillReason::kEvicted) pods_[r.pod].killed = true;
        break;
      }
      case RecordKind::kPodTerminating:
        lost_for_job(pods_[r.pod]);
        break;
      case RecordKind::kPodSucceeded: {
        Pod& pod = pods_[r.pod];
        const std::int64_t since = std::exchange(pod.since_ns, kNot);
        pod.counted = true;  // Whatever becomes of the object.
        if (!pod.counts || since == kNot) break;
        done_ns_ += r.at.ns - since;
        done_core_s_ += cores(r) * static_cast<double>(r.at.ns - since) * kNanosecond;
        break;
      }
      case RecordKind::kPodEvicted:
        ends(r, kEviction);
        pods_[r.pod].killed = false;  // It waits again.
        break;
      case RecordKind::kPodFailed:
        ends(r, static_cast<FailReason>(r.reason) == FailReason::kEvicted ? kEviction : kFailure);
        lost_for_job(pods_[r.pod]);
        break;
      case RecordKind::kPodDeleted:
        ends(r, r.node != kNoNode && off(r.node) ? kNodeFault : kEviction);
        lost_for_job(pods_[r.pod]);
        break;
      case RecordKind::kNodeDown:
      case RecordKind::kNodeUp:
        if (static_cast<NodeTrouble>(r.reason) != NodeTrouble::kOff) break;
        if (index(r.node) >= off_.size()) off_.resize(index(r.node) + 1, 0);
        off_[index(r.node)] = r.kind == RecordKind::kNodeDown ? 1 : 0;
        break;
      default:
        break;
    }
  }
}

void WorkMetrics::add_to(RunResult& result) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const bool any = runs_ > 0;
  const auto of = [any](double value) { return any ? value : kNone; };
  const auto lost = [&](std::int64_t ns) { return of(static_cast<double>(ns) * kNanosecond); };
  const double all = done_core_s_ + lost_core_s_;
  const double values[] = {
      of(done_core_s_),
      of(lost_core_s_),
      all > 0 ? 100 * lost_core_s_ / all : kNone,
      lost(lost_ns_[kEviction] + lost_ns_[kFailure] + lost_ns_[kNodeFault]),
      lost(lost_ns_[kEviction]),
      lost(lost_ns_[kFailure]),
      lost(lost_ns_[kNodeFault]),
      of(static_cast<double>(again_)),
  };
  add_metrics(result, kMetrics, values);
}

}  // namespace berth

// Everything that happened, in order. Every reported number is a fold over these records: same journal, same report.
// Records go to the folds in batches as they come, so a run of 10^7 pods needs no memory for its past.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"

namespace berth {

class Cluster;
class ImageCatalog;

// Every record about a pod names its template, so that a fold can keep sums without keeping pods.
enum class RecordKind : std::uint8_t {
  kPodCreated,        // pod, value = row in the source
  kPodUnschedulable,  // pod; tried, waits (or fails, in the fill protocol); value = number of the message, 0: none
  kPodScheduled,      // pod, node, gpus = devices taken
  kPodStarted,        // pod, node, gpus
  kPodSucceeded,      // pod, node, gpus = devices given back
  kPodFailed,         // pod, reason = FailReason; node and gpus if it had one
  kPodEvicted,        // pod, node, gpus, reason = EvictReason; it waits again
  kNodeCordoned,      // node
  kNodeUncordoned,    // node

  // ---- what happens on the node; all of these name pod (where one is concerned) and node
  kPodAdmitted,           // the kubelet has seen the pod
  kPodRejected,           // reason = FailReason; node admission refused it: the pod is Failed
  kPodVolumesMounted,     // all volumes are there
  kPodSandboxCreated,     // PodReadyToStartContainers
  kPodInitialized,        // init containers are done, sidecars started
  kPodReady,              // condition Ready became True
  kPodNotReady,           // … False
  kPodTerminating,        // told to go; value = grace in seconds
  kPodRemoved,            // all stopped and torn down: the object is gone
  kImagePulling,          // container, value = ImageId; a pull is asked for
  kImagePresent,          // container, value = ImageId; nothing to pull
  kImagePulled,           // container, value = ImageId; all layers are unpacked
  kImagePullFailed,       // container, value = ImageId, reason = WaitingReason
  kImageRemoved,          // value = ImageId; by garbage collection
  kLayerFound,            // value = LayerId; the node has it already
  kLayerDownloading,      // value = LayerId; it got a slot
  kLayerDownloaded,       // value = LayerId, reason = FetchSource (sim/kubelet/image_distribution.hpp)
  kLayerUnpacked,         // value = LayerId
  kContainerWaiting,      // container, reason = WaitingReason, value = seconds of back-off if it is one
  kContainerCreated,      // container
  kContainerStarted,      // container, value = restarts so far
  kContainerPostStarted,  // container; its postStart hook is over
  kContainerUp,           // container; condition `started`: startup probe passed, hook done
  kContainerReady,        // container
  kContainerNotReady,     // container
  kContainerKilling,      // container, reason = KillReason
  kContainerExited,       // container, value = exit code, reason = ExitReason
  kProbeFailed,           // container, reason = ProbeKind, value = consecutive failures
  kVolumeWaiting,         // value = number of the volume in the pod, reason = VolumeWait
  kVolumeProvisioned,     // value = number of the PersistentVolume; no pod
  kClaimBound,            // value = number of the claim; no pod
  kVolumeAttached,        // value = number of the PersistentVolume; no pod
  kVolumeDetached,        // value = number of the PersistentVolume; no pod
  kPodDeleted,            // pod, node and gpus if it had one; it left without having ended by itself
  kScaled,                // value = replicas wanted, container = number of the workload (sim/pod_scaling.hpp); no pod
  kNodeRepaired,          // node, value = 0: rebooted, 1: replaced; the healer told it so now
  kPodDescheduled,        // pod, node; the healer had it evicted
  kNodeRequested,         // value = number of the machine among those asked for; no node yet
  kNodeJoined,            // node, value = milliseconds since its machine was asked for; not one of the beginning
  kNodeReady,             // node; its condition Ready became True for the first time after it joined
  kNodeLeft,              // node; the machine is gone, and its object too
  kPodDisrupted,          // pod, node, reason = DisruptReason; told to go by another one than its owner

  // ---- of runs with a fault plan or a healer
  kFaultBegan,     // node if it strikes one, value = number of the strike, container = its place in the plan
  kFaultEnded,     // the same; it ended by itself
  kNodeDown,       // node, reason = NodeTrouble; so it is until a kNodeUp of the same reason
  kNodeUp,         // node, reason = NodeTrouble; of kOff: the machine runs again, and no trouble of kHung is left
  kNodeNotReady,   // node; its condition Ready is no longer True, as the API server shows it
  kNodeReadyAgain  // node; … True again
};
inline constexpr std::size_t kRecordKinds = static_cast<std::size_t>(RecordKind::kNodeReadyAgain) + 1;

enum class FailReason : std::uint8_t {
  kUnschedulable,
  kOutOfCpu,
  kOutOfMemory,
  kOutOfPods,
  kNodeAffinity,
  kEvicted,
  kError,             // A container ended badly and is not restarted.
  kDeadlineExceeded,  // activeDeadlineSeconds.
  kAdmission,         // The node refused it; PodRejected says why.
};
enum class EvictReason : std::uint8_t { kPreempted, kDrained };
// Spelt as in containerStatuses[].state.
enum class WaitingReason : std::uint8_t {
  kContainerCreating,
  kPodInitializing,
  kCrashLoopBackOff,
  kErrImagePull,
  kImagePullBackOff,
  kErrImageNeverPull,
};
enum class ExitReason : std::uint8_t { kCompleted, kError, kOomKilled };
enum class KillReason : std::uint8_t {
  kPodDeleted,
  kLivenessProbe,
  kStartupProbe,
  kPostStartHook,
  kRestartAllContainers,
  kActiveDeadline,
  kEvicted,
};
enum class ProbeKind : std::uint8_t { kStartup, kLiveness, kReadiness };
enum class VolumeWait : std::uint8_t { kUnbound, kMultiAttach, kAttaching };
// Spelt as the reasons of the condition DisruptionTarget.
enum class DisruptReason : std::uint8_t { kPreemption, kEvictionApi, kTaintManager, kPodGc };
enum class NodeTrouble : std::uint8_t { kOff, kHung, kCutOff };

std::string_view to_string(RecordKind kind);  // "PodScheduled" …
std::string_view to_string(FailReason reason);
std::string_view to_string(EvictReason reason);
std::string_view to_string(WaitingReason reason);
std::string_view to_string(ExitReason reason);
std::string_view to_string(KillReason reason);
std::string_view to_string(ProbeKind kind);
std::string_view to_string(VolumeWait wait);
std::string_view to_string(DisruptReason reason);
std::string_view to_string(NodeTrouble trouble);

// `pod` counts pods in order of creation, from 0; unlike a PodId it is never used again.
struct Record {
  Time at;
  std::uint32_t pod = 0xFFFF'FFFF;
  NodeId node = kNoNode;
  std::uint32_t value = 0;  // As the kind says.
  TemplateId pod_template = kNoTemplate;
  std::uint16_t gpus = 0;
  RecordKind kind{};
  std::uint8_t reason = 0;
  std::uint16_t container = 0;  // Number in the pod: init containers first, then the regular ones.
};
static_assert(sizeof(Record) == 32);

// The nodes of a run by number: a list that stays as it is, or those of a cluster, where nodes join as time goes by. A
// view. Specs of nodes that have left keep their names and sizes.
class JournalNodes {
 public:
  JournalNodes() = default;
  JournalNodes(std::span<const NodeSpec> fixed) : fixed_(fixed) {}
  JournalNodes(const std::vector<NodeSpec>& fixed) : fixed_(fixed) {}
  JournalNodes(const Cluster& cluster) : cluster_(&cluster) {}
  std::size_t size() const { return list().size(); }
  const NodeSpec& operator[](std::size_t node) const { return list()[node]; }

 private:
  std::span<const NodeSpec> list() const;
  std::span<const NodeSpec> fixed_;
  const Cluster* cluster_ = nullptr;
};

// What a fold needs to know besides the records. Valid while the run lives.
struct JournalContext {
  const Catalog* catalog = nullptr;
  JournalNodes nodes;
  const ImageCatalog* images = nullptr;                // Null: no images in this run.
  const std::vector<std::string>* messages = nullptr;  // Why pods wait: kPodUnschedulable's value, counted from 1.
};

class JournalSink {
 public:
  virtual ~JournalSink() = default;
  virtual void begin(const JournalContext& context) = 0;
  virtual void write(std::span<const Record> batch) = 0;
  // `end`: the clock when the run was over.
  virtual void finish(Time end) = 0;
};

class Journal {
 public:
  Journal() { batch_.reserve(kBatch); }
  void add_sink(JournalSink* sink) { sinks_.push_back(sink); }
  void begin(const JournalContext& context) {
    for (JournalSink* sink : sinks_) sink->begin(context);
  }
  // Amortised O(1) plus what the sinks cost.
  void append(const Record& record) {
    batch_.push_back(record);
    if (batch_.size() == kBatch) flush();
  }
  void finish(Time end) {
    flush();
    for (JournalSink* sink : sinks_) sink->finish(end);
  }

 private:
  static constexpr std::size_t kBatch = 1024;
  void flush() {
    for (JournalSink* sink : sinks_) sink->write(batch_);
    batch_.clear();
  }
  std::vector<JournalSink*> sinks_;
  std::vector<Record> batch_;
};

}  // namespace berth

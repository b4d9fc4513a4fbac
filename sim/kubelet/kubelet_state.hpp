// What a kubelet keeps of its pods, containers, probes and nodes. Types alone: sim/kubelet/kubelet.hpp is who uses
// them.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/kubelet/crash_back_off.hpp"
#include "sim/kubelet/kubelet_listener.hpp"
#include "sim/kubelet/pod_program.hpp"
#include "sim/kubelet/pod_status.hpp"

namespace berth {

struct KubeletState {
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  enum class Stage : std::uint8_t {
    kNew,          // The kubelet has not seen it yet.
    kActive,       // Syncs.
    kTerminating,  // All is being stopped.
    kStopped,      // Stopped; the next relist will confirm it.
    kUnmounting,   //
    kFinished,     // Torn down; the object stays until it is deleted.
  };
  enum class Step : std::uint8_t { kIdle, kVolumes, kSandbox, kKill, kImage, kCreate, kStart, kPostStart, kHookKill };
  enum class Process : std::uint8_t { kAbsent, kCreated, kRunning, kExited };
  enum class Stop : std::uint8_t { kNone, kPreStop, kTurn, kTerm };

  struct PodRun {
    std::uint32_t generation = 0;
    std::uint32_t ordinal = 0;
    std::uint32_t owner = 0;
    NodeId node = kNoNode;
    ProgramId program{};
    std::uint32_t first = 0;         // Its containers: first, first + 1, …
    std::uint32_t previous = kNone;  // The node's list, in order of arrival.
    std::uint32_t next = kNone;
    std::uint32_t sync_generation = 0;
    std::uint32_t step_generation = 0;
    std::uint32_t jitters = 0;
    std::uint32_t sandboxes = 0;  // Made so far.
    std::uint32_t stopping = 0;   // Containers that are being stopped in the present step.
    std::uint16_t cursor = 0;     // The container that the present step is about.
    Stage stage{};
    Step step{};
    StatusPhase final_phase = StatusPhase::kPending;  // Terminal: what will be reported once all is torn down.
    PodReason final_reason{};
    bool sandbox = false;
    bool mounted = false;
    bool mount_asked = false;
    bool probed = false;        // Probe workers have started.
    bool main_created = false;  // A regular container has been made in this sandbox.
    bool pending = false;       // A sync was asked for during this one.
    bool acted = false;         // This sync has started or stopped something: the relist will tell.
    bool failed = false;        // This sync met an error.
    bool restart_all = false;   // This sync clears the way for starting all over.
    bool deleting = false;      // deletionTimestamp is set.
    bool orphan = false;        // The API object is gone already.
    bool gates = false;
    bool unsent = false;    // A status that a disconnected node could not report.
    bool reserved = false;  // Counts in the node's sums.
    bool evicted = false;
    bool over_limit = false;       // Evicted for a limit of its own, not by the node's need.
    std::uint32_t round = 0;       // In which it was evicted (Node::round).
    std::int64_t grace_s = 0;      // With which it is being taken down.
    Duration back_off = kForever;  // The shortest rest of a container that this sync has met.
    Time wake_at = kNever;
    Time last_sync{std::numeric_limits<std::int64_t>::min()};
    Time deadline = kNever;
    PodStatus status;
  };

  struct ContainerRun {
    std::uint32_t pod = kNone;
    std::uint32_t first_probe = 0;
    std::uint32_t run_generation = 0;
    std::uint32_t stop_generation = 0;
    std::uint32_t instances = 0;  // Made so far.
    std::uint32_t curve = kNone;  // Its place in the node's list of memory curves.
    std::uint32_t leak = kNone;   // In leaks_: the curve of this process, with what leaks.
    std::uint32_t reported = 0;   // The instance that status is about; 0: none.
    std::int32_t exit_code = 0;   // Of the last end; while it runs, of the end that is coming.
    ExitReason exit_reason{};
    Process process{};
    Stop stop{};
    KillReason kill_reason{};
    WaitingReason waiting{};
    bool is_waiting = false;  // The last attempt to start it failed, `waiting` says why.
    bool wanted = false;      // This sync is to start it.
    bool killed = false;      // This sync has stopped it, and does not know that it has ended.
    bool has_dead = false;    // An earlier instance is kept.
    bool hung = false;
    bool probe_failed = false;  // Liveness or startup; `kill_reason` says which.
    Time started_at = kNever;
    Time up_at = kNever;
    Time end_at = kNever;               // When the process will end by itself.
    Time finished_at = kNever;          // Of the last end.
    std::uint32_t writer = kNone;       // Its place in the node's list of those that run and write to the disk.
    std::int64_t layer_bytes = 0;       // On the disk: layer and logs of its last instance, once that has ended;
    std::int64_t dead_layer_bytes = 0;  // of the dead instance that is kept;
    std::int64_t volume_bytes = 0;      // what its earlier processes left in its emptyDir.
    Duration ran;                       // Its earlier processes, together.
    Time dead_finished = kNever;        // Of the dead instance that is kept.
    std::int64_t stop_grace_s = 0;
    Time stop_since;
    Time kill_at = kNever;  // When the present stage of stopping it ends at the latest.
    CrashBackOff back_off;
  };

  struct ProbeWorker {
    enum class Result : std::uint8_t { kUnknown, kSuccess, kFailure };
    std::uint32_t container = kNone;
    std::uint32_t generation = 0;
    std::uint32_t instance = 0;  // Of which `value` is.
    std::int32_t run = 0;        // Equal results in a row.
    Time anchor = kNever;        // Ticks are at anchor + k * period.
    Time began;                  // The probe under way, or the last one.
    std::uint8_t probe = 0;      // In ContainerProgram::probes.
    Result last{};
    Result value{};
    bool on_hold = false;
    bool busy = false;
    bool triggered = false;  // While busy.
  };

  struct Node {
    KubeletNode shape;
    Time started;  // Its kubelet, and so all grids.
    std::uint32_t first = kNone, last = kNone;
    std::uint32_t pods = 0;
    bool known = false;
    bool down = false;
    bool removed = false;
    bool hung = false;
    bool cut_off = false;
    bool pressure = false;
    bool clearing = false;       // The signal is over, the condition not yet.
    bool evict_at_once = false;  // The last victim has been cleaned up.
    Resources reserved;
    std::int64_t reserved_pods = 0;
    std::int64_t steady_bytes = 0;      // Of containers whose working set does not change.
    std::vector<std::uint32_t> curves;  // The other running containers.
    std::uint32_t memory_generation = 0;
    std::uint32_t pressure_generation = 0;
    Time memory_next, disk_next;  // No look in turn before.
    Time evict_next;              // No eviction before.
    std::uint32_t round = 0;      // Counts rounds of evictions.
    Time round_began{-1};
    std::uint32_t evicting = 0;          // Pods of the present round that are not cleaned up.
    std::int64_t kept_bytes = 0;         // On the disk, of processes that have ended.
    std::vector<std::uint32_t> writers;  // Containers that run and write.
    Time limit_at = kNever;              // From when on one of their pods is above a limit.
    Time disk_seen;                      // The last look that found too little room.
    bool disk_pressure = false;
    bool disk_at_once = false;  // As evict_at_once.
    std::uint32_t disk_generation = 0;
    std::vector<Event> held;  // What a hung kubelet has yet to do.
  };
};

}  // namespace berth

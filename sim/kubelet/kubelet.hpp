// The kubelets of all nodes: they turn pods that are bound to a node into running containers, keep them running, probe
// them, and take them down. One object with columns for all nodes, so that an idle node costs nothing: what the real
// kubelet finds out by looking every second (relist, sync loop), 2 s (back-off collection) or 10 s (eviction) is worked
// out as the next instant of that grid, counted from the start of the node's kubelet.
//
// A pod goes through *syncs*, as in the real one: a sync looks at what the last relist has seen, reports the status,
// works out what to do (sandbox, kills, containers to start) and does it step by step, each step taking its time. A
// sync begins only after a relist that is newer than the end of the previous one.
// Source: Kubernetes v1.37, pkg/kubelet (pod_workers.go, kubelet.go, kuberuntime/, prober/, status/, eviction/).
// Not modelled: time of the API server, static pods, ephemeral containers, resizing, CRI errors.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/cluster/node_services.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/rng.hpp"
#include "sim/kubelet/kubelet_listener.hpp"
#include "sim/kubelet/kubelet_state.hpp"
#include "sim/kubelet/pod_program.hpp"
#include "sim/kubelet/pod_status.hpp"

namespace berth {

class Kubelet final : public NodeServicesListener, private KubeletState {
 public:
  Kubelet(Engine<Event>& engine, Journal& journal, PodImages& images, PodVolumes& volumes, KubeletListener& listener,
          const KubeletOptions& options);

  // `started`: when its kubelet started, at or before now, also before 0: the grids count from it, and for a probe's
  // period from it probes start at random offsets. A node that was removed may come again once its pods are gone.
  void add_node(NodeId node, const KubeletNode& shape, Time started);
  ProgramId add_program(PodProgram program);
  const PodProgram& program(ProgramId id) const { return programs_[index(id)]; }

  // ---- what the API server tells
  // A pod is bound to `node`. `ordinal`: its number in the journal. O(containers), no allocation in steady state.
  PodSlot add_pod(NodeId node, ProgramId program, std::uint32_t ordinal, std::uint32_t owner);
  // Deletes the API object: by default with the pod's own grace, at once (pod_gone) if it has finished or `grace_s` is
  // 0. Of two deletions the shorter grace counts. Stale slots are ignored.
  void delete_pod(PodSlot pod, std::optional<std::int64_t> grace_s = std::nullopt);
  // The API object goes at once, whatever the node; the kubelet cleans up when it learns of it.
  void force_remove(PodSlot pod) { delete_pod(pod, 0); }
  // All readinessGates of the pod are True, or not. They are False at first.
  void set_readiness_gates(PodSlot pod, bool ready);

  // ---- what befalls nodes and containers
  void node_down(NodeId node);  // Crash: everything on it stops, nobody is told.
  // Its disk is lost while it is down: the ended containers on it, too. Before PodImages hears of the new disk.
  void lose_disk(NodeId node);
  void node_up(NodeId node);      // Reboot: the kubelet starts; all pods get new sandboxes.
  void remove_node(NodeId node);  // Down for good. The API objects of its pods stay until they are forced out.
  void hang(NodeId node);         // The kubelet stops acting; containers go on.
  void resume(NodeId node);       //
  void disconnect(NodeId node);   // The kubelet acts, but hears and reports nothing.
  void reconnect(NodeId node);    //
  // Its process, if it runs, ends now with this code.
  void crash(PodSlot pod, std::uint16_t container, std::int32_t exit_code);
  // Its process hangs: probes fail by timeout, nothing is answered. Ends when it is unset or the container restarts.
  void set_unhealthy(PodSlot pod, std::uint16_t container, bool unhealthy);

  // ---- what is known
  bool live(PodSlot pod) const { return pod.slot < pods_.size() && pods_[pod.slot].generation == pod.generation; }
  // As last reported to the API server, or about to be. Live slots only.
  const PodStatus& status(PodSlot pod) const;
  const ContainerStatus& container_status(PodSlot pod, std::uint16_t container) const;
  std::uint32_t ordinal(PodSlot pod) const { return pods_[pod.slot].ordinal; }
  // The process runs and can answer (its start-up time is over, it does not hang): what traffic meets.
  bool answers(PodSlot pod, std::uint16_t container) const;
  bool runs(PodSlot pod, std::uint16_t container) const;  // Its process, at this very moment. Live slots only.
  // What the pod's containers use: working sets of what runs now, and CPU since the pod began, as far as containers
  // say what theirs use (ContainerBehavior::cpu_milli, at most the limit). O(containers). Live slots only.
  struct PodUse {
    std::int64_t memory_bytes = 0;
    std::int64_t cpu_core_ns = -1;  // -1: none of them says.
  };
  PodUse use(PodSlot pod) const;
  std::int64_t memory_bytes(NodeId node) const;  // Working sets of all containers. O(containers with a curve).
  // What containers keep on the disk beside images: writable layers, logs, emptyDir volumes.
  std::int64_t local_bytes(NodeId node) const override;
  std::size_t pods() const { return live_pods_; }
  std::size_t pods(NodeId node) const { return nodes_[index(node)].pods; }

  void handle(const Event& event);
  void image_ensured(PodSlot pod, ImageResult result) override;
  void volumes_mounted(PodSlot pod) override;
  void volumes_unmounted(PodSlot pod) override;
  void images_grew(NodeId node) override;

  bool memory_pressure(NodeId node) const { return nodes_[index(node)].pressure; }
  bool disk_pressure(NodeId node) const { return nodes_[index(node)].disk_pressure; }

  // Recounts lists, sums and states; empty, or what is wrong first. O(everything).
  std::string verify() const;

 private:
  enum Detail : std::uint16_t {  // Event::detail; the subject is
    kSync,                       // a pod
    kStep,                       // a pod
    kDeadline,                   // a pod
    kRefused,                    // a pod
    kDeleted,                    // a pod
    kImageAnswer,                // a pod; kImageAnswer + ImageResult, so it stands last of those about pods
    kProcessEnd = 16,            // a container
    kStopStep,                   // a container
    kProbeTick,                  // a probe worker
    kProbeResult,                // a probe worker
    kNodeMemory,                 // a node
    kPressureOver,               // a node
    kNodeDisk,                   // a node
  };

  struct Notice {
    PodSlot pod;
    std::uint32_t owner;
    bool gone;
  };

  // Delivers what was reported while the outermost of them was alive.
  class Delivery {
   public:
    explicit Delivery(Kubelet& kubelet) : kubelet_(kubelet) { ++kubelet_.depth_; }
    ~Delivery() {
      if (--kubelet_.depth_ == 0 && !kubelet_.notices_.empty()) kubelet_.deliver();
    }
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;

   private:
    Kubelet& kubelet_;
  };

  // kubelet.cpp and kubelet_nodes.cpp: slots, nodes, what the API server tells
  const PodProgram& program_of(const PodRun& pod) const { return programs_[index(pod.program)]; }
  const ContainerProgram& program_of(const ContainerRun& container) const;
  std::uint16_t number_of(const ContainerRun& container) const;
  std::uint32_t id_of(const ContainerRun& c) const { return static_cast<std::uint32_t>(&c - containers_.data()); }
  std::uint32_t id_of(const PodRun& p) const { return static_cast<std::uint32_t>(&p - pods_.data()); }
  Node& node_of(const PodRun& pod) { return nodes_[index(pod.node)]; }
  const Node& node_of(const PodRun& pod) const { return nodes_[index(pod.node)]; }
  std::span<ContainerRun> containers_of(const PodRun& pod);
  PodSlot slot_of(const PodRun& pod) const { return {id_of(pod), pod.generation}; }
  std::uint32_t take_block(std::vector<std::vector<std::uint32_t>>& free, std::size_t size, std::size_t end);
  void give_block(std::vector<std::vector<std::uint32_t>>& free, std::size_t size, std::uint32_t first);
  // The kubelet knows that the pod is to go.
  bool told_to_go(const PodRun& pod) const { return pod.deleting && !node_of(pod).cut_off; }
  void first_sight(PodRun& pod);
  void reject(PodRun& pod, FailReason reason);
  void notice_deletion(PodRun& pod);
  void release(PodRun& pod);
  void gone(PodRun& pod);
  void free_slot(PodRun& pod);
  void deliver();
  void changed(PodRun& pod);
  void record(const PodRun& pod, RecordKind kind, std::uint8_t reason = 0, std::uint32_t value = 0,
              std::uint16_t container = 0);
  void record(const ContainerRun& container, RecordKind kind, std::uint8_t reason = 0, std::uint32_t value = 0);
  void post(Time at, std::uint32_t subject, std::uint32_t generation, std::uint16_t detail, Phase phase);
  Time grid_before(const Node& node, Time at, Duration step) const;  // The last instant of a grid, at or before `at`.
  Time grid_from(const Node& node, Time at, Duration step) const;    // The first, at or after.
  double draw(const Distribution& distribution, Purpose purpose, std::uint32_t ordinal, std::uint32_t container,
              std::uint32_t instance, std::uint32_t which) const;
  double jitter(PodRun& pod);  // 1 .. 1.5

  // kubelet_sync.cpp: when to look, and what is to be done
  void wake(PodRun& pod, Time at);
  void wake_after_relist(PodRun& pod, Time at);
  void sync_due(PodRun& pod);
  void sync(PodRun& pod);
  void go_on_with_volumes(PodRun& pod);
  void plan(PodRun& pod);
  bool plan_init(PodRun& pod);
  void plan_main(PodRun& pod);
  void plan_kill(PodRun& pod, ContainerRun& container, bool start_again);
  void kills_done(PodRun& pod);
  void finish_sync(PodRun& pod);
  void cancel_step(PodRun& pod);
  void do_step(PodRun& pod, Step step, Duration takes);
  bool seen_exited(const PodRun& pod, const ContainerRun& container) const;

  // kubelet_start.cpp: doing it, step by step
  void start_next(PodRun& pod);
  void image_answered(PodRun& pod, ImageResult result);
  void waits(ContainerRun& container, WaitingReason reason, Duration back_off);
  void step_over(PodRun& pod);
  void after_post_start(PodRun& pod);
  void remove_created(PodRun& pod, ContainerRun& container);
  void remove_instances(PodRun& pod, ContainerRun& container);

  // kubelet_status.cpp
  void update_status(PodRun& pod, bool terminating);
  void update_container(PodRun& pod, ContainerRun& container, ContainerStatus& status, bool terminating);
  void update_conditions(PodRun& pod);
  void set_ready(PodRun& pod, ContainerRun& container, ContainerStatus& status, bool ready);
  ContainerStatus& status_of(const ContainerRun& container) { return statuses_[id_of(container)]; }
  const ContainerStatus& status_of(const ContainerRun& container) const { return statuses_[id_of(container)]; }

  // kubelet_process.cpp: the process in a container
  void start_process(PodRun& pod, ContainerRun& container);
  void process_ended(PodRun& pod, ContainerRun& container, std::int32_t code, ExitReason reason);
  bool answers(const ContainerRun& container) const;

  // kubelet_probes.cpp
  const ProbeProgram& program_of(const ProbeWorker& worker) const;
  void start_probes(PodRun& pod);
  void instance_reported(ContainerRun& container);
  void trigger_readiness(PodRun& pod);
  void arm(ProbeWorker& worker, Time from);
  void probe_tick(ProbeWorker& worker);
  void probe_result(ProbeWorker& worker, bool pass);
  void set_value(ProbeWorker& worker, ProbeWorker::Result value);
  void stop_probes(const ContainerRun& container);
  bool startup_passed(const ContainerRun& container) const;
  const ProbeWorker* worker_of(const ContainerRun& container, ProbeKind kind) const;

  // kubelet_termination.cpp
  void begin_termination(PodRun& pod);
  void stop_container(PodRun& pod, ContainerRun& container, KillReason reason, std::int64_t grace_s, bool hooks);
  void stop_step(PodRun& pod, ContainerRun& container);
  bool its_turn(const PodRun& pod, const ContainerRun& container) const;
  void send_term(PodRun& pod, ContainerRun& container);
  void shorten(PodRun& pod, std::int64_t grace_s);
  void container_stopped(PodRun& pod);
  void all_stopped(PodRun& pod);
  void confirm_stopped(PodRun& pod);
  void finish(PodRun& pod);

  // kubelet_memory.cpp: the node's memory
  void memory_taken(const PodRun& pod, ContainerRun& container);
  void memory_given(const PodRun& pod, ContainerRun& container);
  std::int64_t memory_at(const Node& node, Time at) const;
  std::int64_t memory_at(const ContainerRun& container, Time at) const;
  const kube::api::UseCurve& memory_curve(const ContainerRun& container) const;
  bool steady(const ContainerRun& container) const { return memory_curve(container).size() < 2; }
  void add_leaks(const PodRun& pod, ContainerRun& container);
  std::optional<Duration> oom_after(const ContainerRun& container) const;
  Time memory_above(const Node& node, std::int64_t level) const;
  bool memory_is_short(const Node& node) const;
  void look_at_memory(NodeId node);
  void memory_due(NodeId node);
  void kill_for_memory(NodeId node);
  void evict_one(NodeId node);
  void signal_over(NodeId node);

  // kubelet_disk.cpp: the node's disk
  bool writes(const ContainerRun& container) const;
  std::int64_t layer_at(const ContainerRun& container, Time at) const;
  std::int64_t volume_at(const ContainerRun& container, Time at) const;
  std::int64_t disk_at(const PodRun& pod, Time at) const;
  std::int64_t local_at(const Node& node, Time at) const;
  std::int64_t disk_room(NodeId node) const;
  void disk_taken(PodRun& pod, ContainerRun& container);
  void disk_given(PodRun& pod, ContainerRun& container);
  void keep_dead_layer(PodRun& pod, ContainerRun& container);
  void drop_layers(PodRun& pod, ContainerRun& container);
  void drop_volumes(PodRun& pod);
  template <class Value>
  Time disk_above(std::span<const std::uint32_t> writers, std::int64_t level, Value&& value) const;
  Time first_over_limit(const PodRun& pod) const;
  void disk_changed(NodeId node);
  void look_at_disk(NodeId node);
  void disk_due(NodeId node);
  void check_disk(NodeId node);
  bool evict_over_limits(NodeId node);

  // kubelet_eviction.cpp
  template <class Used, class Request>
  PodRun* first_to_evict(const Node& node, Used&& used, Request&& request);
  void begin_evictions(Node& node);
  void evict(PodRun& pod);
  void eviction_over(PodRun& pod);

  Engine<Event>& engine_;
  Journal& journal_;
  PodImages& images_;
  PodVolumes& volumes_;
  KubeletListener& listener_;
  KubeletOptions options_;
  std::vector<PodProgram> programs_;
  std::vector<Node> nodes_;
  std::vector<PodRun> pods_;
  std::vector<std::uint32_t> free_pods_;
  std::vector<ContainerRun> containers_;
  std::vector<ContainerStatus> statuses_;  // Beside containers_.
  std::vector<ProbeWorker> workers_;
  std::vector<std::vector<std::uint32_t>> free_containers_;  // By size of block.
  std::vector<std::vector<std::uint32_t>> free_workers_;
  std::vector<kube::api::UseCurve> leaks_;  // Of processes that leak.
  std::vector<std::uint32_t> free_leaks_;
  std::vector<MemoryLeak> found_leaks_;
  std::vector<Notice> notices_;
  std::size_t live_pods_ = 0;
  int depth_ = 0;
};

// Whom it hits first: above its request, then lower priority, then more above its request; the first of equals in order
// of arrival. used(pod) and request(program) are of what is short. Null: nobody may be evicted. O(pods on the node).
template <class Used, class Request>
Kubelet::PodRun* Kubelet::first_to_evict(const Node& node, Used&& used, Request&& request) {
  PodRun* victim = nullptr;
  bool victim_above = false;
  std::int32_t victim_priority = 0;
  std::int64_t victim_excess = 0;
  for (std::uint32_t slot = node.first; slot != kNone; slot = pods_[slot].next) {
    PodRun& pod = pods_[slot];
    const PodProgram& program = program_of(pod);
    if (program.critical || pod.stage != Stage::kActive || pod.evicted || told_to_go(pod)) continue;
    const std::int64_t excess = used(pod) - request(program);
    const bool above = excess > 0;
    const bool before = above != victim_above                 ? above
                        : program.priority != victim_priority ? program.priority < victim_priority
                                                              : excess > victim_excess;
    if (victim != nullptr && !before) continue;
    victim = &pod;
    victim_above = above;
    victim_priority = program.priority;
    victim_excess = excess;
  }
  return victim;
}

}  // namespace berth

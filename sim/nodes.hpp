// What happens to pods on nodes in a run: kubelets, images and volumes, joined to the cluster that the scheduler sees
// and, where there is one, to the control plane. This file's job is identity: a pod is a row of the Cluster while it
// holds room or waits, a slot of the Kubelet while containers or volumes of it are left, and an object of the
// ControlPlane while the API server has it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/cluster/actions.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/cluster_traffic.hpp"
#include "sim/control_plane.hpp"
#include "sim/kubelet/image_manager.hpp"
#include "sim/kubelet/kubelet.hpp"
#include "sim/metrics_server.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/storage/storage.hpp"
#include "workloads/faults/fault_draw.hpp"
#include "workloads/node_model.hpp"

namespace berth {

struct NodesOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  bool leases = false;  // Kubelets renew them, as somebody watches (ControlPlaneOptions::node_failures).
};

class Nodes final : public NodeAgent,
                    public PodMeasurements,
                    private KubeletListener,
                    private StorageListener,
                    private NodeServicesListener {
 public:
  // All must outlive this. `control_plane` may be null: then pods come from a trace, and go when they have ended.
  // All nodes that the cluster has by now join at time 0, Ready; others by add_node().
  Nodes(Cluster& cluster, Engine<Event>& engine, Journal& journal, Actions& actions, const RunImages& images,
        ImageDistribution& distribution, const NodeModel& model, ControlPlane* control_plane,
        const manifest::Manifests* manifests, const NodesOptions& options);
  ~Nodes();

  // Of the kinds kFlowEvent, kImageEvent, kKubeletEvent, kStorageEvent, kControllersDue.
  void handle(const Event& event);
  // Lets controllers act on what has happened, and pods come and go as they say. `created` hears of each new pod that
  // waits for a node. True if anything changed that a scheduler may care for. At the end of each instant.
  bool settle(const std::function<void(PodId)>& created);

  bool pre_bind(PodId pod) override;
  void pod_bound(PodId pod) override;
  void evict(PodId pod, EvictReason why) override;

  // ---- nodes that come and go --------------------------------------------------------------------------------------
  // A machine registers: with an empty disk, its kubelet running, tainted and not Ready until `ready_after`. `booted`:
  // how long ago it was asked for, for the journal. Throws InputError on a bad spec.
  NodeId add_node(NodeSpec spec, Duration ready_after = {}, Duration booted = {});
  // The machine is gone, and its Node object too; the node must be there. Its pods give their room back. Those of the
  // control plane stay in its store until pod garbage collection finds them (40 s at least, in passes of 20 s); those
  // of a trace wait again at once.
  void remove_node(NodeId node);
  bool removed(NodeId node) const { return removed_[index(node)] != 0; }
  // Told of each add_node() when all of it is done; empty: nobody.
  void set_on_join(std::function<void(NodeId)> on_join) { on_join_ = std::move(on_join); }
  // What the scheduler sees of a pod of the control plane's store; kNoTemplate if it has ended.
  TemplateId template_of_object(PodId object) const;
  // The control plane's number of a pod of the cluster; kNoPod without a control plane.
  PodId object_of(PodId pod) const { return index(pod) < rows_.size() ? rows_[index(pod)].object : kNoPod; }

  // ---- faults ------------------------------------------------------------------------------------------------------
  void crash(NodeId node);                    // The machine is off. Nothing if it is off already.
  void restore(NodeId node, bool keep_disk);  // On again, with its images or with an empty disk.
  void hang(NodeId node, bool hangs);         // The kubelet stops or goes on; containers run.
  void cut_off(NodeId node, bool cut);        // Nothing reaches the node's kubelet or comes from it.
  bool is_down(NodeId node) const { return down_[index(node)] != 0; }
  ImagePuller& registries() { return images_.runtime(); }

  // Crashes of single containers that it draws strike them, and so do its leaks. Before anything runs. Null: none. It
  // must outlive this.
  void set_fault_plan(const FaultPlan* plan);
  // Ends what runs now and `fault` is about, or as many of them as it says. O(pods · containers).
  void crash_containers(const Fault& fault);
  // Null: nobody is served. It must outlive this.
  void set_traffic(ClusterTraffic* traffic) { traffic_ = traffic; }
  // Of pods of the control plane's store. Requests are those of the traffic model, and so is the CPU of pods that
  // serve; other pods use what their containers say (berth.dev/cpu). O(containers).
  std::optional<PodReading> read(PodId object) override;
  Time start_time(PodId object) override;
  std::int64_t held_ns(std::uint32_t workload) override {
    return traffic_ == nullptr ? 0 : traffic_->held_ns(workload);
  }

  const Kubelet& kubelet() const { return kubelet_; }
  const ImageManager& image_manager() const { return images_; }
  // Recounts everything; "" if all is well, else the first difference. For tests.
  std::string verify() const;

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  // A pod from its binding until the kubelet is done with it.
  struct Placed {
    PodId pod = kNoPod;     // Its row; kNoPod once it has given its room back.
    PodId object = kNoPod;  // In the control plane's store.
    PodSlot slot;
    std::uint32_t ordinal = 0;
    NodeId node = kNoNode;
    TemplateId pod_template{};
    bool live = false;
    bool has_volumes = false;
    std::optional<EvictReason> evicting;
  };
  // By row of the cluster.
  struct Row {
    std::uint32_t placed = kNone;
    PodId object = kNoPod;    // In the control plane's store.
    bool registered = false;  // With the storage.
  };
  // By number in the control plane's store.
  struct ObjectRow {
    std::uint64_t uid = 0;  // 0: not known here.
    PodId pod = kNoPod;
    std::uint32_t placed = kNone;
  };

  void pod_status_changed(PodSlot slot, std::uint32_t owner) override;
  void pod_gone(PodSlot slot, std::uint32_t owner) override;
  void memory_pressure_changed(NodeId node, bool pressure) override;
  void disk_pressure_changed(NodeId node, bool pressure) override;
  Crash crash_of(std::uint32_t owner, std::uint16_t container, std::uint32_t restarts) override;
  void leaks_of(std::uint32_t owner, std::uint16_t container, std::vector<MemoryLeak>& leaks) override;
  void process_changed(PodSlot slot, std::uint32_t owner, std::uint16_t container, Process what, Time up_at) override;
  void prebind_done(std::uint32_t pod, bool bound) override;
  void claim_changed(ClaimId claim) override;
  void volume_changed(VolumeId volume) override;
  // Answers of images and volumes, which were made before the kubelet was.
  void image_ensured(PodSlot pod, ImageResult result) override { kubelet_.image_ensured(pod, result); }
  void volumes_mounted(PodSlot pod) override { kubelet_.volumes_mounted(pod); }
  void volumes_unmounted(PodSlot pod) override { kubelet_.volumes_unmounted(pod); }
  void images_changed(NodeId node) override;
  void record(RecordKind kind, NodeId node, NodeTrouble trouble = {});
  void images_grew(NodeId node) override { kubelet_.images_grew(node); }
  std::int64_t local_bytes(NodeId node) const override { return kubelet_.local_bytes(node); }

  void add_objects(const manifest::Manifests& manifests);
  void equip(NodeId node, Time kubelet_started);
  void become_ready(NodeId node);
  void created(const ControlPlane::PodNews& news, const std::function<void(PodId)>& tell);
  void terminating(const ControlPlane::PodNews& news);
  void gone(const ControlPlane::PodNews& news);
  void disrupted(const Placed& placed, controllers::Disruption why);
  void report(const Placed& placed);
  void renew_lease(NodeId node);
  void post_ready(NodeId node);
  void post_pressure(NodeId node, controllers::NodeConditionType type, bool pressure);
  void update_node_objects();
  void report_images(NodeId node);
  void tell_claims();
  void touch_control_plane();
  void plan_control_plane();
  TemplateId template_of(const std::shared_ptr<const kube::api::Pod>& pod);
  ProgramId program_of(TemplateId pod_template);
  StartedContainer started_container(const Placed& placed, std::uint16_t container, std::uint32_t restarts) const;
  Row& row(PodId pod);
  const Placed* placed_of(PodId object) const;
  ObjectRow* object_row(PodId object, std::uint64_t uid);

  enum Detail : std::uint16_t {
    kControllers,
    kLease,
    kNodeStatus,
    kReady,
    kPreBindFailed
  };  // Of kControllersDue; all but the
      // first: of a node.

  Cluster& cluster_;
  Engine<Event>& engine_;
  Journal& journal_;
  Actions& actions_;
  const RunImages& run_images_;
  NodesOptions options_;
  ControlPlane* control_plane_;
  ClusterTraffic* traffic_ = nullptr;
  const FaultPlan* fault_plan_ = nullptr;
  bool leaks_ = false;  // The plan has some.
  FlowNetwork network_;
  ImageManager images_;
  Storage storage_;
  Kubelet kubelet_;

  NodeImageSpec disk_;  // Of each node, but for its zone.
  Names zones_;
  std::function<void(NodeId)> on_join_;           //
  std::vector<std::uint8_t> removed_, starting_;  // By node; starting: not yet Ready for the first time.
  std::vector<std::uint8_t> down_, hung_, cut_;   // By node.
  std::vector<std::uint8_t> not_ready_;           // By node: the journal has it that it is not Ready.
  std::vector<std::uint8_t> status_due_;          // By node: its images are to be reported.
  std::vector<Duration> status_phase_;            // By node: when in each 10 s its status is written.
  std::vector<Row> rows_;
  std::vector<ObjectRow> objects_;
  std::vector<Placed> placed_;
  std::vector<std::uint32_t> free_placed_;
  std::vector<std::optional<ProgramId>> programs_;                      // By template.
  std::unordered_map<const kube::api::Pod*, TemplateId> template_ids_;  // Looked up, never walked.
  std::vector<std::pair<std::uint32_t, bool>> prebound_;                // Ordinals, and whether it went well.
  std::unordered_map<std::uint32_t, PodId> prebinding_;                 // By ordinal. Looked up, never walked.
  // What the scheduler was told of claims and volumes, by slot.
  struct ToldClaim {
    std::string key;  // Empty: of none.
    std::string volume;
  };
  std::vector<ToldClaim> told_claims_;
  std::vector<std::string> told_volumes_;  // Names; empty: of none.
  std::vector<ClaimId> changed_claims_;
  std::vector<VolumeId> changed_volumes_;
  std::optional<EventHandle> controllers_due_;
  Time controllers_due_at_ = kNever;
  bool changed_ = false;
};

}  // namespace berth

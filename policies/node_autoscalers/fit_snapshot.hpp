// A cluster to try things out on: may this pod run on that node, if these pods were gone and those machines were there?
// Answers are the scheduler's own predicates. Pods come and go, nodes come and go, and revert() takes it all back.
// Source: cluster-autoscaler's simulator/clustersnapshot (release 1.37), which runs the scheduler framework's filters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/schedulers/kube/cluster_state.hpp"
#include "policies/schedulers/kube/runtime.hpp"

namespace berth {

class FitSnapshot {
 public:
  using Row = std::uint32_t;
  using Mark = std::size_t;

  FitSnapshot();
  FitSnapshot(const FitSnapshot&) = delete;
  FitSnapshot& operator=(const FitSnapshot&) = delete;

  // Row i becomes nodes[i] with its pods, but for finished ones and those of a priority below `cutoff`; further rows
  // go. Rows whose id and version are as before stay as they are. Everything must have been reverted. `objects`: as in
  // the observation; looked at when a pod needs it. O(nodes + pods of changed nodes).
  void sync(std::span<const AutoscaledNode> nodes, std::int32_t cutoff, const kube::Objects* objects);

  std::size_t rows() const { return nodes_.size(); }
  bool present(Row row) const { return present_[row] != 0; }
  const kube::NodeInfo& node(Row row) const { return nodes_[row]; }

  Row add_node(std::shared_ptr<const kube::Node> node);
  void remove_node(Row row);  // With its pods.
  void add_pod(Row row, const kube::PodRef& pod);
  void remove_pod(Row row, std::uint32_t handle);
  // A handle that no pod of the caller has, for pods that exist here alone.
  std::uint32_t own_handle() { return next_handle_++; }

  // Everything since the mark is undone, last first.
  Mark mark() const { return log_.size(); }
  void revert(Mark mark);

  // May the pod run on this node, which is present?
  // For pods that only look at the node itself (resources, taints, node affinity, ports), O(1) and no allocation. Pods
  // with affinity to pods, spread constraints or volumes, and all pods while a pod with required anti-affinity is
  // on any node, are asked of a whole kube::ClusterState, O(pods); which is built anew, O(nodes + pods), when nodes
  // have come or gone since.
  bool fits(const kube::PodRef& pod, Row row);
  // The first of `candidates` that it may run on, beginning behind `cursor` (a position in it, taken modulo its length)
  // and going round; the cursor is then the position behind it. This is how the real one looks for a node.
  std::optional<Row> find(const kube::PodRef& pod, std::span<const Row> candidates, std::size_t& cursor);

 private:
  static constexpr std::uint32_t kFirstOwnHandle = 0x8000'0000;
  struct Step {
    enum class Kind : std::uint8_t { kAddNode, kRemoveNode, kAddPod, kRemovePod };
    Kind kind;
    Row row;
    kube::PodRef pod;
  };

  bool needs_cluster(const kube::PodInfo& pod) const;
  void prepare(const kube::PodRef& pod);
  bool admits(Row row);
  void count(const kube::PodRef& pod, int sign);
  void build_cluster();
  void place(Row row, const kube::PodRef& pod);
  void take(Row row, std::uint32_t handle);

  kube::Runtime runtime_;
  std::vector<const kube::Plugin*> local_;                // Filters that look at a node alone.
  const kube::ClusterState nothing_;                      // For those.
  std::vector<kube::NodeInfo> nodes_;                     // By row.
  std::vector<std::uint8_t> present_;                     // By row.
  std::vector<std::uint32_t> ids_;                        // By row, of the caller's nodes.
  std::vector<std::uint64_t> versions_;                   // By row, of the caller's nodes.
  std::vector<std::shared_ptr<const kube::Node>> owned_;  // By row behind the caller's.
  std::vector<Step> log_;
  std::int32_t cutoff_ = 0;
  std::uint32_t next_handle_ = kFirstOwnHandle;
  std::size_t repelling_ = 0;  // Pods with required anti-affinity on present nodes.

  const kube::Objects* objects_ = nullptr;
  std::unique_ptr<kube::ClusterState> cluster_;  // Null: to be built.
  std::vector<std::uint32_t> cluster_index_;     // By row.

  // The pod that was asked for last.
  std::uint64_t edits_ = 1;  // Rises with every change of what is where.
  std::uint64_t prepared_at_ = 0;
  const kube::PodInfo* prepared_ = nullptr;
  std::uint32_t prepared_handle_ = 0;
  bool prepared_whole_ = false;  // With the whole cluster.
  bool refused_ = false;         // By pre_filter, for every node.
  std::optional<kube::NodeNames> narrowed_;
  kube::CycleState state_;
};

}  // namespace berth

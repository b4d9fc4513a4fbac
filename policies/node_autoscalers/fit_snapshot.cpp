#include "policies/node_autoscalers/fit_snapshot.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

bool repels(const kube::PodInfo& pod) {
  return !pod.required_anti_affinity.empty();
}

}  // namespace

FitSnapshot::FitSnapshot() : runtime_(kube::Profile{}), nothing_(kube::Objects{}) {
  for (const char* name :
       {"NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"}) {
    local_.push_back(runtime_.find(name));
    BERTH_CHECK(local_.back() != nullptr);
  }
}

void FitSnapshot::sync(std::span<const AutoscaledNode> nodes, std::int32_t cutoff, const kube::Objects* objects) {
  BERTH_CHECK(log_.empty() && owned_.empty());
  prepared_ = nullptr;  // The caller may have new pods at old addresses.
  next_handle_ = kFirstOwnHandle;
  bool same = nodes.size() == nodes_.size() && objects == objects_;
  if (cutoff != cutoff_) versions_.assign(versions_.size(), ~std::uint64_t{0});
  cutoff_ = cutoff;
  objects_ = objects;
  for (std::size_t row = nodes.size(); row < nodes_.size(); ++row) {
    for (const kube::PodRef& pod : nodes_[row].pods) count(pod, -1);
  }
  nodes_.resize(nodes.size());
  present_.assign(nodes.size(), 1);
  ids_.resize(nodes.size(), ~std::uint32_t{0});
  versions_.resize(nodes.size(), ~std::uint64_t{0});
  for (std::size_t row = 0; row < nodes.size(); ++row) {
    const AutoscaledNode& from = nodes[row];
    kube::NodeInfo& to = nodes_[row];
    if (ids_[row] == from.id && versions_[row] == from.version && to.node == from.node) continue;
    same = false;
    for (const kube::PodRef& pod : to.pods) count(pod, -1);
    to = {};
    to.index = static_cast<std::uint32_t>(row);
    to.node = from.node;
    to.allocatable = kube::to_resource(from.node->allocatable);
    for (const AutoscaledPod& pod : from.pods) {
      BERTH_CHECK(pod.handle < kFirstOwnHandle);
      if (pod.finished || pod.info->pod.priority < cutoff) continue;
      const kube::PodRef ref{pod.info, kube::kNotStarted, pod.handle};
      to.add(ref);
      count(ref, +1);
    }
    ids_[row] = from.id;
    versions_[row] = from.version;
  }
  if (same) return;
  ++edits_;
  cluster_.reset();
}

void FitSnapshot::count(const kube::PodRef& pod, int sign) {
  if (!repels(*pod.info)) return;
  repelling_ = sign > 0 ? repelling_ + 1 : repelling_ - 1;
}

FitSnapshot::Row FitSnapshot::add_node(std::shared_ptr<const kube::Node> node) {
  const auto row = static_cast<Row>(nodes_.size());
  kube::NodeInfo& info = nodes_.emplace_back();
  info.index = row;
  info.node = node.get();
  info.allocatable = kube::to_resource(node->allocatable);
  present_.push_back(1);
  owned_.push_back(std::move(node));
  log_.push_back({Step::Kind::kAddNode, row, {}});
  ++edits_;
  cluster_.reset();
  return row;
}

void FitSnapshot::remove_node(Row row) {
  BERTH_CHECK(present(row));
  present_[row] = 0;
  for (const kube::PodRef& pod : nodes_[row].pods) count(pod, -1);
  log_.push_back({Step::Kind::kRemoveNode, row, {}});
  ++edits_;
  cluster_.reset();
}

void FitSnapshot::place(Row row, const kube::PodRef& pod) {
  nodes_[row].add(pod);
  count(pod, +1);
  if (cluster_ != nullptr) cluster_->assume(pod, cluster_index_[row]);
  ++edits_;
}

void FitSnapshot::take(Row row, std::uint32_t handle) {
  const auto& pods = nodes_[row].pods;
  const auto found = std::ranges::find(pods, handle, &kube::PodRef::handle);
  BERTH_CHECK(found != pods.end());
  const kube::PodRef pod = *found;
  nodes_[row].remove(handle);
  count(pod, -1);
  if (cluster_ != nullptr) cluster_->forget(pod, cluster_index_[row]);
  ++edits_;
}

void FitSnapshot::add_pod(Row row, const kube::PodRef& pod) {
  BERTH_CHECK(present(row));
  place(row, pod);
  log_.push_back({Step::Kind::kAddPod, row, pod});
}

void FitSnapshot::remove_pod(Row row, std::uint32_t handle) {
  BERTH_CHECK(present(row));
  const auto& pods = nodes_[row].pods;
  const auto found = std::ranges::find(pods, handle, &kube::PodRef::handle);
  BERTH_CHECK(found != pods.end());
  log_.push_back({Step::Kind::kRemovePod, row, *found});
  take(row, handle);
}

void FitSnapshot::revert(Mark mark) {
  while (log_.size() > mark) {
    const Step step = log_.back();
    log_.pop_back();
    switch (step.kind) {
      case Step::Kind::kAddPod:
        take(step.row, step.pod.handle);
        break;
      case Step::Kind::kRemovePod:
        place(step.row, step.pod);
        break;
      case Step::Kind::kAddNode:
        BERTH_CHECK(step.row + 1 == nodes_.size());
        nodes_.pop_back();
        present_.pop_back();
        owned_.pop_back();
        ++edits_;
        cluster_.reset();
        break;
      case Step::Kind::kRemoveNode:
        present_[step.row] = 1;
        for (const kube::PodRef& pod : nodes_[step.row].pods) count(pod, +1);
        ++edits_;
        cluster_.reset();
        break;
    }
  }
}

bool FitSnapshot::needs_cluster(const kube::PodInfo& pod) const {
  if (repelling_ > 0 || !pod.required_affinity.empty() || repels(pod)) return true;
  const auto& spread = pod.pod.spread_constraints;
  if (std::ranges::any_of(spread, [](const auto& constraint) { return !constraint.schedule_anyway; })) return true;
  return std::ranges::any_of(pod.pod.volumes, [](const auto& v) { return v.kind != kube::Volume::Kind::kOther; });
}

void FitSnapshot::build_cluster() {
  kube::Objects objects;
  if (objects_ != nullptr) {
    objects = *objects_;
    objects.nodes.clear();
  }
  for (Row row = 0; row < nodes_.size(); ++row) {
    if (present(row)) objects.nodes.push_back(*nodes_[row].node);
  }
  cluster_ = std::make_unique<kube::ClusterState>(std::move(objects));
  cluster_index_.assign(nodes_.size(), 0);
  for (Row row = 0; row < nodes_.size(); ++row) {
    if (!present(row)) continue;
    cluster_index_[row] = cluster_->find_node(nodes_[row].name())->index;
    for (const kube::PodRef& pod : nodes_[row].pods) cluster_->assume(pod, cluster_index_[row]);
  }
}

// Runs the filters' first half for the pod, unless that was done and still holds. What only looks at the node is the
// same for all pods of a class, whatever has moved.
void FitSnapshot::prepare(const kube::PodRef& pod) {
  const bool whole = needs_cluster(*pod.info);
  if (prepared_ != nullptr && prepared_whole_ == whole) {
    if (whole && prepared_ == pod.info && prepared_handle_ == pod.handle && prepared_at_ == edits_) return;
    if (!whole && prepared_ == pod.info) return;
  }
  state_ = {};
  narrowed_.reset();
  refused_ = false;
  if (whole) {
    if (cluster_ == nullptr) build_cluster();
    std::vector<std::string> narrowers;
    const kube::Cycle cycle{*cluster_, *pod.info, pod.handle};
    refused_ = runtime_.pre_filter(cycle, state_, narrowed_, narrowers).rejected();
  } else {
    const kube::Cycle cycle{nothing_, *pod.info, pod.handle};
    for (const kube::Plugin* plugin : local_) {
      std::optional<kube::NodeNames> names;
      const kube::Status status = plugin->pre_filter(cycle, state_, names);
      if (status.code == kube::Code::kSkip) state_.skip_filter.set(plugin->slot());
      if (status.rejected()) refused_ = true;
      if (!names) continue;
      if (narrowed_) {
        std::erase_if(*narrowed_, [&names](const std::string& name) { return !names->contains(name); });
      } else {
        narrowed_ = std::move(names);
      }
    }
  }
  prepared_ = pod.info;
  prepared_handle_ = pod.handle;
  prepared_whole_ = whole;
  prepared_at_ = edits_;
}

bool FitSnapshot::admits(Row row) {
  const kube::NodeInfo& node = nodes_[row];
  if (refused_ || (narrowed_ && !narrowed_->contains(node.name()))) return false;
  if (prepared_whole_) {
    const kube::Cycle cycle{*cluster_, *prepared_, prepared_handle_};
    return runtime_.filter(cycle, state_, cluster_->nodes()[cluster_index_[row]]).success();
  }
  const kube::Cycle cycle{nothing_, *prepared_, prepared_handle_};
  for (const kube::Plugin* plugin : local_) {
    if (state_.skip_filter.test(plugin->slot())) continue;
    if (plugin->admits(cycle, state_, node) != kube::Code::kSuccess) return false;
  }
  return true;
}

bool FitSnapshot::fits(const kube::PodRef& pod, Row row) {
  BERTH_CHECK(present(row));
  prepare(pod);
  return admits(row);
}

std::optional<FitSnapshot::Row> FitSnapshot::find(const kube::PodRef& pod, std::span<const Row> candidates,
                                                  std::size_t& cursor) {
  if (candidates.empty()) return std::nullopt;
  prepare(pod);
  if (refused_) return std::nullopt;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t at = (cursor + i) % candidates.size();
    if (!admits(candidates[at])) continue;
    cursor = (at + 1) % candidates.size();
    return candidates[at];
  }
  return std::nullopt;
}

}  // namespace berth

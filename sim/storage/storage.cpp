// Objects, nodes and events. Pods are in storage_pods.cpp.
#include "sim/storage/storage.hpp"

#include <algorithm>

#include "sim/storage/claim_matching.hpp"

namespace berth {
namespace {

constexpr Duration kStatusPeriod = seconds(10);

}  // namespace

Storage::Storage(Engine<Event>& engine, Journal& journal, const StorageOptions& options)
    : state_(engine, journal, options), binder_(state_, *this), controller_(state_, *this), manager_(state_, *this) {}

void Storage::listen(StorageListener* storage, NodeServicesListener* kubelet) {
  storage_listener_ = storage;
  kubelet_listener_ = kubelet;
}

void Storage::handle(const Event& event) {
  BERTH_CHECK(event.kind == EventKind::kStorageEvent);
  const std::uint32_t generation = event.generation;
  const auto fresh = [generation](const auto& row, std::size_t which) {
    return row.live && row.generations[which] == generation;
  };
  const ClaimId claim{event.subject};
  const VolumeId volume{event.subject};
  const UserId user{event.subject};
  const AttachmentId attachment{event.subject};
  const NodeId node{event.subject};
  switch (static_cast<StorageStep>(event.detail)) {
    case StorageStep::kClaimResync:
      return binder_.handle_resync();
    case StorageStep::kProvisioned:
      if (fresh(state_.claims[claim], 0)) binder_.handle_provisioned(claim);
      return;
    case StorageStep::kRemoved:
      if (fresh(state_.volumes[volume], 0)) binder_.handle_removed(volume);
      return;
    case StorageStep::kPreBindPoll:
      if (fresh(state_.users[user], 0)) finish_prebind(user, false);
      return;
    case StorageStep::kPreBindTimeout:
      if (fresh(state_.users[user], 0)) finish_prebind(user, true);
      return;
    case StorageStep::kReconcile:
      return controller_.handle_reconcile();
    case StorageStep::kAttached:
      if (fresh(state_.attachments[attachment], 0)) controller_.handle_attached(attachment);
      return;
    case StorageStep::kDetached:
      if (fresh(state_.attachments[attachment], 0)) controller_.handle_detached(attachment);
      return;
    case StorageStep::kAttachRetry:
      if (fresh(state_.attachments[attachment], 0)) controller_.handle_retry(attachment);
      return;
    case StorageStep::kStatusTick:
      if (state_.nodes[index(node)].generation == generation) manager_.handle_status_tick(node);
      return;
    case StorageStep::kLook:
      if (fresh(state_.attachments[attachment], 1)) manager_.handle_look(attachment);
      return;
    case StorageStep::kPass:
      if (fresh(state_.attachments[attachment], 1)) manager_.handle_pass(attachment);
      return;
    case StorageStep::kMountStep:
      if (fresh(state_.attachments[attachment], 1)) manager_.handle_step(attachment);
      return;
    case StorageStep::kPodPoll:
      if (fresh(state_.users[user], 1)) manager_.handle_poll(user);
      return;
  }
  BERTH_CHECK(false);
}

void Storage::add_driver(std::string_view name, bool attach_required, std::string_view topology_key) {
  DriverRow& row = state_.drivers[index(state_.driver(name))];
  row.attach_required = attach_required;
  row.topology_key = topology_key;
  state_.count_segments(row);
}

void Storage::driver_failing(std::string_view name, bool failing) {
  state_.drivers[index(state_.driver(name))].failing = failing;
}

std::optional<ClaimId> Storage::find_claim(std::string_view namespace_name, std::string_view name) const {
  std::string key(namespace_name);
  key += '/';
  key += name;
  const auto it = state_.claim_by_key.find(key);
  if (it == state_.claim_by_key.end() || !state_.claims[it->second].exists) return std::nullopt;
  return it->second;
}

std::optional<VolumeId> Storage::find_volume(std::string_view name) const {
  const auto it = state_.volume_by_name.find(std::string(name));
  if (it == state_.volume_by_name.end()) return std::nullopt;
  return it->second;
}

bool Storage::delete_claim(std::string_view namespace_name, std::string_view name) {
  const std::optional<ClaimId> id = find_claim(namespace_name, name);
  if (id) binder_.delete_claim(*id);
  return id.has_value();
}

bool Storage::delete_volume(std::string_view name) {
  const std::optional<VolumeId> id = find_volume(name);
  if (id) binder_.delete_volume(*id);
  return id.has_value();
}

bool Storage::clear_claim_ref(std::string_view name) {
  const std::optional<VolumeId> id = find_volume(name);
  if (id) binder_.clear_claim_ref(*id);
  return id.has_value();
}

void Storage::add_node(NodeId id, const kube::Node& object, Duration status_phase) {
  BERTH_CHECK(status_phase.ns >= 0 && status_phase < kStatusPeriod);
  if (state_.nodes.size() <= index(id)) state_.nodes.resize(index(id) + 1);
  StorageNode& node = state_.nodes[index(id)];
  BERTH_CHECK(!node.exists);
  node.exists = node.ready = true;
  node.out_of_service = false;
  node.object = object;
  node.status_phase = status_phase;
  for (DriverRow& driver : state_.drivers) state_.count_segment(driver, object, true);
  manager_.kubelet_up(id);
}

void Storage::set_csi_node(NodeId id, const kube::CsiNode& object) {
  StorageNode& node = state_.nodes[index(id)];
  node.limits.clear();
  for (const kube::CsiNode::Driver& driver : object.drivers) {
    if (driver.count) node.limits.emplace_back(state_.driver(driver.name), *driver.count);
  }
}

void Storage::node_removed(NodeId id) {
  StorageNode& node = state_.nodes[index(id)];
  BERTH_CHECK(node.exists);
  node_down(id);
  node.exists = node.ready = false;
  ++node.life;
  node.host_data.clear();
  node.limits.clear();
  for (DriverRow& driver : state_.drivers) state_.count_segment(driver, node.object, false);
  binder_.forget_node(id);
  for (const UserId user : node.users) {
    if (state_.users[user].prebinding) plan_prebind_poll(user);
  }
  controller_.node_changed(id);
  const std::vector<AttachmentId> all = node.attachments;
  for (const AttachmentId a : all) state_.drop_attachment_if_idle(a);
}

void Storage::node_down(NodeId id) {
  manager_.kubelet_down(id);
  const std::vector<UserId> all = state_.nodes[index(id)].users;
  for (const UserId user : all) free_if_done(user);
}

void Storage::node_up(NodeId id) {
  StorageNode& node = state_.nodes[index(id)];
  BERTH_CHECK(node.exists);
  // Its ticks begin anew, the first one period from now.
  node.status_phase = {state_.now().ns % kStatusPeriod.ns};
  node.first_tick = state_.now() + kStatusPeriod;
  manager_.kubelet_up(id);
}

void Storage::node_ready(NodeId id, bool ready) {
  state_.nodes[index(id)].ready = ready;
  if (!ready) controller_.node_changed(id);
}

void Storage::node_out_of_service(NodeId id, bool is_tainted) {
  state_.nodes[index(id)].out_of_service = is_tainted;
  if (is_tainted) controller_.node_changed(id);
}

void Storage::claim_bound(ClaimId id) {
  // Pods on a node move on to its attachments; the scheduler's waits may be over.
  state_.each_use(state_.claims[id].uses, [this](UseId use_id) {
    const UserId user_id = state_.uses[use_id].user;
    User& user = state_.users[user_id];
    if (user.prebinding && user.unbound > 0 && --user.unbound == 0) plan_prebind_poll(user_id);
    if (user.bound && user.object) link(use_id);
  });
}

void Storage::claim_gone(ClaimId id) {
  state_.each_use(state_.claims[id].uses, [this](UseId use_id) {
    const UserId user_id = state_.uses[use_id].user;
    if (state_.users[user_id].prebinding) plan_prebind_poll(user_id);
  });
  claim_changed(id);
  make_postponed(id);
}

void Storage::claim_changed(ClaimId id) {
  if (storage_listener_ != nullptr) storage_listener_->claim_changed(id);
}

void Storage::volume_changed(VolumeId id) {
  if (storage_listener_ != nullptr) storage_listener_->volume_changed(id);
}

bool Storage::attached(VolumeId volume, NodeId node) const {
  for (const AttachmentId id : state_.nodes[index(node)].attachments) {
    const Attachment& row = state_.attachments[id];
    if (row.volume == volume) return row.state == AttachState::kAttached || row.state == AttachState::kDetaching;
  }
  return false;
}

bool Storage::in_use(VolumeId volume, NodeId node) const {
  const auto& all = state_.nodes[index(node)].attachments;
  return std::any_of(all.begin(), all.end(), [&](AttachmentId id) {
    return state_.attachments[id].volume == volume && state_.attachments[id].in_use;
  });
}

std::size_t Storage::pods() const {
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < state_.users.size(); ++i) count += state_.users[UserId{i}].live ? 1 : 0;
  return count;
}

}  // namespace berth

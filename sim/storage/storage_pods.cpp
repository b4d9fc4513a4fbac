// A pod's way through the storage layer.
#include <algorithm>

#include "sim/storage/claim_matching.hpp"
#include "sim/storage/loop_grid.hpp"
#include "sim/storage/storage.hpp"

namespace berth {
namespace {

constexpr Duration kPreBindPoll = seconds(1);

// Whether the scheduler binds the claim, when a pod that uses it gets a node.
bool waits_for_consumer(const StorageState& state, const ClaimRow& claim) {
  const StorageClassRow& storage_class = state.classes[index(claim.storage_class)];
  return storage_class.exists && storage_class.object.wait_for_first_consumer && claim.object.volume_name.empty();
}

}  // namespace

void Storage::register_pod(std::uint32_t pod, TemplateId pod_template, const kube::api::Pod& object) {
  UserId id = kNone<UserId>;
  UseId last = kNone<UseId>;
  const auto& volumes = object.spec.volumes;
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const kube::api::VolumeSpec& volume = volumes[i];
    UseKind kind = UseKind::kClaim;
    if (volume.type == "emptyDir") {
      kind = UseKind::kEmptyDir;
    } else if (volume.type == "hostPath") {
      kind = UseKind::kHostPath;
    } else if (volume.type != "persistentVolumeClaim" && volume.type != "ephemeral") {
      continue;  // The kubelet makes it by itself.
    }
    if (id == kNone<UserId>) {
      id = state_.users.acquire();
      state_.users[id].ordinal = pod;
      state_.users[id].pod_template = pod_template;
      if (state_.user_of_ordinal.size() <= pod) state_.user_of_ordinal.resize(pod + std::size_t{1}, kNone<UserId>);
      BERTH_CHECK(state_.user_of_ordinal[pod] == kNone<UserId>);
      state_.user_of_ordinal[pod] = id;
    }
    ClaimId claim = kNone<ClaimId>;
    if (kind == UseKind::kClaim) {
      const kube::Pod& scheduling = object.scheduling;
      const bool ephemeral = volume.type == "ephemeral";
      BERTH_CHECK(ephemeral || !volume.sources.empty());
      const std::string name = ephemeral ? scheduling.name + "-" + volume.name : volume.sources[0];
      claim = state_.refer_to_claim(scheduling.namespace_name + "/" + name);
      bool twice = false;  // Two volumes of one claim are mounted as one.
      state_.each_use_of(state_.users[id], [&](UseId use) { twice = twice || state_.uses[use].claim == claim; });
      if (twice) continue;
    }
    const UseId use_id = state_.uses.acquire();
    Use& use = state_.uses[use_id];
    use.user = id;
    use.kind = kind;
    use.number = static_cast<std::uint16_t>(i);
    use.claim = claim;
    (last == kNone<UseId> ? state_.users[id].first : state_.uses[last].next_of_pod) = use_id;
    last = use_id;
    if (kind == UseKind::kHostPath) use.path = state_.paths.intern(volume.sources.empty() ? "" : volume.sources[0]);
    if (kind != UseKind::kClaim) continue;
    ++state_.users[id].claims;
    ++state_.claims[claim].references;
    state_.push_back(state_.claims[claim].uses, use_id);
    use.ephemeral = volume.type == "ephemeral";
    if (use.ephemeral && volume.claim) make_ephemeral_claim(pod, claim, object, *volume.claim);
  }
}

void Storage::make_ephemeral_claim(std::uint32_t pod, ClaimId claim, const kube::api::Pod& object,
                                   const kube::api::ClaimTemplate& claim_template) {
  kube::api::PersistentVolumeClaim made;
  made.meta = claim_template.meta;
  made.scheduling = claim_template.claim;
  made.scheduling.namespace_name = object.scheduling.namespace_name;
  made.scheduling.name = state_.claims[claim].key.substr(made.scheduling.namespace_name.size() + 1);
  if (state_.claims[claim].exists) {
    postponed_.push_back({pod, claim, std::move(made)});
  } else {
    binder_.add_claim(made, pod);
  }
}

// The ephemeral volume controller tries again when the claim in its way is gone; here at once.
void Storage::make_postponed(ClaimId claim) {
  const auto it = std::find_if(postponed_.begin(), postponed_.end(),
                               [claim](const Postponed& waiting) { return waiting.claim == claim; });
  if (it == postponed_.end()) return;
  const Postponed waiting = std::move(*it);
  postponed_.erase(it);
  binder_.add_claim(waiting.object, waiting.pod);
}

bool Storage::usable(const Use& use) const {
  const ClaimRow& claim = state_.claims[use.claim];
  return claim.exists && claim.phase != ClaimPhase::kLost &&
         (!use.ephemeral || claim.owner == state_.users[use.user].ordinal);
}

bool Storage::can_run_on(std::uint32_t pod, NodeId node) const {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId>) return true;
  const StorageNode* row = state_.find_node(node);
  if (row == nullptr || !row->exists) return false;
  std::vector<ClaimId> claims;
  std::vector<VolumeId> chosen;
  return within_limits(state_.users[id], *row) && choose_volumes(state_.users[id], node, claims, chosen);
}

bool Storage::choose_volumes(const User& user, NodeId node_id, std::vector<ClaimId>& claims,
                             std::vector<VolumeId>& chosen) const {
  const kube::Node& node = state_.nodes[index(node_id)].object;
  for (UseId u = user.first; u != kNone<UseId>; u = state_.uses[u].next_of_pod) {
    const Use& use = state_.uses[u];
    if (use.kind != UseKind::kClaim) continue;
    const ClaimRow& claim = state_.claims[use.claim];
    if (!usable(use) || claim.object.deleting) return false;
    const std::uint32_t own = user.active ? 1 : 0;
    if ((claim.modes & kReadWriteOncePod) != 0 && claim.active > own) return false;
    if (claim.phase == ClaimPhase::kBound) {
      const VolumeRow& volume = state_.volumes[claim.volume];
      if (!volume.exists || !reaches(volume.object, node)) return false;
    } else if (waits_for_consumer(state_, claim)) {
      claims.push_back(use.claim);
    } else {
      return false;  // Unbound immediate claims.
    }
  }
  const auto request = [this](ClaimId id) { return state_.claims[id].object.request.value_or(kube::Quantity{}); };
  std::stable_sort(claims.begin(), claims.end(), [&](ClaimId a, ClaimId b) { return request(a) < request(b); });
  for (const ClaimId id : claims) {
    const ClaimRow& claim = state_.claims[id];
    VolumeId volume = kNone<VolumeId>;
    if (claim.selected_node == kNoNode) {
      volume = find_matching_volume(state_, id, &node, chosen);
    } else if (claim.selected_node != node_id) {
      return false;
    }
    if (volume == kNone<VolumeId>) {
      const StorageClassRow& storage_class = state_.classes[index(claim.storage_class)];
      if (!can_provision(storage_class) || !in_allowed_topology(storage_class.object, node)) return false;
    }
    chosen.push_back(volume);
  }
  return true;
}

bool Storage::within_limits(const User& user, const StorageNode& node) const {
  for (const auto& [driver, limit] : node.limits) {
    std::vector<std::uint64_t> there;  // Volumes by slot, claims that have none yet behind them.
    const auto add = [&, wanted = driver](const User& pod, std::vector<std::uint64_t>& out) {
      for (UseId u = pod.first; u != kNone<UseId>; u = state_.uses[u].next_of_pod) {
        if (state_.uses[u].kind != UseKind::kClaim) continue;
        const ClaimRow& claim = state_.claims[state_.uses[u].claim];
        if (!claim.exists) continue;
        if (claim.volume != kNone<VolumeId>) {
          if (state_.volumes[claim.volume].driver == wanted) out.push_back(static_cast<std::uint32_t>(claim.volume));
        } else if (state_.driver_names.find(state_.classes[index(claim.storage_class)].object.provisioner) ==
                   static_cast<std::uint32_t>(wanted)) {
          out.push_back(std::uint64_t{1} << 32 | static_cast<std::uint32_t>(state_.uses[u].claim));
        }
      }
    };
    for (const AttachmentId a : node.attachments) {
      const Attachment& row = state_.attachments[a];
      if (state_.volumes[row.volume].driver == driver && (row.wanted > 0 || row.state != AttachState::kDetached))
        there.push_back(static_cast<std::uint32_t>(row.volume));
    }
    for (const UserId u : node.users) {
      if (state_.users[u].assumed) add(state_.users[u], there);
    }
    const auto unique = [](std::vector<std::uint64_t>& keys) {
      std::sort(keys.begin(), keys.end());
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
      return static_cast<std::int64_t>(keys.size());
    };
    const std::int64_t before = unique(there);
    add(user, there);
    const std::int64_t after = unique(there);
    if (after > before && after > limit) return false;
  }
  return true;
}

PreBind Storage::pod_assumed(std::uint32_t pod, NodeId node) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId>) return PreBind::kDone;
  User& user = state_.users[id];
  BERTH_CHECK(!user.assumed && !user.bound && state_.nodes[index(node)].exists);
  std::vector<ClaimId> claims;
  std::vector<VolumeId> chosen;
  if (!choose_volumes(user, node, claims, chosen)) return PreBind::kFailed;
  user.assumed = true;
  put_on_node(id, node);
  set_active(id, true);
  if (claims.empty()) return PreBind::kDone;
  user.prebinding = true;
  user.prebind_since = state_.now();
  user.unbound = static_cast<std::uint32_t>(claims.size());
  state_.schedule(state_.now() + state_.options.bind_timeout, StorageStep::kPreBindTimeout, id, ++user.generations[0]);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (chosen[i] == kNone<VolumeId>) {
      binder_.select_node(claims[i], node);
    } else {
      binder_.bind(claims[i], chosen[i]);
    }
  }
  return PreBind::kWaiting;
}

void Storage::plan_prebind_poll(UserId id) {
  const User& user = state_.users[id];
  const Time at = std::max(state_.now(), user.prebind_since + kPreBindPoll);
  state_.schedule(next_on_grid(at, kPreBindPoll, {user.prebind_since.ns % kPreBindPoll.ns}), StorageStep::kPreBindPoll,
                  id, user.generations[0]);
}

void Storage::finish_prebind(UserId id, bool timeout) {
  User& user = state_.users[id];
  bool failed = timeout;
  bool waiting = false;
  const StorageNode& node = state_.nodes[index(user.node)];
  state_.each_use_of(user, [&](UseId use_id) {
    const Use& use = state_.uses[use_id];
    if (use.kind != UseKind::kClaim) return;
    const ClaimRow& claim = state_.claims[use.claim];
    if (!usable(use) || claim.object.deleting) {
      failed = true;
    } else if (claim.phase == ClaimPhase::kBound) {
      failed = failed || !reaches(state_.volumes[claim.volume].object, node.object);
    } else {
      waiting = true;
      failed = failed || claim.selected_node != user.node;  // Taken back.
    }
  });
  if (waiting && !failed) return;
  user.prebinding = false;
  ++user.generations[0];
  const std::uint32_t pod = user.ordinal;
  if (failed) pod_unassumed(pod);
  if (storage_listener_ != nullptr) storage_listener_->prebind_done(pod, !failed);
}

void Storage::pod_unassumed(std::uint32_t pod) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId> || !state_.users[id].assumed) return;
  User& user = state_.users[id];
  user.assumed = user.prebinding = false;
  ++user.generations[0];
  set_active(id, false);
  take_off_node(id);
}

void Storage::put_on_node(UserId id, NodeId node) {
  state_.users[id].node = node;
  state_.nodes[index(node)].users.push_back(id);
}

void Storage::take_off_node(UserId id) {
  User& user = state_.users[id];
  if (user.node == kNoNode) return;
  std::vector<UserId>& all = state_.nodes[index(user.node)].users;
  all.erase(std::find(all.begin(), all.end(), id));
  user.node = kNoNode;
}

void Storage::set_active(UserId id, bool active) {
  User& user = state_.users[id];
  if (user.active == active) return;
  user.active = active;
  state_.each_use_of(user, [&](UseId use) {
    if (state_.uses[use].kind != UseKind::kClaim) return;
    std::uint32_t& count = state_.claims[state_.uses[use].claim].active;
    active ? ++count : --count;
  });
}

void Storage::pod_bound(std::uint32_t pod, NodeId node) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId>) return;
  User& user = state_.users[id];
  BERTH_CHECK(!user.bound && (!user.assumed || user.node == node));
  if (!user.assumed) put_on_node(id, node);
  user.assumed = user.prebinding = false;
  ++user.generations[0];
  user.bound = true;
  set_active(id, true);
  state_.each_use_of(user, [&](UseId use_id) {
    const Use& use = state_.uses[use_id];
    if (use.kind != UseKind::kClaim) return;
    ++state_.claims[use.claim].scheduled;
    link(use_id);
  });
}

// The pod is on a node: if its claim is bound, it moves from the claim to the volume there.
void Storage::link(UseId id) {
  Use& use = state_.uses[id];
  const User& user = state_.users[use.user];
  ClaimRow& claim = state_.claims[use.claim];
  if (claim.phase != ClaimPhase::kBound || !usable(use) || (user.stopped && !user.mounting)) return;
  state_.erase(claim.uses, id);
  use.attachment = state_.attachment(claim.volume, user.node);
  state_.push_back(state_.attachments[use.attachment].uses, id);
  if (!user.stopped) {
    use.wanted = true;
    controller_.want(use.attachment);
  }
  if (user.mounting) manager_.mount_use(id);
}

void Storage::stop_wanting(UserId id) {
  User& user = state_.users[id];
  user.stopped = true;
  state_.each_use_of(user, [this](UseId use_id) {
    Use& use = state_.uses[use_id];
    if (!use.wanted) return;
    use.wanted = false;
    controller_.unwant(use.attachment);
  });
}

void Storage::pod_finished(std::uint32_t pod) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId>) return;
  state_.users[id].finished = true;
  set_active(id, false);
  stop_wanting(id);
}

void Storage::pod_stopped(std::uint32_t pod) {
  const UserId id = state_.find_user(pod);
  if (id != kNone<UserId>) stop_wanting(id);
}

void Storage::pod_removed(std::uint32_t pod) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId> || !state_.users[id].object) return;
  User& user = state_.users[id];
  const bool was_bound = user.bound;
  pod_unassumed(pod);
  user.object = false;
  set_active(id, false);
  stop_wanting(id);
  std::erase_if(postponed_, [pod](const Postponed& waiting) { return waiting.pod == pod; });
  state_.each_use_of(user, [&](UseId use_id) {
    const Use& use = state_.uses[use_id];
    if (use.kind != UseKind::kClaim) return;
    ClaimRow& claim = state_.claims[use.claim];
    if (was_bound) --claim.scheduled;
    if (use.ephemeral && claim.exists && claim.owner == pod) binder_.delete_claim(use.claim);
    binder_.finalize_if_unused(use.claim);
  });
  free_if_done(id);
}

void Storage::free_if_done(UserId id) {
  User& user = state_.users[id];
  if (user.object || user.mounting || user.unmounting) return;
  for (UseId u = user.first; u != kNone<UseId>;) {
    const Use use = state_.uses[u];
    if (use.kind == UseKind::kClaim) {
      ClaimRow& claim = state_.claims[use.claim];
      state_.erase(use.attachment == kNone<AttachmentId> ? claim.uses : state_.attachments[use.attachment].uses, u);
      --claim.references;
      state_.drop_claim_if_unused(use.claim);
      if (use.attachment != kNone<AttachmentId>) state_.drop_attachment_if_idle(use.attachment);
    }
    state_.uses.release(u);
    u = use.next_of_pod;
  }
  take_off_node(id);
  state_.user_of_ordinal[user.ordinal] = kNone<UserId>;
  state_.users.release(id);
}

bool Storage::mount(PodSlot slot, std::uint32_t pod, NodeId node) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId> || state_.users[id].claims == 0) return true;
  User& user = state_.users[id];
  BERTH_CHECK(user.bound && user.node == node && !user.mounting && !user.unmounting);
  BERTH_CHECK(state_.nodes[index(node)].kubelet_up);
  user.slot = slot;
  manager_.mount(id);
  return false;
}

bool Storage::unmount(PodSlot slot, std::uint32_t pod, NodeId node) {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId> || !state_.users[id].mounting) return true;
  BERTH_CHECK(state_.users[id].slot == slot && state_.users[id].node == node);
  if (!manager_.unmount(id)) return false;
  free_if_done(id);
  return true;
}

void Storage::pod_mounted(UserId user) {
  if (kubelet_listener_ != nullptr) kubelet_listener_->volumes_mounted(state_.users[user].slot);
}

void Storage::pod_unmounted(UserId user) {
  const PodSlot slot = state_.users[user].slot;
  free_if_done(user);
  if (kubelet_listener_ != nullptr) kubelet_listener_->volumes_unmounted(slot);
}

// Of a volume that the pod can write to now.
UseId Storage::find_use(std::uint32_t pod, std::uint16_t number) const {
  const UserId id = state_.find_user(pod);
  if (id == kNone<UserId> || !state_.users[id].bound) return kNone<UseId>;
  for (UseId u = state_.users[id].first; u != kNone<UseId>; u = state_.uses[u].next_of_pod) {
    const Use& use = state_.uses[u];
    if (use.number == number && (use.kind != UseKind::kClaim || use.published)) return u;
  }
  return kNone<UseId>;
}

bool Storage::write(std::uint32_t pod, std::uint16_t number, DataToken token) {
  const UseId id = find_use(pod, number);
  if (id == kNone<UseId>) return false;
  Use& use = state_.uses[id];
  const NodeId node_id = state_.users[use.user].node;
  StorageNode& node = state_.nodes[index(node_id)];
  switch (use.kind) {
    case UseKind::kClaim: {
      VolumeRow& volume = state_.volumes[state_.attachments[use.attachment].volume];
      volume.data = token;
      volume.data_node = node_id;
      volume.data_life = node.life;
      break;
    }
    case UseKind::kEmptyDir:
      use.data = token;
      break;
    case UseKind::kHostPath: {
      const auto it = std::find_if(node.host_data.begin(), node.host_data.end(),
                                   [&use](const auto& entry) { return entry.first == use.path; });
      if (it == node.host_data.end()) {
        node.host_data.emplace_back(use.path, token);
      } else {
        it->second = token;
      }
      break;
    }
  }
  return true;
}

std::optional<DataToken> Storage::read(std::uint32_t pod, std::uint16_t number) const {
  const UseId id = find_use(pod, number);
  if (id == kNone<UseId>) return std::nullopt;
  const Use& use = state_.uses[id];
  const NodeId node_id = state_.users[use.user].node;
  const StorageNode& node = state_.nodes[index(node_id)];
  switch (use.kind) {
    case UseKind::kClaim: {
      const VolumeRow& volume = state_.volumes[state_.attachments[use.attachment].volume];
      const bool here = !volume.local || (volume.data_node == node_id && volume.data_life == node.life);
      return here ? volume.data : 0;
    }
    case UseKind::kEmptyDir:
      return use.data;
    case UseKind::kHostPath:
      for (const auto& [path, token] : node.host_data) {
        if (path == use.path) return token;
      }
      return 0;
  }
  return std::nullopt;
}

}  // namespace berth

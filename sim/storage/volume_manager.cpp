#include "sim/storage/volume_manager.hpp"

#include <algorithm>

#include "sim/storage/loop_grid.hpp"

namespace berth {
namespace {

constexpr Duration kLoop = milliseconds(100);
constexpr Duration kPoll = milliseconds(300);
constexpr Duration kStatusPeriod = seconds(10);

}  // namespace

void VolumeManager::mount(UserId id) {
  User& user = state_.users[id];
  user.mounting = true;
  user.asked = state_.now();
  user.left = user.claims;
  state_.each_use_of(user, [this](UseId use_id) {
    const Use& use = state_.uses[use_id];
    if (use.kind != UseKind::kClaim) return;
    if (use.attachment == kNone<AttachmentId>) {
      state_.record_waiting(use, VolumeWait::kUnbound);
      return;
    }
    const Attachment& row = state_.attachments[use.attachment];
    if (!row.visible && row.mount == MountState::kNone && state_.needs_attach(state_.volumes[row.volume]))
      state_.record_waiting(use, VolumeWait::kAttaching);
    mount_use(use_id);
  });
}

void VolumeManager::mount_use(UseId use_id) {
  Use& use = state_.uses[use_id];
  Attachment& row = state_.attachments[use.attachment];
  use.mount_wanted = true;
  ++row.mount_wanted;
  const Time loop = next_on_grid(state_.now(), kLoop);
  if (row.mount == MountState::kNone && row.step == MountStep::kNone) {
    row.mount = MountState::kLooking;
    row.next_look = loop;
    row.look_back_off = {};
    plan_look(use.attachment);
  } else if (row.mount == MountState::kStaged && row.step == MountStep::kNone) {
    plan_pass(use.attachment, loop);
  }
  update_in_use(use.attachment);
}

bool VolumeManager::unmount(UserId id) {
  User& user = state_.users[id];
  user.mounting = false;
  user.asked = state_.now();
  user.left = 0;
  ++user.generations[1];
  state_.each_use_of(user, [&](UseId use_id) {
    Use& use = state_.uses[use_id];
    if (!use.mount_wanted) return;
    use.mount_wanted = false;
    Attachment& row = state_.attachments[use.attachment];
    --row.mount_wanted;
    // What is being mounted is mounted first, then unmounted.
    if (use.published || (row.step != MountStep::kNone && row.step_use == use_id)) {
      ++user.left;
      if (row.step == MountStep::kNone) plan_pass(use.attachment, next_on_grid(state_.now(), kLoop));
    } else {
      rest_if_unused(use.attachment);
      if (row.mount == MountState::kStaged && row.step == MountStep::kNone)
        plan_pass(use.attachment, next_on_grid(state_.now(), kLoop));
    }
  });
  user.unmounting = user.left > 0;
  return !user.unmounting;
}

// Nobody waits for it and nothing is mounted: the volume is forgotten.
void VolumeManager::rest_if_unused(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  if (row.mount_wanted == 0 && row.step == MountStep::kNone && row.mount != MountState::kStaged) {
    row.mount = MountState::kNone;
    row.look_scheduled = row.pass_scheduled = false;
    ++row.generations[1];
  }
  update_in_use(id);
}

void VolumeManager::update_in_use(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  const bool busy = row.mount_wanted > 0 || row.mount == MountState::kStaged || row.step != MountStep::kNone;
  row.in_use_next = busy && state_.needs_attach(state_.volumes[row.volume]);
  if (row.in_use_next != row.in_use) want_status_tick(row.node);
}

void VolumeManager::want_status_tick(NodeId node) {
  StorageNode& at = state_.nodes[index(node)];
  if (at.tick_scheduled || !at.kubelet_up) return;
  at.tick_scheduled = true;
  state_.schedule(next_on_grid(std::max(state_.now(), at.first_tick), kStatusPeriod, at.status_phase),
                  StorageStep::kStatusTick, node, at.generation);
}

void VolumeManager::handle_status_tick(NodeId node) {
  StorageNode& at = state_.nodes[index(node)];
  at.tick_scheduled = false;
  batch_ = at.attachments;
  for (const AttachmentId id : batch_) {
    Attachment& row = state_.attachments[id];
    if (row.in_use == row.in_use_next) continue;
    row.in_use = row.in_use_next;
    if (row.in_use) {
      plan_look(id);
    } else {
      listener_.not_in_use(id);
      state_.drop_attachment_if_idle(id);
    }
  }
}

void VolumeManager::next_look(Attachment& row) {
  row.look_back_off = next_back_off(row.look_back_off);
  row.next_look = row.next_look + row.look_back_off;
}

// Schedules the first look that can succeed; those before it would have failed, and only lengthen the back-off.
void VolumeManager::plan_look(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  if (row.mount != MountState::kLooking || row.look_scheduled) return;
  if (state_.needs_attach(state_.volumes[row.volume]) && !(row.in_use && row.visible)) return;
  while (row.next_look < state_.now()) next_look(row);
  row.look_scheduled = true;
  state_.schedule(row.next_look, StorageStep::kLook, id, row.generations[1]);
}

void VolumeManager::handle_look(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  row.look_scheduled = false;
  if (state_.needs_attach(state_.volumes[row.volume]) && !(row.in_use && row.visible)) {
    next_look(row);
    return;
  }
  row.mount = MountState::kReady;
  plan_pass(id, state_.now() + kLoop);
}

void VolumeManager::plan_pass(AttachmentId id, Time at) {
  Attachment& row = state_.attachments[id];
  if (row.pass_scheduled) return;
  row.pass_scheduled = true;
  state_.schedule(at, StorageStep::kPass, id, row.generations[1]);
}

// One loop of the reconciler for one volume: unmounts before mounts, the device when no pod is left.
void VolumeManager::handle_pass(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  row.pass_scheduled = false;
  if (row.step != MountStep::kNone) return;
  UseId to_publish = kNone<UseId>;
  for (UseId u = row.uses.first; u != kNone<UseId>; u = state_.uses[u].next) {
    const Use& use = state_.uses[u];
    if (use.published && !use.mount_wanted) return begin(id, MountStep::kUnpublishing, u);
    if (!use.published && use.mount_wanted && to_publish == kNone<UseId>) to_publish = u;
  }
  if (to_publish != kNone<UseId>) {
    begin(id, row.mount == MountState::kStaged ? MountStep::kPublishing : MountStep::kStaging, to_publish);
  } else if (row.mount == MountState::kStaged && row.published == 0) {
    begin(id, MountStep::kUnstaging, kNone<UseId>);
  }
}

void VolumeManager::begin(AttachmentId id, MountStep step, UseId use) {
  Attachment& row = state_.attachments[id];
  VolumeRow& volume = state_.volumes[row.volume];
  const VolumeTimes& times = state_.times(volume);
  row.step = step;
  row.step_use = use;
  const bool device = volume.driver != kNone<DriverId>;  // Others have nothing to stage: nfs, hostPath, local.
  Duration time{};
  switch (step) {
    case MountStep::kStaging:
      if (device) time = state_.draw(times.stage, volume);
      break;
    case MountStep::kPublishing:
      time = state_.draw(times.publish, volume);
      break;
    case MountStep::kUnpublishing:
      time = state_.draw(times.unpublish, volume);
      break;
    case MountStep::kUnstaging:
      if (device) time = state_.draw(times.unstage, volume);
      break;
    case MountStep::kNone:
      BERTH_CHECK(false);
  }
  state_.schedule(state_.now() + time, StorageStep::kMountStep, id, row.generations[1]);
}

void VolumeManager::handle_step(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  const MountStep done = row.step;
  const UseId use_id = row.step_use;
  row.step = MountStep::kNone;
  row.step_use = kNone<UseId>;
  const Time loop = next_on_grid(state_.now(), kLoop);
  switch (done) {
    case MountStep::kStaging:  // Staging and the first publish are one operation.
      row.mount = MountState::kStaged;
      begin(id, MountStep::kPublishing, use_id);
      return;
    case MountStep::kPublishing:
      state_.uses[use_id].published = true;
      ++row.published;
      plan_pass(id, loop);
      if (state_.uses[use_id].mount_wanted) one_less(state_.uses[use_id].user);
      break;
    case MountStep::kUnpublishing:
      state_.uses[use_id].published = false;
      --row.published;
      plan_pass(id, loop);
      // Asked for again meanwhile (a kubelet does not, for one pod): then it is mounted again.
      if (!state_.uses[use_id].mount_wanted) one_less(state_.uses[use_id].user);
      break;
    case MountStep::kUnstaging:
      row.mount = MountState::kNone;
      if (row.mount_wanted > 0) {
        row.mount = MountState::kLooking;
        row.next_look = loop;
        row.look_back_off = {};
        plan_look(id);
      }
      update_in_use(id);
      state_.drop_attachment_if_idle(id);
      return;
    case MountStep::kNone:
      BERTH_CHECK(false);
  }
  update_in_use(id);
}

void VolumeManager::one_less(UserId id) {
  User& user = state_.users[id];
  BERTH_CHECK(user.left > 0);
  if (--user.left > 0) return;
  const Time poll = next_on_grid(state_.now(), kPoll, {user.asked.ns % kPoll.ns});
  state_.schedule(poll, StorageStep::kPodPoll, id, user.generations[1]);
}

void VolumeManager::handle_poll(UserId id) {
  User& user = state_.users[id];
  if (user.mounting) {
    listener_.pod_mounted(id);
  } else {
    user.unmounting = false;
    listener_.pod_unmounted(id);
  }
}

void VolumeManager::kubelet_down(NodeId node) {
  StorageNode& at = state_.nodes[index(node)];
  at.kubelet_up = false;
  at.tick_scheduled = false;
  ++at.generation;
  for (const AttachmentId id : at.attachments) {
    Attachment& row = state_.attachments[id];
    ++row.generations[1];
    row.mount = MountState::kNone;
    row.step = MountStep::kNone;
    row.step_use = kNone<UseId>;
    row.mount_wanted = row.published = 0;
    row.look_scheduled = row.pass_scheduled = false;
    row.in_use_next = false;
    state_.each_use(row.uses, [this](UseId use) {
      state_.uses[use].mount_wanted = false;
      state_.uses[use].published = false;
    });
  }
  for (const UserId id : at.users) {
    User& user = state_.users[id];
    ++user.generations[1];
    user.mounting = user.unmounting = false;
    user.left = 0;
  }
}

void VolumeManager::kubelet_up(NodeId node) {
  StorageNode& at = state_.nodes[index(node)];
  at.kubelet_up = true;
  for (const AttachmentId id : at.attachments) update_in_use(id);
}

}  // namespace berth

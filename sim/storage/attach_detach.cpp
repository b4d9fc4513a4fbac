#include "sim/storage/attach_detach.hpp"

#include "sim/storage/loop_grid.hpp"

namespace berth {
namespace {

constexpr Duration kLoop = milliseconds(100);

}  // namespace

void AttachDetach::want(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  if (row.wanted++ > 0) return;
  row.detach_requested = kNever;
  if (row.state == AttachState::kDetached) queue_attach(id);
}

void AttachDetach::unwant(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  BERTH_CHECK(row.wanted > 0);
  if (--row.wanted > 0) return;
  row.conflict_told = false;
  look_again(id);
}

void AttachDetach::look_again(AttachmentId id) {
  const Attachment& row = state_.attachments[id];
  if (row.state == AttachState::kAttached && row.wanted == 0) queue_detach(id);
}

void AttachDetach::node_changed(NodeId node) {
  for (const AttachmentId id : state_.nodes[index(node)].attachments) look_again(id);
}

void AttachDetach::queue_attach(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  if (row.attach_queued || !state_.needs_attach(state_.volumes[row.volume])) return;
  row.attach_queued = true;
  to_attach_.push_back(id);
  wake();
}

void AttachDetach::queue_detach(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  if (row.detach_queued) return;
  row.detach_queued = true;
  to_detach_.push_back(id);
  wake();
}

void AttachDetach::report(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  if (row.report_queued) return;
  row.report_queued = true;
  to_report_.push_back(id);
  wake();
}

void AttachDetach::wake() {
  if (scheduled_) return;
  scheduled_ = true;
  state_.schedule(next_on_grid(state_.now(), kLoop), StorageStep::kReconcile, AttachmentId{}, 0);
}

void AttachDetach::handle_reconcile() {
  scheduled_ = false;
  batch_.swap(to_detach_);
  for (const AttachmentId id : batch_) {
    state_.attachments[id].detach_queued = false;
    try_detach(id);
  }
  settle();
  batch_.swap(to_attach_);
  for (const AttachmentId id : batch_) {
    state_.attachments[id].attach_queued = false;
    try_attach(id);
  }
  settle();
  batch_.swap(to_report_);
  for (const AttachmentId id : batch_) {
    Attachment& row = state_.attachments[id];
    row.report_queued = false;
    if (row.state != AttachState::kAttached || row.visible) continue;
    row.visible = true;
    listener_.attachment_visible(id);
  }
  settle();
}

void AttachDetach::settle() {
  for (const AttachmentId id : batch_) state_.drop_attachment_if_idle(id);
  batch_.clear();
}

bool AttachDetach::backing_off(AttachmentId id) {
  const Attachment& row = state_.attachments[id];
  if (state_.now() >= row.retry_at) return false;
  state_.schedule(next_on_grid(row.retry_at, kLoop), StorageStep::kAttachRetry, id, row.generations[0]);
  return true;
}

void AttachDetach::try_detach(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  const StorageNode& node = state_.nodes[index(row.node)];
  if (row.state != AttachState::kAttached || row.wanted > 0 || backing_off(id)) return;
  const Time now = state_.now();
  if (row.detach_requested == kNever) {
    row.detach_requested = now;
    if (row.in_use) {
      const Time over = next_on_grid(now + state_.options.max_unmount_wait, kLoop);
      state_.schedule(over, StorageStep::kAttachRetry, id, row.generations[0]);
    }
  }
  const bool healthy = node.exists && node.ready;
  const bool waited = now - row.detach_requested >= state_.options.max_unmount_wait;
  const bool force = state_.options.force_detach && waited && !healthy;
  if (row.in_use && !force && !(node.exists && node.out_of_service)) return;
  row.visible = false;
  row.state = AttachState::kDetaching;
  VolumeRow& volume = state_.volumes[row.volume];
  const Time done = now + state_.draw(state_.times(volume).detach, volume);
  state_.schedule(done, StorageStep::kDetached, id, ++row.generations[0]);
}

void AttachDetach::try_attach(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  VolumeRow& volume = state_.volumes[row.volume];
  if (row.state != AttachState::kDetached || row.wanted == 0 || !state_.nodes[index(row.node)].exists) return;
  if (!volume.many_nodes() && volume.holders > 0) {  // Woken when the other node lets go.
    if (row.conflict_told) return;
    row.conflict_told = true;
    state_.each_use(row.uses, [this](UseId use) {
      if (state_.uses[use].wanted) state_.record_waiting(state_.uses[use], VolumeWait::kMultiAttach);
    });
    return;
  }
  if (backing_off(id)) return;
  row.state = AttachState::kAttaching;
  row.conflict_told = false;
  ++volume.holders;
  const Time done = state_.now() + state_.draw(state_.times(volume).attach, volume);
  state_.schedule(done, StorageStep::kAttached, id, ++row.generations[0]);
}

void AttachDetach::handle_attached(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  VolumeRow& volume = state_.volumes[row.volume];
  const StorageNode& node = state_.nodes[index(row.node)];
  bool room = !state_.drivers[index(volume.driver)].failing;
  for (const auto& [driver, limit] : node.limits) {
    if (driver == volume.driver && held(row.node, driver, id) >= limit) room = false;
  }
  if (!room) {
    row.state = AttachState::kDetached;
    --volume.holders;
    failed(id);
    wake_others(row.volume);
    if (volume.holders == 0) listener_.volume_released(row.volume);
    state_.drop_attachment_if_idle(id);
    return;
  }
  row.state = AttachState::kAttached;
  row.back_off = {};
  row.retry_at = {};
  state_.record(RecordKind::kVolumeAttached, volume.number, row.node);
  report(id);
  look_again(id);
}

void AttachDetach::handle_detached(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  VolumeRow& volume = state_.volumes[row.volume];
  if (state_.drivers[index(volume.driver)].failing) {
    row.state = AttachState::kAttached;
    report(id);
    failed(id);
    return;
  }
  row.state = AttachState::kDetached;
  row.detach_requested = kNever;
  row.back_off = {};
  row.retry_at = {};
  --volume.holders;
  state_.record(RecordKind::kVolumeDetached, volume.number, row.node);
  if (row.wanted > 0) queue_attach(id);
  wake_others(row.volume);
  if (volume.holders == 0) listener_.volume_released(row.volume);
  state_.drop_attachment_if_idle(id);
}

void AttachDetach::failed(AttachmentId id) {
  Attachment& row = state_.attachments[id];
  row.back_off = next_back_off(row.back_off);
  row.retry_at = state_.now() + row.back_off;
  handle_retry(id);  // The next loop finds that it has to wait.
}

void AttachDetach::handle_retry(AttachmentId id) {
  const Attachment& row = state_.attachments[id];
  if (row.state == AttachState::kDetached && row.wanted > 0) queue_attach(id);
  look_again(id);
}

void AttachDetach::wake_others(VolumeId id) {
  const VolumeRow& volume = state_.volumes[id];
  if (volume.many_nodes()) return;  // Nobody waits for another node.
  for (AttachmentId a = volume.first; a != kNone<AttachmentId>; a = state_.attachments[a].next_of_volume) {
    if (state_.attachments[a].state == AttachState::kDetached && state_.attachments[a].wanted > 0) queue_attach(a);
  }
}

std::int64_t AttachDetach::held(NodeId node, DriverId driver, AttachmentId except) const {
  std::int64_t count = 0;
  for (const AttachmentId id : state_.nodes[index(node)].attachments) {
    const Attachment& row = state_.attachments[id];
    if (id == except || state_.volumes[row.volume].driver != driver) continue;
    count += row.state == AttachState::kAttached || row.state == AttachState::kDetaching ? 1 : 0;
  }
  return count;
}

}  // namespace berth

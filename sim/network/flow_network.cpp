#include "sim/network/flow_network.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {

LinkId FlowNetwork::add_link(std::int64_t bytes_per_second) {
  BERTH_CHECK(bytes_per_second >= 0 && bytes_per_second <= kMaxCapacity);
  Link& link = links_.emplace_back();
  link.bytes_per_second = bytes_per_second;
  link.capacity = bytes_per_second * kUnits;
  link.work_at = engine_->now().ns;
  return LinkId{static_cast<std::uint32_t>(links_.size() - 1)};
}

void FlowNetwork::set_capacity(LinkId id, std::int64_t bytes_per_second) {
  BERTH_CHECK(bytes_per_second >= 0 && bytes_per_second <= kMaxCapacity);
  Link& link = links_[index(id)];
  link.bytes_per_second = bytes_per_second;
  link.capacity = bytes_per_second * kUnits;
  flows_changed(id);
  mark(id);
  solve();
}

// ---- clocks of work

void FlowNetwork::sync(Link& link) {
  const std::int64_t now = engine_->now().ns;
  if (link.held > 0) link.work += static_cast<Work>(link.level) * (now - link.work_at);
  link.work_at = now;
}

FlowNetwork::Work FlowNetwork::class_work(const Class& c) const {
  const Link& link = link_of(c);
  return link.work + static_cast<Work>(link.level) * (engine_->now().ns - link.work_at) - c.offset;
}

// ---- flows

FlowId FlowNetwork::start(std::span<const LinkId> path, std::int64_t bytes, FlowListener* listener, std::uint32_t tag) {
  BERTH_CHECK(bytes > 0 && !path.empty() && path.size() <= kMaxPath && listener != nullptr);
  std::uint32_t c = find_class(path);
  if (c == kNowhere) {
    c = add_class(path);
  } else {
    resize_class(c, classes_[c].flows + 1);
  }
  std::uint32_t slot = 0;
  if (free_flows_.empty()) {
    slot = static_cast<std::uint32_t>(flows_.size());
    flows_.emplace_back();
    finish_of_flow_.push_back(0);
  } else {
    slot = free_flows_.back();
    free_flows_.pop_back();
  }
  Flow& flow = flows_[slot];
  const std::uint32_t generation = flow.generation;
  Class& flow_class = classes_[c];
  sync(link_of(flow_class));
  flow = {link_of(flow_class).work - flow_class.offset + bytes * kWorkPerByte,
          bytes,
          listener,
          sequence_++,
          tag,
          c,
          generation,
          true};
  flow_class.finish.push(flow.finish, slot, finish_of_flow_);
  link_of(flow_class).finish.change(c, flow_class.finish.top().key + flow_class.offset, finish_of_class_);
  ++live_flows_;
  solve();
  return {slot, generation};
}

// A flow's part of its class and links ends; solve() is the caller's.
void FlowNetwork::remove_flow(std::uint32_t slot, std::int64_t delivered) {
  Flow& flow = flows_[slot];
  const std::uint32_t c = flow.flow_class;
  Class& flow_class = classes_[c];
  for (std::size_t i = 0; i < flow_class.length; ++i) links_[index(flow_class.path[i])].carried += delivered;
  flow_class.finish.erase(slot, finish_of_flow_);
  flow.live = false;
  ++flow.generation;
  free_flows_.push_back(slot);
  --live_flows_;
  if (flow_class.flows == 1) {
    drop_class(c);
    return;
  }
  resize_class(c, flow_class.flows - 1);
  link_of(flow_class).finish.change(c, flow_class.finish.top().key + flow_class.offset, finish_of_class_);
}

std::int64_t FlowNetwork::delivered(FlowId id) const {
  BERTH_CHECK(live(id));
  const Flow& flow = flows_[id.slot];
  const Work left = flow.finish - class_work(classes_[flow.flow_class]);
  // Rounded up: a byte that is under way has not arrived. Not negative: its event may be due at this very instant.
  const Work bytes_left = left <= 0 ? 0 : (left + kWorkPerByte - 1) / kWorkPerByte;
  return flow.bytes - static_cast<std::int64_t>(bytes_left);
}

double FlowNetwork::rate(FlowId id) const {
  BERTH_CHECK(live(id));
  return static_cast<double>(link_of(classes_[flows_[id.slot].flow_class]).level) / static_cast<double>(kUnits);
}

std::int64_t FlowNetwork::cancel(FlowId id) {
  const std::int64_t bytes = delivered(id);
  sync(link_of(classes_[flows_[id.slot].flow_class]));
  remove_flow(id.slot, bytes);
  solve();
  return bytes;
}

void FlowNetwork::handle(const Event& event) {
  Link& link = links_[event.subject];
  link.due = {};
  sync(link);
  finished_.clear();
  while (!link.finish.empty() && link.finish.top().key <= link.work) {
    const std::uint32_t slot = classes_[link.finish.top().id].finish.top().id;
    finished_.push_back(
        {flows_[slot].sequence, flows_[slot].listener, {slot, flows_[slot].generation}, flows_[slot].tag});
    remove_flow(slot, flows_[slot].bytes);
  }
  if (!link.changed) {
    link.changed = true;
    changed_.push_back(LinkId{event.subject});
  }
  solve();
  std::sort(finished_.begin(), finished_.end(),
            [](const Finished& a, const Finished& b) { return a.sequence < b.sequence; });
  // A listener may start and cancel flows, but nothing finishes outside handle(), so the list stays as it is.
  for (std::size_t i = 0; i < finished_.size(); ++i)
    finished_[i].listener->flow_finished(finished_[i].flow, finished_[i].tag);
}

// ---- classes

// By the link of the path that has the fewest classes; a node's own link has a handful.
std::uint32_t FlowNetwork::find_class(std::span<const LinkId> path) const {
  const Link* fewest = &links_[index(path[0])];
  for (const LinkId id : path) {
    if (classes(links_[index(id)]) < classes(*fewest)) fewest = &links_[index(id)];
  }
  for (const auto* heap : {&fewest->here, &fewest->there}) {
    for (const auto& item : heap->items()) {
      const Class& c = classes_[item.id / kMaxPath];
      if (std::equal(path.begin(), path.end(), c.path.begin(), c.path.begin() + c.length)) return item.id / kMaxPath;
    }
  }
  return kNowhere;
}

// A class with one flow, held at the link that looks narrowest; its flow is still to come.
std::uint32_t FlowNetwork::add_class(std::span<const LinkId> path) {
  std::uint32_t c = 0;
  if (free_classes_.empty()) {
    c = static_cast<std::uint32_t>(classes_.size());
    classes_.emplace_back();
    finish_of_class_.push_back(0);
    spots_.resize(spots_.size() + kMaxPath);
  } else {
    c = free_classes_.back();
    free_classes_.pop_back();
  }
  Class& flow_class = classes_[c];
  flow_class.length = static_cast<std::uint8_t>(path.size());
  flow_class.flows = 1;
  std::size_t narrowest = 0;
  std::int64_t least = kFree;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const Link& link = links_[index(path[i])];
    const std::int64_t share = link.held > 0 ? (link.capacity - link.elsewhere) / (link.held + 1)
                               : link.awake  ? link.capacity - link.elsewhere
                                             : link.capacity / (link.flows + 1);
    if (share < least) {
      least = share;
      narrowest = i;
    }
    flow_class.path[i] = path[i];
    flow_class.counted[i] = 0;
  }
  wake(path[narrowest]);
  for (std::size_t i = 0; i < path.size(); ++i) {
    Link& link = links_[index(path[i])];
    ++link.flows;
    link.there.push(0, spot(c, i), spots_);
  }
  Link& link = links_[index(path[narrowest])];
  sync(link);
  flow_class.offset = link.work;
  hold(c, narrowest);
  mark(path[narrowest]);
  for (const LinkId id : path) flows_changed(id);
  return c;
}

void FlowNetwork::drop_class(std::uint32_t c) {
  Class& flow_class = classes_[c];
  sync(link_of(flow_class));
  let_go(c);
  for (std::size_t i = 0; i < flow_class.length; ++i) {
    Link& link = links_[index(flow_class.path[i])];
    link.elsewhere -= flow_class.counted[i];
    link.flows -= 1;
    link.there.erase(spot(c, i), spots_);
    flows_changed(flow_class.path[i]);
    if (link.awake) mark(flow_class.path[i]);
  }
  flow_class.flows = 0;
  free_classes_.push_back(c);
}

void FlowNetwork::resize_class(std::uint32_t c, std::int64_t flows) {
  Class& flow_class = classes_[c];
  const std::int64_t more = flows - flow_class.flows;
  sync(link_of(flow_class));
  flow_class.flows = flows;
  for (std::size_t i = 0; i < flow_class.length; ++i) {
    Link& link = links_[index(flow_class.path[i])];
    link.flows += more;
    if (i == flow_class.bottleneck) {
      link.held += more;
    } else {
      link.elsewhere += more * flow_class.counted[i];
    }
    if (link.awake) mark(flow_class.path[i]);
    flows_changed(flow_class.path[i]);
  }
}

// ---- who is held where

// The lowest rate of the class at which a sleeping link of its path may be full.
std::int64_t FlowNetwork::wake_rate(std::uint32_t c) const {
  const Class& flow_class = classes_[c];
  std::int64_t rate = kFree;
  for (std::size_t i = 0; i < flow_class.length; ++i) {
    const Link& link = links_[index(flow_class.path[i])];
    if (i != flow_class.bottleneck && !link.awake) rate = std::min(rate, link.capacity / link.flows);
  }
  return rate;
}

// path[position], which does not hold the class, counts it with this rate.
void FlowNetwork::count(std::uint32_t c, std::size_t position, std::int64_t rate) {
  Class& flow_class = classes_[c];
  Link& link = links_[index(flow_class.path[position])];
  link.elsewhere += (rate - flow_class.counted[position]) * flow_class.flows;
  flow_class.counted[position] = rate;
  link.there.change(spot(c, position), -rate, spots_);
}

// After a link of its path woke or fell asleep, or the class moved: is it among its bottleneck's `heard`, and its key.
void FlowNetwork::update_heard(std::uint32_t c) {
  Class& flow_class = classes_[c];
  Link& link = link_of(flow_class);
  bool heard = false;
  for (std::size_t i = 0; i < flow_class.length; ++i) {
    heard = heard || (i != flow_class.bottleneck && links_[index(flow_class.path[i])].awake);
  }
  if (heard && flow_class.place_in_heard == kNowhere) {
    flow_class.place_in_heard = static_cast<std::uint32_t>(link.heard.size());
    link.heard.push_back(c);
  } else if (!heard && flow_class.place_in_heard != kNowhere) {
    const std::uint32_t last = link.heard.back();
    link.heard[flow_class.place_in_heard] = last;
    classes_[last].place_in_heard = flow_class.place_in_heard;
    link.heard.pop_back();
    flow_class.place_in_heard = kNowhere;
  }
  link.here.change(spot(c, flow_class.bottleneck), wake_rate(c), spots_);
}

// From `there` to `here` of path[position], which is awake and in sync; the class's offset fits its clock.
void FlowNetwork::hold(std::uint32_t c, std::size_t position) {
  Class& flow_class = classes_[c];
  Link& link = links_[index(flow_class.path[position])];
  link.elsewhere -= flow_class.counted[position] * flow_class.flows;
  link.there.erase(spot(c, position), spots_);
  flow_class.counted[position] = 0;
  flow_class.bottleneck = static_cast<std::uint8_t>(position);
  link.held += flow_class.flows;
  link.here.push(kFree, spot(c, position), spots_);
  link.finish.push(flow_class.finish.empty() ? 0 : flow_class.finish.top().key + flow_class.offset, c,
                   finish_of_class_);
  update_heard(c);
}

// From `here` to `there` of its bottleneck, which is in sync and goes on counting the class with the rate it had.
void FlowNetwork::let_go(std::uint32_t c) {
  Class& flow_class = classes_[c];
  Link& link = link_of(flow_class);
  if (flow_class.place_in_heard != kNowhere) {
    const std::uint32_t last = link.heard.back();
    link.heard[flow_class.place_in_heard] = last;
    classes_[last].place_in_heard = flow_class.place_in_heard;
    link.heard.pop_back();
    flow_class.place_in_heard = kNowhere;
  }
  link.here.erase(spot(c, flow_class.bottleneck), spots_);
  link.finish.erase(c, finish_of_class_);
  link.held -= flow_class.flows;
  // A class that came a moment ago may be held where no level was worked out yet.
  const std::int64_t rate = link.level == kFree ? 0 : link.level;
  flow_class.counted[flow_class.bottleneck] = rate;
  link.elsewhere += rate * flow_class.flows;
  link.there.push(-rate, spot(c, flow_class.bottleneck), spots_);
}

// From now on the link's sums are kept.
void FlowNetwork::wake(LinkId id) {
  Link& link = links_[index(id)];
  if (link.awake) return;
  BERTH_CHECK(link.held == 0);
  link.awake = true;
  scratch_.clear();
  for (const auto& item : link.there.items()) scratch_.push_back(item.id);
  for (const std::uint32_t s : scratch_) {
    const std::uint32_t c = s / kMaxPath;
    ++touched_;
    // Where no level was worked out yet, publish() will say the rate.
    if (link_of(classes_[c]).level != kFree) count(c, s % kMaxPath, link_of(classes_[c]).level);
    update_heard(c);
  }
  mark(id);
}

void FlowNetwork::put_to_sleep(LinkId id) {
  Link& link = links_[index(id)];
  link.awake = false;
  scratch_.clear();
  for (const auto& item : link.there.items()) scratch_.push_back(item.id);
  for (const std::uint32_t s : scratch_) {
    ++touched_;
    count(s / kMaxPath, s % kMaxPath, 0);
    update_heard(s / kMaxPath);
  }
}

// The bound of a sleeping link has moved: wakes it if it does not hold any more, else tells those who watch it.
void FlowNetwork::flows_changed(LinkId id) {
  Link& link = links_[index(id)];
  if (link.awake || link.flows == 0) return;
  if (classes(link) > kSleepers) {
    wake(id);
    return;
  }
  const std::int64_t bound = link.capacity / link.flows;
  for (const auto& item : link.there.items()) {
    const Link& other = link_of(classes_[item.id / kMaxPath]);
    ++touched_;
    if (other.level != kFree && other.level > bound) {
      wake(id);
      return;
    }
  }
  for (const auto& item : link.there.items()) {
    const std::uint32_t c = item.id / kMaxPath;
    link_of(classes_[c]).here.change(spot(c, classes_[c].bottleneck), wake_rate(c), spots_);
  }
}

// ---- levels

void FlowNetwork::mark(LinkId id) {
  Link& link = links_[index(id)];
  if (link.dirty) return;
  link.dirty = true;
  const std::int64_t guess =
      std::max<std::int64_t>(0, (link.capacity - link.elsewhere) / std::max<std::int64_t>(1, link.held));
  dirty_.push_back({std::min(link.level, guess), id});
  std::push_heap(dirty_.begin(), dirty_.end(), higher);
}

void FlowNetwork::solve() {
  // Links of nearly equal levels might pass a rounding error round for ever: from kPatience updates of one link on,
  // changes far below a byte per second are not passed on.
  constexpr std::uint32_t kPatience = 64;
  std::uint32_t most_updates = 0;
  while (!dirty_.empty()) {
    std::pop_heap(dirty_.begin(), dirty_.end(), higher);
    const LinkId id = dirty_.back().link;
    dirty_.pop_back();
    Link& link = links_[index(id)];
    link.dirty = false;
    if (!link.changed) {
      link.changed = true;
      link.updates = 0;
      changed_.push_back(id);
    }
    most_updates = std::max(most_updates, ++link.updates);
    BERTH_CHECK(most_updates < 1'000 * kPatience);
    tolerance_ = most_updates < kPatience ? 0 : most_updates;
    update(id);
  }
  for (const LinkId id : changed_) {
    links_[index(id)].changed = false;
    links_[index(id)].updates = 0;
    set_alarm(id);
  }
  changed_.clear();
}

// The level at which the flows held here, and those elsewhere that are faster, fill what the slower ones leave.
void FlowNetwork::update(LinkId id) {
  Link& link = links_[index(id)];
  if (!link.awake) return;
  sync(link);
  ++touched_;
  std::int64_t level = kFree;
  for (;;) {
    const std::int64_t left = link.capacity - link.elsewhere;
    const bool over = left < 0;
    level = link.held > 0 ? std::max<std::int64_t>(left, 0) / link.held : over ? 0 : kFree;
    if (link.there.empty() || -link.there.top().key <= level) break;
    // Too fast for this link: held here from now on.
    const std::uint32_t c = link.there.top().id / kMaxPath;
    const std::size_t position = link.there.top().id % kMaxPath;
    Class& flow_class = classes_[c];
    const LinkId old = flow_class.path[flow_class.bottleneck];
    sync(links_[index(old)]);
    const Work work = links_[index(old)].work - flow_class.offset;
    let_go(c);
    flow_class.offset = link.work - work;
    hold(c, position);
    mark(old);
    ++touched_;
  }
  while (!link.here.empty() && link.here.top().key < level) {
    const Class& flow_class = classes_[link.here.top().id / kMaxPath];
    for (std::size_t i = 0; i < flow_class.length; ++i) {
      const Link& other = links_[index(flow_class.path[i])];
      if (i != flow_class.bottleneck && !other.awake && other.capacity / other.flows < level) wake(flow_class.path[i]);
    }
  }
  link.level = level;
  publish(link);
  if (link.held == 0 && classes(link) <= kSleepers &&
      (link.there.empty() || -link.there.top().key <= link.capacity / link.flows)) {
    put_to_sleep(id);
  }
}

// Tells the links that are awake what the flows held here get now.
void FlowNetwork::publish(Link& link) {
  for (const std::uint32_t c : link.heard) {
    const Class& flow_class = classes_[c];
    ++touched_;
    for (std::size_t i = 0; i < flow_class.length; ++i) {
      Link& other = links_[index(flow_class.path[i])];
      if (i == flow_class.bottleneck || !other.awake) continue;
      const std::int64_t change = link.level - flow_class.counted[i];
      if (change == 0) continue;
      count(c, i, link.level);
      if (change <= tolerance_ && change >= -tolerance_ && other.level >= link.level) continue;
      if (other.held > 0 || other.elsewhere > other.capacity || classes(other) <= kSleepers) mark(flow_class.path[i]);
    }
  }
}

// When the first of the flows held here finishes.
void FlowNetwork::set_alarm(LinkId id) {
  Link& link = links_[index(id)];
  const bool never = link.finish.empty() || link.level == 0;
  Time at = kNever;
  if (!never) {
    const Work left = std::max<Work>(0, link.finish.top().key - link.work);
    const Work ns = (left + link.level - 1) / link.level;
    if (ns < kNever.ns - link.work_at) at = Time{link.work_at + static_cast<std::int64_t>(ns)};
  }
  const Event event{static_cast<std::uint32_t>(id), 0, EventKind::kFlowEvent, 0};
  if (at == kNever) {
    engine_->cancel(link.due);
    link.due = {};
  } else if (!engine_->reschedule(link.due, at, kPhaseLeave, event)) {
    link.due = engine_->schedule_cancellable(at, kPhaseLeave, event);
  }
}

}  // namespace berth

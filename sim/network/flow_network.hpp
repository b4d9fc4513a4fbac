// Bytes on their way: flows over short paths of links, sharing each link max-min fairly, as many TCP connections do
// over their lifetime. No packets, round trips or slow start.
//
// Each link has a level: the rate that it leaves to a flow that nothing else holds back. A flow's rate is the lowest
// level on its path; the link that has it is the flow's bottleneck. Each link has a clock of work, the bytes that a
// flow held back there has got since the beginning: a change of the level touches the clock, not the flows, and the
// next flow to finish is the top of a heap. Flows of equal paths are one class and move between links together.
//
// A change (start, end, cancel, capacity) makes links dirty; a dirty link works out its level anew, and makes those
// dirty whose share that changes, lowest level first: a link's level depends on lower ones alone. A link with few
// classes that is sure not to be full (all rates <= capacity / flows) is asleep: nobody keeps its sums until a rate
// would pass that bound. So when k nodes pull through one full registry link, a start or an end costs O(log k).
//
// All rates are integers in units of 2^-20 bytes/s and all work is exact, so no error builds up. Source of the model:
// Bertsekas, Gallager, "Data Networks", 6.5.2 (max-min fairness by progressive filling).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/engine/engine.hpp"
#include "sim/network/indexed_heap.hpp"

namespace berth {

enum class LinkId : std::uint32_t {};
constexpr std::size_t index(LinkId id) {
  return static_cast<std::size_t>(id);
}

// Names a flow; harmless after its end.
struct FlowId {
  std::uint32_t slot = 0xFFFF'FFFF;
  std::uint32_t generation = 0;
  friend bool operator==(FlowId, FlowId) = default;
};

class FlowListener {
 public:
  // All bytes of the flow that was started with `tag` have arrived; it is gone. May start and cancel flows. Where
  // several finish at one instant all are gone before the first is told of.
  virtual void flow_finished(FlowId flow, std::uint32_t tag) = 0;

 protected:
  ~FlowListener() = default;
};

class FlowNetwork {
 public:
  static constexpr std::size_t kMaxPath = 4;
  static constexpr std::int64_t kMaxCapacity = std::int64_t{1} << 40;  // Bytes/s: 8.8 Tbit/s.

  explicit FlowNetwork(Engine<Event>& engine) : engine_(&engine) {}
  FlowNetwork(const FlowNetwork&) = delete;
  FlowNetwork& operator=(const FlowNetwork&) = delete;

  // Bytes per second, 0 .. kMaxCapacity. 0 is an outage: its flows stand still.
  LinkId add_link(std::int64_t bytes_per_second);
  void set_capacity(LinkId link, std::int64_t bytes_per_second);
  std::int64_t capacity(LinkId link) const { return links_[index(link)].bytes_per_second; }
  std::size_t links() const { return links_.size(); }

  // `path`: 1 .. kMaxPath different links. `bytes` > 0. The listener hears when the last byte has arrived, rounded up
  // to the next nanosecond, from within handle().
  FlowId start(std::span<const LinkId> path, std::int64_t bytes, FlowListener* listener, std::uint32_t tag);
  // Returns the whole bytes that had arrived. The flow must be live (BERTH_CHECK).
  std::int64_t cancel(FlowId flow);
  bool live(FlowId flow) const {
    return flow.slot < flows_.size() && flows_[flow.slot].generation == flow.generation && flows_[flow.slot].live;
  }

  std::int64_t delivered(FlowId flow) const;  // Whole bytes so far.
  double rate(FlowId flow) const;             // Bytes/s at present.
  // Bytes that flows have carried over the link: in full when they end, in part when they are cancelled.
  std::int64_t carried(LinkId link) const { return links_[index(link)].carried; }
  std::int64_t flows(LinkId link) const { return links_[index(link)].flows; }
  std::int64_t flows() const { return live_flows_; }

  // Of kFlowEvent.
  void handle(const Event& event);

  // Classes looked at since the beginning: what changes cost.
  std::uint64_t touched() const { return touched_; }
  // Recounts everything; "" if all is well, else what is not. O(links * flows).
  std::string verify() const;

 private:
  using Work = __int128;  // Bytes * 2^20 * 10^9: rate times nanoseconds.
  static constexpr std::int64_t kUnits = std::int64_t{1} << 20;
  static constexpr Work kWorkPerByte = static_cast<Work>(kUnits) * 1'000'000'000;
  static constexpr std::int64_t kFree =
      std::numeric_limits<std::int64_t>::max();  // The level of a link that is not full.
  static constexpr std::size_t kSleepers = 16;   // A link with more classes is always awake.

  struct Flow {
    Work finish = 0;  // In its class's work.
    std::int64_t bytes = 0;
    FlowListener* listener = nullptr;
    std::uint64_t sequence = 0;
    std::uint32_t tag = 0;
    std::uint32_t flow_class = 0;
    std::uint32_t generation = 0;
    bool live = false;
  };
  struct Class {
    std::array<LinkId, kMaxPath> path{};
    std::array<std::int64_t, kMaxPath> counted{};  // The rate that path[i] has in `elsewhere`; 0 where asleep.
    Work offset = 0;                               // Work of the bottleneck's clock minus work of this class.
    std::int64_t flows = 0;
    IndexedHeap<Work> finish;
    std::uint32_t place_in_heard = kNowhere;
    std::uint8_t length = 0;
    std::uint8_t bottleneck = 0;  // Position in `path`.
  };
  struct Link {
    std::int64_t bytes_per_second = 0;
    std::int64_t capacity = 0;  // In units.
    std::int64_t level = kFree;
    Work work = 0;  // As of work_at.
    std::int64_t work_at = 0;
    std::int64_t flows = 0;
    std::int64_t held = 0;             // Flows that have their bottleneck here.
    std::int64_t elsewhere = 0;        // Rates of the others, if awake.
    IndexedHeap<std::int64_t> here;    // Classes held here, by the rate at which a sleeping link must be woken.
    IndexedHeap<std::int64_t> there;   // The others, by -counted.
    IndexedHeap<Work> finish;          // Classes held here, by when their next flow finishes.
    std::vector<std::uint32_t> heard;  // Classes held here that pass over another link that is awake.
    EventHandle due;
    std::int64_t carried = 0;
    std::uint32_t updates = 0;  // In the present solve().
    bool awake = false;
    bool dirty = false;
    bool changed = false;
  };
  static constexpr std::uint32_t kNowhere = 0xFFFF'FFFF;
  static std::uint32_t spot(std::uint32_t c, std::size_t position) {
    return c * static_cast<std::uint32_t>(kMaxPath) + static_cast<std::uint32_t>(position);
  }

  Link& link_of(const Class& c) { return links_[index(c.path[c.bottleneck])]; }
  const Link& link_of(const Class& c) const { return links_[index(c.path[c.bottleneck])]; }
  std::size_t classes(const Link& link) const { return link.here.size() + link.there.size(); }
  Work class_work(const Class& c) const;
  void sync(Link& link);

  std::uint32_t find_class(std::span<const LinkId> path) const;
  std::uint32_t add_class(std::span<const LinkId> path);
  void drop_class(std::uint32_t c);
  void resize_class(std::uint32_t c, std::int64_t flows);
  void remove_flow(std::uint32_t slot, std::int64_t delivered);

  std::int64_t wake_rate(std::uint32_t c) const;
  void count(std::uint32_t c, std::size_t position, std::int64_t rate);
  void update_heard(std::uint32_t c);
  void hold(std::uint32_t c, std::size_t position);
  void let_go(std::uint32_t c);
  void wake(LinkId id);
  void put_to_sleep(LinkId id);
  void flows_changed(LinkId id);

  void mark(LinkId id);
  void solve();
  void update(LinkId id);
  void publish(Link& link);
  void set_alarm(LinkId id);

  Engine<Event>* engine_;
  std::vector<Link> links_;
  std::vector<Class> classes_;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_classes_, free_flows_;
  IndexedHeap<std::int64_t>::Places spots_;    // By (class, position): in `here` or `there`.
  IndexedHeap<Work>::Places finish_of_class_;  // By class: in Link::finish.
  IndexedHeap<Work>::Places finish_of_flow_;   // By flow: in Class::finish.
  struct Dirty {
    std::int64_t level;
    LinkId link;
  };
  static bool higher(const Dirty& a, const Dirty& b) {
    return a.level > b.level || (a.level == b.level && a.link > b.link);
  }
  std::vector<Dirty> dirty_;  // A heap: the lowest level first.
  std::vector<LinkId> changed_;
  std::vector<std::uint32_t> scratch_;
  struct Finished {
    std::uint64_t sequence;
    FlowListener* listener;
    FlowId flow;
    std::uint32_t tag;
  };
  std::vector<Finished> finished_;
  std::int64_t live_flows_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t touched_ = 0;
  std::int64_t tolerance_ = 0;  // Changes of a rate that are not passed on; 0 but for a solve() that does not settle.
};

}  // namespace berth

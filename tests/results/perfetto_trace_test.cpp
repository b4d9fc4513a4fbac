// Reads the written bytes with a decoder of its own. Field numbers are those of the published perfetto_trace.proto.
#include "results/perfetto_trace.hpp"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>

namespace berth {
namespace {

// ---- protobuf's wire format: key = field number << 3 | wire type; 0 varint, 1 eight bytes, 2 length and bytes.
struct Field {
  std::uint64_t number = 0;
  int wire_type = 0;
  std::uint64_t value = 0;
  std::string bytes;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    field = {key >> 3, static_cast<int>(key & 7), 0, {}};
    if (field.wire_type == 0) {
      field.value = varint();
    } else if (field.wire_type == 1) {
      for (int i = 0; i < 8; ++i) field.value |= std::uint64_t{byte()} << (8 * i);
    } else if (field.wire_type == 2) {
      const std::uint64_t length = varint();
      EXPECT_LE(length, rest_.size());
      field.bytes = rest_.substr(0, length);
      rest_.remove_prefix(field.bytes.size());
    } else {
      ADD_FAILURE() << "wire type " << field.wire_type;
      rest_ = {};
    }
    return true;
  }

 private:
  unsigned char byte() {
    if (rest_.empty()) {
      ADD_FAILURE() << "cut short";
      return 0;
    }
    const auto b = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return b;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const unsigned char b = byte();
      value |= std::uint64_t{b & 0x7FU} << shift;
      if (b < 0x80) return value;
    }
    ADD_FAILURE() << "a varint of more than ten bytes";
    return value;
  }
  std::string_view rest_;
};

// Fields by number; every number that a message may hold is named by its reader, so that another one is noticed.
std::multimap<std::uint64_t, Field> fields_of(std::string_view message, const std::set<std::pair<int, int>>& allowed) {
  std::multimap<std::uint64_t, Field> fields;
  WireReader reader(message);
  for (Field field; reader.next(field);) {
    EXPECT_TRUE(allowed.contains({static_cast<int>(field.number), field.wire_type}))
        << "field " << field.number << " of wire type " << field.wire_type;
    fields.emplace(field.number, field);
  }
  return fields;
}
using Fields = std::multimap<std::uint64_t, Field>;
std::optional<std::uint64_t> number(const Fields& fields, std::uint64_t n) {
  const auto found = fields.find(n);
  return found == fields.end() ? std::nullopt : std::optional(found->second.value);
}
std::string bytes(const Fields& fields, std::uint64_t n) {
  const auto found = fields.find(n);
  return found == fields.end() ? std::string() : found->second.bytes;
}

constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kLengthDelimited = 2;

struct Descriptor {
  std::string name;
  std::optional<std::uint64_t> parent;
  std::optional<std::uint64_t> unit;  // Set: a counter.
  std::optional<std::uint64_t> child_ordering;
  std::uint64_t rank = 0;
};
struct Event {
  std::uint64_t at = 0;
  std::uint64_t type = 0;  // 1 SLICE_BEGIN, 2 SLICE_END, 3 INSTANT, 4 COUNTER
  std::uint64_t track = 0;
  std::string name;
  std::int64_t counter_value = 0;
  std::map<std::string, std::string> texts;
  std::map<std::string, std::int64_t> integers;
  std::vector<std::uint64_t> flows;
};
struct Decoded {
  std::map<std::uint64_t, Descriptor> tracks;  // By uuid.
  std::vector<Event> events;
};

Descriptor descriptor_of(std::string_view message, std::uint64_t& uuid) {
  const Fields track = fields_of(message, {{1, kVarint},           // uuid
                                           {2, kLengthDelimited},  // name
                                           {5, kVarint},           // parent_uuid
                                           {8, kLengthDelimited},  // counter
                                           {11, kVarint},          // child_ordering
                                           {12, kVarint}});        // sibling_order_rank
  uuid = number(track, 1).value_or(0);
  Descriptor descriptor{bytes(track, 2), number(track, 5), std::nullopt, number(track, 11), number(track, 12).value()};
  if (track.contains(8)) descriptor.unit = number(fields_of(bytes(track, 8), {{3, kVarint}}), 3);  // unit
  return descriptor;
}

Event event_of(std::string_view message, std::uint64_t at) {
  const Fields fields = fields_of(message, {{4, kLengthDelimited},   // debug_annotations
                                            {9, kVarint},            // type
                                            {11, kVarint},           // track_uuid
                                            {23, kLengthDelimited},  // name
                                            {30, kVarint},           // counter_value
                                            {47, kFixed64}});        // flow_ids
  Event event{at,
              number(fields, 9).value(),
              number(fields, 11).value(),
              bytes(fields, 23),
              static_cast<std::int64_t>(number(fields, 30).value_or(0)),
              {},
              {},
              {}};
  EXPECT_EQ(fields.contains(30), event.type == 4);
  for (auto [it, end] = fields.equal_range(4); it != end; ++it) {
    const Fields annotation = fields_of(it->second.bytes, {{4, kVarint},              // int_value
                                                           {6, kLengthDelimited},     // string_value
                                                           {10, kLengthDelimited}});  // name
    EXPECT_NE(annotation.contains(4), annotation.contains(6));
    if (annotation.contains(4)) {
      event.integers[bytes(annotation, 10)] = static_cast<std::int64_t>(*number(annotation, 4));
    } else {
      event.texts[bytes(annotation, 10)] = bytes(annotation, 6);
    }
  }
  for (auto [it, end] = fields.equal_range(47); it != end; ++it) event.flows.push_back(it->second.value);
  return event;
}

Decoded decode(std::string_view trace) {
  Decoded decoded;
  WireReader reader(trace);
  bool first = true;
  for (Field field; reader.next(field);) {
    EXPECT_EQ(field.number, 1U);                                           // Trace.packet
    const Fields packet = fields_of(field.bytes, {{8, kVarint},            // timestamp
                                                  {10, kVarint},           // trusted_packet_sequence_id
                                                  {11, kLengthDelimited},  // track_event
                                                  {13, kVarint},           // sequence_flags
                                                  {60, kLengthDelimited},  // track_descriptor
                                                  {87, kVarint}});         // first_packet_on_sequence
    EXPECT_EQ(number(packet, 10), 1U);
    EXPECT_EQ(number(packet, 13), first ? std::optional<std::uint64_t>(1) : std::nullopt);  // State cleared.
    EXPECT_EQ(number(packet, 87), first ? std::optional<std::uint64_t>(1) : std::nullopt);
    first = false;
    if (packet.contains(60)) {
      std::uint64_t uuid = 0;
      const Descriptor descriptor = descriptor_of(bytes(packet, 60), uuid);
      EXPECT_NE(uuid, 0U);
      if (descriptor.parent) {
        EXPECT_TRUE(decoded.tracks.contains(*descriptor.parent));
      }
      EXPECT_TRUE(decoded.tracks.emplace(uuid, descriptor).second) << "uuid " << uuid << " twice";
      EXPECT_TRUE(decoded.events.empty());
    }
    if (!packet.contains(11)) continue;
    decoded.events.push_back(event_of(bytes(packet, 11), number(packet, 8).value()));
    const Event& event = decoded.events.back();
    EXPECT_TRUE(decoded.tracks.contains(event.track));
    EXPECT_EQ(event.type == 4, decoded.tracks[event.track].unit.has_value());
    if (decoded.events.size() > 1) {
      EXPECT_LE(decoded.events[decoded.events.size() - 2].at, event.at);
    }
  }
  return decoded;
}

std::string perfetto_of(const Timeline& timeline) {
  std::string all;
  write_perfetto_trace(timeline, [&](std::string_view chunk) { all += chunk; });
  return all;
}

TEST(PerfettoTrace, EmptyIsOnePacket) {
  // Field 1, 7 bytes: 10 = 1, 13 = 1, 87 = 1; the key of 87 is 87 << 3 = 696 = 0xB8 0x05.
  EXPECT_EQ(perfetto_of(Timeline()), std::string("\x0A\x07\x50\x01\x68\x01\xB8\x05\x01", 9));
}

TEST(PerfettoTrace, Contents) {
  Timeline timeline;
  const TrackId node = timeline.add_track("node-1");
  const TrackId pod = timeline.add_track("web-0 \xF0\x9F\x9A\xA2\xFF", node);
  const MarkId pull =
      timeline.slice(node, "Pulling", Time{100}, Time{300}, {{"image", "nginx"}, {"size", ByteCount{1 << 20}}});
  const MarkId wait =
      timeline.begin(pod, "Waiting", Time{150}, {{"back_off", seconds(10)}, {"exit", std::int64_t{-1}}});
  timeline.instant(pod, "Evicted", Time{(std::int64_t{1} << 62) + 1});
  const CounterId memory = timeline.add_counter(node, "memory", CounterUnit::kBytes);
  timeline.sample(memory, Time{200}, -5);
  timeline.arrow(pull, wait);

  const Decoded decoded = decode(perfetto_of(timeline));
  ASSERT_EQ(decoded.tracks.size(), 3U);
  std::map<std::string, std::pair<std::uint64_t, Descriptor>> tracks;
  for (const auto& [uuid, track] : decoded.tracks) tracks[track.name] = {uuid, track};
  const auto& [node_uuid, node_track] = tracks.at("node-1");
  const auto& [pod_uuid, pod_track] = tracks.at("web-0 \xF0\x9F\x9A\xA2\uFFFD");
  const auto& [memory_uuid, memory_track] = tracks.at("memory");
  EXPECT_EQ(node_track.parent, std::nullopt);
  EXPECT_EQ(node_track.child_ordering, 3U);  // EXPLICIT
  EXPECT_EQ(pod_track.parent, node_uuid);
  EXPECT_EQ(memory_track.parent, node_uuid);
  EXPECT_EQ(memory_track.unit, 3U);  // UNIT_SIZE_BYTES
  EXPECT_LT(pod_track.rank, memory_track.rank);

  const auto key = [](const Event& e) { return std::tuple(e.at, e.type, e.track, e.name, e.counter_value); };
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::string, std::int64_t>;
  const std::vector<Key> expected{{100, 1, node_uuid, "Pulling", 0},
                                  {150, 1, pod_uuid, "Waiting", 0},
                                  {200, 4, memory_uuid, "", -5},
                                  {300, 2, node_uuid, "", 0},
                                  {(std::uint64_t{1} << 62) + 1, 3, pod_uuid, "Evicted", 0}};  // "Waiting" stays open.
  ASSERT_EQ(decoded.events.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(key(decoded.events[i]), expected[i]) << "event " << i;
  EXPECT_EQ(decoded.events[0].texts, (std::map<std::string, std::string>{{"image", "nginx"}}));
  EXPECT_EQ(decoded.events[0].integers, (std::map<std::string, std::int64_t>{{"size_bytes", 1'048'576}}));
  EXPECT_EQ(decoded.events[1].integers,
            (std::map<std::string, std::int64_t>{{"back_off_ns", 10'000'000'000}, {"exit", -1}}));
  EXPECT_EQ(decoded.events[0].flows.size(), 1U);
  EXPECT_EQ(decoded.events[0].flows, decoded.events[1].flows);
}

TEST(PerfettoTrace, OverlapTakesASiblingOfTheSameName) {
  Timeline timeline;
  const TrackId node = timeline.add_track("node-1");
  const TrackId pulls = timeline.add_track("pulls", node);
  timeline.slice(pulls, "a", Time{0}, Time{5});
  timeline.slice(pulls, "b", Time{3}, Time{8});
  const Decoded decoded = decode(perfetto_of(timeline));
  ASSERT_EQ(decoded.events.size(), 4U);
  const Event& a = decoded.events[0];
  const Event& b = decoded.events[1];
  EXPECT_NE(a.track, b.track);
  EXPECT_EQ(decoded.tracks.at(a.track).name, "pulls");
  EXPECT_EQ(decoded.tracks.at(b.track).name, "pulls");
  EXPECT_EQ(decoded.tracks.at(a.track).parent, decoded.tracks.at(b.track).parent);
  EXPECT_EQ(decoded.tracks.at(a.track).rank, decoded.tracks.at(b.track).rank);
}

// As a viewer does: an end closes the innermost open slice of its track. Every slice must come out as it went in.
TEST(PerfettoTrace, ViewersFindEverySlice) {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    Timeline timeline;
    std::vector<TrackId> tracks{timeline.add_track("t0"), timeline.add_track("t1")};
    tracks.push_back(timeline.add_track("t2", tracks[0]));
    std::set<std::tuple<std::string, std::string, std::uint64_t, std::uint64_t>> expected;  // Track, slice, begin, end.
    std::multiset<std::pair<std::string, std::uint64_t>> instants;
    std::vector<MarkId> slices;
    std::vector<std::uint64_t> begins;
    std::vector<std::string> names;
    for (int i = 0; i < 60; ++i) {
      const auto t = random() % 3;
      const std::uint64_t begin = random() % 25;
      const std::uint64_t end = random() % 12 == 0 ? 0 : begin + random() % 9;  // 0: open (unless it begins there).
      const std::string name = "s" + std::to_string(i);
      const std::string track = "t" + std::to_string(t);
      if (random() % 6 == 0) {
        timeline.instant(tracks[t], name, Time{static_cast<std::int64_t>(begin)});
        instants.emplace(track, begin);
        continue;
      }
      const MarkId slice = timeline.begin(tracks[t], name, Time{static_cast<std::int64_t>(begin)});
      const bool open = end < begin;
      slices.push_back(slice);
      begins.push_back(begin);
      names.push_back(name);
      if (!open) timeline.end(slice, Time{static_cast<std::int64_t>(end)});
      expected.emplace(track, name, begin, open ? 999 : end);
    }
    std::multiset<std::set<std::string>> arrows;  // The two slices of each.
    for (int i = 0; i < 20; ++i) {
      const std::size_t from = random() % slices.size();
      const std::size_t to = random() % slices.size();
      if (from == to || begins[from] > begins[to]) continue;
      timeline.arrow(slices[from], slices[to]);
      arrows.insert({names[from], names[to]});
    }

    const Decoded decoded = decode(perfetto_of(timeline));
    std::map<std::uint64_t, std::set<std::string>> flows;
    for (const Event& event : decoded.events) {
      for (const std::uint64_t flow : event.flows) flows[flow].insert(event.name);
    }
    std::multiset<std::set<std::string>> found_arrows;
    for (const auto& [flow, ends] : flows) found_arrows.insert(ends);
    ASSERT_EQ(found_arrows, arrows) << "round " << round;

    std::map<std::uint64_t, std::vector<Event>> open;
    decltype(expected) found;
    for (const Event& event : decoded.events) {
      const std::string& track = decoded.tracks.at(event.track).name;
      if (event.type == 1) {
        open[event.track].push_back(event);
      } else if (event.type == 2) {
        ASSERT_FALSE(open[event.track].empty()) << "an end without a begin, round " << round;
        const Event begin = open[event.track].back();
        open[event.track].pop_back();
        found.emplace(track, begin.name, begin.at, event.at);
      } else {
        const auto instant = instants.find({track, event.at});
        ASSERT_NE(instant, instants.end());
        instants.erase(instant);
      }
    }
    for (const auto& [uuid, left_open] : open) {
      for (const Event& begin : left_open) found.emplace(decoded.tracks.at(uuid).name, begin.name, begin.at, 999);
    }
    ASSERT_EQ(found, expected) << "round " << round;
    EXPECT_TRUE(instants.empty());
  }
}

TEST(PerfettoTrace, SameTimelineSameBytes) {
  const auto build = [] {
    Timeline timeline;
    const TrackId pod = timeline.add_track("p");
    for (std::int64_t i = 0; i < 3'000; ++i) timeline.slice(pod, "s", Time{i % 7}, Time{20 + i % 11}, {{"i", i}});
    return perfetto_of(timeline);
  };
  const std::string once = build();
  EXPECT_EQ(once, build());
  EXPECT_EQ(decode(once).events.size(), 6'000U);  // More than one chunk, too.
}

}  // namespace
}  // namespace berth

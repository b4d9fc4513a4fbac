// The encoder is by hand: of the published schema (some thousand lines of .proto) five messages and two dozen fields
// are needed, and three wire types write them all. So this layer needs neither protoc nor libprotobuf, and a packet is
// built in two strings that are used again. tests/results/perfetto_trace_test.cpp reads it back with a decoder of its
// own. Source: perfetto protos/perfetto/trace/{trace,trace_packet}.proto, track_event/{track_event,track_descriptor,
// counter_descriptor,debug_annotation}.proto. Clock: the default (BOOTTIME, absolute nanoseconds).
#include "results/perfetto_trace.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace berth {
namespace {

namespace trace {
constexpr std::uint32_t kPacket = 1;
}
namespace packet {
constexpr std::uint32_t kTimestamp = 8;
constexpr std::uint32_t kTrustedPacketSequenceId = 10;
constexpr std::uint32_t kTrackEvent = 11;
constexpr std::uint32_t kSequenceFlags = 13;
constexpr std::uint32_t kTrackDescriptor = 60;
constexpr std::uint32_t kFirstPacketOnSequence = 87;
constexpr std::uint64_t kIncrementalStateCleared = 1;
}  // namespace packet
namespace track_event {
constexpr std::uint32_t kDebugAnnotations = 4;
constexpr std::uint32_t kType = 9;
constexpr std::uint32_t kTrackUuid = 11;
constexpr std::uint32_t kName = 23;
constexpr std::uint32_t kCounterValue = 30;
constexpr std::uint32_t kFlowIds = 47;
constexpr std::uint64_t kSliceBegin = 1;
constexpr std::uint64_t kSliceEnd = 2;
constexpr std::uint64_t kInstant = 3;
constexpr std::uint64_t kCounter = 4;
}  // namespace track_event
namespace debug_annotation {
constexpr std::uint32_t kIntValue = 4;
constexpr std::uint32_t kStringValue = 6;
constexpr std::uint32_t kName = 10;
}  // namespace debug_annotation
namespace track_descriptor {
constexpr std::uint32_t kUuid = 1;
constexpr std::uint32_t kName = 2;
constexpr std::uint32_t kParentUuid = 5;
constexpr std::uint32_t kCounter = 8;
constexpr std::uint32_t kChildOrdering = 11;
constexpr std::uint32_t kSiblingOrderRank = 12;
constexpr std::uint64_t kExplicit = 3;
}  // namespace track_descriptor
namespace counter_descriptor {
constexpr std::uint32_t kUnit = 3;
}

// Fields of a message, one after another, in protobuf's wire format.
void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void put_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_varint(out, (std::uint64_t{field} << 3) | 0);
  put_varint(out, value);
}
void put_fixed64(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_varint(out, (std::uint64_t{field} << 3) | 1);
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}
void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {  // string, bytes, message
  put_varint(out, (std::uint64_t{field} << 3) | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

std::uint64_t unit_of(CounterUnit unit) {
  switch (unit) {  // CounterDescriptor.Unit
    case CounterUnit::kNanoseconds:
      return 1;
    case CounterUnit::kCount:
      return 2;
    case CounterUnit::kBytes:
      return 3;
  }
  return 0;
}

class PerfettoWriter {
 public:
  PerfettoWriter(const Timeline& timeline, const ChunkSink& sink)
      : timeline_(timeline), lanes_(lanes_of(timeline)), buffer_(sink) {
    const std::size_t tracks = timeline.tracks().size();
    further_lanes_.resize(tracks);
    next_uuid_ = tracks + 1;  // 0 is the trace's own track.
    for (std::size_t t = 0; t < tracks; ++t) {
      further_lanes_[t] = next_uuid_;
      if (lanes_.of_track[t] > 1) next_uuid_ += lanes_.of_track[t] - 1;
    }
    for (std::uint32_t a = 0; a < timeline.arrows().size(); ++a) {
      flows_.emplace_back(timeline.arrows()[a].from, a);
      flows_.emplace_back(timeline.arrows()[a].to, a);
    }
    std::ranges::sort(flows_);
  }

  void write() {
    packet_.clear();
    put_number(packet_, packet::kTrustedPacketSequenceId, kSequence);
    put_number(packet_, packet::kSequenceFlags, packet::kIncrementalStateCleared);
    put_number(packet_, packet::kFirstPacketOnSequence, 1);
    put_bytes(buffer_.text(), trace::kPacket, packet_);
    write_descriptors();
    write_events();
    buffer_.flush();
  }

 private:
  static constexpr std::uint64_t kSequence = 1;

  std::uint64_t uuid(TrackId track, std::uint32_t lane) const {
    return lane == 0 ? index(track) + 1 : further_lanes_[index(track)] + lane - 1;
  }
  std::uint64_t counter_uuid(CounterId counter) const { return next_uuid_ + index(counter); }

  // In the order in which tracks and counters were added, which viewers would otherwise sort by name.
  void write_descriptors() {
    std::uint64_t rank = 0;
    for (std::uint32_t t = 0; t < timeline_.tracks().size(); ++t) {
      const Timeline::Track& track = timeline_.tracks()[t];
      for (std::uint32_t lane = 0; lane < std::max(lanes_.of_track[t], 1U); ++lane) {
        begin_descriptor(uuid(TrackId{t}, lane), track.name, track.parent, rank);
        if (lane == 0) put_number(body_, track_descriptor::kChildOrdering, track_descriptor::kExplicit);
        emit_descriptor();
      }
      ++rank;
    }
    for (std::uint32_t c = 0; c < timeline_.counters().size(); ++c) {
      const Timeline::Counter& counter = timeline_.counters()[c];
      begin_descriptor(counter_uuid(CounterId{c}), counter.name, counter.track, rank++);
      part_.clear();
      put_number(part_, counter_descriptor::kUnit, unit_of(counter.unit));
      put_bytes(body_, track_descriptor::kCounter, part_);
      emit_descriptor();
    }
  }

  void begin_descriptor(std::uint64_t id, TextId name, TrackId parent, std::uint64_t rank) {
    body_.clear();
    put_number(body_, track_descriptor::kUuid, id);
    put_bytes(body_, track_descriptor::kName, timeline_.text(name));
    if (parent != kNoTrack) put_number(body_, track_descriptor::kParentUuid, uuid(parent, 0));
    put_number(body_, track_descriptor::kSiblingOrderRank, rank);
  }

  void emit_descriptor() {
    packet_.clear();
    put_number(packet_, packet::kTrustedPacketSequenceId, kSequence);
    put_bytes(packet_, packet::kTrackDescriptor, body_);
    put_bytes(buffer_.text(), trace::kPacket, packet_);
  }

  // Merges ends, begins, instants and samples by time, in that order at one instant: what follows on a track is beside
  // what ended there, not within it. An end names no slice, it closes the innermost one of its track; so of begins the
  // longer slice is first, and a slice without length, the last to begin at its instant, ends before anything else.
  void write_events() {
    const std::span<const Timeline::Mark> marks = timeline_.marks();
    const std::span<const Timeline::Sample> samples = timeline_.samples();
    std::vector<std::uint32_t> begins;
    std::vector<std::uint32_t> ends;
    std::vector<std::uint32_t> instants;
    for (std::uint32_t m = 0; m < marks.size(); ++m) {
      (marks[m].instant ? instants : begins).push_back(m);
      if (marks[m].end != kNever && marks[m].end > marks[m].begin) ends.push_back(m);
    }
    std::ranges::sort(begins, [&](std::uint32_t a, std::uint32_t b) {
      return std::tuple(marks[a].begin, marks[b].end, a) < std::tuple(marks[b].begin, marks[a].end, b);
    });
    std::ranges::stable_sort(ends, {}, [&](std::uint32_t m) { return marks[m].end; });
    std::ranges::stable_sort(instants, {}, [&](std::uint32_t m) { return marks[m].begin; });
    std::vector<std::uint32_t> values(samples.size());
    for (std::uint32_t s = 0; s < values.size(); ++s) values[s] = s;
    std::ranges::stable_sort(values, {}, [&](std::uint32_t s) { return samples[s].at; });

    std::size_t e = 0;
    std::size_t b = 0;
    std::size_t i = 0;
    std::size_t v = 0;
    for (;;) {
      const Time end_at = e < ends.size() ? marks[ends[e]].end : kNever;
      const Time begin_at = b < begins.size() ? marks[begins[b]].begin : kNever;
      const Time instant_at = i < instants.size() ? marks[instants[i]].begin : kNever;
      const Time value_at = v < values.size() ? samples[values[v]].at : kNever;
      const Time now = std::min({end_at, begin_at, instant_at, value_at});
      if (now == kNever) break;
      if (end_at == now) {
        write_end(ends[e++]);
      } else if (begin_at == now) {
        const std::uint32_t m = begins[b++];
        write_mark(m, track_event::kSliceBegin);
        if (marks[m].end == now) write_end(m);
      } else if (instant_at == now) {
        write_mark(instants[i++], track_event::kInstant);
      } else {
        const Timeline::Sample& sample = samples[values[v++]];
        begin_event(track_event::kCounter, counter_uuid(sample.counter));
        put_number(body_, track_event::kCounterValue, static_cast<std::uint64_t>(sample.value));
        emit_event(sample.at);
      }
    }
  }

  void write_mark(std::uint32_t m, std::uint64_t type) {
    const Timeline::Mark& mark = timeline_.marks()[m];
    begin_event(type, uuid(mark.track, lanes_.of_mark[m]));
    put_bytes(body_, track_event::kName, timeline_.text(mark.what));
    timeline_.each_arg(mark, [&](TextId key, auto value) {
      part_.clear();
      put_value(timeline_.text(key), value);
      put_bytes(body_, track_event::kDebugAnnotations, part_);
    });
    for (auto flow = std::ranges::lower_bound(flows_, std::pair(MarkId{m}, 0U));
         flow != flows_.end() && flow->first == MarkId{m}; ++flow) {
      put_fixed64(body_, track_event::kFlowIds, std::uint64_t{flow->second} + 1);
    }
    emit_event(mark.begin);
  }

  void write_end(std::uint32_t m) {
    const Timeline::Mark& mark = timeline_.marks()[m];
    begin_event(track_event::kSliceEnd, uuid(mark.track, lanes_.of_mark[m]));
    emit_event(mark.end);
  }

  void put_value(std::string_view key, TextId value) {
    put_bytes(part_, debug_annotation::kName, key);
    put_bytes(part_, debug_annotation::kStringValue, timeline_.text(value));
  }
  void put_value(std::string_view key, std::int64_t value) { put_integer(key, {}, value); }
  void put_value(std::string_view key, ByteCount value) { put_integer(key, "_bytes", value.bytes); }
  void put_value(std::string_view key, Duration value) { put_integer(key, "_ns", value.ns); }
  void put_integer(std::string_view key, std::string_view unit, std::int64_t value) {
    put_bytes(part_, debug_annotation::kName, std::string(key).append(unit));
    put_number(part_, debug_annotation::kIntValue, static_cast<std::uint64_t>(value));
  }

  void begin_event(std::uint64_t type, std::uint64_t track_uuid) {
    body_.clear();
    put_number(body_, track_event::kType, type);
    put_number(body_, track_event::kTrackUuid, track_uuid);
  }

  void emit_event(Time at) {
    packet_.clear();
    put_number(packet_, packet::kTimestamp, static_cast<std::uint64_t>(at.ns));
    put_number(packet_, packet::kTrustedPacketSequenceId, kSequence);
    put_bytes(packet_, packet::kTrackEvent, body_);
    put_bytes(buffer_.text(), trace::kPacket, packet_);
  }

  const Timeline& timeline_;
  TimelineLanes lanes_;
  ChunkBuffer buffer_;
  std::vector<std::uint64_t> further_lanes_;             // By track: the uuid of its lane 1.
  std::uint64_t next_uuid_ = 0;                          // Of the first counter.
  std::vector<std::pair<MarkId, std::uint32_t>> flows_;  // (slice, arrow that begins or ends there), sorted.
  std::string packet_;
  std::string body_;
  std::string part_;
};

}  // namespace

void write_perfetto_trace(const Timeline& timeline, const ChunkSink& sink) {
  PerfettoWriter(timeline, sink).write();
}

}  // namespace berth

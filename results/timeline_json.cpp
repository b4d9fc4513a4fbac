// A timeline as JSON: our own form, and Chrome's. Written as it goes; only the order of marks and the escaped texts
// (each once) are held.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>
#include <utility>

#include "results/files.hpp"
#include "results/timeline.hpp"

namespace berth {
namespace {

std::vector<std::string> escaped_texts(const Timeline& timeline) {
  std::vector<std::string> escaped;
  escaped.reserve(timeline.text_count());
  for (std::uint32_t t = 0; t < timeline.text_count(); ++t) escaped.push_back(json_string(timeline.text(TextId{t})));
  return escaped;
}

// Puts a comma and a line break before every element but the first of a list.
class Separator {
 public:
  std::string_view next() { return std::exchange(first_, false) ? "\n" : ",\n"; }

 private:
  bool first_ = true;
};

// `,"args":{"image":"nginx","size_bytes":7}`; nothing without arguments.
class ArgsWriter {
 public:
  ArgsWriter(const Timeline& timeline, const std::vector<std::string>& escaped)
      : timeline_(timeline), escaped_(escaped) {}

  void append(const Timeline::Mark& mark, std::string& out) const {
    bool any = false;
    timeline_.each_arg(mark, [&](TextId key, auto value) {
      out += any ? "," : R"(,"args":{)";
      any = true;
      put(escaped_[index(key)], value, out);
    });
    if (any) out += '}';
  }

 private:
  void put(const std::string& key, TextId value, std::string& out) const {
    fmt::format_to(std::back_inserter(out), "{}:{}", key, escaped_[index(value)]);
  }
  static void put(const std::string& key, std::int64_t value, std::string& out) {
    fmt::format_to(std::back_inserter(out), "{}:{}", key, value);
  }
  static void put(const std::string& key, ByteCount value, std::string& out) {
    put_with_unit(key, "_bytes", value.bytes, out);
  }
  static void put(const std::string& key, Duration value, std::string& out) {
    put_with_unit(key, "_ns", value.ns, out);
  }
  static void put_with_unit(std::string_view key, std::string_view unit, std::int64_t value, std::string& out) {
    key.remove_suffix(1);  // The closing quote.
    fmt::format_to(std::back_inserter(out), "{}{}\":{}", key, unit, value);
  }

  const Timeline& timeline_;
  const std::vector<std::string>& escaped_;
};

std::string_view unit_name(CounterUnit unit) {
  switch (unit) {
    case CounterUnit::kBytes:
      return "bytes";
    case CounterUnit::kNanoseconds:
      return "ns";
    case CounterUnit::kCount:
      break;
  }
  return "count";
}

// Samples by (counter, time, order of addition), as indices.
std::vector<std::uint32_t> samples_by_counter(const Timeline& timeline) {
  const std::span<const Timeline::Sample> samples = timeline.samples();
  std::vector<std::uint32_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&](std::uint32_t s) { return std::tuple(samples[s].counter, samples[s].at, s); });
  return order;
}

struct Microseconds {
  std::int64_t ns;
};

void append(std::string& out, Microseconds t) {
  fmt::format_to(std::back_inserter(out), "{}.{:03}", t.ns / 1000, t.ns % 1000);
}

// Processes and threads by number, from 1. Process 1 holds the tracks without a parent.
std::uint64_t process_of_children(TrackId track) {
  return track == kNoTrack ? 1 : index(track) + 2;
}

std::string path_of(const Timeline& timeline, TrackId track) {
  const Timeline::Track& t = timeline.tracks()[index(track)];
  const std::string name(timeline.text(t.name));
  return t.parent == kNoTrack ? name : path_of(timeline, t.parent) + "/" + name;
}

void append_name(std::string& out, std::string_view separator, std::string_view what, std::uint64_t process,
                 std::uint64_t thread, const std::string& quoted_name) {
  const auto put = [&](std::string_view before, std::string_view suffix, std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), R"({}{{"ph":"M","pid":{},"tid":{},"name":"{}_{}","args":{{"{}":{}}}}})",
                   before, process, thread, what, suffix, key, value);
  };
  put(separator, "name", "name", quoted_name);
  put(",\n", "sort_index", "sort_index", fmt::format("{}", what == "process" ? process : thread));
}

}  // namespace

void write_timeline_json(const Timeline& timeline, const ChunkSink& sink) {
  const std::vector<std::string> escaped = escaped_texts(timeline);
  const ArgsWriter args(timeline, escaped);
  const std::span<const Timeline::Mark> marks = timeline.marks();
  const std::vector<std::uint32_t> order = marks_in_order(timeline);
  ChunkBuffer buffer(sink);
  const auto put = [&]<class... Values>(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(buffer.text()), format, std::forward<Values>(values)...);
  };

  put(R"({{"tracks":[)");
  Separator track_separator;
  for (std::size_t t = 0; t < timeline.tracks().size(); ++t) {
    const Timeline::Track& track = timeline.tracks()[t];
    put(R"({}{{"id":{},"name":{})", track_separator.next(), t, escaped[index(track.name)]);
    if (track.parent != kNoTrack) put(R"(,"parent":{})", index(track.parent));
    put("}}");
  }

  put("],\n\"slices\":[");
  Separator slice_separator;
  std::vector<std::uint32_t> slice_ids(marks.size());
  std::uint32_t next_id = 0;
  for (const std::uint32_t m : order) {
    if (marks[m].instant) continue;
    slice_ids[m] = next_id++;
    put(R"({}{{"id":{},"track":{},"name":{},"begin_ns":{})", slice_separator.next(), slice_ids[m],
        index(marks[m].track), escaped[index(marks[m].what)], marks[m].begin.ns);
    if (marks[m].end != kNever) put(R"(,"end_ns":{})", marks[m].end.ns);
    args.append(marks[m], buffer.text());
    put("}}");
  }

  put("],\n\"instants\":[");
  Separator instant_separator;
  for (const std::uint32_t m : order) {
    if (!marks[m].instant) continue;
    put(R"({}{{"track":{},"name":{},"at_ns":{})", instant_separator.next(), index(marks[m].track),
        escaped[index(marks[m].what)], marks[m].begin.ns);
    args.append(marks[m], buffer.text());
    put("}}");
  }

  put("],\n\"counters\":[");
  Separator counter_separator;
  const std::vector<std::uint32_t> samples = samples_by_counter(timeline);
  auto sample = samples.begin();
  for (std::uint32_t c = 0; c < timeline.counters().size(); ++c) {
    const Timeline::Counter& counter = timeline.counters()[c];
    put(R"({}{{"track":{},"name":{},"unit":"{}","samples":[)", counter_separator.next(), index(counter.track),
        escaped[index(counter.name)], unit_name(counter.unit));
    for (bool first = true; sample != samples.end() && timeline.samples()[*sample].counter == CounterId{c}; ++sample) {
      const Timeline::Sample& s = timeline.samples()[*sample];
      put(R"({}{{"at_ns":{},"value":{}}})", first ? "" : ",", s.at.ns, s.value);
      first = false;
    }
    put("]}}");
  }

  put("],\n\"arrows\":[");
  Separator arrow_separator;
  for (const Timeline::Arrow& arrow : timeline.arrows()) {
    put(R"({}{{"from":{},"to":{}}})", arrow_separator.next(), slice_ids[index(arrow.from)], slice_ids[index(arrow.to)]);
  }
  put("]}}\n");
  buffer.flush();
}

void write_chrome_trace(const Timeline& timeline, const ChunkSink& sink) {
  const std::vector<std::string> escaped = escaped_texts(timeline);
  const ArgsWriter args(timeline, escaped);
  const std::span<const Timeline::Track> tracks = timeline.tracks();
  const TimelineLanes lanes = lanes_of(timeline);
  ChunkBuffer buffer(sink);
  Separator separator;
  buffer.text() += R"({"displayTimeUnit":"ms","traceEvents":[)";

  std::vector<bool> is_process(tracks.size(), false);
  for (const Timeline::Track& track : tracks) {
    if (track.parent != kNoTrack) is_process[index(track.parent)] = true;
  }
  for (const Timeline::Counter& counter : timeline.counters()) is_process[index(counter.track)] = true;
  append_name(buffer.text(), separator.next(), "process", process_of_children(kNoTrack), 1, "\"timeline\"");
  std::vector<std::uint64_t> first_thread(tracks.size());  // By track: its lane 0; the others follow.
  std::uint64_t next_thread = 1;
  for (std::uint32_t t = 0; t < tracks.size(); ++t) {
    if (is_process[t]) {
      append_name(buffer.text(), separator.next(), "process", process_of_children(TrackId{t}), 1,
                  json_string(path_of(timeline, TrackId{t})));
    }
    first_thread[t] = next_thread;
    for (std::uint32_t lane = 0; lane < lanes.of_track[t]; ++lane) {
      append_name(buffer.text(), separator.next(), "thread", process_of_children(tracks[t].parent), next_thread++,
                  escaped[index(tracks[t].name)]);
    }
  }

  for (const std::uint32_t m : marks_in_order(timeline)) {
    const Timeline::Mark& mark = timeline.marks()[m];
    const std::size_t t = index(mark.track);
    std::string& out = buffer.text();
    // A slice that is not over: B without E, which viewers draw up to the end of the trace.
    const char phase = mark.instant ? 'i' : (mark.end == kNever ? 'B' : 'X');
    fmt::format_to(std::back_inserter(out), R"({}{{"ph":"{}","pid":{},"tid":{},"ts":)", separator.next(), phase,
                   process_of_children(tracks[t].parent), first_thread[t] + lanes.of_mark[m]);
    append(out, Microseconds{mark.begin.ns});
    if (phase == 'X') {
      out += R"(,"dur":)";
      append(out, Microseconds{(mark.end - mark.begin).ns});
    }
    if (phase == 'i') out += R"(,"s":"t")";
    out += R"(,"name":)" + escaped[index(mark.what)];
    args.append(mark, out);
    out += '}';
  }
  for (const std::uint32_t s : samples_by_counter(timeline)) {
    const Timeline::Sample& sample = timeline.samples()[s];
    const Timeline::Counter& counter = timeline.counters()[index(sample.counter)];
    std::string& out = buffer.text();
    fmt::format_to(std::back_inserter(out), R"({}{{"ph":"C","pid":{},"ts":)", separator.next(),
                   process_of_children(counter.track));
    append(out, Microseconds{sample.at.ns});
    fmt::format_to(std::back_inserter(out), R"(,"name":{},"args":{{"{}":{}}}}})", escaped[index(counter.name)],
                   unit_name(counter.unit), sample.value);
  }
  buffer.text() += "]}\n";
  buffer.flush();
}

}  // namespace berth

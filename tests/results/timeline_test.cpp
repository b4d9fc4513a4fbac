#include "results/timeline.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "results/table.hpp"

namespace berth {
namespace {

using nlohmann::json;

constexpr Time at_ms(std::int64_t ms) {
  return Time{ms * 1'000'000};
}

template <class Write>
std::string written(Write&& write) {
  std::string all;
  write([&](std::string_view chunk) { all += chunk; });
  return all;
}
std::string text_of(const Timeline& timeline, TrackId root = kNoTrack) {
  return written([&](const ChunkSink& sink) { write_timeline_text(timeline, sink, root); });
}
std::string json_of(const Timeline& timeline) {
  return written([&](const ChunkSink& sink) { write_timeline_json(timeline, sink); });
}
std::string chrome_of(const Timeline& timeline) {
  return written([&](const ChunkSink& sink) { write_chrome_trace(timeline, sink); });
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = text.find('\n', from);
    lines.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return lines;
}

// Two pods on a node, both with a container "app".
struct TwoPods {
  Timeline timeline;
  TrackId cluster = timeline.add_track("cluster");
  TrackId node = timeline.add_track("node-1", cluster);
  TrackId web0 = timeline.add_track("web-0", node);
  TrackId app0 = timeline.add_track("app", web0);
  TrackId web1 = timeline.add_track("web-1", node);
  TrackId app1 = timeline.add_track("app", web1);

  TwoPods() {
    const MarkId pending = timeline.slice(web0, "Pending", at_ms(0), at_ms(1'500));
    const MarkId pulling = timeline.begin(app0, "Pulling", at_ms(1'500), {{"image", "nginx:1.27"}});
    timeline.instant(web0, "Scheduled", at_ms(250), {{"node", "node-1"}});
    timeline.end(pulling, at_ms(4'000), {{"size", ByteCount{12'897'485}}});  // 12.3 * 2^20 = 12897484.8
    timeline.begin(app0, "Running", at_ms(4'000));
    timeline.slice(app1, "CrashLoopBackOff", at_ms(2'000), at_ms(12'000),
                   {{"back_off", seconds(10)}, {"restarts", std::int64_t{3}}});
    timeline.arrow(pending, pulling);
    const CounterId memory = timeline.add_counter(node, "memory", CounterUnit::kBytes);
    timeline.sample(memory, at_ms(4'000), 200);
    timeline.sample(memory, at_ms(0), 0);
  }
};

TEST(TimelineText, Lines) {
  EXPECT_EQ(text_of(TwoPods().timeline),
            "    begin_s   duration_s  track            what              details\n"
            "      0.000        1.500      web-0        Pending\n"
            "      0.250                   web-0        Scheduled         node=node-1\n"
            "      1.500        2.500        web-0/app  Pulling           image=nginx:1.27 size=12.3MiB\n"
            "      2.000       10.000        web-1/app  CrashLoopBackOff  back_off=10s restarts=3\n"
            "      4.000         open        web-0/app  Running\n");
}

TEST(TimelineText, OfOnePod) {
  const TwoPods pods;
  EXPECT_EQ(text_of(pods.timeline, pods.web1),  // Indented from the pod on; widths are those of what is shown.
            "    begin_s   duration_s  track  what              details\n"
            "      2.000       10.000    app  CrashLoopBackOff  back_off=10s restarts=3\n");
}

TEST(TimelineText, SameInstantKeepsOrderOfAddition) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  timeline.instant(pod, "b", at_ms(1));
  timeline.slice(pod, "c", at_ms(1), at_ms(9));
  timeline.instant(pod, "a", at_ms(1));
  timeline.instant(pod, "first", Time{});
  EXPECT_EQ(text_of(timeline),
            "    begin_s   duration_s  track  what   details\n"
            "      0.000               p      first\n"
            "      0.001               p      b\n"
            "      0.001        0.008  p      c\n"
            "      0.001               p      a\n");
}

TEST(TimelineText, RoundsToNearestMillisecond) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  timeline.slice(pod, "s", Time{1'499'999}, Time{1'499'999 + 59'999'500'000});
  EXPECT_EQ(lines_of(text_of(timeline))[1], "      0.001       60.000  p      s");
}

// What does not fit goes on under "details", whole; a name that is too long ends in "…".
TEST(TimelineText, NeverWiderThanTheTerminal) {
  Timeline timeline;
  const TrackId pod = timeline.add_track(std::string(50, 'p'));
  timeline.instant(pod, std::string(40, 'w'), Time{}, {{"a", "12345678901234567890"}, {"b", "2"}, {"c", "3"}});
  timeline.instant(pod, "a space too many", Time{}, {{"a", "12345678901234567890"}, {"bb", "2"}});
  const std::string long_value(200, 'x');
  timeline.instant(pod, "é", at_ms(1), {{"é", long_value}});
  const std::vector<std::string> lines = lines_of(text_of(timeline));
  // 11 + 2 + 11 + 2 columns, 36 of the track, 2, 28 of what, 2: details begin in column 94 and have 26.
  ASSERT_EQ(lines.size(), 13U);  // 24 of the 200 x stand behind "é=", then six times 26, then 20.
  EXPECT_EQ(lines[1], "      0.000               " + std::string(35, 'p') + "…  " + std::string(27, 'w') +
                          "…  a=12345678901234567890 b=2");
  EXPECT_EQ(lines[2], std::string(94, ' ') + "c=3");
  EXPECT_THAT(lines[3], testing::EndsWith("a=12345678901234567890"));
  EXPECT_EQ(lines[4], std::string(94, ' ') + "bb=2");
  EXPECT_EQ(lines[5], "      0.001               " + std::string(35, 'p') + "…  é" + std::string(29, ' ') +
                          "é=" + std::string(24, 'x'));
  EXPECT_EQ(lines[6], std::string(94, ' ') + std::string(26, 'x'));
  EXPECT_EQ(lines[12], std::string(94, ' ') + std::string(20, 'x'));
  EXPECT_EQ(display_width(lines[1]), kTableWidth);
  EXPECT_EQ(display_width(lines[5]), kTableWidth);
}

TEST(TimelineText, LongMessagesBreakAtSpaces) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  timeline.instant(
      pod, "w", Time{},
      {{"message", "0/6 nodes are available: 3 Insufficient cpu, 3 Too many pods, and much more of the same kind."}});
  const std::vector<std::string> lines = lines_of(text_of(timeline));
  // Columns: 11 + 2 + 11 + 2, 5 of the track, 2, 4 of what, 2: details begin in column 39 and have 81.
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[1],
              testing::EndsWith("message=\"0/6 nodes are available: 3 Insufficient cpu, 3 Too many pods, and much"));
  EXPECT_EQ(lines[2], std::string(39, ' ') + "more of the same kind.\"");
}

TEST(TimelineText, Values) {
  struct Case {
    TimelineArg arg;
    const char* expected;
  };
  for (const Case& c : std::vector<Case>{
           {{"k", ByteCount{1023}}, "k=1023B"},
           {{"k", ByteCount{1024}}, "k=1.0KiB"},
           {{"k", ByteCount{1'048'575}}, "k=1.0MiB"},  // 1023.999 KiB
           {{"k", ByteCount{std::int64_t{5} << 40}}, "k=5.0TiB"},
           {{"k", ByteCount{std::int64_t{5} << 52}}, "k=20480.0TiB"},
           {{"k", milliseconds(1'500)}, "k=1.5s"},
           {{"k", std::int64_t{-7}}, "k=-7"},
           {{"k", ""}, "k=\"\""},
           {{"k", "Back-off pulling image"}, "k=\"Back-off pulling image\""},
           {{"k", "\x1B[31m"}, "k=\\x1B[31m"},
       }) {
    Timeline timeline;
    const MarkId mark = timeline.instant(timeline.add_track("p"), "x", Time{});
    timeline.annotate(mark, c.arg);
    EXPECT_THAT(text_of(timeline), testing::EndsWith(std::string("  ") + c.expected + "\n"));
  }
}

TEST(TimelineText, LabelsTellTracksApart) {
  Timeline timeline;
  const TrackId a = timeline.add_track("a");
  const TrackId b = timeline.add_track("b");
  const TrackId a_pod = timeline.add_track("pod", a);
  const TrackId b_pod = timeline.add_track("pod", b);
  timeline.instant(timeline.add_track("app", a_pod), "1", Time{});
  timeline.instant(timeline.add_track("app", b_pod), "2", Time{});
  timeline.instant(timeline.add_track("log", b_pod), "3", Time{});
  timeline.instant(timeline.add_track("b"), "4", Time{});  // Nothing tells it from the other b.
  EXPECT_EQ(text_of(timeline),
            "    begin_s   duration_s  track          what  details\n"
            "      0.000                   a/pod/app  1\n"
            "      0.000                   b/pod/app  2\n"
            "      0.000                   log        3\n"
            "      0.000               b              4\n");
}

TEST(TimelineBars, OfOnePod) {
  const TwoPods pods;
  // 12 s in 60 columns: 5 a second. Columns that are touched are filled: 0 .. 7.5, 7.5 .. 20, 20 .. end.
  EXPECT_EQ(timeline_bars(pods.timeline, pods.web0),
            std::string(16, ' ') + "0.000" + std::string(47, ' ') + "12.000 s\n" + "Pending        |" +
                std::string(8, '=') + std::string(52, ' ') + "| 1.500\n" + "  app: Pulling |" + std::string(7, ' ') +
                std::string(13, '=') + std::string(40, ' ') + "| 2.500\n" + "  app: Running |" + std::string(20, ' ') +
                std::string(39, '=') + ">| open\n");
}

TEST(TimelineBars, KeepsTheLongest) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  for (std::int64_t i = 0; i < 45; ++i) {  // Every ninth is short; the last of all is the longest.
    timeline.slice(pod, "s" + std::to_string(i), at_ms(i), at_ms(i + (i % 9 == 0 ? 1 : 100 + i)));
  }
  const std::vector<std::string> lines = lines_of(timeline_bars(timeline, pod));
  ASSERT_EQ(lines.size(), 1 + kBarRows + 1);
  EXPECT_THAT(lines[1], testing::StartsWith("s1 "));  // In order of time, without s0, s9, s18, s27 and s36.
  EXPECT_THAT(lines[9], testing::StartsWith("s10 "));
  EXPECT_THAT(lines[40], testing::StartsWith("s44 "));
  EXPECT_EQ(lines[41], "5 shorter slices are not shown");
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), kTableWidth);
    EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; })) << line;
  }
}

TEST(TimelineBars, Edges) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  timeline.instant(pod, "Ready", at_ms(5));
  EXPECT_EQ(timeline_bars(timeline, pod), "");
  timeline.slice(pod, "é\x7F", at_ms(3), at_ms(3));  // All begins and ends at one instant: no axis to speak of.
  EXPECT_EQ(timeline_bars(timeline, pod), std::string(7, ' ') + "0.003" + std::string(48, ' ') +
                                              "0.003 s\n?\\x7F |=" + std::string(59, ' ') + "| 0.000\n");
  const TrackId other = timeline.add_track("q");
  const std::int64_t years = 290LL * 365 * 86'400'000;  // Near the end of Time: the axis must not overflow.
  timeline.slice(other, "long", at_ms(0), at_ms(years));
  timeline.slice(other, "end", at_ms(years), at_ms(years));
  const std::vector<std::string> lines = lines_of(timeline_bars(timeline, other));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1], "long |" + std::string(60, '=') + "| 9145440000.000");
  EXPECT_EQ(lines[2], "end  |" + std::string(59, ' ') + "=| 0.000");
}

TEST(TimelineJson, Lines) {
  const std::string text = json_of(TwoPods().timeline);
  const std::string expected = R"({"tracks":[
{"id":0,"name":"cluster"},
{"id":1,"name":"node-1","parent":0},
{"id":2,"name":"web-0","parent":1},
{"id":3,"name":"app","parent":2},
{"id":4,"name":"web-1","parent":1},
{"id":5,"name":"app","parent":4}],
"slices":[
{"id":0,"track":2,"name":"Pending","begin_ns":0,"end_ns":1500000000},
{"id":1,"track":3,"name":"Pulling","begin_ns":1500000000,"end_ns":4000000000,"args":{"image":"nginx:1.27","size_bytes":12897485}},
{"id":2,"track":5,"name":"CrashLoopBackOff","begin_ns":2000000000,"end_ns":12000000000,"args":{"back_off_ns":10000000000,"restarts":3}},
{"id":3,"track":3,"name":"Running","begin_ns":4000000000}],
"instants":[
{"track":2,"name":"Scheduled","at_ns":250000000,"args":{"node":"node-1"}}],
"counters":[
{"track":1,"name":"memory","unit":"bytes","samples":[{"at_ns":0,"value":0},{"at_ns":4000000000,"value":200}]}],
"arrows":[
{"from":0,"to":1}]}
)";
  EXPECT_EQ(text, expected);
  EXPECT_TRUE(json::accept(text));
}

// Added last to first: positions in the file are not those of addition. At one instant they are.
TEST(TimelineJson, OrderOfTimeThenOfAddition) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  const MarkId second = timeline.slice(pod, "second", Time{7}, Time{9});
  const MarkId first = timeline.slice(pod, "first", Time{0}, Time{9});
  timeline.arrow(first, second);
  for (std::int64_t i = 0; i < 100; ++i) timeline.instant(pod, std::to_string(i), Time{i % 2});
  const json parsed = json::parse(json_of(timeline));
  EXPECT_EQ(parsed.at("slices")[0].at("name"), "first");
  EXPECT_EQ(parsed.at("slices")[1].at("name"), "second");
  EXPECT_EQ(parsed.at("arrows"), json::parse(R"([{"from":0,"to":1}])"));
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(parsed.at("instants")[i].at("name"), std::to_string(2 * i));
    EXPECT_EQ(parsed.at("instants")[50 + i].at("name"), std::to_string(2 * i + 1));
  }
}

TEST(TimelineJson, Empty) {
  const Timeline nothing;
  EXPECT_EQ(json::parse(json_of(nothing)),
            json::parse(R"({"tracks":[],"slices":[],"instants":[],"counters":[],"arrows":[]})"));
  const json chrome = json::parse(chrome_of(nothing));
  for (const json& event : chrome.at("traceEvents")) EXPECT_EQ(event.at("ph"), "M");
  EXPECT_EQ(text_of(nothing), "    begin_s   duration_s  track  what  details\n");
}

// Names come back as they were, whatever is in them, from both forms.
TEST(TimelineJson, Escapes) {
  const std::string name = "a\"b\\c\n\t\x01{}%d é\xF0\x9F\x9A\xA2";
  Timeline timeline;
  timeline.slice(timeline.add_track(name), name, Time{1}, Time{2}, {{name, name}, {"size \"x\"", ByteCount{7}}});
  const json parsed = json::parse(json_of(timeline));
  EXPECT_EQ(parsed.at("tracks")[0].at("name"), name);
  EXPECT_EQ(parsed.at("slices")[0].at("name"), name);
  EXPECT_EQ(parsed.at("slices")[0].at("args"), json({{name, name}, {"size \"x\"_bytes", 7}}));
  const json chrome = json::parse(chrome_of(timeline)).at("traceEvents").back();
  EXPECT_EQ(chrome.at("name"), name);
  EXPECT_EQ(chrome.at("args"), json({{name, name}, {"size \"x\"_bytes", 7}}));
}

TEST(ChromeTrace, Events) {
  // Process 1 is the top; process n + 2 holds the children of track n. Threads are the tracks with something on them.
  const json expected = json::parse(R"([
    {"ph":"M","pid":1,"tid":1,"name":"process_name","args":{"name":"timeline"}},
    {"ph":"M","pid":1,"tid":1,"name":"process_sort_index","args":{"sort_index":1}},
    {"ph":"M","pid":2,"tid":1,"name":"process_name","args":{"name":"cluster"}},
    {"ph":"M","pid":2,"tid":1,"name":"process_sort_index","args":{"sort_index":2}},
    {"ph":"M","pid":3,"tid":1,"name":"process_name","args":{"name":"cluster/node-1"}},
    {"ph":"M","pid":3,"tid":1,"name":"process_sort_index","args":{"sort_index":3}},
    {"ph":"M","pid":4,"tid":1,"name":"process_name","args":{"name":"cluster/node-1/web-0"}},
    {"ph":"M","pid":4,"tid":1,"name":"process_sort_index","args":{"sort_index":4}},
    {"ph":"M","pid":3,"tid":1,"name":"thread_name","args":{"name":"web-0"}},
    {"ph":"M","pid":3,"tid":1,"name":"thread_sort_index","args":{"sort_index":1}},
    {"ph":"M","pid":4,"tid":2,"name":"thread_name","args":{"name":"app"}},
    {"ph":"M","pid":4,"tid":2,"name":"thread_sort_index","args":{"sort_index":2}},
    {"ph":"M","pid":6,"tid":1,"name":"process_name","args":{"name":"cluster/node-1/web-1"}},
    {"ph":"M","pid":6,"tid":1,"name":"process_sort_index","args":{"sort_index":6}},
    {"ph":"M","pid":6,"tid":3,"name":"thread_name","args":{"name":"app"}},
    {"ph":"M","pid":6,"tid":3,"name":"thread_sort_index","args":{"sort_index":3}},
    {"ph":"X","pid":3,"tid":1,"ts":0.0,"dur":1500000.0,"name":"Pending"},
    {"ph":"i","pid":3,"tid":1,"ts":250000.0,"s":"t","name":"Scheduled","args":{"node":"node-1"}},
    {"ph":"X","pid":4,"tid":2,"ts":1500000.0,"dur":2500000.0,"name":"Pulling",
     "args":{"image":"nginx:1.27","size_bytes":12897485}},
    {"ph":"X","pid":6,"tid":3,"ts":2000000.0,"dur":10000000.0,"name":"CrashLoopBackOff",
     "args":{"back_off_ns":10000000000,"restarts":3}},
    {"ph":"B","pid":4,"tid":2,"ts":4000000.0,"name":"Running"},
    {"ph":"C","pid":3,"ts":0.0,"name":"memory","args":{"bytes":0}},
    {"ph":"C","pid":3,"ts":4000000.0,"name":"memory","args":{"bytes":200}}])");
  json events = json::parse(chrome_of(TwoPods().timeline)).at("traceEvents");
  ASSERT_EQ(events.size(), expected.size());
  const auto by_text = [](const json& a, const json& b) { return a.dump() < b.dump(); };
  json sorted_expected = expected;  // The format leaves the order of events open.
  std::sort(events.begin(), events.end(), by_text);
  std::sort(sorted_expected.begin(), sorted_expected.end(), by_text);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i], sorted_expected[i]);
}

TEST(ChromeTrace, OverlapTakesAThreadOfTheSameName) {
  Timeline timeline;
  const TrackId pulls = timeline.add_track("pulls");
  timeline.slice(pulls, "a", Time{0}, Time{5});
  timeline.slice(pulls, "b", Time{3}, Time{8});
  timeline.instant(timeline.add_track("next"), "c", Time{9});
  std::map<std::string, json> thread_of;
  std::map<json, std::string> name_of;
  const json parsed = json::parse(chrome_of(timeline));
  for (const json& event : parsed.at("traceEvents")) {
    if (event.at("ph") != "M") thread_of[event.at("name")] = event.at("tid");
    if (event.at("name") == "thread_name") name_of[event.at("tid")] = event.at("args").at("name");
  }
  EXPECT_EQ(name_of.size(), 3U);
  EXPECT_NE(thread_of.at("a"), thread_of.at("b"));
  EXPECT_EQ(name_of.at(thread_of.at("a")), "pulls");
  EXPECT_EQ(name_of.at(thread_of.at("b")), "pulls");
  EXPECT_EQ(name_of.at(thread_of.at("c")), "next");
}

TEST(ChromeTrace, NanosecondsStayExact) {
  Timeline timeline;
  timeline.slice(timeline.add_track("p"), "s", Time{9'000'000'000'000'001'007}, Time{9'000'000'000'000'001'008});
  EXPECT_THAT(chrome_of(timeline), testing::HasSubstr(R"("ts":9000000000000001.007,"dur":0.001,)"));
}

TEST(Timeline, TextBecomesUtf8) {
  struct Case {
    const char* text;
    const char* expected;
  };
  for (const Case& c : std::vector<Case>{
           {"plain", "plain"},
           {"é€🚢", "é€🚢"},
           {"\xC0\xAF", "\uFFFD\uFFFD"},  // Overlong '/'.
           {"\xE0\x9F\xBF", "\uFFFD\uFFFD\uFFFD"},
           {"\xF0\x8F\xBF\xBF", "\uFFFD\uFFFD\uFFFD\uFFFD"},
           {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // A surrogate.
           {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // Above U+10FFFF.
           {"a\xE2\x82", "a\uFFFD\uFFFD"},                    // Cut short.
           {"\xFFz", "\uFFFDz"},
       }) {
    Timeline timeline;
    const TrackId track = timeline.add_track(c.text);
    EXPECT_EQ(timeline.text(timeline.tracks()[index(track)].name), c.expected);
  }
}

TEST(Timeline, ArgumentsAreUnique) {
  Timeline timeline;
  const MarkId slice = timeline.begin(timeline.add_track("p"), "s", Time{}, {{"a", std::int64_t{1}}, {"b", "x"}});
  timeline.end(slice, Time{1}, {{"a", "now a text"}, {"c", std::int64_t{3}}});
  EXPECT_EQ(json::parse(json_of(timeline)).at("slices")[0].at("args"),
            json({{"a", "now a text"}, {"b", "x"}, {"c", 3}}));
}

TEST(Timeline, MovedWithItsTexts) {
  Timeline source;
  const TrackId pod = source.add_track("web");  // Short enough to be held within std::string.
  Timeline target = std::move(source);
  target.instant(pod, "web", Time{});
  Timeline assigned;
  assigned = std::move(target);
  assigned.instant(pod, "web", Time{1});
  EXPECT_EQ(assigned.text_count(), 1U);
  EXPECT_EQ(assigned.text(assigned.marks()[1].what), "web");
}

TEST(TimelineDeathTest, Misuse) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  const MarkId early = timeline.slice(pod, "early", Time{1}, Time{2});
  const MarkId late = timeline.begin(pod, "late", Time{5});
  EXPECT_DEATH(timeline.end(late, Time{4}), "");
  EXPECT_DEATH(timeline.end(early, Time{4}), "");  // It is over.
  EXPECT_DEATH(timeline.slice(pod, "backwards", Time{2}, Time{1}), "");
  EXPECT_DEATH(timeline.arrow(late, early), "");
  EXPECT_DEATH(timeline.instant(TrackId{1}, "nowhere", Time{}), "");
}

struct Span {
  std::int64_t begin;
  std::int64_t end;  // -1: open.
};
TimelineLanes lanes_of_spans(const std::vector<Span>& spans) {
  Timeline timeline;
  const TrackId track = timeline.add_track("t");
  for (const Span& s : spans) {
    if (s.end < 0) {
      timeline.begin(track, "s", Time{s.begin});
    } else {
      timeline.slice(track, "s", Time{s.begin}, Time{s.end});
    }
  }
  return lanes_of(timeline);
}

TEST(TimelineLanes, ByHand) {
  using Lanes = std::vector<std::uint32_t>;
  EXPECT_EQ(lanes_of_spans({{0, 10}, {2, 5}, {5, 10}, {10, 12}}).of_mark, (Lanes{0, 0, 0, 0}));  // Nest, follow.
  EXPECT_EQ(lanes_of_spans({{2, 5}, {0, 10}}).of_mark, (Lanes{0, 0}));            // Added after what it encloses.
  EXPECT_EQ(lanes_of_spans({{0, 3}, {0, 8}}).of_mark, (Lanes{0, 0}));             // Begin together.
  EXPECT_EQ(lanes_of_spans({{0, 5}, {3, 8}, {5, 9}}).of_mark, (Lanes{0, 1, 0}));  // Overlap; lane 0 is free again.
  EXPECT_EQ(lanes_of_spans({{0, 5}, {3, -1}, {4, -1}}).of_mark, (Lanes{0, 1, 1}));
  EXPECT_EQ(lanes_of_spans({{0, 5}, {5, 5}, {5, 5}, {5, 7}}).of_mark, (Lanes{0, 0, 0, 0}));
  EXPECT_EQ(lanes_of_spans({{0, 5}, {3, 8}, {4, 9}, {3, 4}}).of_track, (Lanes{3}));
}

TEST(TimelineLanes, Nest) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Span> spans;
    for (int i = 0; i < 30; ++i) {
      const auto begin = static_cast<std::int64_t>(random() % 20);
      spans.push_back({begin, random() % 10 == 0 ? -1 : begin + static_cast<std::int64_t>(random() % 8)});
    }
    const TimelineLanes lanes = lanes_of_spans(spans);
    for (std::size_t a = 0; a < spans.size(); ++a) {
      ASSERT_LT(lanes.of_mark[a], lanes.of_track[0]);
      for (std::size_t b = 0; b < a; ++b) {
        if (lanes.of_mark[a] != lanes.of_mark[b]) continue;
        const auto end = [&](std::size_t s) { return spans[s].end < 0 ? 1'000 : spans[s].end; };
        const auto within = [&](std::size_t in, std::size_t out) {
          return spans[out].begin <= spans[in].begin && end(in) <= end(out);
        };
        ASSERT_TRUE(end(a) <= spans[b].begin || end(b) <= spans[a].begin || within(a, b) || within(b, a))
            << "round " << round << ", slices " << a << " and " << b;
      }
    }
  }
}

TEST(Timeline, ChunksAreWholeInOrder) {
  Timeline timeline;
  const TrackId pod = timeline.add_track("p");
  for (std::int64_t i = 0; i < 5'000; ++i) timeline.slice(pod, "s", Time{i}, Time{i + 1}, {{"i", i}});
  std::size_t chunks = 0;
  std::string all;
  write_timeline_json(timeline, [&](std::string_view chunk) {
    ++chunks;
    all += chunk;
  });
  EXPECT_GT(chunks, 2U);
  const json parsed = json::parse(all);
  ASSERT_EQ(parsed.at("slices").size(), 5'000U);
  for (std::size_t i = 0; i < 5'000; ++i) EXPECT_EQ(parsed.at("slices")[i].at("args").at("i"), i);
}

}  // namespace
}  // namespace berth

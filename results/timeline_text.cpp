// A timeline for a terminal: lines in order of time, and bars.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "results/table.hpp"
#include "results/timeline.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::size_t kTimeWidth = 11;
constexpr std::size_t kMaxTrackWidth = 36;
constexpr std::size_t kMaxWhatWidth = 28;
constexpr std::size_t kMaxBarLabelWidth = 44;

// Control characters as \xNN, so that a name cannot steer the terminal.
std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(shown), "\\x{:02X}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

// At most `width` characters; what is cut off leaves `mark` behind.
std::string cut(std::string text, std::size_t width, std::string_view mark) {
  if (display_width(text) <= width) return text;
  std::size_t keep = width - display_width(mark);
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts && keep-- == 0) break;
  }
  text.resize(at);
  return text.append(mark);
}

void pad_to(std::string& line, std::size_t width) {
  const std::size_t have = display_width(line);
  if (have < width) line.append(width - have, ' ');
}

// Nearest millisecond: "12.345".
std::string in_seconds(std::int64_t ns) {
  const std::int64_t ms = ns / 1'000'000 + (ns % 1'000'000 >= 500'000 ? 1 : 0);
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

std::string duration_of(const Timeline::Mark& mark) {
  if (mark.instant) return {};
  return mark.end == kNever ? "open" : in_seconds((mark.end - mark.begin).ns);
}

// "12.3MiB"; exact below 1 KiB.
std::string human(ByteCount count) {
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (count.bytes < 1024) return fmt::format("{}B", count.bytes);
  double value = static_cast<double>(count.bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;  // 1023.95 would round to 1024.0.
  return fmt::format("{:.1f}{}", value, kUnits[unit]);
}

// "image=nginx", "size=12.3MiB"; a text with blanks in quotes.
std::vector<std::string> details_of(const Timeline& timeline, const Timeline::Mark& mark) {
  struct Shown {
    const Timeline& timeline;
    std::string operator()(TextId id) const {
      const std::string text = printable(timeline.text(id));
      return text.empty() || text.find(' ') != std::string::npos ? "\"" + text + "\"" : text;
    }
    std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
    std::string operator()(ByteCount count) const { return human(count); }
    std::string operator()(Duration span) const { return to_string(span); }
  };
  std::vector<std::string> details;
  timeline.each_arg(mark, [&](TextId key, auto value) {
    details.push_back(printable(timeline.text(key)) + "=" + Shown{timeline}(value));
  });
  return details;
}

// Each track's name, with as much of the path before it as no other track that is shown shares: "app" becomes
// "web-0/app" where there is a second "app". Tracks with equal paths keep equal labels. O(text of all paths).
std::vector<std::string> labels_of(const Timeline& timeline, const std::vector<bool>& shown) {
  const std::span<const Timeline::Track> tracks = timeline.tracks();
  std::vector<std::string> labels;
  std::vector<TrackId> above;  // By track: the next one of its path to be put before.
  for (const Timeline::Track& track : tracks) {
    labels.push_back(printable(timeline.text(track.name)));
    above.push_back(track.parent);
  }
  for (bool longer = true; longer;) {
    longer = false;
    std::unordered_map<std::string_view, std::uint32_t> uses;
    for (std::size_t t = 0; t < tracks.size(); ++t) uses[labels[t]] += shown[t] ? 1 : 0;
    std::vector<std::string> next = labels;
    for (std::size_t t = 0; t < tracks.size(); ++t) {
      if (!shown[t] || uses[labels[t]] == 1 || above[t] == kNoTrack) continue;
      next[t] = printable(timeline.text(tracks[index(above[t])].name)) + "/" + labels[t];
      above[t] = tracks[index(above[t])].parent;
      longer = true;
    }
    labels = std::move(next);
  }
  return labels;
}

// By track: is it `root` or below it? Everything is, if there is no root.
std::vector<bool> subtree(const Timeline& timeline, TrackId root) {
  const std::span<const Timeline::Track> tracks = timeline.tracks();
  BERTH_CHECK(root == kNoTrack || index(root) < tracks.size());
  std::vector<bool> within(tracks.size(), root == kNoTrack);
  if (root == kNoTrack) return within;
  within[index(root)] = true;
  for (std::size_t t = index(root) + 1; t < tracks.size(); ++t) {  // Parents come before their children.
    within[t] = tracks[t].parent != kNoTrack && within[index(tracks[t].parent)];
  }
  return within;
}

std::uint32_t depth_below(const Timeline& timeline, TrackId track, TrackId root) {
  const std::uint32_t depth = timeline.tracks()[index(track)].depth;
  return root == kNoTrack ? depth : depth - timeline.tracks()[index(root)].depth;
}

void append_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

// ASCII of the same width.
std::string ascii(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      plain += c;
    } else if ((byte & 0xC0) != 0x80) {
      plain += '?';
    }
  }
  return plain;
}

// In pieces of at most `columns`, broken behind spaces where there are any: a message is shown whole.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> pieces;
  while (display_width(text) > columns) {
    std::size_t fits = text.size();
    while (display_width(text.substr(0, fits)) > columns) {  // Not within a character.
      do {
        --fits;
      } while (fits > 1 && (static_cast<unsigned char>(text[fits]) & 0xC0) == 0x80);
    }
    if (fits == 0) break;
    const std::size_t space = text.rfind(' ', fits);
    const std::size_t end = space == std::string_view::npos || space == 0 ? fits : space + (space < fits ? 1 : 0);
    pieces.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  if (!text.empty()) pieces.emplace_back(text);
  return pieces;
}

}  // namespace

void write_timeline_text(const Timeline& timeline, const ChunkSink& sink, TrackId root) {
  const std::vector<bool> within = subtree(timeline, root);
  std::vector<std::string> tracks = labels_of(timeline, within);
  std::size_t track_width = display_width("track");
  std::size_t what_width = display_width("what");
  std::vector<bool> used(tracks.size(), false);
  std::vector<bool> measured(timeline.text_count(), false);
  for (const Timeline::Mark& mark : timeline.marks()) {
    if (!within[index(mark.track)]) continue;
    used[index(mark.track)] = true;
    if (measured[index(mark.what)]) continue;
    measured[index(mark.what)] = true;
    what_width = std::max(what_width, display_width(printable(timeline.text(mark.what))));
  }
  what_width = std::min(what_width, kMaxWhatWidth);
  for (std::size_t t = 0; t < tracks.size(); ++t) {
    if (!used[t]) continue;
    const std::size_t indent = std::min<std::size_t>(
        2 * depth_below(timeline, TrackId{static_cast<std::uint32_t>(t)}, root), kMaxTrackWidth / 2);
    tracks[t] = cut(std::string(indent, ' ') + tracks[t], kMaxTrackWidth, "…");
    track_width = std::max(track_width, display_width(tracks[t]));
  }
  const std::size_t what_at = 2 * kTimeWidth + 4 + track_width + 2;
  const std::size_t details_at = what_at + what_width + 2;

  ChunkBuffer out(sink);
  const auto line_start = [&](std::string_view begin, std::string_view duration, std::string_view track,
                              std::string_view what) {
    std::string line = fmt::format("{:>{}}  {:>{}}  {}", begin, kTimeWidth, duration, kTimeWidth, track);
    pad_to(line, what_at);
    line += what;
    pad_to(line, details_at);
    return line;
  };
  append_line(out.text(), line_start("begin_s", "duration_s", "track", "what") + "details");
  for (const std::uint32_t m : marks_in_order(timeline)) {
    const Timeline::Mark& mark = timeline.marks()[m];
    if (!within[index(mark.track)]) continue;
    std::string line = line_start(in_seconds(mark.begin.ns), duration_of(mark), tracks[index(mark.track)],
                                  cut(printable(timeline.text(mark.what)), what_width, "…"));
    std::size_t used_columns = details_at;
    for (const std::string& whole : details_of(timeline, mark)) {
      for (const std::string& detail : wrapped(whole, kTableWidth - details_at)) {
        const std::size_t width = display_width(detail);
        if (used_columns > details_at && used_columns + 1 + width > kTableWidth) {
          append_line(out.text(), std::move(line));
          line.assign(details_at, ' ');
          used_columns = details_at;
        }
        if (used_columns > details_at) {
          line += ' ';
          ++used_columns;
        }
        line += detail;
        used_columns += width;
      }
    }
    append_line(out.text(), std::move(line));
  }
  out.flush();
}

std::string timeline_bars(const Timeline& timeline, TrackId root) {
  BERTH_CHECK(root != kNoTrack);
  const std::vector<bool> within = subtree(timeline, root);
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t m : marks_in_order(timeline)) {
    if (!timeline.marks()[m].instant && within[index(timeline.marks()[m].track)]) rows.push_back(m);
  }
  if (rows.empty()) return {};
  const auto end_of = [&](std::uint32_t m) {
    const Timeline::Mark& mark = timeline.marks()[m];
    return mark.end == kNever ? timeline.last() : mark.end;
  };
  const std::size_t left_out = rows.size() > kBarRows ? rows.size() - kBarRows : 0;
  if (left_out > 0) {
    std::ranges::stable_sort(rows, std::greater<>(),
                             [&](std::uint32_t m) { return end_of(m) - timeline.marks()[m].begin; });
    rows.resize(kBarRows);
    std::ranges::sort(rows, {}, [&](std::uint32_t m) { return std::pair(timeline.marks()[m].begin, m); });
  }

  const std::vector<std::string> tracks = labels_of(timeline, within);
  const Time first = timeline.marks()[rows.front()].begin;
  Time last = first;
  std::vector<std::string> labels;
  std::size_t label_width = 0;
  for (const std::uint32_t m : rows) {
    const Timeline::Mark& mark = timeline.marks()[m];
    last = std::max(last, end_of(m));
    std::string label(std::min<std::size_t>(2 * depth_below(timeline, mark.track, root), kMaxBarLabelWidth / 2), ' ');
    if (mark.track != root) label += tracks[index(mark.track)] + ": ";
    label += printable(timeline.text(mark.what));
    labels.push_back(cut(ascii(label), kMaxBarLabelWidth, "..."));
    label_width = std::max(label_width, labels.back().size());
  }
  const auto columns_to = [&](Time t, bool up) {
    const std::int64_t span = (last - first).ns;
    if (span == 0) return std::size_t{0};
    const auto scaled = static_cast<__int128>((t - first).ns) * static_cast<std::int64_t>(kBarColumns);
    return static_cast<std::size_t>((scaled + (up ? span - 1 : 0)) / span);
  };

  const std::string from = in_seconds(first.ns);
  const std::string to = in_seconds(last.ns);
  std::string text;
  append_line(text, fmt::format("{:{}}  {}{:>{}}", "", label_width, from, to + " s", kBarColumns - from.size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Timeline::Mark& mark = timeline.marks()[rows[r]];
    const std::size_t begin =
        std::min(columns_to(mark.begin, false), kBarColumns - 1);  // The shortest slice has a column.
    const std::size_t end = mark.end == kNever ? kBarColumns : std::max(columns_to(mark.end, true), begin + 1);
    std::string bar(kBarColumns, ' ');
    std::fill(bar.begin() + static_cast<std::ptrdiff_t>(begin), bar.begin() + static_cast<std::ptrdiff_t>(end), '=');
    if (mark.end == kNever) bar.back() = '>';
    append_line(text, fmt::format("{:{}} |{}| {}", labels[r], label_width, bar, duration_of(mark)));
  }
  if (left_out > 0) append_line(text, fmt::format("{} shorter slices are not shown", left_out));
  return text;
}

}  // namespace berth

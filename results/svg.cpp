#include "results/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "results/table.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr double kWidth = 900;
constexpr double kHeight = 540;
constexpr double kLetter = 0.62;  // Width of a letter in ems; a wide sans-serif, so that text seldom overlaps.
constexpr const char* kInk = "#222222";
constexpr const char* kFaint = "#e2e2e2";

// Okabe and Ito's palette without its yellow, which is too light for lines. 7 colours and 5 dashes: 35 distinct curves.
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#222222", "#e69f00", "#56b4e9"};
constexpr std::array kDashes = {"", "9 3", "2 3", "9 3 2 3", "16 4"};

// --- What a name says about its unit.

struct Unit {
  const char* word;
  const char* text;
};
constexpr std::array kUnits = {Unit{"pct", "%"},   Unit{"seconds", "s"}, Unit{"bytes", "B"},     Unit{"usd", "USD"},
                               Unit{"watts", "W"}, Unit{"kwh", "kWh"},   Unit{"milli", "1/1000"}};

struct Quantity {
  std::string title;  // "pod wait p99"
  std::string unit;   // "s"; empty: a count.
};

Quantity quantity(std::string_view name) {
  Quantity q;
  bool first = true;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('_'), name.size());
    const std::string_view word = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    const auto unit = std::ranges::find_if(kUnits, [word](const Unit& u) { return word == u.word; });
    if (unit != kUnits.end() && q.unit.empty() && !first) {
      q.unit = unit->text;
    } else {
      if (!q.title.empty()) q.title += ' ';
      q.title += word;
    }
    first = false;
  }
  return q;
}

struct Scale {
  double factor;  // Divide by it.
  const char* unit;
};

// The largest unit of which `size` has at least two (three for time, where 2 h are better told as 120 min).
Scale scale_for(const std::string& unit, double size) {
  if (unit == "s") {
    static constexpr std::array kTimes = {Scale{86400, "d"}, Scale{3600, "h"}, Scale{60, "min"}};
    for (const Scale& s : kTimes) {
      if (size >= 3 * s.factor) return s;
    }
    if (size > 0 && size < 2e-6) return {1e-9, "ns"};
    if (size > 0 && size < 2e-3) return {1e-6, "µs"};
    if (size > 0 && size < 2) return {1e-3, "ms"};
    return {1, "s"};
  }
  if (unit == "B") {
    static constexpr std::array kSizes = {Scale{0x1p50, "PiB"}, Scale{0x1p40, "TiB"}, Scale{0x1p30, "GiB"},
                                          Scale{0x1p20, "MiB"}, Scale{0x1p10, "KiB"}};
    for (const Scale& s : kSizes) {
      if (size >= 2 * s.factor) return s;
    }
  }
  return {1, ""};
}

// --- Axes.

// Values lie in [low, high], both in the drawn unit.
struct Axis {
  double factor = 1;
  double low = 0;
  double high = 1;
  double step = 1;
  std::string title;
  double position(double value) const { return (value / factor - low) / (high - low); }  // 0 .. 1
};

double nice_step(double span, int most, std::string_view unit) {
  const double least = span / most;
  if (unit == "h" || unit == "min" || unit == "s") {  // Clock-like steps where they are whole.
    static constexpr std::array kHours = {1.0, 2.0, 3.0, 6.0, 12.0, 24.0};
    static constexpr std::array kSixtieths = {1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0};
    const std::span<const double> steps = unit == "h" ? std::span<const double>(kHours) : kSixtieths;
    if (least > 0.5) {
      for (const double step : steps) {
        if (step >= least) return step;
      }
    }
  }
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double k : {1.0, 2.0, 5.0}) {
    if (k * power >= least * (1 - 1e-9)) return k * power;
  }
  return 10 * power;
}

// An axis over [low, high] of the quantity `name`. `round`: widened to whole steps.
Axis make_axis(std::string_view name, double low, double high, int most_ticks, bool round,
               std::string_view prefix = "") {
  const Quantity q = quantity(name);
  const Scale scale = scale_for(q.unit, std::max(std::abs(low), std::abs(high)));
  Axis axis;
  axis.factor = scale.factor;
  axis.low = low / scale.factor;
  axis.high = high / scale.factor;
  if (!(axis.high - axis.low > 1e-9 * std::max(std::abs(axis.low), std::abs(axis.high)))) {  // One value: some room.
    const double room = axis.high == 0 ? 1 : std::abs(axis.high) * 0.1;
    axis.low -= axis.low > 0 || axis.low < 0 ? room : 0;
    axis.high += room;
  }
  const std::string unit = *scale.unit != '\0' ? scale.unit : q.unit;
  axis.step = nice_step(axis.high - axis.low, most_ticks, unit);
  if (round) {
    axis.low = std::floor(axis.low / axis.step + 1e-9) * axis.step;
    axis.high = std::ceil(axis.high / axis.step - 1e-9) * axis.step;
  }
  axis.title = fmt::format("{}{}{}", prefix, q.title, unit.empty() ? "" : " (" + unit + ")");
  return axis;
}

std::vector<double> ticks(const Axis& axis) {
  std::vector<double> values;
  const double first = std::ceil(axis.low / axis.step - 1e-9);
  for (double k = first; k * axis.step <= axis.high + 1e-9 * axis.step; k += 1) values.push_back(k * axis.step);
  return values;
}

std::string tick_label(double value, const Axis& axis) {
  const double size = std::max(std::abs(axis.low), std::abs(axis.high));
  static constexpr std::array kThousands = {Scale{1e12, "T"}, Scale{1e9, "G"}, Scale{1e6, "M"}};
  for (const Scale& s : kThousands) {
    if (size >= s.factor) return value == 0 ? "0" : fmt::format("{:.6g}{}", value / s.factor, s.unit);
  }
  if (axis.step < 1e-4) return fmt::format("{:.3g}", value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(axis.step) + 1e-9)));
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  return text.find_first_not_of("-0.") == std::string::npos ? "0" : text;
}

// --- SVG text.

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

// At most `letters` code points, the middle left out: policies often differ in their last parameter.
std::string fitted(std::string_view text, std::size_t letters) {
  if (display_width(text) <= letters || letters < 5) return std::string(text);
  std::vector<std::string_view> points;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    points.push_back(text.substr(i, end - i));
    i = end;
  }
  const std::size_t tail = letters * 2 / 5;
  std::string result;
  for (std::size_t i = 0; i < letters - 1 - tail; ++i) result += points[i];
  result += "…";
  for (std::size_t i = points.size() - tail; i < points.size(); ++i) result += points[i];
  return result;
}

std::string label(double x, double y, double size, std::string_view anchor, std::string_view text,
                  std::string_view extra = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, size,
                     anchor, extra, escaped(text));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view colour, double width) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{}\"/>\n", x1, y1, x2,
      y2, colour, width);
}

std::string head(double height, std::string_view title, std::string_view caption) {
  const auto letters = static_cast<std::size_t>((kWidth - 40) / kLetter);
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "role=\"img\" font-family=\"DejaVu Sans, Verdana, Helvetica, sans-serif\" fill=\"{2}\">\n<title>{3}</title>\n"
      "<desc>{4}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      kWidth, height, kInk, escaped(title), escaped(caption));
  text += label(20, 30, 18, "start", fitted(title, letters / 19), " font-weight=\"bold\"");
  text += label(20, 51, 12, "start", fitted(caption, letters / 12), " fill=\"#555555\"");
  return text;
}

std::string stroke(std::size_t curve) {
  const std::string_view dash = kDashes[curve % kDashes.size()];
  return fmt::format("stroke=\"{}\" stroke-width=\"2\"{} stroke-linejoin=\"round\" fill=\"none\"",
                     kColours[curve % kColours.size()],
                     dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", dash));
}

// --- Curves.

struct Frame {
  double left, top, right, bottom;
  Axis x, y;
  double px(double value) const { return left + x.position(value) * (right - left); }
  double py(double value) const { return bottom - y.position(value) * (bottom - top); }
};

// Which points to draw: of each pixel column the first, the last, the lowest and the highest.
std::vector<std::size_t> visible(const Curve& curve, const Frame& frame) {
  std::vector<std::size_t> kept;
  for (std::size_t first = 0; first < curve.x.size();) {
    const double column = std::floor(frame.px(curve.x[first]));
    std::size_t last = first;
    std::size_t lowest = first;
    std::size_t highest = first;
    while (last + 1 < curve.x.size() && std::floor(frame.px(curve.x[last + 1])) == column) {
      ++last;
      if (curve.y[last] < curve.y[lowest]) lowest = last;
      if (curve.y[last] > curve.y[highest]) highest = last;
    }
    const std::set<std::size_t> chosen{first, lowest, highest, last};
    kept.insert(kept.end(), chosen.begin(), chosen.end());
    first = last + 1;
  }
  return kept;
}

void append_band(std::string& svg, const Curve& curve, const Frame& frame, std::span<const std::size_t> kept,
                 std::string_view colour) {
  const auto drawn = [&](std::size_t i) { return std::isfinite(curve.low[i]) && std::isfinite(curve.high[i]); };
  for (std::size_t first = 0; first < kept.size();) {
    std::size_t end = first;
    while (end < kept.size() && drawn(kept[end])) ++end;
    if (end > first) {
      svg += fmt::format("<path fill=\"{}\" fill-opacity=\"0.16\" stroke=\"none\" d=\"", colour);
      for (std::size_t i = first; i < end; ++i) {
        svg += fmt::format("{}{:.1f},{:.1f}", i == first ? "M" : " ", frame.px(curve.x[kept[i]]),
                           frame.py(curve.high[kept[i]]));
      }
      for (std::size_t i = end; i-- > first;) {
        svg += fmt::format(" {:.1f},{:.1f}", frame.px(curve.x[kept[i]]), frame.py(curve.low[kept[i]]));
      }
      svg += "Z\"/>\n";
    }
    first = end + 1;
  }
}

void append_line(std::string& svg, const Curve& curve, const Frame& frame, std::span<const std::size_t> kept,
                 std::size_t number) {
  std::string path;
  bool pen_down = false;
  std::size_t length = 0;
  for (const std::size_t i : kept) {
    if (!std::isfinite(curve.y[i])) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{:.1f},{:.1f}", pen_down ? " " : "M", frame.px(curve.x[i]), frame.py(curve.y[i]));
    pen_down = true;
    ++length;
  }
  if (length == 0) return;
  if (length == 1) path += "h0.1";  // A lone point: the line's width makes it a dot.
  svg += fmt::format("<path {} stroke-linecap=\"butt\" d=\"{}\"><title>{}</title></path>\n", stroke(number), path,
                     escaped(curve.label));
}

struct Range {
  double low = INFINITY;
  double high = -INFINITY;
  void add(double v) {
    if (!std::isfinite(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
};

// Zero belongs in the picture unless the curves keep well away from it; a band does not draw a quantity that is never
// negative below zero.
Range y_range(const CurveChart& chart) {
  Range means;
  Range all;
  for (const Curve& curve : chart.curves) {
    for (const double v : curve.y) means.add(v);
    for (const auto* values : {&curve.y, &curve.low, &curve.high}) {
      for (const double v : *values) all.add(v);
    }
  }
  if (means.empty()) return {0, 1};
  if (means.low >= 0) all.low = std::max(all.low, 0.0);
  if (all.low > 0 && all.low < 0.5 * all.high) all.low = 0;
  return all;
}

std::string axes(const Frame& frame) {
  std::string svg;
  for (const double t : ticks(frame.y)) {
    const double y = frame.py(t * frame.y.factor);
    svg += line(frame.left, y, frame.right, y, kFaint, 1);
    svg += label(frame.left - 8, y + 4, 12, "end", tick_label(t, frame.y));
  }
  for (const double t : ticks(frame.x)) {
    const double x = frame.px(t * frame.x.factor);
    svg += line(x, frame.bottom, x, frame.bottom + 5, kInk, 1);
    svg += label(x, frame.bottom + 20, 12, "middle", tick_label(t, frame.x));
  }
  svg += line(frame.left, frame.bottom, frame.right, frame.bottom, kInk, 1);
  svg += line(frame.left, frame.top, frame.left, frame.bottom, kInk, 1);
  svg += label((frame.left + frame.right) / 2, frame.bottom + 40, 13, "middle", frame.x.title);
  const double middle = (frame.top + frame.bottom) / 2;
  svg += label(18, middle, 13, "middle", frame.y.title, fmt::format(" transform=\"rotate(-90 18 {:.1f})\"", middle));
  return svg;
}

// --- File names.

std::string safe(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool kept =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (kept) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.substr(0, 100);
}

std::string unique_name(std::set<std::string>& taken, const std::string& stem) {
  std::string name = stem + ".svg";
  for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}.svg", stem, i);
  return name;
}

template <class T>
void add_once(std::vector<T>& items, const T& item) {
  if (std::ranges::find(items, item) == items.end()) items.push_back(item);
}

// The mean curve of one policy over its runs' series.
Curve mean_curve(const std::string& policy, std::span<const Series* const> runs) {
  Curve curve;
  curve.label = policy;
  std::size_t points = runs.front()->x.size();
  for (const Series* run : runs) {
    points = std::min(points, run->x.size());
    for (std::size_t i = 0; i < points; ++i) {
      if (run->x[i] != runs.front()->x[i]) points = i;
    }
  }
  curve.x.assign(runs.front()->x.begin(), runs.front()->x.begin() + static_cast<std::ptrdiff_t>(points));
  std::vector<double> values(runs.size());
  for (std::size_t i = 0; i < points; ++i) {
    std::ranges::transform(runs, values.begin(), [i](const Series* run) { return run->y[i]; });
    const Estimate e = estimate(values);
    curve.y.push_back(e.mean);
    if (runs.size() < 2) continue;
    curve.low.push_back(e.mean - e.half_width);
    curve.high.push_back(e.mean + e.half_width);
  }
  return curve;
}

}  // namespace

std::string curve_svg(const CurveChart& chart) {
  constexpr double kLegendLine = 20;
  constexpr double kSample = 44;  // Line sample and gap before a legend's text.
  constexpr double kLegendSize = 12;
  std::size_t longest = 1;
  for (const Curve& curve : chart.curves) {
    BERTH_CHECK(curve.y.size() == curve.x.size());
    BERTH_CHECK(curve.low.size() == curve.high.size() && (curve.low.empty() || curve.low.size() == curve.x.size()));
    longest = std::max(longest, display_width(curve.label));
  }
  const double available = kWidth - 90;
  const double wanted = static_cast<double>(longest) * kLetter * kLegendSize + kSample + 20;
  const std::size_t columns = std::clamp<std::size_t>(static_cast<std::size_t>(available / wanted), 1, 5);
  const double column_width = available / static_cast<double>(columns);
  const auto letters = static_cast<std::size_t>((column_width - kSample) / (kLetter * kLegendSize));
  const std::size_t rows = (chart.curves.size() + columns - 1) / columns;
  const double legend = static_cast<double>(rows) * kLegendLine;
  const double height = kHeight + std::max(0.0, legend - 4 * kLegendLine);

  Range x_range;
  for (const Curve& curve : chart.curves) {
    for (const double v : curve.x) x_range.add(v);
  }
  if (x_range.empty()) x_range = {0, 1};
  const Range y = y_range(chart);
  const Frame frame{84,
                    70,
                    kWidth - 24,
                    height - legend - 66,
                    make_axis(chart.x_name, x_range.low, x_range.high, 10, false),
                    make_axis(chart.y_name, y.low, y.high, 7, true)};

  std::string svg = head(height, chart.title, chart.caption) + axes(frame);
  svg += fmt::format(
      "<clipPath id=\"plot\"><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/></clipPath>\n",
      frame.left, frame.top - 1, frame.right - frame.left + 1, frame.bottom - frame.top + 2);
  svg += "<g clip-path=\"url(#plot)\">\n";
  std::string solid;  // Below the dashed lines: curves that coincide all stay in sight.
  std::string dashed;
  for (std::size_t c = 0; c < chart.curves.size(); ++c) {
    const Curve& curve = chart.curves[c];
    const std::vector<std::size_t> kept = visible(curve, frame);
    if (!curve.low.empty()) append_band(svg, curve, frame, kept, kColours[c % kColours.size()]);
    append_line(*kDashes[c % kDashes.size()] == '\0' ? solid : dashed, curve, frame, kept, c);
  }
  svg += solid + dashed + "</g>\n";
  for (std::size_t c = 0; c < chart.curves.size(); ++c) {
    const double x = 64 + static_cast<double>(c % columns) * column_width;
    const double middle = height - legend - 4 + static_cast<double>(c / columns) * kLegendLine;
    svg += fmt::format("<path {} d=\"M{:.1f},{:.1f}h34\"/>\n", stroke(c), x, middle);
    svg += label(x + kSample - 2, middle + 4, kLegendSize, "start", fitted(chart.curves[c].label, letters));
  }
  return svg + "</svg>\n";
}

std::string forest_svg(const ForestChart& chart) {
  constexpr double kRow = 24;
  constexpr double kTop = 76;
  constexpr double kNumbers = 190;  // Width of the numbers on the right.
  constexpr double kLabelLetter = 12 * kLetter;
  std::size_t longest = 0;
  Range range;
  range.add(0);
  double height = kTop + 60;
  for (const ForestGroup& group : chart.groups) {
    height += kRow * (static_cast<double>(group.rows.size()) + (group.heading.empty() ? 0 : 1.2));
    for (const ForestRow& row : group.rows) {
      const Estimate& d = row.difference;
      longest = std::max(longest, display_width(row.label));
      range.add(d.mean);
      if (!d.has_interval()) continue;
      range.add(d.mean - d.half_width);
      range.add(d.mean + d.half_width);
    }
  }
  if (range.low == 0 && range.high == 0) range = {-1, 1};
  const double labels = std::clamp(static_cast<double>(longest) * kLabelLetter + 60, 240.0, 440.0);
  const auto letters = static_cast<std::size_t>((labels - 60) / kLabelLetter);
  const Frame frame{labels,
                    kTop,
                    kWidth - kNumbers,
                    height - 54,
                    make_axis(chart.value_name, range.low, range.high, 6, true, "difference in "),
                    {}};
  std::string svg = head(height, chart.title, chart.caption);
  for (const double t : ticks(frame.x)) {
    const double x = frame.px(t * frame.x.factor);
    svg += line(x, frame.top, x, frame.bottom, kFaint, 1);
    svg += label(x, frame.bottom + 18, 12, "middle", tick_label(t, frame.x));
  }
  svg += line(frame.px(0), frame.top - 4, frame.px(0), frame.bottom, kInk, 1.2);
  svg += label((frame.left + frame.right) / 2, frame.bottom + 40, 13, "middle", frame.x.title);

  double y = kTop;
  for (const ForestGroup& group : chart.groups) {
    if (!group.heading.empty()) {
      svg += label(20, y + 0.8 * kRow, 13, "start", fitted(group.heading, 90), " font-weight=\"bold\"");
      y += 1.2 * kRow;
    }
    for (const ForestRow& row : group.rows) {
      const double middle = y + kRow / 2;
      y += kRow;
      svg += label(32, middle + 4, 12, "start", fitted(row.label, letters));
      svg += label(kWidth - 16, middle + 4, 12, "end",
                   format_estimate({row.difference.mean / frame.x.factor, row.difference.half_width / frame.x.factor,
                                    row.difference.n, row.difference.sd / frame.x.factor},
                                   true));
      if (!std::isfinite(row.difference.mean)) continue;
      const std::string_view colour = row.certain ? kColours[0] : "#777777";
      if (row.difference.has_interval()) {
        const double low = frame.px(row.difference.mean - row.difference.half_width);
        const double high = frame.px(row.difference.mean + row.difference.half_width);
        svg += line(low, middle, high, middle, colour, 2);
        for (const double end : {low, high}) svg += line(end, middle - 4, end, middle + 4, colour, 2);
      }
      svg +=
          fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" fill=\"{}\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                      frame.px(row.difference.mean), middle, row.certain ? colour : "#ffffff", colour);
    }
  }
  return svg + "</svg>\n";
}

std::vector<Picture> curve_pictures(std::span<const RunResult> runs) {
  using Key = std::pair<std::string, std::string>;  // Scenario and series name.
  std::vector<Key> order;
  std::vector<std::string> policies;  // Of the whole study: a policy keeps its colour from picture to picture.
  std::map<Key, std::map<std::string, std::vector<const Series*>>> found;
  for (const RunResult& run : runs) {
    add_once(policies, run.key.policy);
    for (const Series& series : run.series) {
      const Key key{run.key.scenario, series.name};
      if (!found.contains(key)) order.push_back(key);
      found[key][run.key.policy].push_back(&series);
    }
  }
  std::vector<Picture> pictures;
  std::set<std::string> taken;
  for (const Key& key : order) {
    const auto& by_policy = found[key];
    CurveChart chart;
    chart.title = fmt::format("{}: {}", key.first, quantity(key.second).title);
    chart.y_name = key.second;
    Range seeds;
    for (const std::string& policy : policies) {
      const auto at = by_policy.find(policy);
      if (at == by_policy.end()) {
        chart.curves.push_back({policy + " (none)", {}, {}, {}, {}});
        continue;
      }
      chart.x_name = at->second.front()->x_name;
      chart.curves.push_back(mean_curve(policy, at->second));
      seeds.add(static_cast<double>(at->second.size()));
    }
    if (seeds.high < 2) {
      chart.caption = "One seed: no band.";
    } else if (seeds.low == seeds.high) {
      chart.caption = fmt::format("Mean of {} seeds; band: pointwise 95 % Student-t interval.", seeds.low);
    } else {
      chart.caption = fmt::format("Mean of {} to {} seeds; band: pointwise 95 % Student-t interval, none for one seed.",
                                  seeds.low, seeds.high);
    }
    const std::string stem = fmt::format("curve_{}_{}", safe(key.first), safe(key.second));
    pictures.push_back({unique_name(taken, stem), curve_svg(chart)});
  }
  return pictures;
}

std::vector<Picture> forest_pictures(const Summary& summary, std::span<const std::string> metrics) {
  std::vector<std::string> chosen(metrics.begin(), metrics.end());
  if (chosen.empty()) {
    for (const SummaryRow& row : summary.rows) add_once(chosen, row.metric);
  }
  std::vector<Picture> pictures;
  std::set<std::string> taken;
  for (const std::string& metric : chosen) {
    ForestChart chart;
    chart.title = fmt::format("{}, against {}", quantity(metric).title, summary.baseline);
    chart.value_name = metric;
    std::size_t most_seeds = 0;
    for (const SummaryRow& row : summary.rows) {
      const PairedEstimate& paired = row.against_baseline;
      if (row.metric != metric || paired.difference.n == 0) continue;
      if (chart.groups.empty() || chart.groups.back().heading != row.scenario)
        chart.groups.push_back({row.scenario, {}});
      chart.groups.back().rows.push_back({row.policy, paired.difference, paired.excludes_zero() && row.p_holm <= 0.05});
      most_seeds = std::max(most_seeds, paired.difference.n);
    }
    if (chart.groups.empty()) continue;
    chart.caption = most_seeds < 2 ? "One seed: differences without intervals."
                                   : "Paired by seed; bars: 95 % Student-t intervals; filled: not 0 after Holm's "
                                     "correction within a scenario.";
    pictures.push_back({unique_name(taken, "difference_" + safe(metric)), forest_svg(chart)});
  }
  return pictures;
}

}  // namespace berth

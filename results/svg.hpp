// Pictures of a study as static SVG: curves with 95 % bands, and forest plots of the paired differences. One file
// stands by itself (no script, no style sheet, no font of its own) and the same results give the same bytes. Policies
// differ by colour and by dash, so that they are told apart without colour vision and in black and white.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "results/run_result.hpp"
#include "results/statistics.hpp"
#include "results/summary.hpp"

namespace berth {

// A curve of means. low and high bound its band: as long as x, or empty where there is no band; NaN makes a gap.
struct Curve {
  std::string label;
  std::vector<double> x;  // Ascending.
  std::vector<double> y;
  std::vector<double> low;
  std::vector<double> high;
};

// Units are read off the names: `gpu_allocation_pct` is drawn as "gpu allocation (%)", `time_seconds` in s, min, h or
// d as fits.
struct CurveChart {
  std::string title;
  std::string caption;
  std::string x_name;
  std::string y_name;
  std::vector<Curve> curves;
};

// 900 wide, 540 high, higher where the legend needs more than four lines. Of the points that
// share a pixel column, the first, last, lowest and highest are kept. O(points).
std::string curve_svg(const CurveChart& chart);

struct ForestRow {
  std::string label;
  Estimate difference;
  bool certain = false;  // Filled marker.
};
struct ForestGroup {
  std::string heading;  // Empty: none.
  std::vector<ForestRow> rows;
};
struct ForestChart {
  std::string title;
  std::string caption;
  std::string value_name;
  std::vector<ForestGroup> groups;
};

// 900 wide, as high as its rows need. Rows whose difference is NaN are listed without a mark.
std::string forest_svg(const ForestChart& chart);

struct Picture {
  std::string file_name;  // "curve_<scenario>_<series>.svg": letters, digits, '-', '_', '.'; no two alike.
  std::string svg;
};

// One picture per scenario and series name, one curve per policy: the mean over seeds, and a band where there are at
// least two. If runs of a policy differ in x, its curve ends where they part. O(points).
std::vector<Picture> curve_pictures(std::span<const RunResult> runs);

// One picture per metric that has differences to the baseline; `metrics` chooses and orders, empty means all.
std::vector<Picture> forest_pictures(const Summary& summary, std::span<const std::string> metrics);

}  // namespace berth

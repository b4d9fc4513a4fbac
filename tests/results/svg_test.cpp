#include "results/svg.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>

namespace berth {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

// Empty if every element is closed in order and no attribute or text holds a stray '<' or '&'.
std::string malformed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = xml.find('<', at)) != std::string::npos;) {
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) return "unclosed <";
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return std::string("stray < in ").append(tag);
    if (count(tag, "\"") % 2 != 0) return std::string("odd quotes in ").append(tag);
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return std::string("unexpected ").append(tag);
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end;
  }
  for (std::size_t at = 0; (at = xml.find('&', at)) != std::string::npos; ++at) {
    const std::string entity = xml.substr(at, xml.find(';', at) - at);
    if (entity != "&amp" && entity != "&lt" && entity != "&gt" && entity != "&quot")
      return std::string("stray ").append(entity);
  }
  if (xml.find("nan") != std::string::npos || xml.find("inf\"") != std::string::npos) return "not a number";
  return open.empty() ? std::string() : std::string("unclosed ").append(open.back());
}

// y of the text element whose content is `text` and which is right-aligned: a tick of the vertical axis.
double tick_y(const std::string& svg, const std::string& text) {
  const std::size_t at = svg.find(std::string("text-anchor=\"end\">").append(text).append("</text>"));
  if (at == std::string::npos) return NAN;
  const std::size_t y = svg.rfind("y=\"", at);
  return std::strtod(svg.c_str() + y + 3, nullptr) - 4;  // The label's baseline lies 4 below the line.
}

CurveChart chart() {
  return {"t", "c", "load_pct", "gpu_allocation_pct", {{"a", {0, 50, 100}, {0, 50, 100}, {}, {}}}};
}

TEST(CurveSvg, PointsLieWhereTheAxisSays) {
  const std::string svg = curve_svg(chart());
  EXPECT_EQ(malformed(svg), "");
  const std::size_t path = svg.find(" d=\"M84.0,");  // x = 0 at the left edge, x = 100 at the right one, 876.
  ASSERT_NE(path, std::string::npos);
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  ASSERT_EQ(std::sscanf(svg.c_str() + path, " d=\"M%lf,%lf %lf,%lf %lf,%lf\"", &x0, &y0, &x1, &y1, &x2, &y2), 6);
  EXPECT_EQ(x1, (84 + 876) / 2.0);
  EXPECT_EQ(x2, 876);
  EXPECT_NEAR(y0, tick_y(svg, "0"), 0.11);
  EXPECT_NEAR(y2, tick_y(svg, "100"), 0.11);
  EXPECT_NEAR(y1, (y0 + y2) / 2, 0.11);
  EXPECT_LT(y2, y0);
  EXPECT_THAT(svg, HasSubstr(">load (%)</text>"));
  EXPECT_THAT(svg, HasSubstr(">gpu allocation (%)</text>"));
}

TEST(CurveSvg, TimeInUnitsThatFit) {
  CurveChart c = chart();
  c.x_name = "time_seconds";
  for (const auto& [seconds, unit] : std::vector<std::pair<double, std::string>>{{7 * 86400, "time (d)"},
                                                                                 {7 * 3600, "time (h)"},
                                                                                 {7 * 60, "time (min)"},
                                                                                 {7, "time (s)"},
                                                                                 {7e-3, "time (ms)"}}) {
    c.curves[0].x = {0, seconds / 2, seconds};
    const std::string svg = curve_svg(c);
    EXPECT_THAT(svg, HasSubstr(unit + "</text>"));
    EXPECT_THAT(svg, HasSubstr("text-anchor=\"middle\">7</text>"));  // The last tick: seven of the unit.
  }
}

TEST(CurveSvg, GapsBandsAndHostileNames) {
  CurveChart c = chart();
  c.title = "a<b & \"c\"";
  c.curves = {{"<&>\"", {0, 1, 2, 3, 4}, {1, 2, NAN, 4, 5}, {0, 1, NAN, 3, 4}, {2, 3, NAN, 5, 6}}};
  const std::string svg = curve_svg(c);
  EXPECT_EQ(malformed(svg), "");
  EXPECT_EQ(count(svg, "fill-opacity"), 2U);  // One band on each side of the gap.
  EXPECT_THAT(svg, HasSubstr("a&lt;b &amp; &quot;c&quot;"));
  c.curves[0].low.clear();
  c.curves[0].high.clear();
  EXPECT_EQ(count(curve_svg(c), "fill-opacity"), 0U);
}

TEST(CurveSvg, NothingToDraw) {
  EXPECT_EQ(malformed(curve_svg({"t", "c", "x", "y", {}})), "");
  EXPECT_EQ(malformed(curve_svg({"t", "c", "x", "y", {{"a", {1}, {3}, {}, {}}, {"b", {}, {}, {}, {}}}})), "");
  EXPECT_EQ(malformed(curve_svg({"t", "c", "x", "y", {{"a", {0, 1}, {NAN, NAN}, {}, {}}}})), "");
  EXPECT_EQ(malformed(curve_svg({"t", "c", "x", "y", {{"a", {0, 1}, {-5, -5}, {}, {}}}})), "");
}

TEST(CurveSvg, ManyPointsKeepExtremes) {
  CurveChart c = chart();
  c.x_name = "x";
  c.y_name = "y";
  Curve& curve = c.curves[0];
  curve = {"a", {}, {}, {}, {}};
  for (int i = 0; i < 1'000'000; ++i) {
    curve.x.push_back(i);
    curve.y.push_back(i == 123'456 ? 100 : 50);  // One spike.
  }
  const std::string svg = curve_svg(c);
  EXPECT_LT(svg.size(), 100'000U);
  char top[32];
  std::snprintf(top, sizeof top, ",%.1f ", tick_y(svg, "100"));
  EXPECT_THAT(svg, HasSubstr(top));
}

TEST(CurveSvg, EveryCurveHasItsOwnStroke) {
  CurveChart c{"t", "c", "x", "y", {}};
  for (int i = 0; i < 35; ++i) c.curves.push_back({std::to_string(i), {0, 1}, {0, 1.0 * i}, {}, {}});
  const std::string svg = curve_svg(c);
  EXPECT_EQ(malformed(svg), "");
  std::set<std::string> strokes;
  for (std::size_t at = 0; (at = svg.find("<path stroke=", at)) != std::string::npos; ++at) {
    strokes.insert(svg.substr(at, svg.find(" fill=", at) - at));
  }
  EXPECT_EQ(strokes.size(), 35U);
}

RunResult run(const char* scenario, const char* policy, std::uint64_t seed, std::vector<double> y) {
  std::vector<double> x;
  for (std::size_t i = 0; i < y.size(); ++i) x.push_back(static_cast<double>(i));
  return {{scenario, policy, seed}, {{"pods_pending_mean", y.front()}}, {{"pods_pending", "time_seconds", x, y}}};
}

TEST(CurvePictures, OnePerScenarioAndSeries) {
  const std::vector<RunResult> runs{run("a/b", "p", 1, {1, 2, 3}), run("a/b", "p", 2, {1, 3}),
                                    run("a/b", "q", 1, {5, 6, 7}), run("a b", "p", 1, {1, 1, 1})};
  const std::vector<Picture> pictures = curve_pictures(runs);
  ASSERT_EQ(pictures.size(), 2U);
  EXPECT_EQ(pictures[0].file_name, "curve_a-b_pods_pending.svg");
  EXPECT_EQ(pictures[1].file_name, "curve_a-b_pods_pending-2.svg");
  EXPECT_EQ(count(pictures[0].svg, "fill-opacity"), 1U);  // p has two seeds, q one.
  EXPECT_THAT(pictures[0].svg, HasSubstr("Mean of 1 to 2 seeds"));
  EXPECT_THAT(pictures[1].svg, HasSubstr("One seed: no band."));
  EXPECT_EQ(count(pictures[1].svg, "fill-opacity"), 0U);
  EXPECT_THAT(pictures[1].svg, HasSubstr("q (none)"));
  for (const Picture& picture : pictures) EXPECT_EQ(malformed(picture.svg), "");
  const std::vector<Picture> again = curve_pictures(runs);
  for (std::size_t i = 0; i < pictures.size(); ++i) EXPECT_EQ(pictures[i].svg, again[i].svg);
}

TEST(ForestPictures, MarksCertainDifferences) {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto s = static_cast<double>(seed);
    runs.push_back(run("day", "base", seed, {s}));
    runs.push_back(run("day", "sure", seed, {s + 10 + 0.1 * s}));
    runs.push_back(run("day", "unsure", seed, {s + (seed % 2 == 0 ? 1 : -1)}));
  }
  const std::vector<Picture> pictures = forest_pictures(summarize(runs, "base"), {});
  ASSERT_EQ(pictures.size(), 1U);
  const std::string& svg = pictures[0].svg;
  EXPECT_EQ(pictures[0].file_name, "difference_pods_pending_mean.svg");
  EXPECT_EQ(malformed(svg), "");
  EXPECT_EQ(count(svg, "<circle"), 2U);
  EXPECT_EQ(count(svg, "fill=\"#0072b2\" stroke=\"#0072b2\""), 1U);
  EXPECT_EQ(count(svg, "fill=\"#ffffff\" stroke=\"#777777\""), 1U);
  EXPECT_THAT(svg, HasSubstr(">+10.30 ± 0.20</text>"));  // Differences 10.1 … 10.5: sd 0.158, 2.776 * 0.158 / sqrt(5).
  EXPECT_THAT(svg, HasSubstr(">difference in pods pending mean</text>"));
  EXPECT_TRUE(forest_pictures(summarize(runs, ""), {}).empty());
}

}  // namespace
}  // namespace berth

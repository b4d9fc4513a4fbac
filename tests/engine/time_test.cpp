#include "sim/engine/time.hpp"

#include <gtest/gtest.h>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

// Expected values: Go's time.ParseDuration documentation and plain arithmetic.
struct Parsed {
  const char* text;
  std::int64_t ns;
};
class ParseDuration : public testing::TestWithParam<Parsed> {};
TEST_P(ParseDuration, Reads) {
  EXPECT_EQ(parse_duration(GetParam().text, "period").ns, GetParam().ns);
}
INSTANTIATE_TEST_SUITE_P(Table, ParseDuration,
                         testing::Values(Parsed{"0", 0}, Parsed{"90s", 90'000'000'000},
                                         Parsed{"1h30m", 5'400'000'000'000}, Parsed{"250ms", 250'000'000},
                                         Parsed{"1.5us", 1'500}, Parsed{"-1.5h", -5'400'000'000'000},
                                         Parsed{".5s", 500'000'000}, Parsed{"1m0.001s", 60'001'000'000},
                                         Parsed{"3ns", 3}, Parsed{"2µs", 2'000}));

class BadDuration : public testing::TestWithParam<const char*> {};
TEST_P(BadDuration, IsRefusedByName) {
  try {
    parse_duration(GetParam(), "a.yaml:1:2: period");
    FAIL() << GetParam();
  } catch (const InputError& e) {
    EXPECT_EQ(std::string(e.what()).rfind("a.yaml:1:2: period is \"", 0), 0u) << e.what();
  }
}
INSTANTIATE_TEST_SUITE_P(Table, BadDuration,
                         testing::Values("", "-", "5", "s", ".s", "5 s", "5x", "1h 3m", "9223372037s", "1e3s", "nan",
                                         "99999999999999999999h", "1..5s", "+-3s"));

TEST(Duration, PrintsWhatItReads) {
  for (const std::int64_t ns :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1'500}, std::int64_t{250'000'000},
        std::int64_t{5'400'000'000'000}, std::int64_t{60'001'000'000}, std::int64_t{-90'000'000'000}, kForever.ns}) {
    EXPECT_EQ(parse_duration(to_string(Duration{ns}), "x").ns, ns) << to_string(Duration{ns});
  }
  EXPECT_EQ(to_string(Duration{5'400'000'000'000}), "1h30m0s");
  EXPECT_EQ(to_string(milliseconds(250)), "250ms");
}

TEST(Time, SaturatesInsteadOfWrapping) {
  EXPECT_EQ(Time{5} + kForever, kNever);
  EXPECT_EQ(kNever + seconds(1), kNever);
  EXPECT_EQ(from_seconds(1e300), kForever);
  EXPECT_EQ(from_seconds(1.5).ns, 1'500'000'000);
}

TEST(Error, SuggestsTheNearestWord) {
  const std::vector<std::string> words{"first-fit", "best-fit", "worst-fit"};
  EXPECT_EQ(did_you_mean("bestfit", words), "; did you mean \"best-fit\"?");
  EXPECT_EQ(did_you_mean("ebst-fit", words), "; did you mean \"best-fit\"?");
  const std::vector<std::string> three_letters{"drf", "fgd"};
  EXPECT_EQ(did_you_mean("fdg", three_letters), "; did you mean \"fgd\"?");  // Two neighbours swapped are one slip.
  EXPECT_EQ(did_you_mean("gfx", three_letters), "");
  EXPECT_EQ(did_you_mean("kubernetes", words), "");
  EXPECT_EQ(to_string(Place{"a.yaml", 3, 7}), "a.yaml:3:7");
  EXPECT_EQ(to_string(Place{"a.yaml", 0, 0}), "a.yaml");
}

}  // namespace
}  // namespace berth

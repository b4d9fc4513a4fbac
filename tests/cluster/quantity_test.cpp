// Expected values: the grammar and the examples of Kubernetes' API reference ("Quantity") and of "Resource Management
// for Pods and Containers" (128974848, 129e6, 129M, 128974848000m and 123Mi; 0.1 is 100m; 1.5Gi is 1536Mi), and powers
// computed by hand.
#include "sim/cluster/quantity.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

struct Case {
  const char* text;
  int decimals;
  std::int64_t expected;
};

class QuantityTest : public testing::TestWithParam<Case> {};

TEST_P(QuantityTest, Parses) {
  EXPECT_EQ(parse_quantity(GetParam().text, "q", GetParam().decimals), GetParam().expected) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Documented, QuantityTest,
                         testing::Values(Case{"128974848", 0, 128'974'848}, Case{"129e6", 0, 129'000'000},
                                         Case{"129M", 0, 129'000'000}, Case{"128974848000m", 0, 128'974'848},
                                         Case{"123Mi", 0, 128'974'848}, Case{"0.1", 3, 100}, Case{"100m", 3, 100},
                                         Case{"1.5", 3, 1'500}, Case{"1.5Gi", 0, 1'610'612'736},
                                         Case{"1536Mi", 0, 1'610'612'736}));

INSTANTIATE_TEST_SUITE_P(Suffixes, QuantityTest,
                         testing::Values(Case{"1", 9, 1'000'000'000}, Case{"1n", 9, 1}, Case{"1u", 9, 1'000},
                                         Case{"1m", 9, 1'000'000}, Case{"1k", 0, 1'000}, Case{"1M", 0, 1'000'000},
                                         Case{"1G", 0, 1'000'000'000}, Case{"1T", 0, 1'000'000'000'000},
                                         Case{"1P", 0, 1'000'000'000'000'000}, Case{"1E", 0, 1'000'000'000'000'000'000},
                                         Case{"1Ki", 0, 1'024}, Case{"1Mi", 0, 1'048'576},
                                         Case{"1Gi", 0, std::int64_t{1} << 30}, Case{"1Ti", 0, std::int64_t{1} << 40},
                                         Case{"1Pi", 0, std::int64_t{1} << 50}, Case{"1Ei", 0, std::int64_t{1} << 60},
                                         Case{"2E3", 0, 2'000}, Case{"2e+3", 0, 2'000}, Case{"2500e-3", 3, 2'500},
                                         Case{"1.25e2", 0, 125}, Case{"0e99", 0, 0},
                                         Case{"1e18", 0, 1'000'000'000'000'000'000}));

INSTANTIATE_TEST_SUITE_P(Numbers, QuantityTest,
                         testing::Values(Case{"0", 0, 0}, Case{"-0", 0, 0}, Case{"000", 3, 0}, Case{"0.000", 3, 0},
                                         Case{"+5", 0, 5}, Case{"-5", 0, -5}, Case{"007", 0, 7}, Case{"5.", 0, 5},
                                         Case{".5", 3, 500}, Case{"10.50", 3, 10'500}, Case{"100", 0, 100},
                                         Case{"0.5Ki", 0, 512}, Case{"0.03125Ki", 0, 32}));

// Value() and MilliValue() round away from zero.
INSTANTIATE_TEST_SUITE_P(
    Rounding, QuantityTest,
    testing::Values(Case{"1m", 0, 1}, Case{"999m", 0, 1}, Case{"1001m", 0, 2}, Case{"1.0001", 3, 1'001},
                    Case{"0.1m", 3, 1}, Case{"1n", 0, 1}, Case{"-1.1", 0, -2}, Case{"-1m", 0, -1}, Case{"1e-9", 3, 1},
                    Case{"1e-2147483648", 0, 1}, Case{"0.3Ki", 0, 308},  // 307.2
                    Case{"0.1Gi", 0, 107'374'183},                       // 107374182.4
                    Case{"0.0000000000000000000000001Ei", 0, 1},         // 1.15e-7
                    // 1/2^60 = 8.67361737988403547205962240695953369140625e-19 exactly, so the first is 1 and its
                    // successor 2: a parser that keeps 18 or 38 digits, or a double, cannot tell them apart.
                    Case{"0.000000000000000000867361737988403547205962240695953369140625Ei", 0, 1},
                    Case{"0.0000000000000000008673617379884035472059622406959533691406251Ei", 0, 2}));

INSTANTIATE_TEST_SUITE_P(Limits, QuantityTest,
                         testing::Values(Case{"9223372036854775807", 0, kMax}, Case{"-9223372036854775807", 0, -kMax},
                                         Case{"9223372036854775.807", 3, kMax}, Case{"9223372036854775806.2", 0, kMax},
                                         Case{"7Ei", 0, 7LL << 60}, Case{"9223372036854775807000000000n", 0, kMax}));

class BadQuantityTest : public testing::TestWithParam<const char*> {};

TEST_P(BadQuantityTest, IsRejectedWithOneLine) {
  try {
    parse_quantity(GetParam(), "f.yaml:3:7: cpu", 3);
    FAIL() << "accepted " << GetParam();
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with("f.yaml:3:7: cpu is \"")) << message;
    EXPECT_NE(message.find("; expected "), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

INSTANTIATE_TEST_SUITE_P(Junk, BadQuantityTest,
                         testing::Values("", " ", "+", "-", ".", "m", "Mi", "2 cores", " 1", "1 ", "1K", "1ki", "1mi",
                                         "1KI", "1i", "1B", "1MB", "1e", "1e+", "1e1.5", "1e+-3", "1ek", "1.2.3",
                                         "1..2", "--1", "+-1", "0x10", "NaN", "nan", "inf", "-inf", "1_000", "1,5",
                                         "1e3k", "1Mik", "1\n2", "９", "1e99999999999"));

INSTANTIATE_TEST_SUITE_P(TooLarge, BadQuantityTest,
                         testing::Values("9223372036854775808", "9223372036854775.8071", "-9223372036854775808", "1e30",
                                         "1E2147483647", "10Ei", "9.3E", "99999999999999999999999999999999"));

TEST(Quantity, NamesTheFieldAndTheForms) {
  try {
    parse_cpu_milli("2 cores", "shop.yaml:14:12: pods[2].resources.cpu");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "shop.yaml:14:12: pods[2].resources.cpu is \"2 cores\"; expected millicores (\"500m\") or cores "
                 "(\"2\", \"0.5\")");
  }
}

TEST(Quantity, RequestsHaveTheirUnitAndAreNotNegative) {
  EXPECT_EQ(parse_cpu_milli("0.5", "cpu"), 500);
  EXPECT_EQ(parse_cpu_milli("0.0001", "cpu"), 1);
  EXPECT_EQ(parse_bytes("512m", "memory"), 1);  // The well-known slip: half a byte, not half a mebibyte.
  EXPECT_EQ(parse_bytes("64Gi", "memory"), 68'719'476'736);
  EXPECT_EQ(parse_count("2k", "pods"), 2'000);
  EXPECT_EQ(parse_count("-0", "pods"), 0);
  EXPECT_THROW(parse_cpu_milli("-1m", "cpu"), InputError);
  EXPECT_THROW(parse_bytes("-1", "memory"), InputError);
  EXPECT_THROW(parse_count("-1n", "pods"), InputError);
}

TEST(Quantity, CanonicalForm) {
  EXPECT_EQ(format_cpu(0), "0");
  EXPECT_EQ(format_cpu(1), "1m");
  EXPECT_EQ(format_cpu(1'500), "1500m");
  EXPECT_EQ(format_cpu(2'000), "2");
  EXPECT_EQ(format_cpu(100'000), "100");
  EXPECT_EQ(format_cpu(2'000'000), "2k");
  EXPECT_EQ(format_cpu(-250), "-250m");
  EXPECT_EQ(format_cpu(kMax), "9223372036854775807m");
  EXPECT_EQ(format_bytes(0), "0");
  EXPECT_EQ(format_bytes(512), "512");
  EXPECT_EQ(format_bytes(1'000), "1k");
  EXPECT_EQ(format_bytes(1'024), "1Ki");
  EXPECT_EQ(format_bytes(1'025), "1025");
  EXPECT_EQ(format_bytes(1'610'612'736), "1536Mi");
  EXPECT_EQ(format_bytes(std::int64_t{1} << 60), "1Ei");
  EXPECT_EQ(format_bytes(-(std::int64_t{3} << 30)), "-3Gi");
}

TEST(QuantityProperty, FormattedReadsBackTheSame) {
  std::int64_t value = 1;
  for (int i = 0; i < 2'000; ++i) {
    value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) * 6'364'136'223'846'793'005ULL + 1) >> 1);
    const std::int64_t small = value >> (i % 63);
    ASSERT_EQ(parse_cpu_milli(format_cpu(small), "cpu"), small);
    ASSERT_EQ(parse_bytes(format_bytes(small), "memory"), small);
    ASSERT_EQ(parse_bytes(format_bytes(small / 1024 * 1024), "memory"), small / 1024 * 1024);
  }
}

}  // namespace
}  // namespace berth

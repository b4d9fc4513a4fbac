// Philox against the published vectors, streams against each other, and the integer draws against chi-square.
// Seeds are fixed, so a test passes for ever or not at all; each statistical bound has a significance of 1e-4 (what a
// sound generator would exceed for one seed in 10,000), and the tests that must reject show that the bound bites.
#include "sim/engine/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <set>
#include <span>
#include <vector>

namespace berth {
namespace {

using Words = std::array<std::uint32_t, 4>;

struct Vector {
  Words counter;
  std::array<std::uint32_t, 2> key;
  Words expected;
};
// Random123's kat_vectors, "philox4x32 10".
constexpr Vector kVectors[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};
static_assert(philox4x32_10(kVectors[0].counter, kVectors[0].key) == kVectors[0].expected);  // At compile time too.

Rng test_stream(std::uint64_t seed) {
  return Rng(seed, 0, 0, Purpose::kTest);
}

// The value that a chi-square statistic exceeds with probability 1e-4.
double chi_square_limit(std::size_t cells) {
  return boost::math::quantile(boost::math::complement(boost::math::chi_squared(static_cast<double>(cells - 1)), 1e-4));
}

double chi_square(const std::vector<std::uint64_t>& counts) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  const double expected = static_cast<double>(total) / static_cast<double>(counts.size());
  double sum = 0;
  for (const std::uint64_t count : counts) {
    const double miss = static_cast<double>(count) - expected;
    sum += miss * miss / expected;
  }
  return sum;
}

TEST(Philox, MatchesPublishedVectors) {
  for (const Vector& v : kVectors) EXPECT_EQ(philox4x32_10(v.counter, v.key), v.expected);
}

// The same vectors through the class: which word of the counter and of the seed goes where.
TEST(Rng, StreamHasPublishedVectors) {
  for (const Vector& v : kVectors) {
    Rng rng(v.key[0] | std::uint64_t{v.key[1]} << 32, v.counter[3], v.counter[1], static_cast<Purpose>(v.counter[2]));
    rng.seek(v.counter[0]);
    for (const std::uint32_t word : v.expected) EXPECT_EQ(rng.u32(), word);
  }
}

// On a processor with AVX2 the class takes another path, so the common one is compared here.
TEST(Philox, FourBlocksEverywhereAreFourBlocks) {
  const std::array<std::uint32_t, 2> key{0x89AB'CDEF, 0x0123'4567};
  for (const std::uint32_t first : {0U, 4U, 0xFFFF'FFF8U}) {
    std::array<std::uint32_t, 16> words{};
    detail::four_blocks_baseline({first, 11, 12, 13}, key, words.data());
    for (std::uint32_t block = 0; block < 4; ++block) {
      const std::array<std::uint32_t, 4> expected = philox4x32_10({first + block, 11, 12, 13}, key);
      for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(words[4 * block + i], expected[i]);
    }
  }
}

// The class works out several blocks at once; philox4x32_10, which the vectors vouch for, one.
TEST(Rng, WordsComeBlockAfterBlock) {
  const std::uint64_t seed = 0x0123'4567'89AB'CDEF;
  Rng rng(seed, 7, 11, Purpose::kPolicy);
  for (std::uint32_t block = 0; block < 1000; ++block) {
    const Words expected =
        philox4x32_10({block, 11, static_cast<std::uint32_t>(Purpose::kPolicy), 7}, {0x89AB'CDEF, 0x0123'4567});
    for (const std::uint32_t word : expected) ASSERT_EQ(rng.u32(), word) << "block " << block;
  }
}

TEST(Rng, WideDrawIsTwoWordsLowFirstAtAnyOffset) {
  for (int skip = 0; skip < 40; ++skip) {
    Rng narrow = test_stream(1);
    for (int i = 0; i < skip; ++i) narrow.u32();
    Rng wide = narrow;
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t low = narrow.u32();
      const std::uint64_t high = narrow.u32();
      ASSERT_EQ(wide.u64(), low | high << 32) << "after " << skip << " words, draw " << i;
    }
  }
}

// First vector: words 0x6627e8d5 and 0xe169c58d, so 53 bits 0xe169c58d6627e8d5 >> 11 = 0x1C2D38B1ACC4FD.
TEST(Rng, UniformIsTheTop53Bits) {
  const Rng zero(0, 0, 0, static_cast<Purpose>(0));
  Rng rng = zero;
  EXPECT_EQ(rng.uniform(), 0x1C2D38B1ACC4FDp-53);
  rng = zero;
  EXPECT_EQ(rng.uniform_open(), 0x1C2D38B1ACC4FEp-53);
}

TEST(Rng, SeekJumpsBothWays) {
  Rng walked = test_stream(2);
  std::vector<std::uint32_t> words(400);
  for (std::uint32_t& word : words) word = walked.u32();
  Rng rng = test_stream(2);
  for (const std::uint32_t block : {99U, 0U, 1U, 2U, 3U, 4U, 50U, 7U}) {
    rng.seek(block);
    for (std::size_t i = 4 * block; i < std::min<std::size_t>(400, 4 * block + 30); ++i) {
      ASSERT_EQ(rng.u32(), words[i]) << "block " << block;
    }
  }
}

TEST(RngDeathTest, StreamEndsRatherThanRepeats) {
  Rng rng = test_stream(3);
  rng.seek(0xFFFF'FFFE);
  for (int i = 0; i < 8; ++i) rng.u32();  // The last two blocks.
  EXPECT_DEATH(rng.u32(), "internal error");
}

TEST(RngDeathTest, NothingIsBelowZero) {
  Rng rng = test_stream(3);
  EXPECT_DEATH(rng.below(0), "internal error");
  EXPECT_DEATH(rng.below64(0), "internal error");
}

TEST(Rng, SameAddressSameStream) {
  Rng a(5, 6, 7, Purpose::kSizes);
  Rng b(5, 6, 7, Purpose::kSizes);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(a.u64(), b.u64());
  Rng copy = a;  // A copy goes on from the same place, and apart.
  a.u32();
  EXPECT_NE(a.u64(), copy.u64());
}

// 5 * 4 * 4 * 3 streams, 8 draws of 64 bits each: 1920 values, all different (by chance two agree once in 10^13).
// Small and adjacent parts are the ones that a careless mix would confuse.
TEST(Rng, StreamsDiffer) {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 2ULL, 1ULL << 32, ~0ULL}) {
    for (std::uint32_t replication = 0; replication < 4; ++replication) {
      for (std::uint32_t entity = 0; entity < 4; ++entity) {
        for (const Purpose purpose : {Purpose::kArrivals, Purpose::kTemplates, Purpose::kRunTimes}) {
          Rng rng(seed, replication, entity, purpose);
          for (int i = 0; i < 8; ++i, ++drawn) seen.insert(rng.u64());
        }
      }
    }
  }
  EXPECT_EQ(drawn, 1920U);
  EXPECT_EQ(seen.size(), drawn);
}

// First draws of neighbouring entities, as a run takes them: a 16 x 16 table of (entity i, entity i + 1) is flat, and
// so are the pairs (one stream, the same draw of the next purpose).
TEST(Rng, NeighbouringStreamsAreIndependent) {
  std::vector<std::uint64_t> entities(256);
  std::vector<std::uint64_t> purposes(256);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    Rng one(9, 0, 2 * i, Purpose::kTest);
    Rng next(9, 0, 2 * i + 1, Purpose::kTest);
    Rng other(9, 0, 2 * i, Purpose::kService);
    const std::uint32_t row = one.below(16);
    ++entities[16 * row + next.below(16)];
    ++purposes[16 * row + other.below(16)];
  }
  EXPECT_LT(chi_square(entities), chi_square_limit(256));
  EXPECT_LT(chi_square(purposes), chi_square_limit(256));
}

TEST(Rng, EveryBitIsFair) {
  constexpr int kDraws = 100'000;
  std::array<int, 64> ones{};
  Rng rng = test_stream(10);
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t word = rng.u64();
    for (std::size_t bit = 0; bit < 64; ++bit) ones[bit] += static_cast<int>(word >> bit & 1);
  }
  // Binomial, sd = sqrt(n)/2. 64 bits at 1e-4 in all: two-sided 1.6e-6 each, z = 4.8.
  for (const int count : ones) EXPECT_LT(std::abs(count - kDraws / 2.0), 4.8 * std::sqrt(kDraws) / 2);
}

TEST(Rng, BelowIsUniform) {
  for (const std::uint32_t n : {2U, 3U, 7U, 10U, 64U, 1000U}) {
    SCOPED_TRACE(n);
    std::vector<std::uint64_t> narrow(n);
    std::vector<std::uint64_t> wide(n);
    Rng rng = test_stream(n);
    for (std::uint32_t i = 0; i < 200'000; ++i) {
      ++narrow[rng.below(n)];
      ++wide[rng.below64(n)];
    }
    EXPECT_LT(chi_square(narrow), chi_square_limit(n));
    EXPECT_LT(chi_square(wide), chi_square_limit(n));
  }
}

// n = 3 * 2^30: without rejection the thirds' shares would follow 2^32 = 4/3 n, so every third value would come twice
// as often: remainder mod 3 at 1/2, 1/4, 1/4. With it, they are even.
TEST(Rng, BelowRejectsWhatWouldBias) {
  constexpr std::uint32_t kNarrow = 3U << 30;
  constexpr std::uint64_t kWide = std::uint64_t{3} << 62;
  std::vector<std::uint64_t> narrow(3);
  std::vector<std::uint64_t> wide(3);
  std::vector<std::uint64_t> naive(3);
  Rng rng = test_stream(12);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t a = rng.below(kNarrow);
    const std::uint64_t b = rng.below64(kWide);
    ASSERT_LT(a, kNarrow);
    ASSERT_LT(b, kWide);
    ++narrow[a % 3];
    ++wide[b % 3];
    ++naive[(std::uint64_t{rng.u32()} * kNarrow >> 32) % 3];
  }
  EXPECT_LT(chi_square(narrow), chi_square_limit(3));
  EXPECT_LT(chi_square(wide), chi_square_limit(3));
  EXPECT_GT(chi_square(naive), chi_square_limit(3));  // The test sees the bias that it is about.
}

TEST(Rng, BelowOneIsZero) {
  Rng rng = test_stream(13);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(rng.below(1), 0U);
    EXPECT_EQ(rng.below64(1), 0U);
  }
}

TEST(Rng, ShuffleGivesEveryOrderEqually) {
  std::vector<std::uint64_t> counts(24);
  Rng rng = test_stream(14);
  for (int i = 0; i < 120'000; ++i) {
    std::array<std::size_t, 4> items{0, 1, 2, 3};
    rng.shuffle(std::span(items));
    // Rank among the 24 orders: Lehmer code.
    std::size_t rank = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const auto smaller = std::count_if(items.begin() + static_cast<std::ptrdiff_t>(j) + 1, items.end(),
                                         [&](std::size_t later) { return later < items[j]; });
      rank = rank * (4 - j) + static_cast<std::size_t>(smaller);
    }
    ++counts[rank];
  }
  EXPECT_LT(chi_square(counts), chi_square_limit(24));
}

// By hand, in the stated direction: item 2 with below(3), then item 1 with below(2). From the first vector's words:
// 0x6627e8d5 * 3 >> 32 = 1 (0.399 * 3 = 1.2), 0xe169c58d * 2 >> 32 = 1 (0.88 * 2 = 1.8). a b c -> a c b -> a c b.
TEST(Rng, ShuffleGoesFromLastToFirst) {
  Rng rng(0, 0, 0, static_cast<Purpose>(0));
  std::vector<char> items{'a', 'b', 'c'};
  rng.shuffle(std::span(items));
  EXPECT_EQ(items, (std::vector<char>{'a', 'c', 'b'}));
  rng.shuffle(std::span<char>());
  EXPECT_EQ(rng.u32(), 0xbc57ac4cU);  // Two words taken, none for nothing.
}

// Part of every draw's address: a changed value changes the results of every saved seed.
TEST(Rng, PurposesKeepTheirValues) {
  EXPECT_EQ(static_cast<int>(Purpose::kArrivals), 1);
  EXPECT_EQ(static_cast<int>(Purpose::kTemplates), 2);
  EXPECT_EQ(static_cast<int>(Purpose::kRunTimes), 3);
  EXPECT_EQ(static_cast<int>(Purpose::kSizes), 4);
  EXPECT_EQ(static_cast<int>(Purpose::kPolicy), 5);
  EXPECT_EQ(static_cast<int>(Purpose::kGpuChoice), 6);
  EXPECT_EQ(static_cast<int>(Purpose::kNodeOrder), 7);
  EXPECT_EQ(static_cast<int>(Purpose::kPodOrder), 8);
  EXPECT_EQ(static_cast<int>(Purpose::kClones), 9);
  EXPECT_EQ(static_cast<int>(Purpose::kService), 10);
  EXPECT_EQ(static_cast<int>(Purpose::kTest), 11);
}

}  // namespace
}  // namespace berth

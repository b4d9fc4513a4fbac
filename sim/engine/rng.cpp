#include "sim/engine/rng.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace berth {
namespace {

constexpr std::uint64_t kBlocksPerStream = std::uint64_t{1} << 32;

// Four consecutive blocks from counter[0] on, in order, as philox4x32_10 gives them one by one (rng_test compares).
// By hand because g++ 12 vectorises the plain loop worse than not at all: 4.0 ns per u64 this way, 5.4 a block at a
// time, 8 by its own means.
#if defined(__SSE2__)
void four_blocks(const std::array<std::uint32_t, 4>& counter, const std::array<std::uint32_t, 2>& key,
                 std::uint32_t* out) {
  const auto spread = [](std::uint32_t word) { return _mm_set1_epi32(static_cast<int>(word)); };
  const __m128i multiplier0 = spread(0xD251'1F53);
  const __m128i multiplier1 = spread(0xCD9E'8D57);
  const __m128i step0 = spread(0x9E37'79B9);
  const __m128i step1 = spread(0xBB67'AE85);
  __m128i key0 = spread(key[0]);
  __m128i key1 = spread(key[1]);

  // A vector holds one counter word of two blocks, each in the low half of a 64-bit lane. The high halves are
  // rubbish: _mm_mul_epu32 does not read them, so a product can serve as its own low word without a mask.
  __m128i word0[2];
  __m128i word1[2];
  __m128i word2[2];
  __m128i word3[2];
  for (int pair = 0; pair < 2; ++pair) {
    const std::int64_t first = std::int64_t{counter[0]} + 2 * pair;
    word0[pair] = _mm_set_epi64x(first + 1, first);
    word1[pair] = spread(counter[1]);
    word2[pair] = spread(counter[2]);
    word3[pair] = spread(counter[3]);
  }
  for (int round = 0; round < 10; ++round) {
    for (int pair = 0; pair < 2; ++pair) {
      const __m128i product0 = _mm_mul_epu32(word0[pair], multiplier0);
      const __m128i product1 = _mm_mul_epu32(word2[pair], multiplier1);
      word0[pair] = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(product1, 32), word1[pair]), key0);
      word1[pair] = product1;
      word2[pair] = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(product0, 32), word3[pair]), key1);
      word3[pair] = product0;
    }
    key0 = _mm_add_epi32(key0, step0);
    key1 = _mm_add_epi32(key1, step1);
  }
  const __m128i low = _mm_set1_epi64x(0xFFFF'FFFF);
  for (int pair = 0; pair < 2; ++pair) {
    const __m128i words01 = _mm_or_si128(_mm_and_si128(word0[pair], low), _mm_slli_epi64(word1[pair], 32));
    const __m128i words23 = _mm_or_si128(_mm_and_si128(word2[pair], low), _mm_slli_epi64(word3[pair], 32));
    auto* const to = reinterpret_cast<__m128i*>(out + 8 * pair);
    _mm_storeu_si128(to, _mm_unpacklo_epi64(words01, words23));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi64(words01, words23));
  }
}
#else
void four_blocks(const std::array<std::uint32_t, 4>& counter, const std::array<std::uint32_t, 2>& key,
                 std::uint32_t* out) {
  for (std::uint32_t block = 0; block < 4; ++block) {
    for (const std::uint32_t word : philox4x32_10({counter[0] + block, counter[1], counter[2], counter[3]}, key)) {
      *out++ = word;
    }
  }
}
#endif

}  // namespace

void Rng::refill() {
  static_assert(kBlocks == 4, "four_blocks fills the buffer");
  BERTH_CHECK(next_block_ < kBlocksPerStream);
  four_blocks({static_cast<std::uint32_t>(next_block_), entity_, static_cast<std::uint32_t>(purpose_), replication_},
              {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)}, buffer_.data());
  next_block_ += kBlocks;
  position_ = 0;
}

void Rng::seek(std::uint32_t block) {
  next_block_ = block - block % kBlocks;
  refill();
  position_ = 4 * (block % kBlocks);
}

std::uint64_t Rng::below64(std::uint64_t n) {
  BERTH_CHECK(n > 0);
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{u64()} * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t surplus = (std::uint64_t{0} - n) % n;  // 2^64 mod n, as in below().
    while (static_cast<std::uint64_t>(product) < surplus) product = Wide{u64()} * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace berth

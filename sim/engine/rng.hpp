// Random streams that never meet. A stream is a pure function of (seed, replication, entity, purpose): Philox4x32-10
// encrypts a counter under the seed, so adding a node, swapping a policy or running on another thread moves no other
// draw, and two policies compared under one seed meet equal luck (common random numbers).
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {

// The Philox4x32 bijection with ten rounds: 128 counter bits to 128 random bits under a 64-bit key. Words are least
// significant first, as in the Random123 known-answer vectors.
constexpr std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                                     std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD251'1F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E'8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E37'79B9;  // The golden ratio and sqrt(3) - 1: a new key each round (a Weyl sequence).
    key[1] += 0xBB67'AE85;
  }
  return counter;
}

namespace detail {
// Four consecutive blocks from counter[0] on into out[0..15], in order, as philox4x32_10 gives them one by one, without
// any instruction that not every x86-64 has. What Rng uses where there is nothing faster; for rng_test.
void four_blocks_baseline(const std::array<std::uint32_t, 4>& counter, const std::array<std::uint32_t, 2>& key,
                          std::uint32_t* out);
}  // namespace detail

// What a stream is for. Part of every draw's address: append only, and never change or reuse a value, or same-seed
// results change.
enum class Purpose : std::uint32_t {
  kArrivals = 1,   // Times between arrivals.
  kTemplates = 2,  // Which pod template arrives.
  kRunTimes = 3,
  kSizes = 4,   // Requests that are drawn rather than read.
  kPolicy = 5,  // A policy's own stream; entity = the policy's number in the run.
  kGpuChoice = 6,
  kNodeOrder = 7,
  kPodOrder = 8,
  kClones = 9,           // Which pods of a trace are repeated to reach a load.
  kService = 10,         // Service times of a queue.
  kTest = 11,            // Tests and benchmarks only.
  kImages = 12,          // Which images the pods of a trace run.
  kPeers = 13,           // Which peer an image layer is fetched from.
  kStartUp = 14,         // What the time from created to started depends on: sandbox, container; entity = pod.
  kContainerRun = 15,    // How long a container runs; entity = pod.
  kContainerUp = 16,     // How long until it answers; entity = pod.
  kCrashes = 17,         // When a container crashes; entity = pod.
  kSyncJitter = 18,      // The kubelet's jittered waits; entity = pod.
  kVolumes = 19,         // Time to provision, attach and mount; entity = volume.
  kTraffic = 20,         // Arrivals of requests; entity = source.
  kRequests = 21,        // What a request needs and which way it takes; entity = service.
  kEndpointChoice = 22,  // Which endpoint a connection goes to; entity = service.
  kFaults = 23,          // When and where faults strike; entity = the fault's number in its plan.
  kNodeBoot = 24,        // How long a node takes to join; entity = node.
  kNames = 25,           // Suffixes of generated names.
  kNodeLease = 26,       // When a kubelet renews its lease; entity = node.
  kNodeRepair = 27,      // How long a repair takes; entity = node.
};

// One stream: the concatenation, for block = 0, 1, 2 …, of philox4x32_10({block, entity, purpose, replication}, seed),
// seed's low word first. A value: a copy continues from the same place. No allocation, no globals; 96 bytes.
// Two streams that differ in any of the four parts share no counter or no key. A stream ends after 2^32 blocks
// (2^34 words): drawing on is a BERTH_CHECK failure, never a silent repeat.
// Cost: 3 to 5 ns per u64() on a 2020s x86-64, with and without AVX2; a new stream pays for four blocks at its first
// draw, about 30 ns.
class Rng {
 public:
  Rng(std::uint64_t seed, std::uint32_t replication, std::uint32_t entity, Purpose purpose)
      : seed_(seed), entity_(entity), purpose_(purpose), replication_(replication) {}

  // The next word of the stream.
  std::uint32_t u32() {
    if (position_ == kBuffered) [[unlikely]]
      refill();
    return buffer_[position_++];
  }

  // The next two words, the earlier one low. Need not begin at an even word.
  std::uint64_t u64() {
    if (position_ + 2 <= kBuffered) [[likely]] {
      const std::uint64_t low = buffer_[position_];
      const std::uint64_t high = buffer_[position_ + 1];
      position_ += 2;
      return low | high << 32;
    }
    const std::uint64_t low = u32();
    const std::uint64_t high = u32();
    return low | high << 32;
  }

  // Uniform in [0, 1): the top 53 bits of u64(), so every value is a multiple of 2^-53.
  double uniform() { return static_cast<double>(static_cast<std::int64_t>(u64() >> 11)) * 0x1p-53; }

  // Uniform in (0, 1]: uniform() + 2^-53 exactly. For logarithms; its smallest value puts -log at 36.7.
  double uniform_open() { return static_cast<double>(static_cast<std::int64_t>((u64() >> 11) + 1)) * 0x1p-53; }

  // Uniform in 0 .. n-1 without bias, n > 0. One word, a further one with probability < n / 2^32 each time.
  // Source: Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019.
  std::uint32_t below(std::uint32_t n) {
    BERTH_CHECK(n > 0);
    std::uint64_t product = std::uint64_t{u32()} * n;
    if (static_cast<std::uint32_t>(product) < n) [[unlikely]] {
      const std::uint32_t surplus = (0U - n) % n;  // 2^32 mod n: the low words that would count once too often.
      while (static_cast<std::uint32_t>(product) < surplus) product = std::uint64_t{u32()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  // The same for 64 bits; draws u64() even where n fits 32 bits, so it is not below() with a wider type.
  std::uint64_t below64(std::uint64_t n);

  // Fisher-Yates from the last item down to the second: item i changes places with item below(i + 1) (below64 from
  // i + 1 = 2^32 on). All orders equally likely. O(items).
  template <class T, std::size_t kExtent>
  void shuffle(std::span<T, kExtent> items) {
    for (std::size_t i = items.size(); i-- > 1;) {
      const std::uint64_t count = std::uint64_t{i} + 1;
      const std::uint64_t other = count <= 0xFFFF'FFFF ? below(static_cast<std::uint32_t>(count)) : below64(count);
      std::swap(items[i], items[static_cast<std::size_t>(other)]);
    }
  }

  // Jumps to the first word of `block`, forward or back. The cost of one refill.
  void seek(std::uint32_t block);

 private:
  static constexpr std::uint32_t kBlocks = 4;  // At a time: enough for the multiplier's latency, one cache line.
  static constexpr std::uint32_t kBuffered = 4 * kBlocks;

  void refill();

  std::array<std::uint32_t, kBuffered> buffer_{};
  std::uint64_t seed_;
  std::uint64_t next_block_ = 0;  // A multiple of kBlocks; 2^32 = the stream has ended.
  std::uint32_t entity_;
  Purpose purpose_;
  std::uint32_t replication_;
  std::uint32_t position_ = kBuffered;
};

}  // namespace berth

#include "sim/kubelet/image_limits.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(TokenBucket, BurstThenRate) {
  TokenBucket bucket;
  const auto take = [&](std::int64_t ms) { return bucket.take(Time{} + milliseconds(ms), 5, 10); };
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(take(0)) << i;
  EXPECT_FALSE(take(0));
  EXPECT_FALSE(take(199));  // A token comes every 200 ms.
  EXPECT_TRUE(take(200));
  EXPECT_FALSE(take(200));
  EXPECT_TRUE(take(1'000));  // Four more by now.
  EXPECT_TRUE(take(1'000));
  EXPECT_TRUE(take(1'000));
  EXPECT_TRUE(take(1'000));
  EXPECT_FALSE(take(1'000));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(take(1'000'000)) << i;  // Never more than the burst.
  EXPECT_FALSE(take(1'000'000));
}

TEST(TokenBucket, ZeroIsNoLimit) {
  TokenBucket bucket;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(bucket.take(Time{}, 0, 10));
}

TEST(ImageBackOff, DoublesToFiveMinutesAndForgetsAfterTen) {
  ImageBackOff back_offs;
  std::uint32_t list = ImageBackOff::kNone;
  const ImageId image{7};
  std::int64_t now = 0;
  for (const std::int64_t delay : {10, 20, 40, 80, 160, 300, 300}) {
    SCOPED_TRACE(delay);
    EXPECT_FALSE(back_offs.active(list, image, Time{} + seconds(now)));
    back_offs.failed(list, image, Time{} + seconds(now));
    EXPECT_TRUE(back_offs.active(list, image, Time{} + seconds(now)));
    EXPECT_TRUE(back_offs.active(list, image, Time{(now + delay) * 1'000'000'000 - 1}));
    EXPECT_FALSE(back_offs.active(list, ImageId{8}, Time{} + seconds(now)));
    now += delay;
  }
  now += 300;  // 600 s after the last failure: not yet forgotten.
  back_offs.failed(list, image, Time{} + seconds(now));
  EXPECT_TRUE(back_offs.active(list, image, Time{} + seconds(now + 299)));
  now += 601;
  back_offs.failed(list, image, Time{} + seconds(now));
  EXPECT_TRUE(back_offs.active(list, image, Time{} + seconds(now + 9)));
  EXPECT_FALSE(back_offs.active(list, image, Time{} + seconds(now + 10)));
  back_offs.forget(list);
  EXPECT_EQ(list, ImageBackOff::kNone);
}

}  // namespace
}  // namespace berth

#include "sim/engine/error.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(InputError, IsOneLineWhateverItQuotes) {
  EXPECT_STREQ(InputError("a.yaml:1: kind is \"x\ny\t\x01\x7F\"; expected é").what(),
               "a.yaml:1: kind is \"x\\ny\\t\\x01\\x7f\"; expected é");
}

}  // namespace
}  // namespace berth

#include "runtime/base/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mnema {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Backoff, DrawsFromAllOfARangeThatDoublesUpToItsCap) {
  SeededRandom random(1);
  const Duration ceilings[] = {milliseconds(100), milliseconds(200), milliseconds(400), milliseconds(500),
                               milliseconds(500)};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    Duration least = hours(1), most{};
    for (int i = 0; i < 2000; ++i) {
      const Duration wait = jittered_backoff(milliseconds(100), milliseconds(500), attempt, random);
      least = std::min(least, wait);
      most = std::max(most, wait);
    }
    EXPECT_LE(most, ceilings[attempt - 1]);
    EXPECT_GT(most, ceilings[attempt - 1] * 9 / 10);
    EXPECT_LT(least, ceilings[attempt - 1] / 10);
  }
}

TEST(Backoff, StaysWithinItsCapForAnyAttempt) {
  SeededRandom random(1);
  EXPECT_LE(jittered_backoff(milliseconds(1), Duration::max() / 2, 2'000'000'000, random), Duration::max() / 2);
  EXPECT_LE(jittered_backoff(hours(1), milliseconds(5), 1, random), milliseconds(5));
}

TEST(Backoff, WaitsAsLongAsItIsAskedWithinReason) {
  EXPECT_EQ(at_least_as_asked(milliseconds(5), 0, 1000), milliseconds(5));
  EXPECT_EQ(at_least_as_asked(milliseconds(5), 70, 1000), milliseconds(70));
  EXPECT_EQ(at_least_as_asked(milliseconds(5), 1'000'000'000'000'000, 1000), milliseconds(1000));
}

}  // namespace
}  // namespace mnema

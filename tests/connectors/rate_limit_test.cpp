#include "connectors/rate_limit.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonotonicTime kStart{std::chrono::seconds(1000)};
constexpr Duration kForever = hours(1000);

/// Takes the next permit, for the moment from which it holds, and returns how long that is.
Duration take(SlidingLog& log, Time now) {
  const Duration wait = log.wait(now);
  log.take(now + wait);
  return wait;
}

TEST(TokenBucket, LetsABurstThroughAndThenTheRate) {
  TokenBucket bucket(10, 3, kStart);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(kStart, kForever), Duration::zero());
  EXPECT_EQ(bucket.take(kStart, kForever), milliseconds(100));
  EXPECT_EQ(bucket.take(kStart, kForever), milliseconds(200));
  EXPECT_EQ(bucket.take(kStart + milliseconds(100), kForever), milliseconds(200));
}

TEST(TokenBucket, TakesNothingFromTheImpatient) {
  TokenBucket bucket(1, 1, kStart);
  EXPECT_EQ(bucket.take(kStart, kForever), Duration::zero());
  EXPECT_EQ(bucket.take(kStart, milliseconds(500)), std::nullopt);
  EXPECT_EQ(bucket.take(kStart + seconds(1), milliseconds(0)), Duration::zero());
}

TEST(TokenBucket, SavesUpNoMoreThanItsBurst) {
  TokenBucket bucket(100, 2, kStart);
  MonotonicTime later = kStart + hours(1);
  EXPECT_EQ(bucket.take(later, kForever), Duration::zero());
  EXPECT_EQ(bucket.take(later, kForever), Duration::zero());
  EXPECT_GT(*bucket.take(later, kForever), Duration::zero());
}

TEST(TokenBucket, ServesACallerThatAnotherLimitHoldsAtItsTimeAndLaterOnesAfterIt) {
  TokenBucket bucket(1, 1, kStart);
  EXPECT_EQ(bucket.take(kStart, seconds(10), kForever), seconds(10));
  EXPECT_EQ(bucket.take(kStart, seconds(10), kForever), seconds(11));
  EXPECT_EQ(bucket.take(kStart, kForever), seconds(12));
  EXPECT_EQ(bucket.take(kStart, seconds(20), seconds(19)), std::nullopt);
  EXPECT_EQ(bucket.take(kStart, seconds(20), seconds(20)), seconds(20));
}

TEST(SlidingLog, KeepsItsBoundForCallsThatLeaveLaterThanTheyCould) {
  SlidingLog log(2, hours(1));
  const Time now = from_micros(1'700'000'000'000'000);
  log.take(now + minutes(30));
  log.take(now + minutes(40));
  EXPECT_EQ(log.wait(now), minutes(90));
}

TEST(SlidingLog, NeverAllowsMoreThanItsNumberInAnyWindow) {
  SlidingLog log(10, hours(1));
  SeededRandom random(3);
  std::vector<Time> calls;
  Time now = from_micros(1'700'000'000'000'000);
  for (int i = 0; i < 500; ++i) {
    now += seconds(static_cast<long long>(random.below(400)));
    Duration wait = take(log, now);
    calls.push_back(now + wait);
  }
  for (std::size_t i = 10; i < calls.size(); ++i) {
    EXPECT_GE(calls[i], calls[i - 1]);
    EXPECT_GE(calls[i] - calls[i - 10], hours(1)) << i;
  }
}

TEST(SlidingLog, HoldsAcrossARestart) {
  Time now = from_micros(1'700'000'000'000'000);
  SlidingLog before(2, hours(1));
  EXPECT_EQ(take(before, now), Duration::zero());
  EXPECT_EQ(take(before, now + minutes(10)), Duration::zero());

  SlidingLog after(2, hours(1));
  after.restore(now);
  after.restore(now + minutes(10));
  EXPECT_EQ(after.wait(now + minutes(20)), minutes(40));
  EXPECT_EQ(take(after, now + minutes(61)), Duration::zero());
}

TEST(SlidingLog, IsNotFooledByAClockThatStepsBack) {
  Time now = from_micros(1'700'000'000'000'000);
  SlidingLog log(1, hours(1));
  EXPECT_EQ(take(log, now), Duration::zero());
  EXPECT_GE(take(log, now - hours(5)), hours(1));
}

}  // namespace
}  // namespace mnema

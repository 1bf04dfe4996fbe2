#include "connectors/breaker.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

using std::chrono::seconds;

class BreakerTest : public ::testing::Test {
 protected:
  bool admit() {
    auto epoch = breaker_.admit(now_, "stripe");
    if (epoch.ok()) epoch_ = *epoch;
    return epoch.ok();
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(admit());
      breaker_.on_failure(now_, epoch_);
    }
  }
  void succeed(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(admit());
      breaker_.on_success(now_, epoch_);
    }
  }
  Breaker::State state() const { return breaker_.state(now_); }

  MonotonicTime now_{std::chrono::seconds(1000)};
  Breaker breaker_{BreakerPolicy{}, now_};
  Breaker::Epoch epoch_ = 0;  // of the last call let through
};

TEST_F(BreakerTest, OpensWhenHalfOfTheCallsFail) {
  succeed(6);
  fail(5);
  EXPECT_EQ(state(), Breaker::State::kClosed);
  fail(1);
  EXPECT_EQ(state(), Breaker::State::kOpen);
  EXPECT_FALSE(admit());
}

TEST_F(BreakerTest, SaysNothingOfAFewCalls) {
  fail(9);
  EXPECT_EQ(state(), Breaker::State::kClosed);
}

TEST_F(BreakerTest, ForgetsWhatIsOlderThanItsWindow) {
  fail(9);
  now_ += seconds(40);
  fail(1);
  EXPECT_EQ(state(), Breaker::State::kClosed);
}

TEST_F(BreakerTest, TellsWhenToComeBack) {
  fail(10);
  now_ += seconds(2);
  auto refused = breaker_.admit(now_, "stripe");
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(refused.error().retry_after_ms, 3000);
  EXPECT_NE(refused.error().message.find("stripe"), std::string::npos);
}

TEST_F(BreakerTest, LetsOneProbeAtATimeThroughAndClosesAfterGoodOnes) {
  fail(10);
  now_ += seconds(5);
  EXPECT_EQ(state(), Breaker::State::kHalfOpen);
  ASSERT_TRUE(admit());
  EXPECT_FALSE(admit());
  breaker_.on_success(now_, epoch_);
  ASSERT_TRUE(admit());
  breaker_.on_success(now_, epoch_);
  EXPECT_EQ(state(), Breaker::State::kClosed);
  succeed(3);
}

TEST_F(BreakerTest, StaysAwayLongerAfterABadProbe) {
  fail(10);
  now_ += seconds(5);
  ASSERT_TRUE(admit());
  breaker_.on_failure(now_, epoch_);
  now_ += seconds(5);
  EXPECT_EQ(state(), Breaker::State::kOpen);
  now_ += seconds(5);
  EXPECT_EQ(state(), Breaker::State::kHalfOpen);
}

TEST_F(BreakerTest, GivesTheProbeBackWhenTheCallWasAbandoned) {
  fail(10);
  now_ += seconds(5);
  ASSERT_TRUE(admit());
  breaker_.on_abandoned(now_, epoch_);
  EXPECT_TRUE(admit());
}

TEST_F(BreakerTest, IgnoresCallsThatLeftBeforeItOpened) {
  ASSERT_TRUE(admit());  // a slow one
  const Breaker::Epoch slow = epoch_;
  fail(10);
  breaker_.on_success(now_, slow);
  EXPECT_EQ(state(), Breaker::State::kOpen);
}

TEST_F(BreakerTest, IsNeitherClosedNorOpenedNorFreedByALateAnswerWhileItProbes) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(admit());  // slow ones
  const Breaker::Epoch slow = epoch_;
  fail(10);
  now_ += seconds(5);
  ASSERT_TRUE(admit());  // the probe
  breaker_.on_success(now_, slow);
  breaker_.on_abandoned(now_, slow);
  EXPECT_FALSE(admit()) << "the probe is still out";
  breaker_.on_failure(now_, slow);
  EXPECT_EQ(state(), Breaker::State::kHalfOpen);
  breaker_.on_success(now_, epoch_);
  ASSERT_TRUE(admit());
  breaker_.on_success(now_, epoch_);
  EXPECT_EQ(state(), Breaker::State::kClosed);
}

TEST_F(BreakerTest, IgnoresAProbeOfAnEarlierTime) {
  fail(10);
  now_ += seconds(5);
  ASSERT_TRUE(admit());
  const Breaker::Epoch first = epoch_;
  breaker_.on_abandoned(now_, first);
  ASSERT_TRUE(admit());
  breaker_.on_failure(now_, epoch_);
  now_ += seconds(10);
  ASSERT_TRUE(admit());
  breaker_.on_failure(now_, first);
  EXPECT_EQ(state(), Breaker::State::kHalfOpen);
}

}  // namespace
}  // namespace mnema

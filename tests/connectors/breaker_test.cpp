#include "connectors/breaker.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

using std::chrono::seconds;

class BreakerTest : public ::testing::Test {
 protected:
  bool admit() { return breaker_.admit(now_, "stripe").ok(); }
  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(admit());
      breaker_.on_failure(now_);
    }
  }
  void succeed(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(admit());
      breaker_.on_success(now_);
    }
  }
  Breaker::State state() const { return breaker_.state(now_); }

  MonotonicTime now_{std::chrono::seconds(1000)};
  Breaker breaker_{BreakerPolicy{}, now_};
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
  Status refused = breaker_.admit(now_, "stripe");
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
  breaker_.on_success(now_);
  ASSERT_TRUE(admit());
  breaker_.on_success(now_);
  EXPECT_EQ(state(), Breaker::State::kClosed);
  succeed(3);
}

TEST_F(BreakerTest, StaysAwayLongerAfterABadProbe) {
  fail(10);
  now_ += seconds(5);
  ASSERT_TRUE(admit());
  breaker_.on_failure(now_);
  now_ += seconds(5);
  EXPECT_EQ(state(), Breaker::State::kOpen);
  now_ += seconds(5);
  EXPECT_EQ(state(), Breaker::State::kHalfOpen);
}

TEST_F(BreakerTest, GivesTheProbeBackWhenTheCallWasAbandoned) {
  fail(10);
  now_ += seconds(5);
  ASSERT_TRUE(admit());
  breaker_.on_abandoned(now_);
  EXPECT_TRUE(admit());
}

TEST_F(BreakerTest, IgnoresCallsThatLeftBeforeItOpened) {
  ASSERT_TRUE(admit());  // a slow one
  fail(10);
  breaker_.on_success(now_);
  EXPECT_EQ(state(), Breaker::State::kOpen);
}

}  // namespace
}  // namespace mnema

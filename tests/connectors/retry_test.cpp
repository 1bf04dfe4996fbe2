#include "connectors/retry.hpp"

#include <gtest/gtest.h>

#include "connectors/http/date.hpp"

namespace mnema {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonotonicTime kNow{std::chrono::seconds(1000)};

AttemptFailure status(int code, std::optional<Duration> retry_after = std::nullopt) {
  AttemptFailure failure;
  failure.kind = AttemptFailure::Kind::kStatus;
  failure.status = code;
  failure.retry_after = retry_after;
  failure.what = "HTTP " + std::to_string(code);
  return failure;
}

AttemptFailure broken() { return {AttemptFailure::Kind::kBroken, 0, std::nullopt, "connection reset"}; }
AttemptFailure not_sent() { return {AttemptFailure::Kind::kNotSent, 0, std::nullopt, "connection refused"}; }

class RetryTest : public ::testing::Test {
 protected:
  std::variant<RetryState::Wait, Error> next(RetryState& state, const AttemptFailure& failure) {
    return state.after(failure, kNow, random_, budget_);
  }
  static bool waits(const std::variant<RetryState::Wait, Error>& next) { return next.index() == 0; }

  SeededRandom random_{7};
  RetryBudget budget_{0.2, 100};
};

TEST_F(RetryTest, RepeatsAnIdempotentCallAfterABrokenConnection) {
  RetryState state(RetryPolicy{}, true, std::nullopt);
  EXPECT_TRUE(waits(next(state, broken())));
}

TEST_F(RetryTest, LeavesAnUnsafeCallInDoubtWhenTheAnswerWasLost) {
  RetryState state(RetryPolicy{}, false, std::nullopt);
  auto outcome = next(state, broken());
  ASSERT_FALSE(waits(outcome));
  EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::kInDoubt);
  EXPECT_FALSE(std::get<Error>(outcome).retryable);
}

TEST_F(RetryTest, RepeatsAnUnsafeCallThatProvablyDidNotHappen) {
  for (const AttemptFailure& failure : {not_sent(), status(429), status(408), status(503, seconds(1))}) {
    RetryState state(RetryPolicy{}, false, std::nullopt);
    EXPECT_TRUE(waits(next(state, failure))) << failure.what;
  }
  RetryState state(RetryPolicy{}, false, std::nullopt);
  auto outcome = next(state, status(503));
  ASSERT_FALSE(waits(outcome));
  EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::kInDoubt);
}

TEST_F(RetryTest, NeverRepeatsWhatTheCallerGotWrong) {
  for (int code : {400, 401, 403, 404, 422, 501}) {
    RetryState state(RetryPolicy{}, true, std::nullopt);
    auto outcome = next(state, status(code));
    ASSERT_FALSE(waits(outcome)) << code;
    EXPECT_FALSE(std::get<Error>(outcome).retryable) << code;
  }
}

TEST_F(RetryTest, GivesUpAfterTheLastAttemptAndSaysThatLaterMayWork) {
  RetryPolicy policy;
  policy.attempts_max = 3;
  RetryState state(policy, true, std::nullopt);
  EXPECT_TRUE(waits(next(state, status(500))));
  EXPECT_TRUE(waits(next(state, status(500))));
  auto outcome = next(state, status(500));
  ASSERT_FALSE(waits(outcome));
  EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::kUnavailable);
  EXPECT_TRUE(std::get<Error>(outcome).retryable);
  EXPECT_EQ(state.attempts(), 3);
}

TEST_F(RetryTest, SpreadsDelaysOverTheWholeRangeAndDoublesIt) {
  RetryPolicy policy;
  policy.base = milliseconds(100);
  policy.cap = milliseconds(250);
  policy.attempts_max = 5;
  Duration longest[4] = {};
  Duration shortest[4] = {seconds(9), seconds(9), seconds(9), seconds(9)};
  RetryBudget unlimited(1, 1e9);
  for (int run = 0; run < 2000; ++run) {
    RetryState state(policy, true, std::nullopt);
    for (int i = 0; i < 4; ++i) {
      auto outcome = state.after(status(500), kNow, random_, unlimited);
      ASSERT_TRUE(waits(outcome));
      Duration delay = std::get<RetryState::Wait>(outcome).delay;
      longest[i] = std::max(longest[i], delay);
      shortest[i] = std::min(shortest[i], delay);
    }
  }
  Duration ceilings[4] = {milliseconds(100), milliseconds(200), milliseconds(250), milliseconds(250)};
  for (int i = 0; i < 4; ++i) {
    EXPECT_LE(longest[i], ceilings[i]);
    EXPECT_GT(longest[i], ceilings[i] * 95 / 100);
    EXPECT_LT(shortest[i], ceilings[i] * 5 / 100);
  }
}

TEST_F(RetryTest, NeverComesBackBeforeItWasTold) {
  RetryState state(RetryPolicy{}, true, std::nullopt);
  for (int i = 0; i < 3; ++i) {
    auto outcome = next(state, status(429, seconds(5)));
    ASSERT_TRUE(waits(outcome));
    EXPECT_GE(std::get<RetryState::Wait>(outcome).delay, seconds(5));
  }
}

TEST_F(RetryTest, ReportsALongRetryAfterInsteadOfWaitingForIt) {
  RetryState state(RetryPolicy{}, true, std::nullopt);
  auto outcome = next(state, status(429, seconds(3600)));
  ASSERT_FALSE(waits(outcome));
  EXPECT_TRUE(std::get<Error>(outcome).retryable);
  EXPECT_EQ(std::get<Error>(outcome).retry_after_ms, 3'600'000);
}

TEST_F(RetryTest, DoesNotWaitPastTheDeadline) {
  RetryState state(RetryPolicy{}, true, kNow + seconds(4));
  auto outcome = next(state, status(503, seconds(5)));
  ASSERT_FALSE(waits(outcome));
  EXPECT_TRUE(std::get<Error>(outcome).retryable);
}

TEST(RetryBudget, LetsRetriesBeAShareOfTheCallsOnly) {
  RetryBudget budget(0.1, 3);
  int granted = 0;
  for (int i = 0; i < 50; ++i) granted += budget.withdraw() ? 1 : 0;
  EXPECT_EQ(granted, 3);  // the reserve of a quiet upstream
  for (int i = 0; i < 20; ++i) budget.on_call();
  granted = 0;
  for (int i = 0; i < 50; ++i) granted += budget.withdraw() ? 1 : 0;
  EXPECT_EQ(granted, 2);
}

TEST(RetryAfter, IsReadInMillisecondsSecondsAndAsADate) {
  Time now = *parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", Time{});
  EXPECT_EQ(retry_after_of({{"Retry-After", "2"}}, now), seconds(2));
  EXPECT_EQ(retry_after_of({{"retry-after", "2"}, {"Retry-After-Ms", "1500"}}, now), milliseconds(1500));
  EXPECT_EQ(retry_after_of({{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}, now), seconds(10));
  EXPECT_EQ(retry_after_of({{"Retry-After", "Sunday, 06-Nov-94 08:49:47 GMT"}}, now), seconds(10));
  EXPECT_EQ(retry_after_of({{"Retry-After", "Sun Nov  6 08:49:47 1994"}}, now), seconds(10));
  EXPECT_EQ(retry_after_of({{"Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT"}}, now), seconds(0));
  EXPECT_EQ(retry_after_of({{"Retry-After", "soon"}}, now), std::nullopt);
  EXPECT_EQ(retry_after_of({{"Retry-After", "-1"}}, now), std::nullopt);
  EXPECT_EQ(retry_after_of({}, now), std::nullopt);
}

}  // namespace
}  // namespace mnema

#include "runtime/events/budget.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

class MovedClock final : public Clock {
 public:
  Time now() const override { return Time{}; }
  MonotonicTime monotonic_now() const override { return MonotonicTime{at}; }
  Duration at{0};
};

TEST(Budget, ReservesBeforeSpendingSoThatCallsBesideEachOtherCannotExceedIt) {
  MovedClock clock;
  const auto budget = Budget::create(
      "local/triage/1", {.tokens = 100, .tool_calls = {}, .micro_dollars = {}, .wall_time = {}, .identical_calls = {}},
      clock);
  Result<Reservation> first = budget->reserve({.tokens = 70});
  ASSERT_TRUE(first.ok());
  const Result<Reservation> second = budget->reserve({.tokens = 40});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kBudgetExceeded);
  EXPECT_NE(second.error().message.find("30 of 100 tokens left; 40 were asked"), std::string::npos);
  first->settle({.tokens = 20});
  EXPECT_EQ(budget->spent().tokens, 20);
  EXPECT_TRUE(budget->reserve({.tokens = 80}).ok());
  budget->check_integrity();
}

TEST(Budget, AReservationMustFitEveryBudgetAbove) {
  MovedClock clock;
  BudgetLimits small, large;
  small.tokens = 50, large.tokens = 1000;
  const auto tenant = Budget::create("local", small, clock);
  const auto turn = Budget::create("local/a/1", large, clock, tenant);
  EXPECT_FALSE(turn->reserve({.tokens = 60}).ok());
  EXPECT_EQ(turn->reserved().tokens, 0) << "what the turn had put aside goes back";
  EXPECT_EQ(*turn->tokens_left(), 50);
  Result<Reservation> held = turn->reserve({.tokens = 50});
  EXPECT_EQ(tenant->reserved().tokens, 50);
  held->cancel();
  EXPECT_EQ(tenant->reserved().tokens, 0);
  EXPECT_EQ(tenant->spent().tokens, 0);
}

TEST(Budget, WhatWasNotReportedCountsAsSpent) {
  MovedClock clock;
  const auto budget = Budget::create("b", {}, clock);
  {
    const Result<Reservation> dropped = budget->reserve({.tokens = 30, .tool_calls = 1});
  }
  EXPECT_EQ(budget->spent().tokens, 30);
  EXPECT_EQ(budget->reserved().tokens, 0);
}

TEST(Budget, AnAnswerLargerThanItsReservationIsCountedInFull) {
  MovedClock clock;
  BudgetLimits limits;
  limits.tokens = 10;
  const auto budget = Budget::create("b", limits, clock);
  Result<Reservation> held = budget->reserve({.tokens = 10});
  held->settle({.tokens = 25});
  EXPECT_EQ(budget->spent().tokens, 25);
  EXPECT_EQ(*budget->tokens_left(), 0);
  budget->check_integrity();
}

TEST(Budget, BreaksALoopOfIdenticalCallsButNotOfDifferentOnes) {
  MovedClock clock;
  BudgetLimits limits;
  limits.identical_calls = 3;
  const auto budget = Budget::create("b", limits, clock);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget->count_call("search", "{}").ok());
  EXPECT_FALSE(budget->count_call("search", "{}").ok());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(budget->count_call("search", std::to_string(i)).ok());
}

TEST(Budget, EndsWhenItsTimeOrThatOfABudgetAboveIsOver) {
  MovedClock clock;
  BudgetLimits limits;
  limits.wall_time = std::chrono::seconds(2);
  const auto parent = Budget::create("agent", limits, clock);
  const auto child = Budget::create("agent/1", {}, clock, parent);
  EXPECT_TRUE(child->check_time().ok());
  clock.at = std::chrono::seconds(3);
  EXPECT_FALSE(child->check_time().ok());
}

}  // namespace
}  // namespace mnema

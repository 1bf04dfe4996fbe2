#include "connectors/http/body_budget.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace mnema {
namespace {

constexpr std::int64_t kMany = 8 << 20;

class BodyBudgetTest : public ::testing::Test {
 protected:
  static Limits limits() {
    Limits limits;
    limits.http_bodies_bytes_max = kMany;
    return limits;
  }
  BodyBudget budget_{limits()};
};

TEST_F(BodyBudgetTest, IsTheSumOfItsLeases) {
  auto a = budget_.open();
  auto b = budget_.open();
  EXPECT_TRUE(a->grow_to(1000));
  EXPECT_TRUE(b->grow_to(500));
  EXPECT_TRUE(a->grow_to(2000));
  EXPECT_EQ(budget_.bytes_used(), 2500);
  budget_.check_integrity();
  a.reset();
  EXPECT_EQ(budget_.bytes_used(), 500);
  budget_.check_integrity();
}

TEST_F(BodyBudgetTest, RefusesWhatIsTooMuchAndLeavesTheLeaseAsItWas) {
  auto a = budget_.open();
  ASSERT_TRUE(a->grow_to(1 << 20));
  EXPECT_FALSE(a->grow_to(kMany + 1));
  EXPECT_EQ(budget_.bytes_used(), 1 << 20);
}

TEST_F(BodyBudgetTest, KeepsAShareForSmallBodiesWhenLargeOnesTakeAllTheyMay) {
  std::vector<std::unique_ptr<BodyBudget::Lease>> large;
  do {
    large.push_back(budget_.open());
  } while (large.back()->grow_to(1 << 20));
  EXPECT_EQ(budget_.bytes_used(), kMany - kMany / 8);
  auto small = budget_.open();
  EXPECT_TRUE(small->grow_to(BodyBudget::kSmallBodyBytes));
  EXPECT_FALSE(small->grow_to(BodyBudget::kSmallBodyBytes + 1)) << "it is none any more";
  budget_.check_integrity();
}

}  // namespace
}  // namespace mnema

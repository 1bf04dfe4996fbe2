#include "runtime/events/dead_letter_bound.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

class DeadLetterBound : public ::testing::Test {
 protected:
  DeadLetterBound() {
    limits.dead_letters_max = 10;
    limits.dead_letters_per_tenant_max = 5;
  }
  bool is_open(const std::string& tenant) const { return check_dead_letter_bound(dead, tenant, limits).ok(); }
  Limits limits;
  TenantCounts dead;
};

TEST_F(DeadLetterBound, ClosesATenantThatHasAsManyAsItMayAndSaysWhatHelps) {
  dead.add("a", 5);
  EXPECT_TRUE(is_open("b"));
  const Status refused = check_dead_letter_bound(dead, "a", limits);
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_NE(refused.error().text().find("redrive"), std::string::npos) << refused.error().text();
  EXPECT_NE(refused.error().text().find("drop"), std::string::npos);
}

TEST_F(DeadLetterBound, ClosesThoseWithTheMostWhenAllTogetherHaveTooMany) {
  dead.add("a", 4);
  dead.add("b", 4);
  dead.add("c", 1);
  EXPECT_TRUE(is_open("a"));
  dead.add("d", 1);
  EXPECT_FALSE(is_open("a"));
  EXPECT_FALSE(is_open("b"));
  EXPECT_TRUE(is_open("c")) << "it has less than the mean";
  EXPECT_TRUE(is_open("e")) << "it has none";
}

}  // namespace
}  // namespace mnema

#include "runtime/events/tenant_counts.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(TenantCounts, AddUpAndForgetWhoHasNone) {
  TenantCounts counts;
  counts.add("a", 2);
  counts.add("b", 1);
  counts.add("b", -1);
  counts.add("c", 0);
  EXPECT_EQ(counts.of("a"), 2);
  EXPECT_EQ(counts.of("b"), 0);
  EXPECT_EQ(counts.total(), 2);
  EXPECT_EQ(counts.tenants(), 1);
  counts.check_integrity();
}

}  // namespace
}  // namespace mnema

#include "runtime/base/limits.hpp"

#include <gtest/gtest.h>

#include "runtime/config/limits_fields.hpp"

namespace mnema {
namespace {

TEST(Limits, AreTighterInTestsThanInProductionAndNeverNothing) {
  const Limits usual;
  const Limits tiny = Limits::tiny();
  for_each_limit([&](auto field) {
    EXPECT_GT(tiny.*field.pointer, 0) << field.name;
    EXPECT_LE(tiny.*field.pointer, usual.*field.pointer) << field.name;
  });
  EXPECT_LE(tiny.event_bytes_max, tiny.http_body_bytes_max) << "an event fits into a request";
  EXPECT_LE(tiny.mailbox_rows_per_key_max, tiny.mailbox_rows_max);
}

}  // namespace
}  // namespace mnema

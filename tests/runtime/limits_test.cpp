#include "runtime/limits.hpp"

#include <gtest/gtest.h>

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include "runtime/limits_fields.hpp"

namespace mnema {
namespace {

TEST(Limits, AreTighterInTestsThanInProductionAndNeverNothing) {
  const Limits usual;
  const Limits tiny = Limits::tiny();
  using Fields = boost::describe::describe_members<Limits, boost::describe::mod_public>;
  boost::mp11::mp_for_each<Fields>([&](auto field) {
    EXPECT_GT(tiny.*field.pointer, 0) << field.name;
    EXPECT_LE(tiny.*field.pointer, usual.*field.pointer) << field.name;
  });
  EXPECT_LE(tiny.event_bytes_max, tiny.http_body_bytes_max) << "an event fits through the door";
  EXPECT_LE(tiny.mailbox_rows_per_key_max, tiny.mailbox_rows_max);
}

}  // namespace
}  // namespace mnema

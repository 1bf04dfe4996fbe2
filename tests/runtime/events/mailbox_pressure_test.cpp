#include "runtime/events/mailbox_pressure.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of_tenant;
using testing::RuntimeFixture;

class MailboxPressureTest : public ::testing::Test {
 protected:
  MailboxPressureTest() { listen(); }
  static Limits bounds() {
    Limits limits;
    limits.mailbox_rows_max = 40;
    limits.mailbox_rows_per_tenant_max = 20;
    limits.dead_letters_per_tenant_max = 1;
    return limits;
  }
  void listen() {
    fixture.runtime->mailbox().on_pressure([this](const std::optional<std::string>& tenant, bool is_high) {
      reports += (reports.empty() ? "" : " ") + tenant.value_or("all") + (is_high ? "+" : "-");
    });
  }
  void accept(const std::string& tenant, int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(fixture.accept(event_of_tenant(tenant, tenant + std::to_string(next++))).ok());
    }
  }
  void complete(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  }

  RuntimeFixture fixture{bounds()};
  std::string reports;
  int next = 0;
};

TEST_F(MailboxPressureTest, RisesNearABoundAndFallsWellBelowIt) {
  accept("a", 17);
  EXPECT_EQ(reports, "");
  accept("a", 1);
  EXPECT_EQ(reports, "a+") << "90 % of 20";
  accept("a", 1);
  complete(5);
  EXPECT_EQ(reports, "a+") << "14 of 20 are 70 % and not below";
  complete(1);
  EXPECT_EQ(reports, "a+ a-");
  accept("a", 4);
  EXPECT_EQ(reports, "a+ a-") << "17 of 20 again";
}

TEST_F(MailboxPressureTest, TellsTheWholeFromATenant) {
  accept("a", 16);
  accept("b", 16);
  accept("c", 4);
  EXPECT_EQ(reports, "all+");
  complete(9);
  EXPECT_EQ(reports, "all+ all-");
}

TEST_F(MailboxPressureTest, ReportsWhatIsHighWhenTheProgramStarts) {
  accept("a", 18);
  fixture.restart();
  reports.clear();
  listen();
  EXPECT_EQ(reports, "a+");
  complete(5);
  EXPECT_EQ(reports, "a+ a-");
}

TEST_F(MailboxPressureTest, StaysHighWhileATenantIsRefusedForItsDeadLetters) {
  accept("a", 1);
  ASSERT_TRUE(fixture.dead_letter(*fixture.take(), fail(ErrorCode::kInvalidArgument, "hopeless")).ok());
  EXPECT_EQ(reports, "");
  EXPECT_FALSE(fixture.accept(event_of_tenant("a", "more")).ok());
  EXPECT_EQ(reports, "a+");
  ASSERT_TRUE(fixture.write<void>([&](Transaction& t) { return fixture.runtime->mailbox().drop(t, 1); }).ok());
  EXPECT_EQ(reports, "a+ a-");
}

}  // namespace
}  // namespace mnema

#include "runtime/events/mailbox_bounds.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::event_of_tenant;
using testing::RuntimeFixture;

const Error kHopeless = fail(ErrorCode::kInvalidArgument, "it makes no sense");

class MailboxBoundsTest : public ::testing::Test {
 protected:
  static Limits bounds() {
    Limits limits = Limits::tiny();
    limits.mailbox_rows_max = 8;
    limits.mailbox_rows_per_tenant_max = 4;
    limits.mailbox_rows_per_key_max = 3;
    limits.dead_letters_max = 4;
    limits.dead_letters_per_tenant_max = 2;
    limits.dedupe_entries_max = 100;
    return limits;
  }
  Result<Accepted> accept(const std::string& tenant, int number, const std::string& key) {
    return fixture.accept(event_of_tenant(tenant, tenant + std::to_string(number), key));
  }
  void fill(const std::string& tenant, int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(accept(tenant, i, std::to_string(i)).ok()) << i;
  }
  void make_dead_letter(const std::string& tenant, int number) {
    ASSERT_TRUE(accept(tenant, number, "dead").ok());
    ASSERT_TRUE(fixture.dead_letter(*fixture.take(), kHopeless).ok());
  }
  RuntimeFixture fixture{bounds()};
};

TEST_F(MailboxBoundsTest, LetNoTenantFillTheMailboxOfAnother) {
  fill("a", 4);
  const auto refused = accept("a", 4, "4");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMailboxFull);
  EXPECT_EQ(refused.error().retry_after_ms, fixture.limits.mailbox_retry_after_ms);
  EXPECT_NE(refused.error().message.find("tenant 'a'"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(accept("b", 1, "1").ok());
  EXPECT_FALSE(fixture.runtime->counts().mailbox_full);
  fixture.runtime->check_integrity();
}

TEST_F(MailboxBoundsTest, AcknowledgeARepeatHoweverFullItIs) {
  fill("a", 4);
  const Accepted of_tenant = *accept("a", 2, "2");
  EXPECT_TRUE(of_tenant.duplicate) << "the tenant is full";
  EXPECT_EQ(of_tenant.sequence, 3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(accept("b", i, "same").ok());
  EXPECT_FALSE(accept("b", 9, "same").ok());
  EXPECT_TRUE(accept("b", 1, "same")->duplicate) << "the key is full";
  ASSERT_TRUE(accept("b", 3, "other").ok());
  EXPECT_TRUE(fixture.runtime->counts().mailbox_full);
  EXPECT_FALSE(accept("c", 1, "1").ok());
  EXPECT_TRUE(accept("b", 1, "same")->duplicate) << "the whole is full";
  Event other = event_of_tenant("a", "a2", "2");
  other.data = R"({"amount": 1000000})";
  const Accepted told = *fixture.accept(other);
  EXPECT_TRUE(told.duplicate && told.differs);
  const RuntimeCounts counts = fixture.runtime->counts();
  EXPECT_EQ(counts.events_accepted_total, 8);
  EXPECT_EQ(counts.events_duplicate_total, 4);
  EXPECT_EQ(counts.events_refused_total, 2);
  fixture.runtime->check_integrity();
}

TEST_F(MailboxBoundsTest, TellARepeatWithAnotherContentFromATrueOneAlsoAfterARestart) {
  const Event event = event_of("a");
  ASSERT_TRUE(fixture.accept(event).ok());
  Event other = event;
  other.data = R"({"amount": 1000000})";
  EXPECT_TRUE(fixture.accept(other)->differs);
  EXPECT_FALSE(fixture.accept(event)->differs);
  fixture.restart();
  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  EXPECT_TRUE(fixture.accept(other)->differs);
  EXPECT_TRUE(fixture.accept(other)->duplicate) << "and nothing of it is stored";
  EXPECT_FALSE(fixture.take());
}

TEST_F(MailboxBoundsTest, DoNotCountDeadLettersAsEvents) {
  make_dead_letter("a", 10);
  fill("a", 4);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1);
}

TEST_F(MailboxBoundsTest, StopNewEventsOfATenantWithTooManyDeadLettersAndOfNoOther) {
  make_dead_letter("a", 10);
  ASSERT_TRUE(accept("a", 11, "dead").ok()) << "accepted before the bound is reached";
  ASSERT_TRUE(accept("a", 12, "x").ok());
  ASSERT_TRUE(fixture.dead_letter(*fixture.take(), kHopeless).ok());
  const auto refused = accept("a", 13, "x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMailboxFull);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_NE(refused.error().text().find("mnema dlq"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(accept("b", 1, "x").ok());
  EXPECT_TRUE(accept("a", 12, "x")->duplicate);
  std::optional<Delivery> kept = fixture.take();
  ASSERT_TRUE(kept && kept->event().id == "a12") << "nothing accepted is lost for the bound";
  ASSERT_TRUE(fixture.dead_letter(std::move(*kept), kHopeless).ok()) << "nor has it to stay alive";

  fixture.restart();
  EXPECT_FALSE(accept("a", 13, "x").ok()) << "they are counted after a restart too";
  DeadLetters& letters = fixture.runtime->dead_letters();
  const std::vector<DeadLetterSummary> dead = letters.list(10).value();
  ASSERT_EQ(dead.size(), 3U);
  for (const DeadLetterSummary& letter : dead) {
    ASSERT_TRUE(fixture.wait<void>([&](auto done) { letters.drop(letter.id, fixture.loop, done); }).ok());
  }
  EXPECT_TRUE(accept("a", 13, "x").ok());
  fixture.runtime->check_integrity();
}

TEST_F(MailboxBoundsTest, AreLoggedWhenRefusalsBeginAndWhenTheyEndNotForEachOne) {
  testing::LogCapture log;
  fill("a", 4);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(accept("a", 10 + i, "x").ok());
  EXPECT_EQ(log.with({"refused", "tenant=a"}).size(), 1U);
  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  EXPECT_EQ(log.with({"accepted again", "tenant=a"}).size(), 1U);
  ASSERT_TRUE(accept("a", 20, "x").ok());
  EXPECT_FALSE(accept("a", 21, "x").ok());
  EXPECT_EQ(log.with({"refused"}).size(), 2U);
}

TEST_F(MailboxBoundsTest, LeaseAtMostSoManyEventsOfOneTenant) {
  fixture.limits.turns_running_per_tenant_max = 2;
  fixture.restart();
  fill("a", 4);
  ASSERT_TRUE(accept("b", 1, "1").ok());
  std::vector<Delivery> leased;
  for (int i = 0; i < 3; ++i) leased.push_back(*fixture.take());
  EXPECT_EQ(leased[1].event().tenant, "b") << "tenants take turns";
  EXPECT_FALSE(fixture.take());
  ASSERT_TRUE(fixture.complete(leased[0]).ok());
  ASSERT_TRUE(fixture.taken);
  EXPECT_EQ(fixture.taken->event().tenant, "a");
}

}  // namespace
}  // namespace mnema

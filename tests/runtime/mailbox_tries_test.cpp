#include <gtest/gtest.h>

#include "runtime/base/backoff.hpp"
#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

// What counts against an event, and what is told when too much has.

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

const Error kDown = fail_retryable(ErrorCode::kUnavailable, "the other side is down");

Error never_left() {
  Error error = fail_retryable(ErrorCode::kUnavailable, "connection refused");
  error.never_left = true;
  return error;
}

TEST(MailboxTries, WaitOutAnHoursOutageInWhichNothingLeft) {
  RuntimeFixture fixture;
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  const Time end = fixture.simulation.clock().now() + std::chrono::hours(1);
  std::optional<Delivery> delivery = fixture.take();
  int tries = 0;
  while (fixture.simulation.clock().now() < end) {
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->attempt(), 1);
    EXPECT_EQ(delivery->tries(), ++tries);
    const Duration wait = jittered_backoff(std::chrono::milliseconds(fixture.limits.turn_backoff_base_ms),
                                           std::chrono::milliseconds(fixture.limits.turn_backoff_cap_ms),
                                           delivery->tries(), fixture.simulation.random());
    ASSERT_EQ(*fixture.retry(std::move(*delivery), wait, never_left()), RetryVerdict::kAgain);
    if (tries == 5) fixture.restart();
    delivery = fixture.take();
    if (!delivery) fixture.simulation.run_until([&] { return fixture.taken.has_value(); });
    if (!delivery) delivery = std::exchange(fixture.taken, std::nullopt);
  }
  EXPECT_GT(tries, fixture.limits.attempts_max);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->attempt(), 1) << "it has all its attempts";
  ASSERT_TRUE(fixture.complete(*delivery).ok());
  fixture.runtime->check_integrity();
}

TEST(MailboxTries, EndInADeadLetterWhereNothingEverLeaves) {
  RuntimeFixture fixture(Limits::tiny());
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  for (int i = 1; i < fixture.limits.event_tries_max; ++i) {
    ASSERT_EQ(*fixture.retry(*fixture.take(), {}, never_left()), RetryVerdict::kAgain);
    if (i == 2) fixture.restart();
  }
  EXPECT_EQ(*fixture.retry(*fixture.take(), {}, never_left()), RetryVerdict::kDead);
  const auto letters = fixture.runtime->dead_letters().list(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].attempts, 0);
  EXPECT_EQ(letters[0].tries, fixture.limits.event_tries_max);
  fixture.runtime->check_integrity();
}

TEST(MailboxTries, CountWhatLeftAmongWhatDidNotAndWhatDied) {
  RuntimeFixture fixture(Limits::tiny());  // two attempts, four tries
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  ASSERT_EQ(*fixture.retry(*fixture.take(), {}, never_left()), RetryVerdict::kAgain);
  ASSERT_TRUE(fixture.take()) << "the process dies";
  fixture.restart();
  ASSERT_EQ(*fixture.retry(*fixture.take(), {}, kDown), RetryVerdict::kAgain);
  std::optional<Delivery> last = fixture.take();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->attempt(), 2);
  EXPECT_EQ(last->tries(), 4);
  EXPECT_EQ(*fixture.retry(std::move(*last), {}, kDown), RetryVerdict::kDead);
}

TEST(MailboxTries, KeepTheFirstErrorsAndTheLastOfMany) {
  RuntimeFixture fixture;
  fixture.limits.event_tries_max = 40;
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  for (int i = 1; i <= 40; ++i) {
    Error error = never_left();
    error.message = "try " + std::to_string(i) + " \xff";
    ASSERT_TRUE(fixture.retry(*fixture.take(), {}, error).ok());
    fixture.simulation.run_for(std::chrono::milliseconds(1));
  }
  const auto letter = fixture.runtime->dead_letters().show({DeadLetterId::Kind::kEvent, 1});
  ASSERT_TRUE(letter.ok()) << letter.error().text();
  std::vector<int> kept;
  for (const auto& error : letter->errors) kept.push_back(error.attempt);
  EXPECT_EQ(kept, (std::vector<int>{1, 2, 3, 34, 35, 36, 37, 38, 39, 40}));
  EXPECT_EQ(letter->errors[0].error.message, "try 1 \xef\xbf\xbd") << "foreign bytes are repaired before they are kept";
}

TEST(MailboxTries, TellOfADeadLetterWithWhatHelps) {
  testing::LogCapture log;
  RuntimeFixture fixture(Limits::tiny());
  ASSERT_TRUE(fixture.accept(event_of("bad", "a")).ok());
  ASSERT_TRUE(fixture.accept(event_of("hopeless", "b")).ok());
  ASSERT_TRUE(fixture.accept(event_of("deadly", "c")).ok());
  for (int i = 0; i < 2; ++i) {
    std::optional<Delivery> delivery = fixture.take();
    ASSERT_TRUE(delivery);
    ASSERT_EQ(delivery->event().id, "bad");
    ASSERT_TRUE(fixture.retry(std::move(*delivery), {}, kDown).ok());
  }
  EXPECT_EQ(log.with({"dead letter", "event=1", "tenant=local", "agent=worker", "type=test.happened", "attempts=2",
                      "the other side is down", "mnema dlq show event:1"})
                .size(),
            1U);
  ASSERT_TRUE(fixture.dead_letter(*fixture.take(), kDown).ok());
  EXPECT_EQ(log.with({"dead letter", "event=2"}).size(), 1U);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(fixture.take());
    fixture.restart();
  }
  EXPECT_FALSE(fixture.take().has_value()) << "it is dead before it could be dispatched again";
  EXPECT_EQ(log.with({"dead letter", "event=3", "type=test.happened", "the process ended"}).size(), 1U);
  EXPECT_EQ(log.with({"dead letter"}).size(), 3U);
}

TEST(MailboxTries, AreNotCountedForWhatIsLetGoInAShutdown) {
  RuntimeFixture fixture(Limits::tiny());
  ASSERT_TRUE(fixture.accept(event_of("a", "a")).ok());
  ASSERT_TRUE(fixture.accept(event_of("b", "b")).ok());
  std::optional<Delivery> held = fixture.take();
  ASSERT_TRUE(held);
  bool delivered = false;
  Mailbox& mailbox = fixture.runtime->mailbox();
  mailbox.stop_taking();
  mailbox.take(fixture.loop, [&](const Delivery&) { delivered = true; });
  mailbox.stop_taking();
  fixture.simulation.run_ready();
  EXPECT_FALSE(delivered);
  EXPECT_EQ(mailbox.depths().leased, 1);
  held.reset();  // unsettled
  fixture.simulation.run_ready();
  EXPECT_EQ(mailbox.depths().leased, 0);
  EXPECT_TRUE(fixture.accept(event_of("c", "c")).ok()) << "events are accepted to the end";
  fixture.runtime->check_integrity();
  fixture.restart();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fixture.take()->attempt(), 1);
}

TEST(MailboxTries, AreNotMadeForWhoeverAskedBeforeTheStop) {
  RuntimeFixture fixture;
  ASSERT_FALSE(fixture.take()) << "the request stands";
  fixture.runtime->mailbox().stop_taking();
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  EXPECT_FALSE(fixture.taken);
  EXPECT_EQ(fixture.runtime->mailbox().depths().ready, 1);
}

TEST(MailboxTries, HoldTheirKeyUntilTheirDeadLetterIsWritten) {
  Limits limits;
  limits.crashes_max = 1;
  RuntimeFixture fixture(limits);
  ASSERT_TRUE(fixture.accept(event_of("e1")).ok());
  const std::optional<Delivery> leased = fixture.take();
  ASSERT_TRUE(leased.has_value());
  ASSERT_TRUE(fixture.accept(event_of("e2")).ok());
  fixture.restart();
  fixture.disk.fail(FaultVfs::Operation::kSync, 0, 1'000);
  EXPECT_FALSE(fixture.take().has_value()) << "e2 does not overtake an event whose end is not on disk";
  fixture.disk.heal();
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0);
  fixture.simulation.run_for(std::chrono::milliseconds(limits.lease_ms + 1));
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1) << "it is not left until the next start";
  ASSERT_TRUE(fixture.taken.has_value());
  EXPECT_EQ(fixture.taken->event().id, "e2");
  fixture.runtime->mailbox().check_integrity();
}

}  // namespace
}  // namespace mnema

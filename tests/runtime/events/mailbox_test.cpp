#include "runtime/events/mailbox.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

const Error kDown = fail(ErrorCode::kUnavailable, "the other side is down");

Result<RetryVerdict> retry(RuntimeFixture& fixture, Delivery delivery, Duration wait) {
  return fixture.retry(std::move(delivery), wait, kDown);
}

TEST(Mailbox, GivesOneEventPerKeyAtATimeInTheOrderOfAcceptance) {
  RuntimeFixture fixture;
  for (const char* id : {"a1", "a2", "b1"}) ASSERT_TRUE(fixture.accept(event_of(id, std::string(id, 1))).ok());
  std::optional<Delivery> first = fixture.take();
  const std::optional<Delivery> beside = fixture.take();
  ASSERT_TRUE(first && beside);
  EXPECT_EQ(first->event().id, "a1");
  EXPECT_EQ(beside->event().id, "b1") << "another key runs beside";
  EXPECT_FALSE(fixture.take()) << "a2 waits for a1";
  ASSERT_TRUE(fixture.complete(*first).ok());
  ASSERT_TRUE(fixture.taken) << "the open request is answered when a2 becomes ready";
  EXPECT_EQ(fixture.taken->event().id, "a2");
}

TEST(Mailbox, KeepsAnAcceptedEventAcrossAKillAndCountsTheTry) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RuntimeFixture fixture({}, seed);
    const Event event = event_of("a");
    ASSERT_EQ(fixture.accept(event)->sequence, 1);
    ASSERT_TRUE(fixture.take());
    fixture.restart();
    const std::optional<Delivery> again = fixture.take();
    ASSERT_TRUE(again) << "seed " << seed;
    EXPECT_EQ(again->event().data, event.data);
    EXPECT_EQ(again->sequence(), 1);
    EXPECT_EQ(again->tries(), 2) << "the try that died counts";
    EXPECT_EQ(again->attempt(), 1) << "as a crash, not as an attempt";
    ASSERT_TRUE(fixture.complete(*again).ok());
    fixture.restart();
    EXPECT_FALSE(fixture.take()) << "done is done";
  }
}

TEST(Mailbox, RefusesWithRetryAfterWhenFull) {
  RuntimeFixture fixture(Limits::tiny());
  for (int i = 0; i < fixture.limits.mailbox_rows_per_key_max; ++i) {
    ASSERT_TRUE(fixture.accept(event_of("a" + std::to_string(i), "a")).ok());
  }
  const auto refused = fixture.accept(event_of("more", "a"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMailboxFull);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(refused.error().retry_after_ms, fixture.limits.mailbox_retry_after_ms);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(fixture.accept(event_of("b" + std::to_string(i), "b")).ok());
  EXPECT_EQ(fixture.accept(event_of("c", "c")).error().code, ErrorCode::kMailboxFull) << "the whole is full too";

  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  EXPECT_TRUE(fixture.accept(event_of("more", "a")).ok()) << "it fits again";
  fixture.runtime->check_integrity();
}

TEST(Mailbox, BoundsAlsoWhatIsOnItsWayToTheDisk) {
  RuntimeFixture fixture(Limits::tiny());
  int taken = 0;
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    fixture.runtime->mailbox().accept(event_of("a" + std::to_string(i), "a"), fixture.loop,
                                      [&](const Result<Accepted>& accepted) { ++(accepted.ok() ? taken : refused); });
  }
  fixture.simulation.run_ready();
  EXPECT_EQ(taken, fixture.limits.mailbox_rows_per_key_max);
  EXPECT_EQ(refused, 10 - taken);
}

TEST(Mailbox, GivesADuplicateTheFirstOnesNumberAsLongAsItIsRemembered) {
  Limits limits;
  limits.dedupe_entries_max = 8;
  RuntimeFixture fixture(limits);
  const Accepted first = *fixture.accept(event_of("a"));
  EXPECT_FALSE(first.duplicate);
  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  fixture.restart();
  const Accepted again = *fixture.accept(event_of("a"));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.sequence, first.sequence);
  Event of_another_source = event_of("a");
  of_another_source.source = "elsewhere";
  EXPECT_FALSE(fixture.accept(of_another_source)->duplicate) << "an id is unique in its source only";
  for (std::int64_t i = 1; i < fixture.limits.dedupe_entries_max; ++i) {
    ASSERT_TRUE(fixture.accept(event_of("n" + std::to_string(i), std::to_string(i))).ok());
  }
  EXPECT_FALSE(fixture.accept(event_of("a", "z"))->duplicate) << "so many events later it is forgotten";
}

TEST(Mailbox, MakesAFailedEventWaitWithItsKeyAndDeadLettersItAfterItsLastAttempt) {
  RuntimeFixture fixture(Limits::tiny());  // two attempts
  ASSERT_TRUE(fixture.accept(event_of("bad", "k")).ok());
  ASSERT_TRUE(fixture.accept(event_of("good", "k")).ok());
  EXPECT_EQ(*retry(fixture, *fixture.take(), std::chrono::seconds(5)), RetryVerdict::kAgain);
  EXPECT_FALSE(fixture.take()) << "the order of the key is kept";
  fixture.simulation.run_for(std::chrono::seconds(6));
  ASSERT_TRUE(fixture.taken);
  EXPECT_EQ(fixture.taken->event().id, "bad");
  EXPECT_EQ(*retry(fixture, *std::exchange(fixture.taken, std::nullopt), std::chrono::seconds(5)), RetryVerdict::kDead);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1);
  EXPECT_EQ(fixture.take()->event().id, "good") << "a dead event does not block its key";
}

TEST(Mailbox, GivesUpAnEventThatKillsTheProcess) {
  RuntimeFixture fixture(Limits::tiny());
  ASSERT_TRUE(fixture.accept(event_of("deadly")).ok());
  for (int crash = 1; crash <= fixture.limits.crashes_max; ++crash) {
    ASSERT_TRUE(fixture.take()) << crash;
    fixture.restart();
  }
  EXPECT_FALSE(fixture.take());
  const auto letters = fixture.runtime->dead_letters().list(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].error.message, "the process ended 2 times while it was handled");
  fixture.runtime->check_integrity();
}

TEST(Mailbox, LetsAnEventThatWasLeasedInCrashesWaitLongerEachTimeAndKeepsItsAttempts) {
  RuntimeFixture fixture;
  fixture.limits.crashes_max = 5;
  ASSERT_TRUE(fixture.accept(event_of("bystander")).ok());
  ASSERT_TRUE(fixture.take());
  fixture.restart();
  ASSERT_TRUE(fixture.take()) << "once may happen to everybody";
  for (const int wait_s : {1, 2, 4}) {
    fixture.restart();
    EXPECT_FALSE(fixture.take());
    fixture.simulation.run_for(std::chrono::milliseconds(wait_s * 1000 - 10));
    EXPECT_FALSE(fixture.taken) << wait_s;
    fixture.simulation.run_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(fixture.taken) << wait_s;
    EXPECT_EQ(fixture.taken->attempt(), 1) << "a crash is no attempt";
  }
}

TEST(Mailbox, GivesADroppedDeliveryOutAgainAfterItsLease) {
  RuntimeFixture fixture;
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  ASSERT_TRUE(fixture.take()) << "and let go of unsettled";
  EXPECT_FALSE(fixture.take());
  fixture.simulation.run_for(std::chrono::milliseconds(fixture.limits.lease_ms + 1));
  ASSERT_TRUE(fixture.taken);
  EXPECT_EQ(fixture.taken->attempt(), 2);
}

TEST(Mailbox, DoesNotCountAnAttemptThatIsReleased) {
  RuntimeFixture fixture(Limits::tiny());
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  for (int i = 0; i < 5; ++i) {
    std::optional<Delivery> delivery = fixture.take();
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->attempt(), 1);
    fixture.runtime->mailbox().release(std::move(*delivery));
    fixture.simulation.run_ready();
  }
  fixture.restart();
  EXPECT_EQ(fixture.take()->attempt(), 1);
}

TEST(Mailbox, KnowsOfAnEventThatItReadsAgainWhetherItsTurnHasAJournal) {
  Limits limits;
  limits.mailbox_fresh_bytes_max = 1;  // no payload is kept in memory
  RuntimeFixture fixture(limits);
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  std::optional<Delivery> first = fixture.take();
  ASSERT_TRUE(first && first->has_no_journal()) << "it was never leased";
  Delivery moved;
  moved = std::move(*first);
  EXPECT_TRUE(moved.has_no_journal()) << "whoever holds it";
  ASSERT_EQ(*retry(fixture, std::move(moved), std::chrono::seconds(1)), RetryVerdict::kAgain);
  fixture.simulation.run_for(std::chrono::seconds(2));
  std::optional<Delivery> second = fixture.take();
  ASSERT_TRUE(second && second->has_no_journal()) << "its first try had no step";
  fixture.runtime->journal().begin(turn_identity(second->sequence(), second->event()), fixture.loop,
                                   [](const Status& begun) { EXPECT_TRUE(begun.ok()); });
  fixture.simulation.run_ready();
  fixture.restart();
  const std::optional<Delivery> third = fixture.take();
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->has_no_journal());
}

TEST(Mailbox, ParksAnEventUntilItIsWokenOrTheNextStartLooksAtIt) {
  RuntimeFixture fixture;
  const Sequence sequence = fixture.accept(event_of("a"))->sequence;
  std::optional<Delivery> delivery = fixture.take();
  ASSERT_TRUE(fixture
                  .wait<void>([&](auto done) {
                    fixture.runtime->mailbox().park(std::move(*delivery), std::nullopt, fixture.loop, done);
                  })
                  .ok());
  EXPECT_FALSE(fixture.take());
  fixture.simulation.run_for(std::chrono::hours(100));
  EXPECT_FALSE(fixture.taken) << "no time wakes it";
  fixture.runtime->mailbox().wake(sequence);
  fixture.simulation.run_ready();
  ASSERT_TRUE(fixture.taken);
  EXPECT_EQ(fixture.taken->attempt(), 1) << "waiting is not failing";
  ASSERT_TRUE(fixture
                  .wait<void>([&](auto done) {
                    fixture.runtime->mailbox().park(std::move(*fixture.taken), std::nullopt, fixture.loop, done);
                  })
                  .ok());
  fixture.restart();
  const std::optional<Delivery> again = fixture.take();
  ASSERT_TRUE(again) << "the next start may be the program that it waited for";
  EXPECT_EQ(again->attempt(), 1);
}

TEST(Mailbox, LosesNoWakeThatComesBeforeThePark) {
  RuntimeFixture fixture;
  const Sequence sequence = fixture.accept(event_of("a"))->sequence;
  std::optional<Delivery> delivery = fixture.take();
  fixture.runtime->mailbox().wake(sequence);
  fixture.simulation.run_ready();
  ASSERT_TRUE(fixture
                  .wait<void>([&](auto done) {
                    fixture.runtime->mailbox().park(std::move(*delivery), std::nullopt, fixture.loop, done);
                  })
                  .ok());
  EXPECT_TRUE(fixture.take()) << "the approval was there first";
}

TEST(Mailbox, TakesUrgentEventsFirstAndStarvesNone) {
  RuntimeFixture fixture;
  const auto accept = [&](const std::string& id, EventPriority priority) {
    Event event = event_of(id, id);
    event.priority = priority;
    ASSERT_TRUE(fixture.accept(event).ok());
  };
  accept("background", EventPriority::kBackground);
  accept("event", EventPriority::kEvent);
  accept("interactive", EventPriority::kInteractive);
  EXPECT_EQ(fixture.take()->event().id, "interactive");
  fixture.simulation.run_for(std::chrono::milliseconds(3 * fixture.limits.mailbox_ageing_ms));
  accept("late", EventPriority::kInteractive);
  EXPECT_EQ(fixture.take()->event().id, "event");
  EXPECT_EQ(fixture.take()->event().id, "background") << "it has waited long enough to pass an urgent one";
}

TEST(Mailbox, RefusesWhatItCouldNotStoreAndSaysWhy) {
  RuntimeFixture fixture(Limits::tiny());
  Event event = event_of("a");
  event.data = std::string(static_cast<std::size_t>(fixture.limits.event_bytes_max) + 1, 'x');
  const auto large = fixture.accept(event);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(large.error().hint.find("2048"), std::string::npos) << large.error().text();
  event = event_of("");
  EXPECT_EQ(fixture.accept(event).error().code, ErrorCode::kInvalidArgument);
  event = event_of("a", "\xff");
  EXPECT_NE(fixture.accept(event).error().message.find("key is not UTF-8"), std::string::npos);
}

TEST(Mailbox, DoesNotTakeAnEventThatTheDiskRefuses) {
  RuntimeFixture fixture;
  fixture.disk.fail(FaultVfs::Operation::kSync, 0);
  const auto refused = fixture.accept(event_of("a"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
  EXPECT_TRUE(refused.error().retryable);
  const auto accepted = fixture.accept(event_of("a"));
  ASSERT_TRUE(accepted.ok()) << accepted.error().text();
  EXPECT_FALSE(accepted->duplicate);
  fixture.runtime->check_integrity();
}

TEST(Mailbox, KeepsWhatNobodyCanReadAsADeadLetter) {
  RuntimeFixture fixture;
  Event record = event_of("r1");
  record.agent.clear();
  record.data = "\xff\xfe";
  const Error why = fail(ErrorCode::kInvalidArgument, "the record's value is no JSON");
  ASSERT_TRUE(
      fixture.write<void>([&](Transaction& t) { return fixture.runtime->mailbox().store_dead(t, record, why); }).ok());
  fixture.simulation.run_ready();
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1);
  EXPECT_FALSE(fixture.take()) << "it is nobody's turn";
  fixture.restart();
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1);
  const auto letters = fixture.runtime->dead_letters().list(10);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ(letters->front().error.message, why.message);
  EXPECT_EQ(letters->front().attempts, 0);
  const auto shown = fixture.runtime->dead_letters().show(letters->front().id);
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->event->data, "\xff\xfe") << "the bytes as they came";
  fixture.runtime->check_integrity();
}

TEST(Mailbox, AnnouncesEachEventThatHasLeft) {
  RuntimeFixture fixture;
  std::vector<Sequence> left;
  fixture.runtime->mailbox().on_settled([&left](Sequence sequence) { left.push_back(sequence); });
  for (const char* id : {"1", "2", "3"}) ASSERT_TRUE(fixture.accept(event_of(id, id)).ok());
  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  ASSERT_TRUE(fixture.dead_letter(std::move(*fixture.take()), kDown).ok());
  ASSERT_TRUE(retry(fixture, std::move(*fixture.take()), std::chrono::seconds(1)).ok());
  fixture.simulation.run_ready();
  EXPECT_EQ(left, (std::vector<Sequence>{1, 2})) << "one that is tried again has not";
}

}  // namespace
}  // namespace mnema

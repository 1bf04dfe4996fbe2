#include "runtime/mailbox.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_world.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeWorld;

const Error kDown = fail(ErrorCode::kUnavailable, "the other side is down");

Result<RetryVerdict> retry(RuntimeWorld& world, Delivery delivery, Duration wait) {
  return world.retry(std::move(delivery), wait, kDown);
}

TEST(Mailbox, GivesOneEventPerKeyAtATimeInTheOrderOfAcceptance) {
  RuntimeWorld world;
  for (const char* id : {"a1", "a2", "b1"}) ASSERT_TRUE(world.accept(event_of(id, std::string(id, 1))).ok());
  std::optional<Delivery> first = world.take();
  const std::optional<Delivery> beside = world.take();
  ASSERT_TRUE(first && beside);
  EXPECT_EQ(first->event().id, "a1");
  EXPECT_EQ(beside->event().id, "b1") << "another key runs beside";
  EXPECT_FALSE(world.take()) << "a2 waits for a1";
  ASSERT_TRUE(world.complete(*first).ok());
  ASSERT_TRUE(world.taken) << "the open request is answered when a2 becomes ready";
  EXPECT_EQ(world.taken->event().id, "a2");
}

TEST(Mailbox, KeepsAnAcceptedEventAcrossAKillAndCountsItsAttempts) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RuntimeWorld world({}, seed);
    const Event event = event_of("a");
    ASSERT_EQ(world.accept(event)->sequence, 1);
    ASSERT_TRUE(world.take());
    world.restart();
    const std::optional<Delivery> again = world.take();
    ASSERT_TRUE(again) << "seed " << seed;
    EXPECT_EQ(again->event().data, event.data);
    EXPECT_EQ(again->sequence(), 1);
    EXPECT_EQ(again->attempt(), 2) << "the attempt that died counts";
    ASSERT_TRUE(world.complete(*again).ok());
    world.restart();
    EXPECT_FALSE(world.take()) << "done is done";
  }
}

TEST(Mailbox, RefusesWithRetryAfterWhenFull) {
  RuntimeWorld world(Limits::tiny());
  for (int i = 0; i < world.limits.mailbox_rows_per_key_max; ++i) {
    ASSERT_TRUE(world.accept(event_of("a" + std::to_string(i), "a")).ok());
  }
  const auto refused = world.accept(event_of("more", "a"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMailboxFull);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(refused.error().retry_after_ms, world.limits.mailbox_retry_after_ms);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(world.accept(event_of("b" + std::to_string(i), "b")).ok());
  EXPECT_EQ(world.accept(event_of("c", "c")).error().code, ErrorCode::kMailboxFull) << "the whole is full too";

  ASSERT_TRUE(world.complete(*world.take()).ok());
  EXPECT_TRUE(world.accept(event_of("more", "a")).ok()) << "there is room again";
  world.runtime->check_integrity();
}

TEST(Mailbox, BoundsAlsoWhatIsOnItsWayToTheDisk) {
  RuntimeWorld world(Limits::tiny());
  int taken = 0;
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    world.runtime->mailbox().accept(event_of("a" + std::to_string(i), "a"), world.loop,
                                    [&](const Result<Accepted>& accepted) { ++(accepted.ok() ? taken : refused); });
  }
  world.simulation.run_ready();
  EXPECT_EQ(taken, world.limits.mailbox_rows_per_key_max);
  EXPECT_EQ(refused, 10 - taken);
}

TEST(Mailbox, GivesADuplicateTheFirstOnesNumberAsLongAsItIsRemembered) {
  Limits limits;
  limits.dedupe_entries_max = 8;
  RuntimeWorld world(limits);
  const Accepted first = *world.accept(event_of("a"));
  EXPECT_FALSE(first.duplicate);
  ASSERT_TRUE(world.complete(*world.take()).ok());
  world.restart();
  const Accepted again = *world.accept(event_of("a"));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.sequence, first.sequence);
  Event of_another_source = event_of("a");
  of_another_source.source = "elsewhere";
  EXPECT_FALSE(world.accept(of_another_source)->duplicate) << "an id is unique in its source only";
  for (std::int64_t i = 1; i < world.limits.dedupe_entries_max; ++i) {
    ASSERT_TRUE(world.accept(event_of("n" + std::to_string(i), std::to_string(i))).ok());
  }
  EXPECT_FALSE(world.accept(event_of("a", "z"))->duplicate) << "so many events later it is forgotten";
}

TEST(Mailbox, MakesAFailedEventWaitWithItsKeyAndDeadLettersItAfterItsLastAttempt) {
  RuntimeWorld world(Limits::tiny());  // two attempts
  ASSERT_TRUE(world.accept(event_of("bad", "k")).ok());
  ASSERT_TRUE(world.accept(event_of("good", "k")).ok());
  EXPECT_EQ(*retry(world, *world.take(), std::chrono::seconds(5)), RetryVerdict::kAgain);
  EXPECT_FALSE(world.take()) << "the order of the key is kept";
  world.simulation.run_for(std::chrono::seconds(6));
  ASSERT_TRUE(world.taken);
  EXPECT_EQ(world.taken->event().id, "bad");
  EXPECT_EQ(*retry(world, *std::exchange(world.taken, std::nullopt), std::chrono::seconds(5)), RetryVerdict::kDead);
  EXPECT_EQ(world.runtime->mailbox().depths().dead, 1);
  EXPECT_EQ(world.take()->event().id, "good") << "a dead event does not block its key";
}

TEST(Mailbox, GivesUpAnEventThatKillsTheProcess) {
  RuntimeWorld world(Limits::tiny());
  ASSERT_TRUE(world.accept(event_of("deadly")).ok());
  for (int attempt = 1; attempt <= world.limits.attempts_max; ++attempt) {
    ASSERT_TRUE(world.take()) << attempt;
    world.restart();
  }
  EXPECT_FALSE(world.take());
  const auto letters = world.runtime->dead_letters().list(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].error.message, "the process ended during attempt 2");
  world.runtime->check_integrity();
}

TEST(Mailbox, GivesADroppedDeliveryOutAgainAfterItsLease) {
  RuntimeWorld world;
  ASSERT_TRUE(world.accept(event_of("a")).ok());
  ASSERT_TRUE(world.take()) << "and let go of unsettled";
  EXPECT_FALSE(world.take());
  world.simulation.run_for(std::chrono::milliseconds(world.limits.lease_ms + 1));
  ASSERT_TRUE(world.taken);
  EXPECT_EQ(world.taken->attempt(), 2);
}

TEST(Mailbox, DoesNotCountAnAttemptThatIsReleased) {
  RuntimeWorld world(Limits::tiny());
  ASSERT_TRUE(world.accept(event_of("a")).ok());
  for (int i = 0; i < 5; ++i) {
    std::optional<Delivery> delivery = world.take();
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->attempt(), 1);
    world.runtime->mailbox().release(std::move(*delivery));
    world.simulation.run_ready();
  }
  world.restart();
  EXPECT_EQ(world.take()->attempt(), 1);
}

TEST(Mailbox, ParksAnEventUntilItIsWokenAlsoAcrossARestart) {
  RuntimeWorld world;
  const Sequence sequence = world.accept(event_of("a"))->sequence;
  std::optional<Delivery> delivery = world.take();
  ASSERT_TRUE(world
                  .wait<void>([&](auto done) {
                    world.runtime->mailbox().park(std::move(*delivery), std::nullopt, world.loop, done);
                  })
                  .ok());
  world.restart();
  EXPECT_FALSE(world.take());
  world.simulation.run_for(std::chrono::hours(100));
  EXPECT_FALSE(world.taken) << "no time wakes it";
  world.runtime->mailbox().wake(sequence);
  world.simulation.run_ready();
  ASSERT_TRUE(world.taken);
  EXPECT_EQ(world.taken->attempt(), 1) << "waiting is not failing";
}

TEST(Mailbox, LosesNoWakeThatComesBeforeThePark) {
  RuntimeWorld world;
  const Sequence sequence = world.accept(event_of("a"))->sequence;
  std::optional<Delivery> delivery = world.take();
  world.runtime->mailbox().wake(sequence);
  world.simulation.run_ready();
  ASSERT_TRUE(world
                  .wait<void>([&](auto done) {
                    world.runtime->mailbox().park(std::move(*delivery), std::nullopt, world.loop, done);
                  })
                  .ok());
  EXPECT_TRUE(world.take()) << "the approval was there first";
}

TEST(Mailbox, TakesUrgentEventsFirstAndStarvesNone) {
  RuntimeWorld world;
  const auto accept = [&](const std::string& id, EventPriority priority) {
    Event event = event_of(id, id);
    event.priority = priority;
    ASSERT_TRUE(world.accept(event).ok());
  };
  accept("background", EventPriority::kBackground);
  accept("event", EventPriority::kEvent);
  accept("interactive", EventPriority::kInteractive);
  EXPECT_EQ(world.take()->event().id, "interactive");
  world.simulation.run_for(std::chrono::milliseconds(3 * world.limits.mailbox_ageing_ms));
  accept("late", EventPriority::kInteractive);
  EXPECT_EQ(world.take()->event().id, "event");
  EXPECT_EQ(world.take()->event().id, "background") << "it has waited long enough to pass an urgent one";
}

TEST(Mailbox, RefusesWhatItCouldNotStoreAndSaysWhy) {
  RuntimeWorld world(Limits::tiny());
  Event event = event_of("a");
  event.data = std::string(static_cast<std::size_t>(world.limits.event_bytes_max) + 1, 'x');
  const auto large = world.accept(event);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(large.error().hint.find("2048"), std::string::npos) << large.error().text();
  event = event_of("");
  EXPECT_EQ(world.accept(event).error().code, ErrorCode::kInvalidArgument);
  event = event_of("a", "\xff");
  EXPECT_NE(world.accept(event).error().message.find("key is not UTF-8"), std::string::npos);
}

TEST(Mailbox, DoesNotTakeAnEventThatTheDiskRefuses) {
  RuntimeWorld world;
  world.disk.fail(FaultVfs::Operation::kSync, 0);
  const auto refused = world.accept(event_of("a"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
  EXPECT_TRUE(refused.error().retryable);
  const auto accepted = world.accept(event_of("a"));
  ASSERT_TRUE(accepted.ok()) << accepted.error().text();
  EXPECT_FALSE(accepted->duplicate);
  world.runtime->check_integrity();
}

}  // namespace
}  // namespace mnema

#include "runtime/events/event_flow.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

// What happens between the mailbox and a turn, over the real mailbox.

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

constexpr Duration kSecond = std::chrono::seconds(1);
const Error kDown = fail(ErrorCode::kUnavailable, "the other side is down");

/// The ids that the next delivery holds, in their order; empty: there is none now.
std::vector<std::string> ids_of(const std::optional<Delivery>& delivery) {
  std::vector<std::string> ids;
  if (!delivery) return ids;
  ids.push_back(delivery->event().id);
  for (const auto& event : delivery->batch()) ids.push_back(event->id);
  return ids;
}
using Ids = std::vector<std::string>;

void accept(RuntimeFixture& fixture, const Ids& ids, const std::string& key = "k") {
  for (const std::string& id : ids) ASSERT_TRUE(fixture.accept(event_of(id, key)).ok());
}

TEST(EventFlow, RefusesWhatCannotBeMeant) {
  const Limits limits = Limits::tiny();
  const auto error_of = [&](const EventFlow& flow) {
    const auto made = EventFlows::make({{"worker", flow}}, limits);
    return made.ok() ? std::string() : made.error().message;
  };
  EXPECT_EQ(error_of({}), "");
  EXPECT_NE(error_of({.where = "type ="}), "");
  EXPECT_NE(error_of({.coalesce_window_ms = 5, .coalesce_max = 2, .batch_max = 2}), "");
  EXPECT_NE(error_of({.debounce_window_ms = 5, .batch_max = 2}), "");
  EXPECT_NE(error_of({.sample_one_in = 2, .sample_per_second = 1}), "");
  EXPECT_NE(error_of({.batch_max = limits.gather_rows_max + 1}), "");
  EXPECT_NE(error_of({.coalesce_window_ms = 5, .coalesce_max = limits.gather_rows_max + 1}), "");
  EXPECT_NE(error_of({.coalesce_window_ms = -1}), "");
  EXPECT_NE(error_of({.deadline_ms = 0}), "");
  EXPECT_NE(error_of({.where = "type ="}).find("agent 'worker'"), std::string::npos);
}

TEST(EventFlow, SettlesWhatItsAgentDoesNotWantWithoutARow) {
  RuntimeFixture fixture({}, 1, {.where = "/id like \"yes*\""});
  const Accepted filtered = *fixture.accept(event_of("no"));
  EXPECT_TRUE(filtered.settled);
  EXPECT_FALSE(fixture.accept(event_of("yes"))->settled);
  EXPECT_EQ(ids_of(fixture.take()), Ids{"yes"});
  EXPECT_EQ(fixture.runtime->counts().events_filtered_total, 1);
  EXPECT_EQ(fixture.runtime->counts().events_accepted_total, 1);
}

TEST(EventFlow, ShowsTheHookOfABatchAlsoWhatIsSettled) {
  RuntimeFixture fixture({}, 1, {.where = "/id like \"yes*\""});
  std::vector<bool> seen;
  const auto send = [&](auto done) {
    EventBatch batch;
    batch.dedupe = Dedupe::kByOffset;
    for (const char* id : {"no1", "yes1", "no2"}) batch.events.emplace_back(event_of(id));
    batch.hook = [&seen](Transaction&, const AcceptResults& results) {
      for (const auto& result : results) seen.push_back(result.ok() && result->settled);
      return Status();
    };
    fixture.runtime->mailbox().accept(std::move(batch), fixture.loop, done);
  };
  ASSERT_TRUE(fixture.wait<AcceptResults>(send).ok());
  EXPECT_EQ(seen, (std::vector<bool>{true, false, true}));
}

TEST(EventFlow, SamplesOneInSoManyOfAKeyAlsoAcrossARestart) {
  RuntimeFixture fixture({}, 1, {.sample_one_in = 3});
  std::vector<bool> taken;
  for (int i = 0; i < 9; ++i) {
    const Accepted accepted = *fixture.accept(event_of("e" + std::to_string(i)));
    EXPECT_EQ(accepted.sequence, i + 1) << "what is settled has a number too";
    taken.push_back(!accepted.settled);
    if (i == 4) fixture.restart();
  }
  EXPECT_EQ(taken, (std::vector<bool>{true, false, false, true, false, false, true, false, false}));
  EXPECT_FALSE(fixture.accept(event_of("other", "another key"))->settled);
  const Accepted repeat = *fixture.accept(event_of("e1"));
  EXPECT_TRUE(repeat.duplicate) << "a repeat of what was settled is known, and counts for nothing";
  EXPECT_EQ(repeat.sequence, 2);
  fixture.runtime->check_integrity();
}

TEST(EventFlow, SamplesByTimeAndForgetsTheKeyKnownLongest) {
  RuntimeFixture fixture(Limits::tiny(), 1, {.sample_per_second = 0.5});
  EXPECT_FALSE(fixture.accept(event_of("a1", "a"))->settled);
  fixture.simulation.run_for(kSecond);
  EXPECT_TRUE(fixture.accept(event_of("a2", "a"))->settled);
  fixture.simulation.run_for(kSecond);
  EXPECT_FALSE(fixture.accept(event_of("a3", "a"))->settled);
  for (const char* key : {"b", "c", "d", "e"}) EXPECT_FALSE(fixture.accept(event_of(key, key))->settled);
  EXPECT_FALSE(fixture.accept(event_of("a4", "a"))->settled) << "five keys are more than are kept";
}

TEST(EventFlow, CoalescesAKeysEventsIntoItsNewest) {
  RuntimeFixture fixture({}, 1, {.coalesce_window_ms = 1000});
  accept(fixture, {"a1", "a2", "a3"}, "a");
  accept(fixture, {"b1"}, "b");
  EXPECT_FALSE(fixture.take()) << "their windows are open";
  fixture.simulation.run_for(2 * kSecond);
  EXPECT_EQ(ids_of(fixture.taken), Ids{"a3"});
  const std::optional<Delivery> second = fixture.take();
  EXPECT_EQ(ids_of(second), Ids{"b1"});
  ASSERT_TRUE(fixture.complete(*second).ok());
  EXPECT_EQ(fixture.runtime->counts().events_coalesced_total, 2);
  fixture.runtime->check_integrity();
}

TEST(EventFlow, KeepsAWindowAcrossARestart) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RuntimeFixture fixture({}, seed, {.coalesce_window_ms = 10'000});
    accept(fixture, {"a1", "a2"});
    fixture.simulation.run_for(6 * kSecond);
    fixture.restart();
    accept(fixture, {"a3"});
    EXPECT_FALSE(fixture.take());
    fixture.simulation.run_for(5 * kSecond);
    EXPECT_EQ(ids_of(fixture.taken), Ids{"a3"}) << "seed " << seed << ": since the first one was accepted";
    fixture.taken.reset();
    fixture.restart();
    EXPECT_EQ(ids_of(fixture.take()), Ids{"a3"}) << "seed " << seed << ": what it superseded does not come back";
    fixture.runtime->check_integrity();
  }
}

TEST(EventFlow, HoldsFewRowsOfAKeyHoweverManyEventsComeWhileItsTurnRuns) {
  Limits limits;
  limits.mailbox_rows_per_key_max = 8;
  RuntimeFixture fixture(limits, 1, {.coalesce_window_ms = 1, .coalesce_max = 4});
  accept(fixture, {"first"});
  fixture.simulation.run_for(kSecond);
  const std::optional<Delivery> running = fixture.take();
  ASSERT_TRUE(running);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(fixture.accept(event_of("e" + std::to_string(i))).ok()) << i;
  fixture.simulation.run_ready();
  ASSERT_TRUE(fixture.complete(*running).ok());
  fixture.simulation.run_for(kSecond);
  EXPECT_EQ(ids_of(fixture.take()), Ids{"e49"});
  EXPECT_EQ(fixture.runtime->counts().events_coalesced_total, 49);
  fixture.runtime->check_integrity();
}

TEST(EventFlow, DebouncesUntilAKeyIsQuietOrHasWaitedLongEnough) {
  RuntimeFixture fixture({}, 1, {.debounce_window_ms = 2000, .debounce_wait_max_ms = 5000});
  EXPECT_FALSE(fixture.take());
  for (int i = 0; i < 3; ++i) {
    accept(fixture, {"a" + std::to_string(i)});
    fixture.simulation.run_for(kSecond);
  }
  EXPECT_FALSE(fixture.taken) << "it is not quiet";
  fixture.simulation.run_for(kSecond);
  ASSERT_EQ(ids_of(fixture.taken), Ids{"a2"});
  ASSERT_TRUE(fixture.complete(*std::exchange(fixture.taken, std::nullopt)).ok());
  EXPECT_FALSE(fixture.take());
  for (int i = 0; i < 5; ++i) {
    accept(fixture, {"b" + std::to_string(i)});
    fixture.simulation.run_for(kSecond);
  }
  EXPECT_EQ(ids_of(fixture.taken), Ids{"b4"}) << "never quiet, and five seconds are enough";
}

TEST(EventFlow, HandlesABatchTogetherAndSettlesItTogether) {
  RuntimeFixture fixture({}, 1, {.batch_max = 3, .batch_window_ms = 1000});
  accept(fixture, {"a1", "a2"}, "a");
  EXPECT_FALSE(fixture.take());
  accept(fixture, {"a3", "a4"}, "a");
  ASSERT_EQ(ids_of(fixture.taken), (Ids{"a1", "a2", "a3"})) << "so many are enough";
  EXPECT_EQ(fixture.taken->sequence(), 1);
  ASSERT_TRUE(fixture.complete(*std::exchange(fixture.taken, std::nullopt)).ok());
  fixture.runtime->check_integrity();
  EXPECT_FALSE(fixture.take());
  fixture.simulation.run_for(kSecond);
  EXPECT_EQ(ids_of(fixture.taken), Ids{"a4"});
}

TEST(EventFlow, KeepsABatchTogetherOverRetriesCrashesDeathAndRedrive) {
  const testing::LogCapture quiet;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RuntimeFixture fixture(Limits::tiny(), seed, {.batch_max = 3});
    accept(fixture, {"a1", "a2", "a3"});
    const Ids all{"a1", "a2", "a3"};
    // The first came alone; the others share a turn.
    std::optional<Delivery> delivery = fixture.take();
    ASSERT_EQ(ids_of(delivery), all);
    if (seed % 2 == 0) {
      delivery.reset();
      fixture.restart();
      delivery = fixture.take();
      ASSERT_EQ(ids_of(delivery), all) << "seed " << seed;
    }
    fixture.runtime->mailbox().release(std::move(*delivery));
    fixture.simulation.run_ready();
    if (seed % 3 == 0) fixture.restart();
    accept(fixture, {"a4"});
    delivery = fixture.take();
    ASSERT_EQ(ids_of(delivery), all) << "seed " << seed << ": what comes later is not of it";
    ASSERT_TRUE(fixture.dead_letter(std::move(*delivery), kDown).ok());
    EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 3);
    EXPECT_EQ(fixture.runtime->dead_letters().list(10)->size(), 1U) << "one letter";
    fixture.runtime->check_integrity();
    if (seed % 2 == 1) fixture.restart();
    EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 3);
    const auto redrive = [&](const Redrive& how) {
      return fixture.wait<void>([&](auto done) {
        fixture.runtime->dead_letters().redrive(*DeadLetterId::parse("event:1"), how, fixture.loop, done);
      });
    };
    EXPECT_EQ(redrive({.from_step = "", .data = "x"}).error().code, ErrorCode::kInvalidArgument);
    ASSERT_TRUE(redrive({}).ok());
    delivery = fixture.take();
    ASSERT_EQ(ids_of(delivery), all) << "seed " << seed;
    ASSERT_TRUE(fixture.dead_letter(std::move(*delivery), kDown).ok());
    ASSERT_TRUE(fixture
                    .wait<void>([&](auto done) {
                      fixture.runtime->dead_letters().drop(*DeadLetterId::parse("event:1"), fixture.loop, done);
                    })
                    .ok());
    EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0);
    fixture.runtime->check_integrity();
  }
}

// Released when the program stopped: no attempt was counted, but its steps are in the journal.
TEST(EventFlow, AddsNothingToATurnThatHasBegunWhenItGoesOnAfterARestart) {
  RuntimeFixture fixture({}, 1, {.batch_max = 3});
  accept(fixture, {"a1"});
  const Status begun = fixture.write<void>([](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(Statement turn,
                     transaction.prepare("INSERT INTO turns (turn, tenant, source, event_id, agent, key, version, "
                                         "started_at) VALUES (1, 'local', 'test', 'a1', 'worker', 'k', '', 0)"));
    return turn.run();
  });
  ASSERT_TRUE(begun.ok());
  fixture.restart();
  accept(fixture, {"a2", "a3"});
  const std::optional<Delivery> alone = fixture.take();
  EXPECT_EQ(ids_of(alone), Ids{"a1"});
  ASSERT_TRUE(fixture.complete(*alone).ok());
  EXPECT_EQ(ids_of(fixture.take()), (Ids{"a2", "a3"}));
}

TEST(EventFlow, LetsABatchLastAsLongAsItsLastDeadline) {
  RuntimeFixture fixture({}, 1, {.batch_max = 3});
  const Time now = fixture.simulation.clock().now();
  for (const int minutes : {1, 3, 2}) {
    Event event = event_of("a" + std::to_string(minutes));
    event.deadline = now + std::chrono::minutes(minutes);
    ASSERT_TRUE(fixture.accept(event).ok());
  }
  std::vector<Sequence> reported;
  fixture.runtime->mailbox().on_deadline([&](Sequence sequence) { reported.push_back(sequence); });
  const std::optional<Delivery> delivery = fixture.take();
  ASSERT_EQ(delivery->batch().size(), 2U);
  EXPECT_EQ(delivery->deadline(), now + std::chrono::minutes(3));
  fixture.simulation.run_for(std::chrono::seconds(150));
  EXPECT_TRUE(reported.empty());
  fixture.simulation.run_for(std::chrono::seconds(40));
  EXPECT_EQ(reported, std::vector<Sequence>{1});
}

TEST(EventFlow, LetsAFailedEventBeOvertakenAlsoAcrossARestart) {
  for (const bool restarts : {false, true}) {
    RuntimeFixture fixture({}, 1, {.on_failure = OnFailure::kOvertake});
    accept(fixture, {"a1", "a2", "a3"});
    ASSERT_TRUE(fixture.retry(*fixture.take(), 10 * kSecond, kDown).ok());
    if (restarts) fixture.restart();
    std::optional<Delivery> second = fixture.take();
    ASSERT_EQ(ids_of(second), Ids{"a2"});
    EXPECT_FALSE(fixture.take()) << "one of a key at a time all the same";
    fixture.simulation.run_for(11 * kSecond);
    EXPECT_FALSE(fixture.taken) << "also when its time has come";
    ASSERT_TRUE(fixture.complete(*second).ok());
    ASSERT_EQ(ids_of(fixture.taken), Ids{"a1"});
    EXPECT_EQ(fixture.taken->attempt(), 2);
    ASSERT_TRUE(fixture.complete(*std::exchange(fixture.taken, std::nullopt)).ok());
    EXPECT_EQ(ids_of(fixture.take()), Ids{"a3"});
    fixture.runtime->check_integrity();
  }
}

TEST(EventFlow, MakesTheFirstFailureFinalWhereItsAgentSaysSo) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture({}, 1, {.on_failure = OnFailure::kDeadLetter});
  accept(fixture, {"a1", "a2"});
  Error outage = kDown;
  outage.never_left = true;
  EXPECT_EQ(*fixture.retry(*fixture.take(), {}, outage), RetryVerdict::kAgain) << "nothing was tried";
  EXPECT_EQ(*fixture.retry(*fixture.take(), {}, kDown), RetryVerdict::kDead);
  EXPECT_EQ(ids_of(fixture.take()), Ids{"a2"});
}

TEST(EventFlow, GivesEventsThePriorityAndDeadlineOfTheirAgentUnlessTheyBringOne) {
  RuntimeFixture fixture({}, 1, {.deadline_ms = 60'000, .priority = EventPriority::kBackground});
  Event urgent = event_of("urgent", "a");
  urgent.priority = EventPriority::kInteractive;
  urgent.deadline = fixture.simulation.clock().now() + std::chrono::hours(1);
  accept(fixture, {"plain"}, "b");
  ASSERT_TRUE(fixture.accept(urgent).ok());
  const std::optional<Delivery> first = fixture.take();
  EXPECT_EQ(first->event().priority, EventPriority::kInteractive) << "it goes first";
  EXPECT_EQ(first->event().deadline, urgent.deadline);
  const std::optional<Delivery> second = fixture.take();
  EXPECT_EQ(second->event().priority, EventPriority::kBackground);
  EXPECT_EQ(second->event().deadline, second->accepted_at() + std::chrono::minutes(1));
}

TEST(EventFlow, StarvesNoBackgroundEventUnderASteadyStreamOfUrgentOnes) {
  RuntimeFixture fixture;
  Event slow = event_of("slow", "slow");
  slow.priority = EventPriority::kBackground;
  ASSERT_TRUE(fixture.accept(slow).ok());
  int urgent_ones = 0;
  for (; urgent_ones < 100; ++urgent_ones) {
    for (int i = 0; i < 2; ++i) {
      Event urgent = event_of("u" + std::to_string(2 * urgent_ones + i), "u" + std::to_string(2 * urgent_ones + i));
      urgent.priority = EventPriority::kInteractive;
      ASSERT_TRUE(fixture.accept(urgent).ok());
    }
    fixture.simulation.run_for(kSecond);
    const std::optional<Delivery> next = fixture.take();
    ASSERT_TRUE(next);
    if (next->event().id == "slow") break;
    ASSERT_TRUE(fixture.complete(*next).ok());
  }
  // Two steps of priority are made up for by twice the ageing; what waits by then is older.
  EXPECT_LE(urgent_ones, 100) << "it had its turn";
  EXPECT_GE(urgent_ones, 2 * fixture.limits.mailbox_ageing_ms / 1000 - 1);
  EXPECT_LT(urgent_ones, 99);
}

}  // namespace
}  // namespace mnema

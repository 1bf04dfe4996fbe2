#include "runtime/events/mailbox_erase_store.hpp"

#include <gtest/gtest.h>

#include "runtime/events/outbox_store.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

const Scope kAnna{"local", "", "anna", ""};

Event event_by(const std::string& user, const std::string& id, const std::string& key) {
  Event event = event_of(id, key);
  event.user = user;
  return event;
}

/// All of it, a few rows at a time.
Mailbox::Erased erase(RuntimeFixture& fixture, const Scope& scope, int rows_max = 3) {
  Mailbox::Erased sum;
  while (!sum.done) {
    const auto erased = fixture.wait<Mailbox::Erased>([&](auto done) {
      fixture.runtime->mailbox().erase(
          scope, sum.last, rows_max, [](Transaction&, const Mailbox::Erased&) -> Status { return {}; }, fixture.loop,
          done);
    });
    sum.events += erased->events;
    sum.running += erased->running;
    sum.last = erased->last;
    sum.done = erased->done;
  }
  return sum;
}

TEST(MailboxErase, RemovesAUsersEventsWhateverTheirStateAndWaitsForTheTurnThatRuns) {
  RuntimeFixture fixture(Limits{});
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(fixture.accept(event_by("anna", "a" + std::to_string(i), "ka" + std::to_string(i))).ok());
    ASSERT_TRUE(fixture.accept(event_by("bert", "b" + std::to_string(i), "kb" + std::to_string(i))).ok());
  }
  std::optional<Delivery> running = fixture.take();
  ASSERT_EQ(running->event().id, "a0");
  std::optional<Delivery> dead = fixture.take();
  while (dead->event().user != "anna") {
    ASSERT_TRUE(fixture.complete(*dead).ok());
    dead = fixture.take();
  }
  ASSERT_TRUE(fixture.dead_letter(std::move(*dead), fail(ErrorCode::kInternal, "it never works")).ok());
  const Mailbox::Erased erased = erase(fixture, kAnna);
  EXPECT_EQ(erased.events, 4);
  EXPECT_EQ(erased.running, 1);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0);
  fixture.runtime->check_integrity();
  ASSERT_TRUE(fixture.complete(*running).ok());
  EXPECT_EQ(erase(fixture, kAnna).running, 0);
  for (std::optional<Delivery> next = fixture.take(); next; next = fixture.take()) {
    EXPECT_EQ(next->event().user, "bert");
    ASSERT_TRUE(fixture.complete(*next).ok());
  }
  fixture.runtime->check_integrity();
  fixture.restart();
  EXPECT_FALSE(fixture.take());
}

TEST(MailboxErase, LetsAKeyGoOnWhoseFirstEventIsErased) {
  RuntimeFixture fixture;
  ASSERT_TRUE(fixture.accept(event_by("anna", "a", "k")).ok());
  ASSERT_TRUE(fixture.accept(event_by("bert", "b", "k")).ok());
  EXPECT_EQ(erase(fixture, kAnna).events, 1);
  const std::optional<Delivery> next = fixture.take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->event().id, "b");
}

TEST(MailboxErase, LeavesToOthersWhatSharedABatchWithTheErased) {
  EventFlow flow;
  flow.batch_max = 4;
  flow.batch_window_ms = 1000;
  RuntimeFixture fixture({}, 1, flow);
  for (const char* id : {"a1", "b1", "a2", "b2"}) {
    ASSERT_TRUE(fixture.accept(event_by(id[0] == 'a' ? "anna" : "bert", id, "k")).ok());
  }
  fixture.simulation.run_for(std::chrono::seconds(2));
  std::optional<Delivery> batch = fixture.take();
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->batch().size(), 3U);
  ASSERT_TRUE(fixture.retry(std::move(*batch), std::chrono::seconds(30), fail(ErrorCode::kUnavailable, "down")).ok());
  const Mailbox::Erased erased = erase(fixture, kAnna, 100);
  EXPECT_EQ(erased.events, 2);
  fixture.runtime->check_integrity();
  fixture.simulation.run_for(std::chrono::minutes(2));
  int berts = 0;
  for (std::optional<Delivery> next = fixture.take(); next; next = fixture.take()) {
    EXPECT_EQ(next->event().user, "bert");
    berts += 1 + static_cast<int>(next->batch().size());
    ASSERT_TRUE(fixture.complete(*next).ok());
    fixture.simulation.run_for(std::chrono::seconds(2));
  }
  EXPECT_EQ(berts, 2);
  fixture.runtime->check_integrity();
}

TEST(MailboxErase, ChangesNothingWhenItsUnitFails) {
  RuntimeFixture fixture;
  ASSERT_TRUE(fixture.accept(event_by("anna", "a", "k")).ok());
  const auto failed = fixture.wait<Mailbox::Erased>([&](auto done) {
    fixture.runtime->mailbox().erase(
        kAnna, 0, 10,
        [](Transaction&, const Mailbox::Erased&) -> Status { return fail(ErrorCode::kStorage, "the disk is full"); },
        fixture.loop, done);
  });
  EXPECT_FALSE(failed.ok());
  const std::optional<Delivery> next = fixture.take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->event().id, "a");
  ASSERT_TRUE(fixture.complete(*next).ok());
  fixture.runtime->check_integrity();
}

TEST(OutboxErase, DeliversWaitingMessagesOfWhomNobodyKnowsAndRemovesDeadOnes) {
  RuntimeFixture fixture;
  for (const char* key : {"1", "2"}) {
    OutboxMessage message;
    message.destination = "sink";
    message.key = key;
    message.idempotency_key = key;
    message.body = "of before";
    ASSERT_TRUE(fixture
                    .write<std::int64_t>([&](Transaction& transaction) {
                      return fixture.runtime->outbox().append(transaction, message);
                    })
                    .ok());
  }
  const auto waits = [&] {
    return fixture
        .write<bool>([&](Transaction& transaction) { return outbox_store::has_unknown_waiting(transaction, kAnna); })
        .value();
  };
  EXPECT_FALSE(waits()) << "these are known to be nobody's";
  ASSERT_TRUE(fixture
                  .write<int>([&](Transaction& transaction) -> Result<int> {
                    RETURN_IF_ERROR(transaction.connection().execute("UPDATE outbox SET user = NULL"));
                    RETURN_IF_ERROR(transaction.connection().execute("UPDATE outbox SET state = 1 WHERE key = '2'"));
                    return 0;
                  })
                  .ok());
  const auto count =
      fixture.write<std::int64_t>([&](Transaction& transaction) { return outbox_store::count_of(transaction, kAnna); });
  EXPECT_EQ(*count, 1) << "the dead one";
  const auto erased = fixture.write<outbox_store::ErasedRows>(
      [&](Transaction& transaction) { return outbox_store::erase_of(transaction, kAnna, 0, 100); });
  ASSERT_EQ(erased->rows.size(), 1U);
  EXPECT_EQ(erased->rows.front().key, "2");
  EXPECT_TRUE(waits());
}

TEST(OutboxErase, RemovesWaitingAndDeadMessagesOfAUser) {
  RuntimeFixture fixture;
  const auto append = [&](const std::string& user, const std::string& key) {
    OutboxMessage message;
    message.destination = "sink";
    message.key = key;
    message.idempotency_key = user + key;
    message.body = "to " + user;
    message.user = user;
    return fixture.write<std::int64_t>(
        [&](Transaction& transaction) { return fixture.runtime->outbox().append(transaction, message); });
  };
  for (const char* key : {"1", "2", "3"}) {
    ASSERT_TRUE(append("anna", key).ok());
    ASSERT_TRUE(append("bert", key).ok());
  }
  const auto erased = fixture.write<Outbox::Erased>(
      [&](Transaction& transaction) { return fixture.runtime->outbox().erase(transaction, kAnna, 0, 100); });
  EXPECT_EQ(erased->messages, 3);
  fixture.simulation.run_ready();
  fixture.runtime->check_integrity();
  EXPECT_EQ(fixture.runtime->outbox().depths().waiting, 3);
  std::vector<std::string> delivered;
  fixture.runtime->outbox().start([&](OutboxRow row, std::function<void(Status)> done) {
    delivered.push_back(row.message.body);
    done({});
  });
  fixture.simulation.run_for(std::chrono::seconds(1));
  EXPECT_EQ(delivered, std::vector<std::string>(3, "to bert"));
  fixture.runtime->check_integrity();
}

TEST(TimersErase, RemovesTheTimersWhoseEventsAreAUsers) {
  RuntimeFixture fixture;
  for (const char* user : {"anna", "bert"}) {
    Timer timer;
    timer.name = std::string("of ") + user;
    timer.at = fixture.simulation.clock().now() + std::chrono::hours(1);
    timer.event = event_by(user, "x", "k");
    ASSERT_TRUE(
        fixture.write<void>([&](Transaction& transaction) { return fixture.runtime->timers().set(transaction, timer); })
            .ok());
  }
  const auto erased = fixture.write<Timers::Erased>(
      [&](Transaction& transaction) { return fixture.runtime->timers().erase(transaction, kAnna, 0, 100); });
  EXPECT_EQ(erased->timers, 1);
  fixture.simulation.run_ready();
  EXPECT_EQ(fixture.runtime->timers().pending(), 1U);
  fixture.runtime->check_integrity();
}

}  // namespace
}  // namespace mnema

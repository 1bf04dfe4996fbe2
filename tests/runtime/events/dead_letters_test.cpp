#include "runtime/events/dead_letters.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

const DeadLetterId kFirst{DeadLetterId::Kind::kEvent, 1};

class DeadLettersTest : public ::testing::Test {
 protected:
  DeadLetters& letters() { return fixture.runtime->dead_letters(); }
  TurnJournal& journal() { return fixture.runtime->journal(); }

  /// An event whose turn took three steps and failed twice.
  void SetUp() override {
    ASSERT_TRUE(fixture.accept(event_of("a")).ok());
    for (int attempt = 1; attempt <= fixture.limits.attempts_max; ++attempt) {
      fixture.simulation.run_for(std::chrono::seconds(2));
      std::optional<Delivery> delivery = fixture.take();
      ASSERT_TRUE(delivery);
      const TurnRecord record = load();
      for (const char* path : {"1", "2", "3"}) {
        if (record.steps.contains(path)) continue;
        ASSERT_TRUE(fixture
                        .wait<void>([&](auto done) {
                          journal().record_step(1, {path, "tool", "h"}, std::string("42"), fixture.loop, done);
                        })
                        .ok());
      }
      const Error cause = fail(ErrorCode::kUnavailable, "attempt " + std::to_string(attempt) + " failed");
      const Time at = fixture.simulation.clock().now() + std::chrono::seconds(1);
      ASSERT_TRUE(fixture
                      .wait<RetryVerdict>([&](auto done) {
                        fixture.runtime->mailbox().retry(std::move(*delivery), at, cause, fixture.loop, done);
                      })
                      .ok());
    }
  }
  TurnRecord load(int generation = 0) {
    return *fixture.wait<TurnRecord>(
        [&](auto done) { journal().load(turn_identity(1, event_of("a"), "1", generation), fixture.loop, done); });
  }
  Status redrive(const Redrive& how) {
    return fixture.wait<void>([&](auto done) { letters().redrive(kFirst, how, fixture.loop, done); });
  }

  RuntimeFixture fixture{Limits::tiny()};
};

TEST_F(DeadLettersTest, TellTheWholeStory) {
  const auto list = letters().list(10);
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ((*list)[0].id, kFirst);
  EXPECT_EQ((*list)[0].about, "test.happened");
  const auto letter = letters().show(kFirst);
  ASSERT_TRUE(letter.ok()) << letter.error().text();
  EXPECT_EQ(letter->event->data, event_of("a").data);
  ASSERT_EQ(letter->errors.size(), 2U);
  EXPECT_EQ(letter->errors[0].error.message, "attempt 1 failed");
  EXPECT_EQ(letter->errors[1].error.message, "attempt 2 failed");
  EXPECT_LT(letter->errors[0].at, letter->errors[1].at);
  ASSERT_TRUE(letter->journal.has_value());
  EXPECT_EQ(letter->journal->steps.size(), 3U);
}

TEST_F(DeadLettersTest, AreRedrivenWithAllThatWasDone) {
  ASSERT_TRUE(redrive({}).ok());
  const std::optional<Delivery> again = fixture.take();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt(), 1) << "its attempts begin anew";
  EXPECT_EQ(load().steps.size(), 3U);
  EXPECT_TRUE(letters().list(10)->empty());
  EXPECT_EQ(redrive({}).error().code, ErrorCode::kNotFound) << "it is alive";
  fixture.runtime->check_integrity();
}

TEST_F(DeadLettersTest, AreRedrivenFromAStepOn) {
  ASSERT_TRUE(redrive({.from_step = "2", .data = {}}).ok());
  const TurnRecord record = load();
  EXPECT_EQ(record.steps.size(), 1U);
  EXPECT_TRUE(record.steps.contains("1"));
}

TEST_F(DeadLettersTest, AreAnotherEffectWithAnotherPayloadAndTheSameWithTheirOwn) {
  const std::string before = idempotency_key(load().identity, "1");
  ASSERT_TRUE(redrive({}).ok());
  std::optional<Delivery> plain = fixture.take();
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->generation(), 0);
  EXPECT_EQ(idempotency_key(load(plain->generation()).identity, "1"), before);
  ASSERT_TRUE(fixture.dead_letter(std::move(*plain), fail(ErrorCode::kInvalidArgument, "wrong amount")).ok());

  ASSERT_TRUE(redrive({.from_step = {}, .data = R"({"id":"mended"})"}).ok());
  fixture.restart();
  const std::optional<Delivery> edited = fixture.take();
  ASSERT_TRUE(edited);
  EXPECT_EQ(edited->event().data, R"({"id":"mended"})");
  EXPECT_EQ(edited->generation(), 1);
  const TurnRecord record = load(edited->generation());
  EXPECT_TRUE(record.steps.empty()) << "nothing of the other payload is replayed";
  EXPECT_NE(idempotency_key(record.identity, "1"), before) << "nor is the correction taken for a repeat";
  fixture.runtime->check_integrity();
}

TEST_F(DeadLettersTest, GiveAnEditedMessageAnotherIdempotencyKeyAndAPlainOneItsOwn) {
  std::vector<std::string> keys;
  const auto start = [&] {
    fixture.runtime->outbox().start([&](const OutboxRow& row, const std::function<void(Status)>& done) {
      keys.push_back(row.message.idempotency_key);
      done(fail(ErrorCode::kInvalidArgument, "no such account"));
    });
  };
  start();
  OutboxMessage message;
  message.destination = "payments";
  message.idempotency_key = "refund 1";
  ASSERT_TRUE(
      fixture.write<std::int64_t>([&](Transaction& t) { return fixture.runtime->outbox().append(t, message); }).ok());
  const DeadLetterId id{DeadLetterId::Kind::kMessage, 1};
  const auto redrive_message = [&](const Redrive& how) {
    const Status status = fixture.wait<void>([&](auto done) { letters().redrive(id, how, fixture.loop, done); });
    EXPECT_TRUE(status.ok());
  };
  redrive_message({});
  redrive_message({.from_step = {}, .data = "account 2"});
  redrive_message({});
  redrive_message({.from_step = {}, .data = "account 3"});
  ASSERT_EQ(keys.size(), 5U);
  EXPECT_EQ(keys[1], keys[0]);
  EXPECT_NE(keys[2], keys[1]);
  EXPECT_EQ(keys[3], keys[2]);
  EXPECT_NE(keys[4], keys[3]);
  EXPECT_EQ(letters().show(id)->summary.generation, 2);
}

/// Several tenants' events and messages, all dead.
class DeadLetterListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fixture.runtime->outbox().start([](const OutboxRow&, const std::function<void(Status)>& done) {
      done(fail(ErrorCode::kInvalidArgument, "no such account"));
    });
    for (const char* tenant : {"a", "b", "a"}) {
      const std::string number = std::to_string(++made);
      ASSERT_TRUE(fixture.accept(testing::event_of_tenant(tenant, number, number)).ok());
      std::optional<Delivery> delivery = fixture.take();
      ASSERT_TRUE(delivery);
      ASSERT_TRUE(fixture.dead_letter(std::move(*delivery), fail(ErrorCode::kInvalidArgument, "wrong " + number)).ok());
      OutboxMessage message;
      message.tenant = tenant;
      message.agent = "clerk";
      message.destination = "payments";
      message.idempotency_key = number;
      ASSERT_TRUE(
          fixture.write<std::int64_t>([&](Transaction& t) { return fixture.runtime->outbox().append(t, message); })
              .ok());
    }
  }
  std::vector<std::string> ids(int count, const DeadLetterFilter& filter = {}, const DeadLetterId& after = {}) {
    std::vector<std::string> texts;
    const auto letters = fixture.runtime->dead_letters().list(count, filter, after);
    EXPECT_TRUE(letters.ok()) << (letters.ok() ? "" : letters.error().text());
    for (const DeadLetterSummary& letter : *letters) texts.push_back(letter.id.text());
    return texts;
  }
  using Ids = std::vector<std::string>;

  int made = 0;
  RuntimeFixture fixture{Limits::tiny()};
};

TEST_F(DeadLetterListTest, ComesPageByPageWithEventsBeforeMessages) {
  const Ids all{"event:1", "event:2", "event:3", "message:1", "message:2", "message:3"};
  EXPECT_EQ(ids(100), all);
  for (int page = 1; page <= 6; ++page) {
    Ids walked;
    DeadLetterId after;
    for (Ids found = ids(page); !found.empty(); found = ids(page, {}, after)) {
      EXPECT_LE(found.size(), static_cast<std::size_t>(page));
      walked.insert(walked.end(), found.begin(), found.end());
      after = DeadLetterId::parse(found.back()).value();
    }
    EXPECT_EQ(walked, all) << "pages of " << page;
  }
}

TEST_F(DeadLetterListTest, SaysOfMessagesAndEventsWhatTheirWholeStoryDoes) {
  const auto letters = fixture.runtime->dead_letters().list(100);
  ASSERT_TRUE(letters.ok());
  for (const DeadLetterSummary& listed : *letters) {
    const DeadLetterSummary shown = fixture.runtime->dead_letters().show(listed.id)->summary;
    EXPECT_EQ(listed.tenant, shown.tenant);
    EXPECT_EQ(listed.agent, shown.agent);
    EXPECT_EQ(listed.key, shown.key);
    EXPECT_EQ(listed.about, shown.about);
    EXPECT_EQ(listed.attempts, shown.attempts);
    EXPECT_EQ(listed.tries, shown.tries);
    EXPECT_EQ(listed.generation, shown.generation);
    EXPECT_EQ(listed.died_at, shown.died_at);
    EXPECT_EQ(listed.error.text(), shown.error.text());
    EXPECT_FALSE(listed.error.message.empty());
  }
}

TEST_F(DeadLetterListTest, IsNarrowedByKindTenantAndAgent) {
  EXPECT_EQ(ids(100, {.kind = DeadLetterId::Kind::kMessage, .tenant = {}, .agent = {}}),
            (Ids{"message:1", "message:2", "message:3"}));
  EXPECT_EQ(ids(100, {.kind = {}, .tenant = "a", .agent = {}}), (Ids{"event:1", "event:3", "message:1", "message:3"}));
  EXPECT_EQ(ids(2, {.kind = {}, .tenant = "a", .agent = {}}, {DeadLetterId::Kind::kEvent, 1}),
            (Ids{"event:3", "message:1"}));
  EXPECT_EQ(ids(100, {.kind = {}, .tenant = "b", .agent = "clerk"}), (Ids{"message:2"}));
  EXPECT_EQ(ids(100, {.kind = {}, .tenant = "nobody", .agent = {}}), Ids{});
}

TEST_F(DeadLetterListTest, ShowsAndChangesNothingThatIsAnotherTenants) {
  DeadLetters& letters = fixture.runtime->dead_letters();
  for (const DeadLetterId id : {DeadLetterId{DeadLetterId::Kind::kEvent, 2}, {DeadLetterId::Kind::kMessage, 2}}) {
    const Error foreign = letters.show(id, "a").error();
    const Error missing = letters.show({id.kind, 99}, "a").error();
    EXPECT_EQ(foreign.code, ErrorCode::kNotFound);
    EXPECT_EQ(foreign.message.find("'" + id.text()), missing.message.find("'" + DeadLetterId{id.kind, 99}.text()))
        << "nobody learns that it is there";
    const auto redriven = fixture.wait<void>([&](auto done) { letters.redrive(id, {}, fixture.loop, done, "a"); });
    EXPECT_EQ(redriven.error().code, ErrorCode::kNotFound);
    const auto dropped = fixture.wait<void>([&](auto done) { letters.drop(id, fixture.loop, done, "a"); });
    EXPECT_EQ(dropped.error().code, ErrorCode::kNotFound);
    EXPECT_TRUE(letters.show(id, "b").ok());
    EXPECT_TRUE(fixture.wait<void>([&](auto done) { letters.drop(id, fixture.loop, done, "b"); }).ok());
  }
  EXPECT_EQ(ids(100), (Ids{"event:1", "event:3", "message:1", "message:3"}));
  fixture.runtime->check_integrity();
}

TEST_F(DeadLetterListTest, TakesNoEditedEventThatCouldNotHaveComeIn) {
  DeadLetters& letters = fixture.runtime->dead_letters();
  const std::string large(static_cast<std::size_t>(fixture.limits.event_bytes_max) + 1, ' ');
  const DeadLetterId id{DeadLetterId::Kind::kEvent, 1};
  const auto redriven =
      fixture.wait<void>([&](auto done) { letters.redrive(id, {.from_step = {}, .data = large}, fixture.loop, done); });
  EXPECT_EQ(redriven.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(letters.show(id).ok());
}

TEST_F(DeadLettersTest, SurviveARestart) {
  fixture.restart();
  EXPECT_EQ(letters().list(10)->size(), 1U);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 1);
  EXPECT_FALSE(fixture.take());
}

TEST_F(DeadLettersTest, GoWithTheirJournalWhenTheyAreDropped) {
  ASSERT_TRUE(fixture.wait<void>([&](auto done) { letters().drop(kFirst, fixture.loop, done); }).ok());
  EXPECT_TRUE(letters().list(10)->empty());
  EXPECT_EQ(letters().show(kFirst).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(load().steps.empty());
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0);
  fixture.runtime->check_integrity();
}

TEST_F(DeadLettersTest, RefuseWhatMakesNoSense) {
  EXPECT_EQ(redrive({.from_step = "2.1", .data = {}}).error().code, ErrorCode::kInvalidArgument);
  const DeadLetterId nobody{DeadLetterId::Kind::kMessage, 9};
  EXPECT_EQ(letters().show(nobody).error().code, ErrorCode::kNotFound);
  const auto with_step = fixture.wait<void>(
      [&](auto done) { letters().redrive(nobody, {.from_step = "1", .data = {}}, fixture.loop, done); });
  EXPECT_EQ(with_step.error().code, ErrorCode::kInvalidArgument);
}

/// Dead events 1 to 6: types and reasons in turn, a minute between two.
void kill_six(RuntimeFixture& fixture) {
  for (int number = 1; number <= 6; ++number) {
    Event event = event_of(std::to_string(number), "k" + std::to_string(number));
    event.type = number % 2 == 0 ? "order.failed" : "order.late";
    ASSERT_TRUE(fixture.accept(event).ok());
    const Error why = number % 3 == 0 ? fail(ErrorCode::kPermissionDenied, "the shop said no")
                                      : fail(ErrorCode::kUnavailable, "the shop is down");
    ASSERT_TRUE(fixture.dead_letter(*fixture.take(), why).ok());
    fixture.simulation.run_for(std::chrono::minutes(1));
  }
}

TEST(DeadLetters, AreFoundByTypeReasonAndAge) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture;
  const Time begun = fixture.simulation.clock().now();
  kill_six(fixture);
  const auto found = [&](const DeadLetterFilter& filter) {
    std::string numbers;
    const auto letters = fixture.runtime->dead_letters().list(10, filter);
    for (const DeadLetterSummary& letter : *letters) {
      numbers += std::to_string(letter.id.number);
    }
    return numbers;
  };
  DeadLetterFilter filter;
  filter.about = "order.failed";
  EXPECT_EQ(found(filter), "246");
  filter.reason = "permission_denied";
  EXPECT_EQ(found(filter), "6");
  filter.about = "";
  EXPECT_EQ(found(filter), "36");
  filter.reason = "is down";
  EXPECT_EQ(found(filter), "1245");
  filter.died_from = begun + std::chrono::seconds(30);
  filter.died_before = begun + std::chrono::seconds(210);
  EXPECT_EQ(found(filter), "24");
  filter.reason = "internal";
  EXPECT_EQ(found(filter), "") << "a code that none of them has";
}

TEST(DeadLetters, AreRedrivenPageByPageByAFilter) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture;
  kill_six(fixture);
  DeadLetterFilter filter;
  filter.reason = "unavailable";
  const auto next = [&](const DeadLetterId& after, const Redrive& how) {
    return fixture.wait<BulkChange>(
        [&](auto done) { fixture.runtime->dead_letters().redrive_all(filter, after, 3, how, fixture.loop, done); });
  };
  const BulkChange first = *next({}, {});
  EXPECT_EQ(first.changed.size(), 3U);
  EXPECT_TRUE(first.has_more);
  const BulkChange second = *next(first.changed.back(), {});
  EXPECT_EQ(second.changed.size(), 1U);
  EXPECT_FALSE(second.has_more);
  EXPECT_EQ(fixture.runtime->mailbox().depths().ready, 4);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 2);
  filter.reason = "";
  EXPECT_EQ(next({}, {.from_step = "x", .data = {}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(next({}, {.from_step = "", .data = "y"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 2) << "all of a page or nothing";
  EXPECT_EQ(fixture
                .wait<BulkChange>(
                    [&](auto done) { fixture.runtime->dead_letters().drop_all(filter, {}, 10, fixture.loop, done); })
                ->changed.size(),
            2U);
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 0);
  fixture.runtime->check_integrity();
}

TEST(DeadLetters, AreSentToAConnectorInsteadAsOneMessageEach) {
  const testing::LogCapture quiet;
  RuntimeFixture fixture;
  kill_six(fixture);
  std::vector<OutboxMessage> sent;
  fixture.runtime->outbox().start([&](const OutboxRow& row, const std::function<void(Status)>& done) {
    sent.push_back(row.message);
    done({});
  });
  const auto send = [&](const Redrive& how) {
    return fixture.wait<void>([&](auto done) {
      fixture.runtime->dead_letters().redrive(*DeadLetterId::parse("event:2"), how, fixture.loop, done);
    });
  };
  EXPECT_FALSE(send({.from_step = "1", .data = {}, .to = "orders"}).ok()) << "nothing of it has a step there";
  ASSERT_TRUE(send({.from_step = "", .data = {}, .to = "orders"}).ok());
  fixture.simulation.run_until_idle();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].destination, "orders");
  EXPECT_EQ(sent[0].key, "k2");
  EXPECT_EQ(sent[0].body, event_of("2").data);
  EXPECT_FALSE(sent[0].idempotency_key.empty());
  EXPECT_EQ(fixture.runtime->mailbox().depths().dead, 5);
  fixture.runtime->check_integrity();
}

}  // namespace
}  // namespace mnema

#include "runtime/events/mailbox_store.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

TEST(MailboxStore, KeepsEveryFieldOfAnEvent) {
  Event event = event_of("e1", "schlüssel");
  event.subject = "a subject";
  event.time = from_micros(1'234'567'890'123'456);
  event.content_type = "application/octet-stream";
  event.data = std::string("\0\xff binary", 9);
  event.user = "mia";
  event.priority = EventPriority::kInteractive;
  event.trust = Trust::kOperator;
  event.deadline = from_micros(42);
  event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  event.attributes = {{"ce-a", "1"}, {"\"quoted\"", "\n"}};
  RuntimeFixture fixture;
  const auto stored = fixture.write<mailbox_store::Row>([&](Transaction& transaction) -> Result<mailbox_store::Row> {
    ASSIGN_OR_RETURN(const Sequence sequence, mailbox_store::insert(transaction, event, from_micros(7)));
    return mailbox_store::load(transaction, sequence);
  });
  ASSERT_TRUE(stored.ok()) << stored.error().text();
  const Event& back = stored->event;
  EXPECT_EQ(back.id, event.id);
  EXPECT_EQ(back.source, event.source);
  EXPECT_EQ(back.type, event.type);
  EXPECT_EQ(back.subject, event.subject);
  EXPECT_EQ(back.time, event.time);
  EXPECT_EQ(back.content_type, event.content_type);
  EXPECT_EQ(back.data, event.data);
  EXPECT_EQ(back.user, event.user);
  EXPECT_EQ(back.agent, event.agent);
  EXPECT_EQ(back.key, event.key);
  EXPECT_EQ(back.priority, event.priority);
  EXPECT_EQ(back.trust, event.trust);
  EXPECT_EQ(back.deadline, event.deadline);
  EXPECT_EQ(back.traceparent, event.traceparent);
  EXPECT_EQ(back.attributes, event.attributes);
  EXPECT_EQ(stored->index.accepted_at, from_micros(7));
}

TEST(MailboxStore, SettlesOnlyTheCurrentAttempt) {
  RuntimeFixture fixture;
  using namespace mailbox_store;
  const auto settle = [&](auto call) {
    return fixture.write<void>([&](Transaction& transaction) -> Status {
      ASSIGN_OR_RETURN(const Sequence sequence, insert(transaction, event_of("e"), {}));
      RETURN_IF_ERROR(lease(transaction, {sequence, 1, 0}));
      RETURN_IF_ERROR(lease(transaction, {sequence, 2, 1}));
      return call(transaction, sequence);
    });
  };
  const auto code_of = [&](auto call) { return settle(call).error().code; };
  for (const auto& [counted, uncounted] : {std::pair(1, 1), std::pair(2, 0)}) {
    const auto stale = [counted = counted, uncounted = uncounted](Sequence s) {
      return Attempt{s, counted, uncounted};
    };
    EXPECT_EQ(code_of([&](Transaction& t, Sequence s) { return complete(t, stale(s)); }), ErrorCode::kAborted);
    EXPECT_EQ(code_of([&](Transaction& t, Sequence s) { return wait_until(t, stale(s), {}); }), ErrorCode::kAborted);
    EXPECT_EQ(code_of([&](Transaction& t, Sequence s) { return release(t, stale(s)); }), ErrorCode::kAborted);
    EXPECT_EQ(code_of([&](Transaction& t, Sequence s) { return dead_letter(t, stale(s), {}); }), ErrorCode::kAborted);
    EXPECT_EQ(code_of([&](Transaction& t, Sequence s) -> Status {
                const Result<RowState> parked = park(t, stale(s), {});
                return parked.ok() ? Status() : Status(parked.error());
              }),
              ErrorCode::kAborted);
  }
  EXPECT_TRUE(settle([](Transaction& t, Sequence s) { return complete(t, {s, 2, 1}); }).ok());
  EXPECT_EQ(code_of([](Transaction& t, Sequence s) -> Status {
              RETURN_IF_ERROR(dead_letter(t, {s, 2, 1}, {}));
              return complete(t, {s, 2, 1});
            }),
            ErrorCode::kAborted)
      << "the dead are not done";
}

TEST(MailboxStore, KeepsNoErrorsOfARedrivenEventOnceItIsDone) {
  RuntimeFixture fixture;
  using namespace mailbox_store;
  const auto left = fixture.write<std::size_t>([&](Transaction& transaction) -> Result<std::size_t> {
    ASSIGN_OR_RETURN(const Sequence sequence, insert(transaction, event_of("e"), {}));
    const Attempt first{sequence, 1, 0};
    RETURN_IF_ERROR(lease(transaction, first));
    RETURN_IF_ERROR(add_error(transaction, sequence, 1, {}, fail(ErrorCode::kInternal, "it failed")));
    RETURN_IF_ERROR(dead_letter(transaction, first, {}));
    RETURN_IF_ERROR(revive(transaction, sequence, std::nullopt));
    RETURN_IF_ERROR(lease(transaction, first));  // its attempts are counted anew
    RETURN_IF_ERROR(complete(transaction, first));
    ASSIGN_OR_RETURN(const std::vector<AttemptError> errors, errors_of(transaction, sequence));
    return errors.size();
  });
  ASSERT_TRUE(left.ok()) << left.error().text();
  EXPECT_EQ(*left, 0U);
}

TEST(MailboxStore, TellsTheLastErrorLastThoughTheClockWasSetBack) {
  RuntimeFixture fixture;
  using namespace mailbox_store;
  const auto told = fixture.write<std::vector<AttemptError>>([&](Transaction& t) -> Result<std::vector<AttemptError>> {
    ASSIGN_OR_RETURN(const Sequence sequence, insert(t, event_of("e"), {}));
    const Time now = fixture.simulation.clock().now();
    RETURN_IF_ERROR(add_error(t, sequence, 3, now, fail(ErrorCode::kUnavailable, "first")));
    RETURN_IF_ERROR(add_error(t, sequence, 1, now - std::chrono::hours(1), fail(ErrorCode::kInternal, "last")));
    return errors_of(t, sequence);
  });
  ASSERT_TRUE(told.ok()) << told.error().text();
  ASSERT_EQ(told->size(), 2U);
  EXPECT_EQ(told->back().error.message, "last");
}

TEST(MailboxStore, ForgetsDuplicatesThatASmallerRingCannotHold) {
  RuntimeFixture fixture;
  const auto known = fixture.write<int>([&](Transaction& transaction) -> Result<int> {
    for (int i = 1; i <= 20; ++i) {
      RETURN_IF_ERROR(mailbox_store::remember(transaction, digest_of(event_of("e" + std::to_string(i))), i, 16));
    }
    RETURN_IF_ERROR(mailbox_store::trim_ring(transaction, 8));
    int found = 0;
    for (int i = 1; i <= 20; ++i) {
      ASSIGN_OR_RETURN(const auto first,
                       mailbox_store::find_duplicate(transaction, digest_of(event_of("e" + std::to_string(i)))));
      if (first) {
        EXPECT_EQ(first->sequence, i);
      }
      found += first ? 1 : 0;
    }
    return found;
  });
  ASSERT_TRUE(known.ok()) << known.error().text();
  EXPECT_EQ(*known, 8);
}

}  // namespace
}  // namespace mnema

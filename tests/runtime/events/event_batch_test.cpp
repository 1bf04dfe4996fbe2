#include "runtime/events/event_batch.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

/// A source whose offset is a row beside the mailbox's.
class EventBatchTest : public ::testing::Test {
 protected:
  EventBatchTest() {
    EXPECT_TRUE(fixture
                    .write<void>([](Transaction& t) -> Status {
                      return t.connection().execute(
                          "CREATE TABLE offsets (next INTEGER); INSERT INTO offsets VALUES (0)");
                    })
                    .ok());
  }
  static EventBatch batch_with(std::initializer_list<const char*> ids, Dedupe dedupe = Dedupe::kByOffset) {
    EventBatch batch;
    batch.dedupe = dedupe;
    for (const char* id : ids) batch.events.emplace_back(event_of(id));
    batch.hook = [](Transaction& t, const AcceptResults& results) -> Status {
      ASSIGN_OR_RETURN(Statement moved, t.prepare("UPDATE offsets SET next = next + ?"));
      return moved.bind(1, static_cast<std::int64_t>(results.size())).run();
    };
    return batch;
  }
  Result<AcceptResults> accept(const EventBatch& batch) {
    return fixture.wait<AcceptResults>(
        [&](auto done) { fixture.runtime->mailbox().accept(batch, fixture.loop, done); });
  }
  std::int64_t offset() {
    return *fixture.runtime->database().read<std::int64_t>([](Transaction& t) -> Result<std::int64_t> {
      ASSIGN_OR_RETURN(Statement next, t.prepare("SELECT next FROM offsets"));
      ASSIGN_OR_RETURN(const bool found, next.step());
      return found ? next.integer(0) : -1;
    });
  }
  std::int64_t ready() { return fixture.runtime->mailbox().depths().ready; }

  RuntimeFixture fixture{Limits::tiny()};
};

TEST_F(EventBatchTest, StoresEventsAndTheOffsetOfTheirSourceTogether) {
  const auto results = accept(batch_with({"a", "b", "c"}));
  ASSERT_TRUE(results.ok()) << results.error().text();
  ASSERT_EQ(results->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ((*results)[i]->sequence, static_cast<Sequence>(i + 1));
  fixture.restart();
  EXPECT_EQ(offset(), 3);
  EXPECT_EQ(ready(), 3);
  EXPECT_EQ(fixture.take()->event().id, "a") << "in the order of the batch";
  fixture.runtime->check_integrity();
}

TEST_F(EventBatchTest, TakesABatchWholeOrNotAtAllWhenFull) {
  for (const char* id : {"1", "2"}) ASSERT_TRUE(fixture.accept(event_of(id)).ok());
  const auto refused = accept(batch_with({"a", "b", "c"}));
  ASSERT_FALSE(refused.ok()) << "four of one key fit";
  EXPECT_EQ(refused.error().code, ErrorCode::kMailboxFull);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(refused.error().retry_after_ms, fixture.limits.mailbox_retry_after_ms);
  EXPECT_EQ(offset(), 0) << "its offset is one";
  EXPECT_EQ(ready(), 2);
  EXPECT_EQ(fixture.runtime->counts().events_refused_total, 3);

  ASSERT_TRUE(fixture.complete(*fixture.take()).ok());
  EXPECT_TRUE(accept(batch_with({"a", "b", "c"})).ok()) << "what was begun for the refused one is undone";
  EXPECT_EQ(offset(), 3);
  fixture.runtime->check_integrity();
}

TEST_F(EventBatchTest, ShowsTheHookWhatIsRefusedInItsPlace) {
  EventBatch batch = batch_with({"a", "b"});
  batch.events[0]->agent = "";
  batch.events.insert(batch.events.begin() + 1, fail(ErrorCode::kCorrupt, "no event"));
  std::vector<ErrorCode> seen;
  batch.hook = [&seen](Transaction&, const AcceptResults& results) -> Status {
    for (const auto& result : results) seen.push_back(result.ok() ? ErrorCode{} : result.error().code);
    return {};
  };
  const auto results = accept(batch);
  ASSERT_TRUE(results.ok()) << results.error().text();
  EXPECT_EQ(seen, (std::vector<ErrorCode>{ErrorCode::kInvalidArgument, ErrorCode::kCorrupt, ErrorCode{}}));
  EXPECT_EQ((*results)[1].error().message, "no event");
  EXPECT_EQ((*results)[2]->sequence, 1) << "a bad event stops no other";
  EXPECT_EQ(ready(), 1);
}

TEST_F(EventBatchTest, StoresNothingWhenItsHookFails) {
  EventBatch batch = batch_with({"a", "b"}, Dedupe::kById);
  batch.hook = [](Transaction&, const AcceptResults&) -> Status {
    return fail(ErrorCode::kAborted, "the partition is another's");
  };
  EXPECT_EQ(accept(batch).error().code, ErrorCode::kAborted);
  EXPECT_EQ(ready(), 0);
  EXPECT_FALSE(fixture.accept(event_of("a"))->duplicate) << "nor is it remembered";
  fixture.runtime->check_integrity();
}

TEST_F(EventBatchTest, MovesAnOffsetWithoutAnyEvent) {
  EventBatch batch = batch_with({});
  batch.events.emplace_back(fail(ErrorCode::kCorrupt, "no event"));
  ASSERT_TRUE(accept(batch).ok());
  EXPECT_EQ(offset(), 1);
}

TEST_F(EventBatchTest, KnowsARepeatById) {
  ASSERT_TRUE(fixture.accept(event_of("a")).ok());
  const auto results = accept(batch_with({"b", "a", "b"}, Dedupe::kById));
  ASSERT_TRUE(results.ok());
  EXPECT_FALSE((*results)[0]->duplicate);
  EXPECT_TRUE((*results)[1]->duplicate);
  EXPECT_TRUE((*results)[2]->duplicate) << "also inside one batch";
  EXPECT_EQ((*results)[2]->sequence, (*results)[0]->sequence);
  EXPECT_EQ(ready(), 2);
  EXPECT_EQ(fixture.runtime->counts().events_duplicate_total, 2);
}

TEST_F(EventBatchTest, LeavesRepeatsToTheOffsetWhereThereIsOne) {
  ASSERT_TRUE(accept(batch_with({"a"})).ok());
  EXPECT_FALSE((*accept(batch_with({"a"})))[0]->duplicate);
  EXPECT_FALSE(fixture.accept(event_of("a"))->duplicate) << "the ring of ids was not touched";
  EXPECT_EQ(ready(), 3);
}

TEST_F(EventBatchTest, AcknowledgesABatchOfKnownEventsAlsoWhenFull) {
  for (const char* id : {"a", "b", "c", "d"}) ASSERT_TRUE(fixture.accept(event_of(id)).ok());
  const auto known = accept(batch_with({"b", "c"}, Dedupe::kById));
  ASSERT_TRUE(known.ok()) << known.error().text();
  EXPECT_EQ((*known)[0]->sequence, 2);
  EXPECT_EQ(offset(), 2) << "its hook runs";
  EXPECT_EQ(accept(batch_with({"b", "new"}, Dedupe::kById)).error().code, ErrorCode::kMailboxFull);
  EXPECT_EQ(offset(), 2);
}

TEST_F(EventBatchTest, RefusesMoreEventsThanABatchMayHold) {
  ASSERT_EQ(batch_events_max(fixture.limits), 4U);
  const auto refused = accept(batch_with({"a", "b", "c", "d", "e"}));
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(refused.error().retryable);
  fixture.limits.mailbox_rows_per_key_max = 3;
  EXPECT_EQ(batch_events_max(fixture.limits), 3U) << "a larger one could wait for ever";
}

}  // namespace
}  // namespace mnema

#include "runtime/events/retention_cleaner.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

class RetentionCleanerTest : public ::testing::Test {
 protected:
  /// Turns that end now, each with one result that is a blob.
  void end_turns(int first, int last) {
    TurnJournal& journal = fixture.runtime->journal();
    for (Sequence turn = first; turn <= last; ++turn) {
      const TurnIdentity identity = turn_identity(turn, event_of("e" + std::to_string(turn)));
      ASSERT_TRUE(fixture.wait<TurnRecord>([&](auto done) { journal.load(identity, fixture.loop, done); }).ok());
      const std::string result(100, static_cast<char>('a' + turn));
      ASSERT_TRUE(
          fixture
              .wait<void>([&](auto done) { journal.record_step(turn, {"1", "tool", "h"}, result, fixture.loop, done); })
              .ok());
      ASSERT_TRUE(fixture.write<void>([&](Transaction& t) { return journal.finish_turn(t, turn); }).ok());
    }
  }
  int rows_of(const std::string& table) {
    return *fixture.runtime->database().read<int>([&](Transaction& transaction) -> Result<int> {
      ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT count(*) FROM " + table));
      ASSIGN_OR_RETURN(const bool found, row.step());
      return found ? static_cast<int>(row.integer(0)) : -1;
    });
  }
  RuntimeFixture fixture{Limits::tiny()};
};

TEST_F(RetentionCleanerTest, ErasesTurnsWithTheirStepsAndBlobsWhenTheirTimeIsOver) {
  end_turns(1, 5);
  fixture.runtime->start();
  fixture.simulation.run_for(std::chrono::hours(24));
  EXPECT_EQ(rows_of("turns"), 5) << "a week has not passed";
  end_turns(6, 6);
  fixture.simulation.run_for(std::chrono::hours(6 * 24 + 1));
  EXPECT_EQ(rows_of("turns"), 1) << "more than are erased in one unit of work";
  EXPECT_EQ(rows_of("steps"), 1);
  EXPECT_EQ(rows_of("blobs"), 1);
  fixture.runtime->check_integrity();
}

TEST_F(RetentionCleanerTest, RemovesDeadLettersWhoseTimeIsOverAndSaysHowMany) {
  testing::LogCapture log;
  const Error hopeless = fail(ErrorCode::kInvalidArgument, "it makes no sense");
  const auto make_dead_letter = [&](const std::string& id) {
    ASSERT_TRUE(fixture.accept(event_of(id, id)).ok());
    ASSERT_TRUE(fixture.dead_letter(*fixture.take(), hopeless).ok());
  };
  for (const char* id : {"a", "b", "c"}) make_dead_letter(id);
  fixture.runtime->outbox().start([&](const OutboxRow&, const std::function<void(Status)>& done) { done(hopeless); });
  OutboxMessage message;
  message.destination = "mail";
  message.idempotency_key = "x";
  ASSERT_TRUE(
      fixture.write<std::int64_t>([&](Transaction& t) { return fixture.runtime->outbox().append(t, message); }).ok());
  fixture.runtime->start();
  fixture.simulation.run_for(std::chrono::hours(fixture.limits.dead_letter_retention_hours - 1));
  EXPECT_EQ(fixture.runtime->dead_letters().list(10)->size(), 4U);
  make_dead_letter("late");
  fixture.simulation.run_for(std::chrono::hours(2));
  const auto left = fixture.runtime->dead_letters().list(10).value();
  ASSERT_EQ(left.size(), 1U) << "more than are removed in one unit of work";
  EXPECT_EQ(left[0].id.number, 4);
  EXPECT_EQ(rows_of("mailbox_errors"), 1);
  EXPECT_EQ(log.with({"dead letters", "removed=4"}).size(), 1U);
  EXPECT_EQ(fixture.runtime->counts().events_dead, 1);
  EXPECT_EQ(fixture.runtime->counts().messages_dead, 0);
  fixture.runtime->check_integrity();
}

TEST_F(RetentionCleanerTest, BeginsNothingOnceItIsStopped) {
  end_turns(1, 1);
  TurnJournal& journal = fixture.runtime->journal();
  RetentionCleaner cleaner(
      {"journal", "turns", LogLevel::kInfo},
      [&journal](int most, Executor& reply_to, auto on_done) { journal.purge(most, reply_to, std::move(on_done)); },
      fixture.loop, fixture.limits);
  cleaner.start();
  fixture.simulation.run_ready();
  cleaner.stop();
  fixture.simulation.run_for(std::chrono::hours(8 * 24));
  EXPECT_EQ(rows_of("turns"), 1);
  EXPECT_TRUE(fixture.simulation.run_until_idle()) << "nothing is left waiting";
}

}  // namespace
}  // namespace mnema

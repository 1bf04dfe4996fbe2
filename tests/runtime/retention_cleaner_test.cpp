#include "runtime/retention_cleaner.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/log_capture.hpp"
#include "tests/runtime/runtime_world.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeWorld;

class RetentionCleanerTest : public ::testing::Test {
 protected:
  /// Turns that end now, each with one result that is a blob.
  void end_turns(int first, int last) {
    TurnJournal& journal = world.runtime->journal();
    for (Sequence turn = first; turn <= last; ++turn) {
      const TurnIdentity identity = turn_identity(turn, event_of("e" + std::to_string(turn)));
      ASSERT_TRUE(world.wait<TurnRecord>([&](auto done) { journal.load(identity, world.loop, done); }).ok());
      const std::string result(100, static_cast<char>('a' + turn));
      ASSERT_TRUE(
          world.wait<void>([&](auto done) { journal.record_step(turn, {"1", "tool", "h"}, result, world.loop, done); })
              .ok());
      ASSERT_TRUE(world.write<void>([&](Transaction& t) { return journal.finish_turn(t, turn); }).ok());
    }
  }
  int rows_of(const std::string& table) {
    return *world.runtime->database().read<int>([&](Transaction& transaction) -> Result<int> {
      ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT count(*) FROM " + table));
      ASSIGN_OR_RETURN(const bool found, row.step());
      return found ? static_cast<int>(row.integer(0)) : -1;
    });
  }
  RuntimeWorld world{Limits::tiny()};
};

TEST_F(RetentionCleanerTest, ErasesTurnsWithTheirStepsAndBlobsWhenTheirTimeIsOver) {
  end_turns(1, 5);
  world.runtime->start();
  world.simulation.run_for(std::chrono::hours(24));
  EXPECT_EQ(rows_of("turns"), 5) << "a week has not passed";
  end_turns(6, 6);
  world.simulation.run_for(std::chrono::hours(6 * 24 + 1));
  EXPECT_EQ(rows_of("turns"), 1) << "more than are erased in one unit of work";
  EXPECT_EQ(rows_of("steps"), 1);
  EXPECT_EQ(rows_of("blobs"), 1);
  world.runtime->check_integrity();
}

TEST_F(RetentionCleanerTest, RemovesDeadLettersWhoseTimeIsOverAndSaysHowMany) {
  testing::LogCapture log;
  const Error hopeless = fail(ErrorCode::kInvalidArgument, "it makes no sense");
  const auto make_dead_letter = [&](const std::string& id) {
    ASSERT_TRUE(world.accept(event_of(id, id)).ok());
    ASSERT_TRUE(world.dead_letter(*world.take(), hopeless).ok());
  };
  for (const char* id : {"a", "b", "c"}) make_dead_letter(id);
  world.runtime->outbox().start([&](const OutboxRow&, const std::function<void(Status)>& done) { done(hopeless); });
  OutboxMessage message;
  message.destination = "mail";
  message.idempotency_key = "x";
  ASSERT_TRUE(
      world.write<std::int64_t>([&](Transaction& t) { return world.runtime->outbox().append(t, message); }).ok());
  world.runtime->start();
  world.simulation.run_for(std::chrono::hours(world.limits.dead_letter_retention_hours - 1));
  EXPECT_EQ(world.runtime->dead_letters().list(10)->size(), 4U);
  make_dead_letter("late");
  world.simulation.run_for(std::chrono::hours(2));
  const auto left = world.runtime->dead_letters().list(10).value();
  ASSERT_EQ(left.size(), 1U) << "more than are removed in one unit of work";
  EXPECT_EQ(left[0].id.number, 4);
  EXPECT_EQ(rows_of("mailbox_errors"), 1);
  EXPECT_EQ(log.with({"dead letters", "removed=4"}).size(), 1U);
  EXPECT_EQ(world.runtime->counts().events_dead, 1);
  EXPECT_EQ(world.runtime->counts().messages_dead, 0);
  world.runtime->check_integrity();
}

TEST_F(RetentionCleanerTest, BeginsNothingOnceItIsStopped) {
  end_turns(1, 1);
  TurnJournal& journal = world.runtime->journal();
  RetentionCleaner cleaner(
      {"journal", "turns", LogLevel::kInfo},
      [&journal](int most, Executor& reply_to, auto on_done) { journal.purge(most, reply_to, std::move(on_done)); },
      world.loop, world.limits);
  cleaner.start();
  world.simulation.run_ready();
  cleaner.stop();
  world.simulation.run_for(std::chrono::hours(8 * 24));
  EXPECT_EQ(rows_of("turns"), 1);
  EXPECT_TRUE(world.simulation.run_until_idle()) << "nothing is left waiting";
}

}  // namespace
}  // namespace mnema

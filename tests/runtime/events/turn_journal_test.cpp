#include "runtime/events/turn_journal.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "runtime/base/random.hpp"
#include "runtime/events/turn_journal_store.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime_schema.hpp"

namespace mnema {
namespace {

class Journal : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("mnema_journal_" + random_name());
    std::filesystem::create_directories(folder_);
    open();
  }
  void TearDown() override {
    close();
    std::filesystem::remove_all(folder_);
  }
  static std::string random_name() {
    SystemRandom random;
    return random.uuid();
  }
  void open() {
    store_ = std::make_unique<ThreadPoolExecutor>("store", 1);
    Database::Options options;
    options.path = folder_ / "mnema.db";
    Result<std::unique_ptr<Database>> database = Database::open(options, runtime_migrations(), *store_, clock_);
    ASSERT_TRUE(database.ok()) << database.error().text();
    database_ = std::move(*database);
    journal_ = std::make_unique<TurnJournal>(*database_, clock_, limits_);
  }
  void close() {
    database_->close();
    store_->stop();
    journal_.reset();
    database_.reset();
  }
  TurnIdentity identity(Sequence turn) {
    return {turn, "local", "test", "event-" + std::to_string(turn), "triage", "k", "1"};
  }

  template <class T, class Call>
  Result<T> wait(const Call& call) {
    std::promise<Result<T>> promise;
    call([&promise](Result<T> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  TurnRecord load(Sequence turn) {
    Result<TurnRecord> record = wait<TurnRecord>([&](auto done) { journal_->load(identity(turn), *store_, done); });
    EXPECT_TRUE(record.ok());
    return *record;
  }
  Status begin(Sequence turn, const StepStart& step) {
    return wait<void>([&](auto done) { journal_->begin_step(turn, step, *store_, done); });
  }
  Status finish(Sequence turn, const std::string& path, const Result<std::string>& result) {
    return wait<void>([&](auto done) { journal_->finish_step(turn, path, result, *store_, done); });
  }

  std::filesystem::path folder_;
  SystemClock clock_;
  Limits limits_;
  std::unique_ptr<ThreadPoolExecutor> store_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<TurnJournal> journal_;
};

TEST_F(Journal, GivesStepsBackAfterTheFileWasClosed) {
  load(1);
  ASSERT_TRUE(begin(1, {"1", "tool:refund", "h"}).ok());
  ASSERT_TRUE(finish(1, "1", std::string("42")).ok());
  ASSERT_TRUE(begin(1, {"2", "tool:mail", "h"}).ok());
  close();
  open();
  const TurnRecord record = load(1);
  ASSERT_EQ(record.steps.size(), 2U);
  EXPECT_EQ(record.steps.at("1").state, StepState::kDone);
  EXPECT_EQ(record.steps.at("1").result, "42");
  EXPECT_EQ(record.steps.at("2").state, StepState::kStarted) << "nobody knows whether its effect happened";
}

TEST_F(Journal, RefusesToEndAStepTwiceOrOneThatNeverBegan) {
  load(1);
  EXPECT_EQ(finish(1, "1", std::string("x")).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(begin(1, {"1", "a", "h"}).ok());
  ASSERT_TRUE(finish(1, "1", std::string("x")).ok());
  EXPECT_EQ(finish(1, "1", std::string("y")).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(begin(1, {"1", "a", "h"}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(begin(9, {"1", "a", "h"}).error().code, ErrorCode::kNotFound);
}

TEST_F(Journal, CountsTheAttemptsOfAStepThatIsStartedAgain) {
  load(1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(begin(1, {"1", "a", "h"}).ok());
  EXPECT_EQ(load(1).steps.at("1").attempts, 3);
}

TEST_F(Journal, SaysWhatDiffersWhenAReplayTakesAnotherWay) {
  load(1);
  ASSERT_TRUE(begin(1, {"1", "tool:refund", "h"}).ok());
  ASSERT_TRUE(finish(1, "1", std::string("x")).ok());
  const TurnRecord record = load(1);
  EXPECT_NE(*record.match({"1", "tool:refund", "h"}), nullptr);
  EXPECT_EQ(*record.match({"2", "tool:refund", "h"}), nullptr);
  const auto other = record.match({"1", "tool:mail", "h"});
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find("non-deterministic: step 1 was 'tool:refund' and is now 'tool:mail'"),
            std::string::npos);
  EXPECT_FALSE(record.match({"1", "tool:refund", "other"}).ok());
}

TEST_F(Journal, KeepsFailuresAndDoubtsForTheReplay) {
  load(1);
  ASSERT_TRUE(begin(1, {"1", "a", "h"}).ok());
  ASSERT_TRUE(finish(1, "1", fail(ErrorCode::kUnavailable, "down", "wait")).ok());
  ASSERT_TRUE(begin(1, {"2", "b", "h"}).ok());
  ASSERT_TRUE(finish(1, "2", fail(ErrorCode::kInDoubt, "lost")).ok());
  const TurnRecord record = load(1);
  EXPECT_EQ(record.steps.at("1").state, StepState::kFailed);
  EXPECT_EQ(record.steps.at("1").error->message, "down");
  EXPECT_EQ(record.steps.at("2").state, StepState::kInDoubt);
}

TEST_F(Journal, StoresLargeResultsOnceAndForgetsThemWithTheirLastStep) {
  limits_.journal_result_bytes_max = 10;
  load(1);
  for (const char* path : {"1", "2"}) {
    ASSERT_TRUE(begin(1, {path, "a", path}).ok());
    ASSERT_TRUE(finish(1, path, std::string(100, 'x')).ok());
  }
  journal_->check_integrity();
  EXPECT_EQ(load(1).steps.at("2").result, std::string(100, 'x'));
  ASSERT_TRUE(wait<void>([&](auto done) { journal_->forget_step(1, "1", *store_, done); }).ok());
  journal_->check_integrity();
  EXPECT_EQ(load(1).steps.size(), 1U);
  const auto blobs = [&] {
    return *database_->read<std::int64_t>([](Transaction& transaction) -> Result<std::int64_t> {
      ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT count(*) FROM blobs"));
      RETURN_IF_ERROR(row.step().ok() ? Status() : Status(fail(ErrorCode::kStorage, "no count")));
      return row.integer(0);
    });
  };
  EXPECT_EQ(blobs(), 1);
  ASSERT_TRUE(wait<void>([&](auto done) { journal_->forget_step(1, "2", *store_, done); }).ok());
  EXPECT_EQ(blobs(), 0);
}

TEST_F(Journal, BoundsTheStepsOfATurn) {
  limits_.turn_steps_max = 2;
  load(1);
  ASSERT_TRUE(begin(1, {"1", "a", "h"}).ok());
  ASSERT_TRUE(begin(1, {"2", "a", "h"}).ok());
  EXPECT_EQ(begin(1, {"3", "a", "h"}).error().code, ErrorCode::kResourceExhausted);
}

TEST_F(Journal, PurgesOnlyTurnsThatEndedLongAgo) {
  load(1), load(2);
  ASSERT_TRUE(database_->write_and_wait<void>([&](Transaction& t) { return journal_->finish_turn(t, 1); }).ok());
  EXPECT_EQ(*wait<int>([&](auto done) { journal_->purge(10, *store_, done); }), 0);
  limits_.journal_retention_hours = -1;
  EXPECT_EQ(*wait<int>([&](auto done) { journal_->purge(10, *store_, done); }), 1);
}

TEST(StepPaths, AreOrderedByTheirNumbers) {
  EXPECT_LT(compare_step_paths("2", "10"), 0);
  EXPECT_LT(compare_step_paths("2", "2.1"), 0);
  EXPECT_LT(compare_step_paths("2.9", "2.10"), 0);
  EXPECT_EQ(compare_step_paths("3.1", "3.1"), 0);
  EXPECT_GT(compare_step_paths("3", "2.7"), 0);
}

TEST(IdempotencyKeys, AreTheSameForTheSameStepAndDifferForEveryOther) {
  const TurnIdentity turn{1, "local", "s", "e", "a", "k", "1"};
  TurnIdentity again = turn;
  again.turn = 99, again.version = "2";
  EXPECT_EQ(idempotency_key(turn, "1"), idempotency_key(again, "1"));
  EXPECT_NE(idempotency_key(turn, "1"), idempotency_key(turn, "2"));
  again.event_id = "f";
  EXPECT_NE(idempotency_key(turn, "1"), idempotency_key(again, "1"));
  EXPECT_EQ(idempotency_key(turn, "1").size(), 64U);
}

}  // namespace
}  // namespace mnema

#include "memory/learned_holdings.hpp"

#include <gtest/gtest.h>

#include "tests/memory/procedural/runs.hpp"

namespace mnema {
namespace {

using testing::run_by;
using testing::Runs;

const Scope kAnna{"local", "", "anna", ""};

TEST(LearnedHoldings, UnlearnWhatTheRunsOfAUserHadTaughtHoweverManyThereWere) {
  Runs runs;
  for (int i = 0; i < 20; ++i) runs.learn(run_by("anna", "Please refund order A-17."));
  ASSERT_EQ(runs.all().size(), 1U);
  const Result<Erasure> receipt = runs.erase({kAnna});
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->counts.at("task_runs"), 20);
  EXPECT_TRUE(runs.all().empty()) << "all of it was hers";
  EXPECT_EQ(runs.number("SELECT (SELECT count(*) FROM memory_task_runs) + (SELECT count(*) FROM"
                        " memory_procedure_changes) + (SELECT count(*) FROM memory_procedure_evidence)"),
            0);
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(LearnedHoldings, LeaveWhatOthersHadTaughtWithinTheConfiguredBounds) {
  Runs runs;
  runs.procedure_limits.successes_min = 2;
  runs.reopen();
  for (const char* user : {"anna", "anna", "anna", "bert", "carla"})
    runs.learn(run_by(user, "Please refund order A-1"));
  ASSERT_TRUE(runs.erase({kAnna}).ok());
  ASSERT_EQ(runs.all().size(), 1U);
  EXPECT_EQ(runs.all()[0].learned_from, 2);
  EXPECT_EQ(runs.all()[0].state, ProcedureState::kActive) << "two are enough here";
  ASSERT_TRUE(runs.erase({{"local", "", "bert", ""}}).ok());
  EXPECT_EQ(runs.all()[0].state, ProcedureState::kLearning);
  EXPECT_FALSE(runs.asked("Please refund order A-2"));
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(LearnedHoldings, EraseAnOperatorsWordsWithTheLastRunThatTheyCorrect) {
  Runs runs;
  for (int i = 0; i < 3; ++i) runs.learn(run_by("anna", "Please refund order A-17."));
  ASSERT_TRUE(runs.change([&](Transaction& transaction) {
                    return procedure_store::edit(transaction, runs.all()[0].id, "local", "As anna did.",
                                                 runs.procedure_limits, runs.now());
                  })
                  .ok());
  ASSERT_TRUE(runs.erase({kAnna}).ok());
  EXPECT_TRUE(runs.all().empty());
}

TEST(LearnedHoldings, EraseTheRunsOfASessionWhoseEverTheyWere) {
  Runs runs;
  runs.learn_refund();
  ASSERT_TRUE(runs.erase({{"local", "", "", "talk of anna"}}).ok());
  EXPECT_EQ(runs.number("SELECT count(*) FROM memory_task_runs"), 2);
  EXPECT_EQ(runs.all()[0].learned_from, 2);
}

TEST(LearnedHoldings, EraseAnAgentsProceduresWithTheirHistory) {
  Runs runs;
  runs.learn_refund();
  ASSERT_TRUE(runs.erase({{"local", "clerk", "", ""}}).ok());
  EXPECT_TRUE(runs.all().empty());
  EXPECT_EQ(runs.number("SELECT count(*) FROM memory_procedure_changes"), 0);
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

}  // namespace
}  // namespace mnema

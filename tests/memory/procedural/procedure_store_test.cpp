#include "memory/procedural/procedure_store.hpp"

#include <gtest/gtest.h>

#include "tests/memory/procedural/runs.hpp"

namespace mnema {
namespace {

using testing::kRefund;
using testing::run_by;
using testing::run_of;
using testing::Runs;

const std::string kAsked = "Please refund order D-9.";

TaskRun shown(TaskRun run, ProcedureId id) {
  run.procedure = id;
  return run;
}

TEST(Procedures, AreShownAfterThreeSuccessesOfOneKindOfTask) {
  Runs runs;
  runs.learn(run_by("anna", "Please refund order A-17."));
  runs.learn(run_by("bert", "Refund order B-204 for me, please"));
  EXPECT_FALSE(runs.asked(kAsked)) << "two are too few";
  runs.learn(run_by("carla", "could you refund my order C-3?"));
  const std::optional<Procedure> found = runs.asked(kAsked);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->evidence.size(), 3U);
  EXPECT_EQ(found->learned_from, 3);
  EXPECT_EQ(text_of(*found),
            "First call find_order (order_id = from the request). Then call refund (amount = from the result of "
            "find_order, order_id = from the request).");
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(Procedures, AreNotShownToOtherTasksAgentsTypesOrTenants) {
  Runs runs;
  runs.learn_refund();
  EXPECT_FALSE(runs.asked("What is the weather in Oslo?"));
  EXPECT_FALSE(runs.asked("Where is my order?"));
  EXPECT_FALSE(runs.asked(kAsked, Trust::kUser, "order.failed"));
  EXPECT_FALSE(runs.asked(kAsked, Trust::kUser, "chat.message", {"local", "triage", "", ""}));
  EXPECT_FALSE(runs.asked(kAsked, Trust::kUser, "chat.message", {"other", "clerk", "", ""}));
  EXPECT_TRUE(runs.asked(kAsked));
}

TEST(Procedures, OfOnePersonAreNobodyElses) {
  Runs runs;
  for (const char* text : {"Please refund order A-17.", "Refund order B-204, please", "Please refund my order C-3"}) {
    runs.learn(run_by("anna", text));
  }
  EXPECT_FALSE(runs.asked(kAsked)) << "what anna alone did, or has taught";
  EXPECT_TRUE(runs.asked_by("anna", kAsked)) << "in another talk of hers";
  runs.learn(run_by("bert", "Refund order B-204 for me, please"));
  EXPECT_TRUE(runs.asked(kAsked)) << "two have done it so";
  // Without names, one conversation or key is one of them.
  for (int i = 0; i < 3; ++i) {
    TaskRun run = run_of("Cancel the parcel for me please");
    run.owner = {"local", "clerk", "", "key 7"};
    runs.learn(run);
  }
  const std::string cancel = "Cancel the parcel for me please";
  EXPECT_FALSE(runs.asked(cancel, Trust::kUser, "chat.message", {"local", "clerk", "", "key 8"}));
  EXPECT_TRUE(runs.asked(cancel, Trust::kUser, "chat.message", {"local", "clerk", "", "key 7"}));
}

TEST(Procedures, AreLearnedFromSuccessesAlone) {
  Runs runs;
  for (const char* text : {"Refund order A-1", "Refund order A-2", "Refund order A-3", "Refund order A-4"}) {
    runs.learn(run_of(text, kRefund, false));
  }
  EXPECT_TRUE(runs.all().empty());
}

TEST(Procedures, KeepNoWordOfATask) {
  Runs runs;
  runs.learn_refund();
  const std::int64_t rows = runs.number(
      "SELECT (SELECT count(*) FROM memory_task_runs WHERE steps LIKE '%A-17%' OR steps LIKE '%anna%' OR"
      " CAST(terms AS TEXT) LIKE '%refund%') + (SELECT count(*) FROM memory_procedures WHERE steps LIKE '%A-17%')");
  EXPECT_EQ(rows, 0);
}

TEST(Procedures, AreNotLearnedFromAMessageThatTellsNoKindOfTask) {
  Runs runs;
  for (const char* user : {"anna", "bert", "carla"}) runs.learn(run_by(user, "Do it again, please", {kRefund[1]}));
  EXPECT_TRUE(runs.all().empty());
  EXPECT_FALSE(runs.asked("Do it again, please"));
}

TEST(Procedures, AreNotShownWhereTwoWaysFitAlike) {
  Runs runs;
  runs.learn_refund();
  ASSERT_TRUE(runs.asked(kAsked));
  for (const char* user : {"anna", "bert", "carla"}) runs.learn(run_by(user, "Please refund order A-1", {kRefund[1]}));
  ASSERT_EQ(runs.all().size(), 2U);
  EXPECT_FALSE(runs.asked(kAsked)) << "nobody can say which is meant";
  ASSERT_TRUE(runs.change([&](Transaction& transaction) {
                    return procedure_store::demote(transaction, runs.all()[1].id, "local", runs.now());
                  })
                  .ok());
  EXPECT_EQ(runs.asked(kAsked)->steps, kRefund);
}

TEST(Procedures, OfOutsideTextAreNotShownToATurnThatIsTrustedMore) {
  Runs runs;
  for (const char* user : {"anna", "bert", "carla"}) {
    TaskRun run = run_by(user, "Refund the order A-1");
    run.trust = Trust::kExternal;
    runs.learn(run);
  }
  EXPECT_FALSE(runs.asked("Refund the order A-2", Trust::kUser));
  const std::optional<Procedure> found = runs.asked("Refund the order A-2", Trust::kExternal);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->trust, Trust::kExternal);
}

TEST(Procedures, OfUsersDoNotBecomeWeakerByTheSameDoneForOutsideText) {
  Runs runs;
  runs.learn_refund();
  TaskRun outside = run_of("Please refund order X-1");
  outside.trust = Trust::kExternal;
  runs.learn(outside);
  EXPECT_TRUE(runs.asked(kAsked, Trust::kUser));
}

TEST(Procedures, AreDemotedAfterTwoFailuresAndCanBeRestored) {
  Runs runs;
  runs.learn_refund();
  const ProcedureId id = runs.asked(kAsked)->id;
  runs.learn(shown(run_of("Refund order E-1", kRefund, false), id));
  EXPECT_TRUE(runs.asked(kAsked));
  runs.learn(shown(run_of("Refund order E-2", kRefund, false), id));
  EXPECT_FALSE(runs.asked(kAsked));
  ASSERT_EQ(runs.all().size(), 1U);
  EXPECT_EQ(runs.all()[0].state, ProcedureState::kDemoted);
  EXPECT_EQ(runs.all()[0].failures, 2);

  runs.learn_refund();
  EXPECT_FALSE(runs.asked(kAsked)) << "more of the same does not bring it back";
  ASSERT_TRUE(runs.change([&](Transaction& transaction) {
                    return procedure_store::restore(transaction, id, "local", runs.now());
                  })
                  .ok());
  EXPECT_EQ(runs.asked(kAsked)->id, id);
  const Status again = runs.change(
      [&](Transaction& transaction) { return procedure_store::restore(transaction, id, "local", runs.now()); });
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kInvalidArgument);
  const auto changes = runs.read<std::vector<ProcedureChange>>(
      [&](Transaction& transaction) { return procedure_store::history(transaction, id, "local"); });
  ASSERT_EQ(changes->size(), 3U);
  EXPECT_EQ(changes->at(0).what, "restored");
  EXPECT_EQ(changes->at(1).what, "demoted after 2 failures");
  EXPECT_EQ(changes->at(2).what, "learned from 3 runs");
}

TEST(Procedures, ThatFailNowAndThenStay) {
  Runs runs;
  runs.learn_refund();
  const ProcedureId id = runs.asked(kAsked)->id;
  for (int i = 0; i < 12; ++i) {
    runs.learn(shown(run_of("Refund order E-1", kRefund, i % 4 != 0), id));
  }
  EXPECT_EQ(runs.asked(kAsked)->id, id) << "one in four";
  EXPECT_EQ(runs.all()[0].failures, 3);
  EXPECT_EQ(runs.all()[0].successes, 9);
}

TEST(Procedures, GiveWayToAnOperatorsWordsWhichCountingDoesNotTouch) {
  Runs runs;
  runs.learn_refund();
  const ProcedureId id = runs.asked(kAsked)->id;
  ASSERT_TRUE(runs.change([&](Transaction& transaction) {
                    return procedure_store::edit(transaction, id, "local", "Ask a person; refund nothing.",
                                                 runs.procedure_limits, runs.now());
                  })
                  .ok());
  // A shorter way of the same task is learned beside it: it does not come before the correction.
  for (const char* user : {"anna", "bert", "carla"}) runs.learn(run_by(user, kAsked, {kRefund[1]}));
  ASSERT_EQ(runs.all().size(), 2U);
  EXPECT_EQ(text_of(*runs.asked(kAsked)), "Ask a person; refund nothing.");
  for (int i = 0; i < 3; ++i) runs.learn(shown(run_of("Refund order E-1", kRefund, false), id));
  EXPECT_EQ(runs.asked(kAsked)->id, id);

  const Status long_words = runs.change([&](Transaction& transaction) {
    return procedure_store::edit(transaction, id, "local", std::string(20'000, 'x'), runs.procedure_limits, runs.now());
  });
  ASSERT_FALSE(long_words.ok());
  EXPECT_EQ(long_words.error().code, ErrorCode::kInvalidArgument);
  const Status of_others = runs.change([&](Transaction& transaction) {
    return procedure_store::edit(transaction, id, "other", "x", runs.procedure_limits, runs.now());
  });
  ASSERT_FALSE(of_others.ok());
  EXPECT_EQ(of_others.error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(
      runs.change([&](Transaction& transaction) { return procedure_store::forget(transaction, id, "local"); }).ok());
  EXPECT_EQ(runs.all().size(), 1U);
}

TEST(Procedures, AreUnlearnedWithTheEpisodesTheyRestOn) {
  Runs runs;
  const EpisodeId episode = runs.remember("Please refund order A-17.", {"local", "clerk", "anna", ""});
  TaskRun run = run_of("Please refund order A-17.");
  run.episode = episode;
  runs.learn(run);
  runs.learn(run_by("bert", "Refund order B-204 for me, please"));
  runs.learn(run_by("carla", "could you refund my order C-3?"));
  ASSERT_TRUE(runs.asked(kAsked));
  ASSERT_TRUE(runs.erase({{"local", "", "", ""}, episode}).ok());
  EXPECT_FALSE(runs.asked(kAsked));
  EXPECT_EQ(runs.all()[0].learned_from, 2);
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(Procedures, OfATurnThatTheUserCorrectsAreNotLearnedAndItCountsAsAFailure) {
  Runs runs;
  runs.learn_refund();
  const ProcedureId id = runs.asked(kAsked)->id;
  runs.learn(shown(run_of("Please refund order E-1"), id));
  EXPECT_EQ(runs.all()[0].successes, 1);
  EXPECT_EQ(runs.all()[0].learned_from, 4);
  ASSERT_TRUE(runs.change([&](Transaction& transaction) {
                    return runs.memory->correct_last_run(transaction, {"local", "clerk", "anna", ""},
                                                         "local/clerk/anna");
                  })
                  .ok());
  EXPECT_EQ(runs.all()[0].successes, 0);
  EXPECT_EQ(runs.all()[0].failures, 1);
  EXPECT_EQ(runs.all()[0].learned_from, 3);
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(Procedures, KeepTheRunsTheyRestOnWhateverElseIsTrimmed) {
  Runs runs;
  runs.procedure_limits.runs_max = 2;
  runs.reopen();
  // They do not agree on where the amount came from: what is stored must go on being what the evidence gives.
  std::vector<TaskStep> chosen = kRefund;
  chosen[1].arguments[0] = {"amount", ArgumentOrigin::kChosen, ""};
  runs.learn(run_by("anna", "Please refund order A-17.", chosen));
  runs.learn(run_by("bert", "Refund order B-204 for me, please"));
  runs.learn(run_by("carla", "could you refund my order C-3?"));
  for (int i = 0; i < 6; ++i) runs.learn(run_of("Tell me a joke about cheese", {}));
  EXPECT_EQ(runs.number("SELECT count(*) FROM memory_task_runs"), 5) << "its three, and the newest two";
  const std::optional<Procedure> found = runs.asked(kAsked);
  ASSERT_TRUE(found) << "its words are known still";
  EXPECT_EQ(found->learned_from, 3);
  EXPECT_EQ(found->steps, chosen);
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(Procedures, RestOnTheNewestRuns) {
  Runs runs;
  for (int i = 0; i < 20; ++i) runs.learn(run_by(i == 0 ? "anna" : "bert", "Please refund order A-17."));
  EXPECT_EQ(runs.all()[0].learned_from, procedure_store::kEvidenceMax);
  EXPECT_FALSE(runs.asked(kAsked)) << "all that it rests on is bert's";
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(Procedures, MakePlaceForNewOnesButForNoneThatIsDemoted) {
  Runs runs;
  runs.procedure_limits.procedures_max = 2;
  runs.procedure_limits.successes_min = 1;
  runs.reopen();
  const auto step = [](const char* tool) { return std::vector<TaskStep>{{tool, {}}}; };
  for (const char* tool : {"a", "b"}) runs.learn(run_of("Water all the plants today", step(tool)));
  const std::vector<Procedure> two = runs.all();
  ASSERT_EQ(two.size(), 2U);
  ASSERT_EQ(two[0].state, ProcedureState::kActive);
  runs.learn(run_of("Water all the plants today", step("c")));
  ASSERT_EQ(runs.all().size(), 2U) << "the one that was learned from longest ago has gone";
  EXPECT_EQ(runs.all()[0].steps[0].tool, "b");
  for (const Procedure& procedure : runs.all()) {
    ASSERT_TRUE(runs.change([&](Transaction& transaction) {
                      return procedure_store::demote(transaction, procedure.id, "local", runs.now());
                    })
                    .ok());
  }
  runs.learn(run_of("Water all the plants today", step("d")));
  EXPECT_EQ(runs.all()[1].steps[0].tool, "c") << "what was demoted would be learned again";
  EXPECT_TRUE(runs.memory->check_integrity().ok());
}

TEST(Procedures, ThatAreLongerThanTheirBoundAreNotShown) {
  Runs runs;
  runs.procedure_limits.tokens_max = 20;
  runs.reopen();
  runs.learn_refund();
  EXPECT_FALSE(runs.asked(kAsked));
}

TEST(Procedures, OfEventsGoByTheirTypeWhereMostOfItIsDoneInOneWay) {
  Runs runs;
  int events = 0;
  for (const char* text : {R"({"order": "A-1", "note": "blue"})", R"({"order": "B-2", "note": "thin"})",
                           R"({"order": "C-3", "note": "loud"})"}) {
    TaskRun run = run_of(text);
    run.owner = {"local", "clerk", "", "key " + std::to_string(++events)};
    run.event_type = "order.failed";
    run.trust = Trust::kExternal;
    runs.learn(run);
  }
  EXPECT_TRUE(runs.asked(R"({"bestellung": 9})", Trust::kExternal, "order.failed"));
}

}  // namespace
}  // namespace mnema

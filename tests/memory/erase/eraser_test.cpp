#include "memory/erase/eraser.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using namespace testing;

const Scope kAnna{"local", "", "anna", ""};
const Scope kBert{"local", "", "bert", ""};

struct Talk : Opened {
  std::int64_t rows_of(const std::string& table) { return number("SELECT count(*) FROM " + table); }
};

TEST(Eraser, ErasesAUserWithFactsDocumentsAndThreadsAndLeavesTheOthersAsTheyWere) {
  Talk talk;
  for (int i = 0; i < 60; ++i) {
    talk.say(kAnna, "talk of anna", "I live in Hamburg, said anna the " + std::to_string(i) + "th time.");
    talk.say(kBert, "talk of bert", "I moved to Lisbon, said bert the " + std::to_string(i) + "th time.");
  }
  std::string long_text = "# Notes\n\nThe zebra of anna has stripes.\n";
  for (int i = 0; i < 100; ++i) long_text += "\n## Part " + std::to_string(i) + "\n\nPart of a long document.\n";
  Document notes = document("notes.md", long_text);
  notes.scope = kAnna;
  ASSERT_TRUE(talk.ingest(notes).ok());
  ASSERT_GT(talk.rows_of("memory_chunks"), 64);
  ASSERT_TRUE(talk.consolidated().ok());
  ASSERT_TRUE(talk.embedded().ok());
  const std::vector<std::string> berts = talk.recalled("Who moved to Lisbon?", kBert);
  ASSERT_FALSE(berts.empty());
  ASSERT_FALSE(talk.recalled("What has stripes, a zebra?", kAnna).empty());

  const Result<Erasure> receipt = talk.erase({kAnna});
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_TRUE(receipt->finished);
  EXPECT_TRUE(receipt->pending.empty());
  EXPECT_EQ(receipt->counts.at("episodes"), 60);
  EXPECT_EQ(receipt->counts.at("documents"), 1) << "in whatever number of units its chunks go";
  EXPECT_GE(receipt->counts.at("facts"), 1);

  EXPECT_TRUE(talk.recalled("Who lives in Hamburg? What has stripes, a zebra?", kAnna).empty());
  EXPECT_EQ(talk.recalled("Who moved to Lisbon?", kBert), berts);
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_scopes WHERE user = 'anna'"), 0);
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_threads WHERE name = 'talk of anna'"), 0);
  EXPECT_EQ(talk.rows_of("memory_documents"), 0);
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_claims"), talk.number("SELECT count(*) FROM memory_claims c JOIN"
                                                                           " memory_entries USING (entry_id)"));
  EXPECT_TRUE(talk.memory->verify_chain("local", "talk of bert").ok());
  talk.expect_whole();
  talk.reopen();
  EXPECT_EQ(talk.recalled("Who moved to Lisbon?", kBert), berts);
}

TEST(Eraser, ErasesOneEntryAndKeepsItsPlaceInTheChain) {
  Talk talk;
  talk.say(kAnna, "thread", "The first is a walnut.");
  const EpisodeId second = talk.say(kAnna, "thread", "The second is an almond.");
  talk.say(kAnna, "thread", "The third is a hazelnut.");
  ASSERT_TRUE(talk.embedded().ok());
  const Result<Erasure> receipt = talk.erase({{"local", "", "", ""}, second});
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(receipt->counts.at("episodes"), 1);
  EXPECT_EQ(talk.rows_of("memory_entries"), 2);
  EXPECT_EQ(talk.rows_of("memory_episodes"), 3);
  EXPECT_TRUE(talk.memory->verify_chain("local", "thread").ok());
  EXPECT_EQ(talk.erase({{"local", "", "", ""}, second}).error().code, ErrorCode::kNotFound);
  talk.expect_whole();
}

TEST(Eraser, ErasesASessionWhoeverItsEntriesBelongTo) {
  Talk talk;
  talk.say(kAnna, "morning", "A kettle sings.");
  talk.say({"local", "bot", "", "morning"}, "morning", "The kettle sang.");
  talk.say(kAnna, "evening", "A lantern glows.");
  const Result<Erasure> receipt = talk.erase({{"local", "", "", "morning"}});
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(receipt->counts.at("episodes"), 2);
  EXPECT_EQ(talk.rows_of("memory_entries"), 1);
  EXPECT_EQ(talk.rows_of("memory_threads"), 1);
  talk.expect_whole();
}

TEST(Eraser, ErasesAWholeTenantAndNoOther) {
  Talk talk;
  for (int i = 0; i < 20; ++i) {
    talk.say({"north", "", "u" + std::to_string(i), ""}, "t" + std::to_string(i), "Snow falls on a fir.");
  }
  talk.say({"south", "", "u1", ""}, "t1", "Sand blows on a palm.");
  EraseCounts preview = talk.memory->eraser().preview({{"north", "", "", ""}}).value();
  EXPECT_EQ(preview["episodes"], 20);
  ASSERT_TRUE(talk.erase({{"north", "", "", ""}}).ok());
  EXPECT_EQ(talk.rows_of("memory_entries"), 1);
  EXPECT_EQ(talk.rows_of("memory_scopes"), 1);
  EXPECT_FALSE(talk.recalled("What blows on a palm?", {"south", "", "u1", ""}).empty());
  talk.expect_whole();
}

TEST(Eraser, RefusesWhatNamesNobodyAndSaysWhatToDo) {
  Talk talk;
  EXPECT_EQ(talk.request_erasure({{"", "", "", ""}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(talk.request_erasure({kAnna, 3}).error().code, ErrorCode::kInvalidArgument);
  const Error unknown = talk.request_erasure({{"local", "", "", ""}, 77}).error();
  EXPECT_EQ(unknown.code, ErrorCode::kNotFound);
  EXPECT_FALSE(unknown.hint.empty());
  const Result<Erasure> nobody = talk.erase({{"nobody", "", "x", ""}});
  ASSERT_TRUE(nobody.ok()) << "there is nothing to erase, and the receipt says so";
  EXPECT_TRUE(nobody->counts.empty());
}

TEST(Eraser, SaysWhatItWaitsForAndGoesOnWhenThatEnds) {
  Talk talk;
  bool turn_runs = true;
  ErasePart turns;
  turns.name = "turns";
  turns.rows = [&](Transaction&, const EraseTarget&, std::int64_t, int) -> Result<ErasePart::Step> {
    return ErasePart::Step{{}, 0, true, turn_runs ? "a turn runs" : ""};
  };
  talk.other_parts = {turns};
  talk.reopen();
  talk.say(kAnna, "thread", "A pebble lies there.");
  const Erasure requested = talk.request_erasure({kAnna}).value();
  talk.simulation.run_until_idle(std::chrono::seconds(3));
  Erasure now = talk.memory->eraser().find(requested.id, "local").value();
  EXPECT_FALSE(now.finished);
  EXPECT_EQ(now.pending, std::vector<std::string>{"a turn runs"});
  EXPECT_EQ(now.counts.at("episodes"), 1) << "what can go goes meanwhile";
  talk.say(kAnna, "thread", "What the turn wrote in the end.");
  turn_runs = false;
  talk.simulation.run_until_idle(std::chrono::seconds(3));
  now = talk.memory->eraser().find(requested.id, "local").value();
  EXPECT_TRUE(now.finished);
  EXPECT_EQ(now.counts.at("episodes"), 2);
  EXPECT_EQ(talk.memory->eraser().find(requested.id, "other").error().code, ErrorCode::kNotFound);
}

/// A part without rows of its own.
ErasePart part_of(std::string name, std::function<Result<ErasePart::Step>()> act) {
  ErasePart part;
  part.name = std::move(name);
  part.rows = [act = std::move(act)](Transaction&, const EraseTarget&, std::int64_t, int) { return act(); };
  return part;
}

TEST(Eraser, BeginsAFailedPassAgainWholeAlsoIfNoRowIsLeft) {
  Talk talk;
  int failures = 2, rows = 1, cleaned = 0;
  const ErasePart erases = part_of("erases", [&]() -> Result<ErasePart::Step> {
    ErasePart::Step step{{}, 0, true, {}};
    if (rows > 0) step.counts["rows"] = std::exchange(rows, 0);
    return step;
  });
  const ErasePart fails = part_of("fails", [&]() -> Result<ErasePart::Step> {
    if (failures-- > 0) return fail(ErrorCode::kStorage, "the disk is full");
    return ErasePart::Step{{}, 0, true, {}};
  });
  ErasePart cleans = part_of("cleans", [&]() -> Result<ErasePart::Step> {
    ++cleaned;
    return ErasePart::Step{{}, 0, true, {}};
  });
  cleans.only_after_rows = true;
  talk.other_parts = {erases, fails, cleans};
  talk.reopen();
  const Result<Erasure> receipt = talk.erase({kAnna});
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(receipt->counts.at("rows"), 1);
  EXPECT_LT(failures, 0);
  EXPECT_EQ(cleaned, 1) << "what the rows left behind, once they were gone";
}

TEST(Eraser, SeesWhatMovesBehindAPartThatItWasThrough) {
  for (const bool has_rows : {false, true}) {
    Talk talk;
    int timers = 1, events = 0;
    const ErasePart mailbox = part_of("mailbox", [&]() -> Result<ErasePart::Step> {
      ErasePart::Step step{{}, 0, true, {}};
      if (events > 0) step.counts["events"] = std::exchange(events, 0);
      return step;
    });
    const ErasePart due = part_of("timers", [&]() -> Result<ErasePart::Step> {
      events += std::exchange(timers, 0);  // it was due just before
      return ErasePart::Step{{}, 0, true, {}};
    });
    talk.other_parts = {mailbox, due};
    talk.reopen();
    if (has_rows) talk.say(kAnna, "thread", "A pebble lies there.");
    const Result<Erasure> receipt = talk.erase({kAnna});
    ASSERT_TRUE(receipt.ok()) << receipt.error().text();
    EXPECT_EQ(events, 0);
    EXPECT_EQ(receipt->counts.at("events"), 1);
  }
}

TEST(Eraser, EndsForWhomSomebodyWritesToWithoutEnd) {
  Talk talk;
  int passes = 0;
  talk.other_parts = {part_of("mailbox", [&]() -> Result<ErasePart::Step> {
    ++passes;
    return ErasePart::Step{{{"events", 1}}, 0, true, {}};
  })};
  talk.reopen();
  ASSERT_TRUE(talk.erase({kAnna}).ok());
  EXPECT_EQ(passes, talk.erasing.passes_max);
}

TEST(Eraser, LetsAnErasureThatCannotBeReadHoldUpNoOtherAndTriesItAgainAfterAPause) {
  Talk talk;
  bool turn_runs = true;
  int tries = 0;
  talk.other_parts = {part_of("turns", [&]() -> Result<ErasePart::Step> {
    ++tries;
    return ErasePart::Step{{}, 0, true, turn_runs ? "a turn runs" : ""};
  })};
  talk.reopen();
  const Erasure damaged = talk.request_erasure({kBert}).value();
  talk.simulation.run_until_idle(std::chrono::seconds(1));
  talk.execute("UPDATE memory_erasures SET counts = '{'");
  turn_runs = false;
  talk.simulation.run_until_idle(std::chrono::seconds(30));
  tries = 0;
  ASSERT_TRUE(talk.erase({kAnna}).ok()) << "the one before it is damaged";
  EXPECT_EQ(tries, 2) << "of the other alone";
  talk.execute("UPDATE memory_erasures SET counts = '{}' WHERE counts = '{'");
  talk.simulation.run_until_idle(std::chrono::seconds(30));
  EXPECT_TRUE(talk.memory->eraser().find(damaged.id, "").value().finished);
}

TEST(Eraser, EndsWhatACrashInterruptedAndCountsEachRowOnce) {
  int interrupted = 0;
  std::set<int> stages;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Talk talk;
    talk.erasing.rows_max = 40;  // three entries in a unit
    talk.reopen();
    for (int i = 0; i < 30; ++i) {
      talk.say(kAnna, "talk of anna", "Anna has " + std::to_string(i) + " apples.");
      talk.say(kBert, "talk of bert", "Bert has " + std::to_string(i) + " pears.");
    }
    ASSERT_TRUE(talk.consolidated().ok());
    ASSERT_TRUE(talk.embedded().ok());
    ASSERT_TRUE(talk.memory->save_indexes().ok());
    const Erasure requested = talk.request_erasure({kAnna}).value();
    // Killed anywhere: after so many of what would happen.
    std::uint64_t left = seed * 3;
    talk.simulation.run_until([&] { return left-- == 0; });
    talk.crash();
    ASSERT_TRUE(talk.open().ok());
    const Erasure now = talk.memory->eraser().find(requested.id, "").value();
    if (!now.finished) ++interrupted;
    const auto so_far = now.counts.find("episodes");
    stages.insert(so_far == now.counts.end() ? 0 : static_cast<int>(so_far->second));
    const auto receipt = talk.answered<Erasure>([&](std::function<void(Result<Erasure>)> on_done) {
      talk.memory->eraser().when_finished(requested.id, talk.simulation.lane("loop"), std::move(on_done));
    });
    ASSERT_TRUE(receipt.ok()) << receipt.error().text();
    EXPECT_EQ(receipt->counts.at("episodes"), 30) << "none twice, none forgotten";
    EXPECT_EQ(talk.rows_of("memory_entries"), 30);
    talk.expect_whole();
  }
  EXPECT_GT(interrupted, 10);
  EXPECT_GT(stages.size(), 3U) << "it was killed in the midst of it";
}

}  // namespace
}  // namespace mnema

#include "memory/change_trimmer.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Opened;

struct Log : Opened {
  explicit Log(std::uint64_t seed = 1) : Opened(seed) {}

  /// `count` vectors more.
  void grow(int count) {
    for (int i = 0; i < count; ++i) remember("said " + std::to_string(said++));
    ASSERT_TRUE(embedded().ok());
  }
  void save_and_trim() {
    ASSERT_TRUE(memory->save_indexes().ok());
    simulation.run_ready();
  }
  std::int64_t changes() { return number("SELECT count(*) FROM memory_vector_changes"); }
  [[nodiscard]] std::string snapshot() const { return folder.read("index/tenant-1.vectors"); }
  /// Whether the index was rebuilt, and that it is right either way.
  bool restart_rebuilds() {
    crash();
    CHECK(open().ok(), "memory opens");
    EXPECT_TRUE(embedded().ok());
    EXPECT_TRUE(memory->check_integrity().ok());
    EXPECT_EQ(memory->statistics()->vectors, said);
    return memory->statistics()->index_rebuilds > 0;
  }

  int said = 0;
};

TEST(ChangeTrimmer, BoundsTheLogOverFiftySnapshots) {
  Log log;
  for (int snapshot = 0; snapshot < 50; ++snapshot) {
    log.grow(10);
    EXPECT_LE(log.changes(), 11);
    log.save_and_trim();
    EXPECT_EQ(log.changes(), 1) << "the change that the snapshot is compared with";
  }
  EXPECT_TRUE(log.memory->check_integrity().ok());
  EXPECT_FALSE(log.restart_rebuilds());
}

TEST(ChangeTrimmer, TrimsALongLogInSlicesOfABoundedLength) {
  Log log;
  log.reopen();
  log.limits.vector_changes_trimmed_max = 4;
  log.reopen();
  log.grow(50);
  const long long before = log.database->statistics().units_answered;
  log.save_and_trim();
  EXPECT_EQ(log.changes(), 1);
  EXPECT_GE(log.database->statistics().units_answered - before, 49 / 4);
}

TEST(ChangeTrimmer, TrimsAtTheNextStartWhatACrashBetweenSnapshotAndTrimmingLeft) {
  Log log;
  log.grow(10);
  ASSERT_TRUE(log.memory->save_indexes().ok());
  ASSERT_EQ(log.changes(), 10);
  EXPECT_FALSE(log.restart_rebuilds());
  log.simulation.run_ready();
  EXPECT_EQ(log.changes(), 1);
  EXPECT_FALSE(log.restart_rebuilds()) << "the snapshot still fits";
}

TEST(ChangeTrimmer, LosesNothingWhereverItDies) {
  for (int steps = 0; steps < 40; ++steps) {
    Log log(static_cast<std::uint64_t>(steps) + 1);
    log.limits.vector_changes_trimmed_max = 2;
    log.reopen();
    log.grow(10);
    ASSERT_TRUE(log.memory->save_indexes().ok());
    for (int i = 0; i < steps; ++i) log.simulation.run_one();
    EXPECT_FALSE(log.restart_rebuilds()) << "died after " << steps << " steps";
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ChangeTrimmer, LeavesAnOlderOrDamagedSnapshotToBeRebuiltFromTheRows) {
  Log log;
  log.grow(10);
  log.save_and_trim();
  const std::string older = log.snapshot();
  log.grow(10);
  log.save_and_trim();
  std::string damaged = log.snapshot();
  damaged[damaged.size() / 2] ^= 1;
  for (const std::string& bytes : {older, damaged, older.substr(0, older.size() / 2)}) {
    log.folder.write("index/tenant-1.vectors", bytes);
    EXPECT_TRUE(log.restart_rebuilds());
    EXPECT_FALSE(log.recalled("said 3").empty());
  }
  log.save_and_trim();
  EXPECT_FALSE(log.restart_rebuilds()) << "the new one is good";
}

TEST(ChangeTrimmer, KeepsTheLastChangeOfEveryEmbedderThatWasThere) {
  Log log;
  log.grow(10);
  log.save_and_trim();
  for (const char* id : {"words/2", "words/1", "words/2"}) {
    log.close();
    log.embedder = std::make_unique<testing::WordEmbedder>(id);
    ASSERT_TRUE(log.open().ok());
    log.grow(10);
    log.save_and_trim();
    EXPECT_EQ(log.changes(), 2) << id;
    EXPECT_TRUE(log.memory->check_integrity().ok()) << id;
  }
}

TEST(ChangeTrimmer, NeedsNoLogWithoutAFolderOfSnapshots) {
  Log log;
  log.grow(10);
  log.close();
  log.keeps_snapshots = false;
  ASSERT_TRUE(log.open().ok());
  log.simulation.run_ready();
  EXPECT_EQ(log.changes(), 1);
}

}  // namespace
}  // namespace mnema

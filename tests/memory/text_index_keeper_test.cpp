#include "memory/text_index_keeper.hpp"

#include <gtest/gtest.h>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Opened;
using Texts = std::vector<std::string>;

// SQLite cannot undo a table of words together with rows in it: a turn that failed took its whole commit group along.
TEST(Words, OfANewTenantHarmNobodyWhenTheirUnitFails) {
  Opened fixture;
  fixture.execute("CREATE TABLE notes (text TEXT)");
  Executor& loop = fixture.simulation.lane("loop");
  std::vector<bool> ok;
  const auto on_done = [&](const Result<int>& done) { ok.push_back(done.ok()); };
  const auto note = [](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(transaction.connection().execute("INSERT INTO notes VALUES ('kept')"));
    return 0;
  };
  const auto remember = [&](const std::string& tenant, bool then_fail) {
    return [&fixture, tenant, then_fail](Transaction& transaction) -> Result<int> {
      Episode episode;
      episode.scope = {tenant, "", "", "chat"};
      episode.text = "the ferry to Oslo leaves at noon";
      RETURN_IF_ERROR(fixture.memory->append_episode(transaction, episode).ok() ? Status() : Status(Error{}));
      if (then_fail) return fail(ErrorCode::kAborted, "the turn lost");
      return 0;
    };
  };
  // One group, and then one for the table: with a failing unit of the same tenant right behind each.
  for (int round = 0; round < 2; ++round) {
    fixture.database->write<int>(WritePriority::kForeground, note, loop, on_done);
    fixture.database->write<int>(WritePriority::kForeground, remember("acme", true), loop, on_done);
    fixture.database->write<int>(WritePriority::kForeground, remember("acme", round == 0), loop, on_done);
    fixture.database->write<int>(WritePriority::kForeground, remember("acme", true), loop, on_done);
    fixture.database->write<int>(WritePriority::kForeground, note, loop, on_done);
    while (ok.size() < 5U * static_cast<std::size_t>(round + 1)) ASSERT_TRUE(fixture.simulation.run_one());
    fixture.database->write<int>(WritePriority::kBackground, remember("other " + std::to_string(round), true), loop,
                                 [](const Result<int>&) {});
  }
  EXPECT_EQ(ok, (std::vector<bool>{true, false, false, false, true, true, false, true, false, true}));
  EXPECT_EQ(fixture.number("SELECT count(*) FROM notes"), 4);
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.recalled("ferry to Oslo", {"acme", "", "", "chat"}).size(), 1U);
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(Words, OfATenantsFirstRowsComeAlsoAfterACrashBeforeTheirTable) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Opened fixture(seed);
    fixture.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
    for (const char* text : {"the ferry to Oslo leaves at noon", "bread needs flour"}) fixture.remember(text);
    for (std::uint64_t steps = fixture.simulation.random().below(12); steps > 0; --steps) fixture.simulation.run_one();
    fixture.crash();
    ASSERT_TRUE(fixture.open().ok());
    fixture.simulation.run_for(std::chrono::milliseconds(1));
    const Texts found = fixture.recalled("ferry to Oslo");
    ASSERT_FALSE(found.empty()) << "seed " << seed;
    EXPECT_EQ(found[0], "the ferry to Oslo leaves at noon") << "seed " << seed;
    EXPECT_EQ(fixture.number("SELECT count(*) FROM memory_text_1"), 2) << "seed " << seed;
    EXPECT_TRUE(fixture.memory->check_integrity().ok()) << "seed " << seed;
  }
}

TEST(Words, AreMadeAgainInAnotherLanguage) {
  Opened fixture;
  fixture.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
  for (int i = 0; i < 100; ++i) fixture.remember("number " + std::to_string(i));  // more than one slice
  fixture.remember("viele Häuser");
  EXPECT_TRUE(fixture.recalled("Haus").empty());
  fixture.close();
  fixture.language = "german";
  ASSERT_TRUE(fixture.open().ok());
  fixture.simulation.run_ready();
  const Texts found = fixture.recalled("Haus");
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0], "viele Häuser");
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
  fixture.close();
  fixture.language = "klingon";
  EXPECT_EQ(fixture.open().error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema

#include "memory/text_index_keeper.hpp"

#include <gtest/gtest.h>

#include "tests/memory/world.hpp"

namespace mnema {
namespace {

using testing::Opened;
using Texts = std::vector<std::string>;

// SQLite cannot undo a table of words together with rows in it: a turn that failed took its whole commit group along.
TEST(Words, OfANewTenantHarmNobodyWhenTheirUnitFails) {
  Opened world;
  world.execute("CREATE TABLE notes (text TEXT)");
  Executor& loop = world.simulation.lane("loop");
  std::vector<bool> ok;
  const auto on_done = [&](const Result<int>& done) { ok.push_back(done.ok()); };
  const auto note = [](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(transaction.connection().execute("INSERT INTO notes VALUES ('kept')"));
    return 0;
  };
  const auto remember = [&](const std::string& tenant, bool then_fail) {
    return [&world, tenant, then_fail](Transaction& transaction) -> Result<int> {
      Episode episode;
      episode.scope = {tenant, "", "", "chat"};
      episode.text = "the ferry to Oslo leaves at noon";
      RETURN_IF_ERROR(world.memory->append_episode(transaction, episode).ok() ? Status() : Status(Error{}));
      if (then_fail) return fail(ErrorCode::kAborted, "the turn lost");
      return 0;
    };
  };
  // One group, and then one for the table: with a failing unit of the same tenant right behind each.
  for (int round = 0; round < 2; ++round) {
    world.database->write<int>(WritePriority::kForeground, note, loop, on_done);
    world.database->write<int>(WritePriority::kForeground, remember("acme", true), loop, on_done);
    world.database->write<int>(WritePriority::kForeground, remember("acme", round == 0), loop, on_done);
    world.database->write<int>(WritePriority::kForeground, remember("acme", true), loop, on_done);
    world.database->write<int>(WritePriority::kForeground, note, loop, on_done);
    while (ok.size() < 5U * static_cast<std::size_t>(round + 1)) ASSERT_TRUE(world.simulation.run_one());
    world.database->write<int>(WritePriority::kBackground, remember("other " + std::to_string(round), true), loop,
                               [](const Result<int>&) {});
  }
  EXPECT_EQ(ok, (std::vector<bool>{true, false, false, false, true, true, false, true, false, true}));
  EXPECT_EQ(world.number("SELECT count(*) FROM notes"), 4);
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_EQ(world.recalled("ferry to Oslo", {"acme", "", "", "chat"}).size(), 1U);
  EXPECT_TRUE(world.memory->check_integrity().ok());
}

TEST(Words, OfATenantsFirstRowsComeAlsoAfterACrashBeforeTheirTable) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Opened world(seed);
    world.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
    for (const char* text : {"the ferry to Oslo leaves at noon", "bread needs flour"}) world.remember(text);
    for (std::uint64_t steps = world.simulation.random().below(12); steps > 0; --steps) world.simulation.run_one();
    world.crash();
    ASSERT_TRUE(world.open().ok());
    world.simulation.run_for(std::chrono::milliseconds(1));
    EXPECT_EQ(world.recalled("ferry to Oslo").size(), 1U) << "seed " << seed;
    EXPECT_EQ(world.number("SELECT count(*) FROM memory_text_1"), 2) << "seed " << seed;
    EXPECT_TRUE(world.memory->check_integrity().ok()) << "seed " << seed;
  }
}

TEST(Words, AreMadeAgainInAnotherLanguage) {
  Opened world;
  world.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
  for (int i = 0; i < 100; ++i) world.remember("number " + std::to_string(i));  // more than one slice
  world.remember("viele Häuser");
  EXPECT_TRUE(world.recalled("Haus").empty());
  world.close();
  world.language = "german";
  ASSERT_TRUE(world.open().ok());
  world.simulation.run_ready();
  EXPECT_EQ(world.recalled("Haus"), Texts{"viele Häuser"});
  EXPECT_TRUE(world.memory->check_integrity().ok());
  world.close();
  world.language = "klingon";
  EXPECT_EQ(world.open().error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <future>

#include "cli/exit_code.hpp"
#include "cli/memory_command.hpp"
#include "memory/no_embedder.hpp"
#include "memory/store.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

using testing::CommandRun;
using testing::TemporaryFolder;

/// A data folder in which three refunds went well.
void fill(const std::string& folder) {
  SystemClock clock;
  SystemRandom random;
  ThreadPoolExecutor store{"store", 1}, background{"background", 1};
  NoEmbedder embedder;
  Database::Options options;
  options.path = folder + "/mnema.db";
  auto database = Database::open(std::move(options), memory_migrations(), store, clock);
  ASSERT_TRUE(database.ok());
  auto memory = MemoryStore::open(**database, embedder, {background, background}, clock, random, {});
  ASSERT_TRUE(memory.ok());
  for (const char* text : {"Refund order A-1", "Refund order A-2", "Refund order A-3"}) {
    TaskRun run;
    run.owner = {"local", "clerk", "anna", ""};
    run.thread = "talk";
    run.event_type = "chat.message";
    run.text = text;
    run.trust = Trust::kUser;
    run.steps = {{"refund", {{"order_id", ArgumentOrigin::kTask, ""}}}};
    run.succeeded = true;
    const Result<bool> written = (*database)->write_and_wait<bool>([&](Transaction& transaction) -> Result<bool> {
      RETURN_IF_ERROR((*memory)->append_task_run(transaction, run));
      return true;
    });
    ASSERT_TRUE(written.ok());
  }
  std::promise<Status> done;
  (*memory)->when_consolidated(background, [&](const Status& status) { done.set_value(status); });
  ASSERT_TRUE(done.get_future().get().ok());
  (*memory)->close();
  background.stop();
  memory->reset();
  (*database)->close();
  store.stop();
}

CommandRun run_memory(std::vector<std::string> arguments, const std::string& folder) {
  return testing::run_command(add_memory_command, "memory", std::move(arguments), folder);
}

TEST(MemoryProcedures, AreListedShownDemotedRestoredCorrectedAndForgotten) {
  const TemporaryFolder folder;
  fill(folder.path());
  EXPECT_EQ(run_memory({"procedures"}, folder.path()).out,
            "1  active  clerk · chat.message: refund(order_id)  [learned from 3 runs; shown: 0 well, 0 failures]\n");
  const CommandRun shown = run_memory({"procedures", "show", "1"}, folder.path());
  EXPECT_NE(shown.out.find("\n  First call refund (order_id = from the request).\n"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("learned from 3 runs\n"), std::string::npos) << shown.out;

  EXPECT_EQ(run_memory({"procedures", "demote", "1"}, folder.path()).out, "procedure 1 is not shown any more\n");
  EXPECT_EQ(run_memory({"procedures"}, folder.path()).out.substr(0, 10), "1  demoted");
  EXPECT_EQ(run_memory({"procedures", "restore", "1"}, folder.path()).out, "procedure 1 is shown again\n");
  const CommandRun again = run_memory({"procedures", "restore", "1"}, folder.path());
  EXPECT_EQ(again.exit_code, kExitUsage);
  EXPECT_NE(again.err.find("procedure 1 is not demoted: it is active"), std::string::npos) << again.err;
  const CommandRun of_others = run_memory({"procedures", "forget", "1", "--tenant", "other"}, folder.path());
  EXPECT_EQ(of_others.exit_code, kExitUsage);
  EXPECT_NE(of_others.err.find("memory has no procedure 1"), std::string::npos) << of_others.err;
  EXPECT_EQ(run_memory({"procedures", "edit", "1", "--words", "Ask a person."}, folder.path()).exit_code, kExitOk);
  const CommandRun json = run_memory({"procedures", "show", "1", "--json"}, folder.path());
  const boost::json::value value = boost::json::parse(json.out);
  EXPECT_EQ(value.at("text").as_string(), "Ask a person.");
  EXPECT_EQ(value.at("history").as_array().size(), 4U);
  EXPECT_EQ(run_memory({"procedures", "forget", "1"}, folder.path()).exit_code, kExitOk);
  EXPECT_EQ(run_memory({"procedures"}, folder.path()).out, "no procedures\n");
  EXPECT_EQ(run_memory({"procedures", "show", "1"}, folder.path()).exit_code, kExitUsage);
}

TEST(MemoryBlocks, AreMadeChangedAndPutBack) {
  const TemporaryFolder folder;
  fill(folder.path());
  const auto blocks = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "blocks");
    return run_memory(std::move(arguments), folder.path());
  };
  ASSERT_EQ(blocks({"set", "persona", "--agent", "clerk", "--text", "You are kind."}).exit_code, kExitOk);
  ASSERT_EQ(blocks({"append", "persona", "--agent", "clerk", "--text", "You are brief."}).exit_code, kExitOk);
  const std::string listed = blocks({}).out;
  EXPECT_NE(listed.find("clerk · persona (version 2, "), std::string::npos) << listed;
  EXPECT_NE(listed.find("  You are kind.\n  You are brief.\n"), std::string::npos) << listed;
  const CommandRun stale = blocks({"set", "persona", "--agent", "clerk", "--text", "x", "--version", "1"});
  EXPECT_EQ(stale.exit_code, kExitFailed);
  EXPECT_NE(stale.err.find("read it again"), std::string::npos) << stale.err;
  EXPECT_EQ(blocks({"restore", "persona", "--agent", "clerk", "--to", "1", "--version", "2"}).exit_code, kExitOk);
  EXPECT_EQ(boost::json::parse(blocks({"history", "persona", "--agent", "clerk", "--json"}).out).as_array().size(), 3U);
  const CommandRun large = blocks({"set", "persona", "--agent", "clerk", "--text", std::string(5'000, 'x')});
  EXPECT_NE(large.err.find("block 'persona' would have 5000 bytes; it takes 1000"), std::string::npos) << large.err;
  EXPECT_EQ(blocks({"remove", "persona", "--agent", "clerk"}).exit_code, kExitOk);
  EXPECT_EQ(blocks({}).out, "no blocks\n");
}

TEST(MemoryBlocks, HaveTheBoundsOfTheConfiguration) {
  const TemporaryFolder folder;
  fill(folder.path());
  std::ofstream(folder.path() + "/mnema.toml") << "[limits]\nblock_bytes_max = 20\n";
  const CommandRun large = run_memory({"blocks", "set", "persona", "--agent", "clerk", "--text", std::string(21, 'x'),
                                       "--config", folder.path() + "/mnema.toml"},
                                      folder.path());
  EXPECT_NE(large.err.find("it takes 20"), std::string::npos) << large.err;
}

TEST(MemorySources, SayWhenThereAreNone) {
  const TemporaryFolder folder;
  fill(folder.path());
  EXPECT_EQ(run_memory({"sources"}, folder.path()).out, "no sources\n");
  EXPECT_EQ(run_memory({"sources", "--json"}, folder.path()).out, "[]\n");
}

}  // namespace
}  // namespace mnema

#include "cli/memory_command.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <future>

#include "cli/exit_code.hpp"
#include "memory/no_embedder.hpp"
#include "memory/store.hpp"
#include "memory/vector_store.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

using testing::CommandRun;
using testing::TemporaryFolder;

/// Memory of a real data folder, as `serve` has it open.
class Server {
 public:
  explicit Server(const std::string& folder) {
    Database::Options options;
    options.path = folder + "/mnema.db";
    database_ = std::move(Database::open(std::move(options), memory_migrations(), store_, clock_).value());
    memory_ =
        std::move(MemoryStore::open(*database_, embedder_, {background_, background_}, clock_, random_, {}).value());
  }
  ~Server() {
    memory_->close();
    background_.stop();
    memory_.reset();
    database_->close();
    store_.stop();
  }
  void say(const std::string& user, const std::string& text, int day_of_2025) {
    Episode episode;
    episode.scope = {"local", "bot", user, ""};
    episode.thread = "talk of " + user;
    episode.role = "user";
    episode.text = text;
    episode.time =
        Time(std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)) + std::chrono::hours(24 * day_of_2025 + 12);
    episode.trust = Trust::kUser;
    const Result<EpisodeId> said = database_->write_and_wait<EpisodeId>(
        [&](Transaction& transaction) { return memory_->append_episode(transaction, episode); });
    ASSERT_TRUE(said.ok());
    std::promise<Status> done;
    memory_->when_consolidated(background_, [&](const Status& status) { done.set_value(status); });
    ASSERT_TRUE(done.get_future().get().ok());
  }

  void note_embedder(const std::string& id) {
    const Result<bool> noted = database_->write_and_wait<bool>([&](Transaction& transaction) -> Result<bool> {
      RETURN_IF_ERROR(vector_store::set_present_embedder(transaction, id));
      return true;
    });
    ASSERT_TRUE(noted.ok()) << noted.error().text();
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  ThreadPoolExecutor store_{"store", 1};
  ThreadPoolExecutor background_{"background", 1};
  NoEmbedder embedder_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<MemoryStore> memory_;
};

CommandRun run_memory(std::vector<std::string> arguments, const std::string& folder) {
  return testing::run_command(add_memory_command, "memory", std::move(arguments), folder);
}

TEST(MemoryCommand, ShowsBesideARunningServerWhatIsKnownAndWhatWas) {
  const TemporaryFolder folder;
  Server server(folder.path());
  server.say("anna", "I live in Hamburg.", 1);
  server.say("anna", "I moved to Lisbon.", 60);
  server.say("bert", "I live in Oslo.", 61);

  const CommandRun now = run_memory({"facts", "--user", "anna"}, folder.path());
  EXPECT_EQ(now.exit_code, kExitOk) << now.err;
  EXPECT_EQ(now.out, "user · location: Lisbon (since 2025-03-02)  [episode 2, of anna]\n");
  const CommandRun then = run_memory({"facts", "--user", "anna", "--as-of", "2025-01-20"}, folder.path());
  EXPECT_EQ(then.out, "user · location: Hamburg (since 2025-01-02, until 2025-03-02)  [episode 1, of anna]\n");
  const CommandRun believed = run_memory(
      {"facts", "--user", "anna", "--as-of", "2025-12-01", "--known", "2025-02-01", "--json"}, folder.path());
  const boost::json::value fact = boost::json::parse(believed.out).at(0);
  EXPECT_EQ(fact.at("object").as_string(), "Hamburg") << "nobody had told of the move";
  EXPECT_TRUE(fact.at("known_to").as_string().starts_with("2025-03-02"));
  const CommandRun all = run_memory({"facts"}, folder.path());
  EXPECT_NE(all.out.find("Oslo"), std::string::npos) << all.out;
  EXPECT_EQ(run_memory({"facts", "--tenant", "other"}, folder.path()).out, "no facts\n");
}

TEST(MemoryCommand, ListsWhatCannotBeDecided) {
  const TemporaryFolder folder;
  Server server(folder.path());
  server.say("anna", "I moved to Lisbon in January.", 50);
  EXPECT_EQ(run_memory({"conflicts"}, folder.path()).out, "no conflicts\n");
  server.say("anna", "I moved to Porto in January.", 51);
  const CommandRun found = run_memory({"conflicts"}, folder.path());
  EXPECT_EQ(found.out,
            "user · location: Lisbon (since 2025-01-01) [episode 1], or Porto (since 2025-01-01) [episode 2]\n");
  const boost::json::value json = boost::json::parse(run_memory({"conflicts", "--json"}, folder.path()).out);
  EXPECT_EQ(json.at(0).at("second").at("object").as_string(), "Porto");
}

TEST(MemoryCommand, ComparesNoVectorsThatWereMadeAnotherWayThanItMakesThem) {
  const TemporaryFolder folder;
  {
    Server server(folder.path());
    server.say("anna", "I live in Hamburg.", 1);
    server.note_embedder("all-minilm-l6-v2/mean/1");
  }
  const CommandRun found = run_memory({"search", "Who lives in Hamburg?", "--user", "anna"}, folder.path());
  EXPECT_EQ(found.exit_code, kExitOk) << found.err;
  EXPECT_NE(found.err.find("all-minilm-l6-v2/mean/1"), std::string::npos) << found.err;
}

TEST(MemoryCommand, SaysWhatIsWrongWithItsArguments) {
  const TemporaryFolder folder;
  const CommandRun nothing = run_memory({"facts"}, folder.path());
  EXPECT_EQ(nothing.exit_code, kExitUsage);
  EXPECT_NE(nothing.err.find("mnema.db"), std::string::npos) << nothing.err;
  const CommandRun no_time = run_memory({"facts", "--as-of", "yesterday"}, folder.path());
  EXPECT_EQ(no_time.exit_code, kExitUsage);
  EXPECT_NE(no_time.err.find("yesterday"), std::string::npos) << no_time.err;
}

}  // namespace
}  // namespace mnema

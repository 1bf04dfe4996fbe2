#include "cli/memory/memory_routes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "agents/host_harness.hpp"
#include "cli/exit_code.hpp"
#include "cli/memory_command.hpp"
#include "tests/cli/command_run.hpp"

// `mnema memory` on the folder of a whole program that serves, and of one that does not any more.

namespace mnema {
namespace {

namespace json = boost::json;
using testing::CommandRun;
using testing::event_for;
using testing::HostHarness;

constexpr const char* kSecret = "xylophonesecret";

/// Remembers what its events say, for their user, and answers by a message.
task<Outcome> listen(Ctx& ctx, Event event) {
  Episode said;
  said.role = "user";
  said.text = event.data;
  ctx.remember(std::move(said));
  co_return done();
}

HostHarness::Options listening() {
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("listener", listen).remembers(MemoryReach::kUser); };
  return options;
}

class MemoryRoutesTest : public ::testing::Test {
 protected:
  MemoryRoutesTest() : harness_(listening()), data_(harness_.folder() + "/data") {}
  void SetUp() override { ASSERT_TRUE(harness_.start().ok()); }

  CommandRun run(std::vector<std::string> arguments) { return run_on(data_, std::move(arguments)); }
  static CommandRun run_on(const std::string& folder, std::vector<std::string> arguments) {
    return testing::run_command(add_memory_command, "memory", std::move(arguments), folder);
  }
  std::string all_bytes() const {
    std::string bytes;
    for (const auto& file : std::filesystem::recursive_directory_iterator(data_)) {
      if (!file.is_regular_file()) continue;
      std::stringstream one;
      one << std::ifstream(file.path(), std::ios::binary).rdbuf();
      bytes += one.str();
    }
    return bytes;
  }

  HostHarness harness_;
  const std::string data_;
};

TEST_F(MemoryRoutesTest, ChangesBlocksAndProceduresBesideAServerAndWithoutOneAlike) {
  for (const bool serves : {true, false}) {
    SCOPED_TRACE(serves ? "beside a server" : "without one");
    if (!serves) harness_.stop();
    const CommandRun made = run({"blocks", "set", "notes", "--agent", "listener", "--text", "Likes tea."});
    ASSERT_EQ(made.exit_code, kExitOk) << made.err;
    EXPECT_EQ(made.out, "block notes is changed\n");
    EXPECT_NE(run({"blocks"}).out.find("  Likes tea.\n"), std::string::npos);
    const CommandRun stale =
        run({"blocks", "append", "notes", "--agent", "listener", "--text", "x", "--version", "99"});
    EXPECT_EQ(stale.exit_code, kExitFailed);
    EXPECT_NE(stale.err.find("read it again"), std::string::npos) << stale.err;
    EXPECT_EQ(run({"blocks", "remove", "notes", "--agent", "listener"}).exit_code, kExitOk);
    EXPECT_EQ(run({"blocks"}).out, "no blocks\n");
    EXPECT_EQ(run({"procedures"}).out, "no procedures\n");
    const CommandRun none = run({"procedures", "forget", "5"});
    EXPECT_EQ(none.exit_code, kExitUsage);
    EXPECT_NE(none.err.find("memory has no procedure 5"), std::string::npos) << none.err;
    EXPECT_EQ(run({"sources"}).out, "no sources\n");
  }
}

TEST_F(MemoryRoutesTest, AddsSearchesExplainsAndErasesBesideAServerAndWithoutOneAlike) {
  for (const bool serves : {true, false}) {
    SCOPED_TRACE(serves ? "beside a server" : "without one");
    if (!serves) harness_.stop();
    const CommandRun added = run({"add", "The kettle of anna is copper.", "--user", "anna", "--json"});
    ASSERT_EQ(added.exit_code, kExitOk) << added.err;
    const std::string id = std::to_string(added.json().at("id").to_number<std::int64_t>());
    const CommandRun found = run({"search", "Which kettle is copper?", "--user", "anna", "--json"});
    ASSERT_EQ(found.exit_code, kExitOk) << found.err;
    ASSERT_FALSE(found.json().at("data").as_array().empty()) << found.out;
    EXPECT_EQ(found.json().at("data").at(0).at("text").as_string(), "The kettle of anna is copper.");
    EXPECT_TRUE(
        run({"search", "Which kettle is copper?", "--user", "bert", "--json"}).json().at("data").as_array().empty());
    const CommandRun explained = run({"explain", "Which kettle is copper?", "--user", "anna"});
    EXPECT_NE(explained.out.find("rank by vector"), std::string::npos) << explained.out;
    const CommandRun dry = run({"erase", "--user", "anna", "--dry-run"});
    EXPECT_EQ(dry.out, "would erase: 1 episodes\n") << dry.err;
    const CommandRun one = run({"erase", "--entry", id, "--yes", "--json"});
    ASSERT_EQ(one.exit_code, kExitOk) << one.err;
    EXPECT_FALSE(one.json().at("finished").is_null());
    EXPECT_EQ(one.json().at("counts").at("episodes").to_number<int>(), 1);
    const CommandRun gone = run({"erase", "--entry", id, "--yes"});
    EXPECT_EQ(gone.exit_code, kExitUsage);
    EXPECT_NE(gone.err.find("mnema memory search"), std::string::npos) << gone.err;
    const CommandRun verified = run({"verify"});
    EXPECT_EQ(verified.exit_code, kExitOk) << verified.out << verified.err;
    EXPECT_NE(verified.out.find("ok    local"), std::string::npos) << verified.out;
    EXPECT_EQ(run({"rebuild"}).exit_code, kExitOk);
  }
}

TEST_F(MemoryRoutesTest, ErasesWhatAUsersEventsLeftEverywhereInTheFolder) {
  Event event = event_for("listener", "k1", std::string("I live in ") + kSecret + ".");
  event.user = "anna";
  ASSERT_EQ(*harness_.handle(event), TurnEnd::kDone);
  EXPECT_NE(all_bytes().find(kSecret), std::string::npos);
  const CommandRun erased = run({"erase", "--user", "anna", "--yes", "--json"});
  ASSERT_EQ(erased.exit_code, kExitOk) << erased.err;
  EXPECT_FALSE(erased.json().at("finished").is_null());
  EXPECT_TRUE(erased.json().at("pending").as_array().empty());
  EXPECT_EQ(all_bytes().find(kSecret), std::string::npos) << erased.out;
  const CommandRun listed = run({"erase", "--list"});
  EXPECT_NE(listed.out.find("user 'anna'"), std::string::npos) << listed.out;
}

TEST_F(MemoryRoutesTest, RefusesToEraseWithoutANameOrAnAnswer) {
  const CommandRun nobody = run({"erase", "--yes"});
  EXPECT_EQ(nobody.exit_code, kExitUsage);
  EXPECT_NE(nobody.err.find("--user"), std::string::npos) << nobody.err;
  ASSERT_EQ(run({"add", "A lantern glows.", "--user", "anna"}).exit_code, kExitOk);
  const CommandRun unasked = run({"erase", "--user", "anna"});
  EXPECT_EQ(unasked.exit_code, kExitUsage);
  EXPECT_NE(unasked.err.find("--yes"), std::string::npos) << unasked.err;
  EXPECT_FALSE(run({"search", "What glows?", "--user", "anna", "--json"}).json().at("data").as_array().empty());
}

TEST_F(MemoryRoutesTest, ExportsBesideAServerAndImportsIntoAnotherFolderTheSame) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(run({"add", "Number " + std::to_string(i) + " is on the list.", "--user", "anna"}).exit_code, kExitOk);
  }
  const std::string file = harness_.folder() + "/memory.ndjson";
  const CommandRun exported = run({"export", "--file", file, "--json"});
  ASSERT_EQ(exported.exit_code, kExitOk) << exported.err;
  EXPECT_EQ(exported.json().at("lines").at("episode").to_number<int>(), 50);
  const CommandRun again = run({"import", file, "--json"});
  EXPECT_EQ(again.exit_code, kExitOk) << again.err;
  EXPECT_EQ(again.json().at("duplicates").to_number<int>(), 50);

  HostHarness other(listening());
  ASSERT_TRUE(other.start().ok());
  const CommandRun moved = run_on(other.folder() + "/data", {"import", file, "--json"});
  EXPECT_EQ(moved.exit_code, kExitOk) << moved.out;
  EXPECT_EQ(moved.json().at("imported").at("episode").to_number<int>(), 50);

  std::ofstream(file, std::ios::app) << "";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 30);
  const CommandRun cut = run({"import", file});
  EXPECT_EQ(cut.exit_code, kExitFailed) << "a file that was cut off is noticed";
  EXPECT_NE(cut.err.find("ends early"), std::string::npos) << cut.err;
}

TEST_F(MemoryRoutesTest, WorksBesideABusyServerWithoutALockedDatabase) {
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    for (int i = 0; !stop; ++i) (void)harness_.handle(event_for("listener", "k" + std::to_string(i), "A busy day."));
  });
  for (int i = 0; i < 20; ++i) {
    const CommandRun added = run({"add", "Note " + std::to_string(i), "--user", "anna"});
    EXPECT_EQ(added.exit_code, kExitOk) << added.err;
    EXPECT_EQ(added.err.find("locked"), std::string::npos) << added.err;
    EXPECT_EQ(run({"facts"}).exit_code, kExitOk);
  }
  stop = true;
  busy.join();
  EXPECT_EQ(run({"verify"}).exit_code, kExitOk);
}

}  // namespace
}  // namespace mnema

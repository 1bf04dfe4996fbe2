#include "connectors/secrets_store.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SecretsStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/mnema_secret_XXXXXX";
    int descriptor = mkstemp(pattern);
    ASSERT_GE(descriptor, 0);
    close(descriptor);
    path_ = pattern;
  }
  void TearDown() override { std::remove(path_.c_str()); }

  void write(const std::string& text) {
    std::string fresh = path_ + ".new";
    std::ofstream(fresh) << text;
    ASSERT_EQ(std::rename(fresh.c_str(), path_.c_str()), 0);  // as secret managers do it
  }
  std::string read(const std::string& reference) {
    auto secret = store_.get(*SecretReference::parse(reference));
    return secret.ok() ? std::string(secret->reveal()) : secret.error().text();
  }

  std::string path_;
  Simulation simulation_{1};
  SecretsStore store_{simulation_.clock()};
};

TEST_F(SecretsStoreTest, ReadsEnvironmentFileAndCommand) {
  ASSERT_EQ(setenv("MNEMA_TEST_SECRET", "from-env", 1), 0);
  EXPECT_EQ(read("env:MNEMA_TEST_SECRET"), "from-env");
  write("from-file\n");
  EXPECT_EQ(read("file:" + path_), "from-file");
  EXPECT_EQ(read("command:printf 'from-%s' command"), "from-command");
}

TEST_F(SecretsStoreTest, TakesARotatedFileWithoutARestart) {
  write("old");
  EXPECT_EQ(read("file:" + path_), "old");
  write("new!");
  EXPECT_EQ(read("file:" + path_), "old");  // not looked at again yet
  simulation_.run_for(seconds(6));
  EXPECT_EQ(read("file:" + path_), "new!");
}

TEST_F(SecretsStoreTest, ReadsACommandAgainByEachRefusalThatComesAWhileLater) {
  const std::string count = path_ + ".count";
  const auto reference = *SecretReference::parse("command:echo x >> " + count + "; cat " + path_);
  const auto runs = [&] {
    std::ifstream file(count);
    return std::count(std::istreambuf_iterator<char>(file), {}, 'x');
  };
  write("old");
  const Secret refused = *store_.get(reference);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(store_.refresh_after_refusal(reference, refused));
  EXPECT_EQ(runs(), 2) << "refusals in a row are one";
  simulation_.run_for(seconds(6));
  EXPECT_FALSE(store_.refresh_after_refusal(reference, refused));
  write("new!");  // only now, after two refusals
  simulation_.run_for(seconds(6));
  EXPECT_TRUE(store_.refresh_after_refusal(reference, refused));
  EXPECT_EQ(runs(), 4);
  EXPECT_EQ(read(reference.text()), "new!");
  std::remove(count.c_str());
}

TEST_F(SecretsStoreTest, ReadsAgainOnceAfterARefusal) {
  auto reference = *SecretReference::parse("file:" + path_);
  write("old");
  Secret refused = *store_.get(reference);
  EXPECT_FALSE(store_.refresh_after_refusal(reference, refused));  // nothing new: no use repeating
  write("new!");
  EXPECT_FALSE(store_.refresh_after_refusal(reference, refused));  // not again at once
  simulation_.run_for(seconds(6));
  EXPECT_EQ(read("file:" + path_), "new!");
  EXPECT_TRUE(store_.refresh_after_refusal(reference, refused));  // somebody has it already
}

TEST_F(SecretsStoreTest, ReReadsAtOnceWhenTheFileWasRotatedBeforeTheRefusal) {
  auto reference = *SecretReference::parse("file:" + path_);
  write("old");
  Secret refused = *store_.get(reference);
  write("new!");
  EXPECT_TRUE(store_.refresh_after_refusal(reference, refused));
  EXPECT_EQ(read("file:" + path_), "new!");
}

TEST_F(SecretsStoreTest, KeepsTheOldSecretWhileItsFileIsAway) {
  write("old");
  EXPECT_EQ(read("file:" + path_), "old");
  std::remove(path_.c_str());
  simulation_.run_for(seconds(6));
  EXPECT_EQ(read("file:" + path_), "old");
}

TEST_F(SecretsStoreTest, SaysWhatIsMissingAndWhatToDo) {
  auto variable = store_.get(*SecretReference::parse("env:MNEMA_NOT_SET"));
  ASSERT_FALSE(variable.ok());
  EXPECT_NE(variable.error().text().find("MNEMA_NOT_SET"), std::string::npos);
  auto file = store_.get(*SecretReference::parse("file:/nonexistent/secret"));
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  auto command = store_.get(*SecretReference::parse("command:exit 3"));
  ASSERT_FALSE(command.ok());
  write("");
  auto empty = store_.get(*SecretReference::parse("file:" + path_));
  ASSERT_FALSE(empty.ok());
  EXPECT_NE(empty.error().text().find("empty"), std::string::npos);
}

TEST_F(SecretsStoreTest, ReadsAnUnreadableSecretOnceInAWhileHoweverOftenItIsAskedFor) {
  const std::string count = path_ + ".count";
  const std::string command = "command:echo x >> " + count + "; exit 1";
  auto runs = [&] {
    std::ifstream file(count);
    return std::count(std::istreambuf_iterator<char>(file), {}, 'x');
  };
  for (int i = 0; i < 20; ++i) EXPECT_NE(read(command).find("ended with status"), std::string::npos);
  EXPECT_EQ(runs(), 1);
  simulation_.run_for(seconds(6));
  for (int i = 0; i < 20; ++i) read(command);
  EXPECT_EQ(runs(), 2);
  std::remove(count.c_str());
}

TEST_F(SecretsStoreTest, SaysWhatItKnowsWithoutReading) {
  auto reference = *SecretReference::parse("file:" + path_);
  EXPECT_FALSE(store_.peek(reference).secret.has_value());
  write("old");
  read("file:" + path_);
  write("new!");
  simulation_.run_for(seconds(6));
  SecretsStore::Known known = store_.peek(reference);
  ASSERT_TRUE(known.secret.has_value());
  EXPECT_EQ((*known.secret)->reveal(), "old");
  EXPECT_TRUE(known.due) << "somebody should look at the file";
  EXPECT_FALSE(store_.peek(reference).due) << "but not everybody";
  read("file:" + path_);
  EXPECT_EQ((*store_.peek(reference).secret)->reveal(), "new!");
}

TEST_F(SecretsStoreTest, RemembersForAWhileThatASecretCannotBeRead) {
  auto reference = *SecretReference::parse("file:/nonexistent/secret");
  static_cast<void>(store_.get(reference));
  ASSERT_TRUE(store_.peek(reference).secret.has_value());
  EXPECT_FALSE(store_.peek(reference).secret->ok());
  simulation_.run_for(seconds(6));
  EXPECT_FALSE(store_.peek(reference).secret.has_value()) << "it may be there by now";
}

TEST_F(SecretsStoreTest, RefusesALiteralSecretWithoutRepeatingIt) {
  for (std::string_view literal : {"sk-live-1234567890", "env:", "hunter2", ""}) {
    auto reference = SecretReference::parse(literal);
    ASSERT_FALSE(reference.ok());
    if (!literal.empty()) {
      EXPECT_EQ(reference.error().text().find("sk-live-1234567890"), std::string::npos);
      EXPECT_EQ(reference.error().text().find("hunter2"), std::string::npos);
    }
  }
}

/// Commands take real time.
class SecretCommands : public SecretsStoreTest {
 protected:
  SecretsStore::Options bounded(Duration most) {
    SecretsStore::Options options;
    options.command_time_max = most;
    return options;
  }
  static SecretReference command(const std::string& line) { return *SecretReference::parse("command:" + line); }
  SystemClock clock_;
};

TEST_F(SecretCommands, MustEndInTimeHoweverSlowlyTheySpeakAndWhateverTheyClose) {
  SecretsStore store(clock_, bounded(milliseconds(200)));
  for (const char* line : {"while true; do printf x; sleep 0.05; done", "printf x; exec >&-; sleep 30"}) {
    const MonotonicTime start = clock_.monotonic_now();
    auto secret = store.get(command(line));
    ASSERT_FALSE(secret.ok()) << line;
    EXPECT_EQ(secret.error().code, ErrorCode::kDeadlineExceeded);
    EXPECT_TRUE(secret.error().retryable);
    EXPECT_LT(clock_.monotonic_now() - start, seconds(10)) << line;
  }
}

TEST_F(SecretCommands, TakeWithThemWhatTheyHaveStarted) {
  SecretsStore store(clock_, bounded(milliseconds(200)));
  ASSERT_FALSE(store.get(command("sleep 30 & echo $! > " + path_ + "; wait")).ok());
  pid_t grandchild = 0;
  std::ifstream(path_) >> grandchild;
  ASSERT_GT(grandchild, 0);
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    std::ifstream status("/proc/" + std::to_string(grandchild) + "/stat");
    std::string number, name, state;
    gone = !(status >> number >> name >> state) || state == "Z";
    if (!gone) usleep(20'000);
  }
  EXPECT_TRUE(gone);
}

TEST_F(SecretCommands, HoldUpNobodyWhoNeedsAnotherSecret) {
  SecretsStore store(clock_, bounded(seconds(20)));
  ASSERT_EQ(setenv("MNEMA_TEST_SECRET", "from-env", 1), 0);
  // Ends only when the other secret has been got.
  std::thread slow([&] {
    EXPECT_EQ(store.get(command("until [ -s " + path_ + " ]; do sleep 0.01; done; printf ok"))->reveal(), "ok");
  });
  usleep(50'000);
  EXPECT_TRUE(store.get(*SecretReference::parse("env:MNEMA_TEST_SECRET")).ok());
  write("go on");
  slow.join();
}

TEST_F(SecretCommands, RunOnceForAllWhoWaitForThem) {
  SecretsStore store(clock_, bounded(seconds(20)));
  const SecretReference reference = command("echo run >> " + path_ + "; sleep 0.2; printf ok");
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(store.get(reference)->reveal(), "ok"); });
  }
  for (std::thread& caller : callers) caller.join();
  std::stringstream runs;
  runs << std::ifstream(path_).rdbuf();
  EXPECT_EQ(runs.str(), "run\n");
}

TEST_F(SecretsStoreTest, EndsACommandThatDoesNot) {
  SecretsStore::Options options;
  options.command_time_max = std::chrono::milliseconds(50);
  SecretsStore store(simulation_.clock(), options);
  auto secret = store.get(*SecretReference::parse("command:exec sleep 1000"));
  ASSERT_FALSE(secret.ok());
  EXPECT_EQ(secret.error().code, ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace mnema

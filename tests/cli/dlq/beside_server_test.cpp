#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agents/host_harness.hpp"
#include "agents/rest/admin_file.hpp"
#include "cli/dlq_command.hpp"
#include "cli/exit_code.hpp"
#include "runtime/store/folder_lock.hpp"
#include "runtime/store/private_file.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/runtime/log_capture.hpp"

// `mnema dlq` on the folder of a whole program that serves, and of one that does not any more.

namespace mnema {
namespace {

namespace fs = std::filesystem;
using testing::event_for;
using testing::HostHarness;

/// Fails for good, unless its payload was mended.
task<Outcome> picky(Ctx&, Event event) {
  if (event.data.find("mended") == std::string::npos) throw std::runtime_error("no such account");
  co_return done();
}

HostHarness::Options failing() {
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("picky", picky); };
  options.config.limits.attempts_max = 1;
  return options;
}

class DlqBesideServer : public ::testing::Test {
 protected:
  DlqBesideServer() : harness_(failing()), data_(harness_.folder() + "/data") {}

  void SetUp() override {
    ASSERT_TRUE(harness_.start().ok());
    for (const char* key : {"a", "b", "c"}) {
      ASSERT_EQ(*harness_.handle(event_for("picky", key, R"({"account": 7})")), TurnEnd::kDead);
    }
  }

  int run(std::vector<std::string> arguments) {
    testing::CommandRun run = testing::run_command(add_dlq_command, "dlq", std::move(arguments), data_);
    out = std::move(run.out);
    err = std::move(run.err);
    return run.exit_code;
  }
  [[nodiscard]] std::string admin_file() const { return admin_file_path(data_); }

  HostHarness harness_;
  const std::string data_;
  std::string out;
  std::string err;
};

TEST_F(DlqBesideServer, RedrivesAndDropsByTheServerAndSaysTheSameAsWithoutOne) {
  const std::string mended = harness_.folder() + "/mended.json";
  std::ofstream(mended) << R"({"account": "mended"})";
  ASSERT_EQ(run({"redrive", "event:1", "--edit", mended}), kExitOk) << err;
  const std::string redriven = out;
  ASSERT_TRUE(harness_.wait_for_turns(1).ok()) << "the server takes it up at once";
  ASSERT_EQ(run({"drop", "event:2", "--json"}), kExitOk) << err;
  const std::string dropped = out;
  EXPECT_EQ(run({"drop", "event:2"}), kExitUsage);
  const std::string missing = err;
  EXPECT_EQ(run({"redrive", "event:3", "--from-step", "first"}), kExitUsage);
  const std::string no_step = err;
  ASSERT_EQ(run({"list"}), kExitOk) << err;
  const std::string listed = out;
  EXPECT_NE(listed.find("event:3"), std::string::npos);
  EXPECT_EQ(listed.find("event:1 "), std::string::npos);

  harness_.stop();
  EXPECT_FALSE(fs::exists(admin_file())) << "it goes with the server";
  ASSERT_EQ(run({"list"}), kExitOk) << err;
  EXPECT_EQ(out, listed);
  EXPECT_EQ(run({"drop", "event:2"}), kExitUsage);
  EXPECT_EQ(err, missing);
  EXPECT_EQ(run({"redrive", "event:3", "--from-step", "first"}), kExitUsage);
  EXPECT_EQ(err, no_step);
  ASSERT_EQ(run({"redrive", "event:3", "--edit", mended}), kExitOk) << err;
  EXPECT_EQ(out, "event:3" + redriven.substr(redriven.find(':', 6)));
  EXPECT_EQ(dropped, "[\"event:2\"]\n");
}

TEST_F(DlqBesideServer, LeavesTheAddressAndItsTokenToTheFoldersOwnerAlone) {
  struct stat info = {};
  ASSERT_EQ(::stat(admin_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  const AdminFile file = read_admin_file(data_).value();
  EXPECT_NE(file.address, harness_.address()) << "a port of its own";
  EXPECT_GE(file.token.reveal().size(), 32U);
  const std::string token(file.token.reveal());
  ASSERT_TRUE(harness_.restart().ok());
  EXPECT_NE(read_admin_file(data_)->token.reveal(), token) << "valid for one process";
}

TEST_F(DlqBesideServer, WritesTheTokenIntoNoLog) {
  std::string logged;
  {
    testing::LogCapture capture;
    ASSERT_TRUE(harness_.restart().ok());
    ASSERT_EQ(run({"drop", "event:1"}), kExitOk) << err;
    EXPECT_EQ(run({"drop", "event:1"}), kExitUsage);
    for (const std::string& line : capture.with({})) logged += line + "\n";
  }
  EXPECT_NE(logged.find("a dead letter is dropped"), std::string::npos) << logged;
  EXPECT_NE(logged.find("local"), std::string::npos) << "by whom";
  EXPECT_EQ((logged + out + err).find(read_admin_file(data_)->token.reveal()), std::string::npos);
}

TEST_F(DlqBesideServer, DoesNotBelieveAFileThatOthersMayRead) {
  ASSERT_EQ(::chmod(admin_file().c_str(), 0644), 0);
  EXPECT_EQ(run({"drop", "event:1"}), kExitDatabase);
  EXPECT_NE(err.find("others may read"), std::string::npos) << err;
  EXPECT_NE(err.find("in use"), std::string::npos) << err;
}

TEST_F(DlqBesideServer, SaysThatTheServerIsGoneOrWasAnother) {
  AdminFile old = read_admin_file(data_).value();
  old.token = Secret("of an earlier process");
  ASSERT_TRUE(write_admin_file(data_, old).ok());
  EXPECT_EQ(run({"drop", "event:1"}), kExitDatabase);
  EXPECT_NE(err.find("earlier process"), std::string::npos) << err;

  old.address = "127.0.0.1:1";  // nobody listens there
  ASSERT_TRUE(write_admin_file(data_, old).ok());
  EXPECT_EQ(run({"drop", "event:1"}), kExitDatabase);
  EXPECT_NE(err.find("does not answer at 127.0.0.1:1"), std::string::npos) << err;

  old.address = "192.0.2.1:80";
  ASSERT_TRUE(write_admin_file(data_, old).ok());
  EXPECT_EQ(run({"drop", "event:1"}), kExitDatabase);
  EXPECT_NE(err.find("loopback"), std::string::npos) << "the token goes nowhere else: " << err;

  fs::remove(admin_file());
  EXPECT_EQ(run({"drop", "event:1"}), kExitDatabase);
  EXPECT_NE(err.find("in use by process"), std::string::npos) << err;
  EXPECT_NE(err.find("takes no commands"), std::string::npos) << err;
}

TEST_F(DlqBesideServer, LeavesItInDoubtWhenTheServerEndsWithoutAnAnswer) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::thread dying([listener] {
    const int connection = ::accept(listener, nullptr, nullptr);
    char buffer[4096];
    EXPECT_GT(::recv(connection, buffer, sizeof buffer, 0), 0);
    ::close(connection);
  });
  AdminFile file = read_admin_file(data_).value();
  file.address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  ASSERT_TRUE(write_admin_file(data_, file).ok());
  EXPECT_EQ(run({"drop", "event:1"}), kExitFailed);
  EXPECT_NE(err.find("'event:1' may be changed or not"), std::string::npos) << err;
  dying.join();
  ::close(listener);
}

TEST_F(DlqBesideServer, WorksOnTheFolderAfterAServerWasKilled) {
  const AdminFile left = read_admin_file(data_).value();
  harness_.stop();
  ASSERT_TRUE(write_admin_file(data_, left).ok());  // as kill -9 leaves it
  ASSERT_EQ(run({"drop", "event:1"}), kExitOk) << err;
  ASSERT_EQ(run({"list", "--json"}), kExitOk);
  EXPECT_EQ(boost::json::parse(out).as_array().size(), 2U);
  ASSERT_TRUE(harness_.start().ok());
  ASSERT_EQ(run({"drop", "event:2"}), kExitOk) << "and by the next server: " << err;
}

TEST_F(DlqBesideServer, ListsByKindTenantAndAgent) {
  ASSERT_EQ(run({"list", "--kind", "message"}), kExitOk);
  EXPECT_EQ(out, "no dead letters\n");
  ASSERT_EQ(run({"list", "--agent", "picky", "--tenant", "local", "--json"}), kExitOk);
  EXPECT_EQ(boost::json::parse(out).as_array().size(), 3U);
  ASSERT_EQ(run({"list", "--tenant", "nobody", "--json"}), kExitOk);
  EXPECT_EQ(out, "[]\n");
}

TEST_F(DlqBesideServer, ChangesAllThatFitAFilterByTheServerAndWithoutOne) {
  ASSERT_EQ(run({"drop", "--all", "--older-than", "1h"}), kExitOk) << err;
  EXPECT_EQ(out, "0 letters: dropped\n");
  ASSERT_EQ(run({"list", "--reason", "no such account", "--newer-than", "1h", "--json"}), kExitOk) << err;
  EXPECT_EQ(boost::json::parse(out).as_array().size(), 3U);
  EXPECT_EQ(run({"drop", "--all", "event:1"}), kExitUsage);
  EXPECT_EQ(run({"drop"}), kExitUsage);
  EXPECT_EQ(run({"drop", "--all", "--older-than", "soon"}), kExitUsage);
  ASSERT_EQ(run({"redrive", "event:1", "--to", "archive"}), kExitOk) << err;
  const auto sent = harness_.wait_for_deliveries(1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].destination, "archive");
  EXPECT_EQ(sent[0].body, R"({"account": 7})");
  ASSERT_EQ(run({"drop", "--all", "--agent", "picky", "--per-second", "1000", "--json"}), kExitOk) << err;
  EXPECT_EQ(out, "[\"event:2\",\"event:3\"]\n");
  ASSERT_EQ(*harness_.handle(event_for("picky", "d", R"({"account": 7})")), TurnEnd::kDead);
  harness_.stop();
  ASSERT_EQ(run({"redrive", "--all", "--agent", "nobody"}), kExitOk) << err;
  EXPECT_EQ(out, "0 letters: ready again\n");
  ASSERT_EQ(run({"redrive", "--all", "--kind", "event"}), kExitOk) << err;
  EXPECT_EQ(out, "1 letters: ready again\n");
}

}  // namespace
}  // namespace mnema

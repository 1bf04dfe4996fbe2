#include "cli/events_command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <thread>

#include "agents/host_harness.hpp"
#include "cli/exit_code.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/runtime/log_capture.hpp"

// `mnema events`, `sources` and `connectors` beside a whole program that serves.

namespace mnema {
namespace {

using testing::HostHarness;

task<Outcome> take_it(Ctx&, Event) { co_return done(); }

HostHarness::Options watched() {
  HostHarness::Options options;
  options.declare = [](Host& host) {
    host.agent("clerk", take_it).on_type("order.*").key("{/id}").where("/id != \"none\"").on(cron("@yearly"));
  };
  ConnectorConfig file;
  file.kind = "file";
  file.path =
      (std::filesystem::temp_directory_path() / ("mnema-events-command-" + std::to_string(::getpid()))).string();
  options.config.connectors["log"] = file;
  return options;
}

class EventsCommand : public ::testing::Test {
 protected:
  EventsCommand() : harness_(watched()), data_(harness_.folder() + "/data") {}

  ~EventsCommand() override { std::filesystem::remove(watched().config.connectors.at("log").path); }

  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", data_});
    testing::CommandRun run = testing::run_command(add_events_commands, std::move(arguments));
    out = std::move(run.out);
    err = std::move(run.err);
    return run.exit_code;
  }

  const testing::LogCapture quiet_;
  HostHarness harness_;
  const std::string data_;
  std::string out;
  std::string err;
};

TEST_F(EventsCommand, PublishesAnEventThatHasItsTurnAndAnswersOfARepeatAndOfOneThatIsNotWanted) {
  ASSERT_TRUE(harness_.start().ok());
  ASSERT_EQ(run({"events", "publish", "--type", "order.failed", "--id", "o1", "--payload", R"({"id": "7"})", "--json"}),
            kExitOk)
      << err;
  const boost::json::value answer = boost::json::parse(out);
  EXPECT_EQ(answer.at("sequence").as_int64(), 1);
  ASSERT_TRUE(harness_.wait_for_turns(1).ok());
  ASSERT_EQ(run({"events", "publish", "--type", "order.failed", "--id", "o1", "--payload", R"({"id": "7"})"}), kExitOk);
  EXPECT_NE(out.find("known already"), std::string::npos) << out;
  ASSERT_EQ(run({"events", "publish", "--type", "order.failed", "--payload", R"({"id": "none"})"}), kExitOk) << err;
  EXPECT_NE(out.find("does not want it"), std::string::npos) << out;
  EXPECT_EQ(run({"events", "publish", "--type", "nobody.wants", "--payload", "{}"}), kExitUsage);
  EXPECT_NE(err.find("no agent"), std::string::npos) << err;
  EXPECT_EQ(run({"events", "publish", "--type", "order.failed", "--payload", R"({"id": "8"})", "--priority", "soon"}),
            kExitUsage);
}

TEST_F(EventsCommand, TailsWhatIsAcceptedAndHowItsTurnEnded) {
  ASSERT_TRUE(harness_.start().ok());
  std::thread sender([this] {
    for (int i = 0; i < 4; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      Event event = testing::event_for("clerk", "k" + std::to_string(i), R"({"id": "1"})");
      event.type = "order.late";
      static_cast<void>(harness_.post(event));
    }
  });
  EXPECT_EQ(run({"events", "tail", "--seconds", "2", "--agent", "clerk"}), kExitOk) << err;
  sender.join();
  EXPECT_NE(out.find("accepted"), std::string::npos) << out;
  EXPECT_NE(out.find("done"), std::string::npos) << out;
  EXPECT_NE(out.find("order.late"), std::string::npos) << out;
}

TEST_F(EventsCommand, ListsSourcesAndConnectorsAndRefusesToReplayWhatIsNotKept) {
  ASSERT_TRUE(harness_.start().ok());
  ASSERT_EQ(run({"sources", "--json"}), kExitOk) << err;
  const boost::json::array found = boost::json::parse(out).as_array();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].at("name").as_string(), "agent clerk cron");
  EXPECT_EQ(found[0].at("kind").as_string(), "cron");
  EXPECT_EQ(found[0].at("state").as_string(), "running");
  ASSERT_EQ(run({"connectors", "status"}), kExitOk) << err;
  EXPECT_NE(out.find("log"), std::string::npos) << out;
  EXPECT_NE(run({"events", "replay", "agent clerk cron", "--from-time", "2026-11-26T09:30:00Z"}), kExitOk);
  EXPECT_NE(err.find("keeps nothing"), std::string::npos) << err;
  EXPECT_EQ(run({"events", "replay", "nobody", "--from-time", "2026-11-26T09:30:00Z"}), kExitUsage);
  EXPECT_EQ(run({"events", "replay", "nobody", "--from-time", "yesterday"}), kExitUsage);
}

TEST_F(EventsCommand, SaysThatNoServerRuns) {
  EXPECT_EQ(run({"sources"}), kExitDatabase);
  EXPECT_NE(err.find("no server runs"), std::string::npos) << err;
}

}  // namespace
}  // namespace mnema

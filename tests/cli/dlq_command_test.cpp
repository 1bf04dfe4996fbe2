#include "cli/dlq_command.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <future>

#include "cli/exit_code.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

/// The runtime of a real data folder, as `serve` has it open.
class Server {
 public:
  explicit Server(const std::string& folder) {
    Runtime::Options options;
    options.database.path = folder + "/mnema.db";
    Result<std::unique_ptr<Runtime>> opened =
        Runtime::open(std::move(options), {loop_, store_}, clock_, random_, limits_);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    runtime_ = std::move(*opened);
  }
  ~Server() {
    runtime_->close();
    loop_.stop();
    store_.stop();
  }

  void accept_and_dead_letter(const std::string& id, const std::string& data) {
    Event event = testing::event_of(id, id);
    event.type = "order.failed";
    event.data = data;
    std::promise<Result<Accepted>> accepted;
    runtime_->mailbox().accept(event, loop_, [&](Result<Accepted> result) { accepted.set_value(std::move(result)); });
    ASSERT_TRUE(accepted.get_future().get().ok());
    std::promise<Status> dead;
    runtime_->mailbox().dead_letter(take(), fail(ErrorCode::kUnavailable, "the shop does not answer"), loop_,
                                    [&](Status status) { dead.set_value(std::move(status)); });
    ASSERT_TRUE(dead.get_future().get().ok());
  }
  Delivery take() {
    std::promise<Delivery> taken;
    runtime_->mailbox().take(loop_, [&](Delivery delivery) { taken.set_value(std::move(delivery)); });
    return taken.get_future().get();
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  Limits limits_ = Limits::tiny();
  ThreadPoolExecutor loop_{"loop", 1};
  ThreadPoolExecutor store_{"store", 1};
  std::unique_ptr<Runtime> runtime_;
};

class DlqCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = (fs::path(::testing::TempDir()) / (std::string("mnema_dlq_") + test->name())).string();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Runs `mnema dlq ARGUMENTS --data FOLDER`; what it printed is in `out` and `err`.
  int run(std::vector<std::string> arguments) {
    testing::CommandRun run = testing::run_command(add_dlq_command, "dlq", std::move(arguments), folder_);
    out = std::move(run.out);
    err = std::move(run.err);
    return run.exit_code;
  }
  boost::json::value json() { return boost::json::parse(out); }

  std::string folder_;
  std::string out;
  std::string err;
};

TEST_F(DlqCommand, ListsAndShowsBesideARunningServer) {
  Server server(folder_);
  server.accept_and_dead_letter("a", R"({"order": 7})");
  server.accept_and_dead_letter("b", "\x1b[31mred\xff");

  ASSERT_EQ(run({"list", "--json"}), kExitOk) << err;
  ASSERT_EQ(json().as_array().size(), 2U);
  EXPECT_EQ(json().at(0).at("id"), "event:1");
  EXPECT_EQ(json().at(0).at("error").at("message"), "the shop does not answer");

  ASSERT_EQ(run({"show", "event:1", "--json"}), kExitOk) << err;
  EXPECT_EQ(json().at("event").at("data").at("order"), 7);
  EXPECT_EQ(json().at("errors").as_array().size(), 1U);

  ASSERT_EQ(run({"show", "2"}), kExitOk) << err;
  EXPECT_EQ(out.find('\x1b'), std::string::npos) << "what a stranger sent reaches no terminal";
  EXPECT_NE(out.find("order.failed"), std::string::npos);
}

TEST_F(DlqCommand, ChangesNothingUnderARunningServer) {
  Server server(folder_);
  server.accept_and_dead_letter("a", "{}");
  EXPECT_EQ(run({"drop", "event:1"}), kExitDatabase);
  EXPECT_NE(err.find("in use"), std::string::npos) << err;
  ASSERT_EQ(run({"list", "--json"}), kExitOk);
  EXPECT_EQ(json().as_array().size(), 1U);
}

TEST_F(DlqCommand, RedrivesWithAnEditedPayloadAndDrops) {
  {
    Server server(folder_);
    server.accept_and_dead_letter("a", "{}");
    server.accept_and_dead_letter("b", "{}");
  }
  const std::string payload = folder_ + "/payload.json";
  std::ofstream(payload) << R"({"order": 8})";
  ASSERT_EQ(run({"redrive", "event:1", "--edit", payload}), kExitOk) << err;
  ASSERT_EQ(run({"drop", "event:2"}), kExitOk) << err;
  ASSERT_EQ(run({"list"}), kExitOk) << err;
  EXPECT_EQ(out, "no dead letters\n");

  Server server(folder_);
  const Delivery again = server.take();
  EXPECT_EQ(again.sequence(), 1);
  EXPECT_EQ(again.attempt(), 1);
  EXPECT_EQ(again.event().data, R"({"order": 8})");
}

TEST_F(DlqCommand, SaysWhatItCannotFind) {
  EXPECT_EQ(run({"list"}), kExitUsage);
  EXPECT_NE(err.find("mnema.db"), std::string::npos) << err;
  EXPECT_FALSE(fs::exists(folder_ + "/mnema.db")) << "a command that reads makes no file";

  {
    const Server server(folder_);
  }
  EXPECT_EQ(run({"show", "event:1"}), kExitUsage);
  EXPECT_EQ(run({"drop", "message:1"}), kExitUsage);
  EXPECT_EQ(run({"redrive", "one"}), kExitUsage);
  EXPECT_EQ(run({"redrive", "message:1", "--from-step", "2"}), kExitUsage);
}

}  // namespace
}  // namespace mnema

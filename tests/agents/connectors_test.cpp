#include "agents/connectors.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/log.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/http/scripted_transport.hpp"

namespace mnema {
namespace {

class ConnectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Database::Options options;
    options.path = "mnema.db";
    options.vfs = disk_.name();
    auto database = Database::open(options, Connectors::migrations(), simulation_.lane("store"), simulation_.clock());
    ASSERT_TRUE(database.ok());
    database_ = std::move(*database);
    connectors_ = std::make_unique<Connectors>(Connectors::Parts{
        *database_, secrets_, transport_, simulation_.lane("blocking"), simulation_.clock(), simulation_.random()});
    LogOptions log;
    log.capture = [this](std::string_view line) { log_ += line; };
    ASSERT_TRUE(configure_log(log).ok());
  }
  void TearDown() override {
    connectors_->stop();
    simulation_.run_until_idle();
    static_cast<void>(configure_log({}));
    database_->close();
    simulation_.run_ready();
  }
  static ConnectorConfig http(const std::string& url) {
    ConnectorConfig config;
    config.kind = "http";
    config.url = url;
    config.path = "/hook";
    return config;
  }

  Simulation simulation_{1};
  const Limits limits_;
  FaultVfs disk_{1};
  testing::ScriptedTransport transport_{simulation_};
  SecretsStore secrets_{simulation_.clock()};
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connectors> connectors_;
  std::string log_;
};

TEST_F(ConnectorsTest, HoldAnswersToTheSchemasOfTheirFiles) {
  const std::string file = ::testing::TempDir() + "mnema-order-schema.json";
  ConnectorConfig config = http("http://h");
  config.schemas["GET /orders/{id}"] = file;
  std::filesystem::remove(file);
  EXPECT_NE(connectors_->open("a", config).error().message.find("cannot be read"), std::string::npos);
  std::ofstream(file) << R"({"type":"object","properties":{"id":{"type":"whole"}}})";
  EXPECT_NE(connectors_->open("a", config).error().message.find("/properties/id"), std::string::npos);
  std::ofstream(file) << R"({"type":"object","properties":{"id":{"type":"integer"}}})";
  ASSERT_TRUE(connectors_->open("a", config).ok());
  ResponseWatch* watch = connectors_->client("a")->watch();
  ASSERT_NE(watch, nullptr);
  EXPECT_EQ(watch->check("GET", "/orders/7", 200, {}, R"({"id":"7"})").error().code, ErrorCode::kSchemaDrift);
  connectors_->each_watch(
      [](const std::string&, const ResponseWatch::Counts& counts) { EXPECT_EQ(counts.drifted, 1); });
  std::filesystem::remove(file);
}

TEST_F(ConnectorsTest, OpenTheRegistryOfASourceWithItsLogin) {
  setenv("MNEMA_TEST_REGISTRY_PASSWORD", "hunter2", 1);
  SchemaRegistryConfig config;
  config.url = "https://registry.example.com/apis/ccompat/v7";
  config.user = "anna";
  config.password = "env:MNEMA_TEST_REGISTRY_PASSWORD";
  const auto registry =
      connectors_->open_registry("orders", config, simulation_.lane("loop"), simulation_.lane("workers"), limits_);
  ASSERT_TRUE(registry.ok()) << registry.error().text();
  transport_.answer(200, {}, R"({"schema":"\"string\""})");
  bool found = false;
  (*registry)->find({7}, [&](const Result<RegisteredSchemas>& schemas) { found = schemas.ok(); });
  simulation_.run_until([&] { return found; });
  EXPECT_TRUE(found);
  ASSERT_EQ(transport_.requests.size(), 1U);
  EXPECT_EQ(transport_.requests[0].headers.get("Authorization"), "Basic YW5uYTpodW50ZXIy");
  config.ca = "/nowhere/ca.pem";
  EXPECT_FALSE(
      connectors_->open_registry("b", config, simulation_.lane("loop"), simulation_.lane("workers"), limits_).ok());
}

TEST_F(ConnectorsTest, RefusesAtStartWhatCouldNeverBeCalled) {
  ConnectorConfig path = http("http://h");
  path.path = "hook";
  ConnectorConfig climbing = http("http://h");
  climbing.path = "/a/../b";
  ConnectorConfig header = http("http://h");
  header.headers["X"] = "a\r\nY: b";
  for (const ConnectorConfig& config : {http("localhost:1234/x"), http("ftp://h"), http("https://me:pw@h"),
                                        http("http://"), http("http://h/?x=1"), path, climbing, header}) {
    const auto opened = connectors_->open("mail", config);
    ASSERT_FALSE(opened.ok()) << config.url;
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument) << config.url;
    EXPECT_EQ(opened.error().text().find("pw"), std::string::npos);
  }
  EXPECT_TRUE(connectors_->open("mail", http("HTTPS://Example.COM/v1/")).ok());
}

TEST_F(ConnectorsTest, SaysAtStartWhichBearerCannotBeReadAndGoesOn) {
  unsetenv("MNEMA_NO_SUCH_BEARER");
  ConnectorConfig config = http("http://h");
  config.bearer = "env:MNEMA_NO_SUCH_BEARER";
  ASSERT_TRUE(connectors_->open("mail", config).ok());
  EXPECT_NE(log_.find("mail"), std::string::npos) << log_;
  EXPECT_NE(log_.find("env:MNEMA_NO_SUCH_BEARER"), std::string::npos) << log_;
}

TEST_F(ConnectorsTest, StopsAllCallsAndDeliveriesAndCountsThem) {
  const auto mail = connectors_->open("mail", http("http://a"));
  const auto shop = connectors_->open("shop", http("http://b"));
  ASSERT_TRUE(mail.ok() && shop.ok());
  transport_.hang(true);
  transport_.hang(true);
  std::vector<ErrorCode> ends;
  OutboxMessage message;
  message.idempotency_key = "k";
  (*mail)->deliver(message, simulation_.lane("loop"),
                   [&](const Status& status) { ends.push_back(status.error().code); });
  connectors_->client("shop")->send({}, simulation_.lane("loop"),
                                    [&](const Result<HttpReply>& reply) { ends.push_back(reply.error().code); });
  simulation_.run_ready();
  std::map<std::string, int> in_flight;
  connectors_->each_upstream([&](const std::string& name, const UpstreamCounts& counts) {
    in_flight[name] = counts.in_flight;
    EXPECT_EQ(counts.calls_total, 1);
  });
  EXPECT_EQ(in_flight, (std::map<std::string, int>{{"mail", 1}, {"shop", 1}}));
  connectors_->stop();
  simulation_.run_ready();
  EXPECT_EQ(ends, (std::vector<ErrorCode>{ErrorCode::kCancelled, ErrorCode::kCancelled}));
  EXPECT_EQ(connectors_->client("nobody"), nullptr);
}

}  // namespace
}  // namespace mnema

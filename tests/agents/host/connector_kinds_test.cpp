#include "agents/host/connector_kinds.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/http/scripted_transport.hpp"

namespace mnema {
namespace {

class ConnectorKindsTest : public ::testing::Test {
 protected:
  ConnectorKindsTest() {
    Database::Options options;
    options.path = "mnema.db";
    options.vfs = disk_.name();
    auto opened = Database::open(options, Connectors::migrations(), simulation_.lane("store"), simulation_.clock());
    CHECK(opened.ok(), "the database opens");
    database_ = std::move(*opened);
    mailbox_ = std::make_unique<Mailbox>(*database_, simulation_.lane("home"), simulation_.clock(), limits_);
    connectors_ = std::make_unique<Connectors>(Connectors::Parts{
        *database_, secrets_, transport_, simulation_.lane("blocking"), simulation_.clock(), simulation_.random()});
  }
  ~ConnectorKindsTest() override {
    database_->close();
    simulation_.run_ready();
  }
  void add(bool is_loopback = true) {
    add_connector_kinds(registry_, {*connectors_,
                                    *database_,
                                    *mailbox_,
                                    secrets_,
                                    routes_,
                                    is_loopback,
                                    {},
                                    simulation_.lane("home"),
                                    loop_,
                                    simulation_.lane("workers"),
                                    simulation_.lane("blocking"),
                                    simulation_.clock(),
                                    simulation_.random(),
                                    limits_});
  }
  static SourceConfig webhook(const std::string& path) {
    SourceConfig config;
    config.kind = "webhook";
    config.path = path;
    config.scheme = "unsigned";
    return config;
  }

  Simulation simulation_{1};
  FaultVfs disk_{1};
  Limits limits_;
  testing::ScriptedTransport transport_{simulation_};
  SecretsStore secrets_{simulation_.clock()};
  HttpRoutes routes_;
  Loop loop_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<Connectors> connectors_;
  ConnectorRegistry registry_;
};

TEST_F(ConnectorKindsTest, AreThoseThatAConfigurationKnows) {
  add();
  const auto sorted = [](std::vector<std::string_view> kinds) {
    std::sort(kinds.begin(), kinds.end());
    return std::vector<std::string>(kinds.begin(), kinds.end());
  };
  EXPECT_EQ(registry_.source_kinds(), sorted(source_kinds()));
  EXPECT_EQ(registry_.sink_kinds(), sorted(connector_kinds()));
}

TEST_F(ConnectorKindsTest, MountAWebhookWhereNothingElseIs) {
  add();
  routes_.add("POST", "/v1/chat/completions", [](const HttpRequest&, const std::shared_ptr<HttpExchange>&) {});
  ASSERT_TRUE(registry_.open_sources({{"shop", webhook("/hooks/shop")}}).ok());
  EXPECT_FALSE(routes_.check("POST", "/hooks/shop").ok()) << "it is taken now";
  const Status taken = registry_.open_sources({{"chat", webhook("/v1/chat/completions")}});
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.error().text().find("source 'chat'"), std::string::npos) << taken.error().text();
}

TEST_F(ConnectorKindsTest, RefuseUnsignedWebhooksThatOthersCanReach) {
  add(false);
  const Status opened = registry_.open_sources({{"shop", webhook("/hooks/shop")}});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(opened.error().text().find("source 'shop'"), std::string::npos) << opened.error().text();
}

TEST_F(ConnectorKindsTest, NameTheConnectorThatCouldNeverBeCalled) {
  add();
  ConnectorConfig config;
  config.kind = "http";
  config.url = "localhost:1234/x";
  const Status opened = registry_.open_sinks({{"mail", config}});
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().text().find("connector 'mail'"), std::string::npos) << opened.error().text();
}

}  // namespace
}  // namespace mnema

#include "agents/host/declared_sources.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::map<std::string, AgentSpec> shop_with(WebhookDeclaration declared) {
  std::map<std::string, AgentSpec> agents;
  agents["shop"].name = "shop";
  agents["shop"].webhooks.push_back(std::move(declared));
  return agents;
}

TEST(DeclaredSources, OpenAWebhookThatSaysWhereItsSecretIs) {
  Config config;
  ASSERT_TRUE(
      add_declared_sources(shop_with(webhook("/hooks/shop").scheme("standard").signed_by("env:SHOP_SECRET")), config)
          .ok());
  ASSERT_EQ(config.sources.size(), 1U);
  const SourceConfig& source = config.sources.begin()->second;
  EXPECT_EQ(source.path, "/hooks/shop");
  EXPECT_EQ(source.scheme, "standard");
  EXPECT_EQ(source.secrets, std::vector<SecretLocation>{"env:SHOP_SECRET"});
}

TEST(DeclaredSources, LeaveToTheConfigurationWhatIsThereOrHasNoSecret) {
  Config config;
  config.sources["mine"].path = "/hooks/shop";
  config.sources["mine"].scheme = "unsigned";
  ASSERT_TRUE(add_declared_sources(shop_with(webhook("/hooks/shop").signed_by("env:SHOP_SECRET")), config).ok());
  ASSERT_TRUE(add_declared_sources(shop_with(webhook("/hooks/other")), config).ok());
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(config.sources["mine"].scheme, "unsigned");
}

TEST(DeclaredSources, HaveNamesThatMayBeLabelsOfMetrics) {
  std::map<std::string, AgentSpec> agents = shop_with(webhook("/hooks/secret-place").signed_by("env:A"));
  agents["shop"].webhooks.push_back(webhook("/hooks/other").signed_by("env:B"));
  Config config;
  ASSERT_TRUE(add_declared_sources(agents, config).ok());
  std::vector<std::string> names;
  for (const auto& [name, source] : config.sources) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"agent shop", "agent shop 2"}));
}

TEST(DeclaredSources, ReadATopicThatSaysWhereItsBrokersAre) {
  std::map<std::string, AgentSpec> agents;
  agents["orders"].name = "orders";
  AgentBuilder(agents["orders"]).on(kafka("orders.failed").topic("orders.late").brokers("a:9092").acknowledge_done());
  Config config;
  ASSERT_TRUE(add_declared_sources(agents, config).ok());
  ASSERT_EQ(config.sources.size(), 1U);
  const SourceConfig& source = config.sources.begin()->second;
  EXPECT_EQ(source.kind, "kafka");
  EXPECT_EQ(source.agent, "orders");
  EXPECT_EQ(source.topics, (std::vector<std::string>{"orders.failed", "orders.late"}));
  EXPECT_EQ(source.kafka.brokers, "a:9092");
  EXPECT_EQ(source.group, "mnema-orders");
  EXPECT_EQ(source.ack, "done");
}

TEST(DeclaredSources, ReadATopicAsTheConfigurationSaysOrRefuseIt) {
  std::map<std::string, AgentSpec> agents;
  agents["orders"].name = "orders";
  AgentBuilder(agents["orders"]).on(kafka("orders.failed"));
  Config config;
  const Status nowhere = add_declared_sources(agents, config);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().text().find("'orders.failed'"), std::string::npos) << nowhere.error().text();
  config.sources["mine"].kind = "kafka";
  config.sources["mine"].topics = {"orders.failed"};
  config.sources["mine"].group = "of mine";
  ASSERT_TRUE(add_declared_sources(agents, config).ok());
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(config.sources["mine"].group, "of mine");
  EXPECT_EQ(config.sources["mine"].agent, "orders") << "it wakes who declared its topic";
}

TEST(DeclaredSources, ReadAQueueThatSaysWhereItsBrokersAreAndHowToLogIn) {
  std::map<std::string, AgentSpec> agents;
  AgentBuilder(agents["orders"])
      .on(rabbitmq("orders")
              .brokers("a:5672")
              .login("shop", "env:RABBITMQ_PASSWORD")
              .vhost("shop")
              .tls()
              .declare("quorum")
              .bind("events", {"order.*"})
              .event_id("{/order}")
              .acknowledge_done());
  Config config;
  ASSERT_TRUE(add_declared_sources(agents, config).ok());
  ASSERT_EQ(config.sources.size(), 1U);
  const SourceConfig& source = config.sources.at("agent orders");
  EXPECT_EQ(source.kind, "rabbitmq");
  EXPECT_EQ(source.agent, "orders");
  EXPECT_EQ(source.queue, "orders");
  EXPECT_EQ(source.queue_type, "quorum");
  EXPECT_EQ(source.exchange, "events");
  EXPECT_EQ(source.routing_keys, std::vector<std::string>{"order.*"});
  EXPECT_EQ(source.event_id, "{/order}");
  EXPECT_EQ(source.ack, "done");
  EXPECT_EQ(source.rabbitmq.brokers, "a:5672");
  EXPECT_EQ(source.rabbitmq.vhost, "shop");
  EXPECT_EQ(source.rabbitmq.username, "shop");
  EXPECT_EQ(source.rabbitmq.password, "env:RABBITMQ_PASSWORD");
  EXPECT_TRUE(source.rabbitmq.tls);
}

TEST(DeclaredSources, ReadAQueueAsTheConfigurationSaysOrRefuseIt) {
  std::map<std::string, AgentSpec> agents;
  AgentBuilder(agents["orders"]).on(rabbitmq("orders"));
  Config config;
  const Status nowhere = add_declared_sources(agents, config);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().text().find("queue 'orders'"), std::string::npos) << nowhere.error().text();
  config.sources["mine"].kind = "rabbitmq";
  config.sources["mine"].queue = "orders";
  ASSERT_TRUE(add_declared_sources(agents, config).ok());
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(config.sources["mine"].agent, "orders") << "it wakes who declared its queue";

  AgentBuilder(agents["late"]).on(rabbitmq("late").brokers("a:5672"));
  const Status nobody = add_declared_sources(agents, config);
  ASSERT_FALSE(nobody.ok());
  EXPECT_NE(nobody.error().text().find(".login("), std::string::npos) << nobody.error().text();
}

TEST(DeclaredSources, MakeASourceOfEachScheduleOfAnAgent) {
  std::map<std::string, AgentSpec> agents;
  AgentBuilder(agents["reporter"])
      .on(cron("0 9 * * MON").time_zone("Europe/Zurich").missed("skip"))
      .on(cron("@hourly").data(R"({"of": "hour"})"));
  Config config;
  ASSERT_TRUE(add_declared_sources(agents, config).ok());
  ASSERT_EQ(config.sources.size(), 2U);
  const SourceConfig& weekly = config.sources.at("agent reporter cron");
  EXPECT_EQ(weekly.kind, "cron");
  EXPECT_EQ(weekly.agent, "reporter");
  EXPECT_EQ(weekly.cron, "0 9 * * MON");
  EXPECT_EQ(weekly.time_zone, "Europe/Zurich");
  EXPECT_EQ(weekly.missed, "skip");
  EXPECT_EQ(config.sources.at("agent reporter cron 2").data, R"({"of": "hour"})");
}

}  // namespace
}  // namespace mnema

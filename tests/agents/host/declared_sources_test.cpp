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
  add_declared_sources(shop_with(webhook("/hooks/shop").scheme("standard").signed_by("env:SHOP_SECRET")), config);
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
  add_declared_sources(shop_with(webhook("/hooks/shop").signed_by("env:SHOP_SECRET")), config);
  add_declared_sources(shop_with(webhook("/hooks/other")), config);
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(config.sources["mine"].scheme, "unsigned");
}

TEST(DeclaredSources, HaveNamesThatMayBeLabelsOfMetrics) {
  std::map<std::string, AgentSpec> agents = shop_with(webhook("/hooks/secret-place").signed_by("env:A"));
  agents["shop"].webhooks.push_back(webhook("/hooks/other").signed_by("env:B"));
  Config config;
  add_declared_sources(agents, config);
  std::vector<std::string> names;
  for (const auto& [name, source] : config.sources) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"agent shop", "agent shop 2"}));
}

TEST(DeclaredSources, MakeASourceOfEachScheduleOfAnAgent) {
  std::map<std::string, AgentSpec> agents;
  AgentBuilder(agents["reporter"])
      .on(cron("0 9 * * MON").time_zone("Europe/Zurich").missed("skip"))
      .on(cron("@hourly").data(R"({"of": "hour"})"));
  Config config;
  add_declared_sources(agents, config);
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

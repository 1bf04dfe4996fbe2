#include "agents/turn/used_connectors.hpp"

#include <gtest/gtest.h>

#include "agents/host_harness.hpp"

namespace mnema {
namespace {

task<Outcome> nothing(Ctx&, Event) { co_return done(); }

TEST(UsedConnectors, ThatAreMissingAreNamedWithTheirUsersWhenTheProgramStarts) {
  HostOptions options;
  options.signals = false;
  options.log = false;
  Host host(options);
  host.agent("shop", nothing).uses("payments").uses("ledger");
  Config config;
  config.file = "mnema.toml";
  config.connectors["ledger"].kind = "file";
  const auto failed = host.open(std::move(config));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->part, Host::Part::kConfig);
  EXPECT_NE(failed->error.text().find("agent 'shop' uses connector 'payments'"), std::string::npos);
  EXPECT_NE(failed->error.text().find("[connectors.payments]"), std::string::npos);
  EXPECT_EQ(failed->error.text().find("ledger"), std::string::npos);
}

TEST(UsedConnectors, ThatTheProgramBringsItselfNeedNoConfiguration) {
  testing::HostHarness harness({.declare = [](Host& host) { host.agent("shop", nothing).uses("payments"); }});
  EXPECT_TRUE(harness.start().ok());
}

}  // namespace
}  // namespace mnema

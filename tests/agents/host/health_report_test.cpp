#include "agents/host/health_report.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(HealthReport, SaysWhatIsDeadAndWhatIsBrokenOff) {
  HealthFacts facts;
  facts.runtime.events_dead = 3;
  facts.runtime.messages_dead = 1;
  EXPECT_EQ(health_report(facts).at("degraded"), false) << "dead letters wait for a person; the server serves";
  EXPECT_EQ(health_report(facts).at("dead_letters"), (boost::json::value{{"events", 3}, {"messages", 1}}));
  facts.vectors_refused = 2;
  EXPECT_EQ(health_report(facts).at("memory"), (boost::json::value{{"vectors_refused", 2}}));
  facts.open_breakers = {"payments"};
  EXPECT_EQ(health_report(facts).at("degraded"), true);
  EXPECT_EQ(health_report(facts).at("open_breakers"), (boost::json::value(boost::json::array{"payments"})));
}

TEST(HealthReport, IsDegradedWhileNewEventsAreRefused) {
  HealthFacts full;
  full.runtime.mailbox_full = true;
  EXPECT_EQ(health_report(full).at("degraded"), true);
  HealthFacts paused;
  paused.paused_sources = {"webhook:/hooks/github"};
  EXPECT_EQ(health_report(paused).at("degraded"), true);
  HealthFacts broken;
  broken.connector_problems = {"orders: no broker answers"};
  EXPECT_EQ(health_report(broken).at("degraded"), true);
  EXPECT_EQ(health_report(broken).at("connector_problems"),
            (boost::json::value(boost::json::array{"orders: no broker answers"})));
}

}  // namespace
}  // namespace mnema

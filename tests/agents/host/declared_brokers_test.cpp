// Agents that say in code where their events come from, with real brokers.
#include <gtest/gtest.h>

#include <cstdlib>

#include "agents/host_harness.hpp"
#include "tests/support/rabbitmq_broker.hpp"

namespace mnema {
namespace {

using testing::HostHarness;
using testing::RabbitmqBroker;

struct Orders {
  int seen = 0;
};
BOOST_DESCRIBE_STRUCT(Orders, (), (seen))

task<Outcome> count(Ctx& ctx, Event) {
  ++ctx.state<Orders>().seen;
  co_return done();
}

TEST(DeclaredBrokers, WakeAnAgentByTheMessagesOfAQueue) {
  RabbitmqBroker* const broker = RabbitmqBroker::shared();
  if (broker == nullptr) GTEST_SKIP() << "there is no RabbitMQ";
  ::setenv("MNEMA_TEST_RABBITMQ_PASSWORD", RabbitmqBroker::kPassword, 1);
  broker->create_exchange("shop", "topic");
  broker->create_queue("declared", {{"x-queue-type", "classic"}});
  HostHarness::Options options;
  options.declare = [&](Host& host) {
    host.agent("orders", count)
        .key("{/customer}")
        .state<Orders>()
        .on(rabbitmq("declared")
                .brokers(broker->address())
                .login(RabbitmqBroker::kUser, "env:MNEMA_TEST_RABBITMQ_PASSWORD")
                .declare("classic")
                .bind("shop", {"order.*"})
                .event_id("{/order}"));
  };
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  // Before the queue is consumed, it is bound.
  broker->publish("declared", {{R"({"order": 1, "customer": "anna"})"}});
  ASSERT_TRUE(harness.wait_for_turns(1).ok());
  // The first one is a repeat by its order.
  broker->publish("order.new",
                  {{R"({"order": 1, "customer": "anna"})"},
                   {R"({"order": 2, "customer": "anna"})"},
                   {R"({"order": 3, "customer": "ben"})"}},
                  "shop");
  ASSERT_TRUE(harness.wait_for_turns(3).ok());
  EXPECT_EQ(harness.state<Orders>("orders", "anna")->seen, 2);
  EXPECT_EQ(harness.state<Orders>("orders", "ben")->seen, 1);
  EXPECT_TRUE(harness.stop().left_behind.empty());
}

}  // namespace
}  // namespace mnema

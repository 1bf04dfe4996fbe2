#include "agents/context.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "agents/host_harness.hpp"

namespace mnema {
namespace {

using testing::event_for;
using testing::HostHarness;

struct Parcel {
  std::string order;
  int grams = 0;
};
BOOST_DESCRIBE_STRUCT(Parcel, (), (order, grams))

task<Outcome> weigh(Ctx& ctx, Event) {
  Parcel parcel = ctx.payload<Parcel>();
  ctx.send("scales", parcel.order + " " + std::to_string(parcel.grams), "text/plain");
  co_return done();
}

struct Seen {
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Seen, (), (turns))

task<Outcome> count(Ctx& ctx, Event) { co_return reply(std::to_string(++ctx.state<Seen>().turns)); }

TEST(Chat, OfASessionNamedLikeAKeyHasTheStateOfTheKey) {
  HostHarness harness({.declare = [](Host& host) { host.agent("shop", count).state<Seen>().answers_chat(); }});
  ASSERT_TRUE(harness.start().ok());
  EXPECT_EQ(*harness.handle(event_for("shop", "anna", "{}")), TurnEnd::kDone);
  EXPECT_EQ(*harness.chat("shop", "How often?", "anna"), "2");
  EXPECT_EQ(*harness.chat("shop", "How often?", "bert"), "1");
  EXPECT_EQ(*harness.chat("shop", "How often?"), "1");
}

/// Does to its timer what the event says, in that order, and tells when it fires.
task<Outcome> remind(Ctx& ctx, Event event) {
  if (event.type == "timer") ctx.send("bell", event.data, "text/plain");
  for (const char action : event.data) {
    if (action == 's') ctx.wake_at("reminder", ctx.now() + std::chrono::hours(1), "ding");
    if (action == 'c') ctx.cancel_wake("reminder");
  }
  if (event.type != "timer") ctx.send("bell", "told", "text/plain");
  co_return done();
}

class TimerOfATurn : public ::testing::Test {
 protected:
  TimerOfATurn() : harness_({.declare = [](Host& host) { host.agent("bell", remind); }, .virtual_time = true}) {
    CHECK(harness_.start().ok(), "the host starts");
  }
  void tell(const std::string& actions) {
    EXPECT_EQ(*harness_.handle(event_for("bell", "k", actions)), TurnEnd::kDone);
  }
  /// What came two hours later, but for the answers to `tell`.
  std::size_t rung(long long turns) {
    harness_.advance(std::chrono::hours(2));
    EXPECT_TRUE(harness_.wait_for_turns(turns).ok());
    tell("");
    std::size_t count = 0;
    for (const OutboxMessage& message : harness_.wait_for_deliveries(static_cast<std::size_t>(turns) + 1)) {
      count += message.body == "ding" ? 1 : 0;
    }
    return count;
  }
  HostHarness harness_;
};

TEST_F(TimerOfATurn, DoesNotFireOnceALaterTurnHasCancelledIt) {
  tell("s");
  tell("c");
  EXPECT_EQ(rung(2), 0U);
}

TEST_F(TimerOfATurn, FiresIfItIsSetAgainAfterItWasCancelled) {
  tell("s");
  tell("cs");
  EXPECT_EQ(rung(3), 1U);
}

TEST_F(TimerOfATurn, DoesNotFireIfTheTurnThatSetItCancelsIt) {
  tell("sc");
  EXPECT_EQ(rung(1), 0U);
}

task<Outcome> ask_billing(Ctx& ctx, Event event) {
  AgentEvent order;
  order.agent = "billing";
  order.key = "case-7";
  order.type = "bill.wanted";
  order.data = event.data;
  ctx.send_event(order);
  co_return done();
}

task<Outcome> bill(Ctx& ctx, Event event) {
  ctx.send("bills", event.source + " " + event.type + " " + event.key + " " + event.user + " " + event.data,
           "text/plain");
  co_return done();
}

TEST(EventOfAnAgent, BeginsATurnOfTheOtherAgentUnderItsKey) {
  HostHarness harness({.declare = [](Host& host) {
    host.agent("shop", ask_billing);
    host.agent("billing", bill);
  }});
  ASSERT_TRUE(harness.start().ok());
  Event event = event_for("shop", "anna", "12 EUR");
  event.user = "anna";
  EXPECT_EQ(*harness.handle(event), TurnEnd::kDone);
  const auto sent = harness.wait_for_deliveries(1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].body, "agent:shop bill.wanted case-7 anna 12 EUR");
}

task<Outcome> echo(Ctx& ctx, Event event) {
  AgentEvent again;
  again.agent = event.agent == "ping" ? "pong" : "ping";
  again.key = event.key;
  ctx.send_event(again);
  co_return done();
}

TEST(EventOfAnAgent, IsRefusedWhereAgentsWakeOneAnotherInACircle) {
  HostHarness::Options options;
  options.declare = [](Host& host) {
    host.agent("ping", echo);
    host.agent("pong", echo);
  };
  options.config.limits.agent_hops_max = 3;
  options.config.limits.attempts_max = 1;
  HostHarness harness(std::move(options));
  ASSERT_TRUE(harness.start().ok());
  EXPECT_EQ(*harness.handle(event_for("ping", "k", "")), TurnEnd::kDone);
  ASSERT_TRUE(harness.wait_for_turns(3).ok());
  for (int tries = 0; tries < 500 && harness.dead_letters().empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const auto dead = harness.dead_letters();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_NE(dead[0].error.text().find("agent_hops_max"), std::string::npos) << dead[0].error.text();
}

TEST(EventOfAnAgent, IsNotCountedByWhatAnEventFromOutsideSays) {
  HostHarness harness({.declare = [](Host& host) {
    host.agent("shop", ask_billing);
    host.agent("billing", bill);
  }});
  ASSERT_TRUE(harness.start().ok());
  for (const char* hops : {"2147483647", "-5", "many"}) {
    Event event = event_for("shop", "anna", hops);
    event.attributes["mnemahops"] = hops;
    EXPECT_EQ(*harness.handle(event), TurnEnd::kDone) << hops;
  }
  EXPECT_EQ(harness.wait_for_deliveries(3).size(), 3U);
}

class PayloadOfAnEvent : public ::testing::Test {
 protected:
  PayloadOfAnEvent() : harness_({.declare = [](Host& host) { host.agent("scales", weigh); }}) {
    CHECK(harness_.start().ok(), "the host starts");
  }
  std::string cause_of_death(const std::string& data) {
    EXPECT_EQ(*harness_.handle(event_for("scales", "k", data)), TurnEnd::kDead);
    return harness_.dead_letters().at(0).error.text();
  }
  HostHarness harness_;
};

TEST_F(PayloadOfAnEvent, ComesAsADescribedStructWithoutWhatItDoesNotHave) {
  const auto event = event_for("scales", "k", R"({"order": "17", "grams": 250, "carrier": "bike"})");
  EXPECT_EQ(*harness_.handle(event), TurnEnd::kDone);
  EXPECT_EQ(harness_.wait_for_deliveries(1).at(0).body, "17 250");
}

TEST_F(PayloadOfAnEvent, IsADeadLetterWithThePlaceOfWhatIsMissing) {
  EXPECT_NE(cause_of_death(R"({"order": "17"})").find("/grams: is missing"), std::string::npos);
}

TEST_F(PayloadOfAnEvent, IsADeadLetterWhereItIsNoJson) {
  EXPECT_NE(cause_of_death("17, 250 g").find("the event's data"), std::string::npos);
}

TEST(AnswerOfAConnector, IsReadAsADescribedStructOrFailsWithThePlace) {
  ConnectorAnswer answer;
  answer.body = R"({"order": "17", "grams": 250})";
  EXPECT_EQ(answer.as<Parcel>().grams, 250);
  answer.body = R"({"order": "17", "grams": "much"})";
  try {
    (void)answer.as<Parcel>();
    ADD_FAILURE() << "a text is no number";
  } catch (const Failure& failure) {
    EXPECT_NE(failure.error().text().find("/grams"), std::string::npos);
  }
}

}  // namespace
}  // namespace mnema

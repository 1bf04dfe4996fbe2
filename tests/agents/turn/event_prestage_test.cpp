#include "agents/turn/event_prestage.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

task<Outcome> nothing(Ctx&, Event) { co_return done(); }

struct Prestaging {
  explicit Prestaging(int waiting_max = 4) {
    limits.prestage_waiting_max = waiting_max;
    fixture.agent("thinker", nothing).system("You help.");
    fixture.agent("counter", nothing);
    fixture.boot();
    agents = fixture.runtime->agents();
    prestage = std::make_unique<EventPrestage>(
        agents, EventPrestage::Parts{*fixture.engine, fixture.runtime->memory(), fixture.simulation.lane("loop"),
                                     fixture.simulation.lane("recall"), limits, "scripted"});
  }
  void accept(const std::string& agent, const std::string& key) {
    auto event = std::make_shared<Event>();
    event->id = std::to_string(++count);
    event->agent = agent;
    event->key = key;
    event->content_type = "text/plain";
    event->data = "text " + event->id;
    prestage->on_event_accepted(count, event);
    prestage->check_integrity();
    last = *event;
  }
  int embedded() {
    fixture.simulation.run_until_idle(std::chrono::seconds(1));
    return fixture.engine->embedded();
  }

  Limits limits;
  Fixture fixture{1, [](const GenerateRequest&) -> Result<Completion> { return say("ok"); }};
  std::map<std::string, AgentSpec> agents;
  std::unique_ptr<EventPrestage> prestage;
  Event last;
  int count = 0;
};

TEST(EventPrestage, DoesNothingForAnAgentThatOnlyCounts) {
  Prestaging prestaging;
  for (int i = 0; i < 100; ++i) prestaging.accept("counter", std::to_string(i));
  EXPECT_EQ(prestaging.prestage->waiting(), 0);
  EXPECT_EQ(prestaging.embedded(), 0);
  EXPECT_EQ(prestaging.fixture.engine->prestages(), 0);
}

TEST(EventPrestage, KeepsABurstWithinItsBound) {
  Prestaging prestaging(4);
  for (int i = 0; i < 100; ++i) prestaging.accept("thinker", std::to_string(i));
  EXPECT_EQ(prestaging.prestage->waiting(), 4);
  EXPECT_EQ(prestaging.embedded(), 4 + 2) << "two were begun at once";
  EXPECT_EQ(prestaging.prestage->waiting(), 0);
}

TEST(EventPrestage, TakesOneEventOfASession) {
  Prestaging prestaging(10);
  for (int i = 0; i < 10; ++i) prestaging.accept("thinker", "busy " + std::to_string(i % 2));
  for (int i = 0; i < 10; ++i) prestaging.accept("thinker", "same");
  EXPECT_LE(prestaging.prestage->waiting(), 3);
  EXPECT_GE(prestaging.embedded(), 3) << "each session has one";
}

TEST(EventPrestage, DropsWhatComesTooLate) {
  Prestaging prestaging;
  prestaging.accept("thinker", "a");
  prestaging.accept("thinker", "b");
  prestaging.accept("thinker", "c");
  EXPECT_EQ(prestaging.prestage->waiting(), 1);
  prestaging.prestage->on_turn_start(prestaging.last);
  prestaging.prestage->check_integrity();
  EXPECT_EQ(prestaging.prestage->waiting(), 0);
  EXPECT_EQ(prestaging.embedded(), 2);
}

TEST(EventPrestage, LearnsFromTurnsWhatTheAgentDoes) {
  Prestaging prestaging;
  prestaging.prestage->on_turn_end("counter", true, false);
  prestaging.accept("counter", "a");
  EXPECT_EQ(prestaging.embedded(), 1) << "it recalled, though it was not declared";
  for (int i = 0; i < 64; ++i) prestaging.prestage->on_turn_end("counter", false, false);
  prestaging.accept("counter", "b");
  EXPECT_EQ(prestaging.embedded(), 1) << "it does not any more";
}

}  // namespace
}  // namespace mnema

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "agents/agent.hpp"
#include "agents/turn/event_text.hpp"
#include "tests/agents/fixture.hpp"
#include "tests/runtime/log_capture.hpp"

// What an agent says of its events, as its turns see it.

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

struct Item {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Item, (), (text))
struct Sum {
  int events = 0;
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (events, turns))

std::vector<std::string>* journal = nullptr;

task<Item> note(ToolCtx& tool, Item item) {
  journal->push_back(tool.key().substr(0, 6) + " " + item.text);
  co_return item;
}

/// One effect for all events of the turn, and a count in its state.
task<Outcome> sum_up(Ctx& ctx, Event) {
  Item all;
  for (const Event& event : ctx.events()) all.text += event.id + " ";
  Item noted = co_await ctx.step("note", note, all, {.repeatable = true});
  Sum& sum = ctx.state<Sum>();
  sum.events += static_cast<int>(ctx.events().size());
  ++sum.turns;
  ctx.send("out", noted.text, "text/plain");
  co_return done();
}

/// Thinks for as long as the model takes.
task<Outcome> think_long(Ctx& ctx, Event event) {
  PromptPlan prompt = ctx.prompt().user(text_of(event));
  Reply reply = co_await ctx.think(prompt);
  ctx.send("out", reply.text, "text/plain");
  co_return done();
}

task<Outcome> fail_once(Ctx& ctx, Event event) {
  journal->push_back(event.id);
  if (event.id == "a1" && std::count(journal->begin(), journal->end(), "a1") == 1) {
    throw Failure(fail_retryable(ErrorCode::kUnavailable, "not now"));
  }
  ctx.send("out", event.id, "text/plain");
  co_return done();
}

class TurnFlow : public ::testing::Test {
 protected:
  TurnFlow() { journal = &noted_; }
  std::vector<std::string> noted_;
  const testing::LogCapture quiet_;
};

Result<Completion> slow_words(const GenerateRequest&) {
  std::string words;
  for (int i = 0; i < 500; ++i) words += "word ";
  return say(words);
}

TEST_F(TurnFlow, EndsAtItsEventsDeadlineWhichIsThenADeadLetterAndFreesTheModel) {
  Fixture fixture(1, slow_words);
  fixture.agent("thinker", think_long).deadline_ms(100);
  fixture.boot();
  fixture.send("thinker", "e1", "k", "think about it");
  fixture.settle();
  const auto dead = fixture.dead();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_NE(dead[0].error.message.find("during its turn"), std::string::npos) << dead[0].error.message;
  fixture.simulation.run_for(std::chrono::milliseconds(10));  // it sees the cancellation between two words
  EXPECT_EQ(fixture.engine->in_flight(), 0);
  EXPECT_TRUE(fixture.sink.arrived.empty());
  EXPECT_EQ(fixture.runtime->runtime().counts().events_expired_total, 1);
  fixture.runtime->check_integrity();
}

TEST_F(TurnFlow, LetsATurnThatIsInTimeCommit) {
  Fixture fixture(1, [](const GenerateRequest&) { return say("short"); });
  fixture.agent("thinker", think_long).deadline_ms(10'000);
  fixture.boot();
  fixture.send("thinker", "e1", "k", "think about it");
  fixture.settle();
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
  EXPECT_TRUE(fixture.dead().empty());
}

TEST_F(TurnFlow, SeesAllEventsOfABatchAndCommitsThemTogetherAlsoAfterACrash) {
  for (const bool crashes : {false, true}) {
    noted_.clear();
    Fixture fixture(1, [](const GenerateRequest&) { return say("unused"); });
    fixture.agent("summer", sum_up).state<Sum>().batch(3, 50);
    fixture.boot();
    for (const char* id : {"a1", "a2", "a3", "a4"}) fixture.send("summer", id, "k", "x");
    if (crashes) {
      fixture.simulation.run_until([&] { return !noted_.empty(); });
      fixture.crash();
      fixture.boot();
    }
    fixture.settle();
    ASSERT_EQ(fixture.sink.arrived.size(), 2U);
    EXPECT_EQ(fixture.sink.arrived[0].body, "a1 a2 a3 ");
    EXPECT_EQ(fixture.sink.arrived[1].body, "a4 ");
    const std::set<std::string> effects(noted_.begin(), noted_.end());
    EXPECT_EQ(effects.size(), 2U) << "a repeat has the same key and the same events";
    EXPECT_EQ(fixture.state("summer", "k")->json, R"({"events":4,"turns":2})");
    fixture.runtime->check_integrity();
  }
}

TEST_F(TurnFlow, HandlesTheNewestOfAKeysEventsWhereTheyAreCoalesced) {
  Fixture fixture(1, [](const GenerateRequest&) { return say("unused"); });
  fixture.agent("summer", sum_up).state<Sum>().coalesce(100);
  fixture.boot();
  for (int i = 1; i <= 20; ++i) fixture.send("summer", "e" + std::to_string(i), "k" + std::to_string(i % 2), "x");
  fixture.settle();
  std::set<std::string> bodies;
  for (const OutboxMessage& message : fixture.sink.arrived) bodies.insert(message.body);
  EXPECT_TRUE(bodies.contains("e19 ") && bodies.contains("e20 "));
  EXPECT_LT(fixture.sink.arrived.size(), 10U);
}

TEST_F(TurnFlow, LetsTheEventsBehindAFailedOneGoOnWhereItMayBeOvertaken) {
  Fixture fixture(1, [](const GenerateRequest&) { return say("unused"); });
  fixture.agent("worker", fail_once).on_failure(OnFailure::kOvertake);
  fixture.boot();
  for (const char* id : {"a1", "a2", "a3"}) fixture.send("worker", id, "k", "x");
  fixture.settle();
  EXPECT_EQ(noted_, (std::vector<std::string>{"a1", "a2", "a3", "a1"}));
  EXPECT_EQ(fixture.sink.arrived.size(), 3U);
}

TEST_F(TurnFlow, MakesADeadLetterOfTheFirstFailureWhereItIsFinal) {
  Fixture fixture(1, [](const GenerateRequest&) { return say("unused"); });
  fixture.agent("worker", fail_once).on_failure(OnFailure::kDeadLetter);
  fixture.boot();
  for (const char* id : {"a1", "a2"}) fixture.send("worker", id, "k", "x");
  fixture.settle();
  EXPECT_EQ(noted_, (std::vector<std::string>{"a1", "a2"}));
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].attempts, 1);
}

}  // namespace
}  // namespace mnema

#include "agents/turn/session_cleaner.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

struct Count {
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (turns))

task<Outcome> counts(Ctx& ctx, Event) {
  ++ctx.state<Count>().turns;
  co_return reply("counted");
}

class SessionCleanerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fixture.agent("counter", counts).state<Count>().answers_chat();
    fixture.boot();
  }
  void chat(const std::string& session) {
    bool answered = false;
    ChatRequest request;
    request.generate.model = "counter";
    request.generate.prompt.messages = {message_of(Role::kUser, "hello " + session)};
    request.session_hint = session;
    ChatCallbacks callbacks;
    callbacks.on_done = [&](const Result<Completion>& completion) { answered = completion.ok(); };
    fixture.chat->start_chat(std::move(request), fixture.simulation.lane("rest"), std::move(callbacks));
    ASSERT_TRUE(fixture.simulation.run_until([&] { return answered; }));
  }
  int states() {
    return fixture.runtime->runtime()
        .database()
        .read<int>([](Transaction& transaction) -> Result<int> {
          ASSIGN_OR_RETURN(Statement count, transaction.prepare("SELECT count(*) FROM agent_state"));
          ASSIGN_OR_RETURN([[maybe_unused]] const bool row, count.step());
          return static_cast<int>(count.integer(0));
        })
        .value();
  }

  Fixture fixture{3, [](const GenerateRequest&) { return say("words"); }};
};

TEST_F(SessionCleanerTest, RemovesTheStatesOfChatsThatNobodyCanComeBackTo) {
  for (int i = 0; i < 45; ++i) chat("");  // more than one unit of work takes
  chat("named");
  fixture.send("counter", "e1", "k", "");
  fixture.settle();
  EXPECT_EQ(states(), 47);
  SessionCleaner cleaner(fixture.runtime->runtime().database(), fixture.simulation.lane("loop"),
                         fixture.simulation.clock(), fixture.limits);
  cleaner.start();
  fixture.simulation.run_for(std::chrono::hours(fixture.limits.anonymous_state_retention_hours - 1));
  EXPECT_EQ(states(), 47);
  fixture.simulation.run_for(std::chrono::hours(2));
  EXPECT_EQ(states(), 2) << "those of the named session and of the event's key";
}

}  // namespace
}  // namespace mnema

#include "agents/turn/memory_reach.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

TEST(MemoryReach, GivesAnEpisodeToWhomItReachesAndNobodyElse) {
  const Scope turn{"red", "shop", "ann", "order-1"};
  const Scope same_key{"red", "shop", "", "order-1"}, same_user{"red", "shop", "ann", "order-2"};
  const Scope same_agent{"red", "shop", "bob", "order-2"}, same_tenant{"red", "post", "bob", "order-1"};
  const Scope stranger{"blue", "shop", "ann", "order-1"};
  const auto reaches = [&](MemoryReach reach) {
    std::string who;
    const Scope owner = owner_of(turn, reach);
    if (may_see(asker_of(turn), owner)) who += "itself ";
    if (may_see(asker_of(same_key), owner)) who += "key ";
    if (may_see(asker_of(same_user), owner)) who += "user ";
    if (may_see(asker_of(same_agent), owner)) who += "agent ";
    if (may_see(asker_of(same_tenant), owner)) who += "tenant ";
    if (may_see(asker_of(stranger), owner)) who += "stranger ";
    return who;
  };
  EXPECT_EQ(reaches(MemoryReach::kKey), "itself key ");
  EXPECT_EQ(reaches(MemoryReach::kUser), "itself user ");
  EXPECT_EQ(reaches(MemoryReach::kAgent), "itself key user agent ");
  EXPECT_EQ(reaches(MemoryReach::kTenant), "itself key user agent tenant ");
}

TEST(MemoryReach, KeepsEventsWithoutAKeyFromEveryConversation) {
  const Scope keyless{"red", "shop", "", ""};
  EXPECT_TRUE(may_see(asker_of(keyless), owner_of(keyless, MemoryReach::kKey)));
  EXPECT_FALSE(may_see(asker_of({"red", "shop", "", "a-conversation"}), owner_of(keyless, MemoryReach::kKey)));
  EXPECT_FALSE(may_see(asker_of({"red", "shop", "ann", "a-conversation"}), owner_of(keyless, MemoryReach::kUser)));
}

/// Remembers what it is told and recalls everything; what it recalled it shows the model.
task<Outcome> listens(Ctx& ctx, Event event) {
  Recalled facts = co_await ctx.recall(event.data);
  PromptPlan prompt = ctx.prompt().user(event.data).with(facts);
  Reply answer = co_await ctx.think(prompt);
  Episode said;
  said.role = "user";
  said.text = event.data;
  if (event.data.starts_with("everybody: ")) {
    ctx.remember(said, MemoryReach::kAgent);
  } else {
    ctx.remember(said);
  }
  co_return reply(answer.text);
}

class MemoryOfTurns : public ::testing::Test {
 protected:
  void tell(const std::string& agent, const std::string& key, const std::string& text) {
    fixture.send(agent, "e" + std::to_string(++events), key, text);
    fixture.settle();
  }
  void chat(const std::string& agent, const std::string& user, const std::string& text) {
    bool answered = false;
    ChatRequest request;
    request.generate.model = agent;
    request.generate.prompt.messages = {message_of(Role::kUser, text)};
    request.user_hint = user;
    ChatCallbacks callbacks;
    callbacks.on_done = [&](const Result<Completion>& completion) { answered = completion.ok(); };
    fixture.chat->start_chat(std::move(request), fixture.simulation.lane("rest"), std::move(callbacks));
    ASSERT_TRUE(fixture.simulation.run_until([&] { return answered; }));
  }
  bool was_shown(const std::string& words) {
    std::string text;
    const std::vector<GenerateRequest> requests = fixture.engine->requests();
    for (const Message& message : requests.back().prompt.messages) text += message.text();
    return text.find(words) != std::string::npos;
  }

  Fixture fixture{3, [](const GenerateRequest&) { return say("I am listening"); }};
  int events = 0;
};

constexpr const char* kQuestion = "which secret is it, a parrot?";

TEST_F(MemoryOfTurns, IsOfTheEventsKeyUnlessTheAgentSaysWider) {
  for (const char* name : {"ear", "other"}) fixture.agent(name, listens).answers_chat();
  fixture.boot();
  tell("ear", "anna", "my secret is a green parrot");
  tell("ear", "anna", kQuestion);
  EXPECT_TRUE(was_shown("green")) << "the key's own turns find it";
  tell("ear", "bert", kQuestion);
  EXPECT_FALSE(was_shown("green")) << "another key";
  tell("other", "anna", kQuestion);
  EXPECT_FALSE(was_shown("green")) << "another agent under that key";
  chat("ear", "", kQuestion);
  EXPECT_FALSE(was_shown("green")) << "an anonymous chat";
  chat("ear", "anna", kQuestion);
  EXPECT_FALSE(was_shown("green")) << "the chat of a user who is called like the key";
  chat("other", "", kQuestion);
  EXPECT_FALSE(was_shown("green")) << "another agent's chat";
}

TEST_F(MemoryOfTurns, IsOfNobodyElseWhenEventsHaveNoKey) {
  fixture.agent("ear", listens).answers_chat();
  fixture.boot();
  tell("ear", "", "my secret is a green parrot");
  tell("ear", "", kQuestion);
  EXPECT_TRUE(was_shown("green"));
  chat("ear", "", kQuestion);
  EXPECT_FALSE(was_shown("green"));
}

TEST_F(MemoryOfTurns, IsOfAllTurnsWhereTheAgentSaysSo) {
  fixture.agent("ear", listens).answers_chat().remembers(MemoryReach::kAgent);
  fixture.agent("other", listens).answers_chat();
  fixture.boot();
  tell("ear", "anna", "my secret is a green parrot");
  tell("ear", "bert", kQuestion);
  EXPECT_TRUE(was_shown("green"));
  chat("ear", "", kQuestion);
  EXPECT_TRUE(was_shown("green"));
  tell("other", "anna", kQuestion);
  EXPECT_FALSE(was_shown("green"));
  chat("ear", "", "my secret is a blue whale");
  tell("ear", "bert", "which secret is it, a whale?");
  EXPECT_FALSE(was_shown("blue")) << "a chat stays its own";
}

TEST_F(MemoryOfTurns, ReachesAsFarAsOneEpisodeSays) {
  fixture.agent("ear", listens).answers_chat();
  fixture.boot();
  tell("ear", "anna", "everybody: the secret is a green parrot");
  tell("ear", "bert", kQuestion);
  EXPECT_TRUE(was_shown("green"));
  chat("ear", "", kQuestion);
  EXPECT_TRUE(was_shown("green"));
}

}  // namespace
}  // namespace mnema

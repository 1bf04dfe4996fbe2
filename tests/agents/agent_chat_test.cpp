#include "agents/agent_chat.hpp"

#include <gtest/gtest.h>

#include "agents/turn/citations.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::Fixture;
using testing::say;

struct Count {
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (turns))

struct Parcel {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Parcel, (), (id))

/// Remembers what is said, and recalls it.
task<Outcome> listens(Ctx& ctx, Event event) {
  RecallQuery query;
  query.text = event.data;
  query.thread_excluded = ctx.thread();
  Recalled facts = co_await ctx.recall(query);
  PromptPlan prompt = ctx.prompt().user(event.data).with(facts);
  Reply answer = co_await ctx.think(prompt);
  Episode said;
  said.role = "user";
  said.text = event.data;
  said.thread = "all";
  ctx.remember(said);
  co_return reply(answer.text);
}

task<Outcome> counts(Ctx& ctx, Event event) {
  const int turns_before = ctx.state<Count>().turns;
  PromptPlan prompt = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(prompt);
  ctx.state<Count>().turns = turns_before + 1;
  co_return reply(answer.text);
}

task<Outcome> answers(Ctx& ctx, Event event) {
  PromptPlan prompt = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(prompt);
  co_return reply(answer.text);
}

struct Payment {
  std::string to;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (to))

std::vector<std::string> payment_keys;

task<std::string> pay(ToolCtx& tool, Payment) {
  payment_keys.push_back(tool.key());
  co_return "paid";
}

task<Outcome> misses_something(Ctx&, Event) {
  throw Failure(fail(ErrorCode::kNotFound, "there is no HTTP connector 'shop'"));
  co_return done();
}

task<std::string> find_parcel(ToolCtx&, Parcel parcel) { co_return "parcel " + parcel.id + " is on its way"; }

/// Answers from one passage, and says so if it cannot.
task<Outcome> cites(Ctx& ctx, Event event) {
  std::vector<Passage> passages{{"A page holds 32 tokens.", "B.md, line 7", "docs/B.md#L7", 0.9, Trust::kOperator}};
  PromptPlan prompt = ctx.prompt().user(event.data).with(passages);
  ThinkOptions options;
  options.grounded = true;
  options.refusal = "The documents do not tell.";
  Reply answer = co_await ctx.think(prompt, options);
  co_return reply(answer);
}

class AgentChatTest : public ::testing::Test {
 protected:
  /// What a client sends, and what it gets.
  struct Client {
    std::vector<Message> talk;
    std::string user, session;
    Constraint constraint;
    std::string streamed;
    std::optional<Result<Completion>> answer;
  };

  void begin(Client& client, const std::string& agent, const std::string& text, int tokens_max = 0,
             const std::string& request_id = "") {
    client.talk.push_back(message_of(Role::kUser, text));
    client.answer.reset();
    client.streamed.clear();
    ChatRequest request;
    request.generate.model = agent;
    request.generate.prompt.messages = client.talk;
    request.generate.tokens_max = tokens_max;
    request.generate.constraint = client.constraint;
    request.user_hint = client.user;
    request.session_hint = client.session;
    request.request_id = request_id;
    ChatCallbacks callbacks;
    callbacks.on_delta = [&client](Delta delta) { client.streamed += delta.text; };
    callbacks.on_done = [&client](Result<Completion> completion) { client.answer = std::move(completion); };
    fixture.chat->start_chat(std::move(request), fixture.simulation.lane("rest"), std::move(callbacks));
  }
  void finish(Client& client) {
    fixture.simulation.run_until([&] { return client.answer.has_value(); });
    ASSERT_TRUE(client.answer.has_value());
    if (client.answer->ok()) client.talk.push_back(message_of(Role::kAssistant, (*client.answer)->text));
  }
  void ask(Client& client, const std::string& agent, const std::string& text) {
    begin(client, agent, text);
    finish(client);
    ASSERT_TRUE(client.answer->ok()) << client.answer->error().text();
  }
  std::string last_prompt() {
    std::string text;
    const std::vector<GenerateRequest> requests = fixture.engine->requests();
    for (const Message& message : requests.back().prompt.messages) text += message.text() + "\n";
    return text;
  }

  Fixture fixture{3, [](const GenerateRequest&) { return say("I am listening"); }};
};

TEST_F(AgentChatTest, KeepsTwoPeopleApartWhomNobodyNamesAndWhoSaidTheSame) {
  fixture.agent("ear", listens).answers_chat();
  fixture.boot();
  Client anna, bert;
  ask(anna, "ear", "hello");
  ask(bert, "ear", "hello");
  ask(anna, "ear", "my secret is a green parrot");
  ask(bert, "ear", "which secret is it, a parrot?");
  EXPECT_EQ(last_prompt().find("green"), std::string::npos) << last_prompt();
  ask(anna, "ear", "which secret is it, a parrot?");
  EXPECT_NE(last_prompt().find("green"), std::string::npos) << "her own conversation goes on";
}

TEST_F(AgentChatTest, ContinuesTheSessionThatATrustedClientNames) {
  fixture.agent("counter", counts).state<Count>().answers_chat();
  fixture.boot();
  Client one, two;
  one.session = "one";
  two.session = "two";
  ask(one, "counter", "hello");
  ask(two, "counter", "hello");
  ask(one, "counter", "again");
  EXPECT_EQ(fixture.state("counter", "one")->json, R"({"turns":2})");
  EXPECT_EQ(fixture.state("counter", "two")->json, R"({"turns":1})");
}

TEST_F(AgentChatTest, TakesTheChatsOfOneSessionOneAfterTheOther) {
  fixture.agent("counter", counts).state<Count>().answers_chat();
  fixture.boot();
  std::vector<Client> clients(5);
  for (Client& client : clients) {
    client.session = "shared";
    begin(client, "counter", "hello");
  }
  for (Client& client : clients) {
    finish(client);
    ASSERT_TRUE(client.answer->ok()) << client.answer->error().text();
  }
  EXPECT_EQ(fixture.state("counter", "shared")->json, R"({"turns":5})");
}

TEST_F(AgentChatTest, LetsAChatBehindACancelledOneBegin) {
  fixture.agent("counter", counts).state<Count>().answers_chat();
  fixture.boot();
  Client first, second;
  first.session = second.session = "shared";
  begin(first, "counter", "hello");
  ChatRequest gone;
  gone.generate.model = "counter";
  gone.generate.prompt.messages = first.talk;
  gone.session_hint = "shared";
  ChatCallbacks nothing;
  nothing.on_done = [](const Result<Completion>&) {};
  const auto run = fixture.chat->start_chat(gone, fixture.simulation.lane("rest"), nothing);
  run->cancel();
  begin(second, "counter", "hello");
  finish(first);
  finish(second);
  EXPECT_TRUE(second.answer->ok());
  EXPECT_EQ(fixture.state("counter", "shared")->json, R"({"turns":2})");
}

TEST_F(AgentChatTest, SaysItsAnswerOnceWhenAToolWasCalledInBetween) {
  fixture.script = [](const GenerateRequest& request) {
    if (request.prompt.messages.back().role == Role::kTool) return say("It is on its way.");
    Completion completion = call("find_parcel", R"({"id": "7"})");
    completion.text = "Let me look.";
    return completion;
  };
  fixture.agent("post", answers)
      .answers_chat()
      .tool("find_parcel", "Where a parcel is", find_parcel, ToolOptions<std::string, Parcel>{.has_effects = false});
  fixture.boot();
  Client client;
  ask(client, "post", "where is parcel 7?");
  EXPECT_EQ((*client.answer)->text, "Let me look.\n\nIt is on its way.");
  EXPECT_EQ(client.streamed, "Let me look.\n\nIt is on its way.");
}

TEST_F(AgentChatTest, StreamsAnAnswerHeldToItsPassagesAndTellsWhereItIsFrom) {
  fixture.script = [](const GenerateRequest&) {
    return say("A page holds 32 tokens [4]. Bananas grow in Ecuador [1].");
  };
  fixture.agent("reader", cites).answers_chat();
  fixture.boot();
  Client client;
  ask(client, "reader", "how much?");
  const Completion& answer = **client.answer;
  EXPECT_EQ(answer.text, "A page holds 32 tokens [1]. Bananas grow in Ecuador [unsupported].");
  EXPECT_EQ(client.streamed, answer.text);
  ASSERT_EQ(answer.annotations.size(), 1U);
  EXPECT_EQ(answer.annotations[0].url, "docs/B.md#L7");
  EXPECT_EQ(answer.text.substr(static_cast<std::size_t>(answer.annotations[0].start), 3), "[1]");
}

TEST_F(AgentChatTest, TellsNothingOfAnAnswerThatItsPassagesDoNotSupport) {
  fixture.script = [](const GenerateRequest&) { return say("Bananas grow in Ecuador. A page holds 32 tokens."); };
  fixture.agent("reader", cites).answers_chat();
  fixture.boot();
  Client client;
  ask(client, "reader", "where do bananas grow?");
  EXPECT_EQ((*client.answer)->text, "The documents do not tell.");
  EXPECT_EQ(client.streamed, "The documents do not tell.");
  EXPECT_TRUE((*client.answer)->annotations.empty());
}

TEST_F(AgentChatTest, LeavesAStructuredAnswerTheModelsJsonAlone) {
  const std::string json = R"({"page_holds_tokens": 32})";
  fixture.script = [&](const GenerateRequest&) { return say(json); };
  fixture.agent("reader", cites).answers_chat();
  fixture.boot();
  Client client;
  client.constraint = JsonObjectConstraint{};
  ask(client, "reader", "how much?");
  EXPECT_EQ((*client.answer)->text, json);
  EXPECT_EQ(client.streamed, json);
  ASSERT_EQ((*client.answer)->annotations.size(), 1U);
  EXPECT_EQ((*client.answer)->annotations[0].url, "docs/B.md#L7");
}

/// Says what it found without a model.
task<Outcome> finds_nothing(Ctx&, Event) { co_return reply("I found nothing about that."); }

TEST_F(AgentChatTest, RefusesInItsOwnPlaceWhereATextWouldNotHaveTheShapeThatWasAskedFor) {
  fixture.agent("finder", finds_nothing).answers_chat();
  fixture.boot();
  for (const Constraint& shape :
       {Constraint(JsonObjectConstraint{}), Constraint(JsonSchemaConstraint{boost::json::object{{"type", "object"}}}),
        Constraint(ChoiceConstraint{{"yes", "no"}})}) {
    Client client;
    client.constraint = shape;
    ask(client, "finder", "anything?");
    EXPECT_EQ((*client.answer)->text, "");
    EXPECT_EQ((*client.answer)->refusal, "I found nothing about that.");
  }
  Client client;
  ask(client, "finder", "anything?");
  EXPECT_EQ((*client.answer)->text, "I found nothing about that.");
  EXPECT_EQ((*client.answer)->refusal, "");
}

TEST_F(AgentChatTest, ShowsTheModelTheClientsSystemTextOnceAndAtTheSamePlace) {
  fixture.agent("plain", answers).answers_chat();
  fixture.boot();
  Client client;
  client.talk.push_back(message_of(Role::kSystem, "Speak like a pirate."));
  ask(client, "plain", "hello");
  const std::string first = last_prompt();
  ask(client, "plain", "who are you?");
  const std::string second = last_prompt();
  EXPECT_TRUE(second.starts_with(first)) << first << "\n---\n" << second;
  EXPECT_EQ(second.find("pirate", second.find("pirate") + 1), std::string::npos) << second;
}

TEST_F(AgentChatTest, TrustsAClientsSystemTextLikeItsUser) {
  fixture.agent("plain", answers).answers_chat();
  fixture.boot();
  Client client;
  client.talk.push_back(message_of(Role::kSystem, "Speak like a pirate."));
  client.talk.back().content[0].trust = Trust::kOperator;  // whatever the API says
  ask(client, "plain", "hello");
  const std::vector<GenerateRequest> requests = fixture.engine->requests();
  int found = 0;
  for (const Message& message : requests.back().prompt.messages) {
    for (const Segment& segment : message.content) {
      if (segment.text.find("pirate") == std::string::npos) continue;
      ++found;
      EXPECT_EQ(segment.trust, Trust::kUser);
    }
  }
  EXPECT_EQ(found, 1);
}

TEST_F(AgentChatTest, MakesTwoEffectsOfTwoChatsWhoseRequestIdIsTheSame) {
  payment_keys.clear();
  fixture.script = [](const GenerateRequest& request) {
    if (request.prompt.messages.back().role == Role::kTool) return say("paid");
    return call("pay", R"({"to": "ann"})");
  };
  fixture.agent("till", answers).answers_chat().tool("pay", "Pays", pay, ToolOptions<std::string, Payment>{});
  fixture.boot();
  for (int chat = 0; chat < 2; ++chat) {
    Client client;
    begin(client, "till", "pay ann", 0, "constant-id-of-a-proxy");
    finish(client);
    ASSERT_TRUE(client.answer->ok()) << client.answer->error().text();
  }
  ASSERT_EQ(payment_keys.size(), 2U);
  EXPECT_NE(payment_keys[0], payment_keys[1]) << "the other side must not take one for a repeat of the other";
}

TEST_F(AgentChatTest, KeepsTheStateOfASessionThatNobodyNamesOnlyForATime) {
  fixture.agent("counter", counts).state<Count>().answers_chat();
  fixture.boot();
  Client named, anonymous;
  named.session = "one";
  ask(named, "counter", "hello");
  ask(anonymous, "counter", "hello");
  EXPECT_FALSE(fixture.state("counter", "one")->expires_at);
  const auto count = [&](Transaction& transaction) -> Result<int> {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT count(*) FROM agent_state WHERE expires_at IS NOT NULL"));
    ASSIGN_OR_RETURN([[maybe_unused]] const bool row, select.step());
    return static_cast<int>(select.integer(0));
  };
  EXPECT_EQ(fixture.runtime->runtime().database().read<int>(count).value(), 1);
}

TEST_F(AgentChatTest, TakesAnyNumberOfTokensThatAClientAsksFor) {
  fixture.agent("plain", answers).answers_chat().budget({.tokens = 40'000});
  fixture.boot();
  for (const int tokens_max : {1, 8000, 2'147'483'647}) {
    Client client;
    begin(client, "plain", "hello", tokens_max);
    finish(client);
    ASSERT_TRUE(client.answer->ok()) << client.answer->error().text();
    EXPECT_LE(fixture.engine->requests().back().tokens_max, 8192);
  }
}

TEST_F(AgentChatTest, DoesNotBlameTheClientForWhatGoesWrongInside) {
  fixture.agent("broken", misses_something).answers_chat();
  fixture.boot();
  Client client;
  begin(client, "broken", "hello");
  finish(client);
  ASSERT_FALSE(client.answer->ok());
  EXPECT_EQ(client.answer->error().code, ErrorCode::kInternal);
  EXPECT_NE(client.answer->error().message.find("shop"), std::string::npos);
}

}  // namespace
}  // namespace mnema

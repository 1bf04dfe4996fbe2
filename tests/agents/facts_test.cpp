// Facts on their way through the program: told in a chat, made in idle time, shown to the model, taken back.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "agents/context.hpp"
#include "agents/rest/admin_memory.hpp"
#include "agents/rest/rest_api.hpp"
#include "tests/agents/fixture.hpp"
#include "tests/agents/rest/rest_call.hpp"

namespace mnema {
namespace {

using testing::answer_to;
using testing::Fixture;
using testing::MemoryExchange;
using testing::request_with_key;
using testing::say;

/// Knows the facts of its user, and remembers what both say. Asked "as of SECONDS" it tells where they lived then.
task<Outcome> companion(Ctx& ctx, Event event) {
  if (event.data.starts_with("as of ")) {
    FactQuery query;
    query.predicate = "location";
    query.valid = from_micros(std::stoll(event.data.substr(6)) * 1'000'000);
    Facts then = co_await ctx.facts(query);
    co_return reply(then.facts.empty() ? "nowhere" : then.facts.front().object);
  }
  Facts known = co_await ctx.facts(event.data);
  PromptPlan prompt = ctx.prompt().known(known).user(event.data);
  Reply answer = co_await ctx.think(prompt);
  Episode said;
  said.role = "user";
  said.text = event.data;
  said.trust = event.trust;
  ctx.remember(said);
  said.role = "assistant";
  said.text = answer.text;
  said.trust = answer.trust;
  ctx.remember(said);
  co_return reply(answer);
}

/// What a client of the REST API sends, the whole talk each time.
struct Client {
  explicit Client(std::string name) : user(std::move(name)) {}
  const std::string user;
  boost::json::array messages;
};

class FactsTest : public ::testing::Test {
 protected:
  FactsTest() {
    fixture_.agent("companion", companion).answers_chat();
    fixture_.boot();
    RestApi::Parts parts{*fixture_.engine,
                         {fixture_.chat.get()},
                         "",
                         fixture_.simulation.lane("workers"),
                         fixture_.simulation.clock(),
                         fixture_.simulation.random(),
                         fixture_.limits,
                         ApiKeys({{"a", Secret("key-a"), "a", true, {}},
                                  {"b", Secret("key-b"), "b", true, {}},
                                  {"operator", Secret("key-o"), "*", false, {true, true}}}),
                         {},
                         {},
                         {}};
    const ApiKeys keys = parts.keys;
    api_ = std::make_unique<RestApi>(std::move(parts));
    api_->mount(routes_);
    AdminMemory({fixture_.runtime->memory(), fixture_.simulation.lane("queries"), fixture_.limits, keys})
        .mount(routes_);
  }

  std::shared_ptr<MemoryExchange> send(const std::string& method, const std::string& target, const std::string& key,
                                       std::string body = "") {
    return answer_to(request_with_key(method, target, key, std::move(body)), routes_, fixture_.simulation);
  }

  /// One turn, and `after` of quiet behind it. Returns the answer.
  std::string chat(Client& client, const std::string& text, Duration after = std::chrono::hours(6),
                   const std::string& key = "key-a") {
    client.messages.push_back(boost::json::object{{"role", "user"}, {"content", text}});
    const auto exchange = send("POST", "/v1/chat/completions", key,
                               boost::json::serialize(boost::json::object{
                                   {"model", "companion"}, {"user", client.user}, {"messages", client.messages}}));
    EXPECT_EQ(exchange->status(), 200) << exchange->answer->body;
    const boost::json::value message = exchange->json().at("choices").at(0).at("message");
    client.messages.push_back(
        boost::json::object{{"role", "assistant"}, {"content", message.at("content").as_string()}});
    fixture_.simulation.run_for(after);
    return std::string(message.at("content").as_string());
  }

  /// What the last prompt said is known.
  [[nodiscard]] std::string known() const {
    std::string text;
    const std::vector<GenerateRequest> requests = fixture_.engine->requests();
    for (const Message& message : requests.back().prompt.messages) {
      for (const Segment& segment : message.content) text += segment.label == "known" ? segment.text : "";
    }
    return text;
  }
  [[nodiscard]] std::string now_text() {
    return std::to_string(to_micros(fixture_.simulation.clock().now()) / 1'000'000);
  }

  Fixture fixture_{5, [](const GenerateRequest&) { return say("I see."); }};
  std::unique_ptr<RestApi> api_;
  HttpRoutes routes_;
};

TEST_F(FactsTest, AreRightAfterTwoHundredTurnsAndComeBackWhenTheTurnGoesThatChangedThem) {
  Client anna("anna");
  std::string turn_50;
  for (int turn = 1; turn <= 199; ++turn) {
    std::string text = "Tell me something about number " + std::to_string(turn) + ", please.";
    if (turn == 3) text = "By the way, I live in Hamburg.";
    if (turn == 120) text = "You know what? We moved to Lisbon last week!";
    if (turn == 50) turn_50 = now_text();
    (void)chat(anna, text);
  }
  (void)chat(anna, "Which bakeries are near me?");
  EXPECT_NE(known().find("user · location: Lisbon"), std::string::npos) << known();
  EXPECT_EQ(known().find("Hamburg"), std::string::npos) << known();
  EXPECT_EQ(chat(anna, "as of " + turn_50), "Hamburg");

  const auto facts = send("GET", "/admin/v1/memory/facts?tenant=a&user=anna", "key-o");
  ASSERT_EQ(facts->status(), 200) << facts->answer->body;
  const boost::json::value fact = facts->json().at("data").at(0);
  EXPECT_EQ(fact.at("object").as_string(), "Lisbon");
  EXPECT_EQ(fact.at("trust").as_string(), "user");
  const std::string episode = std::to_string(fact.at("evidence").at(0).as_int64());
  const std::string erase = "/admin/v1/memory/episodes/" + episode + "/erase";
  EXPECT_EQ(send("POST", erase, "key-o")->status(), 404) << "a key of all tenants names one, or means 'local'";
  ASSERT_EQ(send("POST", erase + "?tenant=a", "key-o")->status(), 200);
  EXPECT_EQ(send("POST", erase + "?tenant=a", "key-o")->status(), 404);
  (void)chat(anna, "And which parks?");
  EXPECT_NE(known().find("user · location: Hamburg"), std::string::npos) << known();
  EXPECT_EQ(known().find("Lisbon"), std::string::npos) << known();
  fixture_.runtime->check_integrity();
}

TEST_F(FactsTest, AreTakenBackByAClientThatEditsWhatItSaid) {
  Client anna("anna");
  (void)chat(anna, "I live in Hamburg.");
  (void)chat(anna, "What a day.");
  const boost::json::array before = anna.messages;
  (void)chat(anna, "I moved to Lisbon.");
  (void)chat(anna, "Which bakeries are near me?");
  EXPECT_NE(known().find("Lisbon"), std::string::npos) << known();

  anna.messages = before;
  (void)chat(anna, "I bought a bicycle.");
  (void)chat(anna, "Which bakeries are near me?");
  EXPECT_NE(known().find("Hamburg"), std::string::npos) << known();
  EXPECT_EQ(known().find("Lisbon"), std::string::npos) << known();
}

TEST_F(FactsTest, LeaveThePromptsBeginningAsItWas) {
  Client anna("anna");
  (void)chat(anna, "I live in Hamburg. I love jazz. My sister Mia lives in Oslo.");
  (void)chat(anna, "What a day.");
  const std::string first = known();
  EXPECT_NE(first.find("jazz"), std::string::npos) << first;
  (void)chat(anna, "Where does Mia live?");
  EXPECT_EQ(known(), first) << "the same facts are the same bytes, whatever is asked";
}

TEST_F(FactsTest, AreNeverThoseOfAnotherUserOrTenant) {
  Client anna("anna"), bert("bert"), other("anna");
  (void)chat(anna, "I live in Hamburg.");
  (void)chat(bert, "Where am I?");
  EXPECT_EQ(known(), "");
  (void)chat(other, "Where am I?", std::chrono::hours(1), "key-b");
  EXPECT_EQ(known(), "") << "the same name in another tenant";
  EXPECT_EQ(send("GET", "/admin/v1/memory/facts", "key-a")->status(), 403) << "a key without a role";
  (void)chat(anna, "Where am I?");
  EXPECT_NE(known().find("Hamburg"), std::string::npos);
}

TEST_F(FactsTest, AreNotMadeOfWhatTheModelSaidFromMemory) {
  fixture_.script = [](const GenerateRequest&) { return say("You live in Oslo."); };
  Client anna("anna");
  (void)chat(anna, "I live in Hamburg.");
  (void)chat(anna, "Where do I live?");
  (void)chat(anna, "Where do I live?");
  const auto count =
      fixture_.runtime->runtime().database().read<std::int64_t>([](Transaction& transaction) -> Result<std::int64_t> {
        ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM memory_episodes WHERE attributes"
                                                               " LIKE '%from_memory%' AND role = 'assistant'"));
        ASSIGN_OR_RETURN(const bool row, select.step());
        return row ? select.integer(0) : -1;
      });
  EXPECT_EQ(*count, 2) << "the answers after something was known";
  EXPECT_NE(known().find("Hamburg"), std::string::npos);
}

}  // namespace
}  // namespace mnema

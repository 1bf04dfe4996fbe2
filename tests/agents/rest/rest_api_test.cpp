#include "agents/rest/rest_api.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/simulation_executor.hpp"
#include "tests/agents/fixture.hpp"
#include "tests/agents/rest/rest_call.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::MemoryExchange;
using testing::request_with_key;
using testing::say;
using testing::ScriptedEngine;

/// Remembers what it was asked and answers "ok".
class RecordingBackend final : public ChatBackend {
 public:
  [[nodiscard]] std::vector<ServedModel> models() const override { return {{.name = "desk", .is_agent = true}}; }
  std::shared_ptr<ChatRun> start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) override {
    requests.push_back(std::move(request));
    reply_to.post([callbacks = std::move(callbacks)] { callbacks.on_done(say("ok")); });
    return nullptr;
  }
  std::vector<ChatRequest> requests;
};

/// Workers that are busy for ever.
class BusyExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { waiting.push_back(std::move(work)); }
  void post_after(Duration, std::function<void()> work) override { waiting.push_back(std::move(work)); }
  std::vector<std::function<void()>> waiting;
};

HttpRequest get(const std::string& path, const std::string& key = "") { return request_with_key("GET", path, key); }

HttpRequest chat(const std::string& key, const std::string& text, const std::string& session = "") {
  HttpRequest request = get("/v1/chat/completions", key);
  request.method = "POST";
  request.body = R"({"model": "desk", "user": "body-user", "metadata": {"session_id": "body-session", "tenant": "a"},
                     "messages": [{"role": "user", "content": ")" +
                 text + R"("}]})";
  request.headers.add("X-Mnema-Tenant", "a");
  if (!session.empty()) request.headers.add("X-Mnema-Session", session);
  return request;
}

ApiKeys two_tenants() {
  return ApiKeys({{"a", Secret("key-a"), "a", true, {true, false}},
                  {"b", Secret("key-b"), "b", true, {true, false}},
                  {"kiosk", Secret("key-k"), "b", false, {}},
                  {"operator", Secret("key-o"), "*", false, {true, true}},
                  {"unreadable", Secret(), "a", true, {true, true}}});
}

class RestApiTest : public ::testing::Test {
 protected:
  void open(Executor& workers) {
    RestApi::Parts parts{engine_,       {&backend_}, "", workers, simulation_.clock(), simulation_.random(), limits_,
                         two_tenants(), {},          {}, {}};
    parts.status = &simulation_.lane("status");
    parts.metrics_text = [] { return std::string("mnema_up 1\n"); };
    parts.health = [this](const Identity& identity) {
      health_for_ = identity.tenant;
      return boost::json::object{{"degraded", true}};
    };
    api_ = std::make_unique<RestApi>(std::move(parts));
    api_->mount(routes_);
  }
  std::shared_ptr<MemoryExchange> send(HttpRequest request) {
    auto exchange = std::make_shared<MemoryExchange>();
    routes_.handle(std::move(request), exchange);
    return exchange;
  }
  std::shared_ptr<MemoryExchange> answer(HttpRequest request) {
    auto exchange = send(std::move(request));
    simulation_.run_ready();
    return exchange;
  }

  Simulation simulation_{1};
  Limits limits_;
  ScriptedEngine engine_{simulation_.lane("engine"), [](const GenerateRequest&) { return say("ok"); }};
  RecordingBackend backend_;
  std::unique_ptr<RestApi> api_;
  HttpRoutes routes_;
  std::string health_for_;
};

TEST_F(RestApiTest, RequiresAKeyForAllButTheWordThatItLives) {
  open(simulation_.lane("workers"));
  for (const char* path : {"/v1/models", "/v1/models/desk", "/metrics", "/health?full", "/health?full=1"}) {
    for (const char* key : {"", "key-c"}) EXPECT_EQ(answer(get(path, key))->status(), 401) << path << " " << key;
    EXPECT_EQ(answer(get(path, "key-a"))->status(), 200) << path;
  }
  EXPECT_EQ(answer(chat("key-c", "hello"))->status(), 401);
  EXPECT_EQ(answer(chat("", "hello"))->status(), 401);
  EXPECT_TRUE(backend_.requests.empty()) << "nobody was woken";
  const auto health = answer(get("/health"));
  EXPECT_EQ(health->status(), 200);
  EXPECT_EQ(health->json(), (boost::json::value{{"status", "ok"}})) << "and not a word more";
}

TEST_F(RestApiTest, ShowsTheServersWorkingsOnlyToAKeyThatMayRead) {
  open(simulation_.lane("workers"));
  for (const char* path : {"/metrics", "/health?full"}) {
    const auto refused = answer(get(path, "key-k"));
    EXPECT_EQ(refused->status(), 403) << path;
    EXPECT_EQ(refused->json().at("error").at("type"), "permission_error");
    EXPECT_NE(std::string(refused->json().at("error").at("message").as_string()).find("'read'"), std::string::npos);
    EXPECT_EQ(answer(get(path, "key-o"))->status(), 200) << path << ": a key of no tenant may have the role";
  }
  EXPECT_EQ(answer(get("/health", "key-k"))->status(), 200) << "whether it lives is no secret";
  EXPECT_EQ(answer(get("/v1/models", "key-k"))->status(), 200) << "chats need no role";
}

TEST_F(RestApiTest, LetsAKeyThatBelongsToNoTenantUseNothingOfTheModels) {
  open(simulation_.lane("workers"));
  EXPECT_EQ(answer(chat("key-o", "hello"))->status(), 403);
  EXPECT_TRUE(backend_.requests.empty());
  for (const char* path : {"/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize", "/apply-template"}) {
    HttpRequest request = get(path, "key-o");
    request.method = "POST";
    request.body = "{}";
    EXPECT_EQ(answer(std::move(request))->status(), 403) << path;
  }
  for (const char* path : {"/v1/models", "/v1/models/desk"}) EXPECT_EQ(answer(get(path, "key-o"))->status(), 403);
}

TEST_F(RestApiTest, RefusesAKeyThatIsSentInAnotherWay) {
  open(simulation_.lane("workers"));
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Authorization", "Basic key-a"},
                                                        {"Authorization", "key-a"},
                                                        {"X-Api-Key", "key-a"},
                                                        {"Proxy-Authorization", "Bearer key-a"},
                                                        {"Authorization", "Bearer "}}) {
    HttpRequest request = get("/v1/models");
    request.headers.add(name, value);
    const auto refused = answer(std::move(request));
    EXPECT_EQ(refused->status(), 401) << name << ": " << value;
    EXPECT_EQ(refused->answer->headers.get("www-authenticate"), "Bearer");
  }
  HttpRequest in_query = get("/v1/models?api_key=key-a&key=key-a");
  EXPECT_EQ(answer(std::move(in_query))->status(), 401) << "queries stand in logs";
}

TEST_F(RestApiTest, SaysInFullWhatIsWrongWithoutBeingDownForIt) {
  open(simulation_.lane("workers"));
  const auto health = answer(get("/health?full", "key-b"));
  EXPECT_EQ(health->status(), 200);
  EXPECT_EQ(health->json().at("status"), "ok");
  EXPECT_EQ(health->json().at("degraded"), true);
  EXPECT_EQ(health_for_, "b");
}

TEST_F(RestApiTest, AnswersProbesAndScrapersWhileItsWorkersAreBusy) {
  BusyExecutor busy;
  open(busy);
  const auto waiting = answer(chat("key-a", "a long prompt"));
  EXPECT_EQ(waiting->status(), 0);
  EXPECT_EQ(send(get("/health"))->status(), 200) << "at once, on the loop";
  EXPECT_EQ(answer(get("/health?full", "key-a"))->status(), 200);
  EXPECT_EQ(answer(get("/metrics", "key-a"))->answer->body, "mnema_up 1\n");
}

TEST_F(RestApiTest, TakesTheTenantFromTheKeyAndFromNothingElse) {
  open(simulation_.lane("workers"));
  EXPECT_EQ(answer(chat("key-b", "hello", "s"))->status(), 200);
  ASSERT_EQ(backend_.requests.size(), 1U);
  const ChatRequest& seen = backend_.requests[0];
  EXPECT_EQ(seen.identity.tenant, "b");
  EXPECT_EQ(seen.generate.scope.tenant, "b");
  EXPECT_EQ(seen.session_hint, "s");
  EXPECT_EQ(seen.user_hint, "body-user");
  EXPECT_FALSE(seen.headers.has("authorization")) << "agents see no keys";
}

TEST_F(RestApiTest, IgnoresUsersAndSessionsThatAKeyMayNotAssert) {
  open(simulation_.lane("workers"));
  HttpRequest request = chat("key-k", "hello", "s");
  request.headers.add("X-Mnema-User", "boss");
  request.headers.add("X-OpenWebUI-User-Id", "boss");
  EXPECT_EQ(answer(std::move(request))->status(), 200);
  ASSERT_EQ(backend_.requests.size(), 1U);
  const ChatRequest& seen = backend_.requests[0];
  EXPECT_EQ(seen.user_hint, "");
  EXPECT_EQ(seen.session_hint, "");
  EXPECT_EQ(seen.generate.scope.user, "");
  EXPECT_EQ(seen.generate.scope.session, "");
}

struct Heard {
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Heard, (), (turns))

task<Outcome> desk(Ctx& ctx, Event event) {
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
  ctx.state<Heard>().turns += 1;
  co_return reply(answer.text);
}

/// The API over real agents, state and memory.
class RestTenantsTest : public ::testing::Test {
 protected:
  RestTenantsTest() {
    fixture_.agent("desk", desk).state<Heard>().answers_chat();
    fixture_.boot();
    RestApi::Parts parts{*fixture_.engine,
                         {fixture_.chat.get()},
                         "",
                         fixture_.simulation.lane("workers"),
                         fixture_.simulation.clock(),
                         fixture_.simulation.random(),
                         fixture_.limits,
                         two_tenants(),
                         {},
                         {},
                         {}};
    api_ = std::make_unique<RestApi>(std::move(parts));
    api_->mount(routes_);
  }
  int status_of(HttpRequest request) {
    auto exchange = std::make_shared<MemoryExchange>();
    routes_.handle(std::move(request), exchange);
    fixture_.simulation.run_until([&] { return exchange->status() != 0; });
    fixture_.settle();
    return exchange->status();
  }
  int turns_of(const std::string& tenant) {
    const auto state = fixture_.runtime->runtime()
                           .database()
                           .read<std::optional<StoredState>>(
                               [&](Transaction& transaction) { return find_state(transaction, tenant, "desk", "s"); })
                           .value();
    return state ? static_cast<int>(boost::json::parse(state->json).at("turns").as_int64()) : 0;
  }
  [[nodiscard]] std::string last_prompt() const {
    std::string text;
    const std::vector<GenerateRequest> asked = fixture_.engine->requests();
    for (const Message& message : asked.back().prompt.messages) text += message.text() + "\n";
    return text;
  }

  Fixture fixture_{1, [](const GenerateRequest&) { return say("Understood."); }};
  std::unique_ptr<RestApi> api_;
  HttpRoutes routes_;
};

TEST_F(RestTenantsTest, AKeyNeitherReadsNorWakesWhatIsAnotherTenants) {
  ASSERT_EQ(status_of(chat("key-a", "the vault code is 4711", "s")), 200);
  ASSERT_EQ(status_of(chat("key-a", "what is the vault code", "other")), 200);
  ASSERT_NE(last_prompt().find("4711"), std::string::npos) << "the tenant itself remembers it";
  ASSERT_EQ(status_of(chat("key-b", "what is the vault code", "s")), 200);
  EXPECT_EQ(last_prompt().find("4711"), std::string::npos) << "same agent, session and question, another key";
  EXPECT_EQ(turns_of("a"), 1);
  EXPECT_EQ(turns_of("b"), 1);
  EXPECT_EQ(status_of(chat("key-c", "what is the vault code", "s")), 401);
  EXPECT_EQ(turns_of("a") + turns_of("b"), 2);
}

}  // namespace
}  // namespace mnema

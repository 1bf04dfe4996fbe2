#include "agents/rest/admin_api.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "agents/rest/dead_letter_json.hpp"
#include "connectors/base64.hpp"
#include "tests/agents/rest/rest_call.hpp"
#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::answer_to;
using testing::MemoryExchange;
using testing::request_with_key;
using testing::RuntimeFixture;

ApiKeys all_kinds() {
  return ApiKeys({{"reader", Secret("read-a"), "a", false, {true, false}},
                  {"worker", Secret("operate-a"), "a", false, {false, true}},
                  {"chats", Secret("chat-a"), "a", true, {}},
                  {"other", Secret("both-b"), "b", false, {true, true}},
                  {"operator", Secret("both-all"), "*", false, {true, true}}});
}

/// The routes over a real mailbox, in which event 1 and 3 of tenant "a" and event 2 of tenant "b" are dead.
class AdminApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* tenant : {"a", "b", "a"}) kill_one(tenant);
    open(all_kinds());
  }
  void kill_one(const std::string& tenant) {
    const std::string number = std::to_string(++made_);
    ASSERT_TRUE(fixture_.accept(testing::event_of_tenant(tenant, number, number)).ok());
    std::optional<Delivery> delivery = fixture_.take();
    ASSERT_TRUE(delivery);
    ASSERT_TRUE(fixture_.dead_letter(std::move(*delivery), fail(ErrorCode::kInvalidArgument, "wrong " + number)).ok());
  }
  void open(ApiKeys keys) {
    routes_ = HttpRoutes();
    AdminApi({fixture_.runtime->dead_letters(), fixture_.simulation.lane("queries"), fixture_.limits, std::move(keys)})
        .mount(routes_);
  }
  std::shared_ptr<MemoryExchange> send(const std::string& method, const std::string& target, const std::string& key,
                                       const std::string& body = "") {
    return answer_to(request_with_key(method, "/admin/v1/dead-letters" + target, key, body), routes_,
                     fixture_.simulation);
  }
  std::vector<std::string> ids(const std::string& query, const std::string& key = "both-all") {
    const auto answer = send("GET", query, key);
    EXPECT_EQ(answer->status(), 200) << answer->answer->body;
    std::vector<std::string> found;
    const boost::json::value page = answer->json();
    for (const auto& letter : page.at("data").as_array()) found.emplace_back(letter.at("id").as_string());
    return found;
  }
  static std::string message_of(const MemoryExchange& answer) {
    return std::string(answer.json().at("error").at("message").as_string());
  }
  /// What the worker of an event gets, if it is ready.
  std::optional<std::string> payload_of_next() {
    const std::optional<Delivery> delivery = fixture_.take();
    if (!delivery) return std::nullopt;
    EXPECT_TRUE(fixture_.complete(*delivery).ok());
    return delivery->event().data;
  }
  using Ids = std::vector<std::string>;

  int made_ = 0;
  RuntimeFixture fixture_{Limits::tiny()};
  HttpRoutes routes_;
};

TEST_F(AdminApiTest, NamesTheRoleThatAKeyLacks) {
  const struct {
    const char* method;
    const char* target;
    const char* role;
    const char* allowed;
    const char* refused;
  } routes[] = {{"GET", "", "'read'", "read-a", "operate-a"},
                {"GET", "/event:1", "'read'", "read-a", "operate-a"},
                {"POST", "/event:1/redrive", "'operate'", "operate-a", "read-a"},
                {"POST", "/event:3/drop", "'operate'", "operate-a", "read-a"}};
  for (const auto& route : routes) {
    for (const char* key : {route.refused, "chat-a"}) {
      const auto refused = send(route.method, route.target, key);
      EXPECT_EQ(refused->status(), 403) << route.target << " " << key;
      EXPECT_EQ(refused->json().at("error").at("type"), "permission_error");
      EXPECT_NE(message_of(*refused).find(route.role), std::string::npos) << message_of(*refused);
    }
    for (const char* key : {"", "wrong"}) EXPECT_EQ(send(route.method, route.target, key)->status(), 401);
    EXPECT_EQ(send(route.method, route.target, route.allowed)->status(), 200) << route.target;
  }
}

TEST_F(AdminApiTest, LetsEverybodyInWhereThereAreNoKeys) {
  open({});
  EXPECT_EQ(ids("", ""), (Ids{"event:1", "event:2", "event:3"})) << "of all tenants: it is loopback";
  EXPECT_EQ(send("POST", "/event:2/drop", "")->status(), 200);
}

TEST_F(AdminApiTest, RefusesPagesOfOtherOriginsWhereThereAreNoKeys) {
  open({});
  HttpRequest request;
  request.method = "POST";
  request.path = "/admin/v1/dead-letters/event:1/drop";
  request.headers.add("Host", "127.0.0.1:7070");
  request.headers.add("Origin", "https://elsewhere.example");
  const auto exchange = std::make_shared<MemoryExchange>();
  routes_.handle(std::move(request), exchange);
  EXPECT_EQ(exchange->status(), 403);
  EXPECT_EQ(ids("", "").size(), 3U);
}

TEST_F(AdminApiTest, ShowsAndChangesOnlyTheLettersOfTheKeysTenant) {
  EXPECT_EQ(ids("", "read-a"), (Ids{"event:1", "event:3"}));
  EXPECT_EQ(ids("?tenant=a", "read-a"), (Ids{"event:1", "event:3"}));
  EXPECT_EQ(ids("", "both-b"), Ids{"event:2"});
  const auto other = send("GET", "?tenant=b", "read-a");
  EXPECT_EQ(other->status(), 403);
  EXPECT_EQ(other->json().at("error").at("param"), "tenant");
  EXPECT_EQ(send("GET", "/event:2", "read-a")->status(), 404);
  EXPECT_EQ(send("POST", "/event:2/redrive", "operate-a")->status(), 404);
  EXPECT_EQ(send("POST", "/event:2/drop", "operate-a")->status(), 404);
  EXPECT_EQ(message_of(*send("GET", "/event:2", "read-a")).size(),
            message_of(*send("GET", "/event:9", "read-a")).size())
      << "the same words as for one that never was";
  EXPECT_EQ(ids(""), (Ids{"event:1", "event:2", "event:3"}));
  EXPECT_EQ(ids("?tenant=b"), Ids{"event:2"}) << "an operator of all tenants chooses";
}

TEST_F(AdminApiTest, ListsPageByPageInTheWordsOfTheCommandLine) {
  kill_one("b");
  kill_one("a");
  const auto first = send("GET", "?limit=2", "both-all")->json();
  EXPECT_EQ(first.at("object"), "list");
  EXPECT_EQ(first.at("has_more"), true);
  EXPECT_EQ(first.at("last_id"), "event:2");
  EXPECT_EQ(first.at("data").at(0),
            boost::json::value(dead_letter_json(fixture_.runtime->dead_letters().list(1)->front())));
  EXPECT_EQ(ids("?limit=2&after=event:2"), (Ids{"event:3", "event:4"}));
  const auto last = send("GET", "?limit=2&after=event:4", "both-all")->json();
  EXPECT_EQ(last.at("has_more"), false);
  EXPECT_EQ(last.at("last_id"), "event:5");
  const auto none = send("GET", "?limit=2&after=event:5", "both-all")->json();
  EXPECT_EQ(none.at("data").as_array().size(), 0U);
  EXPECT_TRUE(none.at("last_id").is_null());
  EXPECT_EQ(ids("").size(), static_cast<std::size_t>(fixture_.limits.admin_page_rows_max))
      << "never more than the bound";
  EXPECT_EQ(ids("?kind=message"), Ids{});
  EXPECT_EQ(ids("?kind=event&agent=worker&tenant=b"), (Ids{"event:2", "event:4"}));
  EXPECT_EQ(ids("?agent=nobody"), Ids{});
}

TEST_F(AdminApiTest, RefusesAPageThatCannotBe) {
  for (const char* query : {"?limit=0", "?limit=5", "?limit=-1", "?limit=two", "?limit=99999999999", "?kind=letter",
                            "?after=one", "?after=event:0"}) {
    const auto refused = send("GET", query, "both-all");
    EXPECT_EQ(refused->status(), 400) << query;
    EXPECT_TRUE(refused->json().at("error").at("param").is_string()) << query;
  }
}

TEST_F(AdminApiTest, ShowsTheWholeStory) {
  const auto shown = send("GET", "/event:1", "read-a");
  ASSERT_EQ(shown->status(), 200);
  EXPECT_EQ(shown->json().at("event").at("data").at("id"), "1");
  EXPECT_EQ(shown->json().at("errors").at(0).at("message"), "wrong 1");
  EXPECT_EQ(send("GET", "/one", "read-a")->status(), 400);
  EXPECT_EQ(send("GET", "/event:9", "read-a")->status(), 404);
}

TEST_F(AdminApiTest, RedrivesAsItWasOrWithOtherData) {
  const auto plain = send("POST", "/event:1/redrive", "operate-a");
  EXPECT_EQ(plain->json(), (boost::json::value{{"id", "event:1"}, {"redriven", true}}));
  EXPECT_EQ(payload_of_next(), R"({"id":"1"})");
  EXPECT_EQ(send("POST", "/event:3/redrive", "operate-a", R"({"data": {"id": "mended"}})")->status(), 200);
  EXPECT_EQ(payload_of_next(), R"({"id":"mended"})");
  const std::string bytes = "not text \xff";
  EXPECT_EQ(
      send("POST", "/event:2/redrive", "both-b", R"({"data_base64": ")" + base64_encode(bytes) + R"("})")->status(),
      200);
  EXPECT_EQ(payload_of_next(), bytes);
  EXPECT_EQ(send("POST", "/event:1/redrive", "operate-a")->status(), 404) << "it is alive";
  fixture_.runtime->check_integrity();
}

TEST_F(AdminApiTest, TakesAStringAsTheTextItself) {
  EXPECT_EQ(send("POST", "/event:1/redrive", "operate-a", R"({"data": "plain text"})")->status(), 200);
  EXPECT_EQ(payload_of_next(), "plain text");
}

TEST_F(AdminApiTest, ChangesNothingForABodyThatItDoesNotUnderstand) {
  for (const char* body : {R"({"dta": {}})", R"({"data": 1, "data_base64": "AA=="})", R"({"data_base64": "?"})",
                           R"({"from_step": 3})", R"({"from_step": "three"})", R"([])", "{", "data"}) {
    const auto refused = send("POST", "/event:1/redrive", "operate-a", body);
    EXPECT_EQ(refused->status(), 400) << body;
  }
  EXPECT_EQ(send("POST", "/event:1/drop", "operate-a", R"({"id": "event:3"})")->status(), 400);
  EXPECT_EQ(ids("", "read-a"), (Ids{"event:1", "event:3"}));
}

TEST_F(AdminApiTest, DropsOne) {
  EXPECT_EQ(send("POST", "/event:1/drop", "operate-a")->json(),
            (boost::json::value{{"id", "event:1"}, {"dropped", true}}));
  EXPECT_EQ(ids("", "read-a"), Ids{"event:3"});
  EXPECT_EQ(send("POST", "/event:1/drop", "operate-a")->status(), 404);
  EXPECT_EQ(send("GET", "/event:3/drop", "operate-a")->status(), 405) << "a link changes nothing";
  EXPECT_EQ(send("DELETE", "/event:3", "operate-a")->status(), 405);
}

TEST_F(AdminApiTest, RedrivesAndDropsWhatFitsAFilterPageByPage) {
  const auto changed = [](const std::shared_ptr<MemoryExchange>& answer) {
    EXPECT_EQ(answer->status(), 200) << answer->answer->body;
    return boost::json::serialize(answer->json().at("changed"));
  };
  const auto first = send("POST", "/redrive?tenant=a&reason=invalid_argument&limit=1", "both-all");
  EXPECT_EQ(changed(first), R"(["event:1"])");
  EXPECT_TRUE(first->json().at("has_more").as_bool());
  const auto second = send("POST", "/redrive?tenant=a&limit=1&after=event:1", "both-all", "{}");
  EXPECT_EQ(changed(second), R"(["event:3"])");
  EXPECT_FALSE(second->json().at("has_more").as_bool());
  EXPECT_EQ(changed(send("POST", "/drop?about=something.else", "both-all")), "[]");
  EXPECT_EQ(changed(send("POST", "/drop?about=test.happened&died_before=2100-01-01T00:00:00Z", "both-all")),
            R"(["event:2"])");
  EXPECT_EQ(fixture_.runtime->mailbox().depths().dead, 0);
  fixture_.runtime->mailbox().check_integrity();
}

TEST_F(AdminApiTest, RefusesABulkChangeThatTheKeyOrTheFilterDoesNotAllow) {
  EXPECT_EQ(send("POST", "/redrive?tenant=b", "operate-a")->status(), 403);
  EXPECT_EQ(send("POST", "/drop", "read-a")->status(), 403);
  EXPECT_EQ(send("POST", "/drop?died_from=yesterday", "both-all")->status(), 400);
  EXPECT_EQ(send("POST", "/redrive", "both-all", R"({"data": {"x": 1}})")->status(), 400);
  EXPECT_EQ(send("POST", "/redrive", "both-all", R"({"from_stepp": "1"})")->status(), 400);
  EXPECT_EQ(send("POST", "/drop", "operate-a")->json().at("changed").as_array().size(), 2U) << "its own tenant's only";
  fixture_.simulation.run_ready();  // the last one is counted behind its answer
  EXPECT_EQ(fixture_.runtime->mailbox().depths().dead, 1);
}

}  // namespace
}  // namespace mnema

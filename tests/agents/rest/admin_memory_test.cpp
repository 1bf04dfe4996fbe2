#include "agents/rest/admin_memory.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "memory/procedural/procedure_store.hpp"
#include "tests/agents/fixture.hpp"
#include "tests/agents/rest/rest_call.hpp"

// Its routes for procedures and blocks: who may use them, for whose, and what they refuse.

namespace mnema {
namespace {

using testing::answer_to;
using testing::Fixture;
using testing::MemoryExchange;
using testing::request_with_key;
using testing::say;

class AdminOfLearned : public ::testing::Test {
 protected:
  AdminOfLearned() {
    fixture_.boot();
    const ApiKeys keys({{"chat", Secret("key-c"), "a", true, {}},
                        {"reader", Secret("key-r"), "a", false, {true, false}},
                        {"of a", Secret("key-a"), "a", false, {true, true}},
                        {"of b", Secret("key-b"), "b", false, {true, true}},
                        {"of all", Secret("key-o"), "*", false, {true, true}}});
    AdminMemory({fixture_.runtime->memory(), fixture_.simulation.lane("queries"), fixture_.limits, keys})
        .mount(routes_);
  }
  std::shared_ptr<MemoryExchange> send(const std::string& method, const std::string& target, const std::string& key,
                                       std::string body = "") {
    return answer_to(request_with_key(method, target, key, std::move(body)), routes_, fixture_.simulation);
  }
  /// Three refunds of tenant "a".
  void learn() {
    for (const char* user : {"anna", "bert", "carla"}) {
      bool done = false;
      fixture_.runtime->memory().change(
          [&](Transaction& transaction, Time) {
            TaskRun run;
            run.owner = {"a", "clerk", user, ""};
            run.event_type = "chat.message";
            run.text = "Please refund the chair";
            run.trust = Trust::kUser;
            run.steps = {{"refund", {}}};
            run.succeeded = true;
            return fixture_.runtime->memory().append_task_run(transaction, run);
          },
          fixture_.simulation.lane("loop"), [&](const Status& status) { done = status.ok(); });
      fixture_.simulation.run_until([&] { return done; });
    }
    fixture_.simulation.run_for(std::chrono::minutes(1));
  }
  Fixture fixture_{9, [](const GenerateRequest&) { return say("ok"); }};
  HttpRoutes routes_;
};

constexpr const char* kProcedures = "/admin/v1/memory/procedures";
constexpr const char* kBlocks = "/admin/v1/memory/blocks";

TEST_F(AdminOfLearned, ShowsAndChangesProceduresForTheKeysOfTheirTenant) {
  learn();
  EXPECT_EQ(send("GET", kProcedures, "key-c")->status(), 403) << "a key without a role";
  const auto listed = send("GET", kProcedures, "key-r");
  ASSERT_EQ(listed->status(), 200);
  ASSERT_EQ(listed->json().at("data").as_array().size(), 1U);
  const boost::json::value first = listed->json().at("data").at(0);
  EXPECT_EQ(first.at("state").as_string(), "active");
  const std::string one = std::string(kProcedures) + "/" + std::to_string(first.at("id").as_int64());
  EXPECT_EQ(send("POST", one + "/demote", "key-r")->status(), 403) << "reading is not operating";
  EXPECT_EQ(send("GET", kProcedures + std::string("?tenant=a"), "key-b")->status(), 403);
  EXPECT_TRUE(send("GET", kProcedures, "key-b")->json().at("data").as_array().empty());
  for (const char* action : {"/restore", "/demote", "/forget"}) {
    EXPECT_EQ(send("POST", one + action, "key-b")->status(), 404) << action;
    EXPECT_EQ(send("POST", one + action, "key-o")->status(), 404) << action << " of tenant local, which none was named";
  }
  EXPECT_EQ(send("GET", one, "key-b")->status(), 404);
  EXPECT_EQ(send("POST", one + "/edit", "key-b", R"({"words": "x"})")->status(), 404);

  EXPECT_EQ(send("POST", one + "/restore", "key-a")->status(), 400) << "it is not demoted";
  EXPECT_EQ(send("POST", one + "/demote?tenant=a", "key-o")->status(), 200);
  EXPECT_EQ(send("POST", one + "/restore", "key-a")->status(), 200);
  EXPECT_EQ(send("POST", one + "/edit", "key-a", R"({"word": "x"})")->status(), 400);
  EXPECT_EQ(send("POST", one + "/edit", "key-a", R"({"words": "Ask a person."})")->status(), 200);
  const boost::json::value shown = send("GET", one, "key-r")->json();
  EXPECT_EQ(shown.at("text").as_string(), "Ask a person.");
  EXPECT_EQ(shown.at("history").as_array().size(), 4U);
  EXPECT_EQ(send("POST", one + "/forget", "key-a")->status(), 200);
  EXPECT_EQ(send("GET", one, "key-a")->status(), 404);
}

TEST_F(AdminOfLearned, ShowsAndChangesBlocksForTheKeysOfTheirTenant) {
  const std::string edit = std::string(kBlocks) + "/edit";
  const std::string notes = R"("agent": "clerk", "user": "anna", "name": "notes")";
  EXPECT_EQ(send("POST", edit, "key-r", "{" + notes + R"(, "text": "x"})")->status(), 403);
  EXPECT_EQ(send("POST", edit, "key-b", R"({"tenant": "a", )" + notes + R"(, "text": "x"})")->status(), 403);
  EXPECT_EQ(send("POST", edit, "key-a", R"({"agent": "clerk", "user": "", "name": "n", "text": "x"})")->status(), 400)
      << "an empty name is not everybody";
  EXPECT_EQ(send("POST", edit, "key-a", "{" + notes + R"(, "text": "x", "verion": 1})")->status(), 400);
  const auto made = send("POST", edit, "key-a", "{" + notes + R"(, "text": "one", "version": 0})");
  ASSERT_EQ(made->status(), 200) << made->answer->body;
  EXPECT_EQ(made->json().at("version").as_int64(), 1);
  EXPECT_EQ(send("POST", edit, "key-a", "{" + notes + R"(, "text": "two", "version": 0})")->status(), 409);
  EXPECT_EQ(send("POST", edit, "key-a", "{" + notes + R"(, "text": "two", "kind": "append"})")->status(), 200);
  EXPECT_EQ(send("GET", kBlocks, "key-r")->json().at("data").at(0).at("text").as_string(), "one\ntwo");
  EXPECT_TRUE(send("GET", kBlocks, "key-b")->json().at("data").as_array().empty());
  const auto history = send("GET", kBlocks + std::string("/history?agent=clerk&user=anna&name=notes"), "key-r");
  EXPECT_EQ(history->json().at("data").as_array().size(), 2U);

  const std::string restore = std::string(kBlocks) + "/restore", remove = std::string(kBlocks) + "/remove";
  EXPECT_EQ(send("POST", restore, "key-b", "{" + notes + R"(, "to": 1})")->status(), 404);
  EXPECT_EQ(send("POST", restore, "key-a", "{" + notes + R"(, "to": 1, "version": 1})")->status(), 409);
  EXPECT_EQ(send("POST", restore, "key-a", "{" + notes + "}")->status(), 400);
  EXPECT_EQ(send("POST", restore, "key-a", "{" + notes + R"(, "to": 1, "version": 2})")->status(), 200);
  EXPECT_EQ(send("POST", remove, "key-a", "{" + notes + R"(, "version": 2})")->status(), 409);
  EXPECT_EQ(send("POST", remove, "key-b", "{" + notes + "}")->status(), 404);
  EXPECT_EQ(send("POST", remove, "key-a", "{" + notes + R"(, "version": 3})")->status(), 200);
  EXPECT_TRUE(send("GET", kBlocks, "key-a")->json().at("data").as_array().empty());
}

}  // namespace
}  // namespace mnema

#include "connectors/github_event.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace mnema {
namespace {

std::string kind(const char* body, const char* claimed) { return github_kind(boost::json::parse(body), claimed); }

TEST(GithubEvent, IsOfTheKindItsBodyShowsWhateverTheHeaderClaims) {
  EXPECT_EQ(kind(R"({"action":"opened","issue":{},"repository":{}})", "repository_dispatch"), "issues");
  EXPECT_EQ(kind(R"({"action":"created","issue":{},"comment":{}})", "issues"), "issue_comment");
  EXPECT_EQ(kind(R"({"action":"opened","number":7,"pull_request":{}})", "issues"), "pull_request");
  EXPECT_EQ(kind(R"({"action":"submitted","pull_request":{},"review":{}})", "pull_request"), "pull_request_review");
  EXPECT_EQ(kind(R"({"ref":"refs/heads/main","before":"0","after":"1","commits":[]})", "ping"), "push");
  EXPECT_EQ(kind(R"({"action":"db.ping","branch":"main","client_payload":null})", "ping"), "repository_dispatch");
  EXPECT_EQ(kind(R"({"zen":"Keep it logically awesome.","hook_id":1,"hook":{}})", "push"), "ping");
  EXPECT_EQ(kind(R"({"ref":"v1","ref_type":"tag","master_branch":"main"})", "delete"), "create");
}

TEST(GithubEvent, IsOfTheClaimedKindWhereTheBodyDoesNotShowIt) {
  EXPECT_EQ(kind(R"({"action":"completed","check_run":{}})", "check_run"), "check_run");
  EXPECT_EQ(kind("{}", "status"), "status");
  EXPECT_EQ(kind("[1]", "push"), "push");
}

TEST(GithubEvent, MayHonestlyRepeatItsBodyWhereSomebodyDispatchedItByHand) {
  EXPECT_TRUE(may_repeat_its_body("repository_dispatch"));
  EXPECT_TRUE(may_repeat_its_body("workflow_dispatch"));
  EXPECT_FALSE(may_repeat_its_body("push"));
}

}  // namespace
}  // namespace mnema

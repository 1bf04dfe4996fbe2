#include "connectors/http/error_body.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace mnema {
namespace {

TEST(ErrorBody, HasAllFourKeysThatTheProtocolDemands) {
  auto body = error_body(fail(ErrorCode::kInvalidArgument, "'n' must be a number", "send one"), "n");
  const auto& error = body.at("error").as_object();
  EXPECT_EQ(error.at("message"), "'n' must be a number (send one)");
  EXPECT_EQ(error.at("type"), "invalid_request_error");
  EXPECT_EQ(error.at("param"), "n");
  EXPECT_EQ(error.at("code"), "invalid_argument");
  EXPECT_TRUE(error_body(fail(ErrorCode::kInternal, "x")).at("error").at("param").is_null());
}

TEST(ErrorBody, TellsClientsWhetherToRepeat) {
  auto full = error_response(fail_retryable(ErrorCode::kMailboxFull, "full", "", 1200));
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.headers.get("retry-after"), "2");
  EXPECT_EQ(full.headers.get("retry-after-ms"), "1200");
  EXPECT_FALSE(full.headers.has("x-should-retry"));
  auto budget = error_response(fail(ErrorCode::kBudgetExceeded, "spent"));
  EXPECT_EQ(budget.status, 429);
  EXPECT_EQ(budget.headers.get("x-should-retry"), "false");
}

TEST(ErrorBody, GivesEveryCodeItsStatus) {
  EXPECT_EQ(http_status_of(ErrorCode::kContextLengthExceeded), 400);
  EXPECT_EQ(http_status_of(ErrorCode::kUnauthenticated), 401);
  EXPECT_EQ(http_status_of(ErrorCode::kPermissionDenied), 403);
  EXPECT_EQ(http_status_of(ErrorCode::kNotFound), 404);
  EXPECT_EQ(http_status_of(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(error_response(fail(ErrorCode::kUnauthenticated, "x")).headers.get("www-authenticate"), "Bearer");
}

}  // namespace
}  // namespace mnema

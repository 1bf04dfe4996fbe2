#include "connectors/http/routes.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/connectors/support.hpp"

namespace mnema {
namespace {

using testing::MemoryExchange;

class RoutesTest : public ::testing::Test {
 protected:
  HttpHandler named(const std::string& name) {
    return [this, name](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
      taken_ = name;
      request_ = std::move(request);
      exchange->respond(text_response(200, name));
    };
  }
  std::shared_ptr<MemoryExchange> call(const std::string& method, const std::string& path) {
    HttpRequest request;
    request.method = method;
    request.path = path;
    auto exchange = std::make_shared<MemoryExchange>();
    routes_.handle(std::move(request), exchange);
    return exchange;
  }
  HttpRoutes routes_;
  std::string taken_;
  HttpRequest request_;
};

TEST_F(RoutesTest, SaysWhichPathsOfAConfigurationItCannotTake) {
  routes_.add("POST", "/hooks/a", named("a")).add("POST", "/x/{id}", named("x"));
  EXPECT_EQ(routes_.check("POST", "/hooks/a").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(routes_.check("POST", "/x/{other}").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(routes_.check("POST", "/x/{id...}/y").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(routes_.check("POST", "hooks").error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(routes_.check("GET", "/hooks/a").ok());
  EXPECT_TRUE(routes_.check("POST", "/hooks/b").ok());
}

TEST_F(RoutesTest, PrefersLiteralPartsAndFillsNames) {
  routes_.add("GET", "/v1/models", named("list"))
      .add("GET", "/v1/models/{id...}", named("one"))
      .add("GET", "/agents/{name}/memory", named("memory"))
      .add("GET", "/agents/{name}/{what}", named("other"));
  call("GET", "/v1/models");
  EXPECT_EQ(taken_, "list");
  call("GET", "/v1/models/org/model");
  EXPECT_EQ(taken_, "one");
  EXPECT_EQ(request_.parameters["id"], "org/model");
  call("GET", "/agents/triage/memory");
  EXPECT_EQ(taken_, "memory");
  EXPECT_EQ(request_.parameters["name"], "triage");
  call("GET", "/agents/triage/state");
  EXPECT_EQ(taken_, "other");
}

TEST_F(RoutesTest, TellsAnUnknownPathFromAWrongMethod) {
  routes_.add("POST", "/v1/embeddings", named("embed")).add("GET", "/health", named("health"));
  EXPECT_EQ(call("GET", "/nowhere")->status(), 404);
  EXPECT_EQ(call("GET", "/v1/models/")->status(), 404);
  auto wrong = call("GET", "/v1/embeddings");
  EXPECT_EQ(wrong->status(), 405);
  EXPECT_EQ(wrong->answer->headers.get("allow"), "OPTIONS, POST");
  EXPECT_EQ(wrong->json().at("error").at("type"), "invalid_request_error");
}

TEST_F(RoutesTest, AnswersHeadByGetAndOptionsByTheMethods) {
  routes_.add("GET", "/health", named("health"));
  EXPECT_EQ(call("HEAD", "/health")->status(), 200);
  EXPECT_EQ(taken_, "health");
  auto options = call("OPTIONS", "/health");
  EXPECT_EQ(options->status(), 204);
  EXPECT_EQ(options->answer->headers.get("allow"), "GET, HEAD, OPTIONS");
}

TEST_F(RoutesTest, ContainsAnExceptionOfAHandler) {
  routes_.add("GET", "/x", [](HttpRequest, std::shared_ptr<HttpExchange>) { throw std::runtime_error("boom"); });
  EXPECT_EQ(call("GET", "/x")->status(), 500);
}

}  // namespace
}  // namespace mnema

#include "connectors/http/cors.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

HttpRequest from_origin(const std::string& origin) {
  HttpRequest request;
  request.method = "POST";
  request.headers.add("Host", "127.0.0.1:7070");
  if (!origin.empty()) request.headers.add("Origin", origin);
  return request;
}

TEST(Cors, RefusesPagesOfOtherOriginsByDefault) {
  EXPECT_TRUE(check_origin(from_origin(""), "").ok());
  EXPECT_TRUE(check_origin(from_origin("http://127.0.0.1:7070"), "").ok());
  for (const char* origin : {"https://evil.example", "null", "http://127.0.0.1:7071"}) {
    Status status = check_origin(from_origin(origin), "");
    ASSERT_FALSE(status.ok()) << origin;
    EXPECT_EQ(status.error().code, ErrorCode::kPermissionDenied);
  }
}

TEST(Cors, LetsTheConfiguredOriginIn) {
  EXPECT_TRUE(check_origin(from_origin("https://chat.example"), "https://chat.example").ok());
  EXPECT_FALSE(check_origin(from_origin("https://evil.example"), "https://chat.example").ok());
  EXPECT_TRUE(check_origin(from_origin("https://any.example"), "*").ok());
}

TEST(Cors, AnswersAPreflightWithWhatWasAskedFor) {
  HttpRequest request = from_origin("https://chat.example");
  request.method = "OPTIONS";
  EXPECT_FALSE(is_preflight(request));
  request.headers.add("Access-Control-Request-Method", "POST");
  request.headers.add("Access-Control-Request-Headers", "authorization, x-stainless-os");
  ASSERT_TRUE(is_preflight(request));
  HttpResponse response = preflight_response(request);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.get("access-control-allow-headers"), "authorization, x-stainless-os");
}

TEST(Cors, LetsThePageReadTheAnswer) {
  HttpHeaders headers;
  add_cors_headers(headers, "");
  EXPECT_EQ(headers.size(), 0U);
  add_cors_headers(headers, "https://chat.example");
  EXPECT_EQ(headers.get("access-control-allow-origin"), "https://chat.example");
  EXPECT_EQ(headers.get("vary"), "origin");
}

}  // namespace
}  // namespace mnema

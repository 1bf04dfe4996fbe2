#include "connectors/http/host_check.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

bool answers(const std::string& host) {
  HttpRequest request;
  request.headers.add("Host", host);
  return check_loopback_host(request).ok();
}

TEST(HostCheck, AnswersToLoopbackUnderAllItsNames) {
  for (const char* host :
       {"localhost", "LocalHost:7070", "127.0.0.1", "127.0.0.1:7070", "127.8.9.1:1", "[::1]", "[::1]:7070"}) {
    EXPECT_TRUE(answers(host)) << host;
  }
  EXPECT_TRUE(check_loopback_host(HttpRequest{}).ok()) << "HTTP/1.0 without Host: no browser";
}

TEST(HostCheck, RefusesANameThatWasMadeToPointHere) {
  for (const char* host : {"evil.example", "evil.example:7070", "127.0.0.1.evil.example", "localhost.evil.example",
                           "evil.example:127.0.0.1", "10.0.0.1", "[::2]:7070", "[::1", "", ":7070", "127.1:80"}) {
    EXPECT_FALSE(answers(host)) << host;
  }
}

TEST(HostCheck, SaysHowToCallItInstead) {
  HttpRequest request;
  request.headers.add("Host", "evil.example");
  const Status refused = check_loopback_host(request);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().hint.find("localhost"), std::string::npos);
}

}  // namespace
}  // namespace mnema

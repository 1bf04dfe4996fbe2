#include "connectors/http/request_check.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(RequestCheck, TakesMethodsThatAreTokens) {
  for (std::string_view method : {"GET", "POST", "PATCH", "PROPFIND"}) EXPECT_TRUE(check_method(method).ok()) << method;
  for (std::string_view method : {"", "GET /x", "GET\r\n", "TRACE", "CONNECT", "G\xc3\x84T"}) {
    EXPECT_FALSE(check_method(method).ok()) << method;
  }
}

TEST(RequestCheck, RefusesHeadersThatWouldEndTheLineOrFrameTheMessage) {
  EXPECT_TRUE(check_header("X-Trace", "a b\tc \xc3\xa4").ok());
  EXPECT_TRUE(check_header("Accept", "").ok());
  for (std::string_view name :
       {"", "a b", "a:", "a\r\n", "Content-Length", "TRANSFER-encoding", "Connection", "Upgrade"}) {
    EXPECT_FALSE(check_header(name, "1").ok()) << name;
  }
  for (std::string_view value : {"a\r\nX: y", "a\n", "\x01", "\x7f"}) EXPECT_FALSE(check_header("X", value).ok());
  EXPECT_EQ(check_header("Authorization", "hunter2\n").error().text().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace mnema

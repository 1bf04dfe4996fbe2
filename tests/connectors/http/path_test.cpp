#include "connectors/http/path.hpp"

#include <gtest/gtest.h>

#include "connectors/http/message.hpp"

namespace mnema {
namespace {

TEST(HttpPath, EncodesEachPartWhereItStands) {
  EXPECT_EQ(path("v1").segment("customers").segment("a/b c").query("limit", "1").query("q", "x&y=z").text(),
            "/v1/customers/a%2Fb%20c?limit=1&q=x%26y%3Dz");
  EXPECT_EQ(path("\xc3\xa4").text(), "/%C3%A4");
}

TEST(HttpPath, WritesAnyTextOfAModelIntoOneSegmentOrIsRefused) {
  const std::string bytes = "a HTTP/1.1\r\nX: y";
  for (const std::string& text : {bytes, std::string("?x=1"), std::string("#"), std::string("%2e"),
                                  std::string("a\0b", 3), std::string("\\..\\x"), std::string("\xff")}) {
    const std::string built = path("v1").segment(text).text();
    if (!check_request_target(built).ok()) continue;
    EXPECT_EQ(percent_decode(built.substr(4), false), text);
    EXPECT_EQ(built.find('/', 4), std::string::npos) << built;
  }
  EXPECT_TRUE(check_request_target(path("v1").segment(bytes).text()).ok());
}

TEST(HttpPath, CannotClimbToAnotherResource) {
  for (std::string_view text : {"..", ".", "", "../admin", "a/../..", "..\\admin"}) {
    EXPECT_FALSE(check_request_target(path("customers").segment(text).segment("refunds").text()).ok()) << text;
  }
}

TEST(RequestTarget, HoldsNothingThatCouldEndItsLineOrNameAnotherPath) {
  for (std::string_view target : {"v1",    "/a b",  "/a\r\nX: y", "/a\n",        "/a\tb",     "/\x7f",  "/\xc3\xa4",
                                  "/a#b",  "/a\\b", "/%",         "/%4",         "/%4g",      "/a?x=%", "/../a",
                                  "/a/..", "/./a",  "/%2e%2E/a",  "/a%2f..%2fb", "/a%5c../b", "/a?x y", "http://h/"}) {
    const Status checked = check_request_target(target);
    ASSERT_FALSE(checked.ok()) << target;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
    for (const char c : checked.error().text()) EXPECT_TRUE(c >= ' ' && c < 0x7f) << target;
  }
  for (std::string_view target :
       {"", "/", "/v1/a.b/..c/d..", "/a?x=../..&y=%20", "/a;b=c,d/$e", "/a%2Fb", "/?q={x|y}"}) {
    EXPECT_TRUE(check_request_target(target).ok()) << target;
  }
}

}  // namespace
}  // namespace mnema

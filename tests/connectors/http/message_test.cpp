#include "connectors/http/message.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(HttpHeaders, CompareNamesWithoutRegardToCase) {
  HttpHeaders headers{{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(headers.get("content-type"), "text/plain");
  EXPECT_EQ(headers.get("X-a"), "1");
  EXPECT_EQ(headers.get("absent"), "");
  headers.set("x-A", "3");
  EXPECT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers.get("x-a"), "3");
  headers.remove("CONTENT-TYPE");
  EXPECT_FALSE(headers.has("content-type"));
}

TEST(PercentDecode, ResolvesEscapesAndRefusesBrokenOnes) {
  EXPECT_EQ(percent_decode("a%2Fb+c", false), "a/b+c");
  EXPECT_EQ(percent_decode("a%2fb+c", true), "a/b c");
  EXPECT_EQ(percent_decode("%", false), std::nullopt);
  EXPECT_EQ(percent_decode("%4", false), std::nullopt);
  EXPECT_EQ(percent_decode("%zz", false), std::nullopt);
}

TEST(HttpRequest, FindsAParameterOfItsQuery) {
  HttpRequest request;
  request.query = "a=1&name=x%20y+z&empty&a=2";
  EXPECT_EQ(request.query_parameter("a"), "1");
  EXPECT_EQ(request.query_parameter("name"), "x y z");
  EXPECT_EQ(request.query_parameter("empty"), "");
  EXPECT_EQ(request.query_parameter("b"), std::nullopt);
}

}  // namespace
}  // namespace mnema

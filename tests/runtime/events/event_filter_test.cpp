#include "runtime/events/event_filter.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

Event order() {
  Event event;
  event.id = "7";
  event.source = "kafka:orders";
  event.type = "order.failed";
  event.subject = "order/7";
  event.attributes = {{"region", "eu"}};
  event.data = R"({"amount": 120.5, "count": 3, "vip": true, "note": null, "customer": {"tier": "gold"},
                   "big": 9007199254740993, "a b": 1, "items": ["x", "y"]})";
  return event;
}

bool fits(std::string_view condition) {
  const Result<EventFilter> filter = EventFilter::parse(condition);
  EXPECT_TRUE(filter.ok()) << condition << ": " << (filter.ok() ? "" : filter.error().text());
  return filter.ok() && filter->fits(order());
}

TEST(EventFilter, ComparesFieldsAttributesAndPlacesOfThePayload) {
  for (const char* yes : {"type = \"order.failed\"",
                          "type == \"order.failed\"",
                          "source != \"rest\"",
                          "region = \"eu\"",
                          "/amount > 120",
                          "/amount >= 120.5",
                          "/count < 4",
                          "/count = 3",
                          "/count = 3.0",
                          "/vip = true",
                          "/note = null",
                          "/customer/tier in [\"silver\", \"gold\"]",
                          "{/a b} = 1",
                          "/items/1 = \"y\"",
                          "/customer exists",
                          "/note exists",
                          "subject > \"order/10\"",
                          "type like \"order.*\"",
                          "type like \"*.fail*\"",
                          "type like \"*\"",
                          "/big = 9007199254740993"}) {
    EXPECT_TRUE(fits(yes)) << yes;
  }
  for (const char* no : {"type = \"order\"", "/amount < 120", "/amount = \"120.5\"", "/vip = 1",
                         "/customer/tier in [\"silver\"]", "/missing exists", "type like \"order.?ailed\"",
                         "type like \"order\"", "user exists", "/big = 9007199254740992", "/items = \"x\""}) {
    EXPECT_FALSE(fits(no)) << no;
  }
}

TEST(EventFilter, FitsNoComparisonWhereThePlaceIsMissingOrOfAnotherKind) {
  for (const char* never : {"/missing = 1", "/missing != 1", "/missing < 1", "/missing in [1]", "/missing like \"*\"",
                            "/amount != \"x\"", "/customer != 1"}) {
    EXPECT_FALSE(fits(never)) << never;
    EXPECT_TRUE(fits("not " + std::string(never))) << never;
  }
  Event text = order();
  text.data = "not JSON";
  EXPECT_FALSE(EventFilter::parse("/amount exists")->fits(text));
  EXPECT_TRUE(EventFilter::parse("type exists")->fits(text));
}

TEST(EventFilter, BindsNotBeforeAndBeforeOr) {
  EXPECT_TRUE(fits("/count = 3 or /count = 4 and /vip = false"));
  EXPECT_FALSE(fits("(/count = 3 or /count = 4) and /vip = false"));
  EXPECT_TRUE(fits("not /vip = false and /count = 3"));
  EXPECT_FALSE(fits("not (/vip = true and /count = 3)"));
  EXPECT_TRUE(fits("  (  ( /count=3 )and(not(/vip=false)) )  "));
  EXPECT_TRUE(fits("android != \"x\" or type exists")) << "a name may begin like a word of ours";
}

TEST(EventFilter, SaysWhereAConditionCannotBeRead) {
  for (const char* wrong : {"",
                            "   ",
                            "type",
                            "type =",
                            "type = x",
                            "type = \"a",
                            "= 1",
                            "type = \"a\" and",
                            "(type = \"a\"",
                            "type = \"a\")",
                            "type in \"a\"",
                            "type in []",
                            "type in [\"a\"",
                            "type like 3",
                            "{type = 1",
                            "{} = 1",
                            "and = 1",
                            "type = {\"a\": 1}",
                            "type ~ \"a\"",
                            "type = \"a\" type = \"b\""}) {
    const Result<EventFilter> filter = EventFilter::parse(wrong);
    ASSERT_FALSE(filter.ok()) << wrong;
    EXPECT_EQ(filter.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(filter.error().message.find("character"), std::string::npos) << filter.error().message;
  }
  std::string deep(2000, '(');
  EXPECT_FALSE(EventFilter::parse(deep + "type exists").ok()) << "no condition is nested without end";
  std::string nots;
  for (int i = 0; i < 900; ++i) nots += "not ";
  EXPECT_FALSE(EventFilter::parse(nots + "type exists").ok());
}

TEST(EventFilter, MatchesAPatternOfManyStarsInGoodTime) {
  Event event = order();
  event.type = std::string(1000, 'a');
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(EventFilter::parse("type like \"" + pattern + "b\"")->fits(event));
}

}  // namespace
}  // namespace mnema

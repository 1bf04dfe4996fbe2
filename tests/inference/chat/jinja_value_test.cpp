#include "inference/chat/jinja_value.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "inference/chat/jinja_printing.hpp"

namespace mnema::jinja {
namespace {

Value from(const char* json) { return Value::from_json(boost::json::parse(json)); }

std::string text(const Value& value) {
  Rendering rendering;
  std::string out = printed(rendering, value);
  return rendering.error.empty() ? out : rendering.error;
}

TEST(JinjaValue, PrintsAsPythonDoes) {
  EXPECT_EQ(text("it's"), "it's");
  EXPECT_EQ(text(from(R"(["it's", "a\"'\n", null, true, 1, 1.0, 1e300])")),
            R"(["it's", 'a"\'\n', None, True, 1, 1.0, 1e+300])");
  EXPECT_EQ(text(from(R"({"a": [], "b": {}, "c": 18446744073709551615})")),
            "{'a': [], 'b': {}, 'c': 18446744073709551615}");
  EXPECT_EQ(text({}), "");
  EXPECT_EQ(text(None{}), "None");
}

TEST(JinjaValue, IsTrueUnlessEmptyZeroOrNothing) {
  for (const char* json : {"null", "false", "0", "0.0", "\"\"", "[]", "{}"}) EXPECT_FALSE(from(json).truth()) << json;
  for (const char* json : {"true", "1", "-0.5", "\" \"", "[0]", "{\"a\":0}"}) EXPECT_TRUE(from(json).truth()) << json;
  EXPECT_FALSE(Value().truth());
}

TEST(JinjaValue, FindsMembersByAnyKeyThatPythonHasEqual) {
  Dict dict;
  dict.set(1, "one");
  dict.set("1", "text");
  dict.set(Value::tuple({1, "a"}), "tuple");
  dict.set(None{}, "none");
  dict.set(1.0, "one again");
  EXPECT_EQ(dict.members.size(), 4U);
  EXPECT_EQ(*dict.find(Value(true))->string(), "one again");
  EXPECT_EQ(*dict.find(std::string_view("1"))->string(), "text");
  EXPECT_EQ(*dict.find(Value::tuple({1.0, "a"}))->string(), "tuple");
  EXPECT_EQ(dict.find(Value(2)), nullptr);
  EXPECT_TRUE(is_hashable(Value::tuple({1})));
  EXPECT_FALSE(is_hashable(Value::tuple({Value(List{})})));
  EXPECT_FALSE(is_hashable(Dict{}));
}

TEST(JinjaValue, IsDestroyedHoweverDeepItIsNested) {
  Value deep = List{};
  for (int i = 0; i < 1'000'000; ++i) {
    Dict dict;
    dict.set("k", deep);
    deep = i % 2 == 0 ? Value(List{std::move(deep)}) : Value(std::move(dict));
  }
  EXPECT_NE(text(deep).find("nested too deeply"), std::string::npos);
}

TEST(JinjaValue, StopsWritingWhatIsLongerThanAnyTextMayBe) {
  Value wide = std::string(1000, 'x');
  for (int i = 0; i < 60; ++i) wide = List{wide, wide};  // 2^60 times
  EXPECT_NE(text(wide).find("writes too much"), std::string::npos);
}

}  // namespace
}  // namespace mnema::jinja

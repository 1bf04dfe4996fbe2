#include "inference/chat/jinja_value.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

namespace mnema::jinja {
namespace {

Value from(const char* json) { return Value::from_json(boost::json::parse(json)); }

TEST(JinjaValue, PrintsAsPythonDoes) {
  EXPECT_EQ(Value("it's").text(), "it's");
  EXPECT_EQ(from(R"(["it's", "a\"'\n", null, true, 1, 1.0, 1e300])").text(),
            R"(["it's", 'a"\'\n', None, True, 1, 1.0, 1e+300])");
  EXPECT_EQ(from(R"({"a": [], "b": {}})").text(), "{'a': [], 'b': {}}");
  EXPECT_EQ(Value().text(), "");
  EXPECT_EQ(Value(None{}).text(), "None");
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity()).text(), "inf");
}

TEST(JinjaValue, WritesJsonAsPythonDoes) {
  EXPECT_EQ(from(R"({"a":[1,"é\u0001\\"],"b":{}})").json(), "{\"a\": [1, \"é\\u0001\\\\\"], \"b\": {}}");
  EXPECT_EQ(from(R"({"a":[1,2],"b":[]})").json(2), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}");
}

TEST(JinjaValue, IsTrueUnlessEmptyZeroOrNothing) {
  for (const char* json : {"null", "false", "0", "0.0", "\"\"", "[]", "{}"}) EXPECT_FALSE(from(json).truth()) << json;
  for (const char* json : {"true", "1", "-0.5", "\" \"", "[0]", "{\"a\":0}"}) EXPECT_TRUE(from(json).truth()) << json;
  EXPECT_FALSE(Value().truth());
}

TEST(JinjaValue, SharesListsAsPythonDoes) {
  const Value list = from("[1]"), same = list;
  same.list()->emplace_back(2);
  EXPECT_EQ(list.text(), "[1, 2]");
}

TEST(JinjaValue, IsWrittenAndTakenApartHoweverDeepItIsNested) {
  Value deep = List{};
  for (int i = 0; i < 1'000'000; ++i)
    deep = i % 2 == 0 ? Value(List{std::move(deep)}) : Value(Dict{{{"k", std::move(deep)}}});
  EXPECT_NE(deep.text().find("..."), std::string::npos);
  EXPECT_NE(deep.json().find("..."), std::string::npos);
}

TEST(JinjaValue, StopsWritingWhatIsLongerThanAnyTextMayBe) {
  Value wide = std::string(1000, 'x');
  for (int i = 0; i < 60; ++i) wide = List{wide, wide};  // 2^60 times
  EXPECT_LT(wide.text().size(), kTextBytesMax + (1 << 20));
  EXPECT_GT(wide.text().size(), kTextBytesMax);
  EXPECT_GT(wide.json().size(), kTextBytesMax);
}

}  // namespace
}  // namespace mnema::jinja

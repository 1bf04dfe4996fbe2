#include "runtime/base/json.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::string problem(std::string_view text, const JsonBounds& bounds = {}) {
  const auto parsed = parse_bounded_json(text, "the body", bounds);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(Json, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(problem(R"({"a":[1,2.5,"x",null,true]})"), "");
  EXPECT_EQ(problem("{\"a\":1,\n \"a\":2}"),
            "the body is not valid JSON: the member \"a\" comes twice in one object at line 2, column 4");
  EXPECT_EQ(problem(R"({"a":{"b":1},"c":{"b":1}})"), "") << "twice, but not in one object";
  EXPECT_NE(problem(R"({"a":)").find("ends too early at line 1, column 6"), std::string::npos) << problem(R"({"a":)");
  EXPECT_NE(problem("{}\n{}").find("something follows the value at line 2"), std::string::npos) << problem("{}\n{}");
  EXPECT_NE(problem("").find("ends too early"), std::string::npos);
  EXPECT_NE(problem("\"\xff\""), "") << "not UTF-8";
  EXPECT_NE(problem("[1,]"), "");
}

TEST(Json, TakesNothingBeyondItsBounds) {
  EXPECT_NE(problem("[[[]]]", {.bytes_max = 100, .depth_max = 2}).find("nested too deep"), std::string::npos);
  EXPECT_EQ(problem("[[]]", {.bytes_max = 100, .depth_max = 2}), "");
  EXPECT_EQ(problem("[1,2,3]", {.bytes_max = 6, .depth_max = 2}), "the body has 7 bytes");
}

TEST(Json, HasOneTextForEqualValues) {
  const auto canonical = [](std::string_view text) { return canonical_json(parse_bounded_json(text, "it").value()); };
  EXPECT_EQ(canonical(R"({ "b" : [1.0, -0.0, 1e2, 0.1], "a" : {"z":"\u00fc","y":null} })"),
            R"({"a":{"y":null,"z":"ü"},"b":[1,0,100,0.1]})");
  EXPECT_EQ(canonical("9007199254740993"), "9007199254740993") << "no digit is lost";
  EXPECT_EQ(json_hash(1.0), json_hash(1));
  EXPECT_NE(json_hash(1), json_hash("1"));
}

TEST(Json, WritesNumbersAsPeopleDoAndKeepsTheOrderOfMembers) {
  const auto text_of = [](const char* text) { return json_text(*parse_bounded_json(text, "a text")); };
  EXPECT_EQ(text_of(R"({"b": 0.5, "a": [1, 1.0, -3.0, 1e300, 9223372036854775807], "c": "\u0001é"})"),
            "{\"b\":0.5,\"a\":[1,1.0,-3.0,1e+300,9223372036854775807],\"c\":\"\\u0001é\"}");
}

TEST(Json, KeepsTheDigitsOfIntegersOfAnyLengthWhereThatIsAskedFor) {
  JsonBounds exact;
  exact.exact_integers = true;
  const std::string text =
      R"({"a":[1234567890123456789012,-1234567890123456789012,1,18446744073709551615],"b":1e30,"c":0.5})";
  const Result<boost::json::value> value = parse_bounded_json(text, "a text", exact);
  ASSERT_TRUE(value.ok()) << value.error().text();
  EXPECT_EQ(json_text(*value),
            R"({"a":[1234567890123456789012,-1234567890123456789012,1,18446744073709551615],"b":1e+30,"c":0.5})");
  EXPECT_EQ(exact_integer(value->at("a").at(0)), "1234567890123456789012");
  EXPECT_EQ(exact_integer(value->at("a").at(2)), std::nullopt);
  EXPECT_EQ(exact_integer(value->at("b")), std::nullopt) << "no integer is written so";
  EXPECT_EQ(with_doubles(*value), *parse_bounded_json(text, "a text"));
  EXPECT_FALSE(parse_bounded_json(R"({"\u0000integer": "1}"})", "a text", exact).ok()) << "nobody can make one up";
}

TEST(Json, EscapesWhatAPointerWouldMisread) { EXPECT_EQ(json_pointer_token("a/b~c"), "a~1b~0c"); }

}  // namespace
}  // namespace mnema

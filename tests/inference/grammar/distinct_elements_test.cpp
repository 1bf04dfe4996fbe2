#include "inference/grammar/distinct_elements.hpp"

#include <gtest/gtest.h>

#include "inference/grammar/tool_call_grammar.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

/// Whether the elements of a JSON array or object differ; only its outer brackets are watched.
bool differ(std::string_view json) {
  DistinctElements elements;
  std::string text;
  for (const char byte : json) {
    text.push_back(byte);
    if (!elements.take(text.size() == 1, text)) return false;
    elements.check_integrity();
  }
  return elements.idle();
}

TEST(DistinctElements, ComparesValuesAsJsonSchemaDoes) {
  for (const char* equal : {"[1,1]",
                            "[1,1.0]",
                            "[10,1e1]",
                            "[100,2,1.00E+2]",
                            "[0,-0]",
                            "[0.10, 0.1]",
                            "[true,null,true]",
                            R"(["a","a"])",
                            R"(["a", "\u0061"])",
                            R"(["/","\/"])",
                            R"(["😀","\ud83d\ude00"])",
                            R"(["\n","\u000a"])",
                            "[[],[ ]]",
                            "[{},{ }]",
                            "[[1,2],[1.0, 2]]",
                            R"([{"a":1,"b":[2]},{"b": [2.0],"a":1}])",
                            R"([{"a":{"b":"c"}},1,{"a":{"b":"c"}}])",
                            R"({"a":1,"a":2})",
                            R"({"a":1,"b":2,"\u0061":3})",
                            R"({"":1,"":2})"}) {
    EXPECT_FALSE(differ(equal)) << equal;
  }
  for (const char* different : {"[]",
                                "[1]",
                                "[1,2]",
                                "[1,10,100]",
                                "[1,-1]",
                                "[1,true]",
                                R"([1,"1"])",
                                R"(["a","ab","b",""])",
                                "[true,false,null]",
                                "[[],[[]]]",
                                "[[1],[1,2],[2,1]]",
                                R"([{"a":1},{"a":2},{"a":1,"b":1},{}])",
                                R"([[],{}])",
                                R"(["true",true])",
                                R"([{"a":1,"b":2},{"b":1,"a":2}])",
                                R"({"a":{"a":1},"b":{"a":1}})",
                                R"({"a":["a","a"],"A":1})",
                                R"([0.1,0.10000000000000000001])",
                                "[9007199254740993,9007199254740992]",
                                R"(["a\"b","a\\\"b"])"}) {
    EXPECT_TRUE(differ(different)) << different;
  }
}

TEST(DistinctElements, ForgetsWhatIsClosed) {
  DistinctElements elements;
  std::string text;
  for (const char byte : std::string_view(R"([["a"],{"b":["c",1]},"a"])")) {
    text.push_back(byte);
    ASSERT_TRUE(elements.take(byte == '[' || byte == '{', text));
    elements.settle(text);
    elements.check_integrity();
  }
  EXPECT_TRUE(elements.idle());
  EXPECT_TRUE(text.empty());
}

TEST(DistinctElements, LeavesATextAloneThatIsNoJson) {
  for (const std::string text :
       {"{x", "[1 2", "[}", "{\"a\"1", "{\"a\":}", "[\"\\ux", "[,", "{1", "[1:", "{\"a\":1]"}) {
    DistinctElements elements;
    for (std::size_t i = 1; i <= text.size(); ++i) ASSERT_TRUE(elements.take(i == 1, text.substr(0, i))) << text;
    EXPECT_TRUE(elements.idle()) << text;
    elements.check_integrity();
  }
  // A text that is a call with different members, or anything of an expression.
  ToolCallConstraint constraint;
  constraint.tools = {{"f", "", boost::json::parse(R"({"type":"object","additionalProperties":true})")}};
  constraint.answer = ToolCallConstraint::Answer::kShape;
  constraint.shape = RegexConstraint{"[^!]*!"};
  const auto matcher = testing::matcher_of(rules_of_tool_calls(constraint));
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(
      testing::whole(**matcher, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": x, x, {\"a\" \"a\" \\uzz ]]!"));
}

TEST(DistinctElements, NoElementBeginsBeyondTheBound) {
  DistinctElements elements;
  std::string text;
  const auto take = [&](std::string_view bytes) {
    bool taken = true;
    for (const char byte : bytes) {
      text.push_back(byte);
      taken = taken && elements.take(elements.idle(), text);
    }
    elements.settle(text);
    return taken;
  };
  ASSERT_TRUE(take("[0"));
  for (std::size_t i = 1; i < DistinctElements::kElementsMax; ++i) ASSERT_TRUE(take("," + std::to_string(i))) << i;
  EXPECT_LT(text.size(), 2000U) << "what is no longer needed is dropped";
  DistinctElements closed = elements;
  std::string closed_text = text + ']';
  EXPECT_FALSE(take(","));
  EXPECT_TRUE(closed.take(false, closed_text));
  EXPECT_TRUE(closed.idle());

  DistinctElements deep;
  text.clear();
  for (std::size_t i = 0; i < DistinctElements::kDepthMax; ++i) ASSERT_TRUE((text += '[', deep.take(true, text)));
  EXPECT_FALSE((text += '[', deep.take(true, text)));
}

/// What may follow `text` so that it can still be completed.
std::string ways(const char* schema, std::string_view text) {
  const auto matcher = testing::matcher_of_schema(schema);
  if (!matcher.ok()) return matcher.error().message;
  const auto read = GrammarText((*matcher)->start()).with(**matcher, text);
  if (!read) return "nothing";
  std::string all;
  for (int byte = 0x21; byte < 0x7f; ++byte) {
    const char one = static_cast<char>(byte);
    const auto next = read->with(**matcher, {&one, 1});
    if (next && next->can_go_on(**matcher)) all += one;
  }
  return all;
}

TEST(DistinctElements, WhatCanOnlyBecomeARepetitionDoesNotBegin) {
  const char* booleans = R"({"type":"array","items":{"type":["boolean","null"]},"uniqueItems":true})";
  EXPECT_EQ(ways(booleans, "["), "]fnt");
  EXPECT_EQ(ways(booleans, "[true,"), "fn");
  EXPECT_EQ(ways(booleans, "[true,null"), ",]");
  EXPECT_EQ(ways(booleans, "[true,null,false"), "]");

  const char* integers = R"({"type":"array","items":{"type":"integer"},"uniqueItems":true})";
  EXPECT_EQ(ways(integers, "[1,1"), "0123456789");  // neither its end nor 1.0
  EXPECT_EQ(ways(integers, "[1,12"), ",.0123456789]");

  const char* digits = R"({"type":"array","items":{"type":"integer","minimum":0,"maximum":2},"uniqueItems":true})";
  EXPECT_EQ(ways(digits, "[0,2,"), "1");
  EXPECT_EQ(ways(digits, "[0,2,1"), ".]");

  const char* listed = R"({"type":"array","items":{"enum":["cat","car","dog"]},"uniqueItems":true})";
  EXPECT_EQ(ways(listed, R"(["cat","ca)"), "r");
  EXPECT_EQ(ways(listed, R"(["cat","dog",")"), "c");
  EXPECT_EQ(ways(listed, R"(["cat","car",")"), "d");
  EXPECT_EQ(ways(listed, R"(["cat","dog","car")"), "]");

  const char* objects =
      R"({"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"id":{"enum":["a","b"]},"on":{"type":"boolean"}},
          "required":["id"],"additionalProperties":false}})";
  EXPECT_EQ(ways(objects, R"([{"id":"a"},{"id":"a")"), ",");
  EXPECT_EQ(ways(objects, R"([{"id":"a"},{"id":"a","on":true},{"id":"a","on":)"), "f");
  EXPECT_EQ(ways(objects, R"([{"id":"a"},{"id":"a","on":true},{"id":"a","on":false},{"id":")"), "b");

  EXPECT_EQ(ways(objects, R"([{"id":"a"},{"id":"a","on":true},{"id":"a","on":false},{"id":)"), "\"");
  const char* numbers = R"({"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"a":{"enum":[1,2]},
                            "b":{"type":"boolean"}},"required":["a"]}})";
  EXPECT_EQ(ways(numbers, R"([{"a":1,"b": false},{"a":1},{"a":1,"b": true},{"a":)"), "2");

  const char* inner =
      R"({"type":"array","uniqueItems":true,"items":{"type":"array","uniqueItems":true,"minItems":1,"maxItems":1,
                          "items":{"enum":["a","b"]}}})";
  EXPECT_EQ(ways(inner, R"([["a"],[")"), "b");
  EXPECT_EQ(ways(inner, R"([["a"],["b"])"), "]");
}

TEST(DistinctElements, AFreeNameComesOnce) {
  const char* free =
      R"({"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"}})";
  EXPECT_EQ(ways(free, R"({"b":true,"b)").find('"'), std::string::npos);
  testing::expect_cases({
      {free,
       {R"({"a":1,"b":true,"c":true})", R"({"b":true,"bb":true})"},
       {R"({"b":true,"b":false})", R"({"b":true,"\u0062":true})"}},
      {R"({"type":"object","patternProperties":{"^x":{"type":"integer"}},"additionalProperties":false})",
       {R"({"x":1,"xx":1})"},
       {R"({"x":1,"x":1})"}},
      {R"({"type":"object"})",
       {R"({"a":{"a":1},"b":[{"a":1}]})"},
       {R"({"a":1,"a":1})", R"({"o":{"a":1,"b":2,"a":3}})"}},
      {R"(true)", {R"([{"a":1},{"a":1}])"}, {R"([{"a":1,"a":1}])"}},
      {R"({"type":"object","propertyNames":{"pattern":"^[a-z]{2}$"},"minProperties":3})",
       {R"({"aa":1,"ab":1,"ba":1})"},
       {R"({"aa":1,"ab":1,"aa":1})"}},
  });
}

}  // namespace
}  // namespace mnema::grammar

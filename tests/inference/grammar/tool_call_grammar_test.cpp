#include "inference/grammar/tool_call_grammar.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of;
using testing::whole;

ToolDefinition tool(const char* name, const char* parameters) { return {name, "", boost::json::parse(parameters)}; }

ToolCallConstraint two_tools() {
  ToolCallConstraint constraint;
  constraint.tools = {
      tool("weather", R"({"type":"object","properties":{"city":{"enum":["Bonn","Oslo"]}},"required":["city"]})"),
      tool("stop", R"({"properties":{},"additionalProperties":false})")};
  return constraint;
}

constexpr const char* kBonn = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bonn\"}}\n</tool_call>";
constexpr const char* kStop = "<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>";

TEST(ToolCallGrammar, AllowsACallOfEachToolWithItsOwnArguments) {
  const auto matcher = matcher_of(rules_of_tool_calls(two_tools()));
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, kBonn));
  EXPECT_TRUE(whole(**matcher, kStop));
  for (const char* wrong :
       {"", "I would call it.", "<tool_call>\n{\"name\": \"other\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"stop\", \"arguments\": {\"city\": \"Bonn\"}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>"}) {
    EXPECT_FALSE(whole(**matcher, wrong)) << wrong;
  }
  EXPECT_FALSE(whole(**matcher, std::string(kBonn) + "\n" + kStop)) << "only one was asked for";
}

TEST(ToolCallGrammar, SeveralCallsAreSeveralOnlyWhereTheyMayBe) {
  ToolCallConstraint constraint = two_tools();
  constraint.several = true;
  const auto matcher = matcher_of(rules_of_tool_calls(constraint));
  ASSERT_TRUE(matcher.ok());
  std::string calls = kBonn;
  for (int count = 1; count <= 8; ++count, calls += std::string("\n") + kStop) {
    EXPECT_TRUE(whole(**matcher, calls)) << count;
  }
  EXPECT_FALSE(whole(**matcher, calls)) << "nine";
}

TEST(ToolCallGrammar, ReasoningMayStandBeforeTheCallWhereTheModelHasIt) {
  ToolCallConstraint constraint = two_tools();
  const std::string thought = "Hm: 1 < 2, <b>?\n</think>\n\n";
  EXPECT_FALSE(whole(**matcher_of(rules_of_tool_calls(constraint)), "<think>" + thought + kStop));
  constraint.may_reason = true;
  const auto may = matcher_of(rules_of_tool_calls(constraint));
  EXPECT_TRUE(whole(**may, "<think>" + thought + kStop));
  EXPECT_TRUE(whole(**may, kStop));
  constraint.in_reasoning = true;
  const auto must = matcher_of(rules_of_tool_calls(constraint));
  EXPECT_TRUE(whole(**must, thought + kStop));
  EXPECT_FALSE(whole(**must, "I think not."));
}

TEST(ToolCallGrammar, AToolWithoutParametersIsCalledWithNone) {
  const std::string begin = "<tool_call>\n{\"name\": \"say \\\"it\\\"\", \"arguments\": ";
  for (const char* parameters :
       {"null", "{}", R"({"type":"object"})", R"({"properties":{}})",
        R"({"type":"object","properties":{},"required":[],"additionalProperties":false,"description":"x"})"}) {
    ToolCallConstraint constraint;
    constraint.tools = {tool("say \"it\"", parameters)};
    const auto matcher = matcher_of(rules_of_tool_calls(constraint));
    ASSERT_TRUE(matcher.ok());
    EXPECT_TRUE(whole(**matcher, begin + "{}}\n</tool_call>")) << parameters;
    EXPECT_FALSE(whole(**matcher, begin + "{\"a\": [1]}}\n</tool_call>")) << parameters;
    EXPECT_FALSE(whole(**matcher, begin + "1}\n</tool_call>")) << parameters;
  }
  ToolCallConstraint open;
  open.tools = {tool("say \"it\"", R"({"type":"object","additionalProperties":true})")};
  EXPECT_TRUE(whole(**matcher_of(rules_of_tool_calls(open)), begin + "{\"a\": [1]}}\n</tool_call>"));
}

TEST(ToolCallGrammar, TextMayStandBeforeAndInsteadOfCallsWhereItMay) {
  ToolCallConstraint constraint = two_tools();
  constraint.answer = ToolCallConstraint::Answer::kText;
  const auto matcher = matcher_of(rules_of_tool_calls(constraint));
  ASSERT_TRUE(matcher.ok());
  for (const std::string text : {"", "I look.", "std::cout << a < b; <br> <tool_cat> <t> <<", "日本 <", "a\n"}) {
    EXPECT_TRUE(whole(**matcher, text)) << text;
    EXPECT_TRUE(whole(**matcher, text + kBonn)) << text;
    EXPECT_FALSE(whole(**matcher, text + kBonn + " and more")) << text;
  }
  EXPECT_FALSE(whole(**matcher, "I look. <tool_call>"));
  EXPECT_FALSE(whole(**matcher, "I look. <tool_call>\n{\"name\": \"moon\", \"arguments\": {}}\n</tool_call>"));
}

TEST(ToolCallGrammar, AnAnswerOfAShapeMayStandInsteadOfCalls) {
  ToolCallConstraint constraint = two_tools();
  constraint.answer = ToolCallConstraint::Answer::kShape;
  constraint.shape = JsonSchemaConstraint{boost::json::parse(R"({"type":"boolean"})")};
  const auto schema = matcher_of(rules_of_tool_calls(constraint));
  for (const char* good : {"true", "false", kBonn, kStop}) EXPECT_TRUE(whole(**schema, good)) << good;
  for (const char* bad : {"", "I look.", "truetrue", "1"}) EXPECT_FALSE(whole(**schema, bad)) << bad;
  constraint.shape = RegexConstraint{"[a-c]{2}\"?"};
  const auto regex = matcher_of(rules_of_tool_calls(constraint));
  for (const char* good : {"ab", "cc\"", kStop}) EXPECT_TRUE(whole(**regex, good)) << good;
  for (const char* bad : {"", "a", "abc", "xabx", "cc\\\""}) EXPECT_FALSE(whole(**regex, bad)) << bad;
  constraint.tools.clear();
  constraint.in_reasoning = true;
  const auto after = matcher_of(rules_of_tool_calls(constraint));
  EXPECT_TRUE(whole(**after, "hm\n</think>\n\nab"));
  EXPECT_FALSE(whole(**after, "ab"));
  // Its rules are its own, whatever they are called.
  constraint.shape = GrammarConstraint{"root ::= call+\ncall ::= \"a\" | \"<\" root \">\""};
  const auto grammar = matcher_of(rules_of_tool_calls(constraint));
  ASSERT_TRUE(grammar.ok()) << grammar.error().text();
  EXPECT_TRUE(whole(**grammar, "hm\n</think>\n\na<aa>"));
  EXPECT_FALSE(whole(**grammar, "hm\n</think>\n\n<>"));
  EXPECT_FALSE(whole(**grammar, "a"));
}

TEST(ToolCallGrammar, ToolsThatTakeAnyMemberAreCalledWithAnyObject) {
  ToolCallConstraint constraint;
  constraint.tools = {tool("f", R"({"type":["object","null"],"additionalProperties":{"type":"integer"}})")};
  const auto matcher = matcher_of(rules_of_tool_calls(constraint));
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"));
  EXPECT_FALSE(whole(**matcher, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": true}}\n</tool_call>"));
}

TEST(ToolCallGrammar, WhatCannotBeEnforcedIsRefusedWithTheToolAndThePlace) {
  const auto error_of = [](const char* parameters) {
    ToolCallConstraint constraint;
    constraint.tools = {tool("f", parameters)};
    const Result<Rules> rules = rules_of_tool_calls(constraint);
    return rules.ok() ? std::string() : rules.error().message;
  };
  EXPECT_NE(error_of(R"({"type":"string"})").find("'f'"), std::string::npos);
  EXPECT_NE(error_of("7").find("'f'"), std::string::npos);
  const std::string place =
      error_of(R"({"type":"object","properties":{"a":{"type":"array","not":{"uniqueItems":true}}}})");
  EXPECT_NE(place.find("'f'"), std::string::npos);
  EXPECT_NE(place.find("/properties/a/not"), std::string::npos) << place;
  EXPECT_FALSE(rules_of_tool_calls({}).ok());
}

}  // namespace
}  // namespace mnema::grammar

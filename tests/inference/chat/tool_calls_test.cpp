#include "inference/chat/tool_calls.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

/// All that a parser says about `output` when it comes in pieces of `step` bytes.
struct Heard {
  std::string text, reasoning;
  std::vector<ToolCall> calls, complete;
};

Heard heard(const std::string& output, std::size_t step, OutputParser::Options options, bool cut = false) {
  OutputParser parser(std::move(options));
  Heard all;
  const auto add = [&](const Delta& delta) {
    all.text += delta.text;
    all.reasoning += delta.reasoning;
    for (const ToolCallDelta& piece : delta.tool_calls) {
      if (static_cast<std::size_t>(piece.index) == all.calls.size()) all.calls.push_back({piece.id, piece.name, ""});
      all.calls[static_cast<std::size_t>(piece.index)].arguments += piece.arguments;
    }
  };
  for (std::size_t at = 0; at < output.size(); at += step) {
    Delta delta;
    parser.push(output.substr(at, step), delta);
    add(delta);
  }
  Delta last;
  parser.finish(last, cut);
  add(last);
  all.complete = parser.calls();
  for (const ToolCall& call : all.complete) {
    const auto same = [&](const ToolCall& one) {
      return one.id == call.id && one.name == call.name && one.arguments == call.arguments;
    };
    EXPECT_TRUE(std::any_of(all.calls.begin(), all.calls.end(), same)) << call.arguments;
  }
  return all;
}

OutputParser::Options everything() {
  OutputParser::Options options;
  options.tool_calls = options.reasoning = true;
  options.call_id_prefix = "call_";
  return options;
}

TEST(OutputParser, TakesReasoningTextAndCallsApartAtEverySplit) {
  const std::string output =
      "<think>\nhm < 3\n</think>\n\nI look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\\\"<\", \"b\": "
      "[1, {}]}}\n"
      "</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
  for (std::size_t step = 1; step <= output.size(); ++step) {
    const Heard all = heard(output, step, everything());
    ASSERT_EQ(all.reasoning, "hm < 3\n") << step;
    ASSERT_EQ(all.text, "I look.\n") << step;
    ASSERT_EQ(all.calls.size(), 2U) << step;
    ASSERT_EQ(all.complete.size(), 2U) << step;
    EXPECT_EQ(all.calls[0].id, "call_0");
    EXPECT_EQ(all.calls[0].name, "f");
    EXPECT_EQ(all.calls[0].arguments, "{\"a\": \"}\\\"<\", \"b\": [1, {}]}");
    EXPECT_EQ(all.calls[1].arguments, "{}");
  }
}

TEST(OutputParser, GivesBackAsTextWhatOnlyLookedLikeATag) {
  EXPECT_EQ(heard("a <tool_cat> b <thin", 1, everything()).text, "a <tool_cat> b <thin");
  EXPECT_EQ(heard("<tool_call>no json</tool_call>", 3, everything()).text, "<tool_call>no json</tool_call>");
}

TEST(OutputParser, ReadsACallFromTheTopLevelMembersHoweverItIsWritten) {
  const struct {
    const char* body;
    const char* name;
    const char* arguments;
  } cases[] = {
      {R"({"name": "f", "arguments": "{\"x\":1}"})", "f", R"({"x":1})"},
      {R"({"name": "f", "parameters": {"x": [1, "}"]} })", "f", R"({"x": [1, "}"]})"},
      {R"({"arguments": {"name": "Bob"}, "name": "f"})", "f", R"({"name": "Bob"})"},
      {R"({"arguments": {"k": "name"}, "name": "f"})", "f", R"({"k": "name"})"},
      {R"({"id": "\"name\": \"Bob\"", "name": "f"})", "f", "{}"},
      {R"({"name": "f", "arguments": null})", "f", "{}"},
      {R"({"name": "f\u0031", "arguments": {}})", "f1", "{}"},
      {R"({ "name" : "f" , "arguments" : {"a": {"arguments": 2}} })", "f", R"({"a": {"arguments": 2}})"},
      {R"({"name": "f", "id": 7, "arguments": {"b": "a, \\"}})", "f", R"({"b": "a, \\"})"},
      {R"({"name": "f", "arguments": {"a": 1})", "f", R"({"a": 1})"},  // the last brace left out
  };
  for (const auto& one : cases) {
    for (const std::size_t step : {1, 3, 1000}) {
      const Heard all = heard("<tool_call>\n" + std::string(one.body) + "\n</tool_call>", step, everything());
      EXPECT_EQ(all.text, "") << one.body;
      ASSERT_EQ(all.complete.size(), 1U) << one.body;
      ASSERT_EQ(all.calls.size(), 1U) << one.body;
      EXPECT_EQ(all.complete[0].name, one.name) << one.body;
      EXPECT_EQ(all.complete[0].arguments, one.arguments) << one.body;
    }
  }
}

TEST(OutputParser, GivesBackAsTextWhatIsNoCallOfATool) {
  for (const char* body : {R"({"arguments": {"name": "Bob"}})", R"({"name": "f", "arguments": [1]})", R"({"name": 3})",
                           R"({"name": "f", "arguments": "x"})", R"(["name", "f"])", R"({"name": ""})", ""}) {
    const std::string output = "<tool_call>" + std::string(body) + "</tool_call>";
    const Heard all = heard(output, 2, everything());
    EXPECT_EQ(all.text, output);
    EXPECT_TRUE(all.calls.empty() && all.complete.empty()) << body;
  }
}

TEST(OutputParser, CountsACallThatWasCutOffAmongNoCompleteOnes) {
  const std::string output = R"(<tool_call>{"name": "f", "arguments": {"path": "/home", "all": true}})";
  for (std::size_t length = 0; length < output.size(); ++length) {
    EXPECT_TRUE(heard(output.substr(0, length), 5, everything()).complete.empty()) << output.substr(0, length);
  }
  EXPECT_EQ(heard(output, 5, everything()).complete.size(), 1U) << "whole but for the tag";
  EXPECT_EQ(heard("<tool_call>{\"na", 5, everything()).text, "<tool_call>{\"na");
}

TEST(OutputParser, ShowsNoMarkupOfACallThatWasCutOffAnywhere) {
  const std::string before = "I look.";
  for (const std::string& body :
       {std::string(R"({"name": "f", "arguments": {"path": "/home", "all": true}})"),
        std::string(R"({"arguments": {"a": "}\""}, "name": "f"})"), std::string("no json"), std::string()}) {
    const std::string output = before + "<tool_call>\n" + body + "\n</tool_call>";
    for (std::size_t length = before.size(); length < output.size(); ++length) {
      for (const std::size_t step : {1, 7, 1000}) {
        const Heard all = heard(output.substr(0, length), step, everything(), true);
        ASSERT_EQ(all.text, before) << output.substr(0, length);
        ASSERT_TRUE(all.complete.empty() ||
                    length >= before.size() + std::string("<tool_call>\n").size() + body.size());
      }
    }
  }
  EXPECT_EQ(heard("<think>hm</thi", 3, everything(), true).reasoning, "hm");
  EXPECT_EQ(heard("a < b", 1, everything(), true).text, "a < b");
}

TEST(OutputParser, LooksForTagsOnlyBeforeAnAnswerOfAGivenShape) {
  OutputParser::Options options = everything();
  options.tags_before_text = true;
  const std::string json = R"({"a": "<tool_call>{\"name\": \"f\"}</tool_call> <think>"})";
  for (std::size_t step = 1; step <= json.size(); ++step) {
    const Heard all = heard(json, step, options);
    ASSERT_EQ(all.text, json) << step;
    ASSERT_TRUE(all.calls.empty()) << step;
    const Heard called = heard("<think>hm</think>\n\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>", step, options);
    ASSERT_EQ(called.complete.size(), 1U) << step;
    ASSERT_EQ(called.reasoning, "hm") << step;
    ASSERT_EQ(heard("<think>hm</think>\n" + json, step, options).text, json) << step;
  }
}

TEST(OutputParser, LetsAnArgumentSayWhatEndsACall) {
  const std::string arguments = R"({"a": "</tool_call> \"</tool_call>", "b": "<tool_call>"})";
  const std::string call = "<tool_call>\n{\"name\": \"f\", \"arguments\": " + arguments + "}\n</tool_call>";
  for (std::size_t step = 1; step <= call.size(); ++step) {
    const Heard all = heard(call + call, step, everything());
    ASSERT_EQ(all.text, "") << step;
    ASSERT_EQ(all.complete.size(), 2U) << step;
    EXPECT_EQ(all.complete[0].arguments, arguments);
    EXPECT_EQ(all.complete[1].arguments, arguments);
  }
  const std::string broken = "<tool_call>{\"name\": \"f}</tool_call> and more";
  EXPECT_EQ(heard(broken, 3, everything()).text, broken);
}

TEST(OutputParser, NumbersCallsApartThoughOneOfThemIsBroken) {
  const Heard all =
      heard(R"(<tool_call>{"name": "f", "arguments": {"a": }}</tool_call><tool_call>{"name": "g"}</tool_call>)", 4,
            everything());
  ASSERT_EQ(all.complete.size(), 1U);
  EXPECT_EQ(all.complete[0].name, "g");
  EXPECT_EQ(all.complete[0].id, "call_1");
}

TEST(OutputParser, LooksForNothingThatItWasNotToldToLookFor) {
  const std::string output = "<think>a</think><tool_call>{}</tool_call>";
  EXPECT_EQ(heard(output, 1, {}).text, output);
}

TEST(OutputParser, BeginsInReasoningThatTheTemplateHasOpened) {
  OutputParser::Options options = everything();
  options.begins_in_reasoning = true;
  const Heard all = heard("\nbecause</think>\n\nyes", 2, options);
  EXPECT_EQ(all.reasoning, "because");
  EXPECT_EQ(all.text, "yes");
}

OutputParser::Options without_tags() {
  OutputParser::Options options = everything();
  options.tools_without_tags = {"find", "find_all"};
  return options;
}

TEST(OutputParser, KnowsTheCallsOfModelsThatLeaveTheTagsOut) {
  const std::string call = R"({"name": "find", "arguments": {"a": "}\"{", "b": [1, {}]}})";
  const std::string other = R"({ "name":"find_all", "parameters": {"n": 2} })";
  for (const std::string& output :
       {call + "\n" + other, "\n" + call + other + "\n", "```json\n" + call + "\n```\n" + other,
        "```\n" + call + "\n" + other + "\n```", "<think>{</think>\n" + call + "\n" + other}) {
    for (std::size_t step = 1; step <= output.size(); ++step) {
      const Heard all = heard(output, step, without_tags());
      ASSERT_EQ(all.text, "") << step << " of " << output;
      ASSERT_EQ(all.complete.size(), 2U) << step << " of " << output;
      EXPECT_EQ(all.complete[0].name, "find");
      EXPECT_EQ(all.complete[0].arguments, R"({"a": "}\"{", "b": [1, {}]})");
      EXPECT_EQ(all.complete[1].name, "find_all");
      EXPECT_EQ(all.complete[1].arguments, R"({"n": 2})");
    }
  }
}

TEST(OutputParser, TakesNothingElseForACallWithoutTags) {
  for (const std::string output :
       {R"({"name": "other", "arguments": {}})", R"({"name": "find"})", R"({"name": "find", "arguments": 3})",
        R"(So: {"name": "find", "arguments": {}})", "```python\nfind()\n```", "```", "{}", R"({"name": "fin"})", " ",
        R"([{"name": "find", "arguments": {}}])", R"({"name": "find", "arguments": {)",
        "```json\n{\"name\": \"Anna\"}\n```"}) {
    for (std::size_t step = 1; step <= output.size(); ++step) {
      const Heard all = heard(output, step, without_tags());
      EXPECT_EQ(all.complete.size(), 0U) << output;
      if (all.calls.empty()) EXPECT_EQ(all.text, output) << step;
    }
  }
  const Heard behind = heard(R"({"name": "find", "arguments": {}} and more)", 3, without_tags());
  EXPECT_EQ(behind.complete.size(), 1U);
  EXPECT_EQ(behind.text, "and more");
  EXPECT_EQ(heard(R"({"name": "find", "arguments": {}})", 3, everything()).complete.size(), 0U)
      << "no tool is named so";
}

TEST(OutputParser, KeepsACallWithoutTagsThatWasCutOffToItself) {
  for (const std::string output :
       {R"({"name": "fi)", R"({"name": "find", "argum)", R"({"name": "find", "arguments": {"a": 1)"}) {
    const Heard all = heard(output, 2, without_tags(), true);
    EXPECT_EQ(all.text, "");
    EXPECT_EQ(all.complete.size(), 0U);
  }
  EXPECT_EQ(heard("```py", 2, without_tags(), true).text, "```py");
}

}  // namespace
}  // namespace mnema

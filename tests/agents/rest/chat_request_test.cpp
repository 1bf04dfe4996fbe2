#include "agents/rest/chat_request.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(ChatRequestReader, TrustsAClientsSystemPromptNoMoreThanTheClient) {
  const Parsed<ParsedChat> parsed = parse_chat_request(
      R"({"model": "m", "messages": [{"role": "system", "content": "Obey."}, {"role": "developer", "content": "Obey."},
          {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"},
          {"role": "tool", "tool_call_id": "1", "content": "42"}]})",
      Limits(), SamplingOptions());
  ASSERT_TRUE(std::holds_alternative<ParsedChat>(parsed));
  const std::vector<Message>& messages = std::get<ParsedChat>(parsed).generate.prompt.messages;
  ASSERT_EQ(messages.size(), 5U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(messages[static_cast<std::size_t>(i)].content.at(0).trust, Trust::kUser) << i;
  EXPECT_EQ(messages[4].content.at(0).trust, Trust::kExternal);
}

/// The request with these members beside model and messages.
Parsed<ParsedChat> parsed(const std::string& members, const std::string& messages = "") {
  const std::string said = messages.empty() ? R"([{"role": "user", "content": "Hello"}])" : messages;
  return parse_chat_request(R"({"model": "m", "messages": )" + said + (members.empty() ? "" : ", ") + members + "}",
                            Limits(), SamplingOptions());
}

GenerateRequest request_of(const Parsed<ParsedChat>& result) {
  const auto* error = std::get_if<RequestError>(&result);
  EXPECT_EQ(error, nullptr) << error->error.text();
  return error == nullptr ? std::get<ParsedChat>(result).generate : GenerateRequest();
}

std::string refused_param(const Parsed<ParsedChat>& result) {
  const auto* error = std::get_if<RequestError>(&result);
  if (error == nullptr) return "not refused";
  EXPECT_FALSE(error->error.message.empty());
  return error->param;
}

constexpr const char* kTools =
    R"("tools": [{"type": "function", "function": {"name": "weather", "strict": true, "parameters":
         {"type": "object", "properties": {"city": {"type": "string"}}}}},
        {"type": "function", "function": {"name": "stop"}}])";

std::string with_tools(const std::string& choice) { return std::string(kTools) + ", \"tool_choice\": " + choice; }

TEST(ChatRequestReader, ReadsEveryWayOfChoosingTools) {
  GenerateRequest request = request_of(parsed(kTools));
  EXPECT_EQ(request.tool_choice, ToolChoice::kAuto);
  ASSERT_EQ(request.prompt.tools.size(), 2U);
  EXPECT_TRUE(request.prompt.tools[0].strict);
  EXPECT_FALSE(request.prompt.tools[1].strict);
  EXPECT_EQ(request_of(parsed(with_tools("\"none\""))).tool_choice, ToolChoice::kNone);
  EXPECT_EQ(request_of(parsed(with_tools("\"required\""))).tool_choice, ToolChoice::kRequired);
  request = request_of(parsed(with_tools(R"({"type": "function", "function": {"name": "stop"}})")));
  EXPECT_EQ(request.tool_choice, ToolChoice::kRequired);
  EXPECT_EQ(request.tool_choice_name, "stop");
  for (const auto& [mode, choice] :
       {std::pair("auto", ToolChoice::kAuto), std::pair("required", ToolChoice::kRequired)}) {
    request =
        request_of(parsed(with_tools(R"({"type": "allowed_tools", "allowed_tools": {"mode": ")" + std::string(mode) +
                                     R"(", "tools": [{"type": "function", "function": {"name": "stop"}}]}})")));
    EXPECT_EQ(request.tool_choice, choice);
    EXPECT_EQ(request.tool_choice_name, "");
    ASSERT_EQ(request.prompt.tools.size(), 1U) << "the others are not even shown";
    EXPECT_EQ(request.prompt.tools[0].name, "stop");
  }
}

TEST(ChatRequestReader, RefusesAToolChoiceThatMeansNothing) {
  for (const char* choice :
       {"\"any\"", "3", "[]", "{}", R"({"type": "function"})", R"({"type": "function", "function": {"name": "moon"}})",
        R"({"type": "custom", "custom": {"name": "stop"}})", R"({"type": "allowed_tools"})",
        R"({"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": [{"function": {"name": "stop"}}]}})",
        R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}})",
        R"({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "moon"}}]}})"}) {
    EXPECT_EQ(refused_param(parsed(with_tools(choice))), "tool_choice") << choice;
  }
  for (const char* choice : {"\"auto\"", "\"none\"", "\"required\"", R"({"function": {"name": "stop"}})"}) {
    EXPECT_EQ(refused_param(parsed("\"tool_choice\": " + std::string(choice))), "tool_choice") << "without tools";
    EXPECT_EQ(refused_param(parsed("\"tools\": [], \"tool_choice\": " + std::string(choice))), "tool_choice");
  }
  EXPECT_EQ(refused_param(parsed("\"tool_choice\": null")), "not refused");
}

TEST(ChatRequestReader, ReadsTheCallsOfTheOlderProtocolInAHistory) {
  const GenerateRequest request = request_of(parsed("", R"([{"role": "user", "content": "x"},
      {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{\"a\": 1}"}},
      {"role": "function", "name": "f", "content": "4"}])"));
  ASSERT_EQ(request.prompt.messages.size(), 3U);
  ASSERT_EQ(request.prompt.messages[1].tool_calls.size(), 1U);
  EXPECT_EQ(request.prompt.messages[1].tool_calls[0].arguments, R"({"a": 1})");
  EXPECT_EQ(request.prompt.messages[2].name, "f");
  EXPECT_EQ(refused_param(parsed("", R"([{"role": "assistant", "function_call": {"name": "f", "arguments": "[1]"}},
                                        {"role": "user", "content": "x"}])")),
            "messages[0].function_call.arguments");
}

/// A conversation whose assistant has called with these arguments, as JSON.
std::string history_with(const std::string& arguments) {
  return R"([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [
         {"id": "1", "type": "function", "function": {"name": "f", "arguments": )" +
         arguments + R"(}}]}, {"role": "tool", "tool_call_id": "1", "content": "4"}])";
}

TEST(ChatRequestReader, ShowsTheModelOnlyArgumentsThatAreAnObject) {
  const auto arguments_of = [](const std::string& arguments) {
    const GenerateRequest request = request_of(parsed("", history_with(arguments)));
    return request.prompt.messages.size() == 3 ? request.prompt.messages[1].tool_calls.at(0).arguments : "none";
  };
  EXPECT_EQ(arguments_of(R"("{\"n\": 1234567890123456789012, \"n\": 0.10}")"),
            R"({"n": 1234567890123456789012, "n": 0.10})")
      << "exactly as it came";
  for (const char* none : {"\"\"", "\" \\n\"", "null", "{}", "\"{}\""}) EXPECT_EQ(arguments_of(none), "{}") << none;
  EXPECT_EQ(arguments_of(R"({"b": 0.5, "a": 1.0, "n": [1234567890123456789012]})"),
            R"({"b":0.5,"a":1.0,"n":[1234567890123456789012]})")
      << "some clients send the object itself";
  for (const char* wrong : {"\"[1]\"", "\"null\"", "\"3\"", R"("\"{}\"")", R"("{\"city\": \"Os")", "\"{} {}\"",
                            "\"no\"", "[1]", "7", "true"}) {
    EXPECT_EQ(refused_param(parsed("", history_with(wrong))), "messages[1].tool_calls[0].function.arguments") << wrong;
  }
  EXPECT_EQ(refused_param(parsed("", history_with("\"" + std::string(5000, '[') + "\""))),
            "messages[1].tool_calls[0].function.arguments");
}

}  // namespace
}  // namespace mnema

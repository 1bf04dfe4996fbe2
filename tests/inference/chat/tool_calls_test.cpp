#include "inference/chat/tool_calls.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

/// All that a parser says about `output` when it comes in pieces of `step` bytes.
struct Heard {
  std::string text, reasoning;
  std::vector<ToolCall> calls;
};

Heard heard(const std::string& output, std::size_t step, OutputParser::Options options) {
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
  parser.finish(last);
  add(last);
  EXPECT_EQ(parser.calls().size(), all.calls.size());
  for (std::size_t i = 0; i < all.calls.size() && i < parser.calls().size(); ++i) {
    EXPECT_EQ(parser.calls()[i].arguments, all.calls[i].arguments);
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

}  // namespace
}  // namespace mnema

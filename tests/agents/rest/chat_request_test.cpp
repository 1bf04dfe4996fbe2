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

}  // namespace
}  // namespace mnema

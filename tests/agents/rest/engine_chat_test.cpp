#include "agents/rest/engine_chat.hpp"

#include <gtest/gtest.h>

#include "tests/inference/local_engine_fixture.hpp"

namespace mnema {
namespace {

class EngineChatTest : public testing::LocalEngineTest {
 protected:
  Result<Completion> chat(const std::string& text) {
    EngineChat backend(*engine);
    ChatRequest request;
    request.generate = asks("a", text);
    std::optional<Result<Completion>> done;
    ChatCallbacks callbacks;
    callbacks.on_done = [&done](Result<Completion> result) { done = std::move(result); };
    const auto running = backend.start_chat(std::move(request), reply, std::move(callbacks));
    run();
    return done ? *done : Result<Completion>(fail(ErrorCode::kInternal, "no answer"));
  }
};

TEST_F(EngineChatTest, AnswersAsTheEngineDoes) {
  open();
  EXPECT_EQ(chat("hello")->text, answer(asks("a", "hello")).text);
}

TEST_F(EngineChatTest, AFullEngineRefusesBeforeThePromptIsRead) {
  limits.generations_waiting_max = 0;
  open();
  const Result<Completion> refused = chat(std::string(3000, 'x'));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(stats().template_renders, 0U);
  EXPECT_EQ(stats().tokenizer_bytes, 0U);
}

}  // namespace
}  // namespace mnema

#include "inference/prepared_prompt.hpp"

#include <gtest/gtest.h>

#include "tests/inference/local_engine_fixture.hpp"

// Prompts that are prepared once, through the engine.

namespace mnema {
namespace {

using testing::Heard;
using testing::LocalEngineTest;

class PreparedPromptTest : public LocalEngineTest {
 protected:
  std::shared_ptr<const PreparedPrompt> prepare(const GenerateRequest& request) {
    return engine->prepare(request.model, request.prompt, request.scope).value();
  }
};

TEST_F(PreparedPromptTest, IsNeitherRenderedNorTokenizedAgainToBeAnswered) {
  open();
  GenerateRequest request = asks("a", "hello there");
  const Completion plain = answer(request);
  request.scope.tenant = "another";
  request.prepared = prepare(request);
  const EngineStats before = stats();
  const Completion prepared = answer(request);
  EXPECT_EQ(prepared.text, plain.text);
  EXPECT_EQ(prepared.usage.prompt_tokens, request.prepared->size());
  EXPECT_EQ(prepared.usage.prompt_tokens, plain.usage.prompt_tokens);
  EXPECT_EQ(stats().template_renders, before.template_renders);
  EXPECT_EQ(stats().tokenizer_bytes, before.tokenizer_bytes);
}

TEST_F(PreparedPromptTest, GoesStraightToTheComputeThread) {
  open();
  GenerateRequest request = asks("a");
  request.prepared = prepare(request);
  const Heard& heard = ask(request);
  while (compute.run_one() || device.run_one()) {
  }
  EXPECT_FALSE(background.run_one()) << "nothing is left to prepare";
  reply.run();
  EXPECT_TRUE(heard.done && heard.done->ok());
}

TEST_F(PreparedPromptTest, AConstraintIsStillCompiledBesideTheComputeThread) {
  open();
  GenerateRequest request = asks("a");
  request.constraint = ChoiceConstraint{{"yes", "no"}};
  request.prepared = prepare(request);
  const Heard& heard = ask(request);
  compute.run();
  EXPECT_TRUE(background.run_one());
  run();
  EXPECT_TRUE((*heard.done)->text == "yes" || (*heard.done)->text == "no");
}

TEST_F(PreparedPromptTest, OfAnotherModelOrOfToolsThatAreForbiddenIsReadAnew) {
  open();
  GenerateRequest request = asks("a");
  request.prompt.tools = {{"weather", "", nullptr}};
  const Completion with_tools = answer(request);
  GenerateRequest forbidden = request;
  forbidden.tool_choice = ToolChoice::kNone;
  const int without_tools = answer(forbidden).usage.prompt_tokens;
  ASSERT_NE(without_tools, with_tools.usage.prompt_tokens);
  forbidden.prepared = prepare(request);
  EXPECT_EQ(answer(forbidden).usage.prompt_tokens, without_tools);

  GenerateRequest other = request;
  other.model = "d";  // its template knows no tools
  const int of_other = answer(other).usage.prompt_tokens;
  ASSERT_NE(of_other, with_tools.usage.prompt_tokens);
  other.prepared = prepare(request);
  EXPECT_EQ(answer(other).usage.prompt_tokens, of_other);
}

TEST_F(PreparedPromptTest, IsRefusedWhereItLeavesNoTokensForAnAnswer) {
  open();
  GenerateRequest request = asks("a", std::string(5000, 'x'));
  request.prepared = prepare(request);
  EXPECT_EQ(error(request).code, ErrorCode::kContextLengthExceeded);
  request.prompt.messages.clear();
  EXPECT_EQ(engine->prepare("a", request.prompt, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->prepare("vectors", asks("a").prompt, {}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(engine->prepare("nowhere", asks("a").prompt, {}).error().code, ErrorCode::kNotFound);
}

TEST_F(PreparedPromptTest, IsKnownToItsTenantUntilThatIsErased) {
  open();
  GenerateRequest request = asks("a");
  request.scope.tenant = "t";
  const auto first = prepare(request);
  EXPECT_EQ(prepare(request), first);
  EXPECT_EQ(stats().template_renders, 1U);
  GenerateRequest others = request;
  others.scope.tenant = "u";
  EXPECT_NE(prepare(others), first) << "how long it takes tells a tenant nothing of another";
  EXPECT_EQ(stats().template_renders, 2U);
  engine->erase({"t", "", "eve", ""}, reply, [] {});
  run();
  EXPECT_NE(prepare(request), first);
  EXPECT_EQ(prepare(request)->tokens, first->tokens);
  EXPECT_EQ(stats().template_renders, 3U);
}

TEST_F(PreparedPromptTest, HasTheTimeOfTheEnginesClockAndIsMadeAnewForIt) {
  open();
  const GenerateRequest request = asks("t");
  clock.wall = from_micros(1'700'000'000'000'000);
  EXPECT_EQ(prepare(request)->text, "2023: hello");
  clock.wall = from_micros(1'800'000'000'000'000);
  EXPECT_EQ(prepare(request)->text, "2027: hello");
  EXPECT_EQ(*engine->apply_template("t", request.prompt), "2027: hello");
}

TEST_F(PreparedPromptTest, SaysWhichTokensStandInWhichBytesOfItsText) {
  open();
  GenerateRequest request = asks("a", "hello");
  request.prompt.messages.insert(request.prompt.messages.begin(), message_of(Role::kSystem, "rules", Sharing::kPublic));
  const auto prepared = prepare(request);
  EXPECT_EQ(prepared->text, "system: rules\nuser: hello\n");
  EXPECT_EQ(prepared->token_ends.size(), prepared->tokens.size());
  EXPECT_EQ(prepared->token_ends.back(), prepared->text.size());
  EXPECT_EQ(prepared->tokens_within(0), 0);
  EXPECT_EQ(prepared->tokens_within(14), 14) << "a token is a byte here";
  EXPECT_EQ(prepared->byte_of(14), 14U);
  EXPECT_EQ(prepared->borders.public_until, 20);
  EXPECT_EQ(prepared->borders.tenant_until, 20);
}

}  // namespace
}  // namespace mnema

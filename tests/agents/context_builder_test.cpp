#include "agents/context_builder.hpp"

#include <gtest/gtest.h>

#include "agents/testing.hpp"

namespace mnema {
namespace {

/// The builder only counts tokens; nothing is ever posted.
struct NoExecutor final : Executor {
  void post(std::function<void()>) override { FAIL() << "nothing is to be posted"; }
  void post_after(Duration, std::function<void()>) override { FAIL() << "nothing is to be posted"; }
};

class ContextBuilder : public ::testing::Test {
 protected:
  Result<BuiltContext> build(const PromptPlan& plan, int context_tokens, int passage_tokens_max = 1000) {
    ContextBudget budget;
    budget.context_tokens = context_tokens;
    budget.answer_tokens = 100;
    budget.passage_tokens_max = passage_tokens_max;
    budget.prefill_ms_max = prefill_ms_max;
    return build_context(plan, {}, budget, engine, "scripted");
  }

  NoExecutor executor;
  testing::ScriptedEngine::Options options{.prefill_tokens_per_second = 1000};
  testing::ScriptedEngine engine{executor, {}, options};
  double prefill_ms_max = 0;
};

Passage passage(std::string title, std::size_t bytes) {
  return {std::string(bytes, 'x'), std::move(title), {}, 0.9, Trust::kExternal};
}

std::vector<Message> talk(int exchanges, std::size_t bytes) {
  std::vector<Message> history;
  for (int i = 0; i < exchanges; ++i) {
    history.push_back(message_of(Role::kUser, "q" + std::to_string(i) + std::string(bytes, '?')));
    history.push_back(message_of(Role::kAssistant, "a" + std::to_string(i) + std::string(bytes, '.')));
  }
  return history;
}

TEST_F(ContextBuilder, LaysOutWhatChangesLeastFirst) {
  PromptPlan plan;
  plan.user("the event")
      .with({passage("P", 5)})
      .history(talk(1, 3))
      .known("facts")
      .system("system")
      .document("D", "doc");
  const BuiltContext built = build(plan, 4000).value();
  const std::string text = engine.apply_template("scripted", built.prompt).value();
  std::size_t from = 0;
  for (const char* part : {"system", "# D\ndoc", "facts", "q0???", "a0...", "[1] P\nxxxxx", "the event"}) {
    const std::size_t found = text.find(part, from);
    ASSERT_NE(found, std::string::npos) << part << " after byte " << from << " of\n" << text;
    from = found;
  }
  EXPECT_EQ(built.prompt.messages.front().content.front().sharing, Sharing::kPublic);
  EXPECT_EQ(built.prompt.messages.back().content.front().sharing, Sharing::kUser);
  EXPECT_EQ(built.trust, Trust::kExternal);
}

TEST_F(ContextBuilder, KeepsThePrefixWhenOnlyRecallAndEventChange) {
  PromptPlan first;
  first.system("system").user("one").with({passage("P", 50)});
  const Prompt before = build(first, 4000)->prompt;
  PromptPlan second;
  std::vector<Message> history(before.messages.begin() + 1, before.messages.end());
  history.push_back(message_of(Role::kAssistant, "answer"));
  second.system("system").history(history).user("two").with({passage("Q", 70)});
  const std::string old_text = engine.apply_template("scripted", before).value();
  const std::string new_text = engine.apply_template("scripted", build(second, 4000)->prompt).value();
  EXPECT_EQ(new_text.substr(0, old_text.size()), old_text);
}

TEST_F(ContextBuilder, NeverExceedsItsBudgetAndSaysWhatWasLeftOut) {
  PromptPlan plan;
  plan.system("s").user("u").with({passage("A", 300), passage("B", 300), passage("C", 20)});
  for (int context = 120; context < 1500; context += 7) {
    const auto built = build(plan, context);
    if (!built.ok()) {
      EXPECT_EQ(built.error().code, ErrorCode::kContextLengthExceeded);
      continue;
    }
    EXPECT_LE(built->prompt_tokens, context - 100);
    EXPECT_EQ(built->citations.size() + built->left_out.size(), 3U);
    EXPECT_EQ(built->prompt_tokens, engine.count_tokens("scripted", built->prompt).value());
  }
}

TEST_F(ContextBuilder, NumbersOnlyThePassagesTheModelSees) {
  PromptPlan plan;
  plan.user("u").with({passage("too long", 900), passage("fits", 20)});
  const BuiltContext built = build(plan, 800).value();
  ASSERT_EQ(built.citations.size(), 1U);
  EXPECT_EQ(built.citations[0].number, 1);
  EXPECT_EQ(built.citations[0].title, "fits");
  ASSERT_EQ(built.left_out.size(), 1U);
  EXPECT_EQ(built.left_out[0].what, "too long");
  EXPECT_NE(built.prompt.messages[0].content[0].text.find("[1] fits"), std::string::npos);
}

TEST_F(ContextBuilder, CutsOldHistoryInBlocksSoThatTheCutStaysForSeveralTurns) {
  std::vector<std::string> first_kept;
  for (int exchanges = 20; exchanges < 24; ++exchanges) {
    PromptPlan plan;
    plan.history(talk(exchanges, 20)).user("u");
    const BuiltContext built = build(plan, 1100).value();
    EXPECT_FALSE(built.left_out.empty());
    first_kept.push_back(built.prompt.messages.front().text());
    EXPECT_EQ(built.prompt.messages.front().role, Role::kUser);
  }
  int changes = 0;
  for (std::size_t i = 1; i < first_kept.size(); ++i) changes += first_kept[i] != first_kept[i - 1] ? 1 : 0;
  EXPECT_LE(changes, 1);
}

TEST_F(ContextBuilder, CutsAHistoryOfAnyLengthByCountingItAFewTimes) {
  // Whoever counts it once for each block is still at it when the test's time is over.
  PromptPlan plan;
  plan.history(talk(100'000, 0)).user("u");
  const BuiltContext built = build(plan, 1100).value();
  EXPECT_LE(built.prompt_tokens, 1000);
  EXPECT_GT(built.prompt_tokens, 800) << "as much as fits is kept";
  EXPECT_EQ(built.prompt.messages.front().role, Role::kUser);
}

TEST_F(ContextBuilder, TrustsAPromptNoFurtherThanTheWeakestOfItsParts) {
  PromptPlan plan(Trust::kSystem);
  plan.system("s", Trust::kSystem).user("u", Trust::kSystem);
  EXPECT_EQ(build(plan, 4000)->trust, Trust::kSystem);
  plan.known("an operator's");
  EXPECT_EQ(build(plan, 4000)->trust, Trust::kOperator);
  plan.known("a user's", Trust::kUser);
  EXPECT_EQ(build(plan, 4000)->trust, Trust::kUser);
  Recalled recalled;
  recalled.hits.emplace_back();
  recalled.hits[0].text = "found outside";
  recalled.hits[0].source.trust = Trust::kExternal;
  plan.known(recalled, "Known:");
  const BuiltContext built = build(plan, 4000).value();
  EXPECT_EQ(built.trust, Trust::kExternal);
  const std::vector<Segment>& content = built.prompt.messages.back().content;
  ASSERT_EQ(content.size(), 4U) << "each part keeps its own label";
  EXPECT_EQ(content[0].trust, Trust::kOperator);
  EXPECT_EQ(content[1].trust, Trust::kUser);
  EXPECT_EQ(content[2].trust, Trust::kExternal);
  EXPECT_EQ(content[2].text, "Known:\n- found outside\n\n");
}

TEST_F(ContextBuilder, TakesTextThatDoesNotSayItsTrustForDerivedFromWhatTheTurnWasGiven) {
  PromptPlan plan(Trust::kUser);
  plan.system("s").document("d", "text").known("k").user("u");
  EXPECT_EQ(build(plan, 4000)->trust, Trust::kUser);
  plan.trust_no_further_than(Trust::kExternal);
  const BuiltContext built = build(plan, 4000).value();
  for (const Message& message : built.prompt.messages) {
    for (const Segment& segment : message.content) EXPECT_EQ(segment.trust, Trust::kExternal) << segment.label;
  }
}

TEST_F(ContextBuilder, RefusesAnEventThatDoesNotFitAlone) {
  PromptPlan plan;
  plan.user(std::string(500, 'u'));
  const auto built = build(plan, 400);
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().code, ErrorCode::kContextLengthExceeded);
  EXPECT_NE(built.error().message.find("takes 400"), std::string::npos) << built.error().message;
}

TEST_F(ContextBuilder, TurnsMillisecondsIntoTokensByTheMeasuredRate) {
  PromptPlan plan;
  plan.user("u").with({passage("A", 150), passage("B", 150)});
  prefill_ms_max = 200;  // 200 tokens at 1,000 tokens/s
  EXPECT_EQ(build(plan, 4000)->citations.size(), 1U);
  prefill_ms_max = 0;
  EXPECT_EQ(build(plan, 4000)->citations.size(), 2U);
}

}  // namespace
}  // namespace mnema

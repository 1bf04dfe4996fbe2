#include "agents/turn/context_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "agents/testing.hpp"
#include "agents/turn/prefix_watch.hpp"
#include "inference/local_engine.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

/// The builder only prepares prompts; nothing is ever posted.
struct NoExecutor final : Executor {
  void post(std::function<void()>) override { FAIL() << "nothing is to be posted"; }
  void post_after(Duration, std::function<void()>) override { FAIL() << "nothing is to be posted"; }
};

/// An engine that counts how often it is asked to read a prompt.
class CountingEngine final : public Engine {
 public:
  explicit CountingEngine(Engine& engine) : engine_(engine) {}
  Result<std::shared_ptr<const PreparedPrompt>> prepare(const std::string& model, const Prompt& prompt,
                                                        const Scope& scope) override {
    ++prepared;
    Result<std::shared_ptr<const PreparedPrompt>> made = engine_.prepare(model, prompt, scope);
    if (made.ok()) bytes += (*made)->text.size();
    return made;
  }
  std::shared_ptr<Generation> generate(GenerateRequest request, Executor& reply_to,
                                       GenerationCallbacks callbacks) override {
    return engine_.generate(std::move(request), reply_to, std::move(callbacks));
  }
  void prestage(std::string, Scope, Prompt) override {}
  Result<std::vector<TokenId>> tokenize(const std::string& model, const std::string& text, bool special,
                                        bool parse) override {
    ++tokenized;
    return engine_.tokenize(model, text, special, parse);
  }
  Result<std::string> detokenize(const std::string& model, const std::vector<TokenId>& ids) override {
    return engine_.detokenize(model, ids);
  }
  Result<std::string> apply_template(const std::string& model, const Prompt& prompt) override {
    return engine_.apply_template(model, prompt);
  }
  void embed(EmbeddingRequest, Executor&, std::function<void(Result<Embeddings>)>) override {}
  std::vector<ModelInfo> models() const override { return engine_.models(); }
  double prefill_tokens_per_second(const std::string& model) const override {
    return engine_.prefill_tokens_per_second(model);
  }

  int prepared = 0;
  int tokenized = 0;
  std::size_t bytes = 0;  // of the texts that were made

 private:
  Engine& engine_;
};

class ContextBuilder : public ::testing::Test {
 protected:
  Result<BuiltContext> build(const PromptPlan& plan, int context_tokens, int passage_tokens_max = 1000) {
    ContextBudget budget;
    budget.context_tokens = context_tokens;
    budget.answer_tokens = 100;
    budget.passage_tokens_max = passage_tokens_max;
    budget.prefill_ms_max = prefill_ms_max;
    counted.prepared = 0;
    counted.bytes = 0;
    return build_context(plan, {}, budget, counted, "scripted", {});
  }

  NoExecutor executor;
  testing::ScriptedEngine::Options options{.prefill_tokens_per_second = 1000};
  testing::ScriptedEngine engine{executor, {}, options};
  CountingEngine counted{engine};
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
  PromptPlan alone;
  alone.system("s").user("u");
  const int base = build(alone, 4000)->prompt_tokens, whole = build(plan, 4000)->prompt_tokens;
  std::size_t cited_before = 0;
  for (int context = 100; context < 1500; context += 7) {
    const auto built = build(plan, context);
    ASSERT_EQ(built.ok(), context - 100 >= base) << "at " << context;
    if (!built.ok()) {
      EXPECT_EQ(built.error().code, ErrorCode::kContextLengthExceeded);
      continue;
    }
    EXPECT_LE(built->prompt_tokens, context - 100);
    EXPECT_EQ(built->citations.size() + built->left_out.size(), 3U);
    EXPECT_EQ(built->prompt_tokens, engine.count_tokens("scripted", built->prompt).value());
    EXPECT_EQ(built->prompt_tokens, built->prepared->size());
    EXPECT_TRUE(context - 100 < whole || built->citations.size() == 3);
    EXPECT_GE(built->citations.size(), cited_before) << "a longer context holds as much";
    cited_before = built->citations.size();
  }
  EXPECT_EQ(cited_before, 3U);
}

TEST_F(ContextBuilder, ReadsAPromptThatFitsOnceAndOneThatMustBeCutTwice) {
  PromptPlan plan;
  plan.system("s").known("k").history(talk(10, 20)).user("u").with({passage("A", 100), passage("B", 100)});
  EXPECT_TRUE(build(plan, 4000)->left_out.empty());
  EXPECT_EQ(counted.prepared, 1);
  EXPECT_FALSE(build(plan, 700)->left_out.empty());
  EXPECT_EQ(counted.prepared, 2);
  EXPECT_EQ(counted.tokenized, 0);
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
    EXPECT_GT(built.prompt_tokens, 500) << "half of what fits is kept";
  }
  int changes = 0;
  for (std::size_t i = 1; i < first_kept.size(); ++i) changes += first_kept[i] != first_kept[i - 1] ? 1 : 0;
  EXPECT_LE(changes, 1);
}

TEST_F(ContextBuilder, CutsAHistoryOfAnyLengthByReadingABoundedPartOfIt) {
  PromptPlan plan;
  plan.history(talk(100'000, 0)).user("u");
  const BuiltContext built = build(plan, 1100).value();
  EXPECT_LE(built.prompt_tokens, 1000);
  EXPECT_GT(built.prompt_tokens, 800) << "as much as fits is kept";
  EXPECT_EQ(built.prompt.messages.front().role, Role::kUser);
  EXPECT_LE(counted.prepared, 2);
  EXPECT_LE(counted.bytes, 100'000U) << "the whole talk would be three millions";
}

TEST_F(ContextBuilder, LeavesOutHistoryThatATemplateHidesWhereTheWholeIsTooLong) {
  // What is not found in the text cannot be counted beforehand: then parts go until the whole fits.
  PromptPlan plan;
  plan.history(std::vector<Message>(20, message_of(Role::kUser, "\t\n"))).user(std::string(300, 'u'));
  const BuiltContext built = build(plan, 480).value();
  EXPECT_LE(built.prompt_tokens, 380);
  EXPECT_FALSE(built.left_out.empty());
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

TEST_F(ContextBuilder, KeepsAsMuchHistoryBesideManyKnownTextsAsBesideOneOfTheirLength) {
  PromptPlan one, many;
  one.known(std::string(806, 'k'));
  many.known(std::string(200, 'k')).known(std::string(400, 'k')).known(std::string(202, 'k'));
  for (PromptPlan* plan : {&one, &many}) plan->history(talk(10, 20)).user("u").with({passage("A", 100)});
  for (int context = 1100; context < 2200; context += 13) {
    const BuiltContext beside_one = build(one, context).value(), beside_many = build(many, context).value();
    EXPECT_EQ(beside_many.prompt_tokens, beside_one.prompt_tokens) << "at " << context;
    EXPECT_EQ(beside_many.prompt.messages.size(), beside_one.prompt.messages.size()) << "at " << context;
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

TEST_F(ContextBuilder, LeavesOutWhatWasNotAskedForBeforeItRefusesAnEvent) {
  PromptPlan plan;
  plan.user(std::string(300, 'e'))
      .procedure("First " + std::string(300, 'p'), Trust::kUser)
      .blocks("Blocks " + std::string(300, 'b'), Trust::kUser)
      .history(talk(1, 100));
  const BuiltContext whole = build(plan, 4000).value();
  EXPECT_TRUE(whole.has_procedure);
  EXPECT_TRUE(whole.left_out.empty());
  const BuiltContext without_procedure = build(plan, 850).value();
  EXPECT_FALSE(without_procedure.has_procedure);
  EXPECT_EQ(without_procedure.left_out.back().what, "how such a task was done");
  const std::string text = engine.apply_template("scripted", without_procedure.prompt).value();
  EXPECT_EQ(text.find("ppp"), std::string::npos);
  EXPECT_NE(text.find("bbb"), std::string::npos);
  EXPECT_EQ(without_procedure.question.text().find("ppp"), std::string::npos);
  const BuiltContext without_both = build(plan, 500).value();
  EXPECT_EQ(without_both.left_out.back().what, "the blocks of working memory");
  EXPECT_LE(without_both.prompt_tokens, 400);
}

TEST_F(ContextBuilder, TurnsMillisecondsIntoTokensByTheMeasuredRate) {
  PromptPlan plan;
  plan.user("u").with({passage("A", 150), passage("B", 150)}, "H");
  prefill_ms_max = 200;  // 200 tokens at 1,000 tokens/s
  EXPECT_EQ(build(plan, 4000)->citations.size(), 1U);
  prefill_ms_max = 0;
  EXPECT_EQ(build(plan, 4000)->citations.size(), 2U);
}

TEST_F(ContextBuilder, TakesTheEventItselfFromTheTimeThatPassagesHave) {
  PromptPlan plan;
  plan.user(std::string(150, 'u')).with({passage("A", 150), passage("B", 150)}, "H");
  prefill_ms_max = 400;
  EXPECT_EQ(build(plan, 4000)->citations.size(), 1U);
  prefill_ms_max = 600;
  EXPECT_EQ(build(plan, 4000)->citations.size(), 2U);
}

TEST_F(ContextBuilder, NeverLeavesOutTheBestPassageForWantOfTime) {
  PromptPlan plan;
  plan.user("u").with({passage("best", 300), passage("small", 20)}, "H");
  prefill_ms_max = 100;
  const BuiltContext built = build(plan, 4000).value();
  ASSERT_EQ(built.citations.size(), 1U);
  EXPECT_EQ(built.citations[0].title, "best");
}

TEST_F(ContextBuilder, PutsWhatKindOfAnswerIsWantedLastAndOnlyBesidePassages) {
  PromptPlan plan;
  plan.user("the question").with({passage("A", 20)});
  const std::string text = build(plan, 4000)->prompt.messages.back().text();
  EXPECT_LT(text.find("[1] A"), text.find("the question"));
  EXPECT_TRUE(text.ends_with(PromptPlan::kCitedAnswer)) << text;
  PromptPlan alone;
  alone.user("the question").with(std::vector<Passage>{});
  EXPECT_EQ(build(alone, 4000)->prompt.messages.back().text(), "the question");
}

/// A conversation of ten turns with recall, as `think` reads and answers them, by a real template and tokenizer.
TEST(ContextOfARealModel, AskingTenTimesRendersEachPromptOnceAndTokenizesWhatIsNew) {
  if (!std::filesystem::exists(testing::smollm2())) GTEST_SKIP() << "SmolLM2 is not here (./dev test fetches it)";
  SystemClock clock;
  SeededRandom random{1};
  const Limits limits;
  // Threads end before what they use: a step may still be under way when the engine goes.
  ThreadPoolExecutor compute("compute", 1), background("prepare", 2), reply("reply", 1);
  EngineOptions options;
  options.model = testing::smollm2();
  options.kv_memory_bytes = std::int64_t{64} << 20;
  LocalEngine engine(options, {compute, background}, cpu_model_loader(options, limits), clock, random, limits);
  const auto stats = [&] {
    // The second word is at least as new as the first one was asked for.
    for (int i = 0; i < 2; ++i) {
      static_cast<void>(engine.stats());
      std::promise<void> said;
      compute.post([&said] { said.set_value(); });
      said.get_future().wait();
    }
    return engine.stats();
  };
  PrefixWatch watch;
  ContextBudget budget;
  budget.context_tokens = 2048;
  budget.answer_tokens = 100;
  std::vector<Message> history;
  std::string text_before;
  EngineStats before;
  int cut = 0;
  for (int turn = 0; turn < 10; ++turn) {
    const std::string order = std::to_string(1000 + 37 * turn);
    std::vector<Passage> passages;
    for (int i = 1; i <= 3; ++i) {
      passages.push_back({"Order " + order + " left the warehouse on the " + std::to_string(turn + i) +
                              "th, by ship; the customer was told by mail, and has not answered yet.",
                          "orders.md",
                          {},
                          0.9,
                          Trust::kExternal});
    }
    PromptPlan plan;
    plan.system(
            "You are a helpful assistant of a warehouse. Answer in short sentences, and name the order that you talk "
            "about.")
        .history(history)
        .user("Question " + std::to_string(turn) + ": where is order " + order +
              ", and when will it arrive in Hamburg?")
        .with(std::move(passages));
    const BuiltContext built = build_context(plan, {}, budget, engine, "default", {}).value();
    static_cast<void>(watch.note("local", "session", built.prompt, *built.prepared));
    GenerateRequest request;
    request.prompt = built.prompt;
    request.prepared = built.prepared;
    request.tokens_max = 1;
    std::promise<Result<Completion>> done;
    GenerationCallbacks callbacks;
    callbacks.on_done = [&done](Result<Completion> result) { done.set_value(std::move(result)); };
    engine.generate(std::move(request), reply, std::move(callbacks));
    const Result<Completion> completion = done.get_future().get();
    ASSERT_TRUE(completion.ok()) << completion.error().text();
    EXPECT_EQ(completion->usage.prompt_tokens, built.prompt_tokens);

    const EngineStats now = stats();
    const std::string& text = built.prepared->text;
    const auto ends = std::mismatch(text_before.begin(), text_before.end(), text.begin(), text.end());
    const auto fresh = static_cast<double>(text.end() - ends.second);
    const auto renders = now.template_renders - before.template_renders;
    const auto tokenized = now.tokenizer_bytes - before.tokenizer_bytes;
    cut += built.left_out.empty() ? 0 : 1;
    EXPECT_LE(renders, built.left_out.empty() ? 1U : 2U) << "turn " << turn;
    EXPECT_LE(static_cast<double>(tokenized), 1.2 * fresh) << "turn " << turn;
    EXPECT_GT(tokenized, 0U);
    std::printf("turn %d: %d renders, %d bytes tokenized, %d new\n", turn, static_cast<int>(renders),
                static_cast<int>(tokenized), static_cast<int>(fresh));
    text_before = text;
    before = now;
    history.push_back(built.question);
    history.push_back(message_of(Role::kAssistant, "The order " + order +
                                                       " is on its way by ship and will arrive within the next few "
                                                       "days [1]."));
  }
  EXPECT_GT(cut, 0) << "the talk outgrows the context, too";
}

}  // namespace
}  // namespace mnema

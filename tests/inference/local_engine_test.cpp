#include "inference/local_engine.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>

#include "tests/inference/local_engine_fixture.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

using testing::ScriptedLoader;
using testing::SmallTokenizer;

using testing::Heard;
using testing::kModelBytes;
using testing::LocalEngineTest;

TEST_F(LocalEngineTest, LoadsAModelWithItsFirstRequestAndOnlyOnce) {
  open();
  EXPECT_EQ(loaded(), "");
  const Completion first = answer(asks("default")), second = answer(asks("a"));
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.model, "a");
  EXPECT_EQ(loader->loads, "a ");
  EXPECT_EQ(error(asks("nowhere")).code, ErrorCode::kNotFound);
}

TEST_F(LocalEngineTest, AModelGivenAsAFileAnswersToTheFilesNameToo) {
  options.model = "/disk/file.gguf";
  open();
  EXPECT_EQ(answer(asks("default")).model, "file");
  answer(asks("file"));
  answer(asks("././disk/file.gguf"));
  EXPECT_EQ(loader->loads, "file ");
  EXPECT_EQ(loader->texts, 1);
}

TEST_F(LocalEngineTest, BoundsPrestagesByThemselvesAndNeverAtTheCostOfChats) {
  limits.prestage_waiting_max = 5;
  limits.generations_waiting_max = 3;
  open();
  for (int i = 0; i < 100; ++i) engine->prestage("a", {}, asks("a", "system " + std::to_string(i)).prompt);
  Heard& chat = ask(asks("a"));
  while (compute.run_one()) {
  }
  EXPECT_EQ(stats().generations_started, 5U + 1U);
  run();
  ASSERT_TRUE(chat.done.has_value());
  EXPECT_TRUE(chat.done->ok()) << chat.done->error().text();
  engine->prestage("a", {}, asks("a", "later").prompt);
  EXPECT_EQ(stats().generations_started, 7U) << "those that are over make way";
}

TEST_F(LocalEngineTest, CancelsWhatIsInFlightAndWhatComesLaterWhenItStops) {
  open();
  Heard& before = ask(asks("a", "hello", 3000));
  for (int i = 0; i < 20; ++i) run_one();
  std::optional<ErrorCode> embedded;
  const std::vector<std::string> texts(100, "text");
  engine->embed("vectors", texts, Priority::kBackground, reply,
                [&](const auto& vectors) { embedded = vectors.ok() ? ErrorCode::kInternal : vectors.error().code; });
  compute.run_one();
  engine->stop();
  Heard& after = ask(asks("a"));
  run();
  ASSERT_TRUE(before.done && before.done->ok());
  EXPECT_EQ((*before.done)->finish_reason, FinishReason::kCancelled);
  ASSERT_TRUE(after.done.has_value());
  EXPECT_EQ(after.done->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(embedded, ErrorCode::kCancelled);
}

TEST_F(LocalEngineTest, KeepsAFewTextSidesAndAlwaysTheConfiguredOnes) {
  options.model = "/disk/file.gguf";
  open();
  ASSERT_TRUE(engine->tokenize("default", "x", false, false).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(engine->tokenize("/disk/" + std::to_string(i), "x", false, false).ok());
  EXPECT_LE(engine->models().size(), 20U);
  EXPECT_EQ(loader->texts, 51);
  ASSERT_TRUE(engine->tokenize("49", "x", false, false).ok());
  ASSERT_TRUE(engine->tokenize("file", "x", false, false).ok());
  EXPECT_EQ(loader->texts, 51);
}

TEST_F(LocalEngineTest, AFileCanBePinnedByAnySpelling) {
  options.keep_alive_ms = 1000;
  options.pinned = {"./disk/file.gguf"};
  open();
  answer(asks("file.gguf/../disk/file.gguf"));
  clock.at += std::chrono::milliseconds(1000);
  run();
  EXPECT_EQ(loaded(), "file ");
}

TEST_F(LocalEngineTest, UnloadsWhatIsUnusedForTheKeepAliveTimeButNotTheDefaultAndThePinned) {
  options.keep_alive_ms = 1000;
  options.pinned = {"c"};
  open();
  for (const char* model : {"a", "b", "c"}) answer(asks(model));
  EXPECT_EQ(loaded(), "a b c ");
  clock.at += std::chrono::milliseconds(1000);
  run();
  EXPECT_EQ(loaded(), "a c ");
  answer(asks("b"));
  EXPECT_EQ(loader->loads, "a b c b ");
}

TEST_F(LocalEngineTest, ALongAnswerCountsAsUseUntilItsEnd) {
  options.keep_alive_ms = 10'000;
  loader->after_step = [this] { clock.at += std::chrono::seconds(1); };
  open();
  answer(asks("b", "hello", 9));  // ends before the first look, ten seconds after the loading
  clock.at = std::chrono::seconds(10);
  run();
  EXPECT_EQ(loaded(), "b ");
  clock.at = std::chrono::seconds(25);
  run();
  EXPECT_EQ(loaded(), "");
}

TEST_F(LocalEngineTest, UnderAMemoryBoundTheLongestUnusedModelGoes) {
  options.memory_bytes_max = 2 * kModelBytes;
  open();
  for (const char* model : {"a", "b", "a", "c"}) {
    answer(asks(model));
    clock.at += std::chrono::seconds(1);
  }
  EXPECT_EQ(loaded(), "a c ");
  EXPECT_EQ(stats().models_unloaded, 1U);
}

TEST_F(LocalEngineTest, NothingIsUnloadedForAModelThatCannotFitAnyway) {
  options.memory_bytes_max = 2 * kModelBytes - 1;
  options.pinned = {"a"};
  open();
  answer(asks("a"));
  const Error refused = error(asks("b"));
  EXPECT_EQ(refused.code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(refused.retryable);
  EXPECT_EQ(loaded(), "a ");
}

TEST_F(LocalEngineTest, ARequestWaitsForTheMemoryOfAModelInUseAndThoseAfterItWaitBehind) {
  options.memory_bytes_max = kModelBytes;
  open();
  Heard& long_one = ask(asks("a", "hello", 200));
  while (long_one.text.empty()) ASSERT_TRUE(run_one());
  Heard& other_model = ask(asks("b"));
  Heard& later = ask(asks("a"));
  while (!long_one.done) {
    EXPECT_FALSE(other_model.done || later.done);
    ASSERT_TRUE(run_one());
  }
  run();
  EXPECT_TRUE(other_model.done->ok() && later.done->ok());
  EXPECT_EQ(loader->loads, "a b a ");
}

TEST_F(LocalEngineTest, WhoWaitsForAModelCanBeCancelledAndHasADeadline) {
  options.memory_bytes_max = kModelBytes;
  open();
  Heard& long_one = ask(asks("a", "hello", 500));
  while (long_one.text.empty()) ASSERT_TRUE(run_one());
  Heard& cancelled = ask(asks("b"));
  GenerateRequest with_deadline = asks("b");
  with_deadline.deadline = MonotonicTime{std::chrono::seconds(1)};
  Heard& late = ask(std::move(with_deadline));
  for (int i = 0; i < 30; ++i) run_one();
  clock.at = std::chrono::seconds(2);
  cancelled.generation->cancel();
  while (!cancelled.done || !late.done) ASSERT_TRUE(run_one());
  EXPECT_FALSE(long_one.done.has_value());
  EXPECT_EQ((*cancelled.done)->finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(late.done->error().code, ErrorCode::kDeadlineExceeded);
  run();
  EXPECT_EQ(loader->loads, "a ");
}

TEST_F(LocalEngineTest, WhoWaitsBehindAnotherIsToldAtOnceThatItIsCancelledOrLate) {
  options.memory_bytes_max = kModelBytes;
  open();
  Heard& long_one = ask(asks("a", "hello", 3000));
  while (long_one.text.empty()) ASSERT_TRUE(run_one());
  Heard& first = ask(asks("b"));
  Heard& cancelled = ask(asks("b"));
  GenerateRequest with_deadline = asks("b");
  with_deadline.deadline = MonotonicTime{std::chrono::seconds(1)};
  Heard& late = ask(with_deadline);
  with_deadline.deadline = MonotonicTime{std::chrono::milliseconds(500)};
  Heard& sooner = ask(with_deadline);
  for (int i = 0; i < 30; ++i) run_one();
  cancelled.generation->cancel();
  for (int i = 0; i < 10; ++i) run_one();
  ASSERT_TRUE(cancelled.done && cancelled.done->ok());
  EXPECT_EQ((*cancelled.done)->finish_reason, FinishReason::kCancelled);
  EXPECT_FALSE(sooner.done || late.done || first.done);
  clock.at = std::chrono::milliseconds(500);  // and nobody does anything
  for (int i = 0; i < 10; ++i) run_one();
  ASSERT_TRUE(sooner.done && !sooner.done->ok());
  EXPECT_EQ(sooner.done->error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_FALSE(late.done || first.done);
  clock.at = std::chrono::seconds(1);
  for (int i = 0; i < 10; ++i) run_one();
  ASSERT_TRUE(late.done && !late.done->ok());
  EXPECT_FALSE(long_one.done || first.done);
  run();
  EXPECT_TRUE(first.done->ok());
  EXPECT_EQ(stats().preparing, 0);
}

TEST_F(LocalEngineTest, RefusesWhatComesWhenTooManyWait) {
  options.max_sequences = 1;
  limits.generations_waiting_max = 3;
  open();
  for (int i = 0; i < 4; ++i) {
    ask(asks("a", "hello", 300));
    for (int steps = 0; steps < 20; ++steps) run_one();
  }
  const Heard& refused = ask(asks("a"));
  for (int steps = 0; steps < 20; ++steps) run_one();
  ASSERT_TRUE(refused.done && !refused.done->ok());
  EXPECT_EQ(refused.done->error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(refused.done->error().retryable);
  run();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(all[i].done && all[i].done->ok());
}

TEST_F(LocalEngineTest, ADrawnSeedIsToldAndGivesTheAnswerAgain) {
  open();
  GenerateRequest request = asks("a", "hello", 40);
  request.sampling.temperature = 1;
  const Completion first = answer(request), other = answer(request);
  EXPECT_NE(first.text, other.text);
  EXPECT_LT(first.seed, std::uint64_t{1} << 53) << "JavaScript's numbers hold no more";
  request.sampling.seed = first.seed;
  EXPECT_EQ(answer(request).text, first.text);
}

TEST_F(LocalEngineTest, SpeculationIsTheRequestsChoiceAndChangesNothing) {
  open();
  GenerateRequest request = asks("a", "hello hello hello", 300);
  const Completion plain = answer(request);
  EXPECT_EQ(stats().models[0].draft_tokens, 0U);
  request.speculation_tokens_max = 8;
  const Completion drafted = answer(request);
  EXPECT_EQ(drafted.text, plain.text);
  EXPECT_GT(stats().models[0].accepted_tokens, 0U);
}

GenerateRequest asks_for_tools(const char* model = "a") {
  GenerateRequest request;
  request.model = model;
  request.prompt.messages.push_back(message_of(Role::kUser, "How is the weather?"));
  const auto parameters =
      boost::json::parse(R"({"type":"object","properties":{"city":{"enum":["Bonn","Oslo"]}},"required":["city"]})");
  request.prompt.tools = {{"weather", "", parameters}, {"stop", "", nullptr}};
  request.tool_choice = ToolChoice::kRequired;
  request.tokens_max = 500;
  return request;
}

/// From its 20th token on the model writes "ab" for ever.
void write_in_circles(ScriptedLoader& loader) {
  loader.adjust = [](const std::vector<TokenId>& before, std::vector<float>& logits) {
    if (before.size() > 20) logits[before.back() == 'a' ? 'b' : 'a'] = 1e6F;
  };
}

TEST_F(LocalEngineTest, AnAnswerThatGoesRoundInCirclesIsEndedAsTooLongWithANote) {
  limits.repeated_tokens_max = 30;
  write_in_circles(*loader);
  open();
  const Completion completion = answer(asks("a", "hello", 500));
  EXPECT_EQ(completion.finish_reason, FinishReason::kLength);
  EXPECT_NE(completion.note.find("repeated"), std::string::npos);
  EXPECT_LT(completion.usage.completion_tokens, 60);
}

TEST_F(LocalEngineTest, ABenchmarkThatIgnoresTheEndMayRepeatItself) {
  limits.repeated_tokens_max = 30;
  write_in_circles(*loader);
  open();
  GenerateRequest request = asks("a", "hello", 200);
  request.ignore_end_of_sequence = true;
  const Completion completion = answer(request);
  EXPECT_EQ(completion.usage.completion_tokens, 200);
  EXPECT_EQ(completion.note, "");
}

TEST_F(LocalEngineTest, ATableOfZerosInAConstrainedAnswerIsNoLoop) {
  limits.repeated_tokens_max = 30;
  open();
  std::string table = "[0";
  for (int i = 0; i < 200; ++i) table += ",0";
  GenerateRequest request = asks("a", "hello", 500);
  request.constraint = ChoiceConstraint{{table + "]"}};
  const Completion completion = answer(request);
  EXPECT_EQ(completion.finish_reason, FinishReason::kStop);
  EXPECT_EQ(completion.note, "");
  EXPECT_EQ(completion.text, table + "]");
}

TEST_F(LocalEngineTest, ATableOfZerosInTheArgumentsOfAToolIsNoLoop) {
  limits.repeated_tokens_max = 30;
  std::string call = "<tool_call>{\"name\":\"stop\",\"arguments\":{\"rows\":[0";
  for (int i = 0; i < 100; ++i) call += ",0";
  call += "]}}</tool_call>";
  const std::vector<TokenId> wanted = SmallTokenizer().encode(call, false, false).value();
  std::size_t written = 0;
  loader->adjust = [&](const std::vector<TokenId>&, std::vector<float>& logits) {
    if (written < wanted.size()) logits[static_cast<std::size_t>(wanted[written++])] = 1e6F;
  };
  open();
  GenerateRequest request = asks_for_tools();
  request.tool_choice = ToolChoice::kAuto;
  request.tokens_max = static_cast<int>(wanted.size());
  const Completion completion = answer(request);
  ASSERT_EQ(completion.tool_calls.size(), 1U) << completion.text;
  EXPECT_EQ(completion.note, "");
}

TEST_F(LocalEngineTest, ABiasForATokenThatIsNotThereIsRefused) {
  open();
  GenerateRequest request = asks("a");
  request.sampling.logit_bias = {{100'000, 5.0F}};
  EXPECT_EQ(error(request).code, ErrorCode::kInvalidArgument);
}

TEST_F(LocalEngineTest, ARequiredToolIsCalledWhateverTheModelWouldSay) {
  open();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    GenerateRequest request = asks_for_tools();
    request.tool_choice_name = "weather";
    request.sampling.temperature = 2;
    request.sampling.seed = seed;
    request.speculation_tokens_max = seed % 2 == 0 ? 8 : 0;
    const Completion completion = answer(request);
    EXPECT_EQ(completion.text, "");
    EXPECT_EQ(completion.finish_reason, FinishReason::kToolCalls);
    ASSERT_EQ(completion.tool_calls.size(), 1U);
    EXPECT_EQ(completion.tool_calls[0].name, "weather");
    const boost::json::value city = boost::json::parse(completion.tool_calls[0].arguments).at("city");
    EXPECT_TRUE(city == "Bonn" || city == "Oslo") << completion.tool_calls[0].arguments;
    std::string streamed;
    for (const ToolCallDelta& piece : all.back().calls) streamed += piece.arguments;
    EXPECT_EQ(streamed, completion.tool_calls[0].arguments);
    EXPECT_GT(all.back().calls.size(), 1U) << "arguments are streamed as they come";
  }
}

TEST_F(LocalEngineTest, ARequiredToolIsRefusedWhereItCannotBeEnforced) {
  open();
  EXPECT_EQ(error(asks_for_tools("d")).code, ErrorCode::kUnsupported) << "its template knows no tools";
  GenerateRequest request = asks_for_tools();
  request.tool_choice_name = "moon";
  EXPECT_EQ(error(request).code, ErrorCode::kInvalidArgument);
  request = asks_for_tools();
  request.prompt.tools[0].parameters =
      boost::json::parse(R"({"properties":{"a":{"type":"array","not":{"uniqueItems":true}}}})");
  const Error refused = error(request);
  EXPECT_EQ(refused.code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.message.find("'weather'"), std::string::npos) << refused.message;
  EXPECT_EQ(loader->loads, "") << "before any compute";
}

TEST_F(LocalEngineTest, ACallThatIsCutIsInNoAnswer) {
  open();
  GenerateRequest request = asks_for_tools();
  request.tool_choice_name = "weather";
  const std::string whole = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bonn\"}}";
  for (int tokens = 1; tokens < static_cast<int>(whole.size()) / 4; ++tokens) {
    request.tokens_max = tokens;
    request.sampling.seed = static_cast<std::uint64_t>(tokens);
    const Completion completion = answer(request);
    EXPECT_EQ(completion.text, "") << tokens;
    EXPECT_TRUE(completion.tool_calls.empty()) << tokens;
    EXPECT_EQ(completion.finish_reason, FinishReason::kLength);
    EXPECT_EQ(all.back().text, "") << "nor in the stream";
  }
  request.tokens_max = 500;
  request.stop = {"arguments"};
  const Completion stopped = answer(request);
  EXPECT_EQ(stopped.text, "");
  EXPECT_TRUE(stopped.tool_calls.empty());
  EXPECT_EQ(stopped.finish_reason, FinishReason::kStop);
}

TEST_F(LocalEngineTest, ToolsBesideAShapeGiveCallsOrAnAnswerOfThatShape) {
  open();
  int answers = 0, calls = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    GenerateRequest request = asks_for_tools();
    request.tool_choice = ToolChoice::kAuto;
    request.constraint = JsonSchemaConstraint{
        boost::json::parse(R"({"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]})")};
    request.sampling.temperature = 2;
    request.sampling.seed = seed;
    const Completion completion = answer(request);
    if (completion.tool_calls.empty()) {
      ++answers;
      EXPECT_TRUE(boost::json::parse(completion.text).at("ok").is_bool()) << completion.text;
      EXPECT_EQ(completion.finish_reason, FinishReason::kStop);
    } else {
      ++calls;
      EXPECT_EQ(completion.text, "");
      EXPECT_EQ(completion.finish_reason, FinishReason::kToolCalls);
    }
  }
  EXPECT_GT(answers, 0);
  EXPECT_GT(calls, 0);
  GenerateRequest grammar = asks_for_tools();
  grammar.constraint = GrammarConstraint{"root ::= \"a\""};
  for (const ToolChoice choice : {ToolChoice::kAuto, ToolChoice::kRequired}) {
    grammar.tool_choice = choice;
    EXPECT_EQ(error(grammar).part, "constraint");
  }
}

TEST_F(LocalEngineTest, AGrammarHoldsForWhatComesBehindTheReasoningThatThePromptBegan) {
  // The model reasons for a while; then it would write anything.
  const std::string thought = "So: yes or no?\n</think>\n\n";
  loader->adjust = [&](const std::vector<TokenId>& before, std::vector<float>& logits) {
    const std::string text(before.begin(), before.end());
    const std::size_t written = text.size() - text.find("<think>\n") - 8;
    if (written < thought.size()) logits[static_cast<std::uint8_t>(thought[written])] = 1e6F;
  };
  open();
  GenerateRequest request;
  request.model = "r";
  request.prompt.messages.push_back(message_of(Role::kUser, "Is it?"));
  request.tokens_max = 100;
  request.constraint = GrammarConstraint{"root ::= answer\nanswer ::= \"yes\" | \"no\""};
  const Completion after = answer(request);
  EXPECT_EQ(after.reasoning, "So: yes or no?\n");
  EXPECT_TRUE(after.text == "yes" || after.text == "no") << after.text;

  // A grammar that writes the end of the reasoning has the reasoning in it.
  request.constraint = GrammarConstraint{R"(root ::= "So: yes" "</think>" "yes")"};
  const Completion whole = answer(request);
  EXPECT_EQ(whole.reasoning, "So: yes");
  EXPECT_EQ(whole.text, "yes");
}

TEST_F(LocalEngineTest, AStrictToolIsHeldToItsSchemaThoughTheModelIsFreeToCallIt) {
  const std::string wanted = "I look <b.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}";
  for (const bool strict : {true, false}) {
    // The model writes this text as far as it is let, and then anything.
    loader->adjust = [&](const std::vector<TokenId>& before, std::vector<float>& logits) {
      const std::string prompt_end = "weather?\n";
      std::string text(before.begin(), before.end());
      const std::size_t written = text.size() - text.find(prompt_end) - prompt_end.size();
      if (written < wanted.size()) logits[static_cast<std::uint8_t>(wanted[written])] = 1e6F;
    };
    open();
    GenerateRequest request = asks_for_tools();
    request.tool_choice = ToolChoice::kAuto;
    request.prompt.tools[0].strict = strict;
    request.parallel_tool_calls = false;
    request.tokens_max = static_cast<int>(wanted.size()) + 60;
    const Completion completion = answer(request);
    EXPECT_EQ(completion.text, "I look <b.\n");
    if (!strict) continue;
    ASSERT_EQ(completion.tool_calls.size(), 1U) << completion.text;
    const boost::json::value city = boost::json::parse(completion.tool_calls[0].arguments).at("city");
    EXPECT_TRUE(city == "Bonn" || city == "Oslo") << completion.tool_calls[0].arguments;
  }
}

TEST_F(LocalEngineTest, ToolsThatATemplateDoesNotHaveAreRefusedWhereTheClientRunsThem) {
  open();
  GenerateRequest request = asks_for_tools("d");
  request.tool_choice = ToolChoice::kAuto;
  EXPECT_TRUE(answer(request).tool_calls.empty()) << "left out";
  request.refuse_unread_tools = true;
  const Error refused = error(request);
  EXPECT_EQ(refused.code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.part, "tools");
  request.tool_choice = ToolChoice::kNone;
  EXPECT_TRUE(answer(request).tool_calls.empty()) << "then there are none";
}

TEST_F(LocalEngineTest, ARefusalSaysWhichPartOfTheRequestItIsAbout) {
  open();
  GenerateRequest request = asks("a");
  request.constraint = JsonSchemaConstraint{boost::json::parse(R"({"type":"nonsense"})")};
  EXPECT_EQ(error(request).part, "constraint");
  request.constraint = RegexConstraint{"a("};
  EXPECT_EQ(error(request).part, "constraint");
  request = asks_for_tools();
  request.prompt.tools[0].parameters = boost::json::parse(R"({"type":"array"})");
  EXPECT_EQ(error(request).part, "tools");
}

TEST_F(LocalEngineTest, ARegularExpressionHoldsForTheWholeAnswer) {
  open();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    GenerateRequest request = asks("a", "hello", 100);
    request.constraint = RegexConstraint{"(yes|no), \\d{3}\\."};
    request.sampling.temperature = 2;
    request.sampling.seed = seed;
    const std::string text = answer(request).text;
    ASSERT_EQ(text.size(), text.starts_with("yes") ? 9U : 8U) << text;
    EXPECT_TRUE(text.starts_with("yes, ") || text.starts_with("no, ")) << text;
    EXPECT_TRUE(text.ends_with('.')) << text;
  }
}

TEST_F(LocalEngineTest, ALongTextIsRefusedCutOrAveragedAsTheRequestSays) {
  open();
  const auto embed = [this](EmbeddingRequest::Longer longer, std::vector<EmbeddingInput> inputs) {
    EmbeddingRequest request;
    request.model = "vectors";
    request.inputs = std::move(inputs);
    request.longer = longer;
    Result<Embeddings> made = Error{};
    engine->embed(std::move(request), reply, [&made](Result<Embeddings> result) { made = std::move(result); });
    run();
    return made;
  };
  const std::string longer(4001, 'x');  // the scripted encoder takes 4,000 tokens, which are bytes
  const Result<Embeddings> refused = embed(EmbeddingRequest::Longer::kRefuse, {"short", longer});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kContextLengthExceeded);
  const Result<Embeddings> cut = embed(EmbeddingRequest::Longer::kCut, {"short", longer, std::vector<TokenId>{1, 2}});
  ASSERT_TRUE(cut.ok()) << cut.error().text();
  EXPECT_EQ(cut->cut_from, (std::vector<int>{0, 4001, 0}));
  EXPECT_EQ(cut->tokens, 5 + 4000 + 2);
  EXPECT_EQ(cut->vectors[1][0], 4000);
  const Result<Embeddings> averaged = embed(EmbeddingRequest::Longer::kAverage, {longer});
  ASSERT_TRUE(averaged.ok());
  EXPECT_EQ(averaged->tokens, 4001) << "all of it was read";
  EXPECT_TRUE(averaged->cut_from.empty());
  const auto wrong = embed(EmbeddingRequest::Longer::kRefuse, {std::vector<TokenId>{100'000}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(stats().embeddings_waiting, 0);
}

TEST_F(LocalEngineTest, CancellingManyAtOnceGivesBackEveryPageAtTheFirstLook) {
  open();
  for (int i = 0; i < 10; ++i) ask(asks("a", "prompt " + std::to_string(i), 1000));
  for (int i = 0; i < 100; ++i) run_one();
  for (const Heard& heard : all) heard.generation->cancel();
  run();  // audits as soon as nothing runs, and fails on a violation
  for (const Heard& heard : all) EXPECT_EQ((*heard.done)->finish_reason, FinishReason::kCancelled);
  const EngineStats now = stats();
  EXPECT_EQ(now.generations_cancelled, 10U);
  EXPECT_EQ(now.models[0].pages.used, 0);
  EXPECT_GT(now.models[0].audits, 0U);
}

TEST_F(LocalEngineTest, ErasingAUserCancelsWhatRunsForHimAndForgetsHisPages) {
  open();
  GenerateRequest request = asks("a", std::string(300, 'x'), 5);
  request.scope.tenant = "t";
  request.scope.user = "eve";
  answer(request);
  EXPECT_GT(answer(request).usage.cached_tokens, 0);
  GenerateRequest endless = request;
  endless.tokens_max = 3000;
  Heard& running = ask(endless);
  for (int i = 0; i < 30; ++i) run_one();
  bool erased = false;
  engine->erase(request.scope, reply, [&erased] { erased = true; });
  run();
  EXPECT_TRUE(erased);
  EXPECT_EQ((*running.done)->finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(answer(request).usage.cached_tokens, 0);
}

TEST_F(LocalEngineTest, ErasingATenantForgetsAllItsUsersAndNoOthers) {
  open();
  GenerateRequest request = asks("a", std::string(300, 'x'), 5);  // from its first page on the user's own
  GenerateRequest nobodys = request, others = request, on_public = request;
  request.scope.tenant = nobodys.scope.tenant = on_public.scope.tenant = "t";
  request.scope.user = on_public.scope.user = "eve";
  nobodys.scope.session = "session";
  on_public.prompt.messages.insert(on_public.prompt.messages.begin(),
                                   message_of(Role::kSystem, std::string(300, 'y'), Sharing::kPublic));
  others.scope.tenant = "u";
  for (const GenerateRequest& each : {request, nobodys, others, on_public}) answer(each);
  const int of_user = answer(on_public).usage.cached_tokens;
  engine->erase({"t", "", "", ""}, reply, [] {});
  run();
  EXPECT_GT(answer(others).usage.cached_tokens, 0);
  EXPECT_EQ(answer(request).usage.cached_tokens, 0);
  EXPECT_EQ(answer(nobodys).usage.cached_tokens, 0);
  const int of_everybody = answer(on_public).usage.cached_tokens;
  EXPECT_GT(of_everybody, 0);
  EXPECT_LT(of_everybody, of_user) << "what hung on everybody's page was the tenant's";
}

TEST_F(LocalEngineTest, WhoKeepsSomethingOfPromptsIsToldToForgetBeforeTheErasureIsConfirmed) {
  open();
  std::string told;
  engine->on_erase([&told](const Scope& scope) { told += scope.tenant + "/" + scope.user + " "; });
  engine->erase({"t", "", "eve", ""}, reply, [&told] { told += "erased"; });
  run();
  EXPECT_EQ(told, "t/eve erased");
}

TEST_F(LocalEngineTest, ErasingReachesRequestsThatAreStillBeingPrepared) {
  open();
  GenerateRequest request = asks("a", std::string(300, 'x'), 5);
  request.scope.tenant = "t";
  request.scope.user = "eve";
  Heard& early = ask(request);
  compute.run();  // it has come, and nobody has read it yet
  engine->erase({"t", "", "", ""}, reply, [] {});
  compute.run();
  run();
  ASSERT_TRUE(early.done && early.done->ok());
  EXPECT_EQ((*early.done)->finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(answer(request).usage.cached_tokens, 0);
}

TEST_F(LocalEngineTest, AnEngineThatGoesCancelsWhatIsStillBeingPrepared) {
  open();
  Heard& early = ask(asks("a", "hello", 3000));
  compute.run();
  engine.reset();
  compute.run();
  run();
  ASSERT_TRUE(early.done && early.done->ok());
  EXPECT_EQ((*early.done)->finish_reason, FinishReason::kCancelled);
}

TEST_F(LocalEngineTest, AnEngineThatGoesCancelsWhatRuns) {
  open();
  Heard& running = ask(asks("a", "hello", 3000));
  for (int i = 0; i < 30; ++i) run_one();
  engine.reset();
  run();
  ASSERT_TRUE(running.done && running.done->ok());
  EXPECT_EQ((*running.done)->finish_reason, FinishReason::kCancelled);
}

TEST_F(LocalEngineTest, ShowsTheNumbersOfThisMomentToWhoeverLooksFirst) {
  open();
  ask(asks("a", "hello", 5));
  run();
  const EngineStats now = engine->stats();
  EXPECT_EQ(now.generations_finished, 1U);
  ASSERT_EQ(now.models.size(), 1U);
  EXPECT_EQ(now.models[0].running, 0);
  EXPECT_EQ(now.models[0].generated_tokens, 5U);
}

bool is_there(const std::string& file) { return std::filesystem::exists(file); }

TEST_F(LocalEngineTest, OverARealModelSpeculationChangesNoTokenAndSaveSteps) {
  if (!is_there(testing::smollm2())) GTEST_SKIP() << "SmolLM2 is not here (./dev test fetches it)";
  options.model = testing::smollm2();
  options.kv_memory_bytes = std::int64_t{64} << 20;
  open(cpu_model_loader(options, limits));
  std::string list = "Repeat this list exactly:\n";
  for (int i = 1; i <= 8; ++i) list += "- order " + std::to_string(1000 + 37 * i) + " was shipped to Hamburg\n";
  for (const float temperature : {0.0F, 0.7F}) {
    GenerateRequest request = asks("default", list, 60);
    request.sampling.temperature = temperature;
    request.sampling.seed = 5;
    const std::uint64_t begin = temperature == 0 ? 0 : stats().models[0].steps;
    const Completion plain = answer(request);
    const std::uint64_t middle = stats().models[0].steps;
    request.speculation_tokens_max = 8;
    EXPECT_EQ(answer(request).text, plain.text);
    EXPECT_LT(stats().models[0].steps - middle, (middle - begin) * 3 / 4);
  }
}

TEST_F(LocalEngineTest, OverARealModelARequiredToolIsCalled) {
  if (!is_there(testing::qwen_coder())) GTEST_SKIP() << "Qwen2.5-Coder is not here (./dev test fetches it)";
  if (std::getenv("MNEMA_SANITIZED") != nullptr) GTEST_SKIP() << "sanitizers are too slow for this model";
  options.model = testing::qwen_coder();
  options.kv_memory_bytes = std::int64_t{64} << 20;
  open(cpu_model_loader(options, limits));
  GenerateRequest request = asks_for_tools("default");
  request.prompt.messages = {message_of(Role::kUser, "Write a poem about Oslo.")};
  request.tokens_max = 100;
  request.parallel_tool_calls = false;
  const Completion completion = answer(request);
  EXPECT_EQ(completion.text, "");
  EXPECT_EQ(completion.finish_reason, FinishReason::kToolCalls);
  ASSERT_EQ(completion.tool_calls.size(), 1U);
  EXPECT_TRUE(boost::json::parse(completion.tool_calls[0].arguments).is_object());
}

}  // namespace
}  // namespace mnema

#include "inference/scheduler/scheduler.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "runtime/base/random.hpp"
#include "tests/inference/scripted_backend.hpp"

// Over a model whose next token depends on all tokens before it, read back from its KV pages (scripted_backend.hpp):
// whatever the scheduler does, a sequence's tokens must be those of the sequence alone.

namespace mnema {
namespace {

using testing::alone;
using testing::FixedClock;
using testing::kVocabulary;
using testing::QueueExecutor;
using testing::ScriptedBackend;

struct Heard {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  std::optional<Result<FinishReason>> done;
  Usage usage;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  std::vector<ChosenToken> echoed;
};

struct Asked {
  std::vector<TokenId> tokens;
  int count = 20;
  Priority priority = Priority::kInteractive;
  int user = 0;
  int draft = 0;  // speculation_tokens_max
  SamplingOptions sampling;
  std::shared_ptr<TokenMask> mask;
  std::vector<TokenId> ends, stop;  // end tokens; the tokens after which the client has enough
  int echo_top = -1;
  std::optional<MonotonicTime> deadline;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void open(int pages, EngineOptions options = {}) {
    scheduler.reset();
    backend = std::make_unique<ScriptedBackend>(pages, executor);
    scheduler = std::make_shared<Scheduler>(*backend, executor, clock, options);
  }
  void submit(const Asked& asked, Heard& heard) {
    SequenceRequest request;
    request.tokens = asked.tokens;
    request.tokens_max = asked.count;
    request.priority = asked.priority;
    request.salts.user.bytes[0] = static_cast<std::uint8_t>(asked.user);
    request.speculation_tokens_max = asked.draft;
    request.sampler = std::make_unique<Sampler>(asked.sampling, asked.sampling.seed.value_or(1), std::vector<TokenId>{},
                                                asked.mask ? asked.mask->clone() : nullptr);
    request.sampler->note_context(request.tokens);
    request.end_tokens = asked.ends;
    request.echo_top = asked.echo_top;
    request.deadline = asked.deadline;
    request.cancelled = heard.cancelled;
    request.on_token = [&heard, stop = asked.stop](const ChosenToken& token) {
      heard.tokens.push_back(token.id);
      heard.logprobs.push_back(token.logprob);
      return stop.empty() || heard.tokens.size() < stop.size() ||
             !std::equal(stop.begin(), stop.end(), heard.tokens.end() - static_cast<std::ptrdiff_t>(stop.size()));
    };
    request.on_echo = [&heard](std::vector<ChosenToken> echoed) { heard.echoed = std::move(echoed); };
    request.on_done = [&heard](Result<FinishReason> reason, Usage usage) {
      ASSERT_FALSE(heard.done.has_value()) << "on_done comes once";
      heard.done = std::move(reason);
      heard.usage = usage;
    };
    scheduler->submit(std::move(request));
  }
  void submit(std::vector<TokenId> tokens, int count, Heard& heard, Priority priority = Priority::kInteractive,
              int user = 0) {
    Asked asked;
    asked.tokens = std::move(tokens);
    asked.count = count;
    asked.priority = priority;
    asked.user = user;
    submit(asked, heard);
  }
  /// What one request alone hears, of a scheduler of its own.
  Heard hear(const Asked& asked) {
    open(64);
    Heard heard;
    submit(asked, heard);
    executor.run();
    expect_all_pages_back();
    return heard;
  }
  void expect_all_pages_back() {
    EXPECT_EQ(scheduler->audit(), "");
    EXPECT_EQ(scheduler->stats().pages.used, 0);
  }
  /// Every draft length gives what no draft gives.
  void expect_the_same_with_drafts(Asked asked) {
    asked.draft = 0;
    const Heard plain = hear(asked);
    const long plain_steps = backend->steps;
    ASSERT_TRUE(plain.done && plain.done->ok());
    for (const int draft : {1, 2, 5, 16}) {
      asked.draft = draft;
      const Heard drafted = hear(asked);
      EXPECT_EQ(drafted.tokens, plain.tokens) << draft;
      EXPECT_EQ(drafted.logprobs, plain.logprobs) << draft;
      ASSERT_TRUE(drafted.done && drafted.done->ok());
      EXPECT_EQ(**drafted.done, **plain.done);
      EXPECT_EQ(drafted.usage.completion_tokens, plain.usage.completion_tokens);
      EXPECT_EQ(scheduler->stats().generated_tokens, plain.tokens.size());
      EXPECT_LT(backend->steps, plain_steps) << "no draft token was right";
    }
  }

  QueueExecutor executor;
  FixedClock clock;
  std::unique_ptr<ScriptedBackend> backend;
  std::shared_ptr<Scheduler> scheduler;
};

std::vector<TokenId> prompt_of(int length, int seed) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back((i * 31 + seed) % kVocabulary);
  return tokens;
}

TEST_F(SchedulerTest, GivesASequenceInABatchTheTokensItHasAlone) {
  open(64);
  std::vector<Heard> heard(6);
  for (int i = 0; i < 6; ++i) submit(prompt_of(20 + 37 * i, i), 40, heard[static_cast<std::size_t>(i)]);
  executor.run();
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(heard[static_cast<std::size_t>(i)].tokens, alone(prompt_of(20 + 37 * i, i), 40)) << i;
  expect_all_pages_back();
}

TEST_F(SchedulerTest, TakesOverThePagesOfAnEqualPrefix) {
  open(64);
  Heard first, second;
  submit(prompt_of(100, 1), 8, first);
  executor.run();
  const long before = backend->computed;
  submit(prompt_of(100, 1), 8, second);
  executor.run();
  EXPECT_EQ(second.usage.cached_tokens, 96);
  EXPECT_EQ(backend->computed - before, 4 + 7);
  EXPECT_EQ(second.tokens, first.tokens);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, NeverTakesOverThePagesOfAnotherUser) {
  open(64);
  Heard first, second;
  submit(prompt_of(100, 1), 8, first, Priority::kInteractive, 1);
  executor.run();
  submit(prompt_of(100, 1), 8, second, Priority::kInteractive, 2);
  executor.run();
  EXPECT_EQ(second.usage.cached_tokens, 0);
  EXPECT_EQ(second.tokens, first.tokens);
}

TEST_F(SchedulerTest, GivesTheSameTokensWhenPagesAreShortAndSequencesGiveWay) {
  EngineOptions options;
  options.decode_reserved_tokens = 1;
  open(12, options);
  std::vector<Heard> heard(5);
  for (int i = 0; i < 5; ++i)
    submit(prompt_of(60, i), 120, heard[static_cast<std::size_t>(i)], static_cast<Priority>(i % 3));
  executor.run();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(heard[static_cast<std::size_t>(i)].tokens, alone(prompt_of(60, i), 120)) << i;
  EXPECT_GT(scheduler->stats().preemptions, 0U);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, RefusesWhatThePagesCanNeverHold) {
  open(4);
  Heard heard;
  submit(prompt_of(500, 1), 8, heard);
  executor.run();
  ASSERT_TRUE(heard.done.has_value());
  ASSERT_FALSE(heard.done->ok());
  EXPECT_EQ(heard.done->error().code, ErrorCode::kResourceExhausted);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, ACancelledSequenceGivesBackEveryPage) {
  open(64);
  Heard heard, other;
  submit(prompt_of(200, 1), 1000, heard);
  submit(prompt_of(50, 2), 20, other);
  for (int i = 0; i < 12; ++i) executor.run_one();
  heard.cancelled->store(true);
  executor.run();
  ASSERT_TRUE(heard.done.has_value());
  EXPECT_EQ(**heard.done, FinishReason::kCancelled);
  EXPECT_EQ(other.tokens, alone(prompt_of(50, 2), 20));
  expect_all_pages_back();
}

TEST_F(SchedulerTest, AnOldBackgroundRequestOvertakesAYoungInteractiveOne) {
  EngineOptions options;
  options.max_sequences = 1;
  options.ageing_ms = 1000;
  open(64, options);
  Heard running, background, interactive;
  std::vector<int> order;
  submit(prompt_of(10, 1), 5, running);
  submit(prompt_of(10, 2), 5, background, Priority::kBackground);
  clock.at = std::chrono::seconds(10);
  submit(prompt_of(10, 3), 5, interactive, Priority::kInteractive);
  while (!background.done && executor.run_one()) EXPECT_FALSE(interactive.done.has_value());
  executor.run();
  EXPECT_TRUE(interactive.done.has_value());
}

TEST_F(SchedulerTest, EveryStoryFromASeedEndsWithTheRightTokensAndAllPagesBack) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SeededRandom random(seed);
    EngineOptions options;
    options.max_sequences = 1 + static_cast<int>(random.below(6));
    options.max_batched_tokens = 16 + static_cast<int>(random.below(200));
    options.decode_reserved_tokens = static_cast<int>(random.below(64));
    options.speculation_sequences_max = static_cast<int>(random.below(5));
    options.ageing_ms = 20;
    open(16 + static_cast<int>(random.below(40)), options);
    std::deque<Heard> heard;
    std::vector<std::pair<std::vector<TokenId>, int>> asked;
    for (int i = 0; i < 25; ++i) {
      asked.emplace_back(prompt_of(1 + static_cast<int>(random.below(200)), static_cast<int>(random.below(3))),
                         1 + static_cast<int>(random.below(60)));
      heard.emplace_back();
      Asked one;
      one.tokens = asked.back().first;
      one.count = asked.back().second;
      one.priority = static_cast<Priority>(random.below(4));
      one.user = static_cast<int>(random.below(2));
      one.draft = static_cast<int>(random.below(9));
      submit(one, heard.back());
      for (std::uint64_t steps = random.below(20); steps > 0; --steps) {
        executor.run_one();
        clock.at += std::chrono::milliseconds(random.below(4));
      }
      if (random.below(6) == 0) heard[random.below(heard.size())].cancelled->store(true);
    }
    executor.run();
    for (std::size_t i = 0; i < heard.size(); ++i) {
      ASSERT_TRUE(heard[i].done.has_value()) << "seed " << seed;
      ASSERT_TRUE(heard[i].done->ok()) << heard[i].done->error().text();
      const std::vector<TokenId> expected = alone(asked[i].first, asked[i].second);
      ASSERT_LE(heard[i].tokens.size(), expected.size());
      EXPECT_TRUE(std::equal(heard[i].tokens.begin(), heard[i].tokens.end(), expected.begin()))
          << "seed " << seed << " request " << i;
      if (**heard[i].done != FinishReason::kCancelled) {
        EXPECT_EQ(heard[i].tokens.size(), expected.size());
      }
    }
    expect_all_pages_back();
  }
}

/// Two tokens in a row never add up to a multiple of three; nothing follows after `length` tokens.
class SumMask final : public TokenMask {
 public:
  explicit SumMask(int length) : left_(length) {}
  void fill(std::span<std::uint64_t> words) override {
    for (TokenId id = 0; id < kVocabulary; ++id) {
      if (allows(id)) words[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
    }
  }
  bool allows(TokenId token) override { return (last_ + token) % 3 != 0; }
  void accept(TokenId token) override {
    EXPECT_TRUE(allows(token) && left_ > 0);
    last_ = token;
    --left_;
  }
  bool finished() const override { return left_ <= 0; }
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<SumMask>(*this); }
  Status status() const override {
    return left_ > fails_at ? Status() : mnema::fail(ErrorCode::kResourceExhausted, "the constraint takes too much");
  }

  int fails_at = -1;  // so many tokens before the end

 private:
  TokenId last_ = 1;
  int left_;
};

Asked question(int length, int count, int seed = 1) {
  Asked asked;
  asked.tokens = prompt_of(length, seed);
  asked.count = count;
  return asked;
}

TEST_F(SchedulerTest, RightDraftsSaveStepsAndAreCounted) {
  Asked asked = question(40, 200);
  asked.draft = 8;
  const Heard heard = hear(asked);
  EXPECT_EQ(heard.tokens, alone(asked.tokens, 200));
  const ModelStats stats = scheduler->stats();
  EXPECT_GT(stats.accepted_tokens, 50U);
  EXPECT_GE(stats.draft_tokens, stats.accepted_tokens);
  EXPECT_EQ(backend->steps + static_cast<long>(stats.accepted_tokens), 200) << "each right draft token is a step less";
}

TEST_F(SchedulerTest, DraftsChangeNoTokenUnderAnyWayOfSampling) {
  Asked asked = question(70, 150);
  expect_the_same_with_drafts(asked);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    asked.sampling.seed = seed;
    asked.sampling.temperature = 0.5F;
    asked.sampling.logprobs_top = 2;
    expect_the_same_with_drafts(asked);
    asked.sampling.top_k = 5;
    asked.sampling.top_p = 0.9F;
    asked.sampling.min_p = 0.02F;
    expect_the_same_with_drafts(asked);
  }
  asked = question(70, 150);
  asked.sampling.frequency_penalty = 0.02F;
  asked.sampling.presence_penalty = 0.1F;
  asked.sampling.repetition_penalty = 1.1F;
  expect_the_same_with_drafts(asked);
  asked = question(70, 150);
  asked.sampling.logit_bias = {{5, 2.5F}, {6, -100.0F}};
  expect_the_same_with_drafts(asked);
}

TEST_F(SchedulerTest, AConstraintThatFailsEndsItsOwnSequenceAndNoOther) {
  for (const int draft : {0, 8}) {
    open(64);
    auto mask = std::make_shared<SumMask>(30);
    mask->fails_at = 10;
    Asked failing = question(40, 200);
    failing.draft = draft;
    failing.mask = mask;
    Heard failed, other;
    submit(failing, failed);
    submit(question(40, 50, 2), other);
    executor.run();
    ASSERT_TRUE(failed.done && !failed.done->ok());
    EXPECT_EQ(failed.done->error().code, ErrorCode::kResourceExhausted);
    EXPECT_LE(failed.tokens.size(), 20U);
    ASSERT_TRUE(other.done && other.done->ok());
    EXPECT_EQ(other.tokens.size(), 50U);
    expect_all_pages_back();
  }
}

TEST_F(SchedulerTest, DraftsKeepToTheConstraintAndEndWithIt) {
  for (int length = 100; length < 110; ++length) {
    Asked asked = question(50, 500);
    asked.mask = std::make_shared<SumMask>(length);
    expect_the_same_with_drafts(asked);
    EXPECT_EQ(scheduler->stats().generated_tokens, static_cast<std::uint64_t>(length));
  }
}

TEST_F(SchedulerTest, AnAnswerEndsAtItsStopItsEndTokenAndItsLengthInTheMiddleOfARightDraft) {
  const std::vector<TokenId> whole = alone(prompt_of(40, 1), 200);
  for (std::size_t at = 100; at < 112; ++at) {
    Asked asked = question(40, static_cast<int>(at));
    expect_the_same_with_drafts(asked);  // length
    asked.count = 1000;
    asked.stop = {whole.begin() + static_cast<std::ptrdiff_t>(at) - 3, whole.begin() + static_cast<std::ptrdiff_t>(at)};
    expect_the_same_with_drafts(asked);
  }
  Asked asked = question(40, 1000);
  asked.ends = {whole[110]};
  if (std::find(whole.begin(), whole.begin() + 60, whole[110]) == whole.begin() + 60)
    expect_the_same_with_drafts(asked);
}

TEST_F(SchedulerTest, DoesNotSpeculateBesideManyTurns) {
  EngineOptions options;
  options.speculation_sequences_max = 2;
  open(64, options);
  std::vector<Heard> heard(3);
  for (int i = 0; i < 3; ++i) {
    Asked asked = question(40, 100, i);
    asked.draft = 8;
    submit(asked, heard[static_cast<std::size_t>(i)]);
  }
  executor.run();
  EXPECT_EQ(scheduler->stats().draft_tokens, 0U);
}

TEST_F(SchedulerTest, ASequenceThatIsCancelledWhileItSpeculatesReturnsEveryPage) {
  for (int cut = 20; cut < 60; ++cut) {
    open(64);
    Asked asked = question(40, 1000);
    asked.draft = 8;
    Heard heard;
    backend->after_step = [&] {
      if (backend->steps == cut) heard.cancelled->store(true);
    };
    submit(asked, heard);
    executor.run();
    ASSERT_TRUE(heard.done && heard.done->ok());
    EXPECT_EQ(**heard.done, FinishReason::kCancelled);
    EXPECT_EQ(heard.tokens, alone(asked.tokens, static_cast<int>(heard.tokens.size())));
    expect_all_pages_back();
  }
}

TEST_F(SchedulerTest, ASeedGivesTheSameTokensWhateverElseIsInTheBatch) {
  const auto asked_by = [](int i) {
    Asked asked = question(30 + 20 * i, 60, i);
    asked.sampling.temperature = 0.9F;
    asked.sampling.top_p = 0.95F;
    asked.sampling.logprobs_top = 0;
    asked.sampling.seed = 100 + static_cast<std::uint64_t>(i);
    asked.draft = i % 3 == 0 ? 4 : 0;
    return asked;
  };
  std::vector<Heard> by_itself;
  for (int i = 0; i < 6; ++i) by_itself.push_back(hear(asked_by(i)));
  EngineOptions options;
  options.max_batched_tokens = 50;
  options.speculation_sequences_max = 6;
  open(64, options);
  std::vector<Heard> together(6);
  for (int i = 0; i < 6; ++i) {
    submit(asked_by(i), together[static_cast<std::size_t>(i)]);
    for (int steps = 0; steps < 7; ++steps) executor.run_one();
  }
  executor.run();
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(together[i].tokens, by_itself[i].tokens) << i;
    EXPECT_EQ(together[i].logprobs, by_itself[i].logprobs) << i;
  }
}

TEST_F(SchedulerTest, EqualPromptsThatComeTogetherAreComputedOnce) {
  open(200);
  std::vector<Heard> heard(4);
  for (Heard& one : heard) submit(prompt_of(1000, 1), 1, one);
  executor.run();
  EXPECT_EQ(backend->computed, 1000 + 3 * (1000 % 32)) << "the rest of the last page is each one's own";
  EXPECT_EQ(heard[3].usage.cached_tokens, 1000 / 32 * 32);
  for (const Heard& one : heard) EXPECT_EQ(one.tokens, alone(prompt_of(1000, 1), 1));
  expect_all_pages_back();
}

TEST_F(SchedulerTest, AnInteractiveRequestTakesTheSlotOfABackgroundOne) {
  EngineOptions options;
  options.max_sequences = 1;
  open(64, options);
  Heard background, second, interactive;
  submit(prompt_of(40, 1), 300, background, Priority::kBackground);
  for (int i = 0; i < 200; ++i) executor.run_one();
  ASSERT_GT(background.tokens.size(), 50U);
  submit(prompt_of(40, 2), 10, second, Priority::kBackground);
  submit(prompt_of(40, 3), 10, interactive, Priority::kInteractive);
  while (!interactive.done && executor.run_one()) {
  }
  EXPECT_FALSE(background.done || second.done);
  executor.run();
  EXPECT_EQ(scheduler->stats().preemptions, 1U) << "background requests take no slot from one another";
  EXPECT_EQ(background.tokens, alone(prompt_of(40, 1), 300));
  EXPECT_EQ(interactive.tokens, alone(prompt_of(40, 3), 10));
  // What it had computed was still in the tree, but for the page it was in.
  EXPECT_LE(backend->computed, 40 + 299 + 2 * (40 + 9) + 32);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, WhoHasWaitedLongKeepsItsPlace) {
  EngineOptions options;
  options.max_sequences = 1;
  options.ageing_ms = 1000;
  open(64, options);
  Heard first, background, interactive;
  submit(prompt_of(40, 1), 10, first);
  executor.run_one();
  submit(prompt_of(40, 2), 300, background, Priority::kBackground);
  executor.run_one();
  clock.at += std::chrono::seconds(2);
  while (background.tokens.empty()) ASSERT_TRUE(executor.run_one());
  submit(prompt_of(40, 3), 10, interactive, Priority::kInteractive);
  executor.run();
  EXPECT_EQ(scheduler->stats().preemptions, 0U);
  EXPECT_TRUE(interactive.done && background.done);
}

TEST_F(SchedulerTest, AdmitsNoMoreThanThePagesCanHold) {
  open(40);
  std::vector<Heard> heard(5);
  for (int i = 0; i < 5; ++i) submit(prompt_of(600, i), 60, heard[static_cast<std::size_t>(i)]);
  executor.run_one();
  EXPECT_EQ(scheduler->stats().running, 1) << "600 tokens and their answer take 21 pages of 40";
  executor.run();
  EXPECT_EQ(scheduler->stats().preemptions, 0U);
  EXPECT_EQ(backend->computed, 5 * (600 + 59)) << "nothing was computed twice";
  expect_all_pages_back();
}

TEST_F(SchedulerTest, APromptThatMustWaitForPagesEvictsNothingMeanwhile) {
  open(32);
  Heard cached, running, waiting;
  submit(prompt_of(200, 1), 1, cached);
  executor.run();
  submit(prompt_of(300, 2), 100, running);
  executor.run_one();
  submit(prompt_of(900, 3), 10, waiting);
  for (int i = 0; i < 60; ++i) executor.run_one();
  EXPECT_EQ(scheduler->stats().waiting, 1);
  EXPECT_EQ(scheduler->stats().evictions, 0U);
  executor.run();
  EXPECT_EQ(waiting.tokens, alone(prompt_of(900, 3), 10));
  EXPECT_GT(scheduler->stats().evictions, 0U);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, EchoedPromptTokensComeOnceEachAlsoAfterGivingWay) {
  EngineOptions options;
  options.max_sequences = 1;
  open(64, options);
  Heard echo, interactive;
  Asked asked = question(100, 5);
  asked.echo_top = 1;
  asked.priority = Priority::kBackground;
  submit(asked, echo);
  for (int i = 0; i < 6; ++i) executor.run_one();
  submit(prompt_of(40, 3), 3, interactive);
  executor.run();
  EXPECT_EQ(scheduler->stats().preemptions, 1U);
  ASSERT_EQ(echo.echoed.size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(echo.echoed[i].id, asked.tokens[i]);
  EXPECT_EQ(echo.tokens, alone(asked.tokens, 5));
  expect_all_pages_back();
}

TEST_F(SchedulerTest, PrefillBesideATurnIsCutToTheLatencyAndLessUrgentPrefillToAFractionOfIt) {
  EngineOptions options;
  options.prefill_step_ms = 200;
  options.background_step_ms = 50;
  for (const Priority priority : {Priority::kInteractive, Priority::kPrestage}) {
    open(200, options);
    backend->after_step = [this] {  // 1 ms a token
      clock.at += std::chrono::milliseconds(backend->step_tokens.back());
    };
    Heard turn, other;
    submit(prompt_of(300, 1), 100, turn);
    while (turn.tokens.empty()) ASSERT_TRUE(executor.run_one());
    backend->step_tokens.clear();
    submit(prompt_of(2000, 2), 1, other, priority);
    while (!other.done && !turn.done) ASSERT_TRUE(executor.run_one());
    const int longest = *std::max_element(backend->step_tokens.begin(), backend->step_tokens.end());
    if (priority == Priority::kInteractive) {
      EXPECT_GT(longest, 150);
      EXPECT_LE(longest, 201);
    } else {
      EXPECT_LE(longest, 51);
    }
    executor.run();
    EXPECT_EQ(turn.tokens, alone(prompt_of(300, 1), 100));
    expect_all_pages_back();
  }
}

/// As long a step as an engine has whose weights take 2 ms to read: 0.5 ms a token besides.
TEST_F(SchedulerTest, TurnsOfABetterPriorityKeepTheirPaceWhateverElseDecodesOrIsPrefilled) {
  EngineOptions options;
  open(400, options);
  Duration step{0}, longest{0};
  backend->after_step = [&] {
    step = std::chrono::microseconds(2000 + 500 * backend->step_tokens.back());
    clock.at += step;
    longest = std::max(longest, step);
  };
  std::deque<Heard> chats(4), events(40);
  submit(prompt_of(300, 99), 1, events.emplace_back());  // from here on the rate of prefill is known
  executor.run();
  for (int i = 0; i < 4; ++i) submit(prompt_of(60, i), 400, chats[static_cast<std::size_t>(i)]);
  while (chats.back().tokens.size() < 20) ASSERT_TRUE(executor.run_one());
  longest = Duration{0};
  for (int i = 0; i < 40; ++i) submit(prompt_of(80, 10 + i), 8, events[static_cast<std::size_t>(i)], Priority::kEvent);
  Duration others{0};
  scheduler->between_steps([&](Duration budget) { others = std::max(others, step + budget); });
  while (!chats.back().done) ASSERT_TRUE(executor.run_one());
  const Duration by_themselves = std::chrono::microseconds(2000 + 4 * 500);
  EXPECT_LE(longest, by_themselves * 3 / 2);
  EXPECT_LE(others, by_themselves * 7 / 4) << "embeddings included";
  EXPECT_GT(std::count_if(events.begin(), events.end(), [](const Heard& heard) { return heard.done.has_value(); }), 8)
      << "events go on";
  executor.run();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(events[static_cast<std::size_t>(i)].tokens, alone(prompt_of(80, 10 + i), 8));
  expect_all_pages_back();
}

TEST_F(SchedulerTest, AgeingPutsAnEventFirstInTheQueueButPreemptsNoChatForIt) {
  EngineOptions options;
  options.max_sequences = 1;
  options.ageing_ms = 1000;
  open(64, options);
  Heard chat, event, later;
  submit(prompt_of(40, 1), 200, chat);
  executor.run_one();
  submit(prompt_of(40, 2), 5, event, Priority::kEvent);
  clock.at = std::chrono::seconds(60);
  submit(prompt_of(40, 3), 5, later);
  while (!event.done) {
    ASSERT_TRUE(executor.run_one());
    EXPECT_FALSE(later.done.has_value());
  }
  EXPECT_TRUE(chat.done.has_value());
  EXPECT_EQ(scheduler->stats().preemptions, 0U);
  executor.run();
  EXPECT_EQ(chat.tokens, alone(prompt_of(40, 1), 200));
  expect_all_pages_back();
}

TEST_F(SchedulerTest, AStepNeverHasMoreTokensThanItMay) {
  EngineOptions options;
  options.max_batched_tokens = 4;
  options.speculation_sequences_max = 16;
  open(64, options);
  std::deque<Heard> heard(10);
  for (int i = 0; i < 10; ++i) {
    Asked asked = question(20, 30, i);
    asked.draft = 8;
    submit(asked, heard[static_cast<std::size_t>(i)]);
  }
  executor.run();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(heard[static_cast<std::size_t>(i)].tokens, alone(prompt_of(20, i), 30));
  EXPECT_EQ(*std::max_element(backend->step_tokens.begin(), backend->step_tokens.end()), 4);
}

TEST_F(SchedulerTest, ADeadlineEndsARunningAndAWaitingSequence) {
  EngineOptions options;
  options.max_sequences = 1;
  open(64, options);
  Heard running, waiting;
  Asked asked = question(40, 1000);
  asked.deadline = MonotonicTime{std::chrono::seconds(5)};
  submit(asked, running);
  submit(asked, waiting);
  for (int i = 0; i < 40; ++i) executor.run_one();
  EXPECT_FALSE(running.done || waiting.done);
  clock.at = std::chrono::seconds(5);
  executor.run();
  for (const Heard* heard : {&running, &waiting}) {
    ASSERT_TRUE(heard->done && !heard->done->ok());
    EXPECT_EQ(heard->done->error().code, ErrorCode::kDeadlineExceeded);
  }
  expect_all_pages_back();
}

TEST_F(SchedulerTest, AStepThatFailsEndsItsSequencesAndLosesNoPage) {
  open(64);
  Heard first, second;
  submit(prompt_of(100, 1), 50, first);
  submit(prompt_of(100, 2), 50, second);
  for (int i = 0; i < 20; ++i) executor.run_one();
  backend->fails = true;
  executor.run();
  for (const Heard* heard : {&first, &second}) {
    ASSERT_TRUE(heard->done && !heard->done->ok());
    EXPECT_EQ(heard->done->error().code, ErrorCode::kInternal);
  }
  expect_all_pages_back();
}

}  // namespace
}  // namespace mnema

#include "inference/embedding_scheduler.hpp"

#include <gtest/gtest.h>

#include "tests/inference/local_engine_fixture.hpp"

namespace mnema {
namespace {

using testing::Heard;
using testing::LocalEngineTest;

class EmbeddingSchedulerTest : public LocalEngineTest {
 protected:
  struct Asked {
    std::optional<Result<Embeddings>> done;
  };
  Asked& embed(int texts, Priority priority, const char* model = "vectors") {
    Asked& asked = jobs.emplace_back();
    engine->embed(model, std::vector<std::string>(static_cast<std::size_t>(texts), "text"), priority, reply,
                  [&asked](Result<Embeddings> result) {
                    EXPECT_FALSE(asked.done.has_value()) << "on_done comes once";
                    asked.done = std::move(result);
                  });
    return asked;
  }
  std::deque<Asked> jobs;
};

TEST_F(EmbeddingSchedulerTest, GivesVectorsInTheOrderOfTheirTexts) {
  open();
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 30; ++i) texts.emplace_back(i, 'x');
  std::optional<Result<Embeddings>> vectors;
  engine->embed("vectors", texts, Priority::kEvent, reply, [&](auto result) { vectors = std::move(result); });
  run();
  ASSERT_TRUE(vectors && vectors->ok());
  ASSERT_EQ((*vectors)->vectors.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ((*vectors)->vectors[i][0], static_cast<float>(i));
  EXPECT_EQ((*vectors)->tokens, 29 * 30 / 2) << "a token is a byte here";
  EXPECT_TRUE(embed(0, Priority::kEvent).done == std::nullopt);
  run();
  EXPECT_TRUE((*jobs.back().done)->vectors.empty());
  EXPECT_EQ(stats().texts_embedded, 30U);
}

TEST_F(EmbeddingSchedulerTest, GivesTheVectorsOfTokensInTheOrderOfTheirTextsWhereTheyAreAskedFor) {
  open();
  EmbeddingRequest request;
  request.model = "vectors";
  for (std::size_t i = 0; i < 30; ++i) request.inputs.emplace_back(std::string(i, 'x'));
  std::optional<Result<Embeddings>> plain, made;
  engine->embed(request, reply, [&](auto result) { plain = std::move(result); });
  request.token_vectors = true;
  engine->embed(request, reply, [&](auto result) { made = std::move(result); });
  run();
  ASSERT_TRUE(plain && plain->ok() && made && made->ok());
  EXPECT_TRUE((*plain)->token_vectors.empty());
  ASSERT_EQ((*made)->token_vectors.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ((*made)->token_vectors[i].vectors.size(), i);
  EXPECT_EQ((*made)->vectors, (*plain)->vectors);
}

TEST_F(EmbeddingSchedulerTest, RefusesAModelThatMakesTextAndForgetsItsTexts) {
  open();
  const Asked& asked = embed(2, Priority::kEvent, "a");
  const Asked& unknown = embed(2, Priority::kEvent, "nowhere");
  run();
  EXPECT_EQ(asked.done->error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(unknown.done->error().code, ErrorCode::kNotFound);
  EXPECT_EQ(error(asks("vectors")).code, ErrorCode::kUnsupported);
  EXPECT_EQ(stats().embeddings_waiting, 0);
}

TEST_F(EmbeddingSchedulerTest, ATokenWaitsForLessThanItsStepHoweverManyTextsWait) {
  constexpr Duration kStep = std::chrono::milliseconds(10);
  Duration encoded{0}, longest{0};
  long layers = 0, steps = 0;
  loader->after_step = [&] {
    longest = std::max(longest, steps > 0 ? encoded : Duration{0});
    encoded = Duration{0};
    ++steps;
    clock.at += kStep;
  };
  loader->after_layer = [&](std::size_t texts) {
    const Duration took = std::chrono::microseconds(700) * static_cast<int>(texts);
    encoded += took;
    clock.at += took;
    ++layers;
  };
  open();
  Heard& stream = ask(asks("a", "hello", 400));
  while (stream.text.empty()) ASSERT_TRUE(run_one());
  const Asked& many = embed(2048, Priority::kEvent);
  while (!stream.done) ASSERT_TRUE(run_one());
  EXPECT_FALSE(many.done.has_value()) << "there was work all the time";
  EXPECT_GT(layers, steps) << "and it went on";
  EXPECT_LE(longest, kStep);
  run();
  EXPECT_TRUE(many.done && many.done->ok());
}

TEST_F(EmbeddingSchedulerTest, AQueryOfSomebodyWhoWaitsOvertakesABacklog) {
  loader->after_layer = [&](std::size_t) { clock.at += std::chrono::milliseconds(5); };
  open();
  const Asked& backlog = embed(300, Priority::kBackground);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(run_one());
  const MonotonicTime asked = clock.monotonic_now();
  const Asked& query = embed(1, Priority::kInteractive);
  while (!query.done) ASSERT_TRUE(run_one());
  EXPECT_LE(clock.monotonic_now() - asked, std::chrono::milliseconds(60));
  EXPECT_FALSE(backlog.done.has_value());
  run();
  EXPECT_TRUE(backlog.done && backlog.done->ok());
}

TEST_F(EmbeddingSchedulerTest, ABacklogLeavesTheCoresForAMomentToWhoeverGotAVector) {
  long layers = 0;
  loader->after_layer = [&](std::size_t) {
    clock.at += std::chrono::milliseconds(1);
    ++layers;
  };
  open();
  const Asked& backlog = embed(300, Priority::kBackground);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(run_one());
  const Asked& query = embed(1, Priority::kInteractive);
  while (!query.done) ASSERT_TRUE(run_one());
  const long before = layers;
  while (run_one()) {
  }
  EXPECT_EQ(layers, before) << "the recall behind the vector computes now";
  clock.at += std::chrono::milliseconds(10);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(run_one());
  EXPECT_GT(layers, before);
  run();
  EXPECT_TRUE(backlog.done && backlog.done->ok());
}

TEST_F(EmbeddingSchedulerTest, ABacklogGoesOnWhileQueriesNeverEnd) {
  options.ageing_ms = 100;
  loader->after_layer = [&](std::size_t) { clock.at += std::chrono::milliseconds(5); };
  open();
  const Asked& backlog = embed(5, Priority::kBackground);
  for (int queries = 0; !backlog.done && queries < 2000; ++queries) {
    const Asked& query = embed(1, Priority::kInteractive);
    while (!query.done) ASSERT_TRUE(run_one());
  }
  EXPECT_TRUE(backlog.done && backlog.done->ok());
}

TEST_F(EmbeddingSchedulerTest, RefusesWhenTooManyTextsWaitButNeverAQueryBecauseOfABacklog) {
  limits.embeddings_waiting_max = 10;
  open();
  const Asked& first = embed(8, Priority::kBackground);
  const Asked& second = embed(3, Priority::kBackground);
  const Asked& query = embed(8, Priority::kInteractive);
  const Asked& too_long = embed(11, Priority::kInteractive);
  run();
  EXPECT_TRUE(first.done->ok() && query.done->ok());
  ASSERT_FALSE(second.done->ok());
  EXPECT_EQ(second.done->error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(second.done->error().retryable);
  ASSERT_FALSE(too_long.done->ok());
  EXPECT_EQ(too_long.done->error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(too_long.done->error().retryable) << "it would never fit";
  EXPECT_EQ(stats().texts_embedded, 8U + 8U) << "of what is refused, no text is encoded";
}

TEST_F(EmbeddingSchedulerTest, AnEngineThatGoesCancelsTheTextsThatWait) {
  open();
  const Asked& backlog = embed(100, Priority::kBackground);
  for (int i = 0; i < 10; ++i) run_one();
  engine.reset();
  run();
  ASSERT_TRUE(backlog.done.has_value());
  EXPECT_EQ(backlog.done->error().code, ErrorCode::kCancelled);
}

TEST_F(EmbeddingSchedulerTest, AnEngineThatStopsCancelsTheTextsThatWaitAndThoseThatComeLater) {
  open();
  const Asked& backlog = embed(100, Priority::kBackground);
  for (int i = 0; i < 10; ++i) run_one();
  engine->stop();
  const Asked& later = embed(1, Priority::kInteractive);
  run();
  for (const Asked* asked : {&backlog, &later}) {
    ASSERT_TRUE(asked->done.has_value());
    EXPECT_EQ(asked->done->error().code, ErrorCode::kCancelled);
    EXPECT_TRUE(asked->done->error().retryable) << "another start can do it";
  }
  EXPECT_EQ(stats().embeddings_waiting, 0);
}

TEST_F(EmbeddingSchedulerTest, ShowsHowManyTextsWaitToWhoeverLooksFirst) {
  loader->after_layer = [&](std::size_t) { clock.at += std::chrono::milliseconds(5); };
  open();
  const Asked& asked = embed(30, Priority::kEvent);
  ASSERT_TRUE(compute.run_one());
  EXPECT_EQ(engine->stats().embeddings_waiting, 30);
  bool has_shown_some = false;
  while (!asked.done) {
    ASSERT_TRUE(run_one());
    const int waiting = engine->stats().embeddings_waiting;
    has_shown_some = has_shown_some || (waiting > 0 && waiting < 30);
  }
  EXPECT_TRUE(has_shown_some);
  EXPECT_EQ(engine->stats().embeddings_waiting, 0) << "before the answer is heard";
  EXPECT_EQ(engine->stats().texts_embedded, 30U);
}

TEST_F(EmbeddingSchedulerTest, KeepsItsInvariantOverRandomJobs) {
  limits.embeddings_waiting_max = 40;
  options.ageing_ms = 50;
  options.keep_alive_ms = 20;  // models go and come back in between
  loader->after_layer = [&](std::size_t) { clock.at += Duration(static_cast<long>(random.next_u64() % 9'000)); };
  ModelTexts texts(options, loader);
  const auto models = std::make_shared<LoadedModels>(options, loader, texts, compute, clock);
  const auto scheduler = std::make_shared<EmbeddingScheduler>(*models, compute, clock, options, limits);
  int submitted = 0, answered = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    switch (random.next_u64() % 4) {
      case 0: {
        EmbeddingJob job;
        job.model = random.next_u64() % 8 == 0 ? "a" : "vectors";
        job.texts.assign(random.next_u64() % 12, "some text");
        job.priority = static_cast<Priority>(random.next_u64() % 4);
        job.reply_to = &reply;
        job.on_done = [&](const Result<Embeddings>& result) {
          ++answered;
          refused += !result.ok() && result.error().code == ErrorCode::kResourceExhausted ? 1 : 0;
        };
        ++submitted;
        scheduler->submit(std::move(job));
        break;
      }
      case 1:
        scheduler->between_steps(Duration(static_cast<long>(random.next_u64() % 20'000)));
        break;
      default:
        run_one();
    }
    scheduler->check_integrity();
  }
  for (int ms = 0; ms < 100'000 && scheduler->waiting() > 0; ++ms, clock.at += std::chrono::milliseconds(1)) run();
  run();
  scheduler->check_integrity();
  EXPECT_EQ(answered, submitted);
  EXPECT_EQ(scheduler->waiting(), 0);
  EXPECT_GT(refused, 0) << "the bound was reached";
}

}  // namespace
}  // namespace mnema

#include "memory/query_vectors.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <optional>

#include "runtime/sim/simulation_executor.hpp"
#include "tests/memory/word_embedder.hpp"

namespace mnema {
namespace {

struct Asking {
  Simulation simulation{1};
  testing::WordEmbedder embedder;
  std::shared_ptr<QueryVectors> vectors =
      std::make_shared<QueryVectors>(embedder, simulation.lane("queries"), std::chrono::seconds(5));

  std::optional<QueryVectors::Question> ask(const std::string& text) {
    const auto answer = std::make_shared<std::optional<QueryVectors::Question>>();
    vectors->get(text, [answer](QueryVectors::Question vector) { *answer = std::move(vector); });
    simulation.run_ready();
    return *answer;
  }
};

TEST(QueryVectors, AskTheEmbedderOnceForOneText) {
  Asking asking;
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    asking.vectors->get("where is it", [&](const QueryVectors::Question& question) {
      ASSERT_TRUE(question.ok());
      EXPECT_EQ(question->vector, asking.embedder.vector_of("where is it"));
      ++answers;
    });
  }
  EXPECT_EQ(answers, 0) << "it is on its way";
  asking.simulation.run_ready();
  EXPECT_EQ(answers, 3);
  asking.vectors->get("where is it", [&](const QueryVectors::Question&) { ++answers; });
  EXPECT_EQ(answers, 4) << "it is there";
  EXPECT_EQ(asking.embedder.asked.size(), 1U);
}

TEST(QueryVectors, TellAFailureToAllWhoWaitAndForgetIt) {
  Asking asking;
  asking.embedder.failure = fail(ErrorCode::kUnavailable, "not now");
  const auto failed = asking.ask("where is it");
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->error().message, "not now");
  asking.embedder.failure.reset();
  EXPECT_TRUE(asking.ask("where is it")->ok());
}

TEST(QueryVectors, WaitForASilentEmbedderSoLongAndAskItAgainTheNextTime) {
  Asking asking;
  asking.embedder.silent = true;
  std::vector<ErrorCode> answers;
  const auto on_done = [&](const QueryVectors::Question& question) {
    ASSERT_FALSE(question.ok());
    answers.push_back(question.error().code);
  };
  asking.vectors->get("where is it", on_done);
  asking.simulation.run_for(std::chrono::seconds(4));
  asking.vectors->get("where is it", on_done);
  EXPECT_TRUE(answers.empty());
  asking.simulation.run_for(std::chrono::seconds(1));
  EXPECT_EQ(answers, (std::vector<ErrorCode>(2, ErrorCode::kDeadlineExceeded)));
  asking.embedder.silent = false;
  EXPECT_TRUE(asking.ask("where is it")->ok());
}

// An answer that comes too late is nobody's; it must not be taken for the one that is asked for now.
TEST(QueryVectors, DoNotListenToWhatComesAfterTheirTime) {
  struct LateEmbedder final : Embedder {
    std::string id() const override { return "late"; }
    int dimensions() const override { return 1; }
    void embed(std::vector<std::string>, Kind, bool, Executor& reply_to,
               std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
      reply_to.post_after(std::chrono::seconds(6), [on_done] { on_done(std::vector<std::vector<float>>{{1.0F}}); });
    }
  };
  Simulation simulation{1};
  LateEmbedder embedder;
  const auto vectors = std::make_shared<QueryVectors>(embedder, simulation.lane("queries"), std::chrono::seconds(5));
  int answers = 0;
  vectors->get("where is it", [&](const QueryVectors::Question& question) {
    EXPECT_FALSE(question.ok());
    ++answers;
  });
  EXPECT_TRUE(simulation.run_until_idle());
  EXPECT_EQ(answers, 1);
}

TEST(QueryVectors, RefuseAVectorOfAnotherLengthThanPromised) {
  Asking asking;
  asking.embedder.given_dimensions = 3;
  const auto answer = asking.ask("where is it");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kInternal);
}

TEST(QueryVectors, ForgetWhatWasAskedLongestAgo) {
  Asking asking;
  for (int i = 0; i < 128; ++i) (void)asking.ask("question " + std::to_string(i));
  (void)asking.ask("question 0");
  (void)asking.ask("one more");
  const std::size_t asked = asking.embedder.asked.size();
  (void)asking.ask("question 0");
  EXPECT_EQ(asking.embedder.asked.size(), asked) << "asked a moment ago";
  (void)asking.ask("question 1");
  EXPECT_EQ(asking.embedder.asked.size(), asked + 1) << "pushed out";
}

TEST(QueryVectors, NeverForgetWhomSomebodyWaitsFor) {
  Asking asking;
  int answers = 0;
  for (int i = 0; i < 300; ++i) {
    asking.vectors->get("question " + std::to_string(i), [&](const QueryVectors::Question&) { ++answers; });
  }
  asking.simulation.run_ready();
  EXPECT_EQ(answers, 300);
}

// An event may have 4 MiB, and 128 of them are asked for before the first is forgotten.
// A question that compared itself with all that wait would make this take minutes.
TEST(QueryVectors, TakeManyQuestionsWhileNoneIsAnswered) {
  Asking asking;
  asking.embedder.silent = true;
  int answers = 0;
  for (int i = 0; i < 100'000; ++i) {
    asking.vectors->get("question " + std::to_string(i), [&](const QueryVectors::Question&) { ++answers; });
  }
  EXPECT_EQ(answers, 0);
  asking.simulation.run_for(std::chrono::seconds(6));
  EXPECT_EQ(answers, 100'000);
}

TEST(QueryVectors, KeepNoneOfTheTextsTheyWereAskedFor) {
  Asking asking;
  const auto bytes_in_use = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const std::size_t before = bytes_in_use();
  for (int i = 0; i < 128; ++i) {
    (void)asking.ask(std::string(1 << 20, 'x') + std::to_string(i));
    asking.embedder.asked.clear();
  }
  EXPECT_LT(bytes_in_use(), before + (8 << 20));
}

}  // namespace
}  // namespace mnema

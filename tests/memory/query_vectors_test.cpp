#include "memory/query_vectors.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <optional>

#include "runtime/simulation_executor.hpp"
#include "tests/memory/word_embedder.hpp"

namespace mnema {
namespace {

struct Asking {
  Simulation simulation{1};
  testing::WordEmbedder embedder;
  std::shared_ptr<QueryVectors> vectors = std::make_shared<QueryVectors>(embedder, simulation.lane("queries"));

  std::optional<QueryVectors::Vector> ask(const std::string& text) {
    const auto answer = std::make_shared<std::optional<QueryVectors::Vector>>();
    vectors->get(text, [answer](QueryVectors::Vector vector) { *answer = std::move(vector); });
    simulation.run_ready();
    return *answer;
  }
};

TEST(QueryVectors, AskTheEmbedderOnceForOneText) {
  Asking asking;
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    asking.vectors->get("where is it", [&](const QueryVectors::Vector& vector) {
      ASSERT_TRUE(vector.ok());
      EXPECT_EQ(*vector, asking.embedder.vector_of("where is it"));
      ++answers;
    });
  }
  EXPECT_EQ(answers, 0) << "it is on its way";
  asking.simulation.run_ready();
  EXPECT_EQ(answers, 3);
  asking.vectors->get("where is it", [&](const QueryVectors::Vector&) { ++answers; });
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
    asking.vectors->get("question " + std::to_string(i), [&](const QueryVectors::Vector&) { ++answers; });
  }
  asking.simulation.run_ready();
  EXPECT_EQ(answers, 300);
}

// An event may have 4 MiB, and 128 of them are asked for before the first is forgotten.
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

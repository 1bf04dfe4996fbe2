#include "memory/vector/token_codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

/// Of length 1, its components about normal: each the sum of twelve uniform numbers.
std::vector<float> random_vector(SeededRandom& random, int dimensions) {
  std::vector<float> vector(static_cast<std::size_t>(dimensions), -6.0F);
  double squares = 0;
  for (float& component : vector) {
    for (int i = 0; i < 12; ++i) component += static_cast<float>(random.unit());
    squares += static_cast<double>(component) * component;
  }
  for (float& component : vector) component /= static_cast<float>(std::sqrt(squares));
  return vector;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// A vector of length 1 that has about this cosine with `other`.
std::vector<float> near(const std::vector<float>& other, double cosine, SeededRandom& random) {
  std::vector<float> made = random_vector(random, static_cast<int>(other.size()));
  const double along = dot(made, other);
  double rest = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i] -= static_cast<float>(along * other[i]);
    rest += static_cast<double>(made[i]) * made[i];
  }
  const double scale = std::sqrt((1 - cosine * cosine) / rest);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<float>(made[i] * scale + cosine * other[i]);
  return made;
}

TEST(TokenCodec, KeepsACosineToATenthAndHasNoBias) {
  SeededRandom random(1);
  for (const int dimensions : {384, 512, 770}) {
    const TokenCodec codec(dimensions);
    for (const double cosine : {-0.3, 0.0, 0.4, 0.8, 1.0}) {
      double sum = 0;
      for (int i = 0; i < 100; ++i) {
        const std::vector<float> question = random_vector(random, dimensions);
        const std::string record = codec.encode(near(question, cosine, random));
        ASSERT_EQ(record.size(), codec.token_bytes());
        const std::vector<float> found = TokenQuestion(codec, question).best(record);
        ASSERT_EQ(found.size(), 1U);
        EXPECT_NEAR(found[0], cosine, 0.2) << dimensions;
        sum += found[0];
      }
      EXPECT_NEAR(sum / 100, cosine, 0.02) << dimensions;
    }
  }
}

TEST(TokenCodec, FindsForEachTokenOfAQuestionTheNearestOfARecord) {
  constexpr int kDimensions = 384;
  SeededRandom random(2);
  const TokenCodec codec(kDimensions);
  const std::vector<float> first = random_vector(random, kDimensions);
  const std::vector<float> second = random_vector(random, kDimensions);
  std::vector<float> text = near(first, 0.9, random);
  const std::vector<float> other = near(second, 0.5, random);
  text.insert(text.end(), other.begin(), other.end());
  std::vector<float> question = first;
  question.insert(question.end(), second.begin(), second.end());
  const TokenQuestion tokens(codec, question);
  ASSERT_EQ(tokens.size(), 2U);
  const std::vector<float> best = tokens.best(codec.encode(text));
  EXPECT_NEAR(best[0], 0.9, 0.1);
  EXPECT_NEAR(best[1], 0.5, 0.1);
}

TEST(TokenCodec, TakesWhatIsNoRecordForOneWithoutTokens) {
  const TokenCodec codec(384);
  const std::vector<float> question(384, 1 / std::sqrt(384.0F));
  const TokenQuestion tokens(codec, question);
  for (const std::string& record : {std::string(), std::string("cut off"), codec.encode(question) + "x"}) {
    EXPECT_TRUE(tokens.best(record).empty());
  }
  EXPECT_TRUE(TokenQuestion(codec, {}).best(codec.encode(question)).empty());
}

TEST(TokenCodec, GivesFiniteCosinesForDamagedRecordsAndForVectorsThatAreNotFinite) {
  const TokenCodec codec(384);
  std::vector<float> question(384, std::numeric_limits<float>::infinity());
  question[0] = std::numeric_limits<float>::quiet_NaN();
  question[1] = 1;
  for (const std::string& record : {codec.encode(question), std::string(codec.token_bytes(), '\0'),
                                    std::string(codec.token_bytes(), '\xff'), codec.encode(std::vector<float>(384))}) {
    const std::vector<float> best = TokenQuestion(codec, question).best(record);
    ASSERT_EQ(best.size(), 1U);
    EXPECT_TRUE(std::isfinite(best[0]));
    EXPECT_GE(best[0], -1);
    EXPECT_LE(best[0], 1);
  }
}

}  // namespace
}  // namespace mnema

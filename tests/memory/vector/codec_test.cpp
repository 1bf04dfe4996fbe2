#include "memory/vector/codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/memory/vector/vectors.hpp"

namespace mnema {
namespace {

using testing::random_vector;
using testing::record_of;

TEST(VectorCodec, KeepsTheCosineToTwoDigits) {
  for (const int dimensions : {8, 64, 384, 768}) {
    const VectorCodec codec(dimensions);
    SeededRandom random(1);
    for (int i = 0; i < 200; ++i) {
      const std::vector<float> a = random_vector(random, dimensions);
      const std::vector<float> b = random_vector(random, dimensions);
      double cosine = 0;
      for (std::size_t k = 0; k < a.size(); ++k) cosine += static_cast<double>(a[k]) * b[k];
      EXPECT_NEAR(codec.similarity(record_of(codec, a).data(), record_of(codec, b).data()), cosine, 0.01) << dimensions;
      EXPECT_NEAR(codec.similarity(record_of(codec, a).data(), record_of(codec, a).data()), 1, 0.01) << dimensions;
    }
  }
}

TEST(VectorCodec, RefinesACosineToAThousandth) {
  for (const int dimensions : {7, 8, 384, 768}) {
    const VectorCodec codec(dimensions);
    SeededRandom random(1);
    double coarse = 0;
    double refined = 0;
    for (int i = 0; i < 200; ++i) {
      const std::vector<float> a = random_vector(random, dimensions);
      const std::vector<float> b = random_vector(random, dimensions);
      double cosine = 0;
      for (std::size_t k = 0; k < a.size(); ++k) cosine += static_cast<double>(a[k]) * b[k];
      const auto record = record_of(codec, b);
      coarse += std::abs(codec.similarity(record_of(codec, a).data(), record.data()) - cosine);
      refined += std::abs(codec.refined_similarity(a, record.data()) - cosine);
      EXPECT_NEAR(codec.refined_similarity(a, record.data()), cosine, 0.003) << dimensions;
    }
    EXPECT_LE(refined, coarse / 2) << dimensions;
  }
}

TEST(VectorCodec, ComparesFourAsOne) {
  const VectorCodec codec(100);
  SeededRandom random(3);
  std::vector<std::vector<std::byte>> records;
  for (int i = 0; i < 5; ++i) records.push_back(record_of(codec, random_vector(random, 100)));
  const std::byte* const four[] = {records[1].data(), records[2].data(), records[3].data(), records[4].data()};
  float similarities[4];
  codec.similarities(records[0].data(), four, similarities);
  for (int k = 0; k < 4; ++k) EXPECT_EQ(similarities[k], codec.similarity(records[0].data(), four[k]));
}

TEST(VectorCodec, KeepsTheGroup) {
  const VectorCodec codec(4);
  const std::vector<float> vector = {0, 1, 0, 0};
  EXPECT_EQ(codec.group_of(record_of(codec, vector, 4'000'000'000U).data()), 4'000'000'000U);
}

TEST(VectorCodec, TakesAVectorThatIsNoDirection) {
  const VectorCodec codec(4);
  const float infinity = std::numeric_limits<float>::infinity();
  const auto good = record_of(codec, std::vector<float>{0.5F, 0.5F, 0.5F, 0.5F});
  const auto zero = record_of(codec, std::vector<float>{0, 0, 0, 0});
  const auto broken = record_of(codec, std::vector<float>{std::nanf(""), infinity, -infinity, 0.5F});
  EXPECT_EQ(codec.similarity(good.data(), zero.data()), 0);
  EXPECT_NEAR(codec.similarity(good.data(), broken.data()), 0.25, 0.01) << "what is not finite counts as 0";
}

}  // namespace
}  // namespace mnema

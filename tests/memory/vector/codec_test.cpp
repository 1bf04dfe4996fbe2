#include "memory/vector/codec.hpp"

#include <gtest/gtest.h>

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

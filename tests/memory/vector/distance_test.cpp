#include "memory/vector/distance.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

std::vector<std::size_t> counts() {
  std::vector<std::size_t> all;
  for (std::size_t count = 0; count <= 200; ++count) all.push_back(count);
  for (const std::size_t count : {256U, 384U, 511U, 768U, 1024U, 1536U}) all.push_back(count);
  return all;
}

const DistanceKernels& scalar() { return *available_distance_kernels().front(); }

TEST(Distance, IsTheSameFloatUpToTheOrderOfSummationOnEveryKernel) {
  SeededRandom random(1);
  for (const std::size_t count : counts()) {
    std::vector<float> a(count + 1);
    std::vector<float> b(count + 1);
    double magnitude = 0;
    for (std::size_t i = 0; i < count + 1; ++i) {
      a[i] = static_cast<float>(random.unit() * 2 - 1);
      b[i] = static_cast<float>(random.unit() * 2 - 1);
      magnitude += std::abs(static_cast<double>(a[i]) * b[i]);
    }
    for (const DistanceKernels* kernels : available_distance_kernels()) {
      // One past the start: nothing is aligned.
      EXPECT_NEAR(kernels->dot_f32(a.data() + 1, b.data() + 1, count),
                  scalar().dot_f32(a.data() + 1, b.data() + 1, count), 1e-6 * magnitude)
          << kernels->name << ", " << count;
    }
  }
}

TEST(Distance, IsTheSameIntegerOnEveryKernel) {
  SeededRandom random(2);
  for (const std::size_t count : counts()) {
    std::vector<std::int8_t> a(count + 1);
    std::vector<std::int8_t> b(count + 1);
    for (std::size_t i = 0; i < count + 1; ++i) {
      a[i] = static_cast<std::int8_t>(random.below(256));
      b[i] = static_cast<std::int8_t>(random.below(256));
    }
    std::int64_t expected = 0;
    for (std::size_t i = 1; i < count + 1; ++i) expected += static_cast<std::int64_t>(a[i]) * b[i];
    for (const DistanceKernels* kernels : available_distance_kernels()) {
      EXPECT_EQ(kernels->dot_i8(a.data() + 1, b.data() + 1, count), expected) << kernels->name << ", " << count;
      const std::int8_t* const four[] = {b.data() + 1, a.data() + 1, b.data(), a.data()};
      std::int32_t dots[4];
      kernels->dot_i8_with_four(a.data() + 1, four, count, dots);
      for (int k = 0; k < 4; ++k) {
        EXPECT_EQ(dots[k], scalar().dot_i8(a.data() + 1, four[k], count)) << kernels->name << ", " << count;
      }
    }
  }
}

TEST(Distance, IsExactForTheLongestAndLargestVectors) {
  constexpr std::size_t kCount = 131'072;
  for (const int sign : {1, -1}) {
    const std::vector<std::int8_t> a(kCount, 127);
    const std::vector<std::int8_t> b(kCount, static_cast<std::int8_t>(127 * sign));
    for (const DistanceKernels* kernels : available_distance_kernels()) {
      EXPECT_EQ(kernels->dot_i8(a.data(), b.data(), kCount), 127 * 127 * static_cast<int>(kCount) * sign)
          << kernels->name;
    }
  }
}

TEST(Distance, CountsTheSameBitsOnEveryKernel) {
  SeededRandom random(3);
  for (std::size_t words = 0; words <= 20; ++words) {
    std::vector<std::uint64_t> planes(kBitPlanes * words);
    std::vector<std::uint64_t> bits(words);
    for (std::uint64_t& word : planes) word = random.next_u64();
    for (std::uint64_t& word : bits) word = random.next_u64();
    std::int32_t expected = 0;
    for (std::size_t bit = 0; bit < 64 * words; ++bit) {
      if ((bits[bit / 64] >> (bit % 64) & 1) == 0) continue;
      for (std::size_t plane = 0; plane < kBitPlanes; ++plane) {
        expected += static_cast<std::int32_t>(planes[plane * words + bit / 64] >> (bit % 64) & 1) << plane;
      }
    }
    for (const DistanceKernels* kernels : available_distance_kernels()) {
      EXPECT_EQ(kernels->dot_bit_planes(planes.data(), bits.data(), words), expected) << kernels->name << ", " << words;
    }
  }
}

TEST(Distance, IsChosenAmongWhatThisMachineCanDo) {
  const auto all = available_distance_kernels();
  EXPECT_STREQ(all.front()->name, "scalar");
  EXPECT_EQ(all.back(), &distance_kernels());
}

}  // namespace
}  // namespace mnema

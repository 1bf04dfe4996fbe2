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

TEST(Distance, IsChosenAmongWhatThisMachineCanDo) {
  const auto all = available_distance_kernels();
  EXPECT_STREQ(all.front()->name, "scalar");
  EXPECT_EQ(all.back(), &distance_kernels());
}

}  // namespace
}  // namespace mnema

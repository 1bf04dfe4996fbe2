#include "inference/kernels/quantize_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "inference/kernels/matmul.hpp"

namespace mnema {
namespace {

constexpr QuantType kTypes[] = {QuantType::kF32,  QuantType::kF16,  QuantType::kQ8_0, QuantType::kQ5_1,
                                QuantType::kQ5_0, QuantType::kQ4_1, QuantType::kQ4_0};
constexpr std::size_t kBlock = 32;
constexpr float kHalfError = 0x1p-11F;  // of a number rounded to f16

std::vector<float> round_trip(QuantType type, const std::vector<float>& values) {
  std::vector<std::byte> row(row_bytes(type, values.size()));
  quantize_row(type, values, row.data());
  std::vector<float> back(values.size());
  dequantize_row(type, row.data(), back.data(), back.size());
  return back;
}

/// Rows as weights are: bell-shaped, some blocks large, some off centre, some all of one sign.
std::vector<float> weights(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> bell;
  std::vector<float> values(kBlock * 64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t block = i / kBlock;
    const float centre = block % 7 == 0 ? 0.5F : 0.0F;
    values[i] = (bell(random) + centre) * std::pow(10.0F, static_cast<float>(block % 5) - 3.0F);
    if (block % 11 == 0) values[i] = -std::fabs(values[i]);
  }
  return values;
}

/// The distance between two neighbouring quants of a block.
float step_of(QuantType type, std::span<const float> block) {
  const auto [low, high] = std::minmax_element(block.begin(), block.end());
  const float largest = std::max(std::fabs(*low), std::fabs(*high));
  switch (type) {
    case QuantType::kQ8_0:
      return largest / 127;
    case QuantType::kQ5_0:
      return largest / 16;
    case QuantType::kQ4_0:
      return largest / 8;
    case QuantType::kQ5_1:
      return (*high - *low) / 31;
    case QuantType::kQ4_1:
      return (*high - *low) / 15;
    default:
      return 0;
  }
}

TEST(QuantizeBlocks, StaysWithinHalfAStepOfEveryValue) {
  for (const QuantType type : kTypes) {
    const std::vector<float> values = weights(1);
    const std::vector<float> back = round_trip(type, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::span<const float> block = std::span(values).subspan(i / kBlock * kBlock, kBlock);
      const float largest = std::fabs(
          *std::max_element(block.begin(), block.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
      const float step = step_of(type, block);
      // The symmetric types have one step less on the side away from their extreme: -8..7.
      const bool symmetric = type == QuantType::kQ4_0 || type == QuantType::kQ5_0;
      const bool cut = symmetric && std::fabs(values[i]) > largest - step;
      const float half_error = type == QuantType::kF32 ? 0 : kHalfError * 2 * largest;
      ASSERT_LE(std::fabs(back[i] - values[i]), (cut ? step : step / 2) + half_error)
          << traits_of(type).name << ", value " << i << " = " << values[i] << " came back as " << back[i];
    }
  }
}

TEST(QuantizeBlocks, LosesNothingMoreWhenQuantisedAgain) {
  for (const QuantType type : kTypes) {
    const std::vector<float> once = round_trip(type, weights(2));
    const std::vector<float> twice = round_trip(type, once);
    for (std::size_t i = 0; i < once.size(); ++i) {
      ASSERT_NEAR(twice[i], once[i], 1e-6F * std::fabs(once[i])) << traits_of(type).name << ", value " << i;
    }
  }
}

TEST(QuantizeBlocks, IsCloserWithMoreBits) {
  const std::vector<float> values = weights(3);
  const auto error = [&](QuantType type) {
    const std::vector<float> back = round_trip(type, values);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += std::fabs(back[i] - values[i]);
    return sum;
  };
  EXPECT_LT(error(QuantType::kF16), error(QuantType::kQ8_0));
  EXPECT_LT(error(QuantType::kQ8_0), error(QuantType::kQ5_1));
  EXPECT_LT(error(QuantType::kQ5_1), error(QuantType::kQ5_0));
  EXPECT_LT(error(QuantType::kQ5_0), error(QuantType::kQ4_1));
  EXPECT_LT(error(QuantType::kQ4_1), error(QuantType::kQ4_0));
}

TEST(QuantizeBlocks, WritesZerosAndTheLargestNumbersAsTheyAre) {
  for (const QuantType type : kTypes) {
    for (const float value : {0.0F, kQuantizeMax, -kQuantizeMax, 1e-12F}) {
      const std::vector<float> back = round_trip(type, std::vector<float>(kBlock, value));
      for (const float each : back) {
        ASSERT_TRUE(std::isfinite(each)) << traits_of(type).name << " of " << value;
        ASSERT_NEAR(each, value, 1e-3F * std::fabs(value) + 1e-11F) << traits_of(type).name << " of " << value;
      }
    }
  }
}

TEST(QuantizeBlocks, NamesTheTypesItCannotWrite) {
  for (const QuantType type : kTypes) EXPECT_TRUE(can_quantize_to(type)) << traits_of(type).name;
  EXPECT_FALSE(can_quantize_to(QuantType::kQ4_K));
  EXPECT_FALSE(can_quantize_to(QuantType::kIQ4_XS));
}

}  // namespace
}  // namespace mnema

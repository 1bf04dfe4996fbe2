#include "inference/kernels/screened_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "inference/kernels/half.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"

namespace mnema {
namespace {

constexpr InstructionSet kSets[] = {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512};
constexpr std::size_t kRows = 200, kColumns = 320, kBlocks = kColumns / 32;

/// Q8_0 rows of normal weights.
std::vector<std::byte> rows_of_weights(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<std::byte> bytes;
  for (std::size_t block = 0; block < kRows * kBlocks; ++block) {
    float values[32], largest = 0;
    for (float& value : values) largest = std::fmax(largest, std::fabs(value = normal(random)));
    const std::uint16_t scale = f16_from_f32(largest / 127);
    const auto* at = reinterpret_cast<const std::byte*>(&scale);
    bytes.insert(bytes.end(), at, at + 2);
    for (const float value : values) {
      bytes.push_back(static_cast<std::byte>(static_cast<std::int8_t>(std::nearbyint(value / largest * 127))));
    }
  }
  return bytes;
}

std::vector<float> activations(std::size_t m, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(m * kColumns);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = normal(random) * (i % kColumns < 32 ? 40.0F : 1.0F);
  return x;
}

std::vector<float> product(const PackedMatrix& weights, const float* x, std::size_t m, std::size_t stride) {
  QuantizedRows rows;
  rows.reserve(m, weights.columns, weights.isa);
  quantize_rows(x, stride, rows, 0, 1);
  std::vector<float> y(m * weights.rows);
  matmul(weights, rows, y.data(), weights.rows, 0, 1);
  return y;
}

/// Rows of x with the blocks in the matrix's order.
std::vector<float> ordered(const ScreenedMatrix& matrix, const std::vector<float>& x) {
  std::vector<float> out;
  for (std::size_t row = 0; row < x.size() / kColumns; ++row) {
    for (const std::size_t block : matrix.order) {
      const auto from = x.begin() + static_cast<std::ptrdiff_t>(row * kColumns + block * 32);
      out.insert(out.end(), from, from + 32);
    }
  }
  return out;
}

class Screened : public ::testing::Test {
 protected:
  ScreenedMatrix pack_for(InstructionSet isa, std::size_t rows_min = 1) {
    std::vector<float> expected(kColumns, 1.0F);
    std::fill_n(expected.begin(), 32, 40.0F);
    Result<ScreenedMatrix> packed =
        pack_screened({bytes_.data(), kRows, QuantType::kQ8_0}, kColumns, expected, isa, pool_, arena_, rows_min);
    EXPECT_TRUE(packed.ok());
    return std::move(*packed);
  }

  std::mt19937 random_{7};
  ThreadPool pool_{2, false};
  WeightArena arena_;
  const std::vector<std::byte> bytes_ = rows_of_weights(random_);
};

TEST_F(Screened, KeepsTheBlocksWithTheMostNoiseWholeAndDividesTheRest) {
  const ScreenedMatrix matrix = pack_for(InstructionSet::kScalar);
  ASSERT_TRUE(matrix.is_screened());
  EXPECT_EQ(matrix.heavy.columns, 32U);
  EXPECT_EQ(matrix.order.front(), 0U);
  EXPECT_EQ(matrix.light.columns, kColumns - 32);
}

TEST_F(Screened, LeavesASmallMatrixUndivided) {
  const ScreenedMatrix matrix = pack_for(InstructionSet::kScalar, kRows + 1);
  EXPECT_FALSE(matrix.is_screened());
  EXPECT_EQ(matrix.heavy.columns, kColumns);
}

TEST_F(Screened, HeavyPlusLightIsTheWholeProduct) {
  for (const InstructionSet isa : kSets) {
    if (isa > best_instruction_set()) continue;
    const ScreenedMatrix matrix = pack_for(isa);
    for (const std::size_t m : {1, 3, 8, 9, 33}) {
      const std::vector<float> x = activations(m, random_), moved = ordered(matrix, x);
      Result<PackedMatrix> whole = pack({bytes_.data(), kRows, QuantType::kQ8_0}, kColumns, isa, pool_, arena_);
      ASSERT_TRUE(whole.ok());
      const std::vector<float> expected = product(*whole, x.data(), m, kColumns);
      const std::vector<float> heavy = product(matrix.heavy, moved.data(), m, kColumns);
      const std::vector<float> light = product(matrix.light, moved.data() + matrix.heavy.columns, m, kColumns);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(heavy[i] + light[i], expected[i], 2e-4 * std::fabs(expected[i]) + 2e-3) << name_of(isa) << " " << m;
      }
    }
  }
}

TEST_F(Screened, ARowOfLightHasTheSameBitsAloneInABatchAndByGroup) {
  for (const InstructionSet isa : kSets) {
    if (isa > best_instruction_set()) continue;
    const ScreenedMatrix matrix = pack_for(isa);
    const std::vector<float> x = activations(33, random_);
    const std::vector<float> batch = product(matrix.light, x.data(), 33, kColumns);
    for (const std::size_t row : {0, 8, 32}) {
      const std::vector<float> alone = product(matrix.light, x.data() + row * kColumns, 1, kColumns);
      EXPECT_EQ(std::memcmp(alone.data(), batch.data() + row * kRows, kRows * sizeof(float)), 0) << name_of(isa);
    }
    QuantizedRows rows;
    rows.reserve(33, matrix.light.columns, isa);
    quantize_rows(x.data(), kColumns, rows, 0, 1);
    std::vector<float> part(33 * kRows, NAN);
    matmul_groups(matrix.light, rows, part.data(), kRows, 2, 3);
    for (std::size_t row = 0; row < 33; ++row) {
      EXPECT_EQ(std::memcmp(part.data() + row * kRows + 32, batch.data() + row * kRows + 32, 64), 0) << name_of(isa);
    }
    EXPECT_TRUE(std::isnan(part[0]));
  }
}

TEST_F(Screened, TheCoarseProductLiesWithinTheRadius) {
  const ScreenedMatrix matrix = pack_for(best_instruction_set());
  const std::vector<float> x = activations(64, random_);
  const std::vector<float> whole = product(matrix.light, x.data(), 64, kColumns);
  const std::vector<float> coarse = product(matrix.light_coarse, x.data(), 64, kColumns);
  const std::size_t groups = (kRows + 15) / 16, blocks = matrix.light.columns / 32;
  double furthest = 0;
  for (std::size_t row = 0; row < 64; ++row) {
    std::vector<float> energies(blocks), radii(groups);
    for (std::size_t k = 0; k < matrix.light.columns; ++k) {
      energies[k / 32] += x[row * kColumns + k] * x[row * kColumns + k];
    }
    screening_radii(matrix, 0, groups, energies.data(), radii.data());
    for (std::size_t i = 0; i < kRows; ++i) {
      const double away = std::fabs(whole[row * kRows + i] - coarse[row * kRows + i]);
      ASSERT_LE(away, radii[i / 16]);
      furthest = std::fmax(furthest, away / radii[i / 16]);
    }
  }
  EXPECT_GT(furthest, 0.3) << "a radius that nothing comes near would screen nothing";
}

}  // namespace
}  // namespace mnema

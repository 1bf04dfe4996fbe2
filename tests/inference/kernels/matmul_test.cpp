#include "inference/kernels/matmul.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "inference/kernels/quant_type.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"
#include "tests/inference/kernels/random_rows.hpp"

// Every type of weight, every instruction set, batches on both sides of every tile's border: against the numbers of the
// file in double precision, and against the same product alone, bit by bit.

namespace mnema {
namespace {

using testing::random_rows;

constexpr std::size_t kBatches[] = {1, 2, 3, 4, 5, 8, 9, 16, 17, 23, 32, 33, 512};
constexpr InstructionSet kSets[] = {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512};

std::vector<float> random_activations(std::size_t m, std::size_t columns, std::mt19937& random) {
  std::vector<float> x(m * columns);
  std::normal_distribution<float> normal;
  for (float& value : x) value = normal(random);
  return x;
}

/// The activations as the quantised product sees them: whole numbers times a scale, per block of 32.
std::vector<float> rounded(const std::vector<float>& x) {
  std::vector<float> out(x.size());
  for (std::size_t block = 0; block < x.size(); block += 32) {
    float largest = 0;
    for (std::size_t i = 0; i < 32; ++i) largest = std::fmax(largest, std::fabs(x[block + i]));
    for (std::size_t i = 0; i < 32; ++i) {
      out[block + i] = std::nearbyint(x[block + i] * (127 / largest)) * (largest / 127);
    }
  }
  return out;
}

struct Activations {
  QuantizedRows rows;
  Activations(const float* x, std::size_t m, std::size_t columns, const PackedMatrix& weights) {
    rows.reserve(m, columns, weights.isa, weights.needs_floats());
    quantize_rows(x, columns, rows, 0, 1);
  }
};

/// y = x · wᵀ, the rows of the weights shared by `threads` workers (one after the other).
std::vector<float> product(const PackedMatrix& weights, const float* x, std::size_t m, int threads = 1) {
  const Activations activations(x, m, weights.columns, weights);
  std::vector<float> y(m * weights.rows, NAN);
  for (int worker = 0; worker < threads; ++worker)
    matmul(weights, activations.rows, y.data(), weights.rows, worker, threads);
  return y;
}

std::string name_of_case(QuantType type, InstructionSet isa, std::size_t m) {
  return std::string(traits_of(type).name) + " " + std::string(name_of(isa)) + " m=" + std::to_string(m);
}

bool same_bits(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

class Matmul : public ::testing::TestWithParam<QuantType> {};

INSTANTIATE_TEST_SUITE_P(Types, Matmul,
                         ::testing::Values(QuantType::kF32, QuantType::kF16, QuantType::kBF16, QuantType::kQ8_0,
                                           QuantType::kQ4_0, QuantType::kQ4_1, QuantType::kQ5_0, QuantType::kQ5_1,
                                           QuantType::kQ2_K, QuantType::kQ3_K, QuantType::kQ4_K, QuantType::kQ5_K,
                                           QuantType::kQ6_K, QuantType::kIQ4_NL, QuantType::kIQ4_XS),
                         [](const auto& of) { return std::string(traits_of(of.param).name); });

TEST_P(Matmul, GivesTheFilesNumbersTimesTheActivations) {
  const QuantType type = GetParam();
  std::mt19937 random(7);
  ThreadPool pool(1, false);
  WeightArena arena;
  for (const std::size_t columns : {std::size_t{512}, std::size_t{96}}) {
    if (columns % static_cast<std::size_t>(traits_of(type).block_values) != 0) continue;
    constexpr std::size_t kRows = 41, kMost = 512;
    const std::vector<std::byte> file = random_rows(type, kRows, columns, random);
    const std::vector<float> x = random_activations(kMost, columns, random), seen = rounded(x);
    std::vector<float> w(kRows * columns);
    for (std::size_t row = 0; row < kRows; ++row) {
      dequantize_row(type, file.data() + row * row_bytes(type, columns), &w[row * columns], columns);
    }
    for (const InstructionSet isa : kSets) {
      if (isa > best_instruction_set()) continue;
      Result<PackedMatrix> packed = pack({file.data(), kRows, type}, columns, isa, pool, arena);
      ASSERT_TRUE(packed.ok()) << packed.error().text();
      const std::size_t m_max = isa == InstructionSet::kScalar ? 33 : kMost;
      const std::vector<float> y = product(*packed, x.data(), m_max);
      for (std::size_t m = 0; m < m_max; ++m) {
        const std::vector<float>& a = packed->needs_floats() ? x : seen;
        for (std::size_t row = 0; row < kRows; ++row) {
          double expected = 0, size = 0;
          for (std::size_t k = 0; k < columns; ++k) {
            const double term = static_cast<double>(w[row * columns + k]) * a[m * columns + k];
            expected += term, size += std::fabs(term);
          }
          ASSERT_NEAR(y[m * kRows + row], expected, 2e-5 * size + 1e-6) << name_of_case(type, isa, m) << " row " << row;
        }
      }
    }
  }
}

TEST_P(Matmul, ARowHasTheSameBitsInEveryBatchAndOnEveryNumberOfThreads) {
  const QuantType type = GetParam();
  constexpr std::size_t kRows = 56, kColumns = 512;
  std::mt19937 random(11);
  ThreadPool pool(2, false);
  WeightArena arena;
  const std::vector<std::byte> file = random_rows(type, kRows, kColumns, random);
  const std::vector<float> x = random_activations(512, kColumns, random);
  for (const InstructionSet isa : kSets) {
    if (isa > best_instruction_set()) continue;
    Result<PackedMatrix> packed = pack({file.data(), kRows, type}, kColumns, isa, pool, arena);
    ASSERT_TRUE(packed.ok()) << packed.error().text();
    for (const std::size_t m : kBatches) {
      if (isa == InstructionSet::kScalar && m > 33) continue;
      const std::vector<float> batch = product(*packed, x.data(), m);
      EXPECT_TRUE(same_bits(batch.data(), product(*packed, x.data(), m, 3).data(), batch.size()))
          << name_of_case(type, isa, m);
      for (const std::size_t row : {std::size_t{0}, m / 2, m - 1}) {
        const std::vector<float> alone = product(*packed, x.data() + row * kColumns, 1);
        EXPECT_TRUE(same_bits(alone.data(), batch.data() + row * kRows, kRows))
            << name_of_case(type, isa, m) << " row " << row;
      }
    }
  }
}

TEST_P(Matmul, GateAndUpAtOnceIsTheActivatedGateTimesUp) {
  const QuantType type = GetParam();
  constexpr std::size_t kRows = 40, kColumns = 256;
  std::mt19937 random(13);
  ThreadPool pool(1, false);
  WeightArena arena;
  const std::vector<std::byte> gate_file = random_rows(type, kRows, kColumns, random),
                               up_file = random_rows(type, kRows, kColumns, random);
  const std::vector<float> x = random_activations(33, kColumns, random);
  for (const InstructionSet isa : kSets) {
    if (isa > best_instruction_set()) continue;
    Result<PackedMatrix> gate = pack({gate_file.data(), kRows, type}, kColumns, isa, pool, arena);
    Result<PackedMatrix> up = pack({up_file.data(), kRows, type}, kColumns, isa, pool, arena);
    ASSERT_TRUE(gate.ok() && up.ok());
    for (const GateActivation activation : {GateActivation::kSilu, GateActivation::kGelu}) {
      std::vector<float> lone_rows;
      for (const std::size_t m : {std::size_t{33}, std::size_t{8}, std::size_t{1}}) {
        const Activations activations(x.data(), m, kColumns, *gate);
        std::vector<float> y(m * kRows, NAN);
        for (int worker = 0; worker < 2; ++worker)
          matmul_gate_up(*gate, *up, activation, activations.rows, y.data(), kRows, worker, 2);
        const std::vector<float> g = product(*gate, x.data(), m), u = product(*up, x.data(), m);
        for (std::size_t i = 0; i < y.size(); ++i) {
          const double v = g[i];
          const double active = activation == GateActivation::kSilu
                                    ? v / (1 + std::exp(-v))
                                    : 0.5 * v * (1 + std::tanh(0.7978845608 * (v + 0.044715 * v * v * v)));
          ASSERT_NEAR(y[i], active * u[i], 1e-6 * (1 + std::fabs(v)) * (1 + std::fabs(u[i])))
              << name_of_case(type, isa, m) << " at " << i;
        }
        if (lone_rows.empty()) lone_rows.assign(y.begin(), y.begin() + kRows);
        EXPECT_TRUE(same_bits(lone_rows.data(), y.data(), kRows)) << name_of_case(type, isa, m);
      }
    }
  }
}

TEST(Pack, RefusesSizesThatDoNotFitTheType) {
  ThreadPool pool(1, false);
  WeightArena arena;
  const std::vector<std::byte> file(4096);
  EXPECT_EQ(pack({file.data(), 4, QuantType::kQ4_K}, 96, InstructionSet::kScalar, pool, arena).error().code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(pack({file.data(), 0, QuantType::kQ8_0}, 32, InstructionSet::kScalar, pool, arena).error().code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(pack({file.data(), 1, static_cast<QuantType>(99)}, 32, InstructionSet::kScalar, pool, arena).error().code,
            ErrorCode::kUnsupported);
}

TEST(Pack, KeepsTheFilesSizeButForPadding) {
  ThreadPool pool(1, false);
  WeightArena arena;
  std::mt19937 random(3);
  for (const QuantType type :
       {QuantType::kQ4_0, QuantType::kQ4_1, QuantType::kQ5_0, QuantType::kQ8_0, QuantType::kQ4_K, QuantType::kQ6_K}) {
    const std::vector<std::byte> file = random_rows(type, 64, 1024, random);
    Result<PackedMatrix> packed = pack({file.data(), 64, type}, 1024, best_instruction_set(), pool, arena);
    ASSERT_TRUE(packed.ok());
    EXPECT_LE(static_cast<double>(packed->bytes), 1.1 * static_cast<double>(file.size())) << traits_of(type).name;
  }
}

TEST(InstructionSets, AreChosenByNameAndRefusedWhenUnknown) {
  EXPECT_EQ(*instruction_set_from("auto"), best_instruction_set());
  EXPECT_EQ(*instruction_set_from("scalar"), InstructionSet::kScalar);
  EXPECT_EQ(instruction_set_from("sse9").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema

// tests/fuzz/kernels_fuzz.cpp
//
// Fast matrix products beside the scalar one, over any type, shape and bytes of weights (NaN and infinite scales
// included): a row whose numbers are finite gives the file's product, close to the scalar one, and the same bits alone,
// in a batch and on several workers, whatever stands in the rows beside it in its group of 16.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "inference/kernels/half.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"
#include "runtime/base/check.hpp"
#include "tests/inference/kernels/random_rows.hpp"

namespace {

using namespace mnema;

constexpr float kActivationMax = 4;

/// A type, and what its block's scale is multiplied with at most.
struct FuzzedType {
  QuantType type;
  double largest;
};
constexpr FuzzedType kTypes[] = {
    {QuantType::kF32, 1},         {QuantType::kF16, 1},        {QuantType::kBF16, 1},
    {QuantType::kQ8_0, 128},      {QuantType::kQ4_0, 8},       {QuantType::kQ4_1, 15},
    {QuantType::kQ5_0, 16},       {QuantType::kQ5_1, 31},      {QuantType::kQ2_K, 15 * 3},
    {QuantType::kQ3_K, 32 * 4},   {QuantType::kQ4_K, 63 * 15}, {QuantType::kQ5_K, 63 * 31},
    {QuantType::kQ6_K, 128 * 32}, {QuantType::kIQ4_NL, 127},   {QuantType::kIQ4_XS, 32 * 127}};

/// Bytes of the input, then pseudo-random ones that depend on all of it.
class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {
    for (std::size_t i = 0; i < size; ++i) state_ = (state_ ^ data[i]) * 0x100000001b3ULL;
    state_ |= 1;
  }
  std::uint8_t byte() {
    if (at_ < size_) return data_[at_++];
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<std::uint8_t>(state_ >> 32);
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

/// How large the terms of a weight in this block can be before they cancel: what rounding is measured by.
double size_of_block(const FuzzedType& fuzzed, const std::byte* block, const float* w, std::size_t values) {
  double size = 0;
  for (std::size_t i = 0; i < values; ++i)
    size = std::max<double>(size, std::isfinite(w[i]) ? std::fabs(w[i]) : INFINITY);
  for (const std::size_t offset : testing::half_offsets(fuzzed.type)) {
    std::uint16_t bits;
    std::memcpy(&bits, block + offset, sizeof bits);
    const float scale = f32_from_f16(bits);
    size += std::isfinite(scale) ? std::fabs(scale) * fuzzed.largest : INFINITY;
  }
  return size;
}

std::vector<float> product(const PackedMatrix& weights, const float* x, std::size_t m, int threads) {
  QuantizedRows rows;
  rows.reserve(m, weights.columns, weights.isa, weights.needs_floats());
  quantize_rows(x, weights.columns, rows, 0, 1);
  std::vector<float> y(m * weights.rows, -1);
  for (int worker = 0; worker < threads; ++worker) matmul(weights, rows, y.data(), weights.rows, worker, threads);
  return y;
}

/// A matrix in the file's bytes, activations, and what their product must be.
struct Example {
  const FuzzedType& fuzzed;
  std::size_t rows, columns, m;
  std::vector<std::byte> file;
  std::vector<float> x;                          // [m, columns]
  std::vector<double> expected, terms, rounded;  // [m, rows]; sums of sizes; error by rounding the activations
  std::vector<bool> tame;                        // [rows]: all numbers are finite and none is huge

  Example(const FuzzedType& type, Source& source) : fuzzed(type) {
    const QuantTraits traits = traits_of(type.type);
    const auto values = static_cast<std::size_t>(traits.block_values), block = std::max<std::size_t>(32, values);
    rows = 1 + source.byte() % 40U;
    m = 1 + source.byte() % 40U;
    columns = block * (1 + source.byte() % (512 / block));
    const bool wild = source.byte() % 2 != 0;
    file.resize(rows * row_bytes(type.type, columns));
    for (std::byte& each : file) each = static_cast<std::byte>(source.byte());
    if (!wild && type.type == QuantType::kF32) {
      for (std::size_t i = 3; i < file.size(); i += 4) file[i] &= std::byte{0xbf};  // below 2
    }
    x.resize(m * columns);
    for (float& value : x) value = static_cast<float>(static_cast<std::int8_t>(source.byte())) * (kActivationMax / 128);
    for (auto* sums : {&expected, &terms, &rounded}) sums->resize(m * rows);
    tame.assign(rows, true);
    std::vector<float> w(columns);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::byte* bytes = file.data() + row * row_bytes(type.type, columns);
      dequantize_row(type.type, bytes, w.data(), columns);
      for (std::size_t k = 0; k < columns; k += values) {
        add_block(row, k, values, bytes + k / values * static_cast<std::size_t>(traits.block_bytes), &w[k]);
      }
    }
  }

  void add_block(std::size_t row, std::size_t first, std::size_t values, const std::byte* block, const float* w) {
    const double size = size_of_block(fuzzed, block, w, values);
    tame[row] = tame[row] && size < 1e15;
    for (std::size_t i = 0; i < m && tame[row]; ++i) {
      for (std::size_t k = 0; k < values; ++k) {
        const double activation = x[i * columns + first + k];
        expected[i * rows + row] += w[k] * activation;
        terms[i * rows + row] += size * std::fabs(activation);
        rounded[i * rows + row] += size * kActivationMax / 250;  // half a step of 1/127 of the largest
      }
    }
  }
};

void check(const Example& example, const std::vector<float>& y, const std::vector<float>& scalar, bool exact) {
  for (std::size_t at = 0; at < y.size(); ++at) {
    if (!example.tame[at % example.rows]) continue;
    CHECK(std::isfinite(y[at]), "finite numbers give a finite product, whatever stands in the rows beside");
    CHECK(std::fabs(y[at] - scalar[at]) <= 1e-5 * example.terms[at] + 1e-6, "fast and scalar products agree");
    const double bound = 1e-4 * example.terms[at] + (exact ? 0 : example.rounded[at]);
    CHECK(std::fabs(y[at] - example.expected[at]) <= bound + 1e-6, "the product is the file's");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 6) return 0;
  static ThreadPool pool(1, false);
  Source source(data, size);
  const FuzzedType& fuzzed = kTypes[source.byte() % std::size(kTypes)];
  const Example example(fuzzed, source);
  WeightArena arena;
  std::vector<float> scalar;
  for (const InstructionSet isa : {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (isa > best_instruction_set()) break;
    const Result<PackedMatrix> packed =
        pack({example.file.data(), example.rows, fuzzed.type}, example.columns, isa, pool, arena);
    CHECK(packed.ok(), "every supported type and shape is packed");
    const std::vector<float> y = product(*packed, example.x.data(), example.m, 1);
    if (isa == InstructionSet::kScalar) scalar = y;
    check(example, y, scalar, packed->needs_floats());

    const std::size_t last = example.m - 1;
    const std::vector<float> shared = product(*packed, example.x.data(), example.m, 3);
    const std::vector<float> alone = product(*packed, example.x.data() + last * example.columns, 1, 1);
    for (std::size_t row = 0; row < example.rows; ++row) {
      const std::size_t at = last * example.rows + row;
      if (!example.tame[row]) continue;
      CHECK(std::memcmp(&alone[row], &y[at], sizeof(float)) == 0, "a row alone has the same bits");
      CHECK(std::memcmp(&shared[at], &y[at], sizeof(float)) == 0, "three workers give the same bits");
    }
  }
  return 0;
}

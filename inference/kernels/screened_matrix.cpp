#include "inference/kernels/screened_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "inference/kernels/half.hpp"
#include "inference/kernels/packed_layout.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr float kDeviations = 6;
constexpr float kDeviationOfHalf = 4.61F;  // √((16² − 1) / 12), of one low half

// Blocks are heavy until the rest is expected to have this share of the noise, or they are so many.
constexpr double kLightNoise = 0.08;
constexpr double kHeavyShareMax = 0.4;

constexpr std::size_t kSourceBlockBytes = 34;  // Q8_0: f16 scale, 32 signed bytes
constexpr float kScaleMax = 4000;              // 16 times it is still an f16

/// A Q8_0 matrix as the file has it.
struct Source {
  const std::uint8_t* bytes;
  std::size_t rows;
  std::size_t blocks;
  [[nodiscard]] const std::uint8_t* block(std::size_t row, std::size_t number) const {
    return bytes + (row * blocks + number) * kSourceBlockBytes;
  }
};

float scale_of(const std::uint8_t* block) {
  std::uint16_t bits;
  std::memcpy(&bits, block, sizeof bits);
  return f32_from_f16(bits);
}

void put_half(std::uint8_t* at, int row, float value) {
  const std::uint16_t bits = f16_from_f32(value);
  std::memcpy(at + 2 * row, &bits, sizeof bits);
}

/// Mean d² of each block; empty if a scale is too large to be divided.
std::vector<double> mean_squares(const Source& source) {
  std::vector<double> means(source.blocks);
  for (std::size_t row = 0; row < source.rows; ++row) {
    for (std::size_t block = 0; block < source.blocks; ++block) {
      const float scale = scale_of(source.block(row, block));
      if (!(std::fabs(scale) < kScaleMax)) return {};
      means[block] += static_cast<double>(scale) * scale / static_cast<double>(source.rows);
    }
  }
  return means;
}

/// Fills matrix.order with the heavy blocks first; returns how many they are.
std::size_t order_blocks(const std::vector<double>& squares, std::span<const float> weights, ScreenedMatrix& matrix) {
  std::vector<double> noise(squares);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (k % kBlockColumns == 0) noise[k / kBlockColumns] = 0;
    noise[k / kBlockColumns] += squares[k / kBlockColumns] * weights[k] * weights[k];
  }
  matrix.order.resize(squares.size());
  std::iota(matrix.order.begin(), matrix.order.end(), std::size_t{0});
  std::stable_sort(matrix.order.begin(), matrix.order.end(),
                   [&](std::size_t a, std::size_t b) { return noise[a] > noise[b]; });
  const double all = std::accumulate(noise.begin(), noise.end(), 0.0);
  const auto most = static_cast<std::size_t>(kHeavyShareMax * static_cast<double>(squares.size()));
  std::size_t heavy = 0;
  for (double left = all; heavy < most && left > kLightNoise * all; ++heavy) left -= noise[matrix.order[heavy]];
  std::sort(matrix.order.begin(), matrix.order.begin() + static_cast<std::ptrdiff_t>(heavy));
  std::sort(matrix.order.begin() + static_cast<std::ptrdiff_t>(heavy), matrix.order.end());
  return heavy;
}

/// One group of light into both planes, which are zero before; `squares`: of its largest scales, by block.
void divide_group(const Source& source, std::span<const std::size_t> light, std::size_t group, std::uint8_t* high,
                  std::uint8_t* low, float* squares) {
  constexpr PackedShape kShape = shape_of(PackedForm::kSplitByte);
  for (int row = 0; row < kGroupRows; ++row) {
    const std::size_t number = group * kGroupRows + static_cast<std::size_t>(row);
    if (number >= source.rows) break;
    for (std::size_t block = 0; block < light.size(); ++block) {
      const std::uint8_t* in = source.block(number, light[block]);
      const float scale = scale_of(in);
      squares[block] = std::max(squares[block], scale * scale);
      std::uint8_t* super = high + super_offset(kShape, block);
      put_half(super, row, 16 * scale);
      put_half(super + 32, row, (7.5F - 128) * scale);
      std::uint8_t* high_block = high + block_offset(kShape, block);
      std::uint8_t* low_block = low + block * kLowBlockBytes;
      for (int column = 0; column < kBlockColumns; ++column) {
        const int value = in[2 + column] ^ 0x80, quad = column / 4, shift = quad < 4 ? 0 : 4;
        const int at = quad % 4 * 64 + row * 4 + column % 4;
        high_block[at] = static_cast<std::uint8_t>(high_block[at] | (value >> 4) << shift);
        low_block[at] = static_cast<std::uint8_t>(low_block[at] | (value & 15) << shift);
      }
    }
  }
}

void divide_light(const Source& source, std::span<const std::size_t> blocks, InstructionSet isa, ThreadPool& pool,
                  WeightArena& arena, ScreenedMatrix& matrix) {
  const std::size_t columns = blocks.size() * kBlockColumns, groups = (source.rows + kGroupRows - 1) / kGroupRows;
  const std::size_t stride = group_bytes(PackedForm::kSplitByte, columns), low_stride = low_group_bytes(columns);
  PackedMatrix& light = matrix.light;
  light.rows = source.rows;
  light.columns = columns;
  light.type = QuantType::kQ8_0;
  light.isa = isa;
  light.layout = static_cast<int>(PackedForm::kSplitByte);
  light.bytes = groups * (stride + low_stride);
  light.owned = arena.allocate(light.bytes);
  light.data = light.owned.get();
  light.low = light.data + groups * stride;

  matrix.squares.resize(groups * blocks.size());
  auto* high = reinterpret_cast<std::uint8_t*>(light.owned.get());
  auto* low = high + groups * stride;
  pool.run([&](int worker) {
    const Share share = share_of(groups, 1, worker, pool.threads());
    for (std::size_t group = share.begin; group < share.end; ++group) {
      divide_group(source, blocks, group, high + group * stride, low + group * low_stride,
                   matrix.squares.data() + group * blocks.size());
    }
  });

  PackedMatrix& coarse = matrix.light_coarse;
  coarse.rows = light.rows;
  coarse.columns = columns;
  coarse.type = light.type;
  coarse.isa = isa;
  coarse.layout = static_cast<int>(PackedForm::kNibbleMinimum);
  coarse.data = light.data;
}

/// The columns of `blocks` as a Q8_0 matrix of their own.
std::vector<std::uint8_t> gathered(const Source& source, std::span<const std::size_t> blocks) {
  std::vector<std::uint8_t> bytes(source.rows * blocks.size() * kSourceBlockBytes);
  std::uint8_t* out = bytes.data();
  for (std::size_t row = 0; row < source.rows; ++row) {
    for (const std::size_t block : blocks) {
      std::memcpy(out, source.block(row, block), kSourceBlockBytes);
      out += kSourceBlockBytes;
    }
  }
  return bytes;
}

}  // namespace

Result<ScreenedMatrix> pack_screened(MatrixSource source, std::size_t columns, std::span<const float> weights,
                                     InstructionSet isa, ThreadPool& pool, WeightArena& arena,
                                     std::size_t rows_screened_min) {
  CHECK(weights.size() == columns, "a weight for every column");
  ScreenedMatrix matrix;
  const bool fits = source.type == QuantType::kQ8_0 && source.rows >= rows_screened_min && columns % kBlockColumns == 0;
  const Source blocks{reinterpret_cast<const std::uint8_t*>(source.data), source.rows, columns / kBlockColumns};
  const std::vector<double> squares = fits ? mean_squares(blocks) : std::vector<double>();
  if (squares.empty()) {
    ASSIGN_OR_RETURN(matrix.heavy, pack(source, columns, isa, pool, arena));
    return matrix;
  }
  // One heavy block at least, so that heavy is a matrix.
  const std::size_t heavy = std::max<std::size_t>(1, order_blocks(squares, weights, matrix));
  const std::span<const std::size_t> order(matrix.order);
  const std::vector<std::uint8_t> bytes = gathered(blocks, order.first(heavy));
  const MatrixSource heavy_source{reinterpret_cast<const std::byte*>(bytes.data()), source.rows, source.type};
  ASSIGN_OR_RETURN(matrix.heavy, pack(heavy_source, heavy * kBlockColumns, isa, pool, arena));
  divide_light(blocks, order.subspan(heavy), isa, pool, arena, matrix);
  return matrix;
}

void screening_radii(const ScreenedMatrix& matrix, std::size_t first, std::size_t end, const float* energies,
                     float* out) {
  const std::size_t blocks = matrix.light.columns / kBlockColumns;
  const float* squares = matrix.squares.data() + first * blocks;
  for (std::size_t group = first; group < end; ++group, squares += blocks) {
    float sum = 0;
    for (std::size_t block = 0; block < blocks; ++block) sum += squares[block] * energies[block];
    out[group - first] = kDeviations * kDeviationOfHalf * std::sqrt(sum);
  }
}

}  // namespace mnema

#include <cmath>
#include <cstring>

#include "inference/kernels/half.hpp"
#include "inference/kernels/packed_layout.hpp"

// The definition: plain loops over rows, blocks and columns. Everything the fast kernels do, they do to get these
// numbers sooner.

namespace mnema {
namespace {

float half_at(const std::uint8_t* at, int row) {
  std::uint16_t bits;
  std::memcpy(&bits, at + 2 * row, sizeof bits);
  return f32_from_f16(bits);
}

/// Unsigned value of `column` of `row` in a block's quants; `low`: the block in the second plane, if there is one.
int value_at(PackedForm form, const std::uint8_t* block, const std::uint8_t* low, int row, int column) {
  const int quad = column / 4, i = row * 4 + column % 4;
  if (form == PackedForm::kByte) return block[quad * 64 + i];
  const bool five = form == PackedForm::kFiveZero || form == PackedForm::kFiveMinimum || form == PackedForm::kSuperFive;
  const std::uint8_t* nibbles = block + (five ? 64 : form == PackedForm::kSuperSix ? 128 : 0);
  const int byte = nibbles[quad % 4 * 64 + i];
  int value = quad < 4 ? byte & 15 : byte >> 4;
  if (form == PackedForm::kSplitByte) {
    const int low_byte = low[quad % 4 * 64 + i];
    return value << 4 | (quad < 4 ? low_byte & 15 : low_byte >> 4);
  }
  if (five) value |= (block[quad * 8 + i / 8] >> (i % 8) & 1) << 4;
  if (form == PackedForm::kSuperSix) value |= (block[quad / 4 * 64 + i] >> (2 * (quad % 4)) & 3) << 4;
  if (form == PackedForm::kNibbleTable || form == PackedForm::kSuperTable) value = kTableUnsigned[value];
  return value;
}

/// Scale and minimum of one row in one block: w = scale · u + minimum.
struct RowScale {
  float scale;
  float minimum;
};

RowScale row_scale(PackedForm form, const std::uint8_t* super, int block, int row) {
  const float d = half_at(super, row);
  switch (form) {
    case PackedForm::kNibbleZero:
      return {d, -8 * d};
    case PackedForm::kFiveZero:
      return {d, -16 * d};
    case PackedForm::kByte:
    case PackedForm::kNibbleTable:
      return {d, -128 * d};
    case PackedForm::kNibbleMinimum:
    case PackedForm::kFiveMinimum:
      return {d, half_at(super + 32, row)};
    case PackedForm::kSplitByte:
      return {d / 16, -8 * d};
    case PackedForm::kSuperTable: {
      const float scale = d * static_cast<float>(static_cast<std::int8_t>(super[32 + block * 16 + row]));
      return {scale, -128 * scale};
    }
    default: {  // kSuperNibble, kSuperFive
      const std::uint8_t* pair = super + 64 + block * 32;
      return {d * static_cast<float>(pair[row]), -half_at(super + 32, row) * static_cast<float>(pair[16 + row])};
    }
  }
}

/// One row of a group times one row of activations.
float dot(PackedForm form, const std::uint8_t* group, const std::uint8_t* low, int row, std::size_t columns,
          const std::int8_t* q, const float* sums, std::size_t width) {
  const PackedShape shape = shape_of(form);
  float total = 0;
  for (std::size_t block = 0; block < columns / kBlockColumns; ++block) {
    const std::uint8_t* quants = group + block_offset(shape, block);
    const std::uint8_t* super = group + super_offset(shape, block);
    const auto in_super = static_cast<int>(block % static_cast<std::size_t>(shape.blocks_super));
    const std::uint8_t* low_block = low == nullptr ? nullptr : low + block * kLowBlockBytes;
    std::int32_t half[2] = {0, 0};
    for (int column = 0; column < kBlockColumns; ++column) {
      half[column / 16] += value_at(form, quants, low_block, row, column) * q[column];
    }
    if (form == PackedForm::kSuperSix) {
      for (int h = 0; h < 2; ++h) {
        std::int32_t offset;
        std::memcpy(&offset, sums + (2 + static_cast<std::size_t>(h)) * width, sizeof offset);
        half[h] = static_cast<std::int8_t>(super[32 + in_super * 32 + h * 16 + row]) * (half[h] + offset);
      }
      total += static_cast<float>(half[0] + half[1]) * (half_at(super, row) * sums[0]);
    } else {
      const RowScale s = row_scale(form, super, in_super, row);
      total += static_cast<float>(half[0] + half[1]) * (s.scale * sums[0]);
      total += s.minimum * sums[width];
    }
    q += width * kBlockColumns;
    sums += kPanelSums * width;
  }
  return total;
}

float dot_floats(PackedForm form, const std::uint8_t* group, int row, std::size_t columns, const float* x) {
  float total = 0;
  for (std::size_t k = 0; k < columns; ++k) {
    const std::size_t i = k * kGroupRows + static_cast<std::size_t>(row);
    float w;
    if (form == PackedForm::kFloat) {
      std::memcpy(&w, group + i * 4, sizeof w);
    } else {
      std::uint16_t bits;
      std::memcpy(&bits, group + i * 2, sizeof bits);
      const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
      if (form == PackedForm::kHalf)
        w = f32_from_f16(bits);
      else
        std::memcpy(&w, &wide, sizeof w);
    }
    total += w * x[k];
  }
  return total;
}

template <class Store>
void for_products(PackedForm form, const std::uint8_t* weights, const MatmulWork& work, Store store) {
  const std::size_t blocks = work.columns / kBlockColumns;
  for (std::size_t group = work.first_group; group < work.end_group; ++group) {
    const std::uint8_t* data = weights + group * group_bytes(form, work.columns);
    const std::uint8_t* low =
        form == PackedForm::kSplitByte ? work.low + group * low_group_bytes(work.columns) : nullptr;
    for (std::size_t m = 0; m < work.x.m; ++m) {
      const std::size_t panel = m / kPanelRows * kPanelRows;
      const std::size_t width = work.x.m - panel < kPanelRows ? work.x.m - panel : kPanelRows;
      const std::int8_t* q = work.x.quants + panel * blocks * kBlockColumns + (m - panel) * kBlockColumns;
      const float* sums = work.x.sums + panel * blocks * kPanelSums + (m - panel);
      for (int row = 0; row < kGroupRows && group * kGroupRows + static_cast<std::size_t>(row) < work.rows; ++row) {
        const float value = is_float(form) ? dot_floats(form, data, row, work.columns, work.x.floats + m * work.columns)
                                           : dot(form, data, low, row, work.columns, q, sums, width);
        store(m, group * kGroupRows + static_cast<std::size_t>(row), value);
      }
    }
  }
}

void matmul_scalar(const MatmulWork& work) {
  for_products(work.form, work.weights, work,
               [&](std::size_t m, std::size_t row, float value) { work.y[m * work.y_stride + row] = value; });
}

void gate_up_scalar(const GateUpWork& work) {
  const MatmulWork& up = work.up;
  matmul_scalar(up);
  for_products(work.gate_form, work.gate_weights, up, [&](std::size_t m, std::size_t row, float gate) {
    const float active = work.gelu
                             ? 0.5F * gate * (1 + std::tanh(0.7978845608F * (gate + 0.044715F * gate * gate * gate)))
                             : gate / (1 + std::exp(-gate));
    up.y[m * up.y_stride + row] *= active;
  });
}

/// Absolute maximum 127 per block of 32; halves round to even, as the hardware does.
void quantize_scalar(const float* x, std::size_t stride, std::size_t first, std::size_t end,
                     const ActivationPanels& out) {
  const std::size_t blocks = out.columns / kBlockColumns;
  for (std::size_t m = first; m < end; ++m) {
    const float* row = x + m * stride;
    const std::size_t panel = m / kPanelRows * kPanelRows;
    const std::size_t width = out.m - panel < kPanelRows ? out.m - panel : kPanelRows;
    std::int8_t* quants = out.quants + panel * blocks * kBlockColumns + (m - panel) * kBlockColumns;
    float* sums = out.sums + panel * blocks * kPanelSums + (m - panel);
    for (std::size_t block = 0; block < blocks; ++block, row += kBlockColumns) {
      float largest = 0;
      for (int i = 0; i < kBlockColumns; ++i) largest = std::fmax(largest, std::fabs(row[i]));
      const float inverse = largest > 0 && std::isfinite(largest) ? 127 / largest : 0;
      std::int32_t half[2] = {0, 0};
      for (int i = 0; i < kBlockColumns; ++i) {
        const auto q = static_cast<std::int8_t>(std::nearbyint(row[i] * inverse));
        quants[i] = q;
        half[i / 16] += q;
      }
      const float scale = largest / 127;
      sums[0] = scale;
      sums[width] = scale * static_cast<float>(half[0] + half[1]);
      put_zero_sums(sums, width, half);
      quants += width * kBlockColumns;
      sums += kPanelSums * width;
    }
    if (out.floats != nullptr) std::memcpy(out.floats + m * out.columns, x + m * stride, out.columns * sizeof(float));
  }
}

}  // namespace

const MatmulKernels kMatmulScalar = {quantize_scalar, matmul_scalar, gate_up_scalar};

}  // namespace mnema

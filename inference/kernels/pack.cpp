#include <cstring>
#include <vector>

#include "inference/kernels/half.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/packed_layout.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"

// From the file's blocks, one row after the other, to groups of 16 rows. Values are moved, never rounded: the packed
// matrix holds the same numbers as the file. (Q2_K, which no catalogue model uses, is kept as f32.)

namespace mnema {
namespace {

using Bytes = const std::uint8_t*;

PackedForm form_of(QuantType type) {
  switch (type) {
    case QuantType::kQ4_0:
      return PackedForm::kNibbleZero;
    case QuantType::kQ4_1:
      return PackedForm::kNibbleMinimum;
    case QuantType::kIQ4_NL:
      return PackedForm::kNibbleTable;
    case QuantType::kQ5_0:
      return PackedForm::kFiveZero;
    case QuantType::kQ5_1:
      return PackedForm::kFiveMinimum;
    case QuantType::kQ8_0:
      return PackedForm::kByte;
    case QuantType::kQ4_K:
      return PackedForm::kSuperNibble;
    case QuantType::kQ5_K:
      return PackedForm::kSuperFive;
    case QuantType::kIQ4_XS:
      return PackedForm::kSuperTable;
    case QuantType::kQ6_K:
    case QuantType::kQ3_K:
      return PackedForm::kSuperSix;
    case QuantType::kF16:
      return PackedForm::kHalf;
    case QuantType::kBF16:
      return PackedForm::kBrain;
    case QuantType::kF32:
    case QuantType::kQ2_K:
      return PackedForm::kFloat;
  }
  return PackedForm::kFloat;
}

std::uint16_t half_bits(Bytes at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

/// The unsigned values of one file block (32 or 256 columns) of one row.
void unsigned_values(QuantType type, Bytes b, std::uint8_t* u) {
  const auto nibbles = [](Bytes q, std::uint8_t* out) {
    for (int j = 0; j < 16; ++j) {
      out[j] = q[j] & 15;
      out[j + 16] = q[j] >> 4;
    }
  };
  const auto fifth = [](Bytes high, std::uint8_t* out) {
    for (int j = 0; j < 32; ++j) out[j] = static_cast<std::uint8_t>(out[j] | (high[j / 8] >> (j % 8) & 1) << 4);
  };
  switch (type) {
    case QuantType::kQ4_0:
    case QuantType::kIQ4_NL:
      nibbles(b + 2, u);
      break;
    case QuantType::kQ4_1:
      nibbles(b + 4, u);
      break;
    case QuantType::kQ5_0:
      nibbles(b + 6, u), fifth(b + 2, u);
      break;
    case QuantType::kQ5_1:
      nibbles(b + 8, u), fifth(b + 4, u);
      break;
    case QuantType::kQ8_0:
      for (int j = 0; j < 32; ++j) u[j] = static_cast<std::uint8_t>(b[2 + j] ^ 0x80);
      break;
    case QuantType::kQ4_K:
    case QuantType::kQ5_K:
      for (int i = 0; i < 256; ++i) {
        const int run = i / 32, lane = i % 32;
        const int byte = b[(type == QuantType::kQ4_K ? 16 : 48) + run / 2 * 32 + lane];
        int value = run % 2 == 0 ? byte & 15 : byte >> 4;
        if (type == QuantType::kQ5_K) value |= (b[16 + lane] >> run & 1) << 4;
        u[i] = static_cast<std::uint8_t>(value);
      }
      break;
    case QuantType::kIQ4_XS:
      for (int j = 0; j < 8; ++j) nibbles(b + 8 + j * 16, u + j * 32);
      break;
    case QuantType::kQ6_K:
      for (int i = 0; i < 256; ++i) {
        const int half = i / 128, run = i % 128 / 32, lane = i % 32;
        const int byte = b[half * 64 + run % 2 * 32 + lane];
        const int high = b[128 + half * 32 + lane] >> (2 * run) & 3;
        u[i] = static_cast<std::uint8_t>((run < 2 ? byte & 15 : byte >> 4) | high << 4);
      }
      break;
    case QuantType::kQ3_K:
      for (int i = 0; i < 256; ++i) {
        const int half = i / 128, run = i % 128 / 32, lane = i % 32;
        const int low = b[32 + half * 32 + lane] >> (2 * run) & 3;
        const int third = b[lane] >> (half * 4 + run) & 1;
        u[i] = static_cast<std::uint8_t>(32 + low - (third != 0 ? 0 : 4));
      }
      break;
    default:
      break;
  }
}

void put_half(std::uint8_t* array, int row, std::uint16_t bits) { std::memcpy(array + 2 * row, &bits, sizeof bits); }

/// The scales of one file block of row `row` into a super of its group.
void pack_scales(QuantType type, Bytes b, int row, std::uint8_t* super) {
  switch (type) {
    case QuantType::kQ4_0:
    case QuantType::kQ5_0:
    case QuantType::kQ8_0:
    case QuantType::kIQ4_NL:
      put_half(super, row, half_bits(b));
      break;
    case QuantType::kQ4_1:
    case QuantType::kQ5_1:
      put_half(super, row, half_bits(b));
      put_half(super + 32, row, half_bits(b + 2));
      break;
    case QuantType::kQ4_K:
    case QuantType::kQ5_K:
      put_half(super, row, half_bits(b));
      put_half(super + 32, row, half_bits(b + 2));
      for (int j = 0; j < 8; ++j) {
        Bytes s = b + 4;
        const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        const int minimum = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
        super[64 + j * 32 + row] = static_cast<std::uint8_t>(scale);
        super[64 + j * 32 + 16 + row] = static_cast<std::uint8_t>(minimum);
      }
      break;
    case QuantType::kIQ4_XS: {
      put_half(super, row, half_bits(b));
      const int high = b[2] | b[3] << 8;
      for (int j = 0; j < 8; ++j) {
        const int scale = ((b[4 + j / 2] >> (4 * (j % 2)) & 15) | (high >> (2 * j) & 3) << 4) - 32;
        super[32 + j * 16 + row] = static_cast<std::uint8_t>(scale);
      }
      break;
    }
    case QuantType::kQ6_K:
      put_half(super, row, half_bits(b + 208));
      for (int s = 0; s < 16; ++s) super[32 + s * 16 + row] = b[192 + s];
      break;
    case QuantType::kQ3_K:
      put_half(super, row, half_bits(b + 108));
      for (int s = 0; s < 16; ++s) {
        Bytes scales = b + 96;
        const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
        super[32 + s * 16 + row] =
            static_cast<std::uint8_t>((low | (scales[8 + s % 4] >> (2 * (s / 4)) & 3) << 4) - 32);
      }
      break;
    default:
      break;
  }
}

/// Sets columns of one block (32 unsigned values of row `row`) in a group's quants.
void pack_block(PackedForm form, const std::uint8_t* u, int row, std::uint8_t* block) {
  const bool five = form == PackedForm::kFiveZero || form == PackedForm::kFiveMinimum || form == PackedForm::kSuperFive;
  std::uint8_t* nibbles = block + (five ? 64 : form == PackedForm::kSuperSix ? 128 : 0);
  for (int column = 0; column < kBlockColumns; ++column) {
    const int quad = column / 4, i = row * 4 + column % 4;
    if (form == PackedForm::kByte) {
      block[quad * 64 + i] = u[column];
      continue;
    }
    std::uint8_t& pair = nibbles[quad % 4 * 64 + i];
    pair = static_cast<std::uint8_t>(pair | (quad < 4 ? u[column] & 15 : (u[column] & 15) << 4));
    if (five)
      block[quad * 8 + i / 8] = static_cast<std::uint8_t>(block[quad * 8 + i / 8] | (u[column] >> 4 & 1) << (i % 8));
    if (form == PackedForm::kSuperSix) {
      std::uint8_t& high = block[quad / 4 * 64 + i];
      high = static_cast<std::uint8_t>(high | (u[column] >> 4 & 3) << (2 * (quad % 4)));
    }
  }
}

/// One group of rows; `out` is zero before.
void pack_group(const MatrixSource& source, std::size_t columns, PackedForm form, std::size_t group,
                std::uint8_t* out) {
  const std::size_t row_length = row_bytes(source.type, columns);
  const QuantTraits traits = traits_of(source.type);
  const std::size_t first = group * kGroupRows;
  std::vector<float> floats(is_float(form) ? columns : 0);
  for (int row = 0; row < kGroupRows && first + static_cast<std::size_t>(row) < source.rows; ++row) {
    const auto* in = reinterpret_cast<Bytes>(source.data) + (first + static_cast<std::size_t>(row)) * row_length;
    if (form == PackedForm::kFloat) {
      dequantize_row(source.type, reinterpret_cast<const std::byte*>(in), floats.data(), columns);
      for (std::size_t k = 0; k < columns; ++k)
        std::memcpy(out + (k * kGroupRows + static_cast<std::size_t>(row)) * 4, &floats[k], 4);
      continue;
    }
    if (is_float(form)) {
      for (std::size_t k = 0; k < columns; ++k)
        std::memcpy(out + (k * kGroupRows + static_cast<std::size_t>(row)) * 2, in + 2 * k, 2);
      continue;
    }
    const PackedShape shape = shape_of(form);
    std::uint8_t u[256];
    std::size_t block = 0;
    for (std::size_t at = 0; at < columns;
         at += static_cast<std::size_t>(traits.block_values), in += traits.block_bytes) {
      unsigned_values(source.type, in, u);
      pack_scales(source.type, in, row, out + super_offset(shape, block));
      for (int part = 0; part < traits.block_values / kBlockColumns; ++part, ++block) {
        pack_block(form, u + part * kBlockColumns, row, out + block_offset(shape, block));
      }
    }
  }
}

}  // namespace

Result<PackedMatrix> pack(MatrixSource source, std::size_t columns, InstructionSet isa, ThreadPool& pool,
                          WeightArena& arena) {
  const QuantTraits traits = traits_of(source.type);
  if (traits.block_values == 0) {
    return fail(ErrorCode::kUnsupported,
                "tensor type " + std::to_string(static_cast<unsigned>(source.type)) + " is not known");
  }
  if (source.rows == 0 || columns == 0 || columns % kBlockColumns != 0 ||
      columns % static_cast<std::size_t>(traits.block_values) != 0) {
    return fail(ErrorCode::kUnsupported,
                "a " + std::string(traits.name) + " matrix of " + std::to_string(source.rows) + " x " +
                    std::to_string(columns) + " cannot be packed",
                "columns must be a multiple of 32 and of the type's block");
  }
  const PackedForm form = form_of(source.type);
  const std::size_t groups = (source.rows + kGroupRows - 1) / kGroupRows;
  const std::size_t stride = group_bytes(form, columns);
  PackedMatrix matrix;
  matrix.rows = source.rows;
  matrix.columns = columns;
  matrix.type = source.type;
  matrix.isa = isa;
  matrix.layout = static_cast<int>(form);
  matrix.bytes = groups * stride;
  matrix.owned = arena.allocate(matrix.bytes);
  matrix.data = matrix.owned.get();
  auto* out = reinterpret_cast<std::uint8_t*>(matrix.owned.get());
  pool.run([&](int worker) {
    const Share share = share_of(groups, 1, worker, pool.threads());
    for (std::size_t group = share.begin; group < share.end; ++group) {
      pack_group(source, columns, form, group, out + group * stride);
    }
  });
  return matrix;
}

}  // namespace mnema

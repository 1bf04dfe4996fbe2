// inference/kernels/packed_layout.hpp
//
// How a packed matrix lies in memory: the same for all instruction sets, made so that a vector of 16 32-bit lanes is
// 16 rows. Rows come in groups of 16 (the last one filled up with zeros), columns in blocks of 32; one block, or eight
// with K-quants, make a super. A group is its supers one behind the other, each
//
//     scales   ScaleBytes                 f16 and small integers
//     quants   blocks × QuantBytes
//
// so that a decode step reads one stream of bytes. (With the scales of a whole group behind its quants, two streams,
// the same product reads memory at half the speed.)
//
// Inside a block, quad l (l = 0..7) is 64 bytes: columns 4l..4l+3 of row 0, of row 1,
// ... of row 15, so that one vpdpbusd multiplies 16 rows with one broadcast quad of activations. Stored as
//
//     nibbles  256 bytes: byte i of part p holds quad p in its low and quad p+4 in its high half, p = 0..3
//     fifth     64 bytes: bit i of the 64-bit word l is bit 4 of byte i of quad l            (before the nibbles)
//     pairs    128 bytes: byte i of part h holds bits 4–5 of quads 4h..4h+3, two bits each   (before the nibbles)
//     bytes    512 bytes: the quads themselves
//
// A weight is scale · (u − zero) or scale · u + minimum, u unsigned. Plain data only: kernels include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mnema {

inline constexpr int kGroupRows = 16;
inline constexpr int kBlockColumns = 32;
inline constexpr int kQuads = 8;

/// What the scales of a super look like (each array [16 rows]):
enum class PackedForm : int {
  kNibbleZero,     // Q4_0:   f16 d;                     w = d·(u − 8)
  kNibbleMinimum,  // Q4_1:   f16 d, f16 m;              w = d·u + m
  kNibbleTable,    // IQ4_NL: f16 d;                     w = d·table[u]
  kFiveZero,       // Q5_0:   f16 d;                     w = d·(u − 16)
  kFiveMinimum,    // Q5_1:   f16 d, f16 m
  kByte,           // Q8_0:   f16 d;                     w = d·(u − 128)
  kSuperNibble,    // Q4_K:   f16 d, f16 dm, 8 × {u8 s, u8 m};  w = d·s·u − dm·m
  kSuperFive,      // Q5_K:   as Q4_K
  kSuperTable,     // IQ4_XS: f16 d, 8 × {i8 s};         w = d·s·table[u]
  kSuperSix,       // Q6_K, Q3_K: f16 d, 8 × {i8 s0, i8 s1}, one scale per 16 columns; w = d·s·(u − 32)
  kSplitByte,      // Q8_0, divided (screened_matrix.hpp): f16 16·d, f16 −120.5·d; w = d·(16·u + low − 128)
  kFloat,          // F32:    f32 [columns][16 rows], no blocks
  kHalf,           // F16:    the same in f16
  kBrain,          // BF16:   the same in bf16
};

struct PackedShape {
  int quant_bytes;   // of one block of 16 rows
  int scale_bytes;   // of one super of 16 rows
  int blocks_super;  // blocks per super: 1 or 8
};

constexpr PackedShape shape_of(PackedForm form) {
  switch (form) {
    case PackedForm::kNibbleZero:
      return {256, 32, 1};
    case PackedForm::kNibbleMinimum:
      return {256, 64, 1};
    case PackedForm::kNibbleTable:
      return {256, 32, 1};
    case PackedForm::kFiveZero:
      return {320, 32, 1};
    case PackedForm::kFiveMinimum:
      return {320, 64, 1};
    case PackedForm::kByte:
      return {512, 32, 1};
    case PackedForm::kSuperNibble:
      return {256, 64 + 8 * 32, 8};
    case PackedForm::kSuperFive:
      return {320, 64 + 8 * 32, 8};
    case PackedForm::kSuperTable:
      return {256, 32 + 8 * 16, 8};
    case PackedForm::kSuperSix:
      return {384, 32 + 8 * 32, 8};
    case PackedForm::kSplitByte:
      return {256, 64, 1};
    case PackedForm::kFloat:
      return {kBlockColumns * kGroupRows * 4, 0, 1};
    case PackedForm::kHalf:
    case PackedForm::kBrain:
      return {kBlockColumns * kGroupRows * 2, 0, 1};
  }
  return {0, 0, 1};
}

constexpr bool is_float(PackedForm form) { return form >= PackedForm::kFloat; }

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
constexpr std::size_t super_bytes(PackedShape shape) {
  return static_cast<std::size_t>(shape.scale_bytes + shape.blocks_super * shape.quant_bytes);
}
/// Where in its group the super of a block begins, with its scales, and where the block's quants do.
constexpr std::size_t super_offset(PackedShape shape, std::size_t block) {
  return block / static_cast<std::size_t>(shape.blocks_super) * super_bytes(shape);
}
constexpr std::size_t block_offset(PackedShape shape, std::size_t block) {
  return super_offset(shape, block) + static_cast<std::size_t>(shape.scale_bytes) +
         block % static_cast<std::size_t>(shape.blocks_super) * static_cast<std::size_t>(shape.quant_bytes);
}
constexpr std::size_t group_bytes(PackedForm form, std::size_t columns) {
  const PackedShape shape = shape_of(form);
  const std::size_t supers = columns / kBlockColumns / static_cast<std::size_t>(shape.blocks_super);
  return padded(supers * super_bytes(shape));
}

/// The second plane of kSplitByte: nibbles only, block behind block.
inline constexpr std::size_t kLowBlockBytes = 256;
constexpr std::size_t low_group_bytes(std::size_t columns) { return columns / kBlockColumns * kLowBlockBytes; }

/// The values of the non-linear 4-bit types, moved up by 128 so that they are unsigned.
inline constexpr std::uint8_t kTableUnsigned[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                    129, 141, 153, 166, 181, 197, 217, 241};

/// Activations of up to 16 rows ("columns" of the product) side by side: a panel. Panel p of a batch of m rows has
/// width w = min(16, m − 16p) and holds, per block of 32:
///     quants  i8  [w][32]          at quants + (16p·blocks + w·block)·32
///     sums    f32 [7][w]          at sums   + (16p·blocks + w·block)·7: scale; scale·Σq; and as i32 −32·Σq of either
///                                 half, −8·Σq, −16·Σq, −128·Σq: what a sum begins with so that the zero is taken off
struct ActivationPanels {
  std::int8_t* quants;
  float* sums;
  float* floats;  // f32 [m, columns] where weights are floats, else nullptr
  std::size_t m;
  std::size_t columns;
};
inline constexpr int kPanelRows = 16;
inline constexpr std::size_t kPanelSums = 7;
inline constexpr std::size_t kSumOfHalf = 2;  // two of them
inline constexpr std::size_t kSumOfZero8 = 4, kSumOfZero16 = 5, kSumOfZero128 = 6;

/// The last five sums of one row in one block; `sums` points to its first, `width` apart.
inline void put_zero_sums(float* sums, std::size_t width, const std::int32_t* half) {
  const std::int32_t whole = half[0] + half[1];
  const std::int32_t values[] = {-32 * half[0], -32 * half[1], -8 * whole, -16 * whole, -128 * whole};
  for (std::size_t i = 0; i < 5; ++i) __builtin_memcpy(sums + (kSumOfHalf + i) * width, &values[i], 4);
}

/// The product that a kernel computes: row groups first_group..end_group of the weights with all panels.
struct MatmulWork {
  PackedForm form;
  const std::uint8_t* weights;  // of group 0
  const std::uint8_t* low;      // likewise, of kSplitByte's second plane
  std::size_t rows;
  std::size_t columns;
  std::size_t first_group;
  std::size_t end_group;
  ActivationPanels x;
  float* y;  // y[m][row]
  std::size_t y_stride;
  std::uint8_t* strip;  // scratch for unpacked groups, 64-byte aligned
  std::size_t strip_bytes;
};

/// A gate product fused with an up product of the same shape: y = activate(gate) · up.
struct GateUpWork {
  MatmulWork up;
  PackedForm gate_form;
  const std::uint8_t* gate_weights;
  bool gelu;  // else silu
};

/// Bytes of one group unpacked: u8 quads, f32 scales and minimums (or i32 scales with kSuperSix) per block.
constexpr std::size_t strip_group_bytes(std::size_t columns) { return columns / kBlockColumns * (512 + 256); }

struct MatmulKernels {
  void (*quantize)(const float* x, std::size_t stride, std::size_t first, std::size_t end, const ActivationPanels& out);
  void (*matmul)(const MatmulWork& work);
  void (*gate_up)(const GateUpWork& work);
};
extern const MatmulKernels kMatmulScalar;
extern const MatmulKernels kMatmulAvx2;
extern const MatmulKernels kMatmulAvx512;

}  // namespace mnema

// inference/kernels/quantize_blocks.hpp
//
// f32 rows to the block types of GGUF files, the way back of `dequantize_row`: for files that are written, never on
// the way of a request. Round to nearest; the scale of a block is chosen from its extreme values alone, as the format's
// reference quantiser does without an importance matrix.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/kernels/quant_type.hpp"

namespace mnema {

/// Can `quantize_row` write this type? F32, F16, Q8_0, Q5_1, Q5_0, Q4_1, Q4_0.
[[nodiscard]] bool can_quantize_to(QuantType type);

/// No value beyond this: scales and F16 values are half floats.
constexpr float kQuantizeMax = 65504;

/// Writes `values` as one row of `type` to `out`, row_bytes(type, values.size()) bytes.
/// Preconditions: can_quantize_to(type); values.size() is a multiple of the type's block; |value| <= kQuantizeMax.
void quantize_row(QuantType type, std::span<const float> values, std::byte* out);

}  // namespace mnema

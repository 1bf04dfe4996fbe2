// inference/kernels/encoder_kernels.hpp
//
// What a BERT encoder does between its matrix products: attention of a text's tokens to all of its tokens, and the two
// elementwise steps, each with the bias of the product before it.
//
// Contract: a row's result has the same bits in every batch and however its text is cut into calls; the instruction
//           sets agree within tolerance. `encoder_kernels_scalar.cpp` is the definition.
// Threads:  pure functions over the caller's memory.
// Plain data and functions only: the files that implement it are compiled for one instruction set each.
#pragma once

#include <cstddef>

namespace mnema {

enum class InstructionSet;

inline constexpr std::size_t kTextHeadDim = 32;  // of the MiniLM family
inline constexpr std::size_t kTextKeysMultiple = 16;

/// One head of one text. All arrays f32; rows of query, key, value are `stride` floats apart.
struct TextAttention {
  const float* query;       // [tokens, kTextHeadDim] of the text's first token
  const float* key;         // the same; without its bias, which adds the same to all scores of a query: nothing
  const float* value;       // the same
  const float* query_bias;  // [kTextHeadDim]
  const float* value_bias;  // [kTextHeadDim]
  std::size_t stride;
  std::size_t tokens;  // of the text
  std::size_t first;   // queries first..end-1 are computed; first < end
  std::size_t end;
};

/// Floats that attend_text needs beside its result.
[[nodiscard]] constexpr std::size_t text_attention_scratch_floats(std::size_t tokens) {
  constexpr std::size_t kScoreRowsMax = 8;
  return (tokens + kTextKeysMultiple - 1) / kTextKeysMultiple * kTextKeysMultiple * (kTextHeadDim + kScoreRowsMax);
}

/// The functions of one instruction set.
struct EncoderKernels {
  /// out[t] = softmax((query[t] + query_bias) · key / √kTextHeadDim) · value + value_bias, rows of `out` (that of the
  /// text's first token) `out_stride` floats apart.
  void (*attend_text)(const TextAttention& text, float* scratch, float* out, std::size_t out_stride);

  /// x = (s − mean(s)) / √(variance(s) + epsilon) · weight + bias, of s = x + y + y_bias.
  void (*add_and_norm)(float* x, const float* y, const float* y_bias, const float* weight, const float* bias,
                       float epsilon, std::size_t n);

  /// x = gelu(x + bias), gelu(s) = s/2 · (1 + erf(s/√2)).
  void (*add_and_gelu)(float* x, const float* bias, std::size_t n);
};

[[nodiscard]] const EncoderKernels& encoder_kernels(InstructionSet isa);

}  // namespace mnema

// inference/kernels/elementwise.hpp
//
// What a transformer does between its matrix products, one row at a time.
//
// Contract: a row's result has the same bits in every batch (one row, one fixed order of operations); the instruction
//           sets agree within tolerance. `elementwise_scalar.cpp` is the definition.
// Threads:  pure functions over the caller's memory.
// Plain data and functions only: the files that implement it are compiled for one instruction set each.
#pragma once

#include <cstddef>

namespace mnema {

enum class InstructionSet;

inline constexpr std::size_t kMaximaWidth = 16;

/// How RoPE pairs dimensions: neighbours (2i, 2i+1) as llama's converted weights have them, or halves (i, i + n/2).
enum class RopePairing { kNeighbours, kHalves };

/// The functions of one instruction set. All arrays f32; `out` may be the same as the input.
struct ElementwiseKernels {
  /// out = x / sqrt(mean(x²) + epsilon) · weight
  void (*rms_norm)(const float* x, const float* weight, float epsilon, float* out, std::size_t n);

  /// x += y
  void (*add)(float* x, const float* y, std::size_t n);

  /// x *= factor
  void (*scale)(float* x, float factor, std::size_t n);

  /// Rotates the first 2·pairs dimensions of `head` by the angles given as cosines and sines [pairs].
  void (*rope)(float* head, const float* cosines, const float* sines, std::size_t pairs, RopePairing pairing);

  /// x = H·x / √n, the Walsh–Hadamard transform, n a power of two: a rotation that spreads single large values over
  /// all.
  void (*spread)(float* x, std::size_t n);

  /// x = cap · tanh(x / cap)
  void (*soft_cap)(float* x, float cap, std::size_t n);

  /// out[i] = the largest of x[16·i .. 16·i + 15], −∞ if they are all NaN; the last may have fewer.
  void (*maxima)(const float* x, std::size_t n, float* out);
};

[[nodiscard]] const ElementwiseKernels& elementwise_kernels(InstructionSet isa);

}  // namespace mnema

// memory/vector/distance.hpp
//
// Inner products, the only arithmetic of vector search. The scalar functions are the definition; the wide ones give
// the same integer, and the same float up to the order of summation.
//
// Threads: pure functions; the choice is made once, on first use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mnema {

inline constexpr std::size_t kBitPlanes = 4;

struct DistanceKernels {
  const char* name;
  /// sum of a[i] * b[i]; no alignment asked.
  float (*dot_f32)(const float* a, const float* b, std::size_t count);
  /// The same over int8, exact in int32 for count <= 131,072 (127 * 127 * 2^17 < 2^31).
  std::int32_t (*dot_i8)(const std::int8_t* a, const std::int8_t* b, std::size_t count);
  /// The same of `a` with each of four.
  void (*dot_i8_with_four)(const std::int8_t* a, const std::int8_t* const* four, std::size_t count, std::int32_t* out);
  /// The sum of those codes whose bit is set in `bits`; bit k of code i is bit i of planes[k].  planes: [4, words]
  std::int32_t (*dot_bit_planes)(const std::uint64_t* planes, const std::uint64_t* bits, std::size_t words);
};

/// The fastest that this machine has.
[[nodiscard]] const DistanceKernels& distance_kernels();

/// All that this machine can run, scalar first. For tests and benchmarks.
[[nodiscard]] std::vector<const DistanceKernels*> available_distance_kernels();

}  // namespace mnema

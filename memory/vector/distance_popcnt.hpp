// memory/vector/distance_popcnt.hpp
//
// The comparison of bits for processors that count those of a word in one instruction, which the scalar build may not
// use. distance_avx2.cpp and distance_avx512.cpp include it, each compiled for its own instruction set.
#pragma once

#include <immintrin.h>

#include "memory/vector/distance.hpp"

namespace mnema {
namespace {

std::int32_t dot_bit_planes(const std::uint64_t* planes, const std::uint64_t* bits, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < words; ++i) {
    for (std::size_t plane = 0; plane < kBitPlanes; ++plane) {
      sum += static_cast<std::uint64_t>(_mm_popcnt_u64(planes[plane * words + i] & bits[i])) << plane;
    }
  }
  return static_cast<std::int32_t>(sum);
}

}  // namespace
}  // namespace mnema

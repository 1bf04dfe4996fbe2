// inference/kernels/half.hpp
//
// IEEE 754 half precision for code compiled without F16C: the scalar kernels' way from and to f16.
#pragma once

#include <bit>
#include <cstdint>

namespace mnema {

/// Exact.
[[nodiscard]] constexpr float f32_from_f16(std::uint16_t half) {
  std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  std::uint32_t exponent = (half >> 10) & 0x1fU, mantissa = half & 0x3ffU;
  if (exponent == 0) {  // zero or subnormal: mantissa · 2⁻²⁴
    float size = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(size) | sign);
  }
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | mantissa << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

/// Rounds to nearest, ties to even, as the hardware does; too large becomes infinity.
[[nodiscard]] constexpr std::uint16_t f16_from_f32(float x) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  std::uint32_t sign = (bits >> 16) & 0x8000U, size = bits & 0x7fffffffU;
  if (size > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);   // NaN
  if (size >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // rounds beyond 65504
  if (size < 0x38800000U) {                                                    // subnormal half
    // Adding 0.5 aligns the mantissa so that the addition itself rounds to 2⁻²⁴.
    float shifted = std::bit_cast<float>(size) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  std::uint32_t rounded = size + 0xfffU + ((size >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

}  // namespace mnema

// inference/kernels/quant_type.hpp
//
// The tensor types of GGUF files, with their numbers (frozen by that format; source: ggml's docs/gguf.md) and sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mnema {

enum class QuantType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
};

struct QuantTraits {
  std::string_view name;  // "Q4_K"
  int block_values = 0;   // values per block; 0 = type not supported
  int block_bytes = 0;
};

/// Traits of `type`, block_values == 0 where this build cannot read it.
[[nodiscard]] QuantTraits traits_of(QuantType type);

/// Bytes of one row of `columns` values. Precondition: columns is a multiple of block_values.
[[nodiscard]] std::size_t row_bytes(QuantType type, std::size_t columns);

}  // namespace mnema

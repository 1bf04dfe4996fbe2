// tests/inference/kernels/random_rows.hpp
//
// Weights of every type as a file could hold them: any integers, scales of a sensible size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "inference/kernels/quant_type.hpp"

namespace mnema::testing {

/// Where the f16 numbers of a block stand; empty: the block is one float.
inline std::vector<std::size_t> half_offsets(QuantType type) {
  switch (type) {
    case QuantType::kQ4_1:
    case QuantType::kQ5_1:
    case QuantType::kQ4_K:
    case QuantType::kQ5_K:
      return {0, 2};
    case QuantType::kQ2_K:
      return {80, 82};
    case QuantType::kQ3_K:
      return {108};
    case QuantType::kQ6_K:
      return {208};
    case QuantType::kF32:
    case QuantType::kF16:
    case QuantType::kBF16:
      return {};
    default:
      return {0};
  }
}

/// `exponent`: scales are 2^(exponent − 15) to 2^(exponent − 12), of either sign. Floats are normal, times the same.
inline std::vector<std::byte> random_rows(QuantType type, std::size_t rows, std::size_t columns, std::mt19937& random,
                                          unsigned exponent = 8) {
  const QuantTraits traits = traits_of(type);
  std::vector<std::byte> bytes(rows * row_bytes(type, columns));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 255U);
  const auto half = [&] {
    return static_cast<std::uint16_t>((random() & 1U) << 15 | (exponent + random() % 3) << 10 | random() % 1024);
  };
  const std::vector<std::size_t> halves = half_offsets(type);
  for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(traits.block_bytes)) {
    for (const std::size_t offset : halves) {
      const std::uint16_t bits = half();
      std::memcpy(&bytes[at + offset], &bits, 2);
    }
    if (!halves.empty()) continue;
    const std::uint16_t bits = half();
    const float value = std::normal_distribution<float>()(random) * static_cast<float>(1U << exponent) / 256;
    if (type == QuantType::kF16) std::memcpy(&bytes[at], &bits, 2);
    if (type == QuantType::kF32) std::memcpy(&bytes[at], &value, 4);
    if (type == QuantType::kBF16) std::memcpy(&bytes[at], reinterpret_cast<const char*>(&value) + 2, 2);
  }
  return bytes;
}

}  // namespace mnema::testing
